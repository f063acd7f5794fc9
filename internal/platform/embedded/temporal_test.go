package embedded

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	v12 "go.temporal.io/server/schema/postgresql/v12"
	"go.temporal.io/server/tools/common/schema"
	sqltool "go.temporal.io/server/tools/sql"

	"github.com/cloudhub/cloudhub/internal/platform/loopback"
	"github.com/cloudhub/cloudhub/internal/platform/postgres"
)

const testQueue = "embedded-test"

func startTemporal(t *testing.T, opts TemporalOptions) *Temporal {
	t.Helper()
	server, err := StartTemporal(t.Context(), opts)
	require.NoError(t, err)
	t.Cleanup(func() { stopTemporal(t, server) })
	return server
}

func stopTemporal(t *testing.T, server *Temporal) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second) // t.Context has ended in a cleanup
	defer cancel()
	require.NoError(t, server.Stop(ctx))
}

func dial(t *testing.T, server *Temporal, namespace string) client.Client {
	t.Helper()
	c, err := client.Dial(client.Options{
		HostPort: server.HostPort(), Namespace: namespace, Logger: sdklog.NewStructuredLogger(quiet()),
	})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func greet(ctx workflow.Context, name string) (string, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	var greeting string
	err := workflow.ExecuteActivity(ctx, greetActivity, name).Get(ctx, &greeting)
	return greeting, err
}

func greetActivity(_ context.Context, name string) (string, error) { return "hello " + name, nil }

// work runs a worker until the test ends.
func work(t *testing.T, c client.Client, queue string) {
	t.Helper()
	w := worker.New(c, queue, worker.Options{})
	w.RegisterWorkflow(greet)
	w.RegisterActivity(greetActivity)
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
}

func TestTemporal(t *testing.T) {
	t.Parallel()
	began := time.Now()
	// Temporal keeps timestamps without a zone: a database elsewhere than in
	// UTC must not move them.
	pg := start(t, postgres.Options{DataDir: folder(t), Settings: map[string]string{"timezone": "America/Noronha"}})
	postgresUp := time.Since(began)
	opts := TemporalOptions{PostgresURL: pg.URL("postgres")}

	// t.Run's own cleanups stop each server before the next one starts.
	t.Run("from nothing to the first workflow", func(t *testing.T) {
		server := startTemporal(t, opts)
		up := time.Since(began)
		c := dial(t, server, "cloudhub")
		work(t, c, testQueue)
		org := temporal.NewSearchAttributeKeyKeyword("CloudHubOrg")
		run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
			ID: "greet/1", TaskQueue: testQueue,
			TypedSearchAttributes: temporal.NewSearchAttributes(org.ValueSet("org-1")),
		}, greet, "Ana")
		require.NoError(t, err)
		var greeting string
		require.NoError(t, run.Get(t.Context(), &greeting))
		require.Equal(t, "hello Ana", greeting)
		t.Logf("PostgreSQL %v, Temporal %v, first workflow done %v", postgresUp, up, time.Since(began))

		require.Eventually(t, func() bool { // visibility is written after the fact
			list, err := c.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{
				Query: `CloudHubOrg = 'org-1' AND ExecutionStatus = 'Completed'`,
			})
			require.NoError(t, err)
			return len(list.GetExecutions()) == 1
		}, 10*time.Second, 20*time.Millisecond)
		described, err := c.DescribeWorkflowExecution(t.Context(), "greet/1", "")
		require.NoError(t, err)
		require.WithinDuration(t, time.Now(), described.GetWorkflowExecutionInfo().GetStartTime().AsTime(), time.Minute)

		t.Run("namespaces", func(t *testing.T) { checkNamespaces(t, c, DefaultNamespaces()) })
		t.Run("the UI", func(t *testing.T) { checkUI(t, server) })
		t.Run("a second server on the same databases", func(t *testing.T) {
			_, err := StartTemporal(t.Context(), opts)
			var inUse *ServerInUseError
			require.ErrorAs(t, err, &inUse)
			require.Equal(t, "temporal", inUse.Database)
		})
		t.Run("another server on the same PostgreSQL", func(t *testing.T) {
			other := startTemporal(t, TemporalOptions{PostgresURL: opts.PostgresURL, Database: "temporal_2", DisableUI: true})
			require.Empty(t, other.UIURL())
			require.NotEqual(t, server.HostPort(), other.HostPort())
			_, err := dial(t, other, "cloudhub").DescribeWorkflowExecution(t.Context(), "greet/1", "")
			require.Error(t, err, "it has its own data")
		})
		t.Run("fairness", func(t *testing.T) { checkFairness(t, c) })
		t.Run("PostgreSQL is killed", func(t *testing.T) {
			pid := pg.PID()
			require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
			comesBack(t, pg, pid)
			run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "greet/2", TaskQueue: testQueue}, greet, "Rui")
			require.NoError(t, err)
			require.NoError(t, run.Get(t.Context(), nil))
		})
	})

	t.Run("again, with another retention", func(t *testing.T) {
		began := time.Now()
		namespaces := []Namespace{{Name: "cloudhub", Retention: 72 * time.Hour}, {Name: "cloudhub-background", Retention: 24 * time.Hour}}
		server := startTemporal(t, TemporalOptions{PostgresURL: opts.PostgresURL, Namespaces: namespaces, DisableUI: true})
		t.Logf("again: %v", time.Since(began))
		c := dial(t, server, "cloudhub")
		described, err := c.DescribeWorkflowExecution(t.Context(), "greet/1", "")
		require.NoError(t, err, "what was there is still there")
		require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, described.GetWorkflowExecutionInfo().GetStatus())
		checkNamespaces(t, c, namespaces)
	})
	t.Run("schema", func(t *testing.T) { checkSchema(t, pg) })
	t.Run("a port that is taken", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer listener.Close()
		taken := listener.Addr().(*net.TCPAddr).Port
		var inUse *loopback.PortError
		_, err = StartTemporal(t.Context(), TemporalOptions{PostgresURL: opts.PostgresURL, Port: taken, DisableUI: true})
		require.ErrorAs(t, err, &inUse)
		_, err = StartTemporal(t.Context(), TemporalOptions{PostgresURL: opts.PostgresURL, UIPort: taken})
		require.ErrorAs(t, err, &inUse, "the UI would have ended the process")
		startTemporal(t, TemporalOptions{PostgresURL: opts.PostgresURL, DisableUI: true}) // the failed ones let go
	})
}

