package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/platform/crashpoint"
	"github.com/cloudhub/cloudhub/internal/power"
)

// DriveInput is one batch of one operation.
type DriveInput struct {
	WorkInput
	Batch
}

// Drive brings one batch to its end: look, act on what must be acted on, look
// again until the wanted states are seen. It may die and begin again at any
// point: what an earlier attempt did shows in the rows and at the provider.
func (p *Power) Drive(ctx context.Context, in DriveInput) error {
	stop := heartbeat(ctx)
	defer stop()
	opened, err := p.accounts.open(ctx, in.Org, in.Account)
	if errors.Is(err, ErrAccountGone) {
		return p.abandonBatch(ctx, in, power.LeftAlone, string(power.ReasonAccountRemoved), "")
	}
	if errors.Is(err, ErrUnreadable) {
		p.logger.ErrorContext(ctx, "account does not open", "org_id", in.Org, "operation_id", in.Subject, "account_id", in.Account, "error", err)
		return p.abandonBatch(ctx, in, power.Failed, providerReason(cloud.ReasonUnauthenticated), unreadableDetail)
	}
	if err != nil {
		return err
	}
	instances, ok := opened.cloud.instances(in.Kind)
	if !ok {
		p.logger.ErrorContext(ctx, "no adapter for a kind", "org_id", in.Org, "operation_id", in.Subject, "account_id", in.Account, "kind", in.Kind)
		return p.abandonBatch(ctx, in, power.Failed, providerReason(cloud.ReasonUnsupported), in.Kind)
	}
	d := &drive{p: p, in: in, opened: opened, instances: instances, began: time.Now()}
	for {
		more, err := d.round(ctx)
		if err != nil || !more {
			return err
		}
		if err := pause(ctx, d.wait()); err != nil {
			return err
		}
	}
}

// drive is the state of one attempt: nothing that must survive it.
type drive struct {
	p         *Power
	in        DriveInput
	opened    openAccount
	instances cloud.Instances // of the batch's kind
	began     time.Time
	due       time.Time // when a timetable asked; zero when a person did
	// backoff is asked for by the provider, or grows with its faults.
	backoff    time.Duration
	faults     int
	wrongState map[uuid.UUID]int
	// halved counts the calls of this round that halved a batch for want of
	// capacity.
	halved int
}

func (d *drive) wait() time.Duration {
	if d.backoff > 0 {
		return d.backoff
	}
	return d.p.poll(time.Since(d.began))
}

// round looks once and acts once. more is false when the batch is done.
func (d *drive) round(ctx context.Context) (more bool, err error) {
	rows, err := d.openTargets(ctx)
	if err != nil || len(rows) == 0 {
		return false, err
	}
	if rows[0].Origin != originPerson && rows[0].DueAt != nil {
		d.due = *rows[0].DueAt
	}
	seen, err := d.look(ctx, rows)
	if err != nil {
		return d.lookFailed(ctx, rows, err)
	}
	plan := decide(rows, seen, d.p.watchFor)
	if len(plan.ends.list) > 0 {
		crashpoint.Reached(crashpoint.Seen, d.in.Subject)
	}
	if err := d.record(ctx, plan, rows[0].Now); err != nil {
		return false, err
	}
	if plan.open == 0 {
		crashpoint.Reached(crashpoint.Recorded, d.in.Subject)
		return false, nil
	}
	d.backoff, d.halved = 0, 0
	for _, want := range []cloud.Power{cloud.PowerOff, cloud.PowerOn} {
		if err := d.actAll(ctx, want, plan.act[want]); err != nil {
			return false, err
		}
	}
	return true, nil
}

func (d *drive) openTargets(ctx context.Context) (rows []gen.OpenTargetsRow, err error) {
	err = d.p.accounts.tenants.InTenant(ctx, d.in.Org, func(q *gen.Queries) (err error) {
		rows, err = q.OpenTargets(ctx, gen.OpenTargetsParams{
			OrgID: d.in.Org, OperationID: d.in.Subject, Lease: d.in.Lease, CloudAccountID: d.in.Account, Region: d.in.Region, Kind: d.in.Kind,
		})
		return err
	})
	return rows, err
}

// look reads the machines; one that the provider does not list is Gone.
func (d *drive) look(ctx context.Context, rows []gen.OpenTargetsRow) (map[string]power.State, error) {
	ids := make([]string, len(rows))
	seen := make(map[string]power.State, len(rows))
	for i, r := range rows {
		ids[i] = r.ProviderID
		seen[r.ProviderID] = power.Gone
	}
	// A provider that hangs must not hang us.
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	found, err := d.instances.DescribeInstances(ctx, d.opened.account, d.in.Region, ids)
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		seen[f.ProviderID] = power.State(f.State)
	}
	return seen, nil
}

