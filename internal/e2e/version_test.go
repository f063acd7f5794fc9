package e2e

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/cloudhub/cloudhub/activities"
	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/cloud/aws"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
	"github.com/cloudhub/cloudhub/workflows"
)

// otherCode is the workflow of another version, which waits a moment before it
// does the same: neither replays what the other has begun.
func otherCode(ctx workflow.Context, in activities.WorkInput) error {
	if err := workflow.Sleep(ctx, time.Millisecond); err != nil {
		return err
	}
	return workflows.Power(ctx, in)
}

// otherVersion runs a worker of another version: the same activities, another
// workflow, and no dispatcher.
func (w *world) otherVersion(c client.Client) (stop func()) {
	w.t.Helper()
	opener, err := vault.LoadOpener(w.keys)
	require.NoError(w.t, err)
	p := activities.NewPower(activities.Deps{
		Tenants: w.db.Tenants, Opener: opener, Logger: w.logger(), PollEvery: func(time.Duration) time.Duration { return 100 * time.Millisecond },
		Clouds: simulatedAWS(aws.New(aws.Options{Endpoint: w.endpoint})),
	})
	var all []worker.Worker
	for _, lane := range []agenda.Lane{agenda.LanePerson, agenda.LaneMinute} {
		wk := worker.New(c, activities.TaskQueueOf(lane), worker.Options{WorkerStopTimeout: time.Second})
		wk.RegisterWorkflowWithOptions(otherCode, workflow.RegisterOptions{Name: activities.WorkflowPower})
		wk.RegisterActivity(p)
		require.NoError(w.t, wk.Start())
		all = append(all, wk)
	}
	var once sync.Once
	stop = func() {
		once.Do(func() {
			for _, wk := range all {
				wk.Stop()
			}
		})
	}
	w.t.Cleanup(stop)
	return stop
}

// deliver starts the workflow of an operation as a dispatcher of the other
// version does.
func (w *world) deliver(c client.Client, op string, lane agenda.Lane) {
	w.t.Helper()
	var lease int64
	require.NoError(w.t, w.db.Owner.QueryRow(w.t.Context(), "UPDATE agenda SET lease = nextval('agenda_lease') WHERE subject = $1 RETURNING lease", op).Scan(&lease))
	input, err := converter.GetDefaultDataConverter().ToPayloads(activities.WorkInput{Org: uuid.MustParse(w.org), Subject: uuid.MustParse(op), Lease: lease})
	require.NoError(w.t, err)
	started, err := c.WorkflowService().StartWorkflowExecution(w.t.Context(), &workflowservice.StartWorkflowExecutionRequest{
		Namespace: w.namespaces.Main, WorkflowId: "power/" + op, RequestId: uuid.NewString(), WorkflowType: &commonpb.WorkflowType{Name: activities.WorkflowPower},
		TaskQueue: &taskqueuepb.TaskQueue{Name: activities.TaskQueueOf(lane)}, Input: input,
	})
	require.NoError(w.t, err)
	w.db.Exec(w.t, "UPDATE agenda SET run_id = $1, told = asked, starts = 1, look_at = now() + interval '1 hour' WHERE subject = $2", started.GetRunId(), op)
}

// A workflow that this version's code cannot go on with raises an alarm, is ended
// after some time, and is driven again: the result is there once.
func TestAWorkerOfAnotherVersion(t *testing.T) {
	t.Parallel()
	estate, machines := slowEstate(3)
	s, url := newSim(t, estate)
	w := newWorld(t, url, func(w *world) { w.stuckAfter = 3 * time.Second })
	w.addAccount("lenta", sim.SmallKey.AccessKeyID, sim.SmallKey.Secret)
	pair := w.schedule("Some", ids(w.machines(), machines[1])...)
	w.stopWorker()
	c := w.temporal()
	// By hand, and by a timetable's minute that the other version has claimed.
	byHand := stop1{machine: machines[0], path: "hand", op: w.stop(ids(w.machines(), machines[0])...).GetId()}
	stopOther := w.otherVersion(c)
	w.deliver(c, byHand.op, agenda.LanePerson)
	timetable := stop1{machine: machines[1], path: "timetable", op: w.claimedByOther(pair, machines[1])}
	w.deliver(c, timetable.op, agenda.LaneMinute)
	for _, x := range []stop1{byHand, timetable} {
		w.eventually("it is accepted", func() bool { return callsFor(s, x.machine) == 1 })
	}
	stopOther()

	w.startWorker()
	for _, x := range []stop1{byHand, timetable} {
		require.NoError(t, s.SetState(x.machine, sim.Stopped))
	}
	for _, x := range []stop1{byHand, timetable} {
		got, target := w.recorded(x.op)
		require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, got.GetState(), got)
		require.Equal(t, v1.TargetState_TARGET_STATE_DONE, target.GetState())
		require.Equal(t, 1, callsFor(s, x.machine), x.path)
		closed, err := c.DescribeWorkflowExecution(t.Context(), x.workflow(), "")
		require.NoError(t, err)
		require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, closed.GetWorkflowExecutionInfo().GetStatus(), "the run that was driven again")
	}
	// Counted when the dispatcher ends one; of one whose answer came too late it
	// only finds that it has.
	require.GreaterOrEqual(t, w.metric("cloudhub_workflows_stuck_total", "result", "ended"), 1.0)
	require.GreaterOrEqual(t, w.metric("cloudhub_workflows_stuck_total", "result", "seen"), 2.0, "and it was said before")
	require.Contains(t, w.logs.String(), "a workflow cannot go on")
	require.Contains(t, w.logs.String(), "NonDeterministicError")

	// Both versions beside each other: whichever has the history's first task,
	// the work is done once.
	w.otherVersion(c)
	x := w.begin("hand", machines[2], time.Time{})
	w.eventually("it is accepted", func() bool { return callsFor(s, x.machine) == 1 })
	require.NoError(t, s.SetState(x.machine, sim.Stopped))
	got, _ := w.recorded(x.op)
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, got.GetState(), got)
	require.Equal(t, 1, callsFor(s, x.machine))
	w.nothingRuns()
}

