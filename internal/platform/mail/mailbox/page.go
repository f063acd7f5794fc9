package mailbox

import (
	_ "embed"
	"html/template"
	"net"
	"net/http"
	"net/netip"
)

//go:embed page.html
var page string

var pageTemplate = template.Must(template.New("mailbox").Parse(page))

// Path is under which Handler answers.
const Path = "/mailbox/"

// csp of the pages, and of a mail's HTML within its frame: neither runs a script or
// loads anything.
const (
	cspPage = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	cspMail = "sandbox; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)

// Handler shows the list at /mailbox/, a mail at /mailbox/{id} (as text with
// ?view=text), its HTML at /mailbox/{id}/html and what came at /mailbox/{id}/raw. It
// answers only under names of this machine, so that no site that a browser visits can
// have its own name lead here.
func (b *Mailbox) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /mailbox/{$}", func(w http.ResponseWriter, _ *http.Request) {
		show(w, pageView{Mails: b.Mails(), Limit: maxMails})
	})
	mux.HandleFunc("GET /mailbox/{id}", b.one(func(w http.ResponseWriter, r *http.Request, m Mail) {
		show(w, pageView{Mail: &m, AsText: r.URL.Query().Get("view") == "text" || m.HTML == ""})
	}))
	mux.HandleFunc("GET /mailbox/{id}/html", b.one(func(w http.ResponseWriter, _ *http.Request, m Mail) {
		w.Header().Set("Content-Security-Policy", cspMail)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(m.HTML))
	}))
	mux.HandleFunc("GET /mailbox/{id}/raw", b.one(func(w http.ResponseWriter, _ *http.Request, m Mail) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write(m.Raw)
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", cspPage)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if !thisMachine(r.Host) {
			http.Error(w, "the mailbox answers on this machine alone", http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (b *Mailbox) one(f func(http.ResponseWriter, *http.Request, Mail)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		m, ok := b.find(r.PathValue("id"))
		if !ok {
			http.Error(w, "this mail is not here (any more)", http.StatusNotFound)
			return
		}
		f(w, r, m)
	}
}

func thisMachine(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// pageView is the list, or one mail.
type pageView struct {
	Mails  []Mail
	Limit  int
	Mail   *Mail
	AsText bool
}

func show(w http.ResponseWriter, v pageView) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = pageTemplate.Execute(w, v) // who has gone away reads no error
}
