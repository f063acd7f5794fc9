package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/cloudhub/cloudhub/activities"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/bench/measure"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
)

const (
	fewIdle          = 1_000 // what the many are compared with
	idleInWorkspace  = 5
	idleInOrg        = 500
	dueWorkspaces    = 100
	idleWatched      = 5 * time.Second
	bytesOfASchedule = 1_000 // with its target and its part of the clock
)

// idle measures what schedules cost that have nothing to do: no workflow, little
// room, and no more work for the dispatcher.
func idle(ctx context.Context, s *site, o options, g *gates) error {
	sealer, err := vault.LoadSealer(s.keys)
	if err != nil {
		return err
	}
	system, err := db.Connect(ctx, db.Options{URL: s.urls.System, MaxConns: 2, AppName: "bench"})
	if err != nil {
		return err
	}
	defer system.Close()
	// What is due when the reads of a claim are compared.
	due, err := s.addIdle(ctx, rows{sealer: sealer, numbers: 2 * fleetNumber}, dueWorkspaces*idleInWorkspace, -time.Minute, 0)
	if err != nil {
		return err
	}
	var at []cost
	var before relations
	have := 0
	for i, n := range []int{fewIdle, o.idle / 10, o.idle} {
		if _, err := s.addIdle(ctx, rows{sealer: sealer, numbers: (3 + i) * fleetNumber}, n-have, time.Hour, time.Minute); err != nil {
			return err
		}
		have = n
		c, err := s.costOf(ctx, system)
		if err != nil {
			return err
		}
		at = append(at, c)
		fmt.Printf("%6d idle schedules: a claim of %d workspaces reads %.0f pages in %.1f ms, a look at nothing due %.0f pages in %.2f ms\n",
			n, dueWorkspaces, c.claim, c.claimTook.Seconds()*1000, c.look, c.lookTook.Seconds()*1000)
		if i == 0 {
			if before, err = s.sizes(ctx); err != nil {
				return err
			}
		}
	}
	// With few there are tables that PostgreSQL reads whole, in fewer pages than it
	// takes through their indexes: so pages are compared with ten times fewer.
	g.most(fmt.Sprintf("pages of a claim, %d idle schedules against %d", o.idle, o.idle/10), at[2].claim/at[1].claim, 1.5)
	g.most(fmt.Sprintf("time of a claim, %d idle schedules against %d", o.idle, fewIdle), at[2].claimTook.Seconds()/at[0].claimTook.Seconds(), 1.5)
	g.most(fmt.Sprintf("pages of a look at nothing due, %d idle schedules against %d", o.idle, fewIdle), at[2].look/at[0].look, 1.5)
	after, err := s.sizes(ctx)
	if err != nil {
		return err
	}
	total, clock := 0.0, 0.0
	for _, relation := range after {
		bytes := float64(relation.bytes-before.of(relation.name)) / float64(o.idle-fewIdle)
		total += bytes
		if strings.HasPrefix(relation.name, "agenda") {
			clock += bytes
		}
		fmt.Printf("an idle schedule's part of %-32s %6.0f bytes\n", relation.name, bytes)
	}
	g.most(fmt.Sprintf("bytes of an idle schedule (%d in a workspace)", idleInWorkspace), total, bytesOfASchedule)
	fmt.Printf("bytes of an idle schedule that is alone in its workspace %21.0f\n", total+(idleInWorkspace-1)*clock)
	return s.nothingRuns(ctx, due, g)
}

