package e2e

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/cloudhub/cloudhub/activities"
	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
	"github.com/cloudhub/cloudhub/internal/platform/egress"
	"github.com/cloudhub/cloudhub/internal/schedule"
)

// feed publishes a calendar on this machine.
type feed struct {
	t   *testing.T
	url string

	mu     sync.Mutex
	answer http.HandlerFunc
	asked  []http.Header
}

// newFeed listens on a usual port of an address of its own.
func newFeed(t *testing.T) *feed {
	t.Helper()
	f := &feed{t: t}
	var ln net.Listener
	for range 50 {
		var err error
		host := netip.AddrFrom4([4]byte{127, byte(1 + rand.N(250)), byte(1 + rand.N(250)), byte(1 + rand.N(250))})
		if ln, err = net.Listen("tcp", net.JoinHostPort(host.String(), "8080")); err == nil {
			break
		}
	}
	require.NotNil(t, ln, "no address of this machine is free")
	s := &httptest.Server{Listener: ln, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.asked = append(f.asked, r.Header.Clone())
		answer := f.answer
		f.mu.Unlock()
		answer(w, r)
	})}}
	s.Start()
	t.Cleanup(s.Close)
	f.url = s.URL + "/canary-of-the-path/feriados.ics?key=canary-of-the-feed"
	return f
}

func (f *feed) answers(how http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = how
}

// publishes answers with days, and with 304 to who has them already.
func (f *feed) publishes(days ...schedule.Day) {
	text := iCalOf(days...)
	tag := fmt.Sprintf("%q", uuid.NewString())
	f.answers(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("ETag", tag)
		w.Header().Set("Content-Type", "text/calendar; charset=utf-8")
		_, _ = w.Write([]byte(text))
	})
}

func iCalOf(days ...schedule.Day) string {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Cidade//Feriados//PT\r\n")
	for i, d := range days {
		fmt.Fprintf(&b, "BEGIN:VEVENT\r\nUID:%d@example.com\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;VALUE=DATE:%s\r\nSUMMARY:Feriado %s\r\nEND:VEVENT\r\n",
			i, strings.ReplaceAll(d.String(), "-", ""), d)
	}
	b.WriteString("END:VCALENDAR\r\n")
	return b.String()
}

func (f *feed) requests() []http.Header {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.asked)
}

