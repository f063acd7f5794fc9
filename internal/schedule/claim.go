package schedule

import (
	"cmp"
	"errors"
	"runtime"
	"slices"
	"time"

	"github.com/google/uuid"
)

// ZoneData names the zone data that next times are computed with. It comes with
// the release of Go that built the program; when it changes, next times are
// computed again.
func ZoneData() string { return runtime.Version() }

// Due is one schedule whose time has come, as the dispatcher read it.
type Due struct {
	Schedule uuid.UUID
	Revision int32
	Name     string
	Rule     Rule
	At       time.Time
	Wanted   Wanted
}

// Claim is one run of one schedule at one minute.
type Claim struct {
	Due
	// Missed: the window had passed when the minute was claimed. It is recorded
	// and announced, and nothing acts.
	Missed bool
}

// ActBefore is the end of the claim's window.
func (c Claim) ActBefore() time.Time { return c.At.Add(CatchUp) }

// maxClaims bounds what one expansion makes of one schedule; the rest follows in
// the next round.
const maxClaims = 200

// ClaimDue lists every run of the schedule that is due by now, oldest first, and
// the run after them. A system that was down for a day claims each minute it
// missed, as missed.
func ClaimDue(d Due, now time.Time) (claims []Claim, next Run, err error) {
	run := Run{At: d.At, Wanted: d.Wanted}
	for !run.At.After(now) && len(claims) < maxClaims {
		due := d
		due.At, due.Wanted = run.At, run.Wanted
		claims = append(claims, Claim{Due: due, Missed: !now.Before(run.At.Add(CatchUp))})
		var ok bool
		if run, ok, err = d.Rule.Next(run.At, nil); err != nil {
			return nil, Run{}, err
		}
		if !ok {
			return nil, Run{}, errors.New("the rule never acts again")
		}
	}
	return claims, run, nil
}

// Order is what one minute wants of one resource.
type Order struct {
	Resource uuid.UUID
	Schedule uuid.UUID
	Wanted   Wanted
	// Conflict: another schedule of the same minute wants the opposite, so
	// neither is done.
	Conflict bool
}

// Orders merges what the schedules of one minute want of their resources: one
// order for a resource, in the order of resources.
func Orders(claims []Claim, targets map[uuid.UUID][]uuid.UUID) []Order {
	byResource := map[uuid.UUID]*Order{}
	for _, c := range claims {
		for _, r := range targets[c.Schedule] {
			if have := byResource[r]; have != nil {
				have.Conflict = have.Conflict || have.Wanted != c.Wanted
				continue
			}
			byResource[r] = &Order{Resource: r, Schedule: c.Schedule, Wanted: c.Wanted}
		}
	}
	out := make([]Order, 0, len(byResource))
	for _, o := range byResource {
		out = append(out, *o)
	}
	slices.SortFunc(out, func(a, b Order) int { return cmp.Compare(a.Resource.String(), b.Resource.String()) })
	return out
}
