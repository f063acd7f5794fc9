package worker

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/cloudhub/cloudhub/activities"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/power"
)

// lookAtParked looks at rows that a platform admin has parked: it tells their
// tenants, fences a run that still works, and ends what may not happen any more.
// It delivers nothing.
func (d *Dispatcher) lookAtParked(ctx context.Context, lane agenda.Lane) error {
	var rows []gen.Agenda
	err := d.system.Tx(ctx, func(q *gen.Queries) (err error) { // repeats on a deadlock
		rows, err = q.LookAtParked(ctx, gen.LookAtParkedParams{Lane: int16(lane), RowLimit: startsAtOnce, LeaseSeconds: agenda.LeaseFor.Seconds()})
		return err
	})
	if err != nil {
		return err
	}
	var errs []error
	for _, row := range rows {
		errs = append(errs, d.lookAtOneParked(ctx, row))
	}
	return errors.Join(errs...)
}

func (d *Dispatcher) lookAtOneParked(ctx context.Context, row gen.Agenda) error {
	subject, err := uuid.Parse(row.Subject)
	if err != nil || row.OrgID == uuid.Nil { // nobody's: there is none to tell
		return d.system.Read().LookAgain(ctx, lookAgain(row, agenda.ParkedQuiet))
	}
	err = d.tenants.InTenant(ctx, row.OrgID, func(q *gen.Queries) error {
		p := parkedRow{q, row, subject}
		switch agenda.Kind(row.Kind) {
		case agenda.KindPower:
			return p.operation(ctx)
		case agenda.KindProbe:
			return p.draft(ctx)
		case agenda.KindSync, agenda.KindSyncClock:
			return p.account(ctx)
		case agenda.KindCalendar, agenda.KindCalendarClock:
			return p.calendar(ctx)
		case agenda.KindDestination:
			return p.destination(ctx)
		case agenda.KindTimetable:
			return p.timetable(ctx)
		default:
			return p.again(ctx, agenda.ParkedQuiet)
		}
	})
	if errors.Is(err, errDriven) {
		return nil
	}
	return err
}

// parkedRow is one transaction about a parked row. Its own lock comes last, and
// then it must still be parked: whoever drives it again undoes all of this.
type parkedRow struct {
	q       *gen.Queries
	row     gen.Agenda
	subject uuid.UUID
}

// errDriven rolls back what was written of a row that is driven again.
var errDriven = errors.New("driven again meanwhile")

func lookAgain(row gen.Agenda, wait time.Duration) gen.LookAgainParams {
	return gen.LookAgainParams{WaitSeconds: wait.Seconds(), OrgID: row.OrgID, Kind: row.Kind, Subject: row.Subject, Lease: row.Lease}
}

// destination fences a run that still sends. Its deliveries wait; people see when the
// last attempt was.
func (p parkedRow) destination(ctx context.Context) error {
	_, err := p.q.TakeDestination(ctx, gen.TakeDestinationParams{Lease: p.row.Lease, OrgID: p.row.OrgID, ID: p.subject})
	if err != nil && !db.IsNoRows(err) {
		return err
	}
	return p.again(ctx, agenda.ParkedQuiet)
}

func (p parkedRow) again(ctx context.Context, wait time.Duration) error {
	return p.q.LookAgain(ctx, lookAgain(p.row, wait))
}

// end takes the row off the agenda, with everything this transaction wrote.
func (p parkedRow) end(ctx context.Context) error {
	n, err := p.q.EndParked(ctx, gen.EndParkedParams{OrgID: p.row.OrgID, Kind: p.row.Kind, Subject: p.row.Subject, Lease: p.row.Lease})
	if err == nil && n == 0 {
		return errDriven
	}
	return err
}

// told says that the tenant has been told, and when to look next.
func (p parkedRow) told(ctx context.Context, wait time.Duration) error {
	_, err := p.q.LockParked(ctx, gen.LockParkedParams{OrgID: p.row.OrgID, Kind: p.row.Kind, Subject: p.row.Subject, Lease: p.row.Lease})
	if db.IsNoRows(err) {
		return errDriven
	}
	if err != nil {
		return err
	}
	return p.again(ctx, wait)
}

