package vault

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/hybrid"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/signature"
)

// Ring names a keyset that rotates by itself.
type Ring string

// The rings. The last four are in server.json.
const (
	RingWorkers Ring = "workers" // HPKE: credentials, webhook secrets, secret form fields
	RingSigning Ring = "signing" // Ed25519: access tokens
	RingMAC     Ring = "mac"     // HMAC-SHA256: refresh-token successors
	RingTokens  Ring = "tokens"  // AES-256-GCM: page tokens
	RingStorage Ring = "storage" // AES-256-GCM: what the server must read back
)

// ServerRings are the rings of server.json.
func ServerRings() []Ring { return []Ring{RingSigning, RingMAC, RingTokens, RingStorage} }

func (r Ring) template() (*tinkpb.KeyTemplate, error) {
	switch r {
	case RingWorkers:
		return hybrid.DHKEM_X25519_HKDF_SHA256_HKDF_SHA256_AES_256_GCM_Key_Template(), nil
	case RingSigning:
		return signature.ED25519KeyTemplate(), nil
	case RingMAC:
		return prf.HMACSHA256PRFKeyTemplate(), nil
	case RingTokens, RingStorage:
		return aead.AES256GCMKeyTemplate(), nil
	}
	return nil, fmt.Errorf("vault: no ring %q", r)
}

// ring is a keyset, and what Tink does not keep of its keys: when they were
// made, and when another took over from them. Times by key id.
type ring struct {
	handle   *keyset.Handle
	created  map[string]time.Time
	replaced map[string]time.Time
}

// ringJSON is a ring on disk or in a variable. A bare Tink keyset is read too.
type ringJSON struct {
	Created  map[string]time.Time `json:"created,omitempty"`
	Replaced map[string]time.Time `json:"replaced,omitempty"`
	Keyset   json.RawMessage      `json:"keyset"`
}

func newRing(name Ring, now time.Time) (*ring, error) {
	template, err := name.template()
	if err != nil {
		return nil, err
	}
	handle, err := keyset.NewHandle(template)
	if err != nil {
		return nil, fmt.Errorf("vault: make ring %s: %w", name, err)
	}
	primary, err := handle.Primary()
	if err != nil {
		return nil, err
	}
	return &ring{handle: handle, created: map[string]time.Time{formatID(primary.KeyID()): now.UTC().Truncate(time.Second)}}, nil
}

// errMalformed does not say what it read: that may be a key.
var errMalformed = errors.New("vault: not a ring in JSON")

func parseRing(raw []byte, public bool) (*ring, error) {
	var file ringJSON
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, errMalformed
	}
	if file.Keyset == nil {
		file.Keyset = raw
	}
	reader := keyset.NewJSONReader(bytes.NewReader(file.Keyset))
	if public {
		handle, err := keyset.ReadWithNoSecrets(reader)
		if err != nil {
			return nil, errors.New("vault: not a public ring in JSON (a private one is refused here)")
		}
		return &ring{handle: handle, created: file.Created, replaced: file.Replaced}, nil
	}
	handle, err := insecurecleartextkeyset.Read(reader)
	if err != nil {
		return nil, errMalformed
	}
	return &ring{handle: handle, created: file.Created, replaced: file.Replaced}, nil
}

func (r *ring) marshal(public bool) (json.RawMessage, error) {
	var out bytes.Buffer
	writer := keyset.NewJSONWriter(&out)
	var err error
	if public {
		err = r.handle.WriteWithNoSecrets(writer)
	} else {
		err = insecurecleartextkeyset.Write(r.handle, writer)
	}
	if err != nil {
		return nil, fmt.Errorf("vault: write ring: %w", err)
	}
	return json.Marshal(ringJSON{Created: r.created, Replaced: r.replaced, Keyset: out.Bytes()})
}

func (r *ring) public() (*ring, error) {
	handle, err := r.handle.Public()
	if err != nil {
		return nil, fmt.Errorf("vault: public half: %w", err)
	}
	return &ring{handle: handle, created: r.created, replaced: r.replaced}, nil
}

// add adds a key that is not primary.
func (r *ring) add(name Ring, now time.Time) (string, error) {
	template, err := name.template()
	if err != nil {
		return "", err
	}
	manager := keyset.NewManagerFromHandle(r.handle)
	id, err := manager.Add(template)
	if err != nil {
		return "", fmt.Errorf("vault: add key: %w", err)
	}
	if r.handle, err = manager.Handle(); err != nil {
		return "", err
	}
	if r.created == nil {
		r.created = map[string]time.Time{}
	}
	r.created[formatID(id)] = now.UTC().Truncate(time.Second)
	return formatID(id), nil
}

// primary is the id of the key that seals and signs.
func (r *ring) primary() string { return formatID(r.handle.KeysetInfo().GetPrimaryKeyId()) }

func (r *ring) promote(keyID string, now time.Time) error {
	id, err := r.find(keyID)
	if err != nil {
		return err
	}
	before := r.primary()
	if before == keyID {
		return nil
	}
	manager := keyset.NewManagerFromHandle(r.handle)
	if err := manager.SetPrimary(id); err != nil {
		return &UnknownKeyError{KeyID: keyID}
	}
	if r.handle, err = manager.Handle(); err != nil {
		return err
	}
	if r.replaced == nil {
		r.replaced = map[string]time.Time{}
	}
	r.replaced[before] = now.UTC().Truncate(time.Second)
	delete(r.replaced, keyID)
	return nil
}

