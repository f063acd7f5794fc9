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

// ruleOf translates a validated rule of the contract.
func ruleOf(r *v1.ScheduleRule) schedule.Rule {
	out := schedule.Rule{Start: schedule.Minutes(minuteOf(r.GetStartTime())), Stop: schedule.Minutes(minuteOf(r.GetStopTime())), Zone: r.GetTimeZone()}
	for _, d := range r.GetWeekdays() {
		out.Weekdays = append(out.Weekdays, time.Weekday(int(d)%7)) // ours: Monday 1 … Sunday 7
	}
	slices.Sort(out.Weekdays)
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
	out := &v1.ScheduleRule{StartTime: clock(r.Start), StopTime: clock(r.Stop), TimeZone: r.Zone}
	for _, d := range r.Weekdays {
		n := int(d)
		if n == 0 {
			n = 7
		}
		out.Weekdays = append(out.Weekdays, v1.Weekday(n))
	}
	slices.Sort(out.Weekdays)
	return out
}

func clock(minute *int) string {
	if minute == nil {
		return ""
	}
	return fmt.Sprintf("%02d:%02d", *minute/60, *minute%60)
}

func toProto(s gen.Schedule, targets []uuid.UUID, runs []gen.RecentRunsRow) *v1.Schedule {
	var rule schedule.Rule
	_ = json.Unmarshal(s.Rule, &rule) // written by us
	out := &v1.Schedule{
		Id: s.ID.String(), Name: s.Name, Rule: ruleToProto(rule), Revision: s.Revision, CreatedByName: s.CreatedByName,
		CreateTime: timestamppb.New(s.CreatedAt), UpdateTime: timestamppb.New(s.ChangedAt), Etag: s.Etag.String(),
	}
	if s.NextAt != nil {
		out.NextTime = timestamppb.New(*s.NextAt)
	}
	if s.NextWanted != nil {
		out.NextWanted = inventory.State(*s.NextWanted)
	}
	for _, t := range targets {
		out.ResourceIds = append(out.ResourceIds, t.String())
	}
	for _, r := range runs {
		out.RecentRuns = append(out.RecentRuns, &v1.ScheduleRun{
			OperationId: r.OperationID.String(), DueTime: timestamppb.New(r.DueAt), Wanted: inventory.State(r.Wanted), TargetCount: r.TargetCount,
			DoneCount: r.DoneCount, LeftAloneCount: r.LeftAloneCount, FailedCount: r.FailedCount, MissedCount: r.MissedCount, Ended: r.OpenCount == 0,
		})
	}
	return out
}
