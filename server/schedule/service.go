// Package schedule keeps the timetables of a workspace: ScheduleService. Next
// times are internal/schedule's; the workspace's clock row on the agenda is
// moved in the transaction of every change.
package schedule

import (
	"context"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/internal/schedule"
	"github.com/cloudhub/cloudhub/server/page"
	"github.com/cloudhub/cloudhub/server/request"
	"github.com/cloudhub/cloudhub/server/rpc"
)

// Service implements ScheduleService.
type Service struct {
	tenants *db.Tenants
	tokens  *page.Tokens
	now     func() time.Time
}

// New makes the service.
func New(tenants *db.Tenants, tokens *page.Tokens, now func() time.Time) *Service {
	return &Service{tenants, tokens, now}
}

// GetSchedule gives one schedule.
func (s *Service) GetSchedule(ctx context.Context, req *v1.GetScheduleRequest) (*v1.GetScheduleResponse, error) {
	id, err := request.ID(req.GetScheduleId())
	if err != nil {
		return nil, err
	}
	out, err := s.get(ctx, id)
	if err != nil {
		return nil, err
	}
	grant := rpc.GrantOf(ctx)
	resp := &v1.GetScheduleResponse{Schedule: out}
	err = s.tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) (err error) {
		resp.Parked, err = parked(ctx, q)
		return err
	})
	return resp, err
}

// parked says that the workspace's clock row stands still, and why; nil when it
// does not.
func parked(ctx context.Context, q *gen.Queries) (*v1.TimetablePark, error) {
	grant := rpc.GrantOf(ctx)
	row, err := q.ParkedRow(ctx, gen.ParkedRowParams{OrgID: grant.Org, Kind: string(agenda.KindTimetable), Subject: grant.Workspace.String()})
	if db.IsNoRows(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &v1.TimetablePark{ParkTime: timestamppb.New(row.ParkedAt), Reason: row.ParkedReason}, nil
}

func (s *Service) get(ctx context.Context, id uuid.UUID) (*v1.Schedule, error) {
	grant := rpc.GrantOf(ctx)
	var out []*v1.Schedule
	err := s.tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) error {
		row, err := q.GetSchedule(ctx, gen.GetScheduleParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: id})
		if err != nil {
			return err
		}
		out, err = s.withAll(ctx, q, []gen.Schedule{row})
		return err
	})
	if db.IsNoRows(err) {
		return nil, rpcerr.NotFound()
	}
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

