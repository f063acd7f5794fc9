package vault

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	tinked25519 "github.com/tink-crypto/tink-go/v2/signature/ed25519"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// macSize in bytes: the whole of HMAC-SHA256.
const macSize = 32

// A ServerRing is what the server keeps for itself.
type ServerRing struct {
	now  atomic.Pointer[serverKeys]
	file *ringFile // nil when it was not read from a file
}

// serverKeys are what a ServerRing uses until its file changes.
type serverKeys struct {
	signingKid string
	signing    ed25519.PrivateKey
	verifying  map[string]ed25519.PublicKey

	mac *prf.Set

	tokens tink.AEAD

	storageKeyID string
	storageKeys  map[string]bool
	storage      tink.AEAD

	primaries map[Ring]string
}

func newServerKeys(rings map[Ring]*ring) (*serverKeys, error) {
	s := &serverKeys{primaries: map[Ring]string{}}
	for name, r := range rings {
		s.primaries[name] = r.primary()
	}
	if err := s.readSigning(rings[RingSigning].handle); err != nil {
		return nil, fmt.Errorf("vault: signing ring: %w", err)
	}
	var err error
	if s.mac, err = newMAC(rings[RingMAC].handle); err != nil {
		return nil, fmt.Errorf("vault: MAC ring: %w", err)
	}
	if s.tokens, err = aead.New(rings[RingTokens].handle); err != nil {
		return nil, fmt.Errorf("vault: token ring: %w", err)
	}
	if s.storage, err = aead.New(rings[RingStorage].handle); err != nil {
		return nil, fmt.Errorf("vault: storage ring: %w", err)
	}
	s.storageKeyID = s.primaries[RingStorage]
	s.storageKeys, err = enabledIDs(rings[RingStorage].handle)
	return s, err
}

// readSigning takes the keys out of Tink, because a JWT library wants them.
func (s *serverKeys) readSigning(handle *keyset.Handle) error {
	s.verifying = map[string]ed25519.PublicKey{}
	for i := range handle.Len() {
		entry, err := handle.Entry(i)
		if err != nil {
			return err
		}
		if entry.KeyStatus() != keyset.Enabled {
			continue
		}
		key, ok := entry.Key().(*tinked25519.PrivateKey)
		if !ok {
			return fmt.Errorf("key %d is not an Ed25519 private key", entry.KeyID())
		}
		seed := key.PrivateKeyBytes().Data(insecuresecretdataaccess.Token{})
		if len(seed) != ed25519.SeedSize {
			return fmt.Errorf("key %d has %d bytes", entry.KeyID(), len(seed))
		}
		private := ed25519.NewKeyFromSeed(seed)
		kid := formatID(entry.KeyID())
		s.verifying[kid] = private.Public().(ed25519.PublicKey)
		if entry.IsPrimary() {
			s.signingKid, s.signing = kid, private
		}
	}
	if s.signing == nil {
		return errors.New("no enabled primary key")
	}
	return nil
}

// SigningKey signs access tokens (JWT, EdDSA); kid goes into the header.
func (s *ServerRing) SigningKey() (kid string, key ed25519.PrivateKey) {
	now := s.now.Load()
	return now.signingKid, now.signing
}

// VerifyKey returns the key that a token's header names, the primary or an
// enabled other one. An unknown one may have been promoted a moment ago, beside
// another server: the ring's file is read again first.
func (s *ServerRing) VerifyKey(kid string) (ed25519.PublicKey, bool) {
	key, ok := s.now.Load().verifying[kid]
	if !ok && s.file.reloadForUnknown() {
		key, ok = s.now.Load().verifying[kid]
	}
	return key, ok
}

// Reload is as Sealer.Reload.
func (s *ServerRing) Reload() (changed bool, err error) { return s.file.reload() }

// Primaries names the key of each of its rings that signs and seals now.
func (s *ServerRing) Primaries() map[Ring]string { return s.now.Load().primaries }

// MAC returns the 32 bytes that belong to data under label and the primary key.
// The same arguments give the same bytes: a refresh token's successor can be
// derived again. Different labels are different functions.
func (s *ServerRing) MAC(label string, data []byte) []byte {
	mac := s.now.Load().mac
	return compute(mac.PRFs[mac.PrimaryID], label, data)
}

// MACs returns the MAC under every enabled key, by key id. After a promotion
// what an older key derived is found among them.
func (s *ServerRing) MACs(label string, data []byte) map[string][]byte {
	mac := s.now.Load().mac
	all := make(map[string][]byte, len(mac.PRFs))
	for id, function := range mac.PRFs {
		all[formatID(id)] = compute(function, label, data)
	}
	return all
}

// compute cannot fail: the only error is a key too short for macSize, and
// newMAC has tried every key.
func compute(function prf.PRF, label string, data []byte) []byte {
	mac, err := function.ComputePRF(encode(label, string(data)), macSize)
	if err != nil {
		panic(err)
	}
	return mac
}

func newMAC(handle *keyset.Handle) (*prf.Set, error) {
	set, err := prf.NewPRFSet(handle)
	if err != nil {
		return nil, err
	}
	for id, function := range set.PRFs {
		if _, err := function.ComputePRF(nil, macSize); err != nil {
			return nil, fmt.Errorf("key %d: %w", id, err)
		}
	}
	return set, nil
}

// SealToken makes a token that a client hands back unread, such as a page token:
// URL-safe text. associated is what the token is good for (organization, method,
// hash of filter and order); opening takes the same bytes.
func (s *ServerRing) SealToken(plaintext, associated []byte) (string, error) {
	sealed, err := s.now.Load().tokens.Encrypt(plaintext, associated)
	if err != nil {
		return "", fmt.Errorf("vault: seal token: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// OpenToken returns ErrNotOpened for whatever SealToken did not make for this
// purpose.
func (s *ServerRing) OpenToken(token string, associated []byte) ([]byte, error) {
	// Strict: the unused bits at the end of base64 text are no second spelling.
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil {
		return nil, ErrNotOpened
	}
	plaintext, err := s.now.Load().tokens.Decrypt(sealed, associated)
	if err != nil {
		return nil, ErrNotOpened
	}
	return plaintext, nil
}

// Seal seals what the server itself must read back. What workers use goes
// through a Sealer.
func (s *ServerRing) Seal(secret Secret, at Context) (Sealed, error) {
	info, err := at.info("server v1")
	if err != nil {
		return Sealed{}, err
	}
	now := s.now.Load()
	plaintext := []byte(secret.Reveal())
	defer clear(plaintext)
	ciphertext, err := now.storage.Encrypt(plaintext, info)
	if err != nil {
		return Sealed{}, fmt.Errorf("vault: seal: %w", err)
	}
	return Sealed{KeyID: now.storageKeyID, Ciphertext: ciphertext}, nil
}

// Open opens what Seal sealed. It returns a *NotOpenedError, or an
// *UnknownKeyError.
func (s *ServerRing) Open(sealed Sealed, at Context) (Secret, error) {
	info, err := at.info("server v1")
	if err != nil {
		return Secret{}, err
	}
	err = checkKeyID(sealed, at, s.now.Load().storageKeys)
	if isUnknownKey(err) && s.file.reloadForUnknown() {
		err = checkKeyID(sealed, at, s.now.Load().storageKeys)
	}
	if err != nil {
		return Secret{}, err
	}
	plaintext, err := s.now.Load().storage.Decrypt(sealed.Ciphertext, info)
	if err != nil {
		return Secret{}, &NotOpenedError{At: at}
	}
	defer clear(plaintext)
	return NewSecret(plaintext), nil
}
