package calendar

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	ics "github.com/arran4/golang-ical"

	"github.com/cloudhub/cloudhub/internal/schedule"
)

// zone tells wall times: by its IANA name, or as the file describes it.
type zone struct {
	loc *time.Location
	// onsets of a VTIMEZONE, in order.
	onsets []onset
}

type onset struct {
	at     time.Time
	offset time.Duration
}

// zones are those of one file.
type zones struct {
	reader    *reader
	described map[string]*ics.VTimezone
	byID      map[string]*zone
	// own is the calendar's zone; UTC when it names none.
	own *zone
}

func newZones(p *reader, cal *ics.Calendar) *zones {
	z := &zones{reader: p, described: map[string]*ics.VTimezone{}, byID: map[string]*zone{}, own: &zone{loc: time.UTC}}
	for _, tz := range cal.Timezones() {
		if prop := tz.GetProperty("TZID"); prop != nil && z.described[prop.Value] == nil {
			z.described[prop.Value] = tz
		}
	}
	for _, prop := range cal.CalendarProperties {
		if prop.IANAToken == "X-WR-TIMEZONE" {
			if loc, err := schedule.Location(strings.TrimSpace(prop.Value)); err == nil {
				z.own = &zone{loc: loc}
			}
		}
	}
	return z
}

// get gives the zone of a TZID. One that is neither an IANA name nor described in
// the file has the wall times that stand there, as if it were UTC.
func (z *zones) get(id string) *zone {
	if got, ok := z.byID[id]; ok {
		return got
	}
	out := &zone{loc: time.UTC}
	if loc, err := schedule.Location(id); err == nil {
		out.loc = loc
	} else if tz := z.described[id]; tz != nil {
		out.onsets = z.onsets(tz)
	}
	z.byID[id] = out
	return out
}

// onsets are the changes of a described zone up to a year after the time that is
// asked for.
func (z *zones) onsets(tz *ics.VTimezone) []onset {
	var out []onset
	for _, c := range tz.Components {
		base := &ics.ComponentBase{}
		switch c := c.(type) {
		case *ics.Standard:
			base = &c.ComponentBase
		case *ics.Daylight:
			base = &c.ComponentBase
		}
		start, before, after := base.GetProperty("DTSTART"), base.GetProperty("TZOFFSETFROM"), base.GetProperty("TZOFFSETTO")
		if start == nil || before == nil || after == nil {
			continue
		}
		from, err1 := offset(before.Value)
		to, err2 := offset(after.Value)
		first, err3 := time.Parse("20060102T150405", strings.TrimSpace(start.Value))
		if errors.Join(err1, err2, err3) != nil || first.Year() < firstYear {
			continue
		}
		add := func(wall time.Time) error {
			out = append(out, onset{wall.Add(-from), to})
			return nil
		}
		_ = add(first)
		if prop := base.GetProperty("RRULE"); prop != nil {
			if r, err := z.reader.rule(prop.Value, moment{wall: first, zone: &zone{loc: time.UTC}}); err == nil {
				// A zone that cannot be worked out is charged and has its first offset.
				_ = z.reader.expand(r, first, z.reader.to.AddDate(1, 0, 0), add)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b onset) int { return a.at.Compare(b.at) })
	return out
}

// offset reads "+hhmm" or "-hhmmss".
func offset(s string) (time.Duration, error) {
	s = strings.TrimSpace(s)
	layout := "-0700"
	if len(s) > 5 {
		layout = "-070000"
	}
	t, err := time.Parse(layout, s)
	if err != nil {
		return 0, fmt.Errorf("not an offset: %q", s)
	}
	_, seconds := t.Zone()
	return time.Duration(seconds) * time.Second, nil
}

// wall is what the clock of a zone shows at a moment.
func (z *zone) wall(at time.Time) time.Time {
	var shift time.Duration
	if len(z.onsets) > 0 {
		i, found := slices.BinarySearchFunc(z.onsets, at, func(o onset, t time.Time) int { return o.at.Compare(t) })
		if !found {
			i = max(i-1, 0)
		}
		shift = z.onsets[i].offset
	} else {
		_, seconds := at.In(z.loc).Zone()
		shift = time.Duration(seconds) * time.Second
	}
	return at.Add(shift)
}

// firstYear is before every date that people write: Outlook's zones begin in 1601.
// The library takes the year 1 for no start and would read the machine's clock.
const firstYear = 1600

// moment reads a DATE or DATE-TIME of a property; prop may be nil.
func (z *zones) moment(text string, prop *ics.IANAProperty) (moment, error) {
	m, err := z.read(text, prop)
	if err != nil || m.wall.Year() < firstYear {
		return moment{}, errors.New("not a date")
	}
	return m, nil
}

func (z *zones) read(text string, prop *ics.IANAProperty) (moment, error) {
	text = strings.ToUpper(strings.TrimSpace(text))
	if t, err := time.Parse("20060102", text); err == nil {
		return moment{wall: t, date: true, zone: z.own}, nil
	}
	if t, err := time.Parse("20060102T150405Z", text); err == nil {
		return moment{wall: z.own.wall(t), zone: z.own, utc: t}, nil
	}
	t, err := time.Parse("20060102T150405", text)
	if err != nil {
		return moment{}, err
	}
	if prop != nil {
		if id := prop.ICalParameters["TZID"]; len(id) == 1 {
			return moment{wall: t, zone: z.get(id[0])}, nil
		}
	}
	return moment{wall: t, zone: z.own}, nil
}
