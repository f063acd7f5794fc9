// Package activities owns single attempts at things in the outside world: a
// call to a provider, a record in the database. Every activity may run twice
// and may begin after another run of it died half-way: it first finds out what
// is so. It decides nothing that internal/<feature> can decide, and sequences
// nothing: that is workflows.
package activities

import (
	"github.com/google/uuid"

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
	WorkflowPower = "power"
	WorkflowProbe = "probe"
	WorkflowSync  = "sync"
)

// Search attributes by which an operator finds a workflow in Temporal's UI.
// They hold ids and fixed words, never names.
const (
	AttributeOrg       = "CloudHubOrg"
	AttributeWorkspace = "CloudHubWorkspace"
	AttributeKind      = "CloudHubKind"
	AttributeOrigin    = "CloudHubOrigin"
)

// WorkInput is the input of every workflow: whose, what, and the number of the
// lease it was started with. The lease travels with continue-as-new and resets;
// a newer one wins.
type WorkInput struct {
	Org     uuid.UUID `json:"org"`
	Subject uuid.UUID `json:"subject"`
	Lease   int64     `json:"lease"`
}
