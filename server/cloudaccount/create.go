package cloudaccount

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/access"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/inventory"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
	"github.com/cloudhub/cloudhub/server/audit"
	"github.com/cloudhub/cloudhub/server/request"
	"github.com/cloudhub/cloudhub/server/rpc"
)

const (
	probePoll = 100 * time.Millisecond

	procedureCreate = "CreateCloudAccount"
	defaultRegion   = "us-east-1"
)

// CreateCloudAccount tries the credential, seals it and adds the account. The
// credential is sealed before anything else is done with it; this process
// cannot open it again.
func (s *Service) CreateCloudAccount(ctx context.Context, req *v1.CreateCloudAccountRequest) (*v1.CreateCloudAccountResponse, error) {
	grant := rpc.GrantOf(ctx)
	if _, err := request.Name(req.GetName()); err != nil {
		return nil, err
	}
	var earlier *uuid.UUID
	var external string
	err := s.tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) (err error) {
		if earlier, err = request.Before(ctx, q, procedureCreate, req.GetRequestId(), req); err != nil || earlier != nil {
			return err
		}
		if err := s.checkLimit(ctx, q, grant); err != nil {
			return err
		}
		external, err = s.preparedFor(ctx, q, req.GetAwsRole())
		return err
	})
	if err != nil {
		return nil, err
	}
	if earlier != nil {
		return s.answerCreate(ctx, *earlier)
	}
	draft, err := s.draft(grant, req, external, nil)
	if err != nil {
		return nil, err
	}
	id, err := s.tryAndAdd(ctx, req, draft)
	if err != nil || id != draft.ID {
		s.forget(ctx, draft)
	}
	if err != nil {
		return nil, err
	}
	return s.answerCreate(ctx, id)
}

func (s *Service) tryAndAdd(ctx context.Context, req *v1.CreateCloudAccountRequest, draft gen.InsertDraftParams) (uuid.UUID, error) {
	result, err := s.try(ctx, draft)
	if err != nil {
		return uuid.Nil, err
	}
	return s.add(ctx, req, draft.ID, result)
}

// checkLimit refuses beyond the plan. It is checked again, under the
// organization's lock, when the account is added.
func (s *Service) checkLimit(ctx context.Context, q *gen.Queries, grant rpc.Grant) error {
	limit := access.LimitsOf(grant.Plan).CloudAccounts
	if limit == 0 {
		return nil
	}
	n, err := q.CountAccounts(ctx, grant.Org)
	if err != nil {
		return err
	}
	if int(n) >= limit {
		return rpcerr.New(rpcerr.ReasonPlanLimit, "limit", itoa(limit), "what", "cloud accounts")
	}
	return nil
}

// add makes the account of a draft that passed: account, credential, clock and
// first reading in one transaction, in which the draft goes.
func (s *Service) add(ctx context.Context, req *v1.CreateCloudAccountRequest, id uuid.UUID, r inventory.ProbeResult) (uuid.UUID, error) {
	grant := rpc.GrantOf(ctx)
	err := s.tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) error {
		if _, err := q.LockOrganization(ctx, grant.Org); err != nil {
			return err
		}
		if earlier, err := request.Once(ctx, q, procedureCreate, req.GetRequestId(), req, id); err != nil || earlier != nil {
			if earlier != nil {
				id = *earlier
			}
			return err
		}
		if err := s.checkLimit(ctx, q, grant); err != nil {
			return err
		}
		return s.insert(ctx, q, req, id, r)
	})
	return id, err
}

func (s *Service) insert(ctx context.Context, q *gen.Queries, req *v1.CreateCloudAccountRequest, id uuid.UUID, r inventory.ProbeResult) error {
	grant := rpc.GrantOf(ctx)
	name, err := q.AccountByExternalID(ctx, gen.AccountByExternalIDParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, Provider: string(cloud.AWS), ExternalID: r.ExternalID})
	if err == nil {
		return rpcerr.New(rpcerr.ReasonAccountExists, "external_id", r.ExternalID, "name", name)
	}
	if !db.IsNoRows(err) {
		return err
	}
	draft, err := q.GetDraft(ctx, gen.GetDraftParams{OrgID: grant.Org, ID: id})
	if db.IsNoRows(err) {
		return rpcerr.New(rpcerr.ReasonProbeTimeout)
	}
	if err != nil {
		return err
	}
	now, err := q.DatabaseTime(ctx)
	if err != nil {
		return err
	}
	external, err := externalIDFor(ctx, q, req.GetAwsRole())
	if err != nil {
		return err
	}
	next := agenda.NextSync(id, now)
	account := gen.InsertAccountParams{
		OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: id, Provider: draft.Provider, Name: strings.TrimSpace(req.GetName()), ExternalID: r.ExternalID,
		HomeRegion: draft.HomeRegion, ObserveOnly: req.GetObserveOnly(), Simulated: r.Simulated, MissingPermissions: r.Missing(""), NextSyncAt: &next,
		RoleExternalID: external,
	}
	if _, err := q.InsertAccount(ctx, account); err != nil {
		return err
	}
	if err := q.InsertCredential(ctx, gen.InsertCredentialParams{
		OrgID: grant.Org, WorkspaceID: grant.Workspace, CloudAccountID: id, Kind: draft.Kind, SchemaVersion: vault.CloudCredentialSchema,
		KeyID: draft.KeyID, Ciphertext: draft.Ciphertext, Hint: draft.Hint, RoleArn: draft.RoleArn,
	}); err != nil {
		return err
	}
	if err := q.DeleteDraft(ctx, gen.DeleteDraftParams{OrgID: grant.Org, ID: id}); err != nil {
		return err
	}
	if err := audit.Write(ctx, q, audit.Entry{
		Org: grant.Org, Workspace: grant.Workspace, Action: "cloud_account.create", SubjectKind: "cloud_account", SubjectID: id.String(),
		After: described(map[string]any{
			"name": account.Name, "provider": account.Provider, "external_id": account.ExternalID, "observe_only": account.ObserveOnly,
		}, draft.Kind, draft.Hint, draft.RoleArn),
	}); err != nil {
		return err
	}
	if err := q.SetClock(ctx, gen.SetClockParams{
		OrgID: grant.Org, Kind: string(agenda.KindSyncClock), Subject: id.String(), Lane: int16(agenda.LaneBackground), DueAt: next,
	}); err != nil {
		return err
	}
	return request.Ask(ctx, q, grant.Org, agenda.KindSync, id, id)
}

func (s *Service) answerCreate(ctx context.Context, id uuid.UUID) (*v1.CreateCloudAccountResponse, error) {
	a, err := s.get(ctx, id)
	return &v1.CreateCloudAccountResponse{CloudAccount: a}, err
}