// addIdle adds schedules with one machine each whose next time is some while from
// now, with their clocks.
func (s *site) addIdle(ctx context.Context, r rows, n int, from, span time.Duration) (schedules []uuid.UUID, err error) {
	var org, workspace uuid.UUID
	var machines []machine
	for i := range n {
		if i%idleInOrg == 0 {
			org = r.organization()
		}
		if i%idleInWorkspace == 0 {
			workspace = r.workspace(org)
			if _, machines, err = r.account(org, workspace, idleInWorkspace); err != nil {
				return nil, err
			}
		}
		id := uuid.Must(uuid.NewV7())
		r.schedule(scheduleRow{org, workspace, id, []uuid.UUID{machines[i%idleInWorkspace].resource}})
		schedules = append(schedules, id)
	}
	// At once with their times, over the minutes of a day: rows that are changed leave
	// dead ones behind, which would count as theirs, and equal times share their place
	// in an index.
	for i := range r.schedules {
		r.schedules[i][nextColumn] = time.Now().Truncate(time.Minute).Add(from).Add(time.Duration(i/idleInWorkspace%1440) * span)
	}
	if err := r.copy(ctx, s.super); err != nil {
		return nil, err
	}
	return schedules, setClocks(ctx, s.super, schedules)
}

// cost is what a round of the dispatcher costs the database: pages that it reads and
// how long it takes, with some workspaces due and with none.
type cost struct {
	claim, look         float64
	claimTook, lookTook time.Duration
}

// costRounds is how often a round is repeated; the median counts.
const costRounds = 31

func (s *site) costOf(ctx context.Context, system *pgxpool.Pool) (c cost, err error) {
	if _, err := s.super.Exec(ctx, `VACUUM ANALYZE schedules, schedule_targets, agenda, resources`); err != nil {
		return c, err
	}
	if c.claim, c.claimTook, err = roundCost(ctx, system, dueWorkspaces); err != nil {
		return c, err
	}
	c.look, c.lookTook, err = roundCost(ctx, system, 0)
	return c, err
}

func roundCost(ctx context.Context, system *pgxpool.Pool, workspaces int) (pages float64, took time.Duration, err error) {
	var all []time.Duration
	for range costRounds {
		d := time.Duration(0)
		if pages, d, err = oneRound(ctx, system, workspaces); err != nil {
			return 0, 0, err
		}
		all = append(all, d)
	}
	slices.Sort(all)
	return pages, measure.Quantile(all, .5), nil
}

// oneRound asks what the dispatcher asks in one round when so many workspaces are
// due, and takes it back.
func oneRound(ctx context.Context, system *pgxpool.Pool, workspaces int) (pages float64, took time.Duration, err error) {
	tx, err := system.Begin(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, tx.Rollback(context.WithoutCancel(ctx))) }()
	before, err := pagesSoFar(ctx, tx) // the transaction before may stand in it still
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	if err := ask(ctx, gen.New(tx), workspaces); err != nil {
		return 0, 0, err
	}
	took = time.Since(began)
	after, err := pagesSoFar(ctx, tx)
	return after - before, took, err
}

func pagesSoFar(ctx context.Context, tx pgx.Tx) (n float64, err error) {
	err = tx.QueryRow(ctx, `SELECT coalesce(sum(pg_stat_get_xact_blocks_fetched(oid)), 0)::float8 FROM pg_class
		WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i', 'p', 't')`).Scan(&n)
	return n, err
}

func ask(ctx context.Context, q *gen.Queries, workspaces int) error {
	kind := agenda.KindTimetable
	if workspaces == 0 {
		kind = "nothing of the kind" // off the same index
	}
	clocks, err := q.LockDueClocks(ctx, gen.LockDueClocksParams{Kind: string(kind), Lane: int16(agenda.LaneMinute), RowLimit: 500})
	if err != nil {
		return err
	}
	if len(clocks) != workspaces {
		return fmt.Errorf("%d clocks are due and not %d", len(clocks), workspaces)
	}
	if _, err := q.CountArriving(ctx, gen.CountArrivingParams{Lane: int16(agenda.LaneMinute), LeaseSeconds: agenda.LeaseFor.Seconds()}); err != nil {
		return err
	}
	if _, err := q.WaitingWork(ctx, gen.WaitingWorkParams{
		Lane: int16(agenda.LaneMinute), Kinds: []string{string(agenda.KindPower)}, OrgLimit: 64, EachLimit: 16,
		OrgShare: int32(agenda.OrgShare(agenda.LaneMinute)), AccountShare: agenda.AccountShare,
	}); err != nil || workspaces == 0 {
		return err
	}
	return askOfDue(ctx, q, clocks)
}

