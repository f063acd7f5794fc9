package egress

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Every range that is not the public internet, at both of its ends and in the
// middle, and the public addresses just outside of it.
func TestWhatIsNotThePublicInternetIsRefused(t *testing.T) {
	t.Parallel()
	var p Policy
	for _, c := range []struct{ why, addresses string }{
		{itself, "0.0.0.0 0.255.255.255 127.0.0.1 127.255.255.255 127.77.1.2 :: ::1"},
		{private, "10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.0 192.168.255.255 fc00:: fd12:3456::1 fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff fec0::1"},
		{shared, "100.64.0.0 100.127.255.255"},
		{linkLocal, "169.254.0.0 169.254.1.1 169.254.255.255 fe80::1 febf::1"},
		{metadata, "169.254.169.254 169.254.170.2 fd00:ec2::254 fd00:ec2::23 168.63.129.16 100.100.100.200 192.0.0.192 fd20:ce::254"},
		{translated, "::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:169.254.169.254 ::8.8.8.8 ::ffff:0:8.8.8.8 64:ff9b::a00:1 64:ff9b::808:808 64:ff9b:1::1 64:ff9b:1:ffff:: 2001:0:4136:e378:8000:63bf:3fff:fdd2 2002:a00:1::1 2002:808:808::1 192.88.99.1"},
		{nowhere, "192.0.2.1 198.18.0.0 198.19.255.255 198.51.100.7 203.0.113.255 100::1 2001:db8::1 3fff::1 3fff:fff:ffff::1"},
		{group, "224.0.0.1 239.255.255.255 ff02::1 ff0e::1"},
		{reserved, "192.0.0.1 240.0.0.1 255.255.255.255 2001:2::1 2001:20::1 5f00::1 64:ff9b:2::1 4000::1 8000::1 e000::1 1::1 fe00::1 200::1"},
	} {
		for s := range strings.SplitSeq(c.addresses, " ") {
			why, refused := Refusal(p.CheckAddr(netip.MustParseAddr(s)))
			require.True(t, refused, s)
			require.Equal(t, c.why, why, s)
		}
	}
	for s := range strings.SplitSeq("1.0.0.0 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255 169.255.0.0 "+
		"172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.0.3.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 198.51.101.0 203.0.112.255 203.0.114.0 223.255.255.255 "+
		"2001:200::1 2001:4860:4860::8888 2001:db7::1 2001:db9::1 2003::1 2606:4700:4700::1111 2a00:1450::1 3ffe::1", " ") {
		require.NoError(t, p.CheckAddr(netip.MustParseAddr(s)), s)
	}
	require.Error(t, p.CheckAddr(netip.Addr{}))
	require.Error(t, p.CheckAddr(netip.MustParseAddr("fe80::1%eth0")))
	require.Error(t, p.CheckAddr(netip.MustParseAddr("2001:4860::1%eth0")))
}

// What the operator allows is reached, and nothing beside it.
func TestWhatTheOperatorAllows(t *testing.T) {
	t.Parallel()
	p, err := Parse("10.20.0.0/16, ::1/128 ,http")
	require.NoError(t, err)
	require.True(t, p.HTTP)
	for s, ok := range map[string]bool{"10.20.1.2": true, "10.21.0.1": false, "::1": true, "127.0.0.1": false, "::ffff:10.20.1.2": false, "169.254.169.254": false} {
		require.Equal(t, ok, p.CheckAddr(netip.MustParseAddr(s)) == nil, s)
	}
	p, err = Parse("")
	require.NoError(t, err)
	require.Equal(t, Policy{}, p)
	for _, bad := range []string{"10.0.0.1", "https", "10.0.0.0/8;http", "example.com"} {
		_, err := Parse(bad)
		require.ErrorContains(t, err, bad)
	}
}

