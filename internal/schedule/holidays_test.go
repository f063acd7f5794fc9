package schedule

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func own(days ...Day) Holidays {
	d := Days{}
	for _, day := range days {
		d[day] = "Aniversário da cidade"
	}
	return Holidays{"own": d}
}

func TestHolidaysAreLeftOut(t *testing.T) {
	t.Parallel()
	wednesday := own(Day{2026, time.November, 25})
	both := []string{"own", BrazilCalendar}
	for _, c := range []struct {
		name  string
		rule  Rule
		h     Holidays
		after string
		want  []string // of Walk; Upcoming is what is not left out
	}{
		{"a pair by day", Rule{Start: minutes(7, 0), Stop: minutes(19, 0), Weekdays: workdays, Calendars: both}, wednesday, "2026-11-24 12:00", []string{
			"Tue 2026-11-24 19:00 -0300 stopped", "Wed 2026-11-25 07:00 -0300 running left out: Aniversário da cidade",
			"Wed 2026-11-25 19:00 -0300 stopped left out: Aniversário da cidade", "Thu 2026-11-26 07:00 -0300 running"}},
		{"a pair overnight: the eve's stops on the holiday, the holiday's stop on the day after is left out", Rule{Start: minutes(22, 0), Stop: minutes(4, 0), Weekdays: workdays, Calendars: both}, wednesday, "2026-11-24 12:00", []string{
			"Tue 2026-11-24 22:00 -0300 running", "Wed 2026-11-25 04:00 -0300 stopped", "Wed 2026-11-25 22:00 -0300 running left out: Aniversário da cidade",
			"Thu 2026-11-26 04:00 -0300 stopped left out: Aniversário da cidade", "Thu 2026-11-26 22:00 -0300 running", "Fri 2026-11-27 04:00 -0300 stopped"}},
		{"asked between an overnight pair that is left out", Rule{Start: minutes(22, 0), Stop: minutes(4, 0), Weekdays: workdays, Calendars: both}, wednesday, "2026-11-26 00:00", []string{
			"Thu 2026-11-26 04:00 -0300 stopped left out: Aniversário da cidade", "Thu 2026-11-26 22:00 -0300 running"}},
		{"a single start", Rule{Start: minutes(7, 0), Weekdays: everyDay, Calendars: both}, wednesday, "2026-11-24 12:00", []string{
			"Wed 2026-11-25 07:00 -0300 running left out: Aniversário da cidade", "Thu 2026-11-26 07:00 -0300 running"}},
		{"a single stop on the month's last day", Rule{Stop: minutes(19, 0), MonthDays: []int{31}, Calendars: both}, own(Day{2026, time.November, 30}), "2026-11-24 12:00", []string{
			"Mon 2026-11-30 19:00 -0300 stopped left out: Aniversário da cidade", "Thu 2026-12-31 19:00 -0300 stopped"}},
		{"Christmas, without an entry", Rule{Start: minutes(7, 0), Weekdays: everyDay, Calendars: []string{BrazilCalendar}}, nil, "2026-12-24 12:00", []string{
			"Fri 2026-12-25 07:00 -0300 running left out: Natal", "Sat 2026-12-26 07:00 -0300 running"}},
		{"no calendar chosen", Rule{Start: minutes(7, 0), Weekdays: everyDay}, wednesday, "2026-11-24 12:00", []string{
			"Wed 2026-11-25 07:00 -0300 running"}},
		{"a calendar that is gone has no holidays", Rule{Start: minutes(7, 0), Weekdays: everyDay, Calendars: []string{"gone"}}, wednesday, "2026-11-24 12:00", []string{
			"Wed 2026-11-25 07:00 -0300 running"}},
		{"an entry for br is not read", Rule{Start: minutes(7, 0), Weekdays: everyDay, Calendars: []string{BrazilCalendar}}, Holidays{BrazilCalendar: wednesday["own"]}, "2026-11-24 12:00", []string{
			"Wed 2026-11-25 07:00 -0300 running"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.rule.Zone = "America/Sao_Paulo"
			from := at(t, c.rule.Zone, c.after)
			runs, err := c.rule.Walk(from, len(c.want), c.h)
			require.NoError(t, err)
			require.Equal(t, c.want, lines(runs))
			var acting []string
			for _, r := range runs {
				if r.Holiday == nil {
					acting = append(acting, lines([]Run{r})...)
				}
			}
			upcoming, err := c.rule.Upcoming(from, len(acting), c.h)
			require.NoError(t, err)
			require.Equal(t, acting, lines(upcoming))
		})
	}
}

