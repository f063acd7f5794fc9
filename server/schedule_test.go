package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
)

// timetables is a person with an estate, and calls about it.
type timetables struct {
	*world
	p   person
	e   estate
	org string
	ws  string
}

func newTimetables(t *testing.T) timetables {
	w := setup(t)
	p := w.register("Ana")
	return timetables{w, p, w.estate(p.org, p.workspace), p.org.String(), p.workspace.String()}
}

func (x timetables) create(bend func(*v1.CreateScheduleRequest)) answer {
	m := &v1.CreateScheduleRequest{OrgId: x.org, WorkspaceId: x.ws, Name: "Horário", Rule: rule(), ResourceIds: texts(x.e.resources[1:2])}
	bend(m)
	return x.rpc(x.p.token, "ScheduleService/CreateSchedule", m)
}

func (x timetables) preview(m *v1.PreviewScheduleRequest) *v1.PreviewScheduleResponse {
	x.t.Helper()
	m.OrgId, m.WorkspaceId = x.org, x.ws
	return get(x.world, x.p.token, "ScheduleService/PreviewSchedule", m, &v1.PreviewScheduleResponse{})
}

func TestSchedulesOfEveryKind(t *testing.T) {
	t.Parallel()
	x := newTimetables(t)
	for name, bend := range map[string]func(*v1.CreateScheduleRequest){
		"a start alone":     func(m *v1.CreateScheduleRequest) { m.Rule.StopTime = "" },
		"a stop alone":      func(m *v1.CreateScheduleRequest) { m.Rule.StartTime = "" },
		"days of the month": func(m *v1.CreateScheduleRequest) { m.Rule.Weekdays, m.Rule.MonthDays = nil, []int32{1, 31} },
		"a short month": func(m *v1.CreateScheduleRequest) {
			m.Rule.Weekdays, m.Rule.MonthDays, m.Rule.ShortMonth = nil, []int32{31}, v1.ShortMonth_SHORT_MONTH_SKIP
		},
		"national holidays": func(m *v1.CreateScheduleRequest) { m.Rule.CalendarIds = []string{"br"} },
		"a calendar":        func(m *v1.CreateScheduleRequest) { m.Rule.CalendarIds = []string{x.e.calendar.String()} },
		"a selector":        func(m *v1.CreateScheduleRequest) { m.ResourceIds, m.Selector = nil, selectorOf(x.e) },
		"everything": func(m *v1.CreateScheduleRequest) {
			m.ResourceIds, m.Selector = nil, &v1.TargetSelector{Everything: true}
		},
		"a window of its own": func(m *v1.CreateScheduleRequest) { m.CatchUpMinutes = 120 },
	} {
		m := &v1.CreateScheduleRequest{OrgId: x.org, WorkspaceId: x.ws, Name: name, Rule: rule(), ResourceIds: texts(x.e.resources[1:2])}
		// Of its own minutes, so that none clashes with another.
		bend(m)
		made := get(x.world, x.p.token, "ScheduleService/CreateSchedule", m, &v1.CreateScheduleResponse{}).GetSchedule()
		want := m.GetRule()
		if len(want.GetMonthDays()) > 0 && want.GetShortMonth() == 0 {
			want.ShortMonth = v1.ShortMonth_SHORT_MONTH_LAST_DAY
		}
		require.Equal(t, want.String(), made.GetRule().String(), name)
		require.Equal(t, m.GetSelector().String(), made.GetSelector().String(), name)
		require.NotNil(t, made.GetNextTime(), name)
		require.Equal(t, v1.ScheduleHealth_SCHEDULE_HEALTH_NEW, made.GetHealth(), name)
		// It is written again as it was read.
		again := get(x.world, x.p.token, "ScheduleService/UpdateSchedule", &v1.UpdateScheduleRequest{
			OrgId: x.org, WorkspaceId: x.ws, ScheduleId: made.GetId(), Name: name, Rule: made.GetRule(), ResourceIds: made.GetResourceIds(),
			Selector: made.GetSelector(), CatchUpMinutes: made.GetCatchUpMinutes(), Etag: made.GetEtag(),
		}, &v1.UpdateScheduleResponse{}).GetSchedule()
		require.Equal(t, made.GetRevision(), again.GetRevision(), "%s: nothing has changed", name)
		x.rpc(x.p.token, "ScheduleService/DeleteSchedule", &v1.DeleteScheduleRequest{OrgId: x.org, WorkspaceId: x.ws, ScheduleId: made.GetId()}).ok(t)
	}
	for name, c := range map[string]struct {
		reason string
		bend   func(*v1.CreateScheduleRequest)
	}{
		"neither start nor stop":  {"VALIDATION", func(m *v1.CreateScheduleRequest) { m.Rule.StartTime, m.Rule.StopTime = "", "" }},
		"both kinds of days":      {"VALIDATION", func(m *v1.CreateScheduleRequest) { m.Rule.MonthDays = []int32{1} }},
		"the day 32":              {"VALIDATION", func(m *v1.CreateScheduleRequest) { m.Rule.Weekdays, m.Rule.MonthDays = nil, []int32{32} }},
		"nobody's calendar":       {"NOT_FOUND", func(m *v1.CreateScheduleRequest) { m.Rule.CalendarIds = []string{uuid.NewString()} }},
		"no id of a calendar":     {"NOT_FOUND", func(m *v1.CreateScheduleRequest) { m.Rule.CalendarIds = []string{"us"} }},
		"machines and a selector": {"VALIDATION", func(m *v1.CreateScheduleRequest) { m.Selector = selectorOf(x.e) }},
		"neither":                 {"VALIDATION", func(m *v1.CreateScheduleRequest) { m.ResourceIds = nil }},
		"a selector of regions": {"VALIDATION", func(m *v1.CreateScheduleRequest) {
			m.ResourceIds, m.Selector = nil, &v1.TargetSelector{Regions: []string{"sa-east-1"}}
		}},
		"a tag twice": {"VALIDATION", func(m *v1.CreateScheduleRequest) {
			m.ResourceIds, m.Selector = nil, &v1.TargetSelector{Tags: []*v1.TagMatch{{Key: "a"}, {Key: "a"}}}
		}},
		"nobody's account": {"NOT_FOUND", func(m *v1.CreateScheduleRequest) {
			m.ResourceIds, m.Selector = nil, &v1.TargetSelector{Everything: true, CloudAccountIds: []string{uuid.NewString()}}
		}},
		"a window of three hours": {"VALIDATION", func(m *v1.CreateScheduleRequest) { m.CatchUpMinutes = 180 }},
		"a negative window":       {"VALIDATION", func(m *v1.CreateScheduleRequest) { m.CatchUpMinutes = -1 }},
	} {
		require.Equal(t, c.reason, x.create(c.bend).reason, name)
	}
}

