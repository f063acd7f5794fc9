package server

import (
	"bytes"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

const noWeb = "The web application is not part of this build: run `make build`.\n"

// web serves the application: hashed files for ever, everything else as its
// one page, with a fresh nonce.
func (s *Server) web() http.Handler {
	if s.deps.Web == nil {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusNotFound, noWeb) })
	}
	page, err := fs.ReadFile(s.deps.Web, "index.html")
	if err != nil {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusNotFound, noWeb) })
	}
	files := http.FileServerFS(s.deps.Web)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			answer(w, http.StatusMethodNotAllowed, "method not allowed\n")
			return
		}
		name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
		if info, err := fs.Stat(s.deps.Web, name); err == nil && !info.IsDir() && name != "index.html" && !hidden(name) {
			w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
			if strings.HasPrefix(name, "assets/") {
				w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
			}
			files.ServeHTTP(w, r)
			return
		}
		// A missing file or a procedure that does not exist is not a page.
		if strings.HasPrefix(name, "assets/") || strings.HasPrefix(name, "cloudhub.") {
			answer(w, http.StatusNotFound, "not found\n")
			return
		}
		servePage(w, page)
	})
}

// hidden files are the build's own, e.g. .vite/manifest.json.
func hidden(name string) bool { return strings.HasPrefix(name, ".") || strings.Contains(name, "/.") }

func servePage(w http.ResponseWriter, page []byte) {
	n, err := nonce()
	if err != nil {
		answer(w, http.StatusInternalServerError, "no randomness\n")
		return
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-"+n+"'; style-src-attr 'unsafe-inline'; "+
		"img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; "+
		"frame-ancestors 'none'; require-trusted-types-for 'script'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(bytes.ReplaceAll(page, []byte("__CSP_NONCE__"), []byte(n)))
}
