package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db/dbtest"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
	"github.com/cloudhub/cloudhub/internal/platform/config"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
)

// binary builds the program once for all tests of processes.
var binary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(shared.dir, "cloudhub") // where an ordinary user may run it too
	out, err := exec.Command("go", "build", "-o", path, "../../cmd/cloudhub").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// process is one started program; it is killed when the test ends.
type process struct {
	cmd  *exec.Cmd
	out  *lockedBuffer
	done chan struct{}
}

func spawn(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	path, err := binary()
	require.NoError(t, err)
	return runProgram(t, exec.Command(path, args...), env)
}

// runProgram starts a program, to be killed when the test ends.
func runProgram(t *testing.T, cmd *exec.Cmd, env []string) *process {
	t.Helper()
	p := &process{cmd: cmd, out: &lockedBuffer{}, done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	require.NoError(t, p.cmd.Start())
	go func() { _ = p.cmd.Wait(); close(p.done) }()
	t.Cleanup(p.kill)
	return p
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// freeze stops a process, and returns when all of its threads stand still: the
// signal is sent at once and heard when a thread is next on a processor.
func (p *process) freeze(t *testing.T) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGSTOP))
	deadline := time.Now().Add(30 * time.Second)
	for {
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.cmd.Process.Pid))
		require.NoError(t, err)
		moving := 0
		for _, task := range tasks {
			raw, err := os.ReadFile(task)
			if err != nil {
				continue // it has ended
			}
			if _, rest, ok := strings.Cut(string(raw), ") "); ok && !strings.HasPrefix(rest, "T") {
				moving++
			}
		}
		if moving == 0 && len(tasks) > 0 {
			return
		}
		require.True(t, time.Now().Before(deadline), "%d threads still move", moving)
		time.Sleep(time.Millisecond)
	}
}

// exit waits for the end and gives the exit code.
func (p *process) exit(t *testing.T, within time.Duration) int {
	t.Helper()
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(within):
		t.Fatalf("it did not end within %s\n%s", within, tail(p.out.String(), 2000))
		return -1
	}
}

// freePort is an address that nothing listens on, and that nothing else will take
// while its owner is killed and started again: below the ports that the system
// gives to whoever asks for any, and none of them twice.
func freePort(t *testing.T) string {
	t.Helper()
	const first, last = 12_000, 32_000
	for range last - first {
		n := nextPort.Add(1)
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(first+int((uint32(os.Getpid())*97+n)%(last-first))))
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		_ = ln.Close()
		return addr
	}
	t.Fatal("no port is free")
	return ""
}

var nextPort atomic.Uint32

func answersSoon(t *testing.T, url string, p *process) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		resp, err := http.Get(url)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode < 500 {
				return
			}
		}
		require.True(t, time.Now().Before(deadline), "%s does not answer: %s", url, tail(p.out.String(), 2000))
		time.Sleep(30 * time.Millisecond)
	}
}

// apart is an installation whose server, worker and simulator are processes of
// their own, each with what it may hold and nothing else.
type apart struct {
	*world
	server     *process
	simDir     string
	serverEnv  []string // with serverKeys, a folder without the workers' private ring
	workerEnv  []string
	serverKeys string
	traceDir   string
}