// askOfDue is what the dispatcher asks of the due workspaces.
func askOfDue(ctx context.Context, q *gen.Queries, clocks []gen.Agenda) error {
	now, err := q.SystemTime(ctx)
	if err != nil {
		return err
	}
	var orgs, workspaces, of, ids []uuid.UUID
	for _, c := range clocks {
		orgs, workspaces = append(orgs, c.OrgID), append(workspaces, uuid.MustParse(c.Subject))
	}
	due, err := q.DueSchedules(ctx, gen.DueSchedulesParams{OrgIds: orgs, WorkspaceIds: workspaces, At: &now})
	if err != nil {
		return err
	}
	for _, d := range due {
		of, ids = append(of, d.OrgID), append(ids, d.ID)
	}
	targets, err := q.TargetsOfSchedules(ctx, gen.TargetsOfSchedulesParams{OrgIds: of, Ids: ids})
	if err != nil {
		return err
	}
	nexts, err := q.NextOfWorkspaces(ctx, gen.NextOfWorkspacesParams{OrgIds: orgs, WorkspaceIds: workspaces})
	if err != nil {
		return err
	}
	if want := len(clocks) * idleInWorkspace; len(due) != want || len(targets) != want || len(nexts) != len(clocks) {
		return fmt.Errorf("%d schedules with %d machines in %d workspaces are due", len(due), len(targets), len(nexts))
	}
	return nil
}

// relation is a table with its indexes, or one index.
type relation struct {
	name  string
	bytes int64
}

type relations []relation

func (r relations) of(name string) int64 {
	for _, x := range r {
		if x.name == name {
			return x.bytes
		}
	}
	return 0
}

// sizes are the tables that schedules stand in, and the indexes of each.
func (s *site) sizes(ctx context.Context) (relations, error) {
	found, err := s.super.Query(ctx, `SELECT c.relname::text, pg_relation_size(c.oid) + CASE c.relkind WHEN 'r' THEN pg_table_size(c.oid) - pg_relation_size(c.oid) ELSE 0 END
		FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
		WHERE c.relkind IN ('r', 'i') AND coalesce(i.indrelid, c.oid) IN ('schedules'::regclass, 'schedule_targets'::regclass, 'agenda'::regclass) ORDER BY 2 DESC, 1`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(found, func(row pgx.CollectableRow) (r relation, err error) {
		err = row.Scan(&r.name, &r.bytes)
		return r, err
	})
}

// nothingRuns lets a worker stand beside the idle schedules for a while: no
// workflow is started for any of them.
func (s *site) nothingRuns(ctx context.Context, due []uuid.UUID, g *gates) error {
	if _, err := s.super.Exec(ctx, `DELETE FROM agenda WHERE kind = $2 AND subject IN (SELECT workspace_id::text FROM schedules WHERE id = ANY($1))`, due, agenda.KindTimetable); err != nil {
		return err
	}
	before, err := s.executions(ctx)
	if err != nil {
		return err
	}
	w, err := spawn(ctx, s.dir, "idle-worker", s.workerEnv(), s.binary, "worker")
	if err != nil {
		return err
	}
	defer w.stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(idleWatched):
	}
	var rounds int64
	if err := s.super.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity WHERE usename = 'cloudhub_system'`).Scan(&rounds); err != nil {
		return err
	}
	if rounds == 0 {
		return errors.New("no dispatcher was there")
	}
	after, err := s.executions(ctx)
	if err != nil {
		return err
	}
	g.most("Temporal executions for idle schedules", float64(after-before), 0)
	return nil
}

func (s *site) executions(ctx context.Context) (n int64, err error) {
	for _, namespace := range []string{activities.Namespace, activities.NamespaceBackground} {
		c, err := client.DialContext(ctx, client.Options{HostPort: s.temporal.said, Namespace: namespace, Logger: silent{}})
		if err != nil {
			return 0, err
		}
		got, err := c.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Namespace: namespace})
		c.Close()
		if err != nil {
			return 0, err
		}
		n += got.GetCount()
	}
	return n, nil
}
