package aws_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/cloud/aws"
	"github.com/cloudhub/cloudhub/internal/cloud/cloudtest"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
)

// clock is a time that a test can move.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

// listener counts the requests that reach a server which accepts everything.
func listener(t *testing.T) (endpoint string, requests *atomic.Int32) {
	t.Helper()
	requests = &atomic.Int32{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		_, _ = io.WriteString(w, `<StopInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><instancesSet/></StopInstancesResponse>`)
	}))
	t.Cleanup(server.Close)
	return server.URL, requests
}

var someone = cloud.Account{ExternalID: simAccount, Credential: goodKey, HomeRegion: home}

// The last wait of a call is for a connection, below everything of ours. A
// process that is frozen there must not stop machines when it thaws.
func TestAFreezeWhileConnectingSendsNothing(t *testing.T) {
	t.Parallel()
	b := newSimulator(t)
	ids := b.take(t, home, cloudtest.Plain, 1)
	var hand clock
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		hand.advance(12 * time.Hour) // frozen overnight, with the connection in hand
		return conn, err
	}}
	t.Cleanup(transport.CloseIdleConnections)
	a := aws.New(aws.Options{Endpoint: b.server.URL, Transport: transport, Clock: hand.now})

	ctx := cloud.WithNotAfter(t.Context(), hand.now().Add(time.Minute))
	_, err := a.SetPower(ctx, b.account(goodKey), home, cloud.PowerOff, ids)
	var e *cloud.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, cloud.ReasonTooLate, e.Reason)
	require.False(t, e.Sent)
	require.Zero(t, b.powerCalls())
	m, _ := b.sim.Machine(ids[0])
	require.Equal(t, sim.Running, m.State)
}

// The same over a connection that is already open, and within the time.
func TestTheGateLetsThroughWhatIsInTime(t *testing.T) {
	t.Parallel()
	endpoint, requests := listener(t)
	var hand clock
	a := aws.New(aws.Options{Endpoint: endpoint, Clock: hand.now})
	ctx := cloud.WithNotAfter(t.Context(), hand.now().Add(time.Minute))
	for range 2 {
		_, err := a.SetPower(ctx, someone, home, cloud.PowerOff, []string{nonexistent})
		require.NoError(t, err)
	}
	require.EqualValues(t, 2, requests.Load())
	hand.advance(61 * time.Second)
	_, err := a.SetPower(ctx, someone, home, cloud.PowerOff, []string{nonexistent})
	require.Equal(t, cloud.ReasonTooLate, cloud.ReasonOf(err))
	require.EqualValues(t, 2, requests.Load())
}

// A call whose answer was lost may have stopped the machine: the caller must
// look before it says anything, and must not be told that nothing was sent.
func TestAnUnknownOutcomeIsSaidToBe(t *testing.T) {
	t.Parallel()
	for _, effect := range []sim.Effect{sim.FaultReset, sim.FaultHang} {
		t.Run(string(effect), func(t *testing.T) {
			t.Parallel()
			b := newSimulator(t)
			ids := b.take(t, home, cloudtest.Plain, 1)
			_, err := b.sim.AddFault(sim.Fault{Action: "StopInstances", Effect: effect, AnswerLost: true})
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err = b.adapter(t, nil).SetPower(ctx, b.account(goodKey), home, cloud.PowerOff, ids)
			var e *cloud.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, cloud.ReasonTransient, e.Reason)
			require.True(t, e.Sent)
			require.Equal(t, 1, b.powerCalls(), "never a second attempt")
			m, _ := b.sim.Machine(ids[0])
			require.Equal(t, sim.Stopping, m.State)
		})
	}
}

// A provider that cannot be reached at all was certainly not told anything.
func TestNoConnectionMeansNothingWasSent(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	a := aws.New(aws.Options{Endpoint: "http://" + closed.Addr().String()})
	_, err = a.SetPower(t.Context(), someone, home, cloud.PowerOff, []string{nonexistent})
	var e *cloud.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, cloud.ReasonTransient, e.Reason)
	require.False(t, e.Sent)
	require.NotContains(t, e.Error(), closed.Addr().String(), "the operator's addresses are not the customer's")
}

