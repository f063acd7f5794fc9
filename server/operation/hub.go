package operation

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
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
	mu      sync.Mutex
	pollers map[workspaceKey]*poller
}

func newHub(tenants *db.Tenants, logger *slog.Logger) *hub {
	return &hub{tenants: tenants, logger: logger, pollers: map[workspaceKey]*poller{}}
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
		p.stop()
		if h.pollers[key] == p {
			delete(h.pollers, key)
		}
	}
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
	p.stop()
	if h.pollers[p.key] == p {
		delete(h.pollers, p.key)
	}
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
}

// failuresBeforeEnd is how many polls in a row may fail before the streams end.
const failuresBeforeEnd = 10

func (p *poller) run(ctx context.Context) {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	failures, primed := 0, false
	for {
		update, now, err := p.poll(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			failures++
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
			} else if update != nil {
				p.hub.publish(p, update)
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
// it. The first poll only learns what is there already.
func (p *poller) poll(ctx context.Context) (*v1.WatchWorkspaceResponse, time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var now time.Time
	var out *v1.WatchWorkspaceResponse
	err := p.hub.tenants.InTenant(ctx, p.key.org, func(q *gen.Queries) (err error) {
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
		return nil, now, err
	}
	if out == nil {
		return nil, now, nil
	}
	out.Time = timestamppb.New(now)
	return out, now, nil
}

func (p *poller) changes(ctx context.Context, q *gen.Queries, since time.Time) (*v1.WatchWorkspaceResponse, error) {
	org, ws := p.key.org, p.key.workspace
	out := &v1.WatchWorkspaceResponse{}
	any := false
	resources, err := q.ResourcesChangedSince(ctx, gen.ResourcesChangedSinceParams{OrgID: org, WorkspaceID: ws, Since: since, RowLimit: rowLimit})
	if err != nil {
		return nil, err
	}
	for _, r := range resources {
		if p.fresh("r"+r.Resource.ID.String(), r.Resource.Version, r.Resource.ChangedAt) {
			out.Resources, any = append(out.Resources, inventory.FromRow(r.Resource, r.Simulated, r.ObserveOnly)), true
		}
	}
	accounts, err := q.AccountsChangedSince(ctx, gen.AccountsChangedSinceParams{OrgID: org, WorkspaceID: ws, Since: since, RowLimit: rowLimit})
	if err != nil {
		return nil, err
	}
	for _, a := range accounts {
		if p.fresh("a"+a.CloudAccount.ID.String(), a.CloudAccount.Version, a.CloudAccount.ChangedAt) {
			out.CloudAccounts, any = append(out.CloudAccounts, cloudaccount.ToProto(a.CloudAccount, a.Hint)), true
		}
	}
	schedules, err := q.SchedulesChangedSince(ctx, gen.SchedulesChangedSinceParams{OrgID: org, WorkspaceID: ws, Since: since, RowLimit: rowLimit})
	if err != nil {
		return nil, err
	}
	for _, s := range schedules {
		if p.fresh("s"+s.ID.String(), s.Version, s.ChangedAt) {
			out.ScheduleIds, any = append(out.ScheduleIds, s.ID.String()), true
		}
	}
	more, err := p.operations(ctx, q, since, out)
	if err != nil || !any && !more {
		return nil, err
	}
	return out, nil
}

func (p *poller) operations(ctx context.Context, q *gen.Queries, since time.Time, out *v1.WatchWorkspaceResponse) (any bool, err error) {
	org, ws := p.key.org, p.key.workspace
	ops, err := q.OperationsChangedSince(ctx, gen.OperationsChangedSinceParams{OrgID: org, WorkspaceID: ws, Since: since, RowLimit: rowLimit})
	if err != nil {
		return false, err
	}
	var fresh []gen.Operation
	for _, o := range ops {
		if p.fresh("o"+o.ID.String(), o.Version, o.ChangedAt) {
			fresh = append(fresh, o)
		}
	}
	if len(fresh) > 0 {
		schedules, err := q.ListOperationSchedules(ctx, gen.ListOperationSchedulesParams{OrgID: org, OperationIds: idsOf(fresh)})
		if err != nil {
			return false, err
		}
		for _, s := range schedules { // its history has grown or changed
			out.ScheduleIds = append(out.ScheduleIds, s.ScheduleID.String())
		}
		for _, o := range fresh {
			out.Operations = append(out.Operations, ToProto(o, schedules, nil))
		}
	}
	targets, err := q.TargetsChangedSince(ctx, gen.TargetsChangedSinceParams{OrgID: org, WorkspaceID: ws, Since: since, RowLimit: rowLimit})
	if err != nil {
		return false, err
	}
	for _, t := range targets {
		if p.fresh("t"+t.OperationID.String()+t.ResourceID.String(), t.Version, t.ChangedAt) {
			out.Targets = append(out.Targets, targetToProto(t))
		}
	}
	return len(fresh) > 0 || len(out.Targets) > 0, nil
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
