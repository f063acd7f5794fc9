package server_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/cloudhub/cloudhub/server"
)

// garbage makes requests out of a seed: fields of the contract with values at
// their bounds and beyond, in encodings that are not quite right.
type garbage struct {
	*rand.Rand
	// own are ids of the caller's, by the name of the field: a request about
	// nobody's workspace gets no further than that.
	own map[string][]string
}

func newGarbage(seed uint64, own map[string][]string) garbage {
	return garbage{rand.New(rand.NewPCG(seed, 0x6761726261676531)), own}
}

func (g garbage) one(of ...string) string { return of[g.IntN(len(of))] }

// rarely is true one time in n.
func (g garbage) rarely(n int) bool { return g.IntN(n) == 0 }

// notUTF8 stands in a message for bytes that no string may hold: the encoder
// refuses them, so they are put in afterwards.
const notUTF8 = "@@NOT-UTF-8@@"

func (g garbage) text(name string) string {
	if own := g.own[strings.TrimSuffix(name, "s")]; len(own) > 0 && !g.rarely(8) {
		return g.one(own...)
	}
	return g.one("", " ", "x", uuid.NewString(), strings.ToUpper(uuid.NewString()), uuid.Nil.String(), strings.Repeat("x", 70_000), strings.Repeat("é", 300), "a\x00b", notUTF8,
		"'; DROP TABLE users; --", "%s%n%x", "../../etc/passwd", "${jndi:ldap://x}", "<script>", "\u202e\u0000\ufeff", "👩‍👩‍👧‍👦", "e\u0301\u0301\u0301", "\r\nSet-Cookie: a=b",
		"NaN", "-0", "1e999", "99999999999999999999", "24:00", "08:00", "America/Sao_Paulo", "Mars/Olympus", "2026-02-30", "true", "null", "{}", "ana@example.com", "name", "*", "\\", "\x7f\x1b[2J")
}

func (g garbage) number() int64 {
	return []int64{0, 1, -1, 2, 50, 501, math.MaxInt32, math.MinInt32, math.MaxInt64, math.MinInt64, 1 << 31, -1 << 40}[g.IntN(12)]
}

// message fills a message; depth bounds how far messages go into each other.
func (g garbage) message(md protoreflect.MessageDescriptor, depth int) protoreflect.Message {
	m := dynamicpb.NewMessage(md)
	for i := range md.Fields().Len() {
		fd := md.Fields().Get(i)
		keep := strings.HasSuffix(string(fd.Name()), "org_id") || fd.Name() == "workspace_id"
		if !keep && g.rarely(3) {
			continue
		}
		switch {
		case fd.IsMap():
			for range g.IntN(3) {
				m.Mutable(fd).Map().Set(protoreflect.ValueOfString(g.text("")).MapKey(), g.value(fd.MapValue(), depth))
			}
		case fd.IsList():
			n := []int{0, 1, 1, 2, 3, 60}[g.IntN(6)]
			if g.rarely(30) {
				n = 12_000
			}
			v := g.value(fd, depth)
			for range n {
				if n < 100 {
					v = g.value(fd, depth)
				}
				m.Mutable(fd).List().Append(v)
			}
		case fd.Message() == nil || depth > 0:
			m.Set(fd, g.value(fd, depth))
		}
	}
	if g.rarely(4) {
		unknown := protowire.AppendTag(nil, protowire.Number(100+g.IntN(1000)), protowire.BytesType)
		m.SetUnknown(protowire.AppendBytes(unknown, bytes.Repeat([]byte{0x0a}, g.IntN(300))))
	}
	return m
}

func (g garbage) value(fd protoreflect.FieldDescriptor, depth int) protoreflect.Value {
	n := g.number()
	switch fd.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(g.text(string(fd.Name())))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(g.text("")))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(n%2 == 0)
	case protoreflect.EnumKind:
		if g.rarely(3) {
			return protoreflect.ValueOfEnum(protoreflect.EnumNumber(n))
		}
		return protoreflect.ValueOfEnum(fd.Enum().Values().Get(g.IntN(fd.Enum().Values().Len())).Number())
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(int32(n))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(n))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(uint64(n))
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32([]float32{0, -1, float32(math.NaN()), float32(math.Inf(1)), math.MaxFloat32}[g.IntN(5)])
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64([]float64{0, -1, math.NaN(), math.Inf(-1), math.MaxFloat64}[g.IntN(5)])
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return protoreflect.ValueOfMessage(g.message(fd.Message(), depth-1))
	default:
		return protoreflect.ValueOfInt64(n)
	}
}

