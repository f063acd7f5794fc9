package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/schedule"
)

var (
	workdays = []v1.Weekday{1, 2, 3, 4, 5}
	everyDay = []v1.Weekday{1, 2, 3, 4, 5, 6, 7}
)

// demoSchedule is one of the lived-in schedules.
type demoSchedule struct {
	name, start, stop string
	days              []v1.Weekday
	chosen            []string // by id
	selector          *v1.TargetSelector
	holidays          bool   // the nation's and the city's are left out
	held              string // why, or empty
	paused            bool
}

func demoSchedules(machines []*v1.Resource) []demoSchedule {
	return []demoSchedule{
		{name: "Homologação, dias úteis", start: "07:00", stop: "19:00", days: workdays, chosen: tagged(machines, "ambiente", "homologação", 14), holidays: true},
		{name: "Dev, dias úteis", start: "08:30", stop: "18:30", days: workdays, chosen: tagged(machines, "ambiente", "desenvolvimento", 12)},
		{name: "Relatórios da noite", start: "22:00", stop: "05:30", days: everyDay, chosen: tagged(machines, "sistema", "relatórios", 4)},
		{name: "Lojas: estoque", start: "06:00", stop: "22:30", days: everyDay, chosen: tagged(machines, "sistema", "estoque", 6)},
		{name: "Portal de desenvolvimento", start: "08:00", stop: "20:00", days: workdays, holidays: true, selector: &v1.TargetSelector{Tags: []*v1.TagMatch{
			{Key: "ambiente", Values: []string{"desenvolvimento"}}, {Key: "sistema", Values: []string{"portal"}},
		}}},
		{name: "Painéis das lojas", start: "07:30", stop: "21:30", days: everyDay, chosen: tagged(machines, "sistema", "painel", 4), held: "Inventário geral: ficam ligados até o fim da contagem"},
		{name: "Notebooks do laboratório", start: "09:00", stop: "18:00", days: workdays, chosen: tagged(machines, "sistema", "previsão", 4), paused: true},
	}
}

// makeSchedules makes the lived-in schedules once; fresh says that it did.
func (c *demoClient) makeSchedules(ctx context.Context, machines []*v1.Resource) (fresh bool, err error) {
	have, err := c.schedules.ListSchedules(ctx, &v1.ListSchedulesRequest{OrgId: c.org, WorkspaceId: c.ws})
	if err != nil || len(have.GetSchedules()) > 0 {
		return false, err
	}
	city, err := c.cityHolidays(ctx)
	if err != nil {
		return false, err
	}
	for _, s := range demoSchedules(machines) {
		if err := c.makeSchedule(ctx, s, city); err != nil {
			return false, fmt.Errorf("schedule %s: %w", s.name, err)
		}
	}
	return true, nil
}

func (c *demoClient) makeSchedule(ctx context.Context, s demoSchedule, city string) error {
	if len(s.chosen) == 0 && s.selector == nil {
		return errors.New("the estate has no machine for it")
	}
	rule := &v1.ScheduleRule{StartTime: s.start, StopTime: s.stop, Weekdays: s.days, TimeZone: demoZone}
	if s.holidays {
		rule.CalendarIds = []string{schedule.BrazilCalendar, city}
	}
	made, err := c.schedules.CreateSchedule(ctx, &v1.CreateScheduleRequest{
		OrgId: c.org, WorkspaceId: c.ws, Name: s.name, Rule: rule, ResourceIds: s.chosen, Selector: s.selector,
	})
	if err != nil {
		return err
	}
	id := made.GetSchedule().GetId()
	if s.held != "" {
		_, err = c.schedules.CreateHold(ctx, &v1.CreateHoldRequest{
			OrgId: c.org, WorkspaceId: c.ws, Subject: &v1.CreateHoldRequest_ScheduleId{ScheduleId: id}, Reason: s.held,
			UntilTime: timestamppb.New(time.Now().AddDate(0, 0, 6).Truncate(time.Hour)),
		})
	}
	if s.paused {
		_, err = c.schedules.PauseSchedule(ctx, &v1.PauseScheduleRequest{OrgId: c.org, WorkspaceId: c.ws, ScheduleId: id})
	}
	return err
}

// cityHolidays makes the calendar of the city where the company sits: of its own
// days, for this year and the next two.
func (c *demoClient) cityHolidays(ctx context.Context) (id string, err error) {
	days := &v1.CalendarDays{}
	for year := time.Now().Year(); len(days.GetDays()) < 6; year++ {
		days.Days = append(days.Days,
			&v1.CalendarDay{Date: fmt.Sprintf("%d-07-14", year), Name: "Aniversário de Campinas"},
			&v1.CalendarDay{Date: fmt.Sprintf("%d-12-08", year), Name: "Nossa Senhora da Conceição"},
		)
	}
	made, err := c.calendars.CreateCalendar(ctx, &v1.CreateCalendarRequest{
		OrgId: c.org, Name: "Feriados de Campinas", Content: &v1.CreateCalendarRequest_Days{Days: days},
	})
	return made.GetCalendar().GetId(), err
}