// lookFailed decides what a failed reading means for the batch.
func (d *drive) lookFailed(ctx context.Context, rows []gen.OpenTargetsRow, err error) (more bool, _ error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	reason := cloud.ReasonOf(err)
	if !reason.Retryable() {
		return false, d.p.abandonBatch(ctx, d.in, power.Failed, providerReason(reason), detailOf(err))
	}
	if err := d.fenced(ctx, func(q *gen.Queries) error { return d.noteIn(ctx, q, 0, "", err) }); err != nil {
		return false, err
	}
	// Nothing can be seen: what is past its time ends; what was accepted may
	// still come true until its watch is over.
	blind := map[string]power.State{}
	for _, r := range rows {
		blind[r.ProviderID] = power.Unknown
	}
	plan := decide(rows, blind, d.p.watchFor)
	if err := d.record(ctx, plan, rows[0].Now); err != nil {
		return false, err
	}
	d.fault(err)
	return plan.open > 0, nil
}

// fault sets the wait after a provider's fault: what it asked for, or 1 s
// doubling to 30 s.
func (d *drive) fault(err error) {
	d.faults++
	d.backoff = min(time.Second<<min(d.faults-1, 5), 30*time.Second)
	var e *cloud.Error
	if errors.As(err, &e) && e.RetryAfter > d.backoff {
		d.backoff = min(e.RetryAfter, 5*time.Minute)
	}
}

// plan is what one look means.
type plan struct {
	ends     ends
	accepted []uuid.UUID
	observed map[uuid.UUID]power.State
	act      map[cloud.Power][]toAct
	open     int // targets that are not at their end after it
}

type toAct struct {
	resource   uuid.UUID
	providerID string
}

func decide(rows []gen.OpenTargetsRow, seen map[string]power.State, watchFor time.Duration) plan {
	p := plan{observed: map[uuid.UUID]power.State{}, act: map[cloud.Power][]toAct{}}
	for _, r := range rows {
		state := seen[r.ProviderID]
		final := end{resource: r.ResourceID, before: r.ResourceState, after: string(state)}
		if state == power.Unknown {
			final.after = ""
		}
		if r.AcceptedAt == nil {
			if reason := power.Untouchable(factsOf(r)); reason != "" {
				final.state, final.reason = power.LeftAlone, string(reason)
				p.ends.add(final)
				continue
			}
		}
		target := power.Target{Wanted: power.State(r.Wanted), Attempts: int(r.Attempts), WatchFor: watchFor, InFlight: r.InFlight, Settling: r.Settling}
		if r.AcceptedAt != nil {
			target.AcceptedAt = *r.AcceptedAt
		}
		p.step(power.Next(target, state, r.Now, r.ActBefore), r, state, final)
	}
	return p
}

func (p *plan) step(step power.Step, r gen.OpenTargetsRow, state power.State, final end) {
	switch step {
	case power.EndDone:
		final.state = power.Done
	case power.EndAlready:
		final.state = power.Already
	case power.EndGone:
		final.state, final.reason = power.Failed, string(power.ReasonGone)
	case power.EndNotSeen:
		final.state, final.reason = power.Failed, string(power.ReasonNotSeen)
	case power.EndTooLate:
		final.state, final.reason = power.Missed, string(power.ReasonTooLate)
		if r.Refused != "" { // it was tried in time, and refused each time
			final.state, final.reason, final.detail = power.Failed, r.Refused, r.RefusedDetail
		}
	case power.Act:
		want := wanted(r.Wanted)
		p.act[want] = append(p.act[want], toAct{r.ResourceID, r.ProviderID})
		p.open++
		return
	case power.NowAccepted:
		p.accepted = append(p.accepted, r.ResourceID)
		fallthrough
	default:
		p.open++
		if state != power.Unknown && string(state) != r.ResourceState {
			p.observed[r.ResourceID] = state
		}
		return
	}
	p.ends.add(final)
}

func factsOf(r gen.OpenTargetsRow) power.Facts {
	return power.Facts{
		Protected: r.Protected, ObserveOnly: r.ObserveOnly, LeftAlone: power.Reason(r.LeftAlone),
		Paused: r.Paused, Held: r.Held, Automatic: r.Origin != originPerson,
	}
}

