// Package schedule keeps the timetables of a workspace: ScheduleService. Next
// times are internal/schedule's; the workspace's clock row on the agenda is
// moved in the transaction of every change.
package schedule

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/api/gen/cloudhub/v1/cloudhubv1connect"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/internal/schedule"
	"github.com/cloudhub/cloudhub/server/inventory"
	"github.com/cloudhub/cloudhub/server/page"
	"github.com/cloudhub/cloudhub/server/request"
	"github.com/cloudhub/cloudhub/server/rpc"
)

// Service implements ScheduleService.
type Service struct {
	cloudhubv1connect.UnimplementedScheduleServiceHandler
	tenants *db.Tenants
	tokens  *page.Tokens
	now     func() time.Time
}

// New makes the service.
func New(tenants *db.Tenants, tokens *page.Tokens, now func() time.Time) *Service {
	return &Service{tenants: tenants, tokens: tokens, now: now}
}

// checkRule translates and validates. Errors: TIME_ZONE_UNKNOWN,
// SCHEDULE_CONFLICT, VALIDATION.
func checkRule(r *v1.ScheduleRule) (schedule.Rule, error) {
	rule := ruleOf(r)
	err := rule.Validate()
	switch {
	case err == nil:
		return rule, nil
	case errors.Is(err, schedule.ErrUnknownZone):
		return rule, rpcerr.Invalid(rpcerr.ReasonTimeZoneUnknown, "rule.time_zone", "use an IANA name such as America/Sao_Paulo", "zone", r.GetTimeZone())
	case errors.Is(err, schedule.ErrSameMinute):
		return rule, rpcerr.Invalid(rpcerr.ReasonScheduleConflict, "rule.stop_time", "choose another time than the start")
	case errors.Is(err, schedule.ErrNoDay):
		return rule, rpcerr.Invalid(rpcerr.ReasonValidation, "rule.weekdays", "choose at least one day")
	default:
		return rule, rpcerr.Invalid(rpcerr.ReasonValidation, "rule.start_time", "give times from 00:00 to 23:59")
	}
}

// PreviewSchedule computes the next runs of a rule.
func (s *Service) PreviewSchedule(_ context.Context, req *v1.PreviewScheduleRequest) (*v1.PreviewScheduleResponse, error) {
	rule, err := checkRule(req.GetRule())
	if err != nil {
		return nil, err
	}
	count := int(req.GetCount())
	if count == 0 {
		count = 30
	}
	runs, err := rule.Upcoming(s.now(), min(count, 100), nil)
	if err != nil {
		return nil, err
	}
	out := &v1.PreviewScheduleResponse{}
	for _, r := range runs {
		out.Runs = append(out.Runs, &v1.PreviewedRun{Time: timestamppb.New(r.At), Wanted: inventory.State(string(r.Wanted)), MovedByGap: r.MovedByGap})
	}
	return out, nil
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
		out, err = withTargetsAndRuns(ctx, q, []gen.Schedule{row})
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

// withTargetsAndRuns reads targets and recent runs of schedules, in two queries
// for all of them.
func withTargetsAndRuns(ctx context.Context, q *gen.Queries, rows []gen.Schedule) ([]*v1.Schedule, error) {
	grant := rpc.GrantOf(ctx)
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
		out[i] = toProto(r, targetsOf[r.ID], runsOf[r.ID])
	}
	return out, nil
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
			if out.NextPageToken, err = s.tokens.Next(req, after{*last.NextAt, last.ID}); err != nil {
				return err
			}
		}
		if out.Schedules, err = withTargetsAndRuns(ctx, q, rows); err != nil {
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

// timing is what a rule comes to now, as stored.
type timing struct {
	rule   json.RawMessage
	next   *time.Time
	wanted *string
}

func (s *Service) timingOf(rule schedule.Rule, now time.Time) (timing, error) {
	raw, err := json.Marshal(rule)
	if err != nil {
		return timing{}, err
	}
	run, ok, err := rule.Next(now, nil)
	if err != nil {
		return timing{}, err
	}
	if !ok {
		return timing{rule: raw}, nil
	}
	wanted := string(run.Wanted)
	return timing{raw, &run.At, &wanted}, nil
}

func sameTargets(a, b []uuid.UUID) bool {
	key := func(x, y uuid.UUID) int { return strings.Compare(x.String(), y.String()) }
	a, b = slices.Clone(a), slices.Clone(b)
	slices.SortFunc(a, key)
	slices.SortFunc(b, key)
	return slices.Equal(a, b)
}
