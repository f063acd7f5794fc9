package server_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"

	"connectrpc.com/connect"
)

// wire is one way to say a message over HTTP.
type wire struct {
	contentType string
	enveloped   bool
}

func (k wire) json() bool { return strings.HasSuffix(k.contentType, "json") }

// encodingHeader names the header that says how a message is packed.
func (k wire) encodingHeader() string {
	switch {
	case strings.HasPrefix(k.contentType, "application/connect+"):
		return "Connect-Content-Encoding"
	case k.enveloped:
		return "Grpc-Encoding"
	default:
		return "Content-Encoding"
	}
}

// wires are the forms that a rpc is answered in.
func wires(m method) []wire {
	out := []wire{{"application/grpc", true}, {"application/grpc+proto", true}, {"application/grpc+json", true}, {"application/grpc-web", true}, {"application/grpc-web+json", true}}
	if m.desc.IsStreamingServer() {
		return append(out, wire{"application/connect+json", true}, wire{"application/connect+proto", true})
	}
	return append(out, wire{asJSON, false}, wire{asProto, false})
}

// said is what an answer of any protocol comes to.
type said struct {
	status int
	code   connect.Code // 0 is ok
	text   string
	reason bool // it carries google.rpc.ErrorInfo
}

// hear reads an answer of any protocol, and of a stream the first message.
func hear(res *http.Response) (said, error) {
	s := said{status: res.StatusCode}
	kind := res.Header.Get("Content-Type")
	switch {
	case strings.HasPrefix(kind, "application/grpc-web"):
		return s.hearFrames(res, func(trailer []byte) {
			h, _ := textproto.NewReader(bufio.NewReader(io.MultiReader(bytes.NewReader(trailer), strings.NewReader("\r\n")))).ReadMIMEHeader()
			s.grpc(http.Header(h))
		})
	case strings.HasPrefix(kind, "application/grpc"):
		out, err := s.hearFrames(res, nil)
		if out.code == 0 && err == nil {
			out.grpc(res.Trailer)
		}
		return out, err
	case strings.HasPrefix(kind, "application/connect+"):
		return s.hearFrames(res, func(end []byte) {
			var e struct{ Error json.RawMessage }
			if json.Unmarshal(end, &e) == nil {
				s.connect(e.Error)
			}
		})
	}
	body, err := io.ReadAll(res.Body)
	s.text = string(body)
	if res.StatusCode != http.StatusOK {
		s.connect(body)
	}
	return s, err
}

// hearFrames reads envelopes until a message or the end.
func (s *said) hearFrames(res *http.Response, end func([]byte)) (said, error) {
	s.grpc(res.Header)
	for s.code == 0 {
		var head [5]byte
		if _, err := io.ReadFull(res.Body, head[:]); err != nil {
			if err == io.EOF {
				err = nil
			}
			return *s, err
		}
		body := make([]byte, binary.BigEndian.Uint32(head[1:]))
		if _, err := io.ReadFull(res.Body, body); err != nil {
			return *s, err
		}
		if head[0]&1 != 0 {
			z, err := gzip.NewReader(bytes.NewReader(body))
			if err != nil {
				return *s, err
			}
			if body, err = io.ReadAll(z); err != nil {
				return *s, err
			}
		}
		s.text += string(body)
		if head[0]&^1 != 0 {
			end(body)
			return *s, nil
		}
		if end != nil {
			return *s, nil // a message: it is answered
		}
	}
	return *s, nil
}

func (s *said) grpc(h http.Header) {
	if n, err := strconv.Atoi(h.Get("Grpc-Status")); err == nil && n != 0 {
		s.code, s.text = connect.Code(n), s.text+h.Get("Grpc-Message")
		s.reason = h.Get("Grpc-Status-Details-Bin") != ""
	}
}

func (s *said) connect(raw []byte) {
	var e struct {
		Code    connect.Code
		Details []struct{ Type string }
	}
	if len(raw) == 0 || json.Unmarshal(raw, &e) != nil {
		return
	}
	s.code = e.Code
	for _, d := range e.Details {
		s.reason = s.reason || d.Type == "google.rpc.ErrorInfo"
	}
}
