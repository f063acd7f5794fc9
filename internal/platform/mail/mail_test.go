package mail_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"mime"
	"net"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/platform/mail"
)

// server is a mail server that answers as it is told.
type server struct {
	auth               string // "user:password" that it wants, "": nobody signs in
	mail, data         error
	rcpt               map[string]error
	hang               bool // reads the mail and says nothing
	mu                 sync.Mutex
	got                []received
	conns              int
	hung               chan struct{}
	encrypted, checked bool
}

type received struct {
	from string
	to   []string
	raw  []byte
}

type session struct {
	s    *server
	conn *smtp.Conn
	m    received
}

func (s *server) NewSession(c *smtp.Conn) (smtp.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns++
	return &session{s: s, conn: c}, nil
}

func (x *session) Reset()        { x.m = received{} }
func (x *session) Logout() error { return nil }
func (x *session) Mail(from string, _ *smtp.MailOptions) error {
	_, x.s.encrypted = x.conn.TLSConnectionState()
	x.m.from = from
	if x.s.auth != "" && !x.s.checked {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "sign in first"}
	}
	return x.s.mail
}
func (x *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := x.s.rcpt[to]; err != nil {
		return err
	}
	x.m.to = append(x.m.to, to)
	return nil
}
func (x *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if x.s.hang {
		<-x.s.hung
		return errors.New("hung")
	}
	if x.s.data != nil {
		return x.s.data
	}
	x.m.raw = raw
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	x.s.got = append(x.s.got, x.m)
	return nil
}
func (x *session) AuthMechanisms() []string {
	if x.s.auth == "" {
		return nil
	}
	return []string{sasl.Plain}
}
func (x *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user+":"+password != x.s.auth {
			return smtp.ErrAuthFailed
		}
		x.s.checked = true
		return nil
	}), nil
}

// start serves s on this machine; cert nil: without TLS.
func start(t *testing.T, s *server, cert *tls.Certificate, implicit bool) mail.Settings {
	t.Helper()
	s.hung = make(chan struct{})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	host := smtp.NewServer(s)
	host.Domain, host.ErrorLog = "test", log.New(io.Discard, "", 0)
	settings := mail.Settings{Host: "127.0.0.1", Port: ln.Addr().(*net.TCPAddr).Port, TLS: mail.None, From: "CloudHub <cloudhub@example.com>", Timeout: 20 * time.Second}
	if cert != nil {
		config := &tls.Config{Certificates: []tls.Certificate{*cert}}
		settings.Roots = x509.NewCertPool()
		settings.Roots.AddCert(cert.Leaf)
		if implicit {
			ln, settings.TLS = tls.NewListener(ln, config), mail.Implicit
		} else {
			host.TLSConfig, settings.TLS = config, mail.STARTTLS
		}
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = host.Serve(ln) }()
	t.Cleanup(func() { close(s.hung); _ = host.Close(); <-done })
	return settings
}

func certificate(t *testing.T, ips ...net.IP) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: ips, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

var loopback = net.IPv4(127, 0, 0, 1)

func mailer(t *testing.T, s mail.Settings) *mail.Mailer {
	t.Helper()
	m, err := mail.New(s)
	require.NoError(t, err)
	return m
}

func aMail(to ...string) mail.Mail {
	return mail.Mail{
		ID: "0199e0a4-7c00-7001-8000-000000000001.0199e0a4-7c00-700b-8000-00000000000b", To: to, Subject: "[Produção] web-01 foi parada", Text: "Olá\n.\nfim\n",
		HTML: "<p>Olá</p>", Date: time.Date(2026, 11, 24, 22, 0, 41, 0, time.UTC),
	}
}

func smtpError(code int, words string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: words}
}

// A mail arrives whole, to all, and again under the same Message-ID.
func TestAMailArrives(t *testing.T) {
	t.Parallel()
	s := &server{}
	m := mailer(t, start(t, s, nil, false))
	for range 2 {
		response, err := m.Send(t.Context(), aMail("ana@example.com", "bruno@example.org"))
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(response, "250 "), response)
	}
	require.Len(t, s.got, 2)
	require.Equal(t, "cloudhub@example.com", s.got[0].from)
	require.Equal(t, []string{"ana@example.com", "bruno@example.org"}, s.got[0].to)
	var ids []string
	for _, g := range s.got {
		parsed, err := netmail.ReadMessage(bytes.NewReader(g.raw))
		require.NoError(t, err)
		ids = append(ids, parsed.Header.Get("Message-Id"))
		subject, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject"))
		require.NoError(t, err)
		require.Equal(t, "[Produção] web-01 foi parada", subject)
		require.Equal(t, `"CloudHub" <cloudhub@example.com>`, parsed.Header.Get("From"))
		require.Equal(t, "<ana@example.com>, <bruno@example.org>", parsed.Header.Get("To"))
		require.Equal(t, "auto-generated", parsed.Header.Get("Auto-Submitted"))
		date, err := parsed.Header.Date()
		require.NoError(t, err)
		require.True(t, date.Equal(aMail().Date))
		require.Contains(t, parsed.Header.Get("Content-Type"), "multipart/alternative")
		require.Contains(t, string(g.raw), "text/plain; charset=UTF-8")
		require.Contains(t, string(g.raw), "text/html; charset=UTF-8")
	}
	require.Equal(t, []string{"<0199e0a4-7c00-7001-8000-000000000001.0199e0a4-7c00-700b-8000-00000000000b@example.com>", ids[0]}, ids)
}

