package activities

import (
	"context"

	"github.com/cloudhub/cloudhub/internal/webhook"
)

// sendOther sends by the channels that are not webhooks.
func (d *Deliverer) sendOther(_ context.Context, a Attempt, _ webhook.Config, _ *opened) Attempt {
	return a.ours("this channel cannot be sent to yet")
}
