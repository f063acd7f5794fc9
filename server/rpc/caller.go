// Package rpc is the order in which every request is handled: address, rate
// limit and authentication before a message is decoded; then authorize, then
// validate; for streams too. Handlers read who is calling from here.
package rpc

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/cloudhub/cloudhub/internal/access"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
)

// Caller is who is calling. UserID is the nil uuid when nobody has signed in.
type Caller struct {
	UserID     uuid.UUID
	SessionID  uuid.UUID
	Name       string
	Locale     string
	ActorHash  []byte
	SignedInAt time.Time
	// PlatformAdmin: one of the people who run the installation.
	PlatformAdmin bool
	// Address is the client's, as far as the trusted proxies tell.
	Address   string
	UserAgent string
	RequestID string
	// public: the method may be called by anyone.
	public bool
	// unread is why the request's body could not be taken in, or "".
	unread rpcerr.Reason
}

// Grant is what the authorizer found: handlers act in this organization and
// workspace and in no other.
type Grant struct {
	Org       uuid.UUID
	Workspace uuid.UUID // nil uuid at organization level
	Standing  access.Standing
	// Name is the caller's name as the organization knows it.
	Name     string
	Plan     access.Plan
	TimeZone string
}

type callerKey struct{}
type grantKey struct{}

// WithCaller puts the caller into the context.
func WithCaller(ctx context.Context, c *Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerOf is the caller of this request; never nil inside a handler.
func CallerOf(ctx context.Context) *Caller {
	if c, ok := ctx.Value(callerKey{}).(*Caller); ok {
		return c
	}
	return &Caller{}
}

// withGrant prepares a place that the authorizer fills once the message has
// been read, which for streams is after the context was made.
func withGrant(ctx context.Context) (context.Context, *Grant) {
	g := &Grant{}
	return context.WithValue(ctx, grantKey{}, g), g
}

// GrantOf is what the caller was authorized for. In an rpc that needs no
// permission it is empty, and InTenant with its organization finds nothing.
func GrantOf(ctx context.Context) Grant {
	if g, ok := ctx.Value(grantKey{}).(*Grant); ok {
		return *g
	}
	return Grant{}
}

// Known says that somebody has signed in, or that the method needs nobody to.
func (c *Caller) Known() bool { return c.UserID != uuid.Nil || c.public }
