package auth

import (
	"errors"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/cloudhub/cloudhub/internal/platform/vault"
)

// accessFor is how long an access token is good. The session is read on every
// request all the same, so ending one takes effect at once.
const accessFor = 5 * time.Minute

const (
	issuer    = "cloudhub"
	audience  = "cloudhub-api"
	tokenType = "at+jwt"
)

// tokens makes and reads access tokens: EdDSA, and no roles inside.
type tokens struct {
	ring *vault.ServerRing
	now  func() time.Time
}

type claims struct {
	jwt.RegisteredClaims
	Session string `json:"sid"`
}

func (t *tokens) issue(user, session uuid.UUID) (token string, expires time.Time, err error) {
	kid, key := t.ring.SigningKey()
	now := t.now()
	expires = now.Add(accessFor)
	j := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: issuer, Subject: user.String(), Audience: jwt.ClaimStrings{audience},
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(expires),
		},
		Session: session.String(),
	})
	j.Header["kid"], j.Header["typ"] = kid, tokenType
	token, err = j.SignedString(key)
	return token, expires, err
}

var errToken = errors.New("not an access token of ours")

func (t *tokens) verify(raw string) (user, session uuid.UUID, err error) {
	if strings.ContainsAny(raw, "\r\n") { // base64 passes over them: a token has one spelling
		return uuid.Nil, uuid.Nil, errToken
	}
	var c claims
	_, err = jwt.ParseWithClaims(raw, &c, func(j *jwt.Token) (any, error) {
		kid, _ := j.Header["kid"].(string)
		if j.Header["typ"] != tokenType {
			return nil, errToken
		}
		key, ok := t.ring.VerifyKey(kid)
		if !ok {
			return nil, errToken
		}
		return key, nil
	}, jwt.WithValidMethods([]string{"EdDSA"}), jwt.WithIssuer(issuer), jwt.WithAudience(audience),
		jwt.WithExpirationRequired(), jwt.WithStrictDecoding(), jwt.WithIssuedAt(), jwt.WithLeeway(5*time.Second), jwt.WithTimeFunc(t.now))
	if err != nil {
		return uuid.Nil, uuid.Nil, errToken
	}
	if user, err = uuid.Parse(c.Subject); err != nil {
		return uuid.Nil, uuid.Nil, errToken
	}
	if session, err = uuid.Parse(c.Session); err != nil {
		return uuid.Nil, uuid.Nil, errToken
	}
	return user, session, nil
}
