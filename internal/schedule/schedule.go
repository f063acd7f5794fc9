// Package schedule decides, purely, when a timetable acts next. Zones are
// computed here with Go's zone data, never in SQL.
package schedule

import (
	"errors"
	"fmt"
	"time"
	_ "time/tzdata" // zones also where the machine has none
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

// HorizonYears is how far Next looks. The longest wait that a rule without
// holidays can ask for is eight years: 29 February, over 2100.
const HorizonYears = 10

// Rule is when a timetable starts and stops its targets. It is stored as JSON
// with the schedule.
type Rule struct {
	// Start and Stop are minutes after midnight, wall time, 0 to 1439; nil: the
	// rule has no start, or no stop. It has at least one. A stop that is earlier
	// on the clock than the start belongs to the following day: 22:00 to 04:00 on
	// Fridays stops on Saturday.
	Start *int `json:"start,omitempty"`
	Stop  *int `json:"stop,omitempty"`
	// Weekdays or MonthDays (1 to 31) are the days on which a pair starts, or a
	// single start or stop takes place. One of the two is set.
	Weekdays  []time.Weekday `json:"weekdays,omitempty"`
	MonthDays []int          `json:"month_days,omitempty"`
	// ShortMonth is for MonthDays of 29 and more.
	ShortMonth ShortMonth `json:"short_month,omitempty"`
	// Zone is an IANA name.
	Zone string `json:"zone"`
	// Calendars are the ids of calendars whose holidays are left out: the pair
	// that begins on a holiday, with its stop, even when that is on the following
	// day. A pair that began on the eve still stops on the holiday.
	Calendars []string `json:"calendars,omitempty"`
}

// ShortMonth is what happens to a chosen day that a month does not have. The
// values are stored.
type ShortMonth string

// What to do in a short month.
const (
	// LastDay: it is the month's last day, once, however many chosen days end there.
	LastDay ShortMonth = ""
	// SkipMonth: nothing happens for that day in that month.
	SkipMonth ShortMonth = "skip"
)

// Minutes is m for Rule.Start and Rule.Stop.
func Minutes(m int) *int { return &m }

// What can be wrong with a rule.
var (
	ErrNoTime      = errors.New("neither a start nor a stop is given")
	ErrSameMinute  = errors.New("start and stop fall on the same minute")
	ErrNoDay       = errors.New("either weekdays or days of the month must be chosen")
	ErrBadDay      = errors.New("no such day")
	ErrUnknownZone = errors.New("unknown time zone")
	ErrBadTime     = errors.New("a time of day is from 00:00 to 23:59")
)

// Validate says what is wrong with the rule, with one of the errors above. It
// does not know which calendars exist.
func (r Rule) Validate() error {
	if err := r.validate(); err != nil {
		return err
	}
	_, err := Location(r.Zone)
	return err
}

func (r Rule) validate() error {
	if r.Start == nil && r.Stop == nil {
		return ErrNoTime
	}
	for _, m := range []*int{r.Start, r.Stop} {
		if m != nil && (*m < 0 || *m >= 24*60) {
			return ErrBadTime
		}
	}
	if r.Start != nil && r.Stop != nil && *r.Start == *r.Stop {
		return ErrSameMinute
	}
	if (len(r.Weekdays) == 0) == (len(r.MonthDays) == 0) {
		return ErrNoDay
	}
	for _, d := range r.Weekdays {
		if d < time.Sunday || d > time.Saturday {
			return fmt.Errorf("%w: weekday %d", ErrBadDay, d)
		}
	}
	for _, d := range r.MonthDays {
		if d < 1 || d > 31 {
			return fmt.Errorf("%w: day %d of a month", ErrBadDay, d)
		}
	}
	if r.ShortMonth != LastDay && r.ShortMonth != SkipMonth {
		return fmt.Errorf("%w: in a short month: %q", ErrBadDay, r.ShortMonth)
	}
	return nil
}

// Run is one moment at which a rule acts.
type Run struct {
	At     time.Time
	Wanted Wanted
	// MovedByGap is true when the wall time asked for does not exist that day,
	// and At is the first minute that does.
	MovedByGap bool
	// Day is the civil day of the pair that the run belongs to: of an overnight
	// pair's stop, the day before.
	Day Day
	// Holiday is set when the run is left out because Day is one.
	Holiday *Holiday
}

// Walk lists the next n moments of the rule strictly after the given one, in
// order, those left out for a holiday included and marked. No two have the same
// At. It gives fewer than n when nothing more happens within the horizon, counted
// from the last that does happen. Errors: those of Validate.
func (r Rule) Walk(after time.Time, n int, h Holidays) ([]Run, error) {
	return r.collect(after, n, h, true)
}

// Upcoming is Walk without what is left out: the first n runs strictly after the
// given moment.
func (r Rule) Upcoming(after time.Time, n int, h Holidays) ([]Run, error) {
	return r.collect(after, n, h, false)
}

func (r Rule) collect(after time.Time, n int, h Holidays, all bool) ([]Run, error) {
	w, err := r.walker(after, h, all)
	if err != nil {
		return nil, err
	}
	var out []Run
	for len(out) < n {
		run, ok := w.next()
		if !ok {
			break
		}
		out = append(out, run)
	}
	return out, nil
}

// Next is the first run strictly after the given moment that is not left out. ok
// is false when there is none within the horizon of HorizonYears. Errors: those
// of Validate.
func (r Rule) Next(after time.Time, h Holidays) (run Run, ok bool, err error) {
	w, err := r.walker(after, h, false)
	if err != nil {
		return Run{}, false, err
	}
	run, ok = w.next()
	return run, ok, nil
}
