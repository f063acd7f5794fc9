package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
	"github.com/cloudhub/cloudhub/server/audit"
	"github.com/cloudhub/cloudhub/server/rpc"
)

// How long a session lives: without use, and at most.
const (
	idleFor         = 24 * time.Hour
	idleForRemember = 7 * 24 * time.Hour
	sessionFor      = 30 * 24 * time.Hour
	// graceFor is how long the parent of the newest refresh token still gets
	// that same token: two tabs, or an answer that was lost.
	graceFor = 10 * time.Second
	// tokenSize in bytes.
	tokenSize = 32
)

// sessions starts, prolongs and ends sessions. Only hashes of refresh tokens
// are stored; a successor is derived from its parent with a key of the server's
// ring, so the parent shown twice gets the same successor.
type sessions struct {
	identity *db.Identity
	ring     *vault.ServerRing
	now      func() time.Time
}

// session is what a person holds after start or refresh.
type session struct {
	user, id uuid.UUID
	refresh  string
	idle     time.Duration
}

func idleOf(remember bool) time.Duration {
	if remember {
		return idleForRemember
	}
	return idleFor
}

// start writes a session and its first token in the given transaction.
func (s *sessions) start(ctx context.Context, q *gen.Queries, user uuid.UUID, remember bool) (session, error) {
	caller := rpc.CallerOf(ctx)
	id, err := uuid.NewV7()
	if err != nil {
		return session{}, err
	}
	secret := make([]byte, tokenSize)
	if _, err := rand.Read(secret); err != nil {
		return session{}, err
	}
	now := s.now()
	err = q.InsertSession(ctx, gen.InsertSessionParams{
		ID: id, UserID: user, Remember: remember, IdleExpiresAt: now.Add(idleOf(remember)), ExpiresAt: now.Add(sessionFor),
		Address: caller.Address, UserAgent: caller.UserAgent,
	})
	if err != nil {
		return session{}, err
	}
	err = q.InsertRefreshToken(ctx, gen.InsertRefreshTokenParams{TokenHash: hashToken(secret), SessionID: id, Generation: 1})
	return session{user: user, id: id, refresh: encodeToken(secret), idle: idleOf(remember)}, err
}

// refresh trades a token for its successor. A token that is neither the newest
// nor its parent within the grace is a stolen one: the session ends, and that
// stays so although the caller gets an error.
func (s *sessions) refresh(ctx context.Context, token string) (session, error) {
	secret, err := decodeToken(token)
	if err != nil {
		return session{}, rpcerr.New(rpcerr.ReasonSessionEnded)
	}
	var out session
	err = s.identity.Tx(ctx, func(q *gen.Queries) error {
		out, err = s.rotate(ctx, q, secret)
		return err
	})
	return out, err
}

func (s *sessions) rotate(ctx context.Context, q *gen.Queries, secret []byte) (session, error) {
	ended := rpcerr.New(rpcerr.ReasonSessionEnded)
	hash := hashToken(secret)
	row, err := q.LockSessionOfToken(ctx, hash)
	if db.IsNoRows(err) {
		return session{}, ended
	}
	if err != nil {
		return session{}, err
	}
	now := s.now()
	if row.RevokedAt != nil || row.UserSuspendedAt != nil || !now.Before(row.ExpiresAt) || !now.Before(row.IdleExpiresAt) {
		return session{}, ended
	}
	t, err := q.LockRefreshToken(ctx, hash)
	if err != nil {
		return session{}, err
	}
	next := s.successor(secret, row.ID)
	out := session{user: row.UserID, id: row.ID, refresh: encodeToken(next), idle: idleOf(row.Remember)}
	switch {
	case t.Generation == t.Newest:
		if err := q.InsertRefreshToken(ctx, gen.InsertRefreshTokenParams{TokenHash: hashToken(next), SessionID: row.ID, Generation: t.Generation + 1}); err != nil {
			return session{}, err
		}
		if err := q.RotateRefreshToken(ctx, gen.RotateRefreshTokenParams{RotatedAt: now, TokenHash: hash}); err != nil {
			return session{}, err
		}
	case t.Generation == t.Newest-1 && t.RotatedAt != nil && now.Sub(*t.RotatedAt) <= graceFor:
		// The same successor, for the other tab. The key that derived it may have
		// been replaced in these seconds.
		if next, err = s.storedSuccessor(ctx, q, secret, row.ID); err != nil {
			return session{}, err
		}
		out.refresh = encodeToken(next)
	default:
		return session{}, s.stolen(ctx, q, row, ended)
	}
	err = q.TouchSession(ctx, gen.TouchSessionParams{IdleExpiresAt: now.Add(out.idle), Address: rpc.CallerOf(ctx).Address, ID: row.ID})
	return out, err
}