// What can be known to clash is refused: a start and a stop of one machine in one
// minute, of two schedules.
func TestSchedulesThatClash(t *testing.T) {
	t.Parallel()
	x := newTimetables(t)
	x.create(func(m *v1.CreateScheduleRequest) { m.Name = "Dia" }).ok(t)
	opposite := func(m *v1.CreateScheduleRequest) { m.Rule.StartTime, m.Rule.StopTime = "19:00", "" }
	a := x.create(opposite)
	require.Equal(t, "SCHEDULE_CLASH", a.reason, string(a.body))
	require.Contains(t, string(a.body), "Dia")
	x.create(func(m *v1.CreateScheduleRequest) { opposite(m); m.ResourceIds = texts(x.e.resources[2:]) }).ok(t)
	x.create(func(m *v1.CreateScheduleRequest) { opposite(m); m.Rule.StartTime = "19:01" }).ok(t)
	x.create(func(m *v1.CreateScheduleRequest) { m.Rule.StartTime = ""; m.Name = "o mesmo" }).ok(t)
	x.create(func(m *v1.CreateScheduleRequest) {
		opposite(m)
		m.Rule.Weekdays = []v1.Weekday{v1.Weekday_WEEKDAY_SUNDAY}
	}).ok(t)
}

func TestAPreviewExplainsEveryException(t *testing.T) {
	t.Parallel()
	x := newTimetables(t)
	now := time.Now().UTC()
	daily := &v1.ScheduleRule{StartTime: "08:00", StopTime: "19:00", Weekdays: []v1.Weekday{1, 2, 3, 4, 5, 6, 7}, TimeZone: "UTC", CalendarIds: []string{x.e.calendar.String(), "br"}}
	x.exec(`INSERT INTO calendar_days (org_id, calendar_id, day, name) VALUES ($1, $2, $3, 'Aniversário') ON CONFLICT (org_id, calendar_id, day) DO UPDATE SET name = excluded.name`,
		x.p.org, x.e.calendar, now.AddDate(0, 0, 3))
	made := get(x.world, x.p.token, "ScheduleService/CreateSchedule", &v1.CreateScheduleRequest{
		OrgId: x.org, WorkspaceId: x.ws, Name: "Dia", Rule: daily, ResourceIds: texts(x.e.resources[1:2]),
	}, &v1.CreateScheduleResponse{}).GetSchedule()
	kinds := func() map[v1.RunExceptionKind]int {
		out := map[v1.RunExceptionKind]int{}
		for _, r := range x.preview(&v1.PreviewScheduleRequest{Rule: daily, ScheduleId: made.GetId()}).GetRuns() {
			out[r.GetException().GetKind()]++
		}
		return out
	}
	runs := x.preview(&v1.PreviewScheduleRequest{Rule: daily}).GetRuns()
	require.Len(t, runs, 30)
	named := 0
	for _, r := range runs {
		day := r.GetTime().AsTime()
		if e := r.GetException(); e != nil && day.YearDay() == now.AddDate(0, 0, 3).YearDay() {
			require.Equal(t, v1.RunExceptionKind_RUN_EXCEPTION_KIND_HOLIDAY, e.GetKind())
			require.Equal(t, "Aniversário", e.GetText())
			require.NotEmpty(t, e.GetCalendarName())
			named++
		}
	}
	require.Equal(t, 2, named, "the start and the stop of the day")
	holidays := kinds()[v1.RunExceptionKind_RUN_EXCEPTION_KIND_HOLIDAY]
	require.GreaterOrEqual(t, holidays, 2)
	require.Equal(t, 30-holidays, kinds()[v1.RunExceptionKind_RUN_EXCEPTION_KIND_UNSPECIFIED])

	var skipped []time.Time
	for range 3 {
		s := get(x.world, x.p.token, "ScheduleService/SkipNext", &v1.SkipNextRequest{OrgId: x.org, WorkspaceId: x.ws, ScheduleId: made.GetId()}, &v1.SkipNextResponse{})
		skipped = append(skipped, s.GetSkippedTime().AsTime())
	}
	require.True(t, skipped[0].Before(skipped[1]) && skipped[1].Before(skipped[2]), "each the next that is not left out yet")
	require.Equal(t, 3, kinds()[v1.RunExceptionKind_RUN_EXCEPTION_KIND_SKIPPED])
	restore := func(at time.Time) answer {
		return x.rpc(x.p.token, "ScheduleService/RestoreRun", &v1.RestoreRunRequest{OrgId: x.org, WorkspaceId: x.ws, ScheduleId: made.GetId(), Time: timestamppb.New(at)})
	}
	restore(skipped[1]).ok(t)
	require.Equal(t, "NOT_FOUND", restore(skipped[1]).reason)
	require.Equal(t, 2, kinds()[v1.RunExceptionKind_RUN_EXCEPTION_KIND_SKIPPED])

	hold := get(x.world, x.p.token, "ScheduleService/CreateHold", &v1.CreateHoldRequest{
		OrgId: x.org, WorkspaceId: x.ws, Subject: &v1.CreateHoldRequest_ScheduleId{ScheduleId: made.GetId()}, Reason: "Migração", UntilTime: timestamppb.New(now.AddDate(0, 0, 8)),
	}, &v1.CreateHoldResponse{}).GetHold()
	require.Positive(t, kinds()[v1.RunExceptionKind_RUN_EXCEPTION_KIND_HELD])
	x.rpc(x.p.token, "ScheduleService/EndHold", &v1.EndHoldRequest{OrgId: x.org, WorkspaceId: x.ws, HoldId: hold.GetId()}).ok(t)
	require.Zero(t, kinds()[v1.RunExceptionKind_RUN_EXCEPTION_KIND_HELD])

	x.rpc(x.p.token, "OrganizationService/PauseAutomation", &v1.PauseAutomationRequest{OrgId: x.org, Reason: "Incidente"}).ok(t)
	require.Positive(t, kinds()[v1.RunExceptionKind_RUN_EXCEPTION_KIND_AUTOMATION_PAUSED])
	x.rpc(x.p.token, "OrganizationService/ResumeAutomation", &v1.ResumeAutomationRequest{OrgId: x.org}).ok(t)
	x.rpc(x.p.token, "ScheduleService/PauseSchedule", &v1.PauseScheduleRequest{OrgId: x.org, WorkspaceId: x.ws, ScheduleId: made.GetId()}).ok(t)
	require.Equal(t, 30-holidays, kinds()[v1.RunExceptionKind_RUN_EXCEPTION_KIND_PAUSED])
	require.Equal(t, "NOTHING_TO_SKIP", x.rpc(x.p.token, "ScheduleService/SkipNext", &v1.SkipNextRequest{OrgId: x.org, WorkspaceId: x.ws, ScheduleId: made.GetId()}).reason)
}

