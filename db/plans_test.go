package db_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/dbtest"
	"github.com/cloudhub/cloudhub/db/gen"
)

// recorder stands in for a connection and keeps what a generated method would
// have run.
type recorder struct {
	sql  string
	args []any
}

var errRecorded = errors.New("recorded")

func (r *recorder) Exec(_ context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	r.sql, r.args = sql, args
	return pgconn.CommandTag{}, errRecorded
}

func (r *recorder) Query(_ context.Context, sql string, args ...any) (pgx.Rows, error) {
	r.sql, r.args = sql, args
	return nil, errRecorded
}

func (r *recorder) QueryRow(_ context.Context, sql string, args ...any) pgx.Row {
	r.sql, r.args = sql, args
	return failedRow{}
}

type failedRow struct{}

func (failedRow) Scan(...any) error { return errRecorded }

// node is what is looked at of a plan.
type node struct {
	Type     string  `json:"Node Type"`
	Relation string  `json:"Relation Name"`
	Index    string  `json:"Index Name"`
	Filtered float64 `json:"Rows Removed by Filter"`
	Loops    float64 `json:"Actual Loops"`
	Plans    []node
}

func (n node) walk(visit func(node)) {
	visit(n)
	for _, child := range n.Plans {
		child.walk(visit)
	}
}

// explained is a plan, and as PostgreSQL wrote it, for people.
type explained struct {
	root node
	text string
}

// explain plans a statement for its arguments and runs it.
func explain(t testing.TB, tx pgx.Tx, r recorder) explained {
	t.Helper()
	var text string
	require.NoError(t, try(t, tx, func(tx pgx.Tx) error {
		return tx.QueryRow(t.Context(), "EXPLAIN (FORMAT JSON, ANALYZE, TIMING OFF) "+r.sql, r.args...).Scan(&text)
	}), r.sql)
	return parsePlan(t, text)
}

// explainGeneric plans it for any arguments: a connection goes over to that plan
// after five runs, if it looks no worse.
func explainGeneric(t testing.TB, tx pgx.Tx, r recorder) explained {
	t.Helper()
	var text string
	nulls := ""
	if len(r.args) > 0 {
		nulls = "(" + strings.TrimSuffix(strings.Repeat("null,", len(r.args)), ",") + ")"
	}
	require.NoError(t, try(t, tx, func(tx pgx.Tx) error {
		for _, s := range []string{"SET LOCAL plan_cache_mode = force_generic_plan", "PREPARE generic AS " + r.sql} {
			if _, err := tx.Exec(t.Context(), s, pgx.QueryExecModeSimpleProtocol); err != nil {
				return err
			}
		}
		err := tx.QueryRow(t.Context(), "EXPLAIN (FORMAT JSON) EXECUTE generic"+nulls, pgx.QueryExecModeSimpleProtocol).Scan(&text)
		if err != nil {
			return err
		}
		_, err = tx.Exec(t.Context(), "DEALLOCATE generic", pgx.QueryExecModeSimpleProtocol)
		return err
	}), r.sql)
	return parsePlan(t, text)
}

func parsePlan(t testing.TB, text string) explained {
	t.Helper()
	var plans []struct{ Plan node }
	require.NoError(t, json.Unmarshal([]byte(text), &plans))
	require.Len(t, plans, 1)
	return explained{plans[0].Plan, text}
}

// estate is a small tenant beside a large one: 1,000 and 19,000 resources. It
// is the small one whose pages would suffer from a scan.
type estate struct {
	small, large dbtest.Fixture
	openOp       uuid.UUID // of small
}

