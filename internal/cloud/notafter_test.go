package cloud_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/cloud"
)

// Whoever sets a limit last must not be able to extend one that was set before.
func TestNotAfterIsTheEarliestLimit(t *testing.T) {
	t.Parallel()
	_, ok := cloud.NotAfter(t.Context())
	require.False(t, ok)

	soon := time.Now().Add(time.Minute)
	later := soon.Add(time.Hour)
	limit := func(ctx context.Context) time.Time {
		at, ok := cloud.NotAfter(ctx)
		require.True(t, ok)
		return at
	}
	require.Equal(t, later, limit(cloud.WithNotAfter(t.Context(), later)))
	require.Equal(t, soon, limit(cloud.WithNotAfter(cloud.WithNotAfter(t.Context(), later), soon)))
	require.Equal(t, soon, limit(cloud.WithNotAfter(cloud.WithNotAfter(t.Context(), soon), later)))

	for _, pair := range [][2]time.Time{{soon, later}, {later, soon}} {
		ctx, cancel := context.WithDeadline(t.Context(), pair[0])
		defer cancel()
		require.Equal(t, soon, limit(cloud.WithNotAfter(ctx, pair[1])))
		require.Equal(t, pair[0], limit(ctx))
	}
}
