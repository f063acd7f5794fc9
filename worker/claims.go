package worker

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/cloudhub/cloudhub/activities"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/notify"
	"github.com/cloudhub/cloudhub/internal/platform/telemetry"
	"github.com/cloudhub/cloudhub/internal/power"
	"github.com/cloudhub/cloudhub/internal/schedule"
)

// claimedOperations are the operations of one expansion, as rows to write.
type claimedOperations struct {
	ops       []claimedOperation
	missed    int
	inserted  map[uuid.UUID]bool
	operation gen.ClaimOperationsParams
}

type claimedOperation struct {
	key       minuteKey
	id        uuid.UUID
	claims    []schedule.Claim
	orders    []schedule.Order
	readings  []claimedReading
	resources map[uuid.UUID]gen.TargetsOfSchedulesRow
	acts      bool
}

// claimedReading is one account in which the machines of a schedule are looked for.
type claimedReading struct {
	claim   schedule.Claim
	account uuid.UUID
	name    string
}

// state is how the operation begins: final when nothing of it is to be done. told
// is false when there is nothing to tell either: all chosen machines left with
// their accounts.
func (op *claimedOperation) state() (state string, told bool) {
	op.acts = len(op.readings) > 0
	missed, nothing := false, false
	for _, o := range op.orders {
		op.acts = op.acts || !o.Missed
	}
	for _, c := range op.claims {
		missed = missed || c.Missed
		told = told || c.Exception != nil || c.Selector != nil
		nothing = nothing || c.Acts() // and yet there is no account to look in, and no machine
	}
	switch {
	case op.acts:
		return "queued", true
	case missed:
		return string(power.OperationMissed), told || len(op.orders) > 0
	case nothing:
		return string(power.Succeeded), told
	default:
		return string(power.OperationSkipped), told
	}
}

func (c *claimedOperations) add(op claimedOperation) {
	state, told := op.state()
	if !told {
		return
	}
	c.ops = append(c.ops, op)
	done, leftAlone, on, off := 0, 0, 0, 0
	for _, o := range op.orders {
		switch s, _ := reasonOf(o); s {
		case power.Missed:
			done++
		case power.LeftAlone:
			done++
			leftAlone++
		}
		if o.Wanted == schedule.Running {
			on++
		} else {
			off++
		}
	}
	if state == string(power.OperationMissed) {
		c.missed++
	}
	last := op.claims[0].ActBefore()
	for _, claim := range op.claims {
		if claim.ActBefore().After(last) {
			last = claim.ActBefore()
		}
	}
	p := &c.operation
	p.OrgIds, p.WorkspaceIds, p.Ids = append(p.OrgIds, op.key.org), append(p.WorkspaceIds, op.key.workspace), append(p.Ids, op.id)
	p.States = append(p.States, state)
	p.DueAts = append(p.DueAts, op.key.at)
	p.ActBefores = append(p.ActBefores, last)
	p.TargetCounts = append(p.TargetCounts, int32(len(op.orders)))
	p.OnCounts, p.OffCounts = append(p.OnCounts, int32(on)), append(p.OffCounts, int32(off))
	p.DoneCounts, p.LeftAloneCounts = append(p.DoneCounts, int32(done)), append(p.LeftAloneCounts, int32(leftAlone))
}

// write inserts the operations that were not claimed before, with their
// schedules, targets, readings, audit rows, what is told of them, and agenda rows.
func (c *claimedOperations) write(ctx context.Context, q *gen.Queries) error {
	if len(c.ops) == 0 {
		return nil
	}
	fresh, err := q.ClaimOperations(ctx, c.operation)
	if err != nil {
		return err
	}
	c.inserted = map[uuid.UUID]bool{}
	for _, f := range fresh {
		c.inserted[f.ID] = true
	}
	schedules, targets := c.rows()
	if err := q.ClaimSchedules(ctx, schedules); err != nil {
		return err
	}
	if err := q.ClaimTargets(ctx, targets); err != nil {
		return err
	}
	readings, err := c.readings()
	if err != nil {
		return err
	}
	if len(readings.OrgIds) > 0 {
		if err := q.ClaimReadings(ctx, readings); err != nil {
			return err
		}
	}
	if err := c.tell(ctx, q); err != nil {
		return err
	}
	if err := q.InsertAuditMany(ctx, c.audit()); err != nil {
		return err
	}
	return q.AskMany(ctx, c.asks(ctx))
}

// claimed is what one expansion of timetables came to.
type claimed struct {
	missed  int                      // minutes of workspaces that came after their window
	late    []time.Duration          // of each minute of which something is done: how long after it was due
	leftOut []schedule.ExceptionKind // of each run that was left out
}

func (c *claimedOperations) claimed(now time.Time) claimed {
	out := claimed{missed: c.missed}
	for _, op := range c.ops {
		if !c.inserted[op.id] {
			continue
		}
		if op.acts {
			out.late = append(out.late, now.Sub(op.key.at))
		}
		for _, claim := range op.claims {
			if claim.Exception != nil {
				out.leftOut = append(out.leftOut, claim.Exception.Kind)
			}
		}
	}
	return out
}

