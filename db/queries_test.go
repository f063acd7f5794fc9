package db_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/dbtest"
	"github.com/cloudhub/cloudhub/db/gen"
)

// query is a generated one: its SQL is what runs, with $1, $2, ….
type query struct {
	file, name, kind, sql string
	roles                 []string
}

var (
	roleLine = regexp.MustCompile(`^-- role: ([a-z]+(?:, [a-z]+)*)$`)
	nameLine = regexp.MustCompile(`(?m)^-- name: (\w+) :(\w+)$`)
)

// queries reads db/queries for who may run what, and db/gen for the SQL.
func queries(t testing.TB) map[string]query {
	t.Helper()
	files, err := filepath.Glob("queries/*.sql")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	out := map[string]query{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		first, _, _ := strings.Cut(string(raw), "\n")
		match := roleLine.FindStringSubmatch(first)
		require.NotNil(t, match, "%s: its first line must be `-- role: app` (or identity, system, admin, owner)", file)
		var roles []string
		for role := range strings.SplitSeq(match[1], ", ") {
			roles = append(roles, "cloudhub_"+role)
		}
		generated := generatedSQL(t, filepath.Join("gen", filepath.Base(file)+".go"))
		for _, m := range nameLine.FindAllStringSubmatch(string(raw), -1) {
			require.Contains(t, generated, m[1], "%s is not generated: make generate", m[1])
			out[m[1]] = query{file: filepath.Base(file), name: m[1], kind: m[2], sql: generated[m[1]], roles: roles}
		}
		require.Equal(t, len(generated), strings.Count(string(raw), "-- name: "), "%s: make generate", file)
	}
	return out
}

// generatedSQL is the query constants of one generated file, by name.
func generatedSQL(t testing.TB, path string) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	require.NoError(t, err)
	out := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		literal, ok := n.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			return true
		}
		text, err := strconv.Unquote(literal.Value)
		require.NoError(t, err)
		if m := nameLine.FindStringSubmatch(text); m != nil {
			out[m[1]] = text
		}
		return true
	})
	return out
}

var parameter = regexp.MustCompile(`\$(\d+)`)

// permitted says whether PostgreSQL lets the role run the statement, as far as
// rights go: EXPLAIN of a prepared statement starts the executor, which checks
// them, and runs nothing.
func permitted(t testing.TB, conn *pgx.Conn, sql string) error {
	t.Helper()
	highest := 0
	for _, m := range parameter.FindAllStringSubmatch(sql, -1) {
		n, err := strconv.Atoi(m[1])
		require.NoError(t, err)
		highest = max(highest, n)
	}
	arguments := ""
	if highest > 0 {
		arguments = "(" + strings.TrimSuffix(strings.Repeat("null,", highest), ",") + ")"
	}
	// A plan made for nulls alone would drop the tables.
	for _, s := range []string{"SET plan_cache_mode = force_generic_plan", "DEALLOCATE ALL", "PREPARE checked AS " + sql, "EXPLAIN EXECUTE checked" + arguments} {
		if _, err := conn.Exec(t.Context(), s); err != nil {
			return err
		}
	}
	return nil
}

func isDenied(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "42501"
}

// Each query of each file, with the role that runs it and the roles that could:
// the first fails on the day somebody needs it, the second is a grant given by
// mistake. The table is in testdata/query_roles.csv, so that a review sees every
// change of it. What a role could begin beyond its own, the policies keep inside
// its tenant: TestDispatchAsApp, and the tests of isolation.
func TestWhoMayRunEachQuery(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	table := [][]string{{"file", "query", "app", "identity", "system", "admin"}}
	for _, q := range queries(t) {
		table = append(table, []string{q.file, q.name, "", "", "", ""})
	}
	slices.SortFunc(table[1:], func(a, b []string) int { return strings.Compare(a[0]+" "+a[1], b[0]+" "+b[1]) })
	all := queries(t)
	for i, role := range []string{db.RoleApp, db.RoleIdentity, db.RoleSystem, db.RoleAdmin} {
		conn := dbtest.Connect(t, runtimeRoles(d.URLs)[role])
		for _, row := range table[1:] {
			q := all[row[1]]
			runs := slices.Contains(q.roles, role)
			switch err := permitted(t, conn, q.sql); {
			case err == nil && runs:
				row[2+i] = "runs"
			case err == nil:
				row[2+i] = "could"
			case runs:
				t.Errorf("%s (%s) as %s: %v", q.name, q.file, role, err)
			default:
				require.True(t, isDenied(err), "%s (%s) as %s: %v", q.name, q.file, role, err)
			}
		}
	}
	golden(t, "query_roles.csv", table)
}

