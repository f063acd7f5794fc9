package cloud

import "time"

// PowerRate is how many machines of one account and region a provider switches:
// Burst at once, then PerSecond. However the orders are batched, it counts each
// machine.
type PowerRate struct {
	Burst     int
	PerSecond float64
}

// Takes is how long the provider takes at least until it has accepted n machines.
func (r PowerRate) Takes(n int) time.Duration {
	if r.PerSecond == 0 || n <= r.Burst {
		return 0
	}
	return time.Duration(float64(n-r.Burst) / r.PerSecond * float64(time.Second))
}

// Fits is how many machines it accepts within a time.
func (r PowerRate) Fits(within time.Duration) int { return r.Burst + int(within.Seconds()*r.PerSecond) }
