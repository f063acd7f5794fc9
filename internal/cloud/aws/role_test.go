package aws_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/awsrole"
	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/cloud/aws"
	"github.com/cloudhub/cloudhub/internal/cloud/cloudtest"
	"github.com/cloudhub/cloudhub/internal/cloud/cloudtest/moto"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
)

const (
	operator   = "999988887777"
	externalID = "6e0f3a52-9a3c-4a52-8d0b-6f2f8f0b8a11"
	org        = "01a20d48-6d6f-7485-b839-4a6ce8bc2b08"
	workspace  = "01a20d48-6d6f-7486-8aaa-0123456789ab"
)

var (
	ownKey       = sim.Key{AccessKeyID: "AKIAOPERATOROPERATOR", Secret: "the operator's secret", User: "cloudhub"}
	ownPrincipal = aws.KeyPrincipal(ownKey.AccessKeyID, ownKey.Secret)
)

// trusted is the trust policy that the product offers.
func trusted(externalID string) json.RawMessage {
	return json.RawMessage(awsrole.TrustPolicy(ownKey.ARN(operator), externalID))
}

func (b *simulator) role(name, externalID string) cloud.Account {
	return cloud.Account{
		ID: name, ExternalID: simAccount, HomeRegion: home, Org: org, Workspace: workspace,
		Credential: cloud.Credential{RoleARN: "arn:aws:iam::" + simAccount + ":role/" + name, ExternalID: externalID},
	}
}

// pass lets time go by, here and at the provider.
func (b *simulator) pass(here *clock, d time.Duration) {
	here.advance(d)
	b.advance(d)
}

// assumed are the calls to AssumeRole so far.
func (b *simulator) assumed() []sim.Call {
	return slices.DeleteFunc(b.sim.Calls(0), func(c sim.Call) bool { return c.Action != "AssumeRole" })
}

// The whole suite, by roles that have no more than the policies which the page
// offers. So the policies suffice; and what the adapter sent with them is just
// what they list, so they are the least.
func TestConformanceByRoleAndThePoliciesAreTheLeast(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var all []*simulator
	cloudtest.Run(t, nil, func(t *testing.T) cloudtest.Harness {
		b := newSimulator(t)
		mu.Lock()
		all = append(all, b)
		mu.Unlock()
		h := b.harness()
		// What a case wraps is the calls about the account, not the taking of its role.
		h.New = func(t *testing.T, outer func(http.RoundTripper) http.RoundTripper) cloudtest.Adapter {
			return b.adapter(t, pastSTS(outer))
		}
		throttled := h.Throttled
		h.Throttled = func(t *testing.T, region string, calls int, outer func(http.RoundTripper) http.RoundTripper) cloudtest.Adapter {
			return throttled(t, region, calls, pastSTS(outer))
		}
		h.Account, h.Denied, h.Wrong, h.WrongIsSent = b.role("full", externalID), b.role("read", externalID), b.role("none", externalID), false
		return h
	})
	sent := map[string]map[string]bool{}
	for _, b := range all {
		for _, c := range b.sim.Calls(0) {
			if _, rest, ok := strings.Cut(c.Principal, ":assumed-role/"); ok {
				role, _, _ := strings.Cut(rest, "/")
				if sent[role] == nil {
					sent[role] = map[string]bool{}
				}
				sent[role][c.Service+":"+c.Action] = true
			}
		}
	}
	for role, level := range map[string]awsrole.Level{"full": awsrole.Full, "read": awsrole.Full} {
		var actions []string
		for a := range sent[role] {
			actions = append(actions, a)
		}
		require.ElementsMatch(t, awsrole.Actions(level), actions, "what a role is asked for (a probe tries the changes of power of any) and what its policy lists")
	}
}

func pastSTS(outer func(http.RoundTripper) http.RoundTripper) func(http.RoundTripper) http.RoundTripper {
	return func(inner http.RoundTripper) http.RoundTripper {
		if outer == nil {
			return inner
		}
		wrapped := outer(inner)
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if strings.Contains(r.Header.Get("Authorization"), ownKey.AccessKeyID) {
				return inner.RoundTrip(r)
			}
			return wrapped.RoundTrip(r)
		})
	}
}

