package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/cloudhub/cloudhub/activities"
)

// Reseal seals an organization's credentials anew, batch by batch.
func Reseal(ctx workflow.Context, in activities.WorkInput) error {
	var a *activities.Reseal
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute},
	})
	batch := activities.ResealInput{WorkInput: in}
	for {
		var result activities.ResealResult
		if err := workflow.ExecuteActivity(ctx, a.SealAnew, batch).Get(ctx, &result); err != nil {
			return err
		}
		if !result.More {
			return nil
		}
		batch.Asked, batch.After, batch.AfterSecret = result.Asked, result.After, result.AfterSecret
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return workflow.NewContinueAsNewError(ctx, activities.WorkflowReseal, in)
		}
	}
}
