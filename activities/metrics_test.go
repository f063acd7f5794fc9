package activities

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/power"
)

// Machines count for the timetable that asked and for nobody else; readings by
// what came of them.
func TestWhatIsCountedOfTimetables(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	m := NewMetrics(reg)
	m.machinesAt(stageAccepted, time.Now().Add(-time.Hour), 3)
	m.machinesAt(stageSeen, time.Now().Add(-time.Hour), 2)
	m.machinesAt(stageSeen, time.Time{}, 5)
	m.lookedFor("")
	m.lookedFor("PROVIDER_DENIED")
	var none *Metrics
	none.machinesAt(stageSeen, time.Now(), 1)
	none.lookedFor("")
	families, err := reg.Gather()
	require.NoError(t, err)
	counted := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			switch f.GetName() {
			case "cloudhub_schedule_readings_total":
				counted[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
			case "cloudhub_schedule_machine_lag_seconds":
				counted[m.GetLabel()[0].GetValue()] = float64(m.GetHistogram().GetSampleCount())
				require.GreaterOrEqual(t, m.GetHistogram().GetSampleSum(), 3600.0*float64(m.GetHistogram().GetSampleCount()))
			}
		}
	}
	require.Equal(t, map[string]float64{
		stageAccepted: 3, stageSeen: 2, "read": 1, "PROVIDER_DENIED": 1, string(power.ReasonNotReadInTime): 0,
	}, counted)
}