func TestAMinuteThatIsLeftOutDoesNotHideOneThatActs(t *testing.T) {
	t.Parallel()
	// The gap puts the stop of Saturday's pair and the start of Sunday on 03:00.
	r := Rule{Start: minutes(2, 40), Stop: minutes(2, 10), Weekdays: everyDay, Zone: "America/New_York", Calendars: []string{"own"}}
	from := at(t, r.Zone, "2026-03-07 12:00")
	for name, c := range map[string]struct {
		h    Holidays
		want []string
	}{
		"Sunday is a holiday": {own(Day{2026, time.March, 8}), []string{
			"Sun 2026-03-08 03:00 -0400 stopped moved", "Mon 2026-03-09 02:10 -0400 stopped left out: Aniversário da cidade"}},
		"Saturday is a holiday": {own(Day{2026, time.March, 7}), []string{
			"Sun 2026-03-08 03:00 -0400 running moved", "Mon 2026-03-09 02:10 -0400 stopped"}},
		"both": {own(Day{2026, time.March, 7}, Day{2026, time.March, 8}), []string{
			"Sun 2026-03-08 03:00 -0400 running moved left out: Aniversário da cidade", "Mon 2026-03-09 02:10 -0400 stopped left out: Aniversário da cidade"}},
	} {
		runs, err := r.Walk(from, 2, c.h)
		require.NoError(t, err)
		require.Equal(t, c.want, lines(runs), name)
	}
}

func TestTheFirstCalendarNamesTheHoliday(t *testing.T) {
	t.Parallel()
	h := Holidays{"own": {{2026, time.December, 25}: "Recesso"}}
	got, ok := h.On([]string{"own", BrazilCalendar}, Day{2026, time.December, 25})
	require.True(t, ok)
	require.Equal(t, Holiday{"own", "Recesso"}, got)
	got, ok = h.On([]string{BrazilCalendar, "own"}, Day{2026, time.December, 25})
	require.True(t, ok)
	require.Equal(t, Holiday{BrazilCalendar, "Natal"}, got)
	_, ok = h.On(nil, Day{2026, time.December, 25})
	require.False(t, ok)
}

// everyDayIsAHoliday covers more than the horizon.
func everyDayIsAHoliday(from Day) Holidays {
	d := Days{}
	for i := -400; i < HorizonYears*366+400; i++ {
		d[from.Add(i)] = "sempre"
	}
	return Holidays{"own": d}
}

func TestHorizon(t *testing.T) {
	t.Parallel()
	from := at(t, "America/Sao_Paulo", "2026-11-24 12:00")
	never := everyDayIsAHoliday(DayOf(from))
	for name, r := range map[string]Rule{
		"by weekday": {Start: minutes(7, 0), Stop: minutes(19, 0), Weekdays: everyDay},
		"by month":   {Start: minutes(22, 0), Stop: minutes(4, 0), MonthDays: []int{1, 15, 31}},
	} {
		r.Zone, r.Calendars = "America/Sao_Paulo", []string{"own"}
		_, ok, err := r.Next(from, never)
		require.NoError(t, err)
		require.False(t, ok, name)
		runs, err := r.Upcoming(from, 30, never)
		require.NoError(t, err)
		require.Empty(t, runs, name)
		walked, err := r.Walk(from, 1_000_000, never)
		require.NoError(t, err)
		require.NotEmpty(t, walked)
		require.LessOrEqual(t, len(walked), 2*HorizonYears*366+2, "the horizon ends a walk over what never acts")
		for _, run := range walked {
			require.NotNil(t, run.Holiday)
		}
	}
	leap := Rule{Start: minutes(7, 0), MonthDays: []int{29}, ShortMonth: SkipMonth, Zone: "UTC", Calendars: []string{"own"}}
	notLeap := Holidays{"own": Days{}}
	for y := 2097; y < 2104; y++ {
		for d := (Day{y, time.January, 1}); d.Year == y; d = d.Add(1) {
			notLeap["own"][d] = "fechado"
		}
	}
	for d := (Day{2096, time.March, 1}); d.Year == 2096; d = d.Add(1) {
		notLeap["own"][d] = "fechado"
	}
	notLeap["own"][Day{2104, time.January, 29}] = "fechado"
	run, ok, err := leap.Next(at(t, "UTC", "2096-02-29 07:00"), notLeap)
	require.NoError(t, err)
	require.True(t, ok, "2100 has no 29 February")
	require.Equal(t, day(t, "2104-02-29"), run.Day)
}
