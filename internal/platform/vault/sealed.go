package vault

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/tink-crypto/tink-go/v2/hybrid"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Context says where a secret lives. Opening takes the same Context as sealing.
// Ids are compared byte by byte: give them in one form.
type Context struct {
	Org       string
	Workspace string // "" for what belongs to the organization
	Subject   string // id of the row
	Field     string // name of the column or form field
	Schema    int    // version of what the plaintext looks like
}

// info is the canonical encoding: a label, then each part behind its length, so
// that no two contexts have the same bytes.
func (c Context) info(label string) ([]byte, error) {
	if c.Org == "" || c.Subject == "" || c.Field == "" || c.Schema <= 0 {
		return nil, errors.New("vault: a context needs organization, subject, field and schema version")
	}
	return encode("cloudhub "+label, c.Org, c.Workspace, c.Subject, c.Field, strconv.Itoa(c.Schema)), nil
}

func encode(parts ...string) []byte {
	var out []byte
	for _, part := range parts {
		out = binary.BigEndian.AppendUint32(out, uint32(len(part)))
		out = append(out, part...)
	}
	return out
}

// Sealed is what is stored: both in columns of their own, KeyID so that what an
// old key sealed can be counted and sealed anew.
type Sealed struct {
	KeyID      string
	Ciphertext []byte
}

// ErrNotOpened says that a ciphertext does not open: it was changed, or copied
// from elsewhere, or sealed for another context. Which one cannot be told.
var ErrNotOpened = errors.New("vault: the ciphertext does not open here")

// An UnknownKeyError says that the ring has no usable key with this id: it was
// not rolled out yet, or was removed too early.
type UnknownKeyError struct{ KeyID string }

func (e *UnknownKeyError) Error() string {
	return fmt.Sprintf("vault: the ring has no enabled key %q", e.KeyID)
}

// A Sealer seals for the workers. It cannot open.
type Sealer struct {
	keyID   string
	encrypt tink.HybridEncrypt
}

func newSealer(public *keyset.Handle) (*Sealer, error) {
	primary, err := public.Primary()
	if err != nil {
		return nil, fmt.Errorf("vault: workers' public ring: %w", err)
	}
	encrypt, err := hybrid.NewHybridEncrypt(public)
	if err != nil {
		return nil, fmt.Errorf("vault: workers' public ring: %w", err)
	}
	return &Sealer{keyID: formatID(primary.KeyID()), encrypt: encrypt}, nil
}

// Seal seals for one place.
func (s *Sealer) Seal(secret Secret, at Context) (Sealed, error) {
	info, err := at.info("workers v1")
	if err != nil {
		return Sealed{}, err
	}
	ciphertext, err := s.encrypt.Encrypt([]byte(secret.Reveal()), info)
	if err != nil {
		return Sealed{}, fmt.Errorf("vault: seal: %w", err)
	}
	return Sealed{KeyID: s.keyID, Ciphertext: ciphertext}, nil
}

// KeyID of what is sealed now.
func (s *Sealer) KeyID() string { return s.keyID }

// An Opener opens what a Sealer sealed.
type Opener struct {
	keys    map[string]bool // enabled
	decrypt tink.HybridDecrypt
	sealer  *Sealer
}

func newOpener(private *keyset.Handle) (*Opener, error) {
	decrypt, err := hybrid.NewHybridDecrypt(private)
	if err != nil {
		return nil, fmt.Errorf("vault: workers' private ring: %w", err)
	}
	public, err := private.Public()
	if err != nil {
		return nil, fmt.Errorf("vault: workers' private ring: %w", err)
	}
	sealer, err := newSealer(public)
	if err != nil {
		return nil, err
	}
	keys, err := enabledIDs(private)
	if err != nil {
		return nil, err
	}
	return &Opener{keys: keys, decrypt: decrypt, sealer: sealer}, nil
}

// Sealer with the public half of the same ring, for a worker that seals anew.
func (o *Opener) Sealer() *Sealer { return o.sealer }

// Open returns ErrNotOpened, or an *UnknownKeyError.
func (o *Opener) Open(sealed Sealed, at Context) (Secret, error) {
	info, err := at.info("workers v1")
	if err != nil {
		return Secret{}, err
	}
	if err := checkKeyID(sealed, o.keys); err != nil {
		return Secret{}, err
	}
	plaintext, err := o.decrypt.Decrypt(sealed.Ciphertext, info)
	if err != nil {
		return Secret{}, ErrNotOpened
	}
	return NewSecret(plaintext), nil
}

// tinkPrefix: one version byte and the key's id, before every ciphertext.
const tinkPrefix = 5

// checkKeyID holds the stored id against the one in the ciphertext, so that the
// column can be trusted, and tells a missing key from a wrong ciphertext.
func checkKeyID(sealed Sealed, keys map[string]bool) error {
	if len(sealed.Ciphertext) < tinkPrefix ||
		formatID(binary.BigEndian.Uint32(sealed.Ciphertext[1:tinkPrefix])) != sealed.KeyID {
		return ErrNotOpened
	}
	if !keys[sealed.KeyID] {
		return &UnknownKeyError{KeyID: sealed.KeyID}
	}
	return nil
}

func formatID(id uint32) string { return strconv.FormatUint(uint64(id), 10) }

func enabledIDs(handle *keyset.Handle) (map[string]bool, error) {
	ids := make(map[string]bool, handle.Len())
	for i := range handle.Len() {
		entry, err := handle.Entry(i)
		if err != nil {
			return nil, err
		}
		if entry.KeyStatus() == keyset.Enabled {
			ids[formatID(entry.KeyID())] = true
		}
	}
	return ids, nil
}
