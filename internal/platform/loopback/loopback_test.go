package loopback_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/platform/loopback"
)

func TestPortsAreFreeAndDifferent(t *testing.T) {
	t.Parallel()
	ports, err := loopback.Ports(5)
	require.NoError(t, err)
	seen := map[int]bool{}
	for _, port := range ports {
		require.False(t, seen[port])
		seen[port] = true
	}
	require.Len(t, seen, 5)
}

func TestAPortSomebodyListensOnIsNotFree(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", loopback.HostPort(0))
	require.NoError(t, err)
	defer listener.Close()
	require.False(t, loopback.Free(listener.Addr().(*net.TCPAddr).Port))
}
