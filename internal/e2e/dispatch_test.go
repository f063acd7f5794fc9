package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/cloudhub/cloudhub/activities"
	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
	"github.com/cloudhub/cloudhub/internal/platform/embedded"
	ours "github.com/cloudhub/cloudhub/worker"
)

func TestARowThatCannotBeDeliveredDoesNotHoldUpTheOthers(t *testing.T) {
	t.Parallel()
	w, _ := smallWorld(t)
	w.stopWorker()
	for _, subject := range []string{"not an id", "nor this"} {
		w.db.Exec(t, `INSERT INTO agenda (org_id, kind, subject, lane, due_at, look_at)
			VALUES ($1, 'power', $2, 0, now() - interval '1 hour', now() - interval '1 hour')`, w.org, subject)
	}
	m := w.machines()
	first, second := w.stop(ids(m, sim.SmallRunning)...), w.stop(ids(m, sim.SmallElsewhere)...)
	w.startWorker()
	w.ended(first.GetId())
	w.ended(second.GetId())
	require.Equal(t, 2, w.count("SELECT count(*) FROM agenda WHERE last_error LIKE '%is not an id%' AND look_at > now()"), "what is wrong is said, and waits")
	w.db.Exec(t, "DELETE FROM agenda WHERE last_error LIKE '%is not an id%'")
	w.settled()
}

// Asked again while the reading is under way: it goes round once more, in the
// same run, and nothing is left.
func TestAskedAgainWhileItRuns(t *testing.T) {
	t.Parallel()
	w, s := smallWorld(t)
	account := w.machines()[sim.SmallRunning].GetCloudAccountId()
	w.fault(s, sim.Fault{Action: "DescribeInstances", Times: 1, Effect: sim.FaultLatency, Delay: sim.Duration(2 * time.Second)})
	ask := func() {
		_, err := w.inventory.SyncInventory(t.Context(), &v1.SyncInventoryRequest{OrgId: w.org, WorkspaceId: w.ws})
		require.NoError(t, err)
	}
	ask()
	w.called(s, "DescribeInstances", func(c sim.Call) bool { return len(c.Faults) > 0 })
	ask()
	_, err := s.AddInstance(sim.SmallAccount, sim.Instance{ID: "i-0c000000000000077", Name: "tarde-01", Region: "sa-east-1"})
	require.NoError(t, err)
	ask()
	w.settled()
	require.Contains(t, w.machines(), "i-0c000000000000077", "what came after the first look is seen")
	passes := 0
	for _, e := range history(t, w.namespaces.Background, "sync/"+account).GetEvents() {
		if e.GetEventType() == enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED {
			passes++
		}
	}
	require.Equal(t, 2, passes, "two requests during one pass are one more pass")
}

// A run that ended without recording an end, as a worker of a wrong version
// leaves it, is driven again after a wait.
func TestARunThatRecordedNothingIsDrivenAgain(t *testing.T) {
	t.Parallel()
	w, s := smallWorld(t)
	w.stopWorker()
	op := w.stop(ids(w.machines(), sim.SmallRunning)...)
	c := w.temporal()
	wrong := worker.New(c, activities.TaskQueueOf(agenda.LanePerson), worker.Options{})
	wrong.RegisterWorkflowWithOptions(func(workflow.Context, activities.WorkInput) error { return nil }, workflow.RegisterOptions{Name: activities.WorkflowPower})
	require.NoError(t, wrong.Start())
	id := "power/" + op.GetId()
	started, err := c.WorkflowService().StartWorkflowExecution(t.Context(), &workflowservice.StartWorkflowExecutionRequest{
		Namespace: w.namespaces.Main, WorkflowId: id, RequestId: uuid.NewString(), WorkflowType: &commonpb.WorkflowType{Name: activities.WorkflowPower},
		TaskQueue: &taskqueuepb.TaskQueue{Name: activities.TaskQueueOf(agenda.LanePerson)},
	})
	require.NoError(t, err)
	require.NoError(t, c.GetWorkflow(t.Context(), id, "").Get(t.Context(), nil))
	wrong.Stop()
	w.db.Exec(t, "UPDATE agenda SET run_id = $1, told = asked, starts = 1, look_at = now() WHERE kind = 'power'", started.GetRunId())
	w.startWorker()
	w.eventually("it waits to be driven again", func() bool {
		return w.count("SELECT count(*) FROM agenda WHERE kind = 'power' AND run_id IS NULL AND last_error LIKE '%without a recorded end%' AND look_at > now() + interval '2 seconds'") == 1
	})
	got, _ := w.ended(op.GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, got.GetState())
	require.Len(t, powerCalls(s), 1)
	w.settled()
}

