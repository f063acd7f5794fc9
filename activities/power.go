package activities

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/notify"
	"github.com/cloudhub/cloudhub/internal/platform/crashpoint"
	"github.com/cloudhub/cloudhub/internal/power"
)

// Power changes the power of machines: takes an operation's targets, asks the
// provider until the wanted state is seen, records.
type Power struct {
	accounts accounts
	logger   *slog.Logger
	metrics  *Metrics
	poll     func(since time.Duration) time.Duration
	watchFor time.Duration
}

// NewPower makes the activities of the family power.
func NewPower(d Deps) *Power {
	poll := d.PollEvery
	if poll == nil {
		poll = power.PollEvery
	}
	watchFor := d.WatchFor
	if watchFor == 0 {
		watchFor = power.WatchFor
	}
	return &Power{accounts: accounts{d.Tenants, d.Opener, d.Clouds}, logger: d.Logger, metrics: d.Metrics, poll: poll, watchFor: watchFor}
}

// Batch is the targets of one operation in one account and region, of one kind: what one
// provider call can carry.
type Batch struct {
	Account uuid.UUID `json:"account"`
	Region  string    `json:"region"`
	Kind    string    `json:"kind,omitempty"`
}

// TakeResult says what there is to do.
type TakeResult struct {
	// Ended: the operation is final, or a newer run has it. Nothing to do.
	Ended   bool    `json:"ended"`
	Batches []Batch `json:"batches"`
	// Readings must be made first: the machines of a selector are looked for.
	// Batches is empty then.
	Readings []Reading `json:"readings,omitempty"`
}

// Reading is one account in which the machines of one schedule are looked for.
type Reading struct {
	Schedule uuid.UUID `json:"schedule"`
	Account  uuid.UUID `json:"account"`
}

// Take makes the operation this run's own and its targets this operation's: it
// leaves alone what must be left alone, with the reason, gives way to newer
// intents, and supersedes older ones. Taking again changes nothing.
func (p *Power) Take(ctx context.Context, in WorkInput) (TakeResult, error) {
	var out TakeResult
	err := p.accounts.tenants.InTenant(ctx, in.Org, func(q *gen.Queries) error {
		out = TakeResult{}
		op, err := q.TakeOperation(ctx, gen.TakeOperationParams{Lease: in.Lease, OrgID: in.Org, ID: in.Subject})
		if db.IsNoRows(err) {
			out.Ended = true
			return endIfFinal(ctx, q, in)
		}
		if err != nil {
			return err
		}
		readings, err := q.PendingReadings(ctx, gen.PendingReadingsParams{OrgID: in.Org, OperationID: in.Subject})
		if err != nil {
			return err
		}
		if len(readings) > 0 {
			for _, r := range readings {
				out.Readings = append(out.Readings, Reading{r.ScheduleID, r.CloudAccountID})
			}
			return note(ctx, q, in, false)
		}
		t := taking{q: q, in: in, op: op}
		if err := t.run(ctx); err != nil {
			return err
		}
		out.Batches = t.batches
		return nil
	})
	if err == nil && !out.Ended && len(out.Readings) == 0 {
		crashpoint.Reached(crashpoint.Taken, in.Subject)
	}
	return out, err
}

// endIfFinal takes the row of a final operation off the agenda. A fenced run
// leaves it to the newer one.
func endIfFinal(ctx context.Context, q *gen.Queries, in WorkInput) error {
	end, err := q.OperationEnd(ctx, gen.OperationEndParams{OrgID: in.Org, ID: in.Subject})
	if err != nil && !db.IsNoRows(err) {
		return err
	}
	if db.IsNoRows(err) || end.Ended {
		return q.DeleteAgenda(ctx, agendaKey(in, agenda.KindPower))
	}
	return nil
}

// taking is one transaction of Take.
type taking struct {
	q       *gen.Queries
	in      WorkInput
	op      gen.Operation
	batches []Batch
}

