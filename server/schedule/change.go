package schedule

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"time"

	"github.com/google/uuid"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/platform/crashpoint"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/internal/schedule"
	"github.com/cloudhub/cloudhub/server/audit"
	"github.com/cloudhub/cloudhub/server/request"
	"github.com/cloudhub/cloudhub/server/rpc"
)

// CreateSchedule makes a start, a stop or a pair.
func (s *Service) CreateSchedule(ctx context.Context, req *v1.CreateScheduleRequest) (*v1.CreateScheduleResponse, error) {
	grant := rpc.GrantOf(ctx)
	want, err := specOf(req)
	if err != nil {
		return nil, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, err
	}
	err = s.tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) error {
		earlier, err := request.Once(ctx, q, "CreateSchedule", req.GetRequestId(), req, id)
		if err != nil || earlier != nil {
			if earlier != nil {
				id = *earlier
			}
			return err
		}
		return s.inTimetable(ctx, q, func(now time.Time) error { return insert(ctx, q, id, want, now) })
	})
	if err != nil {
		return nil, err
	}
	crashpoint.Reached(crashpoint.Committed, req.GetRequestId())
	out, err := s.get(ctx, id)
	return &v1.CreateScheduleResponse{Schedule: out}, err
}

// insert writes one schedule, inside inTimetable.
func insert(ctx context.Context, q *gen.Queries, id uuid.UUID, want spec, now time.Time) error {
	grant, caller := rpc.GrantOf(ctx), rpc.CallerOf(ctx)
	if err := want.check(ctx, q, id, nil, now); err != nil {
		return err
	}
	t, err := want.timing(ctx, q, now)
	if err != nil {
		return err
	}
	if _, err := q.InsertSchedule(ctx, gen.InsertScheduleParams{
		OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: id, Name: want.name, Rule: t.rule, Selector: t.selector, CatchUpMinutes: int32(want.catchUp / time.Minute),
		NextAt: t.next, NextWanted: t.wanted, Tzdata: schedule.ZoneData(), CreatedBy: caller.UserID, CreatedByName: grant.Name,
	}); err != nil {
		return err
	}
	if err := insertBeside(ctx, q, id, want); err != nil {
		return err
	}
	return write(ctx, q, "schedule.create", id, nil, want.forAudit())
}

// insertBeside writes what a schedule names: its chosen machines and calendars.
func insertBeside(ctx context.Context, q *gen.Queries, id uuid.UUID, want spec) error {
	grant := rpc.GrantOf(ctx)
	calendars, err := calendarIDs(want.rule)
	if err != nil {
		return err
	}
	err = q.InsertScheduleTargets(ctx, gen.InsertScheduleTargetsParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, ScheduleID: id, ResourceIds: want.resources})
	if err != nil || len(calendars) == 0 {
		return err
	}
	return q.InsertScheduleCalendars(ctx, gen.InsertScheduleCalendarsParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, ScheduleID: id, CalendarIds: calendars})
}

func (s spec) forAudit() map[string]any {
	return map[string]any{"name": s.name, "rule": s.rule, "resources": s.resources, "selector": s.selector, "catch_up_minutes": int(s.catchUp / time.Minute)}
}

func storedForAudit(row gen.Schedule, targets []uuid.UUID) map[string]any {
	return map[string]any{"name": row.Name, "rule": row.Rule, "resources": targets, "selector": row.Selector, "catch_up_minutes": row.CatchUpMinutes}
}

// UpdateSchedule changes a schedule. What was claimed already goes on as it was.
func (s *Service) UpdateSchedule(ctx context.Context, req *v1.UpdateScheduleRequest) (*v1.UpdateScheduleResponse, error) {
	grant := rpc.GrantOf(ctx)
	want, err := specOf(req)
	if err != nil {
		return nil, err
	}
	id, err := request.ID(req.GetScheduleId())
	if err != nil {
		return nil, err
	}
	err = s.tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) error {
		return s.inTimetable(ctx, q, func(now time.Time) error {
			old, targets, err := lock(ctx, q, id, req.GetEtag())
			if err != nil {
				return err
			}
			return update(ctx, q, old, targets, want, now)
		})
	})
	if err != nil {
		return nil, err
	}
	out, err := s.get(ctx, id)
	return &v1.UpdateScheduleResponse{Schedule: out}, err
}

