package operation

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/server/cloudaccount"
	"github.com/cloudhub/cloudhub/server/inventory"
)

const (
	pollEvery = 500 * time.Millisecond
	// overlap is how far back each poll looks again: a row's moment is taken
	// when it is written and seen when its transaction commits, and ours are
	// shorter than this. What was sent already is not sent twice.
	overlap  = 10 * time.Second
	rowLimit = 1000
	// queueLength is how many updates a slow client may be behind before its
	// stream ends; it reads the lists again when it comes back.
	queueLength = 64
)

type workspaceKey struct{ org, workspace uuid.UUID }

// hub has one poller for each workspace that somebody watches, however many
// watch it.
type hub struct {
	tenants *db.Tenants
	logger  *slog.Logger
	metrics *metrics
	mu      sync.Mutex
	pollers map[workspaceKey]*poller
}

func newHub(tenants *db.Tenants, logger *slog.Logger, m *metrics) *hub {
	return &hub{tenants: tenants, logger: logger, metrics: m, pollers: map[workspaceKey]*poller{}}
}

// subscriber receives updates until it is dropped: its channel is closed when
// it was too slow or the poller failed.
type subscriber struct {
	updates chan *v1.WatchWorkspaceResponse
}

// subscribe starts watching; ready is closed once the poller's first look has
// set where it begins, so that nothing after it can be missed.
func (h *hub) subscribe(key workspaceKey) (s *subscriber, ready <-chan struct{}, cancel func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.pollers[key]
	if p == nil {
		ctx, stop := context.WithCancel(context.Background())
		p = &poller{key: key, hub: h, stop: stop, subscribers: map[*subscriber]bool{}, ready: make(chan struct{}), sent: map[string]sentRow{}}
		h.pollers[key] = p
		h.metrics.pollers.Set(float64(len(h.pollers)))
		go p.run(ctx)
	}
	s = &subscriber{updates: make(chan *v1.WatchWorkspaceResponse, queueLength)}
	p.subscribers[s] = true
	return s, p.ready, func() { h.unsubscribe(key, p, s) }
}

func (h *hub) unsubscribe(key workspaceKey, p *poller, s *subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(p.subscribers, s)
	if len(p.subscribers) == 0 {
		h.end(key, p)
	}
}

// end stops a poller that nobody needs any more; the caller holds the lock.
func (h *hub) end(key workspaceKey, p *poller) {
	p.stop()
	if h.pollers[key] == p {
		delete(h.pollers, key)
	}
	h.metrics.pollers.Set(float64(len(h.pollers)))
}

// publish gives an update to all subscribers; one that is behind is dropped.
func (h *hub) publish(p *poller, update *v1.WatchWorkspaceResponse) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range p.subscribers {
		select {
		case s.updates <- update:
		default:
			delete(p.subscribers, s)
			close(s.updates)
			h.metrics.dropped.Inc()
		}
	}
}

// fail ends all subscribers: they come back and read the lists again.
func (h *hub) fail(p *poller) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range p.subscribers {
		delete(p.subscribers, s)
		close(s.updates)
	}
	h.end(p.key, p)
}

type sentRow struct {
	version int64
	at      time.Time
}

type poller struct {
	key         workspaceKey
	hub         *hub
	stop        context.CancelFunc
	subscribers map[*subscriber]bool
	ready       chan struct{}
	since       time.Time
	sent        map[string]sentRow
	// there are the accounts of the last look; nil before the first.
	there map[uuid.UUID]bool
}

// failuresBeforeEnd is how many polls in a row may fail before the streams end.
const failuresBeforeEnd = 10

