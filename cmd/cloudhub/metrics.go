package main

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/cloud/aws"
)

// observeCalls counts provider calls by operation and outcome, and the time
// spent waiting for their budget.
func observeCalls(reg prometheus.Registerer) func(aws.Call) {
	f := promauto.With(reg)
	calls := f.NewHistogramVec(prometheus.HistogramOpts{
		Name: "cloudhub_provider_call_duration_seconds", Help: "Calls to providers by operation and reason (empty when answered).",
		Buckets: []float64{.025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
	}, []string{"provider", "operation", "reason"})
	waits := f.NewHistogramVec(prometheus.HistogramOpts{
		Name: "cloudhub_provider_budget_wait_seconds", Help: "Waits for the budget of an account, region and API.",
		Buckets: []float64{.001, .01, .1, .5, 1, 5, 15, 60},
	}, []string{"provider", "operation"})
	refusals := f.NewCounterVec(prometheus.CounterOpts{
		Name: "cloudhub_provider_budget_refusals_total", Help: "Calls that the budget of an account, region and API turned away: their turn would have come too late.",
	}, []string{"provider", "operation"})
	for _, operation := range []string{"DescribeInstances", "StartInstances", "StopInstances"} {
		refusals.WithLabelValues("aws", operation)
		waits.WithLabelValues("aws", operation)
	}
	return func(c aws.Call) {
		calls.WithLabelValues("aws", c.Operation, string(c.Reason)).Observe(c.Took.Seconds())
		if c.Reason == cloud.ReasonThrottled && !c.Sent {
			refusals.WithLabelValues("aws", c.Operation).Inc()
		}
		if c.Waited > 0 {
			waits.WithLabelValues("aws", c.Operation).Observe(c.Waited.Seconds())
		}
	}
}