func newApart(t *testing.T, estate sim.Estate, options ...func(*apart)) *apart {
	t.Helper()
	a := &apart{world: &world{t: t, db: dbtest.New(t), keys: t.TempDir(), logs: &lockedBuffer{}}, simDir: t.TempDir()}
	a.temporalAt = shared.temporal.HostPort()
	for _, o := range options {
		o(a)
	}
	require.NoError(t, vault.EnsureRings(a.keys, time.Now()))
	simAddr, httpAddr := freePort(t), freePort(t)
	file := filepath.Join(t.TempDir(), "estate.json")
	raw, err := json.Marshal(estate)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, raw, 0o600))
	cloud := spawn(t, nil, "sim", "--addr", simAddr, "--dir", a.simDir, "--estate", file)
	answersSoon(t, "http://"+simAddr+"/_sim/healthz", cloud)

	// The server's folder has no private key of the workers.
	serverKeys := t.TempDir()
	for _, name := range []string{vault.ServerFile, vault.WorkersPublicFile} {
		raw, err := os.ReadFile(filepath.Join(a.keys, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(serverKeys, name), raw, 0o600))
	}
	a.serverKeys = serverKeys
	a.serverEnv = append(a.serverEnv,
		"CLOUDHUB_HTTP="+httpAddr, "CLOUDHUB_KEYS_DIR="+serverKeys, "CLOUDHUB_DATABASE_APP_URL="+a.db.URLs.App, "CLOUDHUB_DATABASE_IDENTITY_URL="+a.db.URLs.Identity,
	)
	a.serverEnv = append(a.serverEnv, a.tracesTo("server")...)
	a.server = spawn(t, a.serverEnv, "server")
	answersSoon(t, "http://"+httpAddr+"/readyz", a.server)
	a.url = "http://" + httpAddr
	a.workerEnv = append(a.workerEnv,
		"CLOUDHUB_KEYS_DIR="+a.keys, "CLOUDHUB_DATABASE_APP_URL="+a.db.URLs.App, "CLOUDHUB_DATABASE_SYSTEM_URL="+a.db.URLs.System,
		"CLOUDHUB_TEMPORAL_ADDRESS="+a.temporalAt, "CLOUDHUB_AWS_ENDPOINT=http://"+simAddr,
	)
	a.workerEnv = append(a.workerEnv, a.tracesTo("worker")...)
	return a
}

// tracesTo makes a process write its traces to a file of traceDir.
func (a *apart) tracesTo(name string) []string {
	if a.traceDir == "" {
		a.traceDir = a.t.TempDir()
	}
	return []string{config.Prefix + config.Traces + "=file:" + filepath.Join(a.traceDir, name+".json")}
}

func (a *apart) spawnWorker() *process {
	a.t.Helper()
	return spawn(a.t, a.workerEnv, "worker")
}

// The worker dies in the middle of a stop, and another one ends it.
func TestAWorkerKilledInTheMiddleOfAStop(t *testing.T) {
	t.Parallel()
	estate := sim.SmallEstate()
	estate.Behaviour.Stop = sim.Span{Min: sim.Duration(6 * time.Second), Max: sim.Duration(6 * time.Second)}
	w := newApart(t, estate)
	first := w.spawnWorker()
	w.person = w.register("ana@example.com")
	w.addAccount("pequena", sim.SmallKey.AccessKeyID, sim.SmallKey.Secret)
	op := w.stop(ids(w.machines(), sim.SmallRunning, sim.SmallElsewhere)...)
	w.eventually("both stops are accepted", func() bool {
		return len(powerLines(t, w.simDir)) == 2
	})
	first.kill()
	second := w.spawnWorker()
	got, targets := w.ended(op.GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, got.GetState(), got)
	require.Equal(t, v1.TargetState_TARGET_STATE_DONE, targets[sim.SmallRunning].GetState())
	require.Len(t, powerLines(t, w.simDir), 2, "what was accepted is not asked again")
	require.Equal(t, 1, w.audits("operation.request"))
	w.settled()
	// Both drain when told to.
	require.NoError(t, second.cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, w.server.cmd.Process.Signal(syscall.SIGTERM))
	require.Zero(t, second.exit(t, 30*time.Second), second.out.String())
	require.Zero(t, w.server.exit(t, 30*time.Second), w.server.out.String())
}

// Nobody chose an address and the usual one is taken, by another CloudHub
// perhaps: any free port will do.
func TestTheUsualPortIsTaken(t *testing.T) {
	t.Parallel()
	if ln, err := net.Listen("tcp", "127.0.0.1:8080"); err == nil {
		t.Cleanup(func() { _ = ln.Close() })
	} // else somebody has it already, which serves as well
	dir := devDir(t)
	p := spawn(t, nil, "dev", "--demo", "--data-dir", dir)
	r := awaitReady(t, dir, p)
	require.NotContains(t, r.URL, ":8080")
	answersSoon(t, r.URL+"/readyz", p)
}

