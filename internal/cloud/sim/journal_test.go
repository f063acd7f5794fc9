package sim_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/cloud/sim"
)

func readFile(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	return string(text)
}

// reopen closes the provider and opens its folder again, with the same clock.
func (b *bundle) reopen(dir string) *bundle {
	b.t.Helper()
	require.NoError(b.t, b.sim.Close())
	again := setup(b.t, func(o *sim.Options) { *o = sim.Options{Dir: dir, Clock: b.clock.Now} })
	again.clock = b.clock
	return again
}

// After a restart the provider knows everything that it ever answered: states,
// what was under way, replacements, what was set from outside, and the calls.
func TestRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := setup(t, func(o *sim.Options) { o.Dir = dir }, behaviour(sim.Behaviour{
		Start: fixed(10 * time.Second), Stop: fixed(30 * time.Second), Replace: fixed(time.Minute),
	}))
	b.call("StopInstances", "InstanceId.1="+sim.SmallRunning, "InstanceId.2="+sim.SmallGrouped)
	b.call("StartInstances", "InstanceId.1="+sim.SmallStopped)
	b.call("StopInstances", "InstanceId.1="+unknownID)
	require.NoError(t, b.sim.SetState(sim.SmallProtected, sim.Stopped))
	added, err := b.sim.AddInstance(sim.SmallAccount, sim.Instance{Name: "new", Region: "us-east-2"})
	require.NoError(t, err)
	b.clock.Advance(12 * time.Second)
	before, calls := b.sim.Machines("", ""), b.sim.Calls(0)

	b = b.reopen(dir)
	require.Equal(t, before, b.sim.Machines("", ""))
	require.Equal(t, calls, b.sim.Calls(0))
	require.Equal(t, "stopping", b.state(sim.SmallRunning))
	require.Equal(t, "running", b.state(sim.SmallStopped))
	m, ok := b.sim.Machine(added)
	require.True(t, ok)
	require.Equal(t, sim.Running, m.State)

	b.clock.Advance(time.Hour)
	require.Equal(t, "stopped", b.state(sim.SmallRunning))
	group := b.call("DescribeInstances", "Filter.1.Name=tag-value", "Filter.1.Value.1=web", "Filter.2.Name=instance-state-name", "Filter.2.Value.1=running")
	require.Len(t, group.Instances, 1)

	// Numbers go on, and so does the file.
	last := b.sim.Calls(0)[len(b.sim.Calls(0))-1]
	require.Equal(t, []sim.Call{last}, b.sim.Calls(last.Seq-1))
	b = b.reopen(dir)
	require.Equal(t, last, b.sim.Calls(last.Seq - 1)[0])
}

// Many callers at once, on the same machines: what the provider says at the end
// is what its journal says.
func TestConcurrentCallers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := setup(t, func(o *sim.Options) { o.Dir, o.Clock = dir, nil })
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 10 {
				action := [...]string{"StopInstances", "StartInstances", "DescribeInstances"}[(i+j)%3]
				res, err := http.DefaultClient.Do(b.request(b.url, action, "InstanceId.1="+sim.SmallRunning, "InstanceId.2="+sim.SmallGrouped))
				if err == nil {
					_ = res.Body.Close()
				}
			}
		})
	}
	all.Wait()
	before, calls := b.sim.Machines("", ""), b.sim.Calls(0)
	require.Len(t, calls, 80)
	for i, c := range calls {
		require.EqualValues(t, i+1, c.Seq)
		require.Equal(t, http.StatusOK, c.Status)
		require.False(t, i > 0 && c.Time.Before(calls[i-1].Time))
	}
	require.NoError(t, b.sim.Close())
	again, err := sim.New(sim.Options{Dir: dir})
	require.NoError(t, err)
	require.NoError(t, again.Close())
	require.Len(t, again.Calls(0), 80)
	for i, m := range again.Machines("", "") {
		require.Equal(t, before[i].ID, m.ID)
		require.Equal(t, before[i].State, m.State)
		require.True(t, before[i].Launched.Equal(m.Launched))
	}
}

// The call that was being written when the process died was never answered; it
// is forgotten, and the next one does not grow together with its rest.
func TestTornLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := setup(t, func(o *sim.Options) { o.Dir = dir })
	b.call("StopInstances", "InstanceId.1="+sim.SmallRunning)
	whole := readFile(t, dir, "calls.jsonl")
	b.call("StopInstances", "InstanceId.1="+sim.SmallRunning2)
	both := readFile(t, dir, "calls.jsonl")
	file := filepath.Join(dir, "calls.jsonl")
	for cut := len(whole) + 1; cut < len(both); cut += 97 {
		require.NoError(t, os.WriteFile(file, []byte(both[:cut]), 0o600))
		b = b.reopen(dir)
		require.Equal(t, "stopped", b.state(sim.SmallRunning), "cut at %d", cut)
		require.Equal(t, "running", b.state(sim.SmallRunning2), "cut at %d", cut)
		b = b.reopen(dir) // the reads just made are whole lines
		require.Equal(t, "stopped", b.state(sim.SmallRunning))
	}
}

