// Package mailbox takes the mails of `cloudhub dev` instead of a mail server, keeps
// the newest in memory, and shows them. It listens on this machine alone, and sends
// nothing on.
package mailbox

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/uuid"
)

// What is kept at most.
const (
	maxMails   = 200
	maxBytes   = 1 << 20
	maxTo      = 100
	maxClients = 20
)

// Mail is one that came.
type Mail struct {
	ID            string
	At            time.Time
	From, Subject string
	To            []string
	MessageID     string
	Text, HTML    string
	Raw           []byte
}

// Mailbox keeps the newest mails.
type Mailbox struct {
	mu    sync.Mutex
	mails []Mail // the oldest first
}

// New is an empty one.
func New() *Mailbox { return &Mailbox{} }

// Mails are those that are kept, the newest first.
func (b *Mailbox) Mails() []Mail {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]Mail, len(b.mails))
	for i, m := range b.mails {
		out[len(out)-1-i] = m
	}
	return out
}

func (b *Mailbox) find(id string) (Mail, bool) {
	for _, m := range b.Mails() {
		if m.ID == id {
			return m, true
		}
	}
	return Mail{}, false
}

func (b *Mailbox) keep(m Mail) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mails = append(b.mails, m)
	if n := len(b.mails) - maxMails; n > 0 {
		b.mails = append([]Mail(nil), b.mails[n:]...)
	}
}

// Serve takes mails on a listener until the context ends.
func (b *Mailbox) Serve(ctx context.Context, ln net.Listener, log *slog.Logger) error {
	slots := make(chan struct{}, maxClients)
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		select {
		case slots <- struct{}{}:
			return &session{box: b, release: sync.OnceFunc(func() { <-slots })}, nil
		default:
			return nil, &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "too many connections"}
		}
	}))
	s.Domain, s.MaxMessageBytes, s.MaxRecipients = "localhost", maxBytes, maxTo
	s.ReadTimeout, s.WriteTimeout = 30*time.Second, 30*time.Second
	s.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelWarn)
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	if err := s.Serve(ln); err != nil && !errors.Is(err, smtp.ErrServerClosed) && ctx.Err() == nil {
		return err
	}
	return nil
}

// session is one connection.
type session struct {
	box     *Mailbox
	release func()
	from    string
	to      []string
}

func (s *session) Reset()        { s.from, s.to = "", nil }
func (s *session) Logout() error { s.release(); return nil }

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r) // the server has bounded it
	if err != nil {
		return err
	}
	m := Mail{ID: uuid.NewString(), At: time.Now(), From: s.from, To: s.to, Raw: raw}
	m.read()
	s.box.keep(m)
	return nil
}

// read finds what can be shown of a mail; of one that is no mail, nothing.
func (m *Mail) read() {
	parsed, err := netmail.ReadMessage(bytes.NewReader(m.Raw))
	if err != nil {
		return
	}
	m.MessageID, m.Subject = parsed.Header.Get("Message-Id"), parsed.Header.Get("Subject")
	if s, err := new(mime.WordDecoder).DecodeHeader(m.Subject); err == nil {
		m.Subject = s
	}
	m.part(parsed.Header.Get("Content-Type"), parsed.Header.Get("Content-Transfer-Encoding"), parsed.Body, 0)
}

// maxDepth is how deep parts may stand in parts.
const maxDepth = 5

// part takes the first text and the first HTML.
func (m *Mail) part(contentType, encoding string, body io.Reader, depth int) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		kind = "text/plain"
	}
	if strings.HasPrefix(kind, "multipart/") && depth < maxDepth {
		parts := multipart.NewReader(body, params["boundary"])
		for {
			p, err := parts.NextRawPart()
			if err != nil {
				return
			}
			m.part(p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p, depth+1)
		}
	}
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	into := &m.Text
	if kind == "text/html" {
		into = &m.HTML
	} else if kind != "text/plain" {
		return
	}
	if *into != "" {
		return
	}
	text, _ := io.ReadAll(body) // what was readable of it
	*into = strings.ToValidUTF8(string(text), "\ufffd")
}
