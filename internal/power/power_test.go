package power

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestNext(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 22, 0, 0, 0, time.UTC)
	before, after := now.Add(time.Minute), now
	accepted := now.Add(-time.Minute)
	longAgo := now.Add(-WatchFor - time.Second)
	cases := []struct {
		name      string
		target    Target
		seen      State
		actBefore time.Time
		want      Step
	}{
		{"a running machine is asked to stop", Target{Wanted: Stopped}, Running, before, Act},
		{"a stopped machine is asked to start", Target{Wanted: Running}, Stopped, before, Act},
		{"already there, nobody asked", Target{Wanted: Stopped}, Stopped, before, EndAlready},
		{"there after our call whose answer was lost", Target{Wanted: Stopped, Attempts: 1}, Stopped, before, EndDone},
		{"under way after our call whose answer was lost", Target{Wanted: Stopped, Attempts: 1}, Stopping, before, NowAccepted},
		{"under way by somebody else", Target{Wanted: Running}, Starting, before, NowAccepted},
		{"on its way to the other state: wait", Target{Wanted: Running}, Stopping, before, Wait},
		{"unreadable: wait", Target{Wanted: Running}, Unknown, before, Wait},
		{"never late", Target{Wanted: Stopped}, Running, after, EndTooLate},
		{"never late, although it may yet settle", Target{Wanted: Running}, Stopping, after, EndTooLate},
		{"there, although late: nothing had to be done", Target{Wanted: Stopped}, Stopped, after, EndAlready},
		{"gone", Target{Wanted: Stopped}, Gone, before, EndGone},
		{"accepted and seen", Target{Wanted: Stopped, AcceptedAt: accepted}, Stopped, after, EndDone},
		{"accepted, readings lag: no second call", Target{Wanted: Stopped, AcceptedAt: accepted}, Running, before, Wait},
		{"accepted, never seen", Target{Wanted: Stopped, AcceptedAt: longAgo}, Stopping, after, EndNotSeen},
		{"there, but an overtaken call may still land", Target{Wanted: Running, InFlight: true}, Running, before, Wait},
		{"not there, and an overtaken call may still land", Target{Wanted: Running, InFlight: true}, Stopped, before, Wait},
		{"accepted and seen, but an overtaken call may still land", Target{Wanted: Running, AcceptedAt: accepted, InFlight: true}, Running, before, Wait},
		{"an overtaken call was accepted and does not show yet", Target{Wanted: Running, Settling: true}, Running, before, Wait},
		{"an overtaken call was accepted and has come true", Target{Wanted: Running, Settling: true}, Stopped, before, Act},
		{"an overtaken call was accepted and came true before we asked", Target{Wanted: Running, Attempts: 1, AcceptedAt: accepted, Settling: true}, Running, before, EndDone},
		{"an overtaken call holds nothing up for ever", Target{Wanted: Running, InFlight: true}, Stopped, after, EndTooLate},
		{"accepted long ago, and seen", Target{Wanted: Stopped, AcceptedAt: longAgo}, Stopped, after, EndDone},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.target.WatchFor = WatchFor
			require.Equal(t, c.want, Next(c.target, c.seen, now, c.actBefore))
		})
	}
}

// Whatever is seen, a call is never made at or after act_before, nor twice.
func TestNextNeverActsLateOrTwice(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, seen := range []State{Running, Stopped, Starting, Stopping, Gone, Unknown, "else"} {
		for _, wanted := range []State{Running, Stopped} {
			require.NotEqual(t, Act, Next(Target{Wanted: wanted}, seen, now, now))
			require.NotEqual(t, Act, Next(Target{Wanted: wanted, AcceptedAt: now}, seen, now, now.Add(time.Hour)))
		}
	}
}

func TestUntouchable(t *testing.T) {
	t.Parallel()
	require.Equal(t, Reason(""), Untouchable(Facts{}))
	require.Equal(t, ReasonObserveOnly, Untouchable(Facts{ObserveOnly: true, Protected: true}))
	require.Equal(t, ReasonProtected, Untouchable(Facts{Protected: true}))
	require.Equal(t, ReasonSpot, Untouchable(Facts{LeftAlone: ReasonSpot}))
	require.Equal(t, ReasonAutomationPaused, Untouchable(Facts{Paused: true, Automatic: true}))
	require.Equal(t, Reason(""), Untouchable(Facts{Paused: true}), "the pause stops automation, not people")
}

func TestOutcome(t *testing.T) {
	t.Parallel()
	require.Equal(t, Succeeded, Outcome(Ends{Reached: 2, PassedBy: 1}))
	require.Equal(t, Succeeded, Outcome(Ends{PassedBy: 1}))
	require.Equal(t, Partial, Outcome(Ends{Reached: 1, Failed: 1}))
	require.Equal(t, Partial, Outcome(Ends{Reached: 1, Missed: 1}))
	require.Equal(t, OperationFailed, Outcome(Ends{Failed: 1, Missed: 1}))
	require.Equal(t, OperationMissed, Outcome(Ends{Missed: 3, PassedBy: 1}))
}
