package db

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrOlderSchema says that the database lacks migrations that this program
// needs.
var ErrOlderSchema = errors.New("the database is older than this version of CloudHub")

// NeededSchema is the newest migration that this program has.
func NeededSchema() (version int64, err error) {
	entries, err := fs.ReadDir(migrations, "migrations")
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		number, _, _ := strings.Cut(path.Base(e.Name()), "_")
		v, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("migration %s has no number: %w", e.Name(), err)
		}
		version = max(version, v)
	}
	return version, nil
}

// CheckSchema compares the database with this program, as any role. It answers
// nil when they are of one version; an error that wraps ErrOlderSchema when
// migrations are missing, and names them; ErrNewerSchema when the database was
// migrated by a newer program, which may have taken away what this one uses.
// A program that is running while its database is migrated does not ask again:
// a migration leaves everything in place that the version before it uses.
func CheckSchema(ctx context.Context, pool *pgxpool.Pool) error {
	needed, err := NeededSchema()
	if err != nil {
		return err
	}
	return checkSchema(ctx, pool, needed)
}

func checkSchema(ctx context.Context, pool *pgxpool.Pool, needed int64) error {
	var has int64
	err := pool.QueryRow(ctx, "SELECT schema_version()").Scan(&has)
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &pg) && pg.Code == "42883": // no such function: a database without a schema, or from before it
		has = 0
	case err != nil:
		return err
	}
	switch {
	case has > needed:
		return fmt.Errorf("%w (it is at migration %d, this version knows %d)", ErrNewerSchema, has, needed)
	case has < needed:
		at := fmt.Sprintf("it is at migration %d", has)
		if has == 0 {
			at = "it has no schema, or an early one"
		}
		return fmt.Errorf("%w: %s, this version needs %d; run: cloudhub migrate up", ErrOlderSchema, at, needed)
	default:
		return nil
	}
}
