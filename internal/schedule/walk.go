package schedule

import "time"

// walker lists the moments of a valid rule. It goes from one chosen day to the
// next; the moments of each follow those of the day before, because an overnight
// stop is earlier on the clock than the start it is followed by.
type walker struct {
	rule     Rule
	holidays Holidays
	all      bool // with what is left out
	clock    clock
	after    int64 // unix seconds: everything is after it
	wall     int64 // what the clock showed then

	horizon int64 // the last day looked at, by number
	days    days
	queue   [2]moment // of the current day
	queued  int

	// ahead is a moment that was found while looking whether another one falls on
	// the same minute.
	ahead    Run
	hasAhead bool
}

// moment is one of a pair, not yet placed on the line of time.
type moment struct {
	wall    int64
	day     int64
	wanted  Wanted
	holiday *Holiday
}

func (r Rule) walker(after time.Time, h Holidays, all bool) (walker, error) {
	if err := r.validate(); err != nil {
		return walker{}, err
	}
	loc, err := Location(r.Zone)
	if err != nil {
		return walker{}, err
	}
	w := walker{rule: r, holidays: h, all: all, clock: clock{loc: loc}, after: after.Unix()}
	w.clock.moveTo(w.after)
	w.wall = w.after + w.clock.offset
	today := floorDay(w.wall)
	// An overnight stop of yesterday may be to come; one more for a moment that a
	// gap moves by seconds over midnight.
	w.days = newDays(r, today-2)
	w.horizon = horizonOf(w.after)
	return w, nil
}

func floorDay(t int64) int64 { return (t - mod(t, daySeconds)) / daySeconds }

func horizonOf(t int64) int64 { return floorDay(t) + HorizonYears*366 }

// next gives the next moment. Two fall on one only where a gap moves both to its
// end, or one to where the other is: what is left out gives way, and of two of a
// kind the later wall time stays, since that is what should hold after it.
func (w *walker) next() (Run, bool) {
	run, ok := w.take()
	for ok && run.MovedByGap {
		following, more := w.take()
		if !more {
			break
		}
		if !following.At.Equal(run.At) {
			w.ahead, w.hasAhead = following, true
			break
		}
		if following.Holiday == nil || run.Holiday != nil {
			run = following
		}
	}
	if ok && run.Holiday == nil {
		w.horizon = horizonOf(run.At.Unix())
	}
	return run, ok
}

// take gives the next moment after w.after, perhaps on the minute of the one
// before.
func (w *walker) take() (Run, bool) {
	if w.hasAhead {
		w.hasAhead = false
		return w.ahead, true
	}
	for {
		for w.queued > 0 {
			m := w.queue[0]
			w.queue[0] = w.queue[1]
			w.queued--
			// What the clock showed long before is not computed.
			if m.wall+60 < w.wall {
				continue
			}
			at, moved := w.clock.first(m.wall)
			if at <= w.after {
				continue
			}
			return Run{At: time.Unix(at, 0).In(w.clock.loc), Wanted: m.wanted, MovedByGap: moved, Day: dayOfNumber(m.day), Holiday: m.holiday}, true
		}
		day, ok := w.days.next(w.horizon)
		if !ok {
			return Run{}, false
		}
		w.fill(day)
	}
}

// fill queues the moments of one chosen day.
func (w *walker) fill(day int64) {
	var holiday *Holiday
	if len(w.rule.Calendars) > 0 {
		if on, ok := w.holidays.On(w.rule.Calendars, dayOfNumber(day)); ok {
			if !w.all {
				return
			}
			left := on // of its own: on stays off the heap where nothing is marked
			holiday = &left
		}
	}
	if !w.clock.hasDay(day) {
		return
	}
	midnight := day * daySeconds
	start, stop := w.rule.Start, w.rule.Stop
	if start != nil {
		w.push(moment{midnight + int64(*start)*60, day, Running, holiday})
	}
	if stop != nil {
		wall := midnight + int64(*stop)*60
		if start != nil && *stop < *start {
			wall += daySeconds
		}
		w.push(moment{wall, day, Stopped, holiday})
	}
}

func (w *walker) push(m moment) {
	w.queue[w.queued] = m
	w.queued++
}