// withAll reads what stands beside schedules, in a few queries for all of them.
func (s *Service) withAll(ctx context.Context, q *gen.Queries, rows []gen.Schedule) ([]*v1.Schedule, error) {
	grant := rpc.GrantOf(ctx)
	if len(rows) == 0 {
		return nil, nil
	}
	ids := make([]uuid.UUID, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	targets, err := q.TargetIDsOfSchedules(ctx, gen.TargetIDsOfSchedulesParams{OrgID: grant.Org, ScheduleIds: ids})
	if err != nil {
		return nil, err
	}
	runs, err := q.RecentRuns(ctx, gen.RecentRunsParams{OrgID: grant.Org, ScheduleIds: ids})
	if err != nil {
		return nil, err
	}
	x, err := exceptionsOf(ctx, q, ids)
	if err != nil {
		return nil, err
	}
	targetsOf := map[uuid.UUID][]uuid.UUID{}
	for _, t := range targets {
		targetsOf[t.ScheduleID] = append(targetsOf[t.ScheduleID], t.ResourceID)
	}
	runsOf := map[uuid.UUID][]gen.RecentRunsRow{}
	for _, r := range runs {
		runsOf[r.ScheduleID] = append(runsOf[r.ScheduleID], r)
	}
	out := make([]*v1.Schedule, len(rows))
	for i, r := range rows {
		out[i] = toProto(r, targetsOf[r.ID], runsOf[r.ID], x)
	}
	return out, nil
}

// exceptions are what may leave out the next runs of schedules.
type exceptions struct {
	skips map[uuid.UUID][]schedule.Skip
	holds map[uuid.UUID][]gen.Hold // in force, the one that lasts longest first
	pause *v1.AutomationPause
}

func exceptionsOf(ctx context.Context, q *gen.Queries, ids []uuid.UUID) (x exceptions, err error) {
	grant := rpc.GrantOf(ctx)
	now, err := q.DatabaseTime(ctx)
	if err != nil {
		return x, err
	}
	skips, err := q.SkipsAhead(ctx, gen.SkipsAheadParams{OrgID: grant.Org, ScheduleIds: ids, Since: now})
	if err != nil {
		return x, err
	}
	holds, err := q.HoldsInForce(ctx, gen.HoldsInForceParams{OrgID: grant.Org, ScheduleIds: ids})
	if err != nil {
		return x, err
	}
	x = exceptions{skips: map[uuid.UUID][]schedule.Skip{}, holds: map[uuid.UUID][]gen.Hold{}}
	for _, k := range skips {
		x.skips[k.ScheduleID] = append(x.skips[k.ScheduleID], schedule.Skip{At: k.At, By: k.CreatedByName})
	}
	for _, h := range holds {
		x.holds[*h.ScheduleID] = append(x.holds[*h.ScheduleID], h)
	}
	p, err := q.AutomationPause(ctx, grant.Org)
	if err == nil && p.PausedAt != nil {
		x.pause = &v1.AutomationPause{PauseTime: timestamppb.New(*p.PausedAt), Reason: p.PausedReason, PausedByName: p.PausedByName}
	}
	return x, err
}

// at says why a run of a schedule at a moment is left out; nil: it is not.
func (x exceptions) at(id uuid.UUID, at time.Time) *v1.RunException {
	var hold *schedule.Hold
	if hs := x.holds[id]; len(hs) > 0 {
		hold = &schedule.Hold{Until: hs[0].Until, Reason: hs[0].Reason, By: hs[0].CreatedByName}
	}
	e := schedule.ExceptionAt(at, x.skips[id], hold)
	switch {
	case e != nil && e.Kind == schedule.Skipped:
		return &v1.RunException{Kind: v1.RunExceptionKind_RUN_EXCEPTION_KIND_SKIPPED, ByName: e.Text}
	case e != nil:
		return &v1.RunException{
			Kind: v1.RunExceptionKind_RUN_EXCEPTION_KIND_HELD, Text: hold.Reason, ByName: hold.By, UntilTime: timestamppb.New(hold.Until),
		}
	case x.pause != nil:
		return &v1.RunException{Kind: v1.RunExceptionKind_RUN_EXCEPTION_KIND_AUTOMATION_PAUSED, Text: x.pause.GetReason(), ByName: x.pause.GetPausedByName()}
	default:
		return nil
	}
}

// never is the place in lists of what has no next time.
var never = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

func orNever(t *time.Time) time.Time {
	if t == nil {
		return never
	}
	return *t
}

type after struct {
	At time.Time `json:"a"`
	ID uuid.UUID `json:"i"`
}

// ListSchedules lists schedules by their next time.
func (s *Service) ListSchedules(ctx context.Context, req *v1.ListSchedulesRequest) (*v1.ListSchedulesResponse, error) {
	grant := rpc.GrantOf(ctx)
	var from after
	if err := s.tokens.Open(req, req.GetPageToken(), &from); err != nil {
		return nil, err
	}
	size := page.Size(req.GetPageSize())
	out := &v1.ListSchedulesResponse{}
	err := s.tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) error {
		rows, err := list(ctx, q, req, from, size+1)
		if err != nil {
			return err
		}
		if len(rows) > int(size) {
			rows = rows[:size]
			last := rows[size-1]
			if out.NextPageToken, err = s.tokens.Next(req, after{orNever(last.NextAt), last.ID}); err != nil {
				return err
			}
		}
		if out.Schedules, err = s.withAll(ctx, q, rows); err != nil {
			return err
		}
		out.Parked, err = parked(ctx, q)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func list(ctx context.Context, q *gen.Queries, req *v1.ListSchedulesRequest, from after, limit int32) ([]gen.Schedule, error) {
	g := rpc.GrantOf(ctx)
	if req.GetResourceId() == "" {
		return q.ListSchedules(ctx, gen.ListSchedulesParams{OrgID: g.Org, WorkspaceID: g.Workspace, AfterAt: from.At, AfterID: from.ID, RowLimit: limit})
	}
	id, err := request.ID(req.GetResourceId())
	if err != nil {
		return nil, err
	}
	return q.ListSchedulesOfResource(ctx, gen.ListSchedulesOfResourceParams{OrgID: g.Org, ResourceID: id, WorkspaceID: g.Workspace, AfterAt: from.At, AfterID: from.ID, RowLimit: limit})
}
