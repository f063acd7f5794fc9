package db_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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

// bundle is two tenants and app's connection to their database.
type bundle struct {
	d    *dbtest.DB
	a, b dbtest.Fixture
	app  *pgx.Conn
}

func setup(t *testing.T) bundle {
	d := dbtest.New(t)
	return bundle{d: d, a: dbtest.Tenant(t, d), b: dbtest.Tenant(t, d), app: dbtest.Connect(t, d.URLs.App)}
}

// readable are the tables that app may read at all, with the column that says
// whose a row is.
func readable(t testing.TB, d *dbtest.DB) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, table := range tables(t, d.Owner) {
		if !one[bool](t, d.Owner, `SELECT has_table_privilege($1, $2, 'SELECT')`, db.RoleApp, table.name) {
			require.False(t, table.hasOrg, "%s has no reader", table.name)
			continue
		}
		out[table.name] = "org_id"
		if !table.hasOrg {
			require.Equal(t, "organizations", table.name, "app reads a table that is nobody's")
			out[table.name] = "id"
		}
	}
	require.Contains(t, out, "resources")
	return out
}

// Somebody forgets InTenant: nothing is there, in no table.
func TestWithoutATenantThereIsNothing(t *testing.T) {
	t.Parallel()
	x := setup(t)
	for _, set := range []string{`RESET cloudhub.org_id`, `SET cloudhub.org_id = ''`} {
		_, err := x.app.Exec(t.Context(), set)
		require.NoError(t, err)
		for name := range readable(t, x.d) {
			require.Zero(t, one[int](t, x.app, `SELECT count(*)::int FROM `+name), "%s after %s", name, set)
		}
	}
}

func TestATenantSeesItsRowsAndNoOthers(t *testing.T) {
	t.Parallel()
	x := setup(t)
	tx := asTenant(t, x.app, x.a.Org)
	for name, key := range readable(t, x.d) {
		require.NotZero(t, one[int](t, tx, `SELECT count(*)::int FROM `+name), name)
		require.Equal(t, []uuid.UUID{x.a.Org}, column[uuid.UUID](t, tx, `SELECT DISTINCT `+key+` FROM `+name), name)
		require.Zero(t, one[int](t, tx, `SELECT count(*)::int FROM `+name+` WHERE `+key+` = $1`, x.b.Org), name)
		require.NotZero(t, one[int](t, x.d.Owner, `SELECT count(*)::int FROM `+name+` WHERE `+key+` = $1`, x.b.Org), name)
	}
	for _, global := range []string{"users", "sessions", "refresh_tokens", "login_failures"} {
		_, err := tryExec(t, tx, `SELECT FROM `+global)
		require.True(t, isDenied(err), "%s: %v", global, err)
	}
}

// columnsWith lists the columns of a table on which app has a right, without
// generated ones.
func columnsWith(t testing.TB, d *dbtest.DB, table, privilege string) []string {
	t.Helper()
	return column[string](t, d.Owner, `
		SELECT attname::text FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
		  AND has_column_privilege($2, attrelid, attnum, $3) ORDER BY attnum`, table, db.RoleApp, privilege)
}

// Every row of A is written again as B's, and every row of B is changed and
// removed, from inside A.
func TestATenantWritesNoOthersRows(t *testing.T) {
	t.Parallel()
	x := setup(t)
	before := snapshot(t, x.d, x.b.Org)
	tx := asTenant(t, x.app, x.a.Org)
	written := 0
	for name, key := range readable(t, x.d) {
		if columns := columnsWith(t, x.d, name, "INSERT"); len(columns) > 0 {
			written++
			values := strings.Join(columns, ", ")
			_, err := tryExec(t, tx, fmt.Sprintf(`INSERT INTO %s (%s) SELECT %s FROM %s LIMIT 1`,
				name, values, strings.Replace(values, key, "'"+x.b.Org.String()+"'::uuid", 1), name))
			require.ErrorContains(t, err, "violates row-level security policy", "insert into %s", name)
		}
		columns := columnsWith(t, x.d, name, "UPDATE")
		if len(columns) > 0 {
			last := columns[len(columns)-1]
			rows, err := tryExec(t, tx, fmt.Sprintf(`UPDATE %s SET %s = %s WHERE %s = $1`, name, last, last, key), x.b.Org)
			require.NoError(t, err, name)
			require.Zero(t, rows, "update %s", name)
		}
		if len(columns) > 0 && columns[0] == "org_id" {
			_, err := tryExec(t, tx, fmt.Sprintf(`UPDATE %s SET org_id = $1`, name), x.b.Org)
			require.ErrorContains(t, err, "violates row-level security policy", "give a row of %s away", name)
		}
		rows, err := tryExec(t, tx, fmt.Sprintf(`DELETE FROM %s WHERE %s = $1`, name, key), x.b.Org)
		if !isDenied(err) {
			require.NoError(t, err, name)
			require.Zero(t, rows, "delete from %s", name)
		}
		_, err = tryExec(t, tx, `TRUNCATE `+name+` CASCADE`)
		require.True(t, isDenied(err), "truncate %s: %v", name, err)
	}
	require.Greater(t, written, 10)
	require.NoError(t, tx.Commit(t.Context()))
	require.Equal(t, before, snapshot(t, x.d, x.b.Org))
}

