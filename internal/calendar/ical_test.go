package calendar

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/schedule"
)

var (
	from = schedule.Day{Year: 2026, Month: time.January, Day: 1}
	to   = schedule.Day{Year: 2027, Month: time.December, Day: 31}
)

func parse(t testing.TB, text string) (Result, error) {
	t.Helper()
	return ParseICal(strings.NewReader(text), from, to)
}

func named(r Result) map[string]string {
	out := map[string]string{}
	for d, name := range r.Days {
		out[d.String()] = name
	}
	return out
}

// events makes a calendar of events written as lines parted by "|".
func events(list ...string) string {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n")
	for _, e := range list {
		b.WriteString("BEGIN:VEVENT\r\n" + strings.ReplaceAll(e, "|", "\r\n") + "\r\nEND:VEVENT\r\n")
	}
	return b.String() + "END:VCALENDAR\r\n"
}

func TestGoogle(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/google.ics")
	require.NoError(t, err)
	want := map[string]string{
		"2026-01-25": "Aniversário da Cidade de São Paulo",
		"2026-02-16": "Carnaval", "2026-02-17": "Carnaval", "2026-02-18": "Carnaval",
		"2026-07-09": "Revolução Constitucionalista",
		"2026-12-24": "Véspera, das 22h à meia-noite",
	}
	latin1 := make([]byte, 0, len(raw))
	for _, r := range string(raw) {
		latin1 = append(latin1, byte(r))
	}
	for name, text := range map[string][]byte{
		"as it is": raw, "CRLF": bytes.ReplaceAll(raw, []byte("\n"), []byte("\r\n")), "CR": bytes.ReplaceAll(raw, []byte("\n"), []byte("\r")),
		"byte order mark": append([]byte("\xef\xbb\xbf"), raw...), "latin-1": latin1,
	} {
		r, err := ParseICal(iotest.OneByteReader(bytes.NewReader(text)), from, to)
		require.NoError(t, err, name)
		require.Equal(t, "Feriados de São Paulo, capital", r.Name, name)
		require.Equal(t, want, named(r), name)
		require.Equal(t, 4, r.Events, name)
		require.Empty(t, r.Skipped, name)
	}
}

func TestOutlook(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/outlook.ics")
	require.NoError(t, err)
	r, err := ParseICal(bytes.NewReader(raw), from, to)
	require.NoError(t, err)
	require.Equal(t, "Company shutdown", r.Name)
	require.Empty(t, r.Skipped)
	require.Equal(t, 3, r.Events)
	// The last Monday is the 15th: 02:00 UTC of the 16th is 22:00 there, in summer.
	require.Equal(t, map[string]string{
		"2026-06-01": "Maintenance night", "2026-06-02": "Maintenance night", "2026-06-10": "Maintenance night (moved)",
		"2026-06-15": "Maintenance night", "2026-06-16": "Maintenance night",
		"2026-11-27": "Day after Thanksgiving", "2027-11-26": "Day after Thanksgiving",
	}, named(r))
	// An hour earlier in UTC and the last is not reached: the zone is the file's own.
	earlier := bytes.Replace(raw, []byte("UNTIL=20260616T020000Z"), []byte("UNTIL=20260616T015959Z"), 1)
	r, err = ParseICal(bytes.NewReader(earlier), from, to)
	require.NoError(t, err)
	require.NotContains(t, named(r), "2026-06-15")
}

