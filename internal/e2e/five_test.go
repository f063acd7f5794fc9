package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
	"github.com/cloudhub/cloudhub/internal/platform/crashpoint"
	"github.com/cloudhub/cloudhub/internal/platform/embedded"
	"github.com/cloudhub/cloudhub/internal/platform/postgres"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
)

// The five processes of an installation.
const (
	theServer    = "server"
	theWorker    = "worker"
	thePostgres  = "postgres"
	theTemporal  = "temporal"
	theSimulator = "simulator"
)

var allProcesses = []string{theServer, theWorker, thePostgres, theTemporal, theSimulator}

// temporalEnv makes the test binary a Temporal and nothing else: it links one
// anyway. The value is "port postgres-url".
const (
	temporalEnv    = "CLOUDHUB_TEST_TEMPORAL"
	temporalServes = "temporal serves"
)

// temporalProcess serves until its standard input ends, which it does when the
// test that started it is gone.
func temporalProcess(address string) int {
	port, url, _ := strings.Cut(address, " ")
	n, err := strconv.Atoi(port)
	if err != nil {
		return fail(err)
	}
	ctx := context.Background()
	t, err := embedded.StartTemporal(ctx, embedded.TemporalOptions{PostgresURL: url, Port: n, DisableUI: true})
	if err != nil {
		return fail(err)
	}
	fmt.Println(temporalServes)
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := t.Stop(ctx); err != nil {
		return fail(err)
	}
	return 0
}

// pointedBinary is the program with crash points.
var pointedBinary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(shared.dir, "cloudhub-crashpoints")
	out, err := exec.Command("go", "build", "-tags", "crashpoints", "-o", path, "../../cmd/cloudhub").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// five is an installation of five processes: each can be killed and brought
// back, and all but PostgreSQL and Temporal stop at crash points.
type five struct {
	*world
	points       crashpoint.Folder
	postgres     *postgres.Server
	temporalPort string
	simAddr      string
	simDir       string
	httpAddr     string
	serverKeys   string
	estateFile   string
	temporalProc *process
	serverProc   *process
	simProc      *process
	workers      []*process
	workerEnv    []string // beside what every worker has
	// down are the processes that the test has killed and not brought back.
	down         map[string]bool
	startedAgain time.Time
}

// newFive starts an installation with one person and the estate's first account
// in it. Its workers have been stopped again, so that a test can lay out its work
// before anything moves.
func newFive(t *testing.T, estate sim.Estate) *five {
	t.Helper()
	_, err := pointedBinary()
	require.NoError(t, err)
	f := &five{world: &world{t: t, keys: t.TempDir(), logs: &lockedBuffer{}}, simDir: t.TempDir(), serverKeys: t.TempDir(), down: map[string]bool{}}
	f.points, err = crashpoint.NewFolder(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, vault.EnsureRings(f.keys, time.Now()))
	for _, name := range []string{vault.ServerFile, vault.WorkersPublicFile} {
		raw, err := os.ReadFile(filepath.Join(f.keys, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(f.serverKeys, name), raw, 0o600))
	}
	raw, err := json.Marshal(estate)
	require.NoError(t, err)
	f.estateFile = filepath.Join(t.TempDir(), "estate.json")
	require.NoError(t, os.WriteFile(f.estateFile, raw, 0o600))
	f.simAddr, f.httpAddr = freePort(t), freePort(t)
	f.url = "http://" + f.httpAddr
	_, f.temporalPort, err = net.SplitHostPort(freePort(t))
	require.NoError(t, err)

	f.startPostgres()
	f.temporalProc = f.spawnTemporal()
	f.simProc = f.spawnSim()
	f.serverProc = f.spawnServer()
	f.awaitServer()
	f.awaitTemporal()
	f.spawnWorker()
	f.person = f.register("ana@example.com")
	f.addFirstAccount(estate.Accounts[0].Keys[0])
	f.kill(theWorker)
	return f
}

// addFirstAccount tries again when the machine is too busy for the trial of a key
// to be answered within the server's ten seconds.
func (f *five) addFirstAccount(key sim.Key) {
	var id string
	f.await("the account is added", func() bool {
		made, err := f.accounts.CreateCloudAccount(f.t.Context(), &v1.CreateCloudAccountRequest{
			OrgId: f.org, WorkspaceId: f.ws, Name: "conta",
			Credential: &v1.CreateCloudAccountRequest_AwsAccessKey{AwsAccessKey: &v1.AwsAccessKey{AccessKeyId: key.AccessKeyID, SecretAccessKey: key.Secret, HomeRegion: "us-east-1"}},
		})
		id = made.GetCloudAccount().GetId()
		return err == nil
	})
	f.await("the account is read", func() bool { return f.account(id).GetLastSyncTime() != nil })
}

