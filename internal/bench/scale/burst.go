package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"go.temporal.io/sdk/client"

	"github.com/cloudhub/cloudhub/activities"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/bench/measure"
)

// outcome is what one burst did.
type outcome struct {
	n                 int
	claimed, recorded []time.Duration
	cpu               map[string]float64 // seconds
	transitions       float64            // of one operation's workflows
}

func (o outcome) perOperation() float64 {
	sum := 0.0
	for _, c := range o.cpu {
		sum += c
	}
	return 1000 * sum / float64(o.n)
}

func (o outcome) print(name string) {
	measure.Report(fmt.Sprintf("%-40s due → claimed  ", name), o.claimed)
	measure.Report(fmt.Sprintf("%-40s due → recorded ", name), o.recorded)
	fmt.Printf("%-40s %.1f ms of CPU an operation:", name, o.perOperation())
	for _, part := range []string{"postgres", "temporal", "worker", "cloud"} {
		fmt.Printf(" %s %.1f", part, 1000*o.cpu[part]/float64(o.n))
	}
	fmt.Printf("; %.1f state transitions\n", o.transitions)
}

// burst lets the timetables of many workspaces fall on one minute, driven by the
// agenda, and then those of others started by Temporal's schedules.
func burst(ctx context.Context, s *site, o options, g *gates) error {
	ours, err := s.byAgenda(ctx, s.estate.small[:o.workspaces])
	if err != nil {
		return fmt.Errorf("agenda: %w", err)
	}
	ours.print(fmt.Sprintf("agenda, %d workspaces,", ours.n))
	theirs, err := s.bySchedules(ctx, s.estate.small[o.workspaces:])
	if err != nil {
		return fmt.Errorf("schedules: %w", err)
	}
	theirs.print(fmt.Sprintf("a Temporal Schedule each, %d workspaces,", theirs.n))
	g.most("state transitions of an operation", ours.transitions, 20)
	g.most("CPU of an operation against one Temporal Schedule a workspace", ours.perOperation()/theirs.perOperation(), 0.75)
	return nil
}

// untilDue is time enough for everything to stand ready.
const untilDue = 10 * time.Second

func (s *site) byAgenda(ctx context.Context, all []small) (outcome, error) {
	var due time.Time
	if err := s.super.QueryRow(ctx, `SELECT now() + make_interval(secs => $1)`, untilDue.Seconds()).Scan(&due); err != nil {
		return outcome{}, err
	}
	if err := setDue(ctx, s.super, ids(all), due); err != nil {
		return outcome{}, err
	}
	if err := setClocks(ctx, s.super, ids(all)); err != nil {
		return outcome{}, err
	}
	w, err := spawn(ctx, s.dir, "worker", s.workerEnv(), s.binary, "worker")
	if err != nil {
		return outcome{}, err
	}
	defer w.stop()
	return s.observe(ctx, w, all, due, func(operation uuid.UUID) string { return activities.WorkflowID(agenda.KindPower, operation.String()) })
}

func ids(all []small) []uuid.UUID {
	out := make([]uuid.UUID, len(all))
	for i, w := range all {
		out[i] = w.schedule
	}
	return out
}

// observe waits until everything is recorded. The CPU counted begins when the
// minute comes: what it takes to stand ready is not the operation's.
func (s *site) observe(ctx context.Context, w *child, all []small, due time.Time, workflowID func(operation uuid.UUID) string) (outcome, error) {
	select {
	case <-ctx.Done():
		return outcome{}, ctx.Err()
	case <-time.After(time.Until(due)):
	}
	before := s.cost(w)
	out := outcome{n: len(all)}
	for deadline := due.Add(9 * time.Minute); ; {
		var done, failed int
		err := s.super.QueryRow(ctx, `SELECT count(*) FILTER (WHERE o.state = 'succeeded'), count(*) FILTER (WHERE o.ended_at IS NOT NULL AND o.state <> 'succeeded')
			FROM operations o JOIN operation_schedules x ON x.org_id = o.org_id AND x.operation_id = o.id WHERE x.schedule_id = ANY($1)`, ids(all)).Scan(&done, &failed)
		if err != nil {
			return out, err
		}
		if failed > 0 {
			return out, fmt.Errorf("%d operations did not succeed", failed)
		}
		if done == len(all) {
			break
		}
		if time.Now().After(deadline) {
			return out, fmt.Errorf("only %d of %d operations were recorded in time", done, len(all))
		}
		select {
		case <-ctx.Done():
			return out, ctx.Err()
		case <-time.After(time.Second):
		}
	}
	after := s.cost(w)
	out.cpu = map[string]float64{}
	for part, seconds := range after {
		out.cpu[part] = seconds - before[part]
	}
	rows, err := s.super.Query(ctx, `SELECT o.id, extract(epoch FROM o.created_at - $2)::float8 AS claimed, extract(epoch FROM o.ended_at - $2)::float8 AS recorded
		FROM operations o JOIN operation_schedules x ON x.org_id = o.org_id AND x.operation_id = o.id WHERE x.schedule_id = ANY($1) ORDER BY o.id`, ids(all), due)
	if err != nil {
		return out, err
	}
	type row struct {
		ID                uuid.UUID
		Claimed, Recorded float64
	}
	got, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	if err != nil {
		return out, err
	}
	for _, r := range got {
		out.claimed = append(out.claimed, time.Duration(r.Claimed*float64(time.Second)))
		out.recorded = append(out.recorded, time.Duration(r.Recorded*float64(time.Second)))
	}
	out.transitions, err = s.transitions(ctx, func(i int) string { return workflowID(got[i*len(got)/sampled].ID) })
	return out, err
}

// sampled is of how many operations Temporal is asked.
const sampled = 40

func (s *site) transitions(ctx context.Context, workflowID func(i int) string) (float64, error) {
	c, err := client.DialContext(ctx, client.Options{HostPort: s.temporal.said, Namespace: activities.Namespace, Logger: silent{}})
	if err != nil {
		return 0, err
	}
	defer c.Close()
	var sum int64
	for i := range sampled {
		d, err := c.DescribeWorkflowExecution(ctx, workflowID(i), "")
		if err != nil {
			return 0, err
		}
		n := d.GetWorkflowExecutionInfo().GetStateTransitionCount()
		if n == 0 {
			return 0, errors.New("no state transition was counted")
		}
		sum += n
	}
	return float64(sum) / sampled, nil
}

// silent is a logger for a client that is only asked.
type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}
