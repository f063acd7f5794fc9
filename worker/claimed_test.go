package worker

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/schedule"
)

// Each minute that acts counts with how late it is, each run that was left out
// with why; what another worker has claimed already, not at all.
func TestWhatIsCountedOfAClaim(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 19, 0, 0, 0, time.UTC)
	leftOut := schedule.Claim{Exception: &schedule.Exception{Kind: schedule.OnHold}}
	acting := claimedOperation{key: minuteKey{at: at}, id: uuid.New(), acts: true, claims: []schedule.Claim{{}, leftOut}}
	skipped := claimedOperation{key: minuteKey{at: at}, id: uuid.New(), claims: []schedule.Claim{{Exception: &schedule.Exception{Kind: schedule.Skipped}}}}
	before := claimedOperation{key: minuteKey{at: at}, id: uuid.New(), acts: true, claims: []schedule.Claim{leftOut}}
	ops := &claimedOperations{ops: []claimedOperation{acting, skipped, before}, missed: 2, inserted: map[uuid.UUID]bool{acting.id: true, skipped.id: true}}
	reg := prometheus.NewRegistry()
	newMetrics(reg).fromZero().claimed(ops.claimed(at.Add(7 * time.Second)))
	families, err := reg.Gather()
	require.NoError(t, err)
	counted := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			switch f.GetName() {
			case "cloudhub_schedule_missed_total":
				counted["missed"] = m.GetCounter().GetValue()
			case "cloudhub_schedule_left_out_runs_total":
				counted[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
			case "cloudhub_schedule_claim_lag_seconds":
				counted["minutes"], counted["seconds"] = float64(m.GetHistogram().GetSampleCount()), m.GetHistogram().GetSampleSum()
			}
		}
	}
	require.Equal(t, map[string]float64{"missed": 2, "SKIPPED": 1, "ON_HOLD": 1, "minutes": 1, "seconds": 7}, counted)
}
