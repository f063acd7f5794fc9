package e2e

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
)

// A minute's burst stays within its lane's cap, and a person does not wait
// behind it. What fills the cap here, and what waits behind it, are rows of
// operations that have gone: each costs a workflow that finds nothing to do.
func TestAPersonDoesNotWaitBehindABurst(t *testing.T) {
	t.Parallel()
	w, _ := smallWorld(t)
	limit := agenda.ArrivingCap(agenda.LaneMinute)
	w.stopWorker()
	w.db.Exec(t, `INSERT INTO agenda (org_id, kind, subject, lane, due_at, look_at, told, run_id)
		SELECT $1, 'power', gen_random_uuid(), 1, now(), now() + interval '1 hour', 1, 'long' FROM generate_series(1, $2)`, w.org, limit)
	w.db.Exec(t, `INSERT INTO agenda (org_id, kind, subject, lane, due_at, look_at)
		SELECT $1, 'power', gen_random_uuid(), 1, now(), now() FROM generate_series(1, 300)`, w.org)
	w.startWorker()
	op, _ := w.ended(w.stop(ids(w.machines(), sim.SmallRunning)...).GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, op.GetState())
	require.Equal(t, 300, w.count("SELECT count(*) FROM agenda WHERE lane = 1 AND kind = 'power' AND run_id IS NULL AND lease = 0"), "the lane is full: nothing of it is delivered")

	most := w.watchInFlight(agenda.LaneMinute)
	w.db.Exec(t, "DELETE FROM agenda WHERE run_id = 'long'")
	w.settled()
	require.Positive(t, most())
	require.LessOrEqual(t, most(), int64(limit))
}

// watchInFlight samples what a lane has delivered until the test ends, and
// answers the most it has seen.
func (w *world) watchInFlight(lane agenda.Lane) (most func() int64) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	w.t.Cleanup(func() { stop(); <-ended })
	var seen atomic.Int64
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			if n, err := w.db.System.Read().CountArriving(ctx, gen.CountArrivingParams{Lane: int16(lane), LeaseSeconds: agenda.LeaseFor.Seconds()}); err == nil {
				seen.Store(max(seen.Load(), n))
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	return seen.Load
}
