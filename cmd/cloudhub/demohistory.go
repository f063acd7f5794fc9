package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/notify"
	"github.com/cloudhub/cloudhub/internal/schedule"
	"github.com/cloudhub/cloudhub/internal/timetable"
)

// historyDays is how far back the demonstration's schedules have run.
const historyDays = 10

// How long ago, at least, what is held and what is paused in the demonstration
// were: some minutes after a run that left the machines as the estate has them.
const (
	heldFor   = 26 * time.Hour
	pausedFor = 4 * 24 * time.Hour
)

// history writes the runs that the demonstration's schedules would have had, so
// that a newcomer sees a lived-in workspace. It writes as the owner: no part of
// the product can make a run that did not happen.
type history struct {
	tx       pgx.Tx
	org, ws  uuid.UUID
	now      time.Time
	machines []pastMachine
	accounts []pastAccount
}

type pastMachine struct {
	id, account  uuid.UUID
	name, region string
	tags         map[string]string
}

type pastAccount struct {
	id   uuid.UUID
	name string
}

// pastSchedule is a schedule with what it had to do with.
type pastSchedule struct {
	id       uuid.UUID
	name     string
	rule     schedule.Rule
	selector *schedule.Selector
	paused   bool
	hold     string
	targets  []uuid.UUID
}

func (d *dev) writeHistory(ctx context.Context, org, ws string) error {
	h := history{now: time.Now()}
	var err error
	if h.org, err = uuid.Parse(org); err != nil {
		return err
	}
	if h.ws, err = uuid.Parse(ws); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, d.urls.Owner)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		h.tx = tx
		return h.write(ctx)
	})
}

func (h *history) write(ctx context.Context) error {
	if err := h.readEstate(ctx); err != nil {
		return err
	}
	list, err := h.schedules(ctx)
	if err != nil {
		return err
	}
	for n, s := range list {
		if err := h.writeSchedule(ctx, n, s); err != nil {
			return fmt.Errorf("history of %s: %w", s.name, err)
		}
	}
	return nil
}

func (h *history) readEstate(ctx context.Context) error {
	rows, err := h.tx.Query(ctx, "SELECT id, cloud_account_id, name, region, tags FROM resources WHERE org_id = $1 AND workspace_id = $2 ORDER BY id", h.org, h.ws)
	if err != nil {
		return err
	}
	h.machines, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (m pastMachine, err error) {
		err = r.Scan(&m.id, &m.account, &m.name, &m.region, &m.tags)
		return m, err
	})
	if err != nil {
		return err
	}
	rows, err = h.tx.Query(ctx, "SELECT id, name FROM cloud_accounts WHERE org_id = $1 AND workspace_id = $2 ORDER BY id", h.org, h.ws)
	if err != nil {
		return err
	}
	h.accounts, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (a pastAccount, err error) {
		err = r.Scan(&a.id, &a.name)
		return a, err
	})
	return err
}

func (h *history) schedules(ctx context.Context) ([]pastSchedule, error) {
	rows, err := h.tx.Query(ctx, `
		SELECT s.id, s.name, s.rule, s.selector, s.paused_at IS NOT NULL, coalesce((SELECT o.reason FROM holds o WHERE o.org_id = s.org_id AND o.schedule_id = s.id), ''),
		  coalesce((SELECT array_agg(t.resource_id ORDER BY t.resource_id) FROM schedule_targets t WHERE t.org_id = s.org_id AND t.schedule_id = s.id), '{}')
		FROM schedules s WHERE s.org_id = $1 AND s.workspace_id = $2 ORDER BY s.id`, h.org, h.ws)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (s pastSchedule, err error) {
		if err = r.Scan(&s.id, &s.name, &s.rule, &s.selector, &s.paused, &s.hold, &s.targets); err != nil || s.selector == nil {
			return s, err
		}
		for _, m := range h.machines {
			if s.selector.Reads(m.account) && s.selector.Matches(m.name, m.region, m.tags) {
				s.targets = append(s.targets, m.id)
			}
		}
		return s, nil
	})
}

