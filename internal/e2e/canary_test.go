package e2e

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/proto"

	"github.com/cloudhub/cloudhub/internal/cloud/sim"
	"github.com/cloudhub/cloudhub/internal/platform/postgres"
)

// A secret that a customer gave is in no dump of the databases, no workflow
// history and no log, whatever was done with it.
func TestSecretsAreNowhere(t *testing.T) {
	t.Parallel()
	const secret = "canary/zqxjkvbp/credential/7731/secret00"
	estate := sim.SmallEstate()
	estate.Accounts[0].Keys = append(estate.Accounts[0].Keys, sim.Key{AccessKeyID: "AKIACANARYCANARY7731", Secret: secret, User: "canario"})
	s, url := newSim(t, estate)
	w := newWorld(t, url)
	w.addAccount("canário", "AKIACANARYCANARY7731", secret)
	_, err := s.AddFault(sim.Fault{Action: "StopInstances", Times: 1, Effect: sim.FaultError, Code: "InternalError", Status: 500})
	require.NoError(t, err)
	w.ended(w.stop(ids(w.machines(), sim.SmallRunning)...).GetId())
	w.settled()

	canaries := map[string][]byte{"cloud secret": []byte(secret), "access key id": []byte("AKIACANARYCANARY7731"), "password": []byte(w.password), "access token": []byte(w.token)}
	look := func(where string, content []byte) {
		for what, canary := range canaries {
			require.False(t, bytes.Contains(content, canary), "%s is in %s", what, where)
		}
	}
	dump := w.dump(w.db.URLs.Owner)
	require.Contains(t, string(dump), "canário", "the dump holds what it should")
	look("the application's database", dump)
	for _, db := range []string{"temporal", "temporal_visibility"} {
		dump := w.dump(replaceDatabase(shared.superURL, db))
		require.NotEmpty(t, dump)
		look(db, dump)
	}
	histories := w.histories()
	require.Contains(t, string(histories), "power/", "the histories hold what they should")
	look("the workflow histories", histories)
	logs := w.logs.String()
	require.Contains(t, logs, "power call failed", "the log holds what it should")
	look("the log", []byte(logs))
}

func (w *world) dump(url string) []byte {
	w.t.Helper()
	bin, err := postgres.FindBinaries(w.t.Context(), "", 0)
	require.NoError(w.t, err)
	// The folder may hold links to the server's programs alone.
	server, err := filepath.EvalSymlinks(filepath.Join(bin.Dir, "postgres"))
	require.NoError(w.t, err)
	out, err := exec.CommandContext(w.t.Context(), filepath.Join(filepath.Dir(server), "pg_dump"), "--dbname="+url).Output()
	require.NoError(w.t, err)
	return out
}

// histories are all events of all runs of this world, as stored.
func (w *world) histories() []byte {
	w.t.Helper()
	var out []byte
	for _, ns := range []string{w.namespaces.Main, w.namespaces.Background} {
		c, err := client.Dial(client.Options{HostPort: shared.temporal.HostPort(), Namespace: ns, Logger: quietLogger{}})
		require.NoError(w.t, err)
		list, err := c.ListWorkflow(w.t.Context(), &workflowservice.ListWorkflowExecutionsRequest{PageSize: 100})
		require.NoError(w.t, err)
		for _, e := range list.GetExecutions() {
			it := c.GetWorkflowHistory(w.t.Context(), e.GetExecution().GetWorkflowId(), e.GetExecution().GetRunId(), false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
			out = append(out, e.GetExecution().GetWorkflowId()...)
			for it.HasNext() {
				event, err := it.Next()
				require.NoError(w.t, err)
				raw, err := proto.Marshal(event)
				require.NoError(w.t, err)
				out = append(out, raw...)
			}
		}
		c.Close()
	}
	return out
}
