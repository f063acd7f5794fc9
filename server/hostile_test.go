package server_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
)

const canary = "canary-secret-7f3a"

// spoiled is a request with one thing wrong about it.
type spoiled struct {
	what string
	raw  []byte
	as   string
	head []string
	// mayPass: not every rpc minds.
	mayPass bool
}

// spoiled is an answer to a spoiled request of an rpc; where there is nothing to spoil,
// the answer is as long as ever.
func (a answer) spoiled(m method) string {
	if m.desc.Input().Fields().Len() == 0 && a.isOK() {
		a.body = a.body[:min(len(a.body), 16<<10)]
	}
	return a.hostile()
}

// hostile says what is wrong with an answer to a spoiled request; "" is nothing.
func (a answer) hostile() string {
	switch {
	case a.status >= 500 && a.reason != "PROBE_TIMEOUT":
		return "the server's fault"
	case a.code == "internal" || a.code == "unknown":
		return "INTERNAL"
	case bytes.Contains(a.body, []byte(canary)) || bytes.Contains(a.body, []byte("canary-secret")):
		return "a secret is in the answer"
	case len(a.body) > 16<<10:
		return "a long answer to nonsense"
	case a.isOK():
		return ""
	case a.reason == "":
		return "no reason"
	case a.requestID == "":
		return "no request id"
	case (a.code == "invalid_argument") && len(a.fields) == 0:
		return "no field is named"
	default:
		return ""
	}
}

func TestNothingThatIsSentBreaksTheServer(t *testing.T) {
	t.Parallel()
	w := setup(t)
	owner := w.register("Dona")
	e := w.estate(owner.org, owner.workspace)
	for _, m := range methods() {
		base := fixtures[m.name].build(w, owner, e)
		poison(base)
		before := w.contents()
		for _, s := range slices.Concat(shapes(t, base), spoiledBodies(t, base)) {
			if m.desc.IsStreamingServer() && s.head != nil {
				continue // see TestAStreamsEnvelopeIsChecked
			}
			a := w.post(owner.token, m.name, s.as, s.raw, s.head...)
			require.Empty(t, a.spoiled(m), "%s: %s: %d %.600s", m.name, s.what, a.status, a.body)
			if !s.mayPass {
				require.False(t, a.isOK(), "%s: %s passes", m.name, s.what)
			}
		}
		after := w.contents()
		if m.name == "AuthService/Login" || m.name == "AuthService/Register" {
			for _, name := range []string{"login_failures"} {
				delete(before, name)
				delete(after, name)
			}
		}
		require.Equal(t, before, after, m.name)
	}
	require.NotContains(t, w.logs.String(), canary)
	require.NotContains(t, w.logs.String(), `"level":"ERROR"`)
}

func TestAnEmptyMessageNamesNoTenant(t *testing.T) {
	t.Parallel()
	w := setup(t)
	owner := w.register("Dona")
	for _, m := range methods() {
		for _, as := range []string{asJSON, asProto} {
			a := w.post(owner.token, m.name, as, nil)
			require.Empty(t, a.spoiled(m), "%s: %s", m.name, a.body)
			if m.auth.GetAccess() == v1.Access_ACCESS_PERMISSION {
				a.refused(t, "NOT_FOUND")
				require.Empty(t, a.fields)
			}
		}
	}
}

// poison puts the canary where secrets go, and leaves the request unfit to
// succeed as it is only where a shape says so.
func poison(m proto.Message) {
	switch m := m.(type) {
	case *v1.CreateCloudAccountRequest:
		m.GetAwsAccessKey().SecretAccessKey = canary + "-0123456789abcdef"
	case *v1.ReplaceCloudAccountCredentialRequest:
		m.GetAwsAccessKey().SecretAccessKey = canary + "-0123456789abcdef"
	case *v1.RegisterRequest:
		m.Password = canary + "-0123456789"
	case *v1.LoginRequest:
		m.Password = canary
	}
}

// shapes spoils each field, one at a time, nested ones too.
func shapes(t testing.TB, base proto.Message) []spoiled {
	t.Helper()
	raw, err := protojson.Marshal(base)
	require.NoError(t, err)
	var out []spoiled
	eachField(base.ProtoReflect().Descriptor(), nil, func(path []string, fd protoreflect.FieldDescriptor) {
		add := func(what string, value any) {
			var tree map[string]any
			require.NoError(t, json.Unmarshal(raw, &tree))
			put(tree, path, value)
			body, err := json.Marshal(tree)
			require.NoError(t, err)
			out = append(out, spoiled{what: what + " in " + strings.Join(path, "."), raw: body, as: asJSON})
		}
		for what, value := range wrongValues(fd) {
			add(what, value)
		}
	})
	return out
}

