package server_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/event"
)

// A receiver's program, and a page on another site, read what an event looks like.
func TestSchemasOfEventsArePublished(t *testing.T) {
	t.Parallel()
	w := setup(t, withWeb(app))
	for _, e := range event.Types() {
		a := w.ask("GET", e.SchemaPath(), "", "Origin", "https://elsewhere.example", "Sec-Fetch-Site", "cross-site")
		require.Equal(t, http.StatusOK, a.status, e.Name)
		require.Equal(t, string(e.Schema), string(a.body), e.Name)
		require.Equal(t, "application/schema+json", a.header.Get("Content-Type"))
		require.Equal(t, "*", a.header.Get("Access-Control-Allow-Origin"))
		require.Equal(t, "cross-origin", a.header.Get("Cross-Origin-Resource-Policy"))
		require.Equal(t, "public, max-age=86400", a.header.Get("Cache-Control"))
		require.NotEmpty(t, a.header.Get("ETag"))
		require.Equal(t, http.StatusNotModified, w.ask("GET", e.SchemaPath(), "", "If-None-Match", a.header.Get("ETag")).status)
	}
	for _, path := range []string{"/schemas/events/resource.stopped.v2.json", "/schemas/events/resource.stopped.v1.example.json", "/schemas/events/..%2fevent.go"} {
		a := w.ask("GET", path, "")
		require.Equal(t, http.StatusNotFound, a.status, path)
		require.Empty(t, a.header.Get("Access-Control-Allow-Origin"), path)
		require.Empty(t, a.header.Get("Cache-Control"), path)
	}
	require.Equal(t, http.StatusMethodNotAllowed, w.ask("POST", "/schemas/events/resource.stopped.v1.json", "{}").status)
}
