package db_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/dbtest"
)

// table is one of ours. Partitions are left to TestPartitionsOfTheAuditLog.
type table struct {
	name   string
	hasOrg bool
}

// notOurs is goose's record of what was applied. It names no tenant, and nobody
// but the owner has a right on it.
const notOurs = "goose_db_version"

func tables(t testing.TB, q querier) []table {
	t.Helper()
	rows, err := q.Query(t.Context(), `
		SELECT c.relname, EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'org_id')
		FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> $1
		ORDER BY 1`, notOurs)
	require.NoError(t, err)
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (table, error) {
		var x table
		return x, row.Scan(&x.name, &x.hasOrg)
	})
	require.NoError(t, err)
	require.NotEmpty(t, out)
	return out
}

// globalTables have no org_id, each for a reason.
var globalTables = map[string]string{
	"users":          "a person belongs to several organizations",
	"sessions":       "of a person, not of an organization",
	"refresh_tokens": "of a session",
	"login_failures": "counted before anybody knows who it is",
	"organizations":  "its id is the org_id",
	// Of the installation, not of an organization.
	"platform_admins": "runs the installation for all organizations",
}

func TestEveryTableIsOfATenantOrSaysWhyNot(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	found := map[string]bool{}
	for _, table := range tables(t, d.Owner) {
		_, global := globalTables[table.name]
		require.NotEqual(t, table.hasOrg, global, "%s: org_id first in its keys, or a reason in globalTables", table.name)
		found[table.name] = true
	}
	for name := range globalTables {
		require.True(t, found[name], "%s is gone: take it out of globalTables", name)
	}
}

// A forced policy holds for the owner of the table too: only BYPASSRLS passes.
func TestRowLevelSecurityIsOnEveryTable(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	require.Empty(t, column[string](t, d.Owner, `
		SELECT c.relname || CASE WHEN NOT c.relrowsecurity THEN ': not enabled' WHEN NOT c.relforcerowsecurity THEN ': not forced' ELSE ': no policy' END
		FROM pg_class c
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> $1
		  AND NOT (c.relrowsecurity AND c.relforcerowsecurity
		           AND (c.relispartition OR EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid)))`, notOurs))
}

// app may see one tenant alone, by the same words everywhere: a policy for app
// that says anything else is a hole.
func TestPoliciesOfApp(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	rows, err := d.Owner.Query(t.Context(), `
		SELECT tablename, policyname, permissive, roles::text[], cmd, coalesce(qual, ''), coalesce(with_check, '') FROM pg_policies WHERE schemaname = 'public'`)
	require.NoError(t, err)
	seen := map[string]bool{}
	var name, policy, permissive, cmd, using, check string
	var roles []string
	_, err = pgx.ForEachRow(rows, []any{&name, &policy, &permissive, &roles, &cmd, &using, &check}, func() error {
		require.Len(t, roles, 1, "%s.%s", name, policy)
		require.NotContains(t, roles, "public", "%s.%s", name, policy)
		if roles[0] != db.RoleApp {
			return nil
		}
		key := "org_id"
		if name == "organizations" {
			key = "id"
		}
		want := fmt.Sprintf("(%s = ( SELECT current_org() AS current_org))", key)
		require.Equal(t, []string{"PERMISSIVE", "ALL", want, want}, []string{permissive, cmd, using, check}, "%s.%s", name, policy)
		seen[name] = true
		return nil
	})
	require.NoError(t, err)
	for _, table := range tables(t, d.Owner) {
		if table.hasOrg {
			require.True(t, seen[table.name], "%s has no policy for app", table.name)
		}
	}
}

func TestPartitionsOfTheAuditLog(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	require.NoError(t, d.System.Read().EnsureAuditPartitions(t.Context()))
	partitions := column[string](t, d.Owner, `SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'audit_log'::regclass ORDER BY 1`)
	require.Len(t, partitions, 4, "this month, the next two and the default: %v", partitions)
	for role, url := range runtimeRoles(d.URLs) {
		conn := dbtest.Connect(t, url)
		for _, p := range partitions {
			for _, s := range []string{"SELECT FROM ", "DELETE FROM ", "TRUNCATE "} {
				_, err := conn.Exec(t.Context(), s+p)
				require.ErrorContains(t, err, "permission denied", "%s as %s", s+p, role)
			}
		}
	}
}