func checkNamespaces(t *testing.T, c client.Client, want []Namespace) {
	for _, ns := range want {
		described, err := c.WorkflowService().DescribeNamespace(t.Context(), &workflowservice.DescribeNamespaceRequest{Namespace: ns.Name})
		require.NoError(t, err)
		require.Equal(t, ns.Retention, described.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration(), ns.Name)
		attributes, err := c.OperatorService().ListSearchAttributes(t.Context(), &operatorservice.ListSearchAttributesRequest{Namespace: ns.Name})
		require.NoError(t, err)
		for _, name := range SearchAttributes() {
			require.Equal(t, enumspb.INDEXED_VALUE_TYPE_KEYWORD, attributes.GetCustomAttributes()[name], name)
		}
	}
}

func checkUI(t *testing.T, server *Temporal) {
	require.True(t, strings.HasPrefix(server.UIURL(), "http://127.0.0.1:"))
	for path, part := range map[string]string{
		"/": "<html",
		"/api/v1/namespaces/cloudhub/workflows?query=": "greet/1",
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.UIURL()+path, http.NoBody)
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode, path)
		require.Contains(t, string(body), part, path)
	}
}

// One organization with a long queue must not make another one wait behind it.
func checkFairness(t *testing.T, c client.Client) {
	const queue, crowd, few = "embedded-fair", 40, 4
	for i, count := range []int{crowd, few} {
		for range count {
			_, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
				TaskQueue: queue, Priority: temporal.Priority{FairnessKey: []string{"org-a", "org-b"}[i]},
			}, "turn", []string{"a", "b"}[i])
			require.NoError(t, err)
		}
	}
	var mu sync.Mutex
	var order strings.Builder
	done := make(chan struct{})
	w := worker.New(c, queue, worker.Options{MaxConcurrentWorkflowTaskExecutionSize: 2, MaxConcurrentWorkflowTaskPollers: 2})
	w.RegisterWorkflowWithOptions(func(_ workflow.Context, who string) error {
		mu.Lock() // outside of determinism's rules: this is about the order of first tasks
		defer mu.Unlock()
		order.WriteString(who)
		if order.Len() == crowd+few {
			close(done)
		}
		return nil
	}, workflow.RegisterOptions{Name: "turn"})
	require.NoError(t, w.Start())
	defer w.Stop()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("the queue was not worked off")
	}
	mu.Lock()
	defer mu.Unlock()
	require.Less(t, strings.LastIndex(order.String(), "b"), crowd/2, "order %s", order.String())
}

