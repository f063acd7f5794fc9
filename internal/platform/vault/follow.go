package vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"sync"
	"time"
)

// FollowEvery is how often a process looks whether a ring's file has changed.
const FollowEvery = 2 * time.Second

// ringFile is the file that a ring was read from. Its methods may be called on
// nil: a ring that came from bytes never changes.
type ringFile struct {
	path  string
	read  func(path string) ([]byte, error)
	parse func(raw []byte) error // puts what it reads into use, or changes nothing

	mu    sync.Mutex
	sum   [sha256.Size]byte // of what is in use
	asked time.Time         // last reading for an unknown key
}

// reload puts a changed file into use. On an error the old ring stays.
func (f *ringFile) reload() (changed bool, err error) {
	if f == nil {
		return false, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	raw, err := f.read(f.path)
	if err != nil {
		return false, err
	}
	defer clear(raw)
	sum := sha256.Sum256(raw)
	if bytes.Equal(sum[:], f.sum[:]) {
		return false, nil
	}
	if err := f.parse(raw); err != nil {
		return false, fmt.Errorf("%w (%s)", err, f.path)
	}
	f.sum = sum
	return true, nil
}

// reloadForUnknown reads the file because somebody named a key that is not in
// use: once a second at most, since anybody can name one.
func (f *ringFile) reloadForUnknown() bool {
	if f == nil {
		return false
	}
	f.mu.Lock()
	soon := time.Since(f.asked) < time.Second
	if !soon {
		f.asked = time.Now()
	}
	f.mu.Unlock()
	if soon {
		return false
	}
	changed, err := f.reload()
	return changed && err == nil
}

// A Follower is a ring that came from a file.
type Follower interface {
	// Reload puts a changed file into use.
	Reload() (changed bool, err error)
	// Primaries names the key of each of its rings that is in use.
	Primaries() map[Ring]string
}

// Follow keeps rings as their files are until ctx ends: it looks every
// FollowEvery, and at once when now delivers. It calls told once at the start,
// at each change, and when a file cannot be read, not again for the same error.
func Follow(ctx context.Context, now <-chan os.Signal, told func(Follower, error), rings ...Follower) {
	said := make([]string, len(rings))
	known := make([]map[Ring]string, len(rings))
	for i, r := range rings {
		known[i] = r.Primaries()
		told(r, nil)
	}
	tick := time.NewTicker(FollowEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-now:
		}
		for i, r := range rings {
			changed, err := r.Reload()
			if err != nil && err.Error() != said[i] {
				told(r, err)
			}
			if said[i] = ""; err != nil {
				said[i] = err.Error()
			}
			// The file may have been read meanwhile, for an unknown key.
			if primaries := r.Primaries(); changed || !maps.Equal(known[i], primaries) {
				known[i] = primaries
				told(r, nil)
			}
		}
	}
}
