package worker

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
)

const (
	// roundLimit is how many rows one round delivers, and orgRoundLimit how many of
	// one organization: as many as are started at once, so that who asks while one
	// organization floods the agenda waits for one such handful only.
	roundLimit    = 4 * startsAtOnce
	orgRoundLimit = startsAtOnce
	// lanePatience is how long a worker that is frozen while it leases may keep the
	// others of its lane from leasing.
	lanePatience = 5 * time.Second
)

// deliverFresh leases and starts what was never delivered, as far as the lane's
// cap and the shares of organizations and accounts allow. more says that there may
// be more at once.
func (d *Dispatcher) deliverFresh(ctx context.Context, lane agenda.Lane, from *uuid.UUID) (more bool, err error) {
	rows, more, err := d.leaseFresh(ctx, lane, from)
	if err != nil || len(rows) == 0 {
		return more, err
	}
	d.metrics.leasedFresh(lane, rows)
	began := time.Now()
	defer d.metrics.held(lane, len(rows), began)
	return more, d.startAll(ctx, rows)
}

// leaseFresh counts what the lane has in flight and leases what fits beside it, of
// the organizations that come next after *from, and moves *from behind them.
func (d *Dispatcher) leaseFresh(ctx context.Context, lane agenda.Lane, from *uuid.UUID) (rows []gen.Agenda, more bool, err error) {
	began := *from
	// The transaction repeats on a deadlock, too: SKIP LOCKED does not keep
	// PostgreSQL from waiting while it follows a row's newer version.
	err = d.system.Tx(ctx, func(q *gen.Queries) error {
		rows, more, *from = nil, false, began
		if err := q.LockLane(ctx, gen.LockLaneParams{PatienceMs: int32(lanePatience.Milliseconds()), Lane: int32(lane)}); err != nil {
			return err
		}
		arriving, err := q.CountArriving(ctx, gen.CountArrivingParams{Lane: int16(lane), LeaseSeconds: agenda.LeaseFor.Seconds()})
		if err != nil {
			return err
		}
		d.metrics.inFlight.WithLabelValues(laneName(lane)).Set(float64(arriving))
		free := min(agenda.ArrivingCap(lane)-int(arriving), roundLimit)
		if free <= 0 {
			return nil
		}
		waiting, err := q.WaitingWork(ctx, gen.WaitingWorkParams{
			Lane: int16(lane), Kinds: workKinds(), FromOrg: began, OrgLimit: int32(free), EachLimit: orgRoundLimit,
			OrgShare: int32(agenda.OrgShare(lane)), AccountShare: agenda.AccountShare,
		})
		if err != nil {
			return err
		}
		next, wanted := nextRows(waiting, free)
		*from = next
		if len(wanted.Subjects) > 0 {
			wanted.LeaseSeconds = agenda.LeaseFor.Seconds()
			if rows, err = q.LeaseWork(ctx, wanted); err != nil {
				return err
			}
			inOrder(rows, wanted)
		}
		more = len(rows) > 0 || next == uuid.Nil && began != uuid.Nil
		return nil
	})
	return rows, more, err
}

// nextRows is what to lease of what waits, limit rows at most, and where the next
// look begins: behind the last organization that was reached or, when fewer than
// limit of them had anything to deliver, at the first again.
func nextRows(waiting []gen.WaitingWorkRow, limit int) (next uuid.UUID, wanted gen.LeaseWorkParams) {
	orgs := map[uuid.UUID]bool{}
	var last uuid.UUID
	for _, w := range waiting {
		if bytes.Compare(w.OrgID[:], last[:]) > 0 {
			last = w.OrgID
		}
		if w.Kind == "" {
			continue
		}
		orgs[w.OrgID] = true
		if len(wanted.Subjects) < limit {
			wanted.OrgIds, wanted.Kinds, wanted.Subjects = append(wanted.OrgIds, w.OrgID), append(wanted.Kinds, w.Kind), append(wanted.Subjects, w.Subject)
		}
	}
	if len(orgs) < limit {
		return uuid.Nil, wanted
	}
	return after(last), wanted
}

// after is the next id in PostgreSQL's order, which is that of the bytes.
func after(id uuid.UUID) uuid.UUID {
	for i := len(id) - 1; i >= 0; i-- {
		id[i]++
		if id[i] != 0 {
			break
		}
	}
	return id
}

// inOrder puts rows into the order in which they were wanted.
func inOrder(rows []gen.Agenda, wanted gen.LeaseWorkParams) {
	type key struct {
		org           uuid.UUID
		kind, subject string
	}
	place := make(map[key]int, len(wanted.Subjects))
	for i := range wanted.Subjects {
		place[key{wanted.OrgIds[i], wanted.Kinds[i], wanted.Subjects[i]}] = i
	}
	slices.SortFunc(rows, func(a, b gen.Agenda) int {
		return cmp.Compare(place[key{a.OrgID, a.Kind, a.Subject}], place[key{b.OrgID, b.Kind, b.Subject}])
	})
}
