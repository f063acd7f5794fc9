package sim_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/cloud/sim"
)

func (b *bundle) fault(f sim.Fault) {
	b.t.Helper()
	_, err := b.sim.AddFault(f)
	require.NoError(b.t, err)
}

func (b *bundle) last() sim.Call {
	calls := b.sim.Calls(0)
	return calls[len(calls)-1]
}

func TestErrorFault(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fault(sim.Fault{Action: "StopInstances", Effect: sim.FaultError, Code: "InternalError", Status: 500, Message: "oh", Times: 2})
	for range 2 {
		r := b.call("StopInstances", "InstanceId.1="+sim.SmallRunning)
		require.Equal(t, 500, r.Status)
		require.Equal(t, "InternalError", r.Code)
		require.Equal(t, "oh", r.Message)
		require.Equal(t, []sim.Effect{sim.FaultError}, b.last().Faults)
		require.Equal(t, "running", b.state(sim.SmallRunning))
	}
	require.Empty(t, b.sim.Faults())
	require.Equal(t, http.StatusOK, b.call("StopInstances", "InstanceId.1="+sim.SmallRunning).Status)
}

func TestFaultsMatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, f := range map[string]sim.Fault{
		"action":   {Action: "StartInstances"},
		"region":   {Region: "us-east-1"},
		"account":  {Account: "999999999999"},
		"instance": {Instance: sim.SmallElsewhere},
		"capacity": {Effect: sim.FaultCapacity}, // is about starts only
	} {
		if f.Effect == "" {
			f.Effect = sim.FaultError
		}
		b.fault(f)
		require.Equal(t, http.StatusOK, b.call("DescribeInstances").Status, name)
		b.sim.ClearFaults()
	}
	b.fault(sim.Fault{Account: sim.SmallAccount, Region: region, Effect: sim.FaultError})
	require.Equal(t, "Unavailable", b.call("DescribeInstances").Code)
}

func TestFaultsAreChecked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, f := range []sim.Fault{
		{}, {Effect: "explode"}, {Effect: sim.FaultLatency}, {Effect: sim.FaultLag},
		{Effect: sim.FaultError, Status: 200}, {Effect: sim.FaultError, Probability: 2}, {Effect: sim.FaultError, Times: -1},
	} {
		_, err := b.sim.AddFault(f)
		require.Error(t, err, "%+v", f)
	}
}

func TestProbability(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fault(sim.Fault{Effect: sim.FaultError, Probability: 0.5})
	struck := 0
	for range 100 {
		if b.call("DescribeRegions").Code != "" {
			struck++
		}
	}
	require.InDelta(t, 50, struck, 25) // seeded: the same at every run
}

func TestCapacityFault(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fault(sim.Fault{Effect: sim.FaultCapacity, Times: 1})
	require.Equal(t, "DryRunOperation", b.call("StartInstances", "DryRun=true", "InstanceId.1="+sim.SmallStopped).Code)
	r := b.call("StartInstances", "InstanceId.1="+sim.SmallStopped)
	require.Equal(t, http.StatusInternalServerError, r.Status)
	require.Equal(t, "InsufficientInstanceCapacity", r.Code)
	require.Equal(t, "stopped", b.state(sim.SmallStopped))
	require.Equal(t, http.StatusOK, b.call("StartInstances", "InstanceId.1="+sim.SmallStopped).Status)
}

// Accepted, and then the machine never arrives.
func TestStuckFault(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fault(sim.Fault{Effect: sim.FaultStuck, Instance: sim.SmallRunning})
	r := b.call("StopInstances", "InstanceId.1="+sim.SmallRunning, "InstanceId.2="+sim.SmallRunning2)
	require.Len(t, r.Changes, 2)
	b.fault(sim.Fault{Effect: sim.FaultStuck, Action: "StartInstances"})
	b.call("StartInstances", "InstanceId.1="+sim.SmallStopped)
	b.clock.Advance(24 * time.Hour)
	require.Equal(t, "stopping", b.state(sim.SmallRunning))
	require.Equal(t, "stopped", b.state(sim.SmallRunning2))
	require.Equal(t, "pending", b.state(sim.SmallStopped))
}

// Accepted, and nothing happens at all.
func TestIgnoredFault(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fault(sim.Fault{Effect: sim.FaultIgnored})
	r := b.call("StopInstances", "InstanceId.1="+sim.SmallRunning)
	require.Equal(t, []change{{sim.SmallRunning, "stopping", "running"}}, r.Changes)
	r = b.call("StartInstances", "InstanceId.1="+sim.SmallStopped)
	require.Equal(t, []change{{sim.SmallStopped, "pending", "stopped"}}, r.Changes)
	require.Equal(t, "running", b.state(sim.SmallRunning))
	require.Equal(t, "stopped", b.state(sim.SmallStopped))
}

