package schedule

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/server/audit"
	"github.com/cloudhub/cloudhub/server/page"
	"github.com/cloudhub/cloudhub/server/request"
	"github.com/cloudhub/cloudhub/server/rpc"
)

// longestHold is how far away the end of a hold may be: one that nobody ends is
// a schedule that nobody misses.
const longestHold = 366 * 24 * time.Hour

// CreateHold keeps every schedule from one machine, or one schedule from its
// machines, until a time.
func (s *Service) CreateHold(ctx context.Context, req *v1.CreateHoldRequest) (*v1.CreateHoldResponse, error) {
	grant, caller := rpc.GrantOf(ctx), rpc.CallerOf(ctx)
	reason := strings.TrimSpace(req.GetReason())
	if reason == "" {
		return nil, rpcerr.Invalid(rpcerr.ReasonValidation, "reason", "say why, in 1 to 200 characters")
	}
	if err := req.GetUntilTime().CheckValid(); err != nil {
		return nil, rpcerr.Invalid(rpcerr.ReasonValidation, "until_time", "give a time within a year")
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, err
	}
	p := gen.InsertHoldParams{
		OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: id, Reason: reason, Until: req.GetUntilTime().AsTime(), CreatedBy: caller.UserID, CreatedByName: grant.Name,
	}
	for subject, to := range map[string]**uuid.UUID{req.GetScheduleId(): &p.ScheduleID, req.GetResourceId(): &p.ResourceID} {
		if subject == "" {
			continue
		}
		id, err := request.ID(subject)
		if err != nil {
			return nil, err
		}
		*to = &id
	}
	var out *v1.Hold
	err = s.tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) error {
		earlier, err := request.Once(ctx, q, "CreateHold", req.GetRequestId(), req, id)
		if err != nil {
			return err
		}
		if earlier == nil {
			if err := hold(ctx, q, p); err != nil {
				return err
			}
		} else {
			p.ID = *earlier
		}
		out, err = readHold(ctx, q, p.ID)
		return err
	})
	return &v1.CreateHoldResponse{Hold: out}, err
}

func hold(ctx context.Context, q *gen.Queries, p gen.InsertHoldParams) error {
	now, err := q.DatabaseTime(ctx)
	if err != nil {
		return err
	}
	if !p.Until.After(now) || p.Until.After(now.Add(longestHold)) {
		return rpcerr.Invalid(rpcerr.ReasonValidation, "until_time", "give a time within a year")
	}
	subject, kind := p.ScheduleID, "schedule"
	if p.ScheduleID != nil {
		if _, err := q.GetSchedule(ctx, gen.GetScheduleParams{OrgID: p.OrgID, WorkspaceID: p.WorkspaceID, ID: *p.ScheduleID}); err != nil {
			return orNotFound(err)
		}
	} else {
		subject, kind = p.ResourceID, "resource"
		if err := checkResources(ctx, q, []uuid.UUID{*p.ResourceID}); err != nil {
			return err
		}
	}
	if err := q.InsertHold(ctx, p); err != nil {
		return err
	}
	if err := touch(ctx, q, p.ScheduleID, p.ResourceID); err != nil {
		return err
	}
	return audit.Write(ctx, q, audit.Entry{
		Org: p.OrgID, Workspace: p.WorkspaceID, Action: "hold.create", SubjectKind: kind, SubjectID: subject.String(),
		After: map[string]any{"hold": p.ID, "reason": p.Reason, "until": p.Until},
	})
}

// touch has whoever watches read anew what is held.
func touch(ctx context.Context, q *gen.Queries, scheduleID, resourceID *uuid.UUID) error {
	org := rpc.GrantOf(ctx).Org
	if scheduleID != nil {
		return q.TouchSchedule(ctx, gen.TouchScheduleParams{OrgID: org, ID: *scheduleID})
	}
	return q.TouchResource(ctx, gen.TouchResourceParams{OrgID: org, ID: *resourceID})
}

func orNotFound(err error) error {
	if db.IsNoRows(err) {
		return rpcerr.NotFound()
	}
	return err
}

