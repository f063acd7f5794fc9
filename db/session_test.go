package db_test

import (
	"errors"
	"fmt"
	"os"
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

// A statement prepared once serves one tenant after another on one connection,
// by a plan of its own each time and by one plan for all; and so does an error
// in between.
func TestAPreparedStatementBelongsToNoTenant(t *testing.T) {
	t.Parallel()
	x := setup(t)
	const named = `SELECT DISTINCT org_id FROM resources`
	for _, mode := range []string{"force_custom_plan", "force_generic_plan", "auto"} {
		conn := dbtest.Connect(t, x.d.URLs.App)
		_, err := conn.Exec(t.Context(), "SET plan_cache_mode = "+mode)
		require.NoError(t, err)
		_, err = conn.Prepare(t.Context(), "everything", named)
		require.NoError(t, err)
		for i := range 12 { // "auto" changes its mind after five
			for _, org := range []uuid.UUID{x.a.Org, x.b.Org, uuid.Nil} {
				tx := asTenant(t, conn, org)
				want := []uuid.UUID{org}
				if org == uuid.Nil {
					want = nil
				}
				require.ElementsMatch(t, want, column[uuid.UUID](t, tx, "everything"), "%s, time %d", mode, i)
				_, err := tx.Exec(t.Context(), `SELECT 1 / 0`)
				require.Error(t, err)
				require.Error(t, tx.Commit(t.Context()), "a transaction that failed is not committed")
				require.Empty(t, column[uuid.UUID](t, conn, "everything"), "%s: after an error, in no transaction", mode)
			}
		}
	}
}

// What the product runs is cached by text on each connection: one connection,
// two tenants, all of it in turns.
func TestTheStatementCacheBelongsToNoTenant(t *testing.T) {
	t.Parallel()
	x := setup(t)
	pool, err := db.Connect(t.Context(), db.Options{URL: x.d.URLs.App, MaxConns: 1})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	tenants := db.NewTenants(pool)
	for range 8 {
		for _, f := range []dbtest.Fixture{x.a, x.b} {
			require.NoError(t, tenants.InTenant(t.Context(), f.Org, func(q *gen.Queries) error {
				ids, err := q.ListAccountIDs(t.Context(), gen.ListAccountIDsParams{OrgID: f.Org, WorkspaceID: f.Workspace})
				require.Equal(t, []uuid.UUID{f.Account}, ids)
				return err
			}))
			require.NoError(t, tenants.InTenant(t.Context(), f.Org, func(q *gen.Queries) error {
				other := x.a
				if f.Org == x.a.Org {
					other = x.b
				}
				ids, err := q.ListAccountIDs(t.Context(), gen.ListAccountIDsParams{OrgID: other.Org, WorkspaceID: other.Workspace})
				require.Empty(t, ids)
				return err
			}))
		}
	}
}

// What an injected statement leaves on a connection is there when the next
// request borrows it. None of it puts that request into another tenant.
func TestWhatIsLeftOnAConnectionMovesNobodysTenant(t *testing.T) {
	t.Parallel()
	x := setup(t)
	b := x.b.Org.String()
	for name, statements := range map[string][]string{
		"a setting for the session":   {`SET cloudhub.org_id = '` + b + `'`},
		"a setting by function":       {`SELECT set_config('cloudhub.org_id', '` + b + `', false)`},
		"a search path":               {`SET search_path = pg_temp, pg_catalog, public`},
		"the policies off":            {`SET row_security = off`},
		"another authorization":       {`SET ROLE NONE`, `SET SESSION AUTHORIZATION DEFAULT`},
		"a transaction left open":     {`BEGIN`, `SELECT set_config('cloudhub.org_id', '` + b + `', true)`},
		"a transaction that failed":   {`BEGIN`, `SELECT set_config('cloudhub.org_id', '` + b + `', true)`, `SELECT 1 / 0`},
		"a cursor that is held":       {`BEGIN`, `SELECT set_config('cloudhub.org_id', '` + b + `', true)`, `DECLARE held CURSOR WITH HOLD FOR SELECT * FROM resources`, `COMMIT`},
		"a lock that is held":         {`SELECT pg_advisory_lock(1)`},
		"a plan of its own":           {`SELECT set_config('cloudhub.org_id', '` + b + `', false)`, `PREPARE mine AS SELECT * FROM resources`, `EXECUTE mine`},
		"a name for a channel":        {`LISTEN anything`},
		"another zone and other text": {`SET timezone = 'Asia/Tokyo'`, `SET client_encoding = 'LATIN1'`, `SET DateStyle = 'German'`},
	} {
		pool, err := db.Connect(t.Context(), db.Options{URL: x.d.URLs.App, MaxConns: 1})
		require.NoError(t, err)
		for _, s := range statements {
			_, err := pool.Exec(t.Context(), s, pgx.QueryExecModeSimpleProtocol)
			if s != `SELECT 1 / 0` {
				require.NoError(t, err, "%s: %s", name, s)
			}
		}
		err = db.NewTenants(pool).InTenant(t.Context(), x.a.Org, func(q *gen.Queries) error {
			for _, f := range []struct {
				of   dbtest.Fixture
				want []uuid.UUID
			}{{x.a, []uuid.UUID{x.a.Account}}, {x.b, nil}} {
				ids, err := q.ListAccountIDs(t.Context(), gen.ListAccountIDsParams{OrgID: f.of.Org, WorkspaceID: f.of.Workspace})
				if err != nil {
					return err
				}
				require.ElementsMatch(t, f.want, ids, name)
			}
			return nil
		})
		if name == "the policies off" {
			require.True(t, isDenied(err), "a query that a policy would have narrowed is refused: %v", err)
		} else {
			require.NoError(t, err, name)
		}
		pool.Close()
	}
}

// Every role may change its own defaults, but not to one that it made up: a
// default of app's cannot put its connections into a tenant.
func TestNoRoleHasATenantByDefault(t *testing.T) {
	t.Parallel()
	x := setup(t)
	database := one[string](t, x.app, `SELECT current_database()::text`)
	for _, where := range []string{"", " IN DATABASE " + database} {
		_, err := x.app.Exec(t.Context(), fmt.Sprintf(`ALTER ROLE %s%s SET cloudhub.org_id = '%s'`, db.RoleApp, where, x.b.Org))
		require.True(t, isDenied(err), "%v", err)
	}
}

// What a cursor answers is the tenant's in which it was first read.
func TestACursorDoesNotChangeItsTenant(t *testing.T) {
	t.Parallel()
	x := setup(t)
	tx := asTenant(t, x.app, x.a.Org)
	_, err := tx.Exec(t.Context(), `DECLARE c SCROLL CURSOR FOR SELECT org_id FROM resources`)
	require.NoError(t, err)
	require.Equal(t, []uuid.UUID{x.a.Org}, column[uuid.UUID](t, tx, `FETCH 1 FROM c`))
	_, err = tx.Exec(t.Context(), `SELECT set_config('cloudhub.org_id', $1, true)`, x.b.Org.String())
	require.NoError(t, err)
	for _, org := range column[uuid.UUID](t, tx, `FETCH ALL FROM c`) {
		require.Equal(t, x.a.Org, org)
	}
	require.NotContains(t, column[uuid.UUID](t, tx, `FETCH BACKWARD ALL FROM c`), x.b.Org)
}

// The setting is by design app's to set: this is what the policies are no wall
// against, said here so that nobody takes them for one. Only an id that is one
// counts.
func TestWhoeverNamesATenantIsInIt(t *testing.T) {
	t.Parallel()
	x := setup(t)
	tx := asTenant(t, x.app, x.a.Org)
	_, err := tx.Exec(t.Context(), `SELECT set_config('cloudhub.org_id', $1, true)`, x.b.Org.String())
	require.NoError(t, err)
	require.Equal(t, []uuid.UUID{x.b.Org}, column[uuid.UUID](t, tx, `SELECT DISTINCT org_id FROM resources`))
	for _, s := range []string{"x", "' OR true --", "%", x.b.Org.String() + "," + x.a.Org.String(), "{" + x.b.Org.String()} {
		_, err := tryExec(t, tx, `SELECT set_config('cloudhub.org_id', $1, true)`, s)
		require.NoError(t, err)
		require.ErrorContains(t, try(t, tx, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), `SELECT set_config('cloudhub.org_id', $1, true)`, s)
			require.NoError(t, err)
			_, err = tx.Exec(t.Context(), `SELECT FROM resources`)
			return err
		}), "invalid input syntax for type uuid", s)
	}
}

