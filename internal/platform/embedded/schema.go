package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/postgresql"
	v12 "go.temporal.io/server/schema/postgresql/v12"
	"go.temporal.io/server/tools/common/schema"
	"golang.org/x/sync/errgroup"
)

// Connections to each store, per service: Temporal has four, and keeps some 26
// in all with these figures.
const (
	mainConns       = 10
	visibilityConns = 5
)

// stores are Temporal's two databases. Both schemas own a table
// schema_version, so they cannot share one.
type stores struct {
	base       *pgx.ConnConfig
	main       config.SQL
	visibility config.SQL
}

// newStores reads a postgres:// URL. Its parameters go to Temporal too; the
// session's time zone is UTC, because Temporal writes timestamps without one.
func newStores(rawURL, database string) (*stores, error) {
	base, err := pgx.ParseConfig(rawURL)
	if err != nil {
		return nil, fmt.Errorf("URL of Temporal's PostgreSQL: %w", err) // pgx leaves the password out
	}
	parsed, err := url.Parse(rawURL)
	if err != nil || (parsed.Scheme != "postgres" && parsed.Scheme != "postgresql") {
		return nil, errors.New("URL of Temporal's PostgreSQL: it must start with postgres://")
	}
	attributes := map[string]string{}
	for name, values := range parsed.Query() {
		attributes[name] = values[0]
	}
	attributes["application_name"] = "temporal"
	attributes["timezone"] = "UTC"
	store := func(name string, conns int) config.SQL {
		return config.SQL{
			PluginName:        postgresql.PluginNamePGX,
			DatabaseName:      name,
			ConnectAddr:       net.JoinHostPort(base.Host, strconv.Itoa(int(base.Port))),
			ConnectProtocol:   "tcp",
			ConnectAttributes: attributes,
			User:              url.PathEscape(base.User), // the plugin pastes it into a URL
			Password:          base.Password,
			MaxConns:          conns,
			MaxIdleConns:      conns,
		}
	}
	return &stores{
		base:       base,
		main:       store(database, mainConns),
		visibility: store(database+"_visibility", visibilityConns),
	}, nil
}

// claimPatience is how long the session of a server that was just killed may
// take to be gone.
const claimPatience = time.Second

// A claim keeps Temporal's databases for one server, for as long as its
// connection lives. The lock is on the database that the URL names.
type claim struct {
	conn *pgx.Conn
	name string
}

func (s *stores) claim(ctx context.Context) (*claim, error) {
	conn, err := pgx.ConnectConfig(ctx, s.base)
	if err != nil {
		return nil, fmt.Errorf("connect to Temporal's PostgreSQL: %w", err)
	}
	c := &claim{conn: conn, name: "cloudhub temporal " + s.main.DatabaseName}
	for deadline := time.Now().Add(claimPatience); ; {
		var ours bool
		err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock(hashtextextended($1, 0))`, c.name).Scan(&ours)
		if err == nil && ours {
			return c, nil
		}
		if err == nil && time.Now().After(deadline) {
			err = &ServerInUseError{Database: s.main.DatabaseName}
		}
		if err != nil {
			return nil, errors.Join(err, conn.Close(ctx))
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), conn.Close(ctx))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// release unlocks before it closes, because PostgreSQL takes its time to notice
// a closed connection. Its errors do not matter: the lock goes with the session.
func (c *claim) release(ctx context.Context) {
	_, _ = c.conn.Exec(ctx, `SELECT pg_advisory_unlock(hashtextextended($1, 0))`, c.name)
	_ = c.conn.Close(ctx)
}

// setUp makes both databases and brings their schemas to this server's version.
func (s *stores) setUp(ctx context.Context, logger log.Logger) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.setUpOne(ctx, s.main, "postgresql/v12/temporal", v12.Version, logger) })
	group.Go(func() error {
		return s.setUpOne(ctx, s.visibility, "postgresql/v12/visibility", v12.VisibilityVersion, logger)
	})
	return group.Wait()
}

func (s *stores) setUpOne(ctx context.Context, cfg config.SQL, name, version string, logger log.Logger) error {
	if err := s.createDatabase(ctx, cfg.DatabaseName); err != nil {
		return err
	}
	current, err := s.schemaVersion(ctx, cfg.DatabaseName)
	if err != nil {
		return err
	}
	if current == version {
		return nil
	}
	if current != "" && newer(current, version) {
		return &SchemaError{Database: cfg.DatabaseName, Reason: fmt.Sprintf(
			"has schema %s, made by a newer CloudHub; this one knows %s: use the newer CloudHub, or start again with --reset", current, version)}
	}
	inside := s.base.Copy()
	inside.Database = cfg.DatabaseName
	conn, err := pgx.ConnectConfig(ctx, inside)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", cfg.DatabaseName, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		db := &atomicSchema{ctx: ctx, tx: tx, database: cfg.DatabaseName}
		if current == "" {
			return schema.NewSetupSchemaTask(db, &schema.SetupConfig{SchemaName: name, InitialVersion: version}, logger).Run()
		}
		return schema.NewUpdateSchemaTask(db, &schema.UpdateConfig{SchemaName: name, TargetVersion: version}, logger).Run()
	})
	if err != nil {
		return fmt.Errorf("schema of %s: %w", cfg.DatabaseName, err)
	}
	return nil
}

func (s *stores) createDatabase(ctx context.Context, name string) error {
	conn, err := pgx.ConnectConfig(ctx, s.base)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var exists bool
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, name).Scan(&exists); err != nil {
		return err
	}
	if exists {
		return nil
	}
	if _, err := conn.Exec(ctx, `CREATE DATABASE `+pgx.Identifier{name}.Sanitize()); err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	return nil
}

// schemaVersion returns the version of Temporal's schema; "" when there is
// none. What an older CloudHub left of a set-up that was interrupted is removed:
// it shows by the version table, which was made first, being empty, as the
// version was written last.
func (s *stores) schemaVersion(ctx context.Context, name string) (string, error) {
	cfg := s.base.Copy()
	cfg.Database = name
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	var tables int
	var versioned bool
	err = conn.QueryRow(ctx, `
		SELECT count(*), coalesce(bool_or(tablename = 'schema_version'), false)
		FROM pg_tables WHERE schemaname = 'public'`).Scan(&tables, &versioned)
	switch {
	case err != nil:
		return "", err
	case tables == 0:
		return "", nil
	case !versioned:
		return "", &SchemaError{Database: name, Reason: "holds tables that are not Temporal's: give Temporal a database of its own"}
	}
	var rows int
	var version *string
	err = conn.QueryRow(ctx, `
		SELECT count(*), max(curr_version) FILTER (WHERE version_partition = 0 AND db_name = $1)
		FROM public.schema_version`, name).Scan(&rows, &version)
	switch {
	case err != nil:
		return "", err
	case version != nil:
		return *version, nil
	case rows > 0:
		return "", &SchemaError{Database: name, Reason: "was made under another name: rename it back"}
	}
	_, err = conn.Exec(ctx, `DROP SCHEMA public CASCADE; CREATE SCHEMA public`)
	return "", err
}

// newer compares dotted numbers.
func newer(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(as), len(bs)) {
		x, _ := strconv.Atoi(as[i])
		y, _ := strconv.Atoi(bs[i])
		if x != y {
			return x > y
		}
	}
	return len(as) > len(bs)
}
