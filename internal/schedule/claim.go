package schedule

import (
	"bytes"
	"runtime"
	"slices"
	"time"

	"github.com/google/uuid"
)

// ZoneData names the zone data that next times are computed with. It comes with
// the release of Go that built the program; when it changes, next times are
// computed again.
func ZoneData() string { return runtime.Version() }

// DefaultCatchUp is how late a run may act unless its schedule says otherwise.
const DefaultCatchUp = 10 * time.Minute

// MaxCatchUp is the most that a schedule may say.
const MaxCatchUp = 120 * time.Minute

// Due is one schedule whose time has come, as the dispatcher read it.
type Due struct {
	Schedule uuid.UUID
	Revision int32
	Name     string
	Rule     Rule
	Selector *Selector // nil: chosen machines
	At       time.Time
	Wanted   Wanted
	// CatchUp is how late it may act.
	CatchUp time.Duration
	// Holidays of its calendars.
	Holidays Holidays
	// Skips are the instants that somebody left out.
	Skips []Skip
	// Hold is the one in force that lasts longest; nil: none.
	Hold *Hold
}

// Skip is one run that somebody left out.
type Skip struct {
	At time.Time
	By string
}

// Hold keeps a schedule from acting until a moment.
type Hold struct {
	Until  time.Time
	Reason string
	By     string
}

// ExceptionKind says why a run that came was left out. The values are stored, and
// names of the error registry.
type ExceptionKind string

// Why a run was left out.
const (
	Skipped ExceptionKind = "SKIPPED"
	OnHold  ExceptionKind = "ON_HOLD"
)

// Exception is why one run was left out: Text is who skipped it, or why it is
// held.
type Exception struct {
	Kind ExceptionKind
	Text string
}

// ExceptionAt says why a run at this moment is left out; nil: it is not. A hold
// counts for the minutes before its end, also for one that is claimed late.
func ExceptionAt(at time.Time, skips []Skip, hold *Hold) *Exception {
	for _, s := range skips {
		if s.At.Equal(at) {
			return &Exception{Skipped, s.By}
		}
	}
	if hold != nil && at.Before(hold.Until) {
		return &Exception{OnHold, hold.Reason}
	}
	return nil
}

// Claim is one run of one schedule at one minute.
type Claim struct {
	Due
	// Missed: the window had passed when the minute was claimed. It is recorded
	// and announced, and nothing acts.
	Missed bool
	// Exception: it was left out, and nothing acts. It is not missed then.
	Exception *Exception
}

// ActBefore is the end of the claim's window.
func (c Claim) ActBefore() time.Time { return c.At.Add(c.CatchUp) }

// Acts says that something is to be done.
func (c Claim) Acts() bool { return !c.Missed && c.Exception == nil }

// maxClaims bounds what one expansion makes of one schedule; the rest follows in
// the next round.
const maxClaims = 200

// ClaimDue lists every run of the schedule that is due by now, oldest first, and
// the run after them; ok is false when there is none, ever. A system that was down
// for a day claims each minute it missed, as missed.
func ClaimDue(d Due, now time.Time) (claims []Claim, next Run, ok bool, err error) {
	run, ok := Run{At: d.At, Wanted: d.Wanted}, true
	for ok && !run.At.After(now) && len(claims) < maxClaims {
		due := d
		due.At, due.Wanted = run.At, run.Wanted
		c := Claim{Due: due, Exception: ExceptionAt(run.At, d.Skips, d.Hold)}
		c.Missed = c.Exception == nil && !now.Before(c.ActBefore())
		claims = append(claims, c)
		if run, ok, err = d.Rule.Next(run.At, d.Holidays); err != nil {
			return nil, Run{}, false, err
		}
	}
	return claims, run, ok, nil
}

// Order is what one minute wants of one resource.
type Order struct {
	Resource  uuid.UUID
	Schedule  uuid.UUID
	Wanted    Wanted
	ActBefore time.Time
	// Missed: the window of every schedule that wanted it had passed.
	Missed bool
	// Conflict: another schedule of the same minute wants the opposite, so
	// neither is done.
	Conflict bool
}

// Orders merges what the schedules of one minute want of their chosen resources:
// one order for a resource, in the order of resources. What was left out wants
// nothing; what was missed wants nothing of a resource that another may still
// switch, and conflicts with nobody.
func Orders(claims []Claim, targets map[uuid.UUID][]uuid.UUID) []Order {
	byResource := map[uuid.UUID]*Order{}
	for _, c := range claims {
		if c.Exception != nil {
			continue
		}
		for _, r := range targets[c.Schedule] {
			o := Order{Resource: r, Schedule: c.Schedule, Wanted: c.Wanted, ActBefore: c.ActBefore(), Missed: c.Missed}
			have := byResource[r]
			switch {
			case have == nil || have.Missed && !o.Missed:
				byResource[r] = &o
			case o.Missed:
			case have.Wanted != o.Wanted:
				have.Conflict = true
			case o.ActBefore.After(have.ActBefore):
				have.ActBefore = o.ActBefore
			}
		}
	}
	out := make([]Order, 0, len(byResource))
	for _, o := range byResource {
		out = append(out, *o)
	}
	slices.SortFunc(out, func(a, b Order) int { return bytes.Compare(a.Resource[:], b.Resource[:]) })
	return out
}
