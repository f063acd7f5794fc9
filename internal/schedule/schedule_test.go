package schedule

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	everyDay = []time.Weekday{0, 1, 2, 3, 4, 5, 6}
	workdays = []time.Weekday{1, 2, 3, 4, 5}
	weekend  = []time.Weekday{0, 6}
)

func minutes(h, m int) *int { return Minutes(h*60 + m) }

func at(t testing.TB, zone, s string) time.Time {
	t.Helper()
	loc, err := Location(zone)
	require.NoError(t, err)
	out, err := time.ParseInLocation("2006-01-02 15:04", s, loc)
	require.NoError(t, err)
	return out
}

func day(t testing.TB, s string) Day {
	t.Helper()
	d, err := ParseDay(s)
	require.NoError(t, err)
	return d
}

// lines writes runs as they stand in the tables of these tests.
func lines(runs []Run) []string {
	out := make([]string, len(runs))
	for i, r := range runs {
		out[i] = r.At.Format("Mon 2006-01-02 15:04 -0700") + " " + string(r.Wanted)
		if r.MovedByGap {
			out[i] += " moved"
		}
		if r.Holiday != nil {
			out[i] += " left out: " + r.Holiday.Name
		}
	}
	return out
}

func TestValidate(t *testing.T) {
	t.Parallel()
	one, two := Minutes(1), Minutes(2)
	for name, r := range map[string]Rule{
		"pair":       {Start: one, Stop: two, Weekdays: everyDay, Zone: "America/Sao_Paulo"},
		"overnight":  {Start: two, Stop: one, Weekdays: everyDay, Zone: "UTC"},
		"start only": {Start: Minutes(0), MonthDays: []int{1, 31}, Zone: "Asia/Kathmandu"},
		"stop only":  {Stop: Minutes(1439), MonthDays: []int{29}, ShortMonth: SkipMonth, Zone: "America/Argentina/ComodRivadavia", Calendars: []string{"br"}},
	} {
		require.NoError(t, r.Validate(), name)
	}
	for _, c := range []struct {
		name string
		want error
		rule Rule
	}{
		{"no time", ErrNoTime, Rule{Weekdays: everyDay, Zone: "UTC"}},
		{"same minute", ErrSameMinute, Rule{Start: one, Stop: Minutes(1), Weekdays: everyDay, Zone: "UTC"}},
		{"24:00", ErrBadTime, Rule{Start: one, Stop: Minutes(1440), Weekdays: everyDay, Zone: "UTC"}},
		{"before midnight", ErrBadTime, Rule{Start: Minutes(-1), Weekdays: everyDay, Zone: "UTC"}},
		{"no day", ErrNoDay, Rule{Start: one, Stop: two, Zone: "UTC"}},
		{"days of both kinds", ErrNoDay, Rule{Start: one, Weekdays: everyDay, MonthDays: []int{1}, Zone: "UTC"}},
		{"weekday 7", ErrBadDay, Rule{Start: one, Weekdays: []time.Weekday{7}, Zone: "UTC"}},
		{"weekday -1", ErrBadDay, Rule{Start: one, Weekdays: []time.Weekday{-1}, Zone: "UTC"}},
		{"day 0", ErrBadDay, Rule{Start: one, MonthDays: []int{0}, Zone: "UTC"}},
		{"day 32", ErrBadDay, Rule{Start: one, MonthDays: []int{1, 32}, Zone: "UTC"}},
		{"policy", ErrBadDay, Rule{Start: one, MonthDays: []int{1}, ShortMonth: "next", Zone: "UTC"}},
		{"no such zone", ErrUnknownZone, Rule{Start: one, Weekdays: everyDay, Zone: "Mars/Olympus"}},
		{"no zone", ErrUnknownZone, Rule{Start: one, Weekdays: everyDay}},
		{"the machine's zone", ErrUnknownZone, Rule{Start: one, Weekdays: everyDay, Zone: "Local"}},
		{"the machine's file", ErrUnknownZone, Rule{Start: one, Weekdays: everyDay, Zone: "localtime"}},
		{"another spelling", ErrUnknownZone, Rule{Start: one, Weekdays: everyDay, Zone: "America/./Bahia"}},
		{"a path", ErrUnknownZone, Rule{Start: one, Weekdays: everyDay, Zone: "../../etc/passwd"}},
	} {
		require.ErrorIs(t, c.rule.Validate(), c.want, c.name)
		_, _, err := c.rule.Next(time.Unix(0, 0), nil)
		require.ErrorIs(t, err, c.want, c.name)
		_, err = c.rule.Walk(time.Unix(0, 0), 1, nil)
		require.ErrorIs(t, err, c.want, c.name)
		_, err = c.rule.Upcoming(time.Unix(0, 0), 1, nil)
		require.ErrorIs(t, err, c.want, c.name)
	}
}

func TestRuleOfThePresentVersionReads(t *testing.T) {
	t.Parallel()
	var r Rule
	require.NoError(t, json.Unmarshal([]byte(`{"start":420,"stop":1140,"weekdays":[1,2],"zone":"America/Sao_Paulo"}`), &r))
	require.Equal(t, Rule{Start: Minutes(420), Stop: Minutes(1140), Weekdays: []time.Weekday{1, 2}, Zone: "America/Sao_Paulo"}, r)
	require.NoError(t, r.Validate())
	var midnight Rule
	require.NoError(t, json.Unmarshal([]byte(`{"start":0,"stop":1140,"weekdays":[0],"zone":"UTC"}`), &midnight))
	require.Equal(t, 0, *midnight.Start, "midnight is a time, not none")
}

func TestRuleAsJSON(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]Rule{
		`{"start":0,"stop":1140,"weekdays":[1],"zone":"UTC"}`: {Start: Minutes(0), Stop: Minutes(1140), Weekdays: []time.Weekday{1}, Zone: "UTC"},
		`{"stop":0,"month_days":[31],"short_month":"skip","zone":"UTC","calendars":["br","x"]}`: {
			Stop: Minutes(0), MonthDays: []int{31}, ShortMonth: SkipMonth, Zone: "UTC", Calendars: []string{"br", "x"}},
	} {
		raw, err := json.Marshal(r)
		require.NoError(t, err)
		require.Equal(t, want, string(raw))
	}
}

func TestDay(t *testing.T) {
	t.Parallel()
	d := day(t, "2028-02-29")
	require.Equal(t, Day{2028, time.February, 29}, d)
	require.Equal(t, "2028-02-29", d.String())
	require.Equal(t, day(t, "2028-03-01"), d.Add(1))
	require.Equal(t, day(t, "2027-12-31"), d.Add(-60))
	require.Equal(t, time.Tuesday, d.Weekday())
	require.Equal(t, time.Wednesday, day(t, "1969-12-31").Weekday())
	require.Equal(t, 0, d.Compare(d))
	require.Equal(t, -1, d.Compare(day(t, "2028-03-01")))
	require.Equal(t, 1, d.Compare(day(t, "2027-12-31")))
	require.Equal(t, day(t, "2026-11-23"), DayOf(at(t, "America/Sao_Paulo", "2026-11-23 23:59")))
	require.Equal(t, day(t, "2026-11-24"), DayOf(at(t, "America/Sao_Paulo", "2026-11-23 23:59").UTC()))
	for _, bad := range []string{"", "2026-02-29", "2026-2-1", "01/02/2026", "2026-02-01T00:00:00Z"} {
		_, err := ParseDay(bad)
		require.Error(t, err, bad)
	}
}
