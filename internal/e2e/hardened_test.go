package e2e

import (
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/dbtest"
	"github.com/cloudhub/cloudhub/internal/platform/postgres"
)

// The first start is killed again and again, each time further on: in the
// making of the cluster, in the migrations, in Temporal's schema. The folder is
// the same all along, and the last start finds nothing in its way.
func TestKilledDuringTheFirstStart(t *testing.T) {
	t.Parallel()
	dir := devDir(t)
	for _, reached := range []struct {
		file  string
		after time.Duration
	}{
		{"postgres/lock", 0}, {"postgres/port", 0}, {"database-password", 50 * time.Millisecond}, {"keys/server.json", 0},
		{"keys/server.json", 150 * time.Millisecond}, {"keys/server.json", 400 * time.Millisecond},
	} {
		p := spawn(t, nil, "dev", "--data-dir", dir, "--http", "127.0.0.1:0")
		require.Eventually(t, func() bool {
			_, err := os.Stat(filepath.Join(dir, reached.file))
			return err == nil
		}, 60*time.Second, time.Millisecond, "%s: %s", reached.file, p.out)
		time.Sleep(reached.after) // how far it gets is not the point: that it is killed there is
		p.kill()
	}
	p := spawn(t, nil, "dev", "--data-dir", dir, "--http", "127.0.0.1:0")
	awaitReady(t, dir, p)
}

// A migration is killed between two of its statements: nothing of it is there,
// and the next one is neither refused nor held up by its lock.
func TestAMigrationKilledHalfWay(t *testing.T) {
	t.Parallel()
	urls := dbtest.NewEmpty(t)
	env := []string{"CLOUDHUB_DATABASE_OWNER_URL=" + urls.Owner}
	holder := dbtest.Connect(t, urls.Owner)
	tx, err := holder.Begin(t.Context())
	require.NoError(t, err)
	// A table of the same name, not committed: the migration waits for what
	// becomes of it, with tables before it made and others still to make.
	_, err = tx.Exec(t.Context(), "CREATE TABLE operations ()")
	require.NoError(t, err)
	p := spawn(t, env, "migrate", "up")
	watcher := dbtest.Connect(t, urls.Owner)
	require.Eventually(t, func() bool {
		var waits bool
		err := watcher.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'CREATE TABLE operations%')").Scan(&waits)
		return err == nil && waits
	}, 60*time.Second, 10*time.Millisecond, "%s", p.out)
	p.kill()
	require.NoError(t, tx.Rollback(t.Context()))
	p = spawn(t, env, "migrate", "up")
	require.Zero(t, p.exit(t, 60*time.Second), p.out.String())
	status, err := db.MigrationStatus(t.Context(), urls.Owner)
	require.NoError(t, err)
	for _, m := range status {
		require.True(t, m.Applied, m.Name)
	}
}

// PostgreSQL alone is killed while a stop is under way, as the kernel does when
// memory is short. Afterwards the folder is one of a newer CloudHub, of an older
// one, and of another PostgreSQL.
func TestADataFolderThroughTheTimes(t *testing.T) {
	t.Parallel()
	dir := devDir(t)
	p, r := startDev(t, dir)
	w := devWorld(t, r)
	var victim *v1.Resource
	for _, m := range w.machines() {
		if m.GetState() == running && m.GetLeftAlone() == 0 && strings.Contains(m.GetName(), "prd") {
			victim = m
		}
	}
	op := w.stop(victim.GetId())
	w.accepted(op.GetId())
	require.NoError(t, syscall.Kill(r.PIDs["postgres"], syscall.SIGKILL))
	var got *v1.Operation
	w.eventually("the operation ends although PostgreSQL was killed", func() bool {
		answer, err := w.operations.GetOperation(t.Context(), &v1.GetOperationRequest{OrgId: w.org, WorkspaceId: w.ws, OperationId: op.GetId()})
		got = answer.GetOperation()
		return err == nil && got.GetEndTime() != nil
	})
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, got.GetState(), got)
	var calls int
	for _, line := range powerLines(t, filepath.Join(dir, "sim")) {
		if strings.Contains(line, victim.GetProviderId()) {
			calls++
		}
	}
	require.Equal(t, 1, calls, "what was accepted is not asked again")
	keys := spawn(t, nil, "keys", "status", "--data-dir", dir)
	require.Zero(t, keys.exit(t, 30*time.Second), keys.out.String())
	require.Regexp(t, `workers +\d+ +primary +\S+ +\S+ +[1-9]\d*\n`, keys.out.String(), "it finds the folder's database by itself")
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	require.Zero(t, p.exit(t, 30*time.Second), p.out.String())

	// meddle changes the database as another version would have.
	meddle := func(change func(owner string)) {
		pg, err := postgres.Start(t.Context(), postgres.Options{DataDir: filepath.Join(dir, "postgres")})
		require.NoError(t, err)
		password, err := os.ReadFile(filepath.Join(dir, "database-password"))
		require.NoError(t, err)
		urls, err := db.Bootstrap(t.Context(), pg.URL("postgres"), "cloudhub", strings.TrimSpace(string(password)))
		require.NoError(t, err)
		change(urls.Owner)
		require.NoError(t, pg.Stop(t.Context()))
	}
	exec := func(owner, sql string) {
		conn, err := pgx.Connect(t.Context(), owner)
		require.NoError(t, err)
		defer func() { _ = conn.Close(t.Context()) }()
		_, err = conn.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	refused := func(parts ...string) {
		p := spawn(t, nil, "dev", "--data-dir", dir, "--http", "127.0.0.1:0")
		require.Equal(t, 1, p.exit(t, 60*time.Second), p.out.String())
		for _, part := range parts {
			require.Contains(t, p.out.String(), part)
		}
	}
	meddle(func(owner string) {
		exec(owner, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)")
	})
	refused(dir, "made by a newer version of CloudHub: start that version, or restore a backup made before it", "--data-dir")
	meddle(func(owner string) {
		exec(owner, "DELETE FROM goose_db_version WHERE version_id = 99999")
		status, err := db.MigrationStatus(t.Context(), owner)
		require.NoError(t, err)
		require.NoError(t, db.MigrateDownTo(t.Context(), owner, status[len(status)-2].Version))
	})
	version := filepath.Join(dir, "postgres", "cluster", "PG_VERSION")
	major, err := os.ReadFile(version)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(version, []byte("99\n"), 0o600))
	refused(dir, "was made by PostgreSQL 99", "install PostgreSQL 99, or start again with --reset")
	require.NoError(t, os.WriteFile(version, major, 0o600))

	// Of an older one it is migrated, with all that is in it.
	p, r = startDev(t, dir)
	w = devWorld(t, r)
	require.NotNil(t, w.operation(op.GetId()).GetEndTime())
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	require.Zero(t, p.exit(t, 30*time.Second), p.out.String())
	meddle(func(owner string) {
		status, err := db.MigrationStatus(t.Context(), owner)
		require.NoError(t, err)
		for _, m := range status {
			require.True(t, m.Applied, m.Name)
		}
	})
}

