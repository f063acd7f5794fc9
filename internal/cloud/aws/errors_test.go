package aws

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/cloud"
)

// apiError is an error as the SDK returns it.
func apiError(status int, code, message string, header http.Header) error {
	var inner error = &smithy.GenericAPIError{Code: code, Message: message}
	if code == "" {
		inner = errors.New("not XML")
	}
	return &smithy.OperationError{ServiceID: "EC2", OperationName: "StopInstances", Err: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status, Header: header}}, Err: inner,
	}}
}

func TestClassify(t *testing.T) {
	t.Parallel()
	ids := []string{"i-0aaaaaaaaaaaaaaaa", "i-0bbbbbbbbbbbbbbbb", "i-0cccccccccccccccc"}
	for _, c := range []struct {
		status        int
		code, message string
		reason        cloud.Reason
		named         []string
		permission    string
	}{
		{status: 403, code: "UnauthorizedOperation", message: "You are not authorized to perform this operation. Encoded authorization failure message: AbC-_12", reason: cloud.ReasonDenied, permission: "ec2:StopInstances"},
		{status: 403, code: "UnauthorizedOperation", message: "User: arn:aws:iam::1:user/x is not authorized to perform: kms:CreateGrant on resource: arn:aws:ec2:us-east-1:1:instance/i-0bbbbbbbbbbbbbbbb because no identity-based policy allows it", reason: cloud.ReasonDenied, permission: "kms:CreateGrant", named: ids[1:2]},
		{status: 401, code: "AuthFailure", reason: cloud.ReasonUnauthenticated},
		{status: 403, code: "InvalidClientTokenId", reason: cloud.ReasonUnauthenticated},
		{status: 403, code: "SignatureDoesNotMatch", reason: cloud.ReasonUnauthenticated},
		{status: 400, code: "ExpiredToken", reason: cloud.ReasonUnauthenticated},
		{status: 400, code: "UnrecognizedClientException", reason: cloud.ReasonUnauthenticated},
		{status: 503, code: "RequestLimitExceeded", reason: cloud.ReasonThrottled},
		{status: 400, code: "Throttling", reason: cloud.ReasonThrottled},
		{status: 400, code: "ThrottlingException", reason: cloud.ReasonThrottled},
		{status: 400, code: "InvalidInstanceID.NotFound", message: "The instance IDs 'i-0aaaaaaaaaaaaaaaa, i-0cccccccccccccccc' do not exist", reason: cloud.ReasonNotFound, named: []string{ids[0], ids[2]}},
		{status: 400, code: "InvalidInstanceID.Malformed", message: `Invalid id: "i-0bbbbbbbbbbbbbbbb"`, reason: cloud.ReasonNotFound, named: ids[1:2]},
		{status: 400, code: "IncorrectInstanceState", message: "The instance 'i-0bbbbbbbbbbbbbbbb' is not in a state from which it can be started.", reason: cloud.ReasonWrongState, named: ids[1:2]},
		{status: 400, code: "UnsupportedOperation", message: "The instance i-0aaaaaaaaaaaaaaaa does not have an 'ebs' root device type and cannot be stopped.", reason: cloud.ReasonUnsupported, named: ids[:1]},
		{status: 400, code: "UnsupportedHibernationConfiguration", reason: cloud.ReasonUnsupported},
		{status: 400, code: "OperationNotPermitted", message: "The instance 'i-0aaaaaaaaaaaaaaaa' may not be stopped. Modify its 'disableApiStop' instance attribute and try again.", reason: cloud.ReasonUnsupported, named: ids[:1]},
		{status: 500, code: "InsufficientInstanceCapacity", reason: cloud.ReasonCapacity},
		{status: 500, code: "InternalError", reason: cloud.ReasonTransient},
		{status: 503, code: "Unavailable", reason: cloud.ReasonTransient},
		{status: 500, code: "SomethingNew", reason: cloud.ReasonTransient},
		{status: 400, code: "InvalidParameterValue", reason: cloud.ReasonInvalid},
		{status: 502, reason: cloud.ReasonTransient}, // a proxy's page
		{status: 429, reason: cloud.ReasonThrottled},
		{status: 407, reason: cloud.ReasonInvalid},
		{status: 200, reason: cloud.ReasonTransient}, // an answer cut off in the middle
	} {
		k := &call{op: "StopInstances", ids: ids}
		k.sent.Store(true)
		e := classify(t.Context(), k, apiError(c.status, c.code, c.message, nil))
		require.Equal(t, c.reason, e.Reason, c.code)
		require.Equal(t, c.named, e.ResourceIDs, c.code)
		require.Equal(t, c.permission, e.Permission, c.code)
		require.True(t, e.Sent, c.code)
		require.NotContains(t, e.Message, "Encoded")
		if c.code != "" {
			require.Equal(t, c.code, e.Code)
		}
	}
}

