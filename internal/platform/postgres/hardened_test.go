package postgres

import (
	"bytes"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// The number in a stale postmaster.pid belongs to the PostgreSQL of another
// folder now: it is left in peace, and is no reason not to start.
func TestAStalePIDOfAnotherPostgreSQL(t *testing.T) {
	t.Parallel()
	other := start(t, Options{DataDir: folder(t)})
	dir := folder(t)
	stop(t, start(t, Options{DataDir: dir}))
	cluster := filepath.Join(dir, "cluster")
	require.NoError(t, os.WriteFile(filepath.Join(cluster, "postmaster.pid"), []byte(strconv.Itoa(other.PID())+"\n"+cluster+"\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "lock"), []byte(strconv.Itoa(other.PID())+"\n"), 0o600))
	pg := start(t, Options{DataDir: dir})
	require.Equal(t, "up", query(t, pg, `SELECT 'up'`))
	require.Equal(t, "up", query(t, other, `SELECT 'up'`))
}

// A PostgreSQL that outlived its CloudHub and hears no signal, because it is
// stopped.
func TestAnOrphanThatIsStopped(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	pg := start(t, Options{DataDir: dir})
	query(t, pg, `CREATE TABLE kept (what text)`)
	cluster, bin, account := pg.cluster(), pg.bin, pg.account
	stop(t, pg)
	orphan, err := startChild(bin, pg.serverArgs(), cluster, account, &bytes.Buffer{})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err := tryQuery(t.Context(), pg, `SELECT 'up'`)
		return err == nil
	}, 10*time.Second, 10*time.Millisecond)
	require.NoError(t, syscall.Kill(orphan.process.Pid, syscall.SIGSTOP))
	again := start(t, Options{DataDir: dir})
	<-orphan.exited
	require.Equal(t, "0", query(t, again, `SELECT count(*)::text FROM kept`))
}

// CloudHub is killed while initdb works, and the next one starts at once, while
// what initdb started may still be about.
func TestKilledDuringInitdb(t *testing.T) {
	t.Parallel()
	for _, grown := range []string{"", "cluster/base", "cluster/global/pg_control"} {
		dir := folder(t)
		cmd := exec.Command(self(t))
		cmd.Env = append(os.Environ(), helperEnv+"="+dir)
		cmd.Dir = filepath.Dir(dir)
		require.NoError(t, cmd.Start())
		require.Eventually(t, func() bool {
			found, err := filepath.Glob(filepath.Join(dir, stagingPrefix+"*", grown))
			return err == nil && len(found) > 0
		}, 30*time.Second, time.Millisecond)
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()
		require.NoFileExists(t, filepath.Join(dir, "cluster", "PG_VERSION"), "it was killed before the end")
		pg, err := Start(t.Context(), Options{DataDir: dir})
		require.NoError(t, err, "killed when there was %q", grown)
		require.Equal(t, "up", query(t, pg, `SELECT 'up'`))
		stop(t, pg)
		left, err := filepath.Glob(filepath.Join(dir, stagingPrefix+"*"))
		require.NoError(t, err)
		require.Empty(t, left)
	}
}

// smallDisk is a file system of its own. Only root can make one.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := filepath.Dir(folder(t))
	out, err := exec.Command("mount", "-t", "tmpfs", "-o", "mode=755,size="+size, "tmpfs", dir).CombinedOutput()
	require.NoError(t, err, string(out))
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return dir
}

// remarks is a log to read in.
type remarks struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *remarks) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *remarks) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// The disk becomes full under a running server, which dies of it, and has room
// again later: it says what is the matter, comes back by itself, and has what was
// saved.
func TestTheDiskIsFull(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root, for a small file system: CI has it")
	}
	disk := smallDisk(t, "330m")
	dir := filepath.Join(disk, "postgres")
	hog := filepath.Join(disk, "hog")
	fill := func(leave int64) {
		require.NoError(t, os.RemoveAll(hog))
		var stat syscall.Statfs_t
		require.NoError(t, syscall.Statfs(disk, &stat))
		file, err := os.Create(hog)
		require.NoError(t, err)
		require.NoError(t, syscall.Fallocate(int(file.Fd()), 0, 0, int64(stat.Bavail)*stat.Bsize-leave))
		require.NoError(t, file.Close())
	}
	fill(20 << 20)
	var space *SpaceError
	_, err := Start(t.Context(), Options{DataDir: dir})
	require.ErrorAs(t, err, &space, "%v", err)
	require.Equal(t, dir, space.Dir)
	require.ErrorContains(t, err, "the disk of "+dir+" is full: ")
	require.ErrorContains(t, err, "MB are free and PostgreSQL needs 256 MB")
	require.ErrorContains(t, err, "choose another --data-dir")
	fill(0)
	_, err = Start(t.Context(), Options{DataDir: dir})
	require.ErrorAs(t, err, &space, "not even the lock can be written: %v", err)
	require.NoError(t, os.Remove(hog))

	log := &remarks{}
	pg := start(t, Options{DataDir: dir, Logger: slog.New(slog.NewTextHandler(log, nil))})
	query(t, pg, `CREATE TABLE kept (what text)`)
	require.NoError(t, pg.Trouble())
	fill(1 << 20)
	require.Eventually(t, func() bool { return pg.Trouble() != nil }, 30*time.Second, 20*time.Millisecond)
	require.ErrorAs(t, pg.Trouble(), &space)
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "the disk is full") }, 10*time.Second, 20*time.Millisecond)
	// People go on until nothing can be saved any more.
	saved, pid := 0, pg.PID()
	require.Eventually(t, func() bool {
		conn, err := pgx.Connect(t.Context(), pg.URL("postgres"))
		if err != nil {
			return true
		}
		defer conn.Close(t.Context())
		for err == nil {
			if _, err = conn.Exec(t.Context(), `INSERT INTO kept SELECT repeat(md5($1::text), 30000)`, strconv.Itoa(saved)); err == nil {
				saved++
			}
		}
		return true
	}, 60*time.Second, 10*time.Millisecond)
	t.Logf("%d rows saved", saved)
	if saved > 0 { // the WAL had room in the segments it has: it fills them, and then dies
		require.Eventually(t, func() bool {
			_, err := tryQuery(t.Context(), pg, `INSERT INTO kept VALUES ('') RETURNING what`)
			return err != nil || pg.PID() != pid
		}, 60*time.Second, 10*time.Millisecond)
	}
	require.NoError(t, os.Remove(hog))
	require.Eventually(t, func() bool {
		_, err := tryQuery(t.Context(), pg, `CREATE TABLE IF NOT EXISTS later ()`)
		return err == nil && pg.Trouble() == nil
	}, 60*time.Second, 50*time.Millisecond, "%s", log)
	require.Contains(t, log.String(), "there is room on the disk again")
	count, err := strconv.Atoi(query(t, pg, `SELECT count(*)::text FROM kept`))
	require.NoError(t, err)
	require.GreaterOrEqual(t, count, saved, "nothing that was saved is lost")
	require.NoError(t, pg.Err())
}

