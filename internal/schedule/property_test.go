package schedule

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Zones with every kind of transition there is: an hour, half an hour, at
// midnight, before midnight, in Ramadan, a missing day, none.
var hardZones = []string{"America/New_York", "Europe/London", "America/Sao_Paulo", "Australia/Lord_Howe", "Africa/Casablanca",
	"America/Scoresbysund", "Pacific/Apia", "Asia/Tehran", "America/St_Johns", "Africa/Cairo", "Antarctica/Troll", "Asia/Kathmandu", "UTC"}

func drawRule(t *rapid.T) Rule {
	minute := rapid.OneOf(rapid.IntRange(0, 24*60-1), rapid.SampledFrom([]int{0, 30, 59, 60, 90, 119, 120, 150, 179, 180, 23 * 60, 23*60 + 30, 1439}))
	r := Rule{Zone: rapid.SampledFrom(hardZones).Draw(t, "zone")}
	kind := rapid.SampledFrom([]string{"pair", "start", "stop"}).Draw(t, "kind")
	if kind != "stop" {
		r.Start = Minutes(minute.Draw(t, "start"))
	}
	if kind != "start" {
		r.Stop = Minutes(minute.Draw(t, "stop"))
	}
	if kind == "pair" && *r.Start == *r.Stop {
		*r.Stop = (*r.Stop + 1) % (24 * 60)
	}
	if rapid.Bool().Draw(t, "by month") {
		r.MonthDays = rapid.SliceOfNDistinct(rapid.OneOf(rapid.IntRange(1, 31), rapid.IntRange(28, 31)), 1, 6, rapid.ID[int]).Draw(t, "month days")
		r.ShortMonth = rapid.SampledFrom([]ShortMonth{LastDay, SkipMonth}).Draw(t, "short month")
	} else {
		for _, d := range rapid.SliceOfNDistinct(rapid.IntRange(0, 6), 1, 7, rapid.ID[int]).Draw(t, "weekdays") {
			r.Weekdays = append(r.Weekdays, time.Weekday(d))
		}
	}
	r.Calendars = rapid.SampledFrom([][]string{nil, {"own"}, {BrazilCalendar}, {BrazilCalendar, "own"}}).Draw(t, "calendars")
	return r
}

// drawMoment is near a transition of the zone half of the time.
func drawMoment(t *rapid.T, zone string) time.Time {
	loc, err := Location(zone)
	require.NoError(t, err)
	at := time.Unix(rapid.Int64Range(1_104_537_600, 4_102_444_800).Draw(t, "moment"), rapid.SampledFrom([]int64{0, 1, 500_000_000}).Draw(t, "nanoseconds")).In(loc)
	if rapid.Bool().Draw(t, "near a transition") {
		if _, end := at.ZoneBounds(); !end.IsZero() {
			at = end.Add(time.Duration(rapid.IntRange(-50*60, 50*60).Draw(t, "minutes from it")) * time.Minute)
		}
	}
	return at
}

func drawHolidays(t *rapid.T, near time.Time) Holidays {
	d := Days{}
	for _, n := range rapid.SliceOfN(rapid.IntRange(-5, 60), 0, 20).Draw(t, "holidays") {
		d[DayOf(near).Add(n)] = "feriado"
	}
	return Holidays{"own": d}
}

func TestWhatHoldsForEveryRule(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := drawRule(t)
		after := drawMoment(t, r.Zone)
		h := drawHolidays(t, after)
		n := rapid.IntRange(1, 40).Draw(t, "n")

		walk, err := r.Walk(after, n, h)
		require.NoError(t, err)
		require.Len(t, walk, n)
		checkRuns(t, r, after, walk, h)

		var acting []Run
		for _, run := range walk {
			if run.Holiday == nil {
				acting = append(acting, run)
			}
		}
		upcoming, err := r.Upcoming(after, n, h)
		require.NoError(t, err)
		require.Equal(t, acting, append([]Run(nil), upcoming[:len(acting)]...), "what Walk does not leave out is Upcoming")

		now := after
		for i, want := range upcoming {
			got, ok, err := r.Next(now, h)
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, want, got, "run %d", i)
			now = got.At
		}

		// From any moment in between it goes on the same.
		k := rapid.IntRange(0, n-1).Draw(t, "split")
		from := after
		if k > 0 {
			from = walk[k-1].At
		}
		moment := from.Add(time.Duration(rapid.Int64Range(0, int64(walk[k].At.Sub(from))-1).Draw(t, "between")))
		rest, err := r.Walk(moment, n-k, h)
		require.NoError(t, err)
		require.Equal(t, walk[k:], rest)
	})
}

// checkRuns sees of each run that it rises, that its day is one of the rule's and
// its wall time the rule's.
func checkRuns(t *rapid.T, r Rule, after time.Time, runs []Run, h Holidays) {
	prev := after
	for _, run := range runs {
		require.True(t, run.At.After(prev), "%s after %s", run.At, prev)
		prev = run.At
		want, day := r.Start, run.Day
		if run.Wanted == Stopped {
			want = r.Stop
			if r.Start != nil && *r.Stop < *r.Start {
				day = day.Add(1)
			}
		}
		require.True(t, chosen(r, run.Day), run.Day)
		hour, minute, second := run.At.Clock()
		require.Zero(t, second)
		wall := time.Date(day.Year, day.Month, day.Day, 0, *want, 0, 0, time.UTC)
		shown := time.Date(run.At.Year(), run.At.Month(), run.At.Day(), hour, minute, 0, 0, time.UTC)
		if run.MovedByGap {
			require.True(t, shown.After(wall), "%s moved to %s", wall, shown)
			require.LessOrEqual(t, shown.Sub(wall), 48*time.Hour)
			start, _ := run.At.ZoneBounds()
			require.Equal(t, start, run.At, "the first moment after the gap")
		} else {
			require.Equal(t, wall, shown)
		}
		holiday, is := h.On(r.Calendars, run.Day)
		require.Equal(t, is, run.Holiday != nil)
		if is {
			require.Equal(t, holiday, *run.Holiday)
		}
	}
}