// A reader sees yesterday's news, a change of power meets the truth.
func TestLagFault(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fault(sim.Fault{Effect: sim.FaultLag, Instance: sim.SmallRunning, Delay: sim.Duration(10 * time.Second)})
	b.call("StopInstances", "InstanceId.1="+sim.SmallRunning, "InstanceId.2="+sim.SmallRunning2)
	require.Equal(t, "running", b.state(sim.SmallRunning))
	require.Equal(t, "stopped", b.state(sim.SmallRunning2))
	inAll := b.call("DescribeInstances", "Filter.1.Name=instance-state-name", "Filter.1.Value.1=running")
	require.Contains(t, ids(inAll.Instances), sim.SmallRunning)
	r := b.call("StartInstances", "InstanceId.1="+sim.SmallRunning)
	require.Equal(t, "stopped", r.Changes[0].Previous)
	b.clock.Advance(5 * time.Second)
	require.Equal(t, "running", b.state(sim.SmallRunning))
}

// The connection breaks before the call did anything, or, worse, after.
func TestResetFault(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]bool{"before": false, "after": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.fault(sim.Fault{Action: "StopInstances", Effect: sim.FaultReset, AnswerLost: lost})
			res, err := http.DefaultClient.Do(b.request(b.url, "StopInstances", "InstanceId.1="+sim.SmallRunning))
			if err == nil {
				_ = res.Body.Close()
			}
			require.Error(t, err)
			call := b.last()
			if lost {
				require.Equal(t, http.StatusOK, call.Status)
				require.Equal(t, "stopped", b.state(sim.SmallRunning))
			} else {
				require.Zero(t, call.Status)
				require.Equal(t, "running", b.state(sim.SmallRunning))
			}
		})
	}
}

// serve answers one call inside a synctest bubble, whose time moves by itself
// while everybody waits. It says whether the connection was broken off.
func serve(ctx context.Context, s *sim.Sim, r *http.Request) (rec *httptest.ResponseRecorder, broken bool) {
	rec = httptest.NewRecorder()
	defer func() { broken = recover() == http.ErrAbortHandler }()
	s.Handler().ServeHTTP(rec, r.WithContext(ctx))
	return rec, false
}

func TestHangFault(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]bool{"before": false, "after": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, err := sim.New(sim.Options{Estate: sim.SmallEstate()})
				require.NoError(t, err)
				_, err = s.AddFault(sim.Fault{Effect: sim.FaultHang, AnswerLost: lost})
				require.NoError(t, err)
				begin := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				me := caller{key: sim.SmallKey, region: region}
				_, broken := serve(ctx, s, me.request("http://sim", "StopInstances", "InstanceId.1="+sim.SmallRunning))
				require.True(t, broken)
				require.Equal(t, time.Hour, time.Since(begin))
				m, _ := s.Machine(sim.SmallRunning)
				require.Equal(t, lost, m.State == sim.Stopped)

				// Closing lets go of the next one.
				go func() {
					time.Sleep(time.Minute) // of the bubble: takes no time
					_ = s.Close()
				}()
				_, broken = serve(t.Context(), s, me.request("http://sim", "DescribeRegions"))
				require.True(t, broken)
				require.Equal(t, time.Hour+time.Minute, time.Since(begin))
			})
		})
	}
}

// The answer is late but the deed is done at once, as over a slow network.
func TestLatency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		estate := sim.SmallEstate()
		estate.Behaviour.Latency = fixed(200 * time.Millisecond)
		s, err := sim.New(sim.Options{Estate: estate})
		require.NoError(t, err)
		defer s.Close()
		me := caller{key: sim.SmallKey, region: region}
		begin := time.Now()
		rec, _ := serve(t.Context(), s, me.request("http://sim", "DescribeRegions"))
		require.Equal(t, http.StatusOK, rec.Code)
		require.Equal(t, 200*time.Millisecond, time.Since(begin))

		_, err = s.AddFault(sim.Fault{Effect: sim.FaultLatency, Delay: sim.Duration(3 * time.Second)})
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin = time.Now()
		rec, _ = serve(ctx, s, me.request("http://sim", "StopInstances", "InstanceId.1="+sim.SmallRunning))
		require.Equal(t, time.Second, time.Since(begin))
		require.Empty(t, rec.Body.String())
		m, _ := s.Machine(sim.SmallRunning)
		require.Equal(t, sim.Stopped, m.State)
	})
}

// A client with a wrong clock learns the right one from the answer.
func TestDateIsTheJudgesClock(t *testing.T) {
	t.Parallel()
	wall := time.Now().Add(90 * time.Minute)
	s, err := sim.New(sim.Options{Estate: sim.SmallEstate(), WallClock: func() time.Time { return wall }})
	require.NoError(t, err)
	defer s.Close()
	me := caller{key: sim.SmallKey, region: region}
	rec, _ := serve(t.Context(), s, me.request("http://sim", "DescribeRegions"))
	require.True(t, strings.Contains(rec.Body.String(), "RequestExpired"))
	require.Equal(t, wall.UTC().Format(http.TimeFormat), rec.Header().Get("Date"))
	me.skew = 90 * time.Minute
	rec, _ = serve(t.Context(), s, me.request("http://sim", "DescribeRegions"))
	require.Equal(t, http.StatusOK, rec.Code)
}
