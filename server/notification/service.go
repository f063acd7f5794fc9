// Package notification tells the people of a workspace what needs them:
// NotificationService.
package notification

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/notify"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/server/page"
	"github.com/cloudhub/cloudhub/server/request"
	"github.com/cloudhub/cloudhub/server/rpc"
)

// Service implements NotificationService.
type Service struct {
	tenants *db.Tenants
	tokens  *page.Tokens
}

// New makes the service.
func New(tenants *db.Tenants, tokens *page.Tokens) *Service { return &Service{tenants, tokens} }

type before struct {
	At time.Time `json:"a"`
	ID uuid.UUID `json:"i"`
}

// ListNotifications lists what happened in a workspace, the newest first.
func (s *Service) ListNotifications(ctx context.Context, req *v1.ListNotificationsRequest) (*v1.ListNotificationsResponse, error) {
	grant, caller := rpc.GrantOf(ctx), rpc.CallerOf(ctx)
	from := before{time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), uuid.Max}
	if err := s.tokens.Open(req, req.GetPageToken(), &from); err != nil {
		return nil, err
	}
	size := page.Size(req.GetPageSize())
	out := &v1.ListNotificationsResponse{}
	err := s.tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) error {
		rows, err := q.ListNotifications(ctx, gen.ListNotificationsParams{
			UserID: caller.UserID, OrgID: grant.Org, WorkspaceID: grant.Workspace, BeforeAt: from.At, BeforeID: from.ID, RowLimit: size + 1,
		})
		if err != nil {
			return err
		}
		if len(rows) > int(size) {
			rows = rows[:size]
			last := rows[size-1]
			if out.NextPageToken, err = s.tokens.Next(req, before{last.CreatedAt, last.ID}); err != nil {
				return err
			}
		}
		for _, r := range rows {
			out.Notifications = append(out.Notifications, toProto(r))
		}
		out.UnreadCount, err = q.CountUnread(ctx, gen.CountUnreadParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, UserID: caller.UserID})
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// MarkNotificationsRead says that the caller has read everything up to one.
func (s *Service) MarkNotificationsRead(ctx context.Context, req *v1.MarkNotificationsReadRequest) (*v1.MarkNotificationsReadResponse, error) {
	grant, caller := rpc.GrantOf(ctx), rpc.CallerOf(ctx)
	id, err := request.ID(req.GetNotificationId())
	if err != nil {
		return nil, err
	}
	err = s.tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) error {
		n, err := q.MarkRead(ctx, gen.MarkReadParams{UserID: caller.UserID, OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: id})
		if err == nil && n == 0 {
			err = rpcerr.NotFound()
		}
		return err
	})
	return &v1.MarkNotificationsReadResponse{}, err
}

var kinds = map[notify.Kind]v1.NotificationKind{
	notify.KindMissed:             v1.NotificationKind_NOTIFICATION_KIND_SCHEDULE_MISSED,
	notify.KindFailed:             v1.NotificationKind_NOTIFICATION_KIND_SCHEDULE_FAILED,
	notify.KindNotFollowed:        v1.NotificationKind_NOTIFICATION_KIND_NOT_FOLLOWED,
	notify.KindCalendarFailing:    v1.NotificationKind_NOTIFICATION_KIND_CALENDAR_FAILING,
	notify.KindDestinationFailing: v1.NotificationKind_NOTIFICATION_KIND_DESTINATION_FAILING, notify.KindDestinationDisabled: v1.NotificationKind_NOTIFICATION_KIND_DESTINATION_DISABLED,
}

var severities = map[string]v1.Severity{
	"info": v1.Severity_SEVERITY_INFO, "warning": v1.Severity_SEVERITY_WARNING, "error": v1.Severity_SEVERITY_ERROR,
}

func toProto(r gen.ListNotificationsRow) *v1.Notification {
	var d notify.Data
	_ = json.Unmarshal(r.Data, &d) // written by us
	out := &v1.Notification{
		Id: r.ID.String(), Kind: kinds[notify.Kind(r.Kind)], Severity: severities[r.Severity], CreateTime: timestamppb.New(r.CreatedAt), Read: r.Read,
		SubjectName: d.SubjectName, FailedCount: int32(d.FailedCount), TargetCount: int32(d.TargetCount), Wanted: d.Wanted, Seen: d.Seen,
	}
	for id, to := range map[*uuid.UUID]*string{d.OperationID: &out.OperationId, d.ScheduleID: &out.ScheduleId, d.ResourceID: &out.ResourceId, d.CalendarID: &out.CalendarId, d.DestinationID: &out.DestinationId} {
		if id != nil {
			*to = id.String()
		}
	}
	if d.DueTime != nil {
		out.DueTime = timestamppb.New(*d.DueTime)
	}
	return out
}
