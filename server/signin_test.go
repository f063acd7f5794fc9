package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
)

func (w *world) try(email, password string) answer {
	w.t.Helper()
	return w.rpc("", "AuthService/Login", &v1.LoginRequest{Email: email, Password: password})
}

// waitsSince is how many waits a busy machine may have sat out: the first is of
// five seconds, and each gives one guess more.
func waitsSince(began time.Time) int { return int(time.Since(began) / (5 * time.Second)) }

func TestFiftyGuessesAtOnceAreNotFiftyChecks(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	began := time.Now()
	for _, a := range parallel(50, func(i int) answer { return w.try(p.email, fmt.Sprintf("a wrong password %d", i)) }) {
		a.refused(t, "BAD_CREDENTIALS")
	}
	counted := one[int](w, `SELECT failures FROM login_failures WHERE scope = 'pair'`)
	require.LessOrEqual(t, counted, 6+waitsSince(began), "five free and the one that locks; the rest were told nothing")
	locked := w.try(p.email, password)
	locked.refused(t, "BAD_CREDENTIALS")
	require.Equal(t, w.try(uuid.NewString()+"@example.com", password).withoutID(t), locked.withoutID(t), "locked, wrong and unknown are the same words")
}

// The decisive guess among many at once: had each been checked before it was
// counted, one would pass.
func TestTheRightPasswordDoesNotPassWhileLocked(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	for range 6 {
		w.try(p.email, "a wrong password").refused(t, "BAD_CREDENTIALS")
	}
	w.exec(`UPDATE login_failures SET locked_until = now() + interval '1 minute' WHERE locked_until > now()`) // a busy machine sits five seconds out
	for _, a := range parallel(20, func(int) answer { return w.try(p.email, password) }) {
		a.refused(t, "BAD_CREDENTIALS")
	}
	// When the wait is over it passes, and what was counted is forgotten.
	w.exec(`UPDATE login_failures SET locked_until = now() - interval '1 second'`)
	w.try(p.email, password).refused(t, "BAD_CREDENTIALS") // the seventh in the hour locks again
	w.exec(`UPDATE login_failures SET locked_until = now() - interval '1 second', failures = 4`)
	w.try(p.email, password).ok(t)
	require.Empty(t, column[string](w, `SELECT scope FROM login_failures WHERE scope IN ('account', 'pair')`))
}

func TestWaitsGrowAndEnd(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	var waits []time.Duration
	for range 18 {
		w.try(p.email, "a wrong password").refused(t, "BAD_CREDENTIALS")
		seconds := one[float64](w, `SELECT extract(epoch FROM locked_until - now())::float8 FROM login_failures WHERE scope = 'pair'`)
		waits = append(waits, time.Duration(seconds*float64(time.Second)))
		w.exec(`UPDATE login_failures SET locked_until = now() - interval '1 millisecond' WHERE locked_until > now()`)
	}
	require.LessOrEqual(t, waits[4], time.Duration(0), "five are free")
	for i, want := range map[int]time.Duration{5: 5 * time.Second, 6: 10 * time.Second, 7: 20 * time.Second, 8: 40 * time.Second, 9: 80 * time.Second, 16: 15 * time.Minute, 17: 15 * time.Minute} {
		// What is left of it a moment later, on a machine that may be busy.
		require.LessOrEqual(t, waits[i], want)
		require.Greater(t, waits[i], want-4*time.Second, "try %d", i+1)
	}
	// An hour later it begins anew.
	w.exec(`UPDATE login_failures SET first_at = now() - interval '2 hours'`)
	w.try(p.email, password).ok(t)
}

// An office shares an address. A hundred people who sign in are not an attack.
func TestRightPasswordsDoNotCountAgainstAnAddress(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	w.try("nobody@example.com", "a wrong password").refused(t, "BAD_CREDENTIALS")
	for range 3 {
		w.try(p.email, password).ok(t)
	}
	require.Equal(t, 1, one[int](w, `SELECT failures FROM login_failures WHERE scope = 'address'`))
}

