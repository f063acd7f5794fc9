package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/cloud/aws"
	"github.com/cloudhub/cloudhub/internal/cloud/cloudtest/moto"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
)

// operator is the AWS account of whoever runs the installation.
const operator = "999988887777"

var ownKey = sim.Key{AccessKeyID: "AKIAOPERATOROPERATOR", Secret: "simulated/not-a-secret/operator", User: "cloudhub"}

// withPrincipal gives an installation an AWS identity of its own.
func withPrincipal(w *world) {
	w.principal, w.principalARN = aws.KeyPrincipal(ownKey.AccessKeyID, ownKey.Secret), ownKey.ARN(operator)
}

// roleEstate is the small estate with the operator's account beside it.
func roleEstate() sim.Estate {
	e := sim.SmallEstate()
	e.Accounts = append(e.Accounts, sim.Account{ID: operator, Keys: []sim.Key{ownKey}})
	return e
}

func (w *world) prepare(p person, account string) *v1.PrepareAwsRoleResponse {
	w.t.Helper()
	out, err := p.accounts.PrepareAwsRole(w.t.Context(), &v1.PrepareAwsRoleRequest{OrgId: p.org, WorkspaceId: p.ws, CloudAccountId: account})
	require.NoError(w.t, err)
	return out
}

// putRole is what the customer does at AWS with what the page offers.
func putRole(t *testing.T, s *sim.Sim, name, trust, policy string) string {
	t.Helper()
	arn, err := s.PutRole(sim.SmallAccount, sim.Role{Name: name, Trust: json.RawMessage(trust), Policies: []json.RawMessage{json.RawMessage(policy)}})
	require.NoError(t, err)
	return arn
}

func (w *world) tryRole(p person, preparation, arn string) (*v1.CloudAccount, error) {
	out, err := p.accounts.CreateCloudAccount(w.t.Context(), &v1.CreateCloudAccountRequest{
		OrgId: p.org, WorkspaceId: p.ws, Name: "por papel",
		Credential: &v1.CreateCloudAccountRequest_AwsRole{AwsRole: &v1.AwsRole{RoleArn: arn, PreparationId: preparation}},
	})
	return out.GetCloudAccount(), err
}

// refusal is the reason of an rpc's error, and the field it is about.
func refusal(t *testing.T, err error) (reason, field string) {
	t.Helper()
	var e *connect.Error
	require.ErrorAs(t, err, &e)
	for _, d := range e.Details() {
		v, err := d.Value()
		require.NoError(t, err)
		switch v := v.(type) {
		case *errdetails.ErrorInfo:
			reason = v.GetReason()
		case *errdetails.BadRequest:
			field = v.GetFieldViolations()[0].GetField()
		}
	}
	return reason, field
}

// The whole way of a role: prepared, made from what was offered, tried, read,
// and its machines stopped with a session and never with a key.
func TestAnAccountByRole(t *testing.T) {
	t.Parallel()
	s, endpoint := newSim(t, roleEstate())
	w := newWorld(t, endpoint, withPrincipal)
	p := w.prepare(w.person, "")
	require.Equal(t, w.principalARN, p.GetPrincipalArn())
	require.Equal(t, p.GetExternalId(), w.prepare(w.person, "").GetExternalId(), "the form may be opened again")

	arn := putRole(t, s, "CloudHub", p.GetTrustPolicy(), p.GetFull().GetPolicy())
	made, err := w.tryRole(w.person, p.GetPreparationId(), arn)
	require.NoError(t, err)
	require.Equal(t, sim.SmallAccount, made.GetExternalId())
	require.Equal(t, v1.CredentialKind_CREDENTIAL_KIND_AWS_ROLE, made.GetCredentialKind())
	require.Equal(t, arn, made.GetRoleArn())
	require.Equal(t, p.GetExternalId(), made.GetRoleExternalId())
	require.Empty(t, made.GetMissingPermissions())
	w.eventually("it is read", func() bool { return w.account(made.GetId()).GetState() == v1.CloudAccountState_CLOUD_ACCOUNT_STATE_OK })

	op, _ := w.ended(w.stop(ids(w.machines(), sim.SmallRunning)...).GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, op.GetState(), op)
	for _, c := range powerCalls(s) {
		require.Contains(t, c.Principal, ":assumed-role/CloudHub/cloudhub-")
		require.Contains(t, c.Principal, w.ws)
	}
	require.NotEqual(t, p.GetExternalId(), w.prepare(w.person, "").GetExternalId(), "one external id an account")
	w.settled()
}