func update(ctx context.Context, q *gen.Queries, old gen.Schedule, targets []uuid.UUID, want spec, now time.Time) error {
	grant := rpc.GrantOf(ctx)
	if err := want.check(ctx, q, old.ID, targets, now); err != nil {
		return err
	}
	t, err := want.timing(ctx, q, now)
	if err != nil {
		return err
	}
	if old.PausedAt != nil {
		t.next, t.wanted = nil, nil
	}
	p := gen.UpdateScheduleParams{
		Name: want.name, Rule: t.rule, Selector: t.selector, CatchUpMinutes: int32(want.catchUp / time.Minute), NextAt: t.next, NextWanted: t.wanted,
		Tzdata: schedule.ZoneData(), OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: old.ID,
	}
	if !sameRule(old.Rule, want.rule) || !sameTargets(targets, want.resources) || !sameSelector(old.Selector, want.selector) || old.CatchUpMinutes != p.CatchUpMinutes {
		p.Revised = 1
	}
	if _, err := q.UpdateSchedule(ctx, p); err != nil {
		return err
	}
	if err := q.DeleteScheduleTargets(ctx, gen.DeleteScheduleTargetsParams{OrgID: grant.Org, ScheduleID: old.ID}); err != nil {
		return err
	}
	if err := q.DeleteScheduleCalendars(ctx, gen.DeleteScheduleCalendarsParams{OrgID: grant.Org, ScheduleID: old.ID}); err != nil {
		return err
	}
	if err := insertBeside(ctx, q, old.ID, want); err != nil {
		return err
	}
	return write(ctx, q, "schedule.update", old.ID, storedForAudit(old, targets), want.forAudit())
}

// DeleteSchedule ends a schedule; its history stays.
func (s *Service) DeleteSchedule(ctx context.Context, req *v1.DeleteScheduleRequest) (*v1.DeleteScheduleResponse, error) {
	grant := rpc.GrantOf(ctx)
	id, err := request.ID(req.GetScheduleId())
	if err != nil {
		return nil, err
	}
	err = s.tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) error {
		return s.inTimetable(ctx, q, func(time.Time) error {
			old, targets, err := lock(ctx, q, id, "")
			if err != nil {
				return err
			}
			if _, err := q.DeleteSchedule(ctx, gen.DeleteScheduleParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: id}); err != nil {
				return err
			}
			if err := q.DeleteScheduleCalendars(ctx, gen.DeleteScheduleCalendarsParams{OrgID: grant.Org, ScheduleID: id}); err != nil {
				return err
			}
			return write(ctx, q, "schedule.delete", id, storedForAudit(old, targets), nil)
		})
	})
	return &v1.DeleteScheduleResponse{}, err
}

// inTimetable runs a change under the lock of the workspace's clock row, which
// the dispatcher's claim takes too, and then sets the clock to the earliest next
// time. now is the database's. A workspace without a schedule has no clock row to
// lock: the organization's lock keeps its first schedules from setting the clock
// past each other.
func (s *Service) inTimetable(ctx context.Context, q *gen.Queries, change func(now time.Time) error) error {
	grant := rpc.GrantOf(ctx)
	if _, err := q.LockOrganization(ctx, grant.Org); err != nil {
		return err
	}
	clock := gen.LockAgendaParams{OrgID: grant.Org, Kind: string(agenda.KindTimetable), Subject: grant.Workspace.String()}
	if _, err := q.LockAgenda(ctx, clock); err != nil && !db.IsNoRows(err) {
		return err
	}
	now, err := q.DatabaseTime(ctx)
	if err != nil {
		return err
	}
	if err := change(now); err != nil {
		return err
	}
	next, err := q.NextOfWorkspace(ctx, gen.NextOfWorkspaceParams{OrgID: grant.Org, WorkspaceID: grant.Workspace})
	if err != nil {
		return err
	}
	if next.N == 0 {
		return q.DeleteAgenda(ctx, gen.DeleteAgendaParams(clock))
	}
	return q.SetClock(ctx, gen.SetClockParams{OrgID: clock.OrgID, Kind: clock.Kind, Subject: clock.Subject, Lane: int16(agenda.LaneMinute), DueAt: next.NextAt})
}

