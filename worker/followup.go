package worker

import (
	"context"
	"errors"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/cloudhub/cloudhub/activities"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/power"
)

// followUp asks after delivered rows that have been silent. The lane's cap does
// not cover them: a cap must not cover its own recovery.
func (d *Dispatcher) followUp(ctx context.Context, lane agenda.Lane) error {
	var rows []gen.Agenda
	err := d.system.Tx(ctx, func(q *gen.Queries) (err error) { // repeats on a deadlock
		rows, err = q.LeaseDelivered(ctx, gen.LeaseDeliveredParams{
			Lane: int16(lane), Kinds: workKinds(), RowLimit: quietBatch, LeaseSeconds: agenda.LeaseFor.Seconds(),
		})
		return err
	})
	if err != nil || len(rows) == 0 {
		return err
	}
	d.metrics.leased.WithLabelValues(laneName(lane), "silent").Add(float64(len(rows)))
	var askedAnew []gen.Agenda
	quiet := map[string][]gen.Agenda{} // by namespace
	for _, r := range rows {
		if r.Asked > r.Told {
			askedAnew = append(askedAnew, r)
			continue
		}
		ns := activities.NamespaceOf(agenda.Kind(r.Kind))
		quiet[ns] = append(quiet[ns], r)
	}
	var errs []error
	if len(askedAnew) > 0 {
		errs = append(errs, d.startAll(ctx, askedAnew))
	}
	for ns, rows := range quiet {
		errs = append(errs, d.askAfter(ctx, ns, rows))
	}
	return errors.Join(errs...)
}

// askAfter asks what became of each. Visibility is not asked: it may still say
// Running of what has closed, and does not tell a run that cannot go on.
func (d *Dispatcher) askAfter(ctx context.Context, namespace string, rows []gen.Agenda) error {
	var a acks
	var group errgroup.Group // without a context: one row's failure must not cut off the others' calls
	group.SetLimit(startsAtOnce)
	for _, row := range rows {
		group.Go(func() error { return d.describe(ctx, namespace, row, &a) })
	}
	describeErr := group.Wait()
	return errors.Join(describeErr, d.acknowledge(ctx, &a))
}

// describe decides what became of one row's run. The id without a run id is
// asked first: a reset leaves the row's run terminated and a new one running.
func (d *Dispatcher) describe(ctx context.Context, namespace string, row gen.Agenda, a *acks) error {
	ctx = about(ctx, row, uuid.Nil)
	callCtx, cancel := context.WithTimeout(ctx, temporalWithin)
	defer cancel()
	id := activities.WorkflowID(agenda.Kind(row.Kind), row.Subject)
	resp, err := d.clients[namespace].DescribeWorkflowExecution(callCtx, id, "")
	if gone(err) {
		d.metrics.found(row, findingUnknown)
		return d.redeliver(ctx, row, "Temporal does not know the run")
	}
	if err != nil {
		return err
	}
	info := resp.GetWorkflowExecutionInfo()
	switch status := info.GetStatus(); status {
	case enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:
		d.metrics.found(row, findingRunning)
		return d.runs(ctx, namespace, row, resp, a)
	case enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:
		// A destination is driven for as long as anything waits for it: whoever wants
		// that ended parks its row, or pauses it.
		if ours(row, info) && agenda.Kind(row.Kind) != agenda.KindDestination {
			d.metrics.found(row, map[bool]string{true: findingTerminated, false: findingCanceled}[status == enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED])
			reason, stuck, err := d.closeReason(callCtx, namespace, info)
			if err != nil {
				return err
			}
			if stuck {
				return d.redeliver(ctx, row, "the run could not go on")
			}
			return d.endedByOperator(ctx, row, reason)
		}
		d.metrics.found(row, findingOlder)
		return d.redeliver(ctx, row, "the run was "+strings.ToLower(status.String()))
	default:
		d.metrics.found(row, findingClosed)
		return d.redeliver(ctx, row, "the run closed as "+strings.ToLower(status.String())+" without a recorded end")
	}
}

// ours says that a run is the one the row was delivered to, or goes back to it
// by a reset or by continuing as new.
func ours(row gen.Agenda, info *workflowpb.WorkflowExecutionInfo) bool {
	return row.RunID != nil && (*row.RunID == info.GetExecution().GetRunId() || *row.RunID == info.GetFirstRunId())
}

func (d *Dispatcher) redeliver(ctx context.Context, row gen.Agenda, why string) error {
	d.metrics.deliveries.WithLabelValues(row.Kind, "redelivered").Inc()
	d.logger.WarnContext(ctx, "work is driven again", "why", why, "starts", row.Starts)
	return d.system.Read().Redeliver(ctx, gen.RedeliverParams{
		LastError: why, WaitSeconds: agenda.RetryWait(int(row.Starts)).Seconds(), OrgID: row.OrgID, Kind: row.Kind, Subject: row.Subject, Lease: row.Lease,
	})
}