// startPostgres starts a cluster of the installation's own. What a commit has
// answered survives the death of its processes; only fsync is off, because no
// machine loses power here.
func (f *five) startPostgres() {
	t := f.t
	dir, err := os.MkdirTemp(shared.dir, "five")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	f.postgres, err = postgres.Start(t.Context(), postgres.Options{DataDir: filepath.Join(dir, "pg"), Settings: map[string]string{
		"fsync": "off", "full_page_writes": "off", "max_connections": "300",
	}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.postgres.Stop(context.Background()); _ = os.RemoveAll(dir) })
	f.db = connectAll(t, f.postgres)
}

func (f *five) spawnTemporal() *process {
	cmd := exec.Command(os.Args[0])
	_, err := cmd.StdinPipe() // open for as long as we live
	require.NoError(f.t, err)
	return runProgram(f.t, cmd, []string{temporalEnv + "=" + f.temporalPort + " " + f.postgres.URL("postgres")})
}

func (f *five) awaitTemporal() {
	f.await("Temporal serves", func() bool { return strings.Contains(f.temporalProc.out.String(), temporalServes) })
}

func (f *five) pointed(env []string, args ...string) *process {
	path, err := pointedBinary()
	require.NoError(f.t, err)
	return runProgram(f.t, exec.Command(path, args...), append(env, f.points.Env()))
}

func (f *five) spawnSim() *process {
	return f.pointed(nil, "sim", "--addr", f.simAddr, "--dir", f.simDir, "--estate", f.estateFile)
}

func (f *five) spawnServer() *process {
	return f.pointed([]string{
		"CLOUDHUB_HTTP=" + f.httpAddr, "CLOUDHUB_KEYS_DIR=" + f.serverKeys,
		"CLOUDHUB_DATABASE_APP_URL=" + f.db.URLs.App, "CLOUDHUB_DATABASE_IDENTITY_URL=" + f.db.URLs.Identity,
	}, "server")
}

func (f *five) awaitServer() {
	f.await("the server is ready", func() bool {
		resp, err := http.Get(f.url + "/readyz")
		if err != nil {
			return false
		}
		return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	})
}

func (f *five) spawnWorker() *process {
	p := f.workerProcess()
	delete(f.down, theWorker)
	f.workers = append(f.workers, p)
	return p
}