// metric sums the latest worker's counter over what has the label.
func (w *world) metric(name, label, value string) (sum float64) {
	w.t.Helper()
	families, err := w.metrics.Gather()
	require.NoError(w.t, err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if f.GetName() == name && l.GetName() == label && l.GetValue() == value {
					sum += m.GetCounter().GetValue()
				}
			}
		}
	}
	return sum
}

// claimedByOther writes what a dispatcher writes for a minute that has come.
func (w *world) claimedByOther(pair *v1.Schedule, machine string) (op string) {
	w.t.Helper()
	op = uuid.Must(uuid.NewV7()).String()
	w.db.Exec(w.t, `INSERT INTO operations (org_id, workspace_id, id, origin, due_at, act_before, target_count, off_count)
		VALUES ($1, $2, $3, 'timetable', now(), now() + interval '10 minutes', 1, 1)`, w.org, w.ws, op)
	w.db.Exec(w.t, `INSERT INTO operation_targets (org_id, workspace_id, operation_id, resource_id, resource_name, provider_id, cloud_account_id, region, schedule_id, wanted)
		SELECT org_id, workspace_id, $2, id, name, provider_id, cloud_account_id, region, $3, 'stopped' FROM resources WHERE provider_id = $1`, machine, op, pair.GetId())
	w.db.Exec(w.t, `INSERT INTO agenda (org_id, kind, subject, lane, due_at, look_at) VALUES ($1, 'power', $2, 1, now(), now() + interval '1 hour')`, w.org, op)
	return op
}

// harmless is a migration of a next version: a column with a default, an index, a
// table. It is not in the product.
const harmless = `-- +goose Up
ALTER TABLE operations ADD COLUMN colour text NOT NULL DEFAULT 'blue';
ALTER TABLE agenda ADD COLUMN weight int;
ALTER TABLE resources ADD COLUMN owner_note text;
CREATE INDEX operations_colour ON operations (org_id, colour);
CREATE TABLE colours (org_id uuid NOT NULL, name text NOT NULL, PRIMARY KEY (org_id, name));
-- +goose Down
DROP TABLE colours;
DROP INDEX operations_colour;
ALTER TABLE resources DROP COLUMN owner_note;
ALTER TABLE agenda DROP COLUMN weight;
ALTER TABLE operations DROP COLUMN colour;
`

func migrateOnce(t *testing.T, owner string) {
	t.Helper()
	conn, err := sql.Open("pgx", owner)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	p, err := goose.NewProvider(goose.DialectPostgres, conn, fstest.MapFS{"99999_next_version.sql": {Data: []byte(harmless)}})
	require.NoError(t, err)
	var done []*goose.MigrationResult
	for range 4 { // as db.Migrate does: PostgreSQL may ask that it be repeated
		var deadlock *pgconn.PgError
		if done, err = p.Up(t.Context()); !errors.As(err, &deadlock) || deadlock.Code != "40P01" {
			break
		}
	}
	require.NoError(t, err)
	require.Len(t, done, 1)
}

