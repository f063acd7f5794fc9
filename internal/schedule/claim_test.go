package schedule

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func pair() Rule {
	return Rule{Start: Minutes(7 * 60), Stop: Minutes(19 * 60), Weekdays: []time.Weekday{0, 1, 2, 3, 4, 5, 6}, Zone: "UTC"}
}

func TestClaimDueAfterADayOfSilence(t *testing.T) {
	t.Parallel()
	first := time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)
	now := time.Date(2026, 11, 24, 19, 5, 0, 0, time.UTC)
	claims, next, ok, err := ClaimDue(Due{Rule: pair(), At: first, Wanted: Running, CatchUp: DefaultCatchUp}, now)
	require.NoError(t, err)
	require.True(t, ok)
	require.Len(t, claims, 4)
	for i, c := range claims[:3] {
		require.True(t, c.Missed, "claim %d at %s", i, c.At)
	}
	last := claims[3]
	require.False(t, last.Missed, "five minutes late is within the window")
	require.Equal(t, Stopped, last.Wanted)
	require.Equal(t, last.At.Add(DefaultCatchUp), last.ActBefore())
	require.Equal(t, time.Date(2026, 11, 25, 7, 0, 0, 0, time.UTC), next.At.UTC())
}

func TestClaimDueAtTheEndOfTheWindow(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 7, 0, 0, 0, time.UTC)
	for _, window := range []time.Duration{time.Minute, DefaultCatchUp, MaxCatchUp} {
		for late, missed := range map[time.Duration]bool{0: false, window - time.Millisecond: false, window: true} {
			claims, _, _, err := ClaimDue(Due{Rule: pair(), At: at, Wanted: Running, CatchUp: window}, at.Add(late))
			require.NoError(t, err)
			require.Len(t, claims, 1)
			require.Equal(t, missed, claims[0].Missed, late)
		}
	}
	claims, next, _, err := ClaimDue(Due{Rule: pair(), At: at, Wanted: Running, CatchUp: DefaultCatchUp}, at.Add(-time.Second))
	require.NoError(t, err)
	require.Empty(t, claims, "not before its time")
	require.Equal(t, at, next.At)
}

func TestClaimDueIsBounded(t *testing.T) {
	t.Parallel()
	claims, next, _, err := ClaimDue(Due{Rule: pair(), At: time.Date(2020, 1, 1, 7, 0, 0, 0, time.UTC), Wanted: Running}, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	require.NoError(t, err)
	require.Len(t, claims, maxClaims)
	require.True(t, next.At.Before(time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)), "the rest follows in the next round")
}

func TestARuleThatNeverActsAgain(t *testing.T) {
	t.Parallel()
	rule := Rule{Stop: Minutes(0), Weekdays: []time.Weekday{time.Friday}, Zone: "UTC", Calendars: []string{"x"}}
	days := Days{}
	for d := (Day{Year: 2026, Month: 1, Day: 1}); d.Year < 2045; d = d.Add(1) {
		days[d] = "férias coletivas"
	}
	at := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	claims, _, ok, err := ClaimDue(Due{Rule: rule, At: at, Wanted: Stopped, CatchUp: DefaultCatchUp, Holidays: Holidays{"x": days}}, at)
	require.NoError(t, err)
	require.Len(t, claims, 1, "what is due was due before the days came")
	require.False(t, ok)
}

// What somebody left out is neither missed nor done, however late it is claimed.
func TestSkipsAndHolds(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)
	due := Due{
		Rule: pair(), At: at, Wanted: Running, CatchUp: DefaultCatchUp, Skips: []Skip{{At: at.Add(12 * time.Hour), By: "Ana"}},
		Hold: &Hold{Until: at.Add(time.Minute), Reason: "migração"},
	}
	claims, _, _, err := ClaimDue(due, at.Add(25*time.Hour))
	require.NoError(t, err)
	require.Len(t, claims, 3)
	require.Equal(t, &Exception{OnHold, "migração"}, claims[0].Exception)
	require.Equal(t, &Exception{Skipped, "Ana"}, claims[1].Exception)
	require.Nil(t, claims[2].Exception)
	for i, missed := range []bool{false, false, true} {
		require.Equal(t, missed, claims[i].Missed, i)
		require.False(t, claims[i].Acts())
	}
	require.Nil(t, ExceptionAt(due.Hold.Until, nil, due.Hold), "a hold is over at its end")
}