func (f *five) workerProcess() *process {
	return f.pointed(append([]string{
		"CLOUDHUB_KEYS_DIR=" + f.keys, "CLOUDHUB_DATABASE_APP_URL=" + f.db.URLs.App, "CLOUDHUB_DATABASE_SYSTEM_URL=" + f.db.URLs.System,
		"CLOUDHUB_TEMPORAL_ADDRESS=127.0.0.1:" + f.temporalPort, "CLOUDHUB_AWS_ENDPOINT=http://" + f.simAddr,
	}, f.workerEnv...), "worker")
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// keepUp starts again what has ended by itself, as any process manager would: a
// process that finds its database or Temporal away at its start gives up.
func (f *five) keepUp() {
	again := func(name string, p **process, spawn func() *process) {
		if *p != nil && (*p).ended() && !f.down[name] && time.Since(f.startedAgain) > 500*time.Millisecond {
			f.startedAgain = time.Now()
			*p = spawn()
		}
	}
	again(theServer, &f.serverProc, f.spawnServer)
	again(theTemporal, &f.temporalProc, f.spawnTemporal)
	again(theSimulator, &f.simProc, f.spawnSim)
	for i := range f.workers {
		again(theWorker, &f.workers[i], f.workerProcess)
	}
}

// await is eventually with the processes' last words.
func (f *five) await(what string, ok func() bool) {
	f.t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for !ok() {
		f.keepUp()
		if time.Now().After(deadline) {
			armed, _ := f.points.Armed()
			f.t.Fatalf("not within two minutes: %s\narmed and not reached: %v\n%s", what, armed, f.lastWords())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (f *five) lastWords() string {
	var b strings.Builder
	for i, p := range append([]*process{f.serverProc, f.simProc, f.temporalProc}, f.workers...) {
		if p != nil {
			fmt.Fprintf(&b, "--- process %d\n%s\n", i, tail(p.out.String(), 1500))
		}
	}
	return b.String()
}

// kill ends processes with SIGKILL, all of one name.
func (f *five) kill(names ...string) {
	f.t.Helper()
	for _, name := range names {
		f.down[name] = true
		switch name {
		case theServer:
			f.serverProc.kill()
		case theTemporal:
			f.temporalProc.kill()
		case theSimulator:
			f.simProc.kill()
		case thePostgres:
			f.killPostgres()
		case theWorker:
			for _, p := range f.workers {
				p.kill()
			}
			f.workers = nil
		}
	}
}

// killPostgres ends the postmaster and all that it has started. Its supervisor
// brings it back.
func (f *five) killPostgres() {
	pid := f.postgres.PID()
	if pid == 0 {
		return // it is on its way back from the last time
	}
	children := childrenOf(pid)
	require.NoError(f.t, syscall.Kill(pid, syscall.SIGKILL))
	for _, c := range children {
		_ = syscall.Kill(c, syscall.SIGKILL) // it may have ended by itself
	}
}

func childrenOf(parent int) (out []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		// pid (name) state ppid …; the name may hold anything.
		after := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
		if len(after) > 1 && after[1] == strconv.Itoa(parent) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			if err == nil {
				out = append(out, pid)
			}
		}
	}
	return out
}

// revive brings back what was killed and waits until all of it answers.
func (f *five) revive(names ...string) {
	f.t.Helper()
	for _, name := range names {
		switch name {
		case theServer:
			f.serverProc = f.spawnServer()
		case theTemporal:
			f.temporalProc = f.spawnTemporal()
		case theSimulator:
			f.simProc = f.spawnSim()
		case theWorker:
			f.spawnWorker()
		}
		delete(f.down, name)
	}
	f.await("PostgreSQL is back", func() bool {
		ctx, cancel := context.WithTimeout(f.t.Context(), time.Second)
		defer cancel()
		return f.db.Owner.Ping(ctx) == nil
	})
	if slices.Contains(names, thePostgres) {
		f.db.Owner.Reset()
	}
	f.awaitTemporal()
	f.await("the simulator answers", func() bool {
		resp, err := http.Get("http://" + f.simAddr + "/_sim/healthz")
		if err != nil {
			return false
		}
		return resp.Body.Close() == nil
	})
	f.awaitServer()
}

// powerCalls are the changes of power that the simulator has ever accepted, from
// its durable log.
func (f *five) powerCalls() (out []sim.Call) {
	f.t.Helper()
	for _, line := range powerLines(f.t, f.simDir) {
		var c sim.Call
		require.NoError(f.t, json.Unmarshal([]byte(line), &c), line)
		if c.Status == http.StatusOK {
			out = append(out, c)
		}
	}
	return out
}

// callsOf counts the accepted calls that name a machine.
func callsOf(calls []sim.Call, machine string) (n int) {
	for _, c := range calls {
		if slices.Contains(c.IDs, machine) {
			n++
		}
	}
	return n
}

// simulated are the machines as the simulator has them.
func (f *five) simulated() (out []sim.Machine) {
	f.t.Helper()
	resp, err := http.Get("http://" + f.simAddr + "/_sim/instances")
	require.NoError(f.t, err)
	defer resp.Body.Close()
	var list struct {
		Instances []sim.Machine `json:"instances"`
	}
	require.NoError(f.t, json.NewDecoder(resp.Body).Decode(&list))
	require.NotEmpty(f.t, list.Instances)
	return list.Instances
}

// lag lets the simulator's readings show what was some time ago.
func (f *five) lag(by time.Duration) {
	f.t.Helper()
	body, err := json.Marshal(sim.Fault{Action: "DescribeInstances", Effect: sim.FaultLag, Delay: sim.Duration(by)})
	require.NoError(f.t, err)
	resp, err := http.Post("http://"+f.simAddr+"/_sim/faults", "application/json", bytes.NewReader(body))
	require.NoError(f.t, err)
	require.NoError(f.t, resp.Body.Close())
	require.Equal(f.t, http.StatusCreated, resp.StatusCode)
}
