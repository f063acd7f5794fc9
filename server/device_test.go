package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// tryFrom signs in from a browser that has this kd cookie.
func (w *world) tryFrom(device, email, password string, headers ...string) answer {
	w.t.Helper()
	body, err := json.Marshal(map[string]string{"email": email, "password": password})
	require.NoError(w.t, err)
	return w.post("", "AuthService/Login", asJSON, body, append(headers, "Cookie", "kd="+device)...)
}

// known signs in and gives what the browser remembers of it.
func (w *world) known(p person, device string) string {
	w.t.Helper()
	a := w.tryFrom(device, p.email, p.password)
	a.ok(w.t)
	got := a.cookieNamed("kd")
	require.NotEmpty(w.t, got)
	return got
}

// A stranger locks the account for strangers: the person at his own desk signs in
// as ever, and whoever measures sees no difference.
func TestAStrangerCannotLockAPersonOutOfAKnownBrowser(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	device := w.known(p, "")
	for range 12 {
		w.try(p.email, "a wrong password").refused(t, "BAD_CREDENTIALS")
	}
	w.exec(`UPDATE login_failures SET failures = 40, locked_until = now() + interval '15 minutes' WHERE scope IN ('account', 'pair')`)
	w.try(p.email, password).refused(t, "BAD_CREDENTIALS")
	again := w.known(p, device)
	require.NotEqual(t, device, again, "each sign-in gives a new one")
	require.Equal(t, 40, one[int](w, `SELECT failures FROM login_failures WHERE scope = 'account'`), "the stranger's failures are not forgotten by it")
	w.try(p.email, password).refused(t, "BAD_CREDENTIALS")
	w.tryFrom(again, p.email, "a wrong password").refused(t, "BAD_CREDENTIALS")
	require.Equal(t, 1, one[int](w, `SELECT failures FROM login_failures WHERE scope = 'device'`))
}

// Whoever holds a browser has tries of its own, and no more.
func TestAKnownBrowserGuessesNoFaster(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	device := w.known(p, "")
	began := time.Now()
	parallel(50, func(i int) answer { return w.tryFrom(device, p.email, fmt.Sprintf("a wrong password %d", i)) })
	require.LessOrEqual(t, one[int](w, `SELECT failures FROM login_failures WHERE scope = 'device'`), 11+waitsSince(began))
	w.exec(`UPDATE login_failures SET locked_until = now() + interval '1 minute' WHERE scope = 'device'`)
	w.tryFrom(device, p.email, password).refused(t, "BAD_CREDENTIALS")
	w.known(p, "") // a stranger's browser is counted apart
}

func TestAKnownBrowserIsKnownForItsPersonAlone(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ana, rui := w.register("Ana"), w.register("Rui")
	device := w.known(ana, "")
	counts := func() string {
		return one[string](w, `SELECT coalesce(string_agg(scope || ' ' || failures, ', ' ORDER BY scope), '') FROM login_failures WHERE scope <> 'address'`)
	}
	w.tryFrom(device, rui.email, "a wrong password").refused(t, "BAD_CREDENTIALS")
	require.Equal(t, "account 1, pair 1", counts())
	w.exec(`DELETE FROM login_failures`)

	// Two who share a browser are both known in it, and a fifth displaces the first.
	both := w.known(rui, device)
	for _, p := range []person{ana, rui} {
		w.tryFrom(both, p.email, "a wrong password").refused(t, "BAD_CREDENTIALS")
	}
	require.Equal(t, "device 1, device 1", counts())
	many := both
	for i := range 4 {
		many = w.known(w.register(fmt.Sprintf("Other %d", i)), many)
	}
	require.Len(t, strings.Split(many, "."), 4)

	// A new password makes strangers of all browsers; so does time, and a wrong byte.
	w.exec(`DELETE FROM login_failures`)
	w.exec(`UPDATE users SET password_hash = (SELECT password_hash FROM users WHERE id = $2) WHERE id = $1`, ana.id, rui.id)
	w.tryFrom(both, ana.email, "a wrong password").refused(t, "BAD_CREDENTIALS")
	require.Equal(t, "account 1, pair 1", counts())
}

func TestADeviceCookieMayBeAnything(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	device := w.known(p, "")
	flipped := []byte(device)
	flipped[5] ^= 1
	for _, bad := range []string{"", ".", "....", "x", strings.Repeat("A", 75), string(flipped), device + "=", strings.Repeat(device+".", 60), "%00", `"` + device + `"x`} {
		w.exec(`DELETE FROM login_failures`)
		a := w.tryFrom(bad, p.email, "a wrong password")
		if a.status != http.StatusRequestHeaderFieldsTooLarge {
			a.refused(t, "BAD_CREDENTIALS")
		}
	}
	require.NotContains(t, w.known(p, strings.Repeat("A", 74)), strings.Repeat("A", 74), "what it cannot read it does not keep")
}

func TestTheDeviceCookieIsNoScripts(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	a := w.tryFrom("", p.email, password)
	a.ok(t)
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		require.True(t, c.HttpOnly, c.Name)
		require.Equal(t, http.SameSiteStrictMode, c.SameSite, c.Name)
	}
	require.NotContains(t, a.cookieNamed("kd"), p.id.String())
}

// Who has one address has the network's 255 others too.
func TestANetworkIsCountedAsOne(t *testing.T) {
	t.Parallel()
	w := setup(t, trusting("127.0.0.0/8"))
	for _, from := range []string{"203.0.113.7", "203.0.113.200", "2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "203.0.114.1"} {
		w.tryFrom("", "nobody@example.com", "a wrong password", "X-Forwarded-For", from).refused(t, "BAD_CREDENTIALS")
	}
	require.ElementsMatch(t, []int{2, 2, 1}, column[int](w, `SELECT failures FROM login_failures WHERE scope = 'address'`))
	require.Len(t, column[int](w, `SELECT failures FROM login_failures WHERE scope = 'pair'`), 5)
}
