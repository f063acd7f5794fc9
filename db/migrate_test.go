package db_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/dbtest"
)

// shape is everything a migration makes, as text that can be compared.
const shape = `
	SELECT format('%s %s %s %s', c.relkind, c.relname, c.relrowsecurity, c.relacl) FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
	UNION ALL SELECT format('%s %s %s', attrelid::regclass, attname, attacl) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
	  WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
	UNION ALL SELECT format('%s %s', conrelid::regclass, pg_get_constraintdef(oid)) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
	UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
	UNION ALL SELECT pg_get_triggerdef(g.oid) FROM pg_trigger g WHERE NOT tgisinternal
	UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
	UNION ALL SELECT format('%s %s %s %s %s %s', tablename, policyname, roles, cmd, qual, with_check) FROM pg_policies WHERE schemaname = 'public'
	ORDER BY 1`

func TestMigrationsGoUpDownAndUp(t *testing.T) {
	t.Parallel()
	urls := dbtest.NewEmpty(t)
	owner := dbtest.Connect(t, urls.Owner)
	applied, err := db.Migrate(t.Context(), urls.Owner)
	require.NoError(t, err)
	status, err := db.MigrationStatus(t.Context(), urls.Owner)
	require.NoError(t, err)
	require.Len(t, status, applied)
	for _, m := range status {
		require.True(t, m.Applied, m.Name)
	}
	before := column[string](t, owner, shape)

	// One at a time, so that each one's way down is its own.
	for i := len(status) - 1; i >= 0; i-- {
		require.NoError(t, db.MigrateDownTo(t.Context(), urls.Owner, status[i].Version-1), status[i].Name)
	}
	require.Equal(t, []string{notOurs}, column[string](t, owner, `
		SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')`))
	require.Empty(t, column[string](t, owner, `
		SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'S' AND relname NOT LIKE 'goose%'
		UNION ALL SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
		UNION ALL SELECT typname::text FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typname NOT LIKE '%goose%'`))

	again, err := db.Migrate(t.Context(), urls.Owner)
	require.NoError(t, err)
	require.Equal(t, applied, again)
	require.Equal(t, before, column[string](t, owner, shape))
	nothing, err := db.Migrate(t.Context(), urls.Owner)
	require.NoError(t, err)
	require.Zero(t, nothing)
}

// Two processes of a new version start at the same moment.
func TestTwoMigrateAtOnce(t *testing.T) {
	t.Parallel()
	urls := dbtest.NewEmpty(t)
	var applied [2]int
	var failed [2]error
	var wait sync.WaitGroup
	for i := range applied {
		wait.Go(func() { applied[i], failed[i] = db.Migrate(t.Context(), urls.Owner) })
	}
	wait.Wait()
	require.NoError(t, errors.Join(failed[:]...))
	status, err := db.MigrationStatus(t.Context(), urls.Owner)
	require.NoError(t, err)
	require.Equal(t, len(status), applied[0]+applied[1], "each migration was applied once")
}

// Somebody starts last month's binary on this month's database.
func TestANewerSchemaIsRefused(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	d.Exec(t, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)`)
	_, err := db.Migrate(t.Context(), d.URLs.Owner)
	require.ErrorIs(t, err, db.ErrNewerSchema)
}

// Only the owner may migrate: with the server's address nothing happens.
func TestAppCannotMigrate(t *testing.T) {
	t.Parallel()
	_, err := db.Migrate(t.Context(), dbtest.NewEmpty(t).App)
	require.ErrorContains(t, err, "permission denied")
}

// A migration that fills a column for everybody must reach everybody's rows,
// although the policies hold for the owner of a table too.
func TestABackfillReachesEveryTenant(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	a, b := dbtest.Tenant(t, d), dbtest.Tenant(t, d)
	const backfill = `UPDATE resources SET zone = 'filled'`
	filled := func() int {
		return one[int](t, d.Owner, `SELECT count(*)::int FROM resources WHERE zone = 'filled'`)
	}

	tag, err := dbtest.Connect(t, d.URLs.App).Exec(t.Context(), backfill)
	require.NoError(t, err, "it is silent")
	require.Zero(t, tag.RowsAffected())
	require.Zero(t, filled())
	d.Exec(t, backfill)
	require.Equal(t, len(a.Resources)+len(b.Resources), filled())
}

// Why the owner has BYPASSRLS, and what an administrator who made the roles by
// hand without it would not see. Roles are the whole server's, so this one is
// the test's own.
func TestAnOwnerWithoutBypassChangesNothing(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	dbtest.Tenant(t, d)
	super := dbtest.Superuser(t, d)
	role := "weak_owner_" + dbtest.NewID(t).String()[24:]
	_, err := super.Exec(t.Context(), fmt.Sprintf(`CREATE ROLE %[1]s; GRANT USAGE ON SCHEMA public TO %[1]s; ALTER TABLE resources OWNER TO %[1]s`, role))
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := super.Exec(context.Background(), fmt.Sprintf(`RESET ROLE; REASSIGN OWNED BY %[1]s TO %[2]s; DROP OWNED BY %[1]s; DROP ROLE %[1]s`, role, db.RoleOwner))
		require.NoError(t, err)
	})
	_, err = super.Exec(t.Context(), `SET ROLE `+role)
	require.NoError(t, err)
	tag, err := super.Exec(t.Context(), `UPDATE resources SET zone = 'filled'`)
	require.NoError(t, err, "it is silent")
	require.Zero(t, tag.RowsAffected())
}

// PostgreSQL crashed soon after the first migrations and has forgotten how far
// its sequence was: a later version migrates all the same.
func TestMigrateAfterASequenceWentBack(t *testing.T) {
	t.Parallel()
	urls := dbtest.NewEmpty(t)
	_, err := db.Migrate(t.Context(), urls.Owner)
	require.NoError(t, err)
	status, err := db.MigrationStatus(t.Context(), urls.Owner)
	require.NoError(t, err)
	require.NoError(t, db.MigrateDownTo(t.Context(), urls.Owner, status[len(status)-2].Version))
	conn := dbtest.Connect(t, urls.Owner)
	_, err = conn.Exec(t.Context(), `SELECT setval('goose_db_version_id_seq', 1)`)
	require.NoError(t, err)
	n, err := db.Migrate(t.Context(), urls.Owner)
	require.NoError(t, err)
	require.Equal(t, 1, n)
}
