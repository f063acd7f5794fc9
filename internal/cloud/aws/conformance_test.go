package aws_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/awsrole"
	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/cloud/aws"
	"github.com/cloudhub/cloudhub/internal/cloud/cloudtest"
	"github.com/cloudhub/cloudhub/internal/cloud/cloudtest/moto"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
)

const (
	home        = "us-east-1"
	nonexistent = "i-0dddddddddddddddd"
)

var missingPower = []string{"ec2:StartInstances", "ec2:StopInstances"}

func TestConformanceWithTheSimulator(t *testing.T) {
	t.Parallel()
	cloudtest.Run(t, nil, func(t *testing.T) cloudtest.Harness { return newSimulator(t).harness() })
}

// harness enters the account by keys.
func (b *simulator) harness() cloudtest.Harness {
	return cloudtest.Harness{
		New:     b.adapter,
		Account: b.account(goodKey), Denied: b.account(deniedKey), Wrong: b.account(unknownKey), WrongIsSent: true,
		Missing: missingPower, DeniedCode: "UnauthorizedOperation",
		Regions: b.regions, Nonexistent: nonexistent, PageSize: 1000,
		Make: b.take, Settle: func(*testing.T) { b.advance(5 * time.Minute) }, Sent: b.powerCalls,
		Throttled: func(t *testing.T, region string, calls int, outer func(http.RoundTripper) http.RoundTripper) cloudtest.Adapter {
			_, err := b.sim.AddFault(sim.Fault{
				Account: simAccount, Region: region, Times: calls, Effect: sim.FaultError, Code: "RequestLimitExceeded", Message: "Request limit exceeded.",
			})
			require.NoError(t, err)
			return b.adapter(t, outer)
		},
	}
}

// Moto is other people's reading of the EC2 manual. Where it and our simulator
// agree, the adapter is right about EC2 and not only about ourselves.
func TestConformanceWithMoto(t *testing.T) {
	t.Parallel()
	b := newMoto(t)
	deviations := map[cloudtest.Deviation]string{
		cloudtest.InstantPower:         "moto has no transitions: a stopped machine reads stopped at once",
		cloudtest.AlwaysSaysTransition: "moto answers stopping or pending whatever the machine was",
		cloudtest.RevivesTheGone:       "moto looks at no state before a start",
		cloudtest.NotAllOrNothing:      "moto stops machine by machine until one has stop protection",
		cloudtest.OnePageOnly:          "moto's MaxResults counts reservations, not machines",
		cloudtest.NoThrottle:           "moto has no limits",
		cloudtest.OtherDeniedCode:      "moto says AccessDenied, as STS does, where EC2 says UnauthorizedOperation",
		cloudtest.ForeignRegions:       "moto lists the regions of AWS China and GovCloud to a commercial account",
	}
	cloudtest.Run(t, deviations, func(*testing.T) cloudtest.Harness {
		return cloudtest.Harness{
			New:     b.adapter,
			Account: b.account(b.admin), Denied: b.account(b.reader), Wrong: b.account(cloud.Credential{
				AccessKeyID: "AKIAUNKNOWNUNKNOWN00", SecretAccessKey: "never issued",
			}),
			WrongIsSent: true,
			Missing:     missingPower, DeniedCode: "UnauthorizedOperation",
			Regions: []string{
				"af-south-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
				"ap-southeast-3", "ca-central-1", "eu-central-1", "eu-north-1", "eu-south-1", "eu-west-1", "eu-west-2", "eu-west-3",
				"sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
			},
			Nonexistent: nonexistent, PageSize: 1000,
			Make: b.run, Settle: func(*testing.T) {},
			Throttled: func(_ *testing.T, _ string, calls int, outer func(http.RoundTripper) http.RoundTripper) cloudtest.Adapter {
				busy := &throttling{}
				busy.left.Store(int32(calls))
				return aws.New(aws.Options{Endpoint: b.endpoint, Outer: outer, Transport: busy})
			},
		}
	})
}

// simulator is the simulated AWS with an estate to take machines from.
type simulator struct {
	sim     *sim.Sim
	server  *httptest.Server
	regions []string

	mu    sync.Mutex
	ahead time.Duration
	free  map[string][]string // region and kind → ids
}

const simAccount = "210987654321"

var (
	goodKey    = cloud.Credential{AccessKeyID: "AKIAGOODGOODGOOD0000", SecretAccessKey: "good secret"}
	deniedKey  = cloud.Credential{AccessKeyID: "AKIADENIEDDENIED0000", SecretAccessKey: "denied secret"}
	unknownKey = cloud.Credential{AccessKeyID: "AKIAUNKNOWNUNKNOWN00", SecretAccessKey: "never issued"}
)

