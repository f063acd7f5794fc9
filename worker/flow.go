package worker

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/client"

	"github.com/cloudhub/cloudhub/activities"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/platform/telemetry"
	"github.com/cloudhub/cloudhub/internal/schedule"
)

// flow is the figures of what passes through the dispatcher, and of what it
// stands on.
type flow struct {
	lastRound         *prometheus.GaugeVec
	leased            *prometheus.CounterVec
	leaseLag          *prometheus.HistogramVec
	expiredLeases     *prometheus.CounterVec
	acknowledged      prometheus.Counter
	passedOver        prometheus.Counter
	inFlight, cap     *prometheus.GaugeVec
	findings          *prometheus.CounterVec
	oldestTransaction prometheus.Gauge
	databaseUp        prometheus.Gauge
	temporalUp        *prometheus.GaugeVec
}

// What following up a silent row can find.
const (
	findingRunning    = "running"
	findingTerminated = "terminated"
	findingCanceled   = "canceled"
	findingOlder      = "older_run_ended"
	findingUnknown    = "unknown_to_temporal"
	findingClosed     = "closed_without_end"
)

var lagBuckets = []float64{.05, .1, .25, .5, 1, 2, 5, 10, 30, 60, 300}

func newFlow(reg prometheus.Registerer) *flow {
	f := promauto.With(reg)
	m := &flow{
		lastRound: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "cloudhub_dispatcher_last_round_timestamp_seconds", Help: "When the lane's loop last came round without an error.",
		}, []string{"lane"}),
		leased: f.NewCounterVec(prometheus.CounterOpts{
			Name: "cloudhub_agenda_leased_rows_total", Help: "Rows leased, to be delivered (fresh) or asked after (silent).",
		}, []string{"lane", "why"}),
		leaseLag: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "cloudhub_agenda_lease_lag_seconds", Help: "From when work was due until a dispatcher had it.", Buckets: lagBuckets,
		}, []string{"lane"}),
		expiredLeases: f.NewCounterVec(prometheus.CounterOpts{
			Name: "cloudhub_agenda_expired_leases_total", Help: "Rows whose lease ran out before they were acknowledged: another worker may have delivered them too, which changes nothing but costs.",
		}, []string{"lane"}),
		acknowledged: f.NewCounter(prometheus.CounterOpts{
			Name: "cloudhub_agenda_acknowledged_rows_total", Help: "Rows on which a delivery was noted.",
		}),
		passedOver: f.NewCounter(prometheus.CounterOpts{
			Name: "cloudhub_agenda_passed_over_rows_total", Help: "Rows on which a delivery was not noted: ended already, held by somebody, or leased anew.",
		}),
		inFlight: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "cloudhub_agenda_in_flight_rows", Help: "Rows delivered and not yet taken up by a worker, or being delivered, all workers together.",
		}, []string{"lane"}),
		cap: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "cloudhub_agenda_in_flight_cap_rows", Help: "How many rows may be on their way to a worker.",
		}, []string{"lane"}),
		findings: f.NewCounterVec(prometheus.CounterOpts{
			Name: "cloudhub_agenda_findings_total", Help: "What was found of runs that had been silent.",
		}, []string{"kind", "finding"}),
		oldestTransaction: f.NewGauge(prometheus.GaugeOpts{
			Name: "cloudhub_database_oldest_transaction_seconds", Help: "For how long the oldest open transaction of the database has been open.",
		}),
		databaseUp: f.NewGauge(prometheus.GaugeOpts{
			Name: "cloudhub_database_up", Help: "1 when the database answered the dispatcher within the last seconds.",
		}),
		temporalUp: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "cloudhub_temporal_up", Help: "1 when Temporal answered within the last seconds.",
		}, []string{"namespace"}),
	}
	// What has not happened is 0 and not absent: rates begin there.
	for _, lane := range agenda.Lanes {
		name := laneName(lane)
		m.leased.WithLabelValues(name, "fresh")
		m.leased.WithLabelValues(name, "silent")
		m.expiredLeases.WithLabelValues(name)
		m.leaseLag.WithLabelValues(name)
		m.inFlight.WithLabelValues(name)
		m.cap.WithLabelValues(name).Set(float64(agenda.ArrivingCap(lane)))
	}
	for _, kind := range agenda.WorkKinds {
		for _, finding := range []string{findingRunning, findingTerminated, findingCanceled, findingOlder, findingUnknown, findingClosed} {
			m.findings.WithLabelValues(string(kind), finding)
		}
	}
	return m
}

// fromZero makes what has not happened 0 and not absent: rates begin there.
func (m *metrics) fromZero() *metrics {
	for _, lane := range agenda.Lanes {
		m.loopErrors.WithLabelValues(laneName(lane))
		m.oldest.WithLabelValues(laneName(lane))
	}
	for _, kind := range slices.Concat(agenda.WorkKinds, agenda.ClockKinds) {
		m.failing.WithLabelValues(string(kind))
		m.openTooLong.WithLabelValues(string(kind))
		m.parked.WithLabelValues(string(kind))
	}
	for _, kind := range agenda.ClockKinds {
		m.clockErrors.WithLabelValues(string(kind))
	}
	for _, why := range []schedule.ExceptionKind{schedule.Skipped, schedule.OnHold} {
		m.leftOut.WithLabelValues(string(why))
	}
	return m
}

