package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
	"github.com/cloudhub/cloudhub/internal/schedule"
)

// rows collects tenants, to be written in a few copies, and the simulated cloud
// that belongs to them.
type rows struct {
	sealer                           *vault.Sealer
	cloud                            sim.Estate
	numbers                          int // of the first account: two collections must not share any
	orgs, workspaces                 [][]any
	accounts, credentials, resources [][]any
	schedules, targets               [][]any
}

// machine is one instance, as the provider and as the inventory know it.
type machine struct {
	id       string
	resource uuid.UUID
}

func (r *rows) organization() uuid.UUID {
	id := uuid.Must(uuid.NewV7())
	r.orgs = append(r.orgs, []any{id, fmt.Sprintf("Organization %d", len(r.orgs)), "pro"})
	return id
}

func (r *rows) workspace(org uuid.UUID) uuid.UUID {
	id := uuid.Must(uuid.NewV7())
	r.workspaces = append(r.workspaces, []any{org, id, "Bench", "America/Sao_Paulo"})
	return id
}

// account adds an account with n running machines.
func (r *rows) account(org, workspace uuid.UUID, n int) (id uuid.UUID, machines []machine, err error) {
	id = uuid.Must(uuid.NewV7())
	i := r.numbers + len(r.accounts)
	number := fmt.Sprintf("%012d", 100_000_000_000+i)
	key := cloud.Credential{AccessKeyID: fmt.Sprintf("AKIABENCH%011d", i), SecretAccessKey: fmt.Sprintf("bench-secret-%027d", i)}
	account := sim.Account{ID: number, Regions: []string{region}, Keys: []sim.Key{{AccessKeyID: key.AccessKeyID, Secret: key.SecretAccessKey}}}
	for j := range n {
		m := machine{fmt.Sprintf("i-%010x%07x", i+1, j), uuid.Must(uuid.NewV7())}
		machines = append(machines, m)
		account.Instances = append(account.Instances, sim.Instance{ID: m.id, Name: "bench", Region: region})
		r.resources = append(r.resources, []any{org, workspace, m.resource, id, cloud.KindEC2Instance, m.id, "bench", region, region + "a", "t3.micro", "running", time.Now()})
	}
	r.cloud.Accounts = append(r.cloud.Accounts, account)
	raw, err := json.Marshal(key)
	if err != nil {
		return id, nil, err
	}
	sealed, err := r.sealer.Seal(vault.NewSecret(raw), vault.CloudCredential(org.String(), workspace.String(), id.String(), vault.CloudCredentialSchema))
	r.accounts = append(r.accounts, []any{org, workspace, id, "aws", "Bench", number, region, false, true})
	r.credentials = append(r.credentials, []any{org, workspace, id, "aws.access_key", vault.CloudCredentialSchema, sealed.KeyID, sealed.Ciphertext, "0000"})
	return id, machines, err
}

// scheduleRow is a timetable that stops its machines at a minute to be set.
type scheduleRow struct {
	org, workspace, id uuid.UUID
	resources          []uuid.UUID
}

// nextColumn is where a schedule's row has its next time.
const nextColumn = 5

// benchRule is everybody's.
var benchRule = schedule.Rule{Start: schedule.Minutes(7 * 60), Stop: schedule.Minutes(19 * 60), Weekdays: []time.Weekday{1, 2, 3, 4, 5}, Zone: "America/Sao_Paulo"}

// schedule is the one place that knows what a timetable's rows look like.
func (r *rows) schedule(s scheduleRow) {
	r.schedules = append(r.schedules, []any{s.org, s.workspace, s.id, "Bench", benchRule, nil, "stopped", schedule.ZoneData(), uuid.Nil, "Bench"})
	for _, resource := range s.resources {
		r.targets = append(r.targets, []any{s.org, s.workspace, s.id, resource})
	}
}

// copy writes what was collected, as a superuser, who passes every policy.
func (r *rows) copy(ctx context.Context, super *pgxpool.Pool) error {
	for _, t := range []struct {
		table   string
		columns []string
		rows    [][]any
	}{
		{"organizations", []string{"id", "name", "plan"}, r.orgs},
		{"workspaces", []string{"org_id", "id", "name", "time_zone"}, r.workspaces},
		{"cloud_accounts", []string{"org_id", "workspace_id", "id", "provider", "name", "external_id", "home_region", "observe_only", "simulated"}, r.accounts},
		{"credentials", []string{"org_id", "workspace_id", "cloud_account_id", "kind", "schema_version", "key_id", "ciphertext", "hint"}, r.credentials},
		{"resources", []string{"org_id", "workspace_id", "id", "cloud_account_id", "kind", "provider_id", "name", "region", "zone", "type", "state", "seen_at"}, r.resources},
		{"schedules", []string{"org_id", "workspace_id", "id", "name", "rule", "next_at", "next_wanted", "tzdata", "created_by", "created_by_name"}, r.schedules},
		{"schedule_targets", []string{"org_id", "workspace_id", "schedule_id", "resource_id"}, r.targets},
	} {
		if _, err := super.CopyFrom(ctx, pgx.Identifier{t.table}, t.columns, pgx.CopyFromRows(t.rows)); err != nil {
			return fmt.Errorf("%s: %w", t.table, err)
		}
	}
	return nil
}

// setClocks gives the workspaces of schedules their clocks, at the earliest of
// their schedules' times.
func setClocks(ctx context.Context, super *pgxpool.Pool, schedules []uuid.UUID) error {
	_, err := super.Exec(ctx, `INSERT INTO agenda (org_id, kind, subject, lane, due_at, look_at)
		SELECT org_id, $2, workspace_id::text, $3, min(next_at), min(next_at) FROM schedules WHERE id = ANY($1) GROUP BY org_id, workspace_id`,
		schedules, agenda.KindTimetable, agenda.LaneMinute)
	return err
}

// setDue sets when schedules come next.
func setDue(ctx context.Context, super *pgxpool.Pool, schedules []uuid.UUID, due time.Time) error {
	_, err := super.Exec(ctx, `UPDATE schedules SET next_at = $2 WHERE id = ANY($1)`, schedules, due)
	return err
}
