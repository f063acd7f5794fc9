// Package worker joins workflows and activities to Temporal's task queues and
// runs the dispatcher. It wires; it decides nothing.
package worker

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/cloudhub/cloudhub/activities"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/platform/telemetry"
	"github.com/cloudhub/cloudhub/workflows"
)

// Deps is what a worker is made of.
type Deps struct {
	activities.Deps
	System *db.System
	// TemporalAddress is host:port of Temporal's frontend.
	TemporalAddress string
	Registerer      prometheus.Registerer
	// Traces is where spans go; nil means nowhere.
	Traces trace.TracerProvider
	// Namespaces of Temporal; zero means cloudhub and cloudhub-background.
	Namespaces Namespaces
	// DrainFor is how long running activities may take to stop; 0 means 20 s.
	DrainFor time.Duration
	// StuckAfter is how long a workflow that cannot go on is left alone before it
	// is ended and driven again; 0 means 3 min.
	StuckAfter time.Duration
}

// Namespaces are the names under which Temporal knows the two namespaces. An
// installation that shares a cluster with another chooses its own.
type Namespaces struct{ Main, Background string }

func (n Namespaces) name(logical string) string {
	switch {
	case logical == activities.Namespace && n.Main != "":
		return n.Main
	case logical == activities.NamespaceBackground && n.Background != "":
		return n.Background
	default:
		return logical
	}
}

// Worker runs until it is told to stop.
type Worker struct {
	deps       Deps
	clients    map[string]client.Client
	workers    []worker.Worker
	dispatcher *Dispatcher
	deliveries *deliveries
	observed   *observed
}

// New connects to Temporal and registers everything. It fails when Temporal
// does not answer.
func New(ctx context.Context, d Deps) (*Worker, error) {
	if d.DrainFor == 0 {
		d.DrainFor = 20 * time.Second
	}
	if d.StuckAfter == 0 {
		d.StuckAfter = stuckAfter
	}
	if d.Traces == nil {
		d.Traces = telemetry.NoTracing()
	}
	d.Deps.Metrics = activities.NewMetrics(d.Registerer)
	d.Deliverer = activities.NewDeliverer(d.Deps)
	tracer, sdkMetrics := d.Traces.Tracer("cloudhub/worker"), newTemporalMetrics(d.Registerer)
	w := &Worker{deps: d, observed: newObserved(tracer, d.Logger, d.Registerer), clients: map[string]client.Client{}}
	for _, ns := range []string{activities.Namespace, activities.NamespaceBackground} {
		c, err := client.DialContext(ctx, client.Options{
			HostPort: d.TemporalAddress, Namespace: d.Namespaces.name(ns), Logger: sdklog.NewStructuredLogger(quiet(d.Logger)), Identity: "cloudhub-worker",
			MetricsHandler: sdkMetrics,
		})
		if err != nil {
			w.Close()
			return nil, fmt.Errorf("temporal, namespace %s: %w", d.Namespaces.name(ns), err)
		}
		w.clients[ns] = c
	}
	for _, lane := range agenda.Lanes {
		ns := activities.Namespace
		if lane == agenda.LaneBackground {
			ns = activities.NamespaceBackground
		}
		w.workers = append(w.workers, w.register(ns, lane))
	}
	// A sync that a person asked for stands in the person's lane.
	w.workers = append(w.workers, w.register(activities.NamespaceBackground, agenda.LanePerson), w.register(activities.NamespaceBackground, agenda.LaneMinute))
	w.deliveries = newDeliveries(d.System, d.Deliverer, d.Logger, newDeliveryMetrics(d.Registerer))
	w.dispatcher = &Dispatcher{system: d.System, tenants: d.Tenants, opener: d.Opener, clients: w.clients, logger: d.Logger, metrics: newMetrics(d.Registerer).fromZero(), tracer: tracer, namespaces: d.Namespaces, stuckAfter: d.StuckAfter}
	return w, nil
}