// here lets a world reach feeds.
func here(w *world) {
	w.egress = egress.Policy{HTTP: true, Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
}

func (w *world) addCalendar(address string) string {
	w.t.Helper()
	made, err := w.calendars.CreateCalendar(w.t.Context(), &v1.CreateCalendarRequest{
		OrgId: w.org, Name: "Feriados da cidade", Content: &v1.CreateCalendarRequest_Address{Address: address}})
	require.NoError(w.t, err)
	return made.GetCalendar().GetId()
}

func (w *world) calendar(id string) *v1.Calendar {
	w.t.Helper()
	got, err := w.calendars.GetCalendar(w.t.Context(), &v1.GetCalendarRequest{OrgId: w.org, WorkspaceId: w.ws, CalendarId: id})
	require.NoError(w.t, err)
	return got.GetCalendar()
}

// reread asks for a reading and waits until it has ended.
func (w *world) reread(calendar string) *v1.Calendar {
	w.t.Helper()
	_, err := w.calendars.RefreshCalendar(w.t.Context(), &v1.RefreshCalendarRequest{OrgId: w.org, CalendarId: calendar})
	require.NoError(w.t, err)
	w.settled()
	return w.calendar(calendar)
}

func (w *world) daysOf(calendar string) []string {
	w.t.Helper()
	rows, err := w.db.Owner.Query(w.t.Context(), `SELECT to_char(day, 'YYYY-MM-DD') || ' ' || name FROM calendar_days WHERE calendar_id = $1 ORDER BY day`, calendar)
	require.NoError(w.t, err)
	out := []string{}
	for rows.Next() {
		var s string
		require.NoError(w.t, rows.Scan(&s))
		out = append(out, s)
	}
	require.NoError(w.t, rows.Err())
	return out
}

// keeping makes a schedule that starts once a day, half a day from now, and keeps
// to a calendar.
func (w *world) keeping(calendar string, resources ...string) *v1.Schedule {
	w.t.Helper()
	zone, err := time.LoadLocation("America/Sao_Paulo")
	require.NoError(w.t, err)
	made, err := w.schedules.CreateSchedule(w.t.Context(), &v1.CreateScheduleRequest{
		OrgId: w.org, WorkspaceId: w.ws, Name: "Com feriados", ResourceIds: resources,
		Rule: &v1.ScheduleRule{
			StartTime: time.Now().Add(12 * time.Hour).In(zone).Format("15:04"), Weekdays: []v1.Weekday{1, 2, 3, 4, 5, 6, 7},
			TimeZone: "America/Sao_Paulo", CalendarIds: []string{calendar},
		},
	})
	require.NoError(w.t, err)
	return made.GetSchedule()
}

func (w *world) nextOf(s *v1.Schedule) time.Time {
	w.t.Helper()
	got, err := w.schedules.GetSchedule(w.t.Context(), &v1.GetScheduleRequest{OrgId: w.org, WorkspaceId: w.ws, ScheduleId: s.GetId()})
	require.NoError(w.t, err)
	return got.GetSchedule().GetNextTime().AsTime()
}

func dayOf(t *testing.T, at time.Time) schedule.Day {
	t.Helper()
	zone, err := time.LoadLocation("America/Sao_Paulo")
	require.NoError(t, err)
	return schedule.DayOf(at.In(zone))
}

// A calendar is read from its address, asked for again by what it said of itself,
// and moves schedules when it changes. When it cannot be read, it says why and
// goes on holding what it held.
func TestACalendarIsReadFromItsAddress(t *testing.T) {
	t.Parallel()
	w, _ := smallWorld(t, here)
	f := newFeed(t)
	far := schedule.DayOf(time.Now().UTC()).Add(200)
	f.publishes(far)
	calendar := w.addCalendar(f.url)
	w.eventually("it is read", func() bool { return w.calendar(calendar).GetRefreshTime() != nil })
	w.settled()
	read := w.calendar(calendar)
	require.EqualValues(t, 1, read.GetDayCount())
	require.Empty(t, read.GetLastError())
	require.Equal(t, []string{far.String() + " Feriado " + far.String()}, w.daysOf(calendar))
	require.Empty(t, f.requests()[0].Get("If-None-Match"))
	require.Contains(t, f.requests()[0].Get("User-Agent"), "CloudHub")

	pair := w.keeping(calendar, ids(w.machines(), sim.SmallRunning)...)
	first := pair.GetNextTime().AsTime()
	same := w.reread(calendar)
	require.NotEmpty(t, f.requests()[1].Get("If-None-Match"), "asked whether it has changed")
	require.True(t, same.GetRefreshTime().AsTime().After(read.GetRefreshTime().AsTime()), "unchanged is read too")
	require.Len(t, w.daysOf(calendar), 1)
	require.Equal(t, first, w.nextOf(pair))

	f.publishes(far, dayOf(t, first))
	w.reread(calendar)
	require.Equal(t, first.AddDate(0, 0, 1), w.nextOf(pair), "its day is a holiday now")
	require.Equal(t, 1, w.count(`SELECT count(*) FROM agenda WHERE kind = 'timetable' AND subject = $1 AND due_at = $2`, w.ws, first.AddDate(0, 0, 1)))
	held := w.daysOf(calendar)
	require.Len(t, held, 2)

	w.failsOnce(f, calendar)
	require.Equal(t, held, w.daysOf(calendar))
	require.Equal(t, first.AddDate(0, 0, 1), w.nextOf(pair))

	// Without anybody asking, by its clock.
	f.publishes(far)
	w.db.Exec(t, `UPDATE agenda SET due_at = now(), look_at = now() WHERE kind = 'calendar-clock' AND subject = $1`, calendar)
	w.eventually("it is read by its clock", func() bool { return len(w.daysOf(calendar)) == 1 })
	w.settled()
	well := w.calendar(calendar)
	require.Empty(t, well.GetLastError()+well.GetLastErrorDetail(), "it has recovered")
	require.Equal(t, first, w.nextOf(pair))
	require.Equal(t, 1, w.count(`SELECT count(*) FROM calendars WHERE id = $1 AND failing_since IS NULL AND next_refresh_at > now() AND next_refresh_at = (
		SELECT due_at FROM agenda WHERE kind = 'calendar-clock' AND subject = $1::text)`, calendar))
	require.NotContains(t, w.logs.String(), "canary")
}

// failsOnce has the feed fail in every way there is.
func (w *world) failsOnce(f *feed, calendar string) {
	w.t.Helper()
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	redirect := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
	}
	for _, c := range []struct {
		how            http.HandlerFunc
		reason, detail string
	}{
		{status(500), "CALENDAR_UNREACHABLE", "HTTP 500"},
		{status(404), "CALENDAR_UNREACHABLE", "HTTP 404"},
		{func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("<!doctype html><title>Entrar</title>"))
		}, "CALENDAR_UNREADABLE", ""},
		{func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("BEGIN:VCALENDAR\r\n"))
			line := []byte("X-FILL:" + strings.Repeat("x", 65) + "\r\n")
			for range 3 << 20 / len(line) {
				if _, err := w.Write(line); err != nil {
					return
				}
			}
		}, "CALENDAR_TOO_LARGE", "2 MB"},
		{func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("BEGIN:VCALENDAR\r\n"))
		}, "CALENDAR_UNREACHABLE", "broke off"},
		{func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "CALENDAR_UNREACHABLE", "no answer within 4 s"},
		{redirect("http://10.1.2.3/feriados.ics"), "ADDRESS_REFUSED", "private network"},
		{redirect("http://169.254.169.254/latest/meta-data/"), "ADDRESS_REFUSED", "metadata"},
		{redirect("file:///etc/passwd"), "ADDRESS_REFUSED", "https://"},
		{func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.String(), http.StatusFound) }, "ADDRESS_REFUSED", "more than 3 times"},
	} {
		f.answers(c.how)
		got := w.reread(calendar)
		require.Equal(w.t, c.reason, got.GetLastError(), "%v", got)
		require.Contains(w.t, got.GetLastErrorDetail(), c.detail)
		require.NotContains(w.t, got.GetLastErrorDetail(), "canary")
		require.EqualValues(w.t, 2, got.GetDayCount())
		require.Less(w.t, time.Until(got.GetNextRefreshTime().AsTime()), 16*time.Minute, "it is tried again soon")
	}
	require.Equal(w.t, 1, w.count(`SELECT count(DISTINCT failing_since) FROM calendars WHERE id = $1 AND failing_since < now()`, calendar))
}

