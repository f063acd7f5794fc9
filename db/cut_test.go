package db_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/dbtest"
	"github.com/cloudhub/cloudhub/db/gen"
)

// endSessions is what a restart of PostgreSQL does to the pools.
func endSessions(t *testing.T, d *dbtest.DB) {
	t.Helper()
	_, err := dbtest.Superuser(t, d).Exec(t.Context(), `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
		WHERE datname = current_database() AND usename IN ('cloudhub_app', 'cloudhub_identity', 'cloudhub_system')`)
	require.NoError(t, err)
}

// The connections of a pool are those of a server that is gone: nobody who asks
// hears of it, and what was asked happens once.
func TestATransactionThatWasCutOffIsRunAgain(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	f := dbtest.Tenant(t, d)
	for range 3 {
		endSessions(t, d)
		user, err := d.Identity.Read().UserByID(t.Context(), f.User)
		require.NoError(t, err)
		require.Equal(t, f.User, user.ID)
		require.NoError(t, d.Identity.Tx(t.Context(), func(q *gen.Queries) error { _, err := q.UserByID(t.Context(), f.User); return err }))
		require.NoError(t, d.System.Tx(t.Context(), func(q *gen.Queries) error { _, err := q.SystemTime(t.Context()); return err }))
	}
	runs := 0
	err := d.Tenants.InTenant(t.Context(), f.Org, func(q *gen.Queries) error {
		runs++
		if err := q.Ask(t.Context(), gen.AskParams{OrgID: f.Org, Kind: "sync", Subject: "cut", Lane: 1}); err != nil {
			return err
		}
		if runs == 1 {
			endSessions(t, d)
		}
		_, err := q.Asked(t.Context(), gen.AskedParams{OrgID: f.Org, Kind: "sync", Subject: "cut"})
		return err
	})
	require.NoError(t, err)
	require.Equal(t, 2, runs)
	require.Equal(t, int64(1), one[int64](t, d.Owner, `SELECT asked FROM agenda WHERE subject = 'cut'`))
}

// A pool that is kept full holds more connections of a server that is gone than a
// transaction is run again.
func TestAPoolOfDeadConnectionsIsGivenUpAtOnce(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	f := dbtest.Tenant(t, d)
	pool, err := db.Connect(t.Context(), db.Options{URL: d.URLs.App, MaxConns: 12})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	tenants := db.NewTenants(pool)
	var all sync.WaitGroup
	together := make(chan struct{})
	var inside atomic.Int32
	for range 10 {
		all.Go(func() {
			_ = tenants.InTenant(t.Context(), f.Org, func(*gen.Queries) error {
				if inside.Add(1) == 10 {
					close(together)
				}
				<-together
				return nil
			})
		})
	}
	all.Wait()
	endSessions(t, d)
	runs := 0
	require.NoError(t, tenants.InTenant(t.Context(), f.Org, func(q *gen.Queries) error {
		runs++
		_, err := q.DatabaseTime(t.Context())
		return err
	}))
	require.Equal(t, 1, runs)
}
