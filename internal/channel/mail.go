package channel

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"strings"
)

// Mail is an e-mail without its addresses. Subject is one line.
type Mail struct{ Subject, Text, HTML string }

//go:embed mail.html
var page string

var mailPage = template.Must(template.New("mail").Parse(page))

// colours of a tone, by day: the text and its wash. By night they are in the page.
var colours = map[tone]struct{ Name, Text, Wash string }{
	neutral: {"neutral", "#46524e", "#edf0ee"}, good: {"good", "#17713a", "#e5f2e8"},
	warning: {"warning", "#865300", "#fbf1dc"}, bad: {"bad", "#b42318", "#fcedea"},
}

// Email writes an e-mail, as text and as HTML that loads nothing.
func Email(m Message) (Mail, error) {
	c := compose(m)
	lang := English
	if m.Locale == Portuguese {
		lang = Portuguese
	}
	subject := c.title
	if ws := clean(m.Workspace, 60); ws != "" {
		subject = "[" + ws + "] " + subject
	}
	view := struct {
		Lang, Title, Sentence, Mark, Open, Footer string
		Link                                      string
		Facts                                     []fact
		Tone                                      struct{ Name, Text, Wash string }
	}{lang, c.title, c.sentence, symbol(c.tone) + c.mark, c.open, c.footer, c.link, c.facts, colours[c.tone]}
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n\n%s\n\n", c.title, c.sentence)
	for _, f := range c.facts {
		fmt.Fprintf(&text, "%s: %s\n", f.Label, f.Value)
	}
	if c.link != "" {
		fmt.Fprintf(&text, "\n%s: %s\n", c.open, c.link)
	}
	// "-- " begins a signature, which programs set apart.
	fmt.Fprintf(&text, "\n-- \n%s\n", c.footer)
	var html bytes.Buffer
	if err := mailPage.Execute(&html, view); err != nil {
		return Mail{}, err
	}
	return Mail{Subject: cut(subject, 200), Text: text.String(), HTML: html.String()}, nil
}
