package vault

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"

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
// from elsewhere, or sealed for another context. Which of these cannot be told.
var ErrNotOpened = errors.New("vault: the ciphertext does not open here")

// A NotOpenedError is ErrNotOpened with the place: which field of which row.
type NotOpenedError struct{ At Context }

func (e *NotOpenedError) Error() string {
	where := fmt.Sprintf("%s of row %s", e.At.Field, e.At.Subject)
	if e.At.Workspace != "" {
		where += " in workspace " + e.At.Workspace
	}
	return fmt.Sprintf("vault: the ciphertext does not open as the %s of organization %s, schema %d: it was changed, or sealed for another place",
		where, e.At.Org, e.At.Schema)
}

func (e *NotOpenedError) Unwrap() error { return ErrNotOpened }

// An UnknownKeyError says that the ring has no usable key with this id: it was
// not rolled out yet, or was removed too early.
type UnknownKeyError struct{ KeyID string }

func (e *UnknownKeyError) Error() string {
	return fmt.Sprintf("vault: the ring has no enabled key %q", e.KeyID)
}

// A Sealer seals for the workers. It cannot open.
type Sealer struct {
	now  atomic.Pointer[sealing]
	file *ringFile // nil when it was not read from a file
}

// sealing is what a Sealer uses until its file changes.
type sealing struct {
	keyID   string
	encrypt tink.HybridEncrypt
}

func newSealing(public *keyset.Handle) (*sealing, error) {
	primary, err := public.Primary()
	if err != nil {
		return nil, fmt.Errorf("vault: workers' public ring: %w", err)
	}
	encrypt, err := hybrid.NewHybridEncrypt(public)
	if err != nil {
		return nil, fmt.Errorf("vault: workers' public ring: %w", err)
	}
	return &sealing{keyID: formatID(primary.KeyID()), encrypt: encrypt}, nil
}

// Seal seals for one place.
func (s *Sealer) Seal(secret Secret, at Context) (Sealed, error) {
	info, err := at.info("workers v1")
	if err != nil {
		return Sealed{}, err
	}
	now := s.now.Load()
	plaintext := []byte(secret.Reveal())
	defer clear(plaintext)
	ciphertext, err := now.encrypt.Encrypt(plaintext, info)
	if err != nil {
		return Sealed{}, fmt.Errorf("vault: seal: %w", err)
	}
	return Sealed{KeyID: now.keyID, Ciphertext: ciphertext}, nil
}

// KeyID of what is sealed now.
func (s *Sealer) KeyID() string { return s.now.Load().keyID }

// Reload reads the file again that the Sealer was made from. It reports whether
// there is something new in it; when it cannot be read, the old ring stays.
func (s *Sealer) Reload() (changed bool, err error) { return s.file.reload() }

// Primaries names the key of the ring that seals now.
func (s *Sealer) Primaries() map[Ring]string { return map[Ring]string{RingWorkers: s.KeyID()} }

// An Opener opens what a Sealer sealed.
type Opener struct {
	now    atomic.Pointer[opening]
	sealer *Sealer
	file   *ringFile
}

// opening is what an Opener uses until its file changes.
type opening struct {
	keys     map[string]bool // enabled
	replaced []string        // were primary once
	decrypt  tink.HybridDecrypt
	sealing  *sealing
}

func newOpening(r *ring) (*opening, error) {
	private := r.handle
	decrypt, err := hybrid.NewHybridDecrypt(private)
	if err != nil {
		return nil, fmt.Errorf("vault: workers' private ring: %w", err)
	}
	public, err := private.Public()
	if err != nil {
		return nil, fmt.Errorf("vault: workers' private ring: %w", err)
	}
	sealing, err := newSealing(public)
	if err != nil {
		return nil, err
	}
	keys, err := enabledIDs(private)
	if err != nil {
		return nil, err
	}
	return &opening{keys: keys, replaced: r.replacedIDs(), decrypt: decrypt, sealing: sealing}, nil
}

func (o *Opener) set(now *opening) {
	o.sealer.now.Store(now.sealing)
	o.now.Store(now)
}

// Replaced are the enabled keys that were primary once: what they sealed is to
// be sealed anew. A key that was added and never promoted is not one of them, so
// workers that have not heard of a promotion yet do not undo it.
func (o *Opener) Replaced() []string { return o.now.Load().replaced }

// Has says whether a key of the ring has this id and is enabled.
func (o *Opener) Has(keyID string) bool { return o.now.Load().keys[keyID] }

// Reload is as Sealer.Reload.
func (o *Opener) Reload() (changed bool, err error) { return o.file.reload() }

// Primaries names the key of the ring that seals now.
func (o *Opener) Primaries() map[Ring]string { return o.sealer.Primaries() }

// Sealer with the public half of the same ring, for a worker that seals anew.
func (o *Opener) Sealer() *Sealer { return o.sealer }

// Open returns a *NotOpenedError, or an *UnknownKeyError. A key that is not
// known may have been added a moment ago: the ring's file is read again first.
func (o *Opener) Open(sealed Sealed, at Context) (Secret, error) {
	info, err := at.info("workers v1")
	if err != nil {
		return Secret{}, err
	}
	err = checkKeyID(sealed, at, o.now.Load().keys)
	if isUnknownKey(err) && o.file.reloadForUnknown() {
		err = checkKeyID(sealed, at, o.now.Load().keys)
	}
	if err != nil {
		return Secret{}, err
	}
	plaintext, err := o.now.Load().decrypt.Decrypt(sealed.Ciphertext, info)
	if err != nil {
		return Secret{}, &NotOpenedError{At: at}
	}
	defer clear(plaintext)
	return NewSecret(plaintext), nil
}

func isUnknownKey(err error) bool {
	var unknown *UnknownKeyError
	return errors.As(err, &unknown)
}

// tinkPrefix: one version byte and the key's id, before every ciphertext.
const tinkPrefix = 5

// checkKeyID holds the stored id against the one in the ciphertext, so that the
// column can be trusted, and tells a missing key from a wrong ciphertext.
func checkKeyID(sealed Sealed, at Context, keys map[string]bool) error {
	if len(sealed.Ciphertext) < tinkPrefix ||
		formatID(binary.BigEndian.Uint32(sealed.Ciphertext[1:tinkPrefix])) != sealed.KeyID {
		return &NotOpenedError{At: at}
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
