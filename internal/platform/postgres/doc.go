// Package postgres runs a PostgreSQL as a child process, for `cloudhub dev` and
// tests; in production it is the operator's.
//
// It owns the cluster's folder: made, locked, started, watched, brought back,
// stopped. It must not know what the databases in it are for (no roles, no
// migrations), must not import Temporal, which its users would then link, and
// never listens on anything but 127.0.0.1.
//
// PostgreSQL's programs are looked for on the machine. They are not downloaded
// (the fallback to Maven Central's embedded-postgres is left out): when there
// are none the error says which package to install.
package postgres