// claimed counts what was claimed of timetables.
func (m *metrics) claimed(c claimed) {
	m.missed.Add(float64(c.missed))
	for _, late := range c.late {
		m.claimLag.Observe(max(0, late.Seconds()))
	}
	for _, why := range c.leftOut {
		m.leftOut.WithLabelValues(string(why)).Inc()
	}
}

func (m *metrics) found(row gen.Agenda, finding string) {
	m.findings.WithLabelValues(row.Kind, finding).Inc()
}

// leasedFresh counts rows that were leased to be delivered.
func (m *metrics) leasedFresh(lane agenda.Lane, rows []gen.Agenda) {
	name := laneName(lane)
	m.leased.WithLabelValues(name, "fresh").Add(float64(len(rows)))
	for _, r := range rows {
		m.leaseLag.WithLabelValues(name).Observe(max(0, time.Since(r.DueAt).Seconds()))
	}
}

// held counts the rows of a delivery that outlived its leases.
func (m *metrics) held(lane agenda.Lane, rows int, since time.Time) {
	if time.Since(since) > agenda.LeaseFor {
		m.expiredLeases.WithLabelValues(laneName(lane)).Add(float64(rows))
	}
}

// watchGround exports whether what the dispatcher stands on is there, and the
// oldest transaction: one left open makes every lease walk over dead rows.
func (d *Dispatcher) watchGround(ctx context.Context) {
	ticker := time.NewTicker(5 * time.Second)
	defer ticker.Stop()
	for {
		d.lookAtGround(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (d *Dispatcher) lookAtGround(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	seconds, err := d.system.Read().OldestTransaction(ctx)
	if err == nil {
		d.metrics.oldestTransaction.Set(seconds)
	}
	d.metrics.databaseUp.Set(up(err))
	for name, c := range d.clients {
		_, err := c.CheckHealth(ctx, &client.CheckHealthRequest{})
		d.metrics.temporalUp.WithLabelValues(name).Set(up(err))
	}
}

func up(err error) float64 {
	if err != nil {
		return 0
	}
	return 1
}

// about begins the work on one row: its logs and spans say whose it is and which
// request asked, and its trace goes on from there.
func about(ctx context.Context, row gen.Agenda, workspace uuid.UUID) context.Context {
	ctx = telemetry.WithTags(ctx, telemetry.OrgID, row.OrgID.String(), "kind", row.Kind,
		activities.SubjectTag(agenda.Kind(row.Kind)), row.Subject, telemetry.RequestID, text(row.RequestID))
	if workspace != uuid.Nil {
		telemetry.Tag(ctx, telemetry.WorkspaceID, workspace.String())
	}
	return telemetry.WithTraceparent(ctx, text(row.Trace))
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// delivering is the span of one delivery to Temporal; end it with what came of it.
func (d *Dispatcher) delivering(ctx context.Context, row gen.Agenda) (context.Context, func(result string)) {
	ctx, span := telemetry.StartSpan(ctx, d.tracer, "agenda deliver "+row.Kind, trace.WithSpanKind(trace.SpanKindProducer))
	return ctx, func(result string) {
		if span.IsRecording() {
			span.SetAttributes(attribute.String("cloudhub.lane", laneName(agenda.Lane(row.Lane))), attribute.String("cloudhub.result", result),
				attribute.Float64("cloudhub.due_for_seconds", time.Since(row.DueAt).Seconds()), attribute.Int("cloudhub.starts", int(row.Starts)))
			if result == "error" {
				span.SetStatus(codes.Error, result)
			}
		}
		span.End()
	}
}

// expanding runs one expansion of clocks in a span of its own.
func (d *Dispatcher) expanding(ctx context.Context, kind agenda.Kind, rows []gen.Agenda, fn func(context.Context) error) error {
	ctx, span := d.tracer.Start(ctx, "agenda expand "+string(kind), trace.WithNewRoot(), trace.WithAttributes(attribute.Int("cloudhub.rows", len(rows))))
	defer span.End()
	err := fn(ctx)
	if err != nil {
		span.SetStatus(codes.Error, "failed")
	}
	return err
}

// dueTrace is the root of the trace of what has become due: one for each, linked
// to the expansion that found it, which is of many tenants. It begins when it was
// due. It answers the traceparent to be stored, empty when nothing is traced.
func dueTrace(ctx context.Context, name string, dueAt time.Time, tags ...string) string {
	batch := trace.SpanFromContext(ctx)
	if !batch.IsRecording() {
		return ""
	}
	ctx, span := telemetry.StartSpan(telemetry.WithTags(ctx, tags...), batch.TracerProvider().Tracer("cloudhub/worker"), name,
		trace.WithNewRoot(), trace.WithTimestamp(dueAt), trace.WithLinks(trace.Link{SpanContext: batch.SpanContext()}))
	span.End()
	return telemetry.Traceparent(ctx)
}
