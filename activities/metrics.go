package activities

import (
	"cmp"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/inventory"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/internal/power"
)

// Metrics count what activities bring to an end. A nil one counts nothing.
type Metrics struct {
	operations *prometheus.CounterVec
	targets    *prometheus.CounterVec
	syncs      *prometheus.HistogramVec
	regions    *prometheus.CounterVec
	calendars  *prometheus.CounterVec
	machineLag *prometheus.HistogramVec
	readings   *prometheus.CounterVec
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
	m.machineLag = f.NewHistogramVec(prometheus.HistogramOpts{
		Name: "cloudhub_schedule_machine_lag_seconds", Help: "From when a minute of a timetable was due until the provider had accepted the change of a machine (accepted), and until the machine was seen in the wanted state after it (seen).",
		Buckets: []float64{1, 2, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600},
	}, []string{"stage"})
	m.readings = f.NewCounterVec(prometheus.CounterOpts{
		Name: "cloudhub_schedule_readings_total", Help: "Accounts in which the machines of a schedule's selector were looked for: read, or the reason why not.",
	}, []string{"outcome"})
	for _, stage := range []string{stageAccepted, stageSeen} {
		m.machineLag.WithLabelValues(stage)
	}
	for _, outcome := range []string{"read", string(power.ReasonNotReadInTime)} {
		m.readings.WithLabelValues(outcome)
	}
	for _, outcome := range []string{"read", "unchanged"} {
		m.calendars.WithLabelValues(outcome)
	}
	for _, reason := range []rpcerr.Reason{rpcerr.ReasonAddressRefused, rpcerr.ReasonCalendarUnreachable, rpcerr.ReasonCalendarTooLarge, rpcerr.ReasonCalendarUnreadable} {
		m.calendars.WithLabelValues(string(reason))
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

// Stages of a machine that a timetable changes.
const (
	stageAccepted = "accepted"
	stageSeen     = "seen"
)

// machinesAt counts machines that have come to a stage of a minute that was due;
// due is zero when no timetable asked.
func (m *Metrics) machinesAt(stage string, due time.Time, machines int) {
	if m == nil || due.IsZero() {
		return
	}
	late := max(0, time.Since(due).Seconds())
	for range machines {
		m.machineLag.WithLabelValues(stage).Observe(late)
	}
}

func (m *Metrics) lookedFor(reason string) {
	if m != nil {
		m.readings.WithLabelValues(cmp.Or(reason, "read")).Inc()
	}
}

func (m *Metrics) calendarRead(outcome string) {
	if m != nil {
		m.calendars.WithLabelValues(outcome).Inc()
	}
}
