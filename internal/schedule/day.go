package schedule

import (
	"cmp"
	"fmt"
	"time"
)

// Day is a day of the civil calendar, in no zone.
type Day struct {
	Year  int
	Month time.Month
	Day   int
}

const daySeconds = 24 * 60 * 60

// DayOf is the day that the calendar shows at a moment, in the moment's zone.
func DayOf(t time.Time) Day {
	y, m, d := t.Date()
	return Day{y, m, d}
}

// ParseDay reads "2006-01-02".
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Day{}, fmt.Errorf("a day is written as 2006-01-02, not %q", s)
	}
	return DayOf(t), nil
}

// String writes "2006-01-02".
func (d Day) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }

// Add gives the day n days later, or earlier when n is negative.
func (d Day) Add(n int) Day { return dayOfNumber(d.number() + int64(n)) }

// Weekday is the day of the week.
func (d Day) Weekday() time.Weekday { return weekdayOf(d.number()) }

// Compare orders days: -1 when d is the earlier one, 0 when they are the same,
// +1 when d is the later one.
func (d Day) Compare(o Day) int {
	return cmp.Or(cmp.Compare(d.Year, o.Year), cmp.Compare(d.Month, o.Month), cmp.Compare(d.Day, o.Day))
}

// number counts days from 1 January 1970. A day that its month does not have
// counts on into the next month, as time.Date does.
func (d Day) number() int64 {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Unix() / daySeconds
}

func dayOfNumber(n int64) Day { return DayOf(time.Unix(n*daySeconds, 0).UTC()) }

// weekdayOf: 1 January 1970 was a Thursday.
func weekdayOf(number int64) time.Weekday { return time.Weekday(((number+4)%7 + 7) % 7) }

// daysIn is how many days a month has.
func daysIn(year int, m time.Month) int { return time.Date(year, m+1, 0, 0, 0, 0, 0, time.UTC).Day() }

// Holiday is why a day is left out.
type Holiday struct {
	// Calendar is its id, Name the holiday's in that calendar.
	Calendar, Name string
}

// Days gives the name of each holiday of a calendar.
type Days map[Day]string

// Holidays are the days of calendars, by the calendar's id. BrazilCalendar needs
// no entry and takes none.
type Holidays map[string]Days

// On says whether a day is a holiday in one of the calendars; the first that has
// it names it. A calendar that is not in h has no holidays.
func (h Holidays) On(calendars []string, d Day) (Holiday, bool) {
	for _, c := range calendars {
		name, ok := h[c][d]
		if c == BrazilCalendar {
			name, ok = brazilOn(d)
		}
		if ok {
			return Holiday{c, name}, true
		}
	}
	return Holiday{}, false
}