// What looks only sends nothing that the reading policy does not list.
func TestReadingNeedsNoMoreThanItsPolicy(t *testing.T) {
	t.Parallel()
	b := newSimulator(t)
	a := b.adapter(t, nil)
	require.NoError(t, a.ListInstances(t.Context(), b.role("read", externalID), func(c cloud.Coverage, _ []cloud.Instance) error {
		require.True(t, c.OK, c)
		return nil
	}))
	_, err := a.DescribeInstances(t.Context(), b.role("read", externalID), home, b.take(t, home, cloudtest.Plain, 2))
	require.NoError(t, err)
	for _, c := range b.sim.Calls(0) {
		if c.Action != "AssumeRole" {
			require.Contains(t, awsrole.Actions(awsrole.Read), c.Service+":"+c.Action)
		}
	}
}

// A role is taken with its external id, and tried without and with another.
func TestAProbeTriesTheTrustPolicy(t *testing.T) {
	t.Parallel()
	b := newSimulator(t)
	a := b.adapter(t, nil)
	p, err := a.Probe(t.Context(), b.role("full", externalID))
	require.NoError(t, err)
	require.Empty(t, p.Missing())
	require.Equal(t, simAccount, p.Identity.ExternalID)
	require.Equal(t, "arn:aws:sts::"+simAccount+":assumed-role/full/cloudhub-4a6ce8bc2b08-"+workspace, p.Identity.Principal)
	var answers []string
	for _, c := range b.assumed() {
		answers = append(answers, c.Code)
	}
	require.Equal(t, []string{"", "AccessDenied", "AccessDenied"}, answers)

	put := func(name, trust string) {
		_, err := b.sim.PutRole(simAccount, sim.Role{Name: name, Trust: json.RawMessage(trust), Policies: []json.RawMessage{json.RawMessage(awsrole.PermissionPolicy(awsrole.Full))}})
		require.NoError(t, err)
	}
	own := awsrole.TrustPolicy(ownKey.ARN(operator), externalID)
	var open map[string]any
	require.NoError(t, json.Unmarshal([]byte(own), &open))
	delete(open["Statement"].([]any)[0].(map[string]any), "Condition")
	raw, err := json.Marshal(open)
	require.NoError(t, err)
	put("open", string(raw))
	put("someone", strings.ReplaceAll(own, "user/cloudhub", "user/someone"))
	for name, c := range map[string]struct {
		account cloud.Account
		reason  cloud.Reason
		code    string
	}{
		"a role that asks for no external id":        {b.role("open", externalID), cloud.ReasonOpenRole, ""},
		"another tenant, whose external id is other": {b.role("full", "11111111-2222-4333-8444-555555555555"), cloud.ReasonUnauthenticated, "AccessDenied"},
		"a role that trusts somebody else":           {b.role("someone", externalID), cloud.ReasonUnauthenticated, "AccessDenied"},
		"a role that is not there":                   {b.role("none", externalID), cloud.ReasonUnauthenticated, "AccessDenied"},
	} {
		_, err := a.Probe(t.Context(), c.account)
		var e *cloud.Error
		require.ErrorAs(t, err, &e, name)
		require.Equal(t, c.reason, e.Reason, name)
		require.Equal(t, c.code, e.Code, name)
	}
}

// nth answers some of the calls to AssumeRole itself.
type nth struct {
	inner  http.RoundTripper
	n      atomic.Int32
	answer func(n int32) (*http.Response, error)
}

func (x *nth) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if strings.Contains(string(body), "Action=AssumeRole") {
		if res, err := x.answer(x.n.Add(1)); res != nil || err != nil {
			return res, err
		}
	}
	return x.inner.RoundTrip(r)
}

func stsError(status int, code string) *http.Response {
	res := answer(status, code, "")
	res.Body = io.NopCloser(strings.NewReader(`<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>` + code +
		`</Code><Message>x</Message></Error><RequestId>r-1</RequestId></ErrorResponse>`))
	return res
}

