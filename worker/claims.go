package worker

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
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
	resources map[uuid.UUID]gen.TargetsOfSchedulesRow
	missed    bool
}

func (c *claimedOperations) add(k minuteKey, claims []schedule.Claim, orders []schedule.Order, resources map[uuid.UUID]gen.TargetsOfSchedulesRow) {
	missed := claims[0].Missed
	op := claimedOperation{k, uuid.Must(uuid.NewV7()), claims, orders, resources, missed}
	c.ops = append(c.ops, op)
	state, done, leftAlone, on, off := "queued", 0, 0, 0, 0
	for _, o := range orders {
		switch s, _ := reasonOf(missed, o); s {
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
	if missed {
		state = string(power.OperationMissed)
		c.missed++
	}
	p := &c.operation
	p.OrgIds, p.WorkspaceIds, p.Ids = append(p.OrgIds, k.org), append(p.WorkspaceIds, k.workspace), append(p.Ids, op.id)
	p.States = append(p.States, state)
	p.DueAts = append(p.DueAts, k.at)
	p.ActBefores = append(p.ActBefores, claims[0].ActBefore())
	p.TargetCounts = append(p.TargetCounts, int32(len(orders)))
	p.OnCounts, p.OffCounts = append(p.OnCounts, int32(on)), append(p.OffCounts, int32(off))
	p.DoneCounts, p.LeftAloneCounts = append(p.DoneCounts, int32(done)), append(p.LeftAloneCounts, int32(leftAlone))
}

// write inserts the operations that were not claimed before, with their
// schedules, targets, audit rows and agenda rows.
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
	if err := q.InsertAuditMany(ctx, c.audit()); err != nil {
		return err
	}
	return q.AskMany(ctx, c.asks(ctx))
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
		}
		for _, o := range op.orders {
			r := op.resources[o.Resource]
			state, reason := reasonOf(op.missed, o)
			name := r.Name
			if name == "" {
				name = r.ProviderID
			}
			t.OrgIds, t.WorkspaceIds, t.OperationIds = append(t.OrgIds, op.key.org), append(t.WorkspaceIds, op.key.workspace), append(t.OperationIds, op.id)
			t.ResourceIds, t.ResourceNames, t.ProviderIds = append(t.ResourceIds, o.Resource), append(t.ResourceNames, name), append(t.ProviderIds, r.ProviderID)
			t.CloudAccountIds, t.Regions, t.ScheduleIds = append(t.CloudAccountIds, r.CloudAccountID), append(t.Regions, r.Region), append(t.ScheduleIds, o.Schedule)
			t.Wanteds, t.States, t.Reasons = append(t.Wanteds, string(o.Wanted)), append(t.States, string(state)), append(t.Reasons, string(reason))
		}
	}
	return s, t
}

func (c *claimedOperations) audit() gen.InsertAuditManyParams {
	p := gen.InsertAuditManyParams{ActorKind: "timetable", Action: "operation.claim", SubjectKind: "operation"}
	for _, op := range c.ops {
		if !c.inserted[op.id] {
			continue
		}
		ids := make([]uuid.UUID, len(op.claims))
		for i, claim := range op.claims {
			ids[i] = claim.Schedule
		}
		after, err := json.Marshal(map[string]any{"due_at": op.key.at, "schedules": ids, "targets": len(op.orders), "missed": op.missed})
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
	accounts := make([]uuid.UUID, len(op.orders))
	for i, o := range op.orders {
		accounts[i] = op.resources[o.Resource].CloudAccountID
	}
	return agenda.OnlyOf(accounts)
}

func (c *claimedOperations) asks(ctx context.Context) gen.AskManyParams {
	p := gen.AskManyParams{Kind: string(agenda.KindPower), Lane: int16(agenda.LaneMinute)}
	for _, op := range c.ops {
		if c.inserted[op.id] && !op.missed {
			p.OrgIds, p.Subjects, p.DueAts = append(p.OrgIds, op.key.org), append(p.Subjects, op.id.String()), append(p.DueAts, op.key.at)
			p.AccountIds = append(p.AccountIds, op.account())
			p.Traces = append(p.Traces, dueTrace(ctx, "due minute", op.key.at, telemetry.OrgID, op.key.org.String(),
				telemetry.WorkspaceID, op.key.workspace.String(), telemetry.OperationID, op.id.String()))
		}
	}
	return p
}
