// Package egress owns requests to addresses that tenants give: calendars, and
// whatever else this program must fetch or call for them. Such an address must
// lead to the public internet and never into the network that the program runs
// in. What counts is the address that is dialled, after DNS: a name that answers
// otherwise the second time it is asked changes nothing.
package egress

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Policy says what may be reached beside the public internet over https. The zero
// value allows nothing beside it.
type Policy struct {
	// Networks are the operator's own that tenants may reach all the same.
	Networks []netip.Prefix
	// HTTP allows plain http beside https.
	HTTP bool
	// AnyPort allows every port in Networks, and not only those of the web.
	AnyPort bool
}

// Words in a list of networks: plain http is allowed, and every port in them.
const (
	httpWord    = "http"
	anyPortWord = "any-port"
)

// Parse reads a policy as it is configured: networks, and the words http and any-port,
// comma separated.
func Parse(list string) (Policy, error) {
	var p Policy
	for s := range strings.SplitSeq(list, ",") {
		switch s = strings.TrimSpace(s); s {
		case "":
		case httpWord:
			p.HTTP = true
		case anyPortWord:
			p.AnyPort = true
		default:
			network, err := netip.ParsePrefix(s)
			if err != nil {
				return Policy{}, fmt.Errorf("%q is neither a network nor one of the words %s and %s", s, httpWord, anyPortWord)
			}
			p.Networks = append(p.Networks, network.Masked())
		}
	}
	return p, nil
}

// RefusedError says that an address may not be reached, and why, in English. It
// holds nothing that a tenant may not read: of where a name leads it says only
// which kind of place that is.
type RefusedError struct{ Why string }

func (e *RefusedError) Error() string { return "address refused: " + e.Why }

// Refusal is why an address was refused, when that is what err is about.
func Refusal(err error) (why string, refused bool) {
	var r *RefusedError
	if !errors.As(err, &r) {
		return "", false
	}
	return r.Why, true
}

func refuse(format string, args ...any) error { return &RefusedError{fmt.Sprintf(format, args...)} }

var (
	securePorts = []uint16{443, 8443}
	plainPorts  = []uint16{80, 8080}
)

// CheckURL reads an address and refuses what need not be tried: it dials and
// resolves nothing, so what it lets pass may be refused later. Errors:
// *RefusedError.
func (p Policy) CheckURL(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, refuse("it is not an address")
	}
	return u, p.check(u)
}

func (p Policy) check(u *url.URL) error {
	switch {
	case u.Scheme == "https", u.Scheme == "http" && p.HTTP:
	case u.Scheme == "http":
		return refuse("it must begin with https://")
	default:
		return refuse("it must begin with https://, not %q", clip(u.Scheme))
	}
	if u.User != nil {
		return refuse("it may hold no user and password")
	}
	if u.Opaque != "" || u.Hostname() == "" {
		return refuse("it names no host")
	}
	if err := p.checkPort(u); err != nil {
		return err
	}
	return p.checkHost(strings.TrimSuffix(strings.ToLower(u.Hostname()), "."))
}

func (p Policy) checkPort(u *url.URL) error {
	if u.Port() == "" {
		if strings.HasSuffix(u.Host, ":") {
			return refuse("its port is missing")
		}
		return nil // 443, or 80 where http is allowed
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		return refuse("its port is not a number")
	}
	if ip, err := netip.ParseAddr(u.Hostname()); p.AnyPort && (err != nil || p.allows(ip)) {
		return nil // decided when it is dialled
	}
	return p.checkPortNumber(uint16(port))
}

func (p Policy) checkPortNumber(port uint16) error {
	if slices.Contains(securePorts, port) || p.HTTP && slices.Contains(plainPorts, port) {
		return nil
	}
	return refuse("port %d may not be used", port)
}