// gone says that Temporal does not know a run, or that it is not open any more.
func gone(err error) bool {
	var notFound *serviceerror.NotFound
	return errors.As(err, &notFound)
}

// closeReason reads what the operator wrote, for the record; stuck when it was no
// operator who ended the run.
func (d *Dispatcher) closeReason(ctx context.Context, namespace string, info *workflowpb.WorkflowExecutionInfo) (reason string, stuck bool, err error) {
	it := d.clients[namespace].GetWorkflowHistory(ctx, info.GetExecution().GetWorkflowId(), info.GetExecution().GetRunId(), false,
		enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT)
	for it.HasNext() {
		event, err := it.Next()
		if gone(err) {
			break
		}
		if err != nil {
			return "", false, err
		}
		if t := event.GetWorkflowExecutionTerminatedEventAttributes(); t != nil {
			return terminationText(t), endedByUs(event), nil
		}
		if event.GetWorkflowExecutionCanceledEventAttributes() != nil {
			return "cancelled in Temporal", false, nil
		}
	}
	return "ended in Temporal", false, nil
}

func terminationText(t *historypb.WorkflowExecutionTerminatedEventAttributes) string {
	if t.GetReason() == "" {
		return "terminated in Temporal by " + t.GetIdentity()
	}
	return "terminated in Temporal by " + t.GetIdentity() + ": " + t.GetReason()
}

// endedByOperator records as failed what an operator ended, unless its activity
// had recorded the end already. Taking the row with this newer lease first
// keeps an activity that still breathes from recording anything.
func (d *Dispatcher) endedByOperator(ctx context.Context, row gen.Agenda, reason string) error {
	d.logger.WarnContext(ctx, "ended by an operator", "reason", reason)
	subject, err := uuid.Parse(row.Subject)
	if err != nil {
		return err
	}
	return d.tenants.InTenant(ctx, row.OrgID, func(q *gen.Queries) error {
		switch agenda.Kind(row.Kind) {
		case agenda.KindPower:
			ended, err := abandonOperation(ctx, q, row, subject, reason)
			if err != nil || !ended {
				return err
			}
		case agenda.KindProbe:
			_, err := q.FinishDraft(ctx, gen.FinishDraftParams{State: "refused", Result: []byte(`{"reason":"TRANSIENT"}`), OrgID: row.OrgID, ID: subject, Lease: row.Lease})
			if err != nil {
				return err
			}
		}
		// What was asked since is not what the operator ended: it stays.
		_, err := q.EndAgenda(ctx, gen.EndAgendaParams{OrgID: row.OrgID, Kind: row.Kind, Subject: row.Subject, Asked: row.Asked})
		return err
	})
}

// abandonOperation answers false when another worker has leased the row since and
// a newer run has the operation: then it is that run's to end.
func abandonOperation(ctx context.Context, q *gen.Queries, row gen.Agenda, op uuid.UUID, reason string) (ended bool, err error) {
	_, err = q.TakeOperation(ctx, gen.TakeOperationParams{Lease: row.Lease, OrgID: row.OrgID, ID: op})
	if db.IsNoRows(err) {
		end, err := q.OperationEnd(ctx, gen.OperationEndParams{OrgID: row.OrgID, ID: op})
		if db.IsNoRows(err) {
			return true, nil
		}
		return end.Ended, err
	}
	if err != nil {
		return false, err
	}
	return true, abandon(ctx, q, row, op, reason)
}

func abandon(ctx context.Context, q *gen.Queries, row gen.Agenda, op uuid.UUID, reason string) error {
	if err := q.AbandonResources(ctx, gen.AbandonResourcesParams{OrgID: row.OrgID, OperationID: op}); err != nil {
		return err
	}
	if err := q.AbandonTargets(ctx, gen.AbandonTargetsParams{Reason: string(power.ReasonOperatorEnded), Detail: reason, OrgID: row.OrgID, OperationID: op}); err != nil {
		return err
	}
	if err := q.EndReadings(ctx, gen.EndReadingsParams{Reason: string(power.ReasonOperatorEnded), Detail: reason, OrgID: row.OrgID, OperationID: op}); err != nil {
		return err
	}
	if _, err := q.CountOperation(ctx, gen.CountOperationParams{OrgID: row.OrgID, ID: op}); err != nil {
		return err
	}
	_, err := q.EndOperation(ctx, gen.EndOperationParams{
		State: string(power.OperationFailed), LastError: string(power.ReasonOperatorEnded), LastErrorDetail: reason, OrgID: row.OrgID, ID: op, Lease: row.Lease,
	})
	if err != nil {
		return err
	}
	return tellOf(ctx, q, row.OrgID, op)
}
