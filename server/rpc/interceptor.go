package rpc

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"time"

	"buf.build/go/protovalidate"
	"connectrpc.com/connect"
	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	cloudhubv1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/internal/platform/telemetry"
)

// interceptor authorizes, then validates, then translates errors: the same for
// single calls and for streams.
type interceptor struct {
	auth      *Authorizer
	validator protovalidate.Validator
	logger    *slog.Logger
	metrics   *metrics
	streams   *streams
}

func (i *interceptor) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		began := time.Now()
		ctx, grant := withGrant(ctx)
		if msg, ok := req.Any().(proto.Message); ok {
			defer wipe(ctx, msg)
		}
		resp, err := func() (connect.AnyResponse, error) {
			if err := i.check(ctx, req.Spec(), req.Any(), grant); err != nil {
				return nil, err
			}
			return next(ctx, req)
		}()
		return resp, i.finish(ctx, req.Spec(), began, err)
	}
}

// WrapStreamingClient is not used: this is a server.
func (i *interceptor) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

func (i *interceptor) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		began := time.Now()
		ctx, grant := withGrant(ctx)
		leave, err := i.streams.enter(CallerOf(ctx))
		if err == nil {
			defer leave()
			err = next(ctx, &checkedConn{StreamingHandlerConn: conn, check: func(msg any) error {
				return i.check(ctx, conn.Spec(), msg, grant)
			}})
		}
		return i.finish(ctx, conn.Spec(), began, err)
	}
}

// checkedConn checks each message before the handler sees it.
type checkedConn struct {
	connect.StreamingHandlerConn
	check func(any) error
}

func (c *checkedConn) Receive(msg any) error {
	if err := c.StreamingHandlerConn.Receive(msg); err != nil {
		return received(err)
	}
	return c.check(msg)
}

// received tells a request that could not be read from a fault of ours: connect
// calls some of the former internal. io.EOF, the end of a stream, stays.
func received(err error) error {
	if errors.Is(err, io.EOF) {
		return err
	}
	e, internal := rpcerr.From(err)
	if internal {
		e = rpcerr.Invalid(rpcerr.ReasonValidation, "(message)", "this is not one message of the request's form")
		e.Cause = err
	}
	return e
}

// check is the order of the house: authorize, then validate. What did not
// decode at all names nobody's tenant and is said to anyone.
func (i *interceptor) check(ctx context.Context, spec connect.Spec, anyMsg any, grant *Grant) error {
	msg, ok := anyMsg.(proto.Message)
	method, declared := spec.Schema.(protoreflect.MethodDescriptor)
	if !ok || !declared {
		return errors.New("a procedure without a schema")
	}
	why, bad := undecodedOf(msg)
	if unread := CallerOf(ctx).unread; unread != "" {
		why, bad = notRead(unread), true
	}
	if bad && why.Whole && CallerOf(ctx).Known() {
		return why.err()
	}
	g, err := i.auth.Authorize(ctx, method, msg)
	if err != nil {
		return err
	}
	*grant = g
	if g.Org != uuid.Nil {
		telemetry.Tag(ctx, telemetry.OrgID, g.Org.String())
	}
	if g.Workspace != uuid.Nil {
		telemetry.Tag(ctx, telemetry.WorkspaceID, g.Workspace.String())
	}
	if bad {
		return why.err()
	}
	return i.validate(msg)
}

// notRead is a body that Guard did not take in.
func notRead(why rpcerr.Reason) undecoded {
	text := "this is not one message of the request's form"
	switch why {
	case rpcerr.ReasonTooLarge:
		text = tooLarge
	case rpcerr.ReasonTooSlow:
		text = "send the whole request at once"
	}
	return undecoded{Field: "(message)", Text: text, Reason: why, Whole: true}
}

func (u undecoded) err() error {
	e := rpcerr.New(u.Reason)
	e.Fields = []rpcerr.Field{{Path: u.Field, Text: u.Text, Rule: "FORM"}}
	return e
}

func (i *interceptor) validate(msg proto.Message) error {
	if fields := plain(msg); len(fields) > 0 {
		e := rpcerr.New(rpcerr.ReasonValidation)
		e.Fields = fields
		return e
	}
	err := i.validator.Validate(msg)
	var invalid *protovalidate.ValidationError
	if err == nil || !errors.As(err, &invalid) {
		return err
	}
	e := rpcerr.New(rpcerr.ReasonValidation)
	for _, v := range invalid.Violations[:min(len(invalid.Violations), maxFields)] {
		path := protovalidate.FieldPathString(v.Proto.GetField())
		if path == "" {
			path = "(message)"
		}
		e.Fields = append(e.Fields, rpcerr.Field{
			Path: path, Text: v.Proto.GetMessage(), Rule: strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(v.Proto.GetRuleId())),
		})
	}
	return e
}

// finish logs and counts a call, and makes the error that the client sees.
func (i *interceptor) finish(ctx context.Context, spec connect.Spec, began time.Time, err error) error {
	caller := CallerOf(ctx)
	code, reason, took := rpcerr.CodeName(err), reasonOf(err), time.Since(began)
	i.metrics.observe(spec.Procedure, code, reason, took)
	endSpan(ctx, code, reason)
	attrs := []any{"code", code, "reason", reason, "duration_ms", took.Milliseconds()}
	if err == nil {
		i.logger.Log(ctx, levelOf(spec), "call", attrs...)
		return nil
	}
	if _, internal := rpcerr.From(err); internal {
		i.logger.ErrorContext(ctx, "call failed", append(attrs, "error", err)...)
	} else {
		i.logger.InfoContext(ctx, "call refused", attrs...)
	}
	return rpcerr.ToConnect(err, caller.RequestID)
}

// levelOf: what changes something is worth a line each time, a page that is
// looked at is not.
func levelOf(spec connect.Spec) slog.Level {
	method, ok := spec.Schema.(protoreflect.MethodDescriptor)
	if !ok {
		return slog.LevelInfo
	}
	switch authOf(method).GetRate() {
	case cloudhubv1.RateClass_RATE_CLASS_READ, cloudhubv1.RateClass_RATE_CLASS_STREAM:
		return slog.LevelDebug
	default:
		return slog.LevelInfo
	}
}

// reasonOf is the registry's reason, or "ok".
func reasonOf(err error) string {
	if err == nil {
		return "ok"
	}
	e, _ := rpcerr.From(err)
	return string(e.Reason)
}

// endSpan writes what came of a call on its span: fixed words, never the text of
// an error, which may quote what people typed.
func endSpan(ctx context.Context, code, reason string) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(attribute.String("rpc.response.status_code", strings.ToUpper(code)), attribute.String("cloudhub.reason", reason))
	switch code {
	case "internal", "unknown", "unavailable", "deadline_exceeded", "data_loss":
		span.SetStatus(codes.Error, reason)
	}
}
