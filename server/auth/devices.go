package auth

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"

	"github.com/cloudhub/cloudhub/db/gen"
)

// A browser in which somebody has signed in is known from then on. A stranger
// who guesses at a person's password locks the account for strangers, and not
// for the person at his own desk (OWASP, "Slow down online guessing attacks with
// device cookies"). Being known is no proof of anything else: the password is
// asked for all the same, and a device has tries of its own.
//
// Nothing is stored. The cookie has one entry a person: 16 random bytes, the
// moment, and a MAC over both, the person and his password's hash, so that a new
// password makes strangers of all devices.
const (
	deviceLife    = 90 * 24 * time.Hour
	devicesPerson = 4 // people who share a browser
	deviceNonce   = 16
	deviceHead    = deviceNonce + 8
	deviceSize    = deviceHead + 32
)

// device finds the cookie's entry that is this person's, and nil when there is
// none. It does the same work for a person that does not exist.
func (s *Service) device(ctx context.Context, user gen.User) []byte {
	var found []byte
	for _, entry := range deviceEntries(s.cookie(ctx, s.cookieName("kd"))) {
		head, mac := entry[:deviceHead], entry[deviceHead:]
		age := s.now().Sub(time.Unix(int64(binary.BigEndian.Uint64(head[deviceNonce:])), 0))
		for _, want := range s.sessions.ring.MACs("known device", deviceText(user, head)) {
			if hmac.Equal(mac, want) && age >= -time.Minute && age < deviceLife && user.PasswordHash != "" {
				found = entry
			}
		}
	}
	return found
}

// rememberDevice gives the browser an entry for this person, in the place of the
// one it had.
func (s *Service) rememberDevice(ctx context.Context, user gen.User, had []byte) {
	head := make([]byte, deviceHead)
	if _, err := rand.Read(head[:deviceNonce]); err != nil {
		return // it stays a stranger's browser, which is no harm
	}
	binary.BigEndian.PutUint64(head[deviceNonce:], uint64(s.now().Unix()))
	entries := [][]byte{append(head, s.sessions.ring.MAC("known device", deviceText(user, head))...)}
	for _, e := range deviceEntries(s.cookie(ctx, s.cookieName("kd"))) {
		if len(entries) < devicesPerson && !bytes.Equal(e, had) {
			entries = append(entries, e)
		}
	}
	texts := make([]string, len(entries))
	for i, e := range entries {
		texts[i] = base64.RawURLEncoding.EncodeToString(e)
	}
	s.setCookie(ctx, s.cookieName("kd"), strings.Join(texts, "."), int(deviceLife.Seconds()))
}

func deviceText(user gen.User, head []byte) []byte {
	return bytes.Join([][]byte{user.ID[:], []byte(user.PasswordHash), head}, nil)
}

// deviceEntries reads what may be anything at all.
func deviceEntries(cookie string) [][]byte {
	var entries [][]byte
	for _, text := range strings.SplitN(cookie, ".", devicesPerson+1) {
		entry, err := base64.RawURLEncoding.Strict().DecodeString(text)
		if err == nil && len(entry) == deviceSize && len(entries) < devicesPerson {
			entries = append(entries, entry)
		}
	}
	return entries
}