// Nobody may deny GetCallerIdentity: a bare 403 there is about the key.
func TestClassifyIdentity(t *testing.T) {
	t.Parallel()
	e := classify(t.Context(), &call{op: opIdentity}, apiError(403, "", "", nil))
	require.Equal(t, cloud.ReasonUnauthenticated, e.Reason)
	require.Equal(t, "HTTP403", e.Code)
}

func TestClassifyUnsent(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	e := classify(ctx, &call{}, ctx.Err())
	require.Equal(t, cloud.ReasonTooLate, e.Reason)
	require.False(t, e.Sent)

	left := &call{}
	left.sent.Store(true)
	e = classify(ctx, left, ctx.Err())
	require.Equal(t, cloud.ReasonTransient, e.Reason, "it has left: it is not too late, its outcome is unknown")
	require.True(t, e.Sent)
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	date := http.Header{"Date": {"Mon, 02 Mar 2026 22:00:00 GMT"}}
	for value, want := range map[string]time.Duration{
		"": 0, "3": 3 * time.Second, "-3": 0, "99999999999": 0, "100000": time.Hour, "soon": 0,
		"Mon, 02 Mar 2026 22:00:30 GMT": 30 * time.Second, "Mon, 02 Mar 2026 21:00:00 GMT": 0,
	} {
		header := date.Clone()
		header.Set("Retry-After", value)
		require.Equal(t, want, retryAfter(header), value)
	}
	e := classify(t.Context(), &call{}, apiError(503, "RequestLimitExceeded", "", http.Header{"Retry-After": {"7"}}))
	require.Equal(t, 7*time.Second, e.RetryAfter)
}

func TestTidyCutsBetweenLetters(t *testing.T) {
	t.Parallel()
	got := tidy(strings.Repeat("ã", maxMessage))
	require.True(t, utf8.ValidString(got))
	require.LessOrEqual(t, len(got), maxMessage+len("…"))
}

func TestRefusalsDoNotBlameForAMissingPermission(t *testing.T) {
	t.Parallel()
	require.Nil(t, refusals(&cloud.Error{Reason: cloud.ReasonDenied, ResourceIDs: []string{"i-1"}}))
	require.Nil(t, refusals(&cloud.Error{Reason: cloud.ReasonUnsupported}), "nobody was named: the caller looks for it")
	got := refusals(&cloud.Error{Reason: cloud.ReasonNotFound, ResourceIDs: []string{"i-1", "i-2"}})
	require.Len(t, got, 2)
	require.Equal(t, []string{"i-2"}, got[1].Err.ResourceIDs)
}

// Whatever a provider writes into a message, only ids of the call may come out,
// each once, and nothing that is merely the beginning of another.
func FuzzNamed(f *testing.F) {
	f.Add("The instance ID 'i-0aaaaaaaaaaaaaaaa' does not exist")
	f.Add("The instance IDs 'i-0aaaaaaaaaaaaaaaa, i-1' do not exist")
	f.Add(`Invalid id: "i-1" (expecting "i-...")`)
	f.Add("on resource: arn:aws:ec2:us-east-1:1:instance/i-12 because")
	f.Add("i-1i-1 i-1. [i-12]")
	ids := []string{"i-1", "i-12", "i-0aaaaaaaaaaaaaaaa", "i-1"}
	f.Fuzz(func(t *testing.T, message string) {
		got := named(message, ids)
		seen := map[string]bool{}
		for _, id := range got {
			require.Contains(t, ids, id)
			require.Contains(t, message, id)
			require.False(t, seen[id], "named twice")
			seen[id] = true
		}
		_ = permission(message, "StopInstances")
		require.True(t, utf8.ValidString(tidy(message)))
	})
}

func FuzzRetryAfter(f *testing.F) {
	for _, v := range []string{"", "1", "-1", "Mon, 02 Mar 2026 22:00:30 GMT"} {
		f.Add(v, "Mon, 02 Mar 2026 22:00:00 GMT")
	}
	f.Fuzz(func(t *testing.T, value, date string) {
		d := retryAfter(http.Header{"Retry-After": {value}, "Date": {date}})
		require.GreaterOrEqual(t, d, time.Duration(0))
		require.LessOrEqual(t, d, time.Hour)
	})
}
