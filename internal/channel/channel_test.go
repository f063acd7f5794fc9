package channel_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/cloudhub/cloudhub/internal/channel"
	"github.com/cloudhub/cloudhub/internal/event"
)

var update = flag.Bool("update", false, "write the golden files anew")

var locales = []string{channel.Portuguese, channel.English}

type sample struct {
	name string
	m    channel.Message
}

// samples are every type by its example, and the other ways in which those that are
// written today can end.
func samples(t *testing.T, locale string) (out []sample) {
	t.Helper()
	zone, err := time.LoadLocation("America/Sao_Paulo")
	require.NoError(t, err)
	add := func(name string, e event.Type, edits ...string) {
		data := string(e.Data)
		for i := 0; i+1 < len(edits); i += 2 {
			require.Contains(t, data, edits[i], name)
			data = strings.Replace(data, edits[i], edits[i+1], 1)
		}
		require.NoError(t, event.Validate(e.Name, []byte(data)), name)
		m := channel.Message{
			Event: e.Name, Data: json.RawMessage(data), Organization: "Padaria São João", Workspace: "Produção", Destination: "Plantão",
			At: time.Date(2026, 11, 24, 22, 0, 41, 0, time.UTC), Zone: zone, Link: "https://cloudhub.example.com/o/x/w/y/schedules", Locale: locale,
		}
		if e.OfOrganization {
			m.Workspace, m.Link, m.Zone = "", "", nil
		}
		out = append(out, sample{name, m})
	}
	for _, e := range event.Types() {
		add(string(e.Name), e)
		switch e.Name {
		case event.ResourceFailed:
			add("resource.failed to start, by an unknown reason", e, `"stopped"`, `"running"`, "PROVIDER_DENIED", "SOMETHING_NEW", `"web-01"`, `"i-0a1b2c3d4e5f60718"`)
		case event.ScheduleExecuted:
			add("schedule.executed, all as wanted", e, `"left_alone_count": 1`, `"left_alone_count": 0`, `"target_count": 13`, `"target_count": 1`, `"done_count": 12`, `"done_count": 1`)
			add("schedule.executed with failures", e, `"failed_count": 0`, `"failed_count": 2`, `"target_count": 13`, `"target_count": 1213`, `"stopped"`, `"running"`)
			add("schedule.executed with accounts unread", e, `"unread_count": 0`, `"unread_count": 1`)
		case event.AlertTriggered:
			add("alert.triggered of a kind to come", e, `"not_followed"`, `"cost"`)
		}
	}
	return out
}

// What people read, for a person to review.
func TestWhatPeopleRead(t *testing.T) {
	t.Parallel()
	for _, locale := range locales {
		var mails bytes.Buffer
		slack, teams := map[string]json.RawMessage{}, map[string]json.RawMessage{}
		for _, s := range samples(t, locale) {
			m, err := channel.Email(s.m)
			require.NoError(t, err)
			fmt.Fprintf(&mails, "=== %s\nSubject: %s\n\n%s\n", s.name, m.Subject, m.Text)
			slack[s.name], teams[s.name] = channel.Slack(s.m), channel.Teams(s.m)
			if s.name == "schedule.executed with failures" {
				golden(t, "mail."+locale+".html", []byte(m.HTML))
			}
		}
		golden(t, "mail."+locale+".txt", mails.Bytes())
		golden(t, "slack."+locale+".json", indented(t, slack))
		golden(t, "teams."+locale+".json", lines(t, teams))
	}
}

func indented(t *testing.T, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	require.NoError(t, e.Encode(v))
	return b.Bytes()
}

// lines has a card on each line: indented, they are long.
func lines(t *testing.T, cards map[string]json.RawMessage) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(cards)) {
		fmt.Fprintf(&b, "{%q: %s}\n", name, cards[name])
	}
	return b.Bytes()
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile("testdata/"+name, got, 0o644))
	}
	want, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got), "what people read has changed: review it, then run with -update")
}

// Every type has words of its own in both languages, and the two are not the same.
func TestEveryTypeHasWordsInBothLanguages(t *testing.T) {
	t.Parallel()
	english := samples(t, channel.English)
	for i, pt := range samples(t, channel.Portuguese) {
		a, err := channel.Email(pt.m)
		require.NoError(t, err)
		b, err := channel.Email(english[i].m)
		require.NoError(t, err)
		require.NotEqual(t, a.Subject, b.Subject, pt.name)
		require.NotContains(t, a.Subject, string(pt.m.Event), pt.name)
		require.NotContains(t, a.Text+b.Text, "%!", pt.name)
		require.NotContains(t, a.Text+b.Text, "{{", pt.name)
	}
	// One that this version does not know is told by its name.
	m, err := channel.Email(channel.Message{Event: "cluster.melted", Data: json.RawMessage(`{"degrees":1.50,"hot":true,"cluster_id":"x","deep":{"a":1}}`)})
	require.NoError(t, err)
	require.Equal(t, "cluster.melted", m.Subject)
	require.Contains(t, m.Text, "degrees: 1.50\nhot: true\n")
}

