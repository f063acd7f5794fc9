package vault

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Files of a key directory. The server gets ServerFile and WorkersPublicFile, a
// worker WorkersPrivateFile, and neither the other's.
const (
	WorkersPrivateFile = "workers.private.json" // 0600
	WorkersPublicFile  = "workers.public.json"  // 0644
	ServerFile         = "server.json"          // 0600
)

// A ModeError says that others may read a file of private keys.
type ModeError struct {
	Path string
	Mode os.FileMode
}

func (e *ModeError) Error() string {
	return fmt.Sprintf("vault: %s has mode %04o, so others may read private keys: chmod 600 %s, and rotate the keys if others had the chance",
		e.Path, e.Mode, e.Path)
}

// LoadSealer reads the workers' public ring, for the server.
func LoadSealer(dir string) (*Sealer, error) {
	s := &Sealer{}
	s.file = &ringFile{path: filepath.Join(dir, WorkersPublicFile), read: os.ReadFile, parse: s.parse}
	_, err := s.file.reload()
	return s, err
}

// LoadOpener reads the workers' private ring, for a worker. It returns a
// *ModeError when others may read the file.
func LoadOpener(dir string) (*Opener, error) {
	o := &Opener{sealer: &Sealer{}}
	o.file = &ringFile{path: filepath.Join(dir, WorkersPrivateFile), read: readPrivate, parse: o.parse}
	_, err := o.file.reload()
	return o, err
}

// LoadServerRing reads the server's own ring. It returns a *ModeError when
// others may read the file.
func LoadServerRing(dir string) (*ServerRing, error) {
	s := &ServerRing{}
	s.file = &ringFile{path: filepath.Join(dir, ServerFile), read: readPrivate, parse: s.parse}
	_, err := s.file.reload()
	return s, err
}

// readPrivate checks the file that it has open, not a name that may change.
func readPrivate(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, &ModeError{Path: path, Mode: mode}
	}
	var raw bytes.Buffer
	_, err = raw.ReadFrom(file)
	return raw.Bytes(), err
}

// EnsureRings makes the rings that are missing in dir, which is made too. It may
// run in several processes at once; all then see the same keys. It refuses to
// make a private ring beside a public one: that would orphan what is sealed.
func EnsureRings(dir string, now time.Time) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return locked(dir, func() error {
		return errors.Join(ensureWorkers(dir, now), ensureServer(dir, now))
	})
}

func ensureWorkers(dir string, now time.Time) error {
	workers, err := readWorkers(dir)
	if errors.Is(err, os.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(dir, WorkersPublicFile)); err == nil {
			return fmt.Errorf("vault: %s has %s without %s: put the private ring back, or remove the public one and give up what is sealed",
				dir, WorkersPublicFile, WorkersPrivateFile)
		}
		if workers, err = newRing(RingWorkers, now); err != nil {
			return err
		}
		return writeWorkers(dir, workers)
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, WorkersPublicFile)); errors.Is(err, os.ErrNotExist) {
		return writeWorkers(dir, workers)
	}
	return nil
}

func ensureServer(dir string, now time.Time) error {
	_, err := readServer(dir)
	if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	rings := map[Ring]*ring{}
	for _, name := range ServerRings() {
		if rings[name], err = newRing(name, now); err != nil {
			return err
		}
	}
	return writeServer(dir, rings)
}

// AddKey adds a key to a ring without using it: roll the files out, wait until
// what reads them has noticed, then Promote. It returns the new key's id.
func AddKey(dir string, name Ring, now time.Time) (keyID string, err error) {
	err = change(dir, name, func(r *ring) (err error) {
		keyID, err = r.add(name, now)
		return err
	})
	return keyID, err
}

// Promote makes a key the one that seals and signs; the primary already stays
// so. It returns an *UnknownKeyError when there is no enabled key with this id.
func Promote(dir string, name Ring, keyID string, now time.Time) error {
	return change(dir, name, func(r *ring) error { return r.promote(keyID, now) })
}