func wanted(state string) cloud.Power {
	if state == string(power.Running) {
		return cloud.PowerOn
	}
	return cloud.PowerOff
}

// record writes what a look found, in one transaction, unless a newer run has
// taken over.
func (d *drive) record(ctx context.Context, p plan, seenAt time.Time) error {
	if len(p.ends.list) == 0 && len(p.accepted) == 0 && len(p.observed) == 0 {
		return nil
	}
	err := d.fenced(ctx, func(q *gen.Queries) error {
		observed := gen.ObserveResourcesParams{OrgID: d.in.Org, OperationID: d.in.Subject, SeenAt: seenAt}
		for id, state := range p.observed {
			observed.Ids = append(observed.Ids, id)
			observed.States = append(observed.States, string(state))
		}
		if err := q.ObserveResources(ctx, observed); err != nil {
			return err
		}
		if err := p.ends.write(ctx, q, d.in.WorkInput, seenAt); err != nil {
			return err
		}
		if len(p.accepted) > 0 {
			if err := q.MarkAccepted(ctx, gen.MarkAcceptedParams{OrgID: d.in.Org, OperationID: d.in.Subject, ResourceIds: p.accepted}); err != nil {
				return err
			}
		}
		return progress(ctx, q, d.in.WorkInput)
	})
	if err == nil {
		d.p.metrics.machinesAt(stageAccepted, d.due, len(p.accepted))
		d.p.metrics.machinesAt(stageSeen, d.due, p.ends.count(power.Done))
	}
	return err
}

// errFenced says that a newer run has taken the operation: stop, write nothing.
var errFenced = errors.New("a newer run has taken over")

// fenced runs fn in a transaction that holds the operation and has checked
// that this run still owns it.
func (d *drive) fenced(ctx context.Context, fn func(q *gen.Queries) error) error {
	return d.p.fenced(ctx, d.in.WorkInput, fn)
}

func (p *Power) fenced(ctx context.Context, in WorkInput, fn func(q *gen.Queries) error) error {
	err := p.accounts.tenants.InTenant(ctx, in.Org, func(q *gen.Queries) error {
		_, err := q.LockFencedOperation(ctx, gen.LockFencedOperationParams{OrgID: in.Org, ID: in.Subject, Lease: in.Lease})
		if db.IsNoRows(err) {
			return errFenced
		}
		if err != nil {
			return err
		}
		return fn(q)
	})
	if errors.Is(err, errFenced) {
		return temporal.NewNonRetryableApplicationError(errFenced.Error(), "Fenced", nil)
	}
	return err
}

// abandonBatch ends every open target of the batch in one way.
func (p *Power) abandonBatch(ctx context.Context, in DriveInput, state power.TargetState, reason, detail string) error {
	return p.fenced(ctx, in.WorkInput, func(q *gen.Queries) error {
		rows, err := q.OpenTargets(ctx, gen.OpenTargetsParams{
			OrgID: in.Org, OperationID: in.Subject, Lease: in.Lease, CloudAccountID: in.Account, Region: in.Region, Kind: in.Kind,
		})
		if err != nil {
			return err
		}
		var e ends
		for _, r := range rows {
			e.add(end{resource: r.ResourceID, state: state, reason: reason, detail: detail, before: r.ResourceState})
		}
		if err := e.write(ctx, q, in.WorkInput, time.Time{}); err != nil {
			return err
		}
		return progress(ctx, q, in.WorkInput)
	})
}

func providerReason(r cloud.Reason) string { return "PROVIDER_" + string(r) }

func detailOf(err error) string {
	var e *cloud.Error
	if !errors.As(err, &e) {
		return ""
	}
	if e.Code == "" {
		return e.Message
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

// pause waits, but not for longer than this worker lives: another one goes on.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-activity.GetWorkerStopChannel(ctx):
		return temporal.NewApplicationError("this worker is stopping", "WorkerStopping")
	}
}

// heartbeat tells Temporal every few seconds that the attempt lives, so that a
// dead worker's batch is given to another within seconds.
func heartbeat(ctx context.Context) (stop func()) {
	done := make(chan struct{})
	go func() {
		t := time.NewTicker(3 * time.Second)
		defer t.Stop()
		for {
			select {
			case <-done:
				return
			case <-ctx.Done():
				return
			case <-t.C:
				activity.RecordHeartbeat(ctx)
			}
		}
	}()
	return func() { close(done) }
}