// wrongValues are not what the field takes.
func wrongValues(fd protoreflect.FieldDescriptor) map[string]any {
	kinds := map[string]any{"a number": 7.5, "a list in a list": []any{[]any{}}, "true": true, "an object": map[string]any{"x": canary}, "text": canary}
	out := map[string]any{}
	switch {
	case fd.IsMap():
		return out
	case fd.IsList():
		delete(kinds, "a list in a list")
		for what, v := range kinds {
			out[what+" for a list"] = v
			if what == "text" && fd.Kind() == protoreflect.StringKind {
				continue
			}
			if what == "an object" && fd.Message() != nil {
				continue
			}
			out[what+" as an element"] = []any{v}
		}
		out["100,000 elements"] = slices.Repeat([]any{element(fd)}, 100_000)
	case fd.Kind() == protoreflect.StringKind:
		delete(kinds, "text")
		maps.Copy(out, kinds)
		out["1 MB"] = strings.Repeat("x", 1<<20)
		out["900 kB"] = strings.Repeat("x", 900_000)
		out["a NUL"] = "a\x00b"
	case fd.Kind() == protoreflect.BoolKind:
		delete(kinds, "true")
		maps.Copy(out, kinds)
	case fd.Kind() == protoreflect.EnumKind:
		maps.Copy(out, kinds)
		out["an unknown name"], out["an unknown number"], out["a negative number"] = "NOPE", 9999, -1
	case fd.Message() != nil:
		delete(kinds, "an object")
		maps.Copy(out, kinds)
	default:
		maps.Copy(out, kinds)
		out["too large"], out["negative"] = 1<<40, -1
	}
	return out
}

func element(fd protoreflect.FieldDescriptor) any {
	switch {
	case fd.Message() != nil:
		return map[string]any{}
	case fd.Kind() == protoreflect.EnumKind:
		return 1
	default:
		return "x"
	}
}

// eachField visits the fields of a message and of the messages in it.
func eachField(m protoreflect.MessageDescriptor, prefix []string, visit func(path []string, fd protoreflect.FieldDescriptor)) {
	for i := range m.Fields().Len() {
		fd := m.Fields().Get(i)
		path := append(slices.Clone(prefix), fd.JSONName())
		visit(path, fd)
		if sub := fd.Message(); sub != nil && !fd.IsMap() && strings.HasPrefix(string(sub.FullName()), "cloudhub.") {
			if fd.IsList() {
				path[len(path)-1] += "[]"
			}
			eachField(sub, path, visit)
		}
	}
}

// put sets a value deep in a tree of JSON; "x[]" is the first element of a list.
func put(tree map[string]any, path []string, value any) {
	name, isList := strings.CutSuffix(path[0], "[]")
	if len(path) == 1 {
		tree[name] = value
		return
	}
	sub := map[string]any{}
	if isList {
		tree[name] = []any{sub}
	} else if have, ok := tree[name].(map[string]any); ok {
		sub = have
	}
	if !isList {
		tree[name] = sub
	}
	put(sub, path[1:], value)
}

// spoiledBodies are not messages at all, or hide in their encoding.
func spoiledBodies(t testing.TB, base proto.Message) []spoiled {
	t.Helper()
	good, err := protojson.Marshal(base)
	require.NoError(t, err)
	bin, err := proto.Marshal(base)
	require.NoError(t, err)
	bomb := zipped(t, bytes.Repeat([]byte{' '}, 64<<20))
	return []spoiled{
		{what: "not JSON", raw: []byte("<xml>" + canary + "</xml>"), as: asJSON},
		{what: "JSON cut off", raw: append(slices.Clone(good[:len(good)-1]), `,"x":`...), as: asJSON},
		{what: "a JSON list", raw: []byte("[]"), as: asJSON},
		{what: "a JSON string", raw: []byte(`"` + canary + `"`), as: asJSON},
		{what: "JSON that quotes a field", raw: []byte(`{"name": field ` + strings.ReplaceAll(canary, "-", "") + `}`), as: asJSON},
		{what: "invalid UTF-8", raw: []byte("{\"name\":\"\xff\xfe\"}"), as: asJSON},
		{what: "100,000 deep", raw: []byte(`{"name":` + strings.Repeat("[", 100_000)), as: asJSON},
		{what: "garbage", raw: []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, as: asProto},
		{what: "a field cut off", raw: append(slices.Clone(bin), 0x0a, 0x7f), as: asProto},
		{what: "a string that is not UTF-8", raw: protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "\xff\xfe"), as: asProto, mayPass: true},
		{what: "a mark of our own", raw: append(slices.Clone(bin), mark()...), as: asProto},
		{what: "more than 1 MiB", raw: append(slices.Clone(good), bytes.Repeat([]byte{' '}, 1<<20)...), as: asJSON},
		{what: "more than 4 MiB", raw: append(slices.Clone(good), bytes.Repeat([]byte{' '}, 5<<20)...), as: asJSON},
		{what: "more than 4 MiB, binary", raw: bytes.Repeat([]byte{0x0a, 0x00}, 3<<20), as: asProto},
		{what: "a gzip bomb", raw: bomb, as: asJSON, head: []string{"Content-Encoding", "gzip"}},
		{what: "a gzip bomb, binary", raw: bomb, as: asProto, head: []string{"Content-Encoding", "gzip"}},
		{what: "gzip that is none", raw: good, as: asJSON, head: []string{"Content-Encoding", "gzip"}},
		{what: "gzip cut off", raw: cutOff(zipped(t, good)), as: asJSON, head: []string{"Content-Encoding", "gzip"}},
		{what: "gzip cut off, binary", raw: cutOff(zipped(t, bin)), as: asProto, head: []string{"Content-Encoding", "gzip"}},
	}
}

