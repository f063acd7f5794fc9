package sim_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/cloud/sim"
)

func TestIdentity(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.call("GetCallerIdentity")
	require.Equal(t, http.StatusOK, r.Status)
	require.Equal(t, sim.SmallAccount, r.Identity.Account)
	require.Equal(t, "arn:aws:iam::111122223333:user/cloudhub", r.Identity.ARN)
	require.Equal(t, "https://sts.amazonaws.com/doc/2011-06-15/", r.XMLName.Space)
	require.Equal(t, "http://ec2.amazonaws.com/doc/2016-11-15/", b.call("DescribeRegions").XMLName.Space)
}

// A key that is wrong in any way opens nothing, and each service says so in
// its own words.
func TestBadCredentials(t *testing.T) {
	t.Parallel()
	wrong := sim.Key{AccessKeyID: sim.SmallKey.AccessKeyID, Secret: "something else"}
	unknown := sim.Key{AccessKeyID: "AKIANOBODYKNOWSTHIS2", Secret: sim.SmallKey.Secret}
	for name, tc := range map[string]struct {
		caller       caller
		ec2, sts     string
		codeE, codeS int
	}{
		"wrong secret":   {caller{key: wrong, region: region}, "SignatureDoesNotMatch", "SignatureDoesNotMatch", 403, 403},
		"unknown key":    {caller{key: unknown, region: region}, "AuthFailure", "InvalidClientTokenId", 401, 403},
		"unknown region": {caller{key: sim.SmallKey, region: "br-sul-1"}, "AuthFailure", "InvalidClientTokenId", 401, 403},
		"clock behind":   {caller{key: sim.SmallKey, region: region, skew: -6 * time.Minute}, "RequestExpired", "SignatureDoesNotMatch", 400, 403},
		"clock ahead":    {caller{key: sim.SmallKey, region: region, skew: 6 * time.Minute}, "RequestExpired", "SignatureDoesNotMatch", 400, 403},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.caller = tc.caller
			r := b.call("DescribeInstances")
			require.Equal(t, tc.codeE, r.Status)
			require.Equal(t, tc.ec2, r.Code)
			r = b.call("GetCallerIdentity")
			require.Equal(t, tc.codeS, r.Status)
			require.Equal(t, tc.sts, r.STS.Code)
			require.Equal(t, "Sender", r.STS.Type)
			for _, c := range b.sim.Calls(0) {
				require.Empty(t, c.Account)
			}
		})
	}
}

func TestClockWithinTolerance(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.skew = -4 * time.Minute
	require.Equal(t, http.StatusOK, b.call("DescribeInstances").Status)
}

// The signature covers what was sent: nobody changes a call on its way.
func TestTamperedRequests(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, tamper := range map[string]func(*http.Request){
		"query":        func(r *http.Request) { r.URL.RawQuery = "InstanceId.9=" + sim.SmallRunning2 },
		"method":       func(r *http.Request) { r.Method = http.MethodPut },
		"content type": func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") },
		"host":         func(r *http.Request) { r.Host = "ec2.example" },
		"body": func(r *http.Request) {
			other := b.request(b.url, "StopInstances", "InstanceId.1="+sim.SmallRunning2)
			r.Body, r.ContentLength = other.Body, other.ContentLength
		},
	} {
		r := b.request(b.url, "StopInstances", "InstanceId.1="+sim.SmallRunning)
		tamper(r)
		require.Equal(t, "SignatureDoesNotMatch", b.send(r).Code, name)
	}
	require.Equal(t, "running", b.state(sim.SmallRunning))
	require.Equal(t, "running", b.state(sim.SmallRunning2))
}

func TestIncompleteAuthorization(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for header, code := range map[string]string{
		"":                   "MissingParameter",
		"Bearer abc":         "IncompleteSignature",
		"AWS4-HMAC-SHA256 x": "IncompleteSignature",
		"AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=0":                            "IncompleteSignature",
		"AWS4-HMAC-SHA256 Credential=AKIA/20261124//ec2/aws4_request, SignedHeaders=host, Signature=0":  "IncompleteSignature",
		"AWS4-HMAC-SHA256 Credential=AKIA/20261124/sa-east-1/ec2/aws4_request, SignedHeaders=host":      "IncompleteSignature",
		"AWS4-HMAC-SHA256 Credential=AKIA/20261124/sa-east-1/ec2/aws4_request, Signature=0123456789abc": "IncompleteSignature",
	} {
		r := b.request(b.url, "DescribeInstances")
		r.Header.Set("Authorization", header)
		require.Equal(t, code, b.send(r).Code, header)
	}
	r := b.request(b.url, "GetCallerIdentity")
	r.Header.Del("Authorization")
	require.Equal(t, "MissingAuthenticationToken", b.send(r).STS.Code)
	r = b.request(b.url, "DescribeInstances")
	r.Header.Del("X-Amz-Date")
	require.Equal(t, "IncompleteSignature", b.send(r).Code)
}

// A log that ends up in an issue must not carry what opens an account.
func TestSecretsStayOut(t *testing.T) {
	t.Parallel()
	require.NotContains(t, sim.SmallKey.String(), sim.SmallKey.Secret)
	dir := t.TempDir()
	b := setup(t, func(o *sim.Options) { o.Dir = dir })
	signed := b.request(b.url, "StopInstances", "InstanceId.1="+sim.SmallRunning)
	require.Equal(t, http.StatusOK, b.send(signed).Status)
	log := readFile(t, dir, "calls.jsonl")
	require.NotContains(t, log, sim.SmallKey.Secret)
	require.NotContains(t, log, "Signature")
	require.NotContains(t, log, "AWS4")
}
