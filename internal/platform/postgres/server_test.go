package postgres

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDataOutlivesARestart(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	began := time.Now()
	pg := start(t, Options{DataDir: dir, Settings: map[string]string{"timezone": "America/Noronha"}})
	t.Logf("from nothing: %v", time.Since(began))
	require.Equal(t, "America/Noronha", query(t, pg, `SHOW timezone`))
	for setting, value := range map[string]string{
		"fsync": "on", "max_connections": "120", "wal_level": "replica", "listen_addresses": "127.0.0.1",
		"unix_socket_directories": "", "server_encoding": "UTF8", "password_encryption": "scram-sha-256",
	} {
		require.Equal(t, value, query(t, pg, `SHOW `+setting), setting)
	}
	query(t, pg, `CREATE TABLE kept (what text)`)
	query(t, pg, `INSERT INTO kept VALUES ('this')`)
	port := pg.Port()
	stop(t, pg)
	require.NoError(t, pg.Err())
	require.Zero(t, pg.PID())

	began = time.Now()
	again := start(t, Options{DataDir: dir})
	t.Logf("again: %v", time.Since(began))
	require.Equal(t, "this", query(t, again, `SELECT what FROM kept`))
	require.Equal(t, "UTC", query(t, again, `SHOW timezone`))
	require.Equal(t, port, again.Port(), "the last port is kept while it is free")
}

