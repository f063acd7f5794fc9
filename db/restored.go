package db

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrWorkersRun says that a dispatcher is connected to the database that is to
// be put in order after a restore.
var ErrWorkersRun = errors.New("workers are running on this database: stop them first")

// Restored puts in order what a restore sets back, as the role cloudhub_owner,
// before a worker runs on the restored database:
//
//   - leases and versions go on from far beyond what was given out: runs that
//     Temporal still has, and windows that are open, hold numbers that the dump
//     does not know of;
//   - work is delivered anew, each row at once, and every account is read;
//   - sessions end: one that was revoked after the dump lives again in it.
//
// workKinds are the kinds of rows that are delivered. It may run twice. Errors:
// ErrWorkersRun, ErrOlderSchema, ErrNewerSchema, or the database's.
func Restored(ctx context.Context, owner *pgxpool.Pool, workKinds []string) error {
	if err := CheckSchema(ctx, owner); err != nil {
		return err
	}
	var connected int
	if err := owner.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1`,
		DispatcherName).Scan(&connected); err != nil {
		return err
	}
	if connected > 0 {
		return fmt.Errorf("%w (%d connections)", ErrWorkersRun, connected)
	}
	return pgx.BeginFunc(ctx, owner, func(tx pgx.Tx) error {
		for _, s := range []struct {
			sql  string
			args []any
		}{
			{sql: `SELECT setval('agenda_lease', nextval('agenda_lease') + 1000000000), setval('row_version', nextval('row_version') + 1000000000)`},
			{`UPDATE agenda SET look_at = least(look_at, now()), run_id = NULL, taken = false, starts = 0, last_error = NULL WHERE kind = ANY($1)`, []any{workKinds}},
			{sql: `UPDATE agenda SET look_at = least(look_at, now()) WHERE kind IN ('sync-clock', 'calendar-clock')`},
			{sql: `UPDATE sessions SET revoked_at = now() WHERE revoked_at IS NULL`},
		} {
			if _, err := tx.Exec(ctx, s.sql, s.args...); err != nil {
				return err
			}
		}
		return nil
	})
}

// DispatcherName is the application_name of a dispatcher's connections.
const DispatcherName = "cloudhub dispatcher"