// beyondTheDatabase is what a database can do to the machine, to other databases
// and to itself. No role of the running product may do any of it.
var beyondTheDatabase = []string{
	// Files and programs.
	`COPY (SELECT 1) TO PROGRAM 'true'`, `COPY (SELECT 1) TO '/tmp/x'`, `SELECT pg_read_file('/etc/passwd')`, `SELECT pg_read_binary_file('PG_VERSION')`,
	`SELECT pg_ls_dir('/')`, `SELECT pg_stat_file('PG_VERSION')`, `SELECT * FROM pg_hba_file_rules`, `SELECT * FROM pg_file_settings`,
	`SELECT lo_import('/etc/passwd')`, `SELECT lo_export(1, '/tmp/x')`, `LOAD 'plpgsql'; LOAD '/tmp/x'`, `SELECT pg_ls_logdir()`, `SELECT pg_ls_waldir()`,
	`SHOW hba_file`, `SHOW data_directory`, `SELECT pg_current_logfile()`,
	// Large objects have no policy, and belong to a role and not to a tenant.
	`SELECT lo_create(0)`, `SELECT lo_creat(-1)`, `SELECT lo_from_bytea(0, 'x')`, `SELECT lo_open(1, 131072)`, `SELECT lo_unlink(1)`, `SELECT lo_put(1, 0, 'x')`,
	`SELECT lo_get(1)`,
	// Code of one's own, and what others would then run.
	`CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'`, `CREATE FUNCTION pg_temp.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
	`CREATE OR REPLACE FUNCTION current_org() RETURNS uuid LANGUAGE sql AS 'SELECT gen_random_uuid()'`, `ALTER FUNCTION current_org() SECURITY DEFINER`,
	`ALTER FUNCTION current_org() SET cloudhub.org_id = 'x'`, `DROP FUNCTION bump_version() CASCADE`, `CREATE OPERATOR <<<< (FUNCTION = texteq, LEFTARG = text, RIGHTARG = text)`,
	`CREATE TYPE mine AS (a int)`, `CREATE DOMAIN mine AS int`, `CREATE VIEW mine AS SELECT 1`, `CREATE TEMP VIEW mine AS SELECT 1`, `CREATE TEMP TABLE resources (a int)`,
	`SELECT 1 INTO TEMP mine`, `CREATE TEMP SEQUENCE mine`, `CREATE SCHEMA mine`, `CREATE AGGREGATE mine (int) (SFUNC = int4pl, STYPE = int)`, `CREATE CAST (int AS uuid) WITH INOUT`,
	`CREATE TRIGGER mine BEFORE INSERT ON resources FOR EACH ROW EXECUTE FUNCTION bump_version()`, `CREATE RULE mine AS ON SELECT TO resources DO INSTEAD SELECT 1`,
	`CREATE EVENT TRIGGER mine ON ddl_command_start EXECUTE FUNCTION bump_version()`, `ALTER TABLE resources DISABLE TRIGGER ALL`, `SET session_replication_role = replica`,
	`CREATE INDEX ON resources (lower(name))`, `CREATE STATISTICS mine ON name, type FROM resources`, `CREATE TABLE mine (a int) PARTITION BY RANGE (a)`,
	`ALTER TABLE audit_log ATTACH PARTITION audit_log_default DEFAULT`, `CREATE POLICY mine ON resources USING (true)`, `ALTER POLICY tenant ON resources USING (true)`,
	`DROP POLICY tenant ON resources`, `ALTER TABLE resources NO FORCE ROW LEVEL SECURITY`, `ALTER TABLE resources OWNER TO CURRENT_USER`, `COMMENT ON TABLE resources IS 'x'`,
	`ALTER DEFAULT PRIVILEGES FOR ROLE cloudhub_owner GRANT ALL ON TABLES TO PUBLIC`, `REASSIGN OWNED BY cloudhub_owner TO CURRENT_USER`,
	// Other roles, other databases, the whole server.
	`SET ROLE pg_read_all_data`, `SET ROLE pg_execute_server_program`, `SET SESSION AUTHORIZATION postgres`, `GRANT cloudhub_owner TO CURRENT_USER`, `CREATE ROLE mine`,
	`ALTER ROLE CURRENT_USER BYPASSRLS`, `ALTER ROLE cloudhub_owner PASSWORD 'x'`, `ALTER ROLE cloudhub_owner SET row_security = off`, `SELECT * FROM pg_authid`, `SELECT * FROM pg_shadow`,
	`CREATE DATABASE mine`, `ALTER DATABASE %[1]s SET cloudhub.org_id = 'x'`, `DROP DATABASE %[1]s`, `ALTER SYSTEM SET row_security = off`, `SELECT pg_reload_conf()`,
	`CREATE EXTENSION dblink`, `CREATE EXTENSION postgres_fdw`, `CREATE EXTENSION file_fdw`, `CREATE EXTENSION pg_trgm`, `CREATE LANGUAGE mine HANDLER plpgsql_call_handler`,
	`CREATE FOREIGN DATA WRAPPER mine`, `CREATE PUBLICATION mine FOR TABLE resources`, `CREATE SUBSCRIPTION mine CONNECTION 'x' PUBLICATION x`,
	`SELECT pg_create_physical_replication_slot('mine')`, `SELECT pg_create_logical_replication_slot('mine', 'pgoutput')`, `SELECT pg_switch_wal()`, `SELECT pg_promote()`,
	`CREATE TABLESPACE mine LOCATION '/tmp'`, `SELECT pg_stat_reset()`, `SELECT pg_stat_get_backend_activity(1) FROM pg_statistic`,
	`CREATE ACCESS METHOD mine TYPE INDEX HANDLER bthandler`, `CREATE COLLATION mine (LOCALE = 'C')`, `CREATE TEXT SEARCH CONFIGURATION mine (COPY = simple)`,
	`SELECT pg_terminate_backend(pid) FROM pg_stat_activity`, `SELECT pg_cancel_backend(pid) FROM pg_stat_activity`,
	// Rows of everybody at once, and what says how far time and versions are.
	`TRUNCATE resources`, `SELECT setval('row_version', 1)`, `SELECT setval('agenda_lease', 1)`, `SELECT last_value FROM row_version`,
	`SELECT * FROM audit_log_default`, `INSERT INTO audit_log_default SELECT * FROM audit_log`, `COPY audit_log_default TO STDOUT`, `BEGIN; LOCK TABLE audit_log_default`,
	`SELECT * FROM goose_db_version`, `SELECT * FROM pg_statistic`, `SELECT * FROM pg_statistic_ext_data`, `CLUSTER resources USING resources_list`, `REINDEX TABLE resources`,
	`ALTER SEQUENCE row_version RESTART`,
}

func TestNoRoleReachesBeyondTheDatabase(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	for role, url := range runtimeRoles(d.URLs) {
		conn := dbtest.Connect(t, url)
		database := one[string](t, conn, `SELECT current_database()::text`)
		for _, s := range beyondTheDatabase {
			s = strings.ReplaceAll(s, "%[1]s", database)
			_, err := conn.PgConn().Exec(t.Context(), s).ReadAll()
			var pg *pgconn.PgError
			if !errors.As(err, &pg) {
				t.Errorf("%s as %s: %v", s, role, err)
			} else if missing := strings.HasPrefix(s, "CREATE EXTENSION") && pg.Code == "0A000"; pg.Code != "42501" && !missing {
				t.Errorf("%s as %s: %s %s", s, role, pg.Code, pg.Message)
			}
			_, err = conn.Exec(t.Context(), `ROLLBACK`)
			require.NoError(t, err)
		}
	}
}

// A grant by who may not give it is a warning to PostgreSQL, and nothing more.
func TestNobodyGivesAwayWhatHeHas(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	rights := func() string {
		return one[string](t, d.Owner, `SELECT string_agg(relname || coalesce(relacl::text, ''), ' ' ORDER BY oid) FROM pg_class WHERE relnamespace = 'public'::regnamespace`)
	}
	before := rights()
	for _, url := range runtimeRoles(d.URLs) {
		conn := dbtest.Connect(t, url)
		for _, table := range tables(t, d.Owner) {
			for _, s := range []string{"GRANT SELECT ON %s TO PUBLIC", "GRANT ALL ON %s TO CURRENT_USER", "REVOKE ALL ON %s FROM cloudhub_owner"} {
				_, err := conn.Exec(t.Context(), fmt.Sprintf(s, table.name))
				require.True(t, err == nil || isDenied(err), "%v", err)
			}
		}
	}
	require.Equal(t, before, rights())
}

// An administrator of a cluster runs deploy/postgres/roles.sql; the embedded
// server and the tests run Bootstrap. They are one.
func TestTheAdministratorsFileIsWhatBootstrapDoes(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	file, err := os.ReadFile("../deploy/postgres/roles.sql")
	require.NoError(t, err)
	at := strings.Index(string(file), "DO $$")
	require.Positive(t, at)
	super := dbtest.Superuser(t, d)
	open := func() []string {
		return column[string](t, d.Owner, `SELECT p.oid::regprocedure::text FROM pg_proc p
			WHERE pronamespace = 'pg_catalog'::regnamespace AND has_function_privilege('public', p.oid, 'EXECUTE') ORDER BY 1`)
	}
	before := open()
	_, err = super.Exec(t.Context(), `GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pg_catalog TO PUBLIC`)
	require.NoError(t, err)
	all := open()
	require.Greater(t, len(all), len(before))
	_, err = super.Exec(t.Context(), string(file)[at:])
	require.NoError(t, err)
	after := open()
	for _, f := range all {
		if strings.HasPrefix(f, "lo_") || strings.HasPrefix(f, "pg_terminate_backend") {
			require.NotContains(t, after, f)
			require.NotContains(t, before, f)
		}
	}
	require.Greater(t, len(all), len(after))
	// A dump says so too, and the owner restores it without an error.
	for _, s := range []string{`REVOKE ALL ON FUNCTION pg_catalog.lo_create(oid) FROM PUBLIC`, `GRANT ALL ON FUNCTION pg_catalog.lo_create(oid) TO cloudhub_owner`} {
		d.Exec(t, s)
	}
}
