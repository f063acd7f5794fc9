// Command cloudhub is the whole product in one binary: parse flags, wire, run.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/cloudhub/cloudhub/internal/platform/config"
	"github.com/cloudhub/cloudhub/internal/platform/coredump"
)

// version is set by the build: -ldflags "-X main.version=…".
var version = "dev"

type command struct {
	name, args, help string
	run              func(ctx context.Context, e env, args []string) error
}

// env is what a command gets from the process.
type env struct {
	stdout, stderr io.Writer
	stdin          io.Reader
	config         config.Values
}

func commands() []command {
	return []command{
		{"dev", "[--demo] [--data-dir DIR] [--http HOST:PORT] [--reset] [--yes]", "everything on one machine, with nothing to configure", runDev},
		{"server", "", "interface and API, against your PostgreSQL", runServer},
		{"worker", "", "dispatcher and workflows, against your PostgreSQL and Temporal", runWorker},
		{"sim", "[--addr HOST:PORT] [--dir DIR] [--estate FILE]", "the simulated AWS as a process of its own", runSim},
		{"migrate", "up|status", "bring the database to this version, or say where it is", runMigrate},
		{"keys", "generate|status|promote|retire [--ring RING] [--data-dir DIR] [KEYID...]", "make keyrings, say which keys are in use, replace a key", runKeys},
		{"restored", "", "put a database in order that was restored from a dump, before workers run on it", runRestored},
		{"admin", "grant EMAIL|revoke EMAIL|list [--data-dir DIR]", "who may open the operators' page, /admin/agenda", runAdmin},
		{"config", "", "list every setting, as the README's table", runConfig},
		{"version", "", "say which version this is", runVersion},
	}
}

// usageError is answered with exit code 2.
type usageError struct{ error }

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signals()
	defer stop()
	if err := coredump.Forbid(); err != nil {
		fmt.Fprintln(os.Stderr, "cloudhub: secrets in memory could reach a core file:", err)
		return 1
	}
	e := env{stdout: os.Stdout, stderr: os.Stderr, stdin: os.Stdin}
	err := dispatch(ctx, e, os.Args[1:])
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		fmt.Fprintln(os.Stderr, "cloudhub:", err)
		return 2
	default:
		fmt.Fprintln(os.Stderr, "cloudhub:", err)
		return 1
	}
}

func dispatch(ctx context.Context, e env, args []string) error {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		usage(e.stdout)
		return nil
	}
	for _, c := range commands() {
		if c.name != args[0] {
			continue
		}
		values, err := config.Load(config.Environment())
		if err != nil {
			return usageError{err}
		}
		e.config = values
		return c.run(ctx, e, args[1:])
	}
	return usageError{fmt.Errorf("%q is not a command; see cloudhub help", args[0])}
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "CloudHub runs your cloud estates: see it, switch it on a timetable, find waste.")
	fmt.Fprintln(w)
	for _, c := range commands() {
		fmt.Fprintf(w, "  cloudhub %-8s %s\n      %s\n", c.name, c.args, c.help)
	}
	fmt.Fprintln(w, "\nSettings are environment variables: cloudhub config lists them.")
}

// signals ends the context at the first SIGINT or SIGTERM; a second one exits
// at once.
func signals() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	ch := make(chan os.Signal, 2)
	signal.Notify(ch, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-ch
		cancel()
		<-ch
		os.Exit(130)
	}()
	return ctx, cancel
}

func runVersion(_ context.Context, e env, _ []string) error {
	goVersion := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		goVersion = info.GoVersion
	}
	fmt.Fprintf(e.stdout, "cloudhub %s %s\n", version, goVersion)
	return nil
}

func runConfig(_ context.Context, e env, _ []string) error {
	_, err := io.WriteString(e.stdout, config.Markdown())
	return err
}
