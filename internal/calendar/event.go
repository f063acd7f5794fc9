package calendar

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	ics "github.com/arran4/golang-ical"
	"github.com/teambition/rrule-go"
)

// moment is a DATE or DATE-TIME: what the calendar on the wall shows in its zone.
type moment struct {
	wall time.Time
	date bool // without a time
	zone *zone
	utc  time.Time // set when it was written in UTC
}

// in is what the clock of another zone shows then. What is not written in UTC is
// taken as it stands: a meeting that ends in another zone ends on its day there.
func (m moment) in(z *zone) time.Time {
	if m.date || m.utc.IsZero() {
		return m.wall
	}
	return z.wall(m.utc)
}

// span is when an event first takes place, and for how long on the clock.
func (p *reader) span(e *ics.VEvent) (start moment, length time.Duration, err error) {
	prop := e.GetProperty("DTSTART")
	if prop == nil {
		return moment{}, 0, errors.New("it has no start")
	}
	if start, err = p.zones.moment(prop.Value, prop); err != nil {
		return moment{}, 0, err
	}
	if start.date {
		length = 24 * time.Hour
	}
	if prop := e.GetProperty("DTEND"); prop != nil {
		end, err := p.zones.moment(prop.Value, prop)
		if err != nil {
			return moment{}, 0, err
		}
		// Some write an all-day event's end as its start.
		if d := end.in(start.zone).Sub(start.wall); d > 0 {
			length = d
		}
	} else if prop := e.GetProperty("DURATION"); prop != nil {
		d, err := duration(prop.Value)
		if err != nil {
			return moment{}, 0, err
		}
		length = max(d, length)
	}
	return start, length, nil
}

var durations = regexp.MustCompile(`^\+?P(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,7})M)?(?:(\d{1,9})S)?)?$`)

func duration(s string) (time.Duration, error) {
	m := durations.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return 0, errors.New("its duration is not one")
	}
	var out time.Duration
	for i, unit := range []time.Duration{7 * 24 * time.Hour, 24 * time.Hour, time.Hour, time.Minute, time.Second} {
		n, _ := strconv.Atoi(m[i+1]) // digits, or nothing
		out += time.Duration(n) * unit
	}
	return out, nil
}

// exceptions are occurrences that do not take place: by wall time, or by day,
// whatever the time.
type exceptions struct{ times, days map[time.Time]bool }

func (x exceptions) add(m moment, in *zone) {
	if m.date {
		x.days[m.wall] = true
	} else {
		x.times[m.in(in)] = true
	}
}

func (x exceptions) has(wall time.Time) bool {
	return x.times[wall] || x.days[wall.Truncate(24*time.Hour)]
}

func (p *reader) exceptions(name string, e *ics.VEvent, in *zone) exceptions {
	out := exceptions{map[time.Time]bool{}, map[time.Time]bool{}}
	for _, prop := range e.GetProperties("EXDATE") {
		for v := range strings.SplitSeq(prop.Value, ",") {
			m, err := p.zones.moment(v, prop)
			if err != nil {
				p.skip(name, fmt.Errorf("one of its exceptions: %w", err))
				continue
			}
			out.add(m, in)
		}
	}
	for _, m := range p.replaced[value(e, "UID")] {
		out.add(m, in)
	}
	return out
}

