package db_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/db/dbtest"
)

// A table without a fixture would not be looked at by the tests of isolation.
func TestTheFixtureFillsEveryTable(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	f := dbtest.Tenant(t, d)
	for _, table := range tables(t, d.Owner) {
		where, arg := "true", []any{}
		if table.hasOrg {
			where, arg = "org_id = $1", []any{f.Org}
		}
		require.NotZero(t, one[int](t, d.Owner, "SELECT count(*)::int FROM "+table.name+" WHERE "+where, arg...),
			"%s has no row: add one to dbtest.Tenant", table.name)
	}
}

// What uses the fixture must not find work in it that it did not make.
func TestTheFixtureIsAtRest(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	dbtest.Tenant(t, d)
	dbtest.Tenant(t, d)
	unfinished, err := d.System.Read().UnfinishedWithoutAgenda(t.Context())
	require.NoError(t, err)
	require.Empty(t, unfinished)
	require.Equal(t, []string{"housekeeping"}, column[string](t, d.Owner, `SELECT kind FROM agenda WHERE look_at <= now()`))
}

func TestTheServerIsNotInUTC(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	require.Equal(t, "America/Noronha", one[string](t, d.Owner, "SHOW timezone"))
	require.Equal(t, "America/Noronha", one[string](t, dbtest.Connect(t, dbtest.NewEmpty(t).Owner), "SHOW timezone"))
}