// What the server says decides whether it is tried again, and is told in its words.
func TestWhatTheServerSaysDecides(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		s         *server
		permanent bool
		code      int
		words     string
	}{
		{"busy", &server{mail: smtpError(451, "try\r\nlater")}, false, 451, "later"},
		{"sender refused", &server{mail: smtpError(550, "not you")}, true, 550, "not you"},
		{"greylisted", &server{rcpt: map[string]error{"ana@example.com": smtpError(450, "greylisted")}}, false, 450, "greylisted"},
		{"no such person", &server{rcpt: map[string]error{"ana@example.com": smtpError(550, "no such user")}}, true, 550, "no such user"},
		{"full", &server{data: smtpError(452, "disk full")}, false, 452, "disk full"},
		{"taken for spam", &server{data: smtpError(554, "spam")}, true, 554, "spam"},
		{"we are to sign in", &server{mail: smtpError(530, "sign in")}, false, 530, "sign in"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := mailer(t, start(t, c.s, nil, false)).Send(t.Context(), aMail("ana@example.com"))
			var e *mail.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, c.permanent, e.Permanent, err)
			require.Equal(t, c.permanent, mail.Permanent(err))
			require.Equal(t, c.code, e.Code)
			require.Contains(t, e.Words, c.words)
			require.NotContains(t, e.Error(), "\n")
			require.Empty(t, c.s.got)
		})
	}
}

// One address that does not exist keeps the mail from nobody else; one that is to be
// tried again keeps it from all, so that nobody gets it twice.
func TestSomeRecipientsAreRefused(t *testing.T) {
	t.Parallel()
	s := &server{rcpt: map[string]error{"gone@example.com": smtpError(550, "no such user")}}
	response, err := mailer(t, start(t, s, nil, false)).Send(t.Context(), aMail("gone@example.com", "ana@example.com"))
	require.NoError(t, err)
	require.Contains(t, response, "refused gone@example.com: 550 ")
	require.Contains(t, response, "no such user")
	require.Equal(t, []string{"ana@example.com"}, s.got[0].to)

	s = &server{rcpt: map[string]error{"gone@example.com": smtpError(550, "no such user"), "later@example.com": smtpError(450, "later")}}
	_, err = mailer(t, start(t, s, nil, false)).Send(t.Context(), aMail("gone@example.com", "ana@example.com", "later@example.com"))
	require.ErrorContains(t, err, "later")
	require.False(t, mail.Permanent(err))
	require.Empty(t, s.got)
}

// What hangs or is not there is tried again, and tells tenants no address of ours.
func TestWhatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	s := &server{hang: true}
	settings := start(t, s, nil, false)
	settings.Timeout = 300 * time.Millisecond
	_, err := mailer(t, settings).Send(t.Context(), aMail("ana@example.com"))
	require.ErrorContains(t, err, "did not answer in time")
	require.False(t, mail.Permanent(err))

	// One that takes the connection and never greets, until the caller gives up.
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	ctx, cancel := context.WithCancel(t.Context())
	closed := make(chan error, 1)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			closed <- err
			return
		}
		cancel()
		_, err = c.Read(make([]byte, 1))
		closed <- err
		_ = c.Close()
	}()
	silent := mail.Settings{Host: "127.0.0.1", Port: ln.Addr().(*net.TCPAddr).Port, TLS: mail.None, From: "cloudhub@example.com"}
	_, err = mailer(t, silent).Send(ctx, aMail("ana@example.com"))
	require.ErrorContains(t, err, "did not answer in time")
	require.False(t, mail.Permanent(err))
	require.ErrorIs(t, <-closed, io.EOF, "the connection is not left open")

	// None.
	require.NoError(t, ln.Close())
	_, err = mailer(t, silent).Send(t.Context(), aMail("ana@example.com"))
	require.ErrorContains(t, err, "could not be reached")
	require.NotContains(t, err.Error(), "127.0.0.1")
	require.False(t, mail.Permanent(err))
	var op *net.OpError
	require.ErrorAs(t, err, &op, "the log has the cause")
}

