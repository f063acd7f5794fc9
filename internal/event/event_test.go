package event_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/event"
)

// All of the product's events, no more.
func TestTheCatalogueIsWhole(t *testing.T) {
	t.Parallel()
	var names, planned, ofOrganization []string
	for _, e := range event.Types() {
		names = append(names, string(e.Name))
		if e.Planned {
			planned = append(planned, string(e.Name))
		}
		if e.OfOrganization {
			ofOrganization = append(ofOrganization, string(e.Name))
		}
		require.Equal(t, 1, e.Version)
		found, ok := event.Lookup(e.Name)
		require.True(t, ok)
		require.Equal(t, e, found)
		schema, ok := event.Schema(e.SchemaPath())
		require.True(t, ok)
		require.Equal(t, e.Schema, schema)
	}
	require.Equal(t, []string{
		"resource.started", "resource.stopped", "resource.failed", "schedule.executed", "schedule.missed", "alert.triggered",
		"budget.threshold_crossed", "anomaly.detected", "finops.scan.completed", "finops.recommendation.applied", "finops.recommendation.undone",
		"billing.paid", "billing.refunded", "org.member.added", "webhook.test",
	}, names)
	require.Equal(t, names[6:14], planned)
	require.Equal(t, []string{"billing.paid", "billing.refunded", "org.member.added"}, ofOrganization)
	entries, err := os.ReadDir("schemas")
	require.NoError(t, err)
	require.Len(t, entries, 2*len(names), "a schema and an example each")
	_, ok := event.Lookup("resource.exploded")
	require.False(t, ok)
	require.ErrorContains(t, event.Validate("resource.exploded", []byte(`{}`)), "no type of event")
}

// What a schema promises to who reads it by hand or by program.
func TestEverySchemaIsOneThatReadersCanUse(t *testing.T) {
	t.Parallel()
	name := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	for _, e := range event.Types() {
		var s struct {
			Schema, Title, Description, Type string
			ID                               string `json:"$id"`
			Dialect                          string `json:"$schema"`
			Properties                       map[string]struct{ Description, Type, Format, Pattern string }
			Required                         []string
			AdditionalProperties             *bool
		}
		require.NoError(t, json.Unmarshal(e.Schema, &s), e.Name)
		require.Equal(t, "https://json-schema.org/draft/2020-12/schema", s.Dialect, e.Name)
		require.Equal(t, "urn:cloudhub:event:"+string(e.Name)+":v1", s.ID)
		require.NotEmpty(t, s.Title, e.Name)
		require.NotEmpty(t, s.Description, e.Name)
		require.Equal(t, "object", s.Type, e.Name)
		require.Nil(t, s.AdditionalProperties, "%s: what is added later breaks no reader", e.Name)
		require.NotEmpty(t, s.Required, e.Name)
		for p, v := range s.Properties {
			require.Regexp(t, name, p, e.Name)
			require.NotEmpty(t, v.Description, "%s %s", e.Name, p)
			require.NotEmpty(t, v.Type, "%s %s", e.Name, p)
			switch {
			case strings.HasSuffix(p, "_id") && p != "provider_id":
				require.Equal(t, "uuid", v.Format, "%s %s", e.Name, p)
			case strings.HasSuffix(p, "_time"), strings.HasSuffix(p, "_until"):
				require.Equal(t, "date-time", v.Format, "%s %s", e.Name, p)
			}
		}
		for _, r := range s.Required {
			require.Contains(t, s.Properties, r, e.Name)
		}
		// By the schema of schemas.
		c := jsonschema.NewCompiler()
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(e.Schema))
		require.NoError(t, err)
		require.NoError(t, c.AddResource("s.json", doc))
		_, err = c.Compile("s.json")
		require.NoError(t, err, e.Name)
	}
}

func TestEveryExampleIsAsItsSchemaHasIt(t *testing.T) {
	t.Parallel()
	for _, e := range event.Types() {
		require.NoError(t, event.Validate(e.Name, e.Data))
		var all, described map[string]any
		require.NoError(t, json.Unmarshal(e.Data, &all))
		var s struct{ Properties map[string]any }
		require.NoError(t, json.Unmarshal(e.Schema, &s))
		described = s.Properties
		for p := range described {
			if p == "schedule_id" || p == "reason" {
				continue // not always there
			}
			require.Contains(t, all, p, "%s: the example shows everything", e.Name)
		}
		for p := range all {
			require.Contains(t, described, p, e.Name)
		}
		var b struct {
			Event     string          `json:"event"`
			Version   int             `json:"version"`
			Workspace *uuid.UUID      `json:"workspace_id"`
			Timestamp time.Time       `json:"timestamp"`
			Data      json.RawMessage `json:"data"`
		}
		require.NoError(t, json.Unmarshal(e.Example, &b))
		require.Equal(t, string(e.Name), b.Event)
		require.Equal(t, 1, b.Version)
		require.Equal(t, e.OfOrganization, b.Workspace == nil, e.Name)
		require.JSONEq(t, string(e.Data), string(b.Data))
	}
}

