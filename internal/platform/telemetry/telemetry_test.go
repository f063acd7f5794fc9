package telemetry_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"github.com/cloudhub/cloudhub/internal/platform/telemetry"
)

func lines(t *testing.T, text string) (out []map[string]any) {
	t.Helper()
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		var m map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &m), line)
		out = append(out, m)
	}
	return out
}

func TestLinesSayWhatTheWorkIsAbout(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	log := telemetry.JSONLogger(&b, slog.LevelInfo)
	log.InfoContext(t.Context(), "before")
	ctx := telemetry.WithTags(t.Context(), telemetry.RequestID, "req_1")
	log.InfoContext(ctx, "a request")
	telemetry.Tag(ctx, telemetry.OrgID, "org", telemetry.WorkspaceID, "")
	inner := telemetry.WithTags(ctx, telemetry.OperationID, "op")
	telemetry.Tag(ctx, telemetry.UserID, "later")
	log.With("part", "x").InfoContext(inner, "its operation", telemetry.OrgID, "its own word")
	log.InfoContext(ctx, "the request again")
	got := lines(t, b.String())
	require.NotContains(t, got[0], "request_id")
	require.Equal(t, "req_1", got[1]["request_id"])
	require.NotContains(t, got[1], "org_id")
	require.Equal(t, []any{"req_1", "op", "its own word", "x", nil}, []any{got[2]["request_id"], got[2]["operation_id"], got[2]["org_id"], got[2]["part"], got[2]["user_id"]})
	require.Equal(t, 1, strings.Count(b.String(), `"org_id":"its own word"`))
	require.Equal(t, []any{"org", "later", nil, nil}, []any{got[3]["org_id"], got[3]["user_id"], got[3]["operation_id"], got[3]["workspace_id"]}, "what is tagged inside stays inside; nothing is no tag")
	require.NotContains(t, b.String(), "trace_id")
}

func TestTagsAreSafeForParallelWork(t *testing.T) {
	t.Parallel()
	ctx := telemetry.WithTags(t.Context())
	log := telemetry.JSONLogger(io.Discard, slog.LevelInfo)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				telemetry.Tag(ctx, "key", "value")
				log.InfoContext(ctx, "line")
			}
		})
	}
	wg.Wait()
}

// Not parallel: it counts allocations.
func TestOffCostsNothingAndLeavesNothing(t *testing.T) {
	off, err := telemetry.NewTracing(t.Context(), telemetry.TracesOff, "service", "v1", slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	tracer := off.Tracer("test")
	ctx, span := telemetry.StartSpan(t.Context(), tracer, "work")
	require.False(t, span.IsRecording())
	require.Empty(t, telemetry.Traceparent(ctx), "nothing is stored with what is asked for")
	require.NoError(t, off.Stop(t.Context()))
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() {
		_, span := telemetry.StartSpan(t.Context(), tracer, "work")
		span.End()
	}), 3.0)
}

func TestATraceGoesOnFromWhatWasStored(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "traces.json")
	log := slog.New(slog.DiscardHandler)
	server, err := telemetry.NewTracing(t.Context(), "file:"+path, "server", "v1", log)
	require.NoError(t, err)
	worker, err := telemetry.NewTracing(t.Context(), "file:"+path, "worker", "v1", log)
	require.NoError(t, err)
	var b bytes.Buffer
	ctx, asked := telemetry.StartSpan(telemetry.WithTags(t.Context(), telemetry.OrgID, "org"), server.Tracer("test"), "request")
	stored := telemetry.Traceparent(ctx)
	telemetry.JSONLogger(&b, slog.LevelInfo).InfoContext(ctx, "line")
	asked.End()
	require.Regexp(t, `^00-[0-9a-f]{32}-[0-9a-f]{16}-01$`, stored)
	require.Equal(t, asked.SpanContext().TraceID().String(), lines(t, b.String())[0]["trace_id"])

	later := telemetry.WithTraceparent(t.Context(), stored)
	_, done := telemetry.StartSpan(later, worker.Tracer("test"), "work")
	done.End()
	require.Equal(t, asked.SpanContext().TraceID(), done.SpanContext().TraceID())
	for _, broken := range []string{"", "nonsense", "00-0-0-00", strings.Repeat("x", 1000)} {
		require.False(t, trace.SpanContextFromContext(telemetry.WithTraceparent(t.Context(), broken)).IsValid(), broken)
	}
	require.NoError(t, server.Stop(t.Context()))
	require.NoError(t, worker.Stop(t.Context()))
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Len(t, lines(t, string(raw)), 2, "a JSON object a line, of both")
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

// OTLP goes to the address of the standard settings, with its headers. Not
// parallel: it sets the environment.
func TestOTLPByTheStandardSettings(t *testing.T) {
	got := make(chan *http.Request, 10)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r }))
	t.Cleanup(collector.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=abc")
	tracing, err := telemetry.NewTracing(t.Context(), telemetry.TracesOTLP, "service", "v1", slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	_, span := telemetry.StartSpan(t.Context(), tracing.Tracer("test"), "work")
	span.End()
	require.NoError(t, tracing.Stop(t.Context()), "what is left is sent at the end")
	r := <-got
	require.Equal(t, "/v1/traces", r.URL.Path)
	require.Equal(t, "abc", r.Header.Get("X-Key"))
}

func BenchmarkOff(b *testing.B) {
	tracer := telemetry.NoTracing().Tracer("test")
	ctx := b.Context()
	for b.Loop() {
		_, span := telemetry.StartSpan(ctx, tracer, "work")
		span.End()
	}
}
