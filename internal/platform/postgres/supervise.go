package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// PostgreSQL's own meaning of signals.
const (
	fastSignal = syscall.SIGINT  // roll back what is open, write a checkpoint, end
	quitSignal = syscall.SIGQUIT // end now; the next start recovers from the WAL
)

const (
	firstPause = 100 * time.Millisecond
	longPause  = 10 * time.Second
	steady     = time.Minute      // up this long, and the next death starts the pauses anew
	giveUp     = 12               // starts that failed one after another, more than a minute of them
	fastLimit  = 15 * time.Second // for a fast shutdown, then quitSignal
	quitLimit  = 5 * time.Second
)

// child is a started postmaster.
type child struct {
	process *os.Process
	exited  <-chan error // delivers once
}

// startChild starts postgres. The goroutine that starts it is locked to its
// thread until the child has ended, because the kernel sends the
// parent-death signal when the starting thread ends.
func startChild(bin Binaries, args []string, dir string, account *account, out io.Writer) (*child, error) {
	cmd := exec.Command(filepath.Join(bin.Dir, "postgres"), args...)
	cmd.Dir = dir
	cmd.Env = childEnv()
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = childAttr(account)
	// Backends hold the pipe too; after a kill -9 of the postmaster they need a
	// moment to notice.
	cmd.WaitDelay = 5 * time.Second

	started := make(chan error, 1)
	exited := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		err := cmd.Start()
		started <- err
		if err == nil {
			exited <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start postgres: %w", err)
	}
	return &child{process: cmd.Process, exited: exited}, nil
}

// childEnv is ours without what would steer PostgreSQL (PGPORT, PGDATA,
// PGOPTIONS) or translate its messages, which we read.
func childEnv() []string {
	env := slices.DeleteFunc(os.Environ(), func(entry string) bool {
		return strings.HasPrefix(entry, "PG") || strings.HasPrefix(entry, "LC_") || strings.HasPrefix(entry, "LANG")
	})
	return append(env, "LC_ALL=C")
}

// supervise brings the server back when it dies by itself, until Stop.
func (s *Server) supervise(running *child) {
	defer close(s.done)
	defer s.release()
	pause, failures := firstPause, 0
	for {
		up := time.Now()
		var died error
		select {
		case <-s.stop:
			s.err = s.shutdown(running)
			return
		case died = <-running.exited:
			s.pid.Store(0)
		}
		if time.Since(up) > steady {
			pause = firstPause
		}
		s.log.Warn("PostgreSQL ended by itself and is started again",
			slog.Any("error", &ExitError{Err: died, Tail: s.logFile.last()}), slog.Duration("pause", pause))
		for failures = 0; ; {
			if !s.sleep(pause) {
				return
			}
			// Without room it would only fail: that is no reason to give up.
			for s.Trouble() != nil {
				if !s.sleep(diskEvery) {
					return
				}
			}
			pause = min(2*pause, longPause)
			again, err := s.relaunch()
			if err == nil {
				running = again
				break
			}
			if s.lookAtDisk(); s.Trouble() != nil {
				continue
			}
			if failures++; failures == giveUp {
				s.err = fmt.Errorf("PostgreSQL cannot be brought back: %w", err)
				s.log.Error("PostgreSQL cannot be brought back", slog.Any("error", err))
				return
			}
			s.log.Warn("PostgreSQL did not start", slog.Any("error", err), slog.Duration("pause", pause))
		}
		s.log.Info("PostgreSQL is back", slog.Int("pid", s.PID()))
	}
}

// relaunch starts the server on its old port, giving up when Stop is called.
func (s *Server) relaunch() (*child, error) {
	ctx, cancel := context.WithCancel(context.Background()) // the start's context is long gone
	defer cancel()
	go func() {
		select {
		case <-s.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	return s.launch(ctx)
}

// sleep waits and returns false when Stop was called meanwhile.
func (s *Server) sleep(d time.Duration) bool {
	select {
	case <-s.stop:
		return false
	case <-time.After(d):
		return true
	}
}

// shutdown ends the running server: fast, and if that takes too long, at once.
func (s *Server) shutdown(running *child) error {
	defer s.pid.Store(0)
	for _, step := range []struct {
		signal syscall.Signal
		limit  time.Duration
	}{{fastSignal, fastLimit}, {quitSignal, quitLimit}, {syscall.SIGKILL, quitLimit}} {
		if err := running.process.Signal(step.signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		select {
		case err := <-running.exited:
			if step.signal == fastSignal {
				return err
			}
			return fmt.Errorf("PostgreSQL did not end within %v of a fast shutdown and was ended by %v", fastLimit, step.signal)
		case <-time.After(step.limit):
		}
	}
	return fmt.Errorf("PostgreSQL (pid %d) does not end", s.PID())
}

// Stop ends the server and returns when it has ended, or when ctx has: the
// shutdown then goes on. Calling it again waits for the same end.
func (s *Server) Stop(ctx context.Context) error {
	s.stopped.Do(func() { close(s.stop) })
	select {
	case <-s.done:
		return s.err
	case <-ctx.Done():
		return fmt.Errorf("PostgreSQL is still ending: %w", context.Cause(ctx))
	}
}
