package admin

import (
	"net/url"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
)

// views are the words of the query.
var views = map[v1.AgendaView]string{
	v1.AgendaView_AGENDA_VIEW_DUE: "due", v1.AgendaView_AGENDA_VIEW_LATE: "late", v1.AgendaView_AGENDA_VIEW_FAILING: "failing",
	v1.AgendaView_AGENDA_VIEW_OPEN_TOO_LONG: "open_too_long", v1.AgendaView_AGENDA_VIEW_ALL: "all",
}

// lanes of the contract begin at 1.
func laneToProto(l int16) v1.AgendaLane { return v1.AgendaLane(l + 1) }

func lanesOf(list []v1.AgendaLane) []int16 {
	out := make([]int16, len(list))
	for i, l := range list {
		out[i] = int16(l) - 1
	}
	return out
}

func countToProto(c gen.SummarizeAgendaRow) *v1.AgendaCount {
	out := &v1.AgendaCount{
		Kind: c.Kind, Lane: laneToProto(c.Lane), DueCount: c.Due, LateCount: c.Late, FailingCount: c.Failing, InFlightCount: c.InFlight,
		OpenTooLongCount: c.OpenTooLong, ParkedCount: c.Parked,
	}
	if c.OldestDue.Unix() > 0 { // the epoch stands for none
		out.OldestDueTime = timestamppb.New(c.OldestDue)
	}
	return out
}

// mapper knows where Temporal's UI is.
type mapper struct{ temporalUI string }

func (m mapper) row(r gen.AgendaRowRow) *v1.AgendaRow {
	kind := agenda.Kind(r.Kind)
	out := &v1.AgendaRow{
		OrgId: r.OrgID.String(), OrgName: r.OrgName, Kind: r.Kind, Subject: r.Subject, Lane: laneToProto(r.Lane), Clock: kind.IsClock(),
		DueTime: timestamppb.New(r.DueAt), LookTime: timestamppb.New(r.LookAt), Asked: r.Asked, Told: r.Told, Lease: r.Lease, Starts: r.Starts,
		LastError: deref(r.LastError), ParkedBy: deref(r.ParkedBy), ParkReason: deref(r.ParkedReason), RunId: deref(r.RunID),
	}
	if r.ParkedAt != nil {
		out.ParkTime = timestamppb.New(*r.ParkedAt)
	}
	if !out.Clock {
		out.WorkflowId = agenda.WorkflowID(kind, r.Subject)
		out.TemporalUrl = m.url(kind, out.WorkflowId, out.RunId)
	}
	if r.ParkedAt == nil {
		past := r.Now.Sub(r.DueAt)
		out.Late = past > agenda.LateAfter && (r.RunID == nil || r.LastError != nil)
		limit := agenda.OpenTooLongAfter(kind)
		out.OpenTooLong = r.RunID != nil && limit > 0 && past > limit
	}
	return out
}

// url is the run's page in Temporal's UI; without a run, the list of the
// workflow's runs, which is empty when it was never delivered.
func (m mapper) url(kind agenda.Kind, workflow, run string) string {
	if m.temporalUI == "" {
		return ""
	}
	base := m.temporalUI + "/namespaces/" + agenda.NamespaceOf(kind) + "/workflows"
	if run == "" {
		return base + "?query=" + url.QueryEscape("`WorkflowId`=\""+workflow+"\"")
	}
	return base + "/" + url.PathEscape(workflow) + "/" + url.PathEscape(run) + "/history"
}

// recordedRow is what the audit keeps of a row.
type recordedRow struct {
	LookAt       time.Time  `json:"look_at"`
	Starts       int32      `json:"starts"`
	RunID        string     `json:"run_id,omitempty"`
	LastError    string     `json:"last_error,omitempty"`
	ParkedAt     *time.Time `json:"parked_at,omitempty"`
	ParkedReason string     `json:"parked_reason,omitempty"`
}

func recorded(r gen.AgendaRowRow) recordedRow {
	return recordedRow{r.LookAt, r.Starts, deref(r.RunID), deref(r.LastError), r.ParkedAt, deref(r.ParkedReason)}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
