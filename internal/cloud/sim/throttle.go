package sim

import "time"

// bucket is a token bucket: so many at once, so many more a second.
type bucket struct{ burst, refill float64 }

// AWS's request buckets, one per account, region and API, and the resource
// buckets, of which every machine of a call takes one token. Figures: Amazon
// EC2 API Reference, "Request throttling".
var (
	bucketRead       = bucket{100, 20}
	bucketUnfiltered = bucket{50, 10} // a Describe without filter, ids or paging
	bucketStart      = bucket{5, 2}
	bucketStop       = bucket{50, 5} // as any mutating action

	bucketStartMachines = bucket{1000, 2}
	bucketStopMachines  = bucket{1000, 20}
)

// throttle holds the levels of all buckets. Sim's mutex guards it.
type throttle struct {
	factor float64 // 0: off
	levels map[levelKey]level
}

type levelKey struct {
	place
	name string
}

type level struct {
	tokens float64
	at     time.Time
}

// take removes n tokens, or none when there are too few. With a factor of 0
// everything is allowed.
func (t *throttle) take(p place, name string, b bucket, n int, now time.Time) bool {
	if t.factor == 0 {
		return true
	}
	burst, key := b.burst*t.factor, levelKey{p, name}
	l, ok := t.levels[key]
	if !ok {
		l = level{burst, now}
	}
	l.tokens = min(burst, l.tokens+max(0, now.Sub(l.at).Seconds())*b.refill*t.factor)
	l.at = now
	enough := l.tokens >= float64(n)
	if enough {
		l.tokens -= float64(n)
	}
	t.levels[key] = l
	return enough
}