// What says nothing about the trust policy must not pass for its refusal: the
// role may stand open all the same.
func TestAThrottleIsNoRefusalOfTheTrustPolicy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer func() (*http.Response, error)
		reason cloud.Reason
	}{
		"throttled": {func() (*http.Response, error) { return stsError(http.StatusBadRequest, "Throttling"), nil }, cloud.ReasonThrottled},
		"down": {func() (*http.Response, error) {
			return stsError(http.StatusServiceUnavailable, "ServiceUnavailable"), nil
		}, cloud.ReasonTransient},
		"no network": {func() (*http.Response, error) { return nil, fmt.Errorf("connection refused") }, cloud.ReasonTransient},
		"something":  {func() (*http.Response, error) { return stsError(http.StatusBadRequest, "PackedPolicyTooLarge"), nil }, cloud.ReasonInvalid},
		"a proxy": {func() (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusForbidden, Header: http.Header{}, Body: http.NoBody}, nil
		}, cloud.ReasonNoPrincipal},
	} {
		for _, from := range []int32{2, 3} { // the second is without, the third with another
			t.Run(fmt.Sprintf("%s at %d", name, from), func(t *testing.T) {
				t.Parallel()
				b := newSimulator(t)
				_, err := b.adapter(t, func(inner http.RoundTripper) http.RoundTripper {
					return &nth{inner: inner, answer: func(n int32) (*http.Response, error) {
						if n < from {
							return nil, nil
						}
						return c.answer()
					}}
				}).Probe(t.Context(), b.role("full", externalID))
				require.Equal(t, c.reason, cloud.ReasonOf(err), err)
			})
		}
	}
}

func TestWithoutAPrincipalThatWorksThereAreNoRoles(t *testing.T) {
	t.Parallel()
	b := newSimulator(t)
	ids := b.take(t, home, cloudtest.Plain, 1)
	for name, own := range map[string]*aws.Principal{
		"none": nil, "unknown": aws.KeyPrincipal("AKIAUNKNOWNUNKNOWN00", "x"), "another secret": aws.KeyPrincipal(ownKey.AccessKeyID, "x"),
	} {
		a := aws.New(aws.Options{Endpoint: b.server.URL, Principal: own})
		_, err := a.Probe(t.Context(), b.role("full", externalID))
		require.Equal(t, cloud.ReasonNoPrincipal, cloud.ReasonOf(err), name)
		_, err = a.SetPower(t.Context(), b.role("full", externalID), home, cloud.PowerOff, ids)
		var e *cloud.Error
		require.ErrorAs(t, err, &e, name)
		require.Equal(t, cloud.ReasonNoPrincipal, e.Reason, name)
		require.False(t, e.Sent, name)
	}
	require.Zero(t, b.powerCalls())
}

// Many calls at once share a session, and the next one when it nears its end.
func TestSessionsAreSharedAndRenewedInTime(t *testing.T) {
	t.Parallel()
	b := newSimulator(t)
	var hand clock
	a := aws.New(aws.Options{Endpoint: b.server.URL, Principal: ownPrincipal, Clock: hand.now})
	ids := b.take(t, home, cloudtest.Plain, 1)
	many := func() {
		t.Helper()
		var wg sync.WaitGroup
		for range 40 {
			wg.Go(func() {
				_, err := a.DescribeInstances(t.Context(), b.role("full", externalID), home, ids)
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	many()
	require.Len(t, b.assumed(), 1)
	b.pass(&hand, 24*time.Minute)
	many()
	require.Len(t, b.assumed(), 1, "it lasts for half an hour")
	b.pass(&hand, 2*time.Minute)
	many()
	require.Len(t, b.assumed(), 2, "five minutes before its end it is replaced")

	// Another account's role, and the same role for another account, are others.
	for _, other := range []cloud.Account{b.role("read", externalID), func() cloud.Account { o := b.role("full", externalID); o.ID = "other"; return o }()} {
		_, err := a.DescribeInstances(t.Context(), other, home, ids)
		require.NoError(t, err)
	}
	require.Len(t, b.assumed(), 4)
}

// A process that was frozen with a session in hand does not send with it, and
// goes on with another when it thaws.
func TestAPowerCallNeverLeavesWithASessionThatHasEnded(t *testing.T) {
	t.Parallel()
	b := newSimulator(t)
	ids := b.take(t, home, cloudtest.Plain, 1)
	var hand clock
	var frozen atomic.Bool
	a := aws.New(aws.Options{
		Endpoint: b.server.URL, Principal: ownPrincipal, Clock: hand.now,
		Outer: func(inner http.RoundTripper) http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response, error) {
				if strings.Contains(r.Header.Get("Authorization"), "/ec2/") && frozen.CompareAndSwap(false, true) {
					b.pass(&hand, 31*time.Minute)
				}
				return inner.RoundTrip(r)
			})
		},
	})
	_, err := a.SetPower(t.Context(), b.role("full", externalID), home, cloud.PowerOff, ids)
	var e *cloud.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, cloud.ReasonTransient, e.Reason)
	require.False(t, e.Sent)
	require.Zero(t, b.powerCalls())
	_, err = a.SetPower(t.Context(), b.role("full", externalID), home, cloud.PowerOff, ids)
	require.NoError(t, err)
	require.Equal(t, 1, b.powerCalls())
	require.Len(t, b.assumed(), 2)
}

