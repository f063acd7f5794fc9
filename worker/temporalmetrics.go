package worker

import (
	"maps"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"go.temporal.io/sdk/client"
)

// temporalMetrics exports those of the Temporal SDK's figures that somebody looks
// at, under the SDK's names, with labels that stay few. The SDK's own handlers
// export all of them, with a label for everything.
type temporalMetrics struct {
	tags     map[string]string
	counters map[string]labelled[*prometheus.CounterVec]
	gauges   map[string]labelled[*prometheus.GaugeVec]
	timers   map[string]labelled[*prometheus.HistogramVec]
}

type labelled[V any] struct {
	vec    V
	labels []string
}

var _ client.MetricsHandler = (*temporalMetrics)(nil)

func newTemporalMetrics(reg prometheus.Registerer) *temporalMetrics {
	f := promauto.With(reg)
	m := &temporalMetrics{
		counters: map[string]labelled[*prometheus.CounterVec]{}, gauges: map[string]labelled[*prometheus.GaugeVec]{}, timers: map[string]labelled[*prometheus.HistogramVec]{},
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := f.NewCounterVec(prometheus.CounterOpts{Name: name + "_total", Help: help}, labels)
		m.counters[name] = labelled[*prometheus.CounterVec]{v, labels}
		return v
	}
	completed := counter("temporal_workflow_completed", "Workflows that completed.", "workflow_type")
	counter("temporal_workflow_failed", "Workflows that failed.", "workflow_type")
	counter("temporal_workflow_canceled", "Workflows that were cancelled.", "workflow_type")
	counter("temporal_workflow_continue_as_new", "Workflows that went on as new ones.", "workflow_type")
	refused := counter("temporal_request_failure", "Calls to Temporal that failed.", "operation", "status_code")
	unpolled := counter("temporal_long_request_failure", "Polls of Temporal that failed.", "operation", "status_code")
	counter("temporal_sticky_cache_total_forced_eviction", "Workflows dropped from the cache for want of room.")
	failed := counter("temporal_workflow_task_execution_failed", "Workflow tasks that failed: a history that does not replay, or a panic.", "workflow_type", "failure_reason")
	// What has not happened is 0 and not absent: rates begin there.
	refused.WithLabelValues("StartWorkflowExecution", "UNAVAILABLE")
	unpolled.WithLabelValues("PollWorkflowTaskQueue", "UNAVAILABLE")
	for _, w := range workflowTypes {
		completed.WithLabelValues(w)
		failed.WithLabelValues(w, "NonDeterminismError")
		failed.WithLabelValues(w, "WorkflowError")
	}
	for name, help := range map[string]string{
		"temporal_num_pollers": "Pollers of a task queue that are waiting or working.",
	} {
		labels := []string{"task_queue", "poller_type"}
		m.gauges[name] = labelled[*prometheus.GaugeVec]{f.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels), labels}
	}
	slots := []string{"task_queue", "worker_type"}
	m.gauges["temporal_worker_task_slots_available"] = labelled[*prometheus.GaugeVec]{
		f.NewGaugeVec(prometheus.GaugeOpts{Name: "temporal_worker_task_slots_available", Help: "Tasks that a worker could still take."}, slots), slots,
	}
	const waited = "temporal_workflow_task_schedule_to_start_latency"
	m.timers[waited] = labelled[*prometheus.HistogramVec]{f.NewHistogramVec(prometheus.HistogramOpts{
		Name: waited + "_seconds", Help: "How long workflow tasks waited for a worker.", Buckets: lagBuckets,
	}, []string{"task_queue"}), []string{"task_queue"}}
	return m
}

// WithTags implements client.MetricsHandler.
func (m *temporalMetrics) WithTags(tags map[string]string) client.MetricsHandler {
	out := *m
	out.tags = maps.Clone(m.tags)
	if out.tags == nil {
		out.tags = map[string]string{}
	}
	maps.Copy(out.tags, tags)
	return &out
}

func (m *temporalMetrics) values(labels []string) []string {
	out := make([]string, len(labels))
	for i, l := range labels {
		out[i] = m.tags[l]
	}
	return out
}

type nothing struct{}

func (nothing) Inc(int64)            {}
func (nothing) Update(float64)       {}
func (nothing) Record(time.Duration) {}

type add struct{ prometheus.Counter }

func (a add) Inc(n int64) { a.Add(float64(n)) }

type set struct{ prometheus.Gauge }

func (s set) Update(v float64) { s.Set(v) }

type observe struct{ prometheus.Observer }

func (o observe) Record(d time.Duration) { o.Observe(d.Seconds()) }

// Counter implements client.MetricsHandler.
func (m *temporalMetrics) Counter(name string) client.MetricsCounter {
	if v, ok := m.counters[name]; ok {
		return add{v.vec.WithLabelValues(m.values(v.labels)...)}
	}
	return nothing{}
}

// Gauge implements client.MetricsHandler.
func (m *temporalMetrics) Gauge(name string) client.MetricsGauge {
	if v, ok := m.gauges[name]; ok {
		return set{v.vec.WithLabelValues(m.values(v.labels)...)}
	}
	return nothing{}
}

// Timer implements client.MetricsHandler.
func (m *temporalMetrics) Timer(name string) client.MetricsTimer {
	if v, ok := m.timers[name]; ok {
		return observe{v.vec.WithLabelValues(m.values(v.labels)...)}
	}
	return nothing{}
}
