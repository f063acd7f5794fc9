package server_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
)

var uuidText = regexp.MustCompile(`(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// onlyOwn fails when any value of an answer holds an id that is not the
// caller's: of the workspace he asked about, or, where an rpc is about none, of
// an organization that he is a member of.
func (w *world) onlyOwn(p principal, m method, body []byte) {
	w.t.Helper()
	out := dynamicpb.NewMessage(m.desc.Output())
	require.NoError(w.t, protojson.Unmarshal(body, out), "%s: %s", m.name, body)
	var workspace *uuid.UUID
	if m.desc.Input().Fields().ByName("workspace_id") != nil {
		workspace = &p.workspace
	}
	told := map[string]string{} // by id, the field
	eachText(out, "", func(path, text string) {
		if strings.HasSuffix(path, "etag") {
			return // random, and names no row
		}
		for _, id := range uuidText.FindAllString(text, -1) {
			told[strings.ToLower(id)] = path
		}
	})
	if len(told) == 0 {
		return
	}
	if m.name == "WebhookService/ListEventTypes" {
		return // the examples' own
	}
	own := w.idsOf(p.person, p.org, workspace)
	for id, path := range told {
		require.True(w.t, own[id], "%s tells %s of %s in %s, which is not his: %s", m.name, p.name, id, path, body)
	}
}

// idsOf are all uuids in rows of a tenant, by the catalog: of one workspace, or
// of every organization that a person is in when workspace is nil.
func (w *world) idsOf(p person, org uuid.UUID, workspace *uuid.UUID) map[string]bool {
	w.t.Helper()
	orgs := []uuid.UUID{org}
	own := map[string]bool{p.id.String(): true, org.String(): true}
	if workspace == nil {
		orgs = append(orgs, column[uuid.UUID](w, `SELECT org_id FROM memberships WHERE user_id = $1`, p.id)...)
		for _, id := range column[uuid.UUID](w, `SELECT id FROM sessions WHERE user_id = $1`, p.id) {
			own[id.String()] = true
		}
	}
	parts := column[string](w, `
		SELECT format('SELECT unnest(ARRAY[%s]) FROM %I WHERE org_id = ANY ($1)', string_agg(quote_ident(a.attname), ', '), c.relname)
		  || CASE WHEN bool_or(a.attname = 'workspace_id') THEN ' AND ($2::uuid IS NULL OR workspace_id = $2)'
		     WHEN c.relname = 'workspaces' THEN ' AND ($2::uuid IS NULL OR id = $2)' ELSE '' END
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND a.atttypid = 'uuid'::regtype
		GROUP BY c.relname HAVING bool_or(a.attname = 'org_id')`)
	require.Greater(w.t, len(parts), 10)
	for _, id := range column[*uuid.UUID](w, strings.Join(parts, " UNION "), orgs, workspace) {
		if id != nil {
			own[id.String()] = true
		}
	}
	// What AWS must be told is a uuid too, and kept as text.
	for _, id := range column[string](w, `SELECT external_id FROM role_preparations WHERE org_id = ANY ($1) AND ($2::uuid IS NULL OR workspace_id = $2)
		UNION SELECT role_external_id FROM cloud_accounts WHERE org_id = ANY ($1) AND ($2::uuid IS NULL OR workspace_id = $2) AND role_external_id IS NOT NULL`, orgs, workspace) {
		own[id] = true
	}
	return own
}

// eachText visits every string, and every bytes as text, in a message.
func eachText(m protoreflect.Message, prefix string, visit func(path, text string)) {
	one := func(fd protoreflect.FieldDescriptor, v protoreflect.Value, path string) {
		switch {
		case fd.Message() != nil:
			eachText(v.Message(), path+".", visit)
		case fd.Kind() == protoreflect.StringKind:
			visit(path, v.String())
		case fd.Kind() == protoreflect.BytesKind:
			visit(path, string(v.Bytes()))
		}
	}
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		path := prefix + string(fd.Name())
		switch {
		case fd.IsMap():
			v.Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
				visit(path, k.String())
				one(fd.MapValue(), v, path)
				return true
			})
		case fd.IsList():
			for i := range v.List().Len() {
				one(fd, v.List().Get(i), path)
			}
		default:
			one(fd, v, path)
		}
		return true
	})
}

// The check of answers finds what it looks for.
func TestAnAnswerWithAnothersIDIsNoticed(t *testing.T) {
	t.Parallel()
	id := uuid.NewString()
	for _, m := range []proto.Message{
		&v1.ListSchedulesResponse{Schedules: []*v1.Schedule{{ResourceIds: []string{"x", id}}}},
		&v1.WatchWorkspaceResponse{ScheduleIds: []string{strings.ToUpper(id)}},
		&v1.GetResourceResponse{Resource: &v1.Resource{Tags: map[string]string{"owner": "see " + id}}},
	} {
		found := 0
		eachText(m.ProtoReflect(), "", func(_, text string) { found += len(uuidText.FindAllString(text, -1)) })
		require.Equal(t, 1, found)
	}
}

// subject is somebody who asks about a workspace in which he may do less than
// its owner, or nothing.
type subject struct {
	name, token string
	// enters says that he may enter the other workspace of the organization.
	enters bool
}

func (w *world) subjects(owner person, other uuid.UUID) []subject {
	w.t.Helper()
	out := []subject{{"anonymous", "", false}, {"stranger", w.register("Terceira").token, false}}
	for _, role := range []string{"admin", "operator", "viewer", "billing"} {
		out = append(out, subject{role, w.member(role, owner.org, owner.workspace, role, "").token, role == "admin"})
	}
	out = append(out,
		subject{"viewer raised to operator", w.member("Acima", owner.org, owner.workspace, "viewer", "operator").token, false},
		subject{"operator lowered to viewer", w.member("Abaixo", owner.org, owner.workspace, "operator", "viewer").token, false},
		subject{"operator of the other workspace", w.member("Vizinha", owner.org, other, "operator", "").token, true})
	suspended := w.member("Suspensa", owner.org, owner.workspace, "admin", "")
	w.exec(`UPDATE users SET suspended_at = now() WHERE id = $1`, suspended.id)
	revoked := w.member("Revogada", owner.org, owner.workspace, "admin", "")
	w.exec(`UPDATE sessions SET revoked_at = now() WHERE user_id = $1`, revoked.id)
	left := w.member("Saiu", owner.org, owner.workspace, "admin", "")
	w.exec(`DELETE FROM memberships WHERE user_id = $1 AND org_id = $2`, left.id, owner.org)
	return append(out, subject{"suspended", suspended.token, false}, subject{"session revoked", revoked.token, false}, subject{"no longer a member", left.token, false})
}

// bent is a request with one of its ids exchanged, also inside a repeated field.
func bent(msg proto.Message, n int, value string) proto.Message {
	msg = proto.Clone(msg)
	i := 0
	eachID(msg.ProtoReflect(), func(set func(string), _ string) {
		if i == n {
			set(value)
		}
		i++
	})
	return clearRequestID(msg)
}

// Whoever asks, and whichever id of the request he exchanges: another tenant's,
// another workspace's and nobody's are one answer to him, byte for byte, and
// nothing is written.
func TestNobodyLearnsWhatExistsElsewhere(t *testing.T) {
	t.Parallel()
	w := setup(t)
	owner, foreign := w.register("Dona"), w.register("Estranha")
	w.exec(`UPDATE organizations SET plan = 'enterprise', plan_until = NULL`)
	theirs, mine := w.estate(foreign.org, foreign.workspace), w.estate(owner.org, owner.workspace)
	sibling := w.estate(owner.org, w.newWorkspace(owner.org, "Outro"))
	everybody := w.subjects(owner, sibling.workspace)
	asked := 0
	for _, m := range methods() {
		if m.auth.GetAccess() == v1.Access_ACCESS_PUBLIC {
			continue
		}
		base := fixtures[m.name].build(w, owner, mine)
		before := w.contents()
		for n, path := range paths(base) {
			nobodys := uuid.NewString()
			values := []string{nobodys, theirs.idFor(path, foreign), strings.ToUpper(theirs.idFor(path, foreign)), sibling.idFor(path, foreign)}
			for i, a := range parallel(len(everybody), func(i int) []answer {
				var out []answer
				for _, v := range values {
					if path == "org_id" && v == owner.org.String() || path == "workspace_id" && v == sibling.workspace.String() && everybody[i].enters ||
						path == "calendar_id" && v == sibling.calendar.String() { // calendars are the organization's
						continue // what he may see is no secret from him
					}
					out = append(out, w.rpc(everybody[i].token, m.name, bent(base, n, v)))
				}
				return out
			}) {
				for _, got := range a[1:] {
					require.Equal(t, a[0].withoutID(t), got.withoutID(t), "%s: %s of the request's %s", m.name, everybody[i].name, path)
					require.Equal(t, a[0].status, got.status)
				}
				asked += len(a)
				require.False(t, a[0].isOK() && m.changes(), "%s by %s with a %s that does not exist", m.name, everybody[i].name, path)
			}
		}
		require.Equal(t, before, w.contents(), m.name)
	}
	require.Greater(t, asked, 1000)
}

// paged are the rpcs of tenants that answer page by page, from the contract.
func paged() []method {
	return slices.DeleteFunc(methods(), func(m method) bool {
		return m.auth.GetAccess() == v1.Access_ACCESS_PLATFORM_ADMIN || m.desc.Input().Fields().ByName("page_token") == nil || m.desc.Output().Fields().ByName("next_page_token") == nil
	})
}

func set(m proto.Message, name protoreflect.Name, v any) {
	r := m.ProtoReflect()
	if fd := r.Descriptor().Fields().ByName(name); fd != nil {
		r.Set(fd, protoreflect.ValueOf(v))
	}
}

// firstPage is a request of an rpc about an estate, with no filter, for one row.
func firstPage(m method, e estate, token string) proto.Message {
	msg := dynamicpb.NewMessage(m.desc.Input())
	set(msg, "org_id", e.org.String())
	set(msg, "workspace_id", e.workspace.String())
	set(msg, "page_size", int32(1))
	set(msg, "page_token", token)
	if m.desc.Input().Fields().ByName("destination_id") != nil {
		set(msg, "destination_id", e.destination.String())
	}
	return msg
}

// filtered are the request with one more filter each, from the contract.
func filtered(msg proto.Message) map[string]proto.Message {
	out := map[string]proto.Message{}
	fields := msg.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if slices.Contains([]protoreflect.Name{"org_id", "workspace_id", "page_size", "page_token", "destination_id"}, fd.Name()) {
			continue
		}
		c := proto.Clone(msg)
		value := protoreflect.ValueOfString("x")
		switch {
		case strings.HasSuffix(string(fd.Name()), "_id") || strings.HasSuffix(string(fd.Name()), "_ids"):
			value = protoreflect.ValueOfString(uuid.NewString())
		case fd.Kind() == protoreflect.BoolKind:
			value = protoreflect.ValueOfBool(true)
		case fd.Kind() == protoreflect.EnumKind:
			value = protoreflect.ValueOfEnum(1)
		case fd.Message() != nil && fd.IsList():
			value = c.ProtoReflect().Mutable(fd).List().NewElement()
			set(value.Message().Interface(), "key", "k")
			set(value.Message().Interface(), "value", "v")
		case fd.Message() != nil:
			value = c.ProtoReflect().NewField(fd)
		case fd.Kind() != protoreflect.StringKind:
			continue
		}
		if fd.IsList() {
			c.ProtoReflect().Mutable(fd).List().Append(value)
		} else {
			c.ProtoReflect().Set(fd, value)
		}
		out[string(fd.Name())] = c
	}
	return out
}

// A page token goes on in its own list and in no other: every list of the
// contract, with the token of every list, tenant and workspace, with each filter
// added, and bent. Whoever may not read the list is told what he is told without
// one.
func TestAPageTokenOpensNothingElse(t *testing.T) {
	t.Parallel()
	w := setup(t)
	owner, foreign := w.register("Dona"), w.register("Estranha")
	w.exec(`UPDATE organizations SET plan = 'enterprise', plan_until = NULL`)
	other := w.newWorkspace(owner.org, "Outro")
	var mine, sibling, theirs estate
	for range 2 { // a second page needs a second row
		mine, sibling, theirs = w.estate(owner.org, owner.workspace), w.estate(owner.org, other), w.estate(foreign.org, foreign.workspace)
	}
	everybody := w.subjects(owner, other)
	type issued struct{ of, token string }
	var tokens []issued
	next := func(who string, m method, e estate) string {
		a := w.rpc(who, m.name, firstPage(m, e, ""))
		a.ok(t)
		out := dynamicpb.NewMessage(m.desc.Output())
		a.into(t, out)
		token := out.Get(m.desc.Output().Fields().ByName("next_page_token")).String()
		require.NotEmpty(t, token, "%s of an estate has one page: let world.estate make two rows", m.name)
		return token
	}
	for _, m := range paged() {
		tokens = append(tokens, issued{m.name + " mine", next(owner.token, m, mine)}, issued{m.name + " sibling", next(owner.token, m, sibling)},
			issued{m.name + " theirs", next(foreign.token, m, theirs)})
	}
	require.GreaterOrEqual(t, len(tokens), 4*3)
	var refusal string
	refused := func(a answer, what string) {
		t.Helper()
		a.refused(t, "PAGE_TOKEN_INVALID")
		if refusal == "" {
			refusal = a.withoutID(t)
		}
		require.Equal(t, refusal, a.withoutID(t), what)
	}
	for _, m := range paged() {
		own := next(owner.token, m, mine)
		for _, tok := range tokens {
			a := w.rpc(owner.token, m.name, firstPage(m, mine, tok.token))
			if tok.of == m.name+" mine" {
				a.ok(t)
				w.onlyOwn(principal{name: "owner", person: owner, org: owner.org, workspace: owner.workspace}, m, a.body)
			} else {
				refused(a, m.name+" with "+tok.of)
			}
		}
		for name, msg := range filtered(firstPage(m, mine, own)) {
			refused(w.rpc(owner.token, m.name, msg), m.name+" filtered by "+name)
		}
		for i := range 12 {
			raw := []byte(own)
			raw[i*(len(raw)-1)/11] ^= 1 << (i % 5)
			refused(w.rpc(owner.token, m.name, firstPage(m, mine, string(raw))), fmt.Sprintf("%s bent at %d", m.name, i))
			refused(w.rpc(owner.token, m.name, firstPage(m, mine, own[:1+i*(len(own)-2)/11])), fmt.Sprintf("%s cut off at %d", m.name, i))
		}
		for _, s := range everybody {
			without, nowhere := w.rpc(s.token, m.name, firstPage(m, mine, "")), firstPage(m, mine, own)
			set(nowhere, "workspace_id", uuid.NewString())
			with := w.rpc(s.token, m.name, firstPage(m, mine, own))
			if without.isOK() {
				with.ok(t)
				continue
			}
			require.Equal(t, without.withoutID(t), with.withoutID(t), "%s by %s", m.name, s.name)
			refusedOf := w.rpc(s.token, m.name, firstPage(m, mine, "x"))
			require.Equal(t, without.withoutID(t), refusedOf.withoutID(t), "%s by %s, with nonsense", m.name, s.name)
			if without.reason == "NOT_FOUND" {
				require.Equal(t, without.withoutID(t), w.rpc(s.token, m.name, nowhere).withoutID(t), "%s by %s", m.name, s.name)
			}
		}
	}
}

// hostileMasks name what nobody may change, or nothing.
func hostileMasks(msg proto.Message) [][]string {
	out := [][]string{
		{}, {""}, {"*"}, {"id"}, {"org_id"}, {"workspace_id"}, {"state"}, {"version"}, {"external_id"}, {"credential"}, {"credential.aws_access_key"}, {"update_mask"},
		{"update_mask.paths"}, {"etag"}, {"name.x"}, {"name", "org_id"}, {"name,org_id"}, {" name"}, {"Name"}, {"NAME"}, {"name\x00"}, {"__proto__"}, {"../name"}, {"name; DROP TABLE users"},
		{strings.Repeat("name.", 10_000)}, slices.Repeat([]string{"nothing"}, 9_000), slices.Repeat([]string{"org_id"}, 20_000),
	}
	fields := msg.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		if name := string(fields.Get(i).Name()); strings.HasSuffix(name, "_id") {
			out = append(out, []string{name}, []string{"name", name})
		}
	}
	return out
}

// Every rpc with a mask: what it does not let anyone change is refused, whole,
// and tells a stranger and a viewer nothing that a good mask does not.
func TestAMaskReachesNoOtherField(t *testing.T) {
	t.Parallel()
	w := setup(t)
	owner := w.register("Dona")
	other := w.newWorkspace(owner.org, "Outro")
	mine := w.estate(owner.org, owner.workspace)
	everybody := w.subjects(owner, other)
	masked := 0
	for _, m := range methods() {
		var field protoreflect.FieldDescriptor
		for i := range m.desc.Input().Fields().Len() {
			if fd := m.desc.Input().Fields().Get(i); fd.Message() != nil && fd.Message().FullName() == "google.protobuf.FieldMask" {
				field = fd
			}
		}
		if field == nil {
			continue
		}
		masked++
		good := fixtures[m.name].build(w, owner, mine)
		before := w.contents()
		for _, mask := range hostileMasks(good) {
			msg := proto.Clone(good)
			msg.ProtoReflect().Set(field, protoreflect.ValueOfMessage((&fieldmaskpb.FieldMask{Paths: mask}).ProtoReflect()))
			what := fmt.Sprintf("%s with the mask %.60q", m.name, mask)
			a := w.call(owner.token, m.name, msg, asProto)
			a.refused(t, "VALIDATION")
			require.Equal(t, http.StatusBadRequest, a.status)
			require.NotEmpty(t, a.fields, what)
			require.True(t, strings.HasPrefix(a.fields[0], string(field.Name())), "%s: %v", what, a.fields)
			for _, s := range everybody {
				if s.name == "admin" {
					continue
				}
				want := w.call(s.token, m.name, bentMask(good, field, "name"), asProto)
				require.False(t, want.isOK(), "%s by %s", m.name, s.name)
				require.Equal(t, want.withoutID(t), w.call(s.token, m.name, msg, asProto).withoutID(t), "%s by %s", what, s.name)
			}
		}
		require.Equal(t, before, w.contents(), m.name)
	}
	require.NotZero(t, masked)
}

func bentMask(msg proto.Message, field protoreflect.FieldDescriptor, path string) proto.Message {
	c := proto.Clone(msg)
	c.ProtoReflect().Set(field, protoreflect.ValueOfMessage((&fieldmaskpb.FieldMask{Paths: []string{path}}).ProtoReflect()))
	return c
}
