package postgres

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is whom PostgreSQL runs as when we are root.
type account struct {
	name     string
	uid, gid uint32
}

// chooseAccount returns nil when we are not root: then PostgreSQL runs as we
// do. As root it is the owner of the existing cluster, else the user postgres,
// else nobody.
func chooseAccount(cluster string) (*account, error) {
	owner, exists := ownerOf(cluster)
	if os.Geteuid() != 0 {
		if exists && int(owner.uid) != os.Geteuid() {
			return nil, &FolderError{Dir: cluster, Reason: fmt.Sprintf(
				"belongs to user id %d and CloudHub runs as %d: start it as that user or as root, or choose another --data-dir",
				owner.uid, os.Geteuid())}
		}
		return nil, nil
	}
	if exists && owner.uid != 0 {
		return owner, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(found.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(found.Gid, 10, 32)
		if err1 == nil && err2 == nil && uid != 0 {
			return &account{name: name, uid: uint32(uid), gid: uint32(gid)}, nil
		}
	}
	return nil, fmt.Errorf("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody: start CloudHub as an ordinary user")
}

func ownerOf(path string) (*account, bool) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil, false
	}
	owner := &account{name: fmt.Sprint(stat.Uid), uid: stat.Uid, gid: stat.Gid}
	if found, err := user.LookupId(owner.name); err == nil {
		owner.name = found.Username
	}
	return owner, true
}

// own gives a folder and all in it to the account. It does nothing when the
// account is nil, or has the folder already.
func (a *account) own(dir string) error {
	if a == nil {
		return nil
	}
	if owner, ok := ownerOf(dir); ok && owner.uid == a.uid {
		return nil
	}
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(a.uid), int(a.gid))
	})
}

// reach returns a *TraverseError naming the first folder on the way to path
// that the account cannot pass through. path itself must exist and counts.
func (a *account) reach(path string) error {
	if a == nil {
		return nil
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	var chain []string // from path up to the root
	for dir := real; ; dir = filepath.Dir(dir) {
		chain = append(chain, dir)
		if dir == filepath.Dir(dir) {
			break
		}
	}
	for i := len(chain) - 1; i >= 0; i-- {
		info, err := os.Stat(chain[i])
		if err != nil {
			return err
		}
		if !a.passes(info) {
			return &TraverseError{Path: chain[i], User: a.name, For: path}
		}
	}
	return nil
}

// passes knows the account's user and primary group; it is started without
// others.
func (a *account) passes(info os.FileInfo) bool {
	mode := info.Mode().Perm()
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		if stat.Uid == a.uid {
			return mode&0o100 != 0
		}
		if stat.Gid == a.gid {
			return mode&0o010 != 0
		}
	}
	return mode&0o001 != 0
}
