package activities

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/webhook"
)

// Destination sends to one destination what must be sent again: the activities of its
// workflow.
type Destination struct {
	tenants   *db.Tenants
	deliverer *Deliverer
}

// NewDestination makes the activities of the family destination.
func NewDestination(d Deps) *Destination {
	if d.Deliverer == nil {
		d.Deliverer = NewDeliverer(d)
	}
	return &Destination{d.Tenants, d.Deliverer}
}

const (
	// DeliveryLease is how long whoever has claimed a delivery may take to send and
	// record it: a timeout, and what may delay the record.
	DeliveryLease = webhook.Timeout + 25*time.Second
	// retriesAtOnce is how many are claimed and sent at once.
	retriesAtOnce = 16
	// recordFor is how long recording is tried, and recordAgain how often.
	recordFor   = DeliveryLease - webhook.Timeout
	recordAgain = time.Second / 4
	// driveFor bounds one activity; the workflow comes back at once when more is due.
	driveFor = 20 * time.Second
	// leastWait keeps a workflow from going round and round.
	leastWait = time.Second / 2
	// quietSlack is how long after its next attempt a workflow may be silent.
	quietSlack = 30 * time.Second
)

// DueResult says when the workflow has something to do next.
type DueResult struct {
	Ended bool `json:"ended"`
	// Wait is until the next attempt; 0: at once.
	Wait time.Duration `json:"wait"`
	// Backlog is how much waits for this destination, 20,000 at most.
	Backlog int64 `json:"backlog"`
}

// SendDue sends what is due, and answers when the next is. It ends the row of the
// agenda when nothing waits for a retry.
func (d *Destination) SendDue(ctx context.Context, in WorkInput) (DueResult, error) {
	stop := heartbeat(ctx)
	defer stop()
	asked, there, err := d.take(ctx, in)
	if err != nil || !there {
		return DueResult{Ended: true}, err
	}
	idle := false
	for until := time.Now().Add(driveFor); !idle && time.Now().Before(until); {
		n, err := d.round(ctx, in)
		if err != nil {
			return DueResult{}, err
		}
		idle = n == 0
	}
	out, err := d.next(ctx, in, asked)
	if idle && !out.Ended {
		// What is due and cannot be claimed is another's for the moment, or has used
		// up its pace.
		out.Wait = max(out.Wait, leastWait)
	}
	return out, err
}

func (d *Destination) take(ctx context.Context, in WorkInput) (asked int64, there bool, err error) {
	err = d.tenants.InTenant(ctx, in.Org, func(q *gen.Queries) error {
		there = false
		_, err := q.TakeDestination(ctx, gen.TakeDestinationParams{Lease: in.Lease, OrgID: in.Org, ID: in.Subject})
		if db.IsNoRows(err) {
			exists, err := q.DestinationExists(ctx, gen.DestinationExistsParams{OrgID: in.Org, ID: in.Subject})
			if err != nil || exists {
				return err // a newer run has it
			}
			return q.DeleteAgenda(ctx, agendaKey(in, agenda.KindDestination))
		}
		if err != nil {
			return err
		}
		asked, err = q.Asked(ctx, gen.AskedParams{OrgID: in.Org, Kind: string(agenda.KindDestination), Subject: in.Subject.String()})
		if db.IsNoRows(err) {
			return nil // ended already
		}
		there = err == nil
		if err != nil {
			return err
		}
		return takenUp(ctx, q, in, agenda.KindDestination)
	})
	return asked, there, err
}

// round claims, sends and records once, and answers how many were tried.
func (d *Destination) round(ctx context.Context, in WorkInput) (int, error) {
	var claimed []Claimed
	err := d.tenants.InTenant(ctx, in.Org, func(q *gen.Queries) error {
		rows, err := q.ClaimRetries(ctx, gen.ClaimRetriesParams{OrgID: in.Org, DestinationID: in.Subject, RowLimit: retriesAtOnce, LeaseSeconds: DeliveryLease.Seconds()})
		if err != nil {
			return err
		}
		claimed = nil
		for _, r := range rows {
			claimed = append(claimed, Claimed{
				Org: r.OrgID, Destination: r.DestinationID, Event: r.EventID, Lease: r.Lease, Step: int(r.Step), Attempts: int(r.Attempts), OrderKey: r.OrderKey, Due: r.Due,
			})
		}
		if err := d.deliverer.Load(ctx, q, claimed); err != nil {
			return err
		}
		for i, c := range claimed {
			claimed[i].Probe = c.Send != nil && c.Send.Open // its row is locked
		}
		return nil
	})
	if err != nil || len(claimed) == 0 {
		return 0, err
	}
	attempts, released := d.deliverer.SendAll(ctx, claimed)
	return len(attempts), d.record(context.WithoutCancel(ctx), in.Org, attempts, released)
}

