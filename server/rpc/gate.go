package rpc

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/reflect/protoreflect"

	cloudhubv1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/internal/platform/telemetry"
)

// Authenticate finds out who holds a bearer token. Errors: UNAUTHENTICATED.
type Authenticate func(ctx context.Context, bearer string, caller *Caller) error

// gate runs when the headers have been read and nothing else: rate by address,
// who it is, rate by person. A request that is refused here costs no decoding.
func (s *Stack) gate(ctx context.Context, spec connect.Spec, _ connect.Peer, header http.Header) (context.Context, error) {
	caller := CallerOf(ctx)
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		span.SetName(strings.TrimPrefix(spec.Procedure, "/"))
		span.SetAttributes(attribute.String("rpc.system.name", "connectrpc"), attribute.String("rpc.method", strings.TrimPrefix(spec.Procedure, "/")))
	}
	telemetry.Tag(ctx, telemetry.Procedure, spec.Procedure)
	ctx, err := s.admit(ctx, spec, header, caller)
	if caller.UserID != uuid.Nil {
		telemetry.Tag(ctx, telemetry.UserID, caller.UserID.String())
	}
	if err != nil {
		code, reason := rpcerr.CodeName(err), reasonOf(err)
		s.metrics.observe(spec.Procedure, code, reason, 0)
		endSpan(ctx, code, reason)
		if _, internal := rpcerr.From(err); internal {
			s.logger.ErrorContext(ctx, "gate failed", "error", err)
		}
		return nil, rpcerr.ToConnect(err, caller.RequestID)
	}
	return ctx, nil
}

func (s *Stack) admit(ctx context.Context, spec connect.Spec, header http.Header, caller *Caller) (context.Context, error) {
	method, ok := spec.Schema.(protoreflect.MethodDescriptor)
	if !ok {
		return ctx, fmt.Errorf("%s has no schema", spec.Procedure)
	}
	need := authOf(method)
	if err := s.limits.allow(addressKey(caller.Address), need.GetRate()); err != nil {
		return ctx, err
	}
	if need.GetAccess() == cloudhubv1.Access_ACCESS_PUBLIC {
		caller.public = true
		return ctx, nil
	}
	bearer, ok := strings.CutPrefix(header.Get("Authorization"), "Bearer ")
	if !ok {
		return ctx, rpcerr.New(rpcerr.ReasonUnauthenticated)
	}
	if err := s.authenticate(ctx, bearer, caller); err != nil {
		return ctx, err
	}
	return ctx, s.limits.allow("user:"+caller.UserID.String(), need.GetRate())
}
