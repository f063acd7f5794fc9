// Package dbtest gives every test that needs PostgreSQL a migrated database of
// its own, with all roles, and a tenant with a row in every table.
//
// A package that uses it has
//
//	func TestMain(m *testing.M) { dbtest.Main(m) }
//
// and its tests call New. The server is started by the first of them, or is the
// one that the environment names (ServerEnv), so that `make test` starts one for
// all packages. The server's zone is America/Noronha, so that what depends on
// UTC fails; fsync is off, so nothing may be tested here about power loss.
//
// It must not be imported by anything but tests.
package dbtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
)

// DB is one test's database.
type DB struct {
	URLs     db.URLs
	Tenants  *db.Tenants
	Identity *db.Identity
	System   *db.System
	Admin    *db.Admin
	// Owner is for arranging and looking, past every policy. What is tested
	// goes by the others.
	Owner *pgxpool.Pool
}

// maxConns of each of a test's pools.
const maxConns = 4

// New makes a database for t, dropped when t ends.
func New(t testing.TB) *DB {
	t.Helper()
	d := &DB{URLs: create(t, true)}
	d.Owner = pool(t, d.URLs.Owner)
	d.Tenants = db.NewTenants(pool(t, d.URLs.App))
	d.Identity = db.NewIdentity(pool(t, d.URLs.Identity))
	d.System = db.NewSystem(pool(t, d.URLs.System))
	d.Admin = db.NewAdmin(pool(t, d.URLs.Admin))
	return d
}

// NewEmpty makes a database with the roles and no table, for what tests the
// migrations themselves.
func NewEmpty(t testing.TB) db.URLs {
	t.Helper()
	return create(t, false)
}

// Connect opens a connection of its own, closed when t ends.
func Connect(t testing.TB, address string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) }) // t.Context has ended in a cleanup
	return conn
}

// Superuser opens a connection to the test's database as the server's superuser:
// for what only an administrator does. Roles belong to the whole server, so a
// test that makes one gives it a name of its own and drops it.
func Superuser(t testing.TB, d *DB) *pgx.Conn {
	t.Helper()
	server, err := theServer(t.Context())
	require.NoError(t, err)
	config, err := pgx.ParseConfig(server.url)
	require.NoError(t, err)
	config.Database = d.Owner.Config().ConnConfig.Database
	conn, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// Exec runs a statement as the owner.
func (d *DB) Exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	_, err := d.Owner.Exec(t.Context(), sql, args...)
	require.NoError(t, err, sql)
}

// Queries answers the generated queries as the owner.
func (d *DB) Queries() *gen.Queries { return gen.New(d.Owner) }

func pool(t testing.TB, address string) *pgxpool.Pool {
	t.Helper()
	p, err := db.Connect(t.Context(), db.Options{URL: address, MaxConns: maxConns, AppName: "dbtest"})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

// create makes a database and its cleanup. Rights on a database are not copied
// from its template, nor are its settings: both are set again.
func create(t testing.TB, migrated bool) db.URLs {
	t.Helper()
	ctx := t.Context()
	server, err := theServer(ctx)
	require.NoError(t, err)
	name := databaseName(t)
	if !migrated {
		urls, err := db.Bootstrap(ctx, server.url, name, password)
		require.NoError(t, err)
		dropAfter(t, server.url, name)
		require.NoError(t, execAll(ctx, server.url, settings(name)))
		return urls
	}
	require.NoError(t, execAll(ctx, server.url,
		fmt.Sprintf("CREATE DATABASE %s OWNER %s TEMPLATE %s", quote(name), db.RoleOwner, quote(server.template))))
	dropAfter(t, server.url, name)
	require.NoError(t, execAll(ctx, server.url,
		fmt.Sprintf("REVOKE ALL ON DATABASE %s FROM PUBLIC", quote(name)),
		fmt.Sprintf("GRANT CONNECT ON DATABASE %s TO %s, %s, %s, %s", quote(name), db.RoleApp, db.RoleIdentity, db.RoleSystem, db.RoleAdmin),
		settings(name)))
	urls, err := addresses(server.url, name)
	require.NoError(t, err)
	return urls
}

func settings(database string) string {
	return fmt.Sprintf("ALTER DATABASE %s SET timezone = '%s'", quote(database), zone)
}

func dropAfter(t testing.TB, server, name string) {
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second) // t.Context has ended in a cleanup
		defer cancel()
		require.NoError(t, execAll(ctx, server, fmt.Sprintf("DROP DATABASE IF EXISTS %s WITH (FORCE)", quote(name))))
	})
}

// databaseName shows in pg_stat_activity which test a session is of.
func databaseName(t testing.TB) string {
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToLower(t.Name()))
	return fmt.Sprintf("%.40s_%s", clean, strings.ToLower(rand.Text()[:12])) // 63 bytes is the limit
}

func addresses(server, database string) (db.URLs, error) {
	base, err := url.Parse(server)
	if err != nil {
		return db.URLs{}, errors.New("the server's address is not a URL") // the address has a password
	}
	as := func(role string) string {
		u := *base
		u.User, u.Path = url.UserPassword(role, password), "/"+database
		return u.String()
	}
	return db.URLs{Owner: as(db.RoleOwner), App: as(db.RoleApp), Identity: as(db.RoleIdentity), System: as(db.RoleSystem), Admin: as(db.RoleAdmin)}, nil
}

// execAll runs statements one by one on a connection of their own. A template
// that another process has just finished with, or a backend that has not quite
// ended, is waited for.
func execAll(ctx context.Context, address string, statements ...string) error {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	for _, s := range statements {
		for deadline := time.Now().Add(10 * time.Second); ; {
			_, err := conn.Exec(ctx, s)
			var pg *pgconn.PgError
			if errors.As(err, &pg) && pg.Code == "55006" && time.Now().Before(deadline) { // object_in_use
				time.Sleep(20 * time.Millisecond) // PostgreSQL tells nobody when it is free
				continue
			}
			if err != nil {
				return fmt.Errorf("%s: %w", s, err)
			}
			break
		}
	}
	return nil
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }
