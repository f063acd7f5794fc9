package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudhub/cloudhub/db"
)

const (
	schemaLookEvery = 500 * time.Millisecond
	schemaSayEvery  = 30 * time.Second
)

// awaitSchema waits until the database has been migrated to this version, and
// says what it waits for: a deployment may start everything at once. A database
// of a newer version is refused (db.ErrNewerSchema), for good.
func awaitSchema(ctx context.Context, pool *pgxpool.Pool, log *slog.Logger) error {
	var said time.Time
	for {
		err := db.CheckSchema(ctx, pool)
		if !errors.Is(err, db.ErrOlderSchema) {
			return err
		}
		if time.Since(said) >= schemaSayEvery {
			said = time.Now()
			log.WarnContext(ctx, "waiting for the database to be migrated", "reason", err.Error())
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("told to stop while waiting: %w", err)
		case <-time.After(schemaLookEvery):
		}
	}
}