func (t *taking) run(ctx context.Context) error {
	// Twice: the first may have waited for the locks and then shows targets as
	// they were before the wait; whoever was waited for may have ended them.
	lock := gen.LockTargetResourcesParams{OrgID: t.in.Org, OperationID: t.in.Subject}
	if _, err := t.q.LockTargetResources(ctx, lock); err != nil {
		return err
	}
	rows, err := t.q.LockTargetResources(ctx, lock)
	if err != nil {
		return err
	}
	newer, err := t.newer(ctx)
	if err != nil {
		return err
	}
	ends, err := t.orphans(ctx)
	if err != nil {
		return err
	}
	taken := map[string][]uuid.UUID{} // by the state before
	var mine []uuid.UUID
	for _, r := range rows {
		if r.AcceptedAt == nil {
			if state, reason := passBy(r, newer[r.ResourceID], t.op.Origin); reason != "" {
				ends.add(end{resource: r.ResourceID, state: state, reason: string(reason), before: r.ResourceState})
				continue
			}
		}
		mine = append(mine, r.ResourceID)
		taken[r.ResourceState] = append(taken[r.ResourceState], r.ResourceID)
		t.addBatch(Batch{r.CloudAccountID, r.Region, r.Kind})
	}
	if err := ends.write(ctx, t.q, t.in, time.Time{}); err != nil {
		return err
	}
	return t.take(ctx, mine, taken)
}

// passBy says how a target ends without the provider being asked, or "".
func passBy(r gen.LockTargetResourcesRow, newerIntent bool, origin string) (power.TargetState, power.Reason) {
	if newerIntent {
		return power.Superseded, power.ReasonSuperseded
	}
	reason := power.Untouchable(power.Facts{
		Protected: r.Protected, ObserveOnly: r.ObserveOnly, LeftAlone: power.Reason(r.LeftAlone),
		Paused: r.Paused, Held: r.Held, Automatic: origin != originPerson,
	})
	return power.LeftAlone, reason
}

const originPerson = "person"

func (t *taking) newer(ctx context.Context) (map[uuid.UUID]bool, error) {
	ids, err := t.q.NewerIntents(ctx, gen.NewerIntentsParams{OrgID: t.in.Org, OperationID: t.in.Subject})
	out := make(map[uuid.UUID]bool, len(ids))
	for _, id := range ids {
		out[id] = true
	}
	return out, err
}

func (t *taking) orphans(ctx context.Context) (*ends, error) {
	ids, err := t.q.OrphanTargets(ctx, gen.OrphanTargetsParams{OrgID: t.in.Org, OperationID: t.in.Subject})
	out := &ends{}
	for _, id := range ids {
		out.add(end{resource: id, state: power.LeftAlone, reason: string(power.ReasonAccountRemoved)})
	}
	return out, err
}

func (t *taking) addBatch(b Batch) {
	for _, have := range t.batches {
		if have == b {
			return
		}
	}
	t.batches = append(t.batches, b)
}

func (t *taking) take(ctx context.Context, mine []uuid.UUID, before map[string][]uuid.UUID) error {
	if len(mine) > 0 {
		if err := t.q.TakeResources(ctx, gen.TakeResourcesParams{OperationID: t.in.Subject, OrgID: t.in.Org, Ids: mine}); err != nil {
			return err
		}
		// The others count themselves when they record: their rows come before
		// resources in the order of locks.
		if err := t.q.Unfollow(ctx, gen.UnfollowParams{OrgID: t.in.Org, ResourceIds: mine}); err != nil {
			return err
		}
		if _, err := t.q.SupersedeOthers(ctx, gen.SupersedeOthersParams{OrgID: t.in.Org, ResourceIds: mine, OperationID: t.in.Subject}); err != nil {
			return err
		}
	}
	for state, ids := range before {
		if err := t.q.MarkTaken(ctx, gen.MarkTakenParams{BeforeState: state, OrgID: t.in.Org, OperationID: t.in.Subject, ResourceIds: ids}); err != nil {
			return err
		}
	}
	if err := t.q.SetStep(ctx, gen.SetStepParams{Step: "acting", OrgID: t.in.Org, ID: t.in.Subject, Lease: t.in.Lease}); err != nil {
		return err
	}
	return note(ctx, t.q, t.in, false) // taken is not moved: see PushLook
}