// What does not fit is told by place, and without what it said.
func TestWhatIsNotAsTheSchemaHasItIsRefused(t *testing.T) {
	t.Parallel()
	good, _ := event.Lookup(event.ResourceStopped)
	for _, c := range []struct {
		name       event.Name
		edit, with string
		want       string
	}{
		{event.ResourceStopped, `"stopped"`, `"s3cret"`, "/wanted enum"},
		{event.ResourceStopped, `"region"`, `"regiao"`, "lacks region"},
		{event.ResourceStopped, `"resource_id": "0199`, `"resource_id": "s3cret`, "/resource_id format"},
		{event.ResourceStopped, `"sa-east-1"`, `7`, "/region type"},
		{event.AlertTriggered, `"seen": "running"`, `"saw": "running"`, "lacks seen"},
		{event.ScheduleExecuted, `"2026-11-24T22:00:00Z"`, `"24/11/2026"`, "/due_time format"},
		{event.ScheduleExecuted, `"done_count": 12`, `"done_count": -1`, "/done_count minimum"},
	} {
		e, ok := event.Lookup(c.name)
		require.True(t, ok)
		bad := strings.Replace(string(e.Data), c.edit, c.with, 1)
		require.NotEqual(t, string(e.Data), bad, c.edit)
		err := event.Validate(c.name, []byte(bad))
		require.ErrorContains(t, err, c.want)
		require.NotContains(t, err.Error(), "s3cret")
		require.NotContains(t, err.Error(), "\n")
	}
	require.Error(t, event.Validate(good.Name, []byte(`{"`)))
	require.Error(t, event.Validate(good.Name, []byte(`[]`)))
	// What is added later, and an alert of a kind to come.
	require.NoError(t, event.Validate(good.Name, bytes.Replace(good.Data, []byte("{"), []byte(`{"later": {"x": 1},`), 1)))
	require.NoError(t, event.Validate(event.AlertTriggered, []byte(`{"alert":"cost","threshold":"10.00"}`)))
}

func TestABodyIsTheSameByteForByte(t *testing.T) {
	t.Parallel()
	ws := uuid.MustParse("0199e0a4-7c00-7000-8000-00000000000a")
	at := time.Date(2026, 11, 24, 19, 0, 0, 5_999_999, time.FixedZone("-03", -3*3600))
	// As jsonb gives it back: with blanks, and keys in an order of its own.
	data := json.RawMessage(`{"n": 1.10, "a<b>&": "é\u2028", "z": [1, 2]}`)
	want := `{"event":"resource.stopped","version":1,"workspace_id":"0199e0a4-7c00-7000-8000-00000000000a","timestamp":"2026-11-24T22:00:00.005Z","data":{"n":1.10,"a<b>&":"é\u2028","z":[1,2]}}`
	require.Equal(t, want, string(event.Body(event.ResourceStopped, &ws, at, data)))
	require.Equal(t, `{"event":"billing.paid","version":1,"workspace_id":null,"timestamp":"2026-11-24T22:00:00.005Z","data":{}}`,
		string(event.Body(event.BillingPaid, nil, at, json.RawMessage(`{}`))))
	for _, none := range []string{"", `{"half":`, `{} {}`} {
		require.True(t, json.Valid(event.Body(event.BillingPaid, nil, at, json.RawMessage(none))), none)
	}
}

// A schema that is published does not change under who relies on it. Words may be
// made clearer, and optional properties added: change the line here with it, knowing
// that. Whatever else is another version, in a file of its own.
func TestPublishedSchemasDoNotChange(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/published.txt")
	require.NoError(t, err)
	published := map[string]string{}
	for line := range strings.Lines(string(raw)) {
		sum, file, ok := strings.Cut(strings.TrimSpace(line), "  ")
		require.True(t, ok, line)
		published[file] = sum
	}
	seen := map[string]string{}
	for _, e := range event.Types() {
		sum := sha256.Sum256(e.Schema)
		seen[filepath.Base(e.SchemaPath())] = hex.EncodeToString(sum[:])
	}
	require.Equal(t, published, seen)
}

func FuzzValidate(f *testing.F) {
	for _, e := range event.Types() {
		f.Add(string(e.Name), []byte(e.Data))
	}
	f.Add("resource.stopped", []byte(`{"resource_id":1e999}`))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		err := event.Validate(event.Name(name), data)
		body := event.Body(event.Name(name), nil, time.Unix(0, 0), data)
		require.True(t, json.Valid(body), string(body))
		if err == nil {
			require.True(t, json.Valid(data))
		}
	})
}
