package db_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/db/dbtest"
	"github.com/cloudhub/cloudhub/db/gen"
)

// The attacker of this file holds app's connection: an injected statement, or a
// stolen password. What stops him, and what does not:
//
// The wall is the policy: a statement that says nothing of the tenant setting
// sees one tenant or none, whatever its form (a view of the catalog, COPY, XML,
// a cursor, an old plan, a cast that fails, a key that is taken). And it is the
// size of the role: no file, no program, no function of his own, no table, no
// other role, no way past the policies, no row of the record of changes undone.
//
// The wall is not the setting. Whoever can run any statement as app can name any
// tenant whose id he knows (TestWhoeverNamesATenantIsInIt); so no place that app
// can read tells him the id of another. Nor is it a wall against keeping others
// waiting: LOCK TABLE, a sleep in a transaction after raising its timeouts. And
// every role may change its own password and its own defaults, though not to a
// default tenant. How many rows a table has in all, and how much it is used, is
// in the catalog for everybody.

// marked are two tenants; what B has says so, in values that a planner keeps
// statistics of.
func marked(t *testing.T) bundle {
	t.Helper()
	x := setup(t)
	x.d.Exec(t, `UPDATE resources SET name = 'theirs-' || name, type = 'theirs' WHERE org_id = $1`, x.b.Org)
	x.d.Exec(t, `UPDATE resource_tags SET value = 'theirs' WHERE org_id = $1`, x.b.Org)
	x.d.Exec(t, `UPDATE workspaces SET name = 'theirs' WHERE org_id = $1`, x.b.Org)
	x.d.Exec(t, `INSERT INTO resources (org_id, workspace_id, id, cloud_account_id, kind, provider_id, name, region, zone, type, state, seen_at)
		SELECT $1, $2, gen_random_uuid(), $3, 'aws.ec2.instance', 'i-' || i, 'theirs-' || i % 3, 'us-east-1', 'us-east-1a', 'theirs', 'running', now()
		FROM generate_series(1, 500) i`, x.b.Org, x.b.Workspace, x.b.Account)
	x.d.Exec(t, `ANALYZE`)
	return x
}

// No catalog and no view of statistics or of other sessions tells one tenant
// what another has, nor its id.
func TestTheCatalogTellsNothingOfATenant(t *testing.T) {
	t.Parallel()
	x := marked(t)
	// B's own sessions: one in the middle of a transaction, one that has ended.
	begun, release, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- x.d.Tenants.InTenant(context.WithoutCancel(t.Context()), x.b.Org, func(*gen.Queries) error {
			close(begun)
			<-release
			return nil
		})
	}()
	t.Cleanup(func() { close(release); require.NoError(t, <-done) })
	<-begun
	tx := asTenant(t, x.app, x.a.Org)
	marks := []string{"theirs", x.b.Org.String(), x.b.Workspace.String(), x.b.User.String(), x.b.Account.String()}
	looked := 0
	for _, relation := range column[string](t, x.d.Owner, `
		SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'v', 'm') AND n.nspname IN ('pg_catalog', 'information_schema') ORDER BY 1`) {
		var found []string
		err := try(t, tx, func(tx pgx.Tx) error {
			rows, err := tx.Query(t.Context(), `SELECT x::text FROM `+relation+` x WHERE EXISTS (SELECT 1 FROM unnest($1::text[]) m WHERE strpos(x::text, m) > 0)`, marks)
			if err != nil {
				return err
			}
			found, err = pgx.CollectRows(rows, pgx.RowTo[string])
			return err
		})
		if err == nil {
			looked++
		} else {
			require.True(t, isDenied(err), "%s: %v", relation, err)
		}
		require.Empty(t, found, "%s tells of another tenant", relation)
	}
	require.Greater(t, looked, 150)
	// The search itself finds what there is to find.
	require.NotEmpty(t, column[string](t, x.d.Owner, `SELECT tablename::text FROM pg_stats s WHERE s::text LIKE '%theirs%'`))
}