// An attacker who tries one password on many accounts.
func TestAnAddressThatSpraysIsLocked(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	w.try("nobody@example.com", "a wrong password").refused(t, "BAD_CREDENTIALS")
	w.exec(`UPDATE login_failures SET failures = 100 WHERE scope = 'address'`)
	w.try(p.email, password).refused(t, "BAD_CREDENTIALS")
}

func TestTheTableOfTriesNamesNobody(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.try("ana@example.com", "a wrong password")
	all := one[string](w, `SELECT string_agg(row(f.*)::text || encode(key, 'escape'), ' ') FROM login_failures f`)
	require.NotContains(t, all, "ana")
	require.NotContains(t, all, "127.0.0.1")
}

// Whoever measures learns nothing: generous, because machines are busy.
func TestAnUnknownPersonTakesAsLongAsAKnownOne(t *testing.T) {
	w := setup(t) // not parallel: it measures
	p := w.register("Ana")
	measure := func(email string) time.Duration {
		w.exec(`DELETE FROM login_failures`)
		began := time.Now()
		w.try(email, "a wrong password").refused(t, "BAD_CREDENTIALS")
		return time.Since(began)
	}
	var all [2][]time.Duration
	for i := range 31 { // by turns, so that both meet the same machine
		all[0] = append(all[0], measure(p.email))
		all[1] = append(all[1], measure(fmt.Sprintf("nobody-%d@example.com", i)))
	}
	slices.Sort(all[0])
	slices.Sort(all[1])
	known, unknown := all[0][15], all[1][15]
	require.InEpsilon(t, float64(known), float64(unknown), 0.5, "known %s, unknown %s", known, unknown)
}

func TestRegistrationMakesAPersonWhoCanBegin(t *testing.T) {
	t.Parallel()
	w := setup(t)
	before := time.Now()
	p := w.register("Ana Souza")
	me := w.me(p)
	require.Equal(t, "Ana Souza", me.GetUser().GetName())
	require.Equal(t, "pt-BR", me.GetUser().GetLocale())
	require.Len(t, me.GetOrganizations(), 1)
	org := me.GetOrganizations()[0]
	require.Equal(t, v1.Plan_PLAN_PRO, org.GetPlan())
	require.WithinDuration(t, before.Add(30*day), org.GetPlanUntil().AsTime(), time.Minute)
	require.Equal(t, v1.Role_ROLE_OWNER, org.GetRole())
	require.Len(t, org.GetPermissions(), 19)
	require.Len(t, org.GetWorkspaces(), 1)
	require.Equal(t, "Default", org.GetWorkspaces()[0].GetName())
	require.Equal(t, "America/Sao_Paulo", org.GetWorkspaces()[0].GetTimeZone())
	require.Len(t, org.GetWorkspaces()[0].GetPermissions(), 19)
	require.Equal(t, []string{"organization.create"}, column[string](w, `SELECT action FROM audit_log WHERE org_id = $1`, p.org))
	require.Equal(t, "127.0.0.1", one[string](w, `SELECT address FROM audit_log WHERE org_id = $1`, p.org))
	require.Equal(t, p.id, one[uuid.UUID](w, `SELECT u.id FROM users u JOIN audit_log a ON a.actor = u.actor_hash WHERE a.org_id = $1`, p.org))
	hash := one[string](w, `SELECT password_hash FROM users WHERE id = $1`, p.id)
	require.True(t, strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$"), hash)
}

func TestAnEMailIsOnePersonHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ask := func(email string) answer {
		return w.rpc("", "AuthService/Register", &v1.RegisterRequest{Email: email, Name: "Ana", Password: password})
	}
	ask("Ana@Example.com").ok(t)
	a := ask("ana@example.COM")
	a.refused(t, "EMAIL_TAKEN")
	require.Equal(t, []string{"email"}, a.fields)
	w.try("ANA@example.com", password).ok(t)
	won := 0
	for _, a := range parallel(8, func(i int) answer { return ask([]string{"bia@example.com", "BIA@example.com"}[i%2]) }) {
		if a.isOK() {
			won++
		} else {
			a.refused(t, "EMAIL_TAKEN")
		}
	}
	require.Equal(t, 1, won)
	require.Equal(t, 2, one[int](w, `SELECT count(*)::int FROM organizations`), "nothing of the losers is left")
}

