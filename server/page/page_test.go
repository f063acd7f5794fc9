package page

import (
	"encoding/base64"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
)

type last struct {
	Name string    `json:"n"`
	ID   uuid.UUID `json:"i"`
}

func newTokens(t testing.TB) *Tokens {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o700))
	require.NoError(t, vault.EnsureRings(dir, time.Now()))
	r, err := vault.LoadServerRing(dir)
	require.NoError(t, err)
	return NewTokens(r)
}

func TestATokenIsGoodForItsOwnListAlone(t *testing.T) {
	t.Parallel()
	tokens := newTokens(t)
	req := &v1.ListResourcesRequest{OrgId: "o", WorkspaceId: "w", Search: "x", PageSize: 3}
	want := last{"web", uuid.New()}
	token, err := tokens.Next(req, want)
	require.NoError(t, err)
	require.LessOrEqual(t, len(token), 1024)
	require.NotContains(t, token, base64.RawURLEncoding.EncodeToString([]byte("web")), "nobody reads a token, nor writes one")
	var got last
	req.PageToken, req.PageSize = token, 50
	require.NoError(t, tokens.Open(req, token, &got), "the size of a page may change")
	require.Equal(t, want, got)
	for name, other := range map[string]proto.Message{
		"another organization": &v1.ListResourcesRequest{OrgId: "p", WorkspaceId: "w", Search: "x"},
		"another workspace":    &v1.ListResourcesRequest{OrgId: "o", WorkspaceId: "v", Search: "x"},
		"another filter":       &v1.ListResourcesRequest{OrgId: "o", WorkspaceId: "w", Search: "y"},
		"no filter":            &v1.ListResourcesRequest{OrgId: "o", WorkspaceId: "w"},
		"another list":         &v1.ListCloudAccountsRequest{OrgId: "o", WorkspaceId: "w"},
	} {
		err := tokens.Open(other, token, &got)
		require.Equal(t, rpcerr.ReasonPageTokenInvalid, rpcerr.ReasonOf(err), name)
	}
	require.Error(t, newTokens(t).Open(req, token, &got), "another installation's")
	kept := got
	require.NoError(t, tokens.Open(req, "", &got))
	require.Equal(t, kept, got, "without a token one begins where one likes")
	// The longest name that a machine may have still makes a token that passes.
	long, err := tokens.Next(req, last{strings.Repeat("x", 256), uuid.New()})
	require.NoError(t, err)
	require.LessOrEqual(t, len(long), 1024)
}

func FuzzOpen(f *testing.F) {
	tokens := newTokens(f)
	req := &v1.ListResourcesRequest{OrgId: "o", WorkspaceId: "w"}
	good, err := tokens.Next(req, last{"web", uuid.New()})
	require.NoError(f, err)
	for _, s := range []string{good, good[:len(good)-1], good + "A", good + "\n", "", "x", "\x00", "AAAA"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, token string) {
		var got last
		err := tokens.Open(req, token, &got)
		if token == good || token == "" {
			require.NoError(t, err)
			return
		}
		require.Equal(t, rpcerr.ReasonPageTokenInvalid, rpcerr.ReasonOf(err))
		require.Zero(t, got)
	})
}
