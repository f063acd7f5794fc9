package server_test

import (
	"bytes"
	"encoding/csv"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/access"
	"github.com/cloudhub/cloudhub/server/rpc"
)

var update = flag.Bool("update", false, "write the golden files anew")

const golden = "testdata/authz_matrix.csv"

// principal is a column: who calls, and about whose rows.
type principal struct {
	name   string
	person person
	token  string
	// Where he has no standing at all, known is false: a stranger there.
	signedIn, known bool
	standing        access.Standing
	plan            access.Plan
	org, workspace  uuid.UUID
	// platform: one of those who run the installation.
	platform bool
	// inOrg is his role in the organization where he may not enter the workspace.
	inOrg access.Role
}

// principals makes the columns: all but the last ask about one workspace.
func (w *world) principals() (columns []principal, owner person) {
	w.t.Helper()
	owner = w.register("Dona")
	org, ws := owner.org, owner.workspace
	w.exec(`UPDATE organizations SET plan = 'enterprise', plan_until = NULL`)
	add := func(name string, p person, token string, signedIn, known bool, s access.Standing) {
		columns = append(columns, principal{name, p, token, signedIn, known, s, access.Enterprise, org, ws, false, ""})
	}
	add("anonymous", owner, "", false, false, access.Standing{})
	add("garbage token", owner, "garbage", false, false, access.Standing{})
	add("expired token", owner, w.sign(owner, func(c jwt.MapClaims, _ map[string]any) {
		c["iat"], c["exp"] = time.Now().Add(-time.Hour).Unix(), time.Now().Add(-time.Minute).Unix()
	}), false, false, access.Standing{})
	revoked := w.member("Revogada", org, ws, "admin", "")
	w.exec(`UPDATE sessions SET revoked_at = now() WHERE user_id = $1`, revoked.id)
	add("revoked session", revoked, revoked.token, false, false, access.Standing{})
	suspended := w.member("Suspensa", org, ws, "admin", "")
	w.exec(`UPDATE users SET suspended_at = now() WHERE id = $1`, suspended.id)
	add("suspended user", suspended, suspended.token, false, false, access.Standing{})
	add("owner", owner, owner.token, true, true, access.Standing{Role: access.Owner})
	for _, role := range []access.Role{access.Admin, access.Operator, access.Viewer, access.Billing} {
		p := w.member(string(role), org, ws, string(role), "")
		add(string(role), p, p.token, true, true, access.Standing{Role: role})
	}
	up := w.member("Acima", org, ws, "viewer", "operator")
	add("viewer raised to operator", up, up.token, true, true, access.Standing{Role: access.Viewer, Override: access.Operator})
	down := w.member("Abaixo", org, ws, "admin", "viewer")
	add("admin lowered to viewer", down, down.token, true, true, access.Standing{Role: access.Admin, Override: access.Viewer})
	other := w.newWorkspace(org, "Outro")
	w.estate(org, other)
	elsewhere := w.member("Vizinha", org, other, "operator", "")
	add("operator of another workspace", elsewhere, elsewhere.token, true, false, access.Standing{})
	columns[len(columns)-1].inOrg = access.Operator
	foreign := w.register("Estranha")
	w.estate(foreign.org, foreign.workspace)
	add("owner of another organization", foreign, foreign.token, true, false, access.Standing{})
	free := w.register("Gratis")
	w.exec(`UPDATE organizations SET plan = 'free', plan_until = NULL WHERE id = $1`, free.org)
	columns = append(columns, principal{"owner on the plan free", free, free.token, true, true, access.Standing{Role: access.Owner}, access.Free, free.org, free.workspace, false, ""})
	over := w.register("Vencida")
	w.exec(`UPDATE organizations SET plan = 'pro', plan_until = now() - interval '1 minute' WHERE id = $1`, over.org)
	columns = append(columns, principal{"owner whose pro is over", over, over.token, true, true, access.Standing{Role: access.Owner}, access.Free, over.org, over.workspace, false, ""})
	// He runs the installation, and is nobody in the organization.
	operates := w.register("Opera")
	w.exec(`INSERT INTO platform_admins (user_id) VALUES ($1)`, operates.id)
	add("platform admin", operates, operates.token, true, false, access.Standing{})
	columns[len(columns)-1].platform = true
	return columns, owner
}

