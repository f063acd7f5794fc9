package schedule

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/platform/crashpoint"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/internal/platform/telemetry"
	"github.com/cloudhub/cloudhub/internal/power"
	"github.com/cloudhub/cloudhub/internal/schedule"
	"github.com/cloudhub/cloudhub/internal/timetable"
	"github.com/cloudhub/cloudhub/server/audit"
	"github.com/cloudhub/cloudhub/server/inventory"
	"github.com/cloudhub/cloudhub/server/operation"
	"github.com/cloudhub/cloudhub/server/request"
	"github.com/cloudhub/cloudhub/server/rpc"
)

// PauseSchedule stops a schedule until it is resumed.
func (s *Service) PauseSchedule(ctx context.Context, req *v1.PauseScheduleRequest) (*v1.PauseScheduleResponse, error) {
	out, err := s.setPaused(ctx, req.GetScheduleId(), true)
	return &v1.PauseScheduleResponse{Schedule: out}, err
}

// ResumeSchedule lets it go on with the next time after now.
func (s *Service) ResumeSchedule(ctx context.Context, req *v1.ResumeScheduleRequest) (*v1.ResumeScheduleResponse, error) {
	out, err := s.setPaused(ctx, req.GetScheduleId(), false)
	return &v1.ResumeScheduleResponse{Schedule: out}, err
}

func (s *Service) setPaused(ctx context.Context, scheduleID string, paused bool) (*v1.Schedule, error) {
	return s.turn(ctx, scheduleID, func(q *gen.Queries, row gen.Schedule, rule schedule.Rule, now time.Time) error {
		if (row.PausedAt != nil) == paused {
			return nil
		}
		grant := rpc.GrantOf(ctx)
		p := gen.SetPausedParams{Paused: paused, Tzdata: schedule.ZoneData(), OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: row.ID}
		action := "schedule.pause"
		if paused {
			p.ByName = grant.Name
		} else {
			action = "schedule.resume"
			var err error
			if p.NextAt, p.NextWanted, err = next(ctx, q, rule, now); err != nil {
				return err
			}
		}
		if _, err := q.SetPaused(ctx, p); err != nil {
			return err
		}
		return write(ctx, q, action, row.ID, nil, map[string]any{"name": row.Name})
	})
}

// turn is a change beside the rule of one schedule, in its workspace's timetable.
// Errors: NOT_FOUND.
func (s *Service) turn(ctx context.Context, scheduleID string, change func(q *gen.Queries, row gen.Schedule, rule schedule.Rule, now time.Time) error) (*v1.Schedule, error) {
	id, err := request.ID(scheduleID)
	if err != nil {
		return nil, err
	}
	err = s.tenants.InTenant(ctx, rpc.GrantOf(ctx).Org, func(q *gen.Queries) error {
		return s.inTimetable(ctx, q, func(now time.Time) error {
			row, _, err := lock(ctx, q, id, "")
			if err != nil {
				return err
			}
			var rule schedule.Rule
			if err := json.Unmarshal(row.Rule, &rule); err != nil {
				return err
			}
			return change(q, row, rule, now)
		})
	})
	if err != nil {
		return nil, err
	}
	return s.get(ctx, id)
}

// skipAhead is among how many runs the next one is looked for that is not left
// out yet.
const skipAhead = 100

