package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/internal/bench/measure"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
	"github.com/cloudhub/cloudhub/internal/platform/embedded"
	"github.com/cloudhub/cloudhub/internal/platform/postgres"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
)

// children are what this program can be when it starts itself: what is measured
// apart must be a process of its own.
var children = map[string]func(context.Context, []string) error{
	"temporal":         temporalChild,
	"receivers":        receiversChild,
	"scheduled-worker": scheduledChild,
}

// site is the installation.
type site struct {
	dir      string
	binary   string
	postgres *postgres.Server
	urls     db.URLs
	super    *pgxpool.Pool // the application's database, past every policy
	keys     string
	temporal *child
	sim      *child
	estate   estate
}

// build starts PostgreSQL, Temporal and the simulated cloud, and fills the
// database.
func build(ctx context.Context, o options) (s *site, err error) {
	s = &site{binary: o.binary}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.dir, err = os.MkdirTemp("", "cloudhub-scale"); err != nil {
		return s, err
	}
	if err := os.Chmod(s.dir, 0o755); err != nil { // PostgreSQL runs as another user when we are root
		return s, err
	}
	if s.postgres, err = postgres.Start(ctx, postgres.Options{DataDir: filepath.Join(s.dir, "data"), Settings: map[string]string{"max_connections": "200"}}); err != nil {
		return s, err
	}
	if s.urls, err = db.Bootstrap(ctx, s.postgres.URL("postgres"), "cloudhub", "bench"); err != nil {
		return s, err
	}
	if _, err := db.Migrate(ctx, s.urls.Owner); err != nil {
		return s, err
	}
	if s.super, err = db.Connect(ctx, db.Options{URL: s.postgres.URL("cloudhub"), AppName: "bench"}); err != nil {
		return s, err
	}
	s.keys = filepath.Join(s.dir, "keys")
	if err := vault.EnsureRings(s.keys, time.Now()); err != nil {
		return s, err
	}
	if s.temporal, err = spawn(ctx, s.dir, "temporal", nil, os.Args[0], "temporal", s.postgres.URL("postgres")); err != nil {
		return s, err
	}
	if s.estate, err = s.seed(ctx, o); err != nil {
		return s, fmt.Errorf("seed: %w", err)
	}
	return s, s.startSim(ctx, s.estate.cloud)
}

// startSim simulates a cloud, in the place of the one before.
func (s *site) startSim(ctx context.Context, estate sim.Estate) error {
	if s.sim != nil {
		s.sim.stop()
	}
	raw, err := json.Marshal(estate)
	if err != nil {
		return err
	}
	file := filepath.Join(s.dir, "estate.json")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		return err
	}
	addr, err := freeAddress()
	if err != nil {
		return err
	}
	if s.sim, err = spawn(ctx, s.dir, "sim", nil, s.binary, "sim", "--addr", addr, "--estate", file); err != nil {
		return err
	}
	s.sim.said = "http://" + addr
	return answers(ctx, s.sim.said+"/_sim/healthz")
}

// workerEnv is how a worker reaches everything.
func (s *site) workerEnv() []string {
	return []string{
		"CLOUDHUB_KEYS_DIR=" + s.keys, "CLOUDHUB_DATABASE_APP_URL=" + s.urls.App, "CLOUDHUB_DATABASE_SYSTEM_URL=" + s.urls.System,
		"CLOUDHUB_TEMPORAL_ADDRESS=" + s.temporal.said, "CLOUDHUB_AWS_ENDPOINT=" + s.sim.said, "CLOUDHUB_LOG_LEVEL=error",
	}
}

func (s *site) close() {
	for _, c := range []*child{s.sim, s.temporal} {
		if c != nil {
			c.stop()
		}
	}
	if s.super != nil {
		s.super.Close()
	}
	if s.postgres != nil {
		_ = s.postgres.Stop(context.Background())
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}

// cost is the CPU that the parts have used, in seconds.
func (s *site) cost(worker *child) map[string]float64 {
	return map[string]float64{
		"postgres": measure.CPUSeconds(measure.Family(s.postgres.PID(), true)),
		"temporal": measure.CPUSeconds([]int{s.temporal.pid()}),
		"worker":   measure.CPUSeconds([]int{worker.pid()}),
		"cloud":    measure.CPUSeconds([]int{s.sim.pid()}),
	}
}

// child is a process of ours.
type child struct {
	cmd  *exec.Cmd
	said string // the line with which it said that it was ready, or its address
	log  *os.File
}

// spawn starts a process. One that is this program itself says one line when it
// is ready.
func spawn(ctx context.Context, dir, name string, env []string, program string, args ...string) (*child, error) {
	c := &child{cmd: exec.Command(program, args...)}
	var err error
	if c.log, err = os.Create(filepath.Join(dir, name+".log")); err != nil {
		return nil, err
	}
	c.cmd.Env = append(os.Environ(), env...)
	c.cmd.Stderr = c.log
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if program != os.Args[0] {
		c.cmd.Stdout = c.log
		return c, c.cmd.Start()
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	line := make(chan string, 1)
	go func() {
		said, _ := bufio.NewReader(out).ReadString('\n')
		line <- strings.TrimSpace(said)
		_, _ = io.Copy(c.log, out)
	}()
	select {
	case c.said = <-line:
		if c.said == "" {
			raw, _ := os.ReadFile(c.log.Name())
			return c, fmt.Errorf("%s ended: %s", name, raw)
		}
		return c, nil
	case <-ctx.Done():
		return c, ctx.Err()
	}
}

func (c *child) pid() int { return c.cmd.Process.Pid }

func (c *child) stop() {
	if c.cmd.Process == nil {
		return
	}
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(40*time.Second, func() { _ = c.cmd.Process.Kill() })
	_ = c.cmd.Wait()
	kill.Stop()
	_ = c.log.Close()
}

func temporalChild(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("temporal takes PostgreSQL's address")
	}
	ctx, stop := untilTerminated(ctx)
	defer stop()
	t, err := embedded.StartTemporal(ctx, embedded.TemporalOptions{PostgresURL: args[0], DisableUI: true})
	if err != nil {
		return err
	}
	fmt.Println(t.HostPort())
	<-ctx.Done()
	return t.Stop(context.Background())
}

func freeAddress() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// answers waits until an address does.
func answers(ctx context.Context, url string) error {
	for {
		resp, err := http.Get(url)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w", url, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