// readings are ways to read a table, each with a %s for its name.
var readings = map[string]string{
	"a subquery":         `SELECT t::text FROM (SELECT * FROM %s OFFSET 0) t`,
	"only":               `SELECT t::text FROM ONLY %s t`,
	"a sample":           `SELECT t::text FROM %s t TABLESAMPLE SYSTEM (100)`,
	"by place":           `SELECT t::text FROM %s t WHERE ctid >= '(0,0)'`,
	"a lock":             `SELECT t::text FROM %s t FOR KEY SHARE`,
	"with":               `WITH t AS MATERIALIZED (SELECT * FROM %s) SELECT t::text FROM t`,
	"a self join":        `SELECT a::text FROM %[1]s a LEFT JOIN %[1]s b ON true`,
	"a full join":        `SELECT coalesce(a::text, b::text) FROM %[1]s a FULL JOIN %[1]s b ON a::text = b::text`,
	"lateral":            `SELECT l.r FROM (VALUES (1)) v, LATERAL (SELECT t::text r FROM %s t) l`,
	"an aggregate":       `SELECT string_agg(t::text, ' ') FROM %s t`,
	"least and greatest": `SELECT min(t::text) || max(t::text) FROM %s t`,
	"json":               `SELECT json_agg(t)::text FROM %s t`,
	"xml of a table":     `SELECT table_to_xml('%s', true, false, '')::text`,
	"xml of a query":     `SELECT query_to_xml('SELECT * FROM %s', true, false, '')::text`,
	"statistics of text": `SELECT word FROM ts_stat('SELECT to_tsvector(t::text) FROM %s t')`,
	"a recursion":        `WITH RECURSIVE r AS (SELECT t::text v FROM %[1]s t UNION SELECT t::text FROM %[1]s t, r) SELECT v FROM r`,
	"whatever it is":     `SELECT t::text FROM %s t WHERE true OR t IS NULL`,
}

// No form of reading goes past the policies: each table by each of them answers
// what is A's, and with no tenant nothing.
func TestNoFormOfReadingGoesPastThePolicies(t *testing.T) {
	t.Parallel()
	x := marked(t)
	for tenant, tx := range map[string]pgx.Tx{"A": asTenant(t, x.app, x.a.Org), "nobody": asTenant(t, dbtest.Connect(t, x.d.URLs.App), uuid.Nil)} {
		for name := range readable(t, x.d) {
			for how, form := range readings {
				if how == "a sample" && name == "audit_log" {
					form = strings.Replace(form, "SYSTEM", "BERNOULLI", 1)
				}
				var text string
				err := try(t, tx, func(tx pgx.Tx) error {
					rows, err := tx.Query(t.Context(), fmt.Sprintf(form, name))
					if err != nil {
						return err
					}
					got, err := pgx.CollectRows(rows, pgx.RowTo[*string])
					for _, v := range got {
						if v != nil {
							text += *v + "\n"
						}
					}
					return err
				})
				if how == "a lock" && len(columnsWith(t, x.d, name, "UPDATE")) == 0 {
					require.True(t, isDenied(err), "%s of %s: %v", how, name, err)
					continue
				}
				require.NoError(t, err, "%s of %s", how, name)
				if tenant == "A" && how != "only" && how != "statistics of text" {
					require.Contains(t, text, x.a.Org.String(), "%s of %s", how, name)
				}
				for _, mark := range []string{"theirs", x.b.Org.String(), x.b.Workspace.String(), x.b.User.String()} {
					require.NotContains(t, text, mark, "%s of %s as %s", how, name, tenant)
				}
				if tenant == "nobody" {
					require.NotContains(t, text, x.a.Org.String(), "%s of %s", how, name)
				}
			}
		}
	}
	// A whole schema at once meets tables that app has no right on, or its own rows.
	var all string
	err := x.app.QueryRow(t.Context(), `SELECT schema_to_xml('public', true, false, '')::text`).Scan(&all)
	require.NoError(t, err)
	require.NotContains(t, all, "theirs")
}

// notices collects what a connection's server says besides its answers.
func notices(t *testing.T, url string) (*pgx.Conn, *[]string) {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	require.NoError(t, err)
	said := &[]string{}
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { *said = append(*said, n.Message) }
	conn, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn, said
}