// Neither a mail nor a password crosses a network that may be listened to.
func TestConnectionsAreProtected(t *testing.T) {
	t.Parallel()
	cert := certificate(t, loopback)
	for _, implicit := range []bool{false, true} {
		s := &server{auth: "cloudhub:s3cret"}
		settings := start(t, s, cert, implicit)
		settings.User, settings.Password = "cloudhub", "s3cret"
		_, err := mailer(t, settings).Send(t.Context(), aMail("ana@example.com"))
		require.NoError(t, err)
		require.True(t, s.encrypted)
		require.True(t, s.checked)
		require.Len(t, s.got, 1)

		// A wrong password is the operator's to put right: nothing is given up for it.
		s.checked = false
		settings.Password = "wrong"
		_, err = mailer(t, settings).Send(t.Context(), aMail("ana@example.com"))
		require.ErrorContains(t, err, "535")
		require.False(t, mail.Permanent(err))
		require.NotContains(t, err.Error(), "wrong")

		// A certificate of another, and one that nobody vouches for.
		other := start(t, &server{}, certificate(t, net.IPv4(192, 0, 2, 1)), implicit)
		_, err = mailer(t, other).Send(t.Context(), aMail("ana@example.com"))
		require.ErrorContains(t, err, "certificate is not valid")
		settings.Roots = x509.NewCertPool()
		_, err = mailer(t, settings).Send(t.Context(), aMail("ana@example.com"))
		require.ErrorContains(t, err, "certificate is not valid")
		require.False(t, mail.Permanent(err))
		require.Len(t, s.got, 1)
	}
	// A server without STARTTLS (or somebody between who took it out) gets nothing.
	s := &server{}
	settings := start(t, s, nil, false)
	settings.TLS = mail.STARTTLS
	_, err := mailer(t, settings).Send(t.Context(), aMail("ana@example.com"))
	require.ErrorContains(t, err, "does not offer")
	require.False(t, mail.Permanent(err))
	require.Empty(t, s.got)
}

func TestSettingsThatCannotBe(t *testing.T) {
	t.Parallel()
	good := mail.Settings{Host: "mail.example.com", Port: 587, TLS: mail.STARTTLS, From: "CloudHub <cloudhub@example.com>"}
	_, err := mail.New(good)
	require.NoError(t, err)
	for want, change := range map[string]func(*mail.Settings){
		"this machine alone": func(s *mail.Settings) { s.TLS = mail.None },
		"sender":             func(s *mail.Settings) { s.From = "nobody" },
		"host and a port":    func(s *mail.Settings) { s.Port = 0 },
		"belong together":    func(s *mail.Settings) { s.User = "x" },
		"no way to protect":  func(s *mail.Settings) { s.TLS = "maybe" },
	} {
		s := good
		change(&s)
		_, err := mail.New(s)
		require.ErrorContains(t, err, want)
	}
}

// Whatever a mail is made of, it is one mail, with the headers it should have, to
// whom it should go.
func TestNothingBecomesAHeaderOrACommand(t *testing.T) {
	t.Parallel()
	s := &server{}
	m := mailer(t, start(t, s, nil, false))
	for _, subject := range []string{
		"a\r\nBcc: everyone@example.com\r\n\r\nbody", "a\nX-Injected: 1", "a\rb", "é\r\nBcc: x@example.com", "=?utf-8?q?a=0D=0ABcc:_x@example.com?=", strings.Repeat("é", 3000), "\x00\x1b[31m", "",
	} {
		mail := aMail("ana@example.com")
		mail.Subject, mail.Text = subject, "a\r\n.\r\nRCPT TO:<x@example.com>\r\n.\r\n"
		before := len(s.got)
		_, err := m.Send(t.Context(), mail)
		require.NoError(t, err, subject)
		require.Len(t, s.got, before+1, subject)
		g := s.got[before]
		require.Equal(t, []string{"ana@example.com"}, g.to)
		parsed, err := netmail.ReadMessage(bytes.NewReader(g.raw))
		require.NoError(t, err)
		for name := range parsed.Header {
			require.Contains(t, []string{"From", "To", "Subject", "Date", "Message-Id", "Mime-Version", "Content-Type", "Auto-Submitted", "X-Auto-Response-Suppress"}, name, subject)
		}
	}
	for _, c := range []struct{ id, to string }{
		{"a", "ana@example.com>\r\nRCPT TO:<x@example.com"}, {"a", "Ana <ana@example.com>"}, {"a", "ana@example.com, x@example.com"}, {"a", ""}, {"a", "ana@exämple.com"},
		{"a", `"a b"@example.com`}, {"a>\r\nBcc: x@example.com", "ana@example.com"}, {"", "ana@example.com"}, {"a..b", "ana@example.com"}, {"a@b", "ana@example.com"},
	} {
		mail := aMail(c.to)
		mail.ID = c.id
		before := s.conns
		_, err := m.Send(t.Context(), mail)
		require.Error(t, err, c)
		require.True(t, permanent(err), c)
		require.Equal(t, before, s.conns, "not even a connection")
	}
}

func permanent(err error) bool { return mail.Permanent(err) }

func FuzzCheckAddress(f *testing.F) {
	for _, s := range []string{"ana@example.com", "<a@b>", "a@b>\r\n", `"x y"@b`, "a@[127.0.0.1]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if mail.CheckAddress(s) == nil {
			require.NotContains(t, s, "\n")
			require.NotContains(t, s, ">")
			require.NotContains(t, s, " ")
			parsed, err := netmail.ParseAddress("<" + s + ">")
			require.NoError(t, err)
			require.Equal(t, s, parsed.Address)
		}
	})
}
