package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/cloudhub/cloudhub/internal/event"
)

// eventSchema publishes the schemas of events: to anybody, from any page.
func eventSchema(w http.ResponseWriter, r *http.Request) {
	schema, ok := event.Schema(r.URL.Path)
	if !ok {
		answer(w, http.StatusNotFound, "there is no such schema\n")
		return
	}
	sum := sha256.Sum256(schema)
	h := w.Header()
	h.Set("Content-Type", "application/schema+json")
	h.Set("Cache-Control", "public, max-age=86400")
	h.Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(schema))
}
