package leaked

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLongPasswordsOfPublicLeaksAreKnown(t *testing.T) {
	for _, p := range []string{"1qaz2wsx3edc4rfv", "123456789987654321", "1QAZ2wsx3edc4rfv", "1qaz 2wsx 3edc 4rfv", "Mailcreated5240"} {
		require.True(t, Has(p), p)
	}
	for _, p := range []string{"", "1qaz2wsx3edc4rf", "a sentence that nobody leaked", "\x00\x00"} {
		require.False(t, Has(p), p)
	}
}

func TestTheListIsSortedAndWhole(t *testing.T) {
	require.Zero(t, len(top)%Size)
	require.Greater(t, len(top)/Size, 9000)
	for i := Size; i < len(top); i += Size {
		require.Less(t, top[i-Size:i], top[i:i+Size])
	}
}
