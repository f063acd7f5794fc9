package e2e

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
	"github.com/cloudhub/cloudhub/internal/schedule"
)

// A day passes: everything that is dated moves a day into the past, together. The
// zone of these schedules has no daylight saving, and they run every day, so that
// what was to be tomorrow is to be today.
func (w *world) aDayPasses() {
	w.t.Helper()
	tx, err := w.db.Owner.Begin(w.t.Context())
	require.NoError(w.t, err)
	// The dispatcher's claim waits for the clock's row, and finds all of it moved.
	for _, move := range []string{
		"UPDATE agenda SET due_at = due_at - interval '1 day', look_at = due_at - interval '1 day' WHERE kind = 'timetable'",
		"UPDATE schedules SET next_at = next_at - interval '1 day'",
		"UPDATE schedule_skips SET at = at - interval '1 day'",
		"UPDATE holds SET until = until - interval '1 day', created_at = created_at - interval '1 day'",
		"UPDATE calendar_days SET day = day - 1",
		"UPDATE operation_schedules SET due_at = due_at - interval '1 day'",
		"UPDATE operations SET due_at = due_at - interval '1 day', created_at = created_at - interval '1 day'",
	} {
		_, err := tx.Exec(w.t.Context(), move)
		require.NoError(w.t, err, move)
	}
	require.NoError(w.t, tx.Commit(w.t.Context()))
}

func (w *world) preview(s *v1.Schedule, count int32) []*v1.PreviewedRun {
	w.t.Helper()
	got, err := w.schedules.PreviewSchedule(w.t.Context(), &v1.PreviewScheduleRequest{
		OrgId: w.org, WorkspaceId: w.ws, Rule: s.GetRule(), ScheduleId: s.GetId(), ResourceIds: s.GetResourceIds(), Count: count, CatchUpMinutes: s.GetCatchUpMinutes(),
	})
	require.NoError(w.t, err)
	require.Len(w.t, got.GetRuns(), int(count))
	return got.GetRuns()
}

// previewed is a schedule, what was said of it, and what came of it.
type previewed struct {
	*v1.Schedule
	machine string
	said    []*v1.PreviewedRun
	ran     int
}

// What the preview says is what runs: for two schedules with skips, a hold, days
// of a calendar and a window, every instant of the next days comes as it was
// said, with the outcome that was said, and none beside them; whatever was not
// left out and could not be done in its window is recorded as missed. On every day
// the preview says the rest of what it said on the first.
func TestWhatIsPreviewedIsWhatRuns(t *testing.T) {
	t.Parallel()
	w, s := smallWorld(t)
	m := w.machines()
	const days = 8
	zone, err := time.LoadLocation("America/Sao_Paulo")
	require.NoError(t, err)
	now := time.Now().In(zone).Truncate(time.Minute)
	// Both minutes have just been: the next of each is a day, less some minutes, away.
	stops := &previewed{machine: sim.SmallRunning, Schedule: w.daily("Para", "", now.Add(-4*time.Minute), m[sim.SmallRunning].GetId())}
	starts := &previewed{machine: sim.SmallStopped, Schedule: w.daily("Liga", "start", now.Add(-2*time.Minute), m[sim.SmallStopped].GetId())}
	both := []*previewed{stops, starts}
	// The stop is skipped on the first day and held on the second, both keep to a
	// calendar that has the third of the stop's.
	for range 2 {
		_, err = w.schedules.SkipNext(t.Context(), &v1.SkipNextRequest{OrgId: w.org, WorkspaceId: w.ws, ScheduleId: starts.GetId()})
		require.NoError(t, err)
	}
	_, err = w.schedules.SkipNext(t.Context(), &v1.SkipNextRequest{OrgId: w.org, WorkspaceId: w.ws, ScheduleId: stops.GetId()})
	require.NoError(t, err)
	_, err = w.schedules.CreateHold(t.Context(), &v1.CreateHoldRequest{
		OrgId: w.org, WorkspaceId: w.ws, Subject: &v1.CreateHoldRequest_ScheduleId{ScheduleId: stops.GetId()}, Reason: "Inventário",
		UntilTime: timestamppb.New(stops.GetNextTime().AsTime().AddDate(0, 0, 1).Add(time.Minute)),
	})
	require.NoError(t, err)
	for _, p := range both {
		p.said = w.preview(p.Schedule, days)
	}
	require.Equal(t, []v1.RunExceptionKind{2, 3, 1, 0, 0, 0, 0, 0}, kindsOf(stops.said), "skipped, held, a holiday, and then as usual")
	require.Equal(t, []v1.RunExceptionKind{2, 2, 1, 0, 0, 0, 0, 0}, kindsOf(starts.said))
	require.Equal(t, "Inventário", stops.said[1].GetException().GetText())
	require.Equal(t, "Feriado", stops.said[2].GetException().GetText())

	const downOn = 5 // on this day the system is down, and comes back on the next
	for day := 1; day <= days; day++ {
		require.NoError(t, s.SetState(sim.SmallRunning, sim.Running))
		require.NoError(t, s.SetState(sim.SmallStopped, sim.Stopped))
		if day == downOn {
			w.stopWorker()
		}
		w.aDayPasses()
		if day == downOn {
			continue
		}
		if day == downOn+1 {
			w.startWorker()
		}
		for _, p := range both {
			w.cameAsSaid(p, day, day == downOn+1)
			if rest := days - day; rest > 0 {
				sameRuns(t, p.said[day:], w.preview(p.Schedule, int32(rest)), day)
			}
		}
		w.settled()
	}
	require.Equal(t, 2, w.count("SELECT count(*) FROM operations WHERE state = 'missed'"), "what the system was down for, once each")
	require.Equal(t, 2, w.events("schedule.missed"))
	require.Equal(t, 2*4, w.events("schedule.executed"))
	require.Len(t, powerCalls(s), 2*4, "one call for each run that was not left out")
}

