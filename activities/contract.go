// Package activities owns single attempts at things in the outside world: a
// call to a provider, a record in the database. Every activity may run twice
// and may begin after another run of it died half-way: it first finds out what
// is so. It decides nothing that internal/<feature> can decide, and sequences
// nothing: that is workflows.
package activities

import (
	"context"

	"github.com/google/uuid"

	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
)

// Namespaces of Temporal.
const (
	Namespace           = agenda.Namespace
	NamespaceBackground = agenda.NamespaceBackground
)

// NamespaceOf says where the workflows of a kind run.
func NamespaceOf(k agenda.Kind) string { return agenda.NamespaceOf(k) }

// TaskQueueOf keeps the lanes apart in the workers too: a person never waits
// behind the activities of a burst.
func TaskQueueOf(l agenda.Lane) string {
	switch l {
	case agenda.LanePerson:
		return "cloudhub-person"
	case agenda.LaneMinute:
		return "cloudhub-minute"
	default:
		return "cloudhub-background"
	}
}

// WorkflowID is a function of kind and subject alone.
func WorkflowID(k agenda.Kind, subject string) string { return agenda.WorkflowID(k, subject) }

// Names under which workflows are registered.
const (
	WorkflowPower       = "power"
	WorkflowProbe       = "probe"
	WorkflowSync        = "sync"
	WorkflowReseal      = "reseal"
	WorkflowCalendar    = "calendar"
	WorkflowDestination = "destination"
)

// SignalAsked wakes the workflow of a destination that waits for its next attempt:
// somebody has asked for something.
const SignalAsked = "asked"

// Search attributes by which an operator finds a workflow in Temporal's UI.
// They hold ids and fixed words, never names.
const (
	AttributeOrg       = "CloudHubOrg"
	AttributeWorkspace = "CloudHubWorkspace"
	AttributeKind      = "CloudHubKind"
	AttributeOrigin    = "CloudHubOrigin"
)

// takenUp says on the agenda that an activity has the work.
func takenUp(ctx context.Context, q *gen.Queries, in WorkInput, k agenda.Kind) error {
	return q.PushLook(ctx, gen.PushLookParams{WaitSeconds: agenda.QuietAfter.Seconds(), OrgID: in.Org, Kind: string(k), Subject: in.Subject.String()})
}

// WorkInput is the input of every workflow: whose, what, and the number of the
// lease it was started with. The lease travels with continue-as-new and resets;
// a newer one wins.
type WorkInput struct {
	Org     uuid.UUID `json:"org"`
	Subject uuid.UUID `json:"subject"`
	Lease   int64     `json:"lease"`
	// Workspace, RequestID and Trace are for logs and traces alone: where it is,
	// which request asked (empty: none did, it was due), and the W3C traceparent
	// of the delivery (empty: not traced).
	Workspace uuid.UUID `json:"workspace,omitzero"`
	RequestID string    `json:"request_id,omitempty"`
	Trace     string    `json:"trace,omitempty"`
}

// Work is the input itself, for what looks at every activity's input.
func (in WorkInput) Work() WorkInput { return in }

// SubjectTag is under which name the subject of a kind stands in logs and traces.
func SubjectTag(k agenda.Kind) string {
	switch k {
	case agenda.KindPower:
		return "operation_id"
	case agenda.KindProbe:
		return "draft_id"
	case agenda.KindSync, agenda.KindSyncClock:
		return "account_id"
	case agenda.KindCalendar, agenda.KindCalendarClock:
		return "calendar_id"
	default:
		return "subject"
	}
}