func (w *Worker) register(namespace string, lane agenda.Lane) worker.Worker {
	wk := worker.New(w.clients[namespace], activities.TaskQueueOf(lane), worker.Options{
		WorkerStopTimeout:                  w.deps.DrainFor,
		MaxConcurrentActivityExecutionSize: slotsOf(lane),
		MaxConcurrentWorkflowTaskPollers:   2,
		MaxConcurrentActivityTaskPollers:   2,
		Interceptors:                       []interceptor.WorkerInterceptor{w.observed},
	})
	Register(wk, w.deps.Deps)
	return wk
}

// slotsOf is how many activities of a lane one worker runs at once. A batch that
// is being watched, or whose provider hangs, holds a slot and little else, so
// there are more of them than shares that could fill them; a regular reading
// costs pages of machines and their rows.
func slotsOf(lane agenda.Lane) int {
	if lane == agenda.LaneBackground {
		return 64
	}
	return 2000
}

// Registry is where workflows and activities are registered: a worker, or a
// test's environment.
type Registry interface {
	RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions)
	RegisterActivity(a any)
}

// workflowTypes are the names of all workflows.
var workflowTypes = []string{activities.WorkflowPower, activities.WorkflowProbe, activities.WorkflowSync, activities.WorkflowCalendar, activities.WorkflowDestination}

// Register registers every workflow under its name and every activity.
func Register(r Registry, d activities.Deps) {
	r.RegisterWorkflowWithOptions(workflows.Power, workflow.RegisterOptions{Name: activities.WorkflowPower})
	r.RegisterWorkflowWithOptions(workflows.Probe, workflow.RegisterOptions{Name: activities.WorkflowProbe})
	r.RegisterWorkflowWithOptions(workflows.Sync, workflow.RegisterOptions{Name: activities.WorkflowSync})
	r.RegisterWorkflowWithOptions(workflows.Reseal, workflow.RegisterOptions{Name: activities.WorkflowReseal})
	r.RegisterWorkflowWithOptions(workflows.Calendar, workflow.RegisterOptions{Name: activities.WorkflowCalendar})
	r.RegisterWorkflowWithOptions(workflows.Destination, workflow.RegisterOptions{Name: activities.WorkflowDestination})
	r.RegisterActivity(activities.NewPower(d))
	r.RegisterActivity(activities.NewProbe(d))
	r.RegisterActivity(activities.NewSync(d))
	r.RegisterActivity(activities.NewReseal(d))
	r.RegisterActivity(activities.NewCalendar(d))
	r.RegisterActivity(activities.NewDestination(d))
}

// Run works until the context ends, then lets running activities stop.
func (w *Worker) Run(ctx context.Context) error {
	for i, wk := range w.workers {
		if err := wk.Start(); err != nil {
			for _, started := range w.workers[:i] {
				started.Stop()
			}
			return err
		}
	}
	var loop sync.WaitGroup
	loop.Go(func() { w.deliveries.run(ctx) })
	w.dispatcher.Run(ctx)
	stopAll(w.workers)
	loop.Wait()
	return nil
}

// stopAll stops them at once: each may take its whole time to drain.
func stopAll(workers []worker.Worker) {
	stopped := make(chan struct{}, len(workers))
	for _, wk := range workers {
		go func() { wk.Stop(); stopped <- struct{}{} }()
	}
	for range workers {
		<-stopped
	}
}

// Close closes the connections to Temporal.
func (w *Worker) Close() {
	for _, c := range w.clients {
		c.Close()
	}
}

// quiet keeps Temporal's SDK from telling every retry: what matters stands on
// the operation.
func quiet(l *slog.Logger) *slog.Logger { return slog.New(levelHandler{l.Handler(), slog.LevelWarn}) }

type levelHandler struct {
	slog.Handler
	least slog.Level
}

func (h levelHandler) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= h.least && h.Handler.Enabled(ctx, l)
}

func (h levelHandler) WithAttrs(a []slog.Attr) slog.Handler {
	return levelHandler{h.Handler.WithAttrs(a), h.least}
}

func (h levelHandler) WithGroup(name string) slog.Handler {
	return levelHandler{h.Handler.WithGroup(name), h.least}
}
