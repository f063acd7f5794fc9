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
	oldest      *prometheus.GaugeVec
	unfinished  *prometheus.GaugeVec
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
			Name: "cloudhub_agenda_clock_errors_total", Help: "Clock rows that could not be expanded and were parked.",
		}, []string{"kind"}),
		missed: f.NewCounter(prometheus.CounterOpts{
			Name: "cloudhub_schedule_missed_total", Help: "Minutes of workspaces that were claimed after their window.",
		}),
		oldest: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "cloudhub_agenda_oldest_due_seconds", Help: "How long the oldest due row has been waiting to be looked at.",
		}, []string{"lane"}),
		unfinished: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "cloudhub_agenda_unfinished_without_row", Help: "What is not final and not on the agenda, by kind (100 at most): always 0, or nobody will finish it.",
		}, []string{"kind"}),
	}
}
