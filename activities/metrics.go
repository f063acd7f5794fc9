package activities

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/inventory"
)

// Metrics count what activities bring to an end. A nil one counts nothing.
type Metrics struct {
	operations *prometheus.CounterVec
	targets    *prometheus.CounterVec
	syncs      *prometheus.HistogramVec
	regions    *prometheus.CounterVec
	calendars  *prometheus.CounterVec
}

// NewMetrics exports what activities bring to an end.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	f := promauto.With(reg)
	m := &Metrics{
		operations: f.NewCounterVec(prometheus.CounterOpts{
			Name: "cloudhub_operation_ends_total", Help: "Changes of power that have ended, by origin and how.",
		}, []string{"origin", "state"}),
		targets: f.NewCounterVec(prometheus.CounterOpts{
			Name: "cloudhub_operation_target_ends_total", Help: "Machines of changes of power that have ended: reached, passed_by, failed or missed.",
		}, []string{"end"}),
		syncs: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "cloudhub_sync_duration_seconds", Help: "Readings of accounts, by provider and state of the account after it.",
			Buckets: []float64{.5, 1, 2, 5, 10, 30, 60, 300, 1800},
		}, []string{"provider", "state"}),
		regions: f.NewCounterVec(prometheus.CounterOpts{
			Name: "cloudhub_sync_regions_total", Help: "Regions of accounts, by whether they could be read, and why not (empty when they could).",
		}, []string{"provider", "reason"}),
		calendars: f.NewCounterVec(prometheus.CounterOpts{
			Name: "cloudhub_calendar_readings_total", Help: "Readings of calendars from their addresses: read, unchanged, or the reason why they failed.",
		}, []string{"outcome"}),
	}
	for _, outcome := range []string{"read", "unchanged"} {
		m.calendars.WithLabelValues(outcome)
	}
	for _, origin := range []string{originPerson, "timetable"} {
		for _, state := range []string{"succeeded", "partial", "failed", "missed"} {
			m.operations.WithLabelValues(origin, state)
		}
	}
	for _, end := range []string{"reached", "passed_by", "failed", "missed"} {
		m.targets.WithLabelValues(end)
	}
	return m
}

func (m *Metrics) operationEnded(origin, state string, n gen.CountTargetEndsRow) {
	if m == nil {
		return
	}
	m.operations.WithLabelValues(origin, state).Inc()
	m.targets.WithLabelValues("reached").Add(float64(n.Reached))
	m.targets.WithLabelValues("passed_by").Add(float64(n.PassedBy))
	m.targets.WithLabelValues("failed").Add(float64(n.Failed))
	m.targets.WithLabelValues("missed").Add(float64(n.Missed))
}

func (m *Metrics) synced(provider, state string, took time.Duration, coverage []inventory.Coverage) {
	if m == nil {
		return
	}
	m.syncs.WithLabelValues(provider, state).Observe(took.Seconds())
	for _, c := range coverage {
		m.regions.WithLabelValues(provider, c.Reason).Inc()
	}
}

func (m *Metrics) calendarRead(outcome string) {
	if m != nil {
		m.calendars.WithLabelValues(outcome).Inc()
	}
}
