package server_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db/dbtest"
	"github.com/cloudhub/cloudhub/internal/platform/egress"
	"github.com/cloudhub/cloudhub/internal/schedule"
	"github.com/cloudhub/cloudhub/server"
)

func days(list ...string) *v1.CalendarDays {
	out := &v1.CalendarDays{}
	for _, d := range list {
		out.Days = append(out.Days, &v1.CalendarDay{Date: d, Name: "Dia " + d})
	}
	return out
}

func ofDays(p person, name string, list ...string) *v1.CreateCalendarRequest {
	return &v1.CreateCalendarRequest{OrgId: p.org.String(), Name: name, Content: &v1.CreateCalendarRequest_Days{Days: days(list...)}}
}

func ofAddress(p person, address string) *v1.CreateCalendarRequest {
	return &v1.CreateCalendarRequest{OrgId: p.org.String(), Name: "Publicado", Content: &v1.CreateCalendarRequest_Address{Address: address}}
}

func ofFile(p person, file string) *v1.CreateCalendarRequest {
	return &v1.CreateCalendarRequest{OrgId: p.org.String(), Name: "Do arquivo", Content: &v1.CreateCalendarRequest_File{File: file}}
}

func (w *world) createCalendar(p person, req *v1.CreateCalendarRequest) *v1.Calendar {
	w.t.Helper()
	out := &v1.CreateCalendarResponse{}
	a := w.rpc(p.token, "CalendarService/CreateCalendar", req)
	a.ok(w.t)
	a.into(w.t, out)
	return out.GetCalendar()
}

func (w *world) updateCalendar(p person, req *v1.UpdateCalendarRequest) *v1.Calendar {
	w.t.Helper()
	out := &v1.UpdateCalendarResponse{}
	req.OrgId = p.org.String()
	a := w.rpc(p.token, "CalendarService/UpdateCalendar", req)
	a.ok(w.t)
	a.into(w.t, out)
	return out.GetCalendar()
}

func (w *world) getCalendar(p person, calendar string, year int32) (*v1.Calendar, []string) {
	w.t.Helper()
	out := &v1.GetCalendarResponse{}
	a := w.rpc(p.token, "CalendarService/GetCalendar", &v1.GetCalendarRequest{OrgId: p.org.String(), WorkspaceId: p.workspace.String(), CalendarId: calendar, Year: year})
	a.ok(w.t)
	a.into(w.t, out)
	list := []string{}
	for _, d := range out.GetDays() {
		list = append(list, d.GetDate()+" "+d.GetName())
	}
	return out.GetCalendar(), list
}

func (w *world) listCalendars(p person) []*v1.Calendar {
	w.t.Helper()
	out := &v1.ListCalendarsResponse{}
	a := w.rpc(p.token, "CalendarService/ListCalendars", &v1.ListCalendarsRequest{OrgId: p.org.String(), WorkspaceId: p.workspace.String()})
	a.ok(w.t)
	a.into(w.t, out)
	return out.GetCalendars()
}

func (w *world) agendaOf(subject string) []string {
	w.t.Helper()
	return column[string](w, `SELECT kind FROM agenda WHERE subject = $1 ORDER BY kind`, subject)
}

