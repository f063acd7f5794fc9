// Package calendar reads the days of holiday calendars. It is pure: what it reads
// comes from a reader, and the days that are asked for from the caller.
package calendar

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	ics "github.com/arran4/golang-ical"

	"github.com/cloudhub/cloudhub/internal/schedule"
)

// Limits of one file.
const (
	MaxBytes  = 2 << 20 // of the file
	MaxEvents = 5000    // VEVENT components
	MaxDays   = 20000   // days of the result
	MaxName   = 200     // characters of a name; longer ones are cut
	// maxWork bounds what the expansion of all recurrences of a file costs, in days
	// that are looked at (8 for each where that is dear): 500 daily or 4,000 yearly events
	// since 1990 are below it, and it is reached in two seconds.
	maxWork    = 60_000_000
	maxSkipped = 50 // reasons that are listed
)

// Why a file is not read.
var (
	ErrNotCalendar   = errors.New("not an iCalendar file")
	ErrMalformed     = errors.New("a damaged iCalendar file")
	ErrTooBig        = errors.New("the calendar is larger than 2 MB")
	ErrTooManyEvents = errors.New("the calendar has more than 5000 events")
	ErrTooManyDays   = errors.New("the calendar has more than 20000 days")
	ErrTooComplex    = errors.New("the calendar's recurring events take too long to work out")
)

// Result is what a file has of the days that were asked for.
type Result struct {
	// Name of the calendar (X-WR-CALNAME); empty when it has none.
	Name string
	// Days with an event, by its name; of several the one that is first in the file.
	Days schedule.Days
	// Events that were read, whether or not they are in the time asked for. What is
	// cancelled or skipped is not counted.
	Events int
	// Skipped says which events were not read, or not all of them, and why; at most
	// 50, then how many more.
	Skipped []string
}

// ParseICal reads an iCalendar file (RFC 5545) and gives the days from one to
// another, both included, on which there is an event. An all-day event has the
// days up to its end, the end not included; a timed one each day that it touches
// on the clock of its own zone. What stands in UTC is in the calendar's zone
// (X-WR-TIMEZONE), where it names one. Errors: those above, and those of r.
func ParseICal(r io.Reader, from, to schedule.Day) (Result, error) {
	text, err := prepare(r)
	if err != nil {
		return Result{}, err
	}
	cal, err := ics.ParseCalendarWithOptions(bytes.NewReader(text))
	if err != nil {
		return Result{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	p := newReader(cal, from, to)
	for _, e := range cal.Events() {
		if err := p.event(e); err != nil {
			return Result{}, err
		}
	}
	if p.unlisted > 0 {
		p.out.Skipped = append(p.out.Skipped, fmt.Sprintf("and %d more", p.unlisted))
	}
	return p.out, nil
}

// reader turns the components of one file into days. Moments are wall times of
// their event's zone, held as times in UTC.
type reader struct {
	out      Result
	from, to time.Time // midnights; to is after the last day
	zones    *zones
	// replaced are the occurrences of recurring events that other events of the
	// file stand for, by UID.
	replaced map[string][]moment
	work     int // done so far, of maxWork
	unlisted int // skipped, beyond maxSkipped
}

func newReader(cal *ics.Calendar, from, to schedule.Day) *reader {
	p := &reader{
		out:  Result{Days: schedule.Days{}},
		from: midnight(from), to: midnight(to).AddDate(0, 0, 1), replaced: map[string][]moment{},
	}
	p.zones = newZones(p, cal)
	for _, prop := range cal.CalendarProperties {
		if prop.IANAToken == "X-WR-CALNAME" && p.out.Name == "" {
			p.out.Name = clean(prop.Value)
		}
	}
	for _, e := range cal.Events() {
		if prop := e.GetProperty("RECURRENCE-ID"); prop != nil {
			if m, err := p.zones.moment(prop.Value, prop); err == nil {
				uid := value(e, "UID")
				p.replaced[uid] = append(p.replaced[uid], m)
			}
		}
	}
	return p
}

func midnight(d schedule.Day) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC)
}

// event adds the days of one event. Errors: ErrTooManyDays, ErrTooComplex.
func (p *reader) event(e *ics.VEvent) error {
	if strings.EqualFold(value(e, "STATUS"), "CANCELLED") {
		return nil
	}
	name := clean(value(e, "SUMMARY"))
	start, length, err := p.span(e)
	if err != nil {
		p.skip(name, err)
		return nil
	}
	p.out.Events++
	if recurrence := e.GetProperty("RECURRENCE-ID"); recurrence != nil {
		if len(recurrence.ICalParameters["RANGE"]) > 0 {
			p.skip(name, errors.New("a change of an occurrence and all after it is read as a change of that one"))
		}
		return p.add(name, start.wall, length)
	}
	except := p.exceptions(name, e, start.zone)
	var last time.Time
	return p.occurrences(name, e, start, length, func(wall time.Time) error {
		if wall.Equal(last) || except.has(wall) {
			return nil
		}
		last = wall
		return p.add(name, wall, length)
	})
}

// add gives a name to each day that an occurrence touches.
func (p *reader) add(name string, wall time.Time, length time.Duration) error {
	end := wall.Add(max(length, time.Nanosecond))
	day := wall.Truncate(24 * time.Hour)
	if day.Before(p.from) {
		day = p.from
	}
	for ; day.Before(end) && day.Before(p.to); day = day.AddDate(0, 0, 1) {
		if err := p.charge(8); err != nil {
			return err
		}
		d := schedule.DayOf(day)
		if _, taken := p.out.Days[d]; !taken {
			p.out.Days[d] = name
		}
		if len(p.out.Days) > MaxDays {
			return ErrTooManyDays
		}
	}
	return nil
}

// charge counts work. Error: ErrTooComplex.
func (p *reader) charge(work int) error {
	if p.work += max(work, 1); p.work > maxWork {
		return ErrTooComplex
	}
	return nil
}

func (p *reader) skip(name string, why error) {
	if len(p.out.Skipped) >= maxSkipped {
		p.unlisted++
		return
	}
	p.out.Skipped = append(p.out.Skipped, fmt.Sprintf("%q: %s", name, clean(why.Error())))
}

func value(e *ics.VEvent, name string) string {
	if prop := e.GetProperty(ics.ComponentProperty(name)); prop != nil {
		return strings.TrimSpace(prop.Value)
	}
	return ""
}
