package sim_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/cloud/sim"
)

const (
	operator = "999988887777"
	external = "6e0f3a52-9a3c-4a52-8d0b-6f2f8f0b8a11"
	roleARN  = "arn:aws:iam::" + sim.SmallAccount + ":role/CloudHub"
)

var operatorKey = sim.Key{AccessKeyID: "AKIAOPERATOROPERATOR", Secret: "simulated/not-a-secret/operator", User: "cloudhub"}

func trusting(principal, condition string) json.RawMessage {
	return json.RawMessage(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "` + principal + `"}, "Action": "sts:AssumeRole"` + condition + `}]}`)
}

const asksForID = `, "Condition": {"StringEquals": {"sts:ExternalId": "` + external + `"}}`

var mayRead = json.RawMessage(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"}]}`)

// roles is a provider where the operator may take a role of the small account.
func roles(t *testing.T, change ...func(*sim.Options)) *bundle {
	t.Helper()
	b := setup(t, append([]func(*sim.Options){func(o *sim.Options) {
		o.Estate.Accounts = append(o.Estate.Accounts, sim.Account{ID: operator, Keys: []sim.Key{operatorKey}})
		o.Estate.Accounts[0].Roles = []sim.Role{{
			Name: "CloudHub", Trust: trusting(operatorKey.ARN(operator), asksForID),
			Policies: []json.RawMessage{mayRead},
		}}
	}}, change...)...)
	return b.as(operatorKey)
}

func (b *bundle) assume(arn string, more ...string) reply {
	b.t.Helper()
	return b.call("AssumeRole", append([]string{"RoleArn=" + arn, "RoleSessionName=cloudhub-x"}, more...)...)
}

// in makes the bundle's calls with a session from here on.
func (b *bundle) in(r reply) *bundle {
	b.t.Helper()
	require.Equal(b.t, http.StatusOK, r.Status, "%+v", r.STS)
	other := b.as(sim.Key{AccessKeyID: r.Session.AccessKeyID, Secret: r.Session.Secret})
	other.token = r.Session.Token
	return other
}

func TestATrustPolicyLetsIn(t *testing.T) {
	t.Parallel()
	b := roles(t)
	me := operatorKey.ARN(operator)
	put := func(name string, trust json.RawMessage) string {
		arn, err := b.sim.PutRole(sim.SmallAccount, sim.Role{Name: name, Trust: trust})
		require.NoError(t, err)
		return arn
	}
	with := "ExternalId=" + external
	for name, c := range map[string]struct {
		arn   string
		more  []string
		wants string
	}{
		"the external id":              {roleARN, []string{with}, ""},
		"no external id":               {roleARN, nil, "AccessDenied"},
		"another external id":          {roleARN, []string{"ExternalId=" + external + "0"}, "AccessDenied"},
		"in capitals":                  {roleARN, []string{"ExternalId=" + strings.ToUpper(external)}, "AccessDenied"},
		"a role that is not there":     {roleARN + "2", []string{with}, "AccessDenied"},
		"an account that is not":       {"arn:aws:iam::000000000000:role/CloudHub", []string{with}, "AccessDenied"},
		"an open role":                 {put("Open", trusting(me, "")), nil, ""},
		"an open role, with any id":    {put("Open", trusting(me, "")), []string{with}, ""},
		"another principal":            {put("Other", trusting("arn:aws:iam::"+operator+":user/other", asksForID)), []string{with}, "AccessDenied"},
		"the whole account":            {put("Root", trusting("arn:aws:iam::"+operator+":root", asksForID)), []string{with}, ""},
		"everybody, with the id":       {put("All", trusting("*", asksForID)), []string{with}, ""},
		"everybody, without":           {put("All", trusting("*", asksForID)), nil, "AccessDenied"},
		"a session of fifteen minutes": {roleARN, []string{with, "DurationSeconds=900"}, ""},
		"a shorter one":                {roleARN, []string{with, "DurationSeconds=899"}, "ValidationError"},
		"longer than the role allows":  {roleARN, []string{with, "DurationSeconds=3601"}, "ValidationError"},
		"a malformed external id":      {roleARN, []string{"ExternalId=a b"}, "ValidationError"},
		"a policy that is none":        {roleARN, []string{with, "Policy={}"}, "MalformedPolicyDocument"},
	} {
		r := b.assume(c.arn, c.more...)
		require.Equal(t, c.wants, r.STS.Code, name)
		if c.wants == "AccessDenied" {
			require.Equal(t, http.StatusForbidden, r.Status, name)
			require.Equal(t, "User: "+me+" is not authorized to perform: sts:AssumeRole on resource: "+c.arn, r.STS.Message, "as STS words it")
		}
	}
	require.Equal(t, "ValidationError", b.call("AssumeRole", "RoleArn="+roleARN, "RoleSessionName=a b", with).STS.Code)
	require.Equal(t, "AccessDenied", b.as(sim.SmallKey).assume(roleARN, with).STS.Code, "nobody else may, not even of the role's own account")
}