func TestAServersFaultIsTransientAndNotRepeated(t *testing.T) {
	t.Parallel()
	b := newSimulator(t)
	ids := b.take(t, home, cloudtest.Plain, 1)
	_, err := b.sim.AddFault(sim.Fault{Action: "StartInstances", Effect: sim.FaultCapacity})
	require.NoError(t, err)
	_, err = b.sim.AddFault(sim.Fault{Action: "StopInstances", Effect: sim.FaultError, Status: 500, Code: "InternalError"})
	require.NoError(t, err)
	a := b.adapter(t, nil)
	_, err = a.SetPower(t.Context(), b.account(goodKey), home, cloud.PowerOff, ids)
	require.Equal(t, cloud.ReasonTransient, cloud.ReasonOf(err))
	_, err = a.SetPower(t.Context(), b.account(goodKey), home, cloud.PowerOn, ids)
	require.Equal(t, cloud.ReasonCapacity, cloud.ReasonOf(err))
	require.Equal(t, 2, b.powerCalls())
}

// One region that may not be read, or fails on its second page, is said to be
// unread: half of it would make the other half look deleted.
func TestARegionIsReadWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	b := newSimulator(t)
	_, err := b.sim.AddFault(sim.Fault{Region: "eu-west-1", Action: "DescribeInstances", Effect: sim.FaultError, Status: 403, Code: "UnauthorizedOperation"})
	require.NoError(t, err)
	var pages atomic.Int32
	second := func(inner http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
			if strings.Contains(string(body), "NextToken=") && strings.Contains(r.Header.Get("Authorization"), "sa-east-1") {
				pages.Add(1)
				return answer(http.StatusInternalServerError, "InternalError", "An internal error has occurred"), nil
			}
			return inner.RoundTrip(r)
		})
	}
	got := map[string]cloud.Coverage{}
	err = b.adapter(t, second).ListInstances(t.Context(), b.account(goodKey), func(c cloud.Coverage, found []cloud.Instance) error {
		got[c.Region] = c
		require.Len(t, found, c.Count)
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, cloud.Coverage{Region: "eu-west-1", Reason: string(cloud.ReasonDenied), Detail: "UnauthorizedOperation"}, got["eu-west-1"])
	require.Equal(t, cloud.Coverage{Region: "sa-east-1", Reason: string(cloud.ReasonTransient), Detail: "InternalError"}, got["sa-east-1"])
	require.EqualValues(t, 4, pages.Load(), "a reading is tried a few times")
	require.Equal(t, cloud.Coverage{Region: "us-east-1", OK: true, Count: 1201}, got["us-east-1"])
	require.Len(t, got, 4)
}

// EC2 refuses a filter of more than 200 values, which the simulator lets pass.
func TestADescriptionStaysWithinTheFiltersLimit(t *testing.T) {
	t.Parallel()
	b := newSimulator(t)
	ids := b.take(t, home, cloudtest.Plain, 1000)
	var calls atomic.Int32
	watch := func(inner http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			body, err := io.ReadAll(r.Body)
			if err != nil || strings.Contains(string(body), "Filter.1.Value.201=") {
				t.Errorf("too many values in a filter (%v)", err)
			}
			calls.Add(1)
			r.Body = io.NopCloser(bytes.NewReader(body))
			return inner.RoundTrip(r)
		})
	}
	found, err := b.adapter(t, watch).DescribeInstances(t.Context(), b.account(goodKey), home, ids)
	require.NoError(t, err)
	require.Len(t, found, 1000)
	require.EqualValues(t, 5, calls.Load())
}

func TestListingEndsWithItsReader(t *testing.T) {
	t.Parallel()
	b := newSimulator(t)
	full := errors.New("the database is full")
	calls := 0
	err := b.adapter(t, nil).ListInstances(t.Context(), b.account(goodKey), func(cloud.Coverage, []cloud.Instance) error {
		calls++
		return full
	})
	require.ErrorIs(t, err, full)
	require.Equal(t, 1, calls)
}

// Without DescribeRegions there is no list of regions, but the probe says so
// instead of failing: it is what the person has to add to the policy.
func TestProbeWithoutRegions(t *testing.T) {
	t.Parallel()
	b := newSimulator(t)
	_, err := b.sim.AddFault(sim.Fault{Action: "DescribeRegions", Effect: sim.FaultError, Status: 403, Code: "UnauthorizedOperation"})
	require.NoError(t, err)
	p, err := b.adapter(t, nil).Probe(t.Context(), b.account(deniedKey))
	require.NoError(t, err)
	require.Empty(t, p.Regions)
	require.Equal(t, []string{"ec2:DescribeRegions", "ec2:StartInstances", "ec2:StopInstances"}, p.Missing())
}