func newSimulator(t *testing.T) *simulator {
	t.Helper()
	b := &simulator{
		regions: []string{"eu-west-1", "sa-east-1", "us-east-1", "us-west-2"},
		free:    map[string][]string{},
	}
	estate := sim.Estate{
		Behaviour: sim.Behaviour{
			Start: sim.Span{Min: sim.Duration(30 * time.Second)}, Stop: sim.Span{Min: sim.Duration(time.Minute)}, Throttle: 1,
		},
		Accounts: []sim.Account{{
			ID: simAccount, Regions: b.regions,
			Keys: []sim.Key{
				{AccessKeyID: goodKey.AccessKeyID, Secret: goodKey.SecretAccessKey},
				{AccessKeyID: deniedKey.AccessKeyID, Secret: deniedKey.SecretAccessKey, User: "reader", Denied: []sim.Denial{
					{Action: "ec2:StartInstances"}, {Action: "ec2:StopInstances"},
				}},
			},
			Roles: []sim.Role{
				{Name: "full", Trust: trusted(externalID), Policies: []json.RawMessage{json.RawMessage(awsrole.PermissionPolicy(awsrole.Full))}},
				{Name: "read", Trust: trusted(externalID), Policies: []json.RawMessage{json.RawMessage(awsrole.PermissionPolicy(awsrole.Read))}},
			},
		}, {ID: operator, Keys: []sim.Key{ownKey}}},
	}
	for _, region := range b.regions {
		machines := sim.Many(1200, sim.Instance{Region: region, Name: string(cloudtest.Plain)})
		machines = append(machines,
			sim.Instance{Region: region, Name: string(cloudtest.Unstoppable), InstanceStore: true},
			sim.Instance{
				Region: region, Name: string(cloudtest.Terminated), State: sim.Terminated,
				Launched: time.Now().Add(-time.Minute), // EC2 shows it for an hour
			})
		estate.Accounts[0].Instances = append(estate.Accounts[0].Instances, machines...)
	}
	s, err := sim.New(sim.Options{Estate: estate, Clock: b.now})
	require.NoError(t, err)
	b.sim, b.server = s, httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		b.server.Close()
	})
	for _, m := range s.Machines(simAccount, "") {
		kind, _, _ := strings.Cut(m.Name, "-")
		b.free[m.Region+kind] = append(b.free[m.Region+kind], m.ID)
	}
	return b
}

func (b *simulator) now() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Now().Add(b.ahead)
}

func (b *simulator) advance(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ahead += d
}

func (b *simulator) adapter(_ *testing.T, outer func(http.RoundTripper) http.RoundTripper) cloudtest.Adapter {
	return aws.New(aws.Options{Endpoint: b.server.URL, Outer: outer, Principal: ownPrincipal})
}

func (b *simulator) account(key cloud.Credential) cloud.Account {
	return cloud.Account{ExternalID: simAccount, Credential: key, HomeRegion: home}
}

func (b *simulator) take(t *testing.T, region string, kind cloudtest.Kind, n int) []string {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	free := b.free[region+string(kind)]
	require.GreaterOrEqual(t, len(free), n, "the estate is too small")
	b.free[region+string(kind)] = free[n:]
	return slices.Clone(free[:n])
}

func (b *simulator) powerCalls() int {
	n := 0
	for _, c := range b.sim.Calls(0) {
		if c.Action == "StartInstances" || c.Action == "StopInstances" {
			n++
		}
	}
	return n
}

// motoBackend is a moto server that verifies signatures and policies.
type motoBackend struct {
	endpoint      string
	admin, reader cloud.Credential
}

func newMoto(t *testing.T) *motoBackend {
	t.Helper()
	b := &motoBackend{endpoint: moto.Start(t)}
	b.admin = moto.User(t, b.endpoint, "admin", "*")
	b.reader = moto.User(t, b.endpoint, "reader", "ec2:Describe*")
	moto.Enforce(t, b.endpoint)
	return b
}

func (b *motoBackend) adapter(_ *testing.T, outer func(http.RoundTripper) http.RoundTripper) cloudtest.Adapter {
	return aws.New(aws.Options{Endpoint: b.endpoint, Outer: outer})
}

func (b *motoBackend) account(key cloud.Credential) cloud.Account {
	return cloud.Account{ExternalID: "123456789012", Credential: key, HomeRegion: home}
}

func (b *motoBackend) run(t *testing.T, region string, kind cloudtest.Kind, n int) []string {
	t.Helper()
	client := ec2.New(ec2.Options{
		BaseEndpoint: &b.endpoint, Region: region,
		Credentials: credentials.NewStaticCredentialsProvider(b.admin.AccessKeyID, b.admin.SecretAccessKey, ""),
	})
	out, err := client.RunInstances(t.Context(), &ec2.RunInstancesInput{
		ImageId: awssdk.String("ami-12345678"), MinCount: awssdk.Int32(int32(n)), MaxCount: awssdk.Int32(int32(n)),
		DisableApiStop: awssdk.Bool(kind == cloudtest.Unstoppable),
	})
	require.NoError(t, err)
	ids := make([]string, 0, n)
	for _, i := range out.Instances {
		ids = append(ids, awssdk.ToString(i.InstanceId))
	}
	if kind == cloudtest.Terminated {
		_, err := client.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: ids})
		require.NoError(t, err)
	}
	return ids
}

// throttling is a transport that answers as EC2 does when a bucket is empty.
type throttling struct{ left atomic.Int32 }

func (b *throttling) RoundTrip(r *http.Request) (*http.Response, error) {
	if b.left.Add(-1) < 0 {
		return http.DefaultTransport.RoundTrip(r)
	}
	_, _ = io.Copy(io.Discard, r.Body)
	return answer(http.StatusServiceUnavailable, "RequestLimitExceeded", "Request limit exceeded."), nil
}

func answer(status int, code, message string) *http.Response {
	w := httptest.NewRecorder()
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?><Response><Errors><Error><Code>`+code+
		`</Code><Message>`+message+`</Message></Error></Errors><RequestID>r-1</RequestID></Response>`)
	return w.Result()
}