func TestCalendarsOfDays(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	req := ofDays(p, " Feriados da cidade ", "2026-12-08", "2027-01-25", "2025-01-25")
	req.RequestId = uuid.NewString()
	made := w.createCalendar(p, req)
	require.Equal(t, "Feriados da cidade", made.GetName())
	require.Equal(t, v1.CalendarSource_CALENDAR_SOURCE_DAYS, made.GetSource())
	require.EqualValues(t, 3, made.GetDayCount())
	require.Nil(t, made.GetRefreshTime())
	require.Nil(t, made.GetNextRefreshTime())
	require.Equal(t, made.GetId(), w.createCalendar(p, req).GetId(), "asked again")
	other := ofDays(p, "Outro", "2026-12-08")
	other.RequestId = req.RequestId
	w.rpc(p.token, "CalendarService/CreateCalendar", other).refused(t, "REQUEST_ID_REUSED")
	require.Empty(t, w.agendaOf(made.GetId()))

	w.createCalendar(p, ofDays(p, "aniversários", "2026-11-30"))
	var names []string
	for _, c := range w.listCalendars(p) {
		names = append(names, c.GetName())
	}
	require.Equal(t, []string{"Feriados nacionais do Brasil", "aniversários", "Feriados da cidade"}, names)

	_, list := w.getCalendar(p, made.GetId(), 2026)
	require.Equal(t, []string{"2026-12-08 Dia 2026-12-08"}, list)
	year := time.Now().UTC().Year()
	moved := w.updateCalendar(p, &v1.UpdateCalendarRequest{CalendarId: made.GetId(), Name: "Feriados", Etag: made.GetEtag(), Content: &v1.UpdateCalendarRequest_Days{
		Days: days(fmt.Sprint(year-1, "-05-01"), fmt.Sprint(year, "-05-01"), fmt.Sprint(year+1, "-05-01"), fmt.Sprint(year+2, "-05-01")),
	}})
	require.NotEqual(t, made.GetEtag(), moved.GetEtag())
	_, list = w.getCalendar(p, made.GetId(), 0)
	require.Equal(t, []string{fmt.Sprintf("%d-05-01 Dia %[1]d-05-01", year), fmt.Sprintf("%d-05-01 Dia %[1]d-05-01", year+1)}, list, "this year and the next")
	a := w.rpc(p.token, "CalendarService/UpdateCalendar", &v1.UpdateCalendarRequest{OrgId: p.org.String(), CalendarId: made.GetId(), Name: "Tarde", Etag: made.GetEtag()})
	a.refused(t, "CONFLICT")
	renamed := w.updateCalendar(p, &v1.UpdateCalendarRequest{CalendarId: made.GetId(), Name: "Só o nome"})
	require.EqualValues(t, 4, renamed.GetDayCount(), "what it holds stays")

	w.rpc(p.token, "CalendarService/DeleteCalendar", &v1.DeleteCalendarRequest{OrgId: p.org.String(), CalendarId: made.GetId()}).ok(t)
	for procedure, msg := range map[string]interface{ answer() answer }{
		"get":     asked{w, p, "GetCalendar", &v1.GetCalendarRequest{OrgId: p.org.String(), WorkspaceId: p.workspace.String(), CalendarId: made.GetId()}},
		"update":  asked{w, p, "UpdateCalendar", &v1.UpdateCalendarRequest{OrgId: p.org.String(), CalendarId: made.GetId(), Name: "x"}},
		"delete":  asked{w, p, "DeleteCalendar", &v1.DeleteCalendarRequest{OrgId: p.org.String(), CalendarId: made.GetId()}},
		"refresh": asked{w, p, "RefreshCalendar", &v1.RefreshCalendarRequest{OrgId: p.org.String(), CalendarId: made.GetId()}},
		"no id":   asked{w, p, "GetCalendar", &v1.GetCalendarRequest{OrgId: p.org.String(), WorkspaceId: p.workspace.String(), CalendarId: "us"}},
	} {
		got := msg.answer()
		require.Equal(t, "NOT_FOUND", got.reason, "%s: %s", procedure, got.body)
	}
	require.Equal(t, []string{"calendar.create", "calendar.create", "calendar.update", "calendar.update", "calendar.delete"},
		column[string](w, `SELECT action FROM audit_log WHERE org_id = $1 AND subject_kind = 'calendar' ORDER BY id`, p.org))
}

func TestTheBuiltInCalendar(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	e := w.estate(p.org, p.workspace)
	w.exec(`UPDATE schedules SET rule = rule || '{"calendars":["br"]}' WHERE id = $1`, e.schedule)
	out := &v1.GetCalendarResponse{}
	a := w.rpc(p.token, "CalendarService/GetCalendar", &v1.GetCalendarRequest{OrgId: p.org.String(), WorkspaceId: p.workspace.String(), CalendarId: "br", Year: 2026})
	a.ok(t)
	a.into(t, out)
	require.EqualValues(t, 1, out.GetCalendar().GetScheduleCount())
	require.Equal(t, v1.CalendarSource_CALENDAR_SOURCE_BUILT_IN, out.GetCalendar().GetSource())
	require.Len(t, out.GetDays(), len(schedule.Brazil(2026)))
	require.Equal(t, "2026-01-01", out.GetDays()[0].GetDate())
	last := out.GetDays()[len(out.GetDays())-1]
	require.Equal(t, []string{"2026-12-25", "Natal"}, []string{last.GetDate(), last.GetName()})
	for _, d := range out.GetDays() {
		require.Contains(t, d.GetLaw(), "Lei", d)
	}
	_, list := w.getCalendar(p, "br", 0)
	require.Len(t, list, int(w.listCalendars(p)[0].GetDayCount()))
	for _, name := range []string{"UpdateCalendar", "DeleteCalendar", "RefreshCalendar"} {
		a := w.post(p.token, "CalendarService/"+name, asJSON, fmt.Appendf(nil, `{"orgId":%q,"calendarId":"br","name":"x"}`, p.org))
		require.NotEqual(t, 200, a.status, name)
	}
}

