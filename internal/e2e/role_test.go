package e2e

import (
	"encoding/json"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/cloud/aws"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
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