// lock reads a schedule for a change. Errors: NOT_FOUND, CONFLICT.
func lock(ctx context.Context, q *gen.Queries, id uuid.UUID, etag string) (gen.Schedule, []uuid.UUID, error) {
	grant := rpc.GrantOf(ctx)
	row, err := q.LockSchedule(ctx, gen.LockScheduleParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: id})
	if db.IsNoRows(err) {
		return row, nil, rpcerr.NotFound()
	}
	if err != nil {
		return row, nil, err
	}
	if etag != "" && etag != row.Etag.String() {
		return row, nil, rpcerr.New(rpcerr.ReasonConflict)
	}
	targets, err := q.TargetIDsOfSchedules(ctx, gen.TargetIDsOfSchedulesParams{OrgID: grant.Org, ScheduleIds: []uuid.UUID{id}})
	ids := make([]uuid.UUID, len(targets))
	for i, t := range targets {
		ids[i] = t.ResourceID
	}
	return row, ids, err
}

// without leaves out what a schedule names already: a machine that is gone must
// not keep its schedule from being changed.
func without(ids, known []uuid.UUID) []uuid.UUID {
	return slices.DeleteFunc(slices.Clone(ids), func(id uuid.UUID) bool { return slices.Contains(known, id) })
}

// checkResources refuses ids that are not machines of this workspace that can be
// switched. Errors: NOT_FOUND, NOT_SWITCHABLE.
func checkResources(ctx context.Context, q *gen.Queries, ids []uuid.UUID) error {
	if len(ids) == 0 {
		return nil
	}
	grant := rpc.GrantOf(ctx)
	rows, err := q.ResourcesByID(ctx, gen.ResourcesByIDParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, Ids: ids})
	if err == nil && len(rows) != len(ids) {
		err = rpcerr.NotFound()
	}
	if err != nil {
		return err
	}
	i := slices.IndexFunc(rows, func(r gen.ResourcesByIDRow) bool { return !cloud.Switchable(r.Kind) })
	if i >= 0 {
		return rpcerr.New(rpcerr.ReasonNotSwitchable, "name", rows[i].Name)
	}
	return nil
}

func write(ctx context.Context, q *gen.Queries, action string, id uuid.UUID, before, after any) error {
	grant := rpc.GrantOf(ctx)
	return audit.Write(ctx, q, audit.Entry{
		Org: grant.Org, Workspace: grant.Workspace, Action: action, SubjectKind: "schedule", SubjectID: id.String(), Before: before, After: after,
	})
}

func sameRule(stored json.RawMessage, rule schedule.Rule) bool {
	var old schedule.Rule
	return json.Unmarshal(stored, &old) == nil && reflect.DeepEqual(old, rule)
}

func sameSelector(stored json.RawMessage, s *schedule.Selector) bool {
	if len(stored) == 0 || s == nil {
		return len(stored) == 0 && s == nil
	}
	var old schedule.Selector
	if json.Unmarshal(stored, &old) != nil {
		return false
	}
	a, err1 := json.Marshal(old)
	b, err2 := json.Marshal(s)
	return err1 == nil && err2 == nil && bytes.Equal(a, b)
}
