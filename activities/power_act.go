package activities

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/power"
)

// answerWithin is how long a provider may take to answer a power call that has
// left. It is not the deadline for leaving: that is act_before.
const answerWithin = 45 * time.Second

// maxAttempts is how many calls may leave for one target that is refused for
// its state each time, before it fails.
const maxAttempts = 8

func (d *drive) actAll(ctx context.Context, want cloud.Power, targets []toAct) error {
	size := d.opened.cloud.Instances.MaxPowerBatch()
	for chunk := range slices.Chunk(targets, size) {
		if err := d.act(ctx, want, chunk); err != nil {
			return err
		}
	}
	return nil
}

// act makes one provider call. The check before it is the last statement; its
// answer says how long is left by the database's clock, which is then counted
// by this process's monotonic clock, and compared once more below everything
// that could delay the call.
func (d *drive) act(ctx context.Context, want cloud.Power, targets []toAct) error {
	before := time.Now()
	allowed, left, err := d.mayAct(ctx, targets)
	if err != nil || len(allowed) == 0 {
		return err
	}
	ids := make([]string, len(allowed))
	for i, t := range allowed {
		ids[i] = t.providerID
	}
	callCtx, cancel := context.WithTimeout(cloud.WithNotAfter(ctx, before.Add(left)), left+answerWithin)
	defer cancel()
	result, err := d.opened.cloud.Instances.SetPower(callCtx, d.opened.account, d.in.Region, want, ids)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return d.callFailed(ctx, want, allowed, err)
	}
	return d.answered(ctx, allowed, result)
}

// mayAct checks and writes the intent: one attempt more for each.
func (d *drive) mayAct(ctx context.Context, targets []toAct) (allowed []toAct, left time.Duration, err error) {
	ids := make([]uuid.UUID, len(targets))
	for i, t := range targets {
		ids[i] = t.resource
	}
	var rows []gen.MayActRow
	err = d.p.accounts.tenants.InTenant(ctx, d.in.Org, func(q *gen.Queries) (err error) {
		rows, err = q.MayAct(ctx, gen.MayActParams{OrgID: d.in.Org, OperationID: d.in.Subject, ResourceIds: ids, Lease: d.in.Lease})
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	seconds := map[uuid.UUID]float64{}
	for _, r := range rows {
		seconds[r.ResourceID] = r.SecondsLeft
	}
	least := -1.0
	for _, t := range targets {
		s, ok := seconds[t.resource]
		if !ok {
			continue
		}
		allowed = append(allowed, t)
		if least < 0 || s < least {
			least = s
		}
	}
	return allowed, time.Duration(least * float64(time.Second)), nil
}

// answered records what the provider accepted and whom it refused.
func (d *drive) answered(ctx context.Context, asked []toAct, result cloud.PowerResult) error {
	d.faults = 0
	resource := map[string]uuid.UUID{}
	for _, t := range asked {
		resource[t.providerID] = t.resource
	}
	var accepted []uuid.UUID
	for _, c := range result.Accepted {
		if id, ok := resource[c.ProviderID]; ok {
			accepted = append(accepted, id)
		}
	}
	var refused ends
	var firstRefusal error
	for _, r := range result.Refused {
		id, ok := resource[r.ProviderID]
		// Its state changed between the look and the call: the next look decides.
		if !ok || r.Err.Reason == cloud.ReasonWrongState && !d.exhausted(id) {
			continue
		}
		if firstRefusal == nil {
			firstRefusal = r.Err
		}
		refused.add(end{resource: id, state: power.Failed, reason: providerReason(r.Err.Reason), detail: detailOf(r.Err)})
	}
	return d.fenced(ctx, func(q *gen.Queries) error {
		if err := refused.write(ctx, q, d.in.WorkInput, time.Time{}); err != nil {
			return err
		}
		if len(accepted) > 0 {
			if err := q.MarkAccepted(ctx, gen.MarkAcceptedParams{OrgID: d.in.Org, OperationID: d.in.Subject, ResourceIds: accepted}); err != nil {
				return err
			}
		}
		if err := d.noteIn(ctx, q, 1, "watching", firstRefusal); err != nil {
			return err
		}
		return progress(ctx, q, d.in.WorkInput)
	})
}

// exhausted counts refusals for the state within this attempt; a new attempt
// of the activity counts anew, and act_before bounds them all.
func (d *drive) exhausted(id uuid.UUID) bool {
	if d.wrongState == nil {
		d.wrongState = map[uuid.UUID]int{}
	}
	d.wrongState[id]++
	return d.wrongState[id] >= maxAttempts
}

// callFailed decides what the refusal of a whole call means.
func (d *drive) callFailed(ctx context.Context, want cloud.Power, asked []toAct, err error) error {
	reason := cloud.ReasonOf(err)
	d.p.logger.WarnContext(ctx, "power call failed", "org_id", d.in.Org, "operation_id", d.in.Subject,
		"account_id", d.in.Account, "region", d.in.Region, "targets", len(asked), "reason", reason, "detail", detailOf(err))
	switch {
	case reason == cloud.ReasonTooLate:
		return nil // nothing left; the next look ends them
	case reason.Retryable():
		d.fault(err)
		return d.note(ctx, 1, err)
	case reason == cloud.ReasonWrongState && len(asked) == 1 && !d.exhausted(asked[0].resource):
		return d.note(ctx, 1, err) // it changed between the look and the call: the next look decides
	case len(asked) > 1 && (reason == cloud.ReasonUnsupported || reason == cloud.ReasonNotFound || reason == cloud.ReasonWrongState):
		// It is about some machine that was not named: halve until it is found.
		for half := range slices.Chunk(asked, (len(asked)+1)/2) {
			if err := d.act(ctx, want, half); err != nil {
				return err
			}
		}
		return nil
	}
	var refused ends
	for _, t := range asked {
		refused.add(end{resource: t.resource, state: power.Failed, reason: providerReason(reason), detail: detailOf(err)})
	}
	return d.fenced(ctx, func(q *gen.Queries) error {
		if err := refused.write(ctx, q, d.in.WorkInput, time.Time{}); err != nil {
			return err
		}
		if err := d.noteIn(ctx, q, 1, "acting", err); err != nil {
			return err
		}
		return progress(ctx, q, d.in.WorkInput)
	})
}

// note records an attempt and its error on the operation.
func (d *drive) note(ctx context.Context, calls int32, err error) error {
	return d.fenced(ctx, func(q *gen.Queries) error {
		if e := d.noteIn(ctx, q, calls, "acting", err); e != nil {
			return e
		}
		return progress(ctx, q, d.in.WorkInput)
	})
}

func (d *drive) noteIn(ctx context.Context, q *gen.Queries, calls int32, step string, err error) error {
	n := gen.NoteAttemptParams{Calls: calls, Step: step, OrgID: d.in.Org, ID: d.in.Subject, Lease: d.in.Lease}
	if err != nil {
		n.LastError = providerReason(cloud.ReasonOf(err))
		n.LastErrorDetail = clip(detailOf(err), maxDetail)
	}
	return q.NoteAttempt(ctx, n)
}
