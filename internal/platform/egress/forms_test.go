package egress

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// hostile are forms in which an address can be written that leads inside, or looks as
// if it led elsewhere. None may be connected to.
var hostile = []string{
	// This machine, as dotted, short, decimal, octal, hexadecimal, and mixed.
	"https://127.0.0.1/", "https://127.0.0.1:8443/", "https://127.0.0.2/", "https://127.255.255.254/", "https://127.1/", "https://127.0.1/", "https://2130706433/",
	"https://017700000001/", "https://0177.0.0.1/", "https://0177.0.0.01/", "https://0x7f000001/", "https://0x7f.0.0.1/", "https://0x7f.1/", "https://0X7F000001/", "https://00000127.0.0.1/",
	"https://0/", "https://0.0.0.0/", "https://0.0.0.0:8443/", "https://127.0.0.1./", "https://127.0.0.1../", "https://localhost/", "https://LOCALHOST/", "https://localhost./",
	"https://a.localhost/", "https://%6c%6f%63%61lhost/", "https://%31%32%37.0.0.1/", "https://4294967297/", "https://127.0.0.1.1/",
	// The same in IPv6.
	"https://[::1]/", "https://[::]/", "https://[0:0:0:0:0:0:0:1]/", "https://[0000::0001]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[::127.0.0.1]/",
	"https://[64:ff9b::127.0.0.1]/", "https://[2002:7f00:1::]/", "https://[::ffff:0:127.0.0.1]/", "https://[::1%25lo]/", "https://[fe80::1%25eth0]/", "https://[fd00::1]/", "https://[ff02::1]/",
	// Networks that are not public, and metadata services.
	"https://10.0.0.1/", "https://172.16.0.1/", "https://192.168.1.1/", "https://100.64.0.1/", "https://169.254.169.254/latest/meta-data/", "https://169.254.170.2/v2/credentials",
	"https://2852039166/", "https://0xa9fea9fe/", "https://[fd00:ec2::254]/", "https://[::ffff:169.254.169.254]/", "https://[::ffff:a9fe:a9fe]/", "https://168.63.129.16/",
	"https://100.100.100.200/", "https://192.0.0.192/", "https://255.255.255.255/", "https://224.0.0.1/",
	// A user before the host, and what some parsers take for one.
	"https://example.com@127.0.0.1/", "https://example.com:443@127.0.0.1/", "https://127.0.0.1@example.com/", "https://@127.0.0.1/", "https://example.com%40127.0.0.1/",
	"https://127.0.0.1#@example.com/", "https://127.0.0.1?@example.com/", `https://127.0.0.1\@example.com/`, `https://example.com\@127.0.0.1/`, "https://a@b@127.0.0.1/",
	// Digits, dots and letters that a resolver may turn into others.
	"https://①②⑦.⓪.⓪.①/", "https://１２７.０.０.１/", "https://127。0。0。1/", "https://127．0．0．1/", "https://127｡0｡0｡1/", "https://ⓛocalhost/", "https://ｌｏｃａｌｈｏｓｔ/", "https://loc\u00adalhost/",
	"https://loca\u200blhost/", "https://localhoſt/", "https://[::①]/",
	// What is no address.
	"https://127.0.0.1\t/", "https://127.0.0.1\r\nHost: example.com/", "https:// 127.0.0.1/", "https:/127.0.0.1/", "https:127.0.0.1", "https:////127.0.0.1/", "https://127.0.0.1:8443:80/", "https://[127.0.0.1]/",
}

// nothingIsDialled fails a test when a client gets as far as a connection: every name
// leads to this machine, where somebody listens.
func nothingIsDialled(t *testing.T, p Policy, addresses []string) {
	t.Helper()
	s, connections := listen(t, "8443", func(http.ResponseWriter, *http.Request) {})
	s.Start()
	defer s.Close()
	inside := netip.MustParseAddrPort(s.Listener.Addr().String()).Addr()
	c := p.Client(Options{Timeout: 10 * time.Second, Redirects: 3, Resolver: nameserver(t, func() netip.Addr { return inside })})
	defer c.CloseIdleConnections()
	for _, address := range addresses {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		if err != nil {
			continue // it is not an address to anybody
		}
		res, err := c.Do(req)
		if err == nil {
			_ = res.Body.Close()
		}
		require.Error(t, err, address)
		// A connection that was tried and failed would end in the system's error.
		var dialled *os.SyscallError
		require.False(t, errors.As(err, &dialled), "%s: %v", address, err)
		require.NotErrorIs(t, err, context.DeadlineExceeded, address)
	}
	require.Zero(t, connections.Load())
}

func TestHostileFormsOfAddresses(t *testing.T) {
	t.Parallel()
	forms := map[string]bool{}
	for _, address := range hostile {
		forms[address] = true
		var p Policy
		u, err := p.CheckURL(address)
		if err == nil {
			// Only a name may pass, because it is judged by what is dialled.
			_, notAddress := netip.ParseAddr(u.Hostname())
			require.Error(t, notAddress, address)
		}
	}
	require.GreaterOrEqual(t, len(forms), 60, "forms that differ")
	t.Logf("%d forms", len(forms))
	nothingIsDialled(t, Policy{}, hostile)
	// What allows other networks allows none of these.
	nothingIsDialled(t, Policy{HTTP: true, AnyPort: true, Networks: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}, hostile)
}

