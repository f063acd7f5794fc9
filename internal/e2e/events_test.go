package e2e

import (
	"log/slog"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/activities"
	"github.com/cloudhub/cloudhub/db/dbtest"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/event"
	"github.com/cloudhub/cloudhub/internal/notify"
)

// A mistake in a schema loses no record: what was done is written, and the operator
// reads of the mistake. It changes the process's logger, so it runs alone.
func TestAnEventThatIsNotAsPublishedIsWrittenAndLogged(t *testing.T) {
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	logs := &lockedBuffer{}
	slog.SetDefault(slog.New(slog.NewJSONHandler(logs, nil)))
	d := dbtest.New(t)
	f := dbtest.Tenant(t, d)
	about := uuid.New()
	require.NoError(t, d.Tenants.InTenant(t.Context(), f.Org, func(q *gen.Queries) error {
		return activities.Tell(t.Context(), q, notify.Batch{Events: []notify.Event{
			{Org: f.Org, Workspace: f.Workspace, Type: event.ResourceStopped, Subject: about, Data: map[string]string{"wanted": "melted"}},
			{Org: f.Org, Type: event.MemberAdded, Data: map[string]string{"user_id": about.String(), "member_name": "Bruno", "role": "viewer"}},
		}})
	}))
	var id uuid.UUID
	require.NoError(t, d.Owner.QueryRow(t.Context(), "SELECT id FROM events WHERE subject = $1 AND data->>'wanted' = 'melted' AND workspace_id = $2", about.String(), f.Workspace).Scan(&id))
	require.Contains(t, logs.String(), id.String())
	require.Contains(t, logs.String(), `"level":"ERROR"`)
	require.NotContains(t, logs.String(), "melted")
	var n int
	require.NoError(t, d.Owner.QueryRow(t.Context(), "SELECT count(*) FROM events WHERE type = 'org.member.added' AND workspace_id IS NULL AND subject IS NULL").Scan(&n))
	require.Equal(t, 1, n, "an event of the whole organization, about nothing in particular")
}
