// Package rpcerr is the only place that makes a *connect.Error. Features return
// *Error with a reason of the registry (api/reasons.yaml); everything else is
// INTERNAL with a neutral message, and is logged by whoever converts it.
package rpcerr

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Domain of every ErrorInfo.
const Domain = "cloudhub"

// Error is a domain error with a reason that has words in two languages.
type Error struct {
	Reason Reason
	// Meta fills the placeholders of the text, e.g. {"permission": "org.manage"}.
	Meta map[string]string
	// Fields are set for VALIDATION and its like.
	Fields []Field
	// RetryAfter is set for RATE_LIMITED.
	RetryAfter time.Duration
	// Cause is logged and never shown.
	Cause error
}

// Field is one field that needs another value. Path is in snake case, with
// indexes: "rule.weekdays[0]".
type Field struct {
	Path string
	Text string
	// Rule identifies the rule that was broken, e.g. "STRING_EMAIL".
	Rule string
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %v", e.Reason, e.Cause)
	}
	return string(e.Reason)
}

func (e *Error) Unwrap() error { return e.Cause }

// New makes an error of a reason; meta is key, value, key, value.
func New(reason Reason, meta ...string) *Error {
	e := &Error{Reason: reason}
	for i := 0; i+1 < len(meta); i += 2 {
		if e.Meta == nil {
			e.Meta = map[string]string{}
		}
		e.Meta[meta[i]] = meta[i+1]
	}
	return e
}

// NotFound is the one answer for what does not exist and for what is not the
// caller's: it carries nothing that could tell them apart.
func NotFound() *Error { return New(ReasonNotFound) }

// Invalid says which field needs another value, with a reason of its own.
func Invalid(reason Reason, path, text string, meta ...string) *Error {
	e := New(reason, meta...)
	e.Fields = []Field{{Path: path, Text: text, Rule: string(reason)}}
	return e
}

// Is lets errors.Is compare reasons.
func (e *Error) Is(target error) bool {
	var t *Error
	return errors.As(target, &t) && t.Reason == e.Reason
}

// ReasonOf is the reason of a domain error, or INTERNAL.
func ReasonOf(err error) Reason {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ReasonInternal
}

// CodeName is the name of the code that a client sees of err, "ok" for nil.
func CodeName(err error) string {
	if err == nil {
		return "ok"
	}
	e, _ := From(err)
	return codeOf(e.Reason).String()
}

func codeOf(r Reason) connect.Code {
	if code, ok := codes[r]; ok {
		return code
	}
	return connect.CodeInternal
}

// From finds the domain error in err. What is none becomes INTERNAL, or what a
// context's end means, or what the protocol itself found wrong with a request;
// internal says that err was not expected and should be logged.
func From(err error) (e *Error, internal bool) {
	if errors.As(err, &e) {
		return e, false
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Reason: ReasonDeadline, Cause: err}, false
	case errors.Is(err, context.Canceled):
		return &Error{Reason: ReasonCancelled, Cause: err}, false
	}
	var c *connect.Error
	if errors.As(err, &c) {
		return fromProtocol(c)
	}
	return &Error{Reason: ReasonInternal, Cause: err}, true
}

// fromProtocol reads what connect says about an envelope, or about a caller who
// has gone.
func fromProtocol(c *connect.Error) (e *Error, internal bool) {
	whole := []Field{{Path: "(message)", Text: "this is not one message of the request's form", Rule: "FORM"}}
	switch c.Code() {
	case connect.CodeCanceled:
		return &Error{Reason: ReasonCancelled, Cause: c}, false
	case connect.CodeDeadlineExceeded:
		return &Error{Reason: ReasonDeadline, Cause: c}, false
	case connect.CodeResourceExhausted:
		whole[0].Text = "send at most 1 MiB at once"
		return &Error{Reason: ReasonTooLarge, Fields: whole, Cause: c}, false
	case connect.CodeInvalidArgument, connect.CodeUnimplemented:
		return &Error{Reason: ReasonValidation, Fields: whole, Cause: c}, false
	default:
		return &Error{Reason: ReasonInternal, Cause: c}, true
	}
}

// ToConnect makes the error that a client sees: code, ErrorInfo, field
// violations, retry time and request id, each at most once.
func ToConnect(err error, requestID string) *connect.Error {
	e, _ := From(err)
	out := connect.NewError(codeOf(e.Reason), errors.New(e.text()))
	add(out, &errdetails.ErrorInfo{Reason: string(e.Reason), Domain: Domain, Metadata: maps.Clone(e.Meta)})
	if len(e.Fields) > 0 {
		bad := &errdetails.BadRequest{}
		for _, f := range e.Fields {
			bad.FieldViolations = append(bad.FieldViolations, &errdetails.BadRequest_FieldViolation{Field: f.Path, Description: f.Text, Reason: f.Rule})
		}
		add(out, bad)
	}
	if e.RetryAfter > 0 {
		add(out, &errdetails.RetryInfo{RetryDelay: durationpb.New(e.RetryAfter)})
		out.Meta().Set("Retry-After", fmt.Sprint(int(e.RetryAfter.Round(time.Second).Seconds())))
	}
	add(out, &errdetails.RequestInfo{RequestId: requestID})
	return out
}

func add(e *connect.Error, detail proto.Message) {
	if d, err := connect.NewErrorDetail(detail); err == nil {
		e.AddDetail(d)
	}
}

// text is the English sentence, with what the error knows filled in.
func (e *Error) text() string {
	s := english[e.Reason]
	for _, k := range slices.Sorted(maps.Keys(e.Meta)) {
		s = strings.ReplaceAll(s, "{"+k+"}", e.Meta[k])
	}
	if len(e.Fields) > 0 && e.Reason == ReasonValidation {
		parts := make([]string, len(e.Fields))
		for i, f := range e.Fields {
			parts[i] = f.Path + ": " + f.Text
		}
		s += " " + strings.Join(parts, "; ")
	}
	return s
}
