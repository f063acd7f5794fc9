package schedule

import "time"

// days goes through the chosen days of a rule, by their number.
type days struct {
	weekdays  uint8  // bit n: time.Weekday(n); 0: monthDays is used
	monthDays uint32 // bit n: day n
	skip      bool   // SkipMonth

	at int64 // the next day to look at

	// The month that at lies in.
	year   int
	month  time.Month
	first  int64  // number of its first day
	length int    // days
	chosen uint32 // monthDays as this month has them
}

func newDays(r Rule, from int64) days {
	d := days{skip: r.ShortMonth == SkipMonth, at: from}
	for _, wd := range r.Weekdays {
		d.weekdays |= 1 << wd
	}
	for _, md := range r.MonthDays {
		d.monthDays |= 1 << md
	}
	if d.weekdays == 0 {
		c := dayOfNumber(from)
		d.setMonth(c.Year, c.Month)
	}
	return d
}

// next gives the next chosen day up to the last one to look at.
func (d *days) next(last int64) (int64, bool) {
	for d.at <= last {
		at := d.at
		if d.weekdays != 0 {
			d.at++
			if d.weekdays&(1<<weekdayOf(at)) != 0 {
				return at, true
			}
			continue
		}
		if at >= d.first+int64(d.length) {
			d.setMonth(d.year, d.month+1)
		}
		if d.chosen>>(at-d.first+1) == 0 {
			d.at = d.first + int64(d.length) // nothing more this month
			continue
		}
		d.at++
		if d.chosen&(1<<(at-d.first+1)) != 0 {
			return at, true
		}
	}
	return 0, false
}

func (d *days) setMonth(year int, month time.Month) {
	if month > time.December {
		year, month = year+1, time.January
	}
	d.year, d.month, d.length = year, month, daysIn(year, month)
	d.first = Day{year, month, 1}.number()
	has := uint32(1)<<(d.length+1) - 1 // of 31 days: every bit
	d.chosen = d.monthDays & has
	if d.monthDays&^has != 0 && !d.skip {
		d.chosen |= 1 << d.length
	}
}
