package e2e

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/cloud/sim"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
	"github.com/cloudhub/cloudhub/internal/webhook"
)

// How receivers behave.
const (
	isWell      = "well"
	isStrict    = "strict" // well, and asked to be sent to in order
	isHanging   = "hangs"
	isResetting = "resets"
	isDripping  = "drips"
	isEndless   = "endless"
	isDown      = "down"
)

// target is one endpoint: a receiver, its destination, and what it counts.
type target struct {
	*receiver
	kind        string
	destination uuid.UUID
	open        atomic.Int64 // requests that have come and were not answered
}

// reaches says that everything arrives there in the end.
func (x *target) reaches() bool { return x.kind != isHanging && x.kind != isResetting }

// hookFaults is an installation of five processes with endpoints of many kinds.
type hookFaults struct {
	*five
	targets []*target
	// atKill is what was in flight when a process died, by target: each of these may
	// arrive twice, and may miss in the log.
	atKill map[*target]int
}

// newHookFaults starts it with one endpoint of each bad kind, one that keeps an order
// and the rest well.
func newHookFaults(t *testing.T, endpoints int) *hookFaults {
	t.Helper()
	f := &hookFaults{five: newFive(t, sim.SmallEstate()), atKill: map[*target]int{}}
	f.workerEnv = []string{"CLOUDHUB_EGRESS_ALLOW=127.0.0.0/8,http,any-port"}
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	kinds := []string{isStrict, isHanging, isResetting, isDripping, isEndless, isDown}
	for i := range endpoints {
		x := &target{kind: isWell}
		if i < len(kinds) {
			x.kind = kinds[i]
		}
		x.receiver = newReceiver(t, nil)
		answer := behaviour(x.kind, release)
		x.says(func(w http.ResponseWriter, req *http.Request, m message) {
			x.open.Add(1)
			defer x.open.Add(-1)
			answer(w, req, m)
		})
		x.destination = f.endpoint(x)
		f.targets = append(f.targets, x)
	}
	return f
}

func behaviour(kind string, release <-chan struct{}) func(http.ResponseWriter, *http.Request, message) {
	pause := func(d time.Duration) { time.Sleep(d) }
	switch kind {
	case isHanging:
		return func(_ http.ResponseWriter, req *http.Request, _ message) {
			select {
			case <-release:
			case <-req.Context().Done():
			}
		}
	case isResetting:
		return func(w http.ResponseWriter, _ *http.Request, _ message) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			_ = conn.(*net.TCPConn).SetLinger(0) // a reset, and no end
			_ = conn.Close()
		}
	case isDripping:
		return func(w http.ResponseWriter, _ *http.Request, _ message) {
			for range 4 {
				_, _ = w.Write([]byte("."))
				_ = http.NewResponseController(w).Flush()
				pause(5 * time.Millisecond)
			}
		}
	case isEndless:
		return func(w http.ResponseWriter, req *http.Request, _ message) {
			for chunk := make([]byte, 32<<10); req.Context().Err() == nil; {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		}
	default:
		return func(http.ResponseWriter, *http.Request, message) { pause(2 * time.Millisecond) }
	}
}

// endpoint adds a webhook past the limit that a person has.
func (f *hookFaults) endpoint(x *target) uuid.UUID {
	t := f.t
	sealer, err := vault.LoadSealer(f.keys)
	require.NoError(t, err)
	id, secret := uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
	plain, err := webhook.NewSecret(rand.Reader)
	require.NoError(t, err)
	sealed, err := sealer.Seal(vault.NewSecret([]byte(plain)), vault.DestinationSecret(f.org, f.ws, secret.String(), "signing", vault.DestinationSecretSchema))
	require.NoError(t, err)
	ordering := "none"
	if x.kind == isStrict {
		ordering = "strict"
	}
	f.db.Exec(t, "INSERT INTO destinations (org_id, workspace_id, id, channel, name, config, ordering) VALUES ($1, $2, $3, 'webhook', $4, $5, $6)",
		f.org, f.ws, id, fmt.Sprint(x.kind, " ", len(f.targets)), webhook.Config{URL: x.URL + "/hooks"}, ordering)
	f.db.Exec(t, "INSERT INTO destination_secrets (org_id, workspace_id, destination_id, id, kind, schema_version, key_id, ciphertext) VALUES ($1, $2, $3, $4, 'signing', $5, $6, $7)",
		f.org, f.ws, id, secret, vault.DestinationSecretSchema, sealed.KeyID, sealed.Ciphertext)
	return id
}

func (f *hookFaults) kind(kind string) *target {
	return f.targets[slices.IndexFunc(f.targets, func(x *target) bool { return x.kind == kind })]
}

// received is how many requests have come to all.
func (f *hookFaults) received() (n int) {
	for _, x := range f.targets {
		n += len(x.messages())
	}
	return n
}

// awaitReceived waits for so many requests, and that some are at receivers.
func (f *hookFaults) awaitReceived(n int) {
	f.await(fmt.Sprintf("%d requests have come", n), func() bool { return f.received() >= n })
}

// sharesOfOne is how much of one destination a worker has in flight at most: what its
// loop holds, and what the destination's workflow does.
const sharesOfOne = 16 + 16

