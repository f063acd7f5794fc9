package embedded

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/platform/postgres"
)

// folder is a data folder that PostgreSQL's user can reach, which t.TempDir's
// are not when we are root.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "cloudhub-embedded-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	return filepath.Join(dir, "postgres")
}

func start(t testing.TB, opts postgres.Options) *postgres.Server {
	t.Helper()
	pg, err := postgres.Start(t.Context(), opts)
	require.NoError(t, err)
	t.Cleanup(func() { stop(t, pg) })
	return pg
}

func stop(t testing.TB, pg *postgres.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second) // t.Context has ended in a cleanup
	defer cancel()
	require.NoError(t, pg.Stop(ctx))
}

func tryQuery(ctx context.Context, pg *postgres.Server, sql string) (string, error) {
	conn, err := pgx.Connect(ctx, pg.URL("postgres"))
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		return "", err
	}
	texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if len(texts) == 0 {
		return "", err
	}
	return texts[0], err
}

// comesBack waits until a new postmaster answers.
func comesBack(t *testing.T, pg *postgres.Server, old int) {
	t.Helper()
	require.Eventually(t, func() bool {
		if pid := pg.PID(); pid == 0 || pid == old {
			return false
		}
		_, err := tryQuery(t.Context(), pg, `SELECT 'up'`)
		return err == nil
	}, 20*time.Second, 20*time.Millisecond)
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
