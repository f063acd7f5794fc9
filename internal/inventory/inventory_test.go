package inventory

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/power"
)

func TestProtected(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{"true": true, "": true, "sim": true, "false": false, " No ": false, "0": false, "off": false} {
		require.Equal(t, want, Protected(map[string]string{ProtectedTag: value}), "%q", value)
	}
	require.False(t, Protected(nil))
	require.False(t, Protected(map[string]string{"CloudHub:Protected": "true"}), "tags of AWS are case-sensitive")
}

func TestLeftAlone(t *testing.T) {
	t.Parallel()
	require.Equal(t, power.ReasonAutoScaling, LeftAlone("web", true, true))
	require.Equal(t, power.ReasonSpot, LeftAlone("", true, true))
	require.Equal(t, power.ReasonInstanceStore, LeftAlone("", false, true))
	require.Empty(t, LeftAlone("", false, false))
}

func TestAccountState(t *testing.T) {
	t.Parallel()
	require.Equal(t, "failing", AccountState(nil), "nothing read is not ok")
	require.Equal(t, "failing", AccountState([]Coverage{{OK: false}}))
	require.Equal(t, "partial", AccountState([]Coverage{{OK: true}, {OK: false}}))
	require.Equal(t, "ok", AccountState([]Coverage{{OK: true}}))
}

func TestMissing(t *testing.T) {
	t.Parallel()
	r := ProbeResult{Checks: []ProbeCheck{{Permission: "a", Needed: "inventory"}, {Permission: "b", Needed: "power"}, {Permission: "c", OK: true, Needed: "power"}}}
	require.Equal(t, []string{"a"}, r.Missing("inventory"))
	require.Equal(t, []string{"a", "b"}, r.Missing(""))
}

// Regions are one line each, whichever kinds were read in them.
func TestCoverageOfSeveralKinds(t *testing.T) {
	t.Parallel()
	got := MergeCoverage([]Coverage{
		{Region: "sa-east-1", OK: true, Count: 3}, {Region: "us-east-1", OK: true, Count: 1}, {Region: "us-east-2", Reason: "PROVIDER_DENIED", Detail: "first"},
		{Region: "sa-east-1", OK: true, Count: 2}, {Region: "us-east-1", Reason: "PROVIDER_DENIED", Detail: "AccessDenied"}, {Region: "us-east-2", OK: true, Count: 4},
	})
	require.Equal(t, []Coverage{
		{Region: "sa-east-1", OK: true, Count: 5},
		{Region: "us-east-1", Count: 1, Reason: "PROVIDER_DENIED", Detail: "AccessDenied"},
		{Region: "us-east-2", Count: 4, Reason: "PROVIDER_DENIED", Detail: "first"},
	}, got)
	require.Equal(t, "partial", AccountState(got))
	require.Nil(t, MergeCoverage(nil))
}