// hostile is what somebody may call a machine or a schedule.
var hostile = []string{
	`<script>alert(1)</script><img src=https://evil.example/x.png>`, `"><a href="javascript:alert(1)">x</a>`,
	"<!channel> <@U123|bob> <https://evil.example|click> *bold* _it_ ~no~ `code` &amp;", "[click](https://evil.example) **bold** # head",
	"a\r\nBcc: everyone@example.com\r\n\r\nbody", "x\u2028y\u2029z\x00\x1b[31m", "\u202egnp.exe\u202c \u2066x\u2069 \u200bhid\ufeffden",
	strings.Repeat("é", 5000), strings.Repeat("😀", 400), "\xff\xfe", "{{.Link}}", " ", "-- \nsignature",
}

func hostileMessage(name, locale string, e event.Name) channel.Message {
	data, err := json.Marshal(map[string]any{
		"resource_name": name, "schedule_name": name, "provider_id": name, "region": name, "reason": name, "wanted": name, "seen": name, "alert": "not_followed",
		"due_time": name, "target_count": 1e300, "failed_count": 3, name: name, "service": name,
	})
	if err != nil {
		panic(err)
	}
	return channel.Message{Event: e, Data: data, Organization: name, Workspace: name, Destination: name, At: time.Unix(1.7e9, 0), Link: name, Locale: locale}
}

func TestNamesAreHarmless(t *testing.T) {
	t.Parallel()
	for _, name := range hostile {
		for _, e := range event.Types() {
			for _, locale := range locales {
				m := hostileMessage(name, locale, e.Name)
				checkMail(t, m)
				checkSlack(t, channel.Slack(m), "")
				checkTeams(t, channel.Teams(m), "")
			}
		}
	}
}

func FuzzNamesAreHarmless(f *testing.F) {
	for _, name := range hostile {
		f.Add(name, "resource.failed")
	}
	f.Fuzz(func(t *testing.T, name, e string) {
		m := hostileMessage(name, channel.English, event.Name(e))
		m.Link = "https://cloudhub.example.com/x"
		checkMail(t, m)
		checkSlack(t, channel.Slack(m), m.Link)
		checkTeams(t, channel.Teams(m), m.Link)
	})
}

// checkMail: one line of printable subject, no element but those of the page, nothing
// loaded, no link but the one.
func checkMail(t *testing.T, m channel.Message) {
	t.Helper()
	mail, err := channel.Email(m)
	require.NoError(t, err)
	require.NotEmpty(t, mail.Subject)
	require.LessOrEqual(t, len([]rune(mail.Subject)), 200)
	for _, r := range mail.Subject {
		require.True(t, unicode.IsPrint(r) || r == '\u200d' || unicode.In(r, unicode.M, unicode.Cn), "%q in %q", r, mail.Subject)
	}
	for line := range strings.Lines(mail.Text) {
		for _, r := range strings.TrimSuffix(line, "\n") {
			require.False(t, unicode.IsControl(r), "%q", line)
		}
	}
	require.Equal(t, 1, strings.Count("\n"+mail.Text, "\n-- \n"), "one signature")
	page, err := html.Parse(strings.NewReader(mail.HTML))
	require.NoError(t, err)
	allowed := map[string]bool{"html": true, "head": true, "meta": true, "title": true, "style": true, "body": true, "table": true, "tbody": true, "tr": true, "td": true, "span": true, "h1": true, "a": true}
	for n := range page.Descendants() {
		if n.Type != html.ElementNode {
			require.NotEqual(t, html.CommentNode, n.Type)
			continue
		}
		require.True(t, allowed[n.Data], n.Data)
		for _, a := range n.Attr {
			require.False(t, strings.HasPrefix(a.Key, "on") || a.Key == "src", a.Key)
			if a.Key == "href" {
				require.Equal(t, m.Link, a.Val)
			}
			require.NotContains(t, a.Val, "url(")
		}
	}
}