// encode makes bytes of a message, right or not quite.
func (g garbage) encode(m protoreflect.Message, asJSON bool) []byte {
	var raw []byte
	if asJSON {
		raw = g.json(m)
	} else {
		raw, _ = proto.Marshal(m.Interface())
		raw = bytes.ReplaceAll(raw, []byte(notUTF8), bytes.Repeat([]byte{0xff}, len(notUTF8)))
		if g.rarely(6) { // what is nested nowhere near its end
			deep := []byte{}
			for range 200 {
				deep = protowire.AppendBytes(protowire.AppendTag(nil, 7, protowire.BytesType), deep)
			}
			raw = append(raw, deep...)
		}
		if g.rarely(8) {
			raw = append(raw, bytes.Repeat([]byte{0x3b}, 20_000)...) // groups in groups
		}
	}
	switch {
	case len(raw) == 0:
	case g.rarely(10):
		raw = raw[:g.IntN(len(raw))]
	case g.rarely(10):
		raw[g.IntN(len(raw))] ^= byte(1 << g.IntN(8))
	}
	return raw
}

// json writes a message as JSON would have it, and as it would not: keys twice,
// lone halves of a pair, numbers beyond all numbers, lists without end.
func (g garbage) json(m protoreflect.Message) []byte {
	raw, err := protojson.MarshalOptions{AllowPartial: true}.Marshal(m.Interface())
	if err != nil {
		raw, _ = json.Marshal(loose(m))
	}
	raw = bytes.ReplaceAll(raw, []byte(notUTF8), []byte(g.one("\xff\xfe", `\ud800`, `\udc00\ud800`, `\u0000`, `\x`, "\x01")))
	if len(raw) < 2 || !g.rarely(3) {
		return raw
	}
	name := `"x"`
	if fields := m.Descriptor().Fields(); fields.Len() > 0 {
		name = fmt.Sprintf("%q", fields.Get(g.IntN(fields.Len())).JSONName())
	}
	more := g.one(name+`:1e999`, name+`:NaN`, name+`:-Infinity`, name+`:null`, name+`:"\ud800"`, name+`:[[[[]]]]`, name+`:{"x":{"x":{}}}`, name+`:`+strings.Repeat("[", 20_000),
		name+`:`+strings.Repeat(`{"a":`, 9_000), name+`:"1",`+name+`:2`, `"":0`, `"__proto__":{}`, name+`:0x10`, name+`:'x'`, name+`:1,`, `/* x */`)
	sep := ","
	if len(raw) == 2 {
		sep = ""
	}
	return append(raw[:len(raw)-1:len(raw)-1], sep+more+"}"...)
}

// loose is a message as a tree for encoding/json, whatever protojson thinks of it.
func loose(m protoreflect.Message) map[string]any {
	out := map[string]any{}
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.IsList() && fd.Message() != nil && v.List().Len() > 0:
			out[fd.JSONName()] = []any{loose(v.List().Get(0).Message())}
		case fd.IsList() || fd.IsMap():
			out[fd.JSONName()] = []any{fmt.Sprint(v.Interface())}
		case fd.Message() != nil:
			out[fd.JSONName()] = loose(v.Message())
		default:
			out[fd.JSONName()] = fmt.Sprint(v.Interface())
		}
		return true
	})
	return out
}

