package aws_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/cloud/aws"
)

// A refused call is found at the provider by its own id: in the error and in the
// span. The span says nothing of what the provider wrote, and AWS nothing of it.
func TestTheProvidersIDOfACall(t *testing.T) {
	t.Parallel()
	var header http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header = r.Header.Clone()
		resp := answer(http.StatusForbidden, "UnauthorizedOperation", "User arn:aws:iam::1:user/ana is not authorized")
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
	}))
	t.Cleanup(server.Close)
	a := aws.New(aws.Options{Endpoint: server.URL})
	var told tracetest.InMemoryExporter
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(&told))

	_, err := a.SetPower(t.Context(), someone, home, cloud.PowerOff, []string{"i-00000000000000001"})
	require.Equal(t, "r-1", cloud.RequestIDOf(err))
	require.Empty(t, told.GetSpans(), "nothing is traced that belongs to no trace")

	ctx, work := provider.Tracer("test").Start(t.Context(), "work")
	_, err = a.SetPower(ctx, someone, home, cloud.PowerOff, []string{"i-00000000000000001"})
	require.Equal(t, cloud.ReasonDenied, cloud.ReasonOf(err))
	spans := told.GetSpans()
	require.Len(t, spans, 1)
	s := spans[0]
	require.Equal(t, "aws StopInstances", s.Name)
	require.Equal(t, work.SpanContext().SpanID(), s.Parent.SpanID())
	require.Equal(t, sdktrace.Status{Code: codes.Error, Description: "denied"}, s.Status)
	got := map[string]string{}
	for _, kv := range s.Attributes {
		got[string(kv.Key)] = kv.Value.String()
		require.NotContains(t, kv.Value.String(), "ana")
		require.NotContains(t, kv.Value.String(), someone.Credential.AccessKeyID)
	}
	require.Equal(t, "r-1", got["aws.request_id"])
	require.Equal(t, "UnauthorizedOperation", got["error.type"])
	require.Equal(t, home, got["cloud.region"])
	require.NotEmpty(t, header)
	require.Empty(t, header.Get("Traceparent"))
}
