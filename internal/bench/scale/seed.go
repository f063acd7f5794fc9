package main

import (
	"context"

	"github.com/google/uuid"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
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
	r := rows{sealer: sealer}
	var org uuid.UUID
	for i := range o.workspaces + o.scheduled {
		if i%workspacesPerOrg == 0 {
			org = r.organization()
		}
		w := small{org: org, workspace: r.workspace(org), schedule: uuid.Must(uuid.NewV7())}
		account, machines, err := r.account(w.org, w.workspace, 1)
		if err != nil {
			return e, err
		}
		w.account, w.resource, w.machine = account, machines[0].resource, machines[0].id
		e.small = append(e.small, w)
		r.schedule(scheduleRow{w.org, w.workspace, w.schedule, []uuid.UUID{w.resource}})
	}
	e.cloud = r.cloud
	return e, r.copy(ctx, s.super)
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
	// As PostgreSQL does by itself within a minute of so much that is new.
	_, err := s.super.Exec(ctx, `VACUUM (ANALYZE) resources, resource_tags`)
	return err
}

// tenantsOf opens a pool for the length of a measurement.
func tenantsOf(ctx context.Context, url string, conns int) (*db.Tenants, func(), error) {
	pool, err := db.Connect(ctx, db.Options{URL: url, MaxConns: int32(conns), AppName: "bench"})
	if err != nil {
		return nil, nil, err
	}
	return db.NewTenants(pool), pool.Close, nil
}
