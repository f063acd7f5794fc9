package schedule

import (
	"fmt"
	"path"
	"strings"
	"sync"
	"time"
)

// locations holds the zones that were asked for. time.LoadLocation reads a file
// each time; one next time costs a microsecond and must not. It holds no more
// than the zone data has names, since only those load.
var locations sync.Map // name → *time.Location

// Location loads a zone by its IANA name. Error: ErrUnknownZone.
func Location(name string) (*time.Location, error) {
	if loc, ok := locations.Load(name); ok {
		return loc.(*time.Location), nil
	}
	// "" and "Local" load as UTC and as this machine's zone, "localtime" is a file
	// of the same meaning, "right/" counts leap seconds, and other spellings of a
	// path ("America/./Bahia") are no names: none is what a person meant.
	if name == "" || name == "Local" || name == "localtime" || strings.HasPrefix(name, "right/") || path.Clean(name) != name {
		return nil, fmt.Errorf("%w: %q", ErrUnknownZone, name)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %q", ErrUnknownZone, name)
	}
	locations.Store(name, loc)
	return loc, nil
}

// clock reads a zone's wall clock. Wall times are in seconds since 1970 as if the
// zone were UTC. It remembers the stretch without transition that it last stood
// in, because most moments that are asked for one after another lie in one.
type clock struct {
	loc        *time.Location
	start, end int64 // unix seconds; the stretch is [start, end)
	offset     int64 // seconds east of UTC
}

// Unix seconds before and after every moment that matters here.
const (
	always = -1 << 60
	never  = 1 << 60
)

// moveTo remembers the stretch that the moment t lies in, or a part of it. The
// stretch ends after t.
func (c *clock) moveTo(t int64) {
	at := time.Unix(t, 0).In(c.loc)
	start, end := at.ZoneBounds()
	_, offset := at.Zone()
	c.start, c.end, c.offset = always, never, int64(offset)
	if !start.IsZero() {
		c.start = start.Unix()
	}
	if !end.IsZero() {
		c.end = end.Unix()
	}
	// Where zone data goes on by a rule, Go lets a stretch end with the year of UTC
	// and counts 365 days for every year, so that on 31 December of a leap year it
	// ends before t. It ends with the day.
	if c.end <= t {
		c.end = t + daySeconds - mod(t, daySeconds)
	}
}

// surely is more than any offset and any step back of a clock that ever was: a
// clock shows a wall time never so long before the same time in UTC.
const surely = 2 * daySeconds

// first is the first moment at which the clock shows the wall time or a later
// one. That is the whole treatment of transitions: at an overlap it is the first
// of two, in a gap the first moment after it (moved is true), and a later wall
// time never comes at an earlier moment.
func (c *clock) first(wall int64) (at int64, moved bool) {
	if c.start > wall-surely || wall-c.offset >= c.end {
		c.moveTo(wall - surely)
	}
	for wall-c.offset >= c.end {
		c.moveTo(c.end)
	}
	at = wall - c.offset
	if at >= c.start {
		return at, false
	}
	// Some historic transitions fell inside a minute: the first whole one.
	at = c.start
	if s := mod(at+c.offset, 60); s != 0 {
		at += 60 - s
	}
	return at, true
}

// hasDay is false for a day that the zone skipped, as Samoa did 30 December 2011.
func (c *clock) hasDay(number int64) bool {
	at, moved := c.first(number * daySeconds)
	return !moved || at+c.offset < (number+1)*daySeconds
}

func mod(a, b int64) int64 { return (a%b + b) % b }