func TestAddressesThatNeedNotBeTried(t *testing.T) {
	t.Parallel()
	open := Policy{HTTP: true, Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	for _, c := range []struct {
		address        string
		strict, opened string // why not; "" passes
	}{
		{"https://calendar.example.com/feriados.ics?key=1", "", ""},
		{"https://calendar.example.com:8443/x", "", ""},
		{"https://CALENDAR.example.com.:443", "", ""},
		{"https://[2606:4700:4700::1111]/x", "", ""},
		{"https://8.8.8.8/", "", ""},
		{"http://calendar.example.com/x", "https://", ""},
		{"http://calendar.example.com:8080/x", "https://", ""},
		{"https://calendar.example.com:80/", "port 80", ""},
		{"https://calendar.example.com:22/", "port 22", "port 22"},
		{"https://calendar.example.com:5432/", "port 5432", "port 5432"},
		{"https://calendar.example.com:0/", "port 0", "port 0"},
		{"https://calendar.example.com:99999/", "port", "port"},
		{"https://calendar.example.com:/", "port", "port"},
		{"ftp://calendar.example.com/", "https://", "https://"},
		{"file:///etc/passwd", "https://", "https://"},
		{"gopher://calendar.example.com", "https://", "https://"},
		{"javascript:alert(1)", "https://", "https://"},
		{"//calendar.example.com/", "https://", "https://"},
		{"calendar.example.com", "https://", "https://"},
		{"", "https://", "https://"},
		{"https:calendar.example.com", "no host", "no host"},
		{"https:///x", "no host", "no host"},
		{"https://ana:secret@calendar.example.com/", "user", "user"},
		{"https://ana@calendar.example.com/", "user", "user"},
		{"https://localhost/", "own", ""},
		{"https://feed.LOCALHOST./", "own", ""},
		{"https://127.0.0.1/", "itself", ""},
		{"https://[::1]/", "itself", "itself"},
		{"https://[::ffff:127.0.0.1]/", "another", "another"},
		{"https://[fe80::1%25eth0]/", "reserved", "reserved"},
		{"https://169.254.169.254/latest/meta-data/", "metadata", "metadata"},
		{"https://2130706433/", "not a name", "not a name"},
		{"https://0x7f000001/", "not a name", "not a name"},
		{"https://0177.0.0.1/", "not a name", "not a name"},
		{"https://127.1/", "not a name", "not a name"},
		{"https://a..b/", "not a name", "not a name"},
		{"https://calendar.example.com/\x00", "not an address", "not an address"},
	} {
		for want, p := range map[*string]Policy{&c.strict: {}, &c.opened: open} {
			_, err := p.CheckURL(c.address)
			why, refused := Refusal(err)
			require.Equal(t, *want != "", refused, "%s: %v", c.address, err)
			require.Contains(t, why, *want, c.address)
		}
	}
}

// listen answers on one of the usual ports of an address of its own.
func listen(t *testing.T, port string, handler http.HandlerFunc) (server *httptest.Server, connections *atomic.Int32) {
	t.Helper()
	var ln net.Listener
	for range 50 {
		var err error
		host := netip.AddrFrom4([4]byte{127, byte(1 + rand.N(250)), byte(1 + rand.N(250)), byte(1 + rand.N(250))})
		if ln, err = net.Listen("tcp", net.JoinHostPort(host.String(), port)); err == nil {
			break
		}
	}
	require.NotNil(t, ln, "no address of this machine is free")
	connections = &atomic.Int32{}
	server = &httptest.Server{Listener: counted{ln, connections}, Config: &http.Server{Handler: handler}}
	return server, connections
}

type counted struct {
	net.Listener
	n *atomic.Int32
}

func (c counted) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.n.Add(1)
	}
	return conn, err
}

var loopback = Policy{HTTP: true, Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}

func get(t *testing.T, c *http.Client, address string) (status int, body string, err error) {
	t.Helper()
	defer c.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	require.NoError(t, err)
	res, err := c.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	return res.StatusCode, string(raw), err
}

func requireRefused(t *testing.T, err error, why string) {
	t.Helper()
	got, refused := Refusal(err)
	require.True(t, refused, "%v", err)
	require.Contains(t, got, why)
}

func TestALoopbackListenerIsReachedOnlyWhereAllowed(t *testing.T) {
	t.Parallel()
	s, connections := listen(t, "8080", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) })
	s.Start()
	defer s.Close()
	_, _, err := get(t, Policy{HTTP: true}.Client(Options{}), s.URL)
	requireRefused(t, err, itself)
	_, _, err = get(t, Policy{Networks: loopback.Networks}.Client(Options{}), s.URL)
	requireRefused(t, err, "https://")
	require.Zero(t, connections.Load())
	status, body, err := get(t, loopback.Client(Options{}), s.URL)
	require.NoError(t, err)
	require.Equal(t, 200, status)
	require.Equal(t, "ok", body)
	// Another port of an allowed network is not.
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	_, _, err = get(t, loopback.Client(Options{}), other.URL)
	requireRefused(t, err, "port")
}

