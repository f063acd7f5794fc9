package aws

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/cloudhub/cloudhub/internal/cloud"
)

// reasons translates EC2's and STS's codes. What is not here goes by the status:
// 5xx is transient, 4xx a bug of ours. Source: "Error codes for the Amazon EC2
// API" and "Common errors" of AWS STS.
var reasons = map[string]cloud.Reason{
	"AuthFailure":                 cloud.ReasonUnauthenticated,
	"InvalidClientTokenId":        cloud.ReasonUnauthenticated,
	"SignatureDoesNotMatch":       cloud.ReasonUnauthenticated,
	"UnrecognizedClientException": cloud.ReasonUnauthenticated,
	"ExpiredToken":                cloud.ReasonUnauthenticated,
	"ExpiredTokenException":       cloud.ReasonUnauthenticated,
	"RequestExpired":              cloud.ReasonUnauthenticated,
	"MissingAuthenticationToken":  cloud.ReasonUnauthenticated,
	"InvalidAccessKeyId":          cloud.ReasonUnauthenticated,
	"IncompleteSignature":         cloud.ReasonUnauthenticated,

	"UnauthorizedOperation": cloud.ReasonDenied,
	"AccessDenied":          cloud.ReasonDenied,
	"AccessDeniedException": cloud.ReasonDenied,
	"Blocked":               cloud.ReasonDenied, // the account is blocked by AWS
	"OptInRequired":         cloud.ReasonDenied, // the account may not use the service or region
	"PendingVerification":   cloud.ReasonDenied,

	"RequestLimitExceeded":     cloud.ReasonThrottled,
	"RequestThrottled":         cloud.ReasonThrottled,
	"TooManyRequestsException": cloud.ReasonThrottled,
	"SlowDown":                 cloud.ReasonThrottled,
	"EC2ThrottledException":    cloud.ReasonThrottled,

	"InvalidInstanceID.NotFound":  cloud.ReasonNotFound,
	"InvalidInstanceID.Malformed": cloud.ReasonNotFound,

	"IncorrectInstanceState":    cloud.ReasonWrongState,
	"IncorrectState":            cloud.ReasonWrongState,
	"IncorrectSpotRequestState": cloud.ReasonWrongState,
	"InvalidState":              cloud.ReasonWrongState,

	"OperationNotPermitted": cloud.ReasonUnsupported, // e.g. stop protection: nothing changes until a person does

	"InsufficientInstanceCapacity":         cloud.ReasonCapacity,
	"InsufficientCapacity":                 cloud.ReasonCapacity,
	"InsufficientHostCapacity":             cloud.ReasonCapacity,
	"InsufficientReservedInstanceCapacity": cloud.ReasonCapacity,
	"InstanceLimitExceeded":                cloud.ReasonCapacity,
	"VcpuLimitExceeded":                    cloud.ReasonCapacity,
	"MaxSpotInstanceCountExceeded":         cloud.ReasonCapacity,

	"InternalError":      cloud.ReasonTransient,
	"InternalFailure":    cloud.ReasonTransient,
	"Unavailable":        cloud.ReasonTransient,
	"ServiceUnavailable": cloud.ReasonTransient,
	"RequestTimeout":     cloud.ReasonTransient,
}

// unreadable is the SDK's code for an error that it could not parse.
const unreadable = "UnknownError"

// prefixes are the families of codes that AWS adds to.
var prefixes = []struct {
	prefix string
	reason cloud.Reason
}{
	{"Throttl", cloud.ReasonThrottled},
	{"Unsupported", cloud.ReasonUnsupported},
}

func reasonFor(code string, status int) cloud.Reason {
	if r, ok := reasons[code]; ok {
		return r
	}
	for _, p := range prefixes {
		if strings.HasPrefix(code, p.prefix) {
			return p.reason
		}
	}
	switch {
	case status == http.StatusTooManyRequests:
		return cloud.ReasonThrottled
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return cloud.ReasonDenied
	case status >= 400 && status < 500:
		return cloud.ReasonInvalid
	}
	return cloud.ReasonTransient
}

// translate logs what the provider said and returns it as a *cloud.Error.
func (a *Adapter) translate(ctx context.Context, c *call, err error) *cloud.Error {
	e := classify(ctx, c, err)
	c.redact(e)
	c.endSession(e)
	if e.Code == dryRunPassed {
		return e
	}
	a.log.InfoContext(ctx, "aws call failed", "operation", c.op, "account", c.account.ExternalID, "region", c.region,
		"reason", e.Reason, "code", e.Code, "message", e.Message, "aws_request_id", e.RequestID, "sent", e.Sent)
	return e
}

