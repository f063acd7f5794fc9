package channel

import (
	"bytes"
	"encoding/json"
	"strings"
)

// What Slack takes at most, in characters; it refuses a message that is longer.
const (
	slackHeader  = 150
	slackSection = 3000
	slackField   = 2000
	slackFields  = 10
)

// Slack is the body for an incoming webhook of Slack: JSON with blocks, and a text
// for notifications. What others wrote stands in plain text objects, in which Slack
// reads no mention, link or markup; the text for notifications is escaped.
func Slack(m Message) []byte {
	c := compose(m)
	type text struct {
		Type     string `json:"type"`
		Text     string `json:"text"`
		Emoji    *bool  `json:"emoji,omitempty"`
		Verbatim bool   `json:"verbatim,omitempty"`
	}
	type block struct {
		Type     string `json:"type"`
		Text     *text  `json:"text,omitempty"`
		Fields   []text `json:"fields,omitempty"`
		Elements []text `json:"elements,omitempty"`
	}
	no := false
	plain := func(s string, limit int) *text { return &text{Type: "plain_text", Text: cut(s, limit), Emoji: &no} }
	blocks := []block{
		{Type: "header", Text: plain(symbol(c.tone)+c.title, slackHeader)},
		{Type: "section", Text: plain(c.mark+": "+c.sentence, slackSection)},
	}
	// In tens: Slack takes no more in one section.
	for rest := c.facts; len(rest) > 0; {
		n := min(len(rest), slackFields)
		b := block{Type: "section"}
		for _, f := range rest[:n] {
			b.Fields = append(b.Fields, *plain(f.Label+"\n"+f.Value, slackField))
		}
		blocks, rest = append(blocks, b), rest[n:]
	}
	if c.link != "" {
		blocks = append(blocks, block{Type: "section", Text: &text{Type: "mrkdwn", Text: "<" + mrkdwnLink(c.link) + "|" + mrkdwn(c.open) + ">", Verbatim: true}})
	}
	blocks = append(blocks, block{Type: "context", Elements: []text{*plain(c.footer, slackField)}})
	return encode(struct {
		Text   string  `json:"text"`
		Blocks []block `json:"blocks"`
	}{mrkdwn(c.title + ": " + c.sentence), blocks})
}

// mrkdwn escapes the three characters that make links, mentions and commands.
func mrkdwn(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// mrkdwnLink is an address inside <…|…>.
func mrkdwnLink(s string) string { return strings.ReplaceAll(mrkdwn(s), "|", "%7C") }

func symbol(t tone) string {
	switch t {
	case good:
		return "✓ "
	case warning:
		return "▲ "
	case bad:
		return "✕ "
	default:
		return ""
	}
}

// Teams is the body for a workflow of Microsoft Teams ("when a webhook request is
// received"): an Adaptive Card 1.4 in its envelope. What others wrote stands in text
// runs, in which cards read no markup.
func Teams(m Message) []byte {
	c := compose(m)
	type object = map[string]any
	run := func(s string, more object) object {
		r := object{"type": "TextRun", "text": s}
		for k, v := range more {
			r[k] = v
		}
		return r
	}
	line := func(spacing string, runs ...object) object {
		return object{"type": "RichTextBlock", "spacing": spacing, "inlines": runs}
	}
	colour := map[tone]string{neutral: "Default", good: "Good", warning: "Warning", bad: "Attention"}[c.tone]
	body := []object{
		line("None", run(symbol(c.tone)+c.mark, object{"color": colour, "weight": "Bolder", "size": "Small"})),
		line("Small", run(c.title, object{"weight": "Bolder", "size": "Large"})),
		line("Small", run(c.sentence, nil)),
	}
	for i, f := range c.facts {
		spacing := "None"
		if i == 0 {
			spacing = "Medium"
		}
		body = append(body, line(spacing, run(f.Label+": ", object{"isSubtle": true}), run(f.Value, nil)))
	}
	body = append(body, line("Medium", run(c.footer, object{"isSubtle": true, "size": "Small"})))
	card := object{
		"type": "AdaptiveCard", "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "version": "1.4",
		"fallbackText": c.title + ": " + c.sentence, "body": body, "msteams": object{"width": "Full"},
	}
	if c.link != "" {
		card["actions"] = []object{{"type": "Action.OpenUrl", "title": c.open, "url": c.link}}
	}
	return encode(object{"type": "message", "attachments": []object{{
		"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": nil, "content": card,
	}}})
}

// encode writes JSON without turning <, > and & into escapes of its own.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil { // strings, numbers and nothing else
		panic(err)
	}
	return bytes.TrimSpace(b.Bytes())
}