// EC2 starts a thousand at once and then two a second: what does not fit into the
// window is said, with the time at which to begin.
func TestAPreviewSaysWhatTheProviderDoesNotTake(t *testing.T) {
	t.Parallel()
	x := newTimetables(t)
	x.exec(`INSERT INTO resources (org_id, workspace_id, id, cloud_account_id, kind, provider_id, name, region, zone, type, state, tags, seen_at)
		SELECT $1, $2, gen_random_uuid(), $3, 'aws.ec2.instance', 'i-many' || i, 'many-' || i, 'us-east-1', 'a', 't3.micro', 'stopped', '{}', now() FROM generate_series(1, 3400) i`,
		x.p.org, x.p.workspace, x.e.account)
	many := &v1.TargetSelector{NamePrefix: "many-"}
	got := x.preview(&v1.PreviewScheduleRequest{Rule: rule(), Selector: many}).GetRateWarnings()
	require.Len(t, got, 1, "of a start alone: stops are taken ten times as fast")
	require.Equal(t, v1.ResourceState_RESOURCE_STATE_RUNNING, got[0].GetWanted())
	require.EqualValues(t, 3400, got[0].GetTargetCount())
	require.EqualValues(t, 1200, got[0].GetNeededSeconds())
	require.EqualValues(t, 1000+2*600, got[0].GetFittingCount())
	require.Equal(t, "07:40", got[0].GetEarlierTime())
	require.Empty(t, x.preview(&v1.PreviewScheduleRequest{Rule: rule(), Selector: many, CatchUpMinutes: 30}).GetRateWarnings())
	matched := get(x.world, x.p.token, "ScheduleService/PreviewTargets", &v1.PreviewTargetsRequest{OrgId: x.org, WorkspaceId: x.ws, Selector: many}, &v1.PreviewTargetsResponse{})
	require.EqualValues(t, 3400, matched.GetMatchedCount())
	require.Len(t, matched.GetResources(), 50)
}