func readHold(ctx context.Context, q *gen.Queries, id uuid.UUID) (*v1.Hold, error) {
	grant := rpc.GrantOf(ctx)
	row, err := q.GetHold(ctx, gen.GetHoldParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: id})
	if err != nil {
		return nil, orNotFound(err)
	}
	return rowToProto(gen.ListHoldsRow(row)), nil
}

// EndHold ends a hold before its time.
func (s *Service) EndHold(ctx context.Context, req *v1.EndHoldRequest) (*v1.EndHoldResponse, error) {
	grant := rpc.GrantOf(ctx)
	id, err := request.ID(req.GetHoldId())
	if err != nil {
		return nil, err
	}
	var out *v1.Hold
	err = s.tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) error {
		row, err := q.GetHold(ctx, gen.GetHoldParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: id})
		if err != nil {
			return orNotFound(err)
		}
		n, err := q.EndHold(ctx, gen.EndHoldParams{EndedByName: grant.Name, OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: id})
		if err != nil {
			return err
		}
		if n > 0 { // else it has ended already
			subject, kind := row.ScheduleID, "schedule"
			if subject == nil {
				subject, kind = row.ResourceID, "resource"
			}
			if err := touch(ctx, q, row.ScheduleID, row.ResourceID); err != nil {
				return err
			}
			if err := audit.Write(ctx, q, audit.Entry{
				Org: grant.Org, Workspace: grant.Workspace, Action: "hold.end", SubjectKind: kind, SubjectID: subject.String(), Before: map[string]any{"hold": id, "reason": row.Reason, "until": row.Until},
			}); err != nil {
				return err
			}
		}
		out, err = readHold(ctx, q, id)
		return err
	})
	return &v1.EndHoldResponse{Hold: out}, err
}

// ListHolds lists holds, the newest first.
func (s *Service) ListHolds(ctx context.Context, req *v1.ListHoldsRequest) (*v1.ListHoldsResponse, error) {
	grant := rpc.GrantOf(ctx)
	from := after{At: never, ID: uuid.Max}
	if err := s.tokens.Open(req, req.GetPageToken(), &from); err != nil {
		return nil, err
	}
	size := page.Size(req.GetPageSize())
	out := &v1.ListHoldsResponse{}
	err := s.tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) error {
		rows, err := q.ListHolds(ctx, gen.ListHoldsParams{
			OrgID: grant.Org, WorkspaceID: grant.Workspace, BeforeAt: from.At, BeforeID: from.ID, InForce: req.GetInForce(), RowLimit: size + 1,
		})
		if err != nil {
			return err
		}
		if len(rows) > int(size) {
			rows = rows[:size]
			last := rows[size-1]
			if out.NextPageToken, err = s.tokens.Next(req, after{last.CreatedAt, last.ID}); err != nil {
				return err
			}
		}
		for _, r := range rows {
			out.Holds = append(out.Holds, rowToProto(r))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func rowToProto(r gen.ListHoldsRow) *v1.Hold {
	name := r.SubjectName
	if name == "" {
		name = r.ProviderID
	}
	return holdToProto(gen.Hold{
		OrgID: r.OrgID, WorkspaceID: r.WorkspaceID, ID: r.ID, ScheduleID: r.ScheduleID, ResourceID: r.ResourceID, Reason: r.Reason, Until: r.Until,
		CreatedBy: r.CreatedBy, CreatedByName: r.CreatedByName, CreatedAt: r.CreatedAt, EndedAt: r.EndedAt, EndedByName: r.EndedByName,
	}, name)
}

func holdToProto(h gen.Hold, name string) *v1.Hold {
	out := &v1.Hold{
		Id: h.ID.String(), SubjectName: name, Reason: h.Reason, UntilTime: timestamppb.New(h.Until), CreatedByName: h.CreatedByName, CreateTime: timestamppb.New(h.CreatedAt),
	}
	if h.ScheduleID != nil {
		out.ScheduleId = h.ScheduleID.String()
	}
	if h.ResourceID != nil {
		out.ResourceId = h.ResourceID.String()
	}
	if h.EndedAt != nil {
		out.EndTime = timestamppb.New(*h.EndedAt)
	}
	if h.EndedByName != nil {
		out.EndedByName = *h.EndedByName
	}
	return out
}