// chosen says in another way than the package whether a rule has a day.
func chosen(r Rule, d Day) bool {
	date := time.Date(d.Year, d.Month, d.Day, 12, 0, 0, 0, time.UTC)
	if len(r.Weekdays) > 0 {
		return slices.Contains(r.Weekdays, date.Weekday())
	}
	if slices.Contains(r.MonthDays, d.Day) {
		return true
	}
	last := date.AddDate(0, 0, 1).Day() == 1
	return last && r.ShortMonth == LastDay && slices.Max(r.MonthDays) > d.Day
}

// slowFirst finds by looking at the clock, minute after minute, when it first
// shows a wall time or a later one. No clock of these years goes back by more than
// two hours, so only from three before it every minute counts.
func slowFirst(loc *time.Location, wall time.Time) time.Time {
	shows := func(t time.Time, wall time.Time) bool {
		y, m, d := t.Date()
		return !time.Date(y, m, d, t.Hour(), t.Minute(), 0, 0, time.UTC).Before(wall)
	}
	t := wall.Add(-48 * time.Hour).In(loc)
	for !shows(t.Add(time.Hour), wall.Add(-3*time.Hour)) {
		t = t.Add(time.Hour)
	}
	for !shows(t, wall) {
		t = t.Add(time.Minute)
	}
	return t
}

// The whole of Walk against a model without any of its ideas: every day, every
// minute.
func TestWalkIsWhatTheClockShows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := drawRule(t)
		after := drawMoment(t, r.Zone)
		h := drawHolidays(t, after)
		loc := after.Location()
		until := after.Add(20 * 24 * time.Hour)
		type event struct {
			wall time.Time
			run  Run
		}
		byMoment := map[int64]event{}
		add := func(day Day, minute int, wanted Wanted) {
			wall := time.Date(day.Year, day.Month, day.Day, 0, minute, 0, 0, time.UTC)
			at := slowFirst(loc, wall)
			e := event{wall, Run{At: at, Wanted: wanted, Day: day, MovedByGap: at.Format("0102 1504") != wall.Format("0102 1504")}}
			if on, ok := h.On(r.Calendars, day); ok {
				e.run.Holiday = &on
			}
			old, taken := byMoment[at.Unix()]
			if taken {
				oldActs, acts := old.run.Holiday == nil, e.run.Holiday == nil
				if oldActs && !acts || oldActs == acts && old.wall.After(e.wall) {
					return
				}
			}
			byMoment[at.Unix()] = e
		}
		for day := DayOf(after).Add(-3); day.Compare(DayOf(until)) <= 0; day = day.Add(1) {
			midnight := slowFirst(loc, time.Date(day.Year, day.Month, day.Day, 0, 0, 0, 0, time.UTC))
			if !chosen(r, day) || DayOf(midnight) != day {
				continue
			}
			if r.Start != nil {
				add(day, *r.Start, Running)
			}
			if r.Stop != nil {
				stop := *r.Stop
				if r.Start != nil && stop < *r.Start {
					stop += 24 * 60
				}
				add(day, stop, Stopped)
			}
		}
		var want []Run
		for _, e := range byMoment {
			if e.run.At.After(after) && e.run.At.Before(until.Add(-24*time.Hour)) {
				want = append(want, e.run)
			}
		}
		slices.SortFunc(want, func(a, b Run) int { return a.At.Compare(b.At) })
		got, err := r.Walk(after, len(want), h)
		require.NoError(t, err)
		require.Equal(t, describe(want), describe(got))
	})
}

func describe(runs []Run) []string {
	out := lines(runs)
	for i := range out {
		out[i] += fmt.Sprint(" of ", runs[i].Day)
	}
	return out
}

func TestRuleThroughJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := drawRule(t)
		require.NoError(t, r.Validate())
		raw, err := json.Marshal(r)
		require.NoError(t, err)
		var back Rule
		require.NoError(t, json.Unmarshal(raw, &back))
		require.Equal(t, r, back)
	})
}

// At one minute past midnight, the oddest there was: at 00:01 the clock went back
// to 23:01 of the day before.
func TestSaintJohns(t *testing.T) {
	t.Parallel()
	r := Rule{Start: minutes(0, 0), Stop: minutes(23, 30), Weekdays: everyDay, Zone: "America/St_Johns"}
	runs, err := r.Upcoming(at(t, r.Zone, "2009-10-31 12:00"), 4, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"Sat 2009-10-31 23:30 -0230 stopped", "Sun 2009-11-01 00:00 -0230 running", "Sun 2009-11-01 23:30 -0330 stopped", "Mon 2009-11-02 00:00 -0330 running"}, lines(runs))
}