// powerLines are the simulator's durable records of calls that change power.
func powerLines(t *testing.T, dir string) []string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "calls.jsonl"))
	require.NoError(t, err)
	var out []string
	for _, line := range strings.Split(string(raw), "\n") {
		power := strings.Contains(line, `"StopInstances"`) || strings.Contains(line, `"StartInstances"`)
		if power && !strings.Contains(line, `"dry_run":true`) {
			out = append(out, line)
		}
	}
	return out
}

type readyFile struct {
	URL           string `json:"url"`
	PrivateURL    string `json:"private_url"`
	TemporalUIURL string `json:"temporal_ui_url"`
	MailboxURL    string `json:"mailbox_url"`
	Demo          struct {
		Email    string `json:"email"`
		Password string `json:"password"`
	} `json:"demo"`
	PIDs map[string]int `json:"pids"`
}

// devDir is a data folder that PostgreSQL's user can reach.
func devDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "cloudhub-e2e-dev")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "data")
}

func startDev(t *testing.T, dir string, more ...string) (*process, readyFile) {
	t.Helper()
	p := spawn(t, nil, append([]string{"dev", "--demo", "--data-dir", dir, "--http", "127.0.0.1:0"}, more...)...)
	return p, awaitReady(t, dir, p)
}

func awaitReady(t *testing.T, dir string, p *process) readyFile {
	t.Helper()
	deadline := time.Now().Add(90 * time.Second)
	for {
		var r readyFile
		raw, err := os.ReadFile(filepath.Join(dir, "ready.json"))
		if err == nil && json.Unmarshal(raw, &r) == nil && r.PIDs["cloudhub"] == p.cmd.Process.Pid {
			return r
		}
		select {
		case <-p.done:
			t.Fatalf("it ended before it was ready:\n%s", tail(p.out.String(), 3000))
		default:
		}
		require.True(t, time.Now().Before(deadline), "not ready: %s", tail(p.out.String(), 3000))
		time.Sleep(50 * time.Millisecond)
	}
}

// devDatabase is the database of a demonstration, as its superuser.
func devDatabase(t *testing.T, dir string) *pgx.Conn {
	t.Helper()
	read := func(name string) string {
		raw, err := os.ReadFile(filepath.Join(dir, "postgres", name))
		require.NoError(t, err)
		return strings.TrimSpace(string(raw))
	}
	return dbtest.Connect(t, fmt.Sprintf("postgres://postgres:%s@127.0.0.1:%s/cloudhub?sslmode=disable", read("password"), read("port")))
}

// devWorld signs in to a demonstration.
func devWorld(t *testing.T, r readyFile) *world {
	t.Helper()
	w := &world{t: t, url: r.URL, logs: &lockedBuffer{}}
	w.person = w.signIn(r.Demo.Email, r.Demo.Password)
	return w
}

