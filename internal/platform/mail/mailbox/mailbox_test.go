package mailbox_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/channel"
	"github.com/cloudhub/cloudhub/internal/event"
	"github.com/cloudhub/cloudhub/internal/platform/mail"
	"github.com/cloudhub/cloudhub/internal/platform/mail/mailbox"
)

// start runs a mailbox, with a mailer that sends to it.
func start(t *testing.T) (*mailbox.Mailbox, *mail.Mailer, string) {
	t.Helper()
	box := mailbox.New()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- box.Serve(ctx, ln, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	m, err := mail.New(mail.Settings{Host: "127.0.0.1", Port: ln.Addr().(*net.TCPAddr).Port, TLS: mail.None, From: "CloudHub <cloudhub@localhost>"})
	require.NoError(t, err)
	h := httptest.NewServer(box.Handler())
	t.Cleanup(h.Close)
	return box, m, h.URL
}

func get(t *testing.T, address string, header ...string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	require.NoError(t, err)
	if len(header) > 0 {
		req.Host = header[0]
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(body), res.Header
}

// A developer reads the mail that a destination would have got.
func TestADeveloperReadsTheMail(t *testing.T) {
	t.Parallel()
	box, m, address := start(t)
	e, ok := event.Lookup(event.ScheduleMissed)
	require.True(t, ok)
	composed, err := channel.Email(channel.Message{Event: e.Name, Data: e.Data, Workspace: "Produção", At: time.Now(), Locale: channel.Portuguese, Link: "https://cloudhub.example.com/x"})
	require.NoError(t, err)
	_, err = m.Send(t.Context(), mail.Mail{ID: "1", To: []string{"ana@example.com"}, Subject: composed.Subject, Text: composed.Text, HTML: composed.HTML})
	require.NoError(t, err)
	require.Len(t, box.Mails(), 1)
	got := box.Mails()[0]
	require.Equal(t, composed.Subject, got.Subject)
	require.Equal(t, composed.HTML, strings.ReplaceAll(got.HTML, "\r\n", "\n"))
	require.Equal(t, composed.Text, strings.ReplaceAll(got.Text, "\r\n", "\n"))
	require.Equal(t, "<1@localhost>", got.MessageID)

	code, list, h := get(t, address+"/mailbox/")
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, list, composed.Subject)
	require.Contains(t, h.Get("Content-Security-Policy"), "default-src 'none'")
	link := regexp.MustCompile(`/mailbox/[0-9a-f-]{36}`).FindString(list)
	_, one, _ := get(t, address+link)
	require.Contains(t, one, `<iframe sandbox="" title="The mail" src="`+link+`/html">`)
	_, text, _ := get(t, address+link+"?view=text")
	require.Contains(t, text, "nada age atrasado")
	require.NotContains(t, text, "<iframe")
	_, html, h := get(t, address+link+"/html")
	require.Equal(t, got.HTML, html)
	require.True(t, strings.HasPrefix(h.Get("Content-Security-Policy"), "sandbox; default-src 'none'"), "what a mail holds runs nothing and loads nothing, also when it is opened by itself")
	_, raw, h := get(t, address+link+"/raw")
	require.Contains(t, raw, "Message-ID: <1@localhost>")
	require.Equal(t, "text/plain; charset=utf-8", h.Get("Content-Type"))

	code, _, _ = get(t, address+"/mailbox/none")
	require.Equal(t, http.StatusNotFound, code)
	// A site whose name was made to lead here reads nothing.
	code, body, _ := get(t, address+"/mailbox/", "evil.example")
	require.Equal(t, http.StatusForbidden, code)
	require.NotContains(t, body, "Produção")
}

// What others wrote is shown as text.
func TestAHostileMailIsShownAsText(t *testing.T) {
	t.Parallel()
	_, m, address := start(t)
	evil := `<script>alert(1)</script>`
	_, err := m.Send(t.Context(), mail.Mail{ID: "1", To: []string{"ana@example.com"}, Subject: evil, Text: evil})
	require.NoError(t, err)
	_, list, _ := get(t, address+"/mailbox/")
	require.NotContains(t, list, "<script")
	_, one, _ := get(t, address+regexp.MustCompile(`/mailbox/[0-9a-f-]{36}`).FindString(list))
	require.NotContains(t, one, "<script")
	require.Contains(t, one, "&lt;script&gt;", "a mail without HTML is shown as text")
}

// It keeps the newest two hundred, and takes none that is too large.
func TestTheMailboxIsBounded(t *testing.T) {
	t.Parallel()
	box, m, _ := start(t)
	for i := range 205 {
		_, err := m.Send(t.Context(), mail.Mail{ID: fmt.Sprint(i), To: []string{"ana@example.com"}, Subject: fmt.Sprint("n", i)})
		require.NoError(t, err)
	}
	mails := box.Mails()
	require.Len(t, mails, 200)
	require.Equal(t, "n204", mails[0].Subject)
	require.Equal(t, "n5", mails[199].Subject)
	_, err := m.Send(t.Context(), mail.Mail{ID: "big", To: []string{"ana@example.com"}, Subject: "big", Text: strings.Repeat("0123456789abcdef\n", 70_000)})
	require.True(t, mail.Permanent(err), err)
	require.Equal(t, "n204", box.Mails()[0].Subject)
}
