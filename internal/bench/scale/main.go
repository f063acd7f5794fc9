// Command scale measures an installation whose parts are processes of their own,
// with many tenants in its database: lists under row-level security, the queries
// of one request, a burst of timetables that fall on one minute, against the same
// work started by one Temporal Schedule a workspace, a fleet of machines that stop
// in one minute, what schedules cost that have nothing to do, and deliveries of events
// to others. What must hold is
// a gate, a ratio or a count that a busy machine does not change; the program exits
// with 1 when one is broken. `make bench` runs it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/cloudhub/cloudhub/internal/bench/measure"
)

type options struct {
	binary     string
	resources  int
	clients    int
	workspaces int
	scheduled  int
	parts      string
	targets    int
	idle       int
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Minute)
	defer cancel()
	if len(os.Args) > 1 {
		if child, ok := children[os.Args[1]]; ok {
			exit(child(ctx, os.Args[2:]))
		}
	}
	var o options
	flag.StringVar(&o.binary, "binary", "bin/cloudhub", "the built program")
	flag.IntVar(&o.resources, "resources", 50_000, "resources in the workspace whose list is read")
	flag.IntVar(&o.clients, "clients", 16, "clients that read it at once")
	flag.IntVar(&o.workspaces, "workspaces", 5_000, "workspaces whose timetables fall on one minute")
	flag.IntVar(&o.scheduled, "scheduled", 1_000, "workspaces with a Temporal Schedule each, to compare with")
	flag.StringVar(&o.parts, "parts", "lists,burst,fleet,idle,deliveries", "what is measured")
	flag.IntVar(&o.targets, "targets", 10_000, "machines of the fleet that stop in one minute")
	flag.IntVar(&o.idle, "idle", 100_000, "schedules that have nothing to do")
	flag.Parse()
	if !o.has("lists") && !o.has("burst") {
		o.workspaces, o.scheduled = 1, 0 // nothing of them is measured
	}
	exit(run(ctx, o))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func run(ctx context.Context, o options) (err error) {
	measure.DescribeMachine()
	s, err := build(ctx, o)
	if err != nil {
		return err
	}
	defer func() { s.close() }()
	var g gates
	for _, part := range []struct {
		name string
		run  func(context.Context, *site, options, *gates) error
	}{{"lists", lists}, {"burst", burst}, {"fleet", fleets}, {"idle", idle}, {"deliveries", deliveries}} {
		if !o.has(part.name) {
			continue
		}
		if err := part.run(ctx, s, o, &g); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return g.result()
}

// has says that a part is to be measured.
func (o options) has(part string) bool { return slices.Contains(strings.Split(o.parts, ","), part) }

// gates are what must hold.
type gates struct{ broken []string }

// most prints a figure that may be no more than limit.
func (g *gates) most(name string, got, limit float64) {
	verdict := "holds"
	if got > limit {
		verdict = "BROKEN"
		g.broken = append(g.broken, name)
	}
	fmt.Printf("%-68s %8.2f   gate ≤ %g %s\n", name, got, limit, verdict)
}

func (g *gates) result() error {
	if len(g.broken) > 0 {
		return fmt.Errorf("%d gates are broken: %q", len(g.broken), g.broken)
	}
	fmt.Println("all gates hold")
	return nil
}
