package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Binaries is a folder with PostgreSQL's initdb and postgres in it.
type Binaries struct {
	Dir   string
	Major int
}

// finder looks for PostgreSQL. Its fields are where it looks, so that a test
// can build a machine.
type finder struct {
	path  string   // the value of PATH
	globs []string // well-known places, in order of preference
}

func systemFinder() finder {
	return finder{
		path: os.Getenv("PATH"),
		globs: []string{
			"/usr/lib/postgresql/*/bin",                       // Debian, Ubuntu
			"/usr/pgsql-*/bin",                                // PGDG on Fedora and RHEL
			"/opt/homebrew/opt/postgresql@*/bin",              // Homebrew, Apple silicon
			"/usr/local/opt/postgresql@*/bin",                 // Homebrew, Intel
			"/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin", // Homebrew, Linux
		},
	}
}

// FindBinaries returns the PostgreSQL to use: explicit alone when it is not
// empty, else the first usable of PATH, `pg_config --bindir` and the well-known
// folders, newest major first. With want above zero only that major will do,
// because a cluster is read by the major that made it.
//
// It returns a *NotFoundError when there is none of version 14 or newer, and a
// *VersionError (without its Dir) when there are some but none is want.
func FindBinaries(ctx context.Context, explicit string, want int) (Binaries, error) {
	return systemFinder().find(ctx, explicit, want)
}

func (f finder) find(ctx context.Context, explicit string, want int) (Binaries, error) {
	dirs := f.candidates(ctx)
	if explicit != "" {
		dirs = []string{explicit}
	}
	var unusable []string
	var have []int
	for _, dir := range dirs {
		major, err := majorOf(ctx, dir)
		switch {
		case errors.Is(err, os.ErrNotExist):
			if explicit != "" {
				unusable = append(unusable, err.Error())
			}
		case err != nil:
			unusable = append(unusable, fmt.Sprintf("%s: %v", dir, err))
		case major < minMajor:
			unusable = append(unusable, fmt.Sprintf("%s is version %d", dir, major))
		case want > 0 && major != want:
			have = append(have, major)
		default:
			return Binaries{Dir: dir, Major: major}, nil
		}
	}
	if len(have) > 0 {
		slices.Sort(have)
		return Binaries{}, &VersionError{Want: want, Have: slices.Compact(have)}
	}
	return Binaries{}, &NotFoundError{Explicit: explicit, Unusable: unusable}
}

// candidates lists folders in the order in which they are tried.
func (f finder) candidates(ctx context.Context) []string {
	var dirs []string
	for _, dir := range filepath.SplitList(f.path) {
		if !filepath.IsAbs(dir) {
			continue // never a program from the working folder
		}
		dirs = append(dirs, dir)
	}
	for _, dir := range filepath.SplitList(f.path) {
		if !filepath.IsAbs(dir) || !isFile(filepath.Join(dir, "pg_config")) {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		out, err := exec.CommandContext(ctx, filepath.Join(dir, "pg_config"), "--bindir").Output()
		cancel()
		if bin := strings.TrimSpace(string(out)); err == nil && filepath.IsAbs(bin) {
			dirs = append(dirs, bin)
		}
		break
	}
	for _, pattern := range f.globs {
		found, err := filepath.Glob(pattern)
		if err != nil {
			continue // only a malformed pattern, and they are ours
		}
		slices.SortFunc(found, func(a, b string) int { return folderVersion(b) - folderVersion(a) })
		dirs = append(dirs, found...)
	}
	return dirs
}

var digits = regexp.MustCompile(`[0-9]+`)

// folderVersion is the number in a folder's name (.../postgresql/15/bin,
// .../postgresql@17/bin), by which the newest is tried first.
func folderVersion(bin string) int {
	n, err := strconv.Atoi(digits.FindString(filepath.Base(filepath.Dir(bin))))
	if err != nil {
		return 0
	}
	return n
}

var versionLine = regexp.MustCompile(`\(PostgreSQL\) ([0-9]+)`)

// majorOf asks the postgres in dir for its version. The error is os.ErrNotExist
// when initdb or postgres is not there: client packages ship only one of them.
func majorOf(ctx context.Context, dir string) (int, error) {
	for _, program := range []string{"initdb", "postgres"} {
		if !isFile(filepath.Join(dir, program)) {
			return 0, fmt.Errorf("%s: %w", filepath.Join(dir, program), os.ErrNotExist)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return 0, fmt.Errorf("postgres --version: %w", err)
	}
	match := versionLine.FindSubmatch(out)
	if match == nil {
		return 0, fmt.Errorf("postgres --version said %q", strings.TrimSpace(string(out)))
	}
	return strconv.Atoi(string(match[1]))
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
