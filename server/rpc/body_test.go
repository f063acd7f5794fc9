package rpc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"os"
	"testing"
	"testing/iotest"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
)

func posted(contentType string, body io.Reader, headers ...string) *http.Request {
	r := &http.Request{Header: http.Header{"Content-Type": {contentType}}, Body: io.NopCloser(body)}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

func TestABodyIsCutOffAndReadAway(t *testing.T) {
	t.Parallel()
	source := bytes.NewReader(make([]byte, 3*maxMessage))
	arrived := 0
	r := posted("application/json", source)
	Guard(r, &Caller{}, func() { arrived++ })
	got, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.Len(t, got, maxMessage+1)
	require.Zero(t, source.Len(), "the rest is read away, so that the answer is heard")
	require.Equal(t, 1, arrived)
}

// Whoever sends without end is not read without end.
func TestABodyWithoutEndIsNotReadToIt(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{"application/json", "application/grpc", "application/connect+proto"} {
		read := &counting{}
		c := &Caller{}
		r := posted(contentType, read)
		Guard(r, c, nil)
		_, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.LessOrEqual(t, read.n, int64(drainAtMost+2*maxMessage+64<<10), contentType)
	}
}

// counting answers 0xff without end: an envelope of 4 GiB, and no message.
type counting struct{ n int64 }

func (c *counting) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 0xff
	}
	c.n += int64(len(p))
	return len(p), nil
}

func TestABodyThatIsLateOrWhoseSenderHasGone(t *testing.T) {
	t.Parallel()
	gone := errors.New("gone")
	for _, contentType := range []string{"application/json", "application/proto", "application/grpc", "application/connect+json"} {
		for _, sent := range []string{"", "{", "\x00\x00\x00\x00", "\x00\x00\x00\x00\x02{"} {
			c := &Caller{}
			r := posted(contentType, io.MultiReader(bytes.NewReader([]byte(sent)), iotest.ErrReader(os.ErrDeadlineExceeded)))
			Guard(r, c, nil)
			_, err := io.ReadAll(r.Body)
			require.NoError(t, err, "it is the interceptor that says so")
			require.Equal(t, rpcerr.ReasonTooSlow, c.unread, "%s %q", contentType, sent)
			r = posted(contentType, io.MultiReader(bytes.NewReader([]byte(sent)), iotest.ErrReader(gone)))
			Guard(r, c, nil)
			_, err = io.ReadAll(r.Body)
			require.ErrorIs(t, err, gone)
		}
	}
}

func TestHeadersThatNobodyKnows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ contentType, header, value string }{
		{"application/json", "Content-Encoding", "br"}, {"application/grpc", "Grpc-Encoding", "snappy"}, {"application/connect+proto", "Connect-Content-Encoding", "x"},
		{"application/json", "Connect-Timeout-Ms", "-1"}, {"application/json", "Connect-Timeout-Ms", "99999999999"}, {"application/json", "Connect-Timeout-Ms", "1s"},
		{"application/grpc", "Grpc-Timeout", "1"}, {"application/grpc", "Grpc-Timeout", "-1S"}, {"application/grpc-web", "Grpc-Timeout", "1e9S"},
		{"application/json", "Connect-Protocol-Version", "2"},
	} {
		caller := &Caller{}
		r := posted(c.contentType, bytes.NewReader([]byte("{}")), c.header, c.value)
		Guard(r, caller, nil)
		require.Equal(t, rpcerr.ReasonValidation, caller.unread, c.value)
		require.Empty(t, r.Header.Get(c.header), "connect does not meet it")
	}
	for _, c := range []struct{ contentType, header, value string }{
		{"application/json", "Content-Encoding", "gzip"}, {"application/json", "Content-Encoding", "identity"}, {"application/grpc", "Grpc-Encoding", "gzip"},
		{"application/json", "Connect-Timeout-Ms", "10000"}, {"application/grpc", "Grpc-Timeout", "10S"},
	} {
		caller := &Caller{}
		r := posted(c.contentType, bytes.NewReader([]byte("\x00\x00\x00\x00\x00")), c.header, c.value)
		Guard(r, caller, nil)
		_, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.Empty(t, caller.unread, c.value)
		require.Equal(t, c.value, r.Header.Get(c.header))
	}
}

// Whatever is sent in place of an envelope: connect gets one that it can read, the
// request's own or one that is no message, and the reason is noted.
func FuzzEnvelope(f *testing.F) {
	for _, s := range []string{
		"", "\x00", "\x00\x00\x00\x00", "\x00\x00\x00\x00\x00", "\x00\x00\x00\x00\x02{}", "\x00\x00\x00\x00\x03{}", "\x00\x00\x00\x00\x01{}",
		"\x01\x00\x00\x00\x02{}", "\x02\x00\x00\x00\x02{}", "\x80\x00\x00\x00\x02{}", "\xff\xff\xff\xff\xff", "\x00\x7f\xff\xff\xff", "\x00\x00\x10\x00\x01x",
		"\x00\x00\x00\x00\x02{}\x00\x00\x00\x00\x02{}", "\x00\x00\x00\x00\x02{}\x02\x00\x00\x00\x02{}",
	} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	f.Fuzz(func(t *testing.T, sent []byte, gzip bool) {
		c, arrived := &Caller{}, 0
		r := posted("application/grpc+proto", iotest.OneByteReader(bytes.NewReader(sent)))
		if gzip {
			r.Header.Set("Grpc-Encoding", "gzip")
		}
		Guard(r, c, func() { arrived++ })
		got, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.Equal(t, 1, arrived)
		require.GreaterOrEqual(t, len(got), prefixLength)
		require.Equal(t, len(got)-prefixLength, int(binary.BigEndian.Uint32(got[1:prefixLength])), "exactly one envelope")
		require.True(t, got[0] == 0 || got[0] == flagCompressed && gzip)
		whole := len(sent) >= prefixLength && len(sent)-prefixLength == int(binary.BigEndian.Uint32(sent[1:])) && (sent[0] == 0 || sent[0] == 1 && gzip)
		require.Equal(t, whole, c.unread == "")
		if whole {
			require.Equal(t, sent, got)
		} else {
			require.Equal(t, unreadable, got[prefixLength:])
		}
	})
}

func TestStreamsAreCountedByPersonAndAddress(t *testing.T) {
	t.Parallel()
	s := newStreams()
	a, b := &Caller{UserID: uuid.New(), Address: "192.0.2.1"}, &Caller{UserID: uuid.New(), Address: "192.0.2.1"}
	var leave []func()
	enter := func(c *Caller) error {
		l, err := s.enter(c)
		if err == nil {
			leave = append(leave, l)
		}
		return err
	}
	for range streamsPerPerson {
		require.NoError(t, enter(a))
	}
	err := enter(a)
	require.Equal(t, rpcerr.ReasonTooManyStreams, rpcerr.ReasonOf(err))
	require.NoError(t, enter(b), "somebody else goes on")
	leave[0]()
	require.NoError(t, enter(a), "one that ended makes room for one")
	require.Error(t, enter(a))
	for len(s.open) > 0 && s.open[addressKey(a.Address)] < streamsPerAddress {
		require.NoError(t, enter(&Caller{UserID: uuid.New(), Address: "192.0.2.1"}))
	}
	require.Error(t, enter(&Caller{UserID: uuid.New(), Address: "192.0.2.1"}), "an address is full")
	require.NoError(t, enter(&Caller{UserID: uuid.New(), Address: "192.0.2.2"}))
	for _, l := range leave[1:] {
		l()
	}
	require.Empty(t, s.open, "nothing is kept of who has left")
}
