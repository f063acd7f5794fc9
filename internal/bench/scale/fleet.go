package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudhub/cloudhub/activities"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/bench/measure"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
)

const (
	fleetWorkspaces = 100
	fleetAccounts   = 5  // of each workspace
	fleetOrgs       = 20 // of the fleet that is spread
	// fleetNumber is the first account's; those of the small workspaces come before.
	fleetNumber = 1_000_000
)

// fleet is workspaces with some accounts each, and one schedule each that stops
// all their machines.
type fleet struct {
	name      string
	accounts  int
	schedules []uuid.UUID
}

// fleets measures two of the same size: one of many organizations, and one of a
// single organization, whose share of what is in flight it must do with.
func fleets(ctx context.Context, s *site, o options, g *gates) error {
	sealer, err := vault.LoadSealer(s.keys)
	if err != nil {
		return err
	}
	// Stopping takes a while: who had to wait until others are seen to have stopped
	// would be that late. Calls are throttled as AWS throttles them.
	r := rows{sealer: sealer, numbers: fleetNumber, cloud: sim.Estate{Behaviour: sim.Behaviour{
		Stop: sim.Span{Min: sim.Duration(8 * time.Second), Max: sim.Duration(12 * time.Second)}, Throttle: 1,
	}}}
	spread, err := r.fleet("fleet of 20 organizations,", fleetOrgs, o.targets)
	if err != nil {
		return err
	}
	single, err := r.fleet("fleet of one organization,", 1, o.targets)
	if err != nil {
		return err
	}
	if err := r.copy(ctx, s.super); err != nil {
		return err
	}
	if _, err := s.super.Exec(ctx, `ANALYZE`); err != nil {
		return err
	}
	if err := s.startSim(ctx, r.cloud); err != nil {
		return err
	}
	var accepted [2]time.Duration
	for i, f := range []fleet{spread, single} {
		out, err := s.stopFleet(ctx, f)
		if err != nil {
			return fmt.Errorf("%s %w", f.name, err)
		}
		out.print(f)
		g.most(f.name+" provider calls that act, against the floor", float64(out.acts)/float64(f.accounts), 1.05)
		g.most(f.name+" state transitions of an operation", out.transitions, 30)
		accepted[i] = measure.Quantile(out.accepted, .99)
		// Not a gate: a busy machine changes it.
		fmt.Printf("%s due → accepted, p99 %.1f s   aim on two quiet cores ≤ 15 s\n", f.name, accepted[i].Seconds())
	}
	g.most("due → accepted of one organization against many (p99)", accepted[1].Seconds()/accepted[0].Seconds(), 2)
	return nil
}

func (r *rows) fleet(name string, orgs, targets int) (fleet, error) {
	f := fleet{name: name, accounts: fleetWorkspaces * fleetAccounts}
	var org uuid.UUID
	for i := range fleetWorkspaces {
		if i%(fleetWorkspaces/orgs) == 0 {
			org = r.organization()
		}
		s := scheduleRow{org: org, workspace: r.workspace(org), id: uuid.Must(uuid.NewV7())}
		for range fleetAccounts {
			_, machines, err := r.account(s.org, s.workspace, targets/f.accounts)
			if err != nil {
				return f, err
			}
			for _, m := range machines {
				s.resources = append(s.resources, m.resource)
			}
		}
		r.schedule(s)
		f.schedules = append(f.schedules, s.id)
	}
	return f, nil
}

// fleetOutcome is what one fleet's minute did.
type fleetOutcome struct {
	targets                 int
	claimed, accepted, seen []time.Duration // after the minute; of targets, claimed of operations
	acts, describes, others int             // the provider's calls
	transitions             float64
	peakMB                  int
	cpu                     map[string]float64 // seconds
}

func (o fleetOutcome) print(f fleet) {
	measure.Report(fmt.Sprintf("%s %d targets, due → claimed  ", f.name, o.targets), o.claimed)
	measure.Report(fmt.Sprintf("%s %d targets, due → accepted ", f.name, o.targets), o.accepted)
	measure.Report(fmt.Sprintf("%s %d targets, due → seen     ", f.name, o.targets), o.seen)
	fmt.Printf("%s provider calls: %d act (floor %d), %d describe, %d others; %.1f state transitions an operation; worker's peak %d MB; CPU s: postgres %.1f temporal %.1f worker %.1f cloud %.1f\n",
		f.name, o.acts, f.accounts, o.describes, o.others, o.transitions, o.peakMB, o.cpu["postgres"], o.cpu["temporal"], o.cpu["worker"], o.cpu["cloud"])
}

