package moto_test

import (
	"bufio"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/cloud/cloudtest/moto"
)

func TestTwoServersAtOnceDoNotShareAPort(t *testing.T) {
	t.Parallel()
	one, other := moto.Start(t), moto.Start(t)
	require.NotEqual(t, one, other)
	for _, endpoint := range []string{one, other} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, endpoint+"/moto-api/data.json", nil)
		require.NoError(t, err)
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, http.StatusOK, res.StatusCode)
	}
}

// A test that ended and left its server behind would fill a developer's machine.
func TestTheServerEndsWithItsTest(t *testing.T) {
	t.Parallel()
	var endpoint string
	t.Run("inner", func(t *testing.T) { endpoint = moto.Start(t) })
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, endpoint, nil)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	if err == nil {
		_ = res.Body.Close()
	}
	require.Error(t, err)
}

// childVariable makes the test below play the part of the one that is killed.
const childVariable = "CLOUDHUB_MOTO_CHILD"

// A test binary that is killed (a timeout, an impatient person) runs no cleanup;
// its servers must go all the same.
func TestTheServerEndsWhenItsProcessIsKilled(t *testing.T) {
	t.Parallel()
	if os.Getenv(childVariable) != "" {
		_, _ = os.Stdout.WriteString("\nendpoint " + moto.Start(t) + "\n")
		select {}
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), childVariable+"=1")
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	var address string
	for lines := bufio.NewScanner(out); address == "" && lines.Scan(); {
		address, _ = strings.CutPrefix(lines.Text(), "endpoint http://")
		if address == lines.Text() {
			address = ""
		}
	}
	require.NotEmpty(t, address)
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err, "it must have been there")
	require.NoError(t, conn.Close())

	require.NoError(t, child.Process.Kill())
	_ = child.Wait() // killed
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	}, 10*time.Second, 20*time.Millisecond)
}