// occurrences calls yield for each that may touch the time asked for; some may
// come twice. Errors: those of yield, and ErrTooComplex.
func (p *reader) occurrences(name string, e *ics.VEvent, start moment, length time.Duration, yield func(wall time.Time) error) error {
	if err := yield(start.wall); err != nil {
		return err
	}
	for _, prop := range e.GetProperties("RDATE") {
		for v := range strings.SplitSeq(prop.Value, ",") {
			v, _, _ = strings.Cut(v, "/") // of a period the start
			m, err := p.zones.moment(v, prop)
			if err != nil {
				p.skip(name, fmt.Errorf("one of its dates: %w", err))
				continue
			}
			if err := yield(m.in(start.zone)); err != nil {
				return err
			}
		}
	}
	for _, prop := range e.GetProperties("RRULE") {
		r, err := p.rule(prop.Value, start)
		if err != nil {
			p.skip(name, err)
			continue
		}
		if !r.until.IsZero() && r.until.Add(length).Before(p.from) {
			continue
		}
		if err := p.expand(r, start.wall, p.to, yield); errors.Is(err, errRule) {
			p.skip(name, err)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// rule is one RRULE. Its end is kept apart from the library's option, so that it
// is known where an iteration came to.
type rule struct {
	option rrule.ROption
	count  int       // 0: no bound
	until  time.Time // wall time of the event's zone; zero: no bound
}

var errRule = errors.New("its repetition is not one that is read")

// maxRule is more than any repetition of a person needs: every day of the year by
// its number has 1,500 characters, but nobody writes that.
const maxRule = 500

// rule reads a RRULE. The library does not check what it indexes with, and goes
// on to the year 9999 for what never happens, so it gets only what is sound.
// Error: errRule.
func (p *reader) rule(text string, start moment) (rule, error) {
	bad := func(why string) (rule, error) { return rule{}, fmt.Errorf("%w (%s)", errRule, why) }
	if len(text) > maxRule {
		return bad("too long")
	}
	var r rule
	var parts []string
	for part := range strings.SplitSeq(strings.ToUpper(strings.TrimSpace(text)), ";") {
		key, v, _ := strings.Cut(part, "=")
		switch key {
		case "":
		case "UNTIL":
			m, err := p.zones.moment(v, nil)
			if err != nil {
				return bad("its end")
			}
			switch {
			case m.date: // the whole of that day
				r.until = m.wall.Add(24*time.Hour - time.Second)
			case start.date && !m.utc.IsZero():
				r.until = m.utc // some write the day of an all-day event's end as its midnight in UTC
			default:
				r.until = m.in(start.zone)
			}
		case "COUNT":
			n, err := strconv.Atoi(v)
			if err != nil || n < 1 {
				return bad("its count")
			}
			r.count = n
		case "BYHOUR", "BYMINUTE", "BYSECOND":
			// Only days matter here; several a day would be counted.
			if strings.Contains(v, ",") {
				return bad("several times a day")
			}
		case "BYEASTER":
			return bad(key)
		default:
			parts = append(parts, part)
		}
	}
	option, err := rrule.StrToROption(strings.Join(parts, ";"))
	if err != nil {
		return bad("unreadable")
	}
	if option.Freq > rrule.DAILY {
		return bad("more often than daily")
	}
	if option.Interval < 0 || option.Interval > 1000 {
		return bad("its interval")
	}
	inMonth := option.Freq == rrule.MONTHLY || len(option.Bymonth) > 0
	if slices.ContainsFunc(option.Byweekday, func(d rrule.Weekday) bool { return inMonth && (d.N() > 5 || d.N() < -5) }) {
		return bad("a month has no six weeks")
	}
	option.Dtstart = start.wall
	r.option = *option
	return r, nil
}

// expand calls yield for each occurrence before a moment. The first one is the
// start itself, as RFC 5545 counts it. Errors: errRule, ErrTooComplex, those of
// yield.
func (p *reader) expand(r rule, start, before time.Time, yield func(wall time.Time) error) (err error) {
	defer func() {
		// The library's own slips: the event is left out, the file is not.
		if caught := recover(); caught != nil {
			err = fmt.Errorf("%w (unreadable)", errRule)
		}
	}()
	// Without an end of ours the library ends 290 years after the start, and zones
	// and birthdays begin in 1601.
	r.option.Until = before.AddDate(400, 0, 0)
	rr, err := rrule.NewRRule(r.option)
	if err != nil {
		return fmt.Errorf("%w (unreadable)", errRule)
	}
	// What a day costs the library, measured, in what it costs by the month or year.
	cost := 1
	switch {
	case r.option.Freq == rrule.DAILY || len(r.option.Bysetpos) > 0:
		cost = 8
	case r.option.Freq == rrule.WEEKLY || len(r.option.Byweekno) > 0:
		cost = 4
	}
	next := rr.Iterator()
	at := start
	for n := 1; r.count == 0 || n < r.count; {
		wall, ok := next()
		if !ok {
			// It looked for more in all the years that it knows.
			return p.charge(cost * (9999 - at.Year()) * 365)
		}
		if err := p.charge(cost * int(wall.Sub(at)/(24*time.Hour))); err != nil {
			return err
		}
		at = wall
		if !wall.Before(before) || !r.until.IsZero() && wall.After(r.until) {
			return nil
		}
		if wall.Equal(start) {
			continue
		}
		n++
		if err := yield(wall); err != nil {
			return err
		}
	}
	return nil
}
