package sim_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/cloud/sim"
)

// allowed counts the calls of a kind until the first one is refused.
func allowed(b *bundle, action string, params ...string) int {
	b.t.Helper()
	for n := range 500 {
		if r := b.call(action, params...); r.Code == "RequestLimitExceeded" {
			require.Equal(b.t, http.StatusServiceUnavailable, r.Status)
			return n
		}
	}
	b.t.Fatal("never throttled")
	return 0
}

// A client that asks too often is refused, with the provider's own figures, and
// heard again as the bucket fills.
func TestRequestBuckets(t *testing.T) {
	t.Parallel()
	one := "InstanceId.1=" + sim.SmallRunning
	for name, tc := range map[string]struct {
		action        string
		params        []string
		burst, refill int
	}{
		"read":              {"DescribeInstances", []string{"MaxResults=5"}, 100, 20},
		"read of ids":       {"DescribeInstances", []string{one}, 100, 20},
		"read without page": {"DescribeInstances", nil, 50, 10},
		"start":             {"StartInstances", []string{one}, 5, 2},
		"stop":              {"StopInstances", []string{"DryRun=true", one}, 50, 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, behaviour(sim.Behaviour{Throttle: 1}))
			require.Equal(t, tc.burst, allowed(b, tc.action, tc.params...))
			b.clock.Advance(time.Second)
			require.Equal(t, tc.refill, allowed(b, tc.action, tc.params...))
			b.clock.Advance(time.Hour)
			require.Equal(t, tc.burst, allowed(b, tc.action, tc.params...))
		})
	}
}

// The bucket is the account's in the region, whoever's key it is.
func TestBucketsAreByAccountRegionAndAction(t *testing.T) {
	t.Parallel()
	b := setup(t, behaviour(sim.Behaviour{Throttle: 0.1}))
	require.Equal(t, 10, allowed(b, "DescribeRegions"))
	require.Equal(t, "RequestLimitExceeded", b.as(sim.SmallReadOnlyKey).call("DescribeRegions").Code)
	require.Equal(t, http.StatusOK, b.call("DescribeTags").Status)
	b.region = "us-east-1"
	require.Equal(t, http.StatusOK, b.call("DescribeRegions").Status)
}

// A thousand machines start in one call; the thousand and first waits.
func TestMachineBucket(t *testing.T) {
	t.Parallel()
	b := setup(t, behaviour(sim.Behaviour{Throttle: 1}), func(o *sim.Options) {
		o.Estate.Accounts[0].Instances = sim.Many(1000, sim.Instance{Name: "m", Region: region, State: sim.Stopped})
	})
	var params []string
	for i, m := range b.sim.Machines("", "") {
		params = append(params, fmt.Sprintf("InstanceId.%d=%s", i+1, m.ID))
	}
	require.Equal(t, "DryRunOperation", b.call("StartInstances", append(params, "DryRun=true")...).Code)
	require.Len(t, b.call("StartInstances", params...).Changes, 1000)
	require.Equal(t, "RequestLimitExceeded", b.call("StartInstances", params[:3]...).Code)
	b.clock.Advance(2 * time.Second)
	require.Equal(t, http.StatusOK, b.call("StartInstances", params[:3]...).Status)
}

func TestThrottlingIsOffByDefault(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 20 {
		require.Equal(t, http.StatusOK, b.call("StartInstances", "InstanceId.1="+sim.SmallRunning).Status)
	}
}
