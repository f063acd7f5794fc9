package cloudaccount

import (
	"context"

	"github.com/google/uuid"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/inventory"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
	"github.com/cloudhub/cloudhub/server/audit"
	"github.com/cloudhub/cloudhub/server/request"
	"github.com/cloudhub/cloudhub/server/rpc"
)

// ReplaceCloudAccountCredential tries another key or role of the same AWS account
// and puts it in the old one's place. Until the trial has passed nothing changes.
func (s *Service) ReplaceCloudAccountCredential(
	ctx context.Context, req *v1.ReplaceCloudAccountCredentialRequest,
) (*v1.ReplaceCloudAccountCredentialResponse, error) {
	grant := rpc.GrantOf(ctx)
	id, err := request.ID(req.GetCloudAccountId())
	if err != nil {
		return nil, err
	}
	var external string
	err = s.tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) error {
		a, err := lock(ctx, q, id, req.GetEtag())
		external = a.RoleExternalID
		return err
	})
	if err != nil {
		return nil, err
	}
	if role := req.GetAwsRole(); role != nil {
		if s.principal == "" {
			return nil, rpcerr.New(rpcerr.ReasonRolePrincipalMissing)
		}
		if role.GetPreparationId() != "" {
			return nil, rpcerr.Invalid(rpcerr.ReasonValidation, "aws_role.preparation_id", "leave it empty: an account has an external id of its own")
		}
	}
	draft, err := s.draft(grant, req, external, &id)
	if err != nil {
		return nil, err
	}
	defer s.forget(ctx, draft)
	found, err := s.try(ctx, draft)
	if err != nil {
		return nil, err
	}
	if err := s.replace(ctx, id, req.GetEtag(), draft.ID, found); err != nil {
		return nil, err
	}
	a, err := s.get(ctx, id)
	return &v1.ReplaceCloudAccountCredentialResponse{CloudAccount: a}, err
}

// replace puts what was tried in the old credential's place. Errors: NOT_FOUND,
// CONFLICT, ACCOUNT_MISMATCH, PROBE_TIMEOUT (the draft has expired).
func (s *Service) replace(ctx context.Context, id uuid.UUID, etag string, draftID uuid.UUID, found inventory.ProbeResult) error {
	grant := rpc.GrantOf(ctx)
	return s.tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) error {
		a, err := lock(ctx, q, id, etag)
		if err != nil {
			return err
		}
		if found.ExternalID != a.ExternalID {
			return rpcerr.New(rpcerr.ReasonAccountMismatch, "found", found.ExternalID, "external_id", a.ExternalID)
		}
		old, err := q.GetAccount(ctx, gen.GetAccountParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: id})
		if err != nil {
			return err
		}
		draft, err := q.GetDraft(ctx, gen.GetDraftParams{OrgID: grant.Org, ID: draftID})
		if db.IsNoRows(err) {
			return rpcerr.New(rpcerr.ReasonProbeTimeout)
		}
		if err != nil {
			return err
		}
		if _, err := q.ReplaceCredential(ctx, gen.ReplaceCredentialParams{
			Kind: draft.Kind, SchemaVersion: vault.CloudCredentialSchema, KeyID: draft.KeyID, Ciphertext: draft.Ciphertext,
			Hint: draft.Hint, RoleArn: draft.RoleArn, OrgID: grant.Org, CloudAccountID: id,
		}); err != nil {
			return err
		}
		if _, err := q.NoteReplacedCredential(ctx, gen.NoteReplacedCredentialParams{
			HomeRegion: draft.HomeRegion, Simulated: found.Simulated, MissingPermissions: found.Missing(""), OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: id,
		}); err != nil {
			return err
		}
		if err := audit.Write(ctx, q, audit.Entry{
			Org: grant.Org, Workspace: grant.Workspace, Action: "cloud_account.replace_credential", SubjectKind: "cloud_account", SubjectID: id.String(),
			Before: described(map[string]any{}, old.Kind, old.Hint, old.RoleArn), After: described(map[string]any{}, draft.Kind, draft.Hint, draft.RoleArn),
		}); err != nil {
			return err
		}
		return request.Ask(ctx, q, grant.Org, agenda.KindSync, id, id)
	})
}
