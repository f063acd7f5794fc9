package cloudaccount

import (
	"context"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/awsrole"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/server/audit"
	"github.com/cloudhub/cloudhub/server/request"
	"github.com/cloudhub/cloudhub/server/rpc"
)

// PrepareAwsRole says how a role must look that CloudHub may take.
func (s *Service) PrepareAwsRole(ctx context.Context, req *v1.PrepareAwsRoleRequest) (*v1.PrepareAwsRoleResponse, error) {
	out := &v1.PrepareAwsRoleResponse{PrincipalArn: s.principal}
	if req.GetCloudAccountId() != "" {
		id, err := request.ID(req.GetCloudAccountId())
		if err != nil {
			return nil, err
		}
		if out.ExternalId, err = s.externalIDOf(ctx, id); err != nil {
			return nil, err
		}
	} else if s.principal == "" {
		return nil, rpcerr.New(rpcerr.ReasonRolePrincipalMissing)
	}
	if out.ExternalId == "" {
		p, err := s.prepare(ctx)
		if err != nil {
			return nil, err
		}
		out.PreparationId, out.ExternalId, out.ExpireTime = p.ID.String(), p.ExternalID, timestamppb.New(p.ExpiresAt)
	}
	documents := func(l awsrole.Level) *v1.AwsRoleDocuments {
		return &v1.AwsRoleDocuments{Policy: awsrole.PermissionPolicy(l), Cloudformation: awsrole.CloudFormation(l, s.principal, out.GetExternalId())}
	}
	out.TrustPolicy = awsrole.TrustPolicy(s.principal, out.GetExternalId())
	out.Read, out.Full = documents(awsrole.Read), documents(awsrole.Full)
	return out, nil
}

// externalIDOf answers what the roles of an account must ask for. Errors:
// NOT_FOUND, and only then ROLE_PRINCIPAL_MISSING.
func (s *Service) externalIDOf(ctx context.Context, id uuid.UUID) (string, error) {
	grant := rpc.GrantOf(ctx)
	var row gen.GetAccountRow
	err := s.tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) (err error) {
		row, err = q.GetAccount(ctx, gen.GetAccountParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: id})
		if db.IsNoRows(err) {
			return rpcerr.NotFound()
		}
		if err != nil {
			return err
		}
		if s.principal == "" {
			return rpcerr.New(rpcerr.ReasonRolePrincipalMissing)
		}
		return noted(ctx, q, "cloud_account", id, row.CloudAccount.RoleExternalID)
	})
	return row.CloudAccount.RoleExternalID, err
}

// prepare answers the caller's preparation in this workspace, or makes one. The
// external id has 122 random bits.
func (s *Service) prepare(ctx context.Context) (gen.RolePreparation, error) {
	grant := rpc.GrantOf(ctx)
	var p gen.RolePreparation
	id, err := uuid.NewV7()
	if err != nil {
		return p, err
	}
	err = s.tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) (err error) {
		p, err = q.PrepareRole(ctx, gen.PrepareRoleParams{
			OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: id, UserID: rpc.CallerOf(ctx).UserID, ExternalID: uuid.NewString(),
		})
		if err != nil || p.ID != id {
			return err
		}
		return noted(ctx, q, "role_preparation", id, p.ExternalID)
	})
	return p, err
}

func noted(ctx context.Context, q *gen.Queries, kind string, id uuid.UUID, externalID string) error {
	grant := rpc.GrantOf(ctx)
	return audit.Write(ctx, q, audit.Entry{
		Org: grant.Org, Workspace: grant.Workspace, Action: "aws_role.prepare", SubjectKind: kind, SubjectID: id.String(),
		After: map[string]any{"role_external_id": externalID},
	})
}

// preparedFor answers the external id that the role of a new account was prepared
// with; "" for a key. Errors: ROLE_PRINCIPAL_MISSING, ROLE_PREPARATION_GONE,
// VALIDATION.
func (s *Service) preparedFor(ctx context.Context, q *gen.Queries, role *v1.AwsRole) (string, error) {
	if role == nil {
		return "", nil
	}
	if s.principal == "" {
		return "", rpcerr.New(rpcerr.ReasonRolePrincipalMissing)
	}
	if role.GetPreparationId() == "" {
		return "", rpcerr.Invalid(rpcerr.ReasonValidation, "aws_role.preparation_id", "prepare the role first: PrepareAwsRole answers the id")
	}
	id, err := request.ID(role.GetPreparationId())
	if err != nil {
		return "", err
	}
	grant := rpc.GrantOf(ctx)
	p, err := q.GetPreparation(ctx, gen.GetPreparationParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: id})
	if db.IsNoRows(err) {
		return "", rpcerr.New(rpcerr.ReasonRolePreparationGone)
	}
	return p.ExternalID, err
}

// externalIDFor answers the external id of a new account: the one that its role
// was prepared with, which is used up by it, or, for a key, a new one for
// whichever role may replace it.
func externalIDFor(ctx context.Context, q *gen.Queries, role *v1.AwsRole) (string, error) {
	if role == nil {
		return uuid.NewString(), nil
	}
	grant := rpc.GrantOf(ctx)
	id, err := request.ID(role.GetPreparationId())
	if err != nil {
		return "", err
	}
	external, err := q.UsePreparation(ctx, gen.UsePreparationParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: id})
	if db.IsNoRows(err) {
		return "", rpcerr.New(rpcerr.ReasonRolePreparationGone)
	}
	return external, err
}
