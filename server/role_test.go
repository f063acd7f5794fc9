package server_test

import (
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/inventory"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
	"github.com/cloudhub/cloudhub/server"
)

const someRole = "arn:aws:iam::123456789012:role/CloudHub"

func (w *world) prepare(p person) answer {
	return w.rpc(p.token, "CloudAccountService/PrepareAwsRole", &v1.PrepareAwsRoleRequest{OrgId: p.org.String(), WorkspaceId: p.workspace.String()})
}

func (w *world) prepared(p person) *v1.PrepareAwsRoleResponse {
	w.t.Helper()
	a, out := w.prepare(p), &v1.PrepareAwsRoleResponse{}
	a.ok(w.t)
	a.into(w.t, out)
	return out
}

func byRole(p person, preparation string) *v1.CreateCloudAccountRequest {
	return &v1.CreateCloudAccountRequest{
		OrgId: p.org.String(), WorkspaceId: p.workspace.String(), Name: "Por papel",
		Credential: &v1.CreateCloudAccountRequest_AwsRole{AwsRole: &v1.AwsRole{RoleArn: someRole, PreparationId: preparation}},
	}
}

// stored is an account's credential in the clear, which the server cannot read.
func (w *world) stored(p person, account string) cloud.Credential {
	w.t.Helper()
	sealed := vault.Sealed{
		KeyID:      one[string](w, `SELECT key_id FROM credentials WHERE cloud_account_id = $1`, account),
		Ciphertext: one[[]byte](w, `SELECT ciphertext FROM credentials WHERE cloud_account_id = $1`, account),
	}
	secret, err := w.opener.Open(sealed, vault.CloudCredential(p.org.String(), p.workspace.String(), account, vault.CloudCredentialSchema))
	require.NoError(w.t, err)
	var c cloud.Credential
	require.NoError(w.t, json.Unmarshal([]byte(secret.Reveal()), &c))
	return c
}

func TestWithoutAnIdentityOfItsOwnAnInstallationTakesNoRole(t *testing.T) {
	t.Parallel()
	w := setup(t, func(d *server.Deps) { d.AWSPrincipal = "" })
	p := w.register("Ana")
	e := w.estate(p.org, p.workspace)
	before := w.contents()
	w.prepare(p).refused(t, "ROLE_PRINCIPAL_MISSING")
	w.rpc(p.token, "CloudAccountService/CreateCloudAccount", byRole(p, uuid.NewString())).refused(t, "ROLE_PRINCIPAL_MISSING")
	w.rpc(p.token, "CloudAccountService/ReplaceCloudAccountCredential", &v1.ReplaceCloudAccountCredentialRequest{
		OrgId: p.org.String(), WorkspaceId: p.workspace.String(), CloudAccountId: e.account.String(),
		Credential: &v1.ReplaceCloudAccountCredentialRequest_AwsRole{AwsRole: &v1.AwsRole{RoleArn: someRole}},
	}).refused(t, "ROLE_PRINCIPAL_MISSING")
	require.Equal(t, before, w.contents())
}

