package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// stagingPrefix names a cluster that initdb has not finished.
const stagingPrefix = ".initdb-"

// makeDataDir makes the folder; as root, one that PostgreSQL's user can pass
// through. What is in it has its own modes. A folder that exists is left alone.
func makeDataDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	mode := os.FileMode(0o700)
	if os.Geteuid() == 0 {
		mode = 0o711
	}
	if err := os.Mkdir(dir, mode); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return os.Chmod(dir, mode) // whatever the umask
}

// lockPatience is how long a process that was just killed may take to be gone.
const lockPatience = time.Second

// lockFolder takes the folder for this process. The kernel lets go of the lock
// when the process ends, however it ends, and children do not inherit it.
func lockFolder(ctx context.Context, dir string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock(ctx, file); err != nil {
		defer file.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock %s: %w", dir, err)
		}
		raw := make([]byte, 32)
		n, _ := file.ReadAt(raw, 0)
		pid, _ := strconv.Atoi(strings.TrimSpace(string(raw[:n])))
		return nil, &InUseError{Dir: dir, PID: pid}
	}
	pid := []byte(strconv.Itoa(os.Getpid()) + "\n")
	if err := errors.Join(file.Truncate(0), writeAt(file, pid)); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func flock(ctx context.Context, file *os.File) error {
	for deadline := time.Now().Add(lockPatience); ; {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func writeAt(file *os.File, p []byte) error {
	_, err := file.WriteAt(p, 0)
	return err
}

// clusterMajor is the major version that made the cluster; 0 when there is none.
func clusterMajor(cluster string) (int, error) {
	raw, err := os.ReadFile(filepath.Join(cluster, "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		entries, err := os.ReadDir(cluster)
		if err == nil && len(entries) > 0 {
			return 0, &FolderError{Dir: cluster, Reason: "is not empty and not a PostgreSQL cluster: move it away, or start again with --reset"}
		}
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		return 0, &FolderError{Dir: cluster, Reason: fmt.Sprintf("was made by PostgreSQL %q, which CloudHub cannot use: start again with --reset", strings.TrimSpace(string(raw)))}
	}
	return major, nil
}

// ensureCluster returns the superuser's password, running initdb when there is
// no cluster. initdb works in a folder of its own that is renamed when it is
// complete and on disk, so that half a cluster never counts.
func (s *Server) ensureCluster(ctx context.Context, exists bool) (string, error) {
	leftovers, err := filepath.Glob(filepath.Join(s.opts.DataDir, stagingPrefix+"*"))
	if err != nil {
		return "", err
	}
	for _, dir := range leftovers {
		if err := removeStaging(ctx, dir); err != nil {
			return "", err
		}
	}
	passwordFile := filepath.Join(s.opts.DataDir, "password")
	if exists {
		raw, err := os.ReadFile(passwordFile)
		if errors.Is(err, os.ErrNotExist) {
			return "", &FolderError{Dir: s.opts.DataDir, Reason: "has lost its password file: put it back, or start again with --reset"}
		}
		return strings.TrimSpace(string(raw)), err
	}
	password := rand.Text()
	if err := writeFile(passwordFile, []byte(password+"\n"), 0o600); err != nil {
		return "", err
	}
	staging, err := os.MkdirTemp(s.opts.DataDir, stagingPrefix)
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(staging)
	if err := s.initdb(ctx, staging, password); err != nil {
		return "", err
	}
	if err := os.Rename(filepath.Join(staging, "cluster"), s.cluster()); err != nil {
		return "", err
	}
	return password, syncDir(s.opts.DataDir)
}

// removeStaging removes half a cluster. What the initdb of a killed CloudHub
// started takes a moment to end, and makes files until then.
func removeStaging(ctx context.Context, dir string) error {
	for deadline := time.Now().Add(backendPatience); ; {
		err := os.RemoveAll(dir)
		if err == nil || !errors.Is(err, syscall.ENOTEMPTY) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *Server) initdb(ctx context.Context, staging, password string) error {
	pwfile := filepath.Join(staging, "pw")
	if err := os.WriteFile(pwfile, []byte(password), 0o600); err != nil {
		return err
	}
	if err := s.account.own(staging); err != nil {
		return err
	}
	cluster := filepath.Join(staging, "cluster")
	args := []string{
		"-D", cluster, "-U", superuser, "--pwfile", pwfile, "-A", "scram-sha-256", "-E", "UTF8", "--no-instructions",
	}
	if s.opts.Settings["fsync"] == "off" {
		args = append(args, "--no-sync")
	}
	// C.UTF-8 sorts by code point and knows which letters are upper case;
	// machines without it (macOS, some small images) get plain C.
	var failed error
	for _, locale := range []string{"C.UTF-8", "C"} {
		out, err := s.runInitdb(ctx, staging, append(slices.Clone(args), "--locale", locale))
		if err == nil {
			return nil
		}
		failed = fmt.Errorf("initdb: %w: %s", err, strings.Join(strings.Fields(out), " "))
		if !strings.Contains(out, "invalid locale") {
			break
		}
	}
	return failed
}

// runInitdb is locked to its thread for the same reason as startChild.
func (s *Server) runInitdb(ctx context.Context, dir string, args []string) (string, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin.Dir, "initdb"), args...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = dir, childEnv(), childAttr(s.account)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// endOrphan deals with the postmaster.pid that a killed PostgreSQL leaves
// behind. The server it names may still be alive: ours, outliving a CloudHub
// that was killed. The kernel has told it to end (on Linux), so it gets a
// moment, then the signal again, and in the end SIGKILL, after which the next
// start recovers from the WAL. A process that merely has the number now is
// left alone and the file is removed, because PostgreSQL would refuse to start;
// its own check for a shared memory segment in use still stands.
func endOrphan(ctx context.Context, cluster string, log *slog.Logger) error {
	for _, step := range []struct {
		signal syscall.Signal // 0 only waits
		limit  time.Duration
	}{{0, 3 * time.Second}, {fastSignal, fastLimit}, {quitSignal, quitLimit}, {syscall.SIGKILL, quitLimit}} {
		pid, state := serverOf(cluster)
		switch state {
		case noServer:
			return removeStale(cluster)
		case otherServer:
			return nil // PostgreSQL decides
		}
		log.Warn("a PostgreSQL left behind still runs on this folder",
			slog.Int("pid", pid), slog.String("signal", step.signal.String()))
		if step.signal != 0 {
			if err := syscall.Kill(pid, step.signal); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("end the PostgreSQL left behind (pid %d): %w", pid, err)
			}
			// One that was stopped hears of nothing but this.
			_ = syscall.Kill(pid, syscall.SIGCONT)
		}
		for deadline := time.Now().Add(step.limit); state == ourServer && time.Now().Before(deadline); _, state = serverOf(cluster) {
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	if pid, state := serverOf(cluster); state == ourServer {
		return &FolderError{Dir: cluster, Reason: fmt.Sprintf("is used by a PostgreSQL (pid %d) that does not end", pid)}
	}
	return removeStale(cluster)
}

func removeStale(cluster string) error {
	err := os.Remove(filepath.Join(cluster, "postmaster.pid"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

type serverState int

const (
	noServer    serverState = iota // no such process, or not a postgres of this cluster
	ourServer                      // a postgres that works in this cluster
	otherServer                    // a postgres of which that cannot be said
)

// serverOf looks at the process named in the cluster's postmaster.pid.
func serverOf(cluster string) (pid int, state serverState) {
	raw, err := os.ReadFile(filepath.Join(cluster, "postmaster.pid"))
	if err != nil {
		return 0, noServer
	}
	first, _, _ := strings.Cut(string(raw), "\n")
	pid, err = strconv.Atoi(strings.TrimSpace(first))
	if err != nil || pid <= 1 {
		return 0, noServer
	}
	args, err := commandOf(pid)
	if err != nil || len(args) == 0 || filepath.Base(args[0]) != "postgres" {
		return pid, noServer
	}
	for i, arg := range args[:len(args)-1] {
		if arg == "-D" && sameFolder(args[i+1], cluster) {
			return pid, ourServer
		}
	}
	// A postgres works in its cluster's folder: that of another cluster merely
	// has the number of ours now.
	dir, err := folderOf(pid)
	switch {
	case err != nil:
		return pid, otherServer
	case sameFolder(dir, cluster):
		return pid, ourServer
	default:
		return pid, noServer
	}
}

func sameFolder(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// writeFile replaces a file in one step.
func writeFile(path string, data []byte, mode os.FileMode) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(data)
	err = errors.Join(err, file.Chmod(mode), file.Sync(), file.Close())
	if err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

func syncDir(dir string) error {
	file, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
