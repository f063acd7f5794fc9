package rpc

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/types/dynamicpb"

	cloudhubv1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/api/gen/cloudhub/v1/cloudhubv1connect"
	"github.com/cloudhub/cloudhub/internal/access"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/internal/platform/telemetry"
)

func permissionsOfTheTable() []access.Permission { return access.Permissions() }

// broken is a service whose handlers fail.
type broken struct{ fail func() error }

func (b broken) GetMe(context.Context, *cloudhubv1.GetMeRequest) (*cloudhubv1.GetMeResponse, error) {
	return nil, b.fail()
}

func (b broken) ListSessions(context.Context, *cloudhubv1.ListSessionsRequest) (*cloudhubv1.ListSessionsResponse, error) {
	return nil, b.fail()
}

func (b broken) RevokeSession(context.Context, *cloudhubv1.RevokeSessionRequest) (*cloudhubv1.RevokeSessionResponse, error) {
	return nil, b.fail()
}

const secret = "a secret in a panic"

func TestAFailureTellsNothingButARequestID(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func() error{
		"a panic":             func() error { panic(secret) },
		"a panic of an error": func() error { panic(errors.New(secret)) },
		"a nil pointer":       func() error { var b *broken; return b.fail() },
		"an unknown error":    func() error { return errors.New(secret) },
		"a wrapped one":       func() error { return &rpcerr.Error{Reason: rpcerr.ReasonInternal, Cause: errors.New(secret)} },
	} {
		var logs bytes.Buffer
		s, err := New(Deps{
			Authenticate: func(_ context.Context, _ string, c *Caller) error { c.UserID = uuid.New(); return nil },
			Logger:       telemetry.JSONLogger(&logs, slog.LevelInfo), Now: time.Now, Registerer: prometheus.NewRegistry(),
		})
		require.NoError(t, err)
		_, handler := cloudhubv1connect.NewUserServiceHandler(broken{fail}, s.Options()...)
		hs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx := telemetry.WithTags(r.Context(), telemetry.RequestID, "req_1")
			handler.ServeHTTP(w, r.WithContext(WithCaller(ctx, NewCaller("192.0.2.1", "req_1", r))))
		}))
		t.Cleanup(hs.Close)
		ctx, call := connect.NewClientContext(t.Context())
		call.RequestHeader().Set("Authorization", "Bearer x")
		_, err = cloudhubv1connect.NewUserServiceClient(hs.Client(), hs.URL).GetMe(ctx, &cloudhubv1.GetMeRequest{})
		var e *connect.Error
		require.ErrorAs(t, err, &e, name)
		require.Equal(t, connect.CodeInternal, e.Code(), name)
		require.NotContains(t, e.Error(), secret, name)
		require.NotContains(t, e.Error(), "panic", name)
		require.Len(t, e.Details(), 2, name)
		for _, d := range e.Details() {
			v, err := d.Value()
			require.NoError(t, err)
			if info, ok := v.(*errdetails.RequestInfo); ok {
				require.Equal(t, "req_1", info.GetRequestId())
			}
		}
		require.Contains(t, logs.String(), "req_1", "the log knows which request it was")
		if strings.HasPrefix(name, "a panic") {
			require.NotContains(t, logs.String(), secret, name)
			require.Contains(t, logs.String(), "stack", name)
		}
	}
}

func TestARecentSignInIsAsked(t *testing.T) {
	t.Parallel()
	m := methodOf(t, contract(t, &cloudhubv1.Auth{Access: cloudhubv1.Access_ACCESS_AUTHENTICATED, Rate: cloudhubv1.RateClass_RATE_CLASS_READ, RecentSignIn: true}, nil))
	now := time.Now()
	a := &Authorizer{Now: func() time.Time { return now }}
	ask := func(c *Caller) error {
		_, err := a.Authorize(WithCaller(t.Context(), c), m, dynamicpb.NewMessage(m.Input()))
		return err
	}
	require.NoError(t, ask(&Caller{UserID: uuid.New(), SignedInAt: now.Add(-recentSignIn)}))
	require.Equal(t, rpcerr.ReasonRecentSignInNeeded, rpcerr.ReasonOf(ask(&Caller{UserID: uuid.New(), SignedInAt: now.Add(-recentSignIn - time.Second)})))
	require.Equal(t, rpcerr.ReasonUnauthenticated, rpcerr.ReasonOf(ask(&Caller{SignedInAt: now})))
}

// CheckContract lets no such method through; should one come, it is closed.
func TestAnUndeclaredMethodIsClosed(t *testing.T) {
	t.Parallel()
	a := &Authorizer{Now: time.Now}
	for _, auth := range []*cloudhubv1.Auth{nil, {}, {Access: 99}} {
		m := methodOf(t, contract(t, auth, both))
		_, err := a.Authorize(WithCaller(t.Context(), &Caller{UserID: uuid.New(), SignedInAt: time.Now()}), m, dynamicpb.NewMessage(m.Input()))
		require.Equal(t, rpcerr.ReasonInternal, rpcerr.ReasonOf(err))
	}
}

func TestBucketsAreOfWhoCallsAndBounded(t *testing.T) {
	t.Parallel()
	now := time.Now()
	l := &limits{buckets: map[bucketKey]*bucket{}, now: func() time.Time { return now }}
	const class = cloudhubv1.RateClass_RATE_CLASS_COSTLY
	spend := func(who string) (n int) {
		for l.allow(who, class) == nil {
			n++
		}
		return n
	}
	burst := figures[class].burst
	require.Equal(t, burst, spend("user:a"))
	require.Equal(t, burst, spend("user:b"), "another's bucket is another")
	require.Equal(t, burst*peoplePerAddress, spend(addressKey("192.0.2.1")), "an office shares an address")
	var e *rpcerr.Error
	require.ErrorAs(t, l.allow("user:a", class), &e)
	require.Equal(t, time.Second, e.RetryAfter)
	now = now.Add(time.Second)
	require.NoError(t, l.allow("user:a", class))
	require.Error(t, l.allow("user:a", class))
	for range 2 * maxBuckets {
		_ = l.allow(uuid.NewString(), class)
	}
	require.LessOrEqual(t, len(l.buckets), maxBuckets)
}

func TestAnAddressIsCountedAsItsNetwork(t *testing.T) {
	t.Parallel()
	require.Equal(t, addressKey("2001:db8::1"), addressKey("2001:db8::ffff:1"))
	require.NotEqual(t, addressKey("2001:db8::1"), addressKey("2001:db8:0:1::1"))
	require.Equal(t, addressKey("192.0.2.1"), addressKey("::ffff:192.0.2.1"))
	require.NotEqual(t, addressKey("192.0.2.1"), addressKey("192.0.2.2"))
	require.Equal(t, "address:nonsense", addressKey("nonsense"))
}
