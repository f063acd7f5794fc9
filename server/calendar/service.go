// Package calendar keeps the holiday calendars of an organization:
// CalendarService. It reads no address: that is the worker's. When days change,
// the next times of schedules are computed anew in the same transaction
// (internal/timetable).
package calendar

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/api/gen/cloudhub/v1/cloudhubv1connect"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/platform/egress"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/internal/schedule"
	"github.com/cloudhub/cloudhub/server/request"
	"github.com/cloudhub/cloudhub/server/rpc"
)

// Service implements CalendarService.
type Service struct {
	cloudhubv1connect.UnimplementedCalendarServiceHandler
	tenants *db.Tenants
	egress  egress.Policy
	now     func() time.Time
}

// New makes the service. Addresses that the policy refuses unresolved are refused
// here already.
func New(tenants *db.Tenants, policy egress.Policy, now func() time.Time) *Service {
	return &Service{tenants: tenants, egress: policy, now: now}
}

// ListCalendars lists the built-in calendar, then the organization's by name.
func (s *Service) ListCalendars(ctx context.Context, _ *v1.ListCalendarsRequest) (*v1.ListCalendarsResponse, error) {
	grant := rpc.GrantOf(ctx)
	out := &v1.ListCalendarsResponse{}
	var rows []gen.ListCalendarsRow
	err := s.tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) error {
		builtIn, err := s.builtIn(ctx, q)
		if err != nil {
			return err
		}
		out.Calendars = []*v1.Calendar{builtIn}
		rows, err = q.ListCalendars(ctx, grant.Org)
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(rows, func(a, b gen.ListCalendarsRow) int {
		return strings.Compare(strings.ToLower(a.Calendar.Name), strings.ToLower(b.Calendar.Name))
	})
	for _, r := range rows {
		out.Calendars = append(out.Calendars, toProto(r.Calendar, r.DayCount, r.ScheduleCount))
	}
	return out, nil
}

// builtIn is the calendar of Brazil's national holidays.
func (s *Service) builtIn(ctx context.Context, q *gen.Queries) (*v1.Calendar, error) {
	n, err := q.CountSchedulesByRule(ctx, gen.CountSchedulesByRuleParams{OrgID: rpc.GrantOf(ctx).Org, Calendar: schedule.BrazilCalendar})
	year := s.now().UTC().Year()
	return &v1.Calendar{
		Id: schedule.BrazilCalendar, Name: "Feriados nacionais do Brasil", Source: v1.CalendarSource_CALENDAR_SOURCE_BUILT_IN,
		DayCount: int32(len(schedule.Brazil(year)) + len(schedule.Brazil(year+1))), ScheduleCount: int32(n),
	}, err
}

// GetCalendar gives a calendar with the days of a year, or of this one and the
// next.
func (s *Service) GetCalendar(ctx context.Context, req *v1.GetCalendarRequest) (*v1.GetCalendarResponse, error) {
	from := int(req.GetYear())
	until := from + 1
	if from == 0 {
		from = s.now().UTC().Year()
		until = from + 2
	}
	if req.GetCalendarId() == schedule.BrazilCalendar {
		return s.getBuiltIn(ctx, from, until)
	}
	id, err := request.ID(req.GetCalendarId())
	if err != nil {
		return nil, err
	}
	grant := rpc.GrantOf(ctx)
	out := &v1.GetCalendarResponse{}
	err = s.tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) error {
		out.Days = nil
		if out.Calendar, err = get(ctx, q, id); err != nil {
			return err
		}
		first := func(year int) string { return schedule.Day{Year: year, Month: time.January, Day: 1}.String() }
		days, err := q.CalendarDays(ctx, gen.CalendarDaysParams{OrgID: grant.Org, CalendarID: id, FromDay: first(from), UntilDay: first(until)})
		for _, d := range days {
			out.Days = append(out.Days, &v1.CalendarDay{Date: d.Day, Name: d.Name})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Service) getBuiltIn(ctx context.Context, from, until int) (*v1.GetCalendarResponse, error) {
	out := &v1.GetCalendarResponse{}
	err := s.tenants.InTenant(ctx, rpc.GrantOf(ctx).Org, func(q *gen.Queries) (err error) {
		out.Calendar, err = s.builtIn(ctx, q)
		return err
	})
	if err != nil {
		return nil, err
	}
	laws := map[string]string{}
	for _, source := range schedule.BrazilSources {
		laws[source.Name] = source.Law
	}
	for year := from; year < until; year++ {
		for day, name := range schedule.Brazil(year) {
			out.Days = append(out.Days, &v1.CalendarDay{Date: day.String(), Name: name, Law: laws[name]})
		}
	}
	slices.SortFunc(out.Days, func(a, b *v1.CalendarDay) int { return strings.Compare(a.GetDate(), b.GetDate()) })
	return out, nil
}

// get reads a calendar of the organization. Errors: NOT_FOUND.
func get(ctx context.Context, q *gen.Queries, id uuid.UUID) (*v1.Calendar, error) {
	row, err := q.GetCalendar(ctx, gen.GetCalendarParams{OrgID: rpc.GrantOf(ctx).Org, ID: id})
	if db.IsNoRows(err) {
		return nil, rpcerr.NotFound()
	}
	if err != nil {
		return nil, err
	}
	return toProto(row.Calendar, row.DayCount, row.ScheduleCount), nil
}
