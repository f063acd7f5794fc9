package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/cloudhub/cloudhub/activities"
)

// Destination sends to one destination in trouble what must be sent again, and holds
// one timer however many deliveries wait. It ends when nothing is to be tried again.
// All it knows stands in the destination's row.
func Destination(ctx workflow.Context, in activities.WorkInput) error {
	var a *activities.Destination
	sending := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 2 * time.Minute,
		HeartbeatTimeout:    20 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute},
	})
	asked := workflow.GetSignalChannel(ctx, activities.SignalAsked)
	for {
		for asked.ReceiveAsync(nil) {
			continue
		}
		var due activities.DueResult
		if err := workflow.ExecuteActivity(sending, a.SendDue, in).Get(ctx, &due); err != nil {
			return err
		}
		if due.Ended {
			return nil
		}
		if err := show(ctx, due); err != nil {
			return err
		}
		if due.Wait > 0 && waitFor(ctx, due.Wait, asked) != nil {
			return ctx.Err()
		}
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return workflow.NewContinueAsNewError(ctx, activities.WorkflowDestination, in)
		}
	}
}

// show puts backlog and next attempt where an operator finds them.
func show(ctx workflow.Context, due activities.DueResult) error {
	return workflow.UpsertMemo(ctx, map[string]any{
		"backlog": due.Backlog, "next_attempt": workflow.Now(ctx).Add(due.Wait).UTC().Format(time.RFC3339),
	})
}

// waitFor waits, or less long when somebody asks.
func waitFor(ctx workflow.Context, wait time.Duration, asked workflow.ReceiveChannel) error {
	timerCtx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	timer := workflow.NewTimer(timerCtx, wait)
	workflow.NewSelector(ctx).AddFuture(timer, func(workflow.Future) {}).AddReceive(asked, func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, nil) }).Select(ctx)
	return ctx.Err()
}
