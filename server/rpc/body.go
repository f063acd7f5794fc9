package rpc

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"

	"connectrpc.com/connect"

	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
)

// drainAtMost is how much of a body that is too large is read away, so that its
// sender hears the answer instead of a broken connection.
const drainAtMost = 16 << 20

// Guard stands before connect, which answers what it cannot read with errors
// that have no reason, some of them "internal". What is wrong with a request's
// envelope, its length, its encoding or its pace is noted in its caller instead,
// and connect is given a message that does not decode; the interceptor says what
// it was, after the caller is known (internal/adr/0004). The contract has no rpc
// that takes more than one message.
//
// arrived is called once, when the body has been read to its end.
func Guard(r *http.Request, caller *Caller, arrived func()) {
	enveloped := Streams(r)
	name := "Content-Encoding"
	switch {
	case strings.HasPrefix(r.Header.Get("Content-Type"), "application/connect+"):
		name = "Connect-Content-Encoding"
	case enveloped:
		name = "Grpc-Encoding"
	}
	encoding := r.Header.Get(name)
	if encoding != "" && encoding != "identity" && encoding != "gzip" {
		caller.unread = rpcerr.ReasonValidation
		r.Header.Del(name)
	}
	for name, form := range forms {
		if v := r.Header.Get(name); v != "" && !form.MatchString(v) {
			caller.unread = rpcerr.ReasonValidation
			r.Header.Del(name)
		}
	}
	if r.Body == nil || r.Body == http.NoBody {
		if !enveloped {
			return
		}
		r.Body = http.NoBody
	}
	body := guardedBody{ReadCloser: r.Body, caller: caller, arrived: arrived}
	if enveloped {
		r.Body = &envelopedBody{guardedBody: body, gzip: encoding == "gzip"}
	} else {
		plain := &plainBody{guardedBody: body, left: maxMessage + 1}
		if encoding == "" {
			plain.read = &readBuffers{}
		}
		r.Body = plain
	}
}

// forms are of headers that connect minds.
var forms = map[string]*regexp.Regexp{
	"Connect-Timeout-Ms":       regexp.MustCompile(`^\d{1,10}$`),
	"Grpc-Timeout":             regexp.MustCompile(`^\d{1,8}[HMSmun]$`),
	"Connect-Protocol-Version": regexp.MustCompile(`^1$`),
}

// Streams says whether a request's messages come in envelopes, and so whether it
// may be answered for minutes.
func Streams(r *http.Request) bool {
	ct := r.Header.Get("Content-Type")
	return strings.HasPrefix(ct, "application/connect+") || strings.HasPrefix(ct, "application/grpc")
}

// guardedBody is a request's body and what becomes known of it.
type guardedBody struct {
	io.ReadCloser
	caller  *Caller
	arrived func()
}

// end is the end of what is given to connect: err says why reading stopped.
func (b *guardedBody) end(err error) error {
	if b.arrived != nil {
		b.arrived()
		b.arrived = nil
	}
	switch {
	case errors.Is(err, io.EOF):
		return io.EOF
	case errors.Is(err, os.ErrDeadlineExceeded):
		b.caller.unread = rpcerr.ReasonTooSlow
		return io.EOF
	default:
		return err // who sent it has gone
	}
}

// drain reads away what is more than anybody may send.
func (b *guardedBody) drain() error {
	if _, err := io.CopyN(io.Discard, b.ReadCloser, drainAtMost); err != nil {
		return b.end(err)
	}
	return b.end(io.EOF)
}

// plainBody cuts a single call's body off just beyond what the codecs look at,
// so that they say what is wrong with it, in the shape of every other error.
type plainBody struct {
	guardedBody
	left int64
	// read is nil for a compressed body, which is read into a buffer that its
	// reader comes back to.
	read *readBuffers
}

func (b *plainBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, b.drain()
	}
	if b.read != nil {
		b.read.begin(p)
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if b.read != nil && n > 0 {
		b.read.got(p[:n])
	}
	if err != nil {
		err = b.end(err)
	}
	return n, err
}

// envelopedBody gives connect one envelope that it can read: the request's, or
// one of a message that does not decode.
type envelopedBody struct {
	guardedBody
	gzip bool
	text *bytes.Reader
}

const (
	prefixLength   = 5
	flagCompressed = 1
)

func (b *envelopedBody) Read(p []byte) (int, error) {
	if b.text == nil {
		envelope, err := b.read()
		if err != nil {
			return 0, err
		}
		b.text = bytes.NewReader(envelope)
	}
	return b.text.Read(p)
}

// read takes the whole request in. Errors: only that its sender has gone.
func (b *envelopedBody) read() ([]byte, error) {
	var prefix [prefixLength]byte
	if _, err := io.ReadFull(b.ReadCloser, prefix[:]); err != nil {
		return b.refuse(rpcerr.ReasonValidation, err)
	}
	size := int64(binary.BigEndian.Uint32(prefix[1:]))
	if size > maxMessage {
		return b.refuse(rpcerr.ReasonTooLarge, b.drain())
	}
	var out bytes.Buffer
	out.Write(prefix[:])
	if n, err := io.CopyN(&out, b.ReadCloser, size); n < size {
		return b.refuse(rpcerr.ReasonValidation, err)
	}
	if n, err := io.CopyN(io.Discard, b.ReadCloser, 1); n > 0 {
		return b.refuse(rpcerr.ReasonValidation, b.drain())
	} else if !errors.Is(err, io.EOF) {
		return b.refuse(rpcerr.ReasonValidation, err)
	}
	if flags := prefix[0]; flags != 0 && (flags != flagCompressed || !b.gzip) {
		return b.refuse(rpcerr.ReasonValidation, io.EOF)
	}
	return out.Bytes(), b.ended(io.EOF)
}

func (b *envelopedBody) refuse(why rpcerr.Reason, err error) ([]byte, error) {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	b.caller.unread = why
	return append([]byte{0, 0, 0, 0, byte(len(unreadable))}, unreadable...), b.ended(err)
}

// ended is end, for which the end of a body is no error.
func (b *envelopedBody) ended(err error) error {
	if err = b.end(err); errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// unreadable decodes to nothing, in JSON and in binary.
var unreadable = bytes.Repeat([]byte{0xff}, 16)

// gunzip never fails, as the codecs never do: what is no gzip becomes what is no
// message, and of what is too large, so much is unpacked that the codecs see it.
type gunzip struct {
	gz   gzip.Reader
	text bytes.Reader
}

func newGunzip() connect.Decompressor { return &gunzip{} }

func (g *gunzip) Reset(r io.Reader) error {
	var out bytes.Buffer
	err := g.gz.Reset(r)
	if err == nil {
		_, err = out.ReadFrom(io.LimitReader(&g.gz, maxMessage+1))
	}
	if err != nil {
		g.text.Reset(unreadable)
		return nil
	}
	g.text.Reset(out.Bytes())
	return nil
}

func (g *gunzip) Read(p []byte) (int, error) { return g.text.Read(p) }

func (g *gunzip) Close() error { return nil }

func newGzip() connect.Compressor { return gzip.NewWriter(io.Discard) }
