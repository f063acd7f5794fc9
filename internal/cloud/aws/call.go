package aws

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/middleware"
	"go.opentelemetry.io/otel/trace"

	"github.com/cloudhub/cloudhub/internal/cloud"
)

// Call is what an Observer is told of one attempt at one call: figures for
// metrics, without credentials and without the ids of machines.
type Call struct {
	Account   string // provider's account number; empty while it is unknown
	Region    string
	Operation string // e.g. "StopInstances"
	IDs       int    // machines named in the call
	// Waited is how long the budget held the attempt back.
	Waited time.Duration
	// Took is how long the provider had it; 0 when it was not sent.
	Took   time.Duration
	Reason cloud.Reason // empty when the attempt succeeded
	Code   string       // provider's code when it failed
	Sent   bool
}

// call follows one operation through the SDK, over all of its attempts.
type call struct {
	account cloud.Account
	region  string
	op      string
	ids     []string
	// signer is set by signIn; slot and session when a role signs.
	signer  aws.CredentialsProvider
	slot    *slot
	session session
	// sent is set when a body was handed to a connection: from then on the
	// outcome of a failed call is unknown.
	sent atomic.Bool
	late atomic.Bool
	over atomic.Bool // the session ended before the call left
}

type callKey struct{}

func withCall(ctx context.Context, c *call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// callFrom returns the call that the context belongs to. Every request of the
// adapter has one; a request without is a mistake of this package, and gets an
// empty one rather than a panic in a transport.
func callFrom(ctx context.Context) *call {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c
	}
	return &call{}
}

// perAttempt puts the budget inside the SDK's retry loop, so that retries pay
// for themselves, and before signing, so that a signature is not aged by
// waiting.
func (a *Adapter) perAttempt(stack *middleware.Stack) error {
	return stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("CloudHubBudget", a.attempt), "Retry", middleware.After)
}

func (a *Adapter) attempt(
	ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
) (middleware.FinalizeOutput, middleware.Metadata, error) {
	c := callFrom(ctx)
	fact := Call{Account: c.account.ExternalID, Region: c.region, Operation: c.op, IDs: len(c.ids)}

	parent := trace.SpanFromContext(ctx)
	ctx, _ = startSpan(ctx, c)
	begun := a.clock()
	turn, err := a.budget.wait(ctx, c)
	fact.Waited = a.clock().Sub(begun)
	if err != nil {
		fact.Reason = cloud.ReasonOf(err)
		a.observer(fact)
		endSpan(ctx, parent, fact, middleware.Metadata{}, nil)
		return middleware.FinalizeOutput{}, middleware.Metadata{}, err
	}

	begun = a.clock()
	out, md, err := next.HandleFinalize(ctx, in)
	fact.Sent = c.sent.Load()
	if fact.Sent {
		fact.Took = a.clock().Sub(begun)
	}
	var verdict *cloud.Error
	if err != nil {
		verdict = classify(ctx, c, err)
	}
	if verdict != nil && verdict.Code == dryRunPassed {
		verdict = nil
	}
	if verdict != nil {
		fact.Reason, fact.Code = verdict.Reason, verdict.Code
	}
	turn.done(verdict)
	a.observer(fact)
	endSpan(ctx, parent, fact, md, verdict)
	return out, md, err
}
