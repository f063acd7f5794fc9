// Package webhook decides, purely, how events are sent to others: how a request is
// signed, what an answer means, and when to try again. Sources: the Standard Webhooks
// specification 1.0.0, and RFC 9110 for Retry-After.
package webhook

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Config is what a person has set of a destination, secrets apart. It is stored.
type Config struct {
	URL        string   `json:"url,omitempty"`     // of a webhook
	Headers    []Header `json:"headers,omitempty"` // of a webhook; those that are secret have no value here
	Ed25519    bool     `json:"ed25519,omitempty"`
	PublicKey  string   `json:"public_key,omitempty"` // "whpk_…"
	Recipients []string `json:"recipients,omitempty"` // of e-mail
	Locale     string   `json:"locale,omitempty"`     // of all but webhooks: "pt-BR" or "en"
}

// Header is one of a request or an answer.
type Header struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Secret bool   `json:"secret,omitempty"`
}

// Limits of a workspace and of a request.
const (
	// MostDestinations is how many of each channel a workspace may have.
	MostDestinations = 10
	// Timeout is for one exchange, reading the answer included.
	Timeout = 15 * time.Second
	// KeptBody is how many bytes of an answer are read and kept.
	KeptBody = 16 << 10
	// MostOverlap is how long a replaced secret may go on signing.
	MostOverlap = 7 * 24 * time.Hour
)

// reserved are headers that a tenant may not set: of ours, of the connection, and of
// what says how the body is to be read.
var reserved = []string{
	"host", "content-type", "content-length", "content-encoding", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade",
	"proxy-authorization", "proxy-connection", "expect", "user-agent", "accept-encoding",
}

// HeaderAllowed says whether a tenant may set a header of this name.
func HeaderAllowed(name string) bool {
	name = strings.ToLower(name)
	return !slices.Contains(reserved, name) && !strings.HasPrefix(name, "webhook-") && !strings.HasPrefix(name, "x-cloudhub-") && !strings.HasPrefix(name, ":")
}

// steps is how long to wait after each attempt that failed: ten attempts within 75 h
// 35 min, those of the specification's example.
var steps = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// Attempts is how often a delivery is tried, in its own time.
func Attempts() int { return len(steps) + 1 }

// mostPatience is how long a receiver may ask us to wait.
const mostPatience = 24 * time.Hour

// Class says what an attempt came to.
type Class int

// The classes.
const (
	Accepted Class = iota
	// Failed: tried again, others are sent meanwhile.
	Failed
	// Busy: the receiver has too much to do or is away, so that the others wait too.
	Busy
	// Gone: 410, nobody will ever want it again.
	Gone
	// Ours: it failed on our side, before the receiver was asked. It is charged to
	// nobody.
	Ours
)

// Answer is what a receiver did.
type Answer struct {
	Status     int  // 0: no answer came
	TimedOut   bool // within Timeout
	Ours       bool // our proxy failed, or a secret did not open
	RetryAfter time.Duration
}

// Classify reads an answer. Success is 2xx and nothing else; a redirect is a failure.
func Classify(a Answer) Class {
	switch {
	case a.Ours:
		return Ours
	case a.Status >= 200 && a.Status < 300:
		return Accepted
	case a.Status == http.StatusGone:
		return Gone
	case a.TimedOut, a.Status == http.StatusTooManyRequests, a.Status == http.StatusBadGateway, a.Status == http.StatusGatewayTimeout,
		a.Status == http.StatusServiceUnavailable && a.RetryAfter > 0:
		return Busy
	default:
		return Failed
	}
}

// RetryAfter reads the header: seconds, or a date. 0 when there is none or it makes no
// sense; at most a day.
func RetryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseFloat(value, 64); err == nil {
		if math.IsNaN(seconds) || seconds <= 0 {
			return 0
		}
		return time.Duration(min(seconds, mostPatience.Seconds()) * float64(time.Second))
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), mostPatience)
}

// Next is when a delivery is tried again.
type Next struct {
	Step  int
	Wait  time.Duration
	Ended bool // no further attempt: it is exhausted
}

// Again decides what follows an attempt that failed at a step of the schedule. due
// says that the attempt was the schedule's own; a probe of a destination that cools is
// not, and uses none up. random is in [0, 1): waits are 20 % longer or shorter, and
// never shorter than what the receiver asked for.
func Again(step int, due bool, a Answer, random float64) Next {
	if step < 0 {
		step = 0
	}
	if a.Ours {
		return Next{Step: step, Wait: time.Minute + time.Duration(random*float64(time.Minute))}
	}
	if !due {
		return Next{Step: step, Wait: jitter(steps[min(max(step-1, 0), len(steps)-1)], random)}
	}
	if step >= len(steps) {
		return Next{Step: step, Ended: true}
	}
	wait := jitter(steps[step], random)
	if a.RetryAfter > wait {
		wait = a.RetryAfter + time.Duration(random*0.2*float64(min(a.RetryAfter, time.Minute)))
	}
	return Next{Step: step + 1, Wait: wait}
}

func jitter(d time.Duration, random float64) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*random))
}

// OpenAfter is after how many failures in a row the breaker opens.
const OpenAfter = 5

// Cool is how long a destination is left alone: what it asked for, or longer with each
// probe that failed, an hour at most; 0: it is not. failures counts this one: up to
// OpenAfter each attempt, and beyond it each probe, however many attempts were on their
// way when the breaker opened.
func Cool(c Class, failures int, a Answer, random float64) time.Duration {
	if c != Busy && failures < OpenAfter {
		return 0
	}
	wait := time.Hour
	if n := max(failures-OpenAfter, 0); n < 10 {
		wait = min(5*time.Second<<n, time.Hour)
	}
	return max(jitter(wait, random), a.RetryAfter)
}

// DisableAfter is how long a destination may fail without one success before it is
// disabled.
const DisableAfter = 5 * 24 * time.Hour

// WarningOf is how many warnings people should have had of a destination that has been
// failing for so long: at a half, three quarters and nine tenths of the time.
func WarningOf(failing time.Duration) int {
	n := 0
	for _, share := range []float64{0.5, 0.75, 0.9} {
		if failing >= time.Duration(share*float64(DisableAfter)) {
			n++
		}
	}
	return n
}

// FirstID is before every UUIDv7 that was made at a moment or later, and after those
// made a millisecond before.
func FirstID(at time.Time) (id uuid.UUID) {
	ms := max(at.UnixMilli(), 0)
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	return id
}
