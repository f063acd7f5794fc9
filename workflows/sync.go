package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/cloudhub/cloudhub/activities"
)

// Sync reads one account into the inventory, and once more when somebody asked
// while it was reading.
func Sync(ctx workflow.Context, in activities.WorkInput) error {
	var a *activities.Sync
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 30 * time.Minute,
		HeartbeatTimeout:    20 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute},
	})
	for {
		var result activities.SyncResult
		if err := workflow.ExecuteActivity(ctx, a.ReadAccount, in).Get(ctx, &result); err != nil {
			return err
		}
		if !result.Again {
			return nil
		}
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return workflow.NewContinueAsNewError(ctx, activities.WorkflowSync, in)
		}
	}
}
