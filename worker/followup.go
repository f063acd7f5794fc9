package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/google/uuid"

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

// askAfter makes one list call for all rows. Visibility is believed when it
// says Running, never when it says nothing: then the run is described.
func (d *Dispatcher) askAfter(ctx context.Context, namespace string, rows []gen.Agenda) error {
	running, err := d.runningOf(ctx, namespace, rows)
	if err != nil {
		return err
	}
	var a acks
	var errs []error
	for _, row := range rows {
		if run, ok := running[activities.WorkflowID(agenda.Kind(row.Kind), row.Subject)]; ok {
			d.metrics.found(row, findingRunning)
			a.add(row, run, false, agenda.QuietAfter)
			continue
		}
		errs = append(errs, d.describe(ctx, namespace, row, &a))
	}
	return errors.Join(append(errs, d.acknowledge(ctx, &a))...)
}

func (d *Dispatcher) runningOf(ctx context.Context, namespace string, rows []gen.Agenda) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, temporalWithin)
	defer cancel()
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = "'" + activities.WorkflowID(agenda.Kind(r.Kind), r.Subject) + "'"
	}
	resp, err := d.clients[namespace].ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		PageSize: int32(len(rows)), // the client fills its own namespace in
		Query:    fmt.Sprintf("ExecutionStatus = 'Running' AND WorkflowId IN (%s)", strings.Join(ids, ",")),
	})
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, e := range resp.GetExecutions() {
		out[e.GetExecution().GetWorkflowId()] = e.GetExecution().GetRunId()
	}
	return out, nil
}

// describe decides what became of one row's run. The id without a run id is
// asked first: a reset leaves the row's run terminated and a new one running.
func (d *Dispatcher) describe(ctx context.Context, namespace string, row gen.Agenda, a *acks) error {
	ctx = about(ctx, row, uuid.Nil)
	callCtx, cancel := context.WithTimeout(ctx, temporalWithin)
	defer cancel()
	id := activities.WorkflowID(agenda.Kind(row.Kind), row.Subject)
	resp, err := d.clients[namespace].DescribeWorkflowExecution(callCtx, id, "")
	var notFound *serviceerror.NotFound
	if errors.As(err, &notFound) {
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
		a.add(row, info.GetExecution().GetRunId(), false, agenda.QuietAfter)
		return nil
	case enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:
		if ours(row, info) {
			d.metrics.found(row, map[bool]string{true: findingTerminated, false: findingCanceled}[status == enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED])
			reason := d.closeReason(callCtx, namespace, info)
			return d.endedByOperator(ctx, row, reason)
		}
		d.metrics.found(row, findingOlder)
		return d.redeliver(ctx, row, "an older run was "+strings.ToLower(status.String()))
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

// closeReason reads what the operator wrote, for the record.
func (d *Dispatcher) closeReason(ctx context.Context, namespace string, info *workflowpb.WorkflowExecutionInfo) string {
	it := d.clients[namespace].GetWorkflowHistory(ctx, info.GetExecution().GetWorkflowId(), info.GetExecution().GetRunId(), false,
		enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT)
	for it.HasNext() {
		event, err := it.Next()
		if err != nil {
			break
		}
		if t := event.GetWorkflowExecutionTerminatedEventAttributes(); t != nil {
			return terminationText(t)
		}
		if event.GetWorkflowExecutionCanceledEventAttributes() != nil {
			return "cancelled in Temporal"
		}
	}
	return "ended in Temporal"
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
	if err := q.CountOperation(ctx, gen.CountOperationParams{OrgID: row.OrgID, ID: op}); err != nil {
		return err
	}
	_, err := q.EndOperation(ctx, gen.EndOperationParams{
		State: string(power.OperationFailed), LastError: string(power.ReasonOperatorEnded), LastErrorDetail: reason, OrgID: row.OrgID, ID: op, Lease: row.Lease,
	})
	return err
}