// Attempts are dropped by the week of their last day, and what no week holds is kept
// until its own.
func TestPartitionsOfAttempts(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	f := dbtest.Tenant(t, d) // its attempt is in the default partition
	turn := func() int32 {
		dropped, err := d.System.Read().TurnAttemptPartitions(t.Context(), 40)
		require.NoError(t, err)
		return dropped
	}
	require.Zero(t, turn())
	require.Zero(t, turn(), "again, nothing happens")
	partitions := `SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'delivery_attempts'::regclass ORDER BY 1`
	made := column[string](t, d.Owner, partitions)
	require.Len(t, made, 7, "this week and those of forty days, less the one that the default holds, and the default")
	d.Exec(t, `CREATE TABLE delivery_attempts_20200101 PARTITION OF delivery_attempts FOR VALUES FROM ('2020-01-01') TO ('2020-01-08')`)
	d.Exec(t, `INSERT INTO delivery_attempts (org_id, destination_id, event_id, number, started_at, keep_until, url, request_headers)
		VALUES ($1, $2, $3, 1, now(), '2020-01-01', '', '[]'), ($1, $2, $3, 2, now(), '2019-06-01', '', '[]')`, f.Org, f.Destination, f.Notification)
	require.EqualValues(t, 1, turn())
	require.Equal(t, made, column[string](t, d.Owner, partitions))
	require.Equal(t, []int32{1}, column[int32](t, d.Owner, `SELECT number FROM delivery_attempts`), "the fixture's alone")
	for role, url := range runtimeRoles(d.URLs) {
		conn := dbtest.Connect(t, url)
		for _, p := range made {
			_, err := conn.Exec(t.Context(), "SELECT FROM "+p)
			require.ErrorContains(t, err, "permission denied", "%s as %s", p, role)
		}
	}
}

// columnsOf is SQL for the names of columns by their numbers.
func columnsOf(relation, numbers string) string {
	return fmt.Sprintf(`(SELECT array_agg(a.attname::text ORDER BY k.n) FROM unnest(%s::int2[]) WITH ORDINALITY k(attnum, n)
		JOIN pg_attribute a ON a.attrelid = %s AND a.attnum = k.attnum)`, numbers, relation)
}

func TestTenantKeysBeginWithOrgID(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	type key struct {
		Table, Index string
		Primary      bool
		Columns      []string
	}
	rows, err := d.Owner.Query(t.Context(), `
		SELECT c.relname, i.indexrelid::regclass::text, i.indisprimary, `+columnsOf("c.oid", "i.indkey")+`
		FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
		WHERE c.relnamespace = 'public'::regnamespace AND i.indisunique AND c.relname <> $1`, notOurs)
	require.NoError(t, err)
	keys, err := pgx.CollectRows(rows, pgx.RowToStructByPos[key])
	require.NoError(t, err)
	primary := map[string]bool{}
	for _, k := range keys {
		primary[k.Table] = primary[k.Table] || k.Primary
		if _, global := globalTables[k.Table]; !global {
			require.NotEmpty(t, k.Columns, k.Index)
			require.Equal(t, "org_id", k.Columns[0],
				"%s: a unique key without org_id tells one tenant what another has, and stands in the way of it", k.Index)
		}
	}
	for _, table := range tables(t, d.Owner) {
		require.True(t, primary[table.name], "%s has no primary key", table.name)
	}
}

// crossTenant foreign keys between organizations are meant.
var crossTenant = map[string]string{
	"organizations.organizations_parent_org_id_fkey": "a partner and its master",
}

// Referential checks run past every policy: a foreign key without org_id would
// let a row point into another tenant.
func TestForeignKeysCarryTheTenant(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	type reference struct {
		Table, Name, Target string
		From, To            []string
	}
	rows, err := d.Owner.Query(t.Context(), `
		SELECT c.relname, k.conname, f.relname, `+columnsOf("c.oid", "k.conkey")+`, `+columnsOf("f.oid", "k.confkey")+`
		FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class f ON f.oid = k.confrelid
		WHERE k.contype = 'f' AND c.relnamespace = 'public'::regnamespace`)
	require.NoError(t, err)
	references, err := pgx.CollectRows(rows, pgx.RowToStructByPos[reference])
	require.NoError(t, err)
	require.NotEmpty(t, references)
	for _, r := range references {
		name := r.Table + "." + r.Name
		switch _, global := globalTables[r.Target]; {
		case crossTenant[name] != "":
		case r.Target == "organizations":
			require.Equal(t, []string{"org_id"}, r.From, name)
		case !global:
			require.Equal(t, "org_id", r.From[0], name)
			require.Equal(t, "org_id", r.To[0], name)
		}
	}
}

