// Package notify decides, purely, what is told of what happened: the events that
// others may subscribe to, and the notifications that people of a workspace see.
// They are written in the transaction that makes them true.
package notify

import (
	"time"

	"github.com/google/uuid"

	"github.com/cloudhub/cloudhub/internal/event"
)

// Kind names a notification. The values are stored.
type Kind string

// The notifications of this package.
const (
	KindMissed          Kind = "schedule_missed"
	KindFailed          Kind = "schedule_failed"
	KindNotFollowed     Kind = "not_followed"
	KindCalendarFailing Kind = "calendar_failing"
)

// Severity of a notification. The values are stored.
type Severity string

// The severities.
const (
	Warning Severity = "warning"
	Error   Severity = "error"
)

// Event is one row of events.
type Event struct {
	Org       uuid.UUID
	Workspace uuid.UUID // nil: of the whole organization
	Type      event.Name
	// Subject is what it is about: destinations that keep an order send events of
	// one subject one after the other. The nil id: about nothing in particular.
	Subject uuid.UUID
	// Data becomes JSON as the type's schema has it.
	Data any
}

// Notification is one row of notifications.
type Notification struct {
	Org       uuid.UUID
	Workspace uuid.UUID
	Kind      Kind
	Severity  Severity
	Data      Data
}

// Data is what a notification is about, as it is stored; the texts are the
// interface's.
type Data struct {
	OperationID   *uuid.UUID `json:"operation_id,omitempty"`
	ScheduleID    *uuid.UUID `json:"schedule_id,omitempty"`
	ResourceID    *uuid.UUID `json:"resource_id,omitempty"`
	CalendarID    *uuid.UUID `json:"calendar_id,omitempty"`
	DestinationID *uuid.UUID `json:"destination_id,omitempty"`
	SubjectName   string     `json:"subject_name,omitempty"`
	FailedCount   int        `json:"failed_count,omitempty"`
	TargetCount   int        `json:"target_count,omitempty"`
	DueTime       *time.Time `json:"due_time,omitempty"`
	Wanted        string     `json:"wanted,omitempty"`
	Seen          string     `json:"seen,omitempty"`
}

// Batch collects what one transaction tells.
type Batch struct {
	Events        []Event
	Notifications []Notification
}

// Run is one run of one schedule, at its end.
type Run struct {
	OperationID    uuid.UUID `json:"operation_id"`
	ScheduleID     uuid.UUID `json:"schedule_id"`
	ScheduleName   string    `json:"schedule_name"`
	DueTime        time.Time `json:"due_time"`
	Wanted         string    `json:"wanted"`
	TargetCount    int       `json:"target_count"`
	DoneCount      int       `json:"done_count"`
	LeftAloneCount int       `json:"left_alone_count"`
	FailedCount    int       `json:"failed_count"`
	MissedCount    int       `json:"missed_count"`
	// UnreadCount is of accounts in which its machines could not be looked for.
	UnreadCount int `json:"unread_count"`
	// Missed: its time had passed before anything of it was begun.
	Missed bool `json:"-"`
	// ByPerson: a person asked for it and sees how it ends.
	ByPerson bool `json:"-"`
}

// missed says that nothing of the run was done because it was too late.
func (r Run) missed() bool {
	return r.Missed || r.MissedCount > 0 && r.MissedCount == r.TargetCount-r.LeftAloneCount && r.UnreadCount == 0
}

// Run tells of a run's end: schedule.missed when nothing of it was done in time,
// else schedule.executed; people, when a timetable did not do what it should.
func (b *Batch) Run(org, workspace uuid.UUID, r Run) {
	t := event.ScheduleExecuted
	if r.missed() {
		t = event.ScheduleMissed
	}
	r.DueTime = r.DueTime.UTC()
	b.Events = append(b.Events, Event{org, workspace, t, r.ScheduleID, r})
	failed := r.FailedCount + r.MissedCount
	if r.ByPerson || t == event.ScheduleExecuted && failed+r.UnreadCount == 0 {
		return
	}
	n := Notification{org, workspace, KindFailed, Error, Data{
		OperationID: &r.OperationID, ScheduleID: &r.ScheduleID, SubjectName: r.ScheduleName, FailedCount: failed, TargetCount: r.TargetCount,
		DueTime: &r.DueTime, Wanted: r.Wanted,
	}}
	if t == event.ScheduleMissed {
		n.Kind, n.Severity = KindMissed, Warning
	}
	b.Notifications = append(b.Notifications, n)
}

// Target is what an operation did to one machine, at its end.
type Target struct {
	OperationID    uuid.UUID  `json:"operation_id"`
	ScheduleID     *uuid.UUID `json:"schedule_id,omitempty"`
	ResourceID     uuid.UUID  `json:"resource_id"`
	ResourceName   string     `json:"resource_name"`
	ProviderID     string     `json:"provider_id"`
	CloudAccountID uuid.UUID  `json:"cloud_account_id"`
	Region         string     `json:"region"`
	Wanted         string     `json:"wanted"`
	// Reason is of a failure, from the error registry.
	Reason string `json:"reason,omitempty"`
}

// Target tells of a machine that was switched, or could not be. What was as wanted
// already, or was left alone, is no event.
func (b *Batch) Target(org, workspace uuid.UUID, state string, t Target) {
	switch {
	case state == "failed":
		b.Events = append(b.Events, Event{org, workspace, event.ResourceFailed, t.ResourceID, t})
	case state == "done" && t.Wanted == "running":
		b.Events = append(b.Events, Event{org, workspace, event.ResourceStarted, t.ResourceID, t})
	case state == "done":
		b.Events = append(b.Events, Event{org, workspace, event.ResourceStopped, t.ResourceID, t})
	}
}

// FollowFor is how long after a run its machines must stay as it left them.
const FollowFor = 15 * time.Minute

// Astray is a machine that left the state into which a timetable had brought it.
type Astray struct {
	Alert        string    `json:"alert"` // "not_followed"
	OperationID  uuid.UUID `json:"operation_id"`
	ScheduleID   uuid.UUID `json:"schedule_id"`
	ResourceID   uuid.UUID `json:"resource_id"`
	ResourceName string    `json:"resource_name"`
	ProviderID   string    `json:"provider_id"`
	Wanted       string    `json:"wanted"`
	Seen         string    `json:"seen"`
}

// Astray tells of it: nobody of ours had ordered it.
func (b *Batch) Astray(org, workspace uuid.UUID, a Astray) {
	a.Alert = string(KindNotFollowed)
	b.Events = append(b.Events, Event{org, workspace, event.AlertTriggered, a.ResourceID, a})
	b.Notifications = append(b.Notifications, Notification{org, workspace, KindNotFollowed, Warning, Data{
		OperationID: &a.OperationID, ScheduleID: &a.ScheduleID, ResourceID: &a.ResourceID, SubjectName: a.ResourceName, Wanted: a.Wanted, Seen: a.Seen,
	}})
}

// CalendarFailing tells that a calendar has not been readable for a day, where
// schedules keep to it.
func (b *Batch) CalendarFailing(org, workspace, calendar uuid.UUID, name string) {
	b.Notifications = append(b.Notifications, Notification{org, workspace, KindCalendarFailing, Warning, Data{CalendarID: &calendar, SubjectName: name}})
}
