package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
)

// replaceKeys adds a key to each of the server's rings and promotes it, as an
// operator does while people work.
func (w *world) replaceKeys() {
	w.t.Helper()
	for _, ring := range vault.ServerRings() {
		id, err := vault.AddKey(w.keys, ring, time.Now())
		require.NoError(w.t, err)
		require.NoError(w.t, vault.Promote(w.keys, ring, id, time.Now()))
	}
	changed, err := w.ring.Reload()
	require.NoError(w.t, err)
	require.True(w.t, changed)
}

// While the server's keys are replaced nobody is signed out: not a tab that
// refreshes beside another at that very moment, not who holds a token of the old
// key, not who turns a page.
func TestTheServersKeysAreReplacedWhilePeopleWork(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	_, second := refreshed(t, w.refresh(p.cookie))
	w.replaceKeys()
	require.True(t, w.alive(p.token), "a token of the old key is good until it expires")
	_, again := refreshed(t, w.refresh(p.cookie))
	require.Equal(t, second, again, "the other tab gets the successor that the old key derived")
	token, third := refreshed(t, w.refresh(second))
	require.True(t, w.alive(token))
	require.NotEqual(t, strings.Split(p.token, ".")[0], strings.Split(token, ".")[0], "new tokens name the new key")
	w.replaceKeys()
	_, fourth := refreshed(t, w.refresh(third))
	_, same := refreshed(t, w.refresh(third))
	require.Equal(t, fourth, same)
	w.clock.advance(5*time.Minute + 6*time.Second)
	w.rpc(p.token, "UserService/GetMe", &v1.GetMeRequest{}).refused(t, "UNAUTHENTICATED")
}
