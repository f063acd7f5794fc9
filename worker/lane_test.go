package worker

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/agenda"
)

// Several workers see the same burst at once: together they deliver no more than
// the lane's cap.
func TestWorkersTogetherKeepToTheCap(t *testing.T) {
	t.Parallel()
	d, base, f := newDispatcher(t)
	base.Exec(t, `INSERT INTO agenda (org_id, kind, subject, lane, due_at, look_at)
		SELECT $1, 'power', gen_random_uuid(), 1, now(), now() FROM generate_series(1, 400)`, f.Org)
	for _, more := range []int{0, 10} {
		// Some have come to their end since.
		base.Exec(t, "DELETE FROM agenda WHERE ctid IN (SELECT ctid FROM agenda WHERE lane = 1 AND lease > 0 LIMIT $1)", more)
		var leased atomic.Int64
		var workers sync.WaitGroup
		for range 8 {
			workers.Go(func() {
				rows, _, err := d.leaseFresh(t.Context(), agenda.LaneMinute, new(uuid.UUID))
				if err != nil {
					t.Errorf("lease: %v", err)
				}
				leased.Add(int64(len(rows)))
			})
		}
		workers.Wait()
		want := int64(agenda.ArrivingCap(agenda.LaneMinute))
		if more > 0 {
			want = int64(more)
		}
		require.Equal(t, want, leased.Load())
	}
}