// progress counts the operation, keeps the dispatcher from asking after it, and
// ends its back-off.
func progress(ctx context.Context, q *gen.Queries, in WorkInput) error { return note(ctx, q, in, true) }

func note(ctx context.Context, q *gen.Queries, in WorkInput, moved bool) error {
	watching, err := q.CountOperation(ctx, gen.CountOperationParams{OrgID: in.Org, ID: in.Subject})
	if err != nil {
		return err
	}
	return q.PushLook(ctx, gen.PushLookParams{
		WaitSeconds: agenda.QuietAfter.Seconds(), Moved: moved, Watching: watching, OrgID: in.Org, Kind: string(agenda.KindPower), Subject: in.Subject.String(),
	})
}

// RecordResult says whether the story has ended.
type RecordResult struct {
	Ended bool `json:"ended"`
}

// Record ends the operation when all its targets are final, and takes it off
// the agenda in the same transaction.
func (p *Power) Record(ctx context.Context, in WorkInput) (RecordResult, error) {
	var out RecordResult
	var ended func()
	err := p.accounts.tenants.InTenant(ctx, in.Org, func(q *gen.Queries) error {
		out, ended = RecordResult{}, nil
		op, err := q.LockFencedOperation(ctx, gen.LockFencedOperationParams{OrgID: in.Org, ID: in.Subject, Lease: in.Lease})
		if db.IsNoRows(err) {
			out.Ended = true
			return endIfFinal(ctx, q, in)
		}
		if err != nil {
			return err
		}
		counts, err := q.CountTargetEnds(ctx, gen.CountTargetEndsParams{OrgID: in.Org, OperationID: in.Subject})
		if err != nil || counts.Open > 0 || counts.Reading > 0 {
			return err
		}
		if err := progress(ctx, q, in); err != nil {
			return err
		}
		state := power.Outcome(power.Ends{Reached: int(counts.Reached), PassedBy: int(counts.PassedBy), Failed: int(counts.Failed), Missed: int(counts.Missed), Unread: int(counts.Unread)})
		ended = func() { p.ended(ctx, op, state, counts) }
		if _, err := q.EndOperation(ctx, gen.EndOperationParams{State: string(state), OrgID: in.Org, ID: in.Subject, Lease: in.Lease}); err != nil {
			return err
		}
		if err := TellOfOperation(ctx, q, in.Org, op.WorkspaceID, in.Subject, op.Origin == originPerson); err != nil {
			return err
		}
		if op.Origin != originPerson {
			if err := q.Follow(ctx, gen.FollowParams{ForSeconds: notify.FollowFor.Seconds(), OrgID: in.Org, OperationID: in.Subject}); err != nil {
				return err
			}
		}
		out.Ended = true
		// Nobody asks for a final operation again: unconditionally.
		return q.DeleteAgenda(ctx, agendaKey(in, agenda.KindPower))
	})
	if err == nil && out.Ended {
		crashpoint.Reached(crashpoint.Gone, in.Subject)
	}
	if err == nil && ended != nil {
		ended()
	}
	return out, err
}

// ended tells that an operation has come to its end, once it is committed.
func (p *Power) ended(ctx context.Context, op gen.LockFencedOperationRow, state power.OperationState, n gen.CountTargetEndsRow) {
	p.metrics.operationEnded(op.Origin, string(state), n)
	p.logger.InfoContext(ctx, "operation ended", "org_id", op.OrgID, "workspace_id", op.WorkspaceID, "operation_id", op.ID, "origin", op.Origin,
		"state", state, "targets", n.Total, "failed", n.Failed, "missed", n.Missed, "passed_by", n.PassedBy, "duration_ms", time.Since(op.CreatedAt).Milliseconds())
}
