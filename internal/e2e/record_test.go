package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/cloudhub/cloudhub/internal/cloud/sim"
)

// TestHistoriesAreOfToday runs one workflow of each kind; with
// CLOUDHUB_TEST_RECORD=1 it writes their histories as the fixtures that
// workflows/ replays. Record anew only what no open run of a released version
// can have.
func TestHistoriesAreOfToday(t *testing.T) {
	t.Parallel()
	w, _ := smallWorld(t, here)
	f := newFeed(t)
	f.publishes()
	calendar := w.addCalendar(f.url)
	op := w.stop(ids(w.machines(), sim.SmallRunning, sim.SmallElsewhere)...)
	w.ended(op.GetId())
	w.settled()
	account := w.machines()[sim.SmallRunning].GetCloudAccountId()
	for _, f := range []struct{ namespace, id, file string }{
		{w.namespaces.Main, "power/" + op.GetId(), "power.json"},
		{w.namespaces.Main, "probe/" + account, "probe.json"},
		{w.namespaces.Background, "sync/" + account, "sync.json"},
		{w.namespaces.Background, "calendar/" + calendar, "calendar.json"},
	} {
		h := history(t, f.namespace, f.id)
		require.Equal(t, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, h.GetEvents()[len(h.GetEvents())-1].GetEventType(), f.id)
		if os.Getenv("CLOUDHUB_TEST_RECORD") == "" {
			continue
		}
		raw, err := protojson.MarshalOptions{Multiline: true}.Marshal(h)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join("../../workflows/testdata", f.file), raw, 0o644))
	}
}

func history(t *testing.T, namespace, id string) *historypb.History {
	t.Helper()
	c, err := client.Dial(client.Options{HostPort: shared.temporal.HostPort(), Namespace: namespace, Logger: quietLogger{}})
	require.NoError(t, err)
	defer c.Close()
	out := &historypb.History{}
	it := c.GetWorkflowHistory(t.Context(), id, "", true, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for it.HasNext() {
		e, err := it.Next()
		require.NoError(t, err)
		out.Events = append(out.Events, e)
	}
	return out
}