// record goes on for as long as the leases last: what was sent and is not recorded is
// sent again.
func (d *Destination) record(ctx context.Context, org uuid.UUID, attempts []Attempt, released []Claimed) (err error) {
	recording := Decide(attempts)
	for until := time.Now().Add(recordFor); ; time.Sleep(recordAgain) {
		err = d.tenants.InTenant(ctx, org, func(q *gen.Queries) error { return recording.Write(ctx, q, released) })
		if err == nil || time.Now().After(until) {
			return err
		}
	}
}

// SendAll sends deliveries of one destination: at once, or one after the other where it
// keeps an order, in which one that fails holds back those behind it. Those are
// answered as not tried, and so are those that are gone.
func (d *Deliverer) SendAll(ctx context.Context, claimed []Claimed) (attempts []Attempt, released []Claimed) {
	var mu sync.Mutex
	var group errgroup.Group
	for _, chain := range Chains(claimed) {
		group.Go(func() error {
			made, left := d.SendChain(ctx, chain)
			mu.Lock()
			defer mu.Unlock()
			attempts, released = append(attempts, made...), append(released, left...)
			return nil
		})
	}
	_ = group.Wait()
	return attempts, released
}

// Chains splits claimed deliveries into those that may be sent at once; each chain is
// sent one after the other, in the order of events.
func Chains(claimed []Claimed) (chains [][]Claimed) {
	type key struct {
		destination uuid.UUID
		order       string
	}
	at := map[key]int{}
	for _, c := range claimed {
		ordering := "none"
		if c.Send != nil {
			ordering = c.Send.Ordering
		}
		k := key{c.Destination, c.OrderKey}
		if ordering == "strict" {
			k.order = ""
		}
		i, have := at[k]
		if ordering == "none" || ordering == "resource" && c.OrderKey == "" || !have {
			if ordering != "none" {
				at[k] = len(chains)
			}
			chains = append(chains, []Claimed{c})
			continue
		}
		chains[i] = append(chains[i], c)
	}
	return chains
}

// SendChain sends one after the other until one fails or the lease may not last for
// another.
func (d *Deliverer) SendChain(ctx context.Context, chain []Claimed) (attempts []Attempt, released []Claimed) {
	began := time.Now()
	for i, c := range chain {
		if c.Send == nil {
			released = append(released, c)
			continue
		}
		if i > 0 && (ctx.Err() != nil || time.Since(began) > DeliveryLease-d.within-5*time.Second) {
			return attempts, append(released, chain[i:]...)
		}
		a := d.Send(ctx, c)
		attempts = append(attempts, a)
		if a.Class != webhook.Accepted {
			return attempts, append(released, chain[i+1:]...)
		}
	}
	return attempts, released
}

// next ends the row of the agenda, or keeps the dispatcher from asking after it until
// its next attempt.
func (d *Destination) next(ctx context.Context, in WorkInput, asked int64) (DueResult, error) {
	var out DueResult
	err := d.tenants.InTenant(ctx, in.Org, func(q *gen.Queries) error {
		row, err := q.NextOfDestination(ctx, gen.NextOfDestinationParams{OrgID: in.Org, ID: in.Subject})
		if db.IsNoRows(err) {
			out = DueResult{Ended: true}
			return q.DeleteAgenda(ctx, agendaKey(in, agenda.KindDestination))
		}
		if err != nil {
			return err
		}
		out = DueResult{Backlog: int64(row.Backlog)}
		if row.Nothing {
			n, err := q.EndAgenda(ctx, gen.EndAgendaParams{OrgID: in.Org, Kind: string(agenda.KindDestination), Subject: in.Subject.String(), Asked: asked})
			out.Ended = n > 0
			return err
		}
		out.Wait = time.Duration(row.WaitSeconds * float64(time.Second))
		return q.PushLook(ctx, gen.PushLookParams{
			WaitSeconds: (out.Wait + quietSlack).Seconds(), Moved: true, Watching: true, OrgID: in.Org, Kind: string(agenda.KindDestination), Subject: in.Subject.String(),
		})
	})
	return out, err
}
