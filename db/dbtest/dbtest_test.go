package dbtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) { Main(m) }

func TestEveryTestHasItsOwn(t *testing.T) {
	t.Parallel()
	a, b := New(t), New(t)
	Tenant(t, a)
	for d, want := range map[*DB]int{a: 1, b: 0} {
		var n int
		require.NoError(t, d.Owner.QueryRow(t.Context(), `SELECT count(*) FROM organizations`).Scan(&n))
		require.Equal(t, want, n)
	}
}

func TestADatabaseIsDropped(t *testing.T) {
	t.Parallel()
	var name string
	t.Run("its test", func(t *testing.T) {
		d := New(t)
		name = d.Owner.Config().ConnConfig.Database
	})
	super := Superuser(t, New(t))
	var there bool
	require.NoError(t, super.QueryRow(t.Context(), `SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)`, name).Scan(&there))
	require.False(t, there)
}

// `go test ./...` starts several packages on one server at once, and one may
// have been killed while it made the template.
func TestATemplateIsMadeOnceByManyProcesses(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	super := Superuser(t, New(t))
	server, err := theServer(ctx)
	require.NoError(t, err)
	name := databaseName(t)
	require.NoError(t, execAll(ctx, server.url, "CREATE DATABASE "+quote(name))) // half of one
	t.Cleanup(func() {
		require.NoError(t, execAll(context.Background(), server.url,
			fmt.Sprintf("ALTER DATABASE %s IS_TEMPLATE false", quote(name)), "DROP DATABASE "+quote(name)))
	})
	failed := make([]error, 4)
	var wait sync.WaitGroup
	for i := range failed {
		wait.Go(func() { failed[i] = ensureTemplate(ctx, server.url, name) })
	}
	wait.Wait()
	require.NoError(t, errors.Join(failed...))
	// It is complete, and like the one that is in use.
	_, err = super.Exec(ctx, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", quote(name+"_copy"), quote(name)))
	require.NoError(t, err)
	dropAfter(t, server.url, name+"_copy")
	config := super.Config()
	config.Database = name + "_copy"
	copied, err := pgx.ConnectConfig(ctx, config)
	require.NoError(t, err)
	defer func() { require.NoError(t, copied.Close(context.Background())) }()
	var got, want int
	const count = `SELECT count(*) FROM pg_policy`
	require.NoError(t, copied.QueryRow(ctx, count).Scan(&got))
	require.NoError(t, super.QueryRow(ctx, count).Scan(&want))
	require.Equal(t, want, got)
}
