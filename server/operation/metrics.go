package operation

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	streams, pollers    prometheus.Gauge
	pollErrors, dropped prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	f := promauto.With(reg)
	return &metrics{
		streams:    f.NewGauge(prometheus.GaugeOpts{Name: "cloudhub_watch_streams", Help: "Streams of changes that are open: visible tabs."}),
		pollers:    f.NewGauge(prometheus.GaugeOpts{Name: "cloudhub_watch_pollers", Help: "Workspaces that are polled for the open streams: one poller each."}),
		pollErrors: f.NewCounter(prometheus.CounterOpts{Name: "cloudhub_watch_poll_errors_total", Help: "Looks at a watched workspace that failed."}),
		dropped:    f.NewCounter(prometheus.CounterOpts{Name: "cloudhub_watch_dropped_streams_total", Help: "Streams ended because their client was too far behind."}),
	}
}
