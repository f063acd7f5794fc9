package notify_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cloudhub/cloudhub/internal/event"
	"github.com/cloudhub/cloudhub/internal/notify"
)

// Whatever ends however: what is told of it is as the published schemas have it, and
// says what it is about.
func TestWhatIsToldIsAsPublished(t *testing.T) {
	t.Parallel()
	seen := map[event.Name]bool{}
	rapid.Check(t, func(t *rapid.T) {
		id := func(name string) uuid.UUID {
			return uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, name))
		}
		wanted := rapid.SampledFrom([]string{"running", "stopped"}).Draw(t, "wanted")
		n := func(name string) int { return rapid.IntRange(0, 2000).Draw(t, name) }
		zone := time.FixedZone("", rapid.IntRange(-12*3600, 14*3600).Draw(t, "offset"))
		var b notify.Batch
		run := notify.Run{
			OperationID: id("operation"), ScheduleID: id("schedule"), ScheduleName: rapid.String().Draw(t, "name"),
			DueTime: time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "due"), 0).In(zone), Wanted: wanted,
			TargetCount: n("targets"), DoneCount: n("done"), LeftAloneCount: n("left"), FailedCount: n("failed"), MissedCount: n("missed"), UnreadCount: n("unread"),
			Missed: rapid.Bool().Draw(t, "all missed"), ByPerson: rapid.Bool().Draw(t, "by person"),
		}
		b.Run(run.OperationID, id("workspace"), run)
		target := notify.Target{
			OperationID: run.OperationID, ResourceID: id("resource"), ResourceName: rapid.String().Draw(t, "machine"), ProviderID: rapid.String().Draw(t, "provider id"),
			CloudAccountID: id("account"), Region: rapid.String().Draw(t, "region"), Wanted: wanted, Reason: rapid.SampledFrom([]string{"", "PROVIDER_DENIED"}).Draw(t, "reason"),
		}
		if rapid.Bool().Draw(t, "scheduled") {
			target.ScheduleID = &run.ScheduleID
		}
		b.Target(run.OperationID, id("workspace"), rapid.SampledFrom([]string{"done", "failed", "already", "left_alone"}).Draw(t, "state"), target)
		b.Astray(run.OperationID, id("workspace"), notify.Astray{
			OperationID: run.OperationID, ScheduleID: run.ScheduleID, ResourceID: target.ResourceID, ResourceName: target.ResourceName, ProviderID: target.ProviderID,
			Wanted: wanted, Seen: rapid.SampledFrom([]string{"running", "starting", "stopped", "stopping", "gone"}).Draw(t, "seen"),
		})
		for _, e := range b.Events {
			data, err := json.Marshal(e.Data)
			require.NoError(t, err)
			require.NoError(t, event.Validate(e.Type, data))
			about := target.ResourceID
			if e.Type == event.ScheduleExecuted || e.Type == event.ScheduleMissed {
				about = run.ScheduleID
			}
			require.Equal(t, about, e.Subject, e.Type)
			seen[e.Type] = true
		}
	})
	for _, e := range event.Types() {
		if !e.Planned && e.Name != event.WebhookTest {
			require.True(t, seen[e.Name], e.Name)
		}
	}
}