// retire removes a key's material.
func (r *ring) retire(name Ring, keyID string, now time.Time) error {
	id, err := r.find(keyID)
	if err != nil {
		return err
	}
	if keyID == r.primary() {
		return &PrimaryKeyError{Ring: name, KeyID: keyID}
	}
	if replaced, ok := r.replaced[keyID]; ok {
		if until := replaced.Add(name.settles()); now.Before(until) {
			return &TooSoonError{Ring: name, KeyID: keyID, Until: until}
		}
	}
	manager := keyset.NewManagerFromHandle(r.handle)
	if err := manager.Delete(id); err != nil {
		return fmt.Errorf("vault: retire key: %w", err)
	}
	if r.handle, err = manager.Handle(); err != nil {
		return err
	}
	delete(r.created, keyID)
	delete(r.replaced, keyID)
	return nil
}

func (r *ring) find(keyID string) (uint32, error) {
	for _, key := range r.handle.KeysetInfo().GetKeyInfo() {
		if formatID(key.GetKeyId()) == keyID {
			return key.GetKeyId(), nil
		}
	}
	return 0, &UnknownKeyError{KeyID: keyID}
}

// replacedIDs are the keys that were primary once, in the order of the keyset.
func (r *ring) replacedIDs() []string {
	var ids []string
	for _, key := range r.handle.KeysetInfo().GetKeyInfo() {
		if _, ok := r.replaced[formatID(key.GetKeyId())]; ok {
			ids = append(ids, formatID(key.GetKeyId()))
		}
	}
	return ids
}

// settles is how long a key must have been out of use before it may be retired.
// Processes that follow the file stop using it within seconds; what was signed
// with it lives longer: access tokens five minutes, page tokens as long as a
// person may leave a list open.
func (r Ring) settles() time.Duration {
	switch r {
	case RingSigning, RingMAC:
		return 10 * time.Minute
	case RingTokens:
		return time.Hour
	default:
		return time.Minute
	}
}

// A PrimaryKeyError says that a key cannot be retired because it is in use.
type PrimaryKeyError struct {
	Ring  Ring
	KeyID string
}

func (e *PrimaryKeyError) Error() string {
	return fmt.Sprintf("vault: key %s is the primary of ring %s: promote another one first", e.KeyID, e.Ring)
}

// A TooSoonError says that what a key made may still be about.
type TooSoonError struct {
	Ring  Ring
	KeyID string
	Until time.Time
}

func (e *TooSoonError) Error() string {
	return fmt.Sprintf("vault: key %s of ring %s was primary until a moment ago, and what it made is still about: retire it after %s",
		e.KeyID, e.Ring, e.Until.Format(time.RFC3339))
}

// KeyStatus is one key of a ring.
type KeyStatus struct {
	Ring    Ring
	KeyID   string
	Primary bool
	Status  string    // ENABLED, DISABLED or DESTROYED
	Created time.Time // zero when it was not kept
	// Replaced is when another key took over; zero for the primary and for one
	// that never was.
	Replaced time.Time
}

func (r *ring) status(name Ring) []KeyStatus {
	info := r.handle.KeysetInfo()
	list := make([]KeyStatus, 0, len(info.GetKeyInfo()))
	for _, key := range info.GetKeyInfo() {
		id := formatID(key.GetKeyId())
		list = append(list, KeyStatus{
			Ring:     name,
			KeyID:    id,
			Primary:  key.GetKeyId() == info.GetPrimaryKeyId(),
			Status:   key.GetStatus().String(),
			Created:  r.created[id],
			Replaced: r.replaced[id],
		})
	}
	return list
}

// ParseSealer reads workers.public.json from bytes. It refuses a private ring.
func ParseSealer(raw []byte) (*Sealer, error) {
	s := &Sealer{}
	return s, s.parse(raw)
}

func (s *Sealer) parse(raw []byte) error {
	r, err := parseRing(raw, true)
	if err != nil {
		return err
	}
	now, err := newSealing(r.handle)
	if err != nil {
		return err
	}
	s.now.Store(now)
	return nil
}

// ParseOpener reads workers.private.json from bytes.
func ParseOpener(raw []byte) (*Opener, error) {
	o := &Opener{sealer: &Sealer{}}
	return o, o.parse(raw)
}

func (o *Opener) parse(raw []byte) error {
	r, err := parseRing(raw, false)
	if err != nil {
		return err
	}
	now, err := newOpening(r)
	if err != nil {
		return err
	}
	o.set(now)
	return nil
}

// ParseServerRing reads server.json from bytes.
func ParseServerRing(raw []byte) (*ServerRing, error) {
	s := &ServerRing{}
	return s, s.parse(raw)
}

func (s *ServerRing) parse(raw []byte) error {
	rings, err := parseServer(raw)
	if err != nil {
		return err
	}
	now, err := newServerKeys(rings)
	if err != nil {
		return err
	}
	s.now.Store(now)
	return nil
}

func parseServer(raw []byte) (map[Ring]*ring, error) {
	var file map[Ring]json.RawMessage
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, errMalformed
	}
	rings := make(map[Ring]*ring, len(ServerRings()))
	for _, name := range ServerRings() {
		part, ok := file[name]
		if !ok {
			return nil, fmt.Errorf("vault: the server's ring lacks %q", name)
		}
		r, err := parseRing(part, false)
		if err != nil {
			return nil, fmt.Errorf("%w: %s", err, name)
		}
		rings[name] = r
	}
	return rings, nil
}

func marshalServer(rings map[Ring]*ring) ([]byte, error) {
	file := make(map[Ring]json.RawMessage, len(rings))
	for name, r := range rings {
		part, err := r.marshal(false)
		if err != nil {
			return nil, err
		}
		file[name] = part
	}
	return json.Marshal(file)
}