// asked is one call, made when its turn comes.
type asked struct {
	w      *world
	p      person
	method string
	msg    proto.Message
}

func (a asked) answer() answer { return a.w.rpc(a.p.token, "CalendarService/"+a.method, a.msg) }

func TestCalendarsThatAreRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	before := w.contents()
	for _, c := range []struct {
		req           *v1.CreateCalendarRequest
		reason, field string
	}{
		{ofDays(p, "x", "2026-02-30"), "VALIDATION", "days.days[0].date"},
		{ofDays(p, "x", "2026-02-01", "2026-02-01"), "VALIDATION", "days.days[1].date"},
		{ofDays(p, "x", "0000-01-01"), "VALIDATION", "days.days[0].date"},
		{ofDays(p, "x"), "VALIDATION", "days.days"},
		{ofFile(p, "<!doctype html><title>Entrar</title>"), "CALENDAR_UNREADABLE", "file"},
		{ofFile(p, "\x00"), "VALIDATION", "file"},
		{ofAddress(p, "http://calendars.example.com/x.ics"), "ADDRESS_REFUSED", "address"},
		{ofAddress(p, "ftp://calendars.example.com/x.ics"), "ADDRESS_REFUSED", "address"},
		{ofAddress(p, "https://127.0.0.1/x.ics"), "ADDRESS_REFUSED", "address"},
		{ofAddress(p, "https://169.254.169.254/latest/meta-data/"), "ADDRESS_REFUSED", "address"},
		{ofAddress(p, "https://ana:senha@calendars.example.com/x.ics"), "ADDRESS_REFUSED", "address"},
		{ofAddress(p, "webcal://localhost/x.ics"), "ADDRESS_REFUSED", "address"},
		{ofAddress(p, "calendars.example.com/x.ics"), "ADDRESS_REFUSED", "address"},
	} {
		a := w.rpc(p.token, "CalendarService/CreateCalendar", c.req)
		require.Equal(t, c.reason, a.reason, "%v: %s", c.req, a.body)
		require.Equal(t, []string{c.field}, a.fields, "%v", c.req)
		if c.reason != "VALIDATION" {
			require.NotEmpty(t, a.meta["why"])
		}
	}
	require.Equal(t, before, w.contents())
}

func TestAnOrganizationHasSoManyCalendars(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	for i := range 49 {
		w.exec(`INSERT INTO calendars (org_id, id, name, source) VALUES ($1, $2, $3, 'days')`, p.org, dbtest.NewID(t), strconv.Itoa(i))
	}
	last := w.createCalendar(p, ofDays(p, "o último", "2026-12-08"))
	a := w.rpc(p.token, "CalendarService/CreateCalendar", ofDays(p, "mais um", "2026-12-08"))
	a.refused(t, "LIMIT_REACHED")
	require.Equal(t, "50", a.meta["limit"])
	w.rpc(p.token, "CalendarService/DeleteCalendar", &v1.DeleteCalendarRequest{OrgId: p.org.String(), CalendarId: last.GetId()}).ok(t)
	w.createCalendar(p, ofDays(p, "mais um", "2026-12-08"))
	require.Len(t, w.listCalendars(p), 51)
}

const iCal = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;VALUE=DATE:%s\r\nSUMMARY:Dia da cidade\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"