// fill writes past triggers and referential checks, because it is the planner
// that is tested.
func fill(t *testing.T, d *dbtest.DB) estate {
	t.Helper()
	e := estate{small: dbtest.Tenant(t, d), large: dbtest.Tenant(t, d)}
	super := dbtest.Superuser(t, d)
	exec := func(sql string, args ...any) {
		t.Helper()
		_, err := super.Exec(t.Context(), sql, args...)
		require.NoError(t, err, sql)
	}
	exec(`SET session_replication_role = replica`)
	exec(`INSERT INTO users (id, email, email_key, name, password_hash, actor_hash)
		SELECT gen_random_uuid(), 'u' || i, 'u' || i, 'u' || i, '', sha256(i::text::bytea) FROM generate_series(1, 3000) i`)
	exec(`INSERT INTO memberships (org_id, user_id, role, name) SELECT $1, id, 'viewer', name FROM users ON CONFLICT DO NOTHING`, e.large.Org)
	exec(`INSERT INTO sessions (id, user_id, idle_expires_at, expires_at) SELECT gen_random_uuid(), id, now() + interval '1 day', now() + interval '1 day' FROM users`)
	exec(`INSERT INTO organizations (id, name) SELECT gen_random_uuid(), 'o' || i FROM generate_series(1, 3000) i`)
	exec(`INSERT INTO memberships (org_id, user_id, role, name) SELECT id, $1, 'owner', 'Ana' FROM organizations WHERE name LIKE 'o1_' ON CONFLICT DO NOTHING`, e.large.User)
	exec(`INSERT INTO workspaces (org_id, id, name, time_zone) SELECT id, gen_random_uuid(), name, 'UTC' FROM organizations WHERE id <> $1`, e.small.Org)
	exec(`INSERT INTO workspaces (org_id, id, name, time_zone) SELECT $1, gen_random_uuid(), 'w' || i, 'UTC' FROM generate_series(1, 19) i`, e.large.Org)
	exec(`INSERT INTO workspace_members (org_id, workspace_id, user_id) SELECT m.org_id, w.id, m.user_id FROM memberships m JOIN workspaces w USING (org_id) WHERE m.org_id = $1 AND w.name < 'w12' ON CONFLICT DO NOTHING`, e.large.Org)
	for _, size := range []struct {
		f                                 dbtest.Fixture
		accounts, resources, sched, opers int
	}{{e.small, 20, 1000, 100, 2000}, {e.large, 2000, 19000, 11900, 18000}} {
		// A workspace for each row by its number: the large tenant has twenty, the small one one.
		spread := `(SELECT array_agg(id ORDER BY id) AS ids FROM workspaces WHERE org_id = $1) w`
		exec(`INSERT INTO cloud_accounts (org_id, workspace_id, id, provider, name, external_id, home_region, observe_only, simulated, changed_at, version)
			SELECT $1, w.ids[1 + i % cardinality(w.ids)], md5($1::text || 'account' || i)::uuid, 'aws', 'account ' || i, i::text, 'sa-east-1', false, true, now() - make_interval(mins => i), nextval('row_version')
			FROM generate_series(1, $2::int) i, `+spread, size.f.Org, size.accounts)
		exec(`INSERT INTO credentials (org_id, workspace_id, cloud_account_id, kind, schema_version, key_id, ciphertext, hint)
			SELECT org_id, workspace_id, id, 'aws.access_key', 1, '', '', '' FROM cloud_accounts WHERE org_id = $1 ON CONFLICT DO NOTHING`, size.f.Org)
		exec(`INSERT INTO resources (org_id, workspace_id, id, cloud_account_id, kind, provider_id, name, region, zone, type, state, seen_at, changed_at, version)
			SELECT $1, a.workspace_id, md5($1::text || 'resource' || i)::uuid, a.id, CASE WHEN i % 2 = 0 THEN '`+dbtest.Kind+`' ELSE 'aws.ebs.volume' END, 'i-' || i, 'machine ' || md5(i::text),
			  (array['sa-east-1','us-east-1','eu-west-1'])[1 + i % 3], 'a', 't3.micro', (array['running','stopped','gone'])[1 + i % 3], now(), now() - make_interval(mins => i), nextval('row_version')
			FROM generate_series(1, $2::int) i JOIN cloud_accounts a ON a.org_id = $1 AND a.id = md5($1::text || 'account' || (1 + i % $3::int))::uuid`,
			size.f.Org, size.resources, size.accounts)
		exec(`INSERT INTO resource_tags (org_id, workspace_id, key, value, resource_id)
			SELECT org_id, workspace_id, k, k || '-' || (hashtext(id::text) & 31), id FROM resources, unnest(array['env', 'team']) k WHERE org_id = $1 ON CONFLICT DO NOTHING`, size.f.Org)
		exec(`INSERT INTO schedules (org_id, workspace_id, id, name, rule, next_at, next_wanted, tzdata, created_by, created_by_name, changed_at, version)
			SELECT $1, w.ids[1 + i % cardinality(w.ids)], md5($1::text || 'schedule' || i)::uuid, 's' || i, '{}', now() + make_interval(mins => i), 'stopped', 'test', $3, '', now() - make_interval(mins => i), nextval('row_version')
			FROM generate_series(1, $2::int) i, `+spread, size.f.Org, size.sched, size.f.User)
		exec(`INSERT INTO schedule_targets (org_id, workspace_id, schedule_id, resource_id)
			SELECT $1, s.workspace_id, s.id, md5($1::text || 'resource' || (1 + (i * 37) % $2::int))::uuid FROM (SELECT *, row_number() OVER () AS i FROM schedules WHERE org_id = $1) s, generate_series(1, 3) j ON CONFLICT DO NOTHING`,
			size.f.Org, size.resources)
		exec(`INSERT INTO operations (org_id, workspace_id, id, origin, state, step, act_before, target_count, created_at, ended_at, changed_at, version)
			SELECT $1, w.ids[1 + i % cardinality(w.ids)], md5($1::text || 'operation' || i)::uuid, 'person', 'succeeded', 'done', now(), 2, t.at, CASE WHEN i % 500 <> 0 THEN t.at END, t.at, nextval('row_version')
			FROM generate_series(1, $2::int) i CROSS JOIN LATERAL (SELECT now() - make_interval(mins => i) AS at) t, `+spread, size.f.Org, size.opers)
		exec(`INSERT INTO operation_targets (org_id, workspace_id, operation_id, resource_id, resource_name, provider_id, cloud_account_id, region, schedule_id, wanted, state, ended_at, asked_at, changed_at, version)
			SELECT $1, o.workspace_id, o.id, md5($1::text || 'resource' || (1 + (o.i * 7 + j) % $2::int))::uuid, 'm', 'i', $3, 'sa-east-1', md5($1::text || 'schedule' || (1 + o.i % $4::int))::uuid, 'stopped',
			  CASE WHEN o.ended_at IS NULL THEN 'pending' ELSE 'done' END, o.ended_at, o.created_at, o.created_at, nextval('row_version')
			FROM (SELECT *, row_number() OVER (ORDER BY created_at) AS i FROM operations WHERE org_id = $1) o, generate_series(1, 2) j`,
			size.f.Org, size.resources, size.f.Account, size.sched)
		exec(`INSERT INTO operation_schedules (org_id, workspace_id, operation_id, schedule_id, revision, name, wanted, due_at)
			SELECT DISTINCT org_id, workspace_id, operation_id, schedule_id, 1, '', 'stopped', asked_at FROM operation_targets WHERE org_id = $1 ON CONFLICT DO NOTHING`, size.f.Org)
		exec(`INSERT INTO operation_readings (org_id, workspace_id, operation_id, schedule_id, cloud_account_id, cloud_account_name, selector, wanted, act_before, ended_at)
			SELECT org_id, workspace_id, operation_id, schedule_id, $2, '', '{}', 'stopped', now(), now() FROM operation_schedules WHERE org_id = $1 ON CONFLICT DO NOTHING`, size.f.Org, size.f.Account)
		exec(`INSERT INTO schedule_skips (org_id, workspace_id, schedule_id, at, created_by, created_by_name)
			SELECT org_id, workspace_id, id, now() + make_interval(days => j), $2, '' FROM schedules, generate_series(1, 2) j WHERE org_id = $1 ON CONFLICT DO NOTHING`, size.f.Org, size.f.User)
		exec(`INSERT INTO holds (org_id, workspace_id, id, schedule_id, resource_id, reason, until, created_by, created_by_name, created_at)
			SELECT r.org_id, r.workspace_id, gen_random_uuid(), CASE WHEN r.i % 2 = 0 THEN md5($1::uuid::text || 'schedule' || (1 + r.i % 100))::uuid END, CASE WHEN r.i % 2 = 1 THEN r.id END,
			  '', now() + make_interval(hours => (r.i % 100)::int - 50), $2, '', now() - make_interval(hours => (r.i % 1000)::int)
			FROM (SELECT *, row_number() OVER () AS i FROM resources WHERE org_id = $1) r`, size.f.Org, size.f.User)
		exec(`INSERT INTO calendars (org_id, id, name, source) SELECT $1::uuid, md5($1::uuid::text || 'calendar' || i)::uuid, 'c' || i, 'days' FROM generate_series(1, 40) i`, size.f.Org)
		exec(`INSERT INTO calendar_days (org_id, calendar_id, day, name) SELECT org_id, id, current_date + 10 * j - 300, '' FROM calendars, generate_series(1, 200) j WHERE org_id = $1 ON CONFLICT DO NOTHING`, size.f.Org)
		exec(`INSERT INTO schedule_calendars (org_id, workspace_id, schedule_id, calendar_id)
			SELECT s.org_id, s.workspace_id, s.id, md5($1::uuid::text || 'calendar' || (1 + s.i % 40))::uuid FROM (SELECT *, row_number() OVER () AS i FROM schedules WHERE org_id = $1) s ON CONFLICT DO NOTHING`, size.f.Org)
		exec(`INSERT INTO destinations (org_id, workspace_id, id, channel, name, config) SELECT $1::uuid, $2::uuid, md5($1::uuid::text || 'destination' || i)::uuid, 'webhook', 'd' || i, '{}' FROM generate_series(1, 9) i`, size.f.Org, size.f.Workspace)
		exec(`INSERT INTO destination_secrets (org_id, workspace_id, destination_id, id, kind, schema_version, key_id, ciphertext)
			SELECT d.org_id, d.workspace_id, d.id, gen_random_uuid(), 'header', 1, '1', '' FROM destinations d, generate_series(1, 200) WHERE d.org_id = $1`, size.f.Org)
		exec(`INSERT INTO events (org_id, id, workspace_id, type, data)
			SELECT $1::uuid, ('01a20000-' || lpad(to_hex(i / 4096), 4, '0') || '-7' || lpad(to_hex(i % 4096), 3, '0') || '-8000-' || left(md5($1::uuid::text), 12))::uuid, $2::uuid, 'webhook.test', '{}' FROM generate_series(1, 2000) i`, size.f.Org, size.f.Workspace)
		exec(`INSERT INTO deliveries (org_id, destination_id, event_id, state, fresh, attempts) SELECT e.org_id, d.id, e.id, 'delivered', false, 1
			FROM events e JOIN destinations d ON d.org_id = e.org_id WHERE e.org_id = $1 AND d.name <> 'Meu sistema' AND e.type = 'webhook.test'`, size.f.Org)
		exec(`INSERT INTO delivery_attempts (org_id, destination_id, event_id, number, started_at, keep_until, url, request_headers, status)
			SELECT org_id, destination_id, event_id, 1, now(), now()::date + 7, '', '[]', 200 FROM deliveries WHERE org_id = $1 ON CONFLICT DO NOTHING`, size.f.Org)
		exec(`INSERT INTO notifications (org_id, workspace_id, id, kind, severity, data, created_at)
			SELECT org_id, workspace_id, id, 'schedule_failed', 'error', '{}', created_at FROM operations WHERE org_id = $1`, size.f.Org)
	}
	exec(`INSERT INTO agenda (org_id, kind, subject, lane, due_at, look_at)
		SELECT org_id, 'sync-clock', id::text, 2, now() + interval '1 hour', now() + (hashtext(id::text) & 1023) / 1024.0 * interval '15 minutes' FROM cloud_accounts ON CONFLICT DO NOTHING`)
	exec(`INSERT INTO agenda (org_id, kind, subject, lane, due_at, look_at)
		SELECT o.id, 'timetable', w.id::text, 1, now() + interval '1 hour', now() + (hashtext(w.id::text) & 1023) / 1024.0 * interval '1 day' FROM organizations o JOIN workspaces w ON w.org_id = o.id ON CONFLICT DO NOTHING`)
	exec(`INSERT INTO agenda (org_id, kind, subject, lane, due_at, look_at, run_id)
		SELECT org_id, 'power', id::text, 1, now(), now() + ((hashtext(id::text) & 1023) / 1024.0 - 0.5) * interval '1 minute', CASE WHEN created_at < now() - interval '1 day' THEN 'run' END FROM operations WHERE ended_at IS NULL`)
	exec(`ANALYZE`)
	e.openOp = one[uuid.UUID](t, super, `SELECT id FROM operations WHERE org_id = $1 AND ended_at IS NULL ORDER BY created_at LIMIT 1`, e.small.Org)
	return e
}