func TestPreviewTargetsIsWhatASelectorMatches(t *testing.T) {
	t.Parallel()
	x := newTimetables(t)
	x.machine(x.e, "dev-1", "running", "us-east-1", map[string]string{"env": "dev", "team": "a"})
	x.machine(x.e, "dev-2", "running", "us-east-1", map[string]string{"env": "qa", "team": "b"})
	x.machine(x.e, "Dev-3", "running", "sa-east-1", map[string]string{"env": "prod"})
	for name, c := range map[string]struct {
		s    *v1.TargetSelector
		want int32
	}{
		"one of two values": {&v1.TargetSelector{Tags: []*v1.TagMatch{{Key: "env", Values: []string{"dev", "qa"}}}}, 2},
		"any value":         {&v1.TargetSelector{Tags: []*v1.TagMatch{{Key: "env"}}}, 3},
		"both tags":         {&v1.TargetSelector{Tags: []*v1.TagMatch{{Key: "env"}, {Key: "team", Values: []string{"b"}}}}, 1},
		"capitals count":    {&v1.TargetSelector{NamePrefix: "dev-"}, 2},
		"a region":          {&v1.TargetSelector{Tags: []*v1.TagMatch{{Key: "env"}}, Regions: []string{"sa-east-1"}}, 1},
		"everything":        {&v1.TargetSelector{Everything: true}, 6},
		"nothing":           {&v1.TargetSelector{NamePrefix: "%"}, 0},
		"an underscore":     {&v1.TargetSelector{NamePrefix: "dev_"}, 0},
	} {
		got := get(x.world, x.p.token, "ScheduleService/PreviewTargets", &v1.PreviewTargetsRequest{OrgId: x.org, WorkspaceId: x.ws, Selector: c.s}, &v1.PreviewTargetsResponse{})
		require.Equal(t, c.want, got.GetMatchedCount(), name)
		require.Len(t, got.GetResources(), int(c.want), name)
	}
}

