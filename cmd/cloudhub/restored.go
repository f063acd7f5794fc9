package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/internal/platform/config"
	"github.com/cloudhub/cloudhub/internal/platform/telemetry"
	"github.com/cloudhub/cloudhub/worker"
)

func runRestored(ctx context.Context, e env, args []string) error {
	if len(args) > 0 {
		return usageError{errors.New("restored takes no arguments")}
	}
	if err := e.config.Need(config.DatabaseOwner); err != nil {
		return usageError{err}
	}
	pool, err := db.Connect(ctx, db.Options{URL: e.config.Get(config.DatabaseOwner), MaxConns: 2, AppName: "cloudhub restored"})
	if err != nil {
		return err
	}
	defer pool.Close()
	missed, err := worker.Restored(ctx, pool, telemetry.JSONLogger(e.stderr, telemetry.Level(e.config.Get(config.LogLevel))))
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "in order: %d minutes of timetables since the dump are recorded as missed, all work is driven anew, all accounts are read, everybody signs in again\n", missed)
	return nil
}
