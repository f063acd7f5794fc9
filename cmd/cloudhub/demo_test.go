package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/cloud/sim"
	"github.com/cloudhub/cloudhub/internal/power"
)

// Promised in the README: within 150 s of ready the schedule that a newcomer
// watches has stopped and started its machines. Whatever the second at which it is
// moved: until its minute, the minute after it, the slowest start, and a look.
func TestTheDemonstrationHasTimeForItsPromise(t *testing.T) {
	t.Parallel()
	behaviour := sim.DemoEstate(time.Now()).Behaviour
	require.Less(t, time.Duration(behaviour.Stop.Max)+power.PollEvery(time.Duration(behaviour.Stop.Max)), time.Minute, "it has stopped when it is to start")
	minute := time.Date(2026, 11, 24, 14, 32, 0, 0, time.UTC)
	for moved := range 60_000 {
		now := minute.Add(time.Duration(moved) * time.Millisecond)
		stop := demoStop(now)
		require.True(t, stop.Equal(stop.Truncate(time.Minute)))
		require.GreaterOrEqual(t, stop.Sub(now), demoNearest)
		start := stop.Add(time.Minute)
		ended := start.Add(time.Duration(behaviour.Start.Max) + power.PollEvery(0))
		require.LessOrEqual(t, ended.Sub(now), 140*time.Second, "ten seconds are left for a machine that has other things to do")
	}
}
