package cloudtest

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/cloud"
)

var refusalCases = []testCase{
	{"one bad id among many is named and nothing is changed", badID},
	{"a machine in the wrong state is named and nothing is changed", wrongState},
	{"a machine that is gone for good cannot be started", startTheGone},
	{"a machine that cannot be stopped is named and nothing is changed", unsupported},
	{"a missing permission is named and nothing is changed", denied},
	{"a throttled change is said to be, after one attempt", throttledPower},
	{"a throttled reading is tried again", throttledReading},
}

// requireRefused asserts that the call named just this machine and touched none.
func requireRefused(
	t *testing.T, h Harness, a cloud.Instances, region string, want cloud.Power, ids []string, bad string, reason cloud.Reason,
) {
	t.Helper()
	before := states(t, a, h, region, ids)
	result, err := a.SetPower(t.Context(), h.Account, region, want, ids)
	require.NoError(t, err)
	require.Empty(t, result.Accepted)
	require.Len(t, result.Refused, 1)
	require.Equal(t, bad, result.Refused[0].ProviderID)
	require.Equal(t, reason, result.Refused[0].Err.Reason)
	require.NotEmpty(t, result.Refused[0].Err.Code)
	require.Equal(t, before, states(t, a, h, region, ids))
}

func badID(t *testing.T, h Harness) {
	region := h.Regions[1]
	a := h.New(t, nil)
	ids := h.Make(t, region, Plain, 20)
	all := slices.Insert(slices.Clone(ids), 7, h.Nonexistent)
	requireRefused(t, h, a, region, cloud.PowerOff, all, h.Nonexistent, cloud.ReasonNotFound)

	result, err := a.SetPower(t.Context(), h.Account, region, cloud.PowerOff, ids)
	require.NoError(t, err)
	require.Len(t, result.Accepted, len(ids), "what is left must go through")
}

func wrongState(t *testing.T, h Harness) {
	region := h.Regions[1]
	a := h.New(t, nil)
	ids := h.Make(t, region, Plain, 3)
	_, err := a.SetPower(t.Context(), h.Account, region, cloud.PowerOff, ids[:2])
	require.NoError(t, err)
	h.Settle(t)
	_, err = a.SetPower(t.Context(), h.Account, region, cloud.PowerOff, ids[2:])
	require.NoError(t, err)
	if h.deviates(t, InstantPower) { // it is stopped already, which is no wrong state for a start
		result, err := a.SetPower(t.Context(), h.Account, region, cloud.PowerOn, ids)
		require.NoError(t, err)
		require.Len(t, result.Accepted, len(ids))
		return
	}
	requireRefused(t, h, a, region, cloud.PowerOn, ids, ids[2], cloud.ReasonWrongState)
}

func startTheGone(t *testing.T, h Harness) {
	region := h.Regions[2]
	a := h.New(t, nil)
	gone := h.Make(t, region, Terminated, 1)
	require.Empty(t, states(t, a, h, region, gone))
	if h.deviates(t, RevivesTheGone) {
		result, err := a.SetPower(t.Context(), h.Account, region, cloud.PowerOn, gone)
		require.NoError(t, err)
		requireChanges(t, result, gone, cloud.StateGone, cloud.StateStarting)
		return
	}
	requireRefused(t, h, a, region, cloud.PowerOn, gone, gone[0], cloud.ReasonWrongState)
}

func unsupported(t *testing.T, h Harness) {
	region := h.Regions[1]
	a := h.New(t, nil)
	ids := append(h.Make(t, region, Plain, 4), h.Make(t, region, Unstoppable, 1)...)
	if h.deviates(t, NotAllOrNothing) {
		result, err := a.SetPower(t.Context(), h.Account, region, cloud.PowerOff, ids)
		require.NoError(t, err)
		require.Len(t, result.Refused, 1)
		require.Equal(t, ids[4], result.Refused[0].ProviderID)
		require.Equal(t, cloud.ReasonUnsupported, result.Refused[0].Err.Reason)
		requireAll(t, a, h, region, ids[:4], cloud.StateStopped)
		requireAll(t, a, h, region, ids[4:], cloud.StateRunning)
		return
	}
	requireRefused(t, h, a, region, cloud.PowerOff, ids, ids[4], cloud.ReasonUnsupported)
}

func denied(t *testing.T, h Harness) {
	region := h.Regions[0]
	a := h.New(t, nil)
	ids := h.Make(t, region, Plain, 2)
	_, err := a.SetPower(t.Context(), h.Denied, region, cloud.PowerOff, ids)
	e := requireError(t, err, cloud.ReasonDenied)
	require.Contains(t, h.Missing, e.Permission)
	require.True(t, e.Sent)
	requireAll(t, a, h, region, ids, cloud.StateRunning)
}

func throttledPower(t *testing.T, h Harness) {
	region := h.Regions[0]
	h.deviates(t, NoThrottle)
	ids := h.Make(t, region, Plain, 2)
	var sent counter
	a := h.Throttled(t, region, 1, sent.wrap)
	_, err := a.SetPower(t.Context(), h.Account, region, cloud.PowerOff, ids)
	e := requireError(t, err, cloud.ReasonThrottled)
	require.NotEmpty(t, e.Code)
	require.True(t, e.Sent)
	require.Equal(t, 1, sent.count(), "a change of power is never tried again by itself")
	requireAll(t, a, h, region, ids, cloud.StateRunning)
}

func throttledReading(t *testing.T, h Harness) {
	region := h.Regions[1]
	h.deviates(t, NoThrottle)
	ids := h.Make(t, region, Plain, 2)
	var sent counter
	a := h.Throttled(t, region, 2, sent.wrap)
	requireAll(t, a, h, region, ids, cloud.StateRunning)
	require.Equal(t, 3, sent.count())
}
