package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/cloud/sim"
	"github.com/cloudhub/cloudhub/internal/platform/embedded"
)

// span is what the file of traces holds of one.
type span struct {
	Name                   string
	StartTime              time.Time
	SpanContext, Parent    spanContext
	Attributes, Resource   []spanValue
	Links                  []struct{ SpanContext spanContext }
	InstrumentationLibrary struct{ Name string }
}

type spanContext struct{ TraceID, SpanID string }

type spanValue struct {
	Key   string
	Value struct{ Value any }
}

func value(list []spanValue, key string) string {
	for _, v := range list {
		if s, ok := v.Value.Value.(string); ok && v.Key == key {
			return s
		}
	}
	return ""
}

// watched is an installation of processes whose traces, logs and metrics are
// looked at.
type watched struct {
	*apart
	worker                       *process
	serverTraces, workerTraces   string
	serverPrivate, workerPrivate string
}

func newWatched(t *testing.T) *watched {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	temporal, err := embedded.StartTemporal(ctx, embedded.TemporalOptions{PostgresURL: shared.superURL, Database: "temporal_watched", DisableUI: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, temporal.Stop(ctx)) })
	w := &watched{serverPrivate: freePort(t), workerPrivate: freePort(t)}
	estate := sim.SmallEstate()
	estate.Accounts[0].Keys = append(estate.Accounts[0].Keys, sim.Key{AccessKeyID: canaryKey, Secret: canarySecret, User: "canario"})
	w.apart = newApart(t, estate, func(a *apart) {
		a.temporalAt = temporal.HostPort()
		a.serverEnv = []string{"CLOUDHUB_PRIVATE_HTTP=" + w.serverPrivate}
		a.workerEnv = []string{"CLOUDHUB_PRIVATE_HTTP=" + w.workerPrivate}
	})
	w.serverTraces, w.workerTraces = filepath.Join(w.traceDir, "server.json"), filepath.Join(w.traceDir, "worker.json")
	w.worker = w.spawnWorker()
	w.person = w.register("ana@example.com")
	w.addAccount("canário", canaryKey, canarySecret)
	return w
}

const (
	canaryKey    = "AKIACANARYCANARY8842"
	canarySecret = "canary/mvqtrwxz/telemetry/8842/secret00"
)

// spans are those of both processes, by the id.
func (w *watched) spans() map[string]span {
	w.t.Helper()
	out := map[string]span{}
	for _, path := range []string{w.serverTraces, w.workerTraces} {
		raw, err := os.ReadFile(path)
		require.NoError(w.t, err)
		for _, line := range bytes.Split(raw, []byte("\n")) {
			var s span
			if json.Unmarshal(line, &s) == nil && s.Name != "" { // the last may be half-written
				out[s.SpanContext.SpanID] = s
			}
		}
	}
	return out
}

// chain goes from the one span of that name in the trace of an operation up to
// the root.
func (w *watched) chain(name, operation string) (out []span) {
	w.t.Helper()
	w.eventually("the whole trace is there", func() bool {
		all := w.spans()
		out = nil
		for _, s := range all {
			if s.Name != name {
				continue
			}
			var up []span
			for ok := true; ok; s, ok = all[s.Parent.SpanID] {
				up = append(up, s)
			}
			if slices.ContainsFunc(up, func(s span) bool { return value(s.Attributes, "cloudhub.operation_id") == operation }) {
				require.Nil(w.t, out, "one of them in the trace")
				out = up
			}
		}
		return out != nil && out[len(out)-1].Parent.SpanID == zeroSpan
	})
	return out
}

const zeroSpan = "0000000000000000"

func spanNames(spans []span) (out []string) {
	for _, s := range spans {
		out = append(out, s.Name)
	}
	return out
}

