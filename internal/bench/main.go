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
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
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
	describeMachine()
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
		before[name] = cpuSeconds(family(pid, name == "postgres"))
	}
	time.Sleep(window)
	for _, name := range []string{"cloudhub", "postgres"} {
		pids := family(groups[name], name == "postgres")
		used := cpuSeconds(pids) - before[name]
		fmt.Printf("idle %-9s %5.2f %% of one core, %4d MB (PSS), %d processes\n", name, 100*used/window.Seconds(), pssMB(pids), len(pids))
	}
	return nil
}

// family is a process, with its children when asked.
func family(pid int, children bool) []int {
	out := []int{pid}
	if !children {
		return out
	}
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return out
	}
	for _, f := range strings.Fields(string(raw)) {
		if n, err := strconv.Atoi(f); err == nil {
			out = append(out, n)
		}
	}
	return out
}

// cpuSeconds is user and system time, from /proc/<pid>/stat in ticks of 10 ms.
func cpuSeconds(pids []int) float64 {
	var ticks int
	for _, pid := range pids {
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
		if len(fields) < 13 {
			continue
		}
		user, _ := strconv.Atoi(fields[11])
		system, _ := strconv.Atoi(fields[12])
		ticks += user + system
	}
	return float64(ticks) / 100
}

func pssMB(pids []int) int {
	var kb int
	for _, pid := range pids {
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			continue
		}
		for _, line := range strings.Split(string(raw), "\n") {
			if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
				n, _ := strconv.Atoi(strings.Fields(rest)[0])
				kb += n
			}
		}
	}
	return kb / 1024
}

func describeMachine() {
	model := "unknown processor"
	if raw, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for _, line := range strings.Split(string(raw), "\n") {
			if name, ok := strings.CutPrefix(line, "model name"); ok {
				model = strings.TrimSpace(strings.TrimLeft(name, "\t :"))
				break
			}
		}
	}
	load := "?"
	if raw, err := os.ReadFile("/proc/loadavg"); err == nil {
		load = strings.Fields(string(raw))[0]
	}
	fmt.Printf("machine: %d × %s, %s/%s, %s, load %s at the start\n", runtime.NumCPU(), model, runtime.GOOS, runtime.GOARCH, runtime.Version(), load)
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func report(name string, d []time.Duration) {
	slices.Sort(d)
	fmt.Printf("%s p50 %d ms, p95 %d ms, max %d ms (n = %d)\n", name, quantile(d, .5).Milliseconds(), quantile(d, .95).Milliseconds(), d[len(d)-1].Milliseconds(), len(d))
}