func TestACalendarOfAFile(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	day := schedule.DayOf(time.Now().UTC()).Add(40)
	c := w.createCalendar(p, ofFile(p, fmt.Sprintf(iCal, strings.ReplaceAll(day.String(), "-", ""))))
	require.Equal(t, v1.CalendarSource_CALENDAR_SOURCE_FILE, c.GetSource())
	require.NotNil(t, c.GetRefreshTime())
	_, list := w.getCalendar(p, c.GetId(), int32(day.Year))
	require.Equal(t, []string{day.String() + " Dia da cidade"}, list)
	a := w.rpc(p.token, "CalendarService/UpdateCalendar", &v1.UpdateCalendarRequest{
		OrgId: p.org.String(), CalendarId: c.GetId(), Name: "x", Content: &v1.UpdateCalendarRequest_File{File: "nada"}})
	a.refused(t, "CALENDAR_UNREADABLE")
	_, list = w.getCalendar(p, c.GetId(), int32(day.Year))
	require.Len(t, list, 1)
	w.rpc(p.token, "CalendarService/RefreshCalendar", &v1.RefreshCalendarRequest{OrgId: p.org.String(), CalendarId: c.GetId()}).refused(t, "NOT_FOUND")
}

// The server reads no address: it puts the reading on the agenda, and says so.
func TestACalendarOfAnAddress(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	c := w.createCalendar(p, ofAddress(p, " WEBCAL://calendars.example.com:8443/ical/canary-path/feriados.ics?key=canary-secret#topo "))
	require.Equal(t, "https://calendars.example.com:8443/…", c.GetAddress())
	require.Equal(t, "https://calendars.example.com:8443/ical/canary-path/feriados.ics?key=canary-secret", one[string](w, `SELECT address FROM calendars WHERE id = $1`, c.GetId()))
	require.Equal(t, []string{"calendar", "calendar-clock"}, w.agendaOf(c.GetId()))
	require.Nil(t, c.GetRefreshTime())
	require.NotNil(t, c.GetNextRefreshTime())
	askedTimes := func() int64 {
		return one[int64](w, `SELECT asked FROM agenda WHERE kind = 'calendar' AND subject = $1`, c.GetId())
	}
	before := askedTimes()
	w.rpc(p.token, "CalendarService/RefreshCalendar", &v1.RefreshCalendarRequest{OrgId: p.org.String(), CalendarId: c.GetId()}).ok(t)
	require.Equal(t, before+1, askedTimes())

	w.exec(`UPDATE calendars SET refreshed_at = now(), validators = '{"etag":"x"}', last_error = 'CALENDAR_UNREACHABLE', failing_since = now() WHERE id = $1`, c.GetId())
	w.exec(`INSERT INTO calendar_days VALUES ($1, $2, '2026-12-08', 'Padroeira')`, p.org, c.GetId())
	update := func(address string) *v1.Calendar {
		return w.updateCalendar(p, &v1.UpdateCalendarRequest{CalendarId: c.GetId(), Name: "x", Content: &v1.UpdateCalendarRequest_Address{Address: address}})
	}
	same := update("https://calendars.example.com:8443/ical/canary-path/feriados.ics?key=canary-secret")
	require.Equal(t, "CALENDAR_UNREACHABLE", same.GetLastError())
	require.Equal(t, before+2, askedTimes())
	moved := update("https://calendars.example.com/outro.ics")
	require.Empty(t, moved.GetLastError())
	require.EqualValues(t, 1, moved.GetDayCount(), "until the other has been read")
	require.NotNil(t, moved.GetRefreshTime())
	require.Equal(t, before+3, askedTimes())
	require.True(t, one[bool](w, `SELECT validators IS NULL AND failing_since IS NULL FROM calendars WHERE id = $1`, c.GetId()))

	byHand := w.updateCalendar(p, &v1.UpdateCalendarRequest{CalendarId: c.GetId(), Name: "x", Content: &v1.UpdateCalendarRequest_Days{Days: days("2026-12-09")}})
	require.Empty(t, byHand.GetAddress())
	require.Nil(t, byHand.GetNextRefreshTime())
	require.Empty(t, w.agendaOf(c.GetId()))
	update("https://calendars.example.com/outro.ics")
	require.Len(t, w.agendaOf(c.GetId()), 2)
	w.rpc(p.token, "CalendarService/DeleteCalendar", &v1.DeleteCalendarRequest{OrgId: p.org.String(), CalendarId: c.GetId()}).ok(t)
	require.Empty(t, w.agendaOf(c.GetId()))
	for _, row := range column[string](w, `SELECT coalesce(before::text, '') || coalesce(after::text, '') FROM audit_log WHERE subject_kind = 'calendar'`) {
		require.NotContains(t, row, "canary")
	}
	require.NotContains(t, w.logs.String(), "canary")
}

