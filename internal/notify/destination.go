package notify

import (
	"time"

	"github.com/google/uuid"
)

// The notifications of destinations.
const (
	KindDestinationFailing  Kind = "destination_failing"
	KindDestinationDisabled Kind = "destination_disabled"
)

// DestinationFailing tells that nothing has been accepted for long, and until when that
// may go on.
func (b *Batch) DestinationFailing(org, workspace, destination uuid.UUID, name string, until time.Time) {
	b.Notifications = append(b.Notifications, Notification{org, workspace, KindDestinationFailing, Warning, Data{
		DestinationID: &destination, SubjectName: name, DueTime: &until,
	}})
}

// DestinationDisabled tells that nothing more is sent to one, and what is to be sent is
// held.
func (b *Batch) DestinationDisabled(org, workspace, destination uuid.UUID, name string) {
	b.Notifications = append(b.Notifications, Notification{org, workspace, KindDestinationDisabled, Error, Data{DestinationID: &destination, SubjectName: name}})
}
