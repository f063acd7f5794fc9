package server_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// answer is what came back, whatever it was.
type answer struct {
	status int
	header http.Header
	body   []byte
	// Of an error:
	code      string
	message   string
	reason    string
	meta      map[string]string
	fields    []string
	requestID string
	retry     time.Duration
}

const (
	asJSON  = "application/json"
	asProto = "application/proto"
)

// rpc calls "Service/Method" with JSON.
func (w *world) rpc(token, procedure string, msg proto.Message) answer {
	w.t.Helper()
	return w.call(token, procedure, msg, asJSON)
}

func (w *world) call(token, procedure string, msg proto.Message, contentType string) answer {
	w.t.Helper()
	var raw []byte
	var err error
	if strings.HasSuffix(contentType, "json") {
		raw, err = protojson.Marshal(msg)
	} else {
		raw, err = proto.Marshal(msg)
	}
	require.NoError(w.t, err)
	return w.post(token, procedure, contentType, raw)
}

// post sends any bytes; to a stream it sends them as its one message.
func (w *world) post(token, procedure, contentType string, raw []byte, headers ...string) answer {
	w.t.Helper()
	streaming := strings.HasSuffix(procedure, "/WatchWorkspace")
	if streaming {
		contentType = strings.Replace(contentType, "application/", "application/connect+", 1)
		raw = envelope(0, raw)
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url+"/cloudhub.v1."+procedure, bytes.NewReader(raw))
	require.NoError(w.t, err)
	req.Header.Set("Content-Type", contentType)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := w.client.Do(req)
	require.NoError(w.t, err)
	defer res.Body.Close()
	a := answer{status: res.StatusCode, header: res.Header}
	if streaming && res.StatusCode == http.StatusOK {
		a.body, err = firstFrame(res.Body)
	} else {
		a.body, err = io.ReadAll(res.Body)
	}
	require.NoError(w.t, err)
	a.parse(w.t)
	return a
}

func envelope(flags byte, raw []byte) []byte {
	out := binary.BigEndian.AppendUint32([]byte{flags}, uint32(len(raw)))
	return append(out, raw...)
}

// firstFrame is the error of a stream that was refused, or its first message.
func firstFrame(r io.Reader) ([]byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	body := make([]byte, binary.BigEndian.Uint32(head[1:]))
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, err
	}
	if head[0]&2 == 0 {
		return body, nil
	}
	var end struct {
		Error json.RawMessage `json:"error"`
	}
	err := json.Unmarshal(body, &end)
	if end.Error == nil {
		return []byte("{}"), err
	}
	return end.Error, err
}

func (a *answer) parse(t testing.TB) {
	t.Helper()
	var e struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Details []struct{ Type, Value string }
	}
	if json.Unmarshal(a.body, &e) != nil || e.Code == "" {
		return
	}
	a.code, a.message = e.Code, e.Message
	seen := map[string]bool{}
	for _, d := range e.Details {
		require.False(t, seen[d.Type], "the detail %s comes twice: %s", d.Type, a.body)
		seen[d.Type] = true
		raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(d.Value, "="))
		require.NoError(t, err)
		a.detail(t, d.Type, raw)
	}
}

func (a *answer) detail(t testing.TB, name string, raw []byte) {
	t.Helper()
	switch name {
	case "google.rpc.ErrorInfo":
		info := &errdetails.ErrorInfo{}
		require.NoError(t, proto.Unmarshal(raw, info))
		require.Equal(t, "cloudhub", info.GetDomain())
		a.reason, a.meta = info.GetReason(), info.GetMetadata()
	case "google.rpc.RequestInfo":
		info := &errdetails.RequestInfo{}
		require.NoError(t, proto.Unmarshal(raw, info))
		a.requestID = info.GetRequestId()
	case "google.rpc.BadRequest":
		bad := &errdetails.BadRequest{}
		require.NoError(t, proto.Unmarshal(raw, bad))
		for _, f := range bad.GetFieldViolations() {
			a.fields = append(a.fields, f.GetField())
		}
	case "google.rpc.RetryInfo":
		retry := &errdetails.RetryInfo{}
		require.NoError(t, proto.Unmarshal(raw, retry))
		a.retry = retry.GetRetryDelay().AsDuration()
	default:
		t.Errorf("an error has the detail %s", name)
	}
}

// withoutID is the body as it is for everyone: the request id taken out.
func (a answer) withoutID(t testing.TB) string {
	t.Helper()
	raw, err := proto.Marshal(&errdetails.RequestInfo{RequestId: a.requestID})
	require.NoError(t, err)
	return strings.NewReplacer(base64.RawStdEncoding.EncodeToString(raw), "ID", a.requestID, "ID").Replace(string(a.body))
}

func (a answer) isOK() bool { return a.status == http.StatusOK && a.code == "" }

func (a answer) ok(t testing.TB) {
	t.Helper()
	require.True(t, a.isOK(), "%d %s", a.status, a.body)
}

func (a answer) refused(t testing.TB, reason string) {
	t.Helper()
	require.Equal(t, reason, a.reason, "%d %s", a.status, a.body)
}

func (a answer) into(t testing.TB, m proto.Message) {
	t.Helper()
	require.NoError(t, protojson.Unmarshal(a.body, m), string(a.body))
}

// outcome is "ok" or the reason.
func (a answer) outcome() string {
	if a.isOK() {
		return "ok"
	}
	if a.reason == "" {
		return "no reason: " + http.StatusText(a.status)
	}
	return a.reason
}

// cookie is the refresh token that was set, or "".
func (a answer) cookie() string { return a.cookieNamed("rt") }

func (a answer) cookieNamed(name string) string {
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if c.Name == name || c.Name == "__Host-"+name {
			return c.Value
		}
	}
	return ""
}

// get calls fn's rpc and decodes its answer.
func get[T proto.Message](w *world, token, procedure string, msg proto.Message, out T) T {
	w.t.Helper()
	a := w.rpc(token, procedure, msg)
	a.ok(w.t)
	a.into(w.t, out)
	return out
}
