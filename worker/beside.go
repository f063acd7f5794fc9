package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/schedule"
)

// beside is what stands beside schedules and decides about their runs, by the
// schedule's id.
type beside struct {
	skips    map[uuid.UUID][]schedule.Skip
	holds    map[uuid.UUID]*schedule.Hold
	holidays map[uuid.UUID]schedule.Holidays
}

// readBeside reads it for many schedules at once, and asks only for what some of
// them have.
func readBeside(ctx context.Context, q *gen.Queries, schedules []gen.Schedule, now time.Time) (beside, error) {
	b := beside{map[uuid.UUID][]schedule.Skip{}, map[uuid.UUID]*schedule.Hold{}, map[uuid.UUID]schedule.Holidays{}}
	if len(schedules) == 0 {
		return b, nil
	}
	var orgs, ids []uuid.UUID
	oldest := now
	for _, s := range schedules {
		orgs, ids = append(orgs, s.OrgID), append(ids, s.ID)
		if s.NextAt != nil && s.NextAt.Before(oldest) {
			oldest = *s.NextAt
		}
	}
	skips, err := q.SkipsOfSchedules(ctx, gen.SkipsOfSchedulesParams{OrgIds: orgs, Ids: ids, Until: now})
	if err != nil {
		return b, err
	}
	for _, k := range skips {
		b.skips[k.ScheduleID] = append(b.skips[k.ScheduleID], schedule.Skip{At: k.At, By: k.CreatedByName})
	}
	holds, err := q.HoldsOfSchedules(ctx, gen.HoldsOfSchedulesParams{OrgIds: orgs, Ids: ids, Since: oldest})
	if err != nil {
		return b, err
	}
	for _, h := range holds { // the one that lasts longest first
		if b.holds[h.ScheduleID] == nil {
			b.holds[h.ScheduleID] = &schedule.Hold{Until: h.Until, Reason: h.Reason, By: h.CreatedByName}
		}
	}
	// A pair that began two days ago may still have its stop before it.
	days, err := q.DaysOfSchedules(ctx, gen.DaysOfSchedulesParams{OrgIds: orgs, Ids: ids, Since: date(oldest.AddDate(0, 0, -3))})
	if err != nil {
		return b, err
	}
	for _, d := range days {
		of := b.holidays[d.ScheduleID]
		if of == nil {
			of = schedule.Holidays{}
			b.holidays[d.ScheduleID] = of
		}
		calendar := d.CalendarID.String()
		if of[calendar] == nil {
			of[calendar] = schedule.Days{}
		}
		of[calendar][schedule.DayOf(d.Day.Time)] = d.Name
	}
	return b, nil
}

// dueOf is a schedule as the pure code takes it.
func dueOf(s gen.Schedule, b beside) (schedule.Due, error) {
	d := schedule.Due{
		Schedule: s.ID, Revision: s.Revision, Name: s.Name, At: *s.NextAt, Wanted: schedule.Wanted(*s.NextWanted),
		CatchUp: time.Duration(s.CatchUpMinutes) * time.Minute, Skips: b.skips[s.ID], Hold: b.holds[s.ID], Holidays: b.holidays[s.ID],
	}
	if err := json.Unmarshal(s.Rule, &d.Rule); err != nil {
		return d, fmt.Errorf("rule: %w", err)
	}
	if s.Selector != nil {
		d.Selector = &schedule.Selector{}
		if err := json.Unmarshal(s.Selector, d.Selector); err != nil {
			return d, fmt.Errorf("selector: %w", err)
		}
	}
	return d, nil
}

// date is a day as PostgreSQL takes it.
func date(t time.Time) pgtype.Date {
	return pgtype.Date{Time: time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC), Valid: true}
}
