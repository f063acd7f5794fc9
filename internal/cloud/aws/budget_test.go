package aws

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/cloud"
)

// bench is a budget whose time moves only when somebody waits in it.
type bench struct {
	*budget
	mu  sync.Mutex
	now time.Time
}

func newBench(b Budget) *bench {
	x := &bench{now: time.Date(2026, 3, 2, 19, 0, 0, 0, time.UTC)}
	x.budget = newBudget(b, x.time)
	x.sleep = func(ctx context.Context, d time.Duration) error {
		x.pass(d)
		return ctx.Err()
	}
	return x
}

func (x *bench) time() time.Time {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.now
}

func (x *bench) pass(d time.Duration) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.now = x.now.Add(d)
}

func aCall(account, region, op string, ids int) *call {
	return &call{account: cloud.Account{ExternalID: account}, region: region, op: op, ids: make([]string, ids)}
}

// spend makes calls until one would have to wait, and returns how many went.
func (x *bench) spend(t *testing.T, op string, ids int) int {
	t.Helper()
	for n := 0; ; n++ {
		begun := x.time()
		turn, err := x.wait(t.Context(), aCall("1", "us-east-1", op, ids))
		require.NoError(t, err)
		turn.done(nil)
		if x.time() != begun {
			return n
		}
	}
}

var (
	errThrottled = &cloud.Error{Reason: cloud.ReasonThrottled, Sent: true}
	errNotFound  = &cloud.Error{Reason: cloud.ReasonNotFound, Sent: true}
	errUnknown   = &cloud.Error{Reason: cloud.ReasonTransient, Sent: true}
)

// A customer's own tools share the provider's bucket: four fifths are ours.
func TestBudgetStartsBelowTheProvidersFigures(t *testing.T) {
	t.Parallel()
	for op, want := range map[string]struct {
		burst int
		pause time.Duration
	}{
		"DescribeInstances": {80, time.Second / 16},
		"StopInstances":     {40, time.Second / 4},
		"StartInstances":    {4, time.Second * 5 / 8},
	} {
		x := newBench(Budget{})
		begun := x.time()
		require.Equal(t, want.burst, x.spend(t, op, 1), op)
		require.WithinDuration(t, begun.Add(want.pause), x.time(), time.Microsecond, op)
	}
}

// Starting 1,000 machines is one call at once (the burst is all theirs); the
// next 1,000 would be throttled by AWS for minutes, and is told so at once.
func TestBudgetOfMachines(t *testing.T) {
	t.Parallel()
	x := newBench(Budget{})
	_, err := x.wait(t.Context(), aCall("1", "us-east-1", "StartInstances", 1000))
	require.NoError(t, err)
	begun := x.time()
	_, err = x.wait(t.Context(), aCall("1", "us-east-1", "StartInstances", 1000))
	require.Equal(t, begun, x.time(), "it must not wait in vain")
	var e *cloud.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, cloud.ReasonThrottled, e.Reason)
	require.False(t, e.Sent)
	require.Equal(t, 625*time.Second, e.RetryAfter)

	x.pass(e.RetryAfter)
	_, err = x.wait(t.Context(), aCall("1", "us-east-1", "StartInstances", 1000))
	require.NoError(t, err, "RetryAfter must be true")
}

// One bad id among 1,000 must not make the other 999 wait ten minutes.
func TestBudgetReturnsWhatARefusalDidNotUse(t *testing.T) {
	t.Parallel()
	for _, verdict := range []*cloud.Error{errNotFound, errThrottled, {Reason: cloud.ReasonTooLate}} {
		x := newBench(Budget{})
		turn, err := x.wait(t.Context(), aCall("1", "us-east-1", "StartInstances", 1000))
		require.NoError(t, err)
		turn.done(verdict)
		_, err = x.wait(t.Context(), aCall("1", "us-east-1", "StartInstances", 999))
		require.NoError(t, err, verdict.Reason)
	}
	x := newBench(Budget{})
	turn, err := x.wait(t.Context(), aCall("1", "us-east-1", "StartInstances", 1000))
	require.NoError(t, err)
	turn.done(errUnknown) // may have happened: it counts
	_, err = x.wait(t.Context(), aCall("1", "us-east-1", "StartInstances", 999))
	require.Equal(t, cloud.ReasonThrottled, cloud.ReasonOf(err))
}

