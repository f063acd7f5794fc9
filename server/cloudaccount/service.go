// Package cloudaccount keeps the cloud accounts of a workspace:
// CloudAccountService. It seals credentials and cannot open them; every call to
// a provider is the worker's.
package cloudaccount

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
	"github.com/cloudhub/cloudhub/server/audit"
	"github.com/cloudhub/cloudhub/server/page"
	"github.com/cloudhub/cloudhub/server/request"
	"github.com/cloudhub/cloudhub/server/rpc"
)

// Service implements CloudAccountService.
type Service struct {
	tenants *db.Tenants
	sealer  *vault.Sealer
	tokens  *page.Tokens
	// probeWithin is how long a handler waits for the worker's trial.
	probeWithin time.Duration
	// principal is the ARN that customers' roles trust; empty when this
	// installation has none.
	principal string
}

// probeWithin unless a test cannot wait that long.
const probeWithin = 10 * time.Second

// Deps is what the service is made of.
type Deps struct {
	Tenants *db.Tenants
	// Sealer is the public half of the workers' ring.
	Sealer *vault.Sealer
	Tokens *page.Tokens
	// ProbeWithin of 0 is ten seconds.
	ProbeWithin time.Duration
	// AWSPrincipal is the ARN of the workers' own AWS identity, which this process
	// names and does not have; empty when there is none.
	AWSPrincipal string
}

// New makes the service.
func New(d Deps) *Service {
	if d.ProbeWithin == 0 {
		d.ProbeWithin = probeWithin
	}
	return &Service{d.Tenants, d.Sealer, d.Tokens, d.ProbeWithin, d.AWSPrincipal}
}

type after struct {
	Name string    `json:"n"`
	ID   uuid.UUID `json:"i"`
}

// ListCloudAccounts lists accounts by name.
func (s *Service) ListCloudAccounts(ctx context.Context, req *v1.ListCloudAccountsRequest) (*v1.ListCloudAccountsResponse, error) {
	grant := rpc.GrantOf(ctx)
	var from after
	if err := s.tokens.Open(req, req.GetPageToken(), &from); err != nil {
		return nil, err
	}
	size := page.Size(req.GetPageSize())
	var rows []gen.ListAccountsRow
	err := s.tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) (err error) {
		rows, err = q.ListAccounts(ctx, gen.ListAccountsParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, AfterName: from.Name, AfterID: from.ID, RowLimit: size + 1})
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &v1.ListCloudAccountsResponse{}
	if len(rows) > int(size) {
		rows = rows[:size]
		last := rows[size-1].CloudAccount
		if out.NextPageToken, err = s.tokens.Next(req, after{deref(last.NameKey), last.ID}); err != nil {
			return nil, err
		}
	}
	for _, r := range rows {
		out.CloudAccounts = append(out.CloudAccounts, ToProto(r.CloudAccount, Credential{r.Kind, r.Hint, r.RoleArn}))
	}
	return out, nil
}

func (s *Service) get(ctx context.Context, id uuid.UUID) (*v1.CloudAccount, error) {
	grant := rpc.GrantOf(ctx)
	var row gen.GetAccountRow
	err := s.tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) (err error) {
		row, err = q.GetAccount(ctx, gen.GetAccountParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: id})
		return err
	})
	if db.IsNoRows(err) {
		return nil, rpcerr.NotFound()
	}
	if err != nil {
		return nil, err
	}
	return ToProto(row.CloudAccount, Credential{row.Kind, row.Hint, row.RoleArn}), nil
}

// lock reads an account for a change. Errors: NOT_FOUND, CONFLICT.
func lock(ctx context.Context, q *gen.Queries, id uuid.UUID, etag string) (gen.CloudAccount, error) {
	grant := rpc.GrantOf(ctx)
	a, err := q.LockAccount(ctx, gen.LockAccountParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: id})
	if db.IsNoRows(err) {
		return a, rpcerr.NotFound()
	}
	if err == nil && etag != "" && etag != a.Etag.String() {
		err = rpcerr.New(rpcerr.ReasonConflict)
	}
	return a, err
}

