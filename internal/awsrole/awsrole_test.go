package awsrole_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/cloudhub/cloudhub/internal/awsrole"
)

const (
	principal = "arn:aws:iam::123456789012:user/cloudhub"
	external  = "6e0f3a52-9a3c-4a52-8d0b-6f2f8f0b8a11"
)

// The template makes what the page says: the same trust and the same permissions.
func TestTheTemplateHoldsThePolicies(t *testing.T) {
	t.Parallel()
	for _, level := range []awsrole.Level{awsrole.Read, awsrole.Full} {
		var template struct {
			Resources struct {
				CloudHubRole struct {
					Type       string `yaml:"Type"`
					Properties struct {
						RoleName                 string         `yaml:"RoleName"`
						AssumeRolePolicyDocument map[string]any `yaml:"AssumeRolePolicyDocument"`
						Policies                 []struct {
							PolicyDocument map[string]any `yaml:"PolicyDocument"`
						} `yaml:"Policies"`
					} `yaml:"Properties"`
				} `yaml:"CloudHubRole"`
			} `yaml:"Resources"`
			Outputs map[string]map[string]string `yaml:"Outputs"`
		}
		require.NoError(t, yaml.Unmarshal([]byte(awsrole.CloudFormation(level, principal, external)), &template))
		role := template.Resources.CloudHubRole
		require.Equal(t, "AWS::IAM::Role", role.Type)
		require.Empty(t, role.Properties.RoleName, "a name would need another capability, and be there once an account")
		asJSON := func(v any) string { raw, err := json.Marshal(v); require.NoError(t, err); return string(raw) }
		require.JSONEq(t, awsrole.TrustPolicy(principal, external), asJSON(role.Properties.AssumeRolePolicyDocument))
		require.Len(t, role.Properties.Policies, 1)
		require.JSONEq(t, awsrole.PermissionPolicy(level), asJSON(role.Properties.Policies[0].PolicyDocument))
		require.Equal(t, "CloudHubRole.Arn", template.Outputs["RoleArn"]["Value"])
	}
}

func TestTrustAsksForTheExternalID(t *testing.T) {
	t.Parallel()
	require.JSONEq(t, `{"Version": "2012-10-17", "Statement": [{
		"Sid": "CloudHubAssumes", "Effect": "Allow", "Principal": {"AWS": "`+principal+`"}, "Action": "sts:AssumeRole",
		"Condition": {"StringEquals": {"sts:ExternalId": "`+external+`"}}}]}`, awsrole.TrustPolicy(principal, external))
}

func TestPoliciesAreTheLeast(t *testing.T) {
	t.Parallel()
	require.NotContains(t, awsrole.PermissionPolicy(awsrole.Read), "StopInstances")
	for _, action := range awsrole.Actions(awsrole.Full) {
		require.Contains(t, awsrole.PermissionPolicy(awsrole.Full), `"`+action+`"`)
		require.NotContains(t, action, "*")
	}
	require.Less(t, len(awsrole.SessionPolicy()), 2048, "AWS takes no longer ones")
}

// The interface has the policy for keys as text of its own: it must be this one.
func TestTheInterfaceShowsTheSamePolicy(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../web/src/features/account/policy.ts")
	require.NoError(t, err)
	actions := regexp.MustCompile(`"((?:ec2|sts):[A-Za-z]+)"`).FindAllStringSubmatch(string(raw), -1)
	var shown []string
	for _, m := range actions {
		shown = append(shown, m[1])
	}
	require.Equal(t, awsrole.Actions(awsrole.Full), shown)
}

func TestARNs(t *testing.T) {
	t.Parallel()
	for arn, account := range map[string]string{
		"arn:aws:iam::123456789012:role/CloudHub":              "123456789012",
		"arn:aws:iam::123456789012:role/team/ops/CloudHub-1":   "123456789012",
		"arn:aws:iam::123456789012:user/CloudHub":              "",
		"arn:aws:iam::12345678901:role/CloudHub":               "",
		"arn:aws:sts::123456789012:assumed-role/CloudHub/x":    "",
		"arn:aws:iam::123456789012:role/":                      "",
		"arn:aws:iam::123456789012:role/a b":                   "",
		"arn:aws:iam::123456789012:role/CloudHub\narn:aws:iam": "",
	} {
		require.Equal(t, account, awsrole.AccountOf(arn), "%q", arn)
	}
	for arn, ok := range map[string]bool{
		principal: true, "arn:aws:iam::123456789012:role/cloudhub-worker": true,
		"arn:aws:iam::123456789012:root": false, "*": false, "123456789012": false,
		"arn:aws:sts::123456789012:assumed-role/cloudhub-worker/i-1": false, "arn:aws:iam::*:user/x": false,
	} {
		require.Equal(t, ok, awsrole.ValidPrincipal(arn), arn)
	}
}

// CloudTrail shows the name: it says whose workspace, in the characters that AWS
// takes, and never more than 64 of them.
func TestSessionNames(t *testing.T) {
	t.Parallel()
	const org, workspace = "01a20d48-6d6f-7485-b839-4a6ce8bc2b08", "01a20d48-6d6f-7486-8aaa-0123456789ab"
	require.Equal(t, "cloudhub-4a6ce8bc2b08-"+workspace, awsrole.SessionName(org, workspace))
	allowed := regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	for _, ids := range [][2]string{{org, workspace}, {"", ""}, {"é ü", "/"}, {strings.Repeat("x", 80), strings.Repeat("y", 80)}} {
		require.Regexp(t, allowed, awsrole.SessionName(ids[0], ids[1]))
	}
}
