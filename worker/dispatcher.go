package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"golang.org/x/sync/errgroup"

	"github.com/cloudhub/cloudhub/activities"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/platform/crashpoint"
	"github.com/cloudhub/cloudhub/internal/platform/telemetry"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
)

// Dispatcher drives the agenda: it expands clocks, delivers due work to
// Temporal, and finds out what became of work that has been silent. It is a
// plain loop over PostgreSQL and needs Temporal only to deliver.
type Dispatcher struct {
	system  *db.System
	tenants *db.Tenants
	opener  *vault.Opener            // for the ids of its keys
	clients map[string]client.Client // by namespace
	logger  *slog.Logger
	metrics *metrics
	repeats sync.WaitGroup // acknowledgements that met a lock
	// namespaces as this installation calls them.
	namespaces Namespaces
	stuckAfter time.Duration
	tracer     trace.Tracer
}

const (
	idleWait     = 250 * time.Millisecond
	startsAtOnce = 16
	quietBatch   = 200
	quietEvery   = time.Second
	// wholeEvery is how often a lane goes through all of its round though nothing is
	// due: for its figures.
	wholeEvery     = 5 * time.Second
	temporalWithin = 10 * time.Second // less than agenda.LeaseFor
	busyWait       = time.Second
	mostLoopWait   = 10 * time.Second
)

// Run drives all lanes until the context ends.
func (d *Dispatcher) Run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, lane := range agenda.Lanes {
		wg.Go(func() { d.lane(ctx, lane) })
	}
	wg.Go(func() { d.watchLateness(ctx) })
	wg.Go(func() { d.watchKeys(ctx) })
	wg.Go(func() { d.watchGround(ctx) })
	wg.Wait()
	d.repeats.Wait()
}