func TestWhatCannotBeRegistered(t *testing.T) {
	t.Parallel()
	w := setup(t)
	good := func() *v1.RegisterRequest {
		return &v1.RegisterRequest{Email: "ana@example.com", Name: "Ana", Password: password}
	}
	for name, c := range map[string]struct {
		bend          func(*v1.RegisterRequest)
		reason, field string
	}{
		"no e-mail":             {func(r *v1.RegisterRequest) { r.Email = "ana" }, "VALIDATION", "email"},
		"two lines":             {func(r *v1.RegisterRequest) { r.Email = "ana@example.com\r\nBcc: x@y.z" }, "VALIDATION", "email"},
		"short password":        {func(r *v1.RegisterRequest) { r.Password = "correct horse" }, "VALIDATION", "password"},
		"long password":         {func(r *v1.RegisterRequest) { r.Password = strings.Repeat("correct horse ", 20) }, "VALIDATION", "password"},
		"the same letters":      {func(r *v1.RegisterRequest) { r.Password = "abababababababab" }, "PASSWORD_TOO_WEAK", "password"},
		"the e-mail":            {func(r *v1.RegisterRequest) { r.Email, r.Password = "ana.souza@example.com", "ana.souza.example.com1" }, "PASSWORD_TOO_WEAK", "password"},
		"no name":               {func(r *v1.RegisterRequest) { r.Name = "  " }, "VALIDATION", "name"},
		"a name of no-break":    {func(r *v1.RegisterRequest) { r.Name = "\u00a0" }, "VALIDATION", "name"},
		"a name of two lines":   {func(r *v1.RegisterRequest) { r.Name = "Ana\nSouza" }, "VALIDATION", "name"},
		"a zone that is none":   {func(r *v1.RegisterRequest) { r.TimeZone = "Mars/Olympus" }, "TIME_ZONE_UNKNOWN", "time_zone"},
		"a zone that is a file": {func(r *v1.RegisterRequest) { r.TimeZone = "../../../etc/passwd" }, "TIME_ZONE_UNKNOWN", "time_zone"},
		"this machine's zone":   {func(r *v1.RegisterRequest) { r.TimeZone = "Local" }, "TIME_ZONE_UNKNOWN", "time_zone"},
		"a language we lack":    {func(r *v1.RegisterRequest) { r.Locale = "tlh" }, "VALIDATION", "locale"},
	} {
		req := good()
		c.bend(req)
		a := w.rpc("", "AuthService/Register", req)
		require.Equal(t, c.reason, a.reason, "%s: %s", name, a.body)
		require.Equal(t, []string{c.field}, a.fields, name)
		require.NotContains(t, string(a.body), req.GetPassword(), name)
	}
	require.Zero(t, one[int](w, `SELECT count(*)::int FROM users`))
	// What people really use passes: spaces, accents, emoji, 64 and more.
	for i, secret := range []string{"um café às três da tarde", "🐙🦑🐡🐠🐟🐬🐳🐋🦈🐊🐅🐆🦓🦍🦧", strings.Repeat("uma frase longa ", 5)} {
		req := good()
		req.Email, req.Password = fmt.Sprintf("p%d@example.com", i), secret
		w.rpc("", "AuthService/Register", req).ok(t)
		w.try(req.Email, secret).ok(t)
	}
}

// A browser's name need not be text, and is stored.
func TestAnOddBrowserCanSignIn(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	body := []byte(`{"email":"` + p.email + `","password":"` + password + `"}`)
	for _, agent := range []string{"caf\xe9/1.0 \xff", strings.Repeat("é", 400), strings.Repeat("x", 299) + "é"} {
		w.post("", "AuthService/Login", asJSON, body, "User-Agent", agent).ok(t)
	}
}

func TestALockIsNotTold(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	a := w.try(p.email, "a wrong password")
	require.Empty(t, a.retry, "a lock is not told")
	require.Empty(t, a.header.Get("Retry-After"))
}