// SkipNext leaves out the next run that is not left out yet.
func (s *Service) SkipNext(ctx context.Context, req *v1.SkipNextRequest) (*v1.SkipNextResponse, error) {
	grant, caller := rpc.GrantOf(ctx), rpc.CallerOf(ctx)
	out := &v1.SkipNextResponse{}
	var err error
	out.Schedule, err = s.turn(ctx, req.GetScheduleId(), func(q *gen.Queries, row gen.Schedule, rule schedule.Rule, now time.Time) error {
		if row.PausedAt != nil {
			return rpcerr.New(rpcerr.ReasonNothingToSkip)
		}
		h, err := timetable.Holidays(ctx, q, grant.Org, rule.Calendars, now)
		if err != nil {
			return err
		}
		runs, err := rule.Upcoming(now, skipAhead, h)
		if err != nil {
			return err
		}
		x, err := exceptionsOf(ctx, q, []uuid.UUID{row.ID})
		if err != nil {
			return err
		}
		x.pause = nil // it may be over by then
		for _, r := range runs {
			if x.at(row.ID, r.At) != nil {
				continue
			}
			if _, err := q.InsertSkip(ctx, gen.InsertSkipParams{
				OrgID: grant.Org, WorkspaceID: grant.Workspace, ScheduleID: row.ID, At: r.At, CreatedBy: caller.UserID, CreatedByName: grant.Name,
			}); err != nil {
				return err
			}
			if err := q.TouchSchedule(ctx, gen.TouchScheduleParams{OrgID: grant.Org, ID: row.ID}); err != nil {
				return err
			}
			out.SkippedTime = timestamppb.New(r.At)
			return write(ctx, q, "schedule.skip", row.ID, nil, map[string]any{"name": row.Name, "at": r.At})
		}
		return rpcerr.New(rpcerr.ReasonNothingToSkip)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// RestoreRun takes a skip back.
func (s *Service) RestoreRun(ctx context.Context, req *v1.RestoreRunRequest) (*v1.RestoreRunResponse, error) {
	grant := rpc.GrantOf(ctx)
	out, err := s.turn(ctx, req.GetScheduleId(), func(q *gen.Queries, row gen.Schedule, _ schedule.Rule, _ time.Time) error {
		n, err := q.DeleteSkip(ctx, gen.DeleteSkipParams{OrgID: grant.Org, ScheduleID: row.ID, At: req.GetTime().AsTime()})
		if err != nil {
			return err
		}
		if n == 0 {
			return rpcerr.NotFound()
		}
		if err := q.TouchSchedule(ctx, gen.TouchScheduleParams{OrgID: grant.Org, ID: row.ID}); err != nil {
			return err
		}
		return write(ctx, q, "schedule.restore", row.ID, nil, map[string]any{"name": row.Name, "at": req.GetTime().AsTime()})
	})
	return &v1.RestoreRunResponse{Schedule: out}, err
}

// RunNow starts or stops the machines of a schedule at once, as an order of the
// caller.
func (s *Service) RunNow(ctx context.Context, req *v1.RunNowRequest) (*v1.RunNowResponse, error) {
	grant := rpc.GrantOf(ctx)
	scheduleID, err := request.ID(req.GetScheduleId())
	if err != nil {
		return nil, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, err
	}
	var op gen.Operation
	err = s.tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) error {
		earlier, err := request.Once(ctx, q, "RunNow", req.GetRequestId(), req, id)
		if err != nil {
			return err
		}
		if earlier != nil {
			op, err = q.GetOperation(ctx, gen.GetOperationParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: *earlier})
			return err
		}
		row, err := q.GetSchedule(ctx, gen.GetScheduleParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: scheduleID})
		if db.IsNoRows(err) {
			return rpcerr.NotFound()
		}
		if err != nil {
			return err
		}
		r := runNow{q: q, row: row, id: id, wanted: inventory.StoredState(req.GetWanted())}
		op, err = r.ask(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	crashpoint.Reached(crashpoint.Committed, req.GetRequestId())
	telemetry.Tag(ctx, telemetry.OperationID, op.ID.String())
	return &v1.RunNowResponse{Operation: operation.ToProto(op, nil, nil)}, nil
}

// runNow is one transaction of RunNow.
type runNow struct {
	q      *gen.Queries
	row    gen.Schedule
	id     uuid.UUID
	wanted string
}

func (r runNow) ask(ctx context.Context) (op gen.Operation, err error) {
	grant, caller := rpc.GrantOf(ctx), rpc.CallerOf(ctx)
	var rule schedule.Rule
	if err := json.Unmarshal(r.row.Rule, &rule); err != nil {
		return op, err
	}
	if r.wanted == string(schedule.Running) && rule.Start == nil || r.wanted == string(schedule.Stopped) && rule.Stop == nil {
		return op, rpcerr.Invalid(rpcerr.ReasonValidation, "wanted", "the schedule does not do that")
	}
	if _, err = r.q.InsertOperation(ctx, gen.InsertOperationParams{
		OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: r.id, Origin: "person", RequestedBy: &caller.UserID, RequestedByName: grant.Name,
		ActWithinSeconds: power.ActWithin.Seconds(), RequestID: caller.RequestID,
	}); err != nil {
		return op, err
	}
	if err := r.q.InsertOperationSchedule(ctx, gen.InsertOperationScheduleParams{
		OrgID: grant.Org, WorkspaceID: grant.Workspace, OperationID: r.id, ScheduleID: r.row.ID, Revision: r.row.Revision, Name: r.row.Name, Wanted: r.wanted,
	}); err != nil {
		return op, err
	}
	account, err := r.targets(ctx)
	if err != nil {
		return op, err
	}
	if _, err := r.q.CountOperation(ctx, gen.CountOperationParams{OrgID: grant.Org, ID: r.id}); err != nil {
		return op, err
	}
	if err := audit.Write(ctx, r.q, audit.Entry{
		Org: grant.Org, Workspace: grant.Workspace, Action: "schedule.run_now", SubjectKind: "operation", SubjectID: r.id.String(),
		After: map[string]any{"schedule": r.row.ID, "wanted": r.wanted},
	}); err != nil {
		return op, err
	}
	if err := request.Ask(ctx, r.q, grant.Org, agenda.KindPower, r.id, account); err != nil {
		return op, err
	}
	return r.q.GetOperation(ctx, gen.GetOperationParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: r.id})
}

// targets writes the chosen machines, or the accounts in which they are looked
// for, and answers the account when all are of one. Errors: NOT_SWITCHABLE when
// there is nothing to act on.
func (r runNow) targets(ctx context.Context) (uuid.UUID, error) {
	grant := rpc.GrantOf(ctx)
	if r.row.Selector != nil {
		var selector schedule.Selector
		if err := json.Unmarshal(r.row.Selector, &selector); err != nil {
			return uuid.Nil, err
		}
		names, err := r.q.AccountNames(ctx, gen.AccountNamesParams{OrgID: grant.Org, WorkspaceID: grant.Workspace})
		if err != nil {
			return uuid.Nil, err
		}
		var accounts []uuid.UUID
		for _, n := range names {
			if selector.Reads(n.ID) {
				accounts = append(accounts, n.ID)
			}
		}
		if len(accounts) == 0 {
			return uuid.Nil, rpcerr.New(rpcerr.ReasonNotSwitchable, "name", r.row.Name)
		}
		return agenda.OnlyOf(accounts), r.q.InsertReadings(ctx, gen.InsertReadingsParams{
			ScheduleID: r.row.ID, Selector: r.row.Selector, Wanted: r.wanted, OrgID: grant.Org, OperationID: r.id, AccountIds: accounts,
		})
	}
	n, err := r.q.InsertTargetsOfSchedule(ctx, gen.InsertTargetsOfScheduleParams{OperationID: r.id, Wanted: r.wanted, OrgID: grant.Org, ScheduleID: r.row.ID})
	if err != nil {
		return uuid.Nil, err
	}
	if n == 0 {
		return uuid.Nil, rpcerr.New(rpcerr.ReasonNotSwitchable, "name", r.row.Name)
	}
	targets, err := r.q.ListTargets(ctx, gen.ListTargetsParams{OrgID: grant.Org, OperationID: r.id})
	accounts := make([]uuid.UUID, len(targets))
	for i, t := range targets {
		accounts[i] = t.CloudAccountID
	}
	return agenda.OnlyOf(accounts), err
}