func TestBudgetHalvesOnAThrottleAndRecoversSlowly(t *testing.T) {
	t.Parallel()
	x := newBench(Budget{})
	c := aCall("1", "us-east-1", "DescribeInstances", 0)
	rate := func() float64 { return x.pair(c, published[c.op]).calls.rate }
	once := func(verdict *cloud.Error) {
		turn, err := x.wait(t.Context(), c)
		require.NoError(t, err)
		turn.done(verdict)
	}
	require.InDelta(t, 16, rate(), 1e-9)
	once(errThrottled)
	require.InDelta(t, 8, rate(), 1e-9)
	begun := x.time()
	once(errThrottled) // a second answer to the same burst
	require.InDelta(t, 8, rate(), 1e-9)
	require.Greater(t, x.time(), begun, "what was saved up is gone")

	x.pass(2 * time.Second)
	once(errThrottled)
	require.InDelta(t, 4, rate(), 1e-9)
	for range 20 {
		x.pass(2 * time.Second)
		once(errThrottled)
	}
	require.InDelta(t, 1, rate(), 1e-9, "it never stops asking")

	x.pass(9 * time.Second)
	once(nil)
	require.InDelta(t, 1, rate(), 1e-9)
	x.pass(2 * time.Second)
	once(nil)
	once(nil)
	require.InDelta(t, 2.6, rate(), 1e-9, "a tenth of 16 for ten seconds of success")
	for range 30 {
		x.pass(10 * time.Second)
		once(nil)
	}
	require.InDelta(t, 16, rate(), 1e-9, "and no further than where it began")
}

// One customer's throttled account must not slow down another's, nor another
// region, nor another API: the provider's buckets are apart too.
func TestBudgetsAreApart(t *testing.T) {
	t.Parallel()
	x := newBench(Budget{})
	turn, err := x.wait(t.Context(), aCall("1", "us-east-1", "StopInstances", 1))
	require.NoError(t, err)
	turn.done(errThrottled)
	begun := x.time()
	for _, c := range []*call{
		aCall("2", "us-east-1", "StopInstances", 1), aCall("1", "eu-west-1", "StopInstances", 1), aCall("1", "us-east-1", "StartInstances", 1),
	} {
		_, err := x.wait(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, begun, x.time())
	}
	_, err = x.wait(t.Context(), aCall("1", "us-east-1", "StopInstances", 1))
	require.NoError(t, err)
	require.Greater(t, x.time(), begun)
}

func TestBudgetDoesNotWaitPastTheLastMoment(t *testing.T) {
	t.Parallel()
	x := newBench(Budget{})
	require.Equal(t, 4, x.spend(t, "StartInstances", 1))
	begun := x.time()
	ctx := cloud.WithNotAfter(t.Context(), begun.Add(100*time.Millisecond))
	_, err := x.wait(ctx, aCall("1", "us-east-1", "StartInstances", 1))
	var e *cloud.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, cloud.ReasonThrottled, e.Reason)
	require.Positive(t, e.RetryAfter)
	require.Equal(t, begun, x.time())

	c := aCall("1", "us-east-1", "StartInstances", 1)
	_, err = x.wait(cloud.WithNotAfter(t.Context(), begun.Add(-time.Second)), c)
	require.ErrorIs(t, err, errTooLate{})
	require.Equal(t, cloud.ReasonTooLate, classify(t.Context(), c, err).Reason)
}

// A call that gave up while in line must not cost the ones behind it.
func TestBudgetTakesBackACancelledTurn(t *testing.T) {
	t.Parallel()
	x := newBench(Budget{})
	require.Equal(t, 4, x.spend(t, "StartInstances", 1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	x.sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	calls := x.pair(aCall("1", "us-east-1", "StartInstances", 1), published["StartInstances"]).calls
	calls.take(0, x.time())
	before := calls.tokens
	_, err := x.wait(ctx, aCall("1", "us-east-1", "StartInstances", 1))
	require.ErrorIs(t, err, context.Canceled)
	require.InDelta(t, before, calls.tokens, 1e-9)
}

// A hundred thousand accounts must not fill the memory.
func TestBudgetForgetsOldAccounts(t *testing.T) {
	t.Parallel()
	x := newBench(Budget{MaxLimiters: 10})
	for i := range 100 {
		_, err := x.wait(t.Context(), aCall(fmt.Sprint(i), "us-east-1", "StopInstances", 1))
		require.NoError(t, err)
	}
	require.Len(t, x.buckets.at, 10)
	require.Equal(t, 10, x.buckets.order.Len())
}

// Before the probe has said whose key it is, two keys must not share a budget,
// and the key itself must not be kept as the name of one.
func TestBudgetOfAnUnknownAccountHangsOnAHashOfTheKey(t *testing.T) {
	t.Parallel()
	x := newBench(Budget{})
	for _, key := range []string{"AKIAONE", "AKIATWO"} {
		c := &call{op: "DescribeRegions", account: cloud.Account{Credential: cloud.Credential{AccessKeyID: key}}}
		_, err := x.wait(t.Context(), c)
		require.NoError(t, err)
	}
	require.Len(t, x.buckets.at, 2)
	for k := range x.buckets.at {
		require.NotContains(t, k.account, "AKIA")
	}
}
