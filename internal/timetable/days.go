package timetable

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/calendar"
	"github.com/cloudhub/cloudhub/internal/schedule"
)

// maxDayName is how many characters of a holiday's name are kept.
const maxDayName = 200

// ReplaceDays puts days in the place of those of a calendar, and computes the next
// times of schedules that keep to it when they are others. The caller has locked
// the organization and the calendar.
func ReplaceDays(ctx context.Context, q *gen.Queries, org, id uuid.UUID, days schedule.Days) error {
	rows, err := q.CalendarDays(ctx, gen.CalendarDaysParams{OrgID: org, CalendarID: id, FromDay: "0001-01-01", UntilDay: "9999-12-31"})
	if err != nil {
		return err
	}
	had := make(map[string]string, len(rows))
	for _, r := range rows {
		had[r.Day] = r.Name
	}
	now := make(map[string]string, len(days))
	for d, name := range days {
		now[d.String()] = calendar.Line(name, maxDayName)
	}
	if maps.Equal(had, now) {
		return nil
	}
	if err := q.DeleteCalendarDays(ctx, gen.DeleteCalendarDaysParams{OrgID: org, CalendarID: id}); err != nil {
		return err
	}
	p := gen.InsertCalendarDaysParams{OrgID: org, CalendarID: id}
	for _, d := range slices.Sorted(maps.Keys(now)) {
		p.Days, p.Names = append(p.Days, d), append(p.Names, now[d])
	}
	if err := q.InsertCalendarDays(ctx, p); err != nil {
		return err
	}
	return Recompute(ctx, q, org, id)
}
