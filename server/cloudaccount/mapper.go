package cloudaccount

import (
	"encoding/json"

	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/inventory"
)

var providers = map[cloud.Provider]v1.Provider{
	cloud.AWS: v1.Provider_PROVIDER_AWS, cloud.Azure: v1.Provider_PROVIDER_AZURE, cloud.GCP: v1.Provider_PROVIDER_GCP, cloud.M365: v1.Provider_PROVIDER_M365,
}

var accountStates = map[string]v1.CloudAccountState{
	"reading": v1.CloudAccountState_CLOUD_ACCOUNT_STATE_READING, "ok": v1.CloudAccountState_CLOUD_ACCOUNT_STATE_OK,
	"partial": v1.CloudAccountState_CLOUD_ACCOUNT_STATE_PARTIAL, "failing": v1.CloudAccountState_CLOUD_ACCOUNT_STATE_FAILING,
}

var credentialKinds = map[string]v1.CredentialKind{
	cloud.KindAWSAccessKey: v1.CredentialKind_CREDENTIAL_KIND_AWS_ACCESS_KEY, cloud.KindAWSRole: v1.CredentialKind_CREDENTIAL_KIND_AWS_ROLE,
}

// Credential is what may be shown of one: its kind, the end of an access key's
// id, a role's ARN.
type Credential struct {
	Kind, Hint string
	RoleARN    *string
}

// ToProto shows an account and how it is entered.
func ToProto(a gen.CloudAccount, c Credential) *v1.CloudAccount {
	out := &v1.CloudAccount{
		Id: a.ID.String(), Provider: providers[cloud.Provider(a.Provider)], Name: a.Name, ExternalId: a.ExternalID, CredentialHint: c.Hint, CredentialKind: credentialKinds[c.Kind],
		ObserveOnly: a.ObserveOnly, State: accountStates[a.State], ResourceCount: a.ResourceCount, MissingPermissions: a.MissingPermissions,
		Simulated: a.Simulated, CreateTime: timestamppb.New(a.CreatedAt), Etag: a.Etag.String(), Version: a.Version,
	}
	if c.RoleARN != nil {
		out.RoleArn, out.RoleExternalId = *c.RoleARN, a.RoleExternalID
	}
	if a.LastError != nil {
		out.LastError = *a.LastError
	}
	if a.LastSyncAt != nil {
		out.LastSyncTime = timestamppb.New(*a.LastSyncAt)
	}
	if a.NextSyncAt != nil {
		out.NextSyncTime = timestamppb.New(*a.NextSyncAt)
	}
	var coverage []inventory.Coverage
	_ = json.Unmarshal(a.Coverage, &coverage) // written by us
	for _, c := range coverage {
		out.Coverage = append(out.Coverage, &v1.RegionCoverage{Region: c.Region, Ok: c.OK, Count: int32(c.Count), Reason: c.Reason, Detail: c.Detail})
	}
	return out
}