// plan is how a query must be answered.
type plan struct {
	index string // must be used; "one or another" where both are as good
	run   func(e estate, q *gen.Queries) error
	// filtered is how many rows may be read and thrown away. What no index can
	// answer (a search in the middle of a name) reads its workspace.
	filtered float64
	large    bool // asked by the large tenant
	// alone: the index answers by itself, for any arguments too, and no row is gone to.
	alone bool
	// batch says why the generic plan may scan: it is for hundreds at once.
	batch string
}

// unplanned are queries of many rows without a plan of their own here.
var unplanned = map[string]string{
	"ClaimOperations": "only writes", "UpsertResources": "only writes: its key is the conflict's", "MayAct": "by primary keys of one batch, planned with OpenTargets",
	"WaitingWork":                    "a function; what it reads is counted in TestWaitingWorkReadsTheSameWhateverWaits",
	"SeeFollowed":                    "what is followed in one account: what its timetables did in the last half hour",
	"CalendarsByID":                  "of at most fifty of one organization",
	"ListCalendars":                  "at most fifty of one organization, and their days and schedules counted",
	"WorkspacesToTell":               "every six hours, of a calendar that has failed for a day",
	"CalendarsWithoutClock":          "as UnfinishedWithoutAgenda",
	"CalendarNames":                  "at most fifty of one organization",
	"ListDestinations":               "at most forty of one workspace, and of what waits for each 10,000 counted",
	"DestinationSecretHints":         "of at most forty destinations of one workspace",
	"DestinationSecretsToOpen":       "of the destinations of one claim, of one organization",
	"LockDestinationSecretsToReseal": "once after a key was replaced",
	"ClaimFresh":                     "a function; what it reads is counted in TestAClaimReadsTheSameWhateverWaits",
	"ClaimRetries":                   "a function; of one destination",
	"ToSend":                         "by the primary keys of one claim",
	"NoteFailing":                    "only writes",
	"DestinationsLost":               "as UnfinishedWithoutAgenda",
	"AgendaOldestDue":                "counts what is due: as much as there is",
	"AgendaTrouble":                  "counts what is due and parked: as much as there is",
	"SummarizeAgenda":                "as AgendaTrouble, for the page",
	"ListPlatformAdmins":             "all of a handful",
	"UnfinishedWithoutAgenda":        "an invariant over whole tables, once a minute and in tests",
	"SealedRowsByKey":                "counts every sealed row, twice a minute, off the index alone",
	"SchedulesByZoneData":            "once after an upgrade of the zone data",
}

