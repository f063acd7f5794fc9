package cloud

import (
	"context"
	"time"
)

type notAfterKey struct{}

// WithNotAfter forbids calls made with the context from leaving this process
// after t, without bounding how long an answer may be waited for. A deadline of
// the context does both: a call that left one second before it is cut off while
// the provider is still answering, and its outcome is then unknown. So power
// calls carry act_before here, and a later deadline for the answer.
func WithNotAfter(ctx context.Context, t time.Time) context.Context {
	if earlier, ok := ctx.Value(notAfterKey{}).(time.Time); ok && earlier.Before(t) {
		return ctx
	}
	return context.WithValue(ctx, notAfterKey{}, t)
}

// NotAfter is the last moment at which a call made with the context may leave:
// the earlier of WithNotAfter and the context's deadline. False when neither is
// set.
func NotAfter(ctx context.Context) (time.Time, bool) {
	deadline, ok := ctx.Deadline()
	t, set := ctx.Value(notAfterKey{}).(time.Time)
	if set && (!ok || t.Before(deadline)) {
		return t, true
	}
	return deadline, ok
}

// Detached has the values of ctx and neither its end nor its last moment: for
// work that serves others too.
func Detached(ctx context.Context) context.Context {
	return context.WithValue(context.WithoutCancel(ctx), notAfterKey{}, nil)
}