// What must not become an account: a role that stands open, another tenant's
// role, and a role of an installation that cannot take any.
func TestRolesThatAreRefused(t *testing.T) {
	t.Parallel()
	s, endpoint := newSim(t, roleEstate())
	w := newWorld(t, endpoint, withPrincipal)
	bia := w.register("bia@example.com")
	ana, other := w.prepare(w.person, ""), w.prepare(bia, "")
	require.NotEqual(t, ana.GetExternalId(), other.GetExternalId())
	arn := putRole(t, s, "CloudHub", ana.GetTrustPolicy(), ana.GetRead().GetPolicy())

	refused := func(p person, preparation, arn, reason, field string) {
		t.Helper()
		_, err := w.tryRole(p, preparation, arn)
		gotReason, gotField := refusal(t, err)
		require.Equal(t, []string{reason, field}, []string{gotReason, gotField}, err)
	}
	const field = "aws_role.role_arn"
	// Bia has seen Ana's ARN. She cannot have her external id.
	refused(bia, other.GetPreparationId(), arn, "ROLE_NOT_ASSUMABLE", field)
	refused(bia, ana.GetPreparationId(), arn, "ROLE_PREPARATION_GONE", "")

	var trust map[string]any
	require.NoError(t, json.Unmarshal([]byte(ana.GetTrustPolicy()), &trust))
	delete(trust["Statement"].([]any)[0].(map[string]any), "Condition")
	raw, err := json.Marshal(trust)
	require.NoError(t, err)
	refused(w.person, ana.GetPreparationId(), putRole(t, s, "Open", string(raw), ana.GetFull().GetPolicy()), "ROLE_WITHOUT_EXTERNAL_ID", field)
	refused(w.person, ana.GetPreparationId(), strings.Replace(arn, "CloudHub", "None", 1), "ROLE_NOT_ASSUMABLE", field)

	var n int
	require.NoError(t, w.db.Owner.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM cloud_accounts) + (SELECT count(*) FROM credential_drafts)`).Scan(&n))
	require.Zero(t, n, "nothing is kept of what was refused")
	require.Empty(t, powerCalls(s))

	// What is right is added after all, to look only: the policy for reading says
	// what it lacks. The second time its external id is used up.
	made, err := w.tryRole(w.person, ana.GetPreparationId(), arn)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"ec2:StartInstances", "ec2:StopInstances"}, made.GetMissingPermissions())
	refused(w.person, ana.GetPreparationId(), arn, "ROLE_PREPARATION_GONE", "")
}

// An operator who names an identity at the server and gives workers none, or a
// wrong one, is told so and not the customer that his role is wrong.
func TestAnInstallationWithoutAnIdentity(t *testing.T) {
	t.Parallel()
	s, endpoint := newSim(t, roleEstate())
	w := newWorld(t, endpoint)
	_, err := w.accounts.PrepareAwsRole(t.Context(), &v1.PrepareAwsRoleRequest{OrgId: w.org, WorkspaceId: w.ws})
	reason, _ := refusal(t, err)
	require.Equal(t, "ROLE_PRINCIPAL_MISSING", reason)
	require.Empty(t, s.Calls(0))

	half := newWorld(t, endpoint, func(w *world) {
		w.principal, w.principalARN = aws.KeyPrincipal(ownKey.AccessKeyID, "another secret"), ownKey.ARN(operator)
	})
	p := half.prepare(half.person, "")
	_, err = half.tryRole(half.person, p.GetPreparationId(), putRole(t, s, "CloudHub", p.GetTrustPolicy(), p.GetFull().GetPolicy()))
	reason, _ = refusal(t, err)
	require.Equal(t, "ROLE_PRINCIPAL_MISSING", reason)
}

// From a key to a role of the same account, while it lives: the next change of
// power is by a session. When the customer takes the role away, the account says
// so and nothing acts; with the role back it goes on by itself.
func TestAKeyIsReplacedByARole(t *testing.T) {
	t.Parallel()
	s, endpoint := newSim(t, roleEstate())
	w := newWorld(t, endpoint, withPrincipal)
	a := w.addAccount("pequena", sim.SmallKey.AccessKeyID, sim.SmallKey.Secret)
	p := w.prepare(w.person, a.GetId())
	require.Empty(t, p.GetPreparationId())
	replace := func(role *v1.AwsRole) error {
		_, err := w.accounts.ReplaceCloudAccountCredential(t.Context(), &v1.ReplaceCloudAccountCredentialRequest{
			OrgId: w.org, WorkspaceId: w.ws, CloudAccountId: a.GetId(),
			Credential: &v1.ReplaceCloudAccountCredentialRequest_AwsRole{AwsRole: role},
		})
		return err
	}
	// A role of another account, well made, is not this account's.
	foreign, err := s.PutRole(operator, sim.Role{Name: "Foreign", Trust: json.RawMessage(p.GetTrustPolicy()), Policies: []json.RawMessage{json.RawMessage(p.GetFull().GetPolicy())}})
	require.NoError(t, err)
	reason, _ := refusal(t, replace(&v1.AwsRole{RoleArn: foreign}))
	require.Equal(t, "ACCOUNT_MISMATCH", reason)
	require.Equal(t, v1.CredentialKind_CREDENTIAL_KIND_AWS_ACCESS_KEY, w.account(a.GetId()).GetCredentialKind())

	arn := putRole(t, s, "CloudHub", p.GetTrustPolicy(), p.GetFull().GetPolicy())
	require.NoError(t, replace(&v1.AwsRole{RoleArn: arn}))
	require.Equal(t, arn, w.account(a.GetId()).GetRoleArn())
	op, _ := w.ended(w.stop(ids(w.machines(), sim.SmallRunning)...).GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, op.GetState(), op)
	calls := powerCalls(s)
	require.Contains(t, calls[len(calls)-1].Principal, ":assumed-role/CloudHub/")

	// Another worker has no session yet, and the role trusts nobody of ours now.
	putRole(t, s, "CloudHub", strings.ReplaceAll(p.GetTrustPolicy(), p.GetExternalId(), "another-external-id"), p.GetFull().GetPolicy())
	w.stopWorker()
	w.startWorker()
	before := len(powerCalls(s))
	op, targets := w.ended(w.stop(ids(w.machines(), sim.SmallRunning2)...).GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_FAILED, op.GetState())
	require.Equal(t, "PROVIDER_UNAUTHENTICATED", targets[sim.SmallRunning2].GetReason())
	require.Len(t, powerCalls(s), before)
	putRole(t, s, "CloudHub", p.GetTrustPolicy(), p.GetFull().GetPolicy())
	op, _ = w.ended(w.stop(ids(w.machines(), sim.SmallRunning2)...).GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, op.GetState(), op)
	w.settled()
}

// Moto compares an external id that is given, and lets in whoever gives none: so
// the probe must refuse each of its roles. What has got in all the same (the row
// is put there behind the product's back) works with moto's sessions from end to
// end.
func TestARoleOnMoto(t *testing.T) {
	t.Parallel()
	endpoint := moto.Start(t)
	admin := moto.User(t, endpoint, "admin", "*")
	here := launch(t, endpoint, admin, "sa-east-1", 2)
	key := moto.User(t, endpoint, "leitura", "ec2:DescribeInstances", "ec2:DescribeRegions")
	own := moto.User(t, endpoint, "cloudhub", "sts:AssumeRole")
	w := newWorld(t, endpoint, func(w *world) {
		w.principal, w.principalARN = aws.KeyPrincipal(own.AccessKeyID, own.SecretAccessKey), "arn:aws:iam::123456789012:user/cloudhub"
	})
	p := w.prepare(w.person, "")
	arn := moto.Role(t, endpoint, "CloudHub", p.GetTrustPolicy(), p.GetFull().GetPolicy())
	moto.Enforce(t, endpoint)
	_, err := w.tryRole(w.person, p.GetPreparationId(), arn)
	reason, _ := refusal(t, err)
	require.Equal(t, "ROLE_WITHOUT_EXTERNAL_ID", reason)

	a := w.addAccount("leitura", key.AccessKeyID, key.SecretAccessKey)
	w.sealRole(a.GetId(), arn, p.GetExternalId())
	op, got := w.ended(w.stop(ids(w.machines(), here...)...).GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, op.GetState(), op)
	require.Equal(t, v1.TargetState_TARGET_STATE_DONE, got[here[0]].GetState(), "the key may not, the role may")
	w.settled()
}

// sealRole puts a role in the place of an account's credential, untried.
func (w *world) sealRole(account, arn, externalID string) {
	w.t.Helper()
	sealer, err := vault.LoadSealer(w.keys)
	require.NoError(w.t, err)
	raw, err := json.Marshal(cloud.Credential{RoleARN: arn, ExternalID: externalID})
	require.NoError(w.t, err)
	sealed, err := sealer.Seal(vault.NewSecret(raw), vault.CloudCredential(w.org, w.ws, account, vault.CloudCredentialSchema))
	require.NoError(w.t, err)
	w.db.Exec(w.t, "UPDATE credentials SET kind = 'aws.role', role_arn = $2, hint = '', key_id = $3, ciphertext = $4 WHERE cloud_account_id = $1",
		account, arn, sealed.KeyID, sealed.Ciphertext)
}

// The identity's secret is the workers' alone, and half a setting is none.
func TestWhoMayHaveThePrincipalsSecret(t *testing.T) {
	t.Parallel()
	const key, secret, chain = "CLOUDHUB_AWS_PRINCIPAL_ACCESS_KEY_ID=AKIAOPERATOROPERATOR", "CLOUDHUB_AWS_PRINCIPAL_SECRET_ACCESS_KEY=canary-of-the-operator", "CLOUDHUB_AWS_PRINCIPAL_DEFAULT_CHAIN=true"
	needed := []string{
		"CLOUDHUB_DATABASE_APP_URL=postgres://x@127.0.0.1:1/x", "CLOUDHUB_DATABASE_IDENTITY_URL=postgres://x@127.0.0.1:1/x",
		"CLOUDHUB_DATABASE_SYSTEM_URL=postgres://x@127.0.0.1:1/x", "CLOUDHUB_TEMPORAL_ADDRESS=127.0.0.1:1", "CLOUDHUB_KEYS_DIR=" + t.TempDir(),
	}
	for name, c := range map[string]struct {
		command string
		env     []string
		says    string
	}{
		"a server with the secret":     {"server", []string{secret}, "is for workers alone"},
		"a worker with half a key":     {"worker", []string{key}, "belong together"},
		"a worker with a key and more": {"worker", []string{key, secret, chain}, "exclude each other"},
		"an identity that is none":     {"server", []string{"CLOUDHUB_AWS_PRINCIPAL_ARN=arn:aws:iam::123456789012:root"}, "is not a role or user ARN of AWS IAM"},
		"a switch that is none":        {"worker", []string{"CLOUDHUB_AWS_PRINCIPAL_DEFAULT_CHAIN=yes"}, "true or false"},
	} {
		p := spawn(t, append(slices.Clone(needed), c.env...), c.command)
		require.NotZero(t, p.exit(t, 30*time.Second), name)
		require.Contains(t, p.out.String(), c.says, name)
		require.NotContains(t, p.out.String(), "canary-of-the-operator", name)
	}
}