// A compromised server has the role app. With the dispatcher's queries it must
// get hold of no other tenant's work, and give out no lease.
func TestDispatchAsApp(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	a, b := dbtest.Tenant(t, d), dbtest.Tenant(t, d)
	for _, f := range []dbtest.Fixture{a, b} {
		d.Exec(t, `INSERT INTO agenda (org_id, kind, subject, lane, due_at, look_at, run_id) VALUES
			($1, 'sync', 'fresh', 1, now(), now(), null), ($1, 'sync', 'delivered', 1, now(), now(), 'run')`, f.Org)
		d.Exec(t, `UPDATE agenda SET look_at = now() WHERE kind = 'timetable'`)
	}
	before := one[string](t, d.Owner, `SELECT string_agg(a::text, E'\n' ORDER BY a::text) FROM agenda a WHERE org_id <> $1`, a.Org)
	lease := func(q *gen.Queries) map[string]func() ([]gen.Agenda, error) {
		return map[string]func() ([]gen.Agenda, error){
			"LeaseWork": func() ([]gen.Agenda, error) {
				return q.LeaseWork(t.Context(), gen.LeaseWorkParams{LeaseSeconds: 15, OrgIds: []uuid.UUID{a.Org, b.Org}, Kinds: []string{"sync", "sync"}, Subjects: []string{"fresh", "fresh"}})
			},
			"LeaseDelivered": func() ([]gen.Agenda, error) {
				return q.LeaseDelivered(t.Context(), gen.LeaseDeliveredParams{LeaseSeconds: 15, Lane: 1, Kinds: []string{"sync"}, RowLimit: 100})
			},
			"LockDueClocks": func() ([]gen.Agenda, error) {
				return q.LockDueClocks(t.Context(), gen.LockDueClocksParams{Kind: "timetable", Lane: 1, RowLimit: 100})
			},
		}
	}
	nobody := gen.New(dbtest.Connect(t, d.URLs.App))
	for name, fn := range lease(nobody) {
		rows, err := fn()
		require.NoError(t, err, name)
		require.Empty(t, rows, "%s without a tenant", name)
	}
	for name := range lease(nobody) {
		err := d.Tenants.InTenant(t.Context(), a.Org, func(q *gen.Queries) error {
			rows, err := lease(q)[name]()
			for _, row := range rows {
				require.Equal(t, a.Org, row.OrgID, name)
			}
			return err
		})
		if name == "LockDueClocks" {
			require.NoError(t, err, name) // a lock on its own rows
		} else {
			require.True(t, isDenied(err), "%s gave a lease: %v", name, err)
		}
	}
	require.Equal(t, before, one[string](t, d.Owner, `SELECT string_agg(a::text, E'\n' ORDER BY a::text) FROM agenda a WHERE org_id <> $1`, a.Org))
	require.Equal(t, []string{"permission denied for sequence agenda_lease"}, denials(t, dbtest.Connect(t, d.URLs.App),
		`SELECT nextval('agenda_lease')`))
}

func denials(t testing.TB, conn *pgx.Conn, statements ...string) []string {
	t.Helper()
	var out []string
	for _, s := range statements {
		_, err := conn.Exec(t.Context(), s)
		var pg *pgconn.PgError
		require.ErrorAs(t, err, &pg, s)
		out = append(out, pg.Message)
	}
	return out
}

// SECURITY DEFINER of ours is system's alone.
func TestAuditPartitionsAreMadeBySystemAlone(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	for role, url := range runtimeRoles(d.URLs) {
		_, err := dbtest.Connect(t, url).Exec(t.Context(), fmt.Sprintf(`SELECT ensure_audit_partitions() -- %s`, role))
		if role == db.RoleSystem {
			require.NoError(t, err)
		} else {
			require.True(t, isDenied(err), "%s: %v", role, err)
		}
	}
}
