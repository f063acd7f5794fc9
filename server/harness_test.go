package server_test

import (
	"context"
	"encoding/json"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db/dbtest"
	"github.com/cloudhub/cloudhub/internal/platform/telemetry"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
	"github.com/cloudhub/cloudhub/server"
)

// ownPrincipal is the ARN of the workers' AWS identity.
const ownPrincipal = "arn:aws:iam::999988887777:user/cloudhub"

func TestMain(m *testing.M) { dbtest.Main(m) }

// clock runs with the real one until a test moves it.
type clock struct{ offset atomic.Int64 }

func (c *clock) Now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }

func (c *clock) advance(d time.Duration) { c.offset.Add(int64(d)) }

// world is a server with its database and whoever uses it.
type world struct {
	t      testing.TB
	db     *dbtest.DB
	url    string
	client *http.Client
	clock  *clock
	ring   *vault.ServerRing
	keys   string // folder of the rings
	opener *vault.Opener
	logs   *logBook
	server *server.Server
}

type option func(*server.Deps)

// setup makes a server without a rate limit, over real HTTP.
func setup(t testing.TB, options ...option) *world {
	t.Helper()
	w := &world{t: t, db: dbtest.New(t), clock: &clock{}, logs: &logBook{}}
	keys := t.TempDir()
	w.keys = keys
	require.NoError(t, os.Chmod(keys, 0o700))
	require.NoError(t, vault.EnsureRings(keys, time.Now()))
	var err error
	w.ring, err = vault.LoadServerRing(keys)
	require.NoError(t, err)
	w.opener, err = vault.LoadOpener(keys)
	require.NoError(t, err)
	sealer, err := vault.LoadSealer(keys)
	require.NoError(t, err)
	d := server.Deps{
		Tenants: w.db.Tenants, Identity: w.db.Identity, Admin: w.db.Admin, TemporalUI: "http://temporal.example.com", Ring: w.ring, Sealer: sealer,
		Logger: telemetry.JSONLogger(w.logs, slog.LevelDebug),
		Now:    w.clock.Now, TrialDays: 30, AWSPrincipal: ownPrincipal, Registerer: prometheus.NewRegistry(), NoRateLimit: true,
	}
	for _, o := range options {
		o(&d)
	}
	s, err := server.New(d)
	require.NoError(t, err)
	w.server = s
	hs := httptest.NewServer(s.Handler())
	t.Cleanup(hs.Close)
	w.url, w.client = hs.URL, hs.Client()
	return w
}

// listener is the server as it listens in the product.
type listener struct {
	url        string
	http1, h2c *http.Client
	// drain ends it and waits until it has ended.
	drain func() error
}

// serve listens on a port of its own, as `cloudhub` does.
func (w *world) serve() listener {
	w.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(w.t, err)
	ctx, stop := context.WithCancel(context.WithoutCancel(w.t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- w.server.Serve(ctx, ln) }()
	only := func(set func(*http.Protocols)) *http.Client {
		p := &http.Protocols{}
		set(p)
		transport := &http.Transport{Protocols: p}
		w.t.Cleanup(transport.CloseIdleConnections)
		return &http.Client{Transport: transport}
	}
	l := listener{
		url:   "http://" + ln.Addr().String(),
		http1: only(func(p *http.Protocols) { p.SetHTTP1(true) }),
		h2c:   only(func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }),
	}
	drained := false
	l.drain = func() error {
		stop()
		if drained {
			return nil
		}
		drained = true
		return <-ended
	}
	w.t.Cleanup(func() { _ = l.drain() })
	return l
}

func withWeb(files fs.FS) option { return func(d *server.Deps) { d.Web = files } }

// logBook keeps what was logged.
type logBook struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// person is somebody who has signed in.
type person struct {
	email, password string
	id              uuid.UUID
	session         uuid.UUID
	org, workspace  uuid.UUID
	token, cookie   string
}

const password = "cavalo certo pilha grampo"

