package aws

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/cloudhub/cloudhub/internal/cloud"
)

// Budget bounds how fast one account's API is called. Zero fields mean the
// defaults.
type Budget struct {
	// Share is the part of the provider's rate that CloudHub uses, 0.8 by
	// default: the customer's own tools drink from the same bucket.
	Share float64
	// MaxWait is how long a call may stand in line, 1 minute by default. A
	// longer wait is refused with ReasonThrottled and RetryAfter at once, so
	// that it is spent in a timer and not in a worker's slot.
	MaxWait time.Duration
	// MaxLimiters bounds how many buckets are kept, 4,096 by default (some
	// 100 bytes each); the ones used longest ago are forgotten, full or not.
	MaxLimiters int
}

// figures are one API's token buckets at the provider, per account and region.
// Source: Amazon EC2 developer guide, "Request throttling for the Amazon EC2
// API", token bucket sizes and refill rates.
type figures struct {
	burst, perSecond      float64 // calls
	idBurst, idsPerSecond float64 // machines named in calls; 0 when not counted
}

// What is not listed here (STS) has no published bucket and is not held back.
var published = map[string]figures{
	"DescribeInstances": {burst: 100, perSecond: 20}, // because we always filter or page; half of it otherwise
	"DescribeRegions":   {burst: 100, perSecond: 20},
	"StartInstances":    {burst: 5, perSecond: 2, idBurst: 1000, idsPerSecond: 2},
	"StopInstances":     {burst: 50, perSecond: 5, idBurst: 1000, idsPerSecond: 20},
}

const (
	slowest     = 1.0 / 16         // of the usual rate: a throttled account is still asked now and then
	shrinkPause = time.Second      // answers to calls in flight together count as one throttle
	growPause   = 10 * time.Second // of success, for each
	growStep    = 0.1              // of the usual rate
)

// budget holds the buckets of all accounts.
type budget struct {
	Budget
	clock   func() time.Time
	sleep   func(context.Context, time.Duration) error
	mu      sync.Mutex
	buckets *lru[bucketKey, *pair]
}

type bucketKey struct{ account, region, op string }

// pair is the two buckets of one API: calls, and machines named in them.
type pair struct{ calls, ids *bucket }

func newBudget(b Budget, clock func() time.Time) *budget {
	if b.Share <= 0 || b.Share > 1 {
		b.Share = 0.8
	}
	if b.MaxWait <= 0 {
		b.MaxWait = time.Minute
	}
	if b.MaxLimiters <= 0 {
		b.MaxLimiters = 4096
	}
	return &budget{Budget: b, clock: clock, sleep: sleep, buckets: newLRU[bucketKey, *pair](b.MaxLimiters)}
}

// turn is one attempt's place in the budget. Its zero value costs nothing.
type turn struct {
	*pair
	n     float64
	clock func() time.Time
}

// wait holds an attempt back until its turn. It returns a *cloud.Error with
// ReasonThrottled and RetryAfter, at once, when the turn would come after the
// last moment for leaving or after MaxWait; errTooLate when that moment is gone;
// and the context's error when that ends first.
func (b *budget) wait(ctx context.Context, c *call) (turn, error) {
	f, ok := published[c.op]
	if !ok {
		return turn{}, nil
	}
	t := turn{pair: b.pair(c, f), n: float64(len(c.ids)), clock: b.clock}
	now := b.clock()
	hold := t.calls.take(1, now)
	if t.ids != nil {
		hold = max(hold, t.ids.take(t.n, now))
	}
	if hold == 0 {
		return t, nil
	}
	longest := b.MaxWait
	if last, ok := cloud.NotAfter(ctx); ok {
		if !now.Before(last) {
			t.back()
			c.late.Store(true)
			return turn{}, errTooLate{}
		}
		longest = min(longest, last.Sub(now))
	}
	if hold > longest {
		t.back()
		return turn{}, refusal{&cloud.Error{
			Reason: cloud.ReasonThrottled, RetryAfter: hold,
			Message: fmt.Sprintf("CloudHub's own budget of %s calls for this account and region is used up", c.op),
		}}
	}
	if err := b.sleep(ctx, hold); err != nil {
		t.back()
		return turn{}, err
	}
	return t, nil
}