func TestNoProxyOfTheEnvironmentDials(t *testing.T) {
	proxy, asked := listen(t, "8080", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	proxy.Start()
	defer proxy.Close()
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	_, _, err := get(t, loopback.Client(Options{Timeout: time.Second, Resolver: nameserver(t, nil)}), "http://calendar.example.com/")
	require.Error(t, err)
	require.Zero(t, asked.Load())
}

// A name may answer with a public address when it is checked and with another
// when it is dialled: what is dialled counts.
func TestANameThatLeadsInsideIsRefusedWhenDialled(t *testing.T) {
	t.Parallel()
	s, connections := listen(t, "8080", func(http.ResponseWriter, *http.Request) {})
	s.Start()
	defer s.Close()
	inside := netip.MustParseAddrPort(s.Listener.Addr().String()).Addr()
	p := Policy{HTTP: true}
	var asked atomic.Int32
	rebinding := nameserver(t, func() netip.Addr {
		if asked.Add(1) == 1 {
			return netip.MustParseAddr("8.8.8.8")
		}
		return inside
	})
	const address = "http://rebind.example.com:8080/"
	_, err := p.CheckURL(address)
	require.NoError(t, err)
	first, err := rebinding.LookupNetIP(t.Context(), "ip4", "rebind.example.com")
	require.NoError(t, err)
	require.NoError(t, p.CheckAddr(first[0]), "whoever looked it up would let it pass")
	_, _, err = get(t, p.Client(Options{Resolver: rebinding}), address)
	requireRefused(t, err, itself)
	require.Zero(t, connections.Load())
	status, _, err := get(t, loopback.Client(Options{Resolver: rebinding}), address)
	require.NoError(t, err, "the same where it is allowed")
	require.Equal(t, 200, status)
	for _, to := range []string{"169.254.169.254", "10.0.0.7", "100.64.1.1", "0.0.0.0"} {
		_, _, err := get(t, loopback.Client(Options{Resolver: nameserver(t, func() netip.Addr { return netip.MustParseAddr(to) })}), address)
		_, refused := Refusal(err)
		require.True(t, refused, "%s: %v", to, err)
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	var seen atomic.Value
	inner, reached := listen(t, "8443", func(http.ResponseWriter, *http.Request) {})
	inner.Start()
	defer inner.Close()
	var s *httptest.Server
	s, _ = listen(t, "8080", func(w http.ResponseWriter, r *http.Request) {
		to := map[string]string{
			"/once": "/end", "/1": "/2", "/2": "/3", "/3": "/4", "/4": "/end", "/private": "http://10.0.0.1/", "/metadata": "http://169.254.169.254/latest/",
			"/file": "file:///etc/passwd", "/port": "http://127.0.0.1:5432/", "/user": "http://a:b@" + r.Host + "/end",
		}[r.URL.Path]
		if to == "" {
			seen.Store(r.Header.Get("Referer"))
			_, _ = w.Write([]byte("the end"))
			return
		}
		http.Redirect(w, r, to, http.StatusFound)
	})
	s.Start()
	defer s.Close()
	status, _, err := get(t, loopback.Client(Options{}), s.URL+"/once")
	require.NoError(t, err)
	require.Equal(t, http.StatusFound, status, "not followed unless asked for")
	follow := loopback.Client(Options{Redirects: 3})
	status, body, err := get(t, follow, s.URL+"/once?key=secret")
	require.NoError(t, err)
	require.Equal(t, "the end", body)
	require.Equal(t, 200, status)
	require.Empty(t, seen.Load(), "where it leads does not learn the address")
	_, _, err = get(t, follow, s.URL+"/2")
	require.NoError(t, err, "three")
	_, _, err = get(t, follow, s.URL+"/1")
	requireRefused(t, err, "more than 3")
	for path, why := range map[string]string{"/private": private, "/metadata": metadata, "/file": "https://", "/port": "port 5432", "/user": "user"} {
		_, _, err := get(t, follow, s.URL+path)
		requireRefused(t, err, why)
	}
	require.Zero(t, reached.Load())

	// From https to http: what was asked in secret is not repeated aloud.
	secure, _ := listen(t, "8443", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, s.URL+"/end", http.StatusFound) })
	secure.StartTLS()
	defer secure.Close()
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	address := "https://example.com:8443/"
	host := netip.MustParseAddrPort(secure.Listener.Addr().String()).Addr()
	_, _, err = get(t, loopback.Client(Options{Redirects: 3, Roots: roots, Resolver: nameserver(t, func() netip.Addr { return host })}), address)
	requireRefused(t, err, "from https to http")
}