func ask[P, R any](method func(*gen.Queries, context.Context, P) (R, error), params func(e estate) P) func(estate, *gen.Queries) error {
	return func(e estate, q *gen.Queries) error {
		_, err := method(q, context.Background(), params(e)) // never runs: the recorder stops it
		return err
	}
}

func TestPlansOfLists(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	began := time.Now()
	e := fill(t, d)
	t.Logf("filled in %v", time.Since(began))
	cases := plans()
	for name, q := range queries(t) {
		isList := q.kind == "many" || strings.HasPrefix(name, "List") || name == "Standing"
		_, planned := cases[variant(cases, name)]
		_, reason := unplanned[name]
		require.False(t, isList && !planned && !reason, "%s has neither a plan in plans() nor a reason in unplanned", name)
		require.False(t, planned && reason, "%s has both a plan and a reason", name)
	}
	larger := func(rows int) []string {
		return column[string](t, d.Owner, `SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND reltuples > $1`, rows)
	}
	// With two tenants the generic plan guesses that half of a table is asked
	// for: it is held to the tables that are large for everybody.
	big, huge := larger(1000), larger(5000)
	require.Subset(t, big, []string{"cloud_accounts", "credentials", "memberships", "organizations"})
	require.Subset(t, huge, []string{"resources", "resource_tags", "operations", "operation_targets", "operation_schedules", "schedules", "schedule_targets", "agenda"})
	all := queries(t)
	conns := map[string]*pgx.Conn{}
	for role, url := range runtimeRoles(d.URLs) {
		conns[role] = dbtest.Connect(t, url)
	}
	for name, c := range cases {
		query := all[queryOf(name)]
		require.NotEmpty(t, query.name, "%s is no query", name)
		var r recorder
		require.ErrorIs(t, c.run(e, gen.New(&r)), errRecorded, name)
		for _, role := range query.roles {
			org := uuid.Nil
			switch {
			case role == db.RoleApp && c.large:
				org = e.large.Org
			case role == db.RoleApp:
				org = e.small.Org
			}
			tx := asTenant(t, conns[role], org)
			c.check(t, name, explain(t, tx, r), big)
			if c.batch == "" {
				generic := explainGeneric(t, tx, r)
				checkGeneric(t, name, generic, huge)
				if c.alone {
					c.checkAlone(t, name, generic)
				}
			}
			require.NoError(t, tx.Rollback(t.Context()))
		}
	}
}

