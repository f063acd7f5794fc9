package worker

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	*flow
	deliveries  *prometheus.CounterVec
	deliveryLag *prometheus.HistogramVec
	loopErrors  *prometheus.CounterVec
	clocks      *prometheus.CounterVec
	clockErrors *prometheus.CounterVec
	missed      prometheus.Counter
	claimLag    prometheus.Histogram
	leftOut     *prometheus.CounterVec
	stuck       *prometheus.CounterVec
	oldest      *prometheus.GaugeVec
	failing     *prometheus.GaugeVec
	openTooLong *prometheus.GaugeVec
	parked      *prometheus.GaugeVec
	unfinished  *prometheus.GaugeVec
	sealedRows  *prometheus.GaugeVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	f := promauto.With(reg)
	return &metrics{
		flow: newFlow(reg),
		deliveries: f.NewCounterVec(prometheus.CounterOpts{
			Name: "cloudhub_agenda_deliveries_total", Help: "Rows handed to Temporal, by kind and what came of it.",
		}, []string{"kind", "result"}),
		deliveryLag: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "cloudhub_agenda_delivery_lag_seconds", Help: "From when work was due until Temporal had it.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2, 5, 10, 30, 60, 300},
		}, []string{"lane"}),
		loopErrors: f.NewCounterVec(prometheus.CounterOpts{
			Name: "cloudhub_dispatcher_errors_total", Help: "Rounds of the dispatcher that failed.",
		}, []string{"lane"}),
		clocks: f.NewCounterVec(prometheus.CounterOpts{
			Name: "cloudhub_agenda_clocks_total", Help: "Clock rows expanded.",
		}, []string{"kind"}),
		clockErrors: f.NewCounterVec(prometheus.CounterOpts{
			Name: "cloudhub_agenda_clock_errors_total", Help: "Clock rows that could not be expanded and are tried again.",
		}, []string{"kind"}),
		missed: f.NewCounter(prometheus.CounterOpts{
			Name: "cloudhub_schedule_missed_total", Help: "Minutes of workspaces that were claimed after their window.",
		}),
		claimLag: f.NewHistogram(prometheus.HistogramOpts{
			Name: "cloudhub_schedule_claim_lag_seconds", Help: "From when a minute of a timetable was due until its operation was written. Only minutes of which something is to be done.",
			Buckets: []float64{.1, .25, .5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 3600},
		}),
		leftOut: f.NewCounterVec(prometheus.CounterOpts{
			Name: "cloudhub_schedule_left_out_runs_total", Help: "Runs of schedules that came and were left out: SKIPPED by a person, or their schedule was ON_HOLD.",
		}, []string{"why"}),
		stuck: f.NewCounterVec(prometheus.CounterOpts{
			Name: "cloudhub_workflows_stuck_total", Help: "Looks at workflows that could not go on (seen), and those that were ended to be driven again (ended).",
		}, []string{"kind", "result"}),
		oldest: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "cloudhub_agenda_oldest_due_seconds", Help: "How long ago the oldest row that is not delivered, or fails, was due. Parked rows are left out.",
		}, []string{"lane"}),
		failing: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "cloudhub_agenda_failing_rows", Help: "Rows with an error since they last moved, by kind.",
		}, []string{"kind"}),
		openTooLong: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "cloudhub_agenda_open_too_long_rows", Help: "Rows delivered and not ended within what their kind may take.",
		}, []string{"kind"}),
		parked: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "cloudhub_agenda_parked_rows", Help: "Rows that a platform admin has parked, by kind.",
		}, []string{"kind"}),
		unfinished: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "cloudhub_agenda_unfinished_without_row", Help: "What is not final and not on the agenda, by kind (100 at most): always 0, or nobody will finish it.",
		}, []string{"kind"}),
		sealedRows: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "cloudhub_sealed_rows_by_key", Help: "Rows by the workers' key that sealed them. state: primary; replaced, being sealed anew; added, not promoted as far as this worker knows; unknown, which no worker with this ring opens.",
		}, []string{"key_id", "state"}),
	}
}
