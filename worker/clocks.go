package worker

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/platform/crashpoint"
	"github.com/cloudhub/cloudhub/internal/platform/telemetry"
	"github.com/cloudhub/cloudhub/internal/power"
	"github.com/cloudhub/cloudhub/internal/schedule"
)

// clocksAtOnce is how many clock rows one transaction expands.
const clocksAtOnce = 500

// expandClocks expands what is due in this lane. full says that there may be more.
func (d *Dispatcher) expandClocks(ctx context.Context, lane agenda.Lane) (full bool, err error) {
	switch lane {
	case agenda.LaneMinute:
		n, err := d.expand(ctx, agenda.KindTimetable, d.expandTimetables)
		return n == clocksAtOnce, err
	case agenda.LaneBackground:
		syncs, err := d.expand(ctx, agenda.KindSyncClock, expandSyncClocks)
		if err != nil {
			return false, err
		}
		calendars, err := d.expand(ctx, agenda.KindCalendarClock, expandCalendarClocks)
		if err != nil {
			return false, err
		}
		kept, err := d.expand(ctx, agenda.KindHousekeeping, d.keepHouse)
		return syncs == clocksAtOnce || calendars == clocksAtOnce || kept == clocksAtOnce, err
	default:
		return false, nil
	}
}

type expander func(ctx context.Context, q *gen.Queries, rows []gen.Agenda) error

