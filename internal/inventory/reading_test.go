package inventory

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadingState(t *testing.T) {
	t.Parallel()
	require.Equal(t, "succeeded", ReadingState([]Coverage{{OK: true}}))
	require.Equal(t, "partial", ReadingState([]Coverage{{OK: true}, {}}))
	require.Equal(t, "failed", ReadingState(nil))
}

// A failure is the same one whatever the order of its regions, and another one
// when its reason or its regions are.
func TestFailure(t *testing.T) {
	t.Parallel()
	a, b := Coverage{Region: "sa-east-1", Reason: "PROVIDER_FORBIDDEN", Detail: "request 1"}, Coverage{Region: "us-east-1", Reason: "PROVIDER_THROTTLED"}
	require.Equal(t, Failure([]Coverage{a, b}, a.Reason), Failure([]Coverage{b, {Region: "eu-west-1", OK: true}, a}, b.Reason))
	a.Detail = "request 2"
	require.Equal(t, "sa-east-1 PROVIDER_FORBIDDEN", Failure([]Coverage{a}, a.Reason), "the provider's words, with its request ids, are not compared")
	require.NotEqual(t, Failure([]Coverage{a}, a.Reason), Failure([]Coverage{a, b}, a.Reason))
	require.Empty(t, Failure([]Coverage{{OK: true}}, ""))
	require.Equal(t, "PROVIDER_UNAUTHENTICATED", Failure(nil, "PROVIDER_UNAUTHENTICATED"))
}
