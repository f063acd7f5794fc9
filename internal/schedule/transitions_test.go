package schedule

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What each kind of rule does on the days on which clocks and calendars are
// hard, written out by hand. The offset tells which of two equal wall times.
func TestHardDays(t *testing.T) {
	t.Parallel()
	type days struct {
		week  []time.Weekday
		month []int
		short ShortMonth
	}
	daily, work, ends := days{week: everyDay}, days{week: workdays}, days{week: weekend}
	for _, c := range []struct {
		name        string
		zone        string
		days        days
		start, stop *int
		after       string // wall time of the zone
		want        []string
	}{
		// New York 2026: 8 March 02:00 becomes 03:00; 1 November 02:00 becomes 01:00.
		{"NY gap, daily pair: 02:30 acts at 03:00", "America/New_York", daily, minutes(2, 30), minutes(19, 0), "2026-03-07 19:00", []string{
			"Sun 2026-03-08 03:00 -0400 running moved", "Sun 2026-03-08 19:00 -0400 stopped", "Mon 2026-03-09 02:30 -0400 running"}},
		{"NY gap, weekdays do not see it", "America/New_York", work, minutes(2, 30), minutes(19, 0), "2026-03-06 12:00", []string{
			"Fri 2026-03-06 19:00 -0500 stopped", "Mon 2026-03-09 02:30 -0400 running"}},
		{"NY gap, overnight on weekends: the stop moves", "America/New_York", ends, minutes(22, 0), minutes(2, 30), "2026-03-07 00:00", []string{
			"Sat 2026-03-07 22:00 -0500 running", "Sun 2026-03-08 03:00 -0400 stopped moved",
			"Sun 2026-03-08 22:00 -0400 running", "Mon 2026-03-09 02:30 -0400 stopped", "Sat 2026-03-14 22:00 -0400 running"}},
		{"NY gap, start only on chosen days", "America/New_York", days{week: []time.Weekday{0, 3}}, minutes(2, 0), nil, "2026-03-04 02:00", []string{
			"Sun 2026-03-08 03:00 -0400 running moved", "Wed 2026-03-11 02:00 -0400 running"}},
		{"NY gap, stop only on day 8", "America/New_York", days{month: []int{8}}, nil, minutes(2, 59), "2026-02-08 02:59", []string{
			"Sun 2026-03-08 03:00 -0400 stopped moved", "Wed 2026-04-08 02:59 -0400 stopped"}},
		{"NY gap, 03:00 is there", "America/New_York", daily, minutes(3, 0), nil, "2026-03-08 00:00", []string{
			"Sun 2026-03-08 03:00 -0400 running", "Mon 2026-03-09 03:00 -0400 running"}},
		{"NY gap takes start and stop: what should hold after it does", "America/New_York", daily, minutes(2, 10), minutes(2, 40), "2026-03-07 02:10", []string{
			"Sat 2026-03-07 02:40 -0500 stopped", "Sun 2026-03-08 03:00 -0400 stopped moved", "Mon 2026-03-09 02:10 -0400 running"}},
		{"NY gap takes yesterday's stop and today's start", "America/New_York", daily, minutes(2, 40), minutes(2, 10), "2026-03-07 02:20", []string{
			"Sat 2026-03-07 02:40 -0500 running", "Sun 2026-03-08 03:00 -0400 running moved", "Mon 2026-03-09 02:10 -0400 stopped"}},
		{"NY gap moves a start to the minute of the stop", "America/New_York", daily, minutes(2, 30), minutes(3, 0), "2026-03-08 00:00", []string{
			"Sun 2026-03-08 03:00 -0400 stopped", "Mon 2026-03-09 02:30 -0400 running"}},
		{"NY overlap: 01:30 once, the first", "America/New_York", daily, minutes(1, 30), minutes(19, 0), "2026-10-31 19:00", []string{
			"Sun 2026-11-01 01:30 -0400 running", "Sun 2026-11-01 19:00 -0500 stopped", "Mon 2026-11-02 01:30 -0500 running"}},
		{"NY overlap, overnight", "America/New_York", ends, minutes(23, 0), minutes(1, 0), "2026-10-31 00:00", []string{
			"Sat 2026-10-31 23:00 -0400 running", "Sun 2026-11-01 01:00 -0400 stopped", "Sun 2026-11-01 23:00 -0500 running", "Mon 2026-11-02 01:00 -0500 stopped"}},
		{"NY overlap, a pair inside it stops before the clock goes back", "America/New_York", daily, minutes(1, 15), minutes(1, 45), "2026-11-01 00:00", []string{
			"Sun 2026-11-01 01:15 -0400 running", "Sun 2026-11-01 01:45 -0400 stopped", "Mon 2026-11-02 01:15 -0500 running"}},
		{"NY overlap, day 1 of the month, stop only", "America/New_York", days{month: []int{1}}, nil, minutes(1, 59), "2026-10-15 00:00", []string{
			"Sun 2026-11-01 01:59 -0400 stopped", "Tue 2026-12-01 01:59 -0500 stopped"}},

		// London 2026: 29 March 01:00 becomes 02:00; 25 October 02:00 becomes 01:00.
		{"London gap on day 29", "Europe/London", days{month: []int{29}}, minutes(1, 15), minutes(18, 0), "2026-02-28 18:00", []string{
			"Sun 2026-03-29 02:00 +0100 running moved", "Sun 2026-03-29 18:00 +0100 stopped", "Wed 2026-04-29 01:15 +0100 running"}},
		{"London gap on day 29, February skipped", "Europe/London", days{month: []int{29}, short: SkipMonth}, minutes(1, 15), nil, "2026-01-29 01:15", []string{
			"Sun 2026-03-29 02:00 +0100 running moved", "Wed 2026-04-29 01:15 +0100 running"}},
		{"London overlap, daily", "Europe/London", daily, minutes(1, 15), minutes(19, 0), "2026-10-25 00:00", []string{
			"Sun 2026-10-25 01:15 +0100 running", "Sun 2026-10-25 19:00 +0000 stopped", "Mon 2026-10-26 01:15 +0000 running"}},
		{"London overlap, overnight pair of the eve", "Europe/London", days{week: []time.Weekday{6}}, minutes(20, 0), minutes(1, 30), "2026-10-24 00:00", []string{
			"Sat 2026-10-24 20:00 +0100 running", "Sun 2026-10-25 01:30 +0100 stopped", "Sat 2026-10-31 20:00 +0000 running"}},

		// São Paulo: 4 November 2018 00:00 becomes 01:00; 17 February 2019 00:00
		// becomes 16 February 23:00.
		{"São Paulo gap: midnight acts at 01:00", "America/Sao_Paulo", daily, minutes(0, 0), minutes(19, 0), "2018-11-03 12:00", []string{
			"Sat 2018-11-03 19:00 -0300 stopped", "Sun 2018-11-04 01:00 -0200 running moved", "Sun 2018-11-04 19:00 -0200 stopped", "Mon 2018-11-05 00:00 -0200 running"}},
		{"São Paulo gap: overnight stop at 00:30", "America/Sao_Paulo", ends, minutes(18, 0), minutes(0, 30), "2018-11-03 12:00", []string{
			"Sat 2018-11-03 18:00 -0300 running", "Sun 2018-11-04 01:00 -0200 stopped moved", "Sun 2018-11-04 18:00 -0200 running", "Mon 2018-11-05 00:30 -0200 stopped"}},
		{"São Paulo gap: start only on Sundays at 00:59", "America/Sao_Paulo", days{week: []time.Weekday{0}}, minutes(0, 59), nil, "2018-10-28 12:00", []string{
			"Sun 2018-11-04 01:00 -0200 running moved", "Sun 2018-11-11 00:59 -0200 running"}},
		{"São Paulo gap: day 4, stop only at midnight", "America/Sao_Paulo", days{month: []int{4}}, nil, minutes(0, 0), "2018-10-04 00:00", []string{
			"Sun 2018-11-04 01:00 -0200 stopped moved", "Tue 2018-12-04 00:00 -0200 stopped"}},
		{"São Paulo overlap: Saturday's 23:30 once, Sunday's midnight after it", "America/Sao_Paulo", daily, minutes(0, 0), minutes(23, 30), "2019-02-16 12:00", []string{
			"Sat 2019-02-16 23:30 -0200 stopped", "Sun 2019-02-17 00:00 -0300 running", "Sun 2019-02-17 23:30 -0300 stopped"}},
		{"São Paulo overlap: Saturday's pair of weekends, overnight", "America/Sao_Paulo", ends, minutes(23, 0), minutes(0, 0), "2019-02-16 12:00", []string{
			"Sat 2019-02-16 23:00 -0200 running", "Sun 2019-02-17 00:00 -0300 stopped", "Sun 2019-02-17 23:00 -0300 running", "Mon 2019-02-18 00:00 -0300 stopped"}},
		{"São Paulo weekdays over the weekend of the gap", "America/Sao_Paulo", work, minutes(0, 0), minutes(19, 0), "2018-11-02 19:00", []string{
			"Mon 2018-11-05 00:00 -0200 running"}},

		// Lord Howe 2026: 4 October 02:00 becomes 02:30; 5 April 02:00 becomes 01:30.
		{"Lord Howe gap of half an hour", "Australia/Lord_Howe", daily, minutes(2, 15), minutes(2, 45), "2026-10-04 00:00", []string{
			"Sun 2026-10-04 02:30 +1100 running moved", "Sun 2026-10-04 02:45 +1100 stopped", "Mon 2026-10-05 02:15 +1100 running"}},
		{"Lord Howe gap, overnight on Saturdays", "Australia/Lord_Howe", days{week: []time.Weekday{6}}, minutes(22, 0), minutes(2, 29), "2026-10-03 00:00", []string{
			"Sat 2026-10-03 22:00 +1030 running", "Sun 2026-10-04 02:30 +1100 stopped moved", "Sat 2026-10-10 22:00 +1100 running"}},
		{"Lord Howe overlap", "Australia/Lord_Howe", ends, minutes(1, 45), nil, "2026-04-04 12:00", []string{
			"Sun 2026-04-05 01:45 +1100 running", "Sat 2026-04-11 01:45 +1030 running"}},
		{"Lord Howe overlap, day 5, stop only", "Australia/Lord_Howe", days{month: []int{5}}, nil, minutes(1, 30), "2026-04-04 12:00", []string{
			"Sun 2026-04-05 01:30 +1100 stopped", "Tue 2026-05-05 01:30 +1030 stopped"}},

		// Casablanca is an hour back in Ramadan: 15 February 2026 03:00 becomes 02:00,
		// 22 March 2026 02:00 becomes 03:00.
		{"Casablanca overlap", "Africa/Casablanca", daily, minutes(2, 30), minutes(20, 0), "2026-02-15 00:00", []string{
			"Sun 2026-02-15 02:30 +0100 running", "Sun 2026-02-15 20:00 +0000 stopped", "Mon 2026-02-16 02:30 +0000 running"}},
		{"Casablanca gap", "Africa/Casablanca", ends, minutes(2, 30), minutes(20, 0), "2026-03-21 20:00", []string{
			"Sun 2026-03-22 03:00 +0100 running moved", "Sun 2026-03-22 20:00 +0100 stopped", "Sat 2026-03-28 02:30 +0100 running"}},
		{"Casablanca gap, day 22 overnight before it", "Africa/Casablanca", days{month: []int{21}}, minutes(21, 0), minutes(2, 1), "2026-03-01 00:00", []string{
			"Sat 2026-03-21 21:00 +0000 running", "Sun 2026-03-22 03:00 +0100 stopped moved", "Tue 2026-04-21 21:00 +0100 running"}},

		// Scoresbysund 2026: 28 March 23:00 becomes 29 March 00:00; 25 October 00:00
		// becomes 24 October 23:00.
		{"Scoresbysund gap before midnight: the day's last hour", "America/Scoresbysund", daily, minutes(7, 0), minutes(23, 30), "2026-03-28 12:00", []string{
			"Sun 2026-03-29 00:00 -0100 stopped moved", "Sun 2026-03-29 07:00 -0100 running", "Sun 2026-03-29 23:30 -0100 stopped"}},
		{"Scoresbysund gap: Saturday's stop meets Sunday's start", "America/Scoresbysund", daily, minutes(0, 0), minutes(23, 30), "2026-03-28 12:00", []string{
			"Sun 2026-03-29 00:00 -0100 running", "Sun 2026-03-29 23:30 -0100 stopped"}},
		{"Scoresbysund overlap: Saturday's 23:15 once; midnight is shown only after the second 23:59", "America/Scoresbysund", daily, minutes(23, 15), minutes(0, 0), "2026-10-24 12:00", []string{
			"Sat 2026-10-24 23:15 -0100 running", "Sun 2026-10-25 00:00 -0200 stopped", "Sun 2026-10-25 23:15 -0200 running"}},

		// Samoa went from Thursday 29 to Saturday 31 December 2011.
		{"Apia: a pair of the missing day does not happen", "Pacific/Apia", daily, minutes(7, 0), minutes(19, 0), "2011-12-29 12:00", []string{
			"Thu 2011-12-29 19:00 -1000 stopped", "Sat 2011-12-31 07:00 +1400 running"}},
		{"Apia: the overnight pair of the eve stops at the first minute there is", "Pacific/Apia", daily, minutes(22, 0), minutes(4, 0), "2011-12-29 12:00", []string{
			"Thu 2011-12-29 22:00 -1000 running", "Sat 2011-12-31 00:00 +1400 stopped moved", "Sat 2011-12-31 22:00 +1400 running", "Sun 2012-01-01 04:00 +1400 stopped"}},
		{"Apia: after the missing day its pair leaves no stop", "Pacific/Apia", daily, minutes(22, 0), minutes(4, 0), "2011-12-31 00:30", []string{
			"Sat 2011-12-31 22:00 +1400 running"}},
		{"Apia: Friday's single start", "Pacific/Apia", days{week: []time.Weekday{5}}, minutes(8, 0), nil, "2011-12-23 08:00", []string{
			"Fri 2012-01-06 08:00 +1400 running"}},
		{"Apia: day 30 is missing, day 31 is not", "Pacific/Apia", days{month: []int{30, 31}}, nil, minutes(8, 0), "2011-12-01 00:00", []string{
			"Sat 2011-12-31 08:00 +1400 stopped", "Mon 2012-01-30 08:00 +1400 stopped"}},

		// The civil calendar.
		{"leap day, daily", "UTC", daily, minutes(7, 0), minutes(19, 0), "2028-02-28 19:00", []string{
			"Tue 2028-02-29 07:00 +0000 running", "Tue 2028-02-29 19:00 +0000 stopped", "Wed 2028-03-01 07:00 +0000 running"}},
		{"day 29 in short and leap February, the last day", "UTC", days{month: []int{29}}, minutes(7, 0), nil, "2027-02-01 00:00", []string{
			"Sun 2027-02-28 07:00 +0000 running", "Mon 2027-03-29 07:00 +0000 running"}},
		{"day 29 in leap February", "UTC", days{month: []int{29}}, minutes(7, 0), nil, "2028-02-01 00:00", []string{
			"Tue 2028-02-29 07:00 +0000 running", "Wed 2028-03-29 07:00 +0000 running"}},
		{"days 28, 30 and 31, the last day once", "UTC", days{month: []int{31, 28, 30}}, minutes(7, 0), nil, "2026-01-31 07:00", []string{
			"Sat 2026-02-28 07:00 +0000 running", "Sat 2026-03-28 07:00 +0000 running", "Mon 2026-03-30 07:00 +0000 running", "Tue 2026-03-31 07:00 +0000 running",
			"Tue 2026-04-28 07:00 +0000 running", "Thu 2026-04-30 07:00 +0000 running", "Thu 2026-05-28 07:00 +0000 running"}},
		{"days 30 and 31, skipped", "UTC", days{month: []int{30, 31}, short: SkipMonth}, minutes(7, 0), nil, "2026-01-31 07:00", []string{
			"Mon 2026-03-30 07:00 +0000 running", "Tue 2026-03-31 07:00 +0000 running", "Thu 2026-04-30 07:00 +0000 running", "Sat 2026-05-30 07:00 +0000 running"}},
		{"day 31, last day, overnight into the next month and year", "America/Sao_Paulo", days{month: []int{31}}, minutes(22, 0), minutes(6, 0), "2026-11-30 12:00", []string{
			"Mon 2026-11-30 22:00 -0300 running", "Tue 2026-12-01 06:00 -0300 stopped", "Thu 2026-12-31 22:00 -0300 running", "Fri 2027-01-01 06:00 -0300 stopped",
			"Sun 2027-01-31 22:00 -0300 running", "Mon 2027-02-01 06:00 -0300 stopped", "Sun 2027-02-28 22:00 -0300 running"}},
		{"day 31, skipped, pair", "America/Sao_Paulo", days{month: []int{31}, short: SkipMonth}, minutes(8, 0), minutes(9, 0), "2026-08-31 09:00", []string{
			"Sat 2026-10-31 08:00 -0300 running", "Sat 2026-10-31 09:00 -0300 stopped", "Thu 2026-12-31 08:00 -0300 running"}},
		{"year end, daily", "UTC", daily, minutes(7, 0), minutes(19, 0), "2026-12-31 07:00", []string{
			"Thu 2026-12-31 19:00 +0000 stopped", "Fri 2027-01-01 07:00 +0000 running"}},
		{"overnight on weekdays: Friday's pair stops on Saturday, nothing until Monday", "UTC", work, minutes(22, 0), minutes(4, 0), "2026-11-27 22:00", []string{
			"Sat 2026-11-28 04:00 +0000 stopped", "Mon 2026-11-30 22:00 +0000 running", "Tue 2026-12-01 04:00 +0000 stopped"}},
		{"stop only on weekdays", "America/Sao_Paulo", work, nil, minutes(19, 0), "2026-11-26 19:00", []string{
			"Fri 2026-11-27 19:00 -0300 stopped", "Mon 2026-11-30 19:00 -0300 stopped"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := Rule{Start: c.start, Stop: c.stop, Weekdays: c.days.week, MonthDays: c.days.month, ShortMonth: c.days.short, Zone: c.zone}
			runs, err := r.Upcoming(at(t, c.zone, c.after), len(c.want), nil)
			require.NoError(t, err)
			require.Equal(t, c.want, lines(runs))
		})
	}
}

