package postgres

import (
	"fmt"
	"strings"

	"github.com/cloudhub/cloudhub/internal/platform/loopback"
)

// minMajor is the oldest PostgreSQL that Temporal's schema and CloudHub's
// migrations are tested with.
const minMajor = 14

// A NotFoundError says that no usable PostgreSQL is on this machine.
type NotFoundError struct {
	// Explicit is the folder that was asked for by name, if one was: then no
	// other place was looked at.
	Explicit string
	// Unusable lists what was found and why it cannot be used.
	Unusable []string
}

func (e *NotFoundError) Error() string {
	var b strings.Builder
	if e.Explicit != "" {
		fmt.Fprintf(&b, "no usable PostgreSQL in %s", e.Explicit)
	} else {
		b.WriteString("PostgreSQL was not found on this machine")
	}
	if len(e.Unusable) > 0 {
		fmt.Fprintf(&b, " (%s)", strings.Join(e.Unusable, "; "))
	}
	fmt.Fprintf(&b, ": install version %d or newer (Debian/Ubuntu: apt-get install postgresql; "+
		"Fedora: dnf install postgresql-server postgresql-contrib; macOS: brew install postgresql@17), "+
		"or set CLOUDHUB_POSTGRES_BIN to the folder that holds initdb and postgres", minMajor)
	return b.String()
}

// An InUseError says that a live CloudHub holds the folder.
type InUseError struct {
	Dir string
	PID int // 0 when it could not be read
}

func (e *InUseError) Error() string {
	return fmt.Sprintf("another CloudHub (pid %d) uses this folder: %s: stop it, or choose another --data-dir", e.PID, e.Dir)
}

// A VersionError says that the folder was made by a major version of PostgreSQL
// that is not installed. Majors do not read each other's files.
type VersionError struct {
	Dir  string
	Want int // the major that made the folder
	Have []int
}

func (e *VersionError) Error() string {
	have := make([]string, len(e.Have))
	for i, major := range e.Have {
		have[i] = fmt.Sprint(major)
	}
	return fmt.Sprintf("%s was made by PostgreSQL %d and this machine has %s: install PostgreSQL %d, "+
		"or start again with --reset, which throws the data away", e.Dir, e.Want, strings.Join(have, ", "), e.Want)
}

// A TraverseError names the folder through which the user that runs PostgreSQL
// cannot pass. PostgreSQL refuses to run as root, so as root we run it as
// somebody else.
type TraverseError struct {
	Path string // the folder in the way
	User string
	For  string // what lies below it
}

func (e *TraverseError) Error() string {
	return fmt.Sprintf("PostgreSQL runs as user %s, who cannot pass through %s to reach %s: "+
		"chmod o+x %s, or choose a --data-dir elsewhere", e.User, e.Path, e.For, e.Path)
}

// A FolderError says that the folder is there but cannot be used as it is.
type FolderError struct {
	Dir    string
	Reason string
}

func (e *FolderError) Error() string { return e.Dir + " " + e.Reason }

// A PortError says that a port that was asked for is taken.
type PortError = loopback.PortError

// An ExitError says that PostgreSQL ended when it should be running.
type ExitError struct {
	Err  error
	Tail string // the last lines it wrote
}

func (e *ExitError) Error() string {
	s := "PostgreSQL ended"
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if e.Tail != "" {
		s += ": " + e.Tail
	}
	return s
}

func (e *ExitError) Unwrap() error { return e.Err }