// expand runs one set-based transaction. When it fails, the rows are tried one
// by one, and the bad one waits with its error: one bad workspace must not
// fail five hundred. It answers how many rows it has dealt with.
func (d *Dispatcher) expand(ctx context.Context, kind agenda.Kind, fn expander) (n int, err error) {
	var rows []gen.Agenda
	err = d.system.Tx(ctx, func(q *gen.Queries) (err error) {
		rows, err = q.LockDueClocks(ctx, gen.LockDueClocksParams{Kind: string(kind), Lane: int16(agenda.LaneOf(kind)), RowLimit: clocksAtOnce})
		if err != nil || len(rows) == 0 {
			return err
		}
		return d.expanding(ctx, kind, rows, func(ctx context.Context) error { return fn(ctx, q, rows) })
	})
	if err == nil {
		for _, r := range rows {
			crashpoint.Reached(crashpoint.Expanded, r.Subject)
		}
		d.metrics.clocks.WithLabelValues(string(kind)).Add(float64(len(rows)))
		return len(rows), nil
	}
	if ctx.Err() != nil || len(rows) == 0 {
		return 0, err
	}
	d.logger.WarnContext(ctx, "a batch of clocks failed, trying one by one", "kind", kind, "rows", len(rows), "error", err)
	for _, row := range rows {
		if err := d.expandOne(ctx, row, fn); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

func (d *Dispatcher) expandOne(ctx context.Context, row gen.Agenda, fn expander) error {
	cause := d.system.Tx(ctx, func(q *gen.Queries) error {
		locked, err := q.LockClock(ctx, gen.LockClockParams{OrgID: row.OrgID, Kind: row.Kind, Subject: row.Subject})
		if err != nil {
			return err
		}
		return d.expanding(ctx, agenda.Kind(row.Kind), []gen.Agenda{locked}, func(ctx context.Context) error { return fn(ctx, q, []gen.Agenda{locked}) })
	})
	if cause == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	d.metrics.clockErrors.WithLabelValues(row.Kind).Inc()
	d.logger.ErrorContext(ctx, "a clock cannot be expanded", "org_id", row.OrgID, "kind", row.Kind, "subject", row.Subject, "error", cause)
	return d.system.Read().NoteClockFailure(ctx, gen.NoteClockFailureParams{
		LastError: cause.Error(), WaitSeconds: 10, OrgID: row.OrgID, Kind: row.Kind, Subject: row.Subject,
	})
}

// expandSyncClocks asks for the regular reading of accounts.
func expandSyncClocks(ctx context.Context, q *gen.Queries, rows []gen.Agenda) error {
	now, err := q.SystemTime(ctx)
	if err != nil {
		return err
	}
	ask := gen.AskManyParams{Kind: string(agenda.KindSync), Lane: int16(agenda.LaneBackground)}
	move := gen.MoveClocksParams{Kind: string(agenda.KindSyncClock)}
	stamp := gen.StampNextSyncParams{}
	for _, r := range rows {
		id, err := uuid.Parse(r.Subject)
		if err != nil {
			return fmt.Errorf("subject %q is not an id", r.Subject)
		}
		next := agenda.NextSync(id, now)
		ask.OrgIds, ask.Subjects, ask.DueAts = append(ask.OrgIds, r.OrgID), append(ask.Subjects, r.Subject), append(ask.DueAts, r.DueAt)
		ask.AccountIds = append(ask.AccountIds, id)
		ask.Traces = append(ask.Traces, dueTrace(ctx, "due sync", r.DueAt, telemetry.OrgID, r.OrgID.String(), "account_id", r.Subject))
		move.OrgIds, move.Subjects, move.Nexts = append(move.OrgIds, r.OrgID), append(move.Subjects, r.Subject), append(move.Nexts, next)
		stamp.OrgIds, stamp.Ids, stamp.NextAts = append(stamp.OrgIds, r.OrgID), append(stamp.Ids, id), append(stamp.NextAts, next)
	}
	if err := q.AskMany(ctx, ask); err != nil {
		return err
	}
	if err := q.StampNextSync(ctx, stamp); err != nil {
		return err
	}
	return q.MoveClocks(ctx, move)
}

// expandTimetables claims what is due in the timetables of many workspaces: it
// writes the operations with their targets, asks for them, and moves schedules
// and clocks to their next time.
func (d *Dispatcher) expandTimetables(ctx context.Context, q *gen.Queries, rows []gen.Agenda) error {
	claimed, err := d.claim(ctx, q, rows, false)
	if err != nil {
		return err
	}
	d.metrics.claimed(claimed)
	if claimed.missed > 0 {
		d.logger.WarnContext(ctx, "runs were missed while the system was down", "runs", claimed.missed)
	}
	return nil
}

// claim claims what is due; with allMissed nothing of it is done, however short
// the time since.
func (d *Dispatcher) claim(ctx context.Context, q *gen.Queries, rows []gen.Agenda, allMissed bool) (out claimed, err error) {
	now, err := q.SystemTime(ctx)
	if err != nil {
		return out, err
	}
	var orgs, workspaces []uuid.UUID
	for _, r := range rows {
		id, err := uuid.Parse(r.Subject)
		if err != nil {
			return out, fmt.Errorf("subject %q is not an id", r.Subject)
		}
		orgs, workspaces = append(orgs, r.OrgID), append(workspaces, id)
	}
	due, err := q.DueSchedules(ctx, gen.DueSchedulesParams{OrgIds: orgs, WorkspaceIds: workspaces, At: &now})
	if err != nil {
		return out, err
	}
	b := claimBuilder{now: now, allMissed: allMissed, minutes: map[minuteKey][]schedule.Claim{}}
	beside, err := readBeside(ctx, q, due, now)
	if err != nil {
		return out, err
	}
	for _, s := range due {
		if err := b.add(s, beside); err != nil {
			return out, err
		}
	}
	if err := b.write(ctx, q); err != nil {
		return out, err
	}
	return b.claimed, moveTimetables(ctx, q, orgs, workspaces)
}

// moveTimetables sets each workspace's clock to the earliest next time of its
// schedules; a workspace without any has no clock.
func moveTimetables(ctx context.Context, q *gen.Queries, orgs, workspaces []uuid.UUID) error {
	nexts, err := q.NextOfWorkspaces(ctx, gen.NextOfWorkspacesParams{OrgIds: orgs, WorkspaceIds: workspaces})
	if err != nil {
		return err
	}
	move := gen.MoveClocksParams{Kind: string(agenda.KindTimetable)}
	has := map[uuid.UUID]bool{}
	for _, n := range nexts {
		has[n.WorkspaceID] = true
		move.OrgIds = append(move.OrgIds, n.OrgID)
		move.Subjects = append(move.Subjects, n.WorkspaceID.String())
		move.Nexts = append(move.Nexts, n.NextAt)
	}
	if err := q.MoveClocks(ctx, move); err != nil {
		return err
	}
	for i, ws := range workspaces {
		if has[ws] {
			continue
		}
		if err := q.DeleteClock(ctx, gen.DeleteClockParams{OrgID: orgs[i], Kind: string(agenda.KindTimetable), Subject: ws.String()}); err != nil {
			return err
		}
	}
	return nil
}

type minuteKey struct {
	org, workspace uuid.UUID
	at             time.Time
}

// claimBuilder turns due schedules into the rows of one transaction.
type claimBuilder struct {
	now     time.Time
	keys    []minuteKey
	minutes map[minuteKey][]schedule.Claim
	advance gen.AdvanceSchedulesParams
	orgIDs  []uuid.UUID // of the schedules of chosen machines, for their targets
	ids     []uuid.UUID
	// selecting are the workspaces with a schedule that looks for its machines.
	selectingOrgs, selecting []uuid.UUID
	claimed                  claimed
	// allMissed: nothing of it is done, however short the time since.
	allMissed bool
}

func (b *claimBuilder) add(s gen.Schedule, beside beside) error {
	if s.NextAt == nil || s.NextWanted == nil {
		return nil
	}
	d, err := dueOf(s, beside)
	if err != nil {
		return fmt.Errorf("schedule %s: %w", s.ID, err)
	}
	claims, next, ok, err := schedule.ClaimDue(d, b.now)
	if err != nil {
		return fmt.Errorf("schedule %s: %w", s.ID, err)
	}
	for _, c := range claims {
		c.Missed = c.Missed || b.allMissed && c.Exception == nil
		k := minuteKey{s.OrgID, s.WorkspaceID, c.At.UTC()}
		if _, ok := b.minutes[k]; !ok {
			b.keys = append(b.keys, k)
		}
		b.minutes[k] = append(b.minutes[k], c)
	}
	if d.Selector != nil {
		b.selectingOrgs, b.selecting = append(b.selectingOrgs, s.OrgID), append(b.selecting, s.WorkspaceID)
	} else {
		b.orgIDs, b.ids = append(b.orgIDs, s.OrgID), append(b.ids, s.ID)
	}
	b.advance.OrgIds = append(b.advance.OrgIds, s.OrgID)
	b.advance.Ids = append(b.advance.Ids, s.ID)
	b.advance.NextAts = append(b.advance.NextAts, next.At)
	if !ok {
		next.Wanted = ""
	}
	b.advance.NextWanteds = append(b.advance.NextWanteds, string(next.Wanted))
	return nil
}

func (b *claimBuilder) write(ctx context.Context, q *gen.Queries) error {
	if len(b.advance.Ids) == 0 {
		return nil
	}
	var targets []gen.TargetsOfSchedulesRow
	var accounts []gen.AccountsOfWorkspacesRow
	var err error
	if len(b.ids) > 0 {
		if targets, err = q.TargetsOfSchedules(ctx, gen.TargetsOfSchedulesParams{OrgIds: b.orgIDs, Ids: b.ids}); err != nil {
			return err
		}
	}
	if len(b.selecting) > 0 {
		if accounts, err = q.AccountsOfWorkspaces(ctx, gen.AccountsOfWorkspacesParams{OrgIds: b.selectingOrgs, WorkspaceIds: b.selecting}); err != nil {
			return err
		}
	}
	ops := b.operations(targets, accounts)
	if err := ops.write(ctx, q); err != nil {
		return err
	}
	b.claimed = ops.claimed(b.now)
	b.advance.Tzdata = schedule.ZoneData()
	return q.AdvanceSchedules(ctx, b.advance)
}

func (b *claimBuilder) operations(rows []gen.TargetsOfSchedulesRow, accounts []gen.AccountsOfWorkspacesRow) *claimedOperations {
	bySchedule := map[uuid.UUID][]uuid.UUID{}
	resources := map[uuid.UUID]gen.TargetsOfSchedulesRow{}
	for _, r := range rows {
		bySchedule[r.ScheduleID] = append(bySchedule[r.ScheduleID], r.ResourceID)
		resources[r.ResourceID] = r
	}
	byWorkspace := map[uuid.UUID][]gen.AccountsOfWorkspacesRow{}
	for _, a := range accounts {
		byWorkspace[a.WorkspaceID] = append(byWorkspace[a.WorkspaceID], a)
	}
	ops := &claimedOperations{}
	for _, k := range b.keys {
		claims := b.minutes[k]
		ops.add(claimedOperation{
			key: k, id: uuid.Must(uuid.NewV7()), claims: claims, resources: resources,
			orders: schedule.Orders(claims, bySchedule), readings: readingsOf(claims, byWorkspace[k.workspace]),
		})
	}
	return ops
}

// readingsOf are the accounts in which the machines of selectors are looked for.
func readingsOf(claims []schedule.Claim, accounts []gen.AccountsOfWorkspacesRow) (out []claimedReading) {
	for _, c := range claims {
		if c.Selector == nil || !c.Acts() {
			continue
		}
		for _, a := range accounts {
			if c.Selector.Reads(a.ID) {
				out = append(out, claimedReading{c, a.ID, a.Name})
			}
		}
	}
	return out
}

// reasonOf says how a target begins: pending, unless its windows have passed or
// another schedule of the minute wants the opposite.
func reasonOf(o schedule.Order) (state power.TargetState, reason power.Reason) {
	switch {
	case o.Missed:
		return power.Missed, power.ReasonTooLate
	case o.Conflict:
		return power.LeftAlone, power.ReasonConflicting
	default:
		return power.Pending, ""
	}
}
