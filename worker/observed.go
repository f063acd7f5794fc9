package worker

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"

	"github.com/cloudhub/cloudhub/activities"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/platform/telemetry"
)

// observed stands around every activity: its logs and spans say whose it is and
// which request asked, its trace goes on from the delivery, and it is counted.
// Workflows carry the trace in their input and make no spans: they run again and
// again, and must be the same each time.
type observed struct {
	interceptor.WorkerInterceptorBase
	tracer   trace.Tracer
	logger   *slog.Logger
	duration *prometheus.HistogramVec
	lag      *prometheus.HistogramVec
}

func newObserved(t trace.Tracer, log *slog.Logger, reg prometheus.Registerer) *observed {
	f := promauto.With(reg)
	return &observed{
		tracer: t, logger: log,
		duration: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "cloudhub_activity_duration_seconds", Help: "Attempts of activities, by what came of them.",
			Buckets: []float64{.005, .025, .1, .5, 1, 5, 15, 60, 300, 1800, 7200},
		}, []string{"workflow", "activity", "outcome"}),
		lag: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "cloudhub_activity_start_lag_seconds", Help: "From when Temporal had an activity to give until a worker began it.", Buckets: lagBuckets,
		}, []string{"workflow", "activity"}),
	}
}

func (o *observed) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	i := &observedActivity{o: o}
	i.Next = next
	return i
}

type observedActivity struct {
	interceptor.ActivityInboundInterceptorBase
	o *observed
}

func (i *observedActivity) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	info, began := activity.GetInfo(ctx), time.Now()
	workflow, name := "", info.ActivityType.Name
	if info.WorkflowType != nil {
		workflow = info.WorkflowType.Name
	}
	i.o.lag.WithLabelValues(workflow, name).Observe(max(0, info.StartedTime.Sub(info.ScheduledTime).Seconds()))
	ctx = ofWork(ctx, in, workflow)
	ctx, span := telemetry.StartSpan(ctx, i.o.tracer, "activity "+workflow+"."+name, trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(attribute.Int("cloudhub.attempt", int(info.Attempt))))
	out, err := i.Next.ExecuteActivity(ctx, in)
	outcome := outcomeOf(err)
	if err != nil {
		span.SetStatus(codes.Error, outcome)
	}
	span.End()
	took := time.Since(began)
	i.o.duration.WithLabelValues(workflow, name, outcome).Observe(took.Seconds())
	line := []any{"workflow", workflow, "activity", name, "attempt", info.Attempt, "outcome", outcome, "duration_ms", took.Milliseconds()}
	if outcome == "error" {
		i.o.logger.WarnContext(ctx, "activity failed", append(line, "error", err)...)
	} else {
		i.o.logger.DebugContext(ctx, "activity", line...)
	}
	return out, err
}

// ofWork tags the context with what the activity's input says.
func ofWork(ctx context.Context, in *interceptor.ExecuteActivityInput, workflow string) context.Context {
	if len(in.Args) == 0 {
		return ctx
	}
	input, ok := in.Args[0].(interface{ Work() activities.WorkInput })
	if !ok {
		return ctx
	}
	w := input.Work()
	ctx = telemetry.WithTags(ctx, telemetry.OrgID, w.Org.String(), activities.SubjectTag(agenda.Kind(workflow)), w.Subject.String(), telemetry.RequestID, w.RequestID)
	if w.Workspace != uuid.Nil {
		telemetry.Tag(ctx, telemetry.WorkspaceID, w.Workspace.String())
	}
	return telemetry.WithTraceparent(ctx, w.Trace)
}

// outcomeOf is one of few words.
func outcomeOf(err error) string {
	var app *temporal.ApplicationError
	switch {
	case err == nil:
		return "ok"
	case activities.IsFenced(err):
		return "fenced"
	case errors.As(err, &app) && app.Type() == "WorkerStopping":
		return "worker_stopping"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded):
		return "timed_out"
	default:
		return "error"
	}
}
