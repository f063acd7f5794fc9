package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/cloudhub/cloudhub/activities"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/bench/measure"
	"github.com/cloudhub/cloudhub/internal/event"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
	"github.com/cloudhub/cloudhub/internal/webhook"
)

// What is measured, and what must hold or is aimed at.
const (
	hooksMany       = 200    // webhooks of one workspace, each with a receiver of its own
	hooksDeliveries = 20_000 // to them
	hooksAlone      = 5_000  // to one endpoint
	hooksEndpoints  = 10_000 // with one event each
	hooksDead       = 10_000 // wait for an endpoint that is dead
	hooksPerSecond  = 1_000
	deadWatched     = 30 * time.Second

	mostCommits     = 0.2 // of a delivery, at load
	mostTransitions = 0.1
)

// hooks is one workspace with webhooks. Each set of them has a type of event to itself.
type hooks struct {
	*site
	ready     receiversReady
	receivers *child
	sealer    *vault.Sealer
	org, ws   uuid.UUID
}

func deliveries(ctx context.Context, s *site, _ options, g *gates) (err error) {
	h := &hooks{site: s}
	if h.sealer, err = vault.LoadSealer(s.keys); err != nil {
		return err
	}
	if h.receivers, err = spawn(ctx, s.dir, "receivers", nil, os.Args[0], "receivers", fmt.Sprint(hooksMany)); err != nil {
		return err
	}
	defer h.receivers.stop()
	if err := json.Unmarshal([]byte(h.receivers.said), &h.ready); err != nil {
		return err
	}
	r := rows{sealer: h.sealer}
	h.org = r.organization()
	h.ws = r.workspace(h.org)
	if err := r.copy(ctx, s.super); err != nil {
		return err
	}
	if err := h.loads(ctx, g); err != nil {
		return err
	}
	return h.dead(ctx, g)
}