func (h *history) writeSchedule(ctx context.Context, n int, s pastSchedule) error {
	runs, err := h.pastRuns(ctx, s.rule)
	if err != nil {
		return err
	}
	paused := after(runs, schedule.Stopped, h.now.Add(-pausedFor))
	held := after(runs, schedule.Running, h.now.Add(-heldFor))
	for i, run := range runs {
		switch {
		case s.paused && run.At.After(paused):
			continue // what falls due while it is paused is not recorded
		case s.hold != "" && run.At.After(held):
			err = h.writeHeld(ctx, s, run)
		default:
			// One run in a dozen had a machine that did not follow.
			err = h.writeRun(ctx, s, run, (n+i)%12 == 11)
		}
		if err != nil {
			return err
		}
	}
	return h.date(ctx, n, s, paused, held)
}

// after is a while after the last run before a moment that brought machines into a
// state; the moment itself when there was none.
func after(runs []schedule.Run, wanted schedule.Wanted, moment time.Time) time.Time {
	for _, r := range slices.Backward(runs) {
		if r.Wanted == wanted && r.At.Before(moment) {
			return r.At.Add(23 * time.Minute)
		}
	}
	return moment
}

// date says that the schedule, its pause and its hold are as old as their history.
func (h *history) date(ctx context.Context, n int, s pastSchedule, paused, held time.Time) error {
	_, err := h.tx.Exec(ctx, `UPDATE schedules SET created_at = now() - make_interval(days => $2),
		paused_at = CASE WHEN paused_at IS NULL THEN NULL ELSE $3::timestamptz END WHERE id = $1`, s.id, historyDays+30+7*n, paused)
	if err != nil {
		return err
	}
	_, err = h.tx.Exec(ctx, "UPDATE holds SET created_at = $2 WHERE schedule_id = $1", s.id, held)
	return err
}

// pastRuns are the rule's runs of the days before, without its holidays.
func (h *history) pastRuns(ctx context.Context, rule schedule.Rule) ([]schedule.Run, error) {
	from := h.now.AddDate(0, 0, -historyDays)
	holidays, err := timetable.Holidays(ctx, gen.New(h.tx), h.org, rule.Calendars, from)
	if err != nil {
		return nil, err
	}
	all, err := rule.Upcoming(from, 2*historyDays+2, holidays)
	return slices.DeleteFunc(all, func(r schedule.Run) bool { return !r.At.Before(h.now.Add(-time.Hour)) }), err
}

// operation writes one ended operation of one schedule; nil when another schedule
// has that minute. Two of one minute are one operation in the product; here the
// second is left out.
func (h *history) operation(ctx context.Context, run schedule.Run, state string, n, failed int) (*uuid.UUID, error) {
	op, err := uuid.NewV7()
	if err != nil {
		return nil, err
	}
	on := 0
	if run.Wanted == schedule.Running {
		on = n
	}
	tag, err := h.tx.Exec(ctx, `
		INSERT INTO operations (org_id, workspace_id, id, origin, state, step, due_at, act_before, attempts, target_count, done_count, failed_count,
		  on_count, off_count, created_at, started_at, ended_at)
		VALUES ($1, $2, $3, 'timetable', $4, 'done', $5, $5::timestamptz + interval '10 minutes', 1, $6::int, $6::int, $7, $8::int, $6::int - $8::int,
		  $5, $5::timestamptz + interval '300 milliseconds', $5::timestamptz + interval '48 seconds')
		ON CONFLICT DO NOTHING`, h.org, h.ws, op, state, run.At, n, failed, on)
	if err != nil || tag.RowsAffected() == 0 {
		return nil, err
	}
	return &op, nil
}

func (h *history) ofSchedule(ctx context.Context, op uuid.UUID, s pastSchedule, run schedule.Run, exception, text *string) error {
	_, err := h.tx.Exec(ctx, `
		INSERT INTO operation_schedules (org_id, workspace_id, operation_id, schedule_id, revision, name, wanted, due_at, exception, exception_text)
		VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $8, $9)`, h.org, h.ws, op, s.id, s.name, string(run.Wanted), run.At, exception, text)
	return err
}

// writeHeld writes a run that a hold left out.
func (h *history) writeHeld(ctx context.Context, s pastSchedule, run schedule.Run) error {
	op, err := h.operation(ctx, run, "skipped", 0, 0)
	if err != nil || op == nil {
		return err
	}
	held := "ON_HOLD"
	return h.ofSchedule(ctx, *op, s, run, &held, &s.hold)
}

