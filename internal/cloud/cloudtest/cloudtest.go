// Package cloudtest is the one conformance suite for adapters of clouds: what
// every provider's adapter must do, seen through the neutral interfaces, against
// whatever stands in for the provider.
//
// It owns the cases and the names of the ways in which a backend is known to
// differ. It must not know a provider or an adapter, and it must not skip: a
// backend that cannot do something declares a Deviation, and the case then
// asserts what the backend does instead, so that a newer backend which does
// better fails the test and loses its excuse.
package cloudtest

import (
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/cloud"
)

// Deviation names something that a backend lacks or gets wrong.
type Deviation string

// The deviations that cases know about.
const (
	// InstantPower: no machine is ever seen stopping or starting.
	InstantPower Deviation = "instant power"
	// AlwaysSaysTransition: the answer for a machine that is already there
	// claims that it is on its way.
	AlwaysSaysTransition Deviation = "always says transition"
	// RevivesTheGone: a terminated machine can be started.
	RevivesTheGone Deviation = "revives the gone"
	// NotAllOrNothing: a refusal of one machine comes after others, named
	// before it, were changed.
	NotAllOrNothing Deviation = "not all or nothing"
	// OnePageOnly: machines that were made together come in one page, however
	// many they are.
	OnePageOnly Deviation = "one page only"
	// NoThrottle: the backend never throttles; the harness puts its answer in.
	NoThrottle Deviation = "no throttle"
	// OtherDeniedCode: a denial does not carry the code of the real provider.
	OtherDeniedCode Deviation = "other denied code"
	// ForeignRegions: regions are listed that no account of this kind can have,
	// and that it cannot read.
	ForeignRegions Deviation = "foreign regions"
)

// Kind is what sort of machine a case needs.
type Kind string

// The kinds of machines.
const (
	Plain       Kind = "plain"       // running, and can be stopped
	Unstoppable Kind = "unstoppable" // running; the provider never lets it be stopped
	Terminated  Kind = "terminated"  // still listed by the provider, but gone for good
)

// Adapter is what the suite asks of an adapter.
type Adapter interface {
	cloud.Prober
	cloud.Instances
}

// Harness is one adapter against one backend.
type Harness struct {
	// New returns an adapter with a full budget. Outer, if not nil, wraps what
	// sends the adapter's requests, above the check of the time.
	New func(t *testing.T, outer func(http.RoundTripper) http.RoundTripper) Adapter
	// Account may do everything. Its HomeRegion and ExternalID are set.
	Account cloud.Account
	// Denied is the same account with a key that lacks just Missing, among
	// them both changes of power.
	Denied     cloud.Account
	Missing    []string
	DeniedCode string // the real provider's code of a denial
	// Wrong is a key that the provider does not know, or a role that it does not
	// let us take. WrongIsSent: calls with it leave, to be refused.
	Wrong       cloud.Account
	WrongIsSent bool
	// Regions are the enabled ones, sorted: four at least.
	Regions []string
	// Nonexistent is a well-formed id of no machine.
	Nonexistent string
	// PageSize is how many machines the adapter asks for at once.
	PageSize int
	// Make returns the ids of n machines that no other case uses.
	Make func(t *testing.T, region string, kind Kind, n int) []string
	// Settle lets all changes of power that were accepted come to their end.
	Settle func(t *testing.T)
	// Throttled is New with a backend that throttles the next calls to the
	// region, of any kind, as many as asked.
	Throttled func(t *testing.T, region string, calls int, outer func(http.RoundTripper) http.RoundTripper) Adapter
	// Sent is how many power calls have reached the backend. Nil when the
	// backend does not count them, or counts those of other cases too.
	Sent func() int

	excuses *excuses
}

// excuses are the declared deviations, and which of them a case has met.
type excuses struct {
	why map[Deviation]string
	mu  sync.Mutex
	met map[Deviation]bool
}

// Run runs all cases side by side, each with a harness of its own (which may
// share a backend, if that has no clock to settle). Deviations say why the
// backend is excused. One that no case came across is a failure: the excuse is
// not needed any more, or never was.
func Run(t *testing.T, deviations map[Deviation]string, setup func(*testing.T) Harness) {
	t.Helper()
	ex := &excuses{why: deviations, met: map[Deviation]bool{}}
	t.Run("cases", func(t *testing.T) {
		for _, c := range slices.Concat(readingCases, powerCases, refusalCases) {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				h := setup(t)
				require.GreaterOrEqual(t, len(h.Regions), 4)
				h.excuses = ex
				c.run(t, h)
			})
		}
	})
	if t.Failed() { // a case that failed early has met nothing
		return
	}
	for d, why := range deviations {
		require.True(t, ex.met[d], "deviation %q (%s) was declared and met by no case", d, why)
	}
}

type testCase struct {
	name string
	run  func(*testing.T, Harness)
}

// deviates says whether the backend is excused, and says so in the test's log.
func (h Harness) deviates(t *testing.T, d Deviation) bool {
	t.Helper()
	why, ok := h.excuses.why[d]
	if ok {
		h.excuses.mu.Lock()
		defer h.excuses.mu.Unlock()
		h.excuses.met[d] = true
		t.Logf("deviation %q: %s", d, why)
	}
	return ok
}

// counter counts the requests that an adapter tries to send.
type counter struct {
	mu    sync.Mutex
	n     int
	inner http.RoundTripper
}

func (c *counter) wrap(inner http.RoundTripper) http.RoundTripper {
	c.inner = inner
	return c
}

func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.n++
	c.mu.Unlock()
	return c.inner.RoundTrip(r)
}

func (c *counter) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// requireError returns the provider's error, which must be the only kind that an
// adapter lets out, and must have a reason that callers can act on.
func requireError(t *testing.T, err error, reason cloud.Reason) *cloud.Error {
	t.Helper()
	require.Error(t, err)
	var e *cloud.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, reason, e.Reason, "%v (%v)", e, e.Err)
	return e
}

// states reads the machines and returns their states by id.
func states(t *testing.T, a cloud.Instances, h Harness, region string, ids []string) map[string]cloud.State {
	t.Helper()
	found, err := a.DescribeInstances(t.Context(), h.Account, region, ids)
	require.NoError(t, err)
	out := make(map[string]cloud.State, len(found))
	for _, m := range found {
		out[m.ProviderID] = m.State
	}
	return out
}

// requireAll asserts that all of these machines, and no others, are in a state.
func requireAll(t *testing.T, a cloud.Instances, h Harness, region string, ids []string, state cloud.State) {
	t.Helper()
	have := states(t, a, h, region, ids)
	require.Len(t, have, len(ids))
	for _, id := range ids {
		require.Equal(t, state, have[id], id)
	}
}
