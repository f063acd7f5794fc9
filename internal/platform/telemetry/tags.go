package telemetry

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// Names of tags. Tags hold ids and fixed words: what they name goes to logs and
// to traces, which more people read than the database.
const (
	RequestID   = "request_id"
	OrgID       = "org_id"
	WorkspaceID = "workspace_id"
	UserID      = "user_id"
	OperationID = "operation_id"
	Procedure   = "procedure"
)

// spanPrefix keeps our attributes apart from those that have a standard.
const spanPrefix = "cloudhub."

// bag holds the tags of one piece of work. What the work is about is learnt on
// the way: the organization of a request after its message has been read.
type bag struct {
	mu   sync.Mutex
	tags []slog.Attr
}

type bagKey struct{}

func (b *bag) all() []slog.Attr {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.tags)
}

func bagOf(ctx context.Context) *bag {
	b, _ := ctx.Value(bagKey{}).(*bag)
	return b
}

// WithTags begins a piece of work: it keeps the tags of the work it is part of,
// and what is tagged in it stays in it.
func WithTags(ctx context.Context, pairs ...string) context.Context {
	ctx = context.WithValue(ctx, bagKey{}, &bag{tags: bagOf(ctx).all()})
	Tag(ctx, pairs...)
	return ctx
}

// Tag names what the work is about, key, value, key, value: every log line
// written with its context from now on says so, and its span. Empty values are
// passed over. Outside of WithTags only the span is told.
func Tag(ctx context.Context, pairs ...string) {
	b, span := bagOf(ctx), trace.SpanFromContext(ctx)
	for i := 0; i+1 < len(pairs); i += 2 {
		key, value := pairs[i], pairs[i+1]
		if value == "" {
			continue
		}
		if b != nil {
			b.set(slog.String(key, value))
		}
		if span.IsRecording() {
			span.SetAttributes(attribute.String(spanPrefix+key, value))
		}
	}
}

func (b *bag) set(tag slog.Attr) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.tags, func(t slog.Attr) bool { return t.Key == tag.Key })
	if i >= 0 {
		b.tags[i] = tag
		return
	}
	b.tags = append(b.tags, tag)
}

// StartSpan begins a span that carries the tags of its work.
func StartSpan(ctx context.Context, t trace.Tracer, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	ctx, span := t.Start(ctx, name, options...)
	if span.IsRecording() {
		for _, tag := range bagOf(ctx).all() {
			span.SetAttributes(attribute.String(spanPrefix+tag.Key, tag.Value.String()))
		}
	}
	return ctx, span
}

// Tagged adds the tags and the trace of a line's context to the line. What the
// line says itself comes first.
func Tagged(h slog.Handler) slog.Handler { return tagged{h} }

type tagged struct{ slog.Handler }

func (h tagged) Handle(ctx context.Context, r slog.Record) error {
	tags := bagOf(ctx).all()
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		tags = append(tags, slog.String("trace_id", span.TraceID().String()), slog.String("span_id", span.SpanID().String()))
	}
	if len(tags) == 0 {
		return h.Handler.Handle(ctx, r)
	}
	said := map[string]bool{}
	r.Attrs(func(a slog.Attr) bool {
		said[a.Key] = true
		return true
	})
	r = r.Clone()
	for _, t := range tags {
		if !said[t.Key] {
			r.AddAttrs(t)
		}
	}
	return h.Handler.Handle(ctx, r)
}

func (h tagged) WithAttrs(attrs []slog.Attr) slog.Handler { return tagged{h.Handler.WithAttrs(attrs)} }
func (h tagged) WithGroup(name string) slog.Handler       { return tagged{h.Handler.WithGroup(name)} }