// daily makes a schedule of every day that stops, or starts, at a time of day,
// keeps to a calendar of the third day from its next, and may act for half an hour.
func (w *world) daily(name, half string, at time.Time, resource string) *v1.Schedule {
	w.t.Helper()
	third := schedule.DayOf(at.AddDate(0, 0, 3))
	calendar, err := w.calendars.CreateCalendar(w.t.Context(), &v1.CreateCalendarRequest{OrgId: w.org, Name: name, Content: &v1.CreateCalendarRequest_Days{
		Days: &v1.CalendarDays{Days: []*v1.CalendarDay{{Date: third.String(), Name: "Feriado"}}},
	}})
	require.NoError(w.t, err)
	rule := &v1.ScheduleRule{Weekdays: []v1.Weekday{1, 2, 3, 4, 5, 6, 7}, TimeZone: "America/Sao_Paulo", CalendarIds: []string{calendar.GetCalendar().GetId()}}
	if half == "start" {
		rule.StartTime = at.Format("15:04")
	} else {
		rule.StopTime = at.Format("15:04")
	}
	made, err := w.schedules.CreateSchedule(w.t.Context(), &v1.CreateScheduleRequest{
		OrgId: w.org, WorkspaceId: w.ws, Name: name, ResourceIds: []string{resource}, Rule: rule, CatchUpMinutes: 30,
	})
	require.NoError(w.t, err)
	return made.GetSchedule()
}

// cameAsSaid compares what was said of a day with what is recorded of it. After a
// day on which the system was down, that day's run is missed.
func (w *world) cameAsSaid(p *previewed, day int, missedOne bool) {
	w.t.Helper()
	shifted := func(i int) time.Time { return p.said[i].GetTime().AsTime().AddDate(0, 0, -day) }
	said := p.said[day-1]
	if said.GetException().GetKind() == v1.RunExceptionKind_RUN_EXCEPTION_KIND_HOLIDAY {
		require.Equal(w.t, shifted(day), w.nextOf(p.Schedule), "nothing falls due on a holiday: the next is the day after")
		require.Len(w.t, w.read1(p.Schedule).GetRecentRuns(), p.ran)
		return
	}
	p.ran++
	if missedOne {
		p.ran++
	}
	runs := w.runs(p.Schedule, p.ran)
	run := runs[0]
	require.Equal(w.t, shifted(day-1), run.GetDueTime().AsTime(), "day %d", day)
	require.Equal(w.t, said.GetWanted(), run.GetWanted())
	require.Equal(w.t, said.GetException().GetKind(), run.GetException().GetKind(), "day %d: %v", day, run)
	if said.GetException() != nil {
		require.Equal(w.t, said.GetException().GetText(), run.GetException().GetText())
		require.Zero(w.t, run.GetTargetCount())
	} else {
		require.EqualValues(w.t, 1, run.GetDoneCount(), run)
		_, targets := w.ended(run.GetOperationId())
		require.Equal(w.t, v1.TargetState_TARGET_STATE_DONE, targets[p.machine].GetState(), targets[p.machine])
	}
	if missedOne {
		require.Equal(w.t, shifted(day-2), runs[1].GetDueTime().AsTime())
		require.EqualValues(w.t, 1, runs[1].GetMissedCount(), runs[1])
	}
}

func kindsOf(runs []*v1.PreviewedRun) (out []v1.RunExceptionKind) {
	for _, r := range runs {
		out = append(out, r.GetException().GetKind())
	}
	return out
}

// sameRuns says that a later preview is the rest of the first one, day by day.
func sameRuns(t *testing.T, said, now []*v1.PreviewedRun, day int) {
	t.Helper()
	require.True(t, slices.EqualFunc(said, now, func(a, b *v1.PreviewedRun) bool {
		return a.GetTime().AsTime().AddDate(0, 0, -day).Equal(b.GetTime().AsTime()) && a.GetWanted() == b.GetWanted() &&
			a.GetException().GetKind() == b.GetException().GetKind() && a.GetException().GetText() == b.GetException().GetText()
	}), "day %d: said %v, says %v", day, said, now)
}