// Of a calendar that fails for a day people are told, once in each workspace that
// keeps to it, and once more when it fails anew.
func TestACalendarThatFailsForADayIsTold(t *testing.T) {
	t.Parallel()
	w, _ := smallWorld(t, here)
	f := newFeed(t)
	f.publishes()
	calendar := w.addCalendar(f.url)
	w.settled()
	w.keeping(calendar, ids(w.machines(), sim.SmallRunning)...)
	told := func() int {
		return w.count(`SELECT count(*) FROM notifications WHERE kind = 'calendar_failing' AND workspace_id = $1`, w.ws)
	}
	since := func(ago string) {
		w.db.Exec(t, `UPDATE calendars SET failing_since = now() - $2::interval WHERE id = $1`, calendar, ago)
	}
	f.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	w.reread(calendar)
	since("23 hours")
	w.reread(calendar)
	require.Zero(t, told())
	since("25 hours")
	w.reread(calendar)
	w.reread(calendar)
	require.Equal(t, 1, told(), "once")
	require.Equal(t, 1, w.count(`SELECT count(*) FROM notifications WHERE data->>'calendar_id' = $1 AND data->>'subject_name' = 'Feriados da cidade'`, calendar))
	got := w.calendar(calendar)
	require.Greater(t, time.Until(got.GetNextRefreshTime().AsTime()), 5*time.Hour, "after a day it is not tried so often")

	f.publishes()
	require.Empty(t, w.reread(calendar).GetLastError())
	w.db.Exec(t, `UPDATE notifications SET created_at = now() - interval '2 days'`)
	f.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	w.reread(calendar)
	require.Equal(t, 1, told(), "it has only begun to fail")
	since("25 hours")
	w.reread(calendar)
	require.Equal(t, 2, told())

	// What the server let pass is refused by the worker all the same.
	w.db.Exec(t, `UPDATE calendars SET address = 'http://192.168.0.10/feriados.ics' WHERE id = $1`, calendar)
	got = w.reread(calendar)
	require.Equal(t, "ADDRESS_REFUSED", got.GetLastError())
	require.Contains(t, got.GetLastErrorDetail(), "private network")
}