// register makes a person by the rpc, with an organization and a workspace.
func (w *world) register(name string) person {
	w.t.Helper()
	p := person{email: strings.ReplaceAll(strings.ToLower(name), " ", ".") + "@" + strings.ReplaceAll(uuid.NewString(), "-", "") + ".example.com", password: password}
	a := w.rpc("", "AuthService/Register", &v1.RegisterRequest{Email: p.email, Name: name, Password: p.password})
	a.ok(w.t)
	out := &v1.RegisterResponse{}
	a.into(w.t, out)
	p.token, p.cookie = out.GetAccessToken().GetToken(), a.cookie()
	me := w.me(p)
	p.id = id(me.GetUser().GetId())
	p.org = id(me.GetOrganizations()[0].GetId())
	p.workspace = id(me.GetOrganizations()[0].GetWorkspaces()[0].GetId())
	p.session = one[uuid.UUID](w, `SELECT id FROM sessions WHERE user_id = $1`, p.id)
	return p
}

func (w *world) me(p person) *v1.GetMeResponse {
	w.t.Helper()
	out := &v1.GetMeResponse{}
	a := w.rpc(p.token, "UserService/GetMe", &v1.GetMeRequest{})
	a.ok(w.t)
	a.into(w.t, out)
	return out
}

func id(s string) uuid.UUID { return uuid.MustParse(s) }

// join makes a person a member of an organization; enter lets him into a
// workspace of it, with a role of its own when override is not empty.
func (w *world) join(p person, org uuid.UUID, role string) {
	w.t.Helper()
	w.exec(`INSERT INTO memberships (org_id, user_id, role, name) VALUES ($1, $2, $3, $4)`, org, p.id, role, "member "+role)
}

func (w *world) enter(p person, org, workspace uuid.UUID, override string) {
	w.t.Helper()
	w.exec(`INSERT INTO workspace_members (org_id, workspace_id, user_id, role_override) VALUES ($1, $2, $3, nullif($4, ''))`, org, workspace, p.id, override)
}

// member registers somebody who has a role in a workspace of another's.
func (w *world) member(name string, org, workspace uuid.UUID, role, override string) person {
	w.t.Helper()
	p := w.register(name)
	w.join(p, org, role)
	w.enter(p, org, workspace, override)
	return p
}

func (w *world) newWorkspace(org uuid.UUID, name string) uuid.UUID {
	w.t.Helper()
	ws := dbtest.NewID(w.t)
	w.exec(`INSERT INTO workspaces (org_id, id, name, time_zone) VALUES ($1, $2, $3, 'America/Sao_Paulo')`, org, ws, name)
	return ws
}

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	w.db.Exec(w.t, sql, args...)
}

func one[T any](w *world, sql string, args ...any) T {
	w.t.Helper()
	rows, err := w.db.Owner.Query(context.WithoutCancel(w.t.Context()), sql, args...)
	require.NoError(w.t, err, sql)
	v, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[T])
	require.NoError(w.t, err, sql)
	return v
}

func column[T any](w *world, sql string, args ...any) []T {
	w.t.Helper()
	rows, err := w.db.Owner.Query(w.t.Context(), sql, args...)
	require.NoError(w.t, err, sql)
	v, err := pgx.CollectRows(rows, pgx.RowTo[T])
	require.NoError(w.t, err, sql)
	return v
}

// contents is a hash of every row of every table.
func (w *world) contents() map[string]string {
	w.t.Helper()
	out := map[string]string{}
	tables := column[string](w, `SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = 'public' AND c.relkind = 'r' AND NOT c.relispartition OR c.relname IN ('audit_log', 'delivery_attempts') ORDER BY 1`)
	for _, name := range tables {
		out[name] = one[string](w, `SELECT coalesce(md5(string_agg(x::text, '|' ORDER BY x::text)), '') FROM `+name+` x`)
	}
	return out
}

// estate is what one workspace holds.
type estate struct {
	org, workspace, account uuid.UUID
	resources               []uuid.UUID
	schedule, operation     uuid.UUID
	hold, notification      uuid.UUID
	// calendar of the organization, read from an address.
	calendar uuid.UUID
	// destination of events, and one delivery to it that was given up.
	destination, delivery uuid.UUID
}

