package aws

import (
	"context"
	"strings"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/cloudhub/cloudhub/internal/cloud"
)

// startSpan begins the span of one attempt, under the context's own and where
// that one goes: nothing is traced that nobody has asked for. Nothing of it is
// sent to AWS.
func startSpan(ctx context.Context, c *call) (context.Context, trace.Span) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, parent // which is told nothing
	}
	ctx, span := parent.TracerProvider().Tracer("cloudhub/aws").Start(ctx, "aws "+c.op, trace.WithSpanKind(trace.SpanKindClient))
	span.SetAttributes(
		attribute.String("rpc.system.name", "aws-api"), attribute.String("rpc.method", c.op), attribute.String("cloud.region", c.region),
		attribute.String("cloud.account.id", c.account.ExternalID), attribute.Int("cloudhub.ids", len(c.ids)),
	)
	return ctx, span
}

// endSpan says what came of the attempt: fixed words and the provider's own id
// of it, never its text.
func endSpan(ctx context.Context, parent trace.Span, fact Call, md middleware.Metadata, verdict *cloud.Error) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() || span.SpanContext().Equal(parent.SpanContext()) {
		return // none was begun
	}
	requestID, _ := awsmiddleware.GetRequestIDMetadata(md)
	if verdict != nil && verdict.RequestID != "" {
		requestID = verdict.RequestID
	}
	span.SetAttributes(
		attribute.String("aws.request_id", requestID), attribute.Bool("cloudhub.sent", fact.Sent),
		attribute.Float64("cloudhub.budget_wait_seconds", fact.Waited.Round(time.Millisecond).Seconds()),
	)
	if fact.Reason != "" {
		span.SetAttributes(attribute.String("cloudhub.reason", string(fact.Reason)), attribute.String("error.type", fact.Code))
		span.SetStatus(codes.Error, strings.ToLower(string(fact.Reason)))
	}
	span.End()
}