func checkSchema(t *testing.T, pg *postgres.Server) {
	logger := temporalLogger{to: quiet(), stopping: new(atomic.Bool)}
	setUp := func(t *testing.T, database string) (*stores, error) {
		stores, err := newStores(pg.URL("postgres"), database)
		require.NoError(t, err)
		return stores, stores.setUp(t.Context(), logger)
	}
	version := func(t *testing.T, stores *stores) string {
		version, err := stores.schemaVersion(t.Context(), stores.main.DatabaseName)
		require.NoError(t, err)
		return version
	}
	t.Run("an older one is upgraded", func(t *testing.T) {
		stores, err := newStores(pg.URL("postgres"), "older")
		require.NoError(t, err)
		require.NoError(t, stores.createDatabase(t.Context(), "older"))
		conn, err := sqltool.NewConnection(&stores.main, logger)
		require.NoError(t, err)
		require.NoError(t, schema.NewSetupSchemaTask(conn, &schema.SetupConfig{InitialVersion: "0.0"}, logger).Run())
		require.NoError(t, schema.NewUpdateSchemaTask(conn, &schema.UpdateConfig{SchemaName: "postgresql/v12/temporal", TargetVersion: "1.16"}, logger).Run())
		conn.Close()
		require.Equal(t, "1.16", version(t, stores))
		// Of visibility every step is taken, those that make indexes too.
		require.NoError(t, stores.createDatabase(t.Context(), "older_visibility"))
		conn, err = sqltool.NewConnection(&stores.visibility, logger)
		require.NoError(t, err)
		require.NoError(t, schema.NewSetupSchemaTask(conn, &schema.SetupConfig{InitialVersion: "0.0"}, logger).Run())
		require.NoError(t, schema.NewUpdateSchemaTask(conn, &schema.UpdateConfig{SchemaName: "postgresql/v12/visibility", TargetVersion: "1.1"}, logger).Run())
		conn.Close()
		_, err = setUp(t, "older")
		require.NoError(t, err)
		require.Equal(t, v12.Version, version(t, stores))
	})
	// Killed in the middle: the server's session dies with it, and nothing of the
	// upgrade is there.
	t.Run("an upgrade that is killed half-way", func(t *testing.T) {
		stores, err := newStores(pg.URL("postgres"), "killed")
		require.NoError(t, err)
		require.NoError(t, stores.createDatabase(t.Context(), "killed"))
		conn, err := sqltool.NewConnection(&stores.main, logger)
		require.NoError(t, err)
		require.NoError(t, schema.NewSetupSchemaTask(conn, &schema.SetupConfig{InitialVersion: "0.0"}, logger).Run())
		require.NoError(t, schema.NewUpdateSchemaTask(conn, &schema.UpdateConfig{SchemaName: "postgresql/v12/temporal", TargetVersion: "1.9"}, logger).Run())
		// Somebody's lock on a table holds the upgrade up in its middle.
		require.NoError(t, conn.Exec("CREATE TABLE tables_before AS SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
		holder, err := pgx.Connect(t.Context(), strings.Replace(pg.URL("killed"), "?", "?application_name=holder&", 1))
		require.NoError(t, err)
		_, err = holder.Exec(t.Context(), "BEGIN; LOCK TABLE schema_version IN SHARE MODE")
		require.NoError(t, err)
		failed := make(chan error, 1)
		go func() { failed <- stores.setUp(t.Context(), logger) }()
		require.Eventually(t, func() bool {
			// It has made tables, as it alone sees, and waits.
			killed, err := tryQuery(t.Context(), pg, `
				SELECT pg_terminate_backend(l.pid)::text FROM pg_locks l JOIN pg_stat_activity a USING (pid)
				WHERE NOT l.granted AND a.datname = 'killed' AND a.query LIKE 'INSERT INTO schema_version%'`)
			return err == nil && killed == "true"
		}, 30*time.Second, 20*time.Millisecond)
		require.Error(t, <-failed)
		require.NoError(t, holder.Close(t.Context()))
		require.Equal(t, "1.9", version(t, stores))
		execute(t, stores, `DO $$ BEGIN ASSERT NOT EXISTS (SELECT FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN (SELECT tablename FROM tables_before) AND tablename <> 'tables_before'); END $$`)
		conn.Close()
		_, err = setUp(t, "killed")
		require.NoError(t, err)
		require.Equal(t, v12.Version, version(t, stores))
	})
	t.Run("half of one is made anew", func(t *testing.T) {
		stores, err := setUp(t, "half")
		require.NoError(t, err)
		execute(t, stores, `DELETE FROM schema_version; DROP TABLE shards`)
		_, err = setUp(t, "half")
		require.NoError(t, err)
		require.Equal(t, v12.Version, version(t, stores))
		execute(t, stores, `SELECT FROM shards`)
	})
	t.Run("a newer one is refused", func(t *testing.T) {
		stores, err := setUp(t, "newer")
		require.NoError(t, err)
		execute(t, stores, `UPDATE schema_version SET curr_version = '1.100'`)
		_, err = setUp(t, "newer")
		var wrong *SchemaError
		require.ErrorAs(t, err, &wrong)
		require.ErrorContains(t, err, "newer CloudHub")
	})
	t.Run("somebody else's tables are left alone", func(t *testing.T) {
		stores, err := newStores(pg.URL("postgres"), "foreign")
		require.NoError(t, err)
		require.NoError(t, stores.createDatabase(t.Context(), "foreign"))
		execute(t, stores, `CREATE TABLE thesis ()`)
		_, err = setUp(t, "foreign")
		var wrong *SchemaError
		require.ErrorAs(t, err, &wrong)
		execute(t, stores, `SELECT FROM thesis`)
	})
	t.Run("a renamed one is left alone", func(t *testing.T) {
		stores, err := setUp(t, "renamed")
		require.NoError(t, err)
		execute(t, stores, `UPDATE schema_version SET db_name = 'before'`)
		_, err = setUp(t, "renamed")
		require.ErrorContains(t, err, "rename it back")
	})
}

func execute(t *testing.T, stores *stores, sql string) {
	t.Helper()
	conn, err := sqltool.NewConnection(&stores.main, temporalLogger{to: quiet(), stopping: new(atomic.Bool)})
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.Exec(sql))
}

func TestNewer(t *testing.T) {
	t.Parallel()
	require.True(t, newer("1.20", "1.19"))
	require.True(t, newer("1.100", "1.19"))
	require.True(t, newer("2.0", "1.19"))
	require.True(t, newer("1.19.1", "1.19"))
	require.False(t, newer("1.9", "1.19"))
	require.False(t, newer("1.19", "1.19"))
	require.False(t, newer("1.19", "1.19.1"))
}

func TestTheDatabasesURLMustBeAURL(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"host=localhost password=hunter2", "http://x", "postgres://u:hunter2@:x/"} {
		_, err := StartTemporal(t.Context(), TemporalOptions{PostgresURL: url})
		require.Error(t, err)
		require.NotContains(t, err.Error(), "hunter2")
	}
}
