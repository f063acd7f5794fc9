// Package embedded runs Temporal's own server and its UI inside this process,
// on a PostgreSQL that is there already (internal/platform/postgres starts
// one). It serves `cloudhub dev` and tests; in production the operator has a
// Temporal of his own.
//
// It owns Temporal's two databases and their schema, the namespaces and their
// search attributes, and Temporal's UI. It must not know CloudHub's own
// databases, roles or migrations, nor how PostgreSQL came to run, and it never
// listens on anything but 127.0.0.1.
//
// Linking this package links net/http/pprof, which Temporal's server imports:
// http.DefaultServeMux then answers /debug/pprof/, so no public listener may
// serve the default mux. What needs PostgreSQL alone imports only
// internal/platform/postgres, and links none of it.
package embedded
