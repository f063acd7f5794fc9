package rpc

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"

	"connectrpc.com/connect"
)

// drainAtMost is how much of a body that is too large is read away, so that its
// sender hears the answer instead of a broken connection.
const drainAtMost = 16 << 20

// LimitBody cuts a single call's body off just beyond what the codecs look at,
// so that they say what is wrong with it, in the shape of every other error.
// Streams are limited message by message, by connect.
func LimitBody(r *http.Request) {
	if r.Body != nil && r.Body != http.NoBody && !Streams(r) {
		body := &limitedBody{ReadCloser: r.Body, left: maxMessage + 1}
		if r.Header.Get("Content-Encoding") == "" {
			body.read = &readBuffers{}
		}
		r.Body = body
	}
}

// Streams says whether a request may be answered for minutes.
func Streams(r *http.Request) bool {
	ct := r.Header.Get("Content-Type")
	return strings.HasPrefix(ct, "application/connect+") || strings.HasPrefix(ct, "application/grpc")
}

type limitedBody struct {
	io.ReadCloser
	left int64
	// read is nil for a compressed body, which is read into a buffer that its
	// reader comes back to.
	read *readBuffers
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		if _, err := io.CopyN(io.Discard, b.ReadCloser, drainAtMost); err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		return 0, io.EOF
	}
	if b.read != nil {
		b.read.begin(p)
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if b.read != nil && n > 0 {
		b.read.got(p[:n])
	}
	return n, err
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
