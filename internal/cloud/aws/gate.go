package aws

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/platform/crashpoint"
)

// gate is the innermost RoundTripper of ours: below the SDK's retries and
// signing, below the budget. It compares the time once more before a request
// leaves, because a process can be frozen anywhere above (a suspended machine, a
// stopped container, a long collection) and wake up hours later in the middle of
// a call.
//
// It compares twice. The transport below it may still wait for a connection, so
// the second time is when the transport reads the first byte of the body, with
// the connection in its hands. By then the headers may have left, but the action
// and its machines are in the body, and so is what the signature covers: a
// request that breaks off before it does nothing.
type gate struct {
	base  http.RoundTripper
	clock func() time.Time
}

func (g *gate) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	c := callFrom(ctx)
	crashpoint.Reached(crashpoint.Signed, c.ids...)
	if err := g.late(ctx, c); err != nil {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, err
	}
	if r.Body == nil || r.Body == http.NoBody {
		c.sent.Store(true)
		return g.base.RoundTrip(r)
	}
	// GetBody stays nil, so the transport cannot send the body a second time
	// over another connection: that would be a retry nobody decided on.
	r = r.Clone(ctx)
	r.Body = &gatedBody{ReadCloser: r.Body, pass: func() error {
		crashpoint.Reached(crashpoint.Sending, c.ids...)
		if err := g.late(ctx, c); err != nil {
			return err
		}
		c.sent.Store(true)
		return nil
	}}
	r.GetBody = nil
	return g.base.RoundTrip(r)
}

// late says whether the last moment for leaving has passed, or the end of the
// role's session that signed. A monotonic clock
// stands still while the machine is suspended and a wall clock can be set back,
// so either of them is enough.
func (g *gate) late(ctx context.Context, c *call) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	now := g.clock()
	if c.slot != nil && !c.session.lasts(now, 0) {
		c.over.Store(true)
		return errSessionOver{}
	}
	last, ok := cloud.NotAfter(ctx)
	if !ok {
		return nil
	}
	if now.Before(last) && now.Round(0).Before(last.Round(0)) {
		return nil
	}
	c.late.Store(true)
	return errTooLate{}
}

// gatedBody asks pass before its first byte is read.
type gatedBody struct {
	io.ReadCloser
	pass   func() error
	passed bool
}

func (b *gatedBody) Read(p []byte) (int, error) {
	if !b.passed {
		if err := b.pass(); err != nil {
			return 0, err
		}
		b.passed = true
	}
	return b.ReadCloser.Read(p)
}

// errTooLate stops the SDK from trying again.
type errTooLate struct{}

func (errTooLate) Error() string        { return "the last moment for sending has passed" }
func (errTooLate) CanceledError() bool  { return true }
func (errTooLate) RetryableError() bool { return false }