func (s *sessions) stolen(ctx context.Context, q *gen.Queries, row gen.LockSessionOfTokenRow, ended error) error {
	if _, err := q.RevokeSession(ctx, gen.RevokeSessionParams{Reason: "refresh token reuse", ID: row.ID, UserID: row.UserID}); err != nil {
		return err
	}
	if err := auditPerson(ctx, q, row.UserID, "session.reuse_detected", row.ID); err != nil {
		return err
	}
	return db.Commit(ended)
}

// revoke ends the session of a token; without one it does nothing.
func (s *sessions) revoke(ctx context.Context, token string) error {
	secret, err := decodeToken(token)
	if err != nil {
		return nil
	}
	return s.identity.Tx(ctx, func(q *gen.Queries) error {
		row, err := q.LockSessionOfToken(ctx, hashToken(secret))
		if db.IsNoRows(err) {
			return nil
		}
		if err != nil {
			return err
		}
		n, err := q.RevokeSession(ctx, gen.RevokeSessionParams{Reason: "signed out", ID: row.ID, UserID: row.UserID})
		if err != nil || n == 0 {
			return err
		}
		return auditPerson(ctx, q, row.UserID, "session.sign_out", row.ID)
	})
}

// auditPerson records what a person did to his own sign-in, in his first
// organization: the trail has no place outside one.
func auditPerson(ctx context.Context, q *gen.Queries, user uuid.UUID, action string, subject uuid.UUID) error {
	u, err := q.UserByID(ctx, user)
	if err != nil {
		return err
	}
	orgs, err := q.ListMyOrganizations(ctx, user)
	if err != nil || len(orgs) == 0 {
		return err
	}
	return audit.WriteAs(ctx, q, u.ActorHash, audit.Entry{Org: orgs[0].ID, Action: action, SubjectKind: "session", SubjectID: subject.String()})
}

const successorLabel = "refresh token"

func (s *sessions) successor(secret []byte, id uuid.UUID) []byte {
	sum := sha256.Sum256(s.ring.MAC(successorLabel, append(append([]byte{}, secret...), id[:]...)))
	return sum[:]
}

// storedSuccessor is the successor that was given before, whichever key of the
// ring derived it.
func (s *sessions) storedSuccessor(ctx context.Context, q *gen.Queries, secret []byte, id uuid.UUID) ([]byte, error) {
	for _, mac := range s.ring.MACs(successorLabel, append(append([]byte{}, secret...), id[:]...)) {
		next := sha256.Sum256(mac)
		t, err := q.LockRefreshToken(ctx, hashToken(next[:]))
		if db.IsNoRows(err) {
			continue
		}
		if err != nil || t.Generation == t.Newest {
			return next[:], err
		}
	}
	return nil, rpcerr.New(rpcerr.ReasonSessionEnded)
}

func hashToken(secret []byte) []byte {
	sum := sha256.Sum256(secret)
	return sum[:]
}

func encodeToken(secret []byte) string { return base64.RawURLEncoding.EncodeToString(secret) }

var errNoRefreshToken = errors.New("not a refresh token")

// decodeToken is strict: a token has one spelling.
func decodeToken(text string) ([]byte, error) {
	secret, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(secret) != tokenSize || strings.ContainsAny(text, "\r\n") { // base64 passes over these
		return nil, errNoRefreshToken
	}
	return secret, nil
}

// authenticate reads who holds an access token. The session is read every time.
func (s *Service) authenticate(ctx context.Context, bearer string, caller *rpc.Caller) error {
	refused := rpcerr.New(rpcerr.ReasonUnauthenticated)
	user, id, err := s.tokens.verify(bearer)
	if err != nil {
		return refused
	}
	live, err := s.identity.Read().SessionIsLive(ctx, gen.SessionIsLiveParams{ID: id, Now: s.now()})
	if db.IsNoRows(err) || err == nil && live.UserID != user {
		return refused
	}
	if err != nil {
		return errors.Join(errors.New("session"), err)
	}
	caller.UserID, caller.SessionID, caller.SignedInAt = user, id, live.SignedInAt
	caller.Name, caller.Locale, caller.ActorHash = live.Name, live.Locale, live.ActorHash
	caller.PlatformAdmin = live.PlatformAdmin
	return nil
}

// StillSignedIn says whether the session behind a stream lives.
func (s *Service) StillSignedIn(ctx context.Context, c *rpc.Caller) error {
	_, err := s.identity.Read().SessionIsLive(ctx, gen.SessionIsLiveParams{ID: c.SessionID, Now: s.now()})
	if db.IsNoRows(err) {
		return rpcerr.New(rpcerr.ReasonSessionEnded)
	}
	return err
}

// EndSession ends one session of a person; found is false when it is not his
// or not alive.
func (s *Service) EndSession(ctx context.Context, user, id uuid.UUID) (found bool, err error) {
	err = s.identity.Tx(ctx, func(q *gen.Queries) error {
		n, err := q.RevokeSession(ctx, gen.RevokeSessionParams{Reason: "revoked by its owner", ID: id, UserID: user})
		found = n > 0
		if err != nil || !found {
			return err
		}
		return auditPerson(ctx, q, user, "session.revoke", id)
	})
	return found, err
}
