package activities

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/platform/crashpoint"
	"github.com/cloudhub/cloudhub/internal/power"
)

// maxAttempts is how many calls may leave for one target that is refused for
// its state each time, before it fails.
const maxAttempts = 8

func (d *drive) actAll(ctx context.Context, want cloud.Power, targets []toAct) error {
	size := d.instances.MaxPowerBatch()
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
	crashpoint.Reached(crashpoint.Deciding, d.in.Subject)
	before := time.Now()
	allowed, left, err := d.mayAct(ctx, targets)
	if err != nil || len(allowed) == 0 {
		return err
	}
	crashpoint.Reached(crashpoint.Intended, d.in.Subject)
	ids := make([]string, len(allowed))
	for i, t := range allowed {
		ids[i] = t.providerID
	}
	left = min(left, power.LeaveWithin)
	callCtx, cancel := context.WithTimeout(cloud.WithNotAfter(ctx, before.Add(left)), left+power.AnswerWithin)
	defer cancel()
	result, err := d.instances.SetPower(callCtx, d.opened.account, d.in.Region, want, ids)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return d.callFailed(ctx, want, allowed, err)
	}
	crashpoint.Reached(crashpoint.Answered, d.in.Subject)
	if err := d.answered(ctx, allowed, result); err != nil {
		return err
	}
	crashpoint.Reached(crashpoint.Noted, d.in.Subject)
	return nil
}

// mayAct checks and writes the intent: one attempt more for each.
func (d *drive) mayAct(ctx context.Context, targets []toAct) (allowed []toAct, left time.Duration, err error) {
	ids := resourcesOf(targets)
	var rows []gen.MayActRow
	err = d.p.accounts.tenants.InTenant(ctx, d.in.Org, func(q *gen.Queries) (err error) {
		rows, err = q.MayAct(ctx, gen.MayActParams{
			CallSeconds: (power.LeaveWithin + power.AnswerWithin).Seconds(), OrgID: d.in.Org, OperationID: d.in.Subject, ResourceIds: ids, Lease: d.in.Lease,
		})
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
	err := d.fenced(ctx, func(q *gen.Queries) error {
		if err := refused.write(ctx, q, d.in.WorkInput, time.Time{}); err != nil {
			return err
		}
		if err := d.noteAnswer(ctx, q, asked, accepted); err != nil {
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
	if err == nil {
		d.p.metrics.machinesAt(stageAccepted, d.due, len(accepted))
	}
	return err
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
		"account_id", d.in.Account, "region", d.in.Region, "targets", len(asked), "reason", reason, "detail", detailOf(err),
		"provider_request_id", cloud.RequestIDOf(err))
	switch {
	case reason == cloud.ReasonTooLate:
		// Nothing left; the next look ends them, or tries again.
		return d.fenced(ctx, func(q *gen.Queries) error { return d.noteAnswer(ctx, q, asked, nil) })
	case reason == cloud.ReasonCapacity && len(asked) > 1 && d.halved < maxHalvings:
		// One type or zone may have none left while the others have.
		d.halved++
		return d.halves(ctx, want, asked)
	case reason.Retryable():
		d.fault(err)
		return d.refusedForNow(ctx, asked, err, outcomeKnown(err))
	case reason == cloud.ReasonWrongState && len(asked) == 1 && !d.exhausted(asked[0].resource):
		return d.refusedForNow(ctx, asked, err, true) // it changed between the look and the call: the next look decides
	case len(asked) > 1 && (reason == cloud.ReasonUnsupported || reason == cloud.ReasonNotFound || reason == cloud.ReasonWrongState):
		// It is about some machine that was not named: halve until it is found.
		return d.halves(ctx, want, asked)
	}
	var refused ends
	for _, t := range asked {
		refused.add(end{resource: t.resource, state: power.Failed, reason: providerReason(reason), detail: detailOf(err)})
	}
	return d.fenced(ctx, func(q *gen.Queries) error {
		if err := refused.write(ctx, q, d.in.WorkInput, time.Time{}); err != nil {
			return err
		}
		if err := d.noteAnswer(ctx, q, asked, nil); err != nil {
			return err
		}
		if err := d.noteIn(ctx, q, 1, "acting", err); err != nil {
			return err
		}
		return progress(ctx, q, d.in.WorkInput)
	})
}

// maxHalvings bounds how often one round halves for want of capacity: enough to
// find a few machines among a thousand; when a whole region has none, the rest
// waits for the next round as it is.
const maxHalvings = 20

func (d *drive) halves(ctx context.Context, want cloud.Power, asked []toAct) error {
	for half := range slices.Chunk(asked, (len(asked)+1)/2) {
		if err := d.act(ctx, want, half); err != nil {
			return err
		}
	}
	return nil
}

// refusedForNow records a refusal that may pass: on the operation, and on the
// targets, whose end it becomes when none of their calls comes through in time.
func (d *drive) refusedForNow(ctx context.Context, asked []toAct, err error, known bool) error {
	ids := resourcesOf(asked)
	return d.fenced(ctx, func(q *gen.Queries) error {
		if known {
			if e := d.noteAnswer(ctx, q, asked, nil); e != nil {
				return e
			}
		}
		if e := q.NoteRefusal(ctx, gen.NoteRefusalParams{
			Reason: providerReason(cloud.ReasonOf(err)), Detail: clip(detailOf(err), maxDetail), OrgID: d.in.Org, OperationID: d.in.Subject, ResourceIds: ids,
		}); e != nil {
			return e
		}
		return d.noteIn(ctx, q, 1, "acting", err)
	})
}

// outcomeKnown says whether a failed call certainly changed nothing.
func outcomeKnown(err error) bool {
	var e *cloud.Error
	return errors.As(err, &e) && (!e.Sent || e.Reason != cloud.ReasonTransient)
}

// noteAnswer says that the call for these is over, so that an operation which
// has overtaken this one need not wait for it.
func (d *drive) noteAnswer(ctx context.Context, q *gen.Queries, asked []toAct, accepted []uuid.UUID) error {
	if accepted == nil {
		accepted = []uuid.UUID{}
	}
	return q.NoteAnswer(ctx, gen.NoteAnswerParams{
		AcceptedIds: accepted, SettleSeconds: power.SettleFor.Seconds(), OrgID: d.in.Org, OperationID: d.in.Subject, ResourceIds: resourcesOf(asked),
	})
}

func resourcesOf(asked []toAct) []uuid.UUID {
	ids := make([]uuid.UUID, len(asked))
	for i, t := range asked {
		ids[i] = t.resource
	}
	return ids
}

// noteIn records an attempt and its error on the operation.

func (d *drive) noteIn(ctx context.Context, q *gen.Queries, calls int32, step string, err error) error {
	n := gen.NoteAttemptParams{Calls: calls, Step: step, OrgID: d.in.Org, ID: d.in.Subject, Lease: d.in.Lease}
	if err != nil {
		n.LastError = providerReason(cloud.ReasonOf(err))
		n.LastErrorDetail = clip(detailOf(err), maxDetail)
	}
	return q.NoteAttempt(ctx, n)
}