// What an operator can see: one trace from the request, or the minute that was
// due, to the provider's call; log lines that say whose they are and which
// request asked; every figure that the alarms, runbooks and dashboards speak of.
// And in none of it a secret or a person.
func TestWhatIsToldOfAStop(t *testing.T) {
	t.Parallel()
	w := newWatched(t)
	byHand := w.stop(ids(w.machines(), sim.SmallRunning)...)
	w.ended(byHand.GetId())
	w.settled()
	t.Run("one trace from the request", func(t *testing.T) {
		w.oneTrace(t, byHand.GetId(), "cloudhub.v1.ResourceService/StopResources", "cloudhub-server")
		request := w.chain("db Ask", byHand.GetId())
		require.Equal(t, []string{"db Ask", "cloudhub.v1.ResourceService/StopResources"}, spanNames(request), "the statements of a request are in it")
	})
	t.Run("log lines of the request and of its operation", func(t *testing.T) { w.logLines(t, byHand.GetId()) })
	pair := w.schedule("Dias úteis", ids(w.machines(), sim.SmallElsewhere)...)
	w.comes(pair, minute(time.Minute), "stopped")
	run := w.runs(pair, 1)[0]
	t.Run("one trace from the minute that was due", func(t *testing.T) {
		root := w.oneTrace(t, run.GetOperationId(), "due minute", "cloudhub-worker")
		require.WithinDuration(t, run.GetDueTime().AsTime(), root.StartTime, 0, "it begins when it was due")
		require.Len(t, root.Links, 1)
		require.Equal(t, "agenda expand timetable", w.spans()[root.Links[0].SpanContext.SpanID].Name)
	})
	t.Run("how late the minute was, by stage", func(t *testing.T) { w.lateness() })
	t.Run("every figure that is spoken of is there", func(t *testing.T) { w.figures(t) })
	t.Run("the statements of the runbooks run", func(t *testing.T) { w.statements(t) })
	t.Run("no secret and no person in it", func(t *testing.T) { w.canaries(t) })
}

func (w *watched) oneTrace(t *testing.T, operation, root, service string) span {
	t.Helper()
	chain := w.chain("aws StopInstances", operation)
	require.Equal(t, []string{"aws StopInstances", "activity power.Drive", "agenda deliver power", root}, spanNames(chain))
	for i, s := range chain {
		require.Equal(t, chain[0].SpanContext.TraceID, s.SpanContext.TraceID)
		if i > 0 {
			require.False(t, chain[i-1].StartTime.Before(s.StartTime), "%s does not begin before %s", chain[i-1].Name, s.Name)
			require.Equal(t, operation, value(s.Attributes, "cloudhub.operation_id"), s.Name)
			require.Equal(t, w.org, value(s.Attributes, "cloudhub.org_id"), s.Name)
			require.Equal(t, w.ws, value(s.Attributes, "cloudhub.workspace_id"), s.Name)
		}
	}
	require.NotEmpty(t, value(chain[0].Attributes, "aws.request_id"), "by which the provider's support finds the call")
	require.NotEmpty(t, value(chain[0].Attributes, "cloud.region"))
	require.Equal(t, "cloudhub-worker", value(chain[0].Resource, "service.name"))
	last := chain[len(chain)-1]
	require.Equal(t, service, value(last.Resource, "service.name"))
	return last
}

// lines are the JSON lines of a process's log that fit.
func lines(p *process, key, is string) (out []map[string]any) {
	for _, line := range strings.Split(p.out.String(), "\n") {
		var m map[string]any
		if json.Unmarshal([]byte(line), &m) == nil && m[key] == is {
			out = append(out, m)
		}
	}
	return out
}

func (w *watched) logLines(t *testing.T, operation string) {
	t.Helper()
	var request string
	require.NoError(t, w.db.Owner.QueryRow(t.Context(), "SELECT request_id FROM operations WHERE id = $1", operation).Scan(&request))
	require.Regexp(t, `^req_[0-9a-f]{32}$`, request)
	asked := lines(w.server, "request_id", request)
	require.Len(t, asked, 1)
	for key, want := range map[string]any{
		"org_id": w.org, "workspace_id": w.ws, "operation_id": operation, "procedure": "/cloudhub.v1.ResourceService/StopResources", "code": "ok", "reason": "ok",
	} {
		require.Equal(t, want, asked[0][key], key)
	}
	require.Contains(t, asked[0], "duration_ms")
	done := lines(w.worker, "request_id", request)
	require.Len(t, done, 1, w.worker.out.String())
	for key, want := range map[string]any{
		"msg": "operation ended", "org_id": w.org, "workspace_id": w.ws, "operation_id": operation, "state": "succeeded", "trace_id": asked[0]["trace_id"],
	} {
		require.Equal(t, want, done[0][key], key)
	}
	require.Len(t, asked[0]["trace_id"], 32)
}