func TestPasswordIsNeeded(t *testing.T) {
	t.Parallel()
	pg := start(t, Options{DataDir: folder(t)})
	_, err := tryQuery(t.Context(), &Server{password: "guess", port: pg.port}, `SELECT 'in'`)
	require.ErrorContains(t, err, "password authentication failed")
	info, err := os.Stat(filepath.Join(pg.opts.DataDir, "password"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

// Someone kills PostgreSQL alone, or the kernel does when memory is short.
func TestItComesBackWhenItIsKilled(t *testing.T) {
	t.Parallel()
	pg := start(t, Options{DataDir: folder(t)})
	query(t, pg, `CREATE TABLE kept (what text)`)
	query(t, pg, `INSERT INTO kept VALUES ('this')`)
	port := pg.Port()
	for range 2 {
		pid := pg.PID()
		began := time.Now()
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		comesBack(t, pg, pid)
		t.Logf("back after %v", time.Since(began))
		require.Equal(t, port, pg.Port())
		require.Equal(t, "this", query(t, pg, `SELECT what FROM kept`))
		require.NoError(t, pg.Err())
	}
}

// CloudHub is killed with -9: PostgreSQL ends by itself, and the next start
// finds everything.
func TestStartAfterCloudHubWasKilled(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	other := startHelper(t, self(t), dir, nil)
	require.Empty(t, other.report.Error)
	require.NoError(t, other.cmd.Process.Kill())
	pg := start(t, Options{DataDir: dir})
	require.NotEqual(t, other.report.PID, pg.PID())
	require.Equal(t, "up", query(t, pg, `SELECT 'up'`))
}

// The machine loses power: both are gone at once, and postmaster.pid stays.
func TestStartAfterBothWereKilled(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	other := startHelper(t, self(t), dir, nil)
	require.Empty(t, other.report.Error)
	require.NoError(t, syscall.Kill(other.report.PID, syscall.SIGSTOP)) // so that it cannot end in good order
	require.NoError(t, other.cmd.Process.Kill())
	require.NoError(t, syscall.Kill(other.report.PID, syscall.SIGKILL))
	require.FileExists(t, filepath.Join(dir, "cluster", "postmaster.pid"))
	pg := start(t, Options{DataDir: dir})
	require.Equal(t, "up", query(t, pg, `SELECT 'up'`))
}

// A PostgreSQL that outlived its CloudHub is told to end; it is not killed while
// it can still end in good order.
func TestAnOrphanIsEnded(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	pg := start(t, Options{DataDir: dir})
	cluster, bin, account := pg.cluster(), pg.bin, pg.account
	stop(t, pg)
	orphan, err := startChild(bin, pg.serverArgs(), cluster, account, &bytes.Buffer{})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err := tryQuery(t.Context(), pg, `SELECT 'up'`)
		return err == nil
	}, 10*time.Second, 10*time.Millisecond)

	again := start(t, Options{DataDir: dir})
	require.NoError(t, <-orphan.exited, "a fast shutdown ends with status 0")
	require.Equal(t, "up", query(t, again, `SELECT 'up'`))
}

// After a crash and a reboot the number in postmaster.pid belongs to somebody
// else. That process is none of our business.
func TestAStalePIDOfAnotherProcess(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	stop(t, start(t, Options{DataDir: dir}))
	pidFile := filepath.Join(dir, "cluster", "postmaster.pid")
	for _, content := range []string{
		strconv.Itoa(os.Getpid()) + "\n" + filepath.Join(dir, "cluster") + "\n",
		"1\n", "999999999\n", "-1\n", "0\n", "", "garbage\n",
	} {
		require.NoError(t, os.WriteFile(pidFile, []byte(content), 0o600))
		pg, err := Start(t.Context(), Options{DataDir: dir})
		require.NoError(t, err, "%q", content)
		require.Equal(t, "up", query(t, pg, `SELECT 'up'`))
		stop(t, pg)
	}
}

func TestASecondStartOnTheSameFolder(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	pg := start(t, Options{DataDir: dir})
	_, err := Start(t.Context(), Options{DataDir: dir})
	var inUse *InUseError
	require.ErrorAs(t, err, &inUse)
	require.Equal(t, &InUseError{Dir: dir, PID: os.Getpid()}, inUse)
	require.ErrorContains(t, err, "another CloudHub (pid "+strconv.Itoa(os.Getpid())+") uses this folder")
	require.Equal(t, "up", query(t, pg, `SELECT 'up'`), "the first one is left in peace")

	other := startHelper(t, self(t), dir, nil)
	require.Equal(t, err.Error(), other.report.Error, "from another process it is the same")
}

func TestHalfAnInitdbDoesNotCount(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	require.NoError(t, os.Mkdir(dir, 0o755))
	half := filepath.Join(dir, stagingPrefix+"123", "cluster")
	require.NoError(t, os.MkdirAll(half, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(half, "PG_VERSION"), []byte("15\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "password"), []byte("of the half one\n"), 0o600))
	pg := start(t, Options{DataDir: dir})
	require.Equal(t, "up", query(t, pg, `SELECT 'up'`))
	require.NoDirExists(t, filepath.Dir(half))
}

func TestAStartThatIsCancelledLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Start(ctx, Options{DataDir: dir})
	require.Error(t, err)
	require.NoDirExists(t, filepath.Join(dir, "cluster"))
	start(t, Options{DataDir: dir})
}

func TestAClusterOfAnotherMajor(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "cluster"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cluster", "PG_VERSION"), []byte("99\n"), 0o600))
	_, err := Start(t.Context(), Options{DataDir: dir})
	var mismatch *VersionError
	require.ErrorAs(t, err, &mismatch)
	require.Equal(t, 99, mismatch.Want)
	require.Equal(t, dir, mismatch.Dir)
	require.ErrorContains(t, err, "install PostgreSQL 99, or start again with --reset")
}

func TestAFolderThatIsNoCluster(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "cluster"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cluster", "thesis.txt"), []byte("years of work"), 0o600))
	_, err := Start(t.Context(), Options{DataDir: dir})
	var wrong *FolderError
	require.ErrorAs(t, err, &wrong)
	require.FileExists(t, filepath.Join(dir, "cluster", "thesis.txt"))
}

func TestALostPasswordIsSaid(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	stop(t, start(t, Options{DataDir: dir}))
	require.NoError(t, os.Remove(filepath.Join(dir, "password")))
	_, err := Start(t.Context(), Options{DataDir: dir})
	var wrong *FolderError
	require.ErrorAs(t, err, &wrong)
}

func TestAPortThatIsTaken(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	taken := listener.Addr().(*net.TCPAddr).Port
	dir := folder(t)
	_, err = Start(t.Context(), Options{DataDir: dir, Port: taken})
	var inUse *PortError
	require.ErrorAs(t, err, &inUse)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "port"), []byte(strconv.Itoa(taken)), 0o600))
	pg := start(t, Options{DataDir: dir})
	require.NotEqual(t, taken, pg.Port(), "a remembered port that is taken is not insisted on")
}