// The next version's migration runs while server and worker of this one serve:
// what was under way ends, what is asked meanwhile is done, and nobody is
// refused. A process of this version that starts afterwards says why it does not.
func TestAMigrationWhileBothRun(t *testing.T) {
	t.Parallel()
	w, s := slowWorld(t, time.Second)
	pair := w.schedule("Some", ids(w.machines(), sim.SmallElsewhere)...)
	m := w.machines()
	ctx, cancel := context.WithCancel(t.Context())
	var asked []string
	var failed []error
	var wait sync.WaitGroup
	wait.Go(func() { // somebody who never rests
		for i := 0; ctx.Err() == nil || i%2 != 0; i++ {
			power := w.power.StopResources
			req := &v1.StopResourcesRequest{OrgId: w.org, WorkspaceId: w.ws, ResourceIds: ids(m, sim.SmallRunning)}
			var op *v1.Operation
			var err error
			if i%2 == 0 {
				var got *v1.StopResourcesResponse
				got, err = power(t.Context(), req)
				op = got.GetOperation()
			} else {
				var got *v1.StartResourcesResponse
				got, err = w.power.StartResources(t.Context(), &v1.StartResourcesRequest{OrgId: w.org, WorkspaceId: w.ws, ResourceIds: ids(m, sim.SmallRunning)})
				op = got.GetOperation()
			}
			if err == nil {
				asked = append(asked, op.GetId())
				_, err = w.operations.ListOperations(t.Context(), &v1.ListOperationsRequest{OrgId: w.org, WorkspaceId: w.ws})
			}
			if err != nil {
				failed = append(failed, err)
			}
		}
	})
	before := w.stop(ids(m, sim.SmallRunning2)...)
	w.comes(pair, minute(time.Minute), "stopped")
	w.called(s, "StopInstances", func(c sim.Call) bool { return names(c, sim.SmallRunning2) })
	migrateOnce(t, w.db.URLs.Owner)
	after := w.start(ids(m, sim.SmallStopped)...)
	w.runs(pair, 1)
	cancel()
	wait.Wait()
	require.Empty(t, failed)
	for _, id := range append(asked, before.GetId(), after.GetId()) {
		op, _ := w.ended(id)
		require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, op.GetState(), op)
	}
	t.Logf("%d orders while the database was migrated", len(asked))
	w.nothingRuns()

	for _, part := range []string{"server", "worker"} {
		p := spawn(t, w.processEnv(), part)
		require.Equal(t, 1, p.exit(t, 30*time.Second), p.out.String())
		require.Contains(t, p.out.String(), "newer version of CloudHub", part)
		require.Contains(t, p.out.String(), "99999", part)
	}
}

// processEnv is the environment of processes that join the world.
func (w *world) processEnv() []string {
	return []string{
		"CLOUDHUB_HTTP=127.0.0.1:0", "CLOUDHUB_KEYS_DIR=" + w.keys, "CLOUDHUB_DATABASE_APP_URL=" + w.db.URLs.App,
		"CLOUDHUB_DATABASE_IDENTITY_URL=" + w.db.URLs.Identity, "CLOUDHUB_DATABASE_SYSTEM_URL=" + w.db.URLs.System,
		"CLOUDHUB_DATABASE_OWNER_URL=" + w.db.URLs.Owner, "CLOUDHUB_TEMPORAL_ADDRESS=" + shared.temporal.HostPort(), "CLOUDHUB_AWS_ENDPOINT=" + w.endpoint,
	}
}

// A deployment starts everything at once: a server and a worker that are newer
// than the database say so, wait for the migration, and then serve.
func TestProcessesNewerThanTheDatabaseWait(t *testing.T) {
	t.Parallel()
	w, _ := smallWorld(t)
	w.stopWorker()
	needed, err := db.NeededSchema()
	require.NoError(t, err)
	require.NoError(t, db.MigrateDownTo(t.Context(), w.db.URLs.Owner, 9))
	var waiting []*process
	for _, part := range []string{"server", "worker"} {
		p := spawn(t, append(w.processEnv(), "CLOUDHUB_PRIVATE_HTTP=127.0.0.1:0"), part)
		waiting = append(waiting, p)
		w.eventually(part+" says what it waits for", func() bool {
			return strings.Contains(p.out.String(), fmt.Sprintf("needs %d; run: cloudhub migrate up", needed))
		})
	}
	up := spawn(t, w.processEnv(), "migrate", "up")
	require.Zero(t, up.exit(t, 30*time.Second), up.out.String())
	for i, says := range []string{`"serving"`, `"working"`} {
		w.eventually("it serves", func() bool { return strings.Contains(waiting[i].out.String(), says) })
		require.NoError(t, waiting[i].cmd.Process.Signal(syscall.SIGTERM))
		require.Zero(t, waiting[i].exit(t, 30*time.Second), waiting[i].out.String())
	}
}