func (w *watched) canaries(t *testing.T) {
	t.Helper()
	for name, text := range map[string]func() []byte{
		"the server's traces": func() []byte { return read(t, w.serverTraces) }, "the worker's traces": func() []byte { return read(t, w.workerTraces) },
		"the server's log": func() []byte { return []byte(w.server.out.String()) }, "the worker's log": func() []byte { return []byte(w.worker.out.String()) },
	} {
		content := text()
		require.Contains(t, string(content), w.org, "it holds what it should: "+name)
		for what, canary := range map[string]string{
			"the cloud secret": canarySecret, "the access key id": canaryKey, "the password": w.password, "the access token": w.token,
			"the e-mail": w.email, "the person's name": "Prado", "the account's name": "canário", "a query's text": "INSERT INTO",
		} {
			require.NotContains(t, string(content), canary, "%s in %s", what, name)
		}
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	return raw
}

var (
	metricName = regexp.MustCompile(`\b(cloudhub|temporal)_[a-z0-9_]+\b`)
	typeLine   = regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)$`)
)

// figures compares the names in deploy/ with what the two processes export.
// lateness waits until the one minute of the timetable, and its one machine, were
// counted at each stage; the stop by hand is in none.
func (w *watched) lateness() {
	w.t.Helper()
	w.eventually("each stage was counted once", func() bool {
		resp, err := http.Get("http://" + w.workerPrivate + "/metrics")
		require.NoError(w.t, err)
		text, err := io.ReadAll(resp.Body)
		require.NoError(w.t, resp.Body.Close())
		require.NoError(w.t, err)
		for _, line := range []string{
			"cloudhub_schedule_claim_lag_seconds_count 1\n", `cloudhub_schedule_machine_lag_seconds_count{stage="accepted"} 1` + "\n",
			`cloudhub_schedule_machine_lag_seconds_count{stage="seen"} 1` + "\n",
		} {
			if !strings.Contains(string(text), line) {
				return false
			}
		}
		return true
	})
}

func (w *watched) figures(t *testing.T) {
	t.Helper()
	exported := map[string]bool{}
	for _, address := range []string{w.serverPrivate, w.workerPrivate} {
		resp, err := http.Get("http://" + address + "/metrics")
		require.NoError(t, err)
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, resp.Body.Close())
		require.NoError(t, err)
		require.NotContains(t, string(text), w.org, "no label is a tenant")
		for _, m := range typeLine.FindAllStringSubmatch(string(text), -1) {
			exported[m[1]] = true
			if m[2] == "histogram" {
				exported[m[1]+"_bucket"], exported[m[1]+"_sum"], exported[m[1]+"_count"] = true, true, true
			}
		}
	}
	require.Greater(t, len(exported), 50)
	spoken := map[string]string{}
	for _, pattern := range []string{"prometheus/alerts.yaml", "prometheus/alerts_test.yaml", "grafana/*.json", "runbooks/*.md"} {
		files, err := filepath.Glob("../../deploy/" + pattern)
		require.NoError(t, err)
		require.NotEmpty(t, files, pattern)
		for _, file := range files {
			for _, name := range metricName.FindAllString(string(read(t, file)), -1) {
				spoken[name] = file
			}
		}
	}
	require.Greater(t, len(spoken), 20)
	for name, file := range spoken {
		if notMetrics[name] {
			continue
		}
		assert.True(t, exported[name], "%s speaks of %s, which nothing exports", file, name)
	}
}

// statements runs each statement of the runbooks, and takes back what it did.
func (w *watched) statements(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob("../../deploy/runbooks/*.md")
	require.NoError(t, err)
	block := regexp.MustCompile("(?s)```sql\n(.*?)```")
	fill := strings.NewReplacer("<org>", w.org, "<operation>", w.org, "'…'", "'"+w.org+"'")
	n := 0
	for _, file := range files {
		for _, m := range block.FindAllStringSubmatch(string(read(t, file)), -1) {
			tx, err := w.db.Owner.Begin(t.Context())
			require.NoError(t, err)
			_, err = tx.Conn().PgConn().Exec(t.Context(), fill.Replace(m[1])).ReadAll()
			require.NoError(t, err, "%s: %s", file, m[1])
			require.NoError(t, tx.Rollback(t.Context()))
			n++
		}
	}
	require.Greater(t, n, 10)
}

// notMetrics are names in deploy/ that look like metrics: roles of the database.
var notMetrics = map[string]bool{"cloudhub_owner": true, "cloudhub_app": true, "cloudhub_identity": true, "cloudhub_system": true}