func TestTLS(t *testing.T) {
	t.Parallel()
	s, _ := listen(t, "8443", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) })
	s.Config.ErrorLog = nil
	s.StartTLS()
	defer s.Close()
	old, _ := listen(t, "8443", func(http.ResponseWriter, *http.Request) {})
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	old.StartTLS()
	defer old.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	at := func(s *httptest.Server) *net.Resolver {
		ip := netip.MustParseAddrPort(s.Listener.Addr().String()).Addr()
		return nameserver(t, func() netip.Addr { return ip })
	}
	status, _, err := get(t, loopback.Client(Options{Roots: roots, Resolver: at(s)}), "https://example.com:8443/")
	require.NoError(t, err)
	require.Equal(t, 200, status)
	_, _, err = get(t, loopback.Client(Options{Resolver: at(s)}), "https://example.com:8443/")
	var unknown x509.UnknownAuthorityError
	require.ErrorAs(t, err, &unknown)
	_, _, err = get(t, loopback.Client(Options{Roots: roots, Resolver: at(s)}), "https://another.example.org:8443/")
	var name x509.HostnameError
	require.ErrorAs(t, err, &name)
	_, _, err = get(t, loopback.Client(Options{Roots: roots, Resolver: at(old)}), "https://example.com:8443/")
	require.ErrorContains(t, err, "protocol version")
}

func TestBodiesAreLimited(t *testing.T) {
	t.Parallel()
	const most = 1000
	packed := func(n int) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(make([]byte, n))
		_ = z.Close()
		return b.Bytes()
	}
	bomb := packed(50 << 20)
	s, _ := listen(t, "8080", func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/fits":
			_, _ = w.Write(make([]byte, most))
		case "/more":
			_, _ = w.Write(make([]byte, most+1))
		case "/endless":
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		case "/packed":
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(packed(most))
		case "/bomb":
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb)
		case "/silent":
			<-r.Context().Done()
		case "/slow":
			w.WriteHeader(200)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}
	})
	s.Start()
	defer s.Close()
	c := loopback.Client(Options{MaxBody: most, Timeout: time.Minute})
	for path, large := range map[string]bool{"/fits": false, "/more": true, "/endless": true, "/packed": false, "/bomb": true} {
		_, body, err := get(t, c, s.URL+path)
		require.Len(t, body, most, path)
		if large {
			require.ErrorIs(t, err, ErrTooLarge, path)
		} else {
			require.NoError(t, err, path)
		}
	}
	for _, path := range []string{"/silent", "/slow"} {
		_, _, err := get(t, loopback.Client(Options{Timeout: 300 * time.Millisecond}), s.URL+path)
		var timeout net.Error
		require.ErrorAs(t, err, &timeout, path)
		require.True(t, timeout.Timeout(), path)
	}
}

// nameserver answers every question for an address with what it is told; nil:
// with nothing.
func nameserver(t *testing.T, answer func() netip.Addr) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buf := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			question := 12 // its name, type and class
			for question < n && buf[question] != 0 {
				question += int(buf[question]) + 1
			}
			end := question + 5
			if end > n {
				continue
			}
			reply := append([]byte{buf[0], buf[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, buf[12:end]...)
			if answer != nil && buf[question+2] == 1 { // A
				reply[7] = 1
				ip := answer().As4()
				reply = append(reply, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ip[0], ip[1], ip[2], ip[3])
			}
			_, _ = conn.WriteTo(reply, from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}
