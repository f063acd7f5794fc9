package worker

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/cloudhub/cloudhub/activities"
)

// deliveryMetrics are of the loop of first attempts.
type deliveryMetrics struct {
	attempts *prometheus.CounterVec
	lag      prometheus.Histogram
	batch    *prometheus.HistogramVec
	took     *prometheus.HistogramVec
}

func newDeliveryMetrics(reg prometheus.Registerer) *deliveryMetrics {
	f := promauto.With(reg)
	m := &deliveryMetrics{
		attempts: f.NewCounterVec(prometheus.CounterOpts{
			Name: "cloudhub_delivery_first_attempts_total", Help: "First attempts of deliveries, by channel and what came of them.",
		}, []string{"channel", "result"}),
		lag: f.NewHistogram(prometheus.HistogramOpts{
			Name: "cloudhub_delivery_lag_seconds", Help: "From when an event was written until its first attempt to one destination began.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2, 5, 10, 30, 60, 300, 3600},
		}),
		batch: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "cloudhub_delivery_batch_rows", Help: "Deliveries of one claim, and of one record.", Buckets: []float64{1, 4, 16, 64, 128, 256},
		}, []string{"step"}),
		took: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "cloudhub_delivery_batch_seconds", Help: "How long one claim, or one record, took.", Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 5},
		}, []string{"step"}),
	}
	for _, result := range classes {
		m.attempts.WithLabelValues("webhook", result)
	}
	return m
}

func (m *deliveryMetrics) claimed(n int, began time.Time) {
	m.batch.WithLabelValues("claim").Observe(float64(n))
	m.took.WithLabelValues("claim").Observe(time.Since(began).Seconds())
}

func (m *deliveryMetrics) recorded(attempts []activities.Attempt, began time.Time) {
	m.batch.WithLabelValues("record").Observe(float64(len(attempts)))
	m.took.WithLabelValues("record").Observe(time.Since(began).Seconds())
	for _, a := range attempts {
		m.attempts.WithLabelValues(a.Claimed.Send.Channel, classes[a.Class]).Inc()
		m.lag.Observe(max(0, a.Started.Sub(a.Claimed.Send.CreatedAt).Seconds()))
	}
}