func TestEvents(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		text string
		want string // days
	}{
		{"all day, without an end", events("DTSTART;VALUE=DATE:20260301"), "2026-03-01"},
		{"all day, its end is not included", events("DTSTART;VALUE=DATE:20260301|DTEND;VALUE=DATE:20260303"), "2026-03-01 2026-03-02"},
		{"all day, ends as it starts", events("DTSTART;VALUE=DATE:20260301|DTEND;VALUE=DATE:20260301"), "2026-03-01"},
		{"all day, by duration", events("DTSTART;VALUE=DATE:20260301|DURATION:P2D"), "2026-03-01 2026-03-02"},
		{"a week by duration is clipped to what is asked for", events("DTSTART;VALUE=DATE:20251227|DURATION:P1W"), "2026-01-01 2026-01-02"},
		{"timed, over midnight", events("DTSTART:20260301T220000|DTEND:20260302T010000"), "2026-03-01 2026-03-02"},
		{"timed, until midnight", events("DTSTART:20260301T220000|DTEND:20260302T000000"), "2026-03-01"},
		{"timed, a moment", events("DTSTART:20260301T000000"), "2026-03-01"},
		{"timed, by duration", events("DTSTART:20260301T233000|DURATION:PT1H30M"), "2026-03-01 2026-03-02"},
		{"timed, in its own zone and not in UTC", events("DTSTART;TZID=America/Sao_Paulo:20260301T220000|DTEND;TZID=America/Sao_Paulo:20260301T230000"), "2026-03-01"},
		{"an end in UTC is on its start's clock", events("DTSTART;TZID=America/Sao_Paulo:20260301T220000|DTEND:20260302T020000Z"), "2026-03-01"},
		{"daily, counted", events("DTSTART;VALUE=DATE:20260301|RRULE:FREQ=DAILY;COUNT=3"), "2026-03-01 2026-03-02 2026-03-03"},
		{"counted from before", events("DTSTART;VALUE=DATE:20251230|RRULE:FREQ=DAILY;COUNT=4"), "2026-01-01 2026-01-02"},
		{"until a day", events("DTSTART;VALUE=DATE:20260301|RRULE:FREQ=WEEKLY;UNTIL=20260315"), "2026-03-01 2026-03-08 2026-03-15"},
		{"last Monday of May", events("DTSTART;VALUE=DATE:20200525|RRULE:FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO"), "2026-05-25 2027-05-31"},
		{"a birthday since 1604", events("DTSTART;VALUE=DATE:16040310|RRULE:FREQ=YEARLY"), "2026-03-10 2027-03-10"},
		{"29 February in years without", events("DTSTART;VALUE=DATE:20240229|RRULE:FREQ=YEARLY"), ""},
		{"each of several days", events("DTSTART;VALUE=DATE:20260301|DTEND;VALUE=DATE:20260303|RRULE:FREQ=MONTHLY;COUNT=2"), "2026-03-01 2026-03-02 2026-04-01 2026-04-02"},
		{"further dates", events("DTSTART;VALUE=DATE:20260301|RDATE;VALUE=DATE:20260401,20260501"), "2026-03-01 2026-04-01 2026-05-01"},
		{"further periods", events("DTSTART:20260301T100000|RDATE;VALUE=PERIOD:20260401T100000/PT1H"), "2026-03-01 2026-04-01"},
		{"exceptions", events("DTSTART;VALUE=DATE:20260301|RRULE:FREQ=DAILY;COUNT=4|EXDATE;VALUE=DATE:20260302|EXDATE;VALUE=DATE:20260303"), "2026-03-01 2026-03-04"},
		{"an exception in UTC", events("DTSTART;TZID=America/Sao_Paulo:20260301T220000|RRULE:FREQ=DAILY;COUNT=3|EXDATE:20260303T010000Z"), "2026-03-01 2026-03-03"},
		{"an occurrence moved", events("UID:a|DTSTART;VALUE=DATE:20260301|RRULE:FREQ=DAILY;COUNT=2", "UID:a|RECURRENCE-ID;VALUE=DATE:20260302|DTSTART;VALUE=DATE:20260310"), "2026-03-01 2026-03-10"},
		{"an occurrence cancelled", events("UID:a|DTSTART;VALUE=DATE:20260301|RRULE:FREQ=DAILY;COUNT=2", "UID:a|RECURRENCE-ID;VALUE=DATE:20260301|DTSTART;VALUE=DATE:20260301|STATUS:CANCELLED"), "2026-03-02"},
		{"another event's occurrence", events("UID:a|DTSTART;VALUE=DATE:20260301|RRULE:FREQ=DAILY;COUNT=2", "UID:b|RECURRENCE-ID;VALUE=DATE:20260302|DTSTART;VALUE=DATE:20260310"), "2026-03-01 2026-03-02 2026-03-10"},
		{"cancelled", events("DTSTART;VALUE=DATE:20260301|STATUS:CANCELLED"), ""},
		{"lower case", "begin:vcalendar\nbegin:vevent\ndtstart;value=date:20260301\nend:vevent\nend:vcalendar", "2026-03-01"},
		{"two calendars in a file", events("DTSTART;VALUE=DATE:20260301") + events("DTSTART;VALUE=DATE:20260302"), "2026-03-01 2026-03-02"},
		{"tasks are no events", "BEGIN:VCALENDAR\nBEGIN:VTODO\nDTSTART;VALUE=DATE:20260301\nEND:VTODO\nEND:VCALENDAR\n", ""},
		{"no events", "BEGIN:VCALENDAR\nEND:VCALENDAR\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, err := parse(t, c.text)
			require.NoError(t, err)
			require.Empty(t, r.Skipped)
			want := map[string]string{}
			for d := range strings.FieldsSeq(c.want) {
				want[d] = ""
			}
			require.Equal(t, want, named(r))
		})
	}
}