func (h *history) writeRun(ctx context.Context, s pastSchedule, run schedule.Run, oneFailed bool) error {
	state, failed := "succeeded", 0
	if oneFailed {
		state, failed = "partial", 1
	}
	op, err := h.operation(ctx, run, state, len(s.targets), failed)
	if err != nil || op == nil {
		return err
	}
	if err := h.ofSchedule(ctx, *op, s, run, nil, nil); err != nil {
		return err
	}
	if err := h.writeTargets(ctx, *op, s, run, oneFailed); err != nil {
		return err
	}
	if s.selector != nil {
		if err := h.writeReadings(ctx, *op, s, run); err != nil {
			return err
		}
	}
	if !oneFailed {
		return nil
	}
	return h.tell(ctx, *op, s, run)
}

func (h *history) writeTargets(ctx context.Context, op uuid.UUID, s pastSchedule, run schedule.Run, oneFailed bool) error {
	other := schedule.Stopped
	if run.Wanted == schedule.Stopped {
		other = schedule.Running
	}
	_, err := h.tx.Exec(ctx, `
		INSERT INTO operation_targets (org_id, workspace_id, operation_id, resource_id, resource_name, provider_id, cloud_account_id, region, schedule_id,
		  wanted, state, reason, before_state, after_state, attempts, accepted_at, ended_at, asked_at)
		SELECT r.org_id, r.workspace_id, $3, r.id, r.name, r.provider_id, r.cloud_account_id, r.region, $4, $5,
		  CASE WHEN bad THEN 'failed' ELSE 'done' END, CASE WHEN bad THEN 'NOT_SEEN' END, $6, CASE WHEN bad THEN $6 ELSE $5 END, 1,
		  $7::timestamptz + interval '900 milliseconds', $7::timestamptz + make_interval(secs => 20 + 3 * (n % 9)), $7
		FROM (SELECT r.*, row_number() OVER (ORDER BY r.id) AS n, $8 AND row_number() OVER (ORDER BY r.id) = 1 AS bad
		      FROM resources r WHERE r.org_id = $1 AND r.workspace_id = $2 AND r.id = ANY($9::uuid[])) AS r`,
		h.org, h.ws, op, s.id, string(run.Wanted), string(other), run.At, oneFailed, s.targets)
	return err
}

// writeReadings says where the machines of a selector were looked for.
func (h *history) writeReadings(ctx context.Context, op uuid.UUID, s pastSchedule, run schedule.Run) error {
	raw, err := json.Marshal(s.selector)
	if err != nil {
		return err
	}
	for _, a := range h.accounts {
		n := 0
		for _, m := range h.machines {
			if m.account == a.id && slices.Contains(s.targets, m.id) {
				n++
			}
		}
		if _, err := h.tx.Exec(ctx, `
			INSERT INTO operation_readings (org_id, workspace_id, operation_id, schedule_id, cloud_account_id, cloud_account_name, selector, wanted, act_before, found_count, ended_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::timestamptz + interval '10 minutes', $10, $9::timestamptz + interval '800 milliseconds')`,
			h.org, h.ws, op, s.id, a.id, a.name, raw, string(run.Wanted), run.At, n); err != nil {
			return err
		}
	}
	return nil
}

// tell writes the notification that a run with a failure has left.
func (h *history) tell(ctx context.Context, op uuid.UUID, s pastSchedule, run schedule.Run) error {
	var b notify.Batch
	b.Run(h.org, h.ws, notify.Run{
		OperationID: op, ScheduleID: s.id, ScheduleName: s.name, DueTime: run.At, Wanted: string(run.Wanted),
		TargetCount: len(s.targets), DoneCount: len(s.targets) - 1, FailedCount: 1,
	})
	for _, n := range b.Notifications {
		id, err := uuid.NewV7()
		if err != nil {
			return err
		}
		raw, err := json.Marshal(n.Data)
		if err != nil {
			return err
		}
		if _, err := h.tx.Exec(ctx, `INSERT INTO notifications (org_id, workspace_id, id, kind, severity, data, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7::timestamptz + interval '48 seconds')`, h.org, h.ws, id, string(n.Kind), string(n.Severity), raw, run.At); err != nil {
			return err
		}
	}
	return nil
}
