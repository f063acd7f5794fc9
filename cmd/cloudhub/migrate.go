package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/internal/platform/config"
)

func runMigrate(ctx context.Context, e env, args []string) error {
	if len(args) != 1 || args[0] != "up" && args[0] != "status" {
		return usageError{errors.New("use: cloudhub migrate up|status")}
	}
	if err := e.config.Need(config.DatabaseOwner); err != nil {
		return usageError{err}
	}
	owner := e.config.Get(config.DatabaseOwner)
	if args[0] == "status" {
		list, err := db.MigrationStatus(ctx, owner)
		for _, m := range list {
			state := "pending"
			if m.Applied {
				state = "applied"
			}
			fmt.Fprintf(e.stdout, "%-8s %s\n", state, m.Name)
		}
		return err
	}
	n, err := db.Migrate(ctx, owner)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "%d migrations applied; the database is at this version\n", n)
	return nil
}