// frame puts a message into the form of a wire, or into nearly that.
func (g garbage) frame(t testing.TB, k wire, raw []byte) (body []byte, headers []string) {
	if g.rarely(8) {
		zip := zipped(t, raw)
		switch g.IntN(4) {
		case 0:
			zip = zipped(t, make([]byte, 16<<20))
		case 1:
			zip = zip[:g.IntN(len(zip))]
		case 2:
			zip = raw
		}
		headers = append(headers, k.encodingHeader(), g.one("gzip", "gzip", "gzip", "br", "identity", "gzip, gzip", "\t", strings.Repeat("z", 5000)))
		if !k.enveloped {
			return zip, headers
		}
		return envelope(1, zip), headers
	}
	if g.rarely(12) {
		headers = append(headers, g.one("Connect-Timeout-Ms", "Grpc-Timeout"), g.one("-1", "x", "1e9", "99999999999999999999", "", "1n", "10000", "100S", "0x1"))
	}
	if g.rarely(12) {
		headers = append(headers, g.one("Connect-Protocol-Version", "Accept-Encoding", "Connect-Accept-Encoding", "Grpc-Accept-Encoding", "User-Agent", "Content-Encoding"), g.one("2", "x", "br;q=9", strings.Repeat("y", 3000)))
	}
	if !k.enveloped {
		return raw, headers
	}
	out := envelope(0, raw)
	switch g.IntN(10) {
	case 0:
		binary.BigEndian.PutUint32(out[1:], uint32(g.number()))
	case 1:
		binary.BigEndian.PutUint32(out[1:], uint32(len(raw)+1-g.IntN(3)))
	case 2:
		out[0] = byte(g.IntN(256))
	case 3:
		out = append(out, out...)
	case 4:
		out = out[:g.IntN(len(out))]
	case 5:
		out = append(out, envelope(byte(2+g.IntN(200)), []byte("{}"))...)
	}
	return out, headers
}

// blame says what an answer to garbage has wrong about it; "" is nothing.
func (s said) blame() string {
	late := s.code == connect.CodeDeadlineExceeded // a timeout of the client's, or a trial that nobody answers
	switch {
	case s.code == connect.CodeInternal || s.code == connect.CodeUnknown || s.code == connect.CodeUnimplemented || s.code == connect.CodeDataLoss:
		return "the server's fault"
	case s.status >= 500 && !late:
		return "a status of the server's"
	case s.code == 0 && s.status != http.StatusOK && s.status != http.StatusUnsupportedMediaType:
		return "a status without a code"
	case s.code != 0 && !s.reason && !late:
		return "no reason"
	default:
		return ""
	}
}

// FuzzRPC sends generated garbage to every rpc of the contract, in every form
// that it is answered in, to the whole server over HTTP with its database. The
// seeds are each rpc several times; `make fuzz` goes on from there.
func FuzzRPC(f *testing.F) {
	all := methods()
	slices.SortFunc(all, func(a, b method) int { return strings.Compare(a.name, b.name) })
	const rounds = 12
	for i := range all {
		for seed := range uint64(rounds) {
			f.Add(uint16(i), seed, []byte(nil))
		}
		for _, raw := range []string{"{}", "\x00\x00\x00\x00\x00", "\x0a\x00", "\xff", `{"orgId":"\ud800"}`} {
			f.Add(uint16(i), uint64(rounds), []byte(raw))
		}
	}
	w := setup(f, func(d *server.Deps) { d.ProbeWithin, d.Watch.EndAfter = time.Millisecond, time.Second })
	p := w.register("Dona")
	w.exec(`UPDATE organizations SET plan = 'enterprise', plan_until = NULL`)
	e := w.estate(p.org, p.workspace)
	l := w.serve()
	own := map[string][]string{
		"org_id": {e.org.String()}, "workspace_id": {e.workspace.String()}, "cloud_account_id": {e.account.String(), uuid.NewString()},
		"resource_id": texts(e.resources), "schedule_id": {e.schedule.String()}, "operation_id": {e.operation.String()},
	}
	tally := &tally{of: map[connect.Code]int{}}
	f.Cleanup(func() { tally.check(f, len(all)*rounds) })
	f.Fuzz(func(t *testing.T, n uint16, seed uint64, raw []byte) {
		m, g := all[int(n)%len(all)], newGarbage(seed<<16|uint64(n), own)
		kinds := wires(m)
		k := kinds[g.IntN(len(kinds))]
		if raw == nil {
			raw = g.encode(g.message(m.desc.Input(), 4), k.json())
		}
		body, headers := g.frame(t, k, raw)
		client := l.h2c
		if g.rarely(2) {
			client = l.http1
		}
		s, err := send(t, client, l.url, p.token, m.name, k.contentType, bytes.NewReader(body), headers...)
		if err != nil && strings.Contains(err.Error(), "invalid header field value") {
			return // the client's own word
		}
		tally.count(s)
		what := fmt.Sprintf("%s as %s with %v: %.300q", m.name, k.contentType, headers, body)
		require.NoError(t, err, what)
		require.Empty(t, s.blame(), "%s: %.500s %+v", what, s.text, s.code)
		require.Less(t, len(s.text), 1<<20, what)
		if logs := w.logs.String(); strings.Contains(logs, `"level":"ERROR"`) || strings.Contains(logs, "panic") {
			at := max(strings.Index(logs, `"level":"ERROR"`)-200, 0)
			t.Fatalf("%s: %.2000s", what, logs[at:])
		}
	})
}