func TestHoldsHaveAnEnd(t *testing.T) {
	t.Parallel()
	x := newTimetables(t)
	hold := func(until time.Time, subject string) answer {
		return x.rpc(x.p.token, "ScheduleService/CreateHold", &v1.CreateHoldRequest{
			OrgId: x.org, WorkspaceId: x.ws, Subject: &v1.CreateHoldRequest_ResourceId{ResourceId: subject}, Reason: "Motivo", UntilTime: timestamppb.New(until),
		})
	}
	machine := x.e.resources[0].String()
	require.Equal(t, "VALIDATION", hold(time.Now().Add(-time.Minute), machine).reason)
	require.Equal(t, "VALIDATION", hold(time.Now().AddDate(2, 0, 0), machine).reason)
	require.Equal(t, "NOT_FOUND", hold(time.Now().Add(time.Hour), uuid.NewString()).reason)
	for range 3 {
		hold(time.Now().Add(time.Hour), machine).ok(t)
	}
	list := func(m *v1.ListHoldsRequest) *v1.ListHoldsResponse {
		m.OrgId, m.WorkspaceId = x.org, x.ws
		return get(x.world, x.p.token, "ScheduleService/ListHolds", m, &v1.ListHoldsResponse{})
	}
	first := list(&v1.ListHoldsRequest{PageSize: 3})
	require.Len(t, first.GetHolds(), 3)
	require.Equal(t, "web-1", first.GetHolds()[0].GetSubjectName())
	rest := list(&v1.ListHoldsRequest{PageSize: 3, PageToken: first.GetNextPageToken()})
	require.Len(t, rest.GetHolds(), 1)
	id := first.GetHolds()[0].GetId()
	for range 2 { // ending it again changes nothing
		ended := get(x.world, x.p.token, "ScheduleService/EndHold", &v1.EndHoldRequest{OrgId: x.org, WorkspaceId: x.ws, HoldId: id}, &v1.EndHoldResponse{})
		require.Equal(t, "Ana", ended.GetHold().GetEndedByName())
	}
	require.Equal(t, 1, one[int](x.world, `SELECT count(*)::int FROM audit_log WHERE action = 'hold.end'`))
	require.Len(t, list(&v1.ListHoldsRequest{InForce: true}).GetHolds(), 3)
	require.Len(t, list(&v1.ListHoldsRequest{}).GetHolds(), 4)
}

// Paused schedules come last, through pages too.
func TestPausedSchedulesComeLast(t *testing.T) {
	t.Parallel()
	x := newTimetables(t)
	var ids []string
	for _, start := range []string{"09:00", "10:00", "11:00", "12:00"} {
		made := get(x.world, x.p.token, "ScheduleService/CreateSchedule", &v1.CreateScheduleRequest{
			OrgId: x.org, WorkspaceId: x.ws, Name: start, Rule: &v1.ScheduleRule{StartTime: start, Weekdays: workdays, TimeZone: "UTC"}, ResourceIds: texts(x.e.resources[1:2]),
		}, &v1.CreateScheduleResponse{}).GetSchedule()
		ids = append(ids, made.GetId())
	}
	for _, id := range ids[:2] {
		x.rpc(x.p.token, "ScheduleService/PauseSchedule", &v1.PauseScheduleRequest{OrgId: x.org, WorkspaceId: x.ws, ScheduleId: id}).ok(t)
	}
	var seen []string
	for token := ""; ; {
		got := get(x.world, x.p.token, "ScheduleService/ListSchedules", &v1.ListSchedulesRequest{OrgId: x.org, WorkspaceId: x.ws, PageSize: 2, PageToken: token}, &v1.ListSchedulesResponse{})
		for _, s := range got.GetSchedules() {
			seen = append(seen, s.GetId())
		}
		if token = got.GetNextPageToken(); token == "" {
			break
		}
	}
	require.Len(t, seen, 5)
	require.ElementsMatch(t, ids[:2], seen[3:])
	wrong := x.rpc(x.p.token, "ScheduleService/RunNow", &v1.RunNowRequest{OrgId: x.org, WorkspaceId: x.ws, ScheduleId: ids[2], Wanted: v1.ResourceState_RESOURCE_STATE_STOPPED})
	require.Equal(t, "VALIDATION", wrong.reason, "it only starts")
}