// Where a calendar is published may be a secret, in its path as well as in its
// query ("secret address in iCal format"): no answer has more than its host, for
// whoever may change calendars no more than for whoever may only see them.
func TestTheAddressOfACalendarIsNotGivenBack(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	const secret = "https://calendar.example.com/ical/ana%40example.com/private-canary0123/basic.ics"
	create := ofAddress(p, secret)
	create.RequestId = uuid.NewString()
	id := w.createCalendar(p, create).GetId()
	org, ws := p.org.String(), p.workspace.String()
	viewer := w.member("Bia", p.org, p.workspace, "viewer", "")
	for name, ask := range map[string]asked{
		"create again":   {w, p, "CreateCalendar", create},
		"list":           {w, p, "ListCalendars", &v1.ListCalendarsRequest{OrgId: org, WorkspaceId: ws}},
		"list, a viewer": {w, viewer, "ListCalendars", &v1.ListCalendarsRequest{OrgId: org, WorkspaceId: ws}},
		"get":            {w, p, "GetCalendar", &v1.GetCalendarRequest{OrgId: org, WorkspaceId: ws, CalendarId: id}},
		"get, a viewer":  {w, viewer, "GetCalendar", &v1.GetCalendarRequest{OrgId: org, WorkspaceId: ws, CalendarId: id}},
		"rename":         {w, p, "UpdateCalendar", &v1.UpdateCalendarRequest{OrgId: org, CalendarId: id, Name: "Outro nome"}},
		"the same":       {w, p, "UpdateCalendar", &v1.UpdateCalendarRequest{OrgId: org, CalendarId: id, Name: "x", Content: &v1.UpdateCalendarRequest_Address{Address: secret}}},
		"refresh":        {w, p, "RefreshCalendar", &v1.RefreshCalendarRequest{OrgId: org, CalendarId: id}},
	} {
		got := ask.answer()
		got.ok(t)
		require.Contains(t, string(got.body), "https://calendar.example.com/…", name)
		require.NotContains(t, string(got.body), "canary", name)
		require.NotContains(t, string(got.body), "ical/", name)
	}
	require.Equal(t, secret, one[string](w, `SELECT address FROM calendars WHERE id = $1`, id), "the worker reads it from there")
	// What is refused is not repeated either: not to whoever sent it, not to the log.
	for _, address := range []string{"http://calendar.example.com/private-canary0123/basic.ics", "https://calendar.example.com:99/private-canary0123", "private-canary0123", "https://[private-canary0123/"} {
		got := w.rpc(p.token, "CalendarService/CreateCalendar", ofAddress(p, address))
		got.refused(t, "ADDRESS_REFUSED")
		require.NotContains(t, string(got.body), "canary", address)
	}
	for _, row := range column[string](w, `SELECT coalesce(before::text, '') || coalesce(after::text, '') FROM audit_log WHERE org_id = $1`, p.org) {
		require.NotContains(t, row, "canary")
	}
	require.NotContains(t, w.logs.String(), "canary")
}