func TestASessionMayWhatItsRoleMay(t *testing.T) {
	t.Parallel()
	b := roles(t)
	got := b.assume(roleARN, "ExternalId="+external)
	require.Regexp(t, `^ASIA[0-9A-F]{16}$`, got.Session.AccessKeyID)
	require.Equal(t, epoch.Add(time.Hour), got.Session.Ends)
	s := b.in(got)
	who := s.call("GetCallerIdentity")
	require.Equal(t, "arn:aws:sts::"+sim.SmallAccount+":assumed-role/CloudHub/cloudhub-x", who.Identity.ARN)
	require.Equal(t, who.Identity.ARN, got.Session.ARN)
	require.Equal(t, sim.SmallAccount, who.Identity.Account)
	require.Equal(t, "running", s.state(sim.SmallRunning))
	r := s.call("StopInstances", "InstanceId.1="+sim.SmallRunning)
	require.Equal(t, "UnauthorizedOperation", r.Code)
	require.Contains(t, r.Message, "User: "+who.Identity.ARN+" is not authorized to perform: ec2:StopInstances")
	require.Equal(t, "AccessDenied", s.assume(roleARN, "ExternalId="+external).STS.Code)

	// A policy of the session bounds it, and gives nothing.
	bounded := b.in(b.assume(roleARN, "ExternalId="+external,
		`Policy={"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ec2:DescribeRegions","ec2:StopInstances"],"Resource":"*"}]}`))
	require.Equal(t, http.StatusOK, bounded.call("DescribeRegions").Status)
	require.Equal(t, "UnauthorizedOperation", bounded.call("DescribeInstances").Code)
	require.Equal(t, "UnauthorizedOperation", bounded.call("StopInstances", "InstanceId.1="+sim.SmallRunning).Code)

	// What the role may is looked at anew at each call.
	_, err := b.sim.PutRole(sim.SmallAccount, sim.Role{Name: "CloudHub", Trust: trusting("*", asksForID)})
	require.NoError(t, err)
	require.Equal(t, "UnauthorizedOperation", s.call("DescribeInstances").Code)
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	b := roles(t)
	s := b.in(b.assume(roleARN, "ExternalId="+external, "DurationSeconds=900"))
	b.clock.Advance(15*time.Minute - time.Second)
	require.Equal(t, http.StatusOK, s.call("DescribeRegions").Status)
	b.clock.Advance(time.Second)
	r := s.call("DescribeRegions")
	require.Equal(t, "RequestExpired", r.Code)
	r = s.call("GetCallerIdentity")
	require.Equal(t, "ExpiredToken", r.STS.Code)
	require.Equal(t, "The security token included in the request is expired", r.STS.Message)
}

