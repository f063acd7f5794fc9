package webhook

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

const (
	secretPrefix  = "whsec_"
	privatePrefix = "whsk_"
	publicPrefix  = "whpk_"
	secretBytes   = 32
)

// ErrSecret says that a signing secret is not one.
var ErrSecret = errors.New("not a signing secret")

// NewSecret makes a secret of 32 bytes: "whsec_" and base64.
func NewSecret(random io.Reader) (string, error) {
	raw := make([]byte, secretBytes)
	if _, err := io.ReadFull(random, raw); err != nil {
		return "", err
	}
	return secretPrefix + base64.StdEncoding.EncodeToString(raw), nil
}

// NewKeyPair makes a pair for ed25519: "whsk_" and "whpk_" and base64.
func NewKeyPair(random io.Reader) (private, public string, err error) {
	pub, priv, err := ed25519.GenerateKey(random)
	if err != nil {
		return "", "", err
	}
	return privatePrefix + base64.StdEncoding.EncodeToString(priv), publicPrefix + base64.StdEncoding.EncodeToString(pub), nil
}

// Signer signs with what one secret or private key is.
type Signer struct {
	hmacKey []byte
	private ed25519.PrivateKey
}

// ParseSigner reads "whsec_…" or "whsk_…". Errors: ErrSecret.
func ParseSigner(secret string) (Signer, error) {
	if rest, ok := strings.CutPrefix(secret, privatePrefix); ok {
		raw, err := base64.StdEncoding.DecodeString(rest)
		if err != nil || len(raw) != ed25519.PrivateKeySize {
			return Signer{}, ErrSecret
		}
		return Signer{private: raw}, nil
	}
	rest, ok := strings.CutPrefix(secret, secretPrefix)
	raw, err := base64.StdEncoding.DecodeString(rest)
	if !ok || err != nil || len(raw) < 24 || len(raw) > 64 {
		return Signer{}, ErrSecret
	}
	return Signer{hmacKey: raw}, nil
}

// IsHMAC says that the signer has a shared secret, not a private key.
func (s Signer) IsHMAC() bool { return s.hmacKey != nil }

// Sign is one token of webhook-signature: "v1,…" or "v1a,…", over id, time and body.
func (s Signer) Sign(id string, at time.Time, body []byte) string {
	content := append([]byte(id+"."+Timestamp(at)+"."), body...)
	if !s.IsHMAC() {
		return "v1a," + base64.StdEncoding.EncodeToString(ed25519.Sign(s.private, content))
	}
	mac := hmac.New(sha256.New, s.hmacKey)
	_, _ = mac.Write(content)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// BodySignature is "sha256=" and the hexadecimal HMAC of the body alone, by the bytes
// of the secret; "" of a private key.
func (s Signer) BodySignature(body []byte) string {
	if !s.IsHMAC() {
		return ""
	}
	mac := hmac.New(sha256.New, s.hmacKey)
	_, _ = mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// Timestamp is seconds since 1970, as it is sent and signed.
func Timestamp(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }

// MessageID is the webhook-id of an event: the same for every attempt, and for every
// replay.
func MessageID(event uuid.UUID) string { return "evt_" + hex.EncodeToString(event[:]) }

// Hint is what may be shown of a secret: its last four characters.
func Hint(secret string) string {
	trimmed := strings.TrimRight(secret, "=")
	if len(trimmed) < 12 {
		return ""
	}
	return trimmed[len(trimmed)-4:]
}

// URLHint is what may be shown of an address that is a secret: its host and its last
// four characters.
func URLHint(host, address string) string { return fmt.Sprintf("%s/…%s", host, Hint(address)) }

// Signed are the headers that sign one attempt, the present secret first. A receiver
// of X-CloudHub-Signature that still has the secret before it looks at the header
// beside it.
func Signed(signers []Signer, id string, at time.Time, body []byte) []Header {
	var tokens, bodies []string
	for _, s := range signers {
		tokens = append(tokens, s.Sign(id, at, body))
		if b := s.BodySignature(body); b != "" {
			bodies = append(bodies, b)
		}
	}
	out := []Header{
		{Name: "webhook-id", Value: id},
		{Name: "webhook-timestamp", Value: Timestamp(at)},
		{Name: "webhook-signature", Value: strings.Join(tokens, " "), Secret: true},
	}
	for i, b := range bodies {
		name := "X-CloudHub-Signature"
		if i > 0 {
			name = "X-CloudHub-Signature-Previous"
		}
		if i < 2 {
			out = append(out, Header{Name: name, Value: b, Secret: true})
		}
	}
	return out
}