func TestSettingsThatAreOurs(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"listen_addresses", "port", "unix_socket_directories", "x=y", "", "-c"} {
		_, err := Start(t.Context(), Options{DataDir: folder(t), Settings: map[string]string{name: "*"}})
		require.ErrorContains(t, err, "cannot be set here")
	}
}

// A setting PostgreSQL refuses: what it said is in the error.
func TestWhyItDidNotStart(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), Options{DataDir: folder(t), Settings: map[string]string{"shared_buffers": "lots"}})
	var ended *ExitError
	require.ErrorAs(t, err, &ended)
	require.ErrorContains(t, err, "shared_buffers")
}

// root runs it as somebody else, who must be able to get there.
func TestAFolderOnTheWayThatIsClosed(t *testing.T) {
	t.Parallel()
	closed := t.TempDir()
	require.NoError(t, os.Chmod(closed, 0o700))
	dir := filepath.Join(closed, "data", "postgres")
	pg, err := Start(t.Context(), Options{DataDir: dir})
	if os.Geteuid() != 0 {
		require.NoError(t, err, "an ordinary user's PostgreSQL runs as that user")
		stop(t, pg)
		return
	}
	var closedErr *TraverseError
	require.ErrorAs(t, err, &closedErr)
	require.True(t, strings.HasPrefix(dir, closedErr.Path))
	info, err := os.Stat(closedErr.Path)
	require.NoError(t, err)
	require.Zero(t, info.Mode().Perm()&0o001, "the folder it names is one that is closed")
}

func TestAsAnOrdinaryUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		pg := start(t, Options{DataDir: folder(t)})
		require.Nil(t, pg.account)
		return
	}
	who := someoneElse(t)
	dir := folder(t)
	parent := filepath.Dir(dir)
	require.NoError(t, os.Chown(parent, int(who.Uid), int(who.Gid)))
	binary := filepath.Join(parent, "postgres.test")
	if err := os.Link(self(t), binary); err != nil { // another file system
		raw, err := os.ReadFile(self(t))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(binary, raw, 0o755))
	}
	require.NoError(t, os.Chmod(binary, 0o755))
	other := startHelper(t, binary, dir, who)
	require.Empty(t, other.report.Error)
	require.Equal(t, int(who.Uid), other.report.UID)
	owner, _ := ownerOf(filepath.Join(dir, "cluster"))
	require.Equal(t, who.Uid, owner.uid)
	require.NoError(t, other.stdin.Close())
	require.NoError(t, other.cmd.Wait())
}

// A folder made as root is not usable for another user later, and says so.
func TestAFolderOfAnotherUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		// Nobody can give a folder away; root's own folders are at hand.
		_, err := chooseAccount("/")
		var wrong *FolderError
		require.ErrorAs(t, err, &wrong)
		return
	}
	account, err := chooseAccount(folder(t))
	require.NoError(t, err)
	require.NotZero(t, account.uid, "never as root")
	dir := t.TempDir()
	require.NoError(t, os.Chown(dir, 4242, 4242))
	account, err = chooseAccount(dir)
	require.NoError(t, err)
	require.Equal(t, uint32(4242), account.uid, "an existing cluster keeps its owner")
}

func TestStopIsPatientOnlyAsLongAsItsContext(t *testing.T) {
	t.Parallel()
	pg := start(t, Options{DataDir: folder(t)})
	pid := pg.PID()
	require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorContains(t, pg.Stop(ctx), "still ending")
	require.NoError(t, syscall.Kill(pid, syscall.SIGCONT))
	stop(t, pg)
	stop(t, pg)
}

func TestLogFileIsBounded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	l, err := openLogFile(path, 1000)
	require.NoError(t, err)
	for i := range 100 {
		_, err := l.Write([]byte("line " + strconv.Itoa(i) + strings.Repeat(".", 40) + "\n"))
		require.NoError(t, err)
	}
	_, err = l.Write([]byte("no end"))
	require.NoError(t, err)
	require.NoError(t, l.Close())
	_, err = l.Write([]byte("after the end\n"))
	require.NoError(t, err)
	for _, name := range []string{path, path + ".1"} {
		info, err := os.Stat(name)
		require.NoError(t, err)
		require.LessOrEqual(t, info.Size(), int64(1000))
	}
	require.NotContains(t, l.last(), "line 90")
	require.Contains(t, l.last(), "no endafter the end")
}