// A journal that is damaged elsewhere is not guessed at.
func TestDamagedJournal(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(string) string{
		"unreadable line": func(s string) string { return "{\n" + s },
		"of another estate": func(s string) string {
			return strings.ReplaceAll(s, sim.SmallRunning, unknownID)
		},
	} {
		dir := t.TempDir()
		b := setup(t, func(o *sim.Options) { o.Dir = dir })
		b.call("StopInstances", "InstanceId.1="+sim.SmallRunning)
		require.NoError(t, b.sim.Close())
		text := damage(readFile(t, dir, "calls.jsonl"))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "calls.jsonl"), []byte(text), 0o600))
		_, err := sim.New(sim.Options{Dir: dir})
		require.ErrorContains(t, err, "line 1", name)
	}
}

// What cannot be written down does not happen.
func TestClosedProviderRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *sim.Options) { o.Dir = t.TempDir() })
	require.NoError(t, b.sim.Close())
	r := b.call("StopInstances", "InstanceId.1="+sim.SmallRunning)
	require.Equal(t, http.StatusInternalServerError, r.Status)
	m, ok := b.sim.Machine(sim.SmallRunning)
	require.True(t, ok)
	require.Equal(t, sim.Running, m.State)
}

// The folder's estate wins over the given one: the demo's launch times are
// relative to now, and now was at the first start.
func TestFolderKeepsItsEstate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := sim.New(sim.Options{Dir: dir, Estate: sim.DemoEstate(epoch)})
	require.NoError(t, err)
	before := first.Machines("", "")
	require.NoError(t, first.Close())
	second, err := sim.New(sim.Options{Dir: dir, Estate: sim.DemoEstate(epoch.Add(48 * time.Hour))})
	require.NoError(t, err)
	require.Equal(t, before, second.Machines("", ""))
	require.NoError(t, second.Close())
}

const serveDir = "CLOUDHUB_SIM_TEST_DIR"

// TestMain lets this test binary be the provider that TestKill kills.
func TestMain(m *testing.M) {
	dir := os.Getenv(serveDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		fmt.Println(ln.Addr())
		estate := sim.SmallEstate()
		estate.Accounts[0].Instances = sim.Many(300, sim.Instance{Name: "m", Region: region})
		err = sim.ServeListener(context.Background(), ln, sim.Options{Dir: dir, Estate: estate})
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// Killed in the middle of a burst of stops, the provider still knows each one
// that it accepted.
func TestKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serveDir+"="+dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	addr, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	url := "http://" + strings.TrimSpace(addr)

	reference := setup(t, fleet(300)) // the same estate, to know the ids
	var accepted []string
	for i, m := range reference.sim.Machines("", "") {
		if i == 40 {
			go func() { _ = cmd.Process.Kill() }() // while the next calls go out
		}
		res, err := http.DefaultClient.Do(reference.request(url, "StopInstances", "InstanceId.1="+m.ID))
		if err != nil {
			break
		}
		require.NoError(t, res.Body.Close())
		if res.StatusCode == http.StatusOK {
			accepted = append(accepted, m.ID)
		}
	}
	require.Error(t, cmd.Wait())
	require.GreaterOrEqual(t, len(accepted), 40)

	again, err := sim.New(sim.Options{Dir: dir})
	require.NoError(t, err)
	for _, id := range accepted {
		m, ok := again.Machine(id)
		require.True(t, ok)
		require.Equal(t, sim.Stopped, m.State)
	}
	require.NoError(t, again.Close())
}

// Serve ends when its context ends, also while a call hangs.
func TestServeStops(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- sim.ServeListener(ctx, ln, sim.Options{Estate: sim.SmallEstate()}) }()
	url := "http://" + ln.Addr().String()

	res, err := http.Post(url+"/_sim/faults", "application/json", strings.NewReader(`{"effect":"hang"}`))
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusCreated, res.StatusCode)
	var failed atomic.Bool
	hung := make(chan struct{})
	go func() {
		defer close(hung)
		if res, err := http.DefaultClient.Do(caller{key: sim.SmallKey, region: region}.request(url, "DescribeRegions")); err != nil {
			failed.Store(true)
		} else {
			_ = res.Body.Close()
		}
	}()
	for arrived := ""; !strings.Contains(arrived, "DescribeRegions"); { // each turn is a call to the provider
		res, err := http.Get(url + "/_sim/calls")
		require.NoError(t, err)
		text, err := io.ReadAll(res.Body)
		require.NoError(t, errors.Join(err, res.Body.Close()))
		arrived = string(text)
	}
	require.Error(t, sim.Serve(ctx, ln.Addr().String(), sim.Options{Estate: sim.SmallEstate()})) // the port is taken
	stop()
	require.NoError(t, <-done)
	<-hung
	require.True(t, failed.Load())
}
