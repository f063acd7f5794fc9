package sim

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWildcard(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		pattern, value string
		want           bool
	}{
		{"", "", true},
		{"", "a", false},
		{"abc", "abc", true},
		{"abc", "abcd", false},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"*", "", true},
		{"*", "anything", true},
		{"a*c", "abbbc", true},
		{"a*c", "abbb", false},
		{"*api*", "ipe-hml-api-01", true},
		{"*-0?", "x-0-01", true},
		{`a\*c`, "a*c", true},
		{`a\*c`, "abc", false},
		{`a\?`, "a?", true},
		{"ab*", "ab", true},
		{"**", "x", true},
	} {
		require.Equal(t, tc.want, wildcard(tc.pattern, tc.value), "%q %q", tc.pattern, tc.value)
	}
	// A pattern meant to explode does not.
	require.False(t, wildcard(strings.Repeat("*a", 200)+"b", strings.Repeat("a", 4000)))
}