// strike kills a process while requests are at the receivers, and brings it back. What
// was in flight is in the leases when a worker dies. When something else does, the
// worker lives on and may lose what it holds then.
func (f *hookFaults) strike(victim string, leasesEnd bool) {
	t := f.t
	f.await("requests are at receivers", func() bool {
		return slices.ContainsFunc(f.targets, func(x *target) bool { return x.kind != isHanging && x.open.Load() > 0 })
	})
	f.kill(victim)
	n := 0
	for _, x := range f.targets {
		held := sharesOfOne
		if victim == theWorker {
			held = f.count("SELECT count(*) FROM deliveries WHERE destination_id = $1 AND state = 'waiting' AND lease_until > now()", x.destination)
		}
		f.atKill[x] += held
		n += held
	}
	if victim == theWorker {
		require.Positive(t, n, "it fell where it hurts")
		if leasesEnd { // the time passes: who held them is dead
			f.db.Exec(t, "UPDATE deliveries SET lease_until = now() WHERE lease_until > now()")
		}
	}
	f.revive(victim)
	t.Logf("%s killed with %d requests made; %d deliveries at most were in flight", victim, f.received(), n)
}

func (f *hookFaults) inFlight() (n int) {
	for _, x := range f.targets {
		n += f.atKill[x]
	}
	return n
}

// recorded is how many attempts the log has.
func (f *hookFaults) recorded(x *target) int {
	return f.count("SELECT count(*) FROM delivery_attempts WHERE destination_id = $1", x.destination)
}

// downFor takes the endpoint that is down away for a while: nobody listens there.
func (f *hookFaults) downFor(d time.Duration) *sync.WaitGroup {
	x := f.kind(isDown)
	address := x.Listener.Addr().String()
	require.NoError(f.t, x.Listener.Close())
	x.CloseClientConnections()
	var back sync.WaitGroup
	back.Go(func() {
		time.Sleep(d)
		ln, err := net.Listen("tcp", address)
		if err != nil {
			f.t.Errorf("%s cannot come back: %v", x.kind, err)
			return
		}
		f.t.Cleanup(func() { _ = ln.Close() })
		go func() { _ = (&http.Server{Handler: x.Config.Handler}).Serve(ln) }()
	})
	return &back
}

// Two thousand events go to twenty endpoints, of which some are ill in all the ways that
// there are, while worker, PostgreSQL and Temporal die: in the end each has reached each
// endpoint that answers, and what came twice was in flight when something died.
func TestEventsSurviveFaults(t *testing.T) {
	t.Parallel()
	eventsSurvive(t, 2000, 8*time.Second, []string{theWorker, thePostgres, theTemporal}, true)
}

func eventsSurvive(t *testing.T, events int, down time.Duration, victims []string, leasesEnd bool) {
	f := newHookFaults(t, 20)
	f.burst(events, 50)
	back := f.downFor(down)
	f.spawnWorker()
	all := events * (len(f.targets) - 3) // those that are not down, nor ill for good
	for i, victim := range victims {
		f.awaitReceived(all * (i + 1) / (len(victims) + 2))
		f.strike(victim, leasesEnd)
	}
	back.Wait()
	f.await("everything has arrived that can", func() bool { return f.waiting() == 0 })
	f.judge(events)
}

// waiting is how many deliveries wait for endpoints that answer.
func (f *hookFaults) waiting() (n int) {
	for _, x := range f.targets {
		if x.reaches() {
			n += f.count("SELECT count(*) FROM deliveries WHERE destination_id = $1 AND state = 'waiting'", x.destination)
		}
	}
	return n
}

// judge says what must be true in the end.
func (f *hookFaults) judge(events int) {
	t := f.t
	order := f.orderOf()
	duplicates, logged, got := 0, 0, 0
	for _, x := range f.targets {
		ms := x.messages()
		ids := map[string]bool{}
		var first []int
		for _, m := range ms {
			if !ids[m.id()] {
				first = append(first, nth(m))
			}
			ids[m.id()] = true
		}
		attempts := f.recorded(x)
		logged, got = logged+attempts, got+len(ms)
		require.GreaterOrEqual(t, attempts, len(ms)-f.atKill[x], "%s: the log has every attempt but what was in flight when something died", x.kind)
		if !x.reaches() {
			continue
		}
		require.Equal(t, events, f.count("SELECT count(*) FROM deliveries WHERE destination_id = $1 AND state = 'delivered'", x.destination), x.kind)
		require.Len(t, ids, events, "%s: none is lost", x.kind)
		require.LessOrEqual(t, len(ms)-events, f.atKill[x], "%s: only what was in flight when something died comes twice", x.kind)
		duplicates += len(ms) - events
		if x.kind == isStrict {
			require.Equal(t, order, first, "in order")
		}
	}
	require.Zero(t, f.count("SELECT count(*) FROM deliveries d WHERE state = 'delivered' AND NOT EXISTS (SELECT 1 FROM delivery_attempts a WHERE a.org_id = d.org_id AND a.destination_id = d.destination_id AND a.event_id = d.event_id AND a.status = 200)"),
		"what is delivered has the attempt that was accepted")
	hanging := f.kind(isHanging)
	require.Zero(t, f.count("SELECT count(*) FROM deliveries WHERE destination_id = $1 AND state = 'delivered'", hanging.destination))
	require.Less(t, len(hanging.messages()), events/4, "what hangs is left alone")
	lost, err := f.db.System.Read().DestinationsLost(t.Context())
	require.NoError(t, err)
	require.Empty(t, lost)
	t.Logf("%d requests for %d deliveries that could arrive; %d came twice of %d in flight at kills; the log has %d attempts", got, events*(len(f.targets)-2), duplicates, f.inFlight(), logged)
	require.NotContains(t, strings.ToLower(f.lastWords()), "panic")
}
