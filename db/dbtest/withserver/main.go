// Command withserver runs a command beside one PostgreSQL for tests, so that
// the packages of `go test ./...` share it:
//
//	go run ./db/dbtest/withserver go test ./...
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/cloudhub/cloudhub/db/dbtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:])
	var ended *exec.ExitError
	switch {
	case err == nil:
	case errors.As(err, &ended) && ended.Exited():
		os.Exit(ended.ExitCode())
	default:
		fmt.Fprintln(os.Stderr, "withserver:", err)
		os.Exit(1)
	}
}

// run answers the command's own error when it is what failed.
func run(ctx context.Context, command []string) (err error) {
	if len(command) == 0 {
		return errors.New("usage: withserver command [argument …]")
	}
	dir, err := os.MkdirTemp("", "cloudhub-dbtest-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	// As root PostgreSQL runs as somebody else, who must get there.
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	server, err := dbtest.Serve(ctx, filepath.Join(dir, "postgres"))
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		err = errors.Join(err, server.Stop(ctx))
	}()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), dbtest.ServerEnv+"="+server.URL("postgres"))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	// Ctrl-C reaches the command from the terminal; SIGTERM is passed on.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	return cmd.Run()
}