// snapshot is all rows of a tenant as text.
func snapshot(t testing.TB, d *dbtest.DB, org uuid.UUID) string {
	t.Helper()
	var out strings.Builder
	for _, table := range tables(t, d.Owner) {
		if table.hasOrg {
			for _, row := range column[string](t, d.Owner, `SELECT x::text FROM `+table.name+` x WHERE org_id = $1 ORDER BY 1`, org) {
				fmt.Fprintln(&out, table.name, row)
			}
		}
	}
	return out.String()
}

// Referential checks run past the policies: only the key keeps a row of A from
// hanging on a row of B, and from telling whether B has it.
func TestARowCannotPointIntoAnotherTenant(t *testing.T) {
	t.Parallel()
	x := setup(t)
	tx := asTenant(t, x.app, x.a.Org)
	pointers := map[string]struct {
		sql  string
		args []any
	}{
		"workspace of an account": {`INSERT INTO cloud_accounts (org_id, workspace_id, id, provider, name, external_id, home_region, observe_only, simulated)
			VALUES ($1, $2, gen_random_uuid(), 'aws', '', '', '', false, false)`, []any{x.a.Org, x.b.Workspace}},
		"account of a resource": {`UPDATE resources SET cloud_account_id = $2 WHERE org_id = $1`, []any{x.a.Org, x.b.Account}},
		"resource of a tag":     {`INSERT INTO resource_tags VALUES ($1, $2, 'k', 'v', $3)`, []any{x.a.Org, x.a.Workspace, x.b.Resources[0]}},
		"resource of a schedule": {`INSERT INTO schedule_targets VALUES ($1, $2, $3, $4)`,
			[]any{x.a.Org, x.a.Workspace, x.a.Schedule, x.b.Resources[0]}},
		"schedule of a target": {`INSERT INTO schedule_targets VALUES ($1, $2, $3, $4)`,
			[]any{x.a.Org, x.a.Workspace, x.b.Schedule, x.a.Resources[0]}},
		"operation of a target": {`UPDATE operation_targets SET operation_id = $2 WHERE org_id = $1`, []any{x.a.Org, x.b.Operation}},
		"schedule of a run":     {`UPDATE operation_schedules SET schedule_id = $2 WHERE org_id = $1`, []any{x.a.Org, x.b.Schedule}},
		"workspace of an operation": {`UPDATE operations SET workspace_id = $2 WHERE org_id = $1`,
			[]any{x.a.Org, x.b.Workspace}},
		"account of a credential":    {`UPDATE credentials SET cloud_account_id = $2 WHERE org_id = $1`, []any{x.a.Org, x.b.Account}},
		"workspace of a preparation": {`UPDATE role_preparations SET workspace_id = $2 WHERE org_id = $1`, []any{x.a.Org, x.b.Workspace}},
		"account of a draft":         {`UPDATE credential_drafts SET replaces = $2 WHERE org_id = $1`, []any{x.a.Org, x.b.Account}},
		"workspace of a draft":       {`UPDATE credential_drafts SET workspace_id = $2 WHERE org_id = $1`, []any{x.a.Org, x.b.Workspace}},
	}
	for name, p := range pointers {
		_, err := tryExec(t, tx, p.sql, p.args...)
		var pg *pgconn.PgError
		require.ErrorAs(t, err, &pg, name)
		require.Equal(t, "23503", pg.Code, "%s: %v", name, err) // foreign_key_violation
		p.args[len(p.args)-1] = dbtest.NewID(t)
		_, other := tryExec(t, tx, p.sql, p.args...)
		require.ErrorAs(t, other, &pg, name)
		require.Equal(t, "23503", pg.Code, "what B has and what nobody has are one answer: %s", name)
	}
}

func TestCopyIsBoundByThePolicies(t *testing.T) {
	t.Parallel()
	x := setup(t)
	tx := asTenant(t, x.app, x.a.Org)
	for name := range readable(t, x.d) {
		for _, what := range []string{name, `(SELECT * FROM ` + name + `)`} {
			var out bytes.Buffer
			require.NoError(t, try(t, tx, func(tx pgx.Tx) error {
				_, err := tx.Conn().PgConn().CopyTo(t.Context(), &out, `COPY `+what+` TO STDOUT`)
				return err
			}), what)
			// Of a partitioned table by its name there is nothing to copy.
			if what != "audit_log" && what != "delivery_attempts" {
				require.Contains(t, out.String(), x.a.Org.String(), what)
			}
			require.NotContains(t, out.String(), x.b.Org.String(), what)
		}
		err := try(t, tx, func(tx pgx.Tx) error {
			_, err := tx.Conn().PgConn().CopyFrom(t.Context(), strings.NewReader(""), `COPY `+name+` FROM STDIN`)
			return err
		})
		require.Error(t, err, "PostgreSQL has no COPY FROM under row-level security")
	}
	_, err := x.app.PgConn().CopyTo(t.Context(), io.Discard, `COPY resources TO PROGRAM 'true'`)
	require.Error(t, err)
}

