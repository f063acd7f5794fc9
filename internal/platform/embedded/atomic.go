package embedded

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/server/tools/common/schema"
)

// atomicSchema lets Temporal's schema tasks work in one transaction: a set-up or
// an upgrade that is killed half-way was never begun. Temporal's own connection
// commits statement by statement, and an upgrade begun again on half of itself
// fails on what it dropped the first time.
type atomicSchema struct {
	ctx      context.Context //nolint:containedctx // the interface it implements has none
	tx       pgx.Tx
	database string
}

var _ schema.DB = (*atomicSchema)(nil)

// Exec runs a statement of the schema. An error leaves the transaction usable,
// because the tasks pass over some.
func (a *atomicSchema) Exec(stmt string, args ...any) error {
	// Nobody else is in the database, and in a transaction an index cannot be
	// made beside others' writes.
	stmt = strings.Replace(stmt, "CREATE INDEX CONCURRENTLY", "CREATE INDEX", 1)
	point, err := a.tx.Begin(a.ctx)
	if err != nil {
		return err
	}
	if _, err := point.Exec(a.ctx, stmt, args...); err != nil {
		return errors.Join(err, point.Rollback(a.ctx))
	}
	return point.Commit(a.ctx)
}

// CreateSchemaVersionTables makes the tables that Temporal's own connection
// makes, column by column.
func (a *atomicSchema) CreateSchemaVersionTables() error {
	return errors.Join(
		a.Exec(`CREATE TABLE IF NOT EXISTS schema_version (
			version_partition INT not null, db_name VARCHAR(255) not null, creation_time TIMESTAMP,
			curr_version VARCHAR(64), min_compatible_version VARCHAR(64), PRIMARY KEY (version_partition, db_name))`),
		a.Exec(`CREATE TABLE IF NOT EXISTS schema_update_history (
			version_partition INT not null, year int not null, month int not null, update_time TIMESTAMP not null,
			description VARCHAR(255), manifest_md5 VARCHAR(64), new_version VARCHAR(64), old_version VARCHAR(64),
			PRIMARY KEY (version_partition, year, month, update_time))`),
	)
}

// ReadSchemaVersion returns an error when there is none, as the tasks expect.
func (a *atomicSchema) ReadSchemaVersion() (version string, err error) {
	err = a.tx.QueryRow(a.ctx, `SELECT curr_version FROM schema_version WHERE version_partition = 0 AND db_name = $1`, a.database).Scan(&version)
	return version, err
}

// UpdateSchemaVersion records what the schema is now.
func (a *atomicSchema) UpdateSchemaVersion(version, minCompatible string) error {
	return a.Exec(`INSERT INTO schema_version (version_partition, db_name, creation_time, curr_version, min_compatible_version)
		VALUES (0, $1, $2, $3, $4) ON CONFLICT (version_partition, db_name) DO UPDATE
		SET creation_time = excluded.creation_time, curr_version = excluded.curr_version, min_compatible_version = excluded.min_compatible_version`,
		a.database, time.Now().UTC(), version, minCompatible)
}

// WriteSchemaUpdateLog records a step.
func (a *atomicSchema) WriteSchemaUpdateLog(from, to, manifestMD5, description string) error {
	now := time.Now().UTC()
	return a.Exec(`INSERT INTO schema_update_history (version_partition, year, month, update_time, old_version, new_version, manifest_md5, description)
		VALUES (0, $1, $2, $3, $4, $5, $6, $7)`, now.Year(), int(now.Month()), now, from, to, manifestMD5, description)
}

// DropAllTables is for a set-up that overwrites: ours never does.
func (*atomicSchema) DropAllTables() error {
	return errors.New("a schema is never dropped")
}

// Type is what Temporal calls databases like this.
func (*atomicSchema) Type() string { return "sql" }

// Close does nothing: who began the transaction ends it.
func (*atomicSchema) Close() {}
