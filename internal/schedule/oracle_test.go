package schedule

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/robfig/cron/v3"
	"github.com/stretchr/testify/require"
	"github.com/teambition/rrule-go"
)

// The days of a rule are those of the same rule in RFC 5545, as another library
// counts them, over eleven years. Both have the same days always; LastDay has no
// word in the RFC and is put together from two rules of it.
func TestDaysAreThoseOfRFC5545(t *testing.T) {
	t.Parallel()
	from, until := time.Date(2019, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)
	rfcWeekdays := []rrule.Weekday{rrule.SU, rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA}
	rules := map[string]Rule{}
	for name, days := range map[string][]time.Weekday{"daily": everyDay, "weekdays": workdays, "weekends": weekend, "chosen": {time.Monday, time.Thursday}} {
		rules[name] = Rule{Weekdays: days}
	}
	for _, days := range [][]int{{1}, {15}, {28}, {29}, {30}, {31}, {1, 15}, {5, 28, 31}, {29, 30, 31}} {
		rules[fmt.Sprint("days ", days, " or the last")] = Rule{MonthDays: days}
		rules[fmt.Sprint("days ", days, " skipped")] = Rule{MonthDays: days, ShortMonth: SkipMonth}
	}
	for name, r := range rules {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r.Start, r.Zone = minutes(12, 0), "UTC"
			options := []rrule.ROption{{Freq: rrule.MONTHLY, Bymonthday: r.MonthDays}}
			if len(r.Weekdays) > 0 {
				options[0] = rrule.ROption{Freq: rrule.WEEKLY}
				for _, d := range r.Weekdays {
					options[0].Byweekday = append(options[0].Byweekday, rfcWeekdays[d])
				}
			} else if r.ShortMonth == LastDay {
				// The last of the days 28 to d is d, or the month's last.
				options = nil
				for _, d := range r.MonthDays {
					o := rrule.ROption{Freq: rrule.MONTHLY, Bymonthday: []int{d}}
					if d > 28 {
						o.Bymonthday, o.Bysetpos = []int{28, 29, 30, 31}[:d-27], []int{-1}
					}
					options = append(options, o)
				}
			}
			var want []string
			for _, o := range options {
				o.Dtstart = from.Add(12 * time.Hour)
				rule, err := rrule.NewRRule(o)
				require.NoError(t, err)
				for _, d := range rule.Between(from, until, true) {
					want = append(want, d.Format(time.DateOnly))
				}
			}
			slices.Sort(want)
			want = slices.Compact(want)
			runs, err := r.Upcoming(from, len(want), nil)
			require.NoError(t, err)
			var got []string
			for _, run := range runs {
				got = append(got, run.Day.String())
			}
			require.Equal(t, want, got)
		})
	}
}

// Moments are those of cron over six years and in seven zones, with two
// differences, and the product's rule is the right one in both. What a gap
// swallows cron leaves out; a machine that was to start must start, at the first
// minute there is. And the library moves by whole hours, so that on Lord Howe,
// where the clock moves by half of one, it loses a run in the days after that.
func TestMomentsAreThoseOfCron(t *testing.T) {
	t.Parallel()
	same, gaps, lost := 0, 0, 0
	for zone, years := range map[string][2]string{
		"America/New_York": {"2023", "2029"}, "Europe/London": {"2023", "2029"}, "America/Sao_Paulo": {"2016", "2022"}, "Australia/Lord_Howe": {"2023", "2029"},
		"Africa/Casablanca": {"2023", "2029"}, "Asia/Kathmandu": {"2023", "2029"}, "UTC": {"2023", "2029"},
	} {
		from, until := at(t, zone, years[0]+"-01-01 00:00"), at(t, zone, years[1]+"-01-01 00:00")
		for _, minute := range []int{0, 30, 90, 135, 150, 7 * 60, 12*60 + 1, 23*60 + 45} {
			for _, week := range [][]time.Weekday{everyDay, workdays, weekend} {
				theirs := map[Day]time.Time{}
				for _, m := range cronMoments(t, zone, minute, week, from, until) {
					if _, second := theirs[DayOf(m)]; !second {
						theirs[DayOf(m)] = m
					}
				}
				r := Rule{Start: Minutes(minute), Weekdays: week, Zone: zone}
				runs, err := r.Upcoming(from, len(theirs)+40, nil)
				require.NoError(t, err)
				for _, run := range runs {
					if !run.At.Before(until) {
						break
					}
					cron, ok := theirs[run.Day]
					delete(theirs, run.Day)
					switch {
					case ok:
						require.Equal(t, run.At.Unix(), cron.Unix(), "%s: ours %s, cron's %s", zone, run.At, cron)
						same++
					case run.MovedByGap:
						gaps++
					default:
						require.Equal(t, "Australia/Lord_Howe", zone, run.At)
						start, _ := run.At.ZoneBounds()
						require.Less(t, run.At.Sub(start), 7*24*time.Hour, run.At)
						lost++
					}
				}
				require.Empty(t, theirs, "cron has no day that is not ours")
			}
		}
	}
	require.Greater(t, same, 200_000)
	require.Positive(t, gaps)
	require.Positive(t, lost, "the library has been mended: drop the exception")
}

func cronMoments(t *testing.T, zone string, minute int, week []time.Weekday, from, until time.Time) []time.Time {
	t.Helper()
	days := make([]string, len(week))
	for i, d := range week {
		days[i] = fmt.Sprint(int(d))
	}
	s, err := cron.ParseStandard(fmt.Sprintf("CRON_TZ=%s %d %d * * %s", zone, minute%60, minute/60, strings.Join(days, ",")))
	require.NoError(t, err)
	var out []time.Time
	for m := s.Next(from); m.Before(until); m = s.Next(m) {
		out = append(out, m)
	}
	return out
}