var errRefused = errors.New("refused")

// One pooled connection serves one tenant after another: nothing of the first
// may be left, however its transaction ended.
func TestTheTenantEndsWithItsTransaction(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	a := dbtest.Tenant(t, d)
	pool, err := db.Connect(t.Context(), db.Options{URL: d.URLs.App, MaxConns: 1})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	tenants := db.NewTenants(pool)
	read := func(q *gen.Queries) ([]uuid.UUID, error) {
		return q.ListAccountIDs(t.Context(), gen.ListAccountIDsParams{OrgID: a.Org, WorkspaceID: a.Workspace})
	}
	broken := func(ctx context.Context, q *gen.Queries) error {
		_, err := q.InsertOperation(ctx, gen.InsertOperationParams{OrgID: a.Org, WorkspaceID: a.Workspace, ID: a.Operation, Origin: "nobody"})
		return err
	}
	ends := map[string]func(){
		"commit": func() {
			require.NoError(t, tenants.InTenant(t.Context(), a.Org, func(*gen.Queries) error { return nil }))
		},
		"refused": func() {
			require.ErrorIs(t, tenants.InTenant(t.Context(), a.Org, func(*gen.Queries) error { return errRefused }), errRefused)
		},
		"kept": func() {
			require.ErrorIs(t, tenants.InTenant(t.Context(), a.Org, func(*gen.Queries) error { return db.Commit(errRefused) }), errRefused)
		},
		"an error": func() {
			require.Error(t, tenants.InTenant(t.Context(), a.Org, func(q *gen.Queries) error { return broken(t.Context(), q) }))
		},
		"an error passed over": func() {
			require.Error(t, tenants.InTenant(t.Context(), a.Org, func(q *gen.Queries) error { _ = broken(t.Context(), q); return nil }))
		},
		"panic": func() {
			require.Panics(t, func() { _ = tenants.InTenant(t.Context(), a.Org, func(*gen.Queries) error { panic("a bug") }) })
		},
		"cancelled": func() {
			ctx, cancel := context.WithCancel(t.Context())
			require.Error(t, tenants.InTenant(ctx, a.Org, func(*gen.Queries) error { cancel(); return ctx.Err() }))
		},
	}
	for name, end := range ends {
		require.NoError(t, tenants.InTenant(t.Context(), a.Org, func(q *gen.Queries) error {
			ids, err := read(q)
			require.Equal(t, []uuid.UUID{a.Account}, ids, name)
			return err
		}))
		end()
		require.Empty(t, one[string](t, pool, `SELECT coalesce(current_setting('cloudhub.org_id', true), '')`), name)
		ids, err := read(gen.New(pool))
		require.NoError(t, err)
		require.Empty(t, ids, name)
	}
}

// The nil tenant owns the installation's own rows: it must not be what a zero
// value in a handler reaches.
func TestNobodyIsTheNilTenant(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	require.NoError(t, d.Tenants.InTenant(t.Context(), uuid.Nil, func(q *gen.Queries) error {
		exists, err := q.AgendaRowExists(t.Context(), gen.AgendaRowExistsParams{Kind: "housekeeping", Subject: "installation"})
		require.False(t, exists)
		return err
	}))
	require.ErrorContains(t, d.Tenants.InTenant(t.Context(), uuid.Nil, func(q *gen.Queries) error {
		return q.Ask(t.Context(), gen.AskParams{Kind: "housekeeping", Subject: "installation"})
	}), "violates row-level security policy")
}

func TestTheAuditLogIsAppendOnly(t *testing.T) {
	t.Parallel()
	x := setup(t)
	before := one[string](t, x.d.Owner, `SELECT string_agg(a::text, E'\n' ORDER BY id) FROM audit_log a`)
	for role, url := range runtimeRoles(x.d.URLs) {
		tx := asTenant(t, dbtest.Connect(t, url), x.a.Org)
		for _, s := range []string{
			`UPDATE audit_log SET action = 'nothing happened'`, `DELETE FROM audit_log`, `TRUNCATE audit_log`,
			`DROP TABLE audit_log_default`, `ALTER TABLE audit_log DISABLE ROW LEVEL SECURITY`,
			`ALTER TABLE audit_log DETACH PARTITION audit_log_default`,
		} {
			_, err := tryExec(t, tx, s)
			require.True(t, isDenied(err), "%s as %s: %v", s, role, err)
		}
		if role != db.RoleApp {
			_, err := tryExec(t, tx, `SELECT FROM audit_log`)
			require.True(t, isDenied(err), "%s reads the audit log", role)
		}
	}
	require.Equal(t, before, one[string](t, x.d.Owner, `SELECT string_agg(a::text, E'\n' ORDER BY id) FROM audit_log a`))
	x.d.Exec(t, `DELETE FROM audit_log`) // the owner may: it detaches and drops old months
}
