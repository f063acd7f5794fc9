package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
	"github.com/cloudhub/cloudhub/internal/schedule"
)

const region = "sa-east-1"

// estate is who there is.
type estate struct {
	cloud sim.Estate
	// small workspaces have one account with one running machine each, and a
	// schedule that stops it.
	small []small
}

type small struct {
	org, workspace, account, resource, schedule uuid.UUID
	machine                                     string
}

const workspacesPerOrg = 50

// seed writes tenants as a superuser, who passes every policy.
func (s *site) seed(ctx context.Context, o options) (estate, error) {
	sealer, err := vault.LoadSealer(s.keys)
	if err != nil {
		return estate{}, err
	}
	e := estate{}
	var orgs, workspaces, accounts, credentials, resources, schedules, targets [][]any
	rule, err := json.Marshal(schedule.Rule{Start: schedule.Minutes(7 * 60), Stop: schedule.Minutes(19 * 60), Weekdays: []time.Weekday{1, 2, 3, 4, 5}, Zone: "America/Sao_Paulo"})
	if err != nil {
		return e, err
	}
	var org uuid.UUID
	for i := range o.workspaces + o.scheduled {
		if i%workspacesPerOrg == 0 {
			org = uuid.Must(uuid.NewV7())
			orgs = append(orgs, []any{org, fmt.Sprintf("Organization %d", i/workspacesPerOrg), "pro"})
		}
		number, machine := fmt.Sprintf("%012d", 100_000_000_000+i), fmt.Sprintf("i-%017x", i+1)
		w := small{org, uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7()), machine}
		e.small = append(e.small, w)
		key := cloud.Credential{AccessKeyID: fmt.Sprintf("AKIABENCH%011d", i), SecretAccessKey: fmt.Sprintf("bench-secret-%027d", i)}
		e.cloud.Accounts = append(e.cloud.Accounts, sim.Account{
			ID: number, Regions: []string{region}, Keys: []sim.Key{{AccessKeyID: key.AccessKeyID, Secret: key.SecretAccessKey}},
			Instances: []sim.Instance{{ID: machine, Name: "bench", Region: region}},
		})
		raw, err := json.Marshal(key)
		if err != nil {
			return e, err
		}
		sealed, err := sealer.Seal(vault.NewSecret(raw), vault.CloudCredential(w.org.String(), w.workspace.String(), w.account.String(), vault.CloudCredentialSchema))
		if err != nil {
			return e, err
		}
		workspaces = append(workspaces, []any{w.org, w.workspace, "Bench", "America/Sao_Paulo"})
		accounts = append(accounts, []any{w.org, w.workspace, w.account, "aws", "Bench", number, region, false, true})
		credentials = append(credentials, []any{w.org, w.workspace, w.account, "aws.access_key", vault.CloudCredentialSchema, sealed.KeyID, sealed.Ciphertext, "0000"})
		resources = append(resources, []any{w.org, w.workspace, w.resource, w.account, cloud.KindEC2Instance, machine, "bench", region, region + "a", "t3.micro", "running", time.Now()})
		schedules = append(schedules, []any{w.org, w.workspace, w.schedule, "Bench", rule, nil, "stopped", schedule.ZoneData(), uuid.Nil, "Bench"})
		targets = append(targets, []any{w.org, w.workspace, w.schedule, w.resource})
	}
	for _, t := range []struct {
		table   string
		columns []string
		rows    [][]any
	}{
		{"organizations", []string{"id", "name", "plan"}, orgs},
		{"workspaces", []string{"org_id", "id", "name", "time_zone"}, workspaces},
		{"cloud_accounts", []string{"org_id", "workspace_id", "id", "provider", "name", "external_id", "home_region", "observe_only", "simulated"}, accounts},
		{"credentials", []string{"org_id", "workspace_id", "cloud_account_id", "kind", "schema_version", "key_id", "ciphertext", "hint"}, credentials},
		{"resources", []string{"org_id", "workspace_id", "id", "cloud_account_id", "kind", "provider_id", "name", "region", "zone", "type", "state", "seen_at"}, resources},
		{"schedules", []string{"org_id", "workspace_id", "id", "name", "rule", "next_at", "next_wanted", "tzdata", "created_by", "created_by_name"}, schedules},
		{"schedule_targets", []string{"org_id", "workspace_id", "schedule_id", "resource_id"}, targets},
	} {
		if _, err := s.super.CopyFrom(ctx, pgx.Identifier{t.table}, t.columns, pgx.CopyFromRows(t.rows)); err != nil {
			return e, fmt.Errorf("%s: %w", t.table, err)
		}
	}
	return e, nil
}

// wide gives a workspace n resources, as a large estate has: names, tags that
// repeat, a few accounts.
func (s *site) wide(ctx context.Context, org, workspace uuid.UUID, n int) error {
	if _, err := s.super.Exec(ctx, `ANALYZE`); err != nil {
		return err
	}
	for _, statement := range []string{
		`INSERT INTO cloud_accounts (org_id, workspace_id, id, provider, name, external_id, home_region, observe_only, simulated)
		 SELECT $1, $2, gen_random_uuid(), 'aws', 'Account ' || i, lpad(i::text, 12, '9'), 'sa-east-1', true, true FROM generate_series(1, 8) i WHERE $3 > 0`,
		`INSERT INTO resources (org_id, workspace_id, id, cloud_account_id, kind, provider_id, name, region, zone, type, state, tags, seen_at)
		 SELECT $1, $2, gen_random_uuid(), a.id, '` + cloud.KindEC2Instance + `', 'i-' || lpad(to_hex(i), 17, '0'), 'app-' || md5(i::text), 'sa-east-1', 'sa-east-1a', 't3.micro',
		   (ARRAY['running', 'running', 'stopped'])[1 + i % 3], jsonb_build_object('env', (ARRAY['prd', 'hml', 'dev'])[1 + i % 3], 'owner', 'team-' || i % 40), now()
		 FROM generate_series(1, $3) i JOIN (SELECT id, row_number() OVER (ORDER BY id) AS n FROM cloud_accounts WHERE org_id = $1 AND workspace_id = $2) a ON a.n = 1 + i % 8`,
		`INSERT INTO resource_tags (org_id, workspace_id, resource_id, key, value)
		 SELECT org_id, workspace_id, r.id, t.key, t.value FROM resources r CROSS JOIN LATERAL jsonb_each_text(r.tags) t WHERE org_id = $1 AND workspace_id = $2 AND $3 > 0`,
	} {
		if _, err := s.super.Exec(ctx, statement, org, workspace, n); err != nil {
			return err
		}
		if _, err := s.super.Exec(ctx, `ANALYZE`); err != nil {
			return err
		}
	}
	return nil
}

// tenantsOf opens a pool for the length of a measurement.
func tenantsOf(ctx context.Context, url string, conns int) (*db.Tenants, func(), error) {
	pool, err := db.Connect(ctx, db.Options{URL: url, MaxConns: int32(conns), AppName: "bench"})
	if err != nil {
		return nil, nil, err
	}
	return db.NewTenants(pool), pool.Close, nil
}
