package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/api/gen/cloudhub/v1/cloudhubv1connect"
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
	// Answers that say the key back, to a change of power, to a reading and to a
	// trial: what a provider says is logged, stored and kept in histories.
	echo := "your key AKIACANARYCANARY7731 with " + secret + " is not liked"
	_, err := s.AddFault(sim.Fault{Action: "StopInstances", Times: 1, Effect: sim.FaultError, Code: "InternalError", Status: 500, Message: echo})
	require.NoError(t, err)
	w.ended(w.stop(ids(w.machines(), sim.SmallRunning)...).GetId())
	_, err = s.AddFault(sim.Fault{Action: "StopInstances", Effect: sim.FaultError, Code: "OperationNotPermitted", Status: 400, Message: echo})
	require.NoError(t, err)
	_, targets := w.ended(w.stop(ids(w.machines(), sim.SmallElsewhere)...).GetId())
	require.Contains(t, targets[sim.SmallElsewhere].GetDetail(), "your key [redacted] with [redacted] is not liked", "the words are kept, the key is not")
	_, err = s.AddFault(sim.Fault{Action: "DescribeInstances", Effect: sim.FaultError, Code: "Blocked", Status: 403, Message: echo})
	require.NoError(t, err)
	w.sync(w.machines()[sim.SmallRunning].GetCloudAccountId())
	_, err = s.AddFault(sim.Fault{Action: "GetCallerIdentity", Effect: sim.FaultError, Code: secret, Status: 403, Message: echo})
	require.NoError(t, err)
	_, err = w.accounts.CreateCloudAccount(t.Context(), &v1.CreateCloudAccountRequest{
		OrgId: w.org, WorkspaceId: w.ws, Name: "outra",
		Credential: &v1.CreateCloudAccountRequest_AwsAccessKey{AwsAccessKey: &v1.AwsAccessKey{AccessKeyId: "AKIACANARYCANARY7731", SecretAccessKey: secret}},
	})
	require.Error(t, err)
	require.NotContains(t, fmt.Sprintf("%+v", err), secret, "the answer does not say it either")
	w.settled()

	login, cookie := w.rawLogin()
	canaries := map[string][]byte{
		"cloud secret": []byte(secret), "access key id": []byte("AKIACANARYCANARY7731"), "password": []byte(w.password), "access token": []byte(w.token), "refresh token": []byte(cookie),
	}
	found := func(content []byte) (out []string) {
		for what, canary := range canaries {
			if bytes.Contains(content, canary) {
				out = append(out, what)
			}
		}
		return out
	}
	look := func(where string, content []byte) { require.Empty(t, found(content), "in "+where) }
	// The search finds what it looks for where it must be: in the requests.
	require.Equal(t, []string{"password"}, found(login))
	key, err := protojson.Marshal(&v1.AwsAccessKey{AccessKeyId: "AKIACANARYCANARY7731", SecretAccessKey: secret})
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"cloud secret", "access key id"}, found(key))
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
	for what, registry := range map[string]*prometheus.Registry{"server": w.registry, "worker": w.metrics} {
		text := exposed(t, registry)
		require.Contains(t, string(text), "cloudhub_", "the metrics hold what they should")
		look("the metrics of the "+what, text)
	}
}

// rawLogin signs in as a browser does and gives the body sent and the refresh
// token in the cookie.
func (w *world) rawLogin() (body []byte, token string) {
	w.t.Helper()
	body, err := protojson.Marshal(&v1.LoginRequest{Email: w.email, Password: w.password})
	require.NoError(w.t, err)
	resp, err := http.Post(w.url+cloudhubv1connect.AuthServiceLoginProcedure, "application/json", bytes.NewReader(body))
	require.NoError(w.t, err)
	defer func() { _ = resp.Body.Close() }()
	require.Equal(w.t, http.StatusOK, resp.StatusCode)
	for _, c := range resp.Cookies() {
		if c.Name == "rt" {
			token = c.Value
		}
	}
	require.Greater(w.t, len(token), 20)
	return body, token
}

// exposed is what /metrics answers.
func exposed(t *testing.T, registry *prometheus.Registry) []byte {
	t.Helper()
	rec := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return rec.Body.Bytes()
}

func (w *world) dump(url string) []byte {
	w.t.Helper()
	out, err := exec.CommandContext(w.t.Context(), filepath.Join(clientPrograms(w.t), "pg_dump"), "--dbname="+url).Output()
	require.NoError(w.t, err)
	return out
}

// clientPrograms is the folder with pg_dump and its like.
func clientPrograms(t *testing.T) string {
	t.Helper()
	bin, err := postgres.FindBinaries(t.Context(), "", 0)
	require.NoError(t, err)
	// The folder may hold links to the server's programs alone.
	server, err := filepath.EvalSymlinks(filepath.Join(bin.Dir, "postgres"))
	require.NoError(t, err)
	return filepath.Dir(server)
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
