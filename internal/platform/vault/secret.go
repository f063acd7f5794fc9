package vault

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
	"unsafe"
)

const redacted = "[redacted]"

// Secret is text that must not be printed. Formatting it by any verb, logging
// it, or marshalling it to JSON or text gives "[redacted]"; Reveal gives the
// text. There is no way to unmarshal one: what was redacted must not come back
// as if it were the secret.
//
// The text is behind a pointer, because fmt does not call methods on
// unexported fields: as a part of another struct an address is printed.
type Secret struct {
	_     [0]func() // == would compare addresses; see Equal
	value *string
}

// NewSecret copies its argument.
func NewSecret[T ~string | ~[]byte](value T) Secret {
	var s string
	if len(value) > 0 {
		raw := make([]byte, len(value))
		copy(raw, value)
		s = unsafe.String(&raw[0], len(raw))
	}
	return Secret{value: &s}
}

// Wipe overwrites the text. It is for who made the Secret and is done with it:
// what Reveal gave to others is the same text.
func (s Secret) Wipe() {
	if s.value == nil || *s.value == "" {
		return
	}
	clear(unsafe.Slice(unsafe.StringData(*s.value), len(*s.value)))
	*s.value = ""
}

// Reveal returns the text; "" for the zero Secret.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Empty reports whether there is no text.
func (s Secret) Empty() bool { return s.Reveal() == "" }

// Equal compares in time that depends on the lengths alone.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

var (
	_ fmt.Formatter  = Secret{}
	_ fmt.Stringer   = Secret{}
	_ fmt.GoStringer = Secret{}
	_ slog.LogValuer = Secret{}
)

// Format writes "[redacted]" for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// String and GoString are for those who do not go through fmt.
func (Secret) String() string   { return redacted }
func (Secret) GoString() string { return redacted }

// LogValue is slog's road.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText also serves XML, YAML and map keys.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON is encoding/json's road.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
