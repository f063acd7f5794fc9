// Package aws is the adapter for Amazon EC2: it implements cloud.Instances over
// the unmodified AWS SDK.
//
// It owns the translation between EC2 and the neutral model, the budget of
// calls per account, the sessions of roles, and the gate that keeps a late call
// from leaving. It must not decide what to stop or start, keep a customer's key
// longer than one call, or let an SDK error out: every error about the provider
// is a *cloud.Error.
package aws

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/middleware"

	"github.com/cloudhub/cloudhub/internal/cloud"
)

const (
	appID         = "cloudhub" // shown in the customer's CloudTrail as app/cloudhub
	defaultRegion = "us-east-1"
	// readAttempts bounds the SDK's own retries of reads; power calls have one.
	readAttempts = 4
	maxBackoff   = 5 * time.Second
	// regionsAtOnce bounds how many regions one listing reads in parallel.
	regionsAtOnce = 4
)

// Options configure an Adapter. The zero value talks to AWS itself.
type Options struct {
	// Endpoint replaces every AWS endpoint, for the simulator or moto. Empty
	// means AWS.
	Endpoint string
	// Transport sends what the gate has let through. Nil means a transport with
	// time limits for connecting and for the first byte of the answer.
	Transport http.RoundTripper
	// Outer wraps the gate, for tracing. Whatever it does happens before the
	// gate compares the time.
	Outer func(http.RoundTripper) http.RoundTripper
	// Logger gets the provider's own words about every failed call, with its
	// request id and without credentials. Nil discards.
	Logger *slog.Logger
	// Clock is the time the gate and the budget go by. Nil means time.Now.
	Clock func() time.Time
	// Principal is the installation's own identity, with which it takes the roles
	// of accounts. Nil has none: such accounts answer ReasonNoPrincipal.
	Principal *Principal
	// Budget bounds the calls per account; the zero value is what CloudHub uses.
	Budget Budget
	// Observer is told of every attempt, from the goroutine that made it. It
	// must return quickly. Nil tells nobody.
	Observer func(Call)
}

// Adapter implements cloud.Prober for AWS, and cloud.Instances for EC2. It is safe for concurrent use,
// and holds no key of a customer's, only sessions of roles until they end: the
// two SDK clients are shared by all accounts and regions, and each call brings
// its own key and region with it.
type Adapter struct {
	ec2       *ec2.Client
	sts       *sts.Client
	log       *slog.Logger
	clock     func() time.Time
	budget    *budget
	observer  func(Call)
	principal *Principal
	sessions  *sessions
}

var _ cloud.Instances = (*Adapter)(nil)

// New returns an adapter. It reads no environment variable, no profile and no
// instance metadata: those are the operator's own credentials, and a customer's
// account must never be reached with them by mistake. A Principal is all that
// takes roles, and it signs nothing else.
func New(o Options) *Adapter {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Observer == nil {
		o.Observer = func(Call) {}
	}
	if o.Transport == nil {
		o.Transport = newTransport()
	}
	a := &Adapter{
		log: o.Logger, clock: o.Clock, observer: o.Observer, budget: newBudget(o.Budget, o.Clock),
		principal: o.Principal, sessions: newSessions(),
	}

	var rt http.RoundTripper = &gate{base: o.Transport, clock: o.Clock}
	if o.Outer != nil {
		rt = o.Outer(rt)
	}
	client := &http.Client{Transport: rt, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // a power call followed elsewhere would be sent twice
	}}
	var endpoint *string
	if o.Endpoint != "" {
		endpoint = aws.String(o.Endpoint)
	}
	stack := []func(*middleware.Stack) error{a.perAttempt}
	a.ec2 = ec2.New(ec2.Options{
		AppID: appID, BaseEndpoint: endpoint, HTTPClient: client, APIOptions: stack, Region: defaultRegion, HTTPSignerV4: forgetful{},
	})
	a.sts = sts.New(sts.Options{
		AppID: appID, BaseEndpoint: endpoint, HTTPClient: client, APIOptions: stack, Region: defaultRegion, HTTPSignerV4: forgetful{},
	})
	return a
}

func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 60 * time.Second, // DescribeInstances of a full page has been seen to take ten
		// Below the provider's own limit: a connection that it closes under a
		// power call leaves an unknown outcome behind.
		IdleConnTimeout:     30 * time.Second,
		MaxIdleConns:        256,
		MaxIdleConnsPerHost: 16,
	}
}

// readRetryer is made anew for each call: the SDK's quota of retries hangs on
// it, and one customer's failing account must not use up the others'.
func readRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = readAttempts
		o.MaxBackoff = maxBackoff
	})
}

// asReader makes one EC2 call with the account's key and bounded retries.
func asReader(c *call) func(*ec2.Options) {
	return func(o *ec2.Options) {
		o.Credentials, o.Region, o.Retryer = c.signer, c.region, readRetryer()
	}
}

// asSwitch makes one EC2 call with the account's key and exactly one attempt.
func asSwitch(c *call) func(*ec2.Options) {
	return func(o *ec2.Options) {
		o.Credentials, o.Region, o.Retryer = c.signer, c.region, aws.NopRetryer{}
	}
}

// invoke makes one EC2 call and translates what comes of it.
func invoke[I, O any](
	ctx context.Context, a *Adapter, c *call, do func(context.Context, *I, ...func(*ec2.Options)) (*O, error),
	in *I, as func(*ec2.Options),
) (*O, error) {
	if err := a.signIn(ctx, c); err != nil {
		return nil, err
	}
	out, err := do(withCall(ctx, c), in, as)
	if err != nil {
		return nil, a.translate(ctx, c, err)
	}
	return out, nil
}

func homeRegion(account cloud.Account) string {
	if account.HomeRegion != "" {
		return account.HomeRegion
	}
	return defaultRegion
}