// Retire removes a key for good: nothing that it sealed opens any more. That
// nothing is left that it sealed is the caller's to know. Errors to tell apart:
// *UnknownKeyError, *PrimaryKeyError, *TooSoonError.
func Retire(dir string, name Ring, keyID string, now time.Time) error {
	return change(dir, name, func(r *ring) error { return r.retire(name, keyID, now) })
}

// Status lists the keys of the rings that are in dir, without their material.
// Of a folder that has the workers' public half alone, as a server's, that one
// is listed.
func Status(dir string) ([]KeyStatus, error) {
	workers, err := readWorkers(dir)
	if errors.Is(err, os.ErrNotExist) {
		workers, err = readPublic(dir)
	}
	var list []KeyStatus
	switch {
	case err == nil:
		list = workers.status(RingWorkers)
	case !errors.Is(err, os.ErrNotExist):
		return nil, err
	}
	server, err := readServer(dir)
	if errors.Is(err, os.ErrNotExist) {
		return list, nil
	}
	if err != nil {
		return nil, err
	}
	for _, name := range ServerRings() {
		list = append(list, server[name].status(name)...)
	}
	return list, nil
}

func readPublic(dir string) (*ring, error) {
	raw, err := os.ReadFile(filepath.Join(dir, WorkersPublicFile))
	if err != nil {
		return nil, err
	}
	return parseRing(raw, true)
}

func change(dir string, name Ring, edit func(*ring) error) error {
	return locked(dir, func() error {
		if name == RingWorkers {
			workers, err := readWorkers(dir)
			if err == nil {
				err = edit(workers)
			}
			if err != nil {
				return err
			}
			return writeWorkers(dir, workers)
		}
		rings, err := readServer(dir)
		if err != nil {
			return err
		}
		r, ok := rings[name]
		if !ok {
			return fmt.Errorf("vault: no ring %q", name)
		}
		if err := edit(r); err != nil {
			return err
		}
		return writeServer(dir, rings)
	})
}

func readWorkers(dir string) (*ring, error) {
	raw, err := readPrivate(filepath.Join(dir, WorkersPrivateFile))
	if err != nil {
		return nil, err
	}
	return parseRing(raw, false)
}

func readServer(dir string) (map[Ring]*ring, error) {
	raw, err := readPrivate(filepath.Join(dir, ServerFile))
	if err != nil {
		return nil, err
	}
	return parseServer(raw)
}

// writeWorkers writes the private half first: a public key without its private
// one would seal what nobody opens.
func writeWorkers(dir string, workers *ring) error {
	private, err := workers.marshal(false)
	if err != nil {
		return err
	}
	half, err := workers.public()
	if err != nil {
		return err
	}
	public, err := half.marshal(true)
	if err != nil {
		return err
	}
	if err := replace(filepath.Join(dir, WorkersPrivateFile), private, 0o600); err != nil {
		return err
	}
	return replace(filepath.Join(dir, WorkersPublicFile), public, 0o644)
}

func writeServer(dir string, rings map[Ring]*ring) error {
	raw, err := marshalServer(rings)
	if err != nil {
		return err
	}
	return replace(filepath.Join(dir, ServerFile), raw, 0o600)
}

// replace writes a file so that it is there whole or not at all. The temporary
// file is never readable by others.
func replace(path string, data []byte, mode os.FileMode) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(append(data, '\n'))
	if err = errors.Join(err, file.Chmod(mode), keepOwner(path, file), file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// keepOwner gives what root writes to whom the replaced file belongs, or its
// folder: the program that reads it may be another user's.
func keepOwner(path string, file *os.File) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		info, err = os.Stat(filepath.Dir(path))
	}
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return file.Chown(int(owner.Uid), int(owner.Gid))
}

// locked runs f while no other process changes the same directory.
func locked(dir string, f func() error) error {
	file, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer file.Close() // closing releases the lock
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("vault: lock %s: %w", dir, err)
	}
	return f()
}