func TestAReadOnlyFolder(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		dir := filepath.Join(t.TempDir(), "closed")
		require.NoError(t, os.Mkdir(dir, 0o500))
		_, err := Start(t.Context(), Options{DataDir: dir})
		require.ErrorContains(t, err, dir+" cannot be written by this user")
		return
	}
	disk := smallDisk(t, "10m")
	dir := filepath.Join(disk, "postgres")
	require.NoError(t, os.Mkdir(dir, 0o711))
	require.NoError(t, syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	for _, at := range []string{dir, filepath.Join(disk, "new")} {
		_, err := Start(t.Context(), Options{DataDir: at})
		var wrong *FolderError
		require.ErrorAs(t, err, &wrong, "%v", err)
		require.ErrorContains(t, err, "mounted read-only: mount it for writing, or choose another --data-dir")
		require.True(t, strings.HasPrefix(at, wrong.Dir))
	}
	// And for an ordinary user's folder that he may not write.
	who := someoneElse(t)
	mine := folder(t)
	require.NoError(t, os.Mkdir(mine, 0o755))
	binary := filepath.Join(filepath.Dir(mine), "postgres.test")
	raw, err := os.ReadFile(self(t))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(binary, raw, 0o755))
	other := startHelper(t, binary, mine, who)
	require.Contains(t, other.report.Error, mine+" cannot be written by this user (id "+strconv.Itoa(int(who.Uid))+")")
}