func (p *poller) run(ctx context.Context) {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	failures, primed := 0, false
	for {
		updates, now, err := p.poll(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			failures++
			p.hub.metrics.pollErrors.Inc()
			p.hub.logger.WarnContext(ctx, "workspace poll failed", "org_id", p.key.org, "workspace_id", p.key.workspace, "error", err)
			if failures >= failuresBeforeEnd {
				p.hub.fail(p)
				return
			}
		default:
			failures = 0
			p.since = now.Add(-overlap)
			p.forget()
			if !primed {
				primed = true
				close(p.ready)
				break
			}
			for _, u := range updates {
				p.hub.publish(p, u)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// poll reads what changed since the last look, and the database's time before
// it. The first poll only learns what is there already. What a poll that fails
// had read is read again.
func (p *poller) poll(ctx context.Context) ([]*v1.WatchWorkspaceResponse, time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var now time.Time
	var out []*v1.WatchWorkspaceResponse
	known, there := p.sent, p.there
	err := p.hub.tenants.InTenant(ctx, p.key.org, func(q *gen.Queries) (err error) {
		p.sent, p.there = maps.Clone(known), there
		if now, err = q.DatabaseTime(ctx); err != nil {
			return err
		}
		since := p.since
		if since.IsZero() {
			since = now.Add(-overlap)
		}
		out, err = p.changes(ctx, q, since)
		return err
	})
	if err != nil {
		p.sent, p.there = known, there
		return nil, now, err
	}
	for _, u := range out {
		u.Time = timestamppb.New(now)
	}
	return out, now, nil
}

// changes reads all that was written since a moment, whatever its number: a first
// reading of an account writes thousands of rows at once, and what is passed over
// now is not looked at again.
func (p *poller) changes(ctx context.Context, q *gen.Queries, since time.Time) ([]*v1.WatchWorkspaceResponse, error) {
	var out []*v1.WatchWorkspaceResponse
	gone := &v1.WatchWorkspaceResponse{}
	if err := p.removals(ctx, q, gone); err != nil {
		return nil, err
	}
	if !empty(gone) {
		out = append(out, gone)
	}
	for _, read := range []func(context.Context, *gen.Queries, time.Time, int64, *v1.WatchWorkspaceResponse) (int, int64, error){
		p.accounts, p.resources, p.schedules, p.operations, p.targets,
	} {
		for after, more := int64(0), true; more; {
			part := &v1.WatchWorkspaceResponse{}
			n, last, err := read(ctx, q, since, after, part)
			if err != nil {
				return nil, err
			}
			if !empty(part) {
				out = append(out, part)
			}
			after, more = last, n == rowLimit
		}
	}
	return merged(out), nil
}

func empty(u *v1.WatchWorkspaceResponse) bool {
	return sizeOf(u) == 0
}

func sizeOf(u *v1.WatchWorkspaceResponse) int {
	return len(u.Resources) + len(u.Operations) + len(u.Targets) + len(u.CloudAccounts) + len(u.ScheduleIds) + len(u.RemovedCloudAccountIds)
}

// merged makes one update of the small ones, and leaves the large ones alone.
func merged(parts []*v1.WatchWorkspaceResponse) []*v1.WatchWorkspaceResponse {
	var out []*v1.WatchWorkspaceResponse
	size := 0
	for _, u := range parts {
		n := sizeOf(u)
		if len(out) == 0 || size+n > rowLimit {
			out, size = append(out, u), n
			continue
		}
		proto.Merge(out[len(out)-1], u)
		size += n
	}
	return out
}

func (p *poller) resources(ctx context.Context, q *gen.Queries, since time.Time, after int64, out *v1.WatchWorkspaceResponse) (n int, last int64, err error) {
	rows, err := q.ResourcesChangedSince(ctx, gen.ResourcesChangedSinceParams{OrgID: p.key.org, WorkspaceID: p.key.workspace, Since: since, AfterVersion: after, RowLimit: rowLimit})
	for _, r := range rows {
		last = r.Resource.Version
		if p.fresh("r"+r.Resource.ID.String(), last, r.Resource.ChangedAt) {
			out.Resources = append(out.Resources, inventory.FromRow(r.Resource, r.Simulated, r.ObserveOnly))
		}
	}
	return len(rows), last, err
}

func (p *poller) accounts(ctx context.Context, q *gen.Queries, since time.Time, after int64, out *v1.WatchWorkspaceResponse) (n int, last int64, err error) {
	rows, err := q.AccountsChangedSince(ctx, gen.AccountsChangedSinceParams{OrgID: p.key.org, WorkspaceID: p.key.workspace, Since: since, AfterVersion: after, RowLimit: rowLimit})
	for _, a := range rows {
		last = a.CloudAccount.Version
		if p.fresh("a"+a.CloudAccount.ID.String(), last, a.CloudAccount.ChangedAt) {
			out.CloudAccounts = append(out.CloudAccounts, cloudaccount.ToProto(a.CloudAccount, cloudaccount.Credential{Kind: a.Kind, Hint: a.Hint, RoleARN: a.RoleArn}))
		}
	}
	return len(rows), last, err
}

func (p *poller) schedules(ctx context.Context, q *gen.Queries, since time.Time, after int64, out *v1.WatchWorkspaceResponse) (n int, last int64, err error) {
	rows, err := q.SchedulesChangedSince(ctx, gen.SchedulesChangedSinceParams{OrgID: p.key.org, WorkspaceID: p.key.workspace, Since: since, AfterVersion: after, RowLimit: rowLimit})
	for _, s := range rows {
		last = s.Version
		if p.fresh("s"+s.ID.String(), last, s.ChangedAt) {
			out.ScheduleIds = append(out.ScheduleIds, s.ID.String())
		}
	}
	return len(rows), last, err
}

// removals compares the accounts with those of the last look: a row that is
// gone has no moment to be found by.
func (p *poller) removals(ctx context.Context, q *gen.Queries, out *v1.WatchWorkspaceResponse) error {
	ids, err := q.ListAccountIDs(ctx, gen.ListAccountIDsParams{OrgID: p.key.org, WorkspaceID: p.key.workspace})
	if err != nil {
		return err
	}
	now := make(map[uuid.UUID]bool, len(ids))
	for _, id := range ids {
		now[id] = true
	}
	for id := range p.there {
		if !now[id] {
			out.RemovedCloudAccountIds = append(out.RemovedCloudAccountIds, id.String())
		}
	}
	p.there = now
	return nil
}

func (p *poller) operations(ctx context.Context, q *gen.Queries, since time.Time, after int64, out *v1.WatchWorkspaceResponse) (n int, last int64, err error) {
	rows, err := q.OperationsChangedSince(ctx, gen.OperationsChangedSinceParams{OrgID: p.key.org, WorkspaceID: p.key.workspace, Since: since, AfterVersion: after, RowLimit: rowLimit})
	if err != nil {
		return 0, 0, err
	}
	var fresh []gen.Operation
	for _, o := range rows {
		last = o.Version
		if p.fresh("o"+o.ID.String(), last, o.ChangedAt) {
			fresh = append(fresh, o)
		}
	}
	if len(fresh) == 0 {
		return len(rows), last, nil
	}
	schedules, err := q.ListOperationSchedules(ctx, gen.ListOperationSchedulesParams{OrgID: p.key.org, OperationIds: idsOf(fresh)})
	for _, s := range schedules { // its history has grown or changed
		out.ScheduleIds = append(out.ScheduleIds, s.ScheduleID.String())
	}
	for _, o := range fresh {
		out.Operations = append(out.Operations, ToProto(o, schedules, nil))
	}
	return len(rows), last, err
}

func (p *poller) targets(ctx context.Context, q *gen.Queries, since time.Time, after int64, out *v1.WatchWorkspaceResponse) (n int, last int64, err error) {
	rows, err := q.TargetsChangedSince(ctx, gen.TargetsChangedSinceParams{OrgID: p.key.org, WorkspaceID: p.key.workspace, Since: since, AfterVersion: after, RowLimit: rowLimit})
	for _, t := range rows {
		last = t.Version
		if p.fresh("t"+t.OperationID.String()+t.ResourceID.String(), last, t.ChangedAt) {
			out.Targets = append(out.Targets, targetToProto(t))
		}
	}
	return len(rows), last, err
}

// fresh says whether this version was not sent yet.
func (p *poller) fresh(key string, version int64, at time.Time) bool {
	if have, ok := p.sent[key]; ok && have.version >= version {
		return false
	}
	p.sent[key] = sentRow{version, at}
	return true
}

// forget drops what no later poll can read again.
func (p *poller) forget() {
	for k, row := range p.sent {
		if row.at.Before(p.since.Add(-time.Second)) {
			delete(p.sent, k)
		}
	}
}
