package sim_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/cloud/sim"
)

const region = "sa-east-1"

// epoch is where the fake clock begins: after everything in SmallEstate.
var epoch = time.Date(2026, time.November, 24, 17, 0, 0, 0, time.UTC)

type fakeClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// bundle is a provider on a loopback port and somebody who calls it.
type bundle struct {
	t     *testing.T
	sim   *sim.Sim
	url   string
	clock *fakeClock
	caller
}

// setup starts a provider with SmallEstate and a fake clock; change adapts it.
func setup(t *testing.T, change ...func(*sim.Options)) *bundle {
	t.Helper()
	clock := &fakeClock{now: epoch}
	opts := sim.Options{Estate: sim.SmallEstate(), Clock: clock.Now}
	for _, c := range change {
		c(&opts)
	}
	s, err := sim.New(opts)
	require.NoError(t, err)
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		srv.Close()
	})
	return &bundle{t: t, sim: s, url: srv.URL, clock: clock, caller: caller{key: sim.SmallKey, region: region}}
}

func behaviour(b sim.Behaviour) func(*sim.Options) {
	return func(o *sim.Options) { o.Estate.Behaviour = b }
}

func fixed(d time.Duration) sim.Span { return sim.Span{Min: sim.Duration(d)} }

// caller is a key at work in a region; it signs with its own few lines, so
// that the verification is not tested against itself.
type caller struct {
	key    sim.Key
	region string
	skew   time.Duration // of its clock
	token  string        // of a temporary key
}

// request builds a signed call. Params are Name=value pairs of the form.
func (c caller) request(base, action string, params ...string) *http.Request {
	service, version := "ec2", "2016-11-15"
	if action == "GetCallerIdentity" || action == "AssumeRole" {
		service, version = "sts", "2011-06-15"
	}
	form := url.Values{"Action": {action}, "Version": {version}}
	for _, p := range params {
		name, value, _ := strings.Cut(p, "=")
		form.Add(name, value)
	}
	return c.sign(base, service, form.Encode())
}

func (c caller) sign(base, service, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, base+"/", strings.NewReader(body))
	r.RequestURI = "" // a client's request from here on
	now := time.Now().Add(c.skew).UTC()
	date := now.Format("20060102")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Amz-Date", now.Format("20060102T150405Z"))

	headers := fmt.Sprintf("content-type:%s\nhost:%s\nx-amz-date:%s\n", r.Header.Get("Content-Type"), r.Host, r.Header.Get("X-Amz-Date"))
	signed := "content-type;host;x-amz-date"
	if c.token != "" {
		r.Header.Set("X-Amz-Security-Token", c.token)
		headers, signed = headers+"x-amz-security-token:"+c.token+"\n", signed+";x-amz-security-token"
	}
	canonical := "POST\n/\n\n" + headers + "\n" + signed + "\n" + digest(body)
	scope := date + "/" + c.region + "/" + service + "/aws4_request"
	toSign := "AWS4-HMAC-SHA256\n" + r.Header.Get("X-Amz-Date") + "\n" + scope + "\n" + digest(canonical)
	key := mac(mac(mac(mac([]byte("AWS4"+c.key.Secret), date), c.region), service), "aws4_request")
	r.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s",
		c.key.AccessKeyID, scope, signed, hex.EncodeToString(mac(key, toSign))))
	return r
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func mac(key []byte, message string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(message))
	return h.Sum(nil)
}

// reply is any answer of the provider; what does not occur in it stays empty.
type reply struct {
	Status    int `xml:"-"`
	XMLName   xml.Name
	Code      string `xml:"Errors>Error>Code"`
	Message   string `xml:"Errors>Error>Message"`
	RequestID string `xml:"requestId"`
	ErrorID   string `xml:"RequestID"`
	STS       struct {
		Code    string `xml:"Code"`
		Type    string `xml:"Type"`
		Message string `xml:"Message"`
	} `xml:"Error"`
	Identity struct {
		ARN     string `xml:"Arn"`
		Account string `xml:"Account"`
	} `xml:"GetCallerIdentityResult"`
	Session struct {
		AccessKeyID string    `xml:"Credentials>AccessKeyId"`
		Secret      string    `xml:"Credentials>SecretAccessKey"`
		Token       string    `xml:"Credentials>SessionToken"`
		Ends        time.Time `xml:"Credentials>Expiration"`
		ARN         string    `xml:"AssumedRoleUser>Arn"`
	} `xml:"AssumeRoleResult"`
	Regions []struct {
		Name   string `xml:"regionName"`
		Status string `xml:"optInStatus"`
	} `xml:"regionInfo>item"`
	Instances []instance `xml:"reservationSet>item>instancesSet>item"`
	Changes   []change   `xml:"instancesSet>item"`
	Statuses  []struct {
		ID     string `xml:"instanceId"`
		System string `xml:"systemStatus>status"`
	} `xml:"instanceStatusSet>item"`
	Tags []struct {
		Resource string `xml:"resourceId"`
		Key      string `xml:"key"`
	} `xml:"tagSet>item"`
	NextToken string `xml:"nextToken"`
}

type instance struct {
	ID             string    `xml:"instanceId"`
	State          string    `xml:"instanceState>name"`
	StateCode      int       `xml:"instanceState>code"`
	Type           string    `xml:"instanceType"`
	Zone           string    `xml:"placement>availabilityZone"`
	Launched       time.Time `xml:"launchTime"`
	PublicIP       string    `xml:"ipAddress"`
	PrivateIP      string    `xml:"privateIpAddress"`
	Reason         string    `xml:"reason"`
	ReasonCode     string    `xml:"stateReason>code"`
	Lifecycle      string    `xml:"instanceLifecycle"`
	RootDeviceType string    `xml:"rootDeviceType"`
	Tags           []struct {
		Key   string `xml:"key"`
		Value string `xml:"value"`
	} `xml:"tagSet>item"`
}

type change struct {
	ID       string `xml:"instanceId"`
	Current  string `xml:"currentState>name"`
	Previous string `xml:"previousState>name"`
}

func ids(instances []instance) []string {
	var out []string
	for _, in := range instances {
		out = append(out, in.ID)
	}
	return out
}

// call makes a call as the bundle's caller.
func (b *bundle) call(action string, params ...string) reply {
	b.t.Helper()
	return b.send(b.request(b.url, action, params...))
}

func (b *bundle) send(r *http.Request) reply {
	b.t.Helper()
	res, err := http.DefaultClient.Do(r)
	require.NoError(b.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(b.t, err)
	out := reply{Status: res.StatusCode}
	require.NoError(b.t, xml.Unmarshal(text, &out), "%s", text)
	return out
}

// show reads one machine.
func (b *bundle) show(id string) instance {
	b.t.Helper()
	r := b.call("DescribeInstances", "InstanceId.1="+id)
	require.Equal(b.t, http.StatusOK, r.Status, r.Message)
	require.Len(b.t, r.Instances, 1)
	return r.Instances[0]
}

func (b *bundle) state(id string) string {
	b.t.Helper()
	return b.show(id).State
}

// as makes the bundle's calls with another key from here on.
func (b *bundle) as(key sim.Key) *bundle {
	other := *b
	other.key = key
	return &other
}