// estate makes an account with three machines, a schedule over the first and an
// operation that has ended.
func (w *world) estate(org, workspace uuid.UUID) estate {
	w.t.Helper()
	e := estate{org: org, workspace: workspace, account: dbtest.NewID(w.t), schedule: dbtest.NewID(w.t), operation: dbtest.NewID(w.t), calendar: dbtest.NewID(w.t)}
	w.account(org, workspace, e.account, "Conta "+e.account.String()[24:])
	for _, name := range []string{"web-1", "web-2", "banco"} {
		e.resources = append(e.resources, w.machine(e, name, "running", "sa-east-1", nil))
	}
	w.schedule(e, e.schedule, "Noite", time.Now().Add(time.Hour))
	w.operation(e, e.operation, e.schedule, e.resources[:2], true)
	e.hold, e.notification = dbtest.NewID(w.t), dbtest.NewID(w.t)
	w.exec(`INSERT INTO holds (org_id, workspace_id, id, resource_id, reason, until, created_by, created_by_name)
		VALUES ($1, $2, $3, $4, 'Migração', now() + interval '1 day', $3, 'Ana')`, org, workspace, e.hold, e.resources[2])
	w.exec(`INSERT INTO notifications (org_id, workspace_id, id, kind, severity, data) VALUES ($1, $2, $3, 'schedule_failed', 'error', '{}')`, org, workspace, e.notification)
	w.calendar(org, e.calendar, "Feriados "+e.calendar.String()[24:], "https://calendars.example.com/feriados.ics?key=canary")
	e.destination, e.delivery = dbtest.NewID(w.t), dbtest.NewID(w.t)
	w.exec(`INSERT INTO destinations (org_id, workspace_id, id, channel, name, config) VALUES ($1, $2, $3, 'webhook', 'd ' || $4::text, '{"url":"https://hooks.example.com/"}')`, org, workspace, e.destination, e.destination.String())
	w.exec(`INSERT INTO destination_secrets (org_id, workspace_id, destination_id, id, kind, schema_version, key_id, ciphertext, hint) VALUES ($1, $2, $3, $3, 'signing', 1, 'k', 'sealed', 'aB3d')`, org, workspace, e.destination)
	for _, id := range []uuid.UUID{dbtest.NewID(w.t), e.delivery} {
		w.exec(`INSERT INTO events (org_id, id, workspace_id, type, data) VALUES ($1, $2, $3, 'webhook.test', '{"message":"x"}')`, org, id, workspace)
		w.exec(`INSERT INTO deliveries (org_id, destination_id, event_id, state, fresh, attempts, ended_at) VALUES ($1, $2, $3, 'exhausted', false, 10, now())`, org, e.destination, id)
	}
	return e
}

// calendar makes one that is read from an address, with one day.
func (w *world) calendar(org, calendar uuid.UUID, name, address string) {
	w.t.Helper()
	w.exec(`INSERT INTO calendars (org_id, id, name, source, address, refreshed_at, next_refresh_at)
		VALUES ($1, $2, $3, 'address', $4, now(), now() + interval '1 hour')`, org, calendar, name, address)
	w.exec(`INSERT INTO calendar_days (org_id, calendar_id, day, name) VALUES ($1, $2, '2026-12-24', 'Véspera')`, org, calendar)
	w.exec(`INSERT INTO agenda (org_id, kind, subject, lane, due_at, look_at) VALUES ($1, 'calendar-clock', $2, 2, now() + interval '1 hour', now() + interval '1 hour')`, org, calendar)
}

func (w *world) account(org, workspace, account uuid.UUID, name string) {
	w.t.Helper()
	w.exec(`INSERT INTO cloud_accounts (org_id, workspace_id, id, provider, name, external_id, home_region, observe_only, simulated, state)
		VALUES ($1, $2, $3, 'aws', $4, $5, 'us-east-1', false, true, 'ok')`, org, workspace, account, name, account.String()[20:])
	w.exec(`INSERT INTO credentials (org_id, workspace_id, cloud_account_id, kind, schema_version, key_id, ciphertext, hint)
		VALUES ($1, $2, $3, 'aws.access_key', 1, 'k', 'sealed', 'WXYZ')`, org, workspace, account)
	w.exec(`INSERT INTO agenda (org_id, kind, subject, lane, due_at, look_at) VALUES ($1, 'sync-clock', $2, 2, now() + interval '1 hour', now() + interval '1 hour')`, org, account)
}