// UpdateCloudAccount renames an account or switches observe-only.
func (s *Service) UpdateCloudAccount(ctx context.Context, req *v1.UpdateCloudAccountRequest) (*v1.UpdateCloudAccountResponse, error) {
	grant := rpc.GrantOf(ctx)
	id, err := request.ID(req.GetCloudAccountId())
	if err != nil {
		return nil, err
	}
	paths := req.GetUpdateMask().GetPaths()
	for _, p := range paths {
		if p != "name" && p != "observe_only" {
			return nil, rpcerr.Invalid(rpcerr.ReasonValidation, "update_mask", `only "name" and "observe_only" can be changed`)
		}
	}
	if len(paths) == 0 {
		return nil, rpcerr.Invalid(rpcerr.ReasonValidation, "update_mask", `say what to change: "name", "observe_only"`)
	}
	var name string
	if slices.Contains(paths, "name") {
		if name, err = request.Name(req.GetName()); err != nil {
			return nil, err
		}
	}
	err = s.tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) error {
		a, err := lock(ctx, q, id, req.GetEtag())
		if err != nil {
			return err
		}
		p := gen.UpdateAccountParams{Name: a.Name, ObserveOnly: a.ObserveOnly, OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: id}
		if slices.Contains(paths, "name") {
			p.Name = name
		}
		if slices.Contains(paths, "observe_only") {
			p.ObserveOnly = req.GetObserveOnly()
		}
		if _, err := q.UpdateAccount(ctx, p); err != nil {
			return err
		}
		if p.ObserveOnly != a.ObserveOnly {
			if err := q.TouchResourcesOfAccount(ctx, gen.TouchResourcesOfAccountParams{OrgID: grant.Org, CloudAccountID: id}); err != nil {
				return err
			}
		}
		return audit.Write(ctx, q, audit.Entry{
			Org: grant.Org, Workspace: grant.Workspace, Action: "cloud_account.update", SubjectKind: "cloud_account", SubjectID: id.String(),
			Before: map[string]any{"name": a.Name, "observe_only": a.ObserveOnly}, After: map[string]any{"name": p.Name, "observe_only": p.ObserveOnly},
		})
	})
	if err != nil {
		return nil, err
	}
	a, err := s.get(ctx, id)
	return &v1.UpdateCloudAccountResponse{CloudAccount: a}, err
}

// DeleteCloudAccount forgets an account. Nothing changes at the provider.
func (s *Service) DeleteCloudAccount(ctx context.Context, req *v1.DeleteCloudAccountRequest) (*v1.DeleteCloudAccountResponse, error) {
	grant := rpc.GrantOf(ctx)
	id, err := request.ID(req.GetCloudAccountId())
	if err != nil {
		return nil, err
	}
	err = s.tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) error {
		a, err := lock(ctx, q, id, req.GetEtag())
		if err != nil {
			return err
		}
		busy, err := q.AccountHasOpenTargets(ctx, gen.AccountHasOpenTargetsParams{OrgID: grant.Org, CloudAccountID: id})
		if err != nil {
			return err
		}
		if busy {
			return rpcerr.New(rpcerr.ReasonAccountBusy)
		}
		if _, err := q.DeleteAccount(ctx, gen.DeleteAccountParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: id}); err != nil {
			return err
		}
		if err := audit.Write(ctx, q, audit.Entry{
			Org: grant.Org, Workspace: grant.Workspace, Action: "cloud_account.delete", SubjectKind: "cloud_account", SubjectID: id.String(),
			Before: map[string]any{"name": a.Name, "external_id": a.ExternalID, "observe_only": a.ObserveOnly},
		}); err != nil {
			return err
		}
		for _, k := range []agenda.Kind{agenda.KindSyncClock, agenda.KindSync} {
			if err := q.DeleteAgenda(ctx, gen.DeleteAgendaParams{OrgID: grant.Org, Kind: string(k), Subject: id.String()}); err != nil {
				return err
			}
		}
		return nil
	})
	return &v1.DeleteCloudAccountResponse{}, err
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func itoa(n int) string { return strconv.Itoa(n) }