// On 31 December of leap years Go gives zones that go on by a rule bounds that
// end before they begin (time.Time.ZoneBounds); a walk must not stand still there.
func TestTheLastDayOfLeapYears(t *testing.T) {
	t.Parallel()
	for _, zone := range hardZones {
		r := Rule{Start: minutes(7, 0), Stop: minutes(19, 30), Weekdays: everyDay, Zone: zone}
		for year := 2024; year <= 2096; year += 4 {
			runs, err := r.Upcoming(time.Date(year, time.December, 29, 0, 0, 0, 0, time.UTC), 12, nil)
			require.NoError(t, err)
			for i, run := range runs {
				require.False(t, run.MovedByGap)
				require.Contains(t, []string{"07:00 running", "19:30 stopped"}, run.At.Format("15:04 ")+string(run.Wanted))
				if i > 1 {
					require.Equal(t, runs[i-2].At.Add(24*time.Hour), run.At, zone)
				}
			}
		}
		loc, err := Location(zone)
		require.NoError(t, err)
		c := clock{loc: loc}
		for year := 2000; year <= 2100; year++ {
			newYear := time.Date(year, time.January, 1, 0, 0, 0, 0, time.UTC)
			for at := newYear.Add(-48 * time.Hour); at.Before(newYear.Add(24 * time.Hour)); at = at.Add(30 * time.Minute) {
				c.moveTo(at.Unix())
				if c.start > at.Unix() || at.Unix() >= c.end {
					t.Fatalf("%s at %s: from %d to %d", zone, at, c.start, c.end)
				}
			}
		}
	}
}

