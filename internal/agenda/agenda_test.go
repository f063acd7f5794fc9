package agenda

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestRetryWaitDoublesToAnHour(t *testing.T) {
	t.Parallel()
	require.Equal(t, 2*time.Second, RetryWait(-1))
	require.Equal(t, 2*time.Second, RetryWait(0))
	require.Equal(t, 16*time.Second, RetryWait(3))
	for n := range 100 {
		require.LessOrEqual(t, RetryWait(n), time.Hour)
		require.GreaterOrEqual(t, RetryWait(n+1), RetryWait(n))
	}
	require.Equal(t, time.Hour, RetryWait(12))
}

// Accounts are read every quarter of an hour, each at its own moment, so that a
// thousand of them do not come together.
func TestNextSyncIsSpreadAndSteady(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 12, 3, 0, 0, time.UTC)
	perMinute := map[int]int{}
	for range 3000 {
		id := uuid.New()
		next := NextSync(id, now)
		require.True(t, next.After(now))
		require.LessOrEqual(t, next.Sub(now), SyncEvery)
		require.Equal(t, next.Add(SyncEvery), NextSync(id, next), "the account keeps its moment")
		perMinute[int(next.Sub(now)/time.Minute)]++
	}
	for m, n := range perMinute {
		require.Less(t, n, 300, "minute %d: of 3,000 some 200 fall on each", m)
	}
}

func TestEveryKindHasALane(t *testing.T) {
	t.Parallel()
	require.Equal(t, LanePerson, LaneOf(KindProbe))
	require.Equal(t, LaneMinute, LaneOf(KindPower))
	require.Equal(t, LaneBackground, LaneOf(KindSync))
	for _, l := range Lanes {
		require.Positive(t, ArrivingCap(l))
	}
	require.Greater(t, QuietAfter, LeaseFor)
}

func TestCalendarsAreReadFourTimesADay(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 12, 3, 0, 0, time.UTC)
	perHour := map[int]int{}
	for range 3000 {
		id := uuid.New()
		next := NextCalendar(id, now)
		require.True(t, next.After(now))
		require.LessOrEqual(t, next.Sub(now), CalendarEvery)
		require.Equal(t, next.Add(CalendarEvery), NextCalendar(id, next))
		perHour[int(next.Sub(now)/time.Hour)]++
	}
	for h, n := range perHour {
		require.InDelta(t, 500, n, 150, "hour %d", h)
	}
}

// What fails is tried again soon, then less and less often.
func TestACalendarThatFailsIsTriedSooner(t *testing.T) {
	t.Parallel()
	var waits []time.Duration
	var failing time.Duration
	for range 10 {
		wait := RetryCalendar(failing)
		waits = append(waits, wait)
		failing += wait
	}
	m := time.Minute
	require.Equal(t, []time.Duration{15 * m, 15 * m, 30 * m, 60 * m, 120 * m, 240 * m, 360 * m, 360 * m, 360 * m, 360 * m}, waits)
	require.Equal(t, LaneBackground, LaneOf(KindCalendar))
	require.Equal(t, NamespaceBackground, NamespaceOf(KindCalendar))
	require.True(t, KindCalendarClock.IsClock())
	require.Positive(t, OpenTooLongAfter(KindCalendar))
}
