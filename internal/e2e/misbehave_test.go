package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/cloud/sim"
	"github.com/cloudhub/cloudhub/internal/power"
)

// The accounts of TestProvidersMisbehaveEachInItsOwnWay, and what they do.
const (
	soundOne     = "sound"
	throttledOne = "throttled"    // twice
	deniedOne    = "denied"       // stopping
	slowOne      = "slow"         // seconds for each answer
	halfOne      = "half refused" // four of eight machines, without saying which
	lyingOne     = "lying"        // accepts, and nothing changes
	largeOne     = "a thousand"   // one of them is refused, without saying which
)

var misbehaving = []string{soundOne, throttledOne, deniedOne, slowOne, halfOne, lyingOne, largeOne}

// refusedOf is how many machines of an account the provider refuses.
var refusedOf = map[string]int{halfOne: 4, largeOne: 1}

// One minute of one timetable stops the machines of accounts each of which
// misbehaves in its own way, with two workers at once: each ends as its provider
// behaves, with few calls, and delays no other.
func TestProvidersMisbehaveEachInItsOwnWay(t *testing.T) {
	t.Parallel()
	estate := crowdedEstate(misbehaving, 8)
	accounts := map[string]*sim.Account{}
	for i, name := range misbehaving {
		accounts[name] = &estate.Accounts[1+i]
	}
	accounts[deniedOne].Keys[0].Denied = []sim.Denial{{Action: "ec2:StopInstances"}}
	for i := 8; i < 1000; i++ {
		accounts[largeOne].Instances = append(accounts[largeOne].Instances, sim.Instance{ID: fmt.Sprintf("i-0f%03d%012d", 999, i), Region: "sa-east-1"})
	}
	s, url := newSim(t, estate)
	w := newWorld(t, url, func(w *world) { w.watchFor = 4 * time.Second })
	w.startWorker() // a second one
	for _, name := range misbehaving {
		w.addAccount(name, accounts[name].Keys[0].AccessKeyID, accounts[name].Keys[0].Secret)
	}
	of := func(name, action string) sim.Fault {
		return sim.Fault{Account: accounts[name].ID, Action: action}
	}
	throttled, slowLook, slowStop, lying := of(throttledOne, "StopInstances"), of(slowOne, "DescribeInstances"), of(slowOne, "StopInstances"), of(lyingOne, "StopInstances")
	throttled.Effect, throttled.Code, throttled.Status, throttled.Times = sim.FaultError, "RequestLimitExceeded", 503, 2
	slowLook.Effect, slowLook.Delay = sim.FaultLatency, sim.Duration(time.Second)
	slowStop.Effect, slowStop.Delay = sim.FaultLatency, sim.Duration(6*time.Second)
	lying.Effect = sim.FaultIgnored
	faults := []sim.Fault{throttled, slowLook, slowStop, lying}
	refused := map[string]bool{}
	for name, n := range refusedOf {
		for i := range n {
			f := of(name, "StopInstances")
			f.Instance = accounts[name].Instances[i*2].ID
			f.Effect, f.Code, f.Status = sim.FaultError, "UnsupportedOperation", 400
			faults = append(faults, f)
			refused[f.Instance] = true
		}
	}
	for _, f := range faults {
		w.fault(s, f)
	}

	before := len(powerCalls(s))
	var one string
	require.NoError(t, w.db.Owner.QueryRow(t.Context(), "SELECT id FROM resources WHERE org_id = $1 LIMIT 1", w.org).Scan(&one))
	pair := w.schedule("Todas", one) // and all others: a thousand are more than a page
	w.db.Exec(t, `INSERT INTO schedule_targets (org_id, workspace_id, schedule_id, resource_id)
		SELECT org_id, workspace_id, $2, id FROM resources WHERE org_id = $1 ON CONFLICT DO NOTHING`, w.org, pair.GetId())
	w.comes(pair, minute(time.Minute), "stopped")
	w.eventually("the minute is over", func() bool {
		return w.count("SELECT count(*) FROM operations WHERE origin = 'timetable' AND ended_at IS NOT NULL") == 1
	})
	w.settled()
	require.Equal(t, 1, w.count("SELECT count(*) FROM operations WHERE origin = 'timetable' AND state = 'partial'"))

	// How each ended, and what it took. Halving finds one among a thousand in twenty
	// calls, and each machine is accepted once.
	for _, c := range []struct {
		name, reason  string
		failed, calls int
	}{
		{soundOne, "", 0, 1},
		{throttledOne, "", 0, 3},
		{deniedOne, "PROVIDER_DENIED", 8, 1},
		{slowOne, "", 0, 1},
		{halfOne, "PROVIDER_UNSUPPORTED", 4, 15},
		{lyingOne, string(power.ReasonNotSeen), 8, 1},
		{largeOne, "PROVIDER_UNSUPPORTED", 1, 21},
	} {
		a := accounts[c.name]
		ended := func(state, reason string) int {
			return w.count(`SELECT count(*) FROM operation_targets t JOIN cloud_accounts a ON a.org_id = t.org_id AND a.id = t.cloud_account_id
				WHERE a.external_id = $1 AND t.state = $2 AND coalesce(t.reason, '') = $3`, a.ID, state, reason)
		}
		require.Equal(t, len(a.Instances)-c.failed, ended("done", ""), c.name)
		if c.failed > 0 {
			require.Equal(t, c.failed, ended("failed", c.reason), c.name)
		}
		calls := 0
		accepted := map[string]int{}
		for _, call := range powerCalls(s)[before:] {
			if call.Account != a.ID {
				continue
			}
			calls++
			for _, ch := range call.Changes {
				accepted[ch.ID]++
			}
		}
		t.Logf("%s: %d machines, %d of them failed; %d calls", c.name, len(a.Instances), c.failed, calls)
		if refusedOf[c.name] > 0 {
			require.LessOrEqual(t, calls, c.calls, c.name)
		} else {
			require.Equal(t, c.calls, calls, c.name)
		}
		for _, in := range a.Instances {
			n, m := 1, sim.Stopped
			if c.name == deniedOne || refused[in.ID] {
				n, m = 0, sim.Running
			}
			if c.name == lyingOne {
				m = sim.Running
			}
			require.Equal(t, n, accepted[in.ID], "%s: %s", c.name, in.ID)
			machine, ok := s.Machine(in.ID)
			require.True(t, ok)
			require.Equal(t, m, machine.State, "%s: %s", c.name, in.ID)
		}
	}

	// Who behaves is not held up: seen before the slow one was even accepted, and
	// the liar is given up as soon as its watch is over.
	end := func(name, what string) (at time.Time) {
		require.NoError(t, w.db.Owner.QueryRow(t.Context(), `SELECT `+what+` FROM operation_targets t JOIN cloud_accounts a ON a.org_id = t.org_id AND a.id = t.cloud_account_id
			WHERE a.external_id = $1`, accounts[name].ID).Scan(&at))
		return at
	}
	order := []time.Time{end(soundOne, "max(t.ended_at)"), end(slowOne, "min(t.accepted_at)"), end(slowOne, "max(t.ended_at)")}
	require.True(t, slices.IsSortedFunc(order, time.Time.Compare), "%v", order)
	watched := end(lyingOne, "max(t.ended_at)").Sub(end(lyingOne, "min(t.accepted_at)"))
	require.GreaterOrEqual(t, watched, w.watchFor)
	t.Logf("the liar was watched for %s", watched.Round(time.Millisecond))
}