// checkHost refuses what is no name of the public internet. Names that lead to a
// refused address are found when they are dialled.
func (p Policy) checkHost(host string) error {
	if ip, err := netip.ParseAddr(host); err == nil {
		return p.CheckAddr(ip)
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	switch {
	case last == "" || strings.ContainsAny(host, "%/\\ ") || strings.Contains(host, ".."):
		return refuse("its host is not a name")
	case last == "localhost" && !p.allows(netip.AddrFrom4([4]byte{127, 0, 0, 1})):
		return refuse("it is this machine's own")
	case last[0] >= '0' && last[0] <= '9':
		// 2130706433, 0x7f.1 and 127.1 are addresses to some resolvers.
		return refuse("its host is not a name")
	}
	return nil
}

func (p Policy) allows(a netip.Addr) bool {
	return slices.ContainsFunc(p.Networks, func(n netip.Prefix) bool { return n.Contains(a) })
}

// special is a range that is not the public internet.
type special struct {
	prefix netip.Prefix
	what   string
}

const (
	itself     = "it leads to this machine itself"
	private    = "it leads into a private network"
	linkLocal  = "it leads to a link-local address"
	metadata   = "it leads to a cloud's metadata service"
	shared     = "it leads into a provider's own network (100.64.0.0/10)"
	translated = "it leads to an IPv4 address written as another"
	nowhere    = "it leads to a network of documentation and tests"
	group      = "it leads to a multicast address"
	reserved   = "it leads to a reserved address"
)

// specials are the ranges of the IANA registries of special-purpose addresses
// (IPv4 and IPv6) that do not lead to one host of the public internet, and the
// addresses at which clouds answer their own machines. The first that holds an
// address names it. Of IPv6 what is outside 2000::/3 is refused beside them.
var specials = []special{
	{netip.MustParsePrefix("169.254.169.254/32"), metadata},
	{netip.MustParsePrefix("169.254.170.2/32"), metadata},   // credentials of ECS tasks
	{netip.MustParsePrefix("168.63.129.16/32"), metadata},   // Azure's wire server: a public address, and not
	{netip.MustParsePrefix("100.100.100.200/32"), metadata}, // Alibaba Cloud
	{netip.MustParsePrefix("192.0.0.192/32"), metadata},     // Oracle Cloud
	{netip.MustParsePrefix("fd00:ec2::/32"), metadata},
	{netip.MustParsePrefix("fd20:ce::254/128"), metadata}, // Google Cloud

	{netip.MustParsePrefix("0.0.0.0/8"), itself},
	{netip.MustParsePrefix("10.0.0.0/8"), private},
	{netip.MustParsePrefix("100.64.0.0/10"), shared},
	{netip.MustParsePrefix("127.0.0.0/8"), itself},
	{netip.MustParsePrefix("169.254.0.0/16"), linkLocal},
	{netip.MustParsePrefix("172.16.0.0/12"), private},
	{netip.MustParsePrefix("192.0.0.0/24"), reserved},
	{netip.MustParsePrefix("192.0.2.0/24"), nowhere},
	{netip.MustParsePrefix("192.88.99.0/24"), translated}, // relays of 6to4
	{netip.MustParsePrefix("192.168.0.0/16"), private},
	{netip.MustParsePrefix("198.18.0.0/15"), nowhere}, // benchmarks
	{netip.MustParsePrefix("198.51.100.0/24"), nowhere},
	{netip.MustParsePrefix("203.0.113.0/24"), nowhere},
	{netip.MustParsePrefix("224.0.0.0/4"), group},
	{netip.MustParsePrefix("240.0.0.0/4"), reserved}, // broadcast too

	{netip.MustParsePrefix("::/128"), itself},
	{netip.MustParsePrefix("::1/128"), itself},
	{netip.MustParsePrefix("::/96"), translated},         // IPv4-compatible
	{netip.MustParsePrefix("::ffff:0:0/96"), translated}, // IPv4-mapped
	{netip.MustParsePrefix("::ffff:0:0:0/96"), translated},
	{netip.MustParsePrefix("64:ff9b::/96"), translated},   // NAT64
	{netip.MustParsePrefix("64:ff9b:1::/48"), translated}, // NAT64, local use
	{netip.MustParsePrefix("100::/64"), nowhere},          // discarded
	{netip.MustParsePrefix("2001::/32"), translated},      // Teredo
	{netip.MustParsePrefix("2001::/23"), reserved},        // protocols, benchmarks, ORCHID
	{netip.MustParsePrefix("2001:db8::/32"), nowhere},
	{netip.MustParsePrefix("2002::/16"), translated}, // 6to4
	{netip.MustParsePrefix("3fff::/20"), nowhere},
	{netip.MustParsePrefix("5f00::/16"), reserved}, // segment routing
	{netip.MustParsePrefix("fc00::/7"), private},
	{netip.MustParsePrefix("fe80::/10"), linkLocal},
	{netip.MustParsePrefix("fec0::/10"), private},
	{netip.MustParsePrefix("ff00::/8"), group},
}

// public is where IPv6 has global addresses.
var public = netip.MustParsePrefix("2000::/3")

// CheckAddr refuses an address that is not one host of the public internet,
// unless the operator allows its network. Errors: *RefusedError.
func (p Policy) CheckAddr(a netip.Addr) error {
	if !a.IsValid() || a.Zone() != "" {
		return refuse(reserved)
	}
	if p.allows(a) {
		return nil
	}
	for _, s := range specials {
		// An IPv4-mapped address is in no IPv4 range and in no other of IPv6.
		if s.prefix.Contains(a) || a.Is4In6() && s.prefix.Addr().Is4In6() {
			return refuse("%s", s.what)
		}
	}
	if a.Is6() && !public.Contains(a) {
		return refuse(reserved)
	}
	return nil
}

// control is the last word: it sees each address that is about to be dialled.
func (p Policy) control(network, address string, _ syscall.RawConn) error {
	if network != "tcp4" && network != "tcp6" {
		return refuse("it is not reached by TCP")
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return refuse(reserved)
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return refuse(reserved)
	}
	if err := p.CheckAddr(ip); err != nil {
		return err
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return refuse(reserved)
	}
	if p.AnyPort && p.allows(ip) {
		return nil
	}
	return p.checkPortNumber(uint16(number))
}

func clip(s string) string {
	if len(s) > 20 {
		return s[:20] + "…"
	}
	return s
}