// loads measures those that are well.
func (h *hooks) loads(ctx context.Context, g *gates) error {
	if err := h.add(ctx, event.ResourceStopped, hooksMany, func(i int) string { return h.ready.At[i] + "/hooks" }); err != nil {
		return err
	}
	if err := h.add(ctx, event.ResourceStarted, 1, func(int) string { return h.ready.At[0] + "/alone" }); err != nil {
		return err
	}
	each := hooksDeliveries / hooksMany
	burst, err := h.measure(ctx, hooksDeliveries, func(ctx context.Context) error { return h.publish(ctx, event.ResourceStopped, each) })
	if err != nil {
		return err
	}
	burst.print(fmt.Sprintf("%d webhooks, %d events at once,", hooksMany, each))
	paced, err := h.measure(ctx, hooksDeliveries, func(ctx context.Context) error {
		tick := time.NewTicker(time.Second * hooksMany / hooksPerSecond)
		defer tick.Stop()
		for range each {
			if err := h.publish(ctx, event.ResourceStopped, 1); err != nil {
				return err
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-tick.C:
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	paced.print(fmt.Sprintf("%d webhooks, %d deliveries/s published,", hooksMany, hooksPerSecond))
	for _, o := range []struct {
		name string
		loadOutcome
	}{{"a burst of deliveries", burst}, {fmt.Sprintf("%d deliveries/s", hooksPerSecond), paced}} {
		g.most(o.name+": commits of a delivery", o.commits/float64(o.n), mostCommits)
		g.most(o.name+": state transitions of a delivery", o.transitions/float64(o.n), mostTransitions)
	}
	// Not gates: a busy machine changes them.
	fmt.Printf("a burst was sent at %.0f deliveries/s   aim on two quiet cores ≥ %d\n", burst.perSecond(), hooksPerSecond)
	fmt.Printf("published → received, p99 %.0f ms at %d deliveries/s   aim on two quiet cores < 1000 ms\n", 1000*measure.Quantile(paced.latency, .99).Seconds(), hooksPerSecond)

	alone, err := h.measure(ctx, hooksAlone, func(ctx context.Context) error { return h.publish(ctx, event.ResourceStarted, hooksAlone) })
	if err != nil {
		return err
	}
	alone.print(fmt.Sprintf("one endpoint, %d events at once,", hooksAlone))
	g.most("one endpoint: commits of a delivery", alone.commits/float64(alone.n), mostCommits)
	if err := h.add(ctx, event.ScheduleExecuted, hooksEndpoints, func(i int) string { return fmt.Sprintf("%s/endpoints/%d", h.ready.At[i%hooksMany], i) }); err != nil {
		return err
	}
	wide, err := h.measure(ctx, hooksEndpoints, func(ctx context.Context) error { return h.publish(ctx, event.ScheduleExecuted, 1) })
	if err != nil {
		return err
	}
	wide.print(fmt.Sprintf("%d endpoints, one event each,", hooksEndpoints))
	g.most(fmt.Sprintf("%d endpoints: commits of a delivery", hooksEndpoints), wide.commits/float64(wide.n), mostCommits)
	return nil
}

// add adds n webhooks that have subscribed to one type of event, past the limit that
// a person has.
func (h *hooks) add(ctx context.Context, name event.Name, n int, address func(i int) string) error {
	var destinations, secrets [][]any
	for i := range n {
		id, secret := uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
		plain, err := webhook.NewSecret(rand.NewChaCha8([32]byte{1}))
		if err != nil {
			return err
		}
		sealed, err := h.sealer.Seal(vault.NewSecret([]byte(plain)), vault.DestinationSecret(h.org.String(), h.ws.String(), secret.String(), "signing", vault.DestinationSecretSchema))
		if err != nil {
			return err
		}
		destinations = append(destinations, []any{h.org, h.ws, id, "webhook", fmt.Sprint(name, " ", i), webhook.Config{URL: address(i)}, []string{string(name)}})
		secrets = append(secrets, []any{h.org, h.ws, id, secret, "signing", vault.DestinationSecretSchema, sealed.KeyID, sealed.Ciphertext})
	}
	if _, err := h.super.CopyFrom(ctx, pgx.Identifier{"destinations"}, []string{"org_id", "workspace_id", "id", "channel", "name", "config", "events"}, pgx.CopyFromRows(destinations)); err != nil {
		return err
	}
	if _, err := h.super.CopyFrom(ctx, pgx.Identifier{"destination_secrets"}, []string{"org_id", "workspace_id", "destination_id", "id", "kind", "schema_version", "key_id", "ciphertext"}, pgx.CopyFromRows(secrets)); err != nil {
		return err
	}
	_, err := h.super.Exec(ctx, "ANALYZE destinations, destination_secrets")
	return err
}

// publish writes n events as the product does, in one transaction.
func (h *hooks) publish(ctx context.Context, name event.Name, n int) error {
	var p gen.InsertEventsParams
	t, _ := event.Lookup(name)
	for range n {
		p.OrgIds, p.Ids, p.WorkspaceIds = append(p.OrgIds, h.org), append(p.Ids, uuid.Must(uuid.NewV7())), append(p.WorkspaceIds, h.ws)
		p.Types, p.Datas, p.Subjects = append(p.Types, string(name)), append(p.Datas, t.Data), append(p.Subjects, "")
	}
	return gen.New(h.super).InsertEvents(ctx, p)
}

// loadOutcome is what n deliveries did and took.
type loadOutcome struct {
	n                         int
	took                      time.Duration   // from the first request to the last
	latency                   []time.Duration // published → received, sorted
	cpu                       map[string]float64
	commits, wal, transitions float64
	peakMB                    int
	repeated                  int
}

func (o loadOutcome) perSecond() float64 { return float64(o.n) / o.took.Seconds() }

func (o loadOutcome) print(name string) {
	measure.Report(name+" published → received", o.latency)
	per := 1000 / float64(o.n)
	fmt.Printf("%s %.0f deliveries/s; of 1000 deliveries: %.1f commits, %.0f kB of WAL, %.1f state transitions, CPU s: postgres %.2f temporal %.2f worker %.2f; worker's peak %d MB; %d received twice\n",
		name, o.perSecond(), per*o.commits, per*o.wal/1000, per*o.transitions, per*o.cpu["postgres"], per*o.cpu["temporal"], per*o.cpu["worker"], o.peakMB, o.repeated)
}

// measure lets a worker of its own send what publish publishes: n deliveries. What
// the worker does beside is counted too.
func (h *hooks) measure(ctx context.Context, n int, publish func(context.Context) error) (o loadOutcome, err error) {
	w, err := h.readyWorker(ctx)
	if err != nil {
		return o, err
	}
	defer w.stop()
	before, err := h.usage(ctx)
	if err != nil {
		return o, err
	}
	cpu := h.cost(w)
	if err := publish(ctx); err != nil {
		return o, err
	}
	if err := until(ctx, fmt.Sprintf("%d deliveries have arrived", n), func() (bool, error) {
		c, err := h.counts(ctx)
		return c.Got >= n, err
	}); err != nil {
		return o, err
	}
	if err := until(ctx, "all is recorded", func() (bool, error) {
		var waiting bool
		err := h.super.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM deliveries WHERE state = 'waiting')`).Scan(&waiting)
		return !waiting, err
	}); err != nil {
		return o, err
	}
	o.cpu = map[string]float64{}
	for part, seconds := range h.cost(w) {
		o.cpu[part] = seconds - cpu[part]
	}
	o.peakMB = measure.PeakMB(w.pid())
	w.stop() // a session tells what it has done when it ends
	after, err := h.usage(ctx)
	if err != nil {
		return o, err
	}
	o.commits, o.wal, o.transitions = after.commits-before.commits, after.wal-before.wal, after.transitions-before.transitions
	arrivals, err := h.arrivals(ctx)
	if err != nil {
		return o, err
	}
	o.n, o.repeated = n, len(arrivals)-n
	return o, h.latencies(ctx, arrivals, &o)
}

// readyWorker starts one and waits until it asks for work.
func (h *hooks) readyWorker(ctx context.Context) (*child, error) {
	private, err := freeAddress()
	if err != nil {
		return nil, err
	}
	env := append(h.workerEnv(), "CLOUDHUB_EGRESS_ALLOW=127.0.0.0/8,http,any-port", "CLOUDHUB_PRIVATE_HTTP="+private)
	w, err := spawn(ctx, h.dir, "deliveries-worker", env, h.binary, "worker")
	if err != nil {
		return nil, err
	}
	w.said = "http://" + private
	if err := answers(ctx, w.said+"/readyz"); err != nil {
		w.stop()
		return nil, err
	}
	return w, nil
}

// usage is what has been used so far; transitions are of the workflows of destinations.
type usage struct{ commits, wal, transitions float64 }

func (h *hooks) usage(ctx context.Context) (u usage, err error) {
	err = h.super.QueryRow(ctx, `SELECT xact_commit::float8, pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 FROM pg_stat_database WHERE datname = current_database()`).Scan(&u.commits, &u.wal)
	if err != nil {
		return u, err
	}
	runs, err := h.destinationRuns(ctx)
	for _, r := range runs {
		u.transitions += float64(r.transitions)
	}
	return u, err
}

// latencies reads when events were published.
func (h *hooks) latencies(ctx context.Context, arrivals []arrival, o *loadOutcome) error {
	found, err := h.super.Query(ctx, `SELECT id, created_at FROM events WHERE org_id = $1`, h.org)
	if err != nil {
		return err
	}
	published := map[uuid.UUID]time.Time{}
	var id uuid.UUID
	var at time.Time
	if _, err := pgx.ForEachRow(found, []any{&id, &at}, func() error { published[id] = at; return nil }); err != nil {
		return err
	}
	first, last := arrivals[0].at, arrivals[0].at
	for _, a := range arrivals {
		first, last = min(first, a.at), max(last, a.at)
		when, ok := published[a.event]
		if !ok {
			return errors.New("something else arrived")
		}
		o.latency = append(o.latency, time.Unix(0, a.at).Sub(when))
	}
	o.took = time.Duration(last - first)
	return nil
}

// dead lets events wait for an endpoint that refuses them all.
func (h *hooks) dead(ctx context.Context, g *gates) error {
	if err := h.add(ctx, event.ResourceFailed, 1, func(int) string { return h.ready.At[0] + deadPath }); err != nil {
		return err
	}
	w, err := h.readyWorker(ctx)
	if err != nil {
		return err
	}
	defer w.stop()
	runsBefore, err := h.destinationRuns(ctx)
	if err != nil {
		return err
	}
	if err := h.publish(ctx, event.ResourceFailed, hooksDead); err != nil {
		return err
	}
	if err := until(ctx, "its breaker opens", func() (open bool, err error) {
		err = h.super.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM destinations WHERE open)`).Scan(&open)
		return open, err
	}); err != nil {
		return err
	}
	atOpen, err := h.counts(ctx)
	if err != nil {
		return err
	}
	cpu := h.cost(w)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(deadWatched):
	}
	after, err := h.counts(ctx)
	if err != nil {
		return err
	}
	used := h.cost(w)
	runs, err := h.destinationRuns(ctx)
	if err != nil {
		return err
	}
	running, timers, transitions := 0, 0, int64(0)
	for _, r := range runs[len(runsBefore):] {
		transitions += r.transitions
		if r.running {
			running++
			timers += r.timers
		}
	}
	var waiting, cooling int
	if err := h.super.QueryRow(ctx, `SELECT (SELECT count(*) FROM deliveries WHERE state = 'waiting'), (SELECT count(*) FROM destinations WHERE open)`).Scan(&waiting, &cooling); err != nil {
		return err
	}
	if waiting != hooksDead || cooling != 1 {
		return fmt.Errorf("%d deliveries wait for %d dead endpoints", waiting, cooling)
	}
	fmt.Printf("a dead endpoint, %d deliveries wait: %d requests until it was left alone, %d in the %.0f s after that; %d state transitions; CPU s: postgres %.2f temporal %.2f worker %.2f\n",
		waiting, atOpen.Dead, after.Dead-atOpen.Dead, deadWatched.Seconds(), transitions, used["postgres"]-cpu["postgres"], used["temporal"]-cpu["temporal"], used["worker"]-cpu["worker"])
	// 5, 10 and 20 s, a fifth shorter at times, and what was on its way when it opened.
	const inFlight, probes = 16, 4
	if after.Dead == atOpen.Dead {
		return errors.New("a dead endpoint was never tried again")
	}
	g.most("a dead endpoint: requests until it is left alone", float64(atOpen.Dead), 2*inFlight)
	g.most(fmt.Sprintf("a dead endpoint: requests in the %.0f s after that", deadWatched.Seconds()), float64(after.Dead-atOpen.Dead), inFlight+probes)
	g.most("a dead endpoint: workflows", float64(running), 1)
	g.most("a dead endpoint: timers", float64(timers), 1)
	return nil
}

// destinationRun is one execution of a destination's workflow.
type destinationRun struct {
	id          string
	running     bool
	transitions int64
	timers      int // that have not fired
}

// destinationRuns are all there ever were, the oldest first.
func (h *hooks) destinationRuns(ctx context.Context) (out []destinationRun, err error) {
	var ids []string
	rows, err := h.super.Query(ctx, `SELECT id::text FROM destinations WHERE org_id = $1 AND failing_since IS NOT NULL ORDER BY id`, h.org)
	if err != nil {
		return nil, err
	}
	if ids, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil || len(ids) == 0 {
		return nil, err
	}
	c, err := client.DialContext(ctx, client.Options{HostPort: h.temporal.said, Namespace: activities.NamespaceOf(agenda.KindDestination), Logger: silent{}})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	for _, id := range ids {
		workflow := activities.WorkflowID(agenda.KindDestination, id)
		d, err := c.DescribeWorkflowExecution(ctx, workflow, "")
		if err != nil {
			if strings.Contains(err.Error(), "not found") {
				continue
			}
			return nil, err
		}
		info := d.GetWorkflowExecutionInfo()
		run := destinationRun{id: workflow, running: info.GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_RUNNING, transitions: info.GetStateTransitionCount()}
		events := c.GetWorkflowHistory(ctx, workflow, info.GetExecution().GetRunId(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			e, err := events.Next()
			if err != nil {
				return nil, err
			}
			switch e.GetEventType() {
			case enums.EVENT_TYPE_TIMER_STARTED:
				run.timers++
			case enums.EVENT_TYPE_TIMER_FIRED, enums.EVENT_TYPE_TIMER_CANCELED:
				run.timers--
			}
		}
		out = append(out, run)
	}
	return out, nil
}

// until waits for a condition.
func until(ctx context.Context, what string, ok func() (bool, error)) error {
	for deadline := time.Now().Add(5 * time.Minute); ; {
		done, err := ok()
		if err != nil || done {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not in time: %s", what)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}
