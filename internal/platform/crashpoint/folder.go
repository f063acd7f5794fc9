package crashpoint

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// FolderEnv names the folder by which a test and the processes of a build with
// points speak. Such a build without it is like the ordinary one.
const FolderEnv = "CLOUDHUB_TEST_CRASHPOINTS"

const (
	armedDir  = "armed"
	heldDir   = "held"
	notesFile = "notes"
)

// Folder is the test's side: what it arms, the first process to come there
// holds, until it is released or killed.
type Folder string

// NewFolder makes the folder.
func NewFolder(dir string) (Folder, error) {
	for _, sub := range []string{armedDir, heldDir} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return "", err
		}
	}
	return Folder(dir), nil
}

// Env is what the processes need in their environment.
func (f Folder) Env() string { return FolderEnv + "=" + string(f) }

func fileName(p Point, subject string) string { return string(p) + "@" + subject }

// Arm holds the first process that reaches a point for a subject.
func (f Folder) Arm(p Point, subject string) error {
	return os.WriteFile(filepath.Join(string(f), armedDir, fileName(p, subject)), nil, 0o600)
}

// Armed lists what nobody has reached yet, as point@subject.
func (f Folder) Armed() ([]string, error) { return names(filepath.Join(string(f), armedDir)) }

// Held says whether a process is held there, or was when it died.
func (f Folder) Held(p Point, subject string) bool {
	_, err := os.Lstat(filepath.Join(string(f), heldDir, fileName(p, subject)))
	return err == nil
}

// Release lets go of a process that is held.
func (f Folder) Release(p Point, subject string) error {
	return os.Remove(filepath.Join(string(f), heldDir, fileName(p, subject)))
}

// ReleaseAll lets go of all that are held.
func (f Folder) ReleaseAll() error {
	held, err := names(filepath.Join(string(f), heldDir))
	for _, name := range held {
		if err := os.Remove(filepath.Join(string(f), heldDir, name)); err != nil {
			return err
		}
	}
	return err
}

func names(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	out := make([]string, len(entries))
	for i, e := range entries {
		out[i] = e.Name()
	}
	return out, err
}

// Note is one passing of a point, held or not.
type Note struct {
	Time    time.Time
	Point   Point
	Subject string
}

// Notes are all passings so far, in order.
func (f Folder) Notes() ([]Note, error) {
	raw, err := os.ReadFile(filepath.Join(string(f), notesFile))
	if os.IsNotExist(err) {
		return nil, nil
	}
	var out []Note
	for line := range strings.Lines(string(raw)) {
		parts := strings.Fields(line)
		if len(parts) != 3 {
			continue
		}
		nanos, err := strconv.ParseInt(parts[0], 10, 64)
		if err != nil {
			continue
		}
		out = append(out, Note{time.Unix(0, nanos), Point(parts[1]), parts[2]})
	}
	slices.SortFunc(out, func(a, b Note) int { return a.Time.Compare(b.Time) })
	return out, err
}