func tagged(machines []*v1.Resource, key, value string, most int) []string {
	var out []string
	for _, m := range machines {
		if m.GetTags()[key] == value && len(out) < most {
			out = append(out, m.GetId())
		}
	}
	return out
}

func found(s *v1.TargetSelector, m *v1.Resource) bool {
	return !slices.ContainsFunc(s.GetTags(), func(t *v1.TagMatch) bool { return !slices.Contains(t.GetValues(), m.GetTags()[t.GetKey()]) })
}

// demoStop is the minute at which what a newcomer watches stops: the next one that
// is not so near that it begins while it is written.
func demoStop(now time.Time) time.Time {
	return now.Add(demoNearest).Truncate(time.Minute).Add(time.Minute)
}

// demoNearest is how near the minute may be. With it, the minute between stop and
// start, and what a simulated start takes at most (sim.DemoEstate), the promise of
// the README holds: both have ended within 150 s of ready.
const demoNearest = 1500 * time.Millisecond

// moveToNextMinutes moves one ordinary pair so that it stops at the next minute
// and starts at the one after: what a newcomer watches. On a machine so busy that
// the minute has begun all the same, the pair is moved once more.
func (c *demoClient) moveToNextMinutes(ctx context.Context, machines []*v1.Resource) error {
	zone, err := time.LoadLocation(demoZone)
	if err != nil {
		return err
	}
	for {
		stop := demoStop(time.Now()).In(zone)
		rule := &v1.ScheduleRule{StopTime: stop.Format("15:04"), StartTime: stop.Add(time.Minute).Format("15:04"), Weekdays: everyDay, TimeZone: demoZone}
		pair, err := c.movePair(ctx, rule, machines)
		if err != nil {
			return fmt.Errorf("schedule %s: %w", demoScheduleName, err)
		}
		if pair.GetNextTime().AsTime().Equal(stop) {
			return nil
		}
	}
}

// movePair gives the pair its rule, or makes it.
func (c *demoClient) movePair(ctx context.Context, rule *v1.ScheduleRule, machines []*v1.Resource) (*v1.Schedule, error) {
	have, err := c.schedules.ListSchedules(ctx, &v1.ListSchedulesRequest{OrgId: c.org, WorkspaceId: c.ws, PageSize: 500})
	if err != nil {
		return nil, err
	}
	for _, s := range have.GetSchedules() {
		if s.GetName() != demoScheduleName {
			continue
		}
		moved, err := c.schedules.UpdateSchedule(ctx, &v1.UpdateScheduleRequest{
			OrgId: c.org, WorkspaceId: c.ws, ScheduleId: s.GetId(), Name: s.GetName(), Rule: rule, ResourceIds: s.GetResourceIds(),
		})
		if err != nil || s.GetPauseTime() == nil {
			return moved.GetSchedule(), err
		}
		resumed, err := c.schedules.ResumeSchedule(ctx, &v1.ResumeScheduleRequest{OrgId: c.org, WorkspaceId: c.ws, ScheduleId: s.GetId()})
		return resumed.GetSchedule(), err
	}
	ids := runningWithoutSchedule(machines, have.GetSchedules(), 3)
	if len(ids) == 0 {
		return nil, errors.New("the estate has no running machine that is free for the demonstration")
	}
	made, err := c.schedules.CreateSchedule(ctx, &v1.CreateScheduleRequest{OrgId: c.org, WorkspaceId: c.ws, Name: demoScheduleName, Rule: rule, ResourceIds: ids})
	return made.GetSchedule(), err
}

// runningWithoutSchedule are machines that no schedule names or finds.
func runningWithoutSchedule(machines []*v1.Resource, schedules []*v1.Schedule, most int) []string {
	taken := map[string]bool{}
	for _, s := range schedules {
		for _, id := range s.GetResourceIds() {
			taken[id] = true
		}
		for _, m := range machines {
			if s.GetSelector() != nil && found(s.GetSelector(), m) {
				taken[m.GetId()] = true
			}
		}
	}
	var out []string
	for _, m := range machines {
		free := m.GetState() == v1.ResourceState_RESOURCE_STATE_RUNNING && !taken[m.GetId()] && !strings.Contains(m.GetName(), "prd")
		if free && len(out) < most {
			out = append(out, m.GetId())
		}
	}
	return out
}
