// Command bench measures the built program as a user runs it: cold and warm
// start, what it costs when idle, and how long a person's order takes from the
// handler's commit to the first activity. It prints the machine beside the
// figures. `make bench` runs it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/cloudhub/cloudhub/internal/bench/measure"
)

func main() {
	binary := flag.String("binary", "bin/cloudhub", "the built program")
	idle := flag.Duration("idle", 30*time.Second, "how long idleness is measured")
	orders := flag.Int("orders", 40, "orders from commit to first activity")
	flag.Parse()
	if err := run(*binary, *idle, *orders); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(binary string, idle time.Duration, orders int) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	parent, err := os.MkdirTemp("", "cloudhub-bench")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(parent) }()
	if err := os.Chmod(parent, 0o755); err != nil { // PostgreSQL runs as another user when we are root
		return err
	}
	measure.DescribeMachine()
	dir := filepath.Join(parent, "data")
	p, cold, err := start(ctx, binary, dir)
	if err != nil {
		return err
	}
	fmt.Printf("cold start (empty folder, accounts read, schedules made) %8.2f s\n", cold.Seconds())
	if err := p.stop(); err != nil {
		return err
	}
	p, warm, err := start(ctx, binary, dir)
	if err != nil {
		return err
	}
	defer func() { _ = p.stop() }()
	fmt.Printf("warm start                                               %8.2f s\n", warm.Seconds())
	if err := commitToActivity(ctx, p.ready, orders); err != nil {
		return err
	}
	return measureIdle(p, idle)
}

// program is one `cloudhub dev --demo`.
type program struct {
	cmd   *exec.Cmd
	ready ready
}

type ready struct {
	URL  string `json:"url"`
	Demo struct {
		Email    string `json:"email"`
		Password string `json:"password"`
	} `json:"demo"`
	PIDs map[string]int `json:"pids"`
}

// start runs until everything answers, and says how long that took.
func start(ctx context.Context, binary, dir string) (*program, time.Duration, error) {
	cmd := exec.CommandContext(ctx, binary, "dev", "--demo", "--data-dir", dir, "--http", "127.0.0.1:0")
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 40 * time.Second
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, 0, err
	}
	p := &program{cmd: cmd}
	file := filepath.Join(dir, "ready.json")
	for {
		raw, err := os.ReadFile(file)
		if err == nil && json.Unmarshal(raw, &p.ready) == nil {
			return p, time.Since(began), nil
		}
		if time.Since(began) > 2*time.Minute {
			return nil, 0, errors.Join(errors.New("it was not ready after two minutes"), p.stop())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (p *program) stop() error {
	if p.cmd.ProcessState != nil {
		return nil
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return p.cmd.Wait()
}

// measureIdle reads CPU time and resident memory of the program and of all of
// PostgreSQL's processes.
func measureIdle(p *program, window time.Duration) error {
	time.Sleep(8 * time.Second) // what the start asked for settles
	groups := map[string]int{"cloudhub": p.ready.PIDs["cloudhub"], "postgres": p.ready.PIDs["postgres"]}
	before := map[string]float64{}
	for name, pid := range groups {
		before[name] = measure.CPUSeconds(measure.Family(pid, name == "postgres"))
	}
	time.Sleep(window)
	for _, name := range []string{"cloudhub", "postgres"} {
		pids := measure.Family(groups[name], name == "postgres")
		used := measure.CPUSeconds(pids) - before[name]
		fmt.Printf("idle %-9s %5.2f %% of one core, %4d MB (PSS), %d processes\n", name, 100*used/window.Seconds(), measure.PSSMB(pids), len(pids))
	}
	return nil
}
