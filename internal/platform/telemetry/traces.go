package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// The values of the setting TRACES; a file is named behind the prefix.
const (
	TracesOff        = "off"
	TracesOTLP       = "otlp"
	TracesFilePrefix = "file:"
)

// Tracing is where the spans of a process go.
type Tracing struct {
	trace.TracerProvider
	stop func(context.Context) error
}

// NoTracing makes spans that cost nothing and go nowhere.
func NoTracing() *Tracing {
	return &Tracing{noop.NewTracerProvider(), func(context.Context) error { return nil }}
}

// Stop sends what has not been sent yet.
func (t *Tracing) Stop(ctx context.Context) error { return t.stop(ctx) }

// NewTracing makes what the setting TRACES says: nothing; OTLP over HTTP, whose
// address and headers are the standard's OTEL_EXPORTER_OTLP_…; or a file with a
// JSON object for each span. OTEL_TRACES_SAMPLER and OTEL_SERVICE_NAME are heeded.
func NewTracing(ctx context.Context, setting, service, version string, log *slog.Logger) (*Tracing, error) {
	if setting == "" || setting == TracesOff {
		return NoTracing(), nil
	}
	about, err := resource.New(ctx, resource.WithAttributes(
		attribute.String("service.name", service), attribute.String("service.version", version), attribute.String("service.instance.id", uuid.NewString()),
	), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces could not be sent", "error", err) }))
	if path, ok := strings.CutPrefix(setting, TracesFilePrefix); ok {
		return toFile(path, about)
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	p := sdktrace.NewTracerProvider(sdktrace.WithResource(about), sdktrace.WithBatcher(exporter))
	return &Tracing{p, p.Shutdown}, nil
}

func toFile(path string, about *resource.Resource) (*Tracing, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	exporter, err := stdouttrace.New(stdouttrace.WithWriter(file))
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	// At once: the file is for looking at what has just happened.
	p := sdktrace.NewTracerProvider(sdktrace.WithResource(about), sdktrace.WithSyncer(exporter))
	return &Tracing{p, func(ctx context.Context) error { return errors.Join(p.Shutdown(ctx), file.Close()) }}, nil
}

// carrier is the W3C header traceparent alone: what a row and a workflow's input
// carry.
type carrier string

func (c carrier) Get(key string) string {
	if key == "traceparent" {
		return string(c)
	}
	return ""
}
func (c *carrier) Set(key, value string) {
	if key == "traceparent" {
		*c = carrier(value)
	}
}
func (carrier) Keys() []string { return []string{"traceparent"} }

// Traceparent is the context's span in the W3C form, to be stored with what is
// asked for; empty when nothing is traced.
func Traceparent(ctx context.Context) string {
	var c carrier
	propagation.TraceContext{}.Inject(ctx, &c)
	return string(c)
}

// WithTraceparent goes on with a stored trace. What is not one leaves the context
// as it is.
func WithTraceparent(ctx context.Context, traceparent string) context.Context {
	c := carrier(traceparent)
	return propagation.TraceContext{}.Extract(ctx, &c)
}