// The external id is ours: random, one a person and workspace while the form is
// open, used up by its account and never anybody else's.
func TestAnExternalIDIsMadeHereAndUsedOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ana, bia := w.register("Ana"), w.register("Bia")
	caio := w.member("Caio", ana.org, ana.workspace, "admin", "")
	caio.org, caio.workspace = ana.org, ana.workspace
	w.worker(func(uuid.UUID) verdict { return accepted("123456789012") })

	p := w.prepared(ana)
	require.Equal(t, ownPrincipal, p.GetPrincipalArn())
	require.Equal(t, p.GetPreparationId(), w.prepared(ana).GetPreparationId(), "the form may be opened again")
	ids := map[string]bool{p.GetExternalId(): true, w.prepared(bia).GetExternalId(): true, w.prepared(caio).GetExternalId(): true}
	require.Len(t, ids, 3)
	for id := range ids {
		parsed, err := uuid.Parse(id)
		require.NoError(t, err)
		require.Equal(t, uuid.Version(4), parsed.Version(), "not to be guessed from the time")
	}
	for _, text := range []string{p.GetTrustPolicy(), p.GetRead().GetCloudformation(), p.GetFull().GetCloudformation()} {
		require.Contains(t, text, p.GetExternalId())
		require.Contains(t, text, ownPrincipal)
	}

	// Another tenant's, and one that never was, look alike.
	for _, id := range []string{p.GetPreparationId(), uuid.NewString()} {
		w.rpc(bia.token, "CloudAccountService/CreateCloudAccount", byRole(bia, id)).refused(t, "ROLE_PREPARATION_GONE")
	}
	a := w.rpc(ana.token, "CloudAccountService/CreateCloudAccount", byRole(ana, ""))
	a.refused(t, "VALIDATION")
	require.Equal(t, []string{"aws_role.preparation_id"}, a.fields)

	made := get(w, ana.token, "CloudAccountService/CreateCloudAccount", byRole(ana, p.GetPreparationId()), &v1.CreateCloudAccountResponse{}).GetCloudAccount()
	require.Equal(t, v1.CredentialKind_CREDENTIAL_KIND_AWS_ROLE, made.GetCredentialKind())
	require.Equal(t, someRole, made.GetRoleArn())
	require.Equal(t, p.GetExternalId(), made.GetRoleExternalId())
	require.Empty(t, made.GetCredentialHint())
	require.Equal(t, cloud.Credential{RoleARN: someRole, ExternalID: p.GetExternalId()}, w.stored(ana, made.GetId()))
	w.rpc(ana.token, "CloudAccountService/CreateCloudAccount", byRole(ana, p.GetPreparationId())).refused(t, "ROLE_PREPARATION_GONE")
	require.NotEqual(t, p.GetExternalId(), w.prepared(ana).GetExternalId())

	// Nothing changes it, not even a server that went wrong.
	_, err := w.db.Owner.Exec(t.Context(), `UPDATE cloud_accounts SET role_external_id = 'chosen' WHERE id = $1`, made.GetId())
	require.ErrorContains(t, err, "never changes")

	// What has lain for seven days is made anew.
	old := w.prepared(ana)
	w.exec(`UPDATE role_preparations SET expires_at = now() - interval '1 second' WHERE id = $1`, old.GetPreparationId())
	w.rpc(ana.token, "CloudAccountService/CreateCloudAccount", byRole(ana, old.GetPreparationId())).refused(t, "ROLE_PREPARATION_GONE")
	fresh := w.prepared(ana)
	require.NotEqual(t, old.GetExternalId(), fresh.GetExternalId())
	require.NotEqual(t, old.GetPreparationId(), fresh.GetPreparationId())
}

func TestARoleThatDoesNotPassLeavesNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	preparation := w.prepared(p).GetPreparationId()
	var say atomic.Pointer[inventory.ProbeResult]
	w.worker(func(uuid.UUID) verdict { return verdict{state: "refused", result: *say.Load()} })
	for name, c := range map[string]struct {
		say           inventory.ProbeResult
		reason, field string
	}{
		"the trust policy says no":   {inventory.ProbeResult{Reason: string(cloud.ReasonUnauthenticated), Detail: "AccessDenied"}, "ROLE_NOT_ASSUMABLE", "aws_role.role_arn"},
		"it asks for no external id": {inventory.ProbeResult{Reason: string(cloud.ReasonOpenRole)}, "ROLE_WITHOUT_EXTERNAL_ID", "aws_role.role_arn"},
		"no identity at the worker":  {inventory.ProbeResult{Reason: string(cloud.ReasonNoPrincipal)}, "ROLE_PRINCIPAL_MISSING", ""},
		"STS throttles":              {inventory.ProbeResult{Reason: string(cloud.ReasonThrottled)}, "PROBE_TIMEOUT", ""},
		"STS is down":                {inventory.ProbeResult{Reason: string(cloud.ReasonTransient)}, "PROBE_TIMEOUT", ""},
		"the role may not read":      {inventory.ProbeResult{Reason: string(cloud.ReasonDenied), Permission: "ec2:DescribeRegions"}, "PERMISSION_MISSING_AT_PROVIDER", ""},
	} {
		say.Store(&c.say)
		a := w.rpc(p.token, "CloudAccountService/CreateCloudAccount", byRole(p, preparation))
		require.Equal(t, c.reason, a.reason, "%s: %s", name, a.body)
		require.Equal(t, c.field, strings.Join(a.fields, ","), name)
		require.Zero(t, one[int](w, `SELECT count(*)::int FROM credential_drafts`), name)
		require.Zero(t, one[int](w, `SELECT count(*)::int FROM cloud_accounts`), name)
	}
	require.Equal(t, preparation, w.prepared(p).GetPreparationId(), "the role can be mended and tried again")
}

