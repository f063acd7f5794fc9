package telemetry

import (
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// poolCollector reads the figures of a pool of connections when it is scraped.
type poolCollector struct {
	pool *pgxpool.Pool
	size, inUse, most,
	acquires, waits, waitSeconds, givenUp *prometheus.Desc
}

// Pool exports how a pool of connections to PostgreSQL is doing.
func Pool(name string, pool *pgxpool.Pool) prometheus.Collector {
	d := func(metric, help string) *prometheus.Desc {
		return prometheus.NewDesc("cloudhub_database_pool_"+metric, help, nil, prometheus.Labels{"pool": name})
	}
	return &poolCollector{
		pool: pool,
		size: d("connections", "Connections that are open."), inUse: d("in_use_connections", "Connections that somebody holds."),
		most: d("max_connections", "Connections that may be open."), acquires: d("acquires_total", "Connections handed out."),
		waits:       d("waits_total", "Connections handed out after a wait, because none was free."),
		waitSeconds: d("wait_seconds_total", "Time spent waiting for a free connection."),
		givenUp:     d("abandoned_waits_total", "Waits that the caller gave up."),
	}
}

func (c *poolCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.size, c.inUse, c.most, c.acquires, c.waits, c.waitSeconds, c.givenUp} {
		ch <- d
	}
}

func (c *poolCollector) Collect(ch chan<- prometheus.Metric) {
	s := c.pool.Stat()
	gauge := func(d *prometheus.Desc, v float64) { ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	counter := func(d *prometheus.Desc, v float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v)
	}
	gauge(c.size, float64(s.TotalConns()))
	gauge(c.inUse, float64(s.AcquiredConns()))
	gauge(c.most, float64(s.MaxConns()))
	counter(c.acquires, float64(s.AcquireCount()))
	counter(c.waits, float64(s.EmptyAcquireCount()))
	counter(c.waitSeconds, s.EmptyAcquireWaitTime().Seconds())
	counter(c.givenUp, float64(s.CanceledAcquireCount()))
}
