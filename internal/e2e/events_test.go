package e2e

import (
	"log/slog"
	"slices"
	"testing"
	"time"

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

// The mail server's password is the workers' alone, and half a setting is none.
func TestWhoMaySendMail(t *testing.T) {
	t.Parallel()
	const host, from, password = "CLOUDHUB_SMTP_HOST=mail.example.com", "CLOUDHUB_MAIL_FROM=cloudhub@example.com", "CLOUDHUB_SMTP_PASSWORD=canary-of-the-mailer"
	needed := []string{
		"CLOUDHUB_DATABASE_APP_URL=postgres://x@127.0.0.1:1/x", "CLOUDHUB_DATABASE_IDENTITY_URL=postgres://x@127.0.0.1:1/x",
		"CLOUDHUB_DATABASE_SYSTEM_URL=postgres://x@127.0.0.1:1/x", "CLOUDHUB_TEMPORAL_ADDRESS=127.0.0.1:1", "CLOUDHUB_KEYS_DIR=" + t.TempDir(),
	}
	for name, c := range map[string]struct {
		command string
		env     []string
		says    string
	}{
		"a server with the password":      {"server", []string{from, password}, "is for workers alone"},
		"a worker without a sender":       {"worker", []string{host}, "CLOUDHUB_MAIL_FROM belong together"},
		"a worker with half of a sign-in": {"worker", []string{host, from, password}, "user and password belong together"},
		"mails in the clear":              {"worker", []string{host, from, "CLOUDHUB_SMTP_TLS=none"}, "this machine alone"},
	} {
		p := spawn(t, append(slices.Clone(needed), c.env...), c.command)
		require.NotZero(t, p.exit(t, 30*time.Second), name)
		require.Contains(t, p.out.String(), c.says, name)
		require.NotContains(t, p.out.String(), "canary-of-the-mailer", name)
	}
}
