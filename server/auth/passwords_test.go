package auth

import (
	"context"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/argon2"
)

func TestAPasswordIsCheckedAgainstItsHashAlone(t *testing.T) {
	t.Parallel()
	p, err := newPasswords()
	require.NoError(t, err)
	ctx := t.Context()
	a, err := p.hash(ctx, "correct horse battery")
	require.NoError(t, err)
	b, err := p.hash(ctx, "correct horse battery")
	require.NoError(t, err)
	require.NotEqual(t, a, b, "salted")
	require.True(t, strings.HasPrefix(a, "$argon2id$v=19$m=19456,t=2,p=1$"))
	for _, c := range []struct {
		hash, password string
		want           bool
	}{
		{a, "correct horse battery", true}, {b, "correct horse battery", true},
		{a, "correct horse battery ", false}, {a, "Correct horse battery", false}, {a, "", false},
		{"", "nobody has this password", false}, {"", "", false},
		{p.dummy, "nobody has this password", true}, // it is a hash like any other, of nobody's
	} {
		ok, err := p.verify(ctx, c.hash, c.password)
		require.NoError(t, err)
		require.Equal(t, c.want, ok, "%q", c.password)
	}
	// Whole: neither cut at 72 bytes nor at a NUL.
	long, err := p.hash(ctx, strings.Repeat("x", 200)+"a")
	require.NoError(t, err)
	ok, err := p.verify(ctx, long, strings.Repeat("x", 200)+"b")
	require.NoError(t, err)
	require.False(t, ok)
	// What was hashed with other parameters still verifies.
	salt, key := []byte("0123456789abcdef"), argon2.IDKey([]byte("x"), []byte("0123456789abcdef"), 1, 64, 2, 24)
	enc := base64.RawStdEncoding
	ok, err = p.verify(ctx, "$argon2id$v=19$m=64,t=1,p=2$"+enc.EncodeToString(salt)+"$"+enc.EncodeToString(key), "x")
	require.NoError(t, err)
	require.True(t, ok)
	for _, broken := range []string{"x", "$argon2i$v=19$m=64,t=1,p=1$c2FsdA$a2V5", "$argon2id$v=19$m=x$c2FsdA$a2V5", "$argon2id$v=19$m=64,t=1,p=1$!$a2V5", "$argon2id$v=19$m=64,t=1,p=1$c2FsdA$!", "$argon2id$v=19$m=64,t=1,p=1$c2FsdA$", "$argon2id$v=19$m=64,t=1,p=1$c2FsdA$a2V5"} {
		_, err := p.verify(ctx, broken, "x")
		require.Error(t, err, broken)
	}
}

func TestOnlyAFewHashesAreMadeAtOnce(t *testing.T) {
	t.Parallel()
	p, err := newPasswords()
	require.NoError(t, err)
	require.NoError(t, p.slots.Acquire(t.Context(), hashesAtOnce))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = p.hash(ctx, "x")
	require.ErrorIs(t, err, context.DeadlineExceeded, "it waits for a slot, no longer than its caller")
	_, err = p.verify(ctx, "", "x")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	p.slots.Release(hashesAtOnce)
	_, err = p.verify(t.Context(), "", "x")
	require.NoError(t, err)
	require.True(t, p.slots.TryAcquire(hashesAtOnce), "every slot is given back")
}

func TestWhatIsEasyToGuess(t *testing.T) {
	t.Parallel()
	for password, want := range map[string]bool{
		"correct horse battery staple": true, // everybody knows that one
		"cavalo certo pilha grampo":    false,
		"CorrectHorseBatteryStaple":    true,
		"1qaz2wsx3edc4rfv":             true,
		"flamengo12345678":             true,
		"Mailcreated5240":              true, // in the million of the leaks
		"abcdef7abcdef7abcdef7":        true,
		"um café às três da tarde":     false,
		"aaaaaaaaaaaaaaaaaaaa":         true,
		"abababababababab":             true,
		"Ana.Souza@example.com":        true,
		"ana.souza1234567":             true,
		"cloudhubcloudhub1":            true,
		"PasswordPassword1!":           true,
		"senhasenhasenha12":            true,
		"qwertyqwerty12345":            true,
		"souza gosta muito de pão":     false,
		"🐙🦑🐡🐠🐟🐬🐳🐋🦈🐊🐅🐆🦓🦍🦧": false,
	} {
		require.Equal(t, want, weak(password, "ana.souza@example.com", "Ana Souza"), password)
	}
}

func FuzzWeak(f *testing.F) {
	f.Add("correct horse battery staple", "ana@example.com", "Ana")
	f.Add("\xff\xfe", "@", "")
	f.Fuzz(func(_ *testing.T, password, email, name string) { weak(password, email, name) })
}