// A name that is public when it is asked for the first time and private from then on:
// at each of the addresses in its turn, for one client that asks again and again.
func TestANameThatIsPublicAndThenPrivate(t *testing.T) {
	t.Parallel()
	s, connections := listen(t, "8443", func(http.ResponseWriter, *http.Request) {})
	s.Start()
	defer s.Close()
	inside := netip.MustParseAddrPort(s.Listener.Addr().String()).Addr()
	var asked atomic.Int32
	resolver := nameserver(t, func() netip.Addr {
		if asked.Add(1) == 1 {
			return netip.MustParseAddr("8.8.8.8")
		}
		return inside
	})
	first, err := resolver.LookupNetIP(t.Context(), "ip4", "rebind.example.com")
	require.NoError(t, err)
	require.NoError(t, Policy{}.CheckAddr(first[0]))
	c := Policy{}.Client(Options{Resolver: resolver})
	for range 3 {
		_, _, err = get(t, c, "https://rebind.example.com:8443/")
		requireRefused(t, err, itself)
	}
	require.Zero(t, connections.Load())
}

// A receiver answers with a redirect to a metadata service, by address, by number and
// by name: none is asked.
func TestRedirectsToMetadata(t *testing.T) {
	t.Parallel()
	var to atomic.Value
	s, _ := listen(t, "8080", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, to.Load().(string), http.StatusTemporaryRedirect)
	})
	s.Start()
	defer s.Close()
	var dialled atomic.Int32
	metadataName := nameserver(t, func() netip.Addr { dialled.Add(1); return netip.MustParseAddr("169.254.169.254") })
	for _, o := range []Options{{Redirects: 0, Resolver: metadataName}, {Redirects: 3, Resolver: metadataName}} {
		c := loopback.Client(o)
		for _, address := range []string{
			"http://169.254.169.254/latest/meta-data/", "http://[::ffff:169.254.169.254]/", "http://[fd00:ec2::254]/", "http://169.254.170.2/", "http://2852039166/", "http://metadata.example.com/",
			"http://a:b@169.254.169.254/",
		} {
			to.Store(address)
			status, _, err := get(t, c, s.URL)
			if o.Redirects == 0 {
				require.NoError(t, err)
				require.Equal(t, http.StatusTemporaryRedirect, status, "the answer itself")
				continue
			}
			_, refused := Refusal(err)
			require.True(t, refused, "%s: %v", address, err)
		}
	}
	require.Positive(t, dialled.Load(), "the name was looked up and what it led to refused")
}

func TestAnyPort(t *testing.T) {
	t.Parallel()
	p, err := Parse("127.0.0.0/8, any-port ,http")
	require.NoError(t, err)
	require.Equal(t, Policy{HTTP: true, AnyPort: true, Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, p)
	for _, bad := range []string{"anyport", "any_port", "ANY-PORT", "any-port:80"} {
		_, err := Parse(bad)
		require.ErrorContains(t, err, bad)
	}
	alone, err := Parse("any-port")
	require.NoError(t, err)
	require.Equal(t, Policy{AnyPort: true}, alone)

	var connections atomic.Int32
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	go func() { _ = server.Serve(counted{ln, &connections}) }()
	defer func() { _ = server.Close() }()
	address := "http://" + ln.Addr().String() + "/"
	_, port, err := net.SplitHostPort(ln.Addr().String())
	require.NoError(t, err)

	// The word without its network, and the network without the word.
	for _, refusing := range []Policy{{HTTP: true, AnyPort: true}, loopback, {AnyPort: true, Networks: p.Networks}} {
		_, _, err := get(t, refusing.Client(Options{}), address)
		_, refused := Refusal(err)
		require.True(t, refused, "%v", err)
	}
	require.Zero(t, connections.Load())
	status, _, err := get(t, p.Client(Options{}), address)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
	// By a name too, which is judged by where it leads.
	named := p.Client(Options{Resolver: nameserver(t, func() netip.Addr { return netip.MustParseAddr("127.0.0.1") })})
	_, _, err = get(t, named, "http://receiver.example.com:"+port+"/")
	require.NoError(t, err)

	// Every port of that network and of no other: the public internet keeps its own.
	for _, refused := range []string{"https://8.8.8.8:5432/", "http://10.0.0.1:" + port + "/", "http://169.254.169.254:" + port + "/", "http://[::1]:" + port + "/"} {
		_, err := p.CheckURL(refused)
		_, is := Refusal(err)
		require.True(t, is, refused)
	}
	public := p.Client(Options{Resolver: nameserver(t, func() netip.Addr { return netip.MustParseAddr("8.8.8.8") })})
	_, _, err = get(t, public, "http://elsewhere.example.com:5432/")
	requireRefused(t, err, "port 5432")
	// So is what a redirect leads to.
	require.Error(t, p.control("tcp4", "8.8.8.8:22", nil))
	require.NoError(t, p.control("tcp4", "127.0.0.1:22", nil))
	require.Error(t, p.control("tcp6", "[::1]:22", nil))
}

// Names in other scripts are sent to the resolver as IDNA has them, and judged by
// where they lead: what is mapped to an address or to this machine is not reached.
func TestInternationalNames(t *testing.T) {
	t.Parallel()
	var p Policy
	u, err := p.CheckURL("https://calendário.example.com/feriados.ics")
	require.NoError(t, err, "one that is well")
	require.Equal(t, "calendário.example.com", u.Hostname())
	resolver := nameserver(t, func() netip.Addr { return netip.MustParseAddr("127.0.0.1") })
	for _, address := range []string{"https://calendário.example.com/", "https://xn--calendrio-71a.example.com/", "https://ⓛocalhost/", "https://ｌｏｃａｌｈｏｓｔ/", "https://127。0。0。1/", "https://①②⑦.⓪.⓪.①/"} {
		u, err := url.Parse(address)
		require.NoError(t, err, address)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
		require.NoError(t, err)
		_, err = p.Client(Options{Resolver: resolver}).Do(req)
		cancel()
		require.Error(t, err, address)
		if strings.Contains(address, "example.com") {
			requireRefused(t, err, itself)
		}
	}
}
