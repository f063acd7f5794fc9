package cloudaccount

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/inventory"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
	"github.com/cloudhub/cloudhub/server/audit"
	"github.com/cloudhub/cloudhub/server/request"
	"github.com/cloudhub/cloudhub/server/rpc"
)

// given is a credential as it came in: one of the two.
type given interface {
	GetAwsAccessKey() *v1.AwsAccessKey
	GetAwsRole() *v1.AwsRole
}

// draft seals a credential for the trial. externalID is of a role, and comes from
// a row of ours, never from the request. With replaces it is sealed for that
// account, else for the account that the draft becomes.
func (s *Service) draft(grant rpc.Grant, in given, externalID string, replaces *uuid.UUID) (gen.InsertDraftParams, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return gen.InsertDraftParams{}, err
	}
	d := gen.InsertDraftParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: id, Provider: string(cloud.AWS), Replaces: replaces}
	var credential cloud.Credential
	if role := in.GetAwsRole(); role != nil {
		arn := role.GetRoleArn()
		d.Kind, d.RoleArn, d.HomeRegion = cloud.KindAWSRole, &arn, role.GetHomeRegion()
		credential = cloud.Credential{RoleARN: arn, ExternalID: externalID}
	} else {
		key := in.GetAwsAccessKey()
		ak := key.GetAccessKeyId()
		d.Kind, d.Hint, d.HomeRegion = cloud.KindAWSAccessKey, ak[max(0, len(ak)-4):], key.GetHomeRegion()
		credential = cloud.Credential{AccessKeyID: ak, SecretAccessKey: key.GetSecretAccessKey()}
	}
	if d.HomeRegion == "" {
		d.HomeRegion = defaultRegion
	}
	raw := credential.AppendJSON(make([]byte, 0, credential.MaxJSON()))
	secret := vault.NewSecret(raw)
	clear(raw)
	defer secret.Wipe()
	if replaces != nil {
		id = *replaces
	}
	sealed, err := s.sealer.Seal(secret, vault.CloudCredential(grant.Org.String(), grant.Workspace.String(), id.String(), vault.CloudCredentialSchema))
	d.KeyID, d.Ciphertext = sealed.KeyID, sealed.Ciphertext
	return d, err
}

// forget keeps nothing of a trial that changed nothing: the answer says so. The
// caller may have gone. Should it fail, the draft has ten minutes to live.
func (s *Service) forget(ctx context.Context, draft gen.InsertDraftParams) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = s.tenants.InTenant(ctx, draft.OrgID, func(q *gen.Queries) error {
		return q.DeleteDraft(ctx, gen.DeleteDraftParams{OrgID: draft.OrgID, ID: draft.ID})
	})
}

// try has the worker try a draft, and waits for what it finds out. Errors:
// CREDENTIAL_REFUSED, PERMISSION_MISSING_AT_PROVIDER, PROBE_TIMEOUT, and of a
// role ROLE_NOT_ASSUMABLE, ROLE_WITHOUT_EXTERNAL_ID, ROLE_PRINCIPAL_MISSING.
func (s *Service) try(ctx context.Context, draft gen.InsertDraftParams) (inventory.ProbeResult, error) {
	if err := s.askProbe(ctx, draft); err != nil {
		return inventory.ProbeResult{}, err
	}
	return s.awaitProbe(ctx, draft)
}

func (s *Service) askProbe(ctx context.Context, draft gen.InsertDraftParams) error {
	return s.tenants.InTenant(ctx, draft.OrgID, func(q *gen.Queries) error {
		if err := q.InsertDraft(ctx, draft); err != nil {
			return err
		}
		if err := audit.Write(ctx, q, audit.Entry{
			Org: draft.OrgID, Workspace: draft.WorkspaceID, Action: "credential.try", SubjectKind: "credential_draft", SubjectID: draft.ID.String(),
			After: described(map[string]any{"provider": draft.Provider}, draft.Kind, draft.Hint, draft.RoleArn),
		}); err != nil {
			return err
		}
		return request.Ask(ctx, q, draft.OrgID, agenda.KindProbe, draft.ID, uuid.Nil)
	})
}

// described adds to an audit entry what may be told of a credential.
func described(entry map[string]any, kind, hint string, roleARN *string) map[string]any {
	entry["credential"] = kind
	if roleARN != nil {
		entry["role_arn"] = *roleARN
	} else {
		entry["hint"] = hint
	}
	return entry
}

// awaitProbe waits for the row that the worker's trial fills.
func (s *Service) awaitProbe(ctx context.Context, draft gen.InsertDraftParams) (inventory.ProbeResult, error) {
	ctx, cancel := context.WithTimeout(ctx, s.probeWithin)
	defer cancel()
	tick := time.NewTicker(probePoll)
	defer tick.Stop()
	for {
		var row gen.CredentialDraft
		err := s.tenants.InTenant(ctx, draft.OrgID, func(q *gen.Queries) (err error) {
			row, err = q.GetDraft(ctx, gen.GetDraftParams{OrgID: draft.OrgID, ID: draft.ID})
			return err
		})
		switch {
		case ctx.Err() != nil || db.IsNoRows(err):
			return inventory.ProbeResult{}, rpcerr.New(rpcerr.ReasonProbeTimeout)
		case err != nil:
			return inventory.ProbeResult{}, err
		case row.State != "waiting":
			return judge(row)
		}
		select {
		case <-ctx.Done():
			return inventory.ProbeResult{}, rpcerr.New(rpcerr.ReasonProbeTimeout)
		case <-tick.C:
		}
	}
}

func judge(row gen.CredentialDraft) (inventory.ProbeResult, error) {
	var r inventory.ProbeResult
	if err := json.Unmarshal(row.Result, &r); err != nil {
		return r, err
	}
	const field = "aws_role.role_arn"
	switch reason := cloud.Reason(r.Reason); {
	case row.State == "ok":
		if missing := r.Missing("inventory"); len(missing) > 0 {
			return r, rpcerr.New(rpcerr.ReasonPermissionMissingAtProvider, "permissions", strings.Join(missing, ", "))
		}
		return r, nil
	case reason == cloud.ReasonNoPrincipal:
		return r, rpcerr.New(rpcerr.ReasonRolePrincipalMissing)
	case reason == cloud.ReasonOpenRole:
		return r, rpcerr.Invalid(rpcerr.ReasonRoleWithoutExternalId, field, "its trust policy must ask for the external id")
	case reason == cloud.ReasonTransient || reason == cloud.ReasonThrottled:
		return r, rpcerr.New(rpcerr.ReasonProbeTimeout)
	case reason == cloud.ReasonDenied:
		return r, rpcerr.New(rpcerr.ReasonPermissionMissingAtProvider, "permissions", r.Permission)
	case row.Kind == cloud.KindAWSRole:
		return r, rpcerr.Invalid(rpcerr.ReasonRoleNotAssumable, field, "AWS does not let us take this role", "detail", r.Detail)
	default:
		return r, rpcerr.New(rpcerr.ReasonCredentialRefused, "detail", r.Detail)
	}
}
