package db

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // goose speaks database/sql
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// ErrNewerSchema says that the database was migrated by a newer version of the
// program than this one.
var ErrNewerSchema = errors.New("the database was made by a newer version of CloudHub: start that version, or restore a backup made before it")

// SchemaHash is of the name and content of every migration this program has:
// two programs with the same hash make the same database.
func SchemaHash() (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(migrations, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := migrations.ReadFile(path)
		_, _ = fmt.Fprintf(sum, "%s %d\n%s", path, len(raw), raw) // a hash never fails
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}

// Migration is one step and whether it has been applied.
type Migration struct {
	Version int64
	Name    string
	Applied bool
}

// Migrate applies what is missing, as the role cloudhub_owner. Several
// processes may call it at once: one works, the others wait.
func Migrate(ctx context.Context, ownerURL string) (applied int, err error) {
	err = withProvider(ownerURL, func(p *goose.Provider) error {
		current, target, err := p.GetVersions(ctx)
		if err != nil {
			return err
		}
		if current > target {
			return ErrNewerSchema
		}
		if err := mendSequence(ctx, ownerURL); err != nil {
			return err
		}
		// A migration wants tables for itself, in an order of its own, while
		// servers and workers go on: PostgreSQL may ask that it be repeated. Each
		// is one transaction.
		return retry(ctx, nil, func() error {
			results, err := p.Up(ctx)
			applied += len(results)
			return err
		})
	})
	return applied, err
}

// mendSequence moves the sequence of goose's record behind its rows. A PostgreSQL
// with minimal WAL that crashed soon after its first migrations has it before
// them, and the next migration would be refused.
func mendSequence(ctx context.Context, ownerURL string) (err error) {
	conn, err := pgx.Connect(ctx, ownerURL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	_, err = conn.Exec(ctx, `
		SELECT setval('goose_db_version_id_seq', m.id) FROM (SELECT max(id) AS id FROM goose_db_version) m, goose_db_version_id_seq s
		WHERE m.id > s.last_value`)
	var missing *pgconn.PgError
	if errors.As(err, &missing) && missing.Code == "42P01" {
		return nil // there is no table yet: another process is making it
	}
	return err
}

// MigrateDownTo undoes migrations down to and without version. For tests and
// for going back a version by hand.
func MigrateDownTo(ctx context.Context, ownerURL string, version int64) error {
	return withProvider(ownerURL, func(p *goose.Provider) error {
		_, err := p.DownTo(ctx, version)
		return err
	})
}

// MigrationStatus lists every migration of this program.
func MigrationStatus(ctx context.Context, ownerURL string) ([]Migration, error) {
	var out []Migration
	err := withProvider(ownerURL, func(p *goose.Provider) error {
		status, err := p.Status(ctx)
		for _, s := range status {
			out = append(out, Migration{s.Source.Version, s.Source.Path, s.State == goose.StateApplied})
		}
		return err
	})
	return out, err
}

func withProvider(ownerURL string, fn func(*goose.Provider) error) (err error) {
	conn, err := sql.Open("pgx", ownerURL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectPostgres, conn, files, goose.WithSessionLocker(locker))
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	return fn(p)
}