func TestImportOfSchedules(t *testing.T) {
	t.Parallel()
	x := newTimetables(t)
	x.machine(x.e, "duplo", "running", "sa-east-1", nil)
	x.machine(x.e, "duplo", "running", "us-east-1", nil)
	run := func(csv string, dry bool, request string) *v1.ImportSchedulesResponse {
		t.Helper()
		return get(x.world, x.p.token, "ScheduleService/ImportSchedules", &v1.ImportSchedulesRequest{OrgId: x.org, WorkspaceId: x.ws, Csv: csv, DryRun: dry, RequestId: request}, &v1.ImportSchedulesResponse{})
	}
	const good = "\ufeffname;start;stop;days;time_zone;resources;tags;name_prefix;accounts;calendars;catch_up_minutes\r\n" +
		"Dev;7:00;19:00;úteis;;;env=dev|env=qa|team;;;br;30\r\n" +
		"\"Fim; de mês\";;22:30;15|31;America/New_York;;;web-;;;\r\n" +
		"Uma;08:00;;seg|qua|sex;;web-2;;;;;\r\n"
	before := x.contents()
	dry := run(good, true, "")
	require.False(t, dry.GetImported())
	require.Len(t, dry.GetLines(), 3)
	for i, l := range dry.GetLines() {
		require.Empty(t, l.GetProblems(), l)
		require.EqualValues(t, i+2, l.GetLine())
		require.NotNil(t, l.GetNextTime())
		require.Empty(t, l.GetScheduleId())
	}
	require.Equal(t, before, x.contents(), "a report stores nothing")

	request := uuid.NewString()
	done := run(good, false, request)
	require.True(t, done.GetImported())
	require.True(t, run(good, false, request).GetImported(), "again: it was made then")
	require.Equal(t, 4, one[int](x.world, `SELECT count(*)::int FROM schedules`), "the estate's own, and three")
	got := get(x.world, x.p.token, "ScheduleService/GetSchedule", &v1.GetScheduleRequest{OrgId: x.org, WorkspaceId: x.ws, ScheduleId: done.GetLines()[0].GetScheduleId()}, &v1.GetScheduleResponse{}).GetSchedule()
	require.Equal(t, "07:00", got.GetRule().GetStartTime())
	require.Equal(t, []string{"br"}, got.GetRule().GetCalendarIds())
	require.EqualValues(t, 30, got.GetCatchUpMinutes())
	require.Equal(t, []string{"dev", "qa"}, got.GetSelector().GetTags()[0].GetValues())
	require.Empty(t, got.GetSelector().GetTags()[1].GetValues())

	// Every line that is wrong says what, and none is made.
	const bad = "name,start,stop,days,time_zone,resources,tags,catch_up_minutes\n" +
		"Boa,07:00,,daily,,web-1,,\n" +
		",07:00,07:00,daily,,web-1,,\n" +
		"Hora,25:00,,daily,,web-1,,\n" +
		"Dia,07:00,,feriado,,web-1,,\n" +
		"Zona,07:00,,daily,Mars/Olympus,web-1,,\n" +
		"Nome,07:00,,daily,,ninguém|duplo,,\n" +
		"Janela,07:00,,daily,,web-1,,999\n" +
		"Nada,07:00,,daily,,,,\n"
	report := run(bad, false, "")
	require.False(t, report.GetImported())
	var said []string
	for _, l := range report.GetLines() {
		require.Empty(t, l.GetScheduleId())
		for _, p := range l.GetProblems() {
			said = append(said, l.GetName()+" "+p.GetColumn()+" "+p.GetReason())
		}
	}
	require.Equal(t, []string{
		" name VALIDATION", "Hora start VALIDATION", "Dia days VALIDATION", "Zona time_zone TIME_ZONE_UNKNOWN", "Nome resources NOT_FOUND",
		"Nome resources AMBIGUOUS_NAME", "Janela catch_up_minutes VALIDATION", "Nada resources VALIDATION",
	}, said)
	require.Equal(t, 4, one[int](x.world, `SELECT count(*)::int FROM schedules`))

	for name, csv := range map[string]string{
		"no CSV":            "name,days\n\"unclosed,daily\n",
		"an unknown column": "name,days,action\nx,daily,stop\n",
		"a column twice":    "name,days,name\nx,daily,y\n",
		"no days":           "name,start\nx,07:00\n",
		"no line":           "name,days\n",
		"too many cells":    "name,days\nx,daily,more\n",
		"too many lines":    "name,days\n" + strings.Repeat("x,daily\n", 501),
	} {
		a := x.rpc(x.p.token, "ScheduleService/ImportSchedules", &v1.ImportSchedulesRequest{OrgId: x.org, WorkspaceId: x.ws, Csv: csv})
		require.Equal(t, "VALIDATION", a.reason, name)
		require.Equal(t, []string{"csv"}, a.fields, name)
	}
}
