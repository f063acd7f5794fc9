//go:build soak

package e2e

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
)

// soakRounds kills one worker each, at a moment nobody chose.
const soakRounds = 40

// Workers die again and again while machines stop and start: every order ends
// with the machine as wanted, and no machine is asked twice for one order. It
// prints how many kills fell between an order and its record.
func TestSoakKilledWorkers(t *testing.T) {
	estate := sim.SmallEstate()
	span := sim.Span{Min: sim.Duration(300 * time.Millisecond), Max: sim.Duration(2 * time.Second)}
	estate.Behaviour.Start, estate.Behaviour.Stop = span, span
	w := newApart(t, estate)
	p := w.spawnWorker()
	w.person = w.register("ana@example.com")
	w.addAccount("pequena", sim.SmallKey.AccessKeyID, sim.SmallKey.Secret)
	targets := []string{sim.SmallRunning, sim.SmallRunning2, sim.SmallElsewhere}
	inFlight := 0
	for round := range soakRounds {
		w.person = w.signIn(w.email, w.password) // an access token lives five minutes, this does not
		order, want := w.stop, stopped
		if round%2 == 1 {
			order, want = w.start, running
		}
		op := order(ids(w.machines(), targets...)...)
		time.Sleep(time.Duration(rand.IntN(3000)) * time.Millisecond) // the moment nobody chose
		if w.operation(op.GetId()).GetEndTime() == nil {
			inFlight++
		}
		p.kill()
		p = w.spawnWorker()
		got, ends := w.ended(op.GetId())
		require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, got.GetState(), "round %d: %v", round, got)
		for _, id := range targets {
			require.Equal(t, v1.TargetState_TARGET_STATE_DONE, ends[id].GetState())
			require.Equal(t, want, w.machines()[id].GetState())
		}
	}
	calls, orders := len(powerLines(t, w.simDir)), 2*soakRounds // two regions
	t.Logf("%d kills, %d of them between order and record; %d calls for a floor of %d", soakRounds, inFlight, calls, orders)
	require.GreaterOrEqual(t, inFlight, soakRounds/2, "too few kills fell where they hurt")
	require.LessOrEqual(t, calls, orders+2*inFlight, "redundant calls are at most what was in flight at a kill")
	w.settled()
}
