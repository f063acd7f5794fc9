package worker

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/cloudhub/cloudhub/activities"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/webhook"
)

// deliveries is the loop of first attempts: it claims what was never tried, sends it
// and records it in batches. Temporal knows nothing of it. What fails becomes the work
// of its destination's workflow, asked for in the transaction that records the failure.
type deliveries struct {
	system    *db.System
	deliverer *activities.Deliverer
	logger    *slog.Logger
	metrics   *deliveryMetrics

	mu   sync.Mutex
	busy map[uuid.UUID]int // in flight, by destination
	free int
	// freed has one token when more may be claimed than when it was last looked at.
	freed chan struct{}
	done  chan ended
}

// ended is a chain that was sent.
type ended struct {
	attempts []activities.Attempt
	released []activities.Claimed
	holding  []holding
}

// holding are slots that a chain which failed keeps until that is recorded: nothing
// more is claimed in them for a destination that may be left alone then.
type holding struct {
	destination uuid.UUID
	slots       int
}

const (
	// slots is how many deliveries one worker has in flight, and slotsEach how many of
	// one destination: one that hangs holds no more of them.
	slots     = 256
	slotsEach = 16
	// claimAtOnce is how many one claim takes.
	claimAtOnce = 128
	// recordAtOnce and recordWithin say when a batch is recorded.
	recordAtOnce = 128
	recordWithin = 20 * time.Millisecond
	recorders    = 2
	// together is how long slots that become free are waited for, so that one claim
	// fills several.
	together = 4 * time.Millisecond
)

func newDeliveries(system *db.System, deliverer *activities.Deliverer, logger *slog.Logger, metrics *deliveryMetrics) *deliveries {
	return &deliveries{
		system: system, deliverer: deliverer, logger: logger, metrics: metrics,
		busy: map[uuid.UUID]int{}, free: slots, freed: make(chan struct{}, 1), done: make(chan ended, slots),
	}
}

// run works until the context ends; what is in flight is then sent and recorded, within
// a timeout of a delivery.
func (l *deliveries) run(ctx context.Context) {
	var recording, sending sync.WaitGroup
	// What was sent is recorded also while this process stops.
	recordCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	for range recorders {
		recording.Go(func() { l.record(recordCtx) })
	}
	var at cursor
	failures := 0
	for ctx.Err() == nil {
		n, err := l.claim(ctx, &at, &sending)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			failures++
			l.logger.WarnContext(ctx, "deliveries cannot be claimed", "failures", failures, "error", err)
			pause(ctx, min(idleWait<<min(failures, 6), mostLoopWait))
		case n == 0:
			failures = 0
			for l.rest(ctx); ctx.Err() == nil && !l.any(ctx); {
				l.rest(ctx)
			}
		default:
			failures = 0
		}
	}
	sending.Wait()
	close(l.done)
	time.AfterFunc(mostLoopWait, stop)
	recording.Wait()
	stop()
}

// rest waits for the next look: less long when a slot has become free, for a
// destination may have used all of its own.
func (l *deliveries) rest(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(idleWait):
	case <-l.freed:
		pause(ctx, together)
	}
}

// any says whether a claim may find something: one question off an index, for the long
// times in which nothing happens. What it cannot learn the claim will.
func (l *deliveries) any(ctx context.Context) bool {
	some, err := l.system.Read().AnyFresh(ctx)
	return err != nil || some
}

func pause(ctx context.Context, wait time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(wait):
	}
}

// cursor goes round from destination to destination.
type cursor struct{ org, destination uuid.UUID }