// AWS may end a session before its time. Such a call changed nothing, and the
// next one has another session.
func TestASessionThatAWSHasEndedIsReplaced(t *testing.T) {
	t.Parallel()
	b := newSimulator(t)
	a := b.adapter(t, nil)
	ids := b.take(t, home, cloudtest.Plain, 1)
	_, err := a.DescribeInstances(t.Context(), b.role("full", externalID), home, ids)
	require.NoError(t, err)
	b.advance(31 * time.Minute) // the provider's time alone
	_, err = a.SetPower(t.Context(), b.role("full", externalID), home, cloud.PowerOff, ids)
	require.Equal(t, cloud.ReasonTransient, cloud.ReasonOf(err), err)
	m, _ := b.sim.Machine(ids[0])
	require.Equal(t, sim.Running, m.State)
	_, err = a.SetPower(t.Context(), b.role("full", externalID), home, cloud.PowerOff, ids)
	require.NoError(t, err)
}

// When STS cannot be asked, a session that still lasts for some minutes serves.
func TestAnOldSessionServesWhileSTSIsDown(t *testing.T) {
	t.Parallel()
	b := newSimulator(t)
	var hand clock
	a := aws.New(aws.Options{Endpoint: b.server.URL, Principal: ownPrincipal, Clock: hand.now})
	ids := b.take(t, home, cloudtest.Plain, 1)
	look := func() error {
		_, err := a.DescribeInstances(t.Context(), b.role("full", externalID), home, ids)
		return err
	}
	require.NoError(t, look())
	_, err := b.sim.AddFault(sim.Fault{Action: "AssumeRole", Effect: sim.FaultError, Status: 400, Code: "Throttling"})
	require.NoError(t, err)
	b.pass(&hand, 27*time.Minute)
	require.NoError(t, look())
	b.pass(&hand, 90*time.Second)
	require.Equal(t, cloud.ReasonThrottled, cloud.ReasonOf(look()), "it may end under way")
	b.sim.ClearFaults()
	require.NoError(t, look())
}

// Taking the role is part of the call's time: after its last moment nothing
// leaves, and one caller's end is not another's.
func TestTheLastMomentHoldsWhileARoleIsTaken(t *testing.T) {
	t.Parallel()
	b := newSimulator(t)
	release := make(chan struct{})
	a := b.adapter(t, func(inner http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if strings.Contains(r.Header.Get("Authorization"), ownKey.AccessKeyID) {
				<-release
			}
			return inner.RoundTrip(r)
		})
	})
	ids := b.take(t, home, cloudtest.Plain, 1)
	ctx := cloud.WithNotAfter(t.Context(), time.Now().Add(50*time.Millisecond))
	_, err := a.SetPower(ctx, b.role("full", externalID), home, cloud.PowerOff, ids)
	var e *cloud.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, cloud.ReasonTooLate, e.Reason)
	require.False(t, e.Sent)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = a.DescribeInstances(ctx, b.role("full", externalID), home, ids)
	require.ErrorIs(t, err, context.Canceled)

	close(release)
	_, err = a.DescribeInstances(t.Context(), b.role("full", externalID), home, ids)
	require.NoError(t, err, "who has time is served by what the first one asked for")
	require.Zero(t, b.powerCalls())
	require.Len(t, b.assumed(), 1)
}

