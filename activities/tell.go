package activities

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/google/uuid"

	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/event"
	"github.com/cloudhub/cloudhub/internal/notify"
	"github.com/cloudhub/cloudhub/internal/power"
)

// Tell writes events and notifications, in the transaction that makes them true. An
// event that is not as its schema has it is logged and written all the same: what was
// done must never be undone, or its record lost, for a mistake in a schema. Tests
// fail on it.
func Tell(ctx context.Context, q *gen.Queries, b notify.Batch) error {
	if len(b.Events) > 0 {
		var p gen.InsertEventsParams
		for _, e := range b.Events {
			data, err := json.Marshal(e.Data)
			if err != nil {
				return err
			}
			id, err := uuid.NewV7()
			if err != nil {
				return err
			}
			if err := event.Validate(e.Type, data); err != nil {
				// The process's logger: so rare a thing is not handed through every caller.
				slog.ErrorContext(ctx, "an event is not as its schema has it", "org_id", e.Org, "event_id", id, "event_type", e.Type, "error", err)
			}
			subject := ""
			if e.Subject != uuid.Nil {
				subject = e.Subject.String()
			}
			p.OrgIds, p.Ids, p.WorkspaceIds = append(p.OrgIds, e.Org), append(p.Ids, id), append(p.WorkspaceIds, e.Workspace)
			p.Subjects = append(p.Subjects, subject)
			p.Types, p.Datas = append(p.Types, string(e.Type)), append(p.Datas, data)
		}
		if err := q.InsertEvents(ctx, p); err != nil {
			return err
		}
	}
	if len(b.Notifications) == 0 {
		return nil
	}
	var p gen.InsertNotificationsParams
	for _, n := range b.Notifications {
		data, err := json.Marshal(n.Data)
		if err != nil {
			return err
		}
		id, err := uuid.NewV7()
		if err != nil {
			return err
		}
		p.OrgIds, p.Ids, p.WorkspaceIds = append(p.OrgIds, n.Org), append(p.Ids, id), append(p.WorkspaceIds, n.Workspace)
		p.Kinds, p.Severities, p.Datas = append(p.Kinds, string(n.Kind)), append(p.Severities, string(n.Severity)), append(p.Datas, data)
	}
	return q.InsertNotifications(ctx, p)
}

// TellOfOperation tells how an operation ended: of each machine, and of each
// schedule that asked. The caller's transaction has just ended it.
func TellOfOperation(ctx context.Context, q *gen.Queries, org, workspace, operation uuid.UUID, byPerson bool) error {
	targets, err := q.TargetsToTell(ctx, gen.TargetsToTellParams{OrgID: org, OperationID: operation})
	if err != nil {
		return err
	}
	schedules, err := q.SchedulesToTell(ctx, gen.SchedulesToTellParams{OrgID: org, OperationID: operation})
	if err != nil {
		return err
	}
	var b notify.Batch
	runs := map[uuid.UUID]*notify.Run{}
	for _, s := range schedules {
		if s.Exception == "" {
			runs[s.ScheduleID] = &notify.Run{
				OperationID: operation, ScheduleID: s.ScheduleID, ScheduleName: s.Name, DueTime: s.DueAt, Wanted: s.Wanted,
				UnreadCount: int(s.UnreadCount), ByPerson: byPerson,
			}
		}
	}
	for _, t := range targets {
		b.Target(org, workspace, t.State, notify.Target{
			OperationID: operation, ScheduleID: t.ScheduleID, ResourceID: t.ResourceID, ResourceName: t.ResourceName, ProviderID: t.ProviderID,
			CloudAccountID: t.CloudAccountID, Region: t.Region, Wanted: t.Wanted, Reason: t.Reason,
		})
		if t.ScheduleID == nil || runs[*t.ScheduleID] == nil {
			continue
		}
		count(runs[*t.ScheduleID], power.TargetState(t.State))
	}
	for _, s := range schedules {
		if r := runs[s.ScheduleID]; r != nil {
			b.Run(org, workspace, *r)
		}
	}
	return Tell(ctx, q, b)
}

func count(r *notify.Run, state power.TargetState) {
	r.TargetCount++
	switch state {
	case power.Done, power.Already:
		r.DoneCount++
	case power.LeftAlone, power.Superseded:
		r.LeftAloneCount++
	case power.Failed:
		r.FailedCount++
	case power.Missed:
		r.MissedCount++
	}
}