// A temporary key is nobody's without its own token, whole and signed.
func TestSessionTokensAreVerified(t *testing.T) {
	t.Parallel()
	b := roles(t)
	first := b.assume(roleARN, "ExternalId="+external)
	second := b.assume(roleARN, "ExternalId="+external)
	for name, token := range map[string]string{
		"none": "", "another's": second.Session.Token, "changed": "x" + first.Session.Token[1:], "cut": first.Session.Token[:40], "nonsense": "////",
	} {
		s := b.in(first)
		s.token = token
		require.Equal(t, "AuthFailure", s.call("DescribeRegions").Code, name)
		require.Equal(t, "InvalidClientTokenId", s.call("GetCallerIdentity").STS.Code, name)
	}
	s := b.in(first)
	s.token = ""
	unsigned := s.request(b.url, "DescribeRegions")
	unsigned.Header.Set("X-Amz-Security-Token", first.Session.Token)
	require.Equal(t, "AuthFailure", b.send(unsigned).Code, "a token that was put on afterwards")
	s = b.in(first)
	s.key.Secret = second.Session.Secret
	require.Equal(t, "SignatureDoesNotMatch", s.call("DescribeRegions").Code)
}

// A restart forgets neither roles nor sessions, and a folder of an older program
// gets the accounts that the newer one knows.
func TestRolesAndSessionsAreDurable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old, err := sim.New(sim.Options{Dir: dir, Estate: sim.SmallEstate()})
	require.NoError(t, err)
	require.NoError(t, old.Close())

	first := roles(t, func(o *sim.Options) { o.Dir = dir })
	_, err = first.sim.PutRole(sim.SmallAccount, sim.Role{Name: "Later", Trust: trusting("*", asksForID), Policies: []json.RawMessage{mayRead}})
	require.NoError(t, err)
	session := first.in(first.assume("arn:aws:iam::"+sim.SmallAccount+":role/Later", "ExternalId="+external))
	require.NoError(t, first.sim.Close())

	again := setup(t, func(o *sim.Options) { o.Dir = dir })
	session.sim, session.url = again.sim, again.url
	require.Equal(t, "running", session.state(sim.SmallRunning))
	require.Empty(t, again.as(operatorKey).assume("arn:aws:iam::"+sim.SmallAccount+":role/Later", "ExternalId="+external).STS.Code)
	require.NotContains(t, readFile(t, dir, "calls.jsonl"), session.key.Secret)
	require.NotContains(t, readFile(t, dir, "calls.jsonl"), session.token)
}

func TestRolesOverHTTP(t *testing.T) {
	t.Parallel()
	b := roles(t, func(o *sim.Options) { o.ControlToken = "token" })
	post := func(body, token string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url+"/_sim/roles", bytes.NewReader([]byte(body)))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		return res.StatusCode
	}
	good := `{"account":"` + sim.SmallAccount + `","name":"New","trust_policy":` + string(trusting("*", asksForID)) + `}`
	require.Equal(t, http.StatusUnauthorized, post(good, "other"))
	require.Equal(t, http.StatusCreated, post(good, "token"))
	require.Empty(t, b.assume("arn:aws:iam::"+sim.SmallAccount+":role/New", "ExternalId="+external).STS.Code)
	for name, body := range map[string]string{
		"no account":                        strings.ReplaceAll(good, sim.SmallAccount, "000000000000"),
		"no trust":                          `{"account":"` + sim.SmallAccount + `","name":"New"}`,
		"no principal":                      strings.ReplaceAll(good, `"Principal": {"AWS": "*"}, `, ""),
		"a condition that is not simulated": strings.ReplaceAll(good, "StringEquals", "StringLike"),
		"a service":                         strings.ReplaceAll(good, `"AWS"`, `"Service"`),
		"a name":                            strings.ReplaceAll(good, `"New"`, `"a b"`),
	} {
		require.Equal(t, http.StatusBadRequest, post(body, "token"), name)
	}
}