// A predicate that talks sees the rows of its tenant alone: the policy comes
// first, however cheap the predicate is, whatever the plan, and also while the
// planner asks it about the statistics. app cannot make such a function; that
// the owner once makes one is how this is shown.
func TestAPredicateThatTalksSeesOneTenant(t *testing.T) {
	t.Parallel()
	x := marked(t)
	x.d.Exec(t, `CREATE FUNCTION tell(text, text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE COST 0.0000001 AS
		$$ BEGIN RAISE NOTICE 'told %', $1; RETURN true; END $$`)
	x.d.Exec(t, `CREATE OPERATOR <<<< (FUNCTION = tell, LEFTARG = text, RIGHTARG = text, RESTRICT = scalarltsel)`)
	conn, said := notices(t, x.d.URLs.App)
	for _, settings := range []string{``, `SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off`, `SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off`} {
		tx := asTenant(t, conn, x.a.Org)
		_, err := tx.Exec(t.Context(), settings)
		require.NoError(t, err)
		for _, s := range []string{
			`SELECT FROM resources WHERE tell(name, '')`, `SELECT FROM resources WHERE name <<<< 'x'`,
			`EXPLAIN ANALYZE SELECT FROM resources WHERE name <<<< 'x' AND org_id IS NOT NULL`,
			`SELECT FROM resource_tags WHERE value <<<< 'x' OR value IS NULL`, `SELECT FROM workspaces JOIN resources USING (org_id) WHERE workspaces.name <<<< resources.name`,
			`UPDATE resources SET name = name WHERE name <<<< 'x'`, `DELETE FROM resource_tags WHERE value <<<< 'x'`,
			`SELECT FROM resources ORDER BY tell(name, '')`, `SELECT FROM resources GROUP BY tell(type, '') HAVING bool_or(tell(name, ''))`,
		} {
			*said = nil
			_, err := tryExec(t, tx, s)
			require.NoError(t, err, s)
			require.NotEmpty(t, *said, s)
			require.NotContains(t, strings.Join(*said, "\n"), "theirs", s)
		}
		require.NoError(t, tx.Rollback(t.Context()))
	}
	// The planner does ask: the owner, whom no policy binds, hears it.
	owner, said := notices(t, x.d.URLs.Owner)
	_, err := owner.Exec(t.Context(), `EXPLAIN SELECT FROM resources WHERE name <<<< 'x'`)
	require.NoError(t, err)
	require.Contains(t, strings.Join(*said, "\n"), "theirs")
}

// What PostgreSQL says of a value it cannot take is of the tenant's own row.
func TestAnErrorQuotesNobodyElsesRow(t *testing.T) {
	t.Parallel()
	x := marked(t)
	tx := asTenant(t, x.app, x.a.Org)
	for _, s := range []string{
		`SELECT FROM resources WHERE name::int = 1`, `SELECT FROM resources WHERE tags->>'env' = 'x' OR type::uuid IS NULL`,
		`SELECT FROM workspaces WHERE ('{' || name)::json IS NULL`, `SELECT FROM resource_tags WHERE value::date > now()`,
		`UPDATE resources SET name = name::int::text`, `SELECT 1 / (CASE WHEN count(*) > 400 THEN 0 ELSE 1 END) FROM resources`,
		`INSERT INTO resources SELECT * FROM resources`, `UPDATE resources SET id = '` + x.a.Resources[0].String() + `'`,
		`UPDATE schedules SET next_wanted = 'nonsense'`, `UPDATE operations SET state = NULL`,
	} {
		_, err := tryExec(t, tx, s)
		var pg *pgconn.PgError
		if errors.As(err, &pg) {
			require.NotContains(t, fmt.Sprintf("%+v", *pg), "theirs", s)
			require.NotContains(t, fmt.Sprintf("%+v", *pg), x.b.Org.String(), s)
		}
	}
	// A key that B has taken is free in A; a row of B in A's name is the policy's
	// to refuse before any key is looked at, so that it says nothing of keys.
	_, err := tryExec(t, tx, `INSERT INTO schedules (org_id, workspace_id, id, name, rule, tzdata, created_by, created_by_name)
		SELECT org_id, workspace_id, $1, name, rule, tzdata, created_by, created_by_name FROM schedules`, x.b.Schedule)
	require.NoError(t, err)
	refused := map[string]string{}
	for what, id := range map[string]uuid.UUID{"taken": x.b.Workspace, "free": dbtest.NewID(t)} {
		_, err := tryExec(t, tx, `INSERT INTO agenda (org_id, kind, subject, lane, due_at, look_at) VALUES ($1, 'timetable', $2, 1, now(), now())
			ON CONFLICT (org_id, kind, subject) DO UPDATE SET lane = 2`, x.b.Org, id.String())
		require.Error(t, err)
		refused[what] = err.Error()
	}
	require.Equal(t, refused["free"], refused["taken"])
}