// A run that a reset began belongs to the row too: an operator who resets and
// then terminates has ended it.
func TestAResetThatIsTerminatedIsEndedByTheOperator(t *testing.T) {
	t.Parallel()
	w, _ := slowWorld(t, time.Hour)
	op := w.stop(ids(w.machines(), sim.SmallRunning)...)
	w.accepted(op.GetId())
	c, id := w.temporal(), "power/"+op.GetId()
	w.db.Exec(t, "UPDATE agenda SET look_at = now() + interval '1 minute' WHERE kind = 'power'") // nobody looks in between
	w.reset(c, id)
	require.NoError(t, c.TerminateWorkflow(t.Context(), id, "", "enough of it"))
	w.eventually("it is recorded", func() bool {
		w.look()
		return w.operation(op.GetId()).GetEndTime() != nil
	})
	got, _ := w.ended(op.GetId())
	require.Equal(t, "OPERATOR_ENDED", got.GetLastError())
	require.Contains(t, got.GetLastErrorDetail(), "enough of it")
	w.settled()
}

// Temporal goes away in the middle of a stop and comes back: what was under way
// and what was asked for meanwhile is done, each once.
func TestTemporalIsAwayForAWhile(t *testing.T) {
	t.Parallel()
	ctx := context.WithoutCancel(t.Context())
	options := embedded.TemporalOptions{PostgresURL: shared.superURL, Database: "temporal_away", DisableUI: true}
	away, err := embedded.StartTemporal(ctx, options)
	require.NoError(t, err)
	defer func() { require.NoError(t, away.Stop(ctx)) }()
	estate := sim.SmallEstate()
	estate.Behaviour.Stop = sim.Span{Min: sim.Duration(6 * time.Second)}
	s, url := newSim(t, estate)
	w := newWorld(t, url, func(w *world) {
		w.temporalAt = away.HostPort()
		w.namespaces = ours.Namespaces{Main: activities.Namespace, Background: activities.NamespaceBackground}
	})
	defer func() { w.stopWorker() }()
	w.addAccount("pequena", sim.SmallKey.AccessKeyID, sim.SmallKey.Secret)
	m := w.machines()
	first := w.stop(ids(m, sim.SmallRunning)...)
	w.accepted(first.GetId())

	_, err = fmt.Sscanf(away.HostPort(), "127.0.0.1:%d", &options.Port)
	require.NoError(t, err)
	require.NoError(t, away.Stop(ctx))
	second := w.stop(ids(m, sim.SmallElsewhere)...)
	w.eventually("the row says that Temporal is away", func() bool {
		return w.count("SELECT count(*) FROM agenda WHERE subject = $1 AND last_error IS NOT NULL", second.GetId()) == 1
	})
	require.Nil(t, w.operation(second.GetId()).GetEndTime())
	away, err = embedded.StartTemporal(ctx, options)
	require.NoError(t, err)
	for _, id := range []string{first.GetId(), second.GetId()} {
		got, _ := w.ended(id)
		require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, got.GetState())
	}
	require.Len(t, powerCalls(s), 2)
	w.settled()
}
