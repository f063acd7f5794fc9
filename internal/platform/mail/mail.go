// Package mail sends e-mail through the operator's SMTP server, and says of what
// failed whether trying again can help. It decides nothing about what is sent.
package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/netip"
	"net/textproto"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// TLS is how the connection is protected. The values are settings.
type TLS string

const (
	// STARTTLS is demanded: a server without it gets nothing.
	STARTTLS TLS = "starttls"
	// Implicit is TLS from the first byte (port 465).
	Implicit TLS = "implicit"
	// None is for a server on this machine alone.
	None TLS = "none"
)

// Settings say which server sends, and as whom.
type Settings struct {
	Host           string
	Port           int
	User, Password string // both empty: without signing in
	TLS            TLS
	// From is who the mails are from: "CloudHub <cloudhub@example.com>".
	From string
	// Roots, when not nil, are trusted in place of the system's.
	Roots *x509.CertPool
	// Timeout of a whole exchange; 0: 30 s.
	Timeout time.Duration
}

// Mailer sends. It is safe for use by several goroutines; each mail has a connection
// of its own.
type Mailer struct {
	s    Settings
	from *netmail.Address
	opts []gomail.Option
}

// New checks the settings; it connects to nothing.
func New(s Settings) (*Mailer, error) {
	from, err := netmail.ParseAddress(s.From)
	if err != nil {
		return nil, fmt.Errorf("sender of mails: %w", err)
	}
	if err := CheckAddress(from.Address); err != nil {
		return nil, fmt.Errorf("sender of mails: %w", err)
	}
	if s.Host == "" || s.Port < 1 || s.Port > 65535 {
		return nil, errors.New("SMTP server: a host and a port are needed")
	}
	if (s.User == "") != (s.Password == "") {
		return nil, errors.New("SMTP server: user and password belong together")
	}
	if s.Timeout == 0 {
		s.Timeout = 30 * time.Second
	}
	opts := []gomail.Option{
		gomail.WithPort(s.Port), gomail.WithTimeout(s.Timeout), gomail.WithHELO(domainOf(from.Address)), gomail.WithoutNoop(),
		gomail.WithTLSConfig((&Mailer{s: s}).tls()),
	}
	switch s.TLS {
	case STARTTLS:
		opts = append(opts, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case Implicit:
		// The dialling below is TLS already, and a server offers no second one.
		opts = append(opts, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	case None:
		if !thisMachine(s.Host) {
			return nil, fmt.Errorf("SMTP server: without TLS mails go to a server on this machine alone, not to %s", s.Host)
		}
		opts = append(opts, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		return nil, fmt.Errorf("SMTP server: %q is no way to protect a connection", s.TLS)
	}
	if s.User != "" {
		opts = append(opts, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(s.User), gomail.WithPassword(s.Password))
	}
	if _, err := gomail.NewClient(s.Host, opts...); err != nil {
		return nil, err
	}
	return &Mailer{s: s, from: from, opts: opts}, nil
}

func thisMachine(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.Unmap().IsLoopback()
}

// Host is the server's host and port, for logs.
func (m *Mailer) Host() string { return net.JoinHostPort(m.s.Host, strconv.Itoa(m.s.Port)) }

// Mail is one e-mail to some people, who see each other's addresses.
type Mail struct {
	// ID becomes the Message-ID, before the sender's domain: the same for every try, so
	// that a mail that came twice is recognised. Letters, digits, dots and hyphens.
	ID      string
	To      []string // bare addresses
	Subject string   // one line; what is not printable becomes a blank
	Text    string
	HTML    string    // "": text alone
	Date    time.Time // zero: now
}

// Error says why a mail was not sent.
type Error struct {
	// Permanent: sending the same again cannot help.
	Permanent bool
	// Code is the server's, 0: it did not come to an answer.
	Code int
	// Words are the server's, or say in English what happened.
	Words string
	err   error
}

func (e *Error) Error() string {
	if e.Code != 0 {
		return fmt.Sprintf("%d %s", e.Code, e.Words)
	}
	return e.Words
}

func (e *Error) Unwrap() error { return e.err }

// Permanent says whether sending the same again cannot help.
func Permanent(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Permanent
}

// Send hands a mail to the server and answers with its words. When the server refuses
// some of the recipients for good, the others get it and the answer says who did not;
// when it refuses one for now, nobody does. Errors: *Error.
func (m *Mailer) Send(ctx context.Context, mail Mail) (response string, err error) {
	msg, err := m.compose(mail)
	if err != nil {
		return "", &Error{Permanent: true, Words: err.Error(), err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, m.s.Timeout)
	defer cancel()
	client, hangUp, err := m.dial(ctx)
	defer hangUp()
	if err != nil {
		return "", m.failed(ctx, err, false)
	}
	response, err = hand(client, msg, m.from.Address, mail.To)
	if err != nil {
		return "", m.failed(ctx, err, true)
	}
	// The mail is the server's now, whatever it says to a farewell, and however late.
	if client.UpdateDeadline(2*time.Second) == nil {
		_ = client.Quit()
	}
	return response, nil
}

// dial connects, protects and signs in. The connection is closed when the context
// ends, and by hangUp, whatever became of it: the library leaves it open when it fails.
func (m *Mailer) dial(ctx context.Context) (_ *smtp.Client, hangUp func(), err error) {
	hangUp = func() {}
	dial := func(dialCtx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(dialCtx, network, address)
		if err != nil {
			return nil, err
		}
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
		hangUp = func() { stop(); _ = conn.Close() }
		if m.s.TLS != Implicit {
			return conn, nil
		}
		protected := tls.Client(conn, m.tls())
		return protected, protected.HandshakeContext(dialCtx)
	}
	// A client of its own: it keeps the state of a connection.
	c, err := gomail.NewClient(m.s.Host, append(m.opts[:len(m.opts):len(m.opts)], gomail.WithDialContextFunc(dial))...)
	if err != nil {
		return nil, hangUp, err
	}
	client, err := c.DialToSMTPClientWithContext(ctx)
	return client, hangUp, err
}

func (m *Mailer) tls() *tls.Config {
	return &tls.Config{ServerName: m.s.Host, MinVersion: tls.VersionTLS12, RootCAs: m.s.Roots}
}

// hand gives the server one mail for all who may get it.
func hand(client *smtp.Client, msg *gomail.Msg, from string, to []string) (string, error) {
	if err := client.Mail("<" + from + ">"); err != nil {
		return "", err
	}
	var refused []string
	var last error
	for _, address := range to {
		err := client.Rcpt("<" + address + ">")
		if code, words := answer(err); err != nil && permanent(code) {
			last = err
			refused = append(refused, fmt.Sprintf("%s: %d %s", address, code, words))
		} else if err != nil {
			return "", err
		}
	}
	if len(refused) == len(to) {
		return "", last
	}
	data, err := client.Data()
	if err != nil {
		return "", err
	}
	if _, err := msg.WriteTo(data); err != nil {
		return "", err // unfinished: the server throws it away
	}
	if err := data.Close(); err != nil {
		return "", err
	}
	response := "250"
	if d, ok := data.(*smtp.DataCloser); ok {
		response += " " + line(d.ServerResponse())
	}
	if len(refused) > 0 {
		response += "; refused " + strings.Join(refused, "; ")
	}
	return response, nil
}

// answer is what a server said to a command, code 0: nothing.
func answer(err error) (code int, words string) {
	var e *textproto.Error
	if !errors.As(err, &e) {
		return 0, ""
	}
	return e.Code, line(e.Msg)
}

// permanent: the server will say the same again of the same mail. 530 is about us: we
// are to sign in, or to protect the connection.
func permanent(code int) bool { return code >= 500 && code != 530 }

// failed says what became of a mail. Before it is offered, whatever goes wrong is the
// operator's to put right, and no reason to give a mail up. What the network said has
// addresses of the operator's in it, and is for logs alone.
func (m *Mailer) failed(ctx context.Context, err error, offered bool) error {
	code, words := answer(err)
	if code != 0 {
		return &Error{Permanent: offered && permanent(code), Code: code, Words: words, err: err}
	}
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded):
		words = "the mail server did not answer in time"
	case errors.As(err, &unknown), errors.As(err, &name), errors.As(err, &invalid):
		words = "the mail server's certificate is not valid for it"
	case offered:
		words = "the connection to the mail server broke off"
	default:
		words = "the mail server could not be reached, or does not offer what is asked of it"
	}
	return &Error{Words: words, err: err}
}

// maxTo bounds the recipients of one mail.
const maxTo = 50

var idForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,98}[A-Za-z0-9])?$`)

func (m *Mailer) compose(mail Mail) (*gomail.Msg, error) {
	if !idForm.MatchString(mail.ID) || strings.Contains(mail.ID, "..") {
		return nil, errors.New("the mail has no id that could be one")
	}
	if len(mail.To) == 0 || len(mail.To) > maxTo {
		return nil, fmt.Errorf("the mail has %d recipients: 1 to %d are sent to", len(mail.To), maxTo)
	}
	to := make([]*netmail.Address, len(mail.To))
	for i, address := range mail.To {
		if err := CheckAddress(address); err != nil {
			return nil, err
		}
		to[i] = &netmail.Address{Address: address}
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(m.from)
	msg.ToMailAddress(to...)
	msg.SetMessageIDWithValue(mail.ID + "@" + domainOf(m.from.Address))
	if mail.Date.IsZero() {
		mail.Date = time.Now()
	}
	msg.SetDateWithValue(mail.Date)
	msg.Subject(line(mail.Subject))
	// So that no machine answers it (RFC 3834, and Exchange).
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")
	msg.SetBodyString(gomail.TypeTextPlain, mail.Text)
	if mail.HTML != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, mail.HTML)
	}
	return msg, nil
}

// CheckAddress says why a recipient's address cannot be sent to: it is to be bare
// ("ana@example.com"), and in ASCII, which every server takes.
func CheckAddress(address string) error {
	parsed, err := netmail.ParseAddress(address)
	if err != nil || parsed.Address != address || len(address) > 254 || strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '<' || r == '>' }) {
		return fmt.Errorf("%q is no address that can be sent to", address)
	}
	return nil
}

func domainOf(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

// line makes one line of at most 500 characters.
func line(s string) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "\ufffd"), func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if r := []rune(s); len(r) > 500 {
		s = string(r[:499]) + "…"
	}
	return s
}
