// Package timetable keeps the stored next times of schedules in step with what
// their rules depend on, in the transaction of whoever changes that: a handler of
// the server, or an activity. The rules themselves are internal/schedule's; what
// is due is the dispatcher's.
package timetable

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/schedule"
)

// Recompute computes the next times of the schedules that keep to a calendar
// whose days this transaction has changed. A minute that is due already stays as
// it is and is claimed; what was claimed is not altered.
//
// It locks, in this order: the organization (the caller may have), the clocks of
// the workspaces, the schedules. So no minute is claimed by the old days after
// this transaction, and none twice.
func Recompute(ctx context.Context, q *gen.Queries, org, calendar uuid.UUID) error {
	if _, err := q.LockOrganization(ctx, org); err != nil {
		return err
	}
	workspaces, err := q.WorkspacesOfCalendar(ctx, gen.WorkspacesOfCalendarParams{OrgID: org, CalendarID: calendar})
	if err != nil || len(workspaces) == 0 {
		return err
	}
	for _, ws := range workspaces {
		if _, err := q.LockAgenda(ctx, gen.LockAgendaParams(clockOf(org, ws))); err != nil && !db.IsNoRows(err) {
			return err
		}
	}
	now, err := q.DatabaseTime(ctx)
	if err != nil {
		return err
	}
	rows, err := q.LockSchedulesOfCalendar(ctx, gen.LockSchedulesOfCalendarParams{OrgID: org, CalendarID: calendar})
	if err != nil {
		return err
	}
	if err := retime(ctx, q, org, now, rows); err != nil {
		return err
	}
	for _, ws := range workspaces {
		if err := setClock(ctx, q, org, ws); err != nil {
			return err
		}
	}
	return nil
}

func retime(ctx context.Context, q *gen.Queries, org uuid.UUID, now time.Time, rows []gen.LockSchedulesOfCalendarRow) error {
	rules := make([]schedule.Rule, len(rows))
	var calendars []string
	for i, r := range rows {
		if err := json.Unmarshal(r.Rule, &rules[i]); err != nil {
			return fmt.Errorf("schedule %s: rule: %w", r.ID, err)
		}
		calendars = append(calendars, rules[i].Calendars...)
	}
	holidays, err := Holidays(ctx, q, org, calendars, now)
	if err != nil {
		return err
	}
	p := gen.RetimeSchedulesParams{OrgID: org, Tzdata: schedule.ZoneData()}
	for i, r := range rows {
		next, ok, err := next(rules[i], r, now, holidays)
		if err != nil {
			return fmt.Errorf("schedule %s: %w", r.ID, err)
		}
		if !ok {
			next = schedule.Run{At: now} // its wanted state is empty: no next time
		}
		p.Ids, p.NextAts, p.Wanteds = append(p.Ids, r.ID), append(p.NextAts, next.At), append(p.Wanteds, string(next.Wanted))
	}
	return q.RetimeSchedules(ctx, p)
}

// next is the run after now by the rule, or the one that is stored where the
// change comes too late for it: it is due, or it is the stop of a pair that has
// begun, which must not stay on because its day has become a holiday since.
func next(rule schedule.Rule, r gen.LockSchedulesOfCalendarRow, now time.Time, h schedule.Holidays) (schedule.Run, bool, error) {
	if r.NextAt == nil || r.NextWanted == nil {
		return rule.Next(now, h)
	}
	stored := schedule.Run{At: *r.NextAt, Wanted: schedule.Wanted(*r.NextWanted)}
	if !stored.At.After(now) {
		return stored, true, nil
	}
	if stored.Wanted == schedule.Stopped && rule.Start != nil {
		// The first moment after now is a stop: the start of its pair is behind us.
		ahead, err := rule.Walk(now, 1, h)
		if err != nil {
			return schedule.Run{}, false, err
		}
		if len(ahead) == 1 && ahead[0].Holiday != nil && ahead[0].Wanted == schedule.Stopped && ahead[0].At.Equal(stored.At) {
			return stored, true, nil
		}
	}
	return rule.Next(now, h)
}

// Holidays reads the days of calendars by which rules find their runs after a
// moment. The built-in calendar needs none, and an id that names no calendar has
// none.
func Holidays(ctx context.Context, q *gen.Queries, org uuid.UUID, calendars []string, after time.Time) (schedule.Holidays, error) {
	var ids []uuid.UUID
	for _, c := range calendars {
		if id, err := uuid.Parse(c); err == nil && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	h := schedule.Holidays{}
	if len(ids) == 0 {
		return h, nil
	}
	// Some days earlier: a zone may be a day behind, and a pair begin on the eve.
	since := pgtype.Date{Time: after.UTC().AddDate(0, 0, -3), Valid: true}
	rows, err := q.DaysOfCalendars(ctx, gen.DaysOfCalendarsParams{OrgID: org, CalendarIds: ids, Since: since})
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		id := r.CalendarID.String()
		if h[id] == nil {
			h[id] = schedule.Days{}
		}
		h[id][schedule.DayOf(r.Day.Time)] = r.Name
	}
	return h, nil
}

func clockOf(org, workspace uuid.UUID) gen.DeleteAgendaParams {
	return gen.DeleteAgendaParams{OrgID: org, Kind: string(agenda.KindTimetable), Subject: workspace.String()}
}

// setClock sets the workspace's clock to the earliest next time; without any there
// is none.
func setClock(ctx context.Context, q *gen.Queries, org, workspace uuid.UUID) error {
	next, err := q.NextOfWorkspace(ctx, gen.NextOfWorkspaceParams{OrgID: org, WorkspaceID: workspace})
	if err != nil {
		return err
	}
	clock := clockOf(org, workspace)
	if next.N == 0 {
		return q.DeleteAgenda(ctx, clock)
	}
	return q.SetClock(ctx, gen.SetClockParams{
		OrgID: org, Kind: clock.Kind, Subject: clock.Subject, Lane: int16(agenda.LaneMinute), DueAt: next.NextAt,
	})
}