// The disk of the data folder is full while everything runs: it is said where an
// operator looks, and is over when there is room. Started on it, or on one that
// is read-only, the program says what to do.
func TestTheDiskOfTheDataFolderIsFull(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root, for a small file system: CI has it")
	}
	disk := filepath.Dir(devDir(t))
	out, err := exec.Command("mount", "-t", "tmpfs", "-o", "mode=755,size=700m", "tmpfs", disk).CombinedOutput()
	require.NoError(t, err, string(out))
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(disk, syscall.MNT_DETACH)) })
	dir := filepath.Join(disk, "data")
	start := func() *process { return spawn(t, nil, "dev", "--data-dir", dir, "--http", "127.0.0.1:0") }
	p := start()
	r := awaitReady(t, dir, p)
	w := &world{t: t, url: r.URL, logs: &lockedBuffer{}}
	w.person = w.register("ana@example.com")

	hog, err := os.Create(filepath.Join(disk, "hog"))
	require.NoError(t, err)
	for err = syscall.ENOSPC; errors.Is(err, syscall.ENOSPC); { // the program writes meanwhile
		var stat syscall.Statfs_t
		require.NoError(t, syscall.Statfs(disk, &stat))
		err = syscall.Fallocate(int(hog.Fd()), 0, 0, int64(stat.Bavail)*stat.Bsize-1<<20)
	}
	require.NoError(t, err)
	require.NoError(t, hog.Close())
	says := func(address string) (code int, text string) {
		resp, err := http.Get(address)
		require.NoError(t, err)
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(raw)
	}
	for _, address := range []string{r.URL + "/readyz", r.PrivateURL + "/readyz"} {
		w.eventually("it is said at "+address, func() bool {
			code, text := says(address)
			return code == http.StatusServiceUnavailable && strings.Contains(text, "the disk of "+filepath.Join(dir, "postgres")+" is full")
		})
	}
	require.Contains(t, p.out.String(), "the disk is full", "and in the terminal")
	second := filepath.Join(disk, "another")
	for _, data := range []string{second, filepath.Join(disk, "one more")} {
		other := spawn(t, nil, "dev", "--data-dir", data, "--http", "127.0.0.1:0")
		require.Equal(t, 1, other.exit(t, 30*time.Second))
		require.Contains(t, other.out.String(), "the disk of "+filepath.Join(data, "postgres")+" is full")
		require.Contains(t, other.out.String(), "choose another --data-dir")
	}
	require.NoError(t, os.Remove(hog.Name()))
	w.eventually("there is room again", func() bool { code, _ := says(r.PrivateURL + "/readyz"); return code == http.StatusOK })
	w.register("bia@example.com")
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	require.Zero(t, p.exit(t, 30*time.Second), p.out.String())

	require.NoError(t, syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	p = start()
	require.Equal(t, 1, p.exit(t, 30*time.Second))
	require.Contains(t, p.out.String(), "the data folder cannot be written")
	require.Contains(t, p.out.String(), dir)
	require.Contains(t, p.out.String(), "read-only file system; make it writable, or choose another with --data-dir")
}
