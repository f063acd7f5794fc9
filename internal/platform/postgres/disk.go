package postgres

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"syscall"
	"time"
)

// Free bytes. A new cluster has 73 MB with Temporal's and our tables in it, and
// its WAL grows by segments of 16 MB to max_wal_size; without room for the next
// segment PostgreSQL ends in a panic, to come back when there is some.
const (
	needNew    = 256 << 20
	needToRun  = 48 << 20
	full       = 17 << 20 // a segment does not fit any more
	diskEvery  = time.Second
	megaPerCut = 1 << 20
)

// A SpaceError says that the disk of the folder is full, or too full to start.
type SpaceError struct {
	Dir        string
	Free, Need int64 // bytes
}

func (e *SpaceError) Error() string {
	return fmt.Sprintf("the disk of %s is full: %d MB are free and PostgreSQL needs %d MB; nothing that was saved is lost: "+
		"make room on it, or choose another --data-dir", e.Dir, e.Free/megaPerCut, e.Need/megaPerCut)
}

// checkSpace returns a *SpaceError when less than need is free. Where that cannot
// be told, there is enough.
func checkSpace(dir string, need int64) error {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil {
		return nil
	}
	// What is free for those who are not root, as PostgreSQL is not.
	if free := int64(stat.Bavail) * int64(stat.Bsize); free < need {
		return &SpaceError{Dir: dir, Free: free, Need: need}
	}
	return nil
}

// writable turns an error of the first write into a sentence.
func writable(dir string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EROFS):
		return &FolderError{Dir: dir, Reason: "is on a file system that is mounted read-only: mount it for writing, or choose another --data-dir"}
	case errors.Is(err, fs.ErrPermission):
		return &FolderError{Dir: dir, Reason: fmt.Sprintf("cannot be written by this user (id %d): give it to that user, or choose another --data-dir", syscall.Geteuid())}
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		var stat syscall.Statfs_t
		_ = syscall.Statfs(dir, &stat)
		return &SpaceError{Dir: dir, Free: int64(stat.Bavail) * int64(stat.Bsize), Need: needToRun}
	default:
		return err
	}
}

// Trouble is why the server cannot do its work although it is kept alive: a
// *SpaceError, or nil.
func (s *Server) Trouble() error {
	if e := s.trouble.Load(); e != nil {
		return e
	}
	return nil
}

// watchDisk looks whether the disk is full until the server has ended, and says
// so once each time.
func (s *Server) watchDisk() {
	tick := time.NewTicker(diskEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.done:
			return
		case <-tick.C:
			s.lookAtDisk()
		}
	}
}

func (s *Server) lookAtDisk() {
	need := int64(full)
	if s.trouble.Load() != nil {
		need = needToRun // not to and fro at the edge
	}
	var space *SpaceError
	if err := checkSpace(s.opts.DataDir, need); errors.As(err, &space) {
		space.Need = needToRun
		if s.trouble.Swap(space) == nil {
			s.log.Error("the disk is full: nothing can be saved until there is room", slog.Any("error", space))
		}
		return
	}
	if s.trouble.Swap(nil) != nil {
		s.log.Info("there is room on the disk again")
	}
}