func TestStrictlyAfter(t *testing.T) {
	t.Parallel()
	r := Rule{Start: minutes(7, 0), Stop: minutes(19, 0), Weekdays: everyDay, Zone: "UTC"}
	seven := at(t, "UTC", "2026-11-24 07:00")
	for _, c := range []struct {
		after time.Time
		want  time.Time
	}{
		{seven.Add(-time.Nanosecond), seven}, {seven, seven.Add(12 * time.Hour)}, {seven.Add(time.Nanosecond), seven.Add(12 * time.Hour)},
	} {
		run, ok, err := r.Next(c.after, nil)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, c.want, run.At)
	}
}

func TestPairOfARun(t *testing.T) {
	t.Parallel()
	r := Rule{Start: minutes(22, 0), Stop: minutes(4, 0), Weekdays: everyDay, Zone: "America/Sao_Paulo"}
	runs, err := r.Upcoming(at(t, r.Zone, "2026-11-27 12:00"), 3, nil)
	require.NoError(t, err)
	require.Equal(t, []Day{day(t, "2026-11-27"), day(t, "2026-11-27"), day(t, "2026-11-28")}, []Day{runs[0].Day, runs[1].Day, runs[2].Day})
	moved := Rule{Stop: minutes(23, 30), Weekdays: everyDay, Zone: "America/Scoresbysund"}
	run, ok, err := moved.Next(at(t, moved.Zone, "2026-03-28 12:00"), nil)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, day(t, "2026-03-28"), run.Day, "a gap moves the run, not the pair")
	require.Equal(t, day(t, "2026-03-29"), DayOf(run.At))
}
