// Package workflows says what happens, in what order, over what time. It is
// deterministic: it reads no clock, no database and no network, and decides
// with internal/<feature>. Each workflow may begin again from nothing at any
// moment; its activities find out what an earlier run did.
package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/cloudhub/cloudhub/activities"
)

// Power drives one operation to its end: look for the machines of selectors, take,
// drive every batch, record.
func Power(ctx workflow.Context, in activities.WorkInput) error {
	var a *activities.Power
	local := recording(ctx)
	remote := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		// A batch may be watched for as long as act_before and the watch last;
		// the heartbeat is what notices a dead worker.
		StartToCloseTimeout: 2 * time.Hour,
		HeartbeatTimeout:    15 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second},
	})
	for {
		var taken activities.TakeResult
		if err := workflow.ExecuteLocalActivity(local, a.Take, in).Get(ctx, &taken); err != nil {
			return err
		}
		if taken.Ended {
			return nil
		}
		if len(taken.Readings) > 0 {
			if err := findAll(ctx, remote, in, taken.Readings); err != nil {
				return err
			}
			continue // and take what was found
		}
		if err := driveAll(ctx, remote, in, taken.Batches); err != nil {
			return err
		}
		var recorded activities.RecordResult
		if err := workflow.ExecuteLocalActivity(local, a.Record, in).Get(ctx, &recorded); err != nil {
			return err
		}
		if recorded.Ended {
			return nil
		}
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return workflow.NewContinueAsNewError(ctx, activities.WorkflowPower, in)
		}
	}
}

// findAll looks in all accounts at once for the machines of selectors.
func findAll(ctx, remote workflow.Context, in activities.WorkInput, readings []activities.Reading) error {
	var a *activities.Power
	var running []workflow.Future
	for _, r := range readings {
		running = append(running, workflow.ExecuteActivity(remote, a.Find, activities.FindInput{WorkInput: in, Reading: r}))
	}
	return await(ctx, running)
}

// driveAll drives all batches at once. Being fenced ends the run in peace: a
// newer one has the operation.
func driveAll(ctx, remote workflow.Context, in activities.WorkInput, batches []activities.Batch) error {
	var a *activities.Power
	var running []workflow.Future
	for _, b := range batches {
		running = append(running, workflow.ExecuteActivity(remote, a.Drive, activities.DriveInput{WorkInput: in, Batch: b}))
	}
	return await(ctx, running)
}

// await gives the first error that is not a newer run's doing.
func await(ctx workflow.Context, running []workflow.Future) error {
	var first error
	for _, f := range running {
		if err := f.Get(ctx, nil); err != nil && !activities.IsFenced(err) && first == nil {
			first = err
		}
	}
	return first
}

// recording is for what only touches our own database: short, repeated until
// it succeeds, without an event of its own in the history while it waits.
func recording(ctx workflow.Context) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout: 10 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 200 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: 10 * time.Second},
	})
}