// The whole program killed in the middle of a stop and started again.
func TestTheWholeProgramKilledInTheMiddleOfAStop(t *testing.T) {
	t.Parallel()
	dir := devDir(t)
	p, r := startDev(t, dir)
	info, err := os.Stat(filepath.Join(dir, "ready.json"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	for _, u := range []string{r.URL + "/healthz", r.PrivateURL + "/metrics", r.TemporalUIURL, r.MailboxURL} {
		answersSoon(t, u, p)
	}
	require.Equal(t, r.PrivateURL+"/mailbox/", r.MailboxURL)
	require.Contains(t, p.out.String(), r.MailboxURL, "it is printed")
	w := devWorld(t, r)
	w.livedIn()
	var victim *v1.Resource
	for _, m := range w.machines() {
		if m.GetState() == running && m.GetLeftAlone() == 0 && strings.Contains(m.GetName(), "prd") {
			victim = m
		}
	}
	// A minute of the timetable comes while it is dead, or just after.
	list, err := w.schedules.ListSchedules(t.Context(), &v1.ListSchedulesRequest{OrgId: w.org, WorkspaceId: w.ws})
	require.NoError(t, err)
	i := slices.IndexFunc(list.GetSchedules(), func(s *v1.Schedule) bool { return strings.HasPrefix(s.GetName(), "Homologação") })
	pair, at := list.GetSchedules()[i], time.Now().Add(2*time.Second).Truncate(time.Millisecond)
	database := devDatabase(t, dir)
	_, err = database.Exec(t.Context(), "UPDATE schedules SET next_at = $2, next_wanted = 'stopped' WHERE id = $1", pair.GetId(), at)
	require.NoError(t, err)
	_, err = database.Exec(t.Context(), "UPDATE agenda SET due_at = $2, look_at = $2 WHERE kind = 'timetable' AND subject = $1", w.ws, at)
	require.NoError(t, err)
	op := w.stop(victim.GetId())
	w.accepted(op.GetId())
	p.kill()

	p, r = startDev(t, dir)
	w = devWorld(t, r)
	got, targets := w.ended(op.GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, got.GetState(), got)
	require.Equal(t, v1.TargetState_TARGET_STATE_DONE, targets[victim.GetProviderId()].GetState())
	w.eventually("the timetable's minute is done", func() bool {
		runs, err := w.operations.ListOperations(t.Context(), &v1.ListOperationsRequest{OrgId: w.org, WorkspaceId: w.ws, ScheduleId: pair.GetId()})
		require.NoError(t, err)
		n := 0
		for _, run := range runs.GetOperations() {
			if run.GetDueTime().AsTime().Equal(at.UTC()) && run.GetState() == v1.OperationState_OPERATION_STATE_SUCCEEDED {
				n++
			}
		}
		require.LessOrEqual(t, n, 1)
		return n == 1
	})
	asTheReadmeSays(t, r)
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	require.Zero(t, p.exit(t, 30*time.Second), p.out.String())
	_, err = os.Stat(filepath.Join(dir, "ready.json"))
	require.ErrorIs(t, err, os.ErrNotExist, "it is removed at exit")
}

// asTheReadmeSays does the main job with the README's own lines.
func asTheReadmeSays(t *testing.T, r readyFile) {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	_, section, ok := strings.Cut(string(readme), "## The main job, with curl")
	require.True(t, ok)
	_, script, _ := strings.Cut(section, "```sh\n")
	script, _, ok = strings.Cut(script, "```")
	require.True(t, ok)
	script = strings.NewReplacer("http://127.0.0.1:8080", r.URL, "…", r.Demo.Password).Replace(script)
	require.Contains(t, script, r.URL)
	require.Contains(t, script, r.Demo.Password)
	out, err := exec.Command("bash", "-euo", "pipefail", "-c", script).CombinedOutput()
	require.NoError(t, err, string(out))
	operation, next, ok := strings.Cut(string(out), "}\n\"")
	require.True(t, ok, string(out))
	require.Contains(t, operation, `"state": "OPERATION_STATE_`)
	at, err := time.Parse(time.RFC3339, strings.Trim(next, "\"\n"))
	require.NoError(t, err, string(out))
	require.True(t, at.After(time.Now()), string(out))
}

func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	dir := devDir(t)
	p, r := startDev(t, dir)
	same := spawn(t, nil, "dev", "--data-dir", dir, "--http", "127.0.0.1:0")
	require.Equal(t, 1, same.exit(t, 30*time.Second))
	require.Contains(t, same.out.String(), "uses", "it says that the folder is in use: "+same.out.String())
	_, err := os.Stat(filepath.Join(dir, "ready.json"))
	require.NoError(t, err, "the first one's file is untouched")
	taken := spawn(t, nil, "dev", "--data-dir", devDir(t), "--http", strings.TrimPrefix(r.URL, "http://"))
	require.Equal(t, 1, taken.exit(t, 60*time.Second))
	require.Contains(t, taken.out.String(), "choose another address with --http")
	// On another folder a second one runs beside it, on ports of its own.
	beside, other := startDev(t, devDir(t))
	require.NotEqual(t, r.URL, other.URL)
	require.NotEqual(t, r.PrivateURL, other.PrivateURL)
	require.NotEqual(t, r.TemporalUIURL, other.TemporalUIURL)
	answersSoon(t, other.URL+"/readyz", beside)
	answersSoon(t, r.URL+"/readyz", p)
	beside.kill()
	// A second signal while it drains exits at once.
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGINT))
	p.exit(t, 5*time.Second)
}

func TestAsAnOrdinaryUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Log("this user is one already: the other tests are this test")
		return
	}
	path, err := binary()
	require.NoError(t, err)
	dir := devDir(t)
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o777))
	p := &process{cmd: exec.Command(path, "dev", "--demo", "--data-dir", dir, "--http", "127.0.0.1:0"), out: &lockedBuffer{}, done: make(chan struct{})}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	p.cmd.Env = append(os.Environ(), "HOME="+filepath.Dir(dir))
	p.cmd.Dir = "/"
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	require.NoError(t, p.cmd.Start())
	go func() { _ = p.cmd.Wait(); close(p.done) }()
	t.Cleanup(p.kill)
	awaitReady(t, dir, p)
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	require.Zero(t, p.exit(t, 30*time.Second), p.out.String())
}

func TestBadSettingsAreSaid(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		env, arg, want string
		code           int
	}{
		{"CLOUDHUB_HTTP=8080", "server", "CLOUDHUB_HTTP", 2},
		{"CLOUDHUB_HTPP=x", "server", "did you mean CLOUDHUB_HTTP?", 2},
		{"CLOUDHUB_DATABASE_APP_URL=mysql://u:hunter2@h/d", "server", "CLOUDHUB_DATABASE_APP_URL", 2},
		{"X=1", "server", "CLOUDHUB_KEYS_DIR is needed", 2},
		{"X=1", "worker", "CLOUDHUB_TEMPORAL_ADDRESS is needed", 2},
		{"X=1", "migrate", "use: cloudhub migrate up|status", 2},
		{"X=1", "fly", `"fly" is not a command`, 2},
		{"X=1", "version", "cloudhub", 0},
	} {
		p := spawn(t, []string{c.env}, c.arg)
		require.Equal(t, c.code, p.exit(t, 10*time.Second), c)
		require.Contains(t, p.out.String(), c.want)
		require.NotContains(t, p.out.String(), "hunter2")
	}
}

func TestResetRefusesAForeignFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "thesis.txt"), []byte("years of work"), 0o600))
	p := spawn(t, nil, "dev", "--reset", "--yes", "--data-dir", dir)
	require.Equal(t, 1, p.exit(t, 10*time.Second))
	require.Contains(t, p.out.String(), "not a data folder of CloudHub")
	_, err := os.Stat(filepath.Join(dir, "thesis.txt"))
	require.NoError(t, err)
}

func TestMigrateStatusAndUp(t *testing.T) {
	t.Parallel()
	urls := dbtest.NewEmpty(t)
	env := []string{"CLOUDHUB_DATABASE_OWNER_URL=" + urls.Owner}
	p := spawn(t, env, "migrate", "status")
	require.Zero(t, p.exit(t, 20*time.Second), p.out.String())
	require.Contains(t, p.out.String(), "pending")
	p = spawn(t, env, "migrate", "up")
	require.Zero(t, p.exit(t, 20*time.Second), p.out.String())
	p = spawn(t, env, "migrate", "status")
	require.Zero(t, p.exit(t, 20*time.Second), p.out.String())
	require.NotContains(t, p.out.String(), "pending")
}