// A dry run that is permitted is answered with an error, which must not show in
// the metrics and logs of every account that is added.
func TestPermittedDryRunsAreNoErrors(t *testing.T) {
	t.Parallel()
	b := newMoto(t) // it says DryRunOperation where EC2 may also look for the machine first
	var log bytes.Buffer
	a := aws.New(aws.Options{
		Endpoint: b.endpoint, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Observer: func(c aws.Call) { require.Empty(t, c.Reason, c.Operation) },
	})
	_, err := a.Probe(t.Context(), b.account(b.admin))
	require.NoError(t, err)
	require.Empty(t, log.String())
}

// A probe that AWS did not answer says nothing about permissions.
func TestProbeOfABrokenProviderIsAnError(t *testing.T) {
	t.Parallel()
	b := newSimulator(t)
	_, err := b.sim.AddFault(sim.Fault{Action: "StopInstances", Effect: sim.FaultError, Status: 400, Code: "SomethingElse"})
	require.NoError(t, err)
	_, err = b.adapter(t, nil).Probe(t.Context(), b.account(goodKey))
	require.Equal(t, cloud.ReasonInvalid, cloud.ReasonOf(err))
}

// Two accounts through one adapter at once must never borrow each other's key.
func TestKeysDoNotMix(t *testing.T) {
	t.Parallel()
	b := newSimulator(t)
	a := b.adapter(t, nil)
	var wg sync.WaitGroup
	for range 2 { // four starts, though dry, are what the budget gives at once
		wg.Go(func() {
			p, err := a.Probe(t.Context(), b.account(goodKey))
			if err != nil || len(p.Missing()) != 0 {
				t.Errorf("good key: %v %v", p.Missing(), err)
			}
		})
		wg.Go(func() {
			p, err := a.Probe(t.Context(), b.account(deniedKey))
			if err != nil || len(p.Missing()) != 2 || !strings.HasSuffix(p.Identity.Principal, "/reader") {
				t.Errorf("denied key: %+v %v", p, err)
			}
		})
	}
	wg.Wait()
}

// Metrics need every attempt, logs the provider's words, and neither a secret.
func TestWhatIsObservedAndLogged(t *testing.T) {
	t.Parallel()
	b := newSimulator(t)
	_, err := b.sim.AddFault(sim.Fault{Action: "DescribeInstances", Effect: sim.FaultError, Code: "RequestLimitExceeded", Times: 1})
	require.NoError(t, err)
	var log bytes.Buffer
	var calls []aws.Call
	var agent string
	a := aws.New(aws.Options{
		Endpoint: b.server.URL, Logger: slog.New(slog.NewTextHandler(&log, nil)), Observer: func(c aws.Call) { calls = append(calls, c) },
		Outer: func(inner http.RoundTripper) http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response, error) {
				agent = r.UserAgent()
				return inner.RoundTrip(r)
			})
		},
	})
	ids := b.take(t, home, cloudtest.Plain, 1)
	_, err = a.DescribeInstances(t.Context(), b.account(goodKey), home, ids)
	require.NoError(t, err)
	_, err = a.SetPower(t.Context(), b.account(deniedKey), home, cloud.PowerOff, ids)
	require.Error(t, err)

	require.Len(t, calls, 3)
	for i, want := range []struct {
		op     string
		reason cloud.Reason
	}{{"DescribeInstances", cloud.ReasonThrottled}, {"DescribeInstances", ""}, {"StopInstances", cloud.ReasonDenied}} {
		require.Equal(t, want.op, calls[i].Operation)
		require.Equal(t, want.reason, calls[i].Reason)
		require.Equal(t, simAccount, calls[i].Account)
		require.True(t, calls[i].Sent)
		require.Positive(t, calls[i].Took)
	}
	require.Contains(t, agent, "app/cloudhub")
	require.Contains(t, log.String(), "UnauthorizedOperation")
	for _, secret := range []string{goodKey.SecretAccessKey, deniedKey.SecretAccessKey, deniedKey.AccessKeyID} {
		require.NotContains(t, log.String(), secret)
		require.NotContains(t, fmt.Sprintf("%+v %v", calls, err), secret)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
