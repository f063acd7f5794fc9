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

// Moments are those of cron over six years and in seven zones, on every day
// without a transition. On the others the product's rule holds, and cron's is
// another: what a gap swallows cron leaves out (or runs by the old offset), while
// a machine that was to start must start, at the first minute there is; and at an
// overlap it may run at either of the two, where the product says the first.
func TestMomentsAreThoseOfCron(t *testing.T) {
	t.Parallel()
	const horizon = "2029-01-01 00:00"
	differ, gaps := 0, 0
	for _, zone := range []string{"America/New_York", "Europe/London", "America/Sao_Paulo", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu", "UTC"} {
		for _, minute := range []int{0, 30, 90, 135, 150, 7 * 60, 12*60 + 1, 23*60 + 45} {
			for _, week := range [][]time.Weekday{everyDay, workdays, weekend} {
				from, until := at(t, zone, "2017-06-01 00:00"), at(t, zone, horizon)
				if zone != "America/Sao_Paulo" {
					from = at(t, zone, "2023-01-01 00:00")
				} else {
					until = at(t, zone, "2023-01-01 00:00")
				}
				theirs := cronMoments(t, zone, minute, week, from, until)
				r := Rule{Start: Minutes(minute), Weekdays: week, Zone: zone}
				runs, err := r.Upcoming(from, len(theirs)+20, nil)
				require.NoError(t, err)
				ours := map[Day]Run{}
				for _, run := range runs {
					if run.At.Before(until) {
						ours[run.Day] = run
					}
				}
				byDay := map[Day]time.Time{}
				for _, m := range theirs {
					if _, ok := byDay[DayOf(m)]; !ok {
						byDay[DayOf(m)] = m
					}
				}
				for d, run := range ours {
					if !hasTransition(run.At) {
						require.False(t, run.MovedByGap)
						require.Equal(t, byDay[d].Unix(), run.At.Unix(), "%s %s", zone, run.At)
						delete(byDay, d)
						continue
					}
					if run.MovedByGap {
						gaps++
					}
					if !byDay[d].Equal(run.At) {
						differ++
						require.True(t, run.MovedByGap || byDay[d].Sub(run.At) > 0 && DayOf(byDay[d]) == d, "%s: ours %s, cron %s", zone, run.At, byDay[d])
					}
					delete(byDay, d)
				}
				require.Empty(t, byDay, "cron has no day that is not ours")
			}
		}
	}
	require.Positive(t, gaps)
	require.Positive(t, differ, "the two rules differ somewhere, or this test compares nothing")
}

func hasTransition(at time.Time) bool {
	start, end := at.ZoneBounds()
	return !start.IsZero() && at.Sub(start) < 48*time.Hour || !end.IsZero() && end.Sub(at) < 48*time.Hour
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