func (c *claimedOperations) rows() (s gen.ClaimSchedulesParams, t gen.ClaimTargetsParams) {
	for _, op := range c.ops {
		if !c.inserted[op.id] {
			continue
		}
		for _, claim := range op.claims {
			s.OrgIds, s.WorkspaceIds, s.OperationIds = append(s.OrgIds, op.key.org), append(s.WorkspaceIds, op.key.workspace), append(s.OperationIds, op.id)
			s.ScheduleIds, s.Revisions, s.Names = append(s.ScheduleIds, claim.Schedule), append(s.Revisions, claim.Revision), append(s.Names, claim.Name)
			s.Wanteds, s.DueAts = append(s.Wanteds, string(claim.Wanted)), append(s.DueAts, claim.At)
			var e schedule.Exception
			if claim.Exception != nil {
				e = *claim.Exception
			}
			s.Exceptions, s.ExceptionTexts = append(s.Exceptions, string(e.Kind)), append(s.ExceptionTexts, e.Text)
		}
		for _, o := range op.orders {
			r := op.resources[o.Resource]
			state, reason := reasonOf(o)
			name := r.Name
			if name == "" {
				name = r.ProviderID
			}
			t.OrgIds, t.WorkspaceIds, t.OperationIds = append(t.OrgIds, op.key.org), append(t.WorkspaceIds, op.key.workspace), append(t.OperationIds, op.id)
			t.ResourceIds, t.ResourceNames, t.ProviderIds = append(t.ResourceIds, o.Resource), append(t.ResourceNames, name), append(t.ProviderIds, r.ProviderID)
			t.CloudAccountIds, t.Regions, t.ScheduleIds = append(t.CloudAccountIds, r.CloudAccountID), append(t.Regions, r.Region), append(t.ScheduleIds, o.Schedule)
			t.Wanteds, t.States, t.Reasons = append(t.Wanteds, string(o.Wanted)), append(t.States, string(state)), append(t.Reasons, string(reason))
			t.ActBefores = append(t.ActBefores, o.ActBefore)
		}
	}
	return s, t
}

func (c *claimedOperations) readings() (p gen.ClaimReadingsParams, err error) {
	for _, op := range c.ops {
		if !c.inserted[op.id] {
			continue
		}
		for _, r := range op.readings {
			selector, err := json.Marshal(r.claim.Selector)
			if err != nil {
				return p, err
			}
			p.OrgIds, p.WorkspaceIds, p.OperationIds = append(p.OrgIds, op.key.org), append(p.WorkspaceIds, op.key.workspace), append(p.OperationIds, op.id)
			p.ScheduleIds, p.CloudAccountIds, p.CloudAccountNames = append(p.ScheduleIds, r.claim.Schedule), append(p.CloudAccountIds, r.account), append(p.CloudAccountNames, r.name)
			p.Selectors, p.Wanteds, p.ActBefores = append(p.Selectors, selector), append(p.Wanteds, string(r.claim.Wanted)), append(p.ActBefores, r.claim.ActBefore())
		}
	}
	return p, nil
}

// tell writes the events and notifications of what was missed: of all else they
// are written when it ends.
func (c *claimedOperations) tell(ctx context.Context, q *gen.Queries) error {
	var told notify.Batch
	for _, op := range c.ops {
		if !c.inserted[op.id] || op.acts {
			continue
		}
		for _, claim := range op.claims {
			if !claim.Missed {
				continue
			}
			n := 0
			for _, o := range op.orders {
				if o.Schedule == claim.Schedule {
					n++
				}
			}
			told.Run(op.key.org, op.key.workspace, notify.Run{
				OperationID: op.id, ScheduleID: claim.Schedule, ScheduleName: claim.Name, DueTime: claim.At, Wanted: string(claim.Wanted),
				Missed: true, TargetCount: n, MissedCount: n,
			})
		}
	}
	return activities.Tell(ctx, q, told)
}

func (c *claimedOperations) audit() gen.InsertAuditManyParams {
	p := gen.InsertAuditManyParams{ActorKind: "timetable", Action: "operation.claim", SubjectKind: "operation"}
	for _, op := range c.ops {
		if !c.inserted[op.id] {
			continue
		}
		ids, excepted := make([]uuid.UUID, len(op.claims)), 0
		missed := false
		for i, claim := range op.claims {
			ids[i] = claim.Schedule
			missed = missed || claim.Missed
			if claim.Exception != nil {
				excepted++
			}
		}
		after, err := json.Marshal(map[string]any{
			"due_at": op.key.at, "schedules": ids, "targets": len(op.orders), "readings": len(op.readings), "missed": missed, "left_out": excepted,
		})
		if err != nil {
			continue // ids, numbers and a time always marshal
		}
		p.OrgIds, p.Ids = append(p.OrgIds, op.key.org), append(p.Ids, uuid.Must(uuid.NewV7()))
		p.WorkspaceIds, p.SubjectIds = append(p.WorkspaceIds, op.key.workspace), append(p.SubjectIds, op.id.String())
		p.Afters = append(p.Afters, after)
	}
	return p
}

// account is the one that all its machines are of, or nil.
func (op claimedOperation) account() uuid.UUID {
	accounts := make([]uuid.UUID, 0, len(op.orders)+len(op.readings))
	for _, o := range op.orders {
		accounts = append(accounts, op.resources[o.Resource].CloudAccountID)
	}
	for _, r := range op.readings {
		accounts = append(accounts, r.account)
	}
	return agenda.OnlyOf(accounts)
}

func (c *claimedOperations) asks(ctx context.Context) gen.AskManyParams {
	p := gen.AskManyParams{Kind: string(agenda.KindPower), Lane: int16(agenda.LaneMinute)}
	for _, op := range c.ops {
		if c.inserted[op.id] && op.acts {
			p.OrgIds, p.Subjects, p.DueAts = append(p.OrgIds, op.key.org), append(p.Subjects, op.id.String()), append(p.DueAts, op.key.at)
			p.AccountIds = append(p.AccountIds, op.account())
			p.Traces = append(p.Traces, dueTrace(ctx, "due minute", op.key.at, telemetry.OrgID, op.key.org.String(),
				telemetry.WorkspaceID, op.key.workspace.String(), telemetry.OperationID, op.id.String()))
		}
	}
	return p
}