func TestTheOperatorMayAllowAddressesOfHisOwn(t *testing.T) {
	t.Parallel()
	w := setup(t, func(d *server.Deps) {
		d.Egress = egress.Policy{HTTP: true, Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	})
	p := w.register("Ana")
	require.Equal(t, "http://127.0.0.1:8080/…", w.createCalendar(p, ofAddress(p, "http://127.0.0.1:8080/x.ics")).GetAddress())
	w.rpc(p.token, "CalendarService/CreateCalendar", ofAddress(p, "http://127.0.0.1:5432/x.ics")).refused(t, "ADDRESS_REFUSED")
}

// keeping makes a schedule keep to calendars: from its start each day, half a day
// away, or a pair whose start is that.
func (w *world) keeping(e estate, start, stop int, calendars ...string) (first time.Time) {
	w.t.Helper()
	rule := schedule.Rule{Weekdays: []time.Weekday{0, 1, 2, 3, 4, 5, 6}, Zone: "America/Sao_Paulo", Calendars: calendars}
	if start >= 0 {
		rule.Start = &start
	}
	if stop >= 0 {
		rule.Stop = &stop
	}
	raw, err := json.Marshal(rule)
	require.NoError(w.t, err)
	run, ok, err := rule.Next(time.Now(), nil)
	require.NoError(w.t, err)
	require.True(w.t, ok)
	w.exec(`UPDATE schedules SET rule = $2, next_at = $3, next_wanted = $4 WHERE id = $1`, e.schedule, raw, run.At, string(run.Wanted))
	w.exec(`UPDATE agenda SET due_at = $2, look_at = $2 WHERE kind = 'timetable' AND subject = $1`, e.workspace, run.At)
	for _, c := range calendars {
		w.exec(`INSERT INTO schedule_calendars (org_id, workspace_id, schedule_id, calendar_id) VALUES ($1, $2, $3, $4)`, e.org, e.workspace, e.schedule, c)
	}
	return run.At
}

// minuteOfDay is the minute of the day in São Paulo at a moment.
func minuteOfDay(at time.Time) int {
	zone, err := time.LoadLocation("America/Sao_Paulo")
	if err != nil {
		panic(err)
	}
	h, m, _ := at.In(zone).Clock()
	return h*60 + m
}

func dayThere(at time.Time) schedule.Day {
	zone, err := time.LoadLocation("America/Sao_Paulo")
	if err != nil {
		panic(err)
	}
	return schedule.DayOf(at.In(zone))
}

func (w *world) nextOf(id uuid.UUID) string {
	w.t.Helper()
	return one[string](w, `SELECT coalesce(to_char(next_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI'), '-') || ' ' || coalesce(next_wanted, '-') FROM schedules WHERE id = $1`, id)
}

func (w *world) clockOf(ws uuid.UUID) string {
	w.t.Helper()
	return strings.Join(column[string](w, `SELECT to_char(due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI') FROM agenda WHERE kind = 'timetable' AND subject = $1`, ws.String()), " ")
}

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04") }

func TestSchedulesFollowTheirCalendar(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	e := w.estate(p.org, p.workspace)
	c := w.createCalendar(p, ofDays(p, "Feriados", "2020-01-01"))
	set := func(list ...string) {
		t.Helper()
		w.updateCalendar(p, &v1.UpdateCalendarRequest{CalendarId: c.GetId(), Name: "Feriados", Content: &v1.UpdateCalendarRequest_Days{Days: days(list...)}})
	}
	first := w.keeping(e, minuteOfDay(time.Now().Add(12*time.Hour)), -1, c.GetId())
	second := first.AddDate(0, 0, 1)
	beside := dbtest.NewID(t) // keeps to no calendar
	w.schedule(e, beside, "Outro", first.Add(5*time.Minute))
	aside := w.nextOf(beside)

	set(dayThere(first).String())
	require.Equal(t, stamp(second)+" running", w.nextOf(e.schedule), "the day is a holiday now")
	require.Equal(t, stamp(first.Add(5*time.Minute)), w.clockOf(e.workspace), "the other comes first")
	require.Equal(t, aside, w.nextOf(beside))
	w.exec(`DELETE FROM schedules WHERE id = $1`, beside)
	set(dayThere(first).String(), dayThere(second).String())
	require.Equal(t, stamp(first.AddDate(0, 0, 2))+" running", w.nextOf(e.schedule))
	require.Equal(t, stamp(first.AddDate(0, 0, 2)), w.clockOf(e.workspace))
	set("2020-01-01")
	require.Equal(t, stamp(first)+" running", w.nextOf(e.schedule), "and none any more")
	require.Equal(t, stamp(first), w.clockOf(e.workspace))

	// Nothing is left within reach.
	every := make([]string, 0, 2000)
	for i := range 2000 {
		every = append(every, dayThere(first).Add(i-1).String())
	}
	w.exec(`UPDATE schedules SET rule = jsonb_set(rule, '{weekdays}', '[1]') WHERE id = $1`, e.schedule)
	set(every...)
	require.NotEqual(t, stamp(first)+" running", w.nextOf(e.schedule))
	w.exec(`INSERT INTO calendar_days SELECT $1, $2, d::date, '' FROM generate_series('2030-01-01'::date, '2045-01-01'::date, '1 day') d ON CONFLICT DO NOTHING`, p.org, c.GetId())
	extra := w.createCalendar(p, ofDays(p, "Outro", "2020-01-01"))
	w.exec(`INSERT INTO schedule_calendars VALUES ($1, $2, $3, $4)`, p.org, p.workspace, e.schedule, extra.GetId())
	w.updateCalendar(p, &v1.UpdateCalendarRequest{CalendarId: extra.GetId(), Name: "Outro", Content: &v1.UpdateCalendarRequest_Days{Days: days("2020-01-02")}})
	require.Equal(t, "- -", w.nextOf(e.schedule), "no day is left within reach")
	require.Empty(t, w.clockOf(e.workspace))
	set("2020-01-01")
	require.NotEqual(t, "- -", w.nextOf(e.schedule), "it comes back")
	require.NotEmpty(t, w.clockOf(e.workspace))
}

// What comes too late for a run leaves it as it is.
func TestAHolidayThatComesTooLate(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	e := w.estate(p.org, p.workspace)
	c := w.createCalendar(p, ofDays(p, "Feriados", "2020-01-01"))
	all := []string{}
	for i := range 5 {
		all = append(all, schedule.DayOf(time.Now().UTC()).Add(i-2).String())
	}
	set := func(list ...string) {
		t.Helper()
		w.updateCalendar(p, &v1.UpdateCalendarRequest{CalendarId: c.GetId(), Name: "Feriados", Content: &v1.UpdateCalendarRequest_Days{Days: days(list...)}})
	}
	operations := `SELECT coalesce(md5(string_agg(x::text, '|')), '') FROM (SELECT * FROM operations UNION ALL SELECT * FROM operations) x`
	claimed := one[string](w, operations)

	// Due, and not claimed yet.
	now := time.Now()
	w.keeping(e, minuteOfDay(now.Add(12*time.Hour)), -1, c.GetId())
	w.exec(`UPDATE schedules SET next_at = now() - interval '1 second' WHERE id = $1`, e.schedule)
	due := w.nextOf(e.schedule)
	set(all...)
	require.Equal(t, due, w.nextOf(e.schedule))
	require.Equal(t, strings.Fields(due)[0], w.clockOf(e.workspace))

	// A pair that has begun stops, and does not stay on over the holiday.
	set("2020-01-01")
	w.exec(`DELETE FROM schedule_calendars`)
	stop := w.keeping(e, minuteOfDay(now.Add(-3*time.Hour)), minuteOfDay(now.Add(3*time.Hour)), c.GetId())
	set(all...)
	require.Equal(t, stamp(stop)+" stopped", w.nextOf(e.schedule))

	// A paused one has no next time, and gets none.
	w.exec(`UPDATE schedules SET next_at = NULL, next_wanted = NULL, paused_at = now(), paused_by_name = 'Ana' WHERE id = $1`, e.schedule)
	set("2020-01-01")
	require.Equal(t, "- -", w.nextOf(e.schedule))
	require.Equal(t, claimed, one[string](w, operations), "what was claimed is not altered")
}

func TestACalendarInUseStays(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	e := w.estate(p.org, p.workspace)
	c := w.createCalendar(p, ofDays(p, "Feriados", "2020-01-01"))
	w.keeping(e, 480, -1, c.GetId())
	other := dbtest.NewID(t)
	w.schedule(e, other, "Outro", time.Now().Add(time.Hour))
	w.exec(`INSERT INTO schedule_calendars VALUES ($1, $2, $3, $4)`, e.org, e.workspace, other, c.GetId())
	got, _ := w.getCalendar(p, c.GetId(), 0)
	require.EqualValues(t, 2, got.GetScheduleCount())
	remove := &v1.DeleteCalendarRequest{OrgId: p.org.String(), CalendarId: c.GetId()}
	a := w.rpc(p.token, "CalendarService/DeleteCalendar", remove)
	a.refused(t, "CALENDAR_IN_USE")
	require.Equal(t, "2", a.meta["count"])
	for _, id := range []uuid.UUID{e.schedule, other} {
		w.rpc(p.token, "ScheduleService/DeleteSchedule", &v1.DeleteScheduleRequest{OrgId: p.org.String(), WorkspaceId: p.workspace.String(), ScheduleId: id.String()}).ok(t)
	}
	got, _ = w.getCalendar(p, c.GetId(), 0)
	require.Zero(t, got.GetScheduleCount())
	w.rpc(p.token, "CalendarService/DeleteCalendar", remove).ok(t)
	require.Zero(t, one[int](w, `SELECT count(*)::int FROM schedule_calendars`))
}
