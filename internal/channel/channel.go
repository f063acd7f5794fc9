// Package channel writes, purely, what people read of an event by e-mail, in Slack
// and in Microsoft Teams, in Portuguese and English. Names come from others: none of
// them can become markup, a link, a mention or a header.
package channel

import (
	"encoding/json"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/cloudhub/cloudhub/internal/event"
)

// The languages, as destinations name them. Any other is written in English.
const (
	Portuguese = "pt-BR"
	English    = "en"
)

// Message is one event to be told to people.
type Message struct {
	Event event.Name
	// Data is as its schema has it. What lacks is left out, not an error.
	Data json.RawMessage
	// Organization, Workspace and Destination are names; Workspace is empty for
	// events of the whole organization.
	Organization, Workspace, Destination string
	// At is when it happened; Zone the workspace's, nil: UTC.
	At   time.Time
	Zone *time.Location
	// Link leads to it in the interface (http or https); "" or another: none.
	Link   string
	Locale string
}

// tone says how a message is marked, with a word beside the colour.
type tone int

const (
	neutral tone = iota
	good
	warning
	bad
)

// content is what every channel shows, each in its way. All of it is plain text on
// one line each, and safe to show as such.
type content struct {
	title, sentence string
	facts           []fact
	tone            tone
	mark            string // the tone in a word
	open            string // what the link is called
	link            string
	footer          string
}

type fact struct{ Label, Value string }

// The longest that is shown of a name and of a sentence, in characters.
const (
	maxName     = 120
	maxSentence = 600
)

// clean makes one line of printable characters of what others wrote: no control
// characters, and none that reorder or hide text.
func clean(s string, limit int) string {
	var b strings.Builder
	blank, n := false, 0
	for _, r := range strings.ToValidUTF8(s, "\ufffd") {
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			blank = true
			continue
		}
		if unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co) && r != '\u200d' { // a joiner is part of emoji
			continue
		}
		if blank && b.Len() > 0 {
			b.WriteByte(' ')
			n++
		}
		blank = false
		if n >= limit-1 {
			b.WriteRune('…')
			break
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}

// cut shortens to what a channel takes, in characters.
func cut(s string, limit int) string {
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return strings.TrimSpace(string([]rune(s)[:limit-1])) + "…"
}

// safeLink is a link that may be followed, or "".
func safeLink(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || len(s) > 2000 {
		return ""
	}
	return u.String()
}

// Path is where the interface shows an event, under its own address; "" for those of
// the whole organization.
func Path(org uuid.UUID, workspace *uuid.UUID, name event.Name, data json.RawMessage) string {
	if workspace == nil {
		return ""
	}
	base := "/o/" + org.String() + "/w/" + workspace.String()
	d := parse(data)
	switch name {
	case event.ScheduleExecuted, event.ScheduleMissed, event.AlertTriggered, event.ResourceStarted, event.ResourceStopped, event.ResourceFailed:
		if schedule, operation := d.id("schedule_id"), d.id("operation_id"); schedule != "" && operation != "" {
			return base + "/schedules/" + schedule + "/runs/" + operation
		}
		return base + "/aws/ec2"
	default:
		return base + "/notifications"
	}
}

// values are the top level of an event's data.
type values map[string]any

func parse(data json.RawMessage) values {
	v := values{}
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return values{}
	}
	return v
}

func (v values) text(key string) string {
	s, ok := v[key].(string)
	if !ok {
		return ""
	}
	return clean(s, maxName)
}

func (v values) count(key string) int64 {
	n, ok := v[key].(json.Number)
	if !ok {
		return 0
	}
	i, err := n.Int64()
	if err != nil {
		return 0
	}
	return i
}

func (v values) time(key string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, v.text(key))
	return t, err == nil
}

func (v values) id(key string) string {
	id, err := uuid.Parse(v.text(key))
	if err != nil {
		return ""
	}
	return id.String()
}