func TestWhatIsSkippedIsSaid(t *testing.T) {
	t.Parallel()
	for text, why := range map[string]string{
		"SUMMARY:x": "it has no start", "DTSTART:tomorrow": "not a date", "DTSTART;VALUE=DATE:20260230": "not a date", "DTSTART;VALUE=DATE:00010101": "not a date",
		"DTSTART;VALUE=DATE:20260301|DURATION:soon": "duration", "DTSTART;VALUE=DATE:20260301|EXDATE:x": "exceptions", "DTSTART;VALUE=DATE:20260301|RDATE:x": "dates",
		"DTSTART:20260301T000000|RRULE:FREQ=SECONDLY":                                    "more often than daily",
		"DTSTART:20260301T000000|RRULE:FREQ=MINUTELY":                                    "more often than daily",
		"DTSTART:20260301T000000|RRULE:FREQ=HOURLY;COUNT=5":                              "more often than daily",
		"DTSTART:20260301T000000|RRULE:FREQ=DAILY;BYHOUR=1,2":                            "several times a day",
		"DTSTART:20260301T000000|RRULE:FREQ=DAILY;INTERVAL=2147483647":                   "interval",
		"DTSTART:20260301T000000|RRULE:FREQ=MONTHLY;BYDAY=53MO":                          "six weeks",
		"DTSTART:20260301T000000|RRULE:FREQ=MONTHLY;BYDAY=-53MO":                         "six weeks",
		"DTSTART:20260301T000000|RRULE:FREQ=YEARLY;BYEASTER=900":                         "BYEASTER",
		"DTSTART:20260301T000000|RRULE:FREQ=WHENEVER":                                    "unreadable",
		"DTSTART:20260301T000000|RRULE:FREQ=DAILY;COUNT=0":                               "count",
		"DTSTART:20260301T000000|RRULE:FREQ=DAILY;UNTIL=never":                           "end",
		"DTSTART:20260301T000000|RRULE:FREQ=DAILY;BYMONTH=1" + strings.Repeat(",1", 300): "too long",
	} {
		r, err := parse(t, events(text))
		require.NoError(t, err, text)
		require.Len(t, r.Skipped, 1, text)
		require.Contains(t, r.Skipped[0], why, text)
		if strings.Contains(text, "RRULE") {
			require.Equal(t, map[string]string{"2026-03-01": ""}, named(r), "the first occurrence stays: %s", text)
		}
	}
	many := make([]string, 200)
	for i := range many {
		many[i] = "DTSTART:x"
	}
	r, err := parse(t, events(many...))
	require.NoError(t, err)
	require.Len(t, r.Skipped, maxSkipped+1)
	require.Equal(t, "and 150 more", r.Skipped[maxSkipped])
	require.Zero(t, r.Events)
}

func TestNames(t *testing.T) {
	t.Parallel()
	r, err := parse(t, events("DTSTART;VALUE=DATE:20260301|SUMMARY: a\\nb\x01\x7f\u202e\tc\\, \\;d ", "DTSTART;VALUE=DATE:20260302|SUMMARY:"+strings.Repeat("é", 300),
		"DTSTART;VALUE=DATE:20260302|SUMMARY:the second of a day"))
	require.NoError(t, err)
	require.Equal(t, map[string]string{"2026-03-01": "a b c, ;d", "2026-03-02": strings.Repeat("é", 200)}, named(r))
}

func TestWhatIsNoCalendar(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", " \n", "<!doctype html><html></html>", `{"days":[]}`, "BEGIN:VCARD\nEND:VCARD\n", "BEGIN:VCALENDARS\nEND:VCALENDARS\n", "\x00\x01\xff", "PK\x03\x04"} {
		_, err := parse(t, text)
		require.ErrorIs(t, err, ErrNotCalendar, "%q", text)
	}
	whole := events("DTSTART;VALUE=DATE:20260301")
	for name, text := range map[string]string{
		"cut off": whole[:len(whole)-20], "wrong end": "BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VTODO\nEND:VCALENDAR\n", "nested": "BEGIN:VCALENDAR\nBEGIN:VCALENDAR\nEND:VCALENDAR\nEND:VCALENDAR\n",
		"deep": "BEGIN:VCALENDAR\n" + strings.Repeat("BEGIN:X\n", 100_000), "parameters": events("DTSTART" + strings.Repeat(";A=B", 50_000) + ":20260301"),
		"a parameter without an end": events("DTSTART;VALUE=DATE"),
	} {
		_, err := parse(t, text)
		require.ErrorIs(t, err, ErrMalformed, name)
	}
	broken := errors.New("the line is dead")
	_, err := ParseICal(iotest.ErrReader(broken), from, to)
	require.ErrorIs(t, err, broken)
}

