package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	_ "embed" // the list of common passwords
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/sync/semaphore"

	"github.com/cloudhub/cloudhub/server/auth/leaked"
)

// argon2id with the parameters that OWASP gives as the least: 19 MiB, two
// passes, one lane (Password Storage Cheat Sheet; ASVS 5.0 appendix C).
const (
	argonMemoryKiB = 19456
	argonTime      = 2
	argonLanes     = 1
	argonKeyLen    = 32
	argonSaltLen   = 16
)

// hashesAtOnce bounds the memory that sign-ins can make us hold: 19 MiB each.
const hashesAtOnce = 8

// passwords hashes and checks, a bounded number at a time.
type passwords struct {
	slots *semaphore.Weighted
	// dummy is checked when there is no such user, so that it takes as long.
	dummy string
}

func newPasswords() (*passwords, error) {
	p := &passwords{slots: semaphore.NewWeighted(hashesAtOnce)}
	var err error
	p.dummy, err = p.hash(context.Background(), "nobody has this password")
	return p, err
}

func (p *passwords) hash(ctx context.Context, password string) (string, error) {
	if err := p.slots.Acquire(ctx, 1); err != nil {
		return "", err
	}
	defer p.slots.Release(1)
	salt := make([]byte, argonSaltLen)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	plain := []byte(password)
	defer clear(plain)
	key := argon2.IDKey(plain, salt, argonTime, argonMemoryKiB, argonLanes, argonKeyLen)
	enc := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemoryKiB, argonTime, argonLanes,
		enc.EncodeToString(salt), enc.EncodeToString(key)), nil
}

// verify says whether the password is the hash's; with an empty hash it takes
// the same time and says no.
func (p *passwords) verify(ctx context.Context, hash, password string) (bool, error) {
	known := hash != ""
	if !known {
		hash = p.dummy
	}
	if err := p.slots.Acquire(ctx, 1); err != nil {
		return false, err
	}
	defer p.slots.Release(1)
	var version int
	var memory, time uint32
	var lanes uint8
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, errors.New("a stored password hash is not argon2id")
	}
	if _, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &time, &lanes); err != nil {
		return false, err
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false, err
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil {
		return false, err
	}
	if len(want) < argonSaltLen { // argon2 makes no shorter ones, and a prefix would fit more passwords
		return false, errors.New("a stored password hash is cut off")
	}
	plain := []byte(password)
	defer clear(plain)
	got := argon2.IDKey(plain, salt, time, memory, lanes, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1 && known, nil
}

// common has long passwords that many people have and the lists of leaked ones
// lack: their Brazilian kin above all.
//
//go:embed common.txt
var common string

// repeated says whether a text is one short piece, again and again.
func repeated(p string) bool {
	for unit := 1; unit <= len(p)/2 && unit < 8; unit++ {
		if strings.Repeat(p[:unit], len(p)/unit+1)[:len(p)] == p {
			return true
		}
	}
	return false
}

// weak says whether a password is easy to guess although it is long: one that
// many have, a short piece repeated, few different characters, or little more
// than what is known of the person.
func weak(password, email, name string) bool {
	p := strings.ToLower(password)
	if repeated(p) || leaked.Has(p) || slices.Contains(strings.Fields(common), strings.ReplaceAll(p, " ", "")) {
		return true
	}
	different := map[rune]bool{}
	for _, r := range p {
		different[r] = true
	}
	if len(different) < 5 {
		return true
	}
	local, domain, _ := strings.Cut(strings.ToLower(email), "@")
	rest := p
	words := append([]string{local, domain, "cloudhub", "password", "senha", "qwerty", "123456789", "12345", "abcdef"}, strings.Fields(strings.ToLower(name))...)
	for _, w := range words {
		if len(w) >= 3 {
			rest = strings.ReplaceAll(rest, w, "")
		}
	}
	return len([]rune(rest)) < 6
}
