package server_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/server"
)

const (
	day      = 24 * time.Hour
	grace    = 10 * time.Second
	absolute = 30 * day
)

// refresh trades a cookie.
func (w *world) refresh(cookie string) answer {
	w.t.Helper()
	return w.post("", "AuthService/RefreshSession", asJSON, []byte("{}"), "Cookie", "rt="+cookie)
}

func (w *world) login(p person, remember bool) (token, cookie string) {
	w.t.Helper()
	a := w.rpc("", "AuthService/Login", &v1.LoginRequest{Email: p.email, Password: p.password, Remember: remember})
	a.ok(w.t)
	out := &v1.LoginResponse{}
	a.into(w.t, out)
	return out.GetAccessToken().GetToken(), a.cookie()
}

func (w *world) alive(token string) bool {
	w.t.Helper()
	a := w.rpc(token, "UserService/GetMe", &v1.GetMeRequest{})
	if !a.isOK() {
		a.refused(w.t, "UNAUTHENTICATED")
	}
	return a.isOK()
}

func refreshed(t testing.TB, a answer) (token, cookie string) {
	t.Helper()
	a.ok(t)
	out := &v1.RefreshSessionResponse{}
	a.into(t, out)
	return out.GetAccessToken().GetToken(), a.cookie()
}

func TestAStolenRefreshTokenKillsTheWholeSession(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	chain := []string{p.cookie}
	var tokens []string
	for range 4 {
		token, next := refreshed(t, w.refresh(chain[len(chain)-1]))
		require.NotContains(t, chain, next, "a token changes at every use")
		chain, tokens = append(chain, next), append(tokens, token)
		w.clock.advance(grace + time.Second)
	}
	a := w.refresh(chain[0])
	a.refused(t, "SESSION_ENDED")
	require.Contains(t, a.header.Get("Set-Cookie"), "Max-Age=0", "the browser keeps no dead cookie")
	for _, c := range chain {
		w.refresh(c).refused(t, "SESSION_ENDED")
	}
	for _, token := range append(tokens, p.token) {
		require.False(t, w.alive(token))
	}
	require.Equal(t, "refresh token reuse", one[string](w, `SELECT revoked_reason FROM sessions WHERE id = $1`, p.session))
	require.Equal(t, 1, one[int](w, `SELECT count(*)::int FROM audit_log WHERE action = 'session.reuse_detected' AND org_id = $1`, p.org))
	// Another session of the same person is not touched.
	w.login(p, false)
}

func TestTheGraceIsForTheParentAloneAndTenSeconds(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	_, second := refreshed(t, w.refresh(p.cookie))
	w.clock.advance(grace - time.Second)
	_, again := refreshed(t, w.refresh(p.cookie))
	require.Equal(t, second, again, "the parent gets the same successor")
	w.clock.advance(2 * time.Second)
	w.refresh(p.cookie).refused(t, "SESSION_ENDED")
	w.refresh(second).refused(t, "SESSION_ENDED")

	// A grandparent has no grace, however recent.
	p = w.register("Bia")
	_, second = refreshed(t, w.refresh(p.cookie))
	_, third := refreshed(t, w.refresh(second))
	w.refresh(p.cookie).refused(t, "SESSION_ENDED")
	w.refresh(third).refused(t, "SESSION_ENDED")
}

func TestTabsThatRefreshAtOnceAllSurvive(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	cookie := p.cookie
	for range 5 {
		answers := parallel(8, func(int) answer { return w.refresh(cookie) })
		successor := ""
		for _, a := range answers {
			token, next := refreshed(t, a)
			if successor == "" {
				successor = next
			}
			require.Equal(t, successor, next)
			require.True(t, w.alive(token))
		}
		cookie = successor
		w.clock.advance(time.Minute)
	}
}

// parallel runs n calls at once.
func parallel[T any](n int, run func(i int) T) []T {
	out := make([]T, n)
	var ready, wait sync.WaitGroup
	gate := make(chan struct{})
	ready.Add(n)
	for i := range n {
		wait.Go(func() {
			ready.Done()
			<-gate
			out[i] = run(i)
		})
	}
	ready.Wait()
	close(gate)
	wait.Wait()
	return out
}

func TestAfterSignOutNothingOfTheSessionLives(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for range 20 {
		p := w.register("Ana")
		answers := parallel(4, func(i int) answer {
			if i == 1 {
				return w.post("", "AuthService/Logout", asJSON, []byte("{}"), "Cookie", "rt="+p.cookie)
			}
			return w.refresh(p.cookie)
		})
		answers[1].ok(t)
		require.Contains(t, answers[1].header.Get("Set-Cookie"), "Max-Age=0")
		require.False(t, w.alive(p.token))
		for i, a := range answers {
			if i == 1 || !a.isOK() {
				continue
			}
			token, next := refreshed(t, a)
			require.False(t, w.alive(token), "a refresh that raced the sign-out brought the session back")
			w.refresh(next).refused(t, "SESSION_ENDED")
		}
		w.refresh(p.cookie).refused(t, "SESSION_ENDED")
	}
	// Signing out twice, or of nothing, is no error.
	w.post("", "AuthService/Logout", asJSON, []byte("{}"), "Cookie", "rt=nonsense").ok(t)
	w.rpc("", "AuthService/Logout", &v1.LogoutRequest{}).ok(t)
}