func TestFunctionsAndViews(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	require.Empty(t, column[string](t, d.Owner, `
		SELECT p.oid::regprocedure::text FROM pg_proc p
		WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef
		  AND NOT EXISTS (SELECT 1 FROM unnest(p.proconfig) s WHERE s LIKE 'search_path=%')`),
		"SECURITY DEFINER without a search_path runs what the caller puts in its way")
	require.Empty(t, column[string](t, d.Owner, `
		SELECT p.oid::regprocedure::text FROM pg_proc p
		WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef AND has_function_privilege('public', p.oid, 'EXECUTE')`),
		"SECURITY DEFINER that everybody may call")
	require.Empty(t, column[string](t, d.Owner, `
		SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
		  AND (c.relkind = 'm' OR c.relkind = 'v' AND NOT coalesce(c.reloptions, '{}') @> '{security_invoker=true}')`),
		"a view reads as its owner, past every policy, unless it is a security_invoker; a materialized one always does")
}

func TestRolesAreSmall(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	others := []string{db.RoleOwner, db.RoleApp, db.RoleIdentity, db.RoleSystem, db.RoleAdmin, "postgres"}
	for role, url := range runtimeRoles(d.URLs) {
		require.False(t, one[bool](t, d.Owner, `
			SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication FROM pg_roles WHERE rolname = $1`, role), role)
		require.Zero(t, one[int](t, d.Owner, `
			SELECT (SELECT count(*) FROM pg_class WHERE relowner = r.oid) + (SELECT count(*) FROM pg_proc WHERE proowner = r.oid)
			  + (SELECT count(*) FROM pg_namespace WHERE nspowner = r.oid) + (SELECT count(*) FROM pg_auth_members WHERE member = r.oid)::int
			FROM pg_roles r WHERE r.rolname = $1`, role), "%s owns something, or is a member of another role", role)
		conn := dbtest.Connect(t, url)
		for _, other := range slices.DeleteFunc(slices.Clone(others), func(s string) bool { return s == role }) {
			_, err := conn.Exec(t.Context(), "SET ROLE "+other)
			require.ErrorContains(t, err, "permission denied", "%s became %s", role, other)
		}
		for _, s := range []string{"CREATE TABLE mine ()", "CREATE TEMP TABLE mine ()", "CREATE SCHEMA mine", "SET row_security = off; SELECT FROM memberships"} {
			_, err := conn.Exec(t.Context(), s)
			require.Error(t, err, "%s as %s", s, role)
		}
		_, err := conn.Exec(t.Context(), "SELECT FROM "+notOurs)
		require.ErrorContains(t, err, "permission denied", role)
	}
	require.Equal(t, [2]bool{false, true}, [2]bool{
		one[bool](t, d.Owner, `SELECT rolsuper FROM pg_roles WHERE rolname = $1`, db.RoleOwner),
		one[bool](t, d.Owner, `SELECT rolbypassrls FROM pg_roles WHERE rolname = $1`, db.RoleOwner),
	}, "the owner migrates past every policy, and is no superuser")
}

// The longest wait for a lock is bounded by what each role has set.
func TestRolesGiveUp(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	for role, url := range runtimeRoles(d.URLs) {
		conn := dbtest.Connect(t, url)
		require.Equal(t, "30s", one[string](t, conn, "SHOW statement_timeout"), role)
		require.Equal(t, "30s", one[string](t, conn, "SHOW idle_in_transaction_session_timeout"), role)
	}
}

// A table with ciphertexts that nobody counts would keep its rows under a key
// that an operator retires.
func TestEveryCiphertextIsCountedByItsKey(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	counted := queries(t)["SealedRowsByKey"].sql
	sealed := column[string](t, d.Owner, `
		SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attname = 'ciphertext'`)
	require.Contains(t, sealed, "credentials")
	for _, name := range sealed {
		require.Contains(t, counted, "FROM "+name+" GROUP BY key_id", "count %s in SealedRowsByKey, and have it sealed anew", name)
	}
	// The dispatcher counts and never reads one.
	for _, column := range []string{"ciphertext", "hint"} {
		require.False(t, one[bool](t, d.Owner, `SELECT has_column_privilege($1, 'credentials', $2, 'SELECT')`, db.RoleSystem, column))
	}
}