func (w *world) machine(e estate, name, state, region string, tags map[string]string) uuid.UUID {
	w.t.Helper()
	resource := dbtest.NewID(w.t)
	if tags == nil {
		tags = map[string]string{}
	}
	raw, err := json.Marshal(tags)
	require.NoError(w.t, err)
	w.exec(`INSERT INTO resources (org_id, workspace_id, id, cloud_account_id, kind, provider_id, name, region, zone, type, state, tags, seen_at)
		VALUES ($1, $2, $3, $4, 'aws.ec2.instance', $5, $6, $7, $7 || 'a', 't3.micro', $8, $9, now())`,
		e.org, e.workspace, resource, e.account, "i-"+strings.ReplaceAll(resource.String(), "-", "")[15:], name, region, state, raw)
	for k, v := range tags {
		w.exec(`INSERT INTO resource_tags (org_id, workspace_id, key, value, resource_id) VALUES ($1, $2, $3, $4, $5)`, e.org, e.workspace, k, v, resource)
	}
	return resource
}

func (w *world) schedule(e estate, schedule uuid.UUID, name string, next time.Time) {
	w.t.Helper()
	w.exec(`INSERT INTO schedules (org_id, workspace_id, id, name, rule, next_at, next_wanted, tzdata, created_by, created_by_name)
		VALUES ($1, $2, $3, $4, '{"start":480,"stop":1140,"weekdays":[1,2,3,4,5],"zone":"America/Sao_Paulo"}', $5, 'stopped', 'test', $3, 'Ana')`,
		e.org, e.workspace, schedule, name, next)
	w.exec(`INSERT INTO schedule_targets (org_id, workspace_id, schedule_id, resource_id) VALUES ($1, $2, $3, $4)`, e.org, e.workspace, schedule, e.resources[0])
	w.exec(`INSERT INTO agenda (org_id, kind, subject, lane, due_at, look_at) VALUES ($1, 'timetable', $2, 1, $3, $3)
		ON CONFLICT (org_id, kind, subject) DO UPDATE SET due_at = least(agenda.due_at, excluded.due_at), look_at = least(agenda.look_at, excluded.look_at)`,
		e.org, e.workspace, next)
}

func (w *world) operation(e estate, operation, schedule uuid.UUID, targets []uuid.UUID, ended bool) {
	w.t.Helper()
	w.exec(`INSERT INTO operations (org_id, workspace_id, id, origin, state, step, due_at, act_before, target_count, done_count, off_count, started_at, ended_at)
		VALUES ($1, $2, $3, 'timetable', CASE WHEN $5 THEN 'succeeded' ELSE 'running' END, 'done', clock_timestamp(), now(), $4, $4, $4, now(),
		CASE WHEN $5 THEN now() END)`, e.org, e.workspace, operation, len(targets), ended)
	w.exec(`INSERT INTO operation_schedules (org_id, workspace_id, operation_id, schedule_id, revision, name, wanted, due_at)
		VALUES ($1, $2, $3, $4, 1, 'Noite', 'stopped', now())`, e.org, e.workspace, operation, schedule)
	for _, r := range targets {
		w.exec(`INSERT INTO operation_targets (org_id, workspace_id, operation_id, resource_id, resource_name, provider_id, cloud_account_id, region, schedule_id, wanted, state, ended_at)
			VALUES ($1, $2, $3, $4, 'web', 'i-1', $5, 'sa-east-1', $6, 'stopped', CASE WHEN $7 THEN 'done' ELSE 'taken' END, CASE WHEN $7 THEN now() END)`,
			e.org, e.workspace, operation, r, e.account, schedule, ended)
	}
}
