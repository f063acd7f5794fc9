// Package awsrole decides, purely, what an AWS role must look like that CloudHub
// may take: whom it trusts, what it may do, and how its sessions are named. The
// actions listed here are those that internal/cloud/aws sends, which a test
// compares; nothing else may write a policy.
package awsrole

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// Level is how much a policy allows.
type Level string

// The levels. Full is Read, and starting and stopping.
const (
	Read Level = "read"
	Full Level = "full"
)

// reading and power are the IAM actions of the adapter's calls, in order.
var (
	reading = []string{"ec2:DescribeInstances", "ec2:DescribeRegions", "sts:GetCallerIdentity"}
	power   = []string{"ec2:StartInstances", "ec2:StopInstances"}
)

// Actions are the IAM actions that a level allows.
func Actions(l Level) []string {
	out := append([]string{}, reading...)
	if l == Full {
		out = append(out, power...)
	}
	return out
}

type policy struct {
	Version   string
	Statement []statement
}

// statement has the fields in the order in which people write them.
type statement struct {
	Sid       string `json:",omitempty"`
	Effect    string
	Principal map[string]string `json:",omitempty"`
	Action    any
	Resource  string                       `json:",omitempty"`
	Condition map[string]map[string]string `json:",omitempty"`
}

const version = "2012-10-17"

func permissions(l Level) policy {
	p := policy{version, []statement{{Sid: "CloudHubRead", Effect: "Allow", Action: reading, Resource: "*"}}}
	if l == Full {
		p.Statement = append(p.Statement, statement{Sid: "CloudHubPower", Effect: "Allow", Action: power, Resource: "*"})
	}
	return p
}

// PermissionPolicy is the least that CloudHub asks of AWS, as JSON to paste.
func PermissionPolicy(l Level) string { return text(permissions(l)) }

func trust(principal, externalID string) policy {
	return policy{version, []statement{{
		Sid: "CloudHubAssumes", Effect: "Allow", Principal: map[string]string{"AWS": principal}, Action: "sts:AssumeRole",
		Condition: map[string]map[string]string{"StringEquals": {"sts:ExternalId": externalID}},
	}}}
}

// TrustPolicy lets one principal take the role, with one external id and never
// without.
func TrustPolicy(principal, externalID string) string { return text(trust(principal, externalID)) }

// SessionPolicy bounds what a session may do whatever the role may: the full
// level, and the grants on keys of encrypted disks that EC2 asks for when it
// starts a machine in the caller's name. AWS takes the intersection, so it gives
// nothing that the role does not have. Compact, since its size is limited.
func SessionPolicy() string {
	p := permissions(Full)
	p.Statement = append(p.Statement, statement{
		Effect: "Allow", Action: "kms:CreateGrant", Resource: "*",
		Condition: map[string]map[string]string{"Bool": {"kms:GrantIsForAWSResource": "true"}},
	})
	raw, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings and maps of strings
	}
	return string(raw)
}

func text(p policy) string {
	raw, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		panic(err) // strings and maps of strings
	}
	return string(raw)
}

// CloudFormation is a template that makes the role with its trust and policy. It
// names no role, so that two workspaces may enter one account, and needs only
// CAPABILITY_IAM. The policies in it are JSON, which YAML contains.
func CloudFormation(l Level, principal, externalID string) string {
	what := "CloudHub looks at the machines of this account."
	if l == Full {
		what = "CloudHub looks at the machines of this account, starts and stops them."
	}
	return fmt.Sprintf(`AWSTemplateFormatVersion: "2010-09-09"
Description: %s
Resources:
  CloudHubRole:
    Type: AWS::IAM::Role
    Properties:
      Description: %s
      MaxSessionDuration: 3600
      AssumeRolePolicyDocument:
%s
      Policies:
        - PolicyName: CloudHub
          PolicyDocument:
%s
Outputs:
  RoleArn:
    Description: Paste this into CloudHub.
    Value: !GetAtt CloudHubRole.Arn
`, what, what, indent(text(trust(principal, externalID)), 8), indent(text(permissions(l)), 12))
}

func indent(s string, by int) string {
	pad := strings.Repeat(" ", by)
	return pad + strings.ReplaceAll(s, "\n", "\n"+pad)
}

var roleARN = regexp.MustCompile(`^arn:aws:iam::([0-9]{12}):role/(?:[!-~]+/)?[A-Za-z0-9_+=,.@-]{1,64}$`)

// AccountOf is the AWS account number of a role, "" when it is no role's ARN.
func AccountOf(arn string) string {
	if m := roleARN.FindStringSubmatch(arn); m != nil {
		return m[1]
	}
	return ""
}

// principalARN is an IAM user or role of one account: what a trust policy can
// name. A session's ARN ends with the session and a bare account trusts all its
// people, so neither is taken.
var principalARN = regexp.MustCompile(`^arn:aws:iam::[0-9]{12}:(user|role)/(?:[!-~]+/)?[A-Za-z0-9_+=,.@-]{1,64}$`)

// ValidPrincipal says whether an ARN can stand in our trust policies.
func ValidPrincipal(arn string) bool { return principalARN.MatchString(arn) }

// SessionName is what the customer's CloudTrail shows of a session: the
// workspace's id whole, the end of the organization's before it. AWS allows 64
// characters, which two whole ids and a word would pass.
func SessionName(org, workspace string) string {
	if i := strings.LastIndexByte(org, '-'); i >= 0 {
		org = org[i+1:]
	}
	name := "cloudhub"
	for _, part := range []string{org, workspace} {
		if part = notAllowed.ReplaceAllString(part, ""); part != "" {
			name += "-" + part
		}
	}
	return name[:min(len(name), 64)]
}

var notAllowed = regexp.MustCompile(`[^A-Za-z0-9_+=,.@-]`)
