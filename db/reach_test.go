package db_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/dbtest"
)

// What each role of the running product may do with each table, and on which
// rows, in testdata/rights.csv: a review sees every grant and every policy.
func TestWhatEachRoleReaches(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	table := [][]string{{"table", "role", "whole rows", "columns", "rows"}}
	rows, err := d.Owner.Query(t.Context(), `
		SELECT c.relname::text, substr(r.rolname, 10),
		  (SELECT coalesce(string_agg(p, ' ' ORDER BY p), '') FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) p
		   WHERE has_table_privilege(r.oid, c.oid, p)),
		  (SELECT coalesce(string_agg(p || ' ' || a.attname, ', ' ORDER BY p, a.attname), '')
		   FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) p, pg_attribute a
		   WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		     AND has_column_privilege(r.oid, c.oid, a.attnum, p) AND NOT has_table_privilege(r.oid, c.oid, p)),
		  (SELECT coalesce(string_agg(l.cmd || CASE WHEN l.qual IS NULL THEN '' ELSE ' using ' || replace(l.qual, $2, 'the tenant') END
		     || CASE WHEN l.with_check IS NULL THEN '' ELSE ' check ' || replace(l.with_check, $2, 'the tenant') END, '; ' ORDER BY l.policyname), 'none')
		   FROM pg_policies l WHERE l.schemaname = 'public' AND l.tablename = c.relname AND l.roles && ARRAY[r.rolname, 'public'])
		FROM pg_class c, pg_roles r
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relname !~ '^audit_log_[0-9]'
		  AND r.rolname = ANY ($1) ORDER BY 1, 2`, []string{db.RoleApp, db.RoleIdentity, db.RoleSystem, db.RoleAdmin},
		`( SELECT current_org() AS current_org)`)
	require.NoError(t, err)
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) ([]string, error) {
		var c [5]string
		err := row.Scan(&c[0], &c[1], &c[2], &c[3], &c[4])
		return c[:], err
	})
	require.NoError(t, err)
	for _, row := range all {
		if row[2] == "" && row[3] == "" {
			continue // no right: what a policy says of it does not matter
		}
		table = append(table, row)
		// A policy that is never asked, or a right that no policy answers, is a mistake.
		require.NotEqual(t, "none", row[4], "%s has rights on %s and no row of it", row[1], row[0])
	}
	golden(t, "rights.csv", table)
}

// identity knows people and sessions, and nothing of what a tenant owns in a
// cloud; system plans work, and reads no person and no credential.
func TestWhatIdentityAndSystemDoNotReach(t *testing.T) {
	t.Parallel()
	x := setup(t)
	for role, closed := range map[string]string{
		db.RoleIdentity: "cloud_accounts credentials credential_drafts resources resource_tags schedules schedule_targets operations operation_schedules operation_targets agenda idempotency_keys",
		db.RoleSystem:   "users refresh_tokens memberships workspace_members resource_tags", // of credentials, whose and with which key they are sealed,
		db.RoleApp:      "users sessions refresh_tokens login_failures",
	} {
		conn := dbtest.Connect(t, runtimeRoles(x.d.URLs)[role])
		for name := range strings.SplitSeq(closed, " ") {
			for _, s := range []string{"SELECT FROM ", "SELECT count(*) FROM ", "DELETE FROM ", "LOCK TABLE ", "TABLE "} {
				tx := asTenant(t, conn, x.a.Org)
				_, err := tx.Exec(t.Context(), s+name)
				require.True(t, isDenied(err), "%s%s as %s: %v", s, name, role, err)
				require.NoError(t, tx.Rollback(t.Context()))
			}
		}
	}
	// A draft's secret, sealed as it is, is no business of who deletes old drafts;
	// system may read the row all the same, and cannot open it.
	system := dbtest.Connect(t, x.d.URLs.System)
	for _, s := range []string{
		`UPDATE schedules SET rule = '{}'`, `UPDATE schedules SET org_id = org_id`, `UPDATE cloud_accounts SET state = 'ok'`, `UPDATE cloud_accounts SET external_id = ''`,
		`INSERT INTO schedules SELECT * FROM schedules`, `UPDATE operations SET state = 'queued'`, `UPDATE operation_targets SET wanted = 'running'`, `DELETE FROM organizations`,
		`UPDATE organizations SET plan = 'enterprise'`, `UPDATE sessions SET expires_at = now()`, `INSERT INTO sessions SELECT * FROM sessions`, `UPDATE resources SET state = 'x'`,
	} {
		_, err := system.Exec(t.Context(), s)
		require.True(t, isDenied(err), "%s as system: %v", s, err)
	}
	app := asTenant(t, x.app, x.a.Org)
	for _, s := range []string{
		`UPDATE organizations SET plan = 'enterprise'`, `UPDATE organizations SET plan_until = NULL`, `UPDATE organizations SET id = gen_random_uuid()`, `UPDATE organizations SET parent_org_id = NULL`,
		`INSERT INTO organizations (id, name) VALUES (gen_random_uuid(), 'x')`, `DELETE FROM organizations`, `INSERT INTO memberships SELECT * FROM memberships`, `UPDATE memberships SET role = 'owner'`,
		`DELETE FROM memberships`, `INSERT INTO workspace_members SELECT * FROM workspace_members`, `UPDATE workspace_members SET role_override = 'admin'`, `DELETE FROM workspaces`,
		`DELETE FROM idempotency_keys`, `UPDATE idempotency_keys SET subject_id = gen_random_uuid()`, `DELETE FROM operations`,
	} {
		_, err := tryExec(t, app, s)
		require.True(t, isDenied(err), "%s as app: %v", s, err)
	}
}
