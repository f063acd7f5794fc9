package postgres

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// machine is a made-up root folder with PostgreSQL in some places.
type machine struct{ root string }

func (m machine) dir(parts ...string) string {
	return filepath.Join(append([]string{m.root}, parts...)...)
}

func (m machine) install(t *testing.T, dir, version string) {
	t.Helper()
	script(t, filepath.Join(m.root, dir, "postgres"), "echo 'postgres (PostgreSQL) "+version+"'")
	script(t, filepath.Join(m.root, dir, "initdb"), "exit 0")
}

func (m machine) finder() finder {
	return finder{
		path:  strings.Join([]string{m.dir("bin"), m.dir("usr/bin")}, ":"),
		globs: []string{m.dir("usr/lib/postgresql/*/bin"), m.dir("brew/opt/postgresql@*/bin")},
	}
}

func TestFindBinaries(t *testing.T) {
	t.Parallel()
	const debian = "usr/lib/postgresql/%d/bin"
	pgConfig := func(t *testing.T, m machine, says string) {
		script(t, m.dir("usr/bin/pg_config"), "echo "+says)
	}
	cases := []struct {
		name     string
		machine  func(t *testing.T, m machine)
		explicit string
		want     int
		found    string // "" expects an error
		major    int
	}{
		{name: "nothing", machine: func(*testing.T, machine) {}},
		{name: "explicit wins", explicit: "opt/pg", found: "opt/pg", major: 16, machine: func(t *testing.T, m machine) {
			m.install(t, "opt/pg", "16.1")
			m.install(t, "usr/bin", "17.2")
		}},
		{name: "explicit is not replaced", explicit: "opt/pg", machine: func(t *testing.T, m machine) {
			m.install(t, "usr/bin", "17.2")
		}},
		{name: "PATH before pg_config", found: "usr/bin", major: 15, machine: func(t *testing.T, m machine) {
			m.install(t, "usr/bin", "15.4")
			m.install(t, "srv/pg/bin", "17.0")
			pgConfig(t, m, m.dir("srv/pg/bin"))
		}},
		{name: "pg_config before the distribution's folders", found: "srv/pg/bin", major: 16, machine: func(t *testing.T, m machine) {
			m.install(t, "srv/pg/bin", "16.0")
			m.install(t, fmt.Sprintf(debian, 17), "17.0")
			pgConfig(t, m, m.dir("srv/pg/bin"))
		}},
		{name: "pg_config of a client package", found: "usr/lib/postgresql/15/bin", major: 15, machine: func(t *testing.T, m machine) {
			m.install(t, fmt.Sprintf(debian, 15), "15.0 (Debian 15.0-1)")
			pgConfig(t, m, m.dir("usr/lib/postgresql/17/bin"))
			script(t, m.dir("usr/lib/postgresql/17/bin/psql"), "exit 0")
		}},
		{name: "newest of the distribution's, by number", found: "usr/lib/postgresql/16/bin", major: 16, machine: func(t *testing.T, m machine) {
			m.install(t, fmt.Sprintf(debian, 9), "9.6.24")
			m.install(t, fmt.Sprintf(debian, 15), "15.0")
			m.install(t, fmt.Sprintf(debian, 16), "16.0")
		}},
		{name: "the distribution's before Homebrew", found: "usr/lib/postgresql/15/bin", major: 15, machine: func(t *testing.T, m machine) {
			m.install(t, fmt.Sprintf(debian, 15), "15.0")
			m.install(t, "brew/opt/postgresql@17/bin", "17.0")
		}},
		{name: "Homebrew", found: "brew/opt/postgresql@17/bin", major: 17, machine: func(t *testing.T, m machine) {
			m.install(t, "brew/opt/postgresql@14/bin", "14.0 (Homebrew)")
			m.install(t, "brew/opt/postgresql@17/bin", "17beta1 (Homebrew)")
		}},
		{name: "too old is passed over", found: "usr/lib/postgresql/14/bin", major: 14, machine: func(t *testing.T, m machine) {
			m.install(t, "usr/bin", "13.9")
			m.install(t, fmt.Sprintf(debian, 14), "14.9")
		}},
		{name: "only too old", machine: func(t *testing.T, m machine) { m.install(t, "usr/bin", "13.9") }},
		{name: "broken is passed over", found: "usr/lib/postgresql/14/bin", major: 14, machine: func(t *testing.T, m machine) {
			m.install(t, "usr/bin", "17.0")
			script(t, m.dir("usr/bin/postgres"), "exit 1")
			m.install(t, fmt.Sprintf(debian, 14), "14.9")
		}},
		{name: "the cluster's major before a newer one", want: 15, found: "usr/lib/postgresql/15/bin", major: 15, machine: func(t *testing.T, m machine) {
			m.install(t, "usr/bin", "17.0")
			m.install(t, fmt.Sprintf(debian, 15), "15.0")
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := machine{root: t.TempDir()}
			c.machine(t, m)
			if c.explicit != "" {
				c.explicit = m.dir(c.explicit)
			}
			bin, err := m.finder().find(t.Context(), c.explicit, c.want)
			if c.found == "" {
				var missing *NotFoundError
				require.ErrorAs(t, err, &missing)
				require.ErrorContains(t, err, "apt-get install postgresql")
				require.NotContains(t, err.Error(), "\n")
				return
			}
			require.NoError(t, err)
			require.Equal(t, Binaries{Dir: m.dir(c.found), Major: c.major}, bin)
		})
	}
}

func TestFindBinariesOfAMajorThatIsNotInstalled(t *testing.T) {
	t.Parallel()
	m := machine{root: t.TempDir()}
	m.install(t, "usr/bin", "17.0")
	m.install(t, "usr/lib/postgresql/16/bin", "16.0")
	_, err := m.finder().find(t.Context(), "", 15)
	var mismatch *VersionError
	require.ErrorAs(t, err, &mismatch)
	require.Equal(t, &VersionError{Want: 15, Have: []int{16, 17}}, mismatch)
}

// A program in the working folder must never be run.
func TestFindBinariesIgnoresRelativePath(t *testing.T) {
	t.Parallel()
	require.Empty(t, finder{path: ".:bin:"}.candidates(t.Context()))
}

func TestMajorOfNothing(t *testing.T) {
	t.Parallel()
	_, err := majorOf(t.Context(), t.TempDir())
	require.True(t, errors.Is(err, os.ErrNotExist))
}
