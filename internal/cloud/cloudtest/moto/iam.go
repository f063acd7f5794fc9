package moto

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/cloudhub/cloudhub/internal/cloud"
)

// iamScope makes moto take a call as one to IAM. Before Enforce it looks at
// nothing else in the signature.
const iamScope = "AWS4-HMAC-SHA256 Credential=moto/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=none"

// User makes an IAM user who may do what the actions say ("ec2:*") and nothing
// else, and returns a key of his. It works only before Enforce.
func User(t testing.TB, endpoint, name string, actions ...string) cloud.Credential {
	t.Helper()
	policy, err := json.Marshal(map[string]any{
		"Version":   "2012-10-17",
		"Statement": []map[string]any{{"Effect": "Allow", "Action": actions, "Resource": "*"}},
	})
	if err != nil {
		t.Fatalf("moto: %v", err)
	}
	iam(t, endpoint, url.Values{"Action": {"CreateUser"}, "UserName": {name}})
	iam(t, endpoint, url.Values{
		"Action": {"PutUserPolicy"}, "UserName": {name}, "PolicyName": {"only"}, "PolicyDocument": {string(policy)},
	})
	var key struct {
		ID     string `xml:"CreateAccessKeyResult>AccessKey>AccessKeyId"`
		Secret string `xml:"CreateAccessKeyResult>AccessKey>SecretAccessKey"`
	}
	answer := iam(t, endpoint, url.Values{"Action": {"CreateAccessKey"}, "UserName": {name}})
	if err := xml.Unmarshal(answer, &key); err != nil || key.ID == "" {
		t.Fatalf("moto: no key in %q (%v)", answer, err)
	}
	return cloud.Credential{AccessKeyID: key.ID, SecretAccessKey: key.Secret}
}

// Role makes an IAM role with a trust policy (at which moto never looks) and a
// policy, and returns its ARN. It works only before Enforce.
func Role(t testing.TB, endpoint, name, trust, policy string) (arn string) {
	t.Helper()
	var role struct {
		ARN string `xml:"CreateRoleResult>Role>Arn"`
	}
	answer := iam(t, endpoint, url.Values{"Action": {"CreateRole"}, "RoleName": {name}, "AssumeRolePolicyDocument": {trust}})
	if err := xml.Unmarshal(answer, &role); err != nil || role.ARN == "" {
		t.Fatalf("moto: no role in %q (%v)", answer, err)
	}
	iam(t, endpoint, url.Values{"Action": {"PutRolePolicy"}, "RoleName": {name}, "PolicyName": {"only"}, "PolicyDocument": {policy}})
	return role.ARN
}

// Enforce makes the server verify signatures and IAM policies from now on. Moto
// does neither by default.
func Enforce(t testing.TB, endpoint string) {
	t.Helper()
	post(t, endpoint+"/moto-api/reset-auth", "text/plain", "", "0")
}

func iam(t testing.TB, endpoint string, form url.Values) []byte {
	t.Helper()
	form.Set("Version", "2010-05-08")
	return post(t, endpoint, "application/x-www-form-urlencoded", iamScope, form.Encode())
}

func post(t testing.TB, url, contentType, authorization, body string) []byte {
	t.Helper()
	answer, err := send(t.Context(), url, contentType, authorization, body)
	if err != nil {
		t.Fatalf("moto: %v", err)
	}
	return answer
}

func send(ctx context.Context, url, contentType, authorization, body string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", contentType)
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", res.Status, answer)
	}
	return answer, err
}