// A credential is replaced when the new one has passed its trial, and opens the
// same account; until then nothing has changed.
func TestACredentialIsReplacedByOneOfTheSameAccount(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	e := w.estate(p.org, p.workspace)
	account := e.account.String()
	number := one[string](w, `SELECT external_id FROM cloud_accounts WHERE id = $1`, account)
	external := one[string](w, `SELECT role_external_id FROM cloud_accounts WHERE id = $1`, account)
	var say atomic.Pointer[verdict]
	w.worker(func(uuid.UUID) verdict { return *say.Load() })
	ask := func(v verdict, etag string, role *v1.AwsRole) answer {
		say.Store(&v)
		req := &v1.ReplaceCloudAccountCredentialRequest{OrgId: p.org.String(), WorkspaceId: p.workspace.String(), CloudAccountId: account, Etag: etag}
		if role != nil {
			req.Credential = &v1.ReplaceCloudAccountCredentialRequest_AwsRole{AwsRole: role}
		} else {
			req.Credential = &v1.ReplaceCloudAccountCredentialRequest_AwsAccessKey{AwsAccessKey: accessKey()}
		}
		return w.rpc(p.token, "CloudAccountService/ReplaceCloudAccountCredential", req)
	}
	credential := func() string {
		return one[string](w, `SELECT md5(c::text) FROM credentials c WHERE cloud_account_id = $1`, account)
	}

	before := credential()
	foreign := accepted("999999999999")
	foreign.foreign = true
	a := ask(foreign, "", nil)
	a.refused(t, "ACCOUNT_MISMATCH")
	require.Equal(t, map[string]string{"found": "999999999999", "external_id": number}, a.meta)
	ask(verdict{state: "refused", result: inventory.ProbeResult{Reason: string(cloud.ReasonUnauthenticated), Detail: "InvalidClientTokenId"}}, "", nil).refused(t, "CREDENTIAL_REFUSED")
	ask(verdict{state: "refused", result: inventory.ProbeResult{Reason: string(cloud.ReasonOpenRole)}}, "", &v1.AwsRole{RoleArn: someRole}).refused(t, "ROLE_WITHOUT_EXTERNAL_ID")
	ask(accepted(""), uuid.NewString(), nil).refused(t, "CONFLICT")
	a = ask(accepted(""), "", &v1.AwsRole{RoleArn: someRole, PreparationId: uuid.NewString()})
	require.Equal(t, []string{"aws_role.preparation_id"}, a.fields)
	require.Equal(t, before, credential())
	require.Zero(t, one[int](w, `SELECT count(*)::int FROM credential_drafts`), "nothing is kept of what was refused")

	// From a key to a role, which must ask for the account's own external id.
	offered := get(w, p.token, "CloudAccountService/PrepareAwsRole",
		&v1.PrepareAwsRoleRequest{OrgId: p.org.String(), WorkspaceId: p.workspace.String(), CloudAccountId: account}, &v1.PrepareAwsRoleResponse{})
	require.Equal(t, external, offered.GetExternalId())
	require.Empty(t, offered.GetPreparationId())
	a = ask(accepted(""), "", &v1.AwsRole{RoleArn: someRole})
	a.ok(t)
	out := &v1.ReplaceCloudAccountCredentialResponse{}
	a.into(t, out)
	require.Equal(t, v1.CredentialKind_CREDENTIAL_KIND_AWS_ROLE, out.GetCloudAccount().GetCredentialKind())
	require.Equal(t, external, out.GetCloudAccount().GetRoleExternalId())
	require.Equal(t, cloud.Credential{RoleARN: someRole, ExternalID: external}, w.stored(p, account))
	require.Equal(t, 1, one[int](w, `SELECT count(*)::int FROM agenda WHERE kind = 'sync' AND subject = $1`, account), "it is read with the new one at once")

	// And back; the old role is forgotten.
	a = ask(accepted(""), out.GetCloudAccount().GetEtag(), nil)
	a.ok(t)
	a.into(t, out)
	require.Equal(t, v1.CredentialKind_CREDENTIAL_KIND_AWS_ACCESS_KEY, out.GetCloudAccount().GetCredentialKind())
	require.Empty(t, out.GetCloudAccount().GetRoleArn())
	require.Empty(t, w.stored(p, account).RoleARN)
	require.Zero(t, one[int](w, `SELECT count(*)::int FROM credential_drafts`))
	require.JSONEq(t, `{"credential":"aws.role","role_arn":"`+someRole+`"}`,
		one[string](w, `SELECT before::text FROM audit_log WHERE action = 'cloud_account.replace_credential' ORDER BY at DESC LIMIT 1`))
}
