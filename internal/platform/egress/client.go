package egress

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// ErrTooLarge says that a body is larger than allowed, after decompression. It
// comes from reading the body.
var ErrTooLarge = errors.New("the answer is too large")

// Options of a client. The zero value of each has a meaning.
type Options struct {
	// Timeout is for one exchange: redirects, and reading the body, are in it. 0
	// is 15 s.
	Timeout time.Duration
	// MaxBody is how many bytes of a body may be read, decompressed. 0 is 1 MB.
	MaxBody int64
	// Redirects is how many are followed, each after the same checks and none from
	// https to http. 0: the redirect itself is the answer.
	Redirects int
	// IdlePerHost is how many connections to one host are kept for the next request.
	// 0 is 2.
	IdlePerHost int
	// Roots are the authorities whose certificates are believed; nil means the
	// machine's.
	Roots *x509.CertPool
	// Resolver is for tests; nil means the machine's.
	Resolver *net.Resolver
}

// Client makes a client that reaches what the policy allows. It uses no proxy of
// the environment: a proxy would dial for it, unchecked. Its errors have a
// *RefusedError in them when the address was refused (Refusal).
func (p Policy) Client(o Options) *http.Client {
	if o.Timeout == 0 {
		o.Timeout = 15 * time.Second
	}
	if o.MaxBody == 0 {
		o.MaxBody = 1 << 20
	}
	dialer := &net.Dialer{Timeout: min(o.Timeout, 10*time.Second), Control: p.control, Resolver: o.Resolver}
	transport := &http.Transport{
		Proxy:                  nil,
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.Roots},
		TLSHandshakeTimeout:    min(o.Timeout, 10*time.Second),
		ResponseHeaderTimeout:  o.Timeout,
		MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConns:           max(100, 64*o.IdlePerHost),
		MaxIdleConnsPerHost:    max(2, o.IdlePerHost),
		IdleConnTimeout:        30 * time.Second,
	}
	return &http.Client{
		Timeout:   o.Timeout,
		Transport: checked{policy: p, next: transport, maxBody: o.MaxBody},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			// The address may hold a secret, which is no business of where it leads.
			req.Header.Del("Referer")
			if o.Redirects == 0 {
				return http.ErrUseLastResponse
			}
			if len(via) > o.Redirects {
				return refuse("it redirects more than %d times", o.Redirects)
			}
			if via[len(via)-1].URL.Scheme == "https" && req.URL.Scheme != "https" {
				return refuse("it redirects from https to http")
			}
			return p.check(req.URL)
		},
	}
}

// checked checks each request of a client before it is sent, and limits what is
// read of its answer.
type checked struct {
	policy  Policy
	next    *http.Transport
	maxBody int64
}

func (c checked) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := c.policy.check(req.URL); err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	res, err := c.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	res.Body = &limited{body: res.Body, left: c.maxBody}
	return res, nil
}

// CloseIdleConnections is called by http.Client's.
func (c checked) CloseIdleConnections() { c.next.CloseIdleConnections() }

// limited is a body of which so much may be read.
type limited struct {
	body io.ReadCloser
	left int64
}

func (l *limited) Read(b []byte) (int, error) {
	// One byte more than allowed tells a body that ends there from one that goes on.
	if int64(len(b)) > l.left+1 {
		b = b[:l.left+1]
	}
	n, err := l.body.Read(b)
	if int64(n) > l.left {
		n, err = int(l.left), ErrTooLarge
	}
	l.left -= int64(n)
	return n, err
}

func (l *limited) Close() error { return l.body.Close() }
