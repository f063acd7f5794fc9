package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudhub/cloudhub/internal/schedule"
)

// historyDays is how far back the demonstration's schedules have run.
const historyDays = 10

// writeHistory writes the runs that the demonstration's schedules would have
// had, so that a newcomer sees a lived-in workspace. It writes as the owner:
// no part of the product can make a run that did not happen.
func (d *dev) writeHistory(ctx context.Context, org string) error {
	conn, err := pgx.Connect(ctx, d.urls.Owner)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	rows, err := tx.Query(ctx, "SELECT id, workspace_id, name, rule FROM schedules WHERE org_id = $1 ORDER BY id", org)
	if err != nil {
		return err
	}
	type past struct {
		id, workspace uuid.UUID
		name          string
		rule          json.RawMessage
	}
	list, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (p past, err error) {
		err = r.Scan(&p.id, &p.workspace, &p.name, &p.rule)
		return p, err
	})
	if err != nil {
		return err
	}
	for n, p := range list {
		var rule schedule.Rule
		if err := json.Unmarshal(p.rule, &rule); err != nil {
			return err
		}
		runs, err := pastRuns(rule, time.Now())
		if err != nil {
			return err
		}
		for i, run := range runs {
			// One run in a dozen had a machine that did not follow.
			if err := writeRun(ctx, tx, org, p.workspace, p.id, p.name, run, (n+i)%12 == 11); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, "UPDATE schedules SET created_at = now() - make_interval(days => $2) WHERE id = $1", p.id, historyDays+30+7*n); err != nil {
			return err
		}
	}
	return tx.Commit(ctx)
}

func pastRuns(rule schedule.Rule, now time.Time) ([]schedule.Run, error) {
	from := now.AddDate(0, 0, -historyDays)
	all, err := rule.Upcoming(from, 2*historyDays+2, nil)
	if err != nil {
		return nil, err
	}
	var out []schedule.Run
	for _, r := range all {
		if r.At.Before(now.Add(-time.Hour)) {
			out = append(out, r)
		}
	}
	return out, nil
}

// writeRun writes one ended operation of one schedule. Two schedules of the
// same minute are one operation in the product; here the second is left out.
func writeRun(ctx context.Context, tx pgx.Tx, org string, workspace, id uuid.UUID, name string, run schedule.Run, oneFailed bool) error {
	op, err := uuid.NewV7()
	if err != nil {
		return err
	}
	other := "stopped"
	if run.Wanted == schedule.Stopped {
		other = "running"
	}
	tag, err := tx.Exec(ctx, `
		INSERT INTO operations (org_id, workspace_id, id, origin, state, step, due_at, act_before, attempts, target_count, done_count, failed_count,
		  on_count, off_count, created_at, started_at, ended_at)
		SELECT $1, $2, $3, 'timetable', CASE WHEN $6 THEN 'partial' ELSE 'succeeded' END, 'done', $4, $4::timestamptz + interval '10 minutes', 1, n, n,
		  CASE WHEN $6 THEN 1 ELSE 0 END, CASE WHEN $5 = 'running' THEN n ELSE 0 END, CASE WHEN $5 = 'stopped' THEN n ELSE 0 END,
		  $4, $4::timestamptz + interval '300 milliseconds', $4::timestamptz + interval '48 seconds'
		FROM (SELECT count(*)::int AS n FROM schedule_targets WHERE org_id = $1 AND schedule_id = $7) AS c
		ON CONFLICT DO NOTHING`, org, workspace, op, run.At, string(run.Wanted), oneFailed, id)
	if err != nil || tag.RowsAffected() == 0 {
		return err
	}
	if _, err := tx.Exec(ctx, `
		INSERT INTO operation_schedules (org_id, workspace_id, operation_id, schedule_id, revision, name, wanted, due_at)
		VALUES ($1, $2, $3, $4, 1, $5, $6, $7)`, org, workspace, op, id, name, string(run.Wanted), run.At); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO operation_targets (org_id, workspace_id, operation_id, resource_id, resource_name, provider_id, cloud_account_id, region, schedule_id,
		  wanted, state, reason, before_state, after_state, attempts, accepted_at, ended_at, asked_at)
		SELECT r.org_id, r.workspace_id, $3, r.id, r.name, r.provider_id, r.cloud_account_id, r.region, $4, $5,
		  CASE WHEN bad THEN 'failed' ELSE 'done' END, CASE WHEN bad THEN 'NOT_SEEN' END, $6, CASE WHEN bad THEN $6 ELSE $5 END, 1,
		  $7::timestamptz + interval '900 milliseconds', $7::timestamptz + make_interval(secs => 20 + 3 * (n % 9)), $7
		FROM (SELECT r.*, row_number() OVER (ORDER BY r.id) AS n, $8 AND row_number() OVER (ORDER BY r.id) = 1 AS bad
		      FROM schedule_targets t JOIN resources r ON r.org_id = t.org_id AND r.id = t.resource_id
		      WHERE t.org_id = $1 AND t.schedule_id = $4 AND r.workspace_id = $2) AS r`,
		org, workspace, op, id, string(run.Wanted), other, run.At, oneFailed)
	return err
}
