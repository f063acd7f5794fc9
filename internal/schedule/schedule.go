// Package schedule decides, purely, when a timetable acts next. Zones are
// computed here with the zone data compiled into the program, never in SQL.
package schedule

import (
	"errors"
	"fmt"
	"slices"
	"time"
	_ "time/tzdata" // the same zones on every machine
)

// Wanted is the state that a run brings its targets to. The values are stored.
type Wanted string

// What a run may want.
const (
	Running Wanted = "running"
	Stopped Wanted = "stopped"
)

// CatchUp is how late a claimed minute may still act: the window of the
// product's default. After it, nothing acts and the run is recorded as missed.
const CatchUp = 10 * time.Minute

// Rule is a start/stop pair. It is stored as JSON with the schedule.
type Rule struct {
	// Start and Stop are minutes after midnight, wall time, 0 to 1439.
	Start int `json:"start"`
	Stop  int `json:"stop"`
	// Weekdays on which it starts. A stop that is earlier on the clock than the
	// start belongs to the following day: 22:00 to 04:00 on Fridays stops on
	// Saturday.
	Weekdays []time.Weekday `json:"weekdays"`
	// Zone is an IANA name.
	Zone string `json:"zone"`
}

// What can be wrong with a rule.
var (
	ErrSameMinute  = errors.New("start and stop fall on the same minute")
	ErrNoWeekday   = errors.New("no weekday is chosen")
	ErrUnknownZone = errors.New("unknown time zone")
	ErrBadTime     = errors.New("a time of day is from 00:00 to 23:59")
)

// Validate says what is wrong with the rule, with one of the errors above.
func (r Rule) Validate() error {
	for _, m := range []int{r.Start, r.Stop} {
		if m < 0 || m >= 24*60 {
			return ErrBadTime
		}
	}
	if r.Start == r.Stop {
		return ErrSameMinute
	}
	if len(r.Weekdays) == 0 {
		return ErrNoWeekday
	}
	_, err := r.location()
	return err
}

func (r Rule) location() (*time.Location, error) {
	// "" and "Local" load as UTC and as this machine's zone: neither is what a
	// person meant.
	if r.Zone == "" || r.Zone == "Local" {
		return nil, fmt.Errorf("%w: %q", ErrUnknownZone, r.Zone)
	}
	loc, err := time.LoadLocation(r.Zone)
	if err != nil {
		return nil, fmt.Errorf("%w: %q", ErrUnknownZone, r.Zone)
	}
	return loc, nil
}

// Run is one moment at which a rule acts.
type Run struct {
	At     time.Time
	Wanted Wanted
	// MovedByGap is true when the wall time asked for does not exist that day,
	// and At is the first minute that does.
	MovedByGap bool
}

// Next is the first run strictly after the given moment. It returns an error
// of Validate for a rule that is not valid.
func (r Rule) Next(after time.Time) (Run, error) {
	runs, err := r.Upcoming(after, 1)
	if err != nil {
		return Run{}, err
	}
	return runs[0], nil
}

// Upcoming lists the first n runs strictly after the given moment, in order.
func (r Rule) Upcoming(after time.Time, n int) ([]Run, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	loc, err := r.location()
	if err != nil {
		return nil, err
	}
	// From the day before: a gap may have moved yesterday's last minute past
	// midnight.
	y, m, d := after.In(loc).Date()
	var out []Run
	for day := -1; len(out) < n; day++ {
		// Noon exists on every day that exists at all.
		noon := time.Date(y, m, d+day, 12, 0, 0, 0, loc)
		for _, run := range r.runsOn(noon) {
			if run.At.After(after) && len(out) < n {
				out = append(out, run)
			}
		}
	}
	return out, nil
}

// overnight says whether a pair's stop belongs to the day after its start.
func (r Rule) overnight() bool { return r.Stop < r.Start }

// runsOn gives the runs that fall on one calendar day, in order of time: the
// start of that day's pair, and the stop of that day's or, overnight, of the
// pair that began the day before.
func (r Rule) runsOn(noon time.Time) []Run {
	var runs []Run
	if slices.Contains(r.Weekdays, noon.Weekday()) {
		at, moved := wallTime(noon, r.Start)
		runs = append(runs, Run{at, Running, moved})
	}
	began := noon.Weekday()
	if r.overnight() {
		began = (began + 6) % 7
	}
	if slices.Contains(r.Weekdays, began) {
		at, moved := wallTime(noon, r.Stop)
		runs = append(runs, Run{at, Stopped, moved})
	}
	if len(runs) < 2 {
		return runs
	}
	// A gap can move both to the same minute. The later wall time is what the
	// person wanted to hold after it, so the earlier one is dropped.
	if runs[0].At.Equal(runs[1].At) {
		if r.overnight() {
			return runs[:1]
		}
		return runs[1:]
	}
	if runs[1].At.Before(runs[0].At) {
		slices.Reverse(runs)
	}
	return runs
}

// wallTime is the moment at which the clock on the wall shows the minute on the
// day of noon: the first of two at an overlap, the first minute after a gap.
func wallTime(noon time.Time, minute int) (at time.Time, movedByGap bool) {
	y, m, d := noon.Date()
	loc := noon.Location()
	t := time.Date(y, m, d, 0, minute, 0, 0, loc)
	if h, mi, _ := t.Clock(); h*60+mi != minute || t.Day() != noon.Day() {
		return afterGap(noon, minute), true
	}
	// time.Date does not promise which of two it returns. No overlap that ever
	// was is longer than a day and a bit less than three hours is the longest
	// in use, so an earlier twin is found by the offset that was in force before.
	if twin := earlierTwin(t, minute); !twin.IsZero() {
		return twin, false
	}
	return t, false
}

func earlierTwin(t time.Time, minute int) time.Time {
	_, now := t.Zone()
	_, before := t.Add(-3 * time.Hour).Zone()
	if before == now {
		return time.Time{}
	}
	twin := t.Add(time.Duration(now-before) * time.Second)
	if h, mi, _ := twin.Clock(); twin.Before(t) && h*60+mi == minute && twin.Day() == t.Day() {
		return twin
	}
	return time.Time{}
}

// afterGap finds the first minute of the day whose wall time is past the one
// that does not exist.
func afterGap(noon time.Time, minute int) time.Time {
	y, m, d := noon.Date()
	// Walk back from a moment that is surely after the gap to the transition.
	base := time.Date(y, m, d, 12, 0, 0, 0, time.UTC)
	_, offset := noon.Zone()
	if minute >= 12*60 {
		// A gap in the afternoon: start from the end of the day instead.
		_, offset = noon.Add(13 * time.Hour).Zone()
	}
	wall := base.Add(time.Duration(minute-12*60) * time.Minute)
	t := wall.Add(-time.Duration(offset) * time.Second).In(noon.Location())
	// With the offset after the gap, t is before the transition by as much as
	// the wall time is into the gap: go forward to the transition itself.
	_, end := t.ZoneBounds()
	if !end.IsZero() && end.Sub(t) <= 26*time.Hour {
		return ceilMinute(end)
	}
	return t
}

// ceilMinute: some historic transitions fell inside a minute.
func ceilMinute(t time.Time) time.Time {
	if c := t.Truncate(time.Minute); c.Equal(t) {
		return c
	} else {
		return c.Add(time.Minute)
	}
}