// pointer is a foreign key of a table that app writes.
type pointer struct {
	Table, Name, Target string
	From, To            []string
}

// Every foreign key, from the catalog: a row of A that points at what B has is
// refused in the words that are said of what nobody has.
func TestNoForeignKeyReachesAnotherTenantNorTells(t *testing.T) {
	t.Parallel()
	x := setup(t)
	rows, err := x.d.Owner.Query(t.Context(), `
		SELECT c.relname, k.conname, f.relname, `+columnsOf("c.oid", "k.conkey")+`, `+columnsOf("f.oid", "k.confkey")+`
		FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class f ON f.oid = k.confrelid
		WHERE k.contype = 'f' AND c.relnamespace = 'public'::regnamespace ORDER BY 1, 2`)
	require.NoError(t, err)
	pointers, err := pgx.CollectRows(rows, pgx.RowToStructByPos[pointer])
	require.NoError(t, err)
	tx := asTenant(t, x.app, x.a.Org)
	tried := 0
	for _, p := range pointers {
		inserts := columnsWith(t, x.d, p.Table, "INSERT")
		last := p.From[len(p.From)-1]
		if len(p.From) < 2 || !slices.Contains(inserts, last) {
			continue // the organization itself, whose id the policy sets; or app does not write it
		}
		theirs := one[uuid.UUID](t, x.d.Owner, fmt.Sprintf(`SELECT %s FROM %s WHERE org_id = $1 LIMIT 1`, p.To[len(p.To)-1], p.Target), x.b.Org)
		said := map[string]string{}
		for what, id := range map[string]uuid.UUID{"theirs": theirs, "nobody's": dbtest.NewID(t)} {
			err := point(t, tx, p.Table, inserts, last, id)
			var pg *pgconn.PgError
			require.ErrorAs(t, err, &pg, "%s.%s points at %s", p.Table, p.Name, what)
			require.Equal(t, "23503", pg.Code, "%s.%s at %s: %v", p.Table, p.Name, what, err) // foreign_key_violation
			said[what] = strings.ReplaceAll(pg.Code+pg.Message+pg.Detail+pg.Hint, id.String(), "ID")
			tried++
		}
		require.Equal(t, said["nobody's"], said["theirs"], "%s.%s tells what another tenant has", p.Table, p.Name)
	}
	require.GreaterOrEqual(t, tried, 20)
}

// point writes a row of a table again with one column bent, and a new id where
// the table has one. Where the row's key is taken all the same, it is bent in
// place.
func point(t *testing.T, tx pgx.Tx, table string, columns []string, column string, value uuid.UUID) error {
	t.Helper()
	values := slices.Clone(columns)
	for i, c := range columns {
		subjects := []string{"schedule_id", "resource_id"}
		if table == "holds" && c != column && slices.Contains(subjects, c) && slices.Contains(subjects, column) {
			values[i] = "null" // a hold has one subject
		}
		if c == "id" {
			values[i] = "gen_random_uuid()"
		}
		if c == column {
			values[i] = "$1::uuid"
		}
	}
	_, err := tryExec(t, tx, fmt.Sprintf(`INSERT INTO %s (%s) SELECT %s FROM %s LIMIT 1`, table, strings.Join(columns, ", "), strings.Join(values, ", "), table), value)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23505" { // unique_violation
		_, err = tryExec(t, tx, fmt.Sprintf(`UPDATE %s SET %s = $1`, table, column), value)
	}
	return err
}