func (b *budget) pair(c *call, f figures) *pair {
	account := c.account.ExternalID
	if account == "" { // on probation: nobody has said yet whose key it is
		sum := sha256.Sum256([]byte(c.account.Credential.AccessKeyID))
		account = "key:" + hex.EncodeToString(sum[:8])
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buckets.get(bucketKey{account, c.region, c.op}, func() *pair {
		now := b.clock()
		p := &pair{calls: newBucket(f.burst*b.Share, f.perSecond*b.Share, now)}
		if f.idBurst > 0 {
			// The whole burst, not a share of it: one call for 1,000 machines
			// is what the provider allows and what a timetable needs. Only the
			// refill is shared.
			p.ids = newBucket(f.idBurst, f.idsPerSecond*b.Share, now)
		}
		return p
	})
}

// back returns an attempt that was not made.
func (t turn) back() {
	t.calls.give(1)
	if t.ids != nil {
		t.ids.give(t.n)
	}
}

// done tells the buckets what came of the attempt.
func (t turn) done(verdict *cloud.Error) {
	if t.pair == nil {
		return
	}
	now := t.clock()
	switch {
	case verdict == nil:
		t.calls.grow(now)
		if t.ids != nil {
			t.ids.grow(now)
		}
	case verdict.Reason == cloud.ReasonThrottled:
		t.calls.shrink(now)
		t.calls.drain()
		if t.ids != nil {
			// Which of the two the provider ran out of it does not say. The
			// machines were not acted on, so they are not paid for; else a
			// throttled start of 1,000 would stand in line for ten minutes.
			t.ids.shrink(now)
			t.ids.give(t.n)
		}
	case !verdict.Sent:
		t.back()
	case verdict.Reason != cloud.ReasonTransient && t.ids != nil:
		t.ids.give(t.n) // refused as a whole: the provider touched no machine
	}
}

// refusal is what the budget says; it keeps the SDK from trying again.
type refusal struct{ err *cloud.Error }

func (r refusal) Error() string      { return r.err.Error() }
func (r refusal) Unwrap() error      { return r.err }
func (refusal) CanceledError() bool  { return true }
func (refusal) RetryableError() bool { return false }

// bucket is a token bucket whose tokens can be returned and whose rate follows
// what the provider says: halved by a throttle, back by a tenth for each ten
// seconds of success. golang.org/x/time/rate cannot take tokens back once their
// time has come, and without that every all-or-nothing refusal of a large call
// would cost minutes.
type bucket struct {
	mu      sync.Mutex
	usual   float64 // tokens per second
	rate    float64
	burst   float64
	tokens  float64 // negative while somebody is in line
	at      time.Time
	changed time.Time // of rate
}

func newBucket(burst, perSecond float64, now time.Time) *bucket {
	burst = max(burst, 1)
	return &bucket{usual: perSecond, rate: perSecond, burst: burst, tokens: burst, at: now}
}

// take takes n tokens and returns how long to wait until they are there.
func (b *bucket) take(n float64, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if passed := now.Sub(b.at).Seconds(); passed > 0 {
		b.tokens = min(b.burst, b.tokens+passed*b.rate)
		b.at = now
	}
	b.tokens -= n
	if b.tokens >= 0 {
		return 0
	}
	return time.Duration(-b.tokens / b.rate * float64(time.Second))
}

// give returns n tokens.
func (b *bucket) give(n float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tokens = min(b.burst, b.tokens+n)
}

// drain forgets what is saved up: the provider's bucket is empty.
func (b *bucket) drain() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tokens = min(b.tokens, 0)
}

func (b *bucket) shrink(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.changed.IsZero() && now.Sub(b.changed) < shrinkPause && b.rate < b.usual {
		return
	}
	b.rate = max(b.usual*slowest, b.rate/2)
	b.changed = now
}

func (b *bucket) grow(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rate >= b.usual || now.Sub(b.changed) < growPause {
		return
	}
	b.rate = min(b.usual, b.rate+growStep*b.usual)
	b.changed = now
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