// A worker that dies between reading and writing leaves nothing half done, and the
// next one reads again.
func TestAWorkerThatDiesOverACalendar(t *testing.T) {
	t.Parallel()
	w, _ := smallWorld(t, here)
	f := newFeed(t)
	var days []schedule.Day
	for i := range 40 {
		days = append(days, schedule.DayOf(time.Now().UTC()).Add(10+i))
	}
	f.publishes(days...)
	w.settled()
	w.stopWorker()
	calendar := w.addCalendar(f.url)
	// What is to be written waits for this transaction.
	tx, err := w.db.Owner.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `SELECT 1 FROM organizations WHERE id = $1 FOR NO KEY UPDATE`, w.org)
	require.NoError(t, err)
	w.startWorker()
	w.eventually("it has been read and waits to be written", func() bool {
		return len(f.requests()) > 0 && w.count(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ILIKE '%organizations%FOR NO KEY UPDATE%'`) > 0
	})
	w.stopWorker()
	require.NoError(t, tx.Rollback(t.Context()))
	w.eventually("nothing of the dead worker is under way", func() bool {
		return w.count(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == 0
	})
	require.Equal(t, 1, w.count(`SELECT count(*) FROM agenda WHERE kind = 'calendar' AND subject = $1`, calendar), "it is still to be read")
	require.Empty(t, w.daysOf(calendar))
	w.startWorker()
	w.eventually("the next one reads it", func() bool { return w.calendar(calendar).GetRefreshTime() != nil })
	w.settled()
	require.Len(t, w.daysOf(calendar), len(days))
	require.GreaterOrEqual(t, len(f.requests()), 2)
}

// A reading that is overtaken writes nothing: by a newer run, by another address,
// by who takes the address away, by who deletes it.
func TestAReadingOfACalendarThatIsOvertaken(t *testing.T) {
	t.Parallel()
	w, _ := smallWorld(t, here)
	f := newFeed(t)
	w.settled()
	w.stopWorker()
	a := activities.NewCalendar(activities.Deps{Tenants: w.db.Tenants, Logger: w.logger(), Egress: w.egress})
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.SetTestTimeout(30 * time.Second)
	env.RegisterActivity(a)
	day := schedule.DayOf(time.Now().UTC()).Add(10)
	const (
		onAgenda = `SELECT count(*) FROM agenda WHERE kind = 'calendar' AND subject = $1`
		written  = `SELECT (SELECT count(*) FROM calendar_days WHERE calendar_id = $1) + (SELECT count(*) FROM calendars WHERE id = $1 AND refreshed_at IS NOT NULL)`
	)
	for name, c := range map[string]struct {
		meanwhile     func(calendar string)
		again         bool
		rows, written int
	}{
		"by nobody": {func(string) {}, false, 0, 2},
		"by who asks": {func(calendar string) {
			_, err := w.calendars.RefreshCalendar(w.t.Context(), &v1.RefreshCalendarRequest{OrgId: w.org, CalendarId: calendar})
			require.NoError(w.t, err)
		}, true, 1, 2},
		"by a newer run": {func(calendar string) {
			w.db.Exec(w.t, `UPDATE calendars SET fence = fence + 1000 WHERE id = $1`, calendar)
		}, false, 1, 0},
		"by another address": {func(calendar string) {
			w.updateCalendar(&v1.UpdateCalendarRequest{CalendarId: calendar, Content: &v1.UpdateCalendarRequest_Address{Address: f.url + "&other"}})
		}, true, 1, 0},
		"by another address, past days by hand": {func(calendar string) {
			w.updateCalendar(&v1.UpdateCalendarRequest{CalendarId: calendar, Content: &v1.UpdateCalendarRequest_Days{Days: &v1.CalendarDays{Days: []*v1.CalendarDay{{Date: day.String()}}}}})
			w.updateCalendar(&v1.UpdateCalendarRequest{CalendarId: calendar, Content: &v1.UpdateCalendarRequest_Address{Address: f.url + "&other"}})
		}, true, 1, 1},
		"by days by hand": {func(calendar string) {
			w.updateCalendar(&v1.UpdateCalendarRequest{CalendarId: calendar, Content: &v1.UpdateCalendarRequest_Days{Days: &v1.CalendarDays{Days: []*v1.CalendarDay{{Date: day.Add(1).String()}}}}})
		}, false, 0, 1},
		"by its end": {func(calendar string) {
			_, err := w.calendars.DeleteCalendar(w.t.Context(), &v1.DeleteCalendarRequest{OrgId: w.org, CalendarId: calendar})
			require.NoError(w.t, err)
		}, false, 0, 0},
	} {
		calendar := w.addCalendar(f.url)
		text := iCalOf(day)
		var once sync.Once
		f.answers(func(rw http.ResponseWriter, _ *http.Request) {
			once.Do(func() { c.meanwhile(calendar) })
			_, _ = rw.Write([]byte(text))
		})
		v, err := env.ExecuteActivity(a.ReadCalendar, activities.WorkInput{Org: uuid.MustParse(w.org), Subject: uuid.MustParse(calendar), Lease: leases})
		require.NoError(t, err, name)
		var out activities.CalendarResult
		require.NoError(t, v.Get(&out))
		require.Equal(t, c.again, out.Again, name)
		require.Equal(t, c.rows, w.count(onAgenda, calendar), name)
		require.Equal(t, c.written, w.count(written, calendar), name)
		// An older run does not even read.
		before := len(f.requests())
		_, err = env.ExecuteActivity(a.ReadCalendar, activities.WorkInput{Org: uuid.MustParse(w.org), Subject: uuid.MustParse(calendar), Lease: 1})
		require.NoError(t, err, name)
		require.Len(t, f.requests(), before, name)
		require.Equal(t, c.rows, w.count(onAgenda, calendar), name)
	}
}

func (w *world) updateCalendar(req *v1.UpdateCalendarRequest) {
	req.OrgId, req.Name = w.org, "x"
	_, err := w.calendars.UpdateCalendar(w.t.Context(), req)
	require.NoError(w.t, err)
}