// claim takes what there are slots for and begins to send it. n is 0 when nothing
// waits that could be sent now.
func (l *deliveries) claim(ctx context.Context, at *cursor, sending *sync.WaitGroup) (n int, err error) {
	p := gen.ClaimFreshParams{AfterOrg: at.org, AfterDestination: at.destination, EachLimit: slotsEach, LeaseSeconds: activities.DeliveryLease.Seconds()}
	l.mu.Lock()
	free := l.free
	for id, n := range l.busy {
		p.Busy, p.BusyCounts = append(p.Busy, id), append(p.BusyCounts, int32(n))
	}
	l.mu.Unlock()
	if free < min(claimAtOnce, slots)/4 {
		select { // something ends within a timeout
		case <-ctx.Done():
		case <-l.freed:
		}
		return 1, nil
	}
	p.RowLimit = int32(min(free, claimAtOnce))
	began := time.Now()
	// In one transaction: what cannot be loaded is not claimed.
	var claimed []activities.Claimed
	err = l.system.Tx(ctx, func(q *gen.Queries) error {
		claimed = nil
		rows, err := q.ClaimFresh(ctx, p)
		if err != nil || len(rows) == 0 {
			return err
		}
		claimed = make([]activities.Claimed, len(rows))
		for i, r := range rows {
			claimed[i] = activities.Claimed{
				Org: r.OrgID, Destination: r.DestinationID, Event: r.EventID, Lease: r.Lease, Step: int(r.Step), Attempts: int(r.Attempts), OrderKey: r.OrderKey, Due: true,
			}
		}
		return l.deliverer.Load(ctx, q, claimed)
	})
	if err != nil {
		return 0, err
	}
	wrapped := *at != cursor{}
	if len(claimed) < int(p.RowLimit) {
		*at = cursor{}
	} else {
		last := claimed[len(claimed)-1]
		*at = cursor{last.Org, last.Destination}
	}
	if len(claimed) == 0 {
		if wrapped {
			return 1, nil // from the beginning
		}
		return 0, nil
	}
	l.metrics.claimed(len(claimed), began)
	for _, chain := range activities.Chains(claimed) {
		l.take(chain[0].Destination, len(chain))
		// A chain holds as many slots as it has links, so that the bound is one of rows.
		sending.Go(func() {
			attempts, released := l.deliverer.SendChain(context.WithoutCancel(ctx), chain)
			out := ended{attempts: attempts, released: released}
			if len(attempts) > 0 && attempts[len(attempts)-1].Class != webhook.Accepted {
				out.holding = []holding{{chain[0].Destination, len(chain)}}
			} else {
				l.give(chain[0].Destination, len(chain))
			}
			l.done <- out
		})
	}
	return len(claimed), nil
}

func (l *deliveries) take(id uuid.UUID, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy[id] += n
	l.free -= n
}

func (l *deliveries) give(id uuid.UUID, n int) {
	l.mu.Lock()
	if l.busy[id] -= n; l.busy[id] <= 0 {
		delete(l.busy, id)
	}
	l.free += n
	l.mu.Unlock()
	l.wake()
}

func (l *deliveries) wake() {
	select {
	case l.freed <- struct{}{}:
	default:
	}
}

// record writes results in batches, until done is closed.
func (l *deliveries) record(ctx context.Context) {
	for {
		first, ok := <-l.done
		if !ok {
			return
		}
		batch := first
		timer := time.NewTimer(recordWithin)
	collect:
		for len(batch.attempts) < recordAtOnce {
			select {
			case next, ok := <-l.done:
				if !ok {
					break collect
				}
				batch.attempts, batch.released, batch.holding = append(batch.attempts, next.attempts...), append(batch.released, next.released...), append(batch.holding, next.holding...)
			case <-timer.C:
				break collect
			}
		}
		timer.Stop()
		l.write(ctx, batch)
		for _, h := range batch.holding {
			l.give(h.destination, h.slots)
		}
	}
}

// write goes on until the database has it: what was sent and is not recorded would be
// sent again.
func (l *deliveries) write(ctx context.Context, batch ended) {
	began := time.Now()
	recording := activities.Decide(batch.attempts)
	orgs, ids := recording.Failed()
	for failures := 0; ; failures++ {
		err := l.system.Tx(ctx, func(q *gen.Queries) error {
			if err := recording.Write(ctx, q, batch.released); err != nil {
				return err
			}
			if len(ids) == 0 {
				return nil
			}
			now, err := q.SystemTime(ctx)
			if err != nil {
				return err
			}
			ask := gen.AskManyParams{Kind: string(agenda.KindDestination), Lane: int16(agenda.LaneBackground)}
			for i := range ids {
				ask.OrgIds, ask.Subjects, ask.DueAts = append(ask.OrgIds, orgs[i]), append(ask.Subjects, ids[i].String()), append(ask.DueAts, now)
				ask.AccountIds, ask.Traces = append(ask.AccountIds, uuid.Nil), append(ask.Traces, "")
			}
			return q.AskMany(ctx, ask)
		})
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			l.logger.ErrorContext(ctx, "deliveries were sent and could not be recorded: they are sent again", "count", len(batch.attempts), "error", err)
			return
		}
		l.logger.WarnContext(ctx, "deliveries cannot be recorded", "failures", failures+1, "count", len(batch.attempts), "error", err)
		pause(ctx, min(100*time.Millisecond<<min(failures, 5), mostLoopWait))
	}
	l.metrics.recorded(batch.attempts, began)
	if slices.ContainsFunc(batch.attempts, func(a activities.Attempt) bool { return a.Claimed.Send.Ordering != "none" }) {
		l.wake() // what comes after it could not be claimed before
	}
}

// classes are the names of outcomes in metrics.
var classes = map[webhook.Class]string{
	webhook.Accepted: "accepted", webhook.Failed: "failed", webhook.Busy: "busy", webhook.Gone: "gone", webhook.Ours: "ours",
}
