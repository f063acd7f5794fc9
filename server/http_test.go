package server_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/api/gen/cloudhub/v1/cloudhubv1connect"
	"github.com/cloudhub/cloudhub/server"
)

var app = fstest.MapFS{
	"index.html":          {Data: []byte(`<html><script nonce="__CSP_NONCE__"></script><style nonce="__CSP_NONCE__"></style></html>`)},
	"favicon.svg":         {Data: []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`)},
	"assets/app-1a2b.js":  {Data: []byte(`1`)},
	".vite/manifest.json": {Data: []byte(`{}`)},
	".env":                {Data: []byte(`SECRET=1`)},
}

// ask sends a plain request; headers are pairs, Host among them.
func (w *world) ask(method, path, body string, headers ...string) answer {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	require.NoError(w.t, err)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	res, err := w.client.Transport.RoundTrip(req) // follows nothing
	require.NoError(w.t, err)
	defer res.Body.Close()
	a := answer{status: res.StatusCode, header: res.Header}
	a.body, err = io.ReadAll(res.Body)
	require.NoError(w.t, err)
	a.parse(w.t)
	return a
}

const getMe = "/cloudhub.v1.UserService/GetMe"

func TestEveryAnswerHasTheHeadersThatBrowsersHeed(t *testing.T) {
	t.Parallel()
	w := setup(t, withWeb(app), func(d *server.Deps) { d.Secure = true })
	p := w.register("Ana")
	seen := map[string]bool{}
	for name, a := range map[string]answer{
		"an answer":       w.ask("POST", getMe, "{}", "Content-Type", asJSON, "Authorization", "Bearer "+p.token),
		"an error":        w.ask("POST", getMe, "{}", "Content-Type", asJSON),
		"a GET":           w.ask("GET", getMe+"?encoding=json&message=%7B%7D", "", "Authorization", "Bearer "+p.token),
		"no such rpc":     w.ask("POST", "/cloudhub.v1.UserService/Nothing", "{}", "Content-Type", asJSON),
		"no such service": w.ask("POST", "/cloudhub.v1.Nothing/Nothing", "{}", "Content-Type", asJSON),
		"a form":          w.ask("POST", getMe, "a=b", "Content-Type", "application/x-www-form-urlencoded"),
		"another site":    w.ask("POST", getMe, "{}", "Content-Type", asJSON, "Sec-Fetch-Site", "cross-site"),
		"the page":        w.ask("GET", "/", ""),
		"a deep page":     w.ask("GET", "/o/123/w/456/instances", ""),
		"a file":          w.ask("GET", "/assets/app-1a2b.js", ""),
		"an icon":         w.ask("GET", "/favicon.svg", ""),
		"no file":         w.ask("GET", "/assets/nothing.js", ""),
		"health":          w.ask("GET", "/healthz", ""),
		"readiness":       w.ask("GET", "/readyz", ""),
		"OPTIONS":         w.ask("OPTIONS", getMe, "", "Origin", "https://evil.example", "Access-Control-Request-Method", "POST"),
	} {
		for key, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin", "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
		} {
			require.Equal(t, []string{want}, a.header.Values(key), "%s: %s", name, key)
		}
		csp := a.header.Values("Content-Security-Policy")
		require.Len(t, csp, 1, name)
		for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'"} {
			require.Contains(t, csp[0], part, name)
		}
		require.NotContains(t, strings.Split(csp[0], "style-src-attr")[0], "unsafe", name)
		requestID := a.header.Get("X-Request-Id")
		require.Regexp(t, `^req_[0-9a-f]{32}$`, requestID, name)
		require.False(t, seen[requestID], name)
		seen[requestID] = true
		if a.requestID != "" {
			require.Equal(t, requestID, a.requestID, name)
		}
		for key := range a.header {
			require.False(t, strings.HasPrefix(key, "Access-Control-"), "%s allows other sites: %s", name, key)
		}
		require.Empty(t, a.header.Get("Server"), name)
		if a.status < 300 && len(a.body) > 0 {
			require.NotEmpty(t, a.header.Get("Content-Type"), name)
		}
	}
	require.Equal(t, "no-store", w.ask("POST", getMe, "{}", "Content-Type", asJSON, "Authorization", "Bearer "+p.token).header.Get("Cache-Control"))
	require.Equal(t, "no-store", w.ask("GET", "/", "").header.Get("Cache-Control"))
	require.Contains(t, w.ask("GET", "/assets/app-1a2b.js", "").header.Get("Cache-Control"), "immutable")
}

func TestOtherSitesAndOtherMethodsGetNothing(t *testing.T) {
	t.Parallel()
	w := setup(t, withWeb(app))
	p := w.register("Ana")
	const logout = "/cloudhub.v1.AuthService/Logout"
	for name, headers := range map[string][]string{
		"fetch from another site": {"Sec-Fetch-Site", "cross-site"},
		"from a sibling domain":   {"Sec-Fetch-Site", "same-site"},
		"an old browser":          {"Origin", "https://evil.example"},
		"a sandbox":               {"Origin", "null"},
	} {
		a := w.ask("POST", logout, "{}", append(headers, "Content-Type", asJSON, "Cookie", "rt="+p.cookie)...)
		require.Equal(t, http.StatusForbidden, a.status, name)
		require.True(t, w.alive(p.token), name)
	}
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""} {
		a := w.ask("POST", logout, "{}", "Content-Type", kind, "Cookie", "rt="+p.cookie)
		require.Equal(t, http.StatusUnsupportedMediaType, a.status, kind)
		require.True(t, w.alive(p.token), kind)
	}
	for _, m := range methods() {
		path := "/cloudhub.v1." + m.name
		for _, verb := range []string{"GET", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"} {
			if verb == "GET" && !m.changes() {
				continue
			}
			a := w.ask(verb, path+"?encoding=json&message=%7B%7D", "", "Cookie", "rt="+p.cookie, "Authorization", "Bearer "+p.token)
			require.Equal(t, http.StatusMethodNotAllowed, a.status, "%s %s", verb, m.name)
			require.NotEmpty(t, a.header.Get("Allow"))
		}
	}
	require.True(t, w.alive(p.token))
	same := w.ask("POST", logout, "{}", "Content-Type", asJSON, "Cookie", "rt="+p.cookie, "Sec-Fetch-Site", "same-origin", "Origin", w.url)
	require.Equal(t, http.StatusOK, same.status)
	require.False(t, w.alive(p.token))
}

func TestThePublicAddressShowsNothingOfTheInside(t *testing.T) {
	t.Parallel()
	w := setup(t, withWeb(app))
	none := setup(t)
	for _, path := range []string{
		"/metrics", "/debug/pprof/", "/debug/pprof/heap", "/debug/vars", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
		"/.env", "/.vite/manifest.json", "/..%2f..%2fetc/passwd", "/assets/../.env",
	} {
		a := w.ask("GET", path, "")
		require.NotContains(t, string(a.body), "SECRET")
		require.NotContains(t, string(a.body), "goroutine")
		require.NotContains(t, string(a.body), "cloudhub_rpc")
		if a.status == http.StatusOK { // the application says that there is no such page
			require.Contains(t, string(a.body), "<html>", path)
		}
		require.NotEqual(t, http.StatusOK, none.ask("GET", path, "").status, path)
	}
	require.Equal(t, http.StatusNotFound, w.ask("GET", "/cloudhub.v1.Nothing/X", "").status)
	require.Equal(t, http.StatusMethodNotAllowed, w.ask("POST", "/", "").status)
}

func TestEveryPageHasANonceOfItsOwn(t *testing.T) {
	t.Parallel()
	w := setup(t, withWeb(app))
	nonce := regexp.MustCompile(`'nonce-([A-Za-z0-9+/]+)'`)
	seen := map[string]bool{}
	for range 5 {
		a := w.ask("GET", "/instances", "")
		got := nonce.FindStringSubmatch(a.header.Get("Content-Security-Policy"))
		require.Len(t, got, 2)
		require.False(t, seen[got[1]])
		seen[got[1]] = true
		require.Equal(t, 2, bytes.Count(a.body, []byte(`nonce="`+got[1]+`"`)))
		require.Equal(t, "text/html; charset=utf-8", a.header.Get("Content-Type"))
	}
}

func trusting(prefixes ...string) option {
	return func(d *server.Deps) {
		for _, p := range prefixes {
			d.TrustedProxies = append(d.TrustedProxies, netip.MustParsePrefix(p))
		}
	}
}

func TestWhoCallsFromWhere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		option  option
		forward []string
		want    string
	}{
		"nobody is trusted":            {trusting(), []string{"203.0.113.7"}, "127.0.0.1"},
		"another is trusted":           {trusting("10.0.0.0/8"), []string{"203.0.113.7"}, "127.0.0.1"},
		"the proxy is trusted":         {trusting("127.0.0.0/8"), []string{"203.0.113.7"}, "203.0.113.7"},
		"what the client wrote before": {trusting("127.0.0.0/8"), []string{"198.51.100.1, 203.0.113.7"}, "203.0.113.7"},
		"two headers":                  {trusting("127.0.0.0/8"), []string{"198.51.100.1", "203.0.113.7"}, "203.0.113.7"},
		"two proxies":                  {trusting("127.0.0.0/8", "10.0.0.0/8"), []string{"198.51.100.1, 203.0.113.7, 10.1.2.3"}, "203.0.113.7"},
		"all of them ours":             {trusting("127.0.0.0/8", "10.0.0.0/8"), []string{"10.9.9.9, 10.1.2.3"}, "10.9.9.9"},
		"garbage":                      {trusting("127.0.0.0/8"), []string{"<script>"}, "127.0.0.1"},
		"garbage before ours":          {trusting("127.0.0.0/8", "10.0.0.0/8"), []string{"unknown, 10.1.2.3"}, "10.1.2.3"},
		"empty":                        {trusting("127.0.0.0/8"), []string{""}, "127.0.0.1"},
		"IPv6":                         {trusting("127.0.0.0/8"), []string{"2001:db8::1"}, "2001:db8::1"},
		"IPv4 written as IPv6":         {trusting("127.0.0.0/8"), []string{"::ffff:203.0.113.7"}, "203.0.113.7"},
		"with a port":                  {trusting("127.0.0.0/8"), []string{"203.0.113.7:4711"}, "203.0.113.7"},
		"IPv6 with a port":             {trusting("127.0.0.0/8"), []string{"[2001:db8::1]:4711"}, "2001:db8::1"},
		"with a zone":                  {trusting("127.0.0.0/8"), []string{"fe80::1%eth0"}, "fe80::1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, c.option)
			headers := []string{"Content-Type", asJSON, "X-Real-IP", "192.0.2.99", "Forwarded", "for=192.0.2.98"}
			for _, f := range c.forward {
				headers = append(headers, "X-Forwarded-For", f)
			}
			w.ask("POST", "/cloudhub.v1.AuthService/Register", `{"email":"ana@example.com","name":"Ana","password":"`+password+`"}`, headers...).ok(t)
			require.Equal(t, c.want, one[string](w, `SELECT address FROM sessions`))
			require.Equal(t, c.want, one[string](w, `SELECT address FROM audit_log`))
		})
	}
}

func TestTooManyCallsAreToldWhenToComeBack(t *testing.T) {
	t.Parallel()
	w := setup(t, func(d *server.Deps) { d.NoRateLimit = false })
	p := w.register("Ana")
	var limited answer
	for range 400 {
		if limited = w.rpc(p.token, "UserService/GetMe", &v1.GetMeRequest{}); !limited.isOK() {
			break
		}
	}
	limited.refused(t, "RATE_LIMITED")
	require.Equal(t, http.StatusTooManyRequests, limited.status)
	require.Equal(t, "1", limited.header.Get("Retry-After"))
	require.NotZero(t, limited.retry)
	require.Equal(t, "1", limited.meta["seconds"])
	// Somebody else at the same address goes on.
	other := w.register("Bia")
	require.True(t, w.alive(other.token))
	// Guessing is limited by address, before anything is known of anybody.
	for range 60 {
		if limited = w.rpc("", "AuthService/RefreshSession", &v1.RefreshSessionRequest{}); limited.reason == "RATE_LIMITED" {
			return
		}
	}
	t.Fatal("nothing limits an address")
}

func TestReadyMeansTheDatabaseAnswers(t *testing.T) {
	t.Parallel()
	w := setup(t)
	require.Equal(t, "ready\n", string(w.ask("GET", "/readyz", "").body))
	require.Equal(t, "ok\n", string(w.ask("GET", "/healthz", "").body))
}

// Each protocol and both codecs, by the generated clients.
func TestEveryProtocolAnswers(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	plain := w.serve()
	for name, options := range map[string][]connect.ClientOption{
		"connect, binary": nil, "connect, JSON": {connect.WithProtoJSON()}, "connect, GET": {connect.WithHTTPGet()},
		"grpc": {connect.WithGRPC()}, "grpc-web": {connect.WithGRPCWeb()}, "connect, gzip": {connect.WithSendGzip()},
	} {
		for kind, client := range map[string]*http.Client{"HTTP/1.1": plain.http1, "h2c": plain.h2c} {
			if name == "grpc" && kind == "HTTP/1.1" {
				continue
			}
			users := cloudhubv1connect.NewUserServiceClient(client, plain.url, options...)
			ctx, call := connect.NewClientContext(t.Context())
			call.RequestHeader().Set("Authorization", "Bearer "+p.token)
			me, err := users.GetMe(ctx, &v1.GetMeRequest{})
			require.NoError(t, err, "%s over %s", name, kind)
			require.Equal(t, p.id.String(), me.GetUser().GetId())
			_, err = users.GetMe(context.WithoutCancel(t.Context()), &v1.GetMeRequest{})
			require.Equal(t, connect.CodeUnauthenticated, connect.CodeOf(err), "%s over %s", name, kind)
			var e *connect.Error
			require.ErrorAs(t, err, &e)
			require.Len(t, e.Details(), 2, "ErrorInfo and RequestInfo")
		}
	}
}