func TestSessionsAreNotLogged(t *testing.T) {
	t.Parallel()
	b := newSimulator(t)
	var log bytes.Buffer
	var calls []aws.Call
	var token string
	a := aws.New(aws.Options{
		Endpoint: b.server.URL, Principal: ownPrincipal, Logger: slog.New(slog.NewTextHandler(&log, nil)), Observer: func(c aws.Call) { calls = append(calls, c) },
		Outer: func(inner http.RoundTripper) http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response, error) {
				if s := r.Header.Get("X-Amz-Security-Token"); s != "" {
					token = s
				}
				return inner.RoundTrip(r)
			})
		},
	})
	ids := b.take(t, home, cloudtest.Plain, 1)
	_, err := a.SetPower(t.Context(), b.role("read", externalID), home, cloud.PowerOff, ids)
	require.Equal(t, cloud.ReasonDenied, cloud.ReasonOf(err))
	require.NotEmpty(t, token)
	require.Equal(t, []string{"AssumeRole", "StopInstances"}, []string{calls[0].Operation, calls[1].Operation})
	require.Equal(t, simAccount, calls[0].Account)
	for _, secret := range []string{token, token[:60], ownKey.Secret, externalID} {
		require.NotContains(t, log.String(), secret)
		require.NotContains(t, fmt.Sprintf("%+v %v", calls, err), secret)
	}
}

// Moto looks at the principal of a trust policy and at an external id that is
// given, and lets in whoever gives none. So it cannot show that a good role passes
// the probe; it shows that an open one does not, that another tenant's external id
// is refused, and that the role's policy bounds its sessions, all by other
// people's reading of the manual.
func TestRolesWithMoto(t *testing.T) {
	t.Parallel()
	b := &motoBackend{endpoint: moto.Start(t)}
	b.admin = moto.User(t, b.endpoint, "admin", "*")
	own := moto.User(t, b.endpoint, "cloudhub", "sts:AssumeRole")
	trust := awsrole.TrustPolicy("arn:aws:iam::123456789012:user/cloudhub", externalID)
	full := moto.Role(t, b.endpoint, "full", trust, awsrole.PermissionPolicy(awsrole.Full))
	read := moto.Role(t, b.endpoint, "read", trust, awsrole.PermissionPolicy(awsrole.Read))
	moto.Enforce(t, b.endpoint)
	account := func(arn string) cloud.Account {
		a := b.account(cloud.Credential{RoleARN: arn, ExternalID: externalID})
		a.ID, a.Org, a.Workspace = arn, org, workspace
		return a
	}
	var refusal string
	a := aws.New(aws.Options{
		Endpoint: b.endpoint, Principal: aws.KeyPrincipal(own.AccessKeyID, own.SecretAccessKey),
		Outer: func(inner http.RoundTripper) http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response, error) {
				res, err := inner.RoundTrip(r)
				if err == nil && res.StatusCode == http.StatusForbidden {
					body, _ := io.ReadAll(res.Body)
					refusal, res.Body = string(body), io.NopCloser(bytes.NewReader(body))
				}
				return res, err
			})
		},
	})
	_, err := a.Probe(t.Context(), account(full))
	require.Equal(t, cloud.ReasonOpenRole, cloud.ReasonOf(err), "moto lets in whoever gives no external id: should it refuse him one day, the probe must pass")

	ids := b.run(t, home, cloudtest.Plain, 2)
	tenant := account(full)
	tenant.Credential.ExternalID = "11111111-2222-4333-8444-555555555555"
	_, err = a.DescribeInstances(t.Context(), tenant, home, ids)
	require.Error(t, err)
	require.Contains(t, refusal, "<Code>AccessDenied</Code>")
	require.Contains(t, refusal, "not authorized to perform: sts:AssumeRole", "worded in EC2's form, which the SDK does not read as an answer of STS")
	found, err := a.DescribeInstances(t.Context(), account(read), home, ids)
	require.NoError(t, err)
	require.Len(t, found, 2)
	_, err = a.SetPower(t.Context(), account(read), home, cloud.PowerOff, ids)
	require.Equal(t, cloud.ReasonDenied, cloud.ReasonOf(err), err)
	result, err := a.SetPower(t.Context(), account(full), home, cloud.PowerOff, ids)
	require.NoError(t, err)
	require.Len(t, result.Accepted, 2)
	stranger := aws.New(aws.Options{Endpoint: b.endpoint, Principal: aws.KeyPrincipal("AKIAUNKNOWNUNKNOWN00", "x")})
	_, err = stranger.DescribeInstances(t.Context(), account(read), home, ids)
	require.Equal(t, cloud.ReasonNoPrincipal, cloud.ReasonOf(err), err)
}
