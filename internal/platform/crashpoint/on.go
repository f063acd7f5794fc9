//go:build crashpoints

package crashpoint

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// pointed says which build this is.
const pointed = true

// Reached notes that the process has come to a point, and stops the goroutine
// there while the test holds it. Folder is the other side.
func Reached[S any](p Point, subjects ...S) {
	dir := os.Getenv(FolderEnv)
	if dir == "" {
		return
	}
	for _, s := range subjects {
		subject := fmt.Sprint(s)
		if subject == "" {
			continue
		}
		note(dir, p, subject)
		held := filepath.Join(dir, heldDir, fileName(p, subject))
		// The rename lets one process have it, once.
		if os.Rename(filepath.Join(dir, armedDir, fileName(p, subject)), held) != nil {
			continue
		}
		for {
			if _, err := os.Lstat(held); err != nil {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

var notes struct {
	sync.Mutex
	file *os.File
}

// note appends one line in one write, so that a kill leaves no half of one.
func note(dir string, p Point, subject string) {
	notes.Lock()
	defer notes.Unlock()
	if notes.file == nil {
		file, err := os.OpenFile(filepath.Join(dir, notesFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			fmt.Fprintln(os.Stderr, "crashpoint:", err)
			return
		}
		notes.file = file
	}
	fmt.Fprintf(notes.file, "%d %s %s\n", time.Now().UnixNano(), p, subject)
}
