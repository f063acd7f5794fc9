package dbtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/internal/platform/postgres"
)

// Run is Main for a package whose TestMain starts more than a database: it
// runs the tests and takes down what New started.
func Run(m *testing.M) (code int) { return run(m) }

// ServerEnv names a running server for all packages by the URL of a superuser.
// withserver/ runs a command beside a fitting one.
const ServerEnv = "CLOUDHUB_TEST_POSTGRES_URL"

const (
	zone = "America/Noronha"
	// password of the roles, the same in every process that shares a server. The
	// server listens on loopback alone and lives as long as the tests.
	password = "dbtest"
)

// Main runs a package's tests and ends the server they started.
func Main(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	started.mu.Lock()
	started.inMain = true
	started.mu.Unlock()
	code := m.Run()
	if err := started.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "dbtest:", err)
		return max(code, 1)
	}
	return code
}

// Serve starts a server for tests in dir, which must be passable for the user
// that PostgreSQL runs as. The caller stops it.
func Serve(ctx context.Context, dir string) (*postgres.Server, error) {
	return postgres.Start(ctx, postgres.Options{DataDir: dir, Settings: map[string]string{
		"timezone": zone,
		// Nothing here outlives the tests.
		"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off",
		// Every parallel test has four pools.
		"max_connections": "400",
	}})
}

// server is where this process's databases are made.
type server struct {
	url      string // of a superuser
	template string // the migrated database that others are copied from
}

// started is the process's server. Tests of one binary share it: this is the
// one variable of the package.
var started processServer

type processServer struct {
	mu     sync.Mutex
	inMain bool
	ready  bool
	err    error
	server server
	own    *postgres.Server // nil when it is the environment's
	dir    string
}

// theServer starts it when it is the first call. A failure is remembered, so
// that a hundred tests do not each wait for it.
func theServer(ctx context.Context) (server, error) {
	started.mu.Lock()
	defer started.mu.Unlock()
	if !started.inMain {
		return server{}, errors.New("this package needs: func TestMain(m *testing.M) { dbtest.Main(m) }")
	}
	if !started.ready {
		started.ready = true
		// The first test's end must not end the start of the others' server.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		started.err = started.start(ctx)
	}
	return started.server, started.err
}

func (p *processServer) start(ctx context.Context) (err error) {
	p.server.url = os.Getenv(ServerEnv)
	if p.server.url == "" {
		if p.dir, err = os.MkdirTemp("", "cloudhub-dbtest-"); err != nil {
			return err
		}
		// As root PostgreSQL runs as somebody else, who must get there.
		if err := os.Chmod(p.dir, 0o755); err != nil {
			return err
		}
		if p.own, err = Serve(ctx, filepath.Join(p.dir, "postgres")); err != nil {
			return err
		}
		p.server.url = p.own.URL("postgres")
	}
	hash, err := db.SchemaHash()
	if err != nil {
		return err
	}
	p.server.template = "cloudhub_template_" + hash[:16]
	return ensureTemplate(ctx, p.server.url, p.server.template)
}

func (p *processServer) stop() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	if p.own != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		err = p.own.Stop(ctx)
	}
	if p.dir != "" {
		err = errors.Join(err, os.RemoveAll(p.dir))
	}
	return err
}

// ensureTemplate makes the migrated database that is copied, once per server
// and set of migrations, whichever process comes first. It is never dropped:
// another process may be copying it. The mark of a complete one is that it is a
// template; what a killed process left behind is made anew.
func ensureTemplate(ctx context.Context, superURL, name string) error {
	conn, err := pgx.Connect(ctx, superURL)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	const lockKey = 0x64627465 // "dbte"; held until the connection ends
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", lockKey); err != nil {
		return err
	}
	var complete bool
	err = conn.QueryRow(ctx, "SELECT datistemplate FROM pg_database WHERE datname = $1", name).Scan(&complete)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	if complete {
		return nil
	}
	if err := execAll(ctx, superURL, fmt.Sprintf("DROP DATABASE IF EXISTS %s WITH (FORCE)", quote(name))); err != nil {
		return err
	}
	urls, err := db.Bootstrap(ctx, superURL, name, password)
	if err != nil {
		return err
	}
	if err := execAll(ctx, superURL, settings(name)); err != nil {
		return err
	}
	if _, err := db.Migrate(ctx, urls.Owner); err != nil {
		return err
	}
	return execAll(ctx, superURL, fmt.Sprintf("ALTER DATABASE %s IS_TEMPLATE true ALLOW_CONNECTIONS false", quote(name)))
}
