package db_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// roles that reach the database while the product runs, with their addresses.
func runtimeRoles(urls db.URLs) map[string]string {
	return map[string]string{db.RoleApp: urls.App, db.RoleIdentity: urls.Identity, db.RoleSystem: urls.System, db.RoleAdmin: urls.Admin}
}

// querier is a connection or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func column[T any](t testing.TB, q querier, sql string, args ...any) []T {
	t.Helper()
	rows, err := q.Query(t.Context(), sql, args...)
	require.NoError(t, err, sql)
	out, err := pgx.CollectRows(rows, pgx.RowTo[T])
	require.NoError(t, err, sql)
	return out
}

func one[T any](t testing.TB, q querier, sql string, args ...any) T {
	t.Helper()
	out := column[T](t, q, sql, args...)
	require.Len(t, out, 1, sql)
	return out[0]
}

// asTenant begins a transaction the way db.InTenant does, rolled back when t
// ends, for statements that no generated query has.
func asTenant(t testing.TB, conn *pgx.Conn, org uuid.UUID) pgx.Tx {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	_, err = tx.Exec(t.Context(), `SELECT set_config('cloudhub.org_id', $1, true)`, org.String())
	require.NoError(t, err)
	return tx
}

// try runs fn in a savepoint, so that a refused statement leaves tx usable.
func try(t testing.TB, tx pgx.Tx, fn func(tx pgx.Tx) error) error {
	t.Helper()
	savepoint, err := tx.Begin(t.Context())
	require.NoError(t, err)
	err = fn(savepoint)
	require.NoError(t, savepoint.Rollback(t.Context()))
	return err
}

func tryExec(t testing.TB, tx pgx.Tx, sql string, args ...any) (rows int64, err error) {
	t.Helper()
	err = try(t, tx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(t.Context(), sql, args...)
		rows = tag.RowsAffected()
		return err
	})
	return rows, err
}
