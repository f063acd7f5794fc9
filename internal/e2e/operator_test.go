package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
)

// slowWorld has an AWS whose stops take some seconds, so that an operator has
// time to meddle.
func slowWorld(t *testing.T, stop time.Duration) (*world, *sim.Sim) {
	t.Helper()
	estate := sim.SmallEstate()
	estate.Behaviour.Stop = sim.Span{Min: sim.Duration(stop), Max: sim.Duration(stop)}
	s, url := newSim(t, estate)
	w := newWorld(t, url)
	w.addAccount("lenta", sim.SmallKey.AccessKeyID, sim.SmallKey.Secret)
	return w, s
}

func (w *world) accepted(op string) {
	w.t.Helper()
	w.eventually("the stop is accepted", func() bool {
		return w.operation(op).GetTargets()[0].GetState() == v1.TargetState_TARGET_STATE_ACCEPTED
	})
}

// look makes the dispatcher ask after silent rows now instead of in half a minute.
func (w *world) look() {
	w.db.Exec(w.t, "UPDATE agenda SET look_at = now() WHERE kind = 'power'")
}

func TestWhatAnOperatorTerminatesSaysSo(t *testing.T) {
	t.Parallel()
	w, _ := slowWorld(t, time.Hour)
	op := w.stop(ids(w.machines(), sim.SmallRunning)...)
	w.accepted(op.GetId())
	require.NoError(t, w.temporal().TerminateWorkflow(t.Context(), "power/"+op.GetId(), "", "maintenance window"))
	w.eventually("it is recorded", func() bool {
		w.look()
		return w.operation(op.GetId()).GetEndTime() != nil
	})
	got, targets := w.ended(op.GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_FAILED, got.GetState())
	require.Equal(t, "OPERATOR_ENDED", got.GetLastError())
	require.Contains(t, got.GetLastErrorDetail(), "maintenance window")
	require.Equal(t, "OPERATOR_ENDED", targets[sim.SmallRunning].GetReason())
	w.settled()
}

func TestAResetGoesOnAndIsRecordedOnce(t *testing.T) {
	t.Parallel()
	w, s := slowWorld(t, 4*time.Second)
	op := w.stop(ids(w.machines(), sim.SmallRunning)...)
	w.accepted(op.GetId())
	w.reset(w.temporal(), "power/"+op.GetId())
	w.look()
	got, targets := w.ended(op.GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, got.GetState(), got)
	require.Equal(t, v1.TargetState_TARGET_STATE_DONE, targets[sim.SmallRunning].GetState())
	require.Len(t, powerCalls(s), 1)
	w.settled()
}

// A run that Temporal no longer knows is driven again, as after a wiped Temporal.
func TestALostRunIsDrivenAgain(t *testing.T) {
	t.Parallel()
	w, s := slowWorld(t, 3*time.Second)
	op := w.stop(ids(w.machines(), sim.SmallRunning)...)
	w.accepted(op.GetId())
	w.stopWorker()
	c := w.temporal()
	require.NoError(t, c.TerminateWorkflow(t.Context(), "power/"+op.GetId(), "", "as if lost"))
	_, err := c.WorkflowService().DeleteWorkflowExecution(t.Context(), &workflowservice.DeleteWorkflowExecutionRequest{
		Namespace: w.namespaces.Main, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "power/" + op.GetId()},
	})
	require.NoError(t, err)
	w.eventually("Temporal has forgotten it", func() bool {
		_, err := c.DescribeWorkflowExecution(t.Context(), "power/"+op.GetId(), "")
		return err != nil
	})
	w.startWorker()
	w.eventually("it is driven again", func() bool {
		w.look()
		return w.operation(op.GetId()).GetEndTime() != nil
	})
	got, targets := w.ended(op.GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, got.GetState(), got)
	require.Equal(t, v1.TargetState_TARGET_STATE_DONE, targets[sim.SmallRunning].GetState())
	require.Len(t, powerCalls(s), 1, "what was accepted is not asked again")
	w.settled()
}

func TestTwoWorkersDeliverEachRowOnce(t *testing.T) {
	t.Parallel()
	w, s := smallWorld(t)
	w.startWorker() // a second one; both end with the test
	m := w.machines()
	for range 10 {
		w.ended(w.stop(ids(m, sim.SmallRunning)...).GetId())
		w.ended(w.start(ids(m, sim.SmallRunning)...).GetId())
	}
	require.Len(t, powerCalls(s), 20)
	w.settled()
}
