package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/cloudhub/cloudhub/activities"
)

// Calendar reads one calendar from its address, and once more when somebody asked
// while it was reading.
func Calendar(ctx workflow.Context, in activities.WorkInput) error {
	var a *activities.Calendar
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute,
		HeartbeatTimeout:    20 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute},
	})
	for {
		var result activities.CalendarResult
		if err := workflow.ExecuteActivity(ctx, a.ReadCalendar, in).Get(ctx, &result); err != nil {
			return err
		}
		if !result.Again {
			return nil
		}
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return workflow.NewContinueAsNewError(ctx, activities.WorkflowCalendar, in)
		}
	}
}
