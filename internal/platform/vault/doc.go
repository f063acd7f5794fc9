// Package vault seals secrets at rest and holds the server's own keys.
//
// There are two rings. The workers' ring is an HPKE key pair: whoever has the
// public half (the server) can seal a cloud credential or a webhook secret, and
// only whoever has the private half (a worker) can open it. The server's ring
// holds what the server needs for itself: the key that signs access tokens, a
// key to derive refresh-token successors, one for page tokens, and one for the
// secrets that it must read back (second-factor seeds, OIDC client secrets).
//
// What is sealed is bound to its Context: organization, workspace, row, field
// and schema version. Copied to another row it does not open.
//
// Keys have ids and rotate: AddKey, roll out everywhere, Promote, seal anew what
// names the old id, Retire. A running process follows its file (Follow). Keys are Tink keysets in JSON, from files or from bytes
// that the caller took from its environment.
//
// This package must not log, must not keep plaintext, and must not give a
// private key to anything but the ring that owns it.
package vault
