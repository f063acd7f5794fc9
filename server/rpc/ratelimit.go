package rpc

import (
	"fmt"
	"math"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	cloudhubv1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
)

// figures of each rate class: calls a second, and how many at once, of one
// person. Those of credentials are an address's: nobody is known yet.
var figures = map[cloudhubv1.RateClass]struct {
	perSecond rate.Limit
	burst     int
}{
	cloudhubv1.RateClass_RATE_CLASS_READ:       {50, 200},
	cloudhubv1.RateClass_RATE_CLASS_WRITE:      {10, 60},
	cloudhubv1.RateClass_RATE_CLASS_CREDENTIAL: {2, 40},
	cloudhubv1.RateClass_RATE_CLASS_COSTLY:     {1, 20},
	cloudhubv1.RateClass_RATE_CLASS_STREAM:     {2, 30},
}

// peoplePerAddress: an office shares an address, so an address may do several
// people's worth of what only people who have signed in do.
const peoplePerAddress = 5

// maxBuckets bounds the memory that callers can make us hold.
const maxBuckets = 50_000

// limits is a token bucket for each caller and class, in this process. What
// guards passwords is counted in the database instead.
type limits struct {
	mu      sync.Mutex
	buckets map[bucketKey]*bucket
	now     func() time.Time
	off     bool
}

type bucketKey struct {
	who   string
	class cloudhubv1.RateClass
}

type bucket struct {
	limiter *rate.Limiter
	used    time.Time
}

// allow takes one token. Errors: RATE_LIMITED with the time to wait.
func (l *limits) allow(who string, class cloudhubv1.RateClass) error {
	if l.off {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	k := bucketKey{who, class}
	b := l.buckets[k]
	if b == nil {
		l.makeRoom(now)
		f := figures[class]
		if strings.HasPrefix(who, addressPrefix) && class != cloudhubv1.RateClass_RATE_CLASS_CREDENTIAL {
			f.perSecond, f.burst = f.perSecond*peoplePerAddress, f.burst*peoplePerAddress
		}
		b = &bucket{limiter: rate.NewLimiter(f.perSecond, f.burst)}
		l.buckets[k] = b
	}
	b.used = now
	r := b.limiter.ReserveN(now, 1)
	if wait := r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
		seconds := int(math.Ceil(wait.Seconds()))
		e := rpcerr.New(rpcerr.ReasonRateLimited, "seconds", fmt.Sprint(seconds))
		e.RetryAfter = time.Duration(seconds) * time.Second
		return e
	}
	return nil
}

// makeRoom forgets who has not called for a while: after two minutes every
// bucket is full again and forgetting changes nothing. When all are fresh, any
// tenth is forgotten: the memory is bounded whoever calls, and so is the work.
func (l *limits) makeRoom(now time.Time) {
	if len(l.buckets) < maxBuckets {
		return
	}
	for k, b := range l.buckets {
		if now.Sub(b.used) > 2*time.Minute || len(l.buckets) > maxBuckets*9/10 {
			delete(l.buckets, k)
		}
	}
}

const addressPrefix = "address:"

// addressKey counts an IPv6 network of 64 bits as one caller: whoever has one
// address of it has all.
func addressKey(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return addressPrefix + address
	}
	if a.Is6() && !a.Is4In6() {
		if p, err := a.Prefix(64); err == nil {
			return addressPrefix + p.String()
		}
	}
	return addressPrefix + a.Unmap().String()
}