func (s *site) stopFleet(ctx context.Context, f fleet) (out fleetOutcome, err error) {
	var due time.Time
	if err := s.super.QueryRow(ctx, `SELECT now() + make_interval(secs => $1)`, untilDue.Seconds()).Scan(&due); err != nil {
		return out, err
	}
	if err := setDue(ctx, s.super, f.schedules, due); err != nil {
		return out, err
	}
	if err := setClocks(ctx, s.super, f.schedules); err != nil {
		return out, err
	}
	before, err := s.calls(ctx)
	if err != nil {
		return out, err
	}
	w, err := spawn(ctx, s.dir, "fleet-worker", s.workerEnv(), s.binary, "worker")
	if err != nil {
		return out, err
	}
	defer w.stop()
	select {
	case <-ctx.Done():
		return out, ctx.Err()
	case <-time.After(time.Until(due)):
	}
	cost := s.cost(w)
	if err := s.untilStopped(ctx, f); err != nil {
		return out, err
	}
	out.cpu = map[string]float64{}
	for part, seconds := range s.cost(w) {
		out.cpu[part] = seconds - cost[part]
	}
	out.peakMB = measure.PeakMB(w.pid())
	after, err := s.calls(ctx)
	if err != nil {
		return out, err
	}
	out.acts, out.describes = after["StopInstances"]-before["StopInstances"], after["DescribeInstances"]-before["DescribeInstances"]
	out.others = after[allCalls] - before[allCalls] - out.acts - out.describes
	return out, s.readFleet(ctx, f, due, &out)
}

// untilStopped waits until every operation of the fleet has ended well.
func (s *site) untilStopped(ctx context.Context, f fleet) error {
	for deadline := time.Now().Add(9 * time.Minute); ; {
		var done, failed int
		err := s.super.QueryRow(ctx, `SELECT count(DISTINCT o.id) FILTER (WHERE o.state = 'succeeded'), count(*) FILTER (WHERE o.ended_at IS NOT NULL AND o.state <> 'succeeded')
			FROM operations o JOIN operation_schedules x ON x.org_id = o.org_id AND x.operation_id = o.id WHERE x.schedule_id = ANY($1)`, f.schedules).Scan(&done, &failed)
		switch {
		case err != nil:
			return err
		case failed > 0:
			return fmt.Errorf("%d operations did not succeed", failed)
		case done == fleetWorkspaces:
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("only %d of %d operations were recorded in time", done, fleetWorkspaces)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// readFleet reads from the rows when what became of whom.
func (s *site) readFleet(ctx context.Context, f fleet, due time.Time, out *fleetOutcome) error {
	found, err := s.super.Query(ctx, `SELECT o.id, extract(epoch FROM o.created_at - $2)::float8, extract(epoch FROM t.accepted_at - $2)::float8, extract(epoch FROM t.ended_at - $2)::float8
		FROM operations o JOIN operation_schedules x ON x.org_id = o.org_id AND x.operation_id = o.id
		JOIN operation_targets t ON t.org_id = o.org_id AND t.operation_id = o.id WHERE x.schedule_id = ANY($1) AND t.state = 'done' ORDER BY o.id`, f.schedules, due)
	if err != nil {
		return err
	}
	type row struct {
		ID                      uuid.UUID
		Claimed, Accepted, Seen float64
	}
	got, err := pgx.CollectRows(found, pgx.RowToStructByPos[row])
	if err != nil {
		return err
	}
	seconds := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
	var operations []uuid.UUID
	for i, r := range got {
		if i == 0 || got[i-1].ID != r.ID {
			operations = append(operations, r.ID)
			out.claimed = append(out.claimed, seconds(r.Claimed))
		}
		out.accepted = append(out.accepted, seconds(r.Accepted))
		out.seen = append(out.seen, seconds(r.Seen))
	}
	if out.targets = len(got); out.targets == 0 {
		return fmt.Errorf("no machine was stopped")
	}
	out.transitions, err = s.transitions(ctx, func(i int) string {
		return activities.WorkflowID(agenda.KindPower, operations[i*len(operations)/sampled].String())
	})
	return err
}

// allCalls is the key of their sum.
const allCalls = ""

// calls counts the provider's calls so far by their names; what was refused counts
// too.
func (s *site) calls(ctx context.Context) (map[string]int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.sim.said+"/_sim/calls", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var list struct {
		Calls []sim.Call `json:"calls"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		return nil, err
	}
	out := map[string]int{}
	for _, c := range list.Calls {
		if !c.DryRun {
			out[c.Action]++
		}
		out[allCalls]++
	}
	return out, nil
}
