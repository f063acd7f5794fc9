package rpc

import (
	"bytes"
	"context"
	"net"
	"sync"
	"unsafe"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	cloudhubv1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
)

// A secret that a request brought is not to lie about in memory once the request
// is over: whoever reads the memory later (a core, a debugger, a bug that answers
// with what a buffer held before) finds none. The copies, and who overwrites
// them: the fields of the message, wipe; the body, the codecs, and while it is
// being read, limitedBody; the connection's read buffer, Conn. Streams, HTTP/2
// and compressed bodies have copies in buffers of the libraries that nobody can
// reach: those are overwritten by what comes next.

// holdsSecrets says whether a message can carry a field that the contract marks
// as sensitive.
func holdsSecrets(m protoreflect.MessageDescriptor) bool {
	if known, ok := secretive.Load(m.FullName()); ok {
		return known == true
	}
	found := looksSecret(m, map[protoreflect.FullName]bool{})
	secretive.Store(m.FullName(), found)
	return found
}

// secretive remembers what the contract says, which never changes.
var secretive sync.Map // of protoreflect.FullName to bool

func looksSecret(m protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) bool {
	if seen[m.FullName()] {
		return false
	}
	seen[m.FullName()] = true
	for i := range m.Fields().Len() {
		fd := m.Fields().Get(i)
		if sensitive(fd) || fd.Message() != nil && looksSecret(fd.Message(), seen) {
			return true
		}
	}
	return false
}

func sensitive(fd protoreflect.FieldDescriptor) bool {
	options, ok := fd.Options().(*descriptorpb.FieldOptions)
	return ok && proto.GetExtension(options, cloudhubv1.E_Sensitive) == true
}

// wipe overwrites the sensitive fields of a message that one of our codecs
// decoded, and empties them. Nothing may use their text afterwards.
func wipe(ctx context.Context, m proto.Message) {
	if m == nil || !holdsSecrets(m.ProtoReflect().Descriptor()) {
		return
	}
	conn, _ := ctx.Value(connKey{}).(*Conn)
	wipeFields(m.ProtoReflect(), conn)
}

func wipeFields(m protoreflect.Message, conn *Conn) {
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.IsMap():
		case fd.Message() != nil && fd.IsList():
			for i := range v.List().Len() {
				wipeFields(v.List().Get(i).Message(), conn)
			}
		case fd.Message() != nil:
			wipeFields(v.Message(), conn)
		case sensitive(fd) && fd.IsList():
			for i := range v.List().Len() {
				wipeValue(fd, v.List().Get(i), conn)
			}
			m.Clear(fd)
		case sensitive(fd):
			wipeValue(fd, v, conn)
			m.Clear(fd)
		}
		return true
	})
}

func wipeValue(fd protoreflect.FieldDescriptor, v protoreflect.Value, conn *Conn) {
	var text []byte
	switch fd.Kind() {
	case protoreflect.BytesKind:
		text = v.Bytes()
	case protoreflect.StringKind:
		// The decoders made this string and nobody else has it. One byte is too
		// little to be a secret, and the runtime shares such strings.
		if s := v.String(); len(s) > 1 {
			text = unsafe.Slice(unsafe.StringData(s), len(s))
		}
	default:
		return
	}
	conn.wipe(text)
	clear(text)
}

// readBuffers overwrites what a growing buffer leaves behind: bytes.Buffer reads
// on behind what it has, and when that no longer fits, goes on in a larger array
// and leaves the old one as it is.
type readBuffers struct{ behind [][]byte }

// begin is called with where the next bytes will go.
func (r *readBuffers) begin(p []byte) {
	if len(r.behind) == 0 || len(p) == 0 {
		return
	}
	last := r.behind[len(r.behind)-1]
	if n := len(last); cap(last) > n && &last[:n+1][n] == &p[0] {
		return
	}
	for _, old := range r.behind {
		clear(old)
	}
	r.behind = r.behind[:0]
}

func (r *readBuffers) got(p []byte) { r.behind = append(r.behind, p) }

// Conn is a connection whose read buffer can be searched for what must not stay
// in it.
type Conn struct {
	net.Conn
	once   sync.Once
	buffer []byte
}

// Read remembers where the first bytes go: net/http reads a connection through
// one buffer, and all of it is offered at first.
func (c *Conn) Read(p []byte) (int, error) {
	c.once.Do(func() { c.buffer = p[:cap(p)] })
	return c.Conn.Read(p)
}

// wipe overwrites a text in the read buffer. The handler of an HTTP/1 request is
// the only one to use it meanwhile.
func (c *Conn) wipe(text []byte) {
	if c == nil || len(text) < 2 {
		return
	}
	for rest := c.buffer; ; {
		i := bytes.Index(rest, text)
		if i < 0 {
			return
		}
		clear(rest[i : i+len(text)])
		rest = rest[i+len(text):]
	}
}

// Listener makes each of its connections a *Conn.
type Listener struct{ net.Listener }

// Accept waits for the next connection.
func (l Listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &Conn{Conn: c}, nil
}

type connKey struct{}

// WithConn gives requests of a connection the way to its read buffer. It is for
// HTTP/1 alone: of HTTP/2 other requests use the same buffer at the same time.
func WithConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// WithoutConn takes the way away again.
func WithoutConn(ctx context.Context) context.Context {
	return context.WithValue(ctx, connKey{}, (*Conn)(nil))
}
