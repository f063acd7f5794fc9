package activities

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/webhook"
)

func attempt(destination uuid.UUID, class webhook.Class, status int) Attempt {
	return Attempt{
		Claimed: Claimed{Destination: destination, Due: true, Send: &gen.ToSendRow{Plan: "pro"}}, Class: class, Answer: webhook.Answer{Status: status}, Started: time.Now(), times: &times{},
	}
}

// What a batch comes to for a destination is how it ended: what failed before a
// success says nothing any more.
func TestABatchComesToWhatItEndedWith(t *testing.T) {
	t.Parallel()
	well, ill, mended, relapsed, ours := uuid.New(), uuid.New(), uuid.New(), uuid.New(), uuid.New()
	r := Decide([]Attempt{
		attempt(well, webhook.Accepted, 200),
		attempt(ill, webhook.Failed, 500), attempt(ill, webhook.Busy, 502), attempt(ill, webhook.Failed, 500),
		attempt(mended, webhook.Busy, 429), attempt(mended, webhook.Accepted, 204),
		attempt(relapsed, webhook.Busy, 502), attempt(relapsed, webhook.Accepted, 200), attempt(relapsed, webhook.Failed, 500),
		attempt(ours, webhook.Ours, 0),
	})
	require.Len(t, r.attempts.OrgIds, 10, "all of them are in the log")
	failed := map[uuid.UUID]failingDestination{}
	for _, f := range r.failures {
		failed[f.id] = f
	}
	require.Len(t, failed, 2)
	require.Equal(t, []any{3, webhook.Busy}, []any{failed[ill].count, failed[ill].worst})
	require.Equal(t, []any{1, webhook.Failed}, []any{failed[relapsed].count, failed[relapsed].worst})
	require.Equal(t, []uuid.UUID{mended}, r.successes.Ids, "of the one that is well nothing is new")
	require.NotContains(t, r.attempts.States, "exhausted")
}