// lane is one loop: a person's rows never wait behind a minute's burst.
func (d *Dispatcher) lane(ctx context.Context, lane agenda.Lane) {
	var r round
	failures := 0
	for ctx.Err() == nil {
		full, err := d.round(ctx, lane, &r)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			// The database or Temporal is down, not a row: the loop itself waits.
			failures++
			d.metrics.loopErrors.WithLabelValues(laneName(lane)).Inc()
			d.logger.WarnContext(ctx, "dispatcher round failed", "lane", lane, "failures", failures, "error", err)
		default:
			failures = 0
			d.metrics.lastRound.WithLabelValues(laneName(lane)).SetToCurrentTime()
		}
		if full && err == nil {
			continue
		}
		wait := idleWait
		if failures > 0 {
			wait = min(idleWait<<min(failures, 6), mostLoopWait)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// round is what a lane's loop keeps from one round to the next.
type round struct {
	from      uuid.UUID // where the next look at what waits begins
	lastQuiet time.Time
	lastWhole time.Time
}

func (d *Dispatcher) round(ctx context.Context, lane agenda.Lane, r *round) (full bool, err error) {
	// Mostly nothing is: then this is all that a round costs.
	due, err := d.system.Read().LaneDue(ctx, int16(lane))
	if err != nil {
		return false, fmt.Errorf("what is due: %w", err)
	}
	if !due && time.Since(r.lastWhole) < wholeEvery {
		return false, nil
	}
	r.lastWhole = time.Now()
	// All that is due is claimed before any of it is delivered: a claim costs next
	// to nothing, and a delivery is a call.
	for full := true; full; {
		var err error
		if full, err = d.expandClocks(ctx, lane); err != nil {
			return false, fmt.Errorf("clocks: %w", err)
		}
	}
	fresh, err := d.deliverFresh(ctx, lane, &r.from)
	if err != nil {
		return false, fmt.Errorf("deliver: %w", err)
	}
	if time.Since(r.lastQuiet) >= quietEvery {
		r.lastQuiet = time.Now()
		if err := d.followUp(ctx, lane); err != nil {
			return false, fmt.Errorf("follow up: %w", err)
		}
		if err := d.lookAtParked(ctx, lane); err != nil {
			return false, fmt.Errorf("parked rows: %w", err)
		}
	}
	return fresh, nil
}

func workKinds() []string {
	out := make([]string, len(agenda.WorkKinds))
	for i, k := range agenda.WorkKinds {
		out[i] = string(k)
	}
	return out
}

// acks collects what Temporal has been told, to be written in one statement.
type acks struct {
	mu sync.Mutex
	p  gen.AcknowledgeParams
}

func (a *acks) add(row gen.Agenda, runID string, started bool, wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.p.OrgIds = append(a.p.OrgIds, row.OrgID)
	a.p.Kinds = append(a.p.Kinds, row.Kind)
	a.p.Subjects = append(a.p.Subjects, row.Subject)
	a.p.Leases = append(a.p.Leases, row.Lease)
	a.p.Askeds = append(a.p.Askeds, row.Asked)
	a.p.RunIds = append(a.p.RunIds, runID)
	a.p.Starteds = append(a.p.Starteds, started)
	a.p.Waits = append(a.p.Waits, wait.Seconds())
}

func (d *Dispatcher) acknowledge(ctx context.Context, a *acks) error {
	if len(a.p.OrgIds) == 0 {
		return nil
	}
	n, err := d.write(ctx, a.p)
	if err != nil {
		return err
	}
	skipped := int64(len(a.p.OrgIds)) - n
	d.metrics.acknowledged.Add(float64(n))
	d.metrics.passedOver.Add(float64(skipped))
	if skipped > 0 {
		d.repeats.Go(func() { d.repeat(ctx, a.p) })
	}
	return nil
}

func (d *Dispatcher) write(ctx context.Context, p gen.AcknowledgeParams) (n int64, err error) {
	err = d.system.Tx(ctx, func(q *gen.Queries) (err error) { // repeats on a deadlock
		n, err = q.Acknowledge(ctx, p)
		return err
	})
	return n, err
}

// repeat acknowledges again what was locked: mostly by the run itself, which
// began before we could write that it had. Until it is written an operator who
// ends the run would see it driven again, as one that was lost. What has ended
// meanwhile has no row any more.
func (d *Dispatcher) repeat(ctx context.Context, p gen.AcknowledgeParams) {
	for _, wait := range []time.Duration{100 * time.Millisecond, 300 * time.Millisecond, time.Second} {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		if _, err := d.write(ctx, p); err != nil {
			return // it comes round at the end of its lease
		}
	}
}

// startAll starts a workflow for each row. What fails is noted on its row; the
// error returned is Temporal's or the database's own.
func (d *Dispatcher) startAll(ctx context.Context, rows []gen.Agenda) error {
	facts, err := d.facts(ctx, rows)
	if err != nil {
		return err
	}
	var a acks
	var group errgroup.Group // without a context: one row's failure must not cut off the others' calls
	group.SetLimit(startsAtOnce)
	for _, row := range rows {
		group.Go(func() error { return d.start(ctx, row, facts[row.Subject], &a) })
	}
	startErr := group.Wait()
	return errors.Join(startErr, d.acknowledge(ctx, &a))
}

func (d *Dispatcher) facts(ctx context.Context, rows []gen.Agenda) (map[string]gen.WorkFactsRow, error) {
	var p gen.WorkFactsParams
	for _, r := range rows {
		id, err := uuid.Parse(r.Subject)
		if err != nil {
			continue
		}
		p.OrgIds, p.Ids = append(p.OrgIds, r.OrgID), append(p.Ids, id)
	}
	found, err := d.system.Read().WorkFacts(ctx, p)
	out := make(map[string]gen.WorkFactsRow, len(found))
	for _, f := range found {
		out[f.ID.String()] = f
	}
	return out, err
}

// start delivers one row. Nobody else in the product starts a workflow: the
// options below are what makes a delivery exact.
func (d *Dispatcher) start(ctx context.Context, row gen.Agenda, facts gen.WorkFactsRow, a *acks) error {
	subject, err := uuid.Parse(row.Subject)
	if err != nil {
		return d.note(ctx, row, fmt.Errorf("subject %q is not an id", row.Subject), agenda.RetryWait(20))
	}
	crashpoint.Reached(crashpoint.Leased, row.Subject)
	kind := agenda.Kind(row.Kind)
	ctx, delivered := d.delivering(about(ctx, row, facts.WorkspaceID), row)
	callCtx, cancel := context.WithTimeout(ctx, temporalWithin)
	defer cancel()
	run, err := d.clients[activities.NamespaceOf(kind)].ExecuteWorkflow(callCtx, client.StartWorkflowOptions{
		ID:                       activities.WorkflowID(kind, row.Subject),
		TaskQueue:                activities.TaskQueueOf(agenda.Lane(row.Lane)),
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		// Without it a running workflow's id comes back without an error, and a
		// request would be acknowledged that no run reads.
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		EnableEagerStart:                         true,
		WorkflowTaskTimeout:                      5 * time.Second,
		TypedSearchAttributes:                    searchAttributes(row, facts),
		Priority:                                 temporal.Priority{FairnessKey: row.OrgID.String()},
	}, row.Kind, activities.WorkInput{
		Org: row.OrgID, Subject: subject, Lease: row.Lease, Workspace: facts.WorkspaceID, RequestID: text(row.RequestID), Trace: telemetry.Traceparent(ctx),
	})
	var already *serviceerror.WorkflowExecutionAlreadyStarted
	switch {
	case errors.As(err, &already) && kind == agenda.KindDestination:
		return d.wake(ctx, row, already.RunId, a, delivered)
	case errors.As(err, &already):
		// It runs and will see `asked` at its end, or has passed it and is
		// started anew a second later.
		d.metrics.deliveries.WithLabelValues(row.Kind, "busy").Inc()
		delivered("busy")
		return d.system.Read().AcknowledgeBusy(ctx, gen.AcknowledgeBusyParams{
			RunID: already.RunId, WaitSeconds: busyWait.Seconds(), OrgID: row.OrgID, Kind: row.Kind, Subject: row.Subject, Lease: row.Lease,
		})
	case err != nil:
		d.metrics.deliveries.WithLabelValues(row.Kind, "error").Inc()
		delivered("error")
		d.logger.WarnContext(ctx, "a row could not be delivered", "error", err)
		noteErr := d.note(ctx, row, err, agenda.RetryWait(int(row.Starts)))
		if aboutTheRow(err) {
			return noteErr
		}
		return errors.Join(err, noteErr)
	}
	crashpoint.Reached(crashpoint.Started, row.Subject)
	d.metrics.deliveries.WithLabelValues(row.Kind, "started").Inc()
	delivered("started")
	d.metrics.deliveryLag.WithLabelValues(laneName(agenda.Lane(row.Lane))).Observe(max(0, time.Since(row.DueAt).Seconds()))
	a.add(row, run.GetRunID(), true, agenda.QuietAfter)
	return nil
}

// wake tells a workflow that waits for its next attempt that somebody has asked. It
// has then been told: what it finds at its next look is what was asked for.
func (d *Dispatcher) wake(ctx context.Context, row gen.Agenda, runID string, a *acks, delivered func(string)) error {
	callCtx, cancel := context.WithTimeout(ctx, temporalWithin)
	defer cancel()
	kind := agenda.Kind(row.Kind)
	err := d.clients[activities.NamespaceOf(kind)].SignalWorkflow(callCtx, activities.WorkflowID(kind, row.Subject), runID, activities.SignalAsked, nil)
	if gone(err) { // it has just closed, and is started anew a second later
		delivered("busy")
		return d.system.Read().AcknowledgeBusy(ctx, gen.AcknowledgeBusyParams{
			RunID: runID, WaitSeconds: busyWait.Seconds(), OrgID: row.OrgID, Kind: row.Kind, Subject: row.Subject, Lease: row.Lease,
		})
	}
	if err != nil {
		delivered("error")
		return errors.Join(err, d.note(ctx, row, err, agenda.RetryWait(int(row.Starts))))
	}
	d.metrics.deliveries.WithLabelValues(row.Kind, "woken").Inc()
	delivered("woken")
	a.add(row, runID, false, agenda.QuietAfter)
	return nil
}

// aboutTheRow says that Temporal refused this row and not that it is away: the
// loop goes on with the others.
func aboutTheRow(err error) bool {
	var invalid *serviceerror.InvalidArgument
	return errors.As(err, &invalid)
}

func (d *Dispatcher) note(ctx context.Context, row gen.Agenda, cause error, wait time.Duration) error {
	return d.system.Read().NoteFailure(context.WithoutCancel(ctx), gen.NoteFailureParams{
		LastError: cause.Error(), WaitSeconds: wait.Seconds(), OrgID: row.OrgID, Kind: row.Kind, Subject: row.Subject, Lease: row.Lease,
	})
}

var (
	attrOrg       = temporal.NewSearchAttributeKeyKeyword(activities.AttributeOrg)
	attrWorkspace = temporal.NewSearchAttributeKeyKeyword(activities.AttributeWorkspace)
	attrKind      = temporal.NewSearchAttributeKeyKeyword(activities.AttributeKind)
	attrOrigin    = temporal.NewSearchAttributeKeyKeyword(activities.AttributeOrigin)
)

func searchAttributes(row gen.Agenda, facts gen.WorkFactsRow) temporal.SearchAttributes {
	updates := []temporal.SearchAttributeUpdate{attrOrg.ValueSet(row.OrgID.String()), attrKind.ValueSet(row.Kind)}
	if facts.Origin != "" {
		updates = append(updates, attrWorkspace.ValueSet(facts.WorkspaceID.String()), attrOrigin.ValueSet(facts.Origin))
	}
	return temporal.NewSearchAttributes(updates...)
}

func laneName(l agenda.Lane) string {
	switch l {
	case agenda.LanePerson:
		return "person"
	case agenda.LaneMinute:
		return "minute"
	default:
		return "background"
	}
}