func TestOrders(t *testing.T) {
	t.Parallel()
	a, b := uuid.New(), uuid.New()
	one, both, other := uuid.New(), uuid.New(), uuid.New()
	at := time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)
	claim := func(id uuid.UUID, wanted Wanted) Claim {
		return Claim{Due: Due{Schedule: id, Wanted: wanted, At: at, CatchUp: DefaultCatchUp}}
	}
	targets := map[uuid.UUID][]uuid.UUID{a: {one, both}, b: {both, other}}
	of := func(claims ...Claim) map[uuid.UUID]Order {
		out := map[uuid.UUID]Order{}
		for _, o := range Orders(claims, targets) {
			out[o.Resource] = o
		}
		return out
	}
	byID := of(claim(a, Stopped), claim(b, Running))
	require.Len(t, byID, 3)
	require.Equal(t, Stopped, byID[one].Wanted)
	require.Equal(t, Running, byID[other].Wanted)
	require.True(t, byID[both].Conflict, "opposite orders of one minute: neither is done")
	require.False(t, byID[one].Conflict)

	longer := claim(b, Stopped)
	longer.CatchUp = time.Hour
	byID = of(claim(a, Stopped), longer)
	require.False(t, byID[both].Conflict)
	require.Equal(t, at.Add(time.Hour), byID[both].ActBefore, "the longer of two windows")

	missed := claim(a, Stopped)
	missed.Missed = true
	for _, claims := range [][]Claim{{missed, claim(b, Running)}, {claim(b, Running), missed}} {
		byID = of(claims...)
		require.True(t, byID[one].Missed)
		require.False(t, byID[both].Missed, "another schedule may still switch it")
		require.False(t, byID[both].Conflict)
		require.Equal(t, Running, byID[both].Wanted)
	}

	held := claim(a, Stopped)
	held.Exception = &Exception{Kind: OnHold}
	byID = of(held, claim(b, Running))
	require.NotContains(t, byID, one)
	require.False(t, byID[both].Conflict, "what is left out wants nothing")
}

func TestSelector(t *testing.T) {
	t.Parallel()
	tags := map[string]string{"env": "dev", "team": "a", "empty": ""}
	for name, c := range map[string]struct {
		s    Selector
		want bool
	}{
		"a tag":                     {Selector{Tags: []Tag{{"env", []string{"dev", "qa"}}}}, true},
		"another value":             {Selector{Tags: []Tag{{"env", []string{"prod"}}}}, false},
		"any value":                 {Selector{Tags: []Tag{{Key: "empty"}}}, true},
		"capitals count":            {Selector{Tags: []Tag{{"Env", []string{"dev"}}}}, false},
		"all tags":                  {Selector{Tags: []Tag{{"env", []string{"dev"}}, {"team", []string{"b"}}}}, false},
		"the beginning of the name": {Selector{NamePrefix: "web-"}, true},
		"not the middle":            {Selector{NamePrefix: "eb"}, false},
		"a region":                  {Selector{Everything: true, Regions: []string{"us-east-1"}}, false},
		"everything":                {Selector{Everything: true}, true},
	} {
		require.NoError(t, c.s.Validate(), name)
		require.Equal(t, c.want, c.s.Matches("web-1", "sa-east-1", tags), name)
	}
	require.ErrorIs(t, Selector{Regions: []string{"sa-east-1"}}.Validate(), ErrSelectsNothing)
	require.ErrorIs(t, Selector{Everything: true, NamePrefix: "x"}.Validate(), ErrNarrowEverything)
	require.ErrorIs(t, Selector{Tags: []Tag{{Key: "a"}, {Key: "a"}}}.Validate(), ErrTagTwice)
	account := uuid.New()
	require.True(t, Selector{}.Reads(account))
	require.False(t, Selector{Accounts: []uuid.UUID{uuid.New()}}.Reads(account))
}
