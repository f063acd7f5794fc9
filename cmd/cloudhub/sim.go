package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/cloudhub/cloudhub/internal/cloud/sim"
	"github.com/cloudhub/cloudhub/internal/platform/config"
	"github.com/cloudhub/cloudhub/internal/platform/telemetry"
)

func runSim(ctx context.Context, e env, args []string) error {
	fs := flag.NewFlagSet("sim", flag.ContinueOnError)
	fs.SetOutput(e.stderr)
	addr := fs.String("addr", "127.0.0.1:5100", "where it answers")
	dir := fs.String("dir", "", "folder for its state and its log of calls; empty keeps them in memory")
	file := fs.String("estate", "", "JSON file with the estate to begin with; empty takes the demonstration's")
	if err := fs.Parse(args); err != nil {
		return usageError{err}
	}
	estate := sim.DemoEstate(time.Now())
	if *file != "" {
		var err error
		if estate, err = sim.LoadEstate(*file); err != nil {
			return err
		}
	}
	if *dir != "" {
		if err := os.MkdirAll(*dir, 0o755); err != nil {
			return err
		}
	}
	fmt.Fprintf(e.stdout, "simulated AWS on http://%s\n", *addr)
	return sim.Serve(ctx, *addr, sim.Options{
		Dir: *dir, Estate: estate, Logger: telemetry.JSONLogger(e.stderr, telemetry.Level(e.config.Get(config.LogLevel))), ControlToken: e.config.Get(config.SimToken),
	})
}
