package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/api/gen/cloudhub/v1/cloudhubv1connect"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
)

var privateURL = regexp.MustCompile(`"msg":"private address","url":"([^"]+)"`)

// private is the private address of a server or worker, as it logs it.
func (p *process) private(t *testing.T) string {
	t.Helper()
	m := privateURL.FindStringSubmatch(p.out.String())
	require.NotNil(t, m, p.out.String())
	return m[1]
}

// inMemory looks for the canary in every writable mapping of a process and gives
// what surrounds it.
func inMemory(t *testing.T, pid int, canary string) (found []string) {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	require.NoError(t, err)
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	require.NoError(t, err)
	defer mem.Close()
	for _, line := range strings.Split(string(maps), "\n") {
		f := strings.Fields(line)
		if len(f) < 2 || !strings.HasPrefix(f[1], "rw") {
			continue
		}
		from, to, _ := strings.Cut(f[0], "-")
		begin, err := strconv.ParseUint(from, 16, 64)
		require.NoError(t, err)
		end, err := strconv.ParseUint(to, 16, 64)
		require.NoError(t, err)
		buf := make([]byte, end-begin)
		n, _ := mem.ReadAt(buf, int64(begin)) // holes are not readable
		for at := 0; ; {
			i := bytes.Index(buf[at:n], []byte(canary))
			if i < 0 {
				break
			}
			at += i
			found = append(found, fmt.Sprintf("%x: %q", begin+uint64(at), buf[max(0, at-60):min(n, at+len(canary)+30)]))
			at += len(canary)
		}
	}
	return found
}

// A credential is in the server for as long as its request, and then nowhere in
// its memory: not in a buffer, not in what was freed. Nobody but root may look,
// and this test does when it is root.
func TestTheServersMemoryHoldsNoCredential(t *testing.T) {
	t.Parallel()
	const secret, other = "canary/zqxjkvbp/memory/7731/secret001234", "canary/zqxjkvbp/memory/7731/secret005678"
	estate := sim.SmallEstate()
	estate.Accounts[0].Keys = append(estate.Accounts[0].Keys, sim.Key{AccessKeyID: "AKIACANARYCANARY7731", Secret: secret, User: "canario"})
	w := newApart(t, estate)
	worker := w.spawnWorker()
	w.person = w.register("ana@example.com")
	// A connection each, that nothing else overwrites; bodies that the buffers
	// must grow for, one of them in a form that is decoded twice.
	for _, c := range []struct {
		secret, padding string
		want            int
	}{
		{other, `"more":"` + strings.Repeat("x", 3000) + `"`, http.StatusBadRequest},
		{other, `"requestId":"not an id"`, http.StatusBadRequest},
		{secret, `"requestId":"0193a000-0000-7000-8000-000000000001","more":"` + strings.Repeat("x", 700) + `"`, http.StatusOK},
	} {
		body := fmt.Sprintf(`{"orgId":%q,"workspaceId":%q,"name":"canário",%s,"awsAccessKey":{"accessKeyId":"AKIACANARYCANARY7731","secretAccessKey":%q,"homeRegion":"us-east-1"}}`,
			w.org, w.ws, c.padding, c.secret)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+cloudhubv1connect.CloudAccountServiceCreateCloudAccountProcedure, strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+w.token)
		client := &http.Client{Transport: &http.Transport{}}
		t.Cleanup(client.CloseIdleConnections)
		resp, err := client.Do(req)
		require.NoError(t, err)
		answer, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, c.want, resp.StatusCode, string(answer))
	}
	for name, p := range map[string]*process{"server": w.server, "worker": worker} {
		for _, path := range []string{"/metrics", "/debug/pprof/heap?debug=1", "/debug/pprof/goroutine?debug=2"} {
			resp, err := http.Get(p.private(t) + path)
			require.NoError(t, err)
			text, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			require.NotEmpty(t, text)
			require.NotContains(t, string(text), "canary/", "%s %s", name, path)
		}
		require.NotContains(t, p.out.String(), "canary/", "the log of the %s", name)
	}
	defer func() { // once the processes have ended, and written what they had
		for _, p := range []*process{w.server, worker} {
			require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
			require.Zero(t, p.exit(t, 60*time.Second), p.out.String())
		}
		for _, env := range [][]string{w.serverEnv, w.workerEnv} {
			for _, setting := range env {
				path, traces := strings.CutPrefix(setting, "CLOUDHUB_TRACES=file:")
				if !traces {
					continue
				}
				spans, err := os.ReadFile(path)
				require.NoError(t, err)
				require.NotEmpty(t, spans)
				require.NotContains(t, string(spans), "canary/", path)
				require.NotContains(t, string(spans), "AKIACANARY", path)
			}
		}
	}()
	pid := w.server.cmd.Process.Pid
	if os.Geteuid() != 0 {
		_, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		require.ErrorIs(t, err, os.ErrPermission, "another process of the same user cannot look")
		return
	}
	// The search finds what must be there: the address of the database.
	require.NotEmpty(t, inMemory(t, pid, "cloudhub_app"))
	require.Empty(t, inMemory(t, pid, secret))
	require.Empty(t, inMemory(t, pid, other))
	// A worker signs with it, and keeps it as long as it may sign again.
	require.NotEmpty(t, inMemory(t, worker.cmd.Process.Pid, secret))
}

