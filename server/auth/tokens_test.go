package auth

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/platform/vault"
)

func ring(t testing.TB) *vault.ServerRing {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o700))
	require.NoError(t, vault.EnsureRings(dir, time.Now()))
	r, err := vault.LoadServerRing(dir)
	require.NoError(t, err)
	return r
}

func TestOnlyOurTokensAreOurs(t *testing.T) {
	t.Parallel()
	r, other := ring(t), ring(t)
	now := time.Now().Truncate(time.Second)
	tok := &tokens{r, func() time.Time { return now }}
	user, session := uuid.New(), uuid.New()
	good, expires, err := tok.issue(user, session)
	require.NoError(t, err)
	require.Equal(t, now.Add(accessFor), expires)
	gotUser, gotSession, err := tok.verify(good)
	require.NoError(t, err)
	require.Equal(t, []uuid.UUID{user, session}, []uuid.UUID{gotUser, gotSession})
	// No roles, no e-mail: whoever reads it learns who, and nothing else.
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(good, ".")[1])
	require.NoError(t, err)
	require.Len(t, strings.Split(string(payload), ":"), 7, "iss sub aud exp iat sid: %s", payload)

	kid, key := r.SigningKey()
	otherKid, otherKey := other.SigningKey()
	public, _ := r.VerifyKey(kid)
	claims := func(bend func(jwt.MapClaims)) jwt.MapClaims {
		c := jwt.MapClaims{"iss": issuer, "aud": audience, "sub": user.String(), "sid": session.String(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix()}
		bend(c)
		return c
	}
	same := func(jwt.MapClaims) {}
	make := func(method jwt.SigningMethod, key any, header map[string]any, bend func(jwt.MapClaims)) string {
		j := jwt.NewWithClaims(method, claims(bend))
		j.Header["kid"], j.Header["typ"] = kid, tokenType
		for k, v := range header {
			if j.Header[k] = v; v == nil {
				delete(j.Header, k)
			}
		}
		s, err := j.SignedString(key)
		require.NoError(t, err)
		return s
	}
	ed := jwt.SigningMethodEdDSA
	_, _, err = tok.verify(make(ed, key, nil, same))
	require.NoError(t, err, "the corpus bends a token that is good")
	parts := strings.Split(good, ".")
	bad := map[string]string{
		"empty":                   "",
		"not a token":             "a.b.c",
		"no signature":            parts[0] + "." + parts[1] + ".",
		"two parts":               parts[0] + "." + parts[1],
		"four parts":              good + ".x",
		"alg none":                make(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil, same),
		"HS256 by the public key": make(jwt.SigningMethodHS256, []byte(public), nil, same),
		"another's key":           make(ed, otherKey, nil, same),
		"another's kid":           make(ed, key, map[string]any{"kid": otherKid + "9"}, same),
		"no kid":                  make(ed, key, map[string]any{"kid": nil}, same),
		"kid is a number":         make(ed, key, map[string]any{"kid": 7}, same),
		"a key of its own":        ownKey(t, claims(same), kid),
		"typ JWT":                 make(ed, key, map[string]any{"typ": "JWT"}, same),
		"no typ":                  make(ed, key, map[string]any{"typ": nil}, same),
		"another issuer":          make(ed, key, nil, func(c jwt.MapClaims) { c["iss"] = "evil" }),
		"no issuer":               make(ed, key, nil, func(c jwt.MapClaims) { delete(c, "iss") }),
		"another audience":        make(ed, key, nil, func(c jwt.MapClaims) { c["aud"] = "cloudhub-web" }),
		"no audience":             make(ed, key, nil, func(c jwt.MapClaims) { delete(c, "aud") }),
		"expired":                 make(ed, key, nil, func(c jwt.MapClaims) { c["exp"] = now.Add(-time.Minute).Unix() }),
		"without an end":          make(ed, key, nil, func(c jwt.MapClaims) { delete(c, "exp") }),
		"not yet":                 make(ed, key, nil, func(c jwt.MapClaims) { c["nbf"] = now.Add(time.Minute).Unix() }),
		"from the future":         make(ed, key, nil, func(c jwt.MapClaims) { c["iat"] = now.Add(time.Minute).Unix() }),
		"nobody":                  make(ed, key, nil, func(c jwt.MapClaims) { c["sub"] = "admin" }),
		"no session":              make(ed, key, nil, func(c jwt.MapClaims) { delete(c, "sid") }),
		"with a line end":         good + "\n",
		"another spelling of it":  parts[0] + "." + parts[1] + "." + respell(parts[2]),
		"the payload of another":  parts[0] + "." + strings.Split(make(ed, key, nil, func(c jwt.MapClaims) { c["sub"] = uuid.NewString() }), ".")[1] + "." + parts[2],
	}
	for i := range parts[2] {
		if i%8 == 0 {
			bad["the signature bent at "+string(rune('a'+i/8))] = parts[0] + "." + parts[1] + "." + parts[2][:i] + flip(parts[2][i]) + parts[2][i+1:]
		}
	}
	for name, raw := range bad {
		_, _, err := tok.verify(raw)
		require.ErrorIs(t, err, errToken, name)
	}
	now = now.Add(accessFor + 6*time.Second)
	_, _, err = tok.verify(good)
	require.ErrorIs(t, err, errToken)
}

// ownKey is a token that brings the key it was signed with.
func ownKey(t testing.TB, c jwt.MapClaims, kid string) string {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	j := jwt.NewWithClaims(jwt.SigningMethodEdDSA, c)
	j.Header["kid"], j.Header["typ"] = kid, tokenType
	j.Header["jwk"] = map[string]string{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(public)}
	j.Header["jku"] = "https://evil.example/keys"
	s, err := j.SignedString(private)
	require.NoError(t, err)
	return s
}

// respell changes the unused bits at the end of base64 text.
func respell(s string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	i := strings.IndexByte(alphabet, s[len(s)-1])
	return s[:len(s)-1] + string(alphabet[i^1])
}

func flip(b byte) string {
	if b == 'A' {
		return "B"
	}
	return "A"
}

func FuzzCookie(f *testing.F) {
	good := encodeToken(make([]byte, tokenSize))
	for _, s := range []string{"", good, good + "=", good + "\n", good[1:], respell(good), "\x00", strings.Repeat("A", 4096)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		secret, err := decodeToken(text)
		if err != nil {
			require.Nil(t, secret)
			return
		}
		require.Len(t, secret, tokenSize)
		require.Equal(t, text, encodeToken(secret), "a token has one spelling")
	})
}

func FuzzAccessToken(f *testing.F) {
	tok := &tokens{ring(f), time.Now}
	good, _, err := tok.issue(uuid.New(), uuid.New())
	require.NoError(f, err)
	for _, s := range []string{"", good, "..", good[:len(good)-2], "eyJhbGciOiJub25lIn0.e30."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if _, _, err := tok.verify(raw); raw != good {
			require.ErrorIs(t, err, errToken)
		}
	})
}
