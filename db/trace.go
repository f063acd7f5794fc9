package db

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// queryTracer makes a span of each statement that belongs to a recorded span,
// and goes where that one goes. Polling, which belongs to nothing, makes none.
// Spans have the query's name: neither its text nor its parameters.
type queryTracer struct{}

type querySpanKey struct{}

func (queryTracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx
	}
	ctx, span := parent.TracerProvider().Tracer("cloudhub/db").Start(ctx, "db "+queryName(data.SQL), trace.WithSpanKind(trace.SpanKindClient))
	span.SetAttributes(attribute.String("db.system.name", "postgresql"))
	return context.WithValue(ctx, querySpanKey{}, span)
}

func (queryTracer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	span, ok := ctx.Value(querySpanKey{}).(trace.Span)
	if !ok {
		return
	}
	var pg *pgconn.PgError
	switch {
	case errors.As(data.Err, &pg): // its text may quote a value
		span.SetAttributes(attribute.String("db.response.status_code", pg.Code))
		span.SetStatus(codes.Error, pg.Code)
	case data.Err != nil && !IsNoRows(data.Err):
		span.SetStatus(codes.Error, "failed")
	}
	span.End()
}

// queryName is the name that sqlc writes before each query, or the statement's
// first word.
func queryName(sql string) string {
	if rest, ok := strings.CutPrefix(sql, "-- name: "); ok {
		sql = rest
	}
	name, _, _ := strings.Cut(sql, " ")
	return strings.TrimRight(name, ";")
}