// A crash leaves no core, whatever the limits say, and no other process of the
// same user can read the memory or the environment, where the databases'
// passwords are.
func TestNoCoreIsWritten(t *testing.T) {
	t.Parallel()
	w := newApart(t, sim.SmallEstate())
	path, err := binary()
	require.NoError(t, err)
	dir := t.TempDir()
	crash := func(env []string, program ...string) (*process, string) {
		folder, err := os.MkdirTemp(dir, "")
		require.NoError(t, err)
		cmd := exec.Command("sh", append([]string{"-c", `ulimit -c unlimited; exec "$@"`, "sh"}, program...)...)
		cmd.Dir = folder
		cmd.Env = append(append(os.Environ(), "GOTRACEBACK=crash"), env...)
		p := &process{cmd: cmd, out: &lockedBuffer{}, done: make(chan struct{})}
		cmd.Stdout, cmd.Stderr = p.out, p.out
		require.NoError(t, cmd.Start())
		go func() { _ = cmd.Wait(); close(p.done) }()
		t.Cleanup(p.kill)
		return p, folder
	}
	cores := func(folder string) []os.DirEntry {
		entries, err := os.ReadDir(folder)
		require.NoError(t, err)
		return entries
	}
	serverEnv := slices.DeleteFunc(slices.Clone(w.serverEnv), func(s string) bool { return strings.HasPrefix(s, "CLOUDHUB_HTTP=") })
	for name, c := range map[string]struct {
		env []string
		up  string
	}{"server": {append(serverEnv, "CLOUDHUB_HTTP=127.0.0.1:0"), `"msg":"serving"`}, "worker": {w.workerEnv, `"msg":"working"`}} {
		p, folder := crash(c.env, path, name)
		w.eventually(name+" is up", func() bool { return strings.Contains(p.out.String(), c.up) })
		limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", p.cmd.Process.Pid))
		require.NoError(t, err)
		require.Regexp(t, `Max core file size +0 +0 `, string(limits), name)
		info, err := os.Stat(fmt.Sprintf("/proc/%d/environ", p.cmd.Process.Pid))
		require.NoError(t, err)
		require.Zero(t, info.Sys().(*syscall.Stat_t).Uid, "%s: only root may read it", name)
		require.NoError(t, p.cmd.Process.Signal(syscall.SIGABRT))
		p.exit(t, 30*time.Second)
		require.Equal(t, syscall.SIGABRT, p.cmd.ProcessState.Sys().(syscall.WaitStatus).Signal(), name)
		require.False(t, p.cmd.ProcessState.Sys().(syscall.WaitStatus).CoreDump(), name)
		require.Empty(t, cores(folder), name)
		for _, u := range []string{w.db.URLs.App, w.db.URLs.System, w.db.URLs.Identity} {
			require.NotContains(t, p.out.String(), u, "%s tells where it was when it crashed, and no password", name)
		}
	}
	// A program without the mark does leave one here, if cores are files.
	if pattern, err := os.ReadFile("/proc/sys/kernel/core_pattern"); err == nil && string(pattern) == "core\n" {
		p, folder := crash(nil, "sleep", "60")
		w.eventually("sleep runs", func() bool {
			name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", p.cmd.Process.Pid))
			return err == nil && string(name) == "sleep\n"
		})
		require.NoError(t, p.cmd.Process.Signal(syscall.SIGABRT))
		p.exit(t, 30*time.Second)
		require.NotEmpty(t, cores(folder))
	}
}
