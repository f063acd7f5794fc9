package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/cloudhub/cloudhub/activities"
)

// Probe tries one credential while a handler waits: one attempt, and a second
// only when the first died with its worker.
func Probe(ctx workflow.Context, in activities.WorkInput) error {
	var a *activities.Probe
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 15 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 500 * time.Millisecond, MaximumAttempts: 5},
	})
	return workflow.ExecuteActivity(ctx, a.TryCredential, in).Get(ctx, nil)
}
