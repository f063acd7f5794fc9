package cloudtest

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/cloud"
)

var powerCases = []testCase{
	{"a stop is seen to go through stopping to stopped, a start back", stopAndStart},
	{"a stop of what is stopped changes nothing", stopTwice},
	{"a thousand machines are one call", thousand},
	{"no machines are no call", powerOfNothing},
	{"more machines than fit are refused before anything is sent", tooMany},
	{"after its last moment a call does not leave", tooLate},
	{"after a freeze a call does not leave", frozen},
	{"a cancelled call does not leave", cancelled},
}

func stopAndStart(t *testing.T, h Harness) {
	region := h.Regions[0]
	a := h.New(t, nil)
	ids := h.Make(t, region, Plain, 3)
	for _, step := range []struct {
		want                 cloud.Power
		before, during, then cloud.State
	}{
		{cloud.PowerOff, cloud.StateRunning, cloud.StateStopping, cloud.StateStopped},
		{cloud.PowerOn, cloud.StateStopped, cloud.StateStarting, cloud.StateRunning},
	} {
		result, err := a.SetPower(t.Context(), h.Account, region, step.want, ids)
		require.NoError(t, err)
		require.Empty(t, result.Refused)
		requireChanges(t, result, ids, step.before, step.during)
		if h.deviates(t, InstantPower) {
			requireAll(t, a, h, region, ids, step.then)
		} else {
			requireAll(t, a, h, region, ids, step.during)
		}
		h.Settle(t)
		requireAll(t, a, h, region, ids, step.then)
		require.Equal(t, step.then, step.want.Target())
	}
}

func requireChanges(t *testing.T, result cloud.PowerResult, ids []string, before, now cloud.State) {
	t.Helper()
	want := make([]cloud.Change, 0, len(ids))
	for _, id := range ids {
		want = append(want, cloud.Change{ProviderID: id, Before: before, Now: now})
	}
	require.ElementsMatch(t, want, result.Accepted)
}

func stopTwice(t *testing.T, h Harness) {
	region := h.Regions[0]
	a := h.New(t, nil)
	ids := h.Make(t, region, Plain, 2)
	_, err := a.SetPower(t.Context(), h.Account, region, cloud.PowerOff, ids)
	require.NoError(t, err)
	h.Settle(t)

	result, err := a.SetPower(t.Context(), h.Account, region, cloud.PowerOff, ids)
	require.NoError(t, err)
	if h.deviates(t, AlwaysSaysTransition) {
		requireChanges(t, result, ids, cloud.StateStopped, cloud.StateStopping)
	} else {
		requireChanges(t, result, ids, cloud.StateStopped, cloud.StateStopped)
	}
	requireAll(t, a, h, region, ids, cloud.StateStopped)
}

func thousand(t *testing.T, h Harness) {
	region := h.Regions[2]
	var sent counter
	a := h.New(t, sent.wrap)
	ids := h.Make(t, region, Plain, a.MaxPowerBatch())
	require.Len(t, ids, 1000)
	result, err := a.SetPower(t.Context(), h.Account, region, cloud.PowerOff, ids)
	require.NoError(t, err)
	require.Len(t, result.Accepted, len(ids))
	require.Equal(t, 1, sent.count())
	h.Settle(t)
	requireAll(t, a, h, region, ids, cloud.StateStopped)
}

func powerOfNothing(t *testing.T, h Harness) {
	var sent counter
	result, err := h.New(t, sent.wrap).SetPower(t.Context(), h.Account, h.Regions[0], cloud.PowerOff, nil)
	require.NoError(t, err)
	require.Empty(t, result)
	require.Zero(t, sent.count())
}

func tooMany(t *testing.T, h Harness) {
	var sent counter
	a := h.New(t, sent.wrap)
	ids := make([]string, a.MaxPowerBatch()+1)
	_, err := a.SetPower(t.Context(), h.Account, h.Regions[0], cloud.PowerOff, ids)
	require.False(t, requireError(t, err, cloud.ReasonInvalid).Sent)
	require.Zero(t, sent.count())
}

// requireUnsent asserts that nothing has reached the machines, nor the backend
// if it counts.
func requireUnsent(t *testing.T, h Harness, region string, ids []string, err error, reason cloud.Reason) {
	t.Helper()
	require.False(t, requireError(t, err, reason).Sent)
	if h.Sent != nil {
		require.Zero(t, h.Sent())
	}
	h.Settle(t)
	requireAll(t, h.New(t, nil), h, region, ids, cloud.StateRunning)
}

func tooLate(t *testing.T, h Harness) {
	region := h.Regions[3]
	ids := h.Make(t, region, Plain, 1)
	ctx := cloud.WithNotAfter(t.Context(), time.Now().Add(-time.Second))
	_, err := h.New(t, nil).SetPower(ctx, h.Account, region, cloud.PowerOff, ids)
	requireUnsent(t, h, region, ids, err, cloud.ReasonTooLate)

	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	_, err = h.New(t, nil).SetPower(ctx, h.Account, region, cloud.PowerOff, ids)
	requireUnsent(t, h, region, ids, err, cloud.ReasonTooLate)
}

// freeze holds every request until its last moment has passed, as if the process
// had been stopped in the middle of the call.
type freeze struct{ inner http.RoundTripper }

func (f freeze) RoundTrip(r *http.Request) (*http.Response, error) {
	last, ok := cloud.NotAfter(r.Context())
	if ok {
		time.Sleep(time.Until(last) + time.Millisecond) // a freeze takes real time and heeds nothing
	}
	return f.inner.RoundTrip(r)
}

func frozen(t *testing.T, h Harness) {
	region := h.Regions[3]
	ids := h.Make(t, region, Plain, 1)
	a := h.New(t, func(inner http.RoundTripper) http.RoundTripper { return freeze{inner} })
	ctx := cloud.WithNotAfter(t.Context(), time.Now().Add(100*time.Millisecond))
	_, err := a.SetPower(ctx, h.Account, region, cloud.PowerOff, ids)
	requireUnsent(t, h, region, ids, err, cloud.ReasonTooLate)
}

func cancelled(t *testing.T, h Harness) {
	region := h.Regions[3]
	ids := h.Make(t, region, Plain, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := h.New(t, nil).SetPower(ctx, h.Account, region, cloud.PowerOff, ids)
	require.ErrorIs(t, err, context.Canceled)
	requireUnsent(t, h, region, ids, err, cloud.ReasonTransient)

	err = h.New(t, nil).ListInstances(ctx, h.Account, func(cloud.Coverage, []cloud.Instance) error { return nil })
	require.ErrorIs(t, err, context.Canceled)
	requireError(t, err, cloud.ReasonTransient)
}
