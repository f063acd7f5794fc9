package worker

import (
	"context"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/cloudhub/cloudhub/activities"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
)

const (
	// stuckAttempts of one workflow task without success are no accident: a worker
	// that died or a version that is on its way out is one or two.
	stuckAttempts = 3
	// stuckAfter is how long a workflow may be stuck before it is ended: a
	// deployment may still have workers on which it goes on.
	stuckAfter = 3 * time.Minute
	// stuckReason is why it was ended, in Temporal. It tells our own ending from
	// an operator's, also after a crash between the ending and its record.
	stuckReason = "CloudHub: it cannot go on with this version; it is driven again"
)

// stuck says what keeps a running workflow from going on, and since when: its
// workflow task fails again and again, as one does whose history the worker's
// code cannot replay. Nothing in Temporal ends such a run. "" when nothing does.
func (d *Dispatcher) stuck(ctx context.Context, namespace string, run *workflowservice.DescribeWorkflowExecutionResponse) (why string, since time.Time, err error) {
	if run.GetPendingWorkflowTask().GetAttempt() < stuckAttempts {
		return "", time.Time{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, temporalWithin)
	defer cancel()
	// Only the first failure is written to the history; the attempts after it are
	// counted.
	last, err := d.clients[namespace].WorkflowService().GetWorkflowExecutionHistoryReverse(ctx, &workflowservice.GetWorkflowExecutionHistoryReverseRequest{
		Namespace: d.namespaces.name(namespace), Execution: run.GetWorkflowExecutionInfo().GetExecution(), MaximumPageSize: 1,
	})
	if err != nil || len(last.GetHistory().GetEvents()) == 0 {
		return "", time.Time{}, err
	}
	event := last.GetHistory().GetEvents()[0]
	return failureText(event), event.GetEventTime().AsTime(), nil
}

// failureText is what a failed or timed out workflow task says, or "".
func failureText(event *historypb.HistoryEvent) string {
	if failed := event.GetWorkflowTaskFailedEventAttributes(); failed != nil {
		return failed.GetCause().String() + ": " + failed.GetFailure().GetMessage()
	}
	if event.GetWorkflowTaskTimedOutEventAttributes() != nil {
		return "its worker does not answer in time"
	}
	return ""
}

// runs settles a row whose run is open: it is left alone, unless it has been
// stuck for too long.
func (d *Dispatcher) runs(ctx context.Context, namespace string, row gen.Agenda, open *workflowservice.DescribeWorkflowExecutionResponse, a *acks) error {
	id, run := activities.WorkflowID(agenda.Kind(row.Kind), row.Subject), open.GetWorkflowExecutionInfo().GetExecution().GetRunId()
	why, since, err := d.stuck(ctx, namespace, open)
	if err != nil && !gone(err) {
		return err
	}
	if why == "" {
		a.add(row, run, false, agenda.QuietAfter)
		return nil
	}
	d.metrics.stuck.WithLabelValues(row.Kind, "seen").Inc()
	d.logger.ErrorContext(ctx, "a workflow cannot go on", "org_id", row.OrgID, "kind", row.Kind, "subject", row.Subject,
		"run_id", run, "since", since, "why", why)
	if wait := d.stuckAfter - time.Since(since); wait > 0 {
		a.add(row, run, false, min(wait, agenda.QuietAfter))
		return nil
	}
	callCtx, cancel := context.WithTimeout(ctx, temporalWithin)
	defer cancel()
	if err := d.clients[namespace].TerminateWorkflow(callCtx, id, run, stuckReason); err != nil && !gone(err) {
		return err
	}
	d.metrics.stuck.WithLabelValues(row.Kind, "ended").Inc()
	return d.redeliver(ctx, row, "the run could not go on: "+why)
}

// endedByUs says that a run was terminated because it was stuck.
func endedByUs(close *historypb.HistoryEvent) bool {
	return close.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED &&
		close.GetWorkflowExecutionTerminatedEventAttributes().GetReason() == stuckReason
}
