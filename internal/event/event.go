// Package event is the catalogue of the events that go out: their names, the JSON
// Schema (draft 2020-12) of what each says, an example, and the body in which all of
// them are sent. A schema that is published changes in no way that breaks a reader:
// what would is another version.
package event

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// Name of a type of event. The values are stored and published.
type Name string

// The events.
const (
	ResourceStarted        Name = "resource.started"
	ResourceStopped        Name = "resource.stopped"
	ResourceFailed         Name = "resource.failed"
	ScheduleExecuted       Name = "schedule.executed"
	ScheduleMissed         Name = "schedule.missed"
	AlertTriggered         Name = "alert.triggered"
	BudgetThresholdCrossed Name = "budget.threshold_crossed"
	AnomalyDetected        Name = "anomaly.detected"
	ScanCompleted          Name = "finops.scan.completed"
	RecommendationApplied  Name = "finops.recommendation.applied"
	RecommendationUndone   Name = "finops.recommendation.undone"
	BillingPaid            Name = "billing.paid"
	BillingRefunded        Name = "billing.refunded"
	MemberAdded            Name = "org.member.added"
	WebhookTest            Name = "webhook.test"
)

// Test is what webhook.test says.
type Test struct {
	Message         string    `json:"message"`
	DestinationID   uuid.UUID `json:"destination_id"`
	DestinationName string    `json:"destination_name"`
}

// Type is one type of event.
type Type struct {
	Name    Name
	Version int
	// OfOrganization: goes to destinations of every workspace, with a null
	// workspace_id.
	OfOrganization bool
	// Planned: nothing writes it yet.
	Planned bool
	// Schema is of `data`.
	Schema json.RawMessage
	// Data is an example of `data`, Example the whole body as it is sent.
	Data, Example json.RawMessage
}

// SchemaPath is where a server publishes the schema.
func (t Type) SchemaPath() string { return schemaPath + t.file("") }

const schemaPath = "/schemas/events/"

func (t Type) file(suffix string) string {
	return fmt.Sprintf("%s.v%d%s.json", t.Name, t.Version, suffix)
}

//go:embed schemas/*.json
var files embed.FS

// The example's time and workspace.
var (
	exampleTime      = time.Date(2026, time.November, 24, 22, 0, 41, 370e6, time.UTC)
	exampleWorkspace = uuid.MustParse("0199e0a4-7c00-7fff-8000-000000000001")
)

// catalogue reads and compiles every schema, once. What is wrong with one is wrong
// with the program: the tests of this package read all of them.
var catalogue = sync.OnceValue(func() (c struct {
	types   []Type
	byName  map[Name]Type
	schemas map[Name]*jsonschema.Schema
	byPath  map[string]json.RawMessage
}) {
	c.types = []Type{
		{Name: ResourceStarted}, {Name: ResourceStopped}, {Name: ResourceFailed}, {Name: ScheduleExecuted}, {Name: ScheduleMissed}, {Name: AlertTriggered},
		{Name: BudgetThresholdCrossed, Planned: true}, {Name: AnomalyDetected, Planned: true}, {Name: ScanCompleted, Planned: true},
		{Name: RecommendationApplied, Planned: true}, {Name: RecommendationUndone, Planned: true},
		{Name: BillingPaid, OfOrganization: true, Planned: true}, {Name: BillingRefunded, OfOrganization: true, Planned: true},
		{Name: MemberAdded, OfOrganization: true, Planned: true}, {Name: WebhookTest},
	}
	c.byName, c.schemas, c.byPath = map[Name]Type{}, map[Name]*jsonschema.Schema{}, map[string]json.RawMessage{}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	for i := range c.types {
		t := &c.types[i]
		t.Version = 1
		t.Schema, t.Data = mustRead(t.file("")), mustRead(t.file(".example"))
		workspace := &exampleWorkspace
		if t.OfOrganization {
			workspace = nil
		}
		t.Example = body(*t, workspace, exampleTime, t.Data)
		parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(t.Schema))
		if err == nil {
			err = compiler.AddResource(t.SchemaPath(), parsed)
		}
		if err != nil {
			panic(fmt.Sprintf("event: schema of %s: %v", t.Name, err))
		}
		c.schemas[t.Name] = compiler.MustCompile(t.SchemaPath())
		c.byName[t.Name], c.byPath[t.SchemaPath()] = *t, t.Schema
	}
	return c
})

func mustRead(name string) json.RawMessage {
	raw, err := files.ReadFile("schemas/" + name)
	if err != nil {
		panic(fmt.Sprintf("event: %v", err))
	}
	return raw
}

// Types lists every type, in the order of the documentation. It is the caller's to
// change.
func Types() []Type { return append([]Type(nil), catalogue().types...) }

// Lookup finds a type by its name.
func Lookup(name Name) (Type, bool) {
	t, ok := catalogue().byName[name]
	return t, ok
}

// Schema is the one published at a path ("/schemas/events/resource.stopped.v1.json").
func Schema(path string) (json.RawMessage, bool) {
	s, ok := catalogue().byPath[path]
	return s, ok
}

// Validate says in what way data is not as the schema of its type has it: an error
// that names each place, on one line. It repeats no value of data but its keys.
func Validate(name Name, data []byte) error {
	schema, ok := catalogue().schemas[name]
	if !ok {
		return fmt.Errorf("%q is no type of event", name)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("data of %s is no JSON: %w", name, err)
	}
	if err := schema.Validate(v); err != nil {
		return fmt.Errorf("data of %s: %s", name, places(err))
	}
	return nil
}

// Body is what is sent of an event, byte for byte the same each time: as the
// documentation has it, with the time in UTC to the millisecond. A nil workspace: of
// the whole organization. data is JSON, as the database has it; what is none is sent
// as null.
func Body(name Name, workspace *uuid.UUID, at time.Time, data json.RawMessage) []byte {
	t, ok := Lookup(name)
	if !ok { // written by a version that knew it
		t = Type{Name: name, Version: 1}
	}
	return body(t, workspace, at, data)
}

func body(t Type, workspace *uuid.UUID, at time.Time, data json.RawMessage) []byte {
	var b bytes.Buffer
	head, err := json.Marshal(struct {
		Event     Name       `json:"event"`
		Version   int        `json:"version"`
		Workspace *uuid.UUID `json:"workspace_id"`
		Timestamp string     `json:"timestamp"`
	}{t.Name, t.Version, workspace, at.UTC().Format("2006-01-02T15:04:05.000Z07:00")})
	if err != nil { // a string, a number, an id and a time always marshal
		panic(err)
	}
	b.Write(head[:len(head)-1])
	b.WriteString(`,"data":`)
	if err := json.Compact(&b, data); err != nil || len(data) == 0 {
		b.Truncate(len(head) - 1)
		b.WriteString(`,"data":null`)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// places are where data is not as the schema has it, and by which of its words.
func places(err error) string {
	var v *jsonschema.ValidationError
	if !errors.As(err, &v) {
		return err.Error()
	}
	var out []string
	var walk func(*jsonschema.ValidationError)
	walk = func(v *jsonschema.ValidationError) {
		for _, c := range v.Causes {
			walk(c)
		}
		if len(v.Causes) > 0 {
			return
		}
		where := "/" + strings.Join(v.InstanceLocation, "/")
		word := strings.Join(v.ErrorKind.KeywordPath(), "/")
		if r, ok := v.ErrorKind.(*kind.Required); ok {
			word = "lacks " + strings.Join(r.Missing, ", ")
		}
		out = append(out, where+" "+word)
	}
	walk(v)
	return strings.Join(out, "; ")
}