func checkGeneric(t testing.TB, name string, p explained, huge []string) {
	t.Helper()
	p.root.walk(func(n node) {
		if n.Type == "Seq Scan" && slices.Contains(huge, n.Relation) {
			t.Errorf("the generic plan of %s scans all of %s\n%s", name, n.Relation, p.text)
		}
	})
}

func (c plan) checkAlone(t testing.TB, name string, p explained) {
	t.Helper()
	found := false
	p.root.walk(func(n node) { found = found || n.Type == "Index Only Scan" && n.Index == c.index })
	if !found {
		t.Errorf("the generic plan of %s is not answered by %s alone\n%s", name, c.index, p.text)
	}
}

func (c plan) check(t testing.TB, name string, p explained, big []string) {
	t.Helper()
	var used []string
	filtered := 0.0
	p.root.walk(func(n node) {
		if n.Type == "Seq Scan" && slices.Contains(big, n.Relation) {
			t.Errorf("%s scans all of %s\n%s", name, n.Relation, p.text)
		}
		used = append(used, n.Index)
		filtered += n.Filtered * n.Loops
	})
	if !slices.ContainsFunc(strings.Split(c.index, " or "), func(index string) bool { return slices.Contains(used, index) }) {
		t.Errorf("%s uses %v, not %s\n%s", name, used, c.index, p.text)
	}
	if filtered > c.filtered {
		t.Errorf("%s threw %v rows away, more than %v\n%s", name, filtered, c.filtered, p.text)
	}
}

// queryOf strips what tells cases of one query apart: "ListResources by tag".
func queryOf(name string) string {
	query, _, _ := strings.Cut(name, " ")
	return query
}

func variant(cases map[string]plan, query string) string {
	for name := range cases {
		if queryOf(name) == query {
			return name
		}
	}
	return ""
}

// resourceID of the small tenant, by number.
func (e estate) resource(i int) uuid.UUID { return md5ID(e.small.Org, "resource", i) }
func (e estate) schedule(i int) uuid.UUID { return md5ID(e.small.Org, "schedule", i) }

func recent() time.Time { return time.Now().Add(-5 * time.Minute) }