// checkSlack: within Slack's limits, and what is read as markup has no markup but the
// one link.
func checkSlack(t *testing.T, raw []byte, link string) {
	t.Helper()
	type text struct{ Type, Text string }
	var s struct {
		Text   string
		Blocks []struct {
			Type             string
			Text             *text
			Fields, Elements []text
		}
	}
	require.NoError(t, json.Unmarshal(raw, &s))
	require.NotContains(t, s.Text, "<")
	require.NotContains(t, s.Text, ">")
	require.LessOrEqual(t, len(s.Blocks), 50)
	for _, b := range s.Blocks {
		require.LessOrEqual(t, len(b.Fields), 10)
		all := append(append([]text{}, b.Fields...), b.Elements...)
		if b.Text != nil {
			all = append(all, *b.Text)
			if b.Type == "header" {
				require.LessOrEqual(t, len([]rune(b.Text.Text)), 150)
				require.Equal(t, "plain_text", b.Text.Type)
			}
		}
		for _, x := range all {
			require.NotEmpty(t, strings.TrimSpace(x.Text))
			require.LessOrEqual(t, len([]rune(x.Text)), 2000)
			if x.Type == "mrkdwn" {
				require.Equal(t, "<"+link+"|Open in CloudHub>", x.Text)
			}
		}
	}
}

// checkTeams: what others wrote stands in text runs alone, and the only action is the
// one link.
func checkTeams(t *testing.T, raw []byte, link string) {
	t.Helper()
	require.Less(t, len(raw), 28<<10, "Teams takes 28 kB")
	var c struct {
		Type        string
		Attachments []struct {
			ContentType string
			Content     struct {
				Type, Version string
				Body          []struct {
					Type    string
					Inlines []struct{ Type, Text string }
				}
				Actions []struct{ Type, URL string }
			}
		}
	}
	require.NoError(t, json.Unmarshal(raw, &c))
	require.Equal(t, "message", c.Type)
	require.Len(t, c.Attachments, 1)
	require.Equal(t, "application/vnd.microsoft.card.adaptive", c.Attachments[0].ContentType)
	card := c.Attachments[0].Content
	require.Equal(t, "AdaptiveCard 1.4", card.Type+" "+card.Version)
	for _, b := range card.Body {
		require.Equal(t, "RichTextBlock", b.Type)
		for _, i := range b.Inlines {
			require.Equal(t, "TextRun", i.Type)
			require.NotEmpty(t, i.Text)
		}
	}
	if link == "" {
		require.Empty(t, card.Actions)
		return
	}
	require.Len(t, card.Actions, 1)
	require.Equal(t, "Action.OpenUrl "+link, card.Actions[0].Type+" "+card.Actions[0].URL)
}

// A link that is none of ours is left out; one that is leads there whatever it holds.
func TestOnlyLinksThatMayBeFollowed(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "javascript:alert(1)", "data:text/html,x", "//evil.example", "https://", "https://user:pass@evil.example", "ftp://x/y", "https://x/\n"} {
		m := channel.Message{Event: event.WebhookTest, Link: bad}
		checkMail(t, m)
		checkSlack(t, channel.Slack(m), "")
		checkTeams(t, channel.Teams(m), "")
	}
	odd := "https://cloudhub.example.com/o?a=1&b=<x>|y"
	require.Contains(t, string(channel.Slack(channel.Message{Event: event.WebhookTest, Link: odd})), `<https://cloudhub.example.com/o?a=1&amp;b=&lt;x&gt;%7Cy|Open`)
}

func TestWhereAnEventIsShown(t *testing.T) {
	t.Parallel()
	org, ws := uuid.New(), uuid.New()
	base := "/o/" + org.String() + "/w/" + ws.String()
	run, ok := event.Lookup(event.ScheduleExecuted)
	require.True(t, ok)
	var d struct {
		Schedule  string `json:"schedule_id"`
		Operation string `json:"operation_id"`
	}
	require.NoError(t, json.Unmarshal(run.Data, &d))
	require.Equal(t, base+"/schedules/"+d.Schedule+"/runs/"+d.Operation, channel.Path(org, &ws, run.Name, run.Data))
	require.Equal(t, base+"/aws/ec2", channel.Path(org, &ws, event.ResourceStopped, json.RawMessage(`{"operation_id":"`+d.Operation+`"}`)))
	require.Equal(t, base+"/aws/ec2", channel.Path(org, &ws, event.ScheduleMissed, json.RawMessage(`{"operation_id":"../../x","schedule_id":"y"}`)))
	require.Equal(t, base+"/notifications", channel.Path(org, &ws, event.WebhookTest, nil))
	require.Empty(t, channel.Path(org, nil, event.BillingPaid, nil))
}