// operation says on the operation why it waits. Nothing of it may happen after
// its act_before: then it ends.
func (p parkedRow) operation(ctx context.Context) error {
	left, err := p.q.ParkOperation(ctx, gen.ParkOperationParams{
		Lease: p.row.Lease, Reason: string(power.ReasonParked), Detail: *p.row.ParkedReason, OrgID: p.row.OrgID, ID: p.subject,
	})
	switch {
	case db.IsNoRows(err):
		return p.endIfFinal(ctx)
	case err != nil:
		return err
	case left > 0:
		return p.told(ctx, min(time.Duration(left*float64(time.Second)), agenda.ParkedQuiet))
	}
	key := gen.CountTargetEndsParams{OrgID: p.row.OrgID, OperationID: p.subject}
	if err := p.q.AbandonResources(ctx, gen.AbandonResourcesParams(key)); err != nil {
		return err
	}
	err = p.q.ExpireTargets(ctx, gen.ExpireTargetsParams{
		Reason: string(power.ReasonExpiredParked), Detail: *p.row.ParkedReason, OrgID: p.row.OrgID, OperationID: p.subject,
	})
	if err != nil {
		return err
	}
	err = p.q.EndReadings(ctx, gen.EndReadingsParams{Reason: string(power.ReasonExpiredParked), Detail: *p.row.ParkedReason, OrgID: p.row.OrgID, OperationID: p.subject})
	if err != nil {
		return err
	}
	if _, err := p.q.CountOperation(ctx, gen.CountOperationParams{OrgID: p.row.OrgID, ID: p.subject}); err != nil {
		return err
	}
	ends, err := p.q.CountTargetEnds(ctx, key)
	if err != nil {
		return err
	}
	state := power.Outcome(power.Ends{Reached: int(ends.Reached), PassedBy: int(ends.PassedBy), Failed: int(ends.Failed), Missed: int(ends.Missed), Unread: int(ends.Unread)})
	_, err = p.q.EndOperation(ctx, gen.EndOperationParams{
		State: string(state), LastError: string(power.ReasonExpiredParked), LastErrorDetail: *p.row.ParkedReason, OrgID: p.row.OrgID, ID: p.subject, Lease: p.row.Lease,
	})
	if err != nil {
		return err
	}
	if err := tellOf(ctx, p.q, p.row.OrgID, p.subject); err != nil {
		return err
	}
	return p.end(ctx)
}

// tellOf tells how an operation ended that no activity ended.
func tellOf(ctx context.Context, q *gen.Queries, org, operation uuid.UUID) error {
	op, err := q.ActorOfOperation(ctx, gen.ActorOfOperationParams{OrgID: org, ID: operation})
	if err != nil {
		return err
	}
	return activities.TellOfOperation(ctx, q, org, op.WorkspaceID, operation, op.Origin == "person")
}

// endIfFinal ends the row of an operation that has ended, or is gone. One that a
// newer run has is being driven again.
func (p parkedRow) endIfFinal(ctx context.Context) error {
	end, err := p.q.OperationEnd(ctx, gen.OperationEndParams{OrgID: p.row.OrgID, ID: p.subject})
	if err != nil && !db.IsNoRows(err) {
		return err
	}
	if db.IsNoRows(err) || end.Ended {
		return p.end(ctx)
	}
	return nil
}

// draft ends the row of a trial that nobody waits for any more: the draft lives
// for ten minutes.
func (p parkedRow) draft(ctx context.Context) error {
	waits, err := p.q.DraftWaits(ctx, gen.DraftWaitsParams{OrgID: p.row.OrgID, ID: p.subject})
	if err != nil {
		return err
	}
	if !waits {
		return p.end(ctx)
	}
	return p.again(ctx, time.Minute)
}

// account says on the account why it is not read.
func (p parkedRow) account(ctx context.Context) error {
	n, err := p.q.ParkAccount(ctx, gen.ParkAccountParams{LastError: string(power.ReasonParked), OrgID: p.row.OrgID, ID: p.subject})
	if err != nil {
		return err
	}
	if n == 0 { // it has been removed
		return p.end(ctx)
	}
	return p.told(ctx, agenda.ParkedQuiet)
}

// timetable has whoever watches the schedules of the workspace read them anew:
// the server reads the reason off the agenda row.
func (p parkedRow) timetable(ctx context.Context) error {
	if err := p.q.TouchSchedules(ctx, gen.TouchSchedulesParams{OrgID: p.row.OrgID, WorkspaceID: p.subject}); err != nil {
		return err
	}
	return p.told(ctx, agenda.ParkedQuiet)
}