func TestASessionEndsWithoutUseAndAfterThirtyDays(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	for remember, idle := range map[bool]time.Duration{false: day, true: 7 * day} {
		_, cookie := w.login(p, remember)
		w.clock.advance(idle - time.Minute)
		token, cookie := refreshed(t, w.refresh(cookie))
		require.True(t, w.alive(token))
		w.clock.advance(idle + time.Second)
		w.refresh(cookie).refused(t, "SESSION_ENDED")
	}
	began := w.clock.Now()
	_, cookie := w.login(p, true)
	for {
		w.clock.advance(6 * day)
		a := w.refresh(cookie)
		if w.clock.Now().Sub(began) >= absolute {
			a.refused(t, "SESSION_ENDED")
			break
		}
		_, cookie = refreshed(t, a)
	}
}

func TestAnAccessTokenLivesFiveMinutesAndNotLongerThanItsSession(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	w.clock.advance(4 * time.Minute)
	require.True(t, w.alive(p.token))
	w.clock.advance(2 * time.Minute)
	require.False(t, w.alive(p.token))
	// A session that has idled out refuses a token that is itself still good.
	w.clock.advance(day)
	require.False(t, w.alive(w.sign(p, nil)))
}

func TestARevokedSessionEndsAtOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p, stranger := w.register("Ana"), w.register("Eva")
	other, cookie := w.login(p, false)
	list := get(w, p.token, "UserService/ListSessions", &v1.ListSessionsRequest{}, &v1.ListSessionsResponse{}).GetSessions()
	require.Len(t, list, 2)
	i := slices.IndexFunc(list, func(s *v1.Session) bool { return !s.GetCurrent() })
	require.NotEqual(t, p.session.String(), list[i].GetId())
	w.rpc(stranger.token, "UserService/RevokeSession", &v1.RevokeSessionRequest{SessionId: list[i].GetId()}).refused(t, "NOT_FOUND")
	require.True(t, w.alive(other))
	w.rpc(p.token, "UserService/RevokeSession", &v1.RevokeSessionRequest{SessionId: list[i].GetId()}).ok(t)
	require.False(t, w.alive(other))
	w.refresh(cookie).refused(t, "SESSION_ENDED")
	require.True(t, w.alive(p.token))
	w.rpc(p.token, "UserService/RevokeSession", &v1.RevokeSessionRequest{SessionId: list[i].GetId()}).refused(t, "NOT_FOUND")

	// A suspended person is out, and stays out.
	w.exec(`UPDATE users SET suspended_at = now() WHERE id = $1`, p.id)
	require.False(t, w.alive(p.token))
	w.refresh(p.cookie).refused(t, "SESSION_ENDED")
	w.rpc("", "AuthService/Login", &v1.LoginRequest{Email: p.email, Password: p.password}).refused(t, "BAD_CREDENTIALS")
}

func TestSigningInMakesANewSession(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	// A cookie that somebody planted is not taken over.
	a := w.post("", "AuthService/Login", asJSON, []byte(`{"email":"`+p.email+`","password":"`+password+`"}`), "Cookie", "rt="+p.cookie)
	a.ok(t)
	require.NotEqual(t, p.cookie, a.cookie())
	require.Equal(t, 2, one[int](w, `SELECT count(*)::int FROM sessions WHERE user_id = $1 AND revoked_at IS NULL`, p.id))
}

func TestTheCookieIsOnlyTheBrowsersAndOnlyOurs(t *testing.T) {
	t.Parallel()
	for secure, prefix := range map[bool]string{true: "__Host-", false: ""} {
		w := setup(t, func(d *server.Deps) { d.Secure = secure })
		a := w.rpc("", "AuthService/Register", &v1.RegisterRequest{Email: "ana@example.com", Name: "Ana", Password: password})
		a.ok(t)
		set := a.header.Values("Set-Cookie")
		require.Len(t, set, 2)
		for i, name := range []string{"kd=", "rt="} {
			require.True(t, strings.HasPrefix(set[i], prefix+name), set[i])
			parts := strings.Split(set[i], "; ")
			require.Subset(t, parts, []string{"Path=/", "HttpOnly", "SameSite=Strict"})
			require.NotContains(t, set[i], "Domain")
			require.Equal(t, secure, slices.Contains(parts, "Secure"))
		}
		// The refresh token is in the cookie alone.
		require.NotContains(t, string(a.body), a.cookie())
		require.NotContains(t, w.logs.String(), a.cookie())
		require.Equal(t, secure, a.header.Get("Strict-Transport-Security") != "")
	}
}

func TestNoRefreshTokenIsStored(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	all := one[string](w, `SELECT string_agg(x::text, ' ') FROM (SELECT row(s.*)::text AS x FROM sessions s UNION ALL SELECT row(r.*)::text FROM refresh_tokens r) y`)
	require.NotContains(t, all, p.cookie)
	require.Equal(t, http.StatusOK, w.refresh(p.cookie).status)
}
