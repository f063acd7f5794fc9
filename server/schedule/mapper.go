package schedule

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/schedule"
	"github.com/cloudhub/cloudhub/server/inventory"
)

// ruleOf translates a rule of the contract.
func ruleOf(r *v1.ScheduleRule) schedule.Rule {
	out := schedule.Rule{Zone: r.GetTimeZone(), Calendars: slices.Clone(r.GetCalendarIds())}
	if r.GetStartTime() != "" {
		out.Start = schedule.Minutes(minuteOf(r.GetStartTime()))
	}
	if r.GetStopTime() != "" {
		out.Stop = schedule.Minutes(minuteOf(r.GetStopTime()))
	}
	for _, d := range r.GetWeekdays() {
		out.Weekdays = append(out.Weekdays, time.Weekday(int(d)%7)) // ours: Monday 1 … Sunday 7
	}
	for _, d := range r.GetMonthDays() {
		out.MonthDays = append(out.MonthDays, int(d))
	}
	if r.GetShortMonth() == v1.ShortMonth_SHORT_MONTH_SKIP && len(out.MonthDays) > 0 {
		out.ShortMonth = schedule.SkipMonth
	}
	slices.Sort(out.Weekdays)
	slices.Sort(out.MonthDays)
	slices.Sort(out.Calendars)
	return out
}

// minuteOf reads "HH:MM"; what is not that is out of range.
func minuteOf(s string) int {
	h, m, ok := strings.Cut(s, ":")
	hours, err1 := strconv.Atoi(h)
	minutes, err2 := strconv.Atoi(m)
	if !ok || err1 != nil || err2 != nil {
		return -1
	}
	return hours*60 + minutes
}

func ruleToProto(r schedule.Rule) *v1.ScheduleRule {
	out := &v1.ScheduleRule{StartTime: clock(r.Start), StopTime: clock(r.Stop), TimeZone: r.Zone, CalendarIds: r.Calendars}
	for _, d := range r.Weekdays {
		n := int(d)
		if n == 0 {
			n = 7
		}
		out.Weekdays = append(out.Weekdays, v1.Weekday(n))
	}
	slices.Sort(out.Weekdays)
	for _, d := range r.MonthDays {
		out.MonthDays = append(out.MonthDays, int32(d))
	}
	if len(r.MonthDays) > 0 {
		out.ShortMonth = v1.ShortMonth_SHORT_MONTH_LAST_DAY
		if r.ShortMonth == schedule.SkipMonth {
			out.ShortMonth = v1.ShortMonth_SHORT_MONTH_SKIP
		}
	}
	return out
}

// clock writes a minute of the day as "HH:MM"; none as "".
func clock(minute *int) string {
	if minute == nil {
		return ""
	}
	return fmt.Sprintf("%02d:%02d", *minute/60, *minute%60)
}

func selectorToProto(raw json.RawMessage) *v1.TargetSelector {
	if len(raw) == 0 {
		return nil
	}
	var s schedule.Selector
	_ = json.Unmarshal(raw, &s) // written by us
	out := &v1.TargetSelector{NamePrefix: s.NamePrefix, Regions: s.Regions, Everything: s.Everything}
	for _, a := range s.Accounts {
		out.CloudAccountIds = append(out.CloudAccountIds, a.String())
	}
	for _, t := range s.Tags {
		out.Tags = append(out.Tags, &v1.TagMatch{Key: t.Key, Values: t.Values})
	}
	return out
}

func toProto(s gen.Schedule, targets []uuid.UUID, runs []gen.RecentRunsRow, x exceptions) *v1.Schedule {
	var rule schedule.Rule
	_ = json.Unmarshal(s.Rule, &rule) // written by us
	out := &v1.Schedule{
		Id: s.ID.String(), Name: s.Name, Rule: ruleToProto(rule), Revision: s.Revision, CreatedByName: s.CreatedByName,
		CreateTime: timestamppb.New(s.CreatedAt), UpdateTime: timestamppb.New(s.ChangedAt), Etag: s.Etag.String(),
		Selector: selectorToProto(s.Selector), CatchUpMinutes: s.CatchUpMinutes,
	}
	if s.NextAt != nil {
		out.NextTime = timestamppb.New(*s.NextAt)
		out.NextException = x.at(s.ID, *s.NextAt)
	}
	if s.NextWanted != nil {
		out.NextWanted = inventory.State(*s.NextWanted)
	}
	if s.PausedAt != nil {
		out.PauseTime = timestamppb.New(*s.PausedAt)
		if s.PausedByName != nil {
			out.PausedByName = *s.PausedByName
		}
	}
	if holds := x.holds[s.ID]; len(holds) > 0 {
		out.Hold = holdToProto(holds[0], s.Name)
	}
	for _, t := range targets {
		out.ResourceIds = append(out.ResourceIds, t.String())
	}
	for _, r := range runs {
		out.RecentRuns = append(out.RecentRuns, runToProto(r))
	}
	out.Health = healthOf(s, len(targets), runs, out.GetHold() != nil)
	return out
}

func runToProto(r gen.RecentRunsRow) *v1.ScheduleRun {
	out := &v1.ScheduleRun{
		OperationId: r.OperationID.String(), DueTime: timestamppb.New(r.DueAt), Wanted: inventory.State(r.Wanted), TargetCount: r.TargetCount,
		DoneCount: r.DoneCount, LeftAloneCount: r.LeftAloneCount, FailedCount: r.FailedCount, MissedCount: r.MissedCount,
		Ended: ended(r), UnreadCount: r.UnreadCount, ByPerson: r.Origin == "person",
	}
	switch schedule.ExceptionKind(r.Exception) {
	case schedule.Skipped:
		out.Exception = &v1.RunException{Kind: v1.RunExceptionKind_RUN_EXCEPTION_KIND_SKIPPED, ByName: r.ExceptionText}
	case schedule.OnHold:
		out.Exception = &v1.RunException{Kind: v1.RunExceptionKind_RUN_EXCEPTION_KIND_HELD, Text: r.ExceptionText}
	}
	return out
}

// ended says that all machines of the schedule are at their end, although those of
// others of the same minute may not be.
func ended(r gen.RecentRunsRow) bool {
	return r.Ended || r.TargetCount > 0 && r.OpenCount == 0 && r.ReadingCount == 0
}

// healthOf is how a schedule is at a glance: what keeps it from running first,
// then how its last run ended that was not left out.
func healthOf(s gen.Schedule, targets int, runs []gen.RecentRunsRow, held bool) v1.ScheduleHealth {
	switch {
	case s.PausedAt != nil:
		return v1.ScheduleHealth_SCHEDULE_HEALTH_PAUSED
	case s.Selector == nil && targets == 0:
		return v1.ScheduleHealth_SCHEDULE_HEALTH_NO_TARGETS
	case s.NextAt == nil:
		return v1.ScheduleHealth_SCHEDULE_HEALTH_NEVER
	case held:
		return v1.ScheduleHealth_SCHEDULE_HEALTH_ON_HOLD
	}
	for _, r := range runs {
		if r.Exception != "" || !ended(r) {
			continue
		}
		if r.FailedCount+r.MissedCount+r.UnreadCount > 0 || r.State == "missed" {
			return v1.ScheduleHealth_SCHEDULE_HEALTH_FAILING
		}
		return v1.ScheduleHealth_SCHEDULE_HEALTH_OK
	}
	return v1.ScheduleHealth_SCHEDULE_HEALTH_NEW
}