// classify turns what came out of the SDK into a *cloud.Error.
func classify(ctx context.Context, c *call, err error) *cloud.Error {
	var done *cloud.Error
	if errors.As(err, &done) {
		return done
	}
	sent := c.sent.Load()
	if !sent && (c.late.Load() || errors.Is(ctx.Err(), context.DeadlineExceeded)) {
		return &cloud.Error{
			Reason: cloud.ReasonTooLate, Err: err,
			Message: "the last moment for this call passed before it left; nothing was sent",
		}
	}

	if !sent && c.over.Load() {
		return &cloud.Error{Reason: cloud.ReasonTransient, Err: err, Message: "the role's session ended before this call left; nothing was sent"}
	}

	status := 0
	var header http.Header
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) && response.Response != nil && response.Response.Response != nil {
		status, header = response.Response.StatusCode, response.Response.Header
	}
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() != unreadable {
		e := &cloud.Error{
			Reason: reasonFor(api.ErrorCode(), status), Code: api.ErrorCode(), Message: tidy(api.ErrorMessage()),
			ResourceIDs: named(api.ErrorMessage(), c.ids), RequestID: requestIDOf(err), Sent: true, Err: err,
		}
		switch e.Reason {
		case cloud.ReasonDenied:
			e.Permission = permission(api.ErrorMessage(), c.op)
		case cloud.ReasonThrottled:
			e.RetryAfter = retryAfter(header)
		}
		return e
	}
	if status >= 300 { // a proxy or load balancer answered, not the API
		e := &cloud.Error{
			Reason: reasonFor("", status), Code: "HTTP" + strconv.Itoa(status), Message: http.StatusText(status),
			RetryAfter: retryAfter(header), RequestID: requestIDOf(err), Sent: true, Err: err,
		}
		if e.Reason == cloud.ReasonDenied && c.op == opIdentity {
			e.Reason = cloud.ReasonUnauthenticated // it needs no permission, so what failed is the key
		}
		return e
	}
	return &cloud.Error{Reason: cloud.ReasonTransient, Message: plain(ctx, sent), Sent: sent, Err: err}
}

// requestIDOf is the provider's id of the call that an error is about.
func requestIDOf(err error) string {
	var with interface{ ServiceRequestID() string }
	if errors.As(err, &with) {
		return with.ServiceRequestID()
	}
	return ""
}

// plain describes a failure of the network without its addresses, which are the
// operator's and not the customer's to see.
func plain(ctx context.Context, sent bool) string {
	switch {
	case ctx.Err() != nil && sent:
		return "the call was given up before an answer came; its outcome is unknown"
	case ctx.Err() != nil:
		return "the call was given up before it left"
	case sent:
		return "the connection failed before an answer came; the outcome is unknown"
	}
	return "AWS could not be reached"
}

var (
	notAuthorized = regexp.MustCompile(`not authorized to perform:? ([a-z0-9-]+:[A-Za-z0-9]+)`)
	encoded       = regexp.MustCompile(`\s*Encoded authorization failure message: \S+`)
)

// permission is the one AWS names in its message (starting a machine may lack
// kms:CreateGrant), or else the one that the operation goes by.
func permission(message, op string) string {
	if m := notAuthorized.FindStringSubmatch(message); m != nil {
		return m[1]
	}
	return "ec2:" + op
}

// maxMessage bounds a stored message: a refusal of 1,000 machines names them all.
const maxMessage = 500

// tidy drops the encoded part, which only the customer could decode, and cuts
// the rest to maxMessage bytes.
func tidy(message string) string {
	message = strings.ToValidUTF8(encoded.ReplaceAllString(message, ""), "")
	if len(message) > maxMessage {
		message = strings.ToValidUTF8(message[:maxMessage], "") + "…"
	}
	return message
}

// named returns which of the ids a message mentions, in the order of ids. Only
// whole words count: i-1 is not named by a message about i-12. An id that was
// not asked about is never returned, whatever a message says.
func named(message string, ids []string) []string {
	if len(ids) == 0 {
		return nil
	}
	words := make(map[string]bool)
	for _, w := range strings.FieldsFunc(message, func(r rune) bool { return strings.ContainsRune(" \t\r\n'\"`,;()[]{}<>/=", r) }) {
		words[strings.Trim(w, ".:!?")] = true
	}
	var out []string
	for _, id := range ids {
		if words[id] {
			out = append(out, id)
			delete(words, id) // an id given twice is named once
		}
	}
	return out
}

// retryAfter reads the header of that name: seconds, or a date by the clock of
// the server, which says in the header Date what that clock showed. An hour is
// the most that is believed.
func retryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		return min(max(time.Duration(seconds)*time.Second, 0), time.Hour)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), time.Hour)
}
