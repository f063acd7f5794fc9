package db_test

import (
	"github.com/google/uuid"

	"github.com/cloudhub/cloudhub/db/gen"
)

// calendar of the small tenant, by number: each is kept by some of its schedules.
func (e estate) calendar(i int) uuid.UUID { return md5ID(e.small.Org, "calendar", i) }

func calendarPlans() map[string]plan {
	return map[string]plan{
		"CalendarDays": {index: "calendar_days_pkey", run: ask((*gen.Queries).CalendarDays, func(e estate) gen.CalendarDaysParams {
			return gen.CalendarDaysParams{OrgID: e.small.Org, CalendarID: e.calendar(3), FromDay: "2026-01-01", UntilDay: "2027-01-01"}
		})},
		"WorkspacesOfCalendar": {index: "schedule_calendars_calendar", filtered: 10, batch: "as many as keep to it, when its days have changed", run: ask((*gen.Queries).WorkspacesOfCalendar, func(e estate) gen.WorkspacesOfCalendarParams {
			return gen.WorkspacesOfCalendarParams{OrgID: e.small.Org, CalendarID: e.calendar(3)}
		})},
		"LockSchedulesOfCalendar": {index: "schedule_calendars_calendar", filtered: 10, batch: "as many as keep to it, when its days have changed", run: ask((*gen.Queries).LockSchedulesOfCalendar, func(e estate) gen.LockSchedulesOfCalendarParams {
			return gen.LockSchedulesOfCalendarParams{OrgID: e.small.Org, CalendarID: e.calendar(3)}
		})},
	}
}