// FuzzHeaders sends any headers: who it is, where it comes from, what it is.
func FuzzHeaders(f *testing.F) {
	w := setup(f, withWeb(app))
	p := w.register("Dona")
	long := strings.Repeat("a", 60_000)
	many := strings.TrimSuffix(strings.Repeat("rt=x; ", 3000), "; ")
	for _, s := range [][5]string{
		{"Bearer " + p.token, "rt=" + p.cookie, asJSON, "192.0.2.1", "/cloudhub.v1.UserService/GetMe"},
		{"Bearer " + p.token[:len(p.token)-1], "rt=" + p.cookie[:len(p.cookie)-1], asJSON, "192.0.2.1, x", "/cloudhub.v1.AuthService/RefreshSession"},
		{"Bearer", "rt", "application/grpc", "", "/cloudhub.v1.AuthService/Logout"}, {"Bearer " + long, "rt=" + long, long, long, "/" + long},
		{"bearer x", many, "application/json; charset=\xff", "::1%eth0, [::1]:99999", "/cloudhub.v1.AuthService/RefreshSession"},
		{"Basic " + long, "rt=\x00; rt=\"; =; ;;", "application/connect+json", strings.Repeat("1.1.1.1,", 5000), "/cloudhub.v1.OperationService/WatchWorkspace"},
		{"Bearer eyJhbGciOiJub25lIn0.e30.", "__Host-rt=x; rt=y", "application/grpc-web-text", "0x7f.1", "/cloudhub.v1.UserService/GetMe"},
		{"Bearer ..", "rt=" + strings.Repeat("A", 43), "application/json;;;", "-1", "//cloudhub.v1.UserService/../GetMe"},
		{"Bearer \xff\xfe\x00", "rt=%00", "", "2001:db8::/32", "/assets/%2e%2e/%00"},
	} {
		f.Add(s[0], s[1], s[2], s[3], s[4])
	}
	f.Fuzz(func(t *testing.T, authorization, cookie, contentType, forwarded, path string) {
		for _, body := range []string{"{}", "\x00\x00\x00\x00\x02{}"} {
			r := httptest.NewRequest(http.MethodPost, "http://cloudhub/", strings.NewReader(body))
			r.URL.Path = "/" + strings.TrimLeft(path, "/")
			r.Header = http.Header{"Authorization": {authorization}, "Cookie": {cookie}, "Content-Type": {contentType}, "X-Forwarded-For": {forwarded}, "User-Agent": {contentType}}
			ctx, cancel := contextFor(t)
			rec := httptest.NewRecorder()
			w.server.Handler().ServeHTTP(rec, r.WithContext(ctx))
			cancel()
			s, _ := hear(rec.Result())
			if rec.Code != http.StatusNotFound && rec.Code != http.StatusMethodNotAllowed && rec.Code/100 != 3 && rec.Code != http.StatusForbidden {
				require.Empty(t, s.blame(), "%q %q %q %q: %d %.300s", authorization, cookie, contentType, path, rec.Code, rec.Body)
			}
			require.Less(t, rec.Code, 500)
			for _, c := range rec.Result().Cookies() {
				require.Less(t, len(c.Value), 200)
			}
		}
		require.NotContains(t, w.logs.String(), `"level":"ERROR"`)
	})
}

// contextFor ends soon: what is being answered may be a stream.
func contextFor(t testing.TB) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), 300*time.Millisecond)
}

// tally is what garbage came to: were all of it refused at the door, it would
// show nothing of what is behind.
type tally struct {
	mu sync.Mutex
	of map[connect.Code]int
}

func (c *tally) count(s said) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[s.code]++
}

func (c *tally) check(t testing.TB, atLeast int) {
	total := 0
	for _, n := range c.of {
		total += n
	}
	if t.Failed() || total < atLeast {
		return // one seed alone, or a fuzzer's worker
	}
	for _, code := range []connect.Code{0, connect.CodeInvalidArgument, connect.CodeNotFound} {
		require.Greater(t, c.of[code]*25, total, "too little of it comes to %d: %v", code, c.of)
	}
}