func TestLimits(t *testing.T) {
	t.Parallel()
	many := func(n int, event string) []string {
		out := make([]string, n)
		for i := range out {
			out[i] = event
		}
		return out
	}
	_, err := parse(t, events("DTSTART;VALUE=DATE:20260301|X:"+strings.Repeat("a", MaxBytes)))
	require.ErrorIs(t, err, ErrTooBig)
	r, err := parse(t, events(many(MaxEvents, "DTSTART;VALUE=DATE:20260301")...))
	require.NoError(t, err)
	require.Equal(t, MaxEvents, r.Events)
	_, err = parse(t, events(many(MaxEvents+1, "DTSTART;VALUE=DATE:20260301")...))
	require.ErrorIs(t, err, ErrTooManyEvents)

	century := schedule.Day{Year: 2126, Month: time.January, Day: 1}
	_, err = ParseICal(strings.NewReader(events("DTSTART;VALUE=DATE:20260101|DTEND;VALUE=DATE:99991231")), from, century)
	require.ErrorIs(t, err, ErrTooManyDays)
	_, err = ParseICal(strings.NewReader(events("DTSTART;VALUE=DATE:20260101|RRULE:FREQ=DAILY")), from, century)
	require.ErrorIs(t, err, ErrTooManyDays)

	// Each looks for what never comes, up to the year 9999; together they end early.
	for _, rule := range []string{"FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=WEEKLY;BYMONTH=2;BYMONTHDAY=30"} {
		_, err = parse(t, events(many(MaxEvents, "DTSTART;VALUE=DATE:20260101|RRULE:"+rule)...))
		require.ErrorIs(t, err, ErrTooComplex, rule)
	}
	_, err = parse(t, events(many(MaxEvents, "DTSTART;VALUE=DATE:19000101|DTEND;VALUE=DATE:99991231|RRULE:FREQ=DAILY")...))
	require.ErrorIs(t, err, ErrTooComplex)
}

func TestAFeedOfTenYearsIsRead(t *testing.T) {
	t.Parallel()
	var list []string
	for i := range 1000 {
		d := time.Date(2020, 1, 1+3*i, 0, 0, 0, 0, time.UTC)
		list = append(list, fmt.Sprintf("UID:%d|DTSTART;VALUE=DATE:%s|SUMMARY:%d", i, d.Format("20060102"), i))
	}
	r, err := parse(t, events(list...))
	require.NoError(t, err)
	want := map[string]string{}
	for i := range 1000 {
		if d := time.Date(2020, 1, 1+3*i, 0, 0, 0, 0, time.UTC); d.Year() == 2026 || d.Year() == 2027 {
			want[d.Format(time.DateOnly)] = fmt.Sprint(i)
		}
	}
	require.Equal(t, want, maps.Clone(named(r)))
	require.Equal(t, 1000, r.Events)
}

func FuzzICal(f *testing.F) {
	for _, name := range []string{"google", "outlook"} {
		raw, err := os.ReadFile("testdata/" + name + ".ics")
		require.NoError(f, err)
		f.Add(raw)
	}
	for _, text := range []string{"", "BEGIN:VCALENDAR\n", "BEGIN:VCALENDAR\r\nEND:VCALENDAR", "\xef\xbb\xbfBEGIN:VCALENDAR\nA;\nEND:VCALENDAR",
		events("DTSTART;TZID=\"a:b\":20260301T000000|RRULE:FREQ=MONTHLY;BYDAY=5MO;BYSETPOS=-1|EXDATE:x\xff"),
		events("DTSTART:20260301T000000|RRULE:FREQ=YEARLY;BYWEEKNO=53,-1,1;WKST=SU|DURATION:P1W")} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := ParseICal(bytes.NewReader(raw), from, to)
		if err != nil {
			for _, known := range []error{ErrNotCalendar, ErrMalformed, ErrTooBig, ErrTooManyEvents, ErrTooManyDays, ErrTooComplex} {
				if errors.Is(err, known) {
					return
				}
			}
			t.Fatalf("an error without a type: %v", err)
		}
		for d, name := range r.Days {
			if d.Compare(from) < 0 || d.Compare(to) > 0 {
				t.Fatalf("%s was not asked for", d)
			}
			if !utf8.ValidString(name) || utf8.RuneCountInString(name) > MaxName || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Fatalf("name %q", name)
			}
		}
		if r.Events > MaxEvents || len(r.Skipped) > maxSkipped+1 {
			t.Fatalf("%d events, %d skipped", r.Events, len(r.Skipped))
		}
	})
}