// expect computes a cell from the contract and the table of permissions.
func expect(m method, p principal) string {
	allowed := fixtures[m.name].outcome
	if allowed == "" {
		allowed = "ok"
	}
	switch {
	case m.auth.GetAccess() == v1.Access_ACCESS_PUBLIC:
		if m.name == "AuthService/Login" && p.name == "suspended user" {
			return "BAD_CREDENTIALS"
		}
		return allowed
	case !p.signedIn:
		return "UNAUTHENTICATED"
	case m.auth.GetAccess() == v1.Access_ACCESS_AUTHENTICATED:
		return allowed
	case m.auth.GetAccess() == v1.Access_ACCESS_PLATFORM_ADMIN && p.platform:
		return allowed
	case m.auth.GetAccess() == v1.Access_ACCESS_PLATFORM_ADMIN:
		return "NOT_FOUND"
	case !p.known && m.desc.Input().Fields().ByName("workspace_id") == nil && p.inOrg != "":
		// It is about the organization alone, which is his too.
		if (access.Standing{Role: p.inOrg}).May(rpc.PermissionOf(m.auth.GetPermission())) {
			return allowed
		}
		return "PERMISSION_DENIED"
	case !p.known:
		return "NOT_FOUND"
	case !p.standing.May(rpc.PermissionOf(m.auth.GetPermission())):
		return "PERMISSION_DENIED"
	case !p.plan.Covers(rpc.PlanOf(m.auth.GetPlan())):
		return "PLAN_REQUIRED"
	default:
		return allowed
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.worker(func(draft uuid.UUID) verdict { return accepted(draft.String()[20:]) })
	columns, _ := w.principals()
	head := []string{"rpc"}
	for _, p := range columns {
		head = append(head, p.name)
	}
	table := [][]string{head}
	for _, m := range methods() {
		row := make([]string, len(columns)+1)
		row[0] = m.name
		w.deniedCells(m, columns, row)
		w.allowedCells(m, columns, row)
		table = append(table, row)
	}
	slices.SortFunc(table[1:], func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	var got bytes.Buffer
	require.NoError(t, csv.NewWriter(&got).WriteAll(table))
	if *update {
		require.NoError(t, os.WriteFile(golden, got.Bytes(), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), got.String(), "who may do what has changed: review it, then run with -update")
}

// deniedCells tries what must be refused; nothing in the database may move.
func (w *world) deniedCells(m method, columns []principal, row []string) {
	t := w.t
	e := w.estate(columns[0].org, columns[0].workspace)
	msgs := make([]proto.Message, len(columns))
	for i, p := range columns {
		target := e
		if p.org != e.org {
			target = w.estateOf(p)
		}
		msgs[i] = fixtures[m.name].build(w, p.person, target)
	}
	before := w.contents()
	for i, p := range columns {
		want := expect(m, p)
		if want == "ok" || m.auth.GetAccess() == v1.Access_ACCESS_PUBLIC {
			continue
		}
		a := w.rpc(p.token, m.name, msgs[i])
		row[i+1] = a.outcome()
		require.Equal(t, want, a.outcome(), "%s by %s: %s", m.name, p.name, a.body)
		require.NotEmpty(t, a.requestID, "%s by %s", m.name, p.name)
		binary := w.call(p.token, m.name, msgs[i], asProto)
		require.Equal(t, want, binary.outcome(), "%s by %s, binary", m.name, p.name)
		require.Equal(t, a.withoutID(t), binary.withoutID(t))
		switch want {
		case "PERMISSION_DENIED":
			require.Equal(t, string(rpc.PermissionOf(m.auth.GetPermission())), a.meta["permission"])
		case "NOT_FOUND":
			nowhere := w.rpc(p.token, m.name, nowhere(msgs[i]))
			require.Equal(t, nowhere.withoutID(t), a.withoutID(t), "%s by %s: a stranger can tell what exists", m.name, p.name)
			require.Equal(t, nowhere.status, a.status)
		}
	}
	require.Equal(t, before, w.contents(), "%s was refused and has written all the same", m.name)
}

// estateOf is a principal's own, in an organization of few accounts.
func (w *world) estateOf(p principal) estate {
	w.exec(`DELETE FROM cloud_accounts WHERE org_id = $1`, p.org)
	return w.estate(p.org, p.workspace)
}

// allowedCells tries what must work, about rows that nobody has touched.
func (w *world) allowedCells(m method, columns []principal, row []string) {
	t := w.t
	for i, p := range columns {
		want := expect(m, p)
		if want != "ok" && m.auth.GetAccess() != v1.Access_ACCESS_PUBLIC {
			continue
		}
		e := w.estateOf(p)
		a := w.rpc(p.token, m.name, fixtures[m.name].build(w, p.person, e))
		row[i+1] = a.outcome()
		require.Equal(t, want, a.outcome(), "%s by %s: %s", m.name, p.name, a.body)
		if want == "ok" && m.auth.GetAccess() != v1.Access_ACCESS_PLATFORM_ADMIN {
			w.onlyOwn(p, m, a.body)
		}
	}
}

// nowhere is the same request about ids that do not exist.
func nowhere(msg proto.Message) proto.Message {
	c := proto.Clone(msg)
	eachID(c.ProtoReflect(), func(set func(string), _ string) { set(uuid.NewString()) })
	return c
}

// eachID visits the ids in a message: every string field called *_id or *_ids.
func eachID(m protoreflect.Message, visit func(set func(string), path string)) {
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		name := string(fd.Name())
		isID := fd.Kind() == protoreflect.StringKind && (strings.HasSuffix(name, "_id") || strings.HasSuffix(name, "_ids")) &&
			name != "request_id" && name != "access_key_id"
		switch {
		case isID && fd.IsList():
			list := v.List()
			for i := range list.Len() {
				visit(func(s string) { list.Set(i, protoreflect.ValueOfString(s)) }, name)
			}
		case isID:
			visit(func(s string) { m.Set(fd, protoreflect.ValueOfString(s)) }, name)
		case fd.Message() != nil && fd.IsList():
			for i := range v.List().Len() {
				eachID(v.List().Get(i).Message(), visit)
			}
		case fd.Message() != nil && !fd.IsMap():
			eachID(v.Message(), visit)
		}
		return true
	})
}

// Every id in a request, one at a time, is another workspace's, another
// organization's, and nobody's: the three cannot be told apart.
func TestAnIDOfAnotherTenantIsAnIDThatDoesNotExist(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.worker(func(draft uuid.UUID) verdict { return accepted(draft.String()[20:]) })
	owner, foreign := w.register("Dona"), w.register("Estranha")
	w.exec(`UPDATE organizations SET plan = 'enterprise', plan_until = NULL`)
	theirs := w.estate(foreign.org, foreign.workspace)
	sibling := w.estate(owner.org, w.newWorkspace(owner.org, "Outro"))
	// The neighbour may enter only the first workspace.
	neighbour := w.member("Membro", owner.org, owner.workspace, "operator", "")
	for _, m := range methods() {
		if m.auth.GetAccess() == v1.Access_ACCESS_PUBLIC {
			continue
		}
		mine := w.estate(owner.org, owner.workspace)
		for n, path := range paths(fixtures[m.name].build(w, owner, mine)) {
			caller := owner
			if path == "workspace_id" && neighbourMay(m) {
				caller = neighbour
			} else if path == "workspace_id" {
				continue
			}
			ask := func(value string) answer {
				msg := fixtures[m.name].build(w, owner, mine)
				i := 0
				eachID(msg.ProtoReflect(), func(set func(string), _ string) {
					if i == n {
						set(value)
					}
					i++
				})
				return w.rpc(caller.token, m.name, clearRequestID(msg))
			}
			before := w.contents()
			nobodys := ask(uuid.NewString())
			for _, other := range []estate{theirs, sibling} {
				if (path == "org_id" || path == "calendar_id") && other.org == owner.org { // calendars are the organization's
					continue
				}
				got := ask(other.idFor(path, foreign))
				require.Equal(t, nobodys.withoutID(t), got.withoutID(t), "%s %s", m.name, path)
				require.Equal(t, nobodys.status, got.status)
			}
			if nobodys.isOK() {
				require.False(t, m.changes(), "%s does something with a %s that does not exist", m.name, path)
			} else {
				require.Equal(t, "NOT_FOUND", nobodys.reason, "%s %s: %s", m.name, path, nobodys.body)
			}
			after := w.contents()
			if path == "session_id" { // the request is made with a session of its own
				delete(before, "sessions")
				delete(after, "sessions")
			}
			require.Equal(t, before, after, "%s %s", m.name, path)
		}
	}
}

func neighbourMay(m method) bool {
	return access.Standing{Role: access.Operator}.May(rpc.PermissionOf(m.auth.GetPermission()))
}

func clearRequestID(m proto.Message) proto.Message {
	if fd := m.ProtoReflect().Descriptor().Fields().ByName("request_id"); fd != nil {
		m.ProtoReflect().Clear(fd)
	}
	return m
}

func paths(msg proto.Message) []string {
	var out []string
	eachID(msg.ProtoReflect(), func(_ func(string), path string) { out = append(out, path) })
	return out
}

func (e estate) idFor(path string, p person) string {
	switch strings.TrimSuffix(path, "s") {
	case "org_id":
		return e.org.String()
	case "workspace_id":
		return e.workspace.String()
	case "cloud_account_id":
		return e.account.String()
	case "resource_id":
		return e.resources[0].String()
	case "schedule_id":
		return e.schedule.String()
	case "operation_id":
		return e.operation.String()
	case "session_id":
		return p.session.String()
	case "calendar_id":
		return e.calendar.String()
	case "hold_id":
		return e.hold.String()
	case "notification_id":
		return e.notification.String()
	case "destination_id":
		return e.destination.String()
	case "delivery_id", "id":
		return e.delivery.String()
	}
	panic("say which id of an estate a field called " + path + " holds")
}

// sign makes an access token with the server's key, bent by the test.
func (w *world) sign(p person, bend func(claims jwt.MapClaims, header map[string]any)) string {
	w.t.Helper()
	kid, key := w.ring.SigningKey()
	now := w.clock.Now()
	claims := jwt.MapClaims{
		"iss": "cloudhub", "aud": []string{"cloudhub-api"}, "sub": p.id.String(), "sid": p.session.String(),
		"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}
	j := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims)
	j.Header["kid"], j.Header["typ"] = kid, "at+jwt"
	if bend != nil {
		bend(claims, j.Header)
	}
	s, err := j.SignedString(key)
	require.NoError(w.t, err)
	return s
}
