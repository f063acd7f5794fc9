package schedule

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestClaimDueAfterADayOfSilence(t *testing.T) {
	t.Parallel()
	rule := Rule{Start: minutes(7, 0), Stop: minutes(19, 0), Weekdays: everyDay, Zone: "UTC"}
	first := time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)
	now := time.Date(2026, 11, 24, 19, 5, 0, 0, time.UTC)
	claims, next, err := ClaimDue(Due{Rule: rule, At: first, Wanted: Running}, now)
	require.NoError(t, err)
	require.Len(t, claims, 4)
	for i, c := range claims[:3] {
		require.True(t, c.Missed, "claim %d at %s", i, c.At)
	}
	last := claims[3]
	require.False(t, last.Missed, "five minutes late is within the window")
	require.Equal(t, Stopped, last.Wanted)
	require.Equal(t, last.At.Add(CatchUp), last.ActBefore())
	require.Equal(t, time.Date(2026, 11, 25, 7, 0, 0, 0, time.UTC), next.At.UTC())
}

func TestClaimDueAtTheEndOfTheWindow(t *testing.T) {
	t.Parallel()
	rule := Rule{Start: minutes(7, 0), Stop: minutes(19, 0), Weekdays: everyDay, Zone: "UTC"}
	at := time.Date(2026, 11, 24, 7, 0, 0, 0, time.UTC)
	for late, missed := range map[time.Duration]bool{0: false, CatchUp - time.Millisecond: false, CatchUp: true} {
		claims, _, err := ClaimDue(Due{Rule: rule, At: at, Wanted: Running}, at.Add(late))
		require.NoError(t, err)
		require.Len(t, claims, 1)
		require.Equal(t, missed, claims[0].Missed, late)
	}
	claims, next, err := ClaimDue(Due{Rule: rule, At: at, Wanted: Running}, at.Add(-time.Second))
	require.NoError(t, err)
	require.Empty(t, claims, "not before its time")
	require.Equal(t, at, next.At)
}

func TestClaimDueIsBounded(t *testing.T) {
	t.Parallel()
	rule := Rule{Start: minutes(7, 0), Stop: minutes(19, 0), Weekdays: everyDay, Zone: "UTC"}
	claims, next, err := ClaimDue(Due{Rule: rule, At: time.Date(2020, 1, 1, 7, 0, 0, 0, time.UTC), Wanted: Running}, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	require.NoError(t, err)
	require.Len(t, claims, maxClaims)
	require.True(t, next.At.Before(time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)), "the rest follows in the next round")
}

func TestOrders(t *testing.T) {
	t.Parallel()
	a, b := uuid.New(), uuid.New()
	one, both, other := uuid.New(), uuid.New(), uuid.New()
	orders := Orders([]Claim{{Due: Due{Schedule: a, Wanted: Stopped}}, {Due: Due{Schedule: b, Wanted: Running}}},
		map[uuid.UUID][]uuid.UUID{a: {one, both}, b: {both, other}})
	require.Len(t, orders, 3)
	byID := map[uuid.UUID]Order{}
	for _, o := range orders {
		byID[o.Resource] = o
	}
	require.Equal(t, Stopped, byID[one].Wanted)
	require.Equal(t, Running, byID[other].Wanted)
	require.True(t, byID[both].Conflict, "opposite orders of one minute: neither is done")
	require.False(t, byID[one].Conflict)
	same := Orders([]Claim{{Due: Due{Schedule: a, Wanted: Stopped}}, {Due: Due{Schedule: b, Wanted: Stopped}}}, map[uuid.UUID][]uuid.UUID{a: {one}, b: {one}})
	require.Len(t, same, 1)
	require.False(t, same[0].Conflict)
}
