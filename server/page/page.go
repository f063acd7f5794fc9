// Package page makes page tokens: sealed, bound to the list and its filter, and
// never a place where a client can put a tenant.
package page

import (
	"crypto/sha256"
	"encoding/json"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
)

// Sizes of pages: what is asked for beyond the most is taken as the most.
const (
	DefaultSize = 50
	MaxSize     = 500
)

// Size is the page size to use.
func Size(asked int32) int32 {
	switch {
	case asked <= 0:
		return DefaultSize
	case asked > MaxSize:
		return MaxSize
	default:
		return asked
	}
}

// Tokens seals and opens page tokens with the server's ring.
type Tokens struct{ ring *vault.ServerRing }

// NewTokens uses a ring.
func NewTokens(ring *vault.ServerRing) *Tokens { return &Tokens{ring} }

// Next makes the token that goes on after `last`, for the same request.
func (t *Tokens) Next(req proto.Message, last any) (string, error) {
	raw, err := json.Marshal(last)
	if err != nil {
		return "", err
	}
	scope, err := scopeOf(req)
	if err != nil {
		return "", err
	}
	return t.ring.SealToken(raw, scope)
}

// Open reads into `last` where to go on; an empty token leaves it as it is.
// Errors: PAGE_TOKEN_INVALID when the token is of another list or filter.
func (t *Tokens) Open(req proto.Message, token string, last any) error {
	if token == "" {
		return nil
	}
	scope, err := scopeOf(req)
	if err != nil {
		return err
	}
	raw, err := t.ring.OpenToken(token, scope)
	if err != nil || strings.ContainsAny(token, "\r\n") || json.Unmarshal(raw, last) != nil {
		return rpcerr.Invalid(rpcerr.ReasonPageTokenInvalid, "page_token", "this token belongs to another list or filter")
	}
	return nil
}

// scopeOf is the request without what may differ between its pages.
func scopeOf(req proto.Message) ([]byte, error) {
	c := proto.Clone(req)
	fields := c.ProtoReflect().Descriptor().Fields()
	for _, name := range []protoreflect.Name{"page_token", "page_size"} {
		if fd := fields.ByName(name); fd != nil {
			c.ProtoReflect().Clear(fd)
		}
	}
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(c)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(append([]byte(c.ProtoReflect().Descriptor().FullName()), raw...))
	return sum[:], nil
}