func cutOff(raw []byte) []byte { return raw[:max(len(raw)-6, 1)] }

func mark() []byte {
	b := protowire.AppendTag(nil, 536_870_911, protowire.BytesType)
	return protowire.AppendString(b, `{"field":"x","text":"y","reason":"INTERNAL","whole":true}`)
}

func zipped(t testing.TB, raw []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(raw)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.Bytes()
}

// A gzipped request is an ordinary one.
func TestAGzippedRequestIsRead(t *testing.T) {
	t.Parallel()
	w := setup(t)
	owner := w.register("Dona")
	e := w.estate(owner.org, owner.workspace)
	raw, err := protojson.Marshal(&v1.GetResourceRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), ResourceId: e.resources[0].String()})
	require.NoError(t, err)
	a := w.post(owner.token, "InventoryService/GetResource", asJSON, zipped(t, raw), "Content-Encoding", "gzip")
	a.ok(t)
	require.Contains(t, string(a.body), e.resources[0].String())
}

// Order: who may not is told so, whatever else is wrong with his request.
func TestPermissionIsToldBeforeMistakes(t *testing.T) {
	t.Parallel()
	w := setup(t)
	owner, foreign := w.register("Dona"), w.register("Estranha")
	viewer := w.member("Leitora", owner.org, owner.workspace, "viewer", "")
	body := []byte(`{"orgId":"` + owner.org.String() + `","workspaceId":"` + owner.workspace.String() + `","name":7,"rule":"x"}`)
	w.post(viewer.token, "ScheduleService/CreateSchedule", asJSON, body).refused(t, "PERMISSION_DENIED")
	w.post(foreign.token, "ScheduleService/CreateSchedule", asJSON, body).refused(t, "NOT_FOUND")
	w.post("", "ScheduleService/CreateSchedule", asJSON, body).refused(t, "UNAUTHENTICATED")
	a := w.post(owner.token, "ScheduleService/CreateSchedule", asJSON, body)
	a.refused(t, "VALIDATION")
	require.Equal(t, http.StatusBadRequest, a.status)
	// Two fields are wrong, and validation of the rest is told at once.
	a = w.rpc(owner.token, "ScheduleService/CreateSchedule", &v1.CreateScheduleRequest{
		OrgId: owner.org.String(), WorkspaceId: owner.workspace.String(), ResourceIds: []string{uuid.NewString(), "x"},
	})
	a.refused(t, "VALIDATION")
	require.Subset(t, a.fields, []string{"name", "rule", "resource_ids[1]"})
}

func TestAStreamsEnvelopeIsChecked(t *testing.T) {
	t.Parallel()
	w := setup(t)
	owner := w.register("Dona")
	good := []byte(`{"orgId":"` + owner.org.String() + `","workspaceId":"` + owner.workspace.String() + `"}`)
	for what, raw := range map[string][]byte{
		"nothing":                 {},
		"half an envelope":        {0, 0, 0},
		"an envelope cut off":     envelope(0, good)[:20],
		"two messages":            append(envelope(0, good), envelope(0, good)...),
		"larger than any":         {0, 0x7f, 0xff, 0xff, 0xff},
		"zipped, it does not say": envelope(1, good),
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/cloudhub.v1.OperationService/WatchWorkspace", bytes.NewReader(raw))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/connect+json")
		req.Header.Set("Authorization", "Bearer "+owner.token)
		res, err := w.client.Do(req)
		require.NoError(t, err)
		a := answer{status: res.StatusCode, header: res.Header}
		a.body, err = firstFrame(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		a.parse(t)
		require.False(t, a.isOK(), what)
		require.Empty(t, a.hostile(), "%s: %s", what, a.body)
	}
}
