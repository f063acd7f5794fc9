package vault

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
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

func serverRings() []Ring { return []Ring{RingSigning, RingMAC, RingTokens, RingStorage} }

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

// ring is a keyset and when its keys were made, which Tink does not keep.
type ring struct {
	handle  *keyset.Handle
	created map[string]time.Time // by key id
}

// ringJSON is a ring on disk or in a variable. A bare Tink keyset is read too.
type ringJSON struct {
	Created map[string]time.Time `json:"created,omitempty"`
	Keyset  json.RawMessage      `json:"keyset"`
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
		return &ring{handle: handle, created: file.Created}, nil
	}
	handle, err := insecurecleartextkeyset.Read(reader)
	if err != nil {
		return nil, errMalformed
	}
	return &ring{handle: handle, created: file.Created}, nil
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
	return json.Marshal(ringJSON{Created: r.created, Keyset: out.Bytes()})
}

func (r *ring) public() (*ring, error) {
	handle, err := r.handle.Public()
	if err != nil {
		return nil, fmt.Errorf("vault: public half: %w", err)
	}
	return &ring{handle: handle, created: r.created}, nil
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

func (r *ring) promote(keyID string) error {
	id, err := strconv.ParseUint(keyID, 10, 32)
	if err != nil {
		return &UnknownKeyError{KeyID: keyID}
	}
	manager := keyset.NewManagerFromHandle(r.handle)
	if err := manager.SetPrimary(uint32(id)); err != nil {
		return &UnknownKeyError{KeyID: keyID}
	}
	r.handle, err = manager.Handle()
	return err
}

// KeyStatus is one key of a ring.
type KeyStatus struct {
	Ring    Ring
	KeyID   string
	Primary bool
	Status  string    // ENABLED, DISABLED or DESTROYED
	Created time.Time // zero when it was not kept
}

func (r *ring) status(name Ring) []KeyStatus {
	info := r.handle.KeysetInfo()
	list := make([]KeyStatus, 0, len(info.GetKeyInfo()))
	for _, key := range info.GetKeyInfo() {
		id := formatID(key.GetKeyId())
		list = append(list, KeyStatus{
			Ring:    name,
			KeyID:   id,
			Primary: key.GetKeyId() == info.GetPrimaryKeyId(),
			Status:  key.GetStatus().String(),
			Created: r.created[id],
		})
	}
	return list
}

// ParseSealer reads workers.public.json from bytes. It refuses a private ring.
func ParseSealer(raw []byte) (*Sealer, error) {
	r, err := parseRing(raw, true)
	if err != nil {
		return nil, err
	}
	return newSealer(r.handle)
}

// ParseOpener reads workers.private.json from bytes.
func ParseOpener(raw []byte) (*Opener, error) {
	r, err := parseRing(raw, false)
	if err != nil {
		return nil, err
	}
	return newOpener(r.handle)
}

// ParseServerRing reads server.json from bytes.
func ParseServerRing(raw []byte) (*ServerRing, error) {
	rings, err := parseServer(raw)
	if err != nil {
		return nil, err
	}
	handles := make(map[Ring]*keyset.Handle, len(rings))
	for name, r := range rings {
		handles[name] = r.handle
	}
	return newServerRing(handles)
}

func parseServer(raw []byte) (map[Ring]*ring, error) {
	var file map[Ring]json.RawMessage
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, errMalformed
	}
	rings := make(map[Ring]*ring, len(serverRings()))
	for _, name := range serverRings() {
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
