package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
)

// reset does what the button in Temporal's UI does: back to the first workflow
// task.
func (w *world) reset(c client.Client, id string) {
	w.t.Helper()
	var finished int64
	it := c.GetWorkflowHistory(w.t.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for it.HasNext() && finished == 0 {
		event, err := it.Next()
		require.NoError(w.t, err)
		if event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			finished = event.GetEventId()
		}
	}
	_, err := c.WorkflowService().ResetWorkflowExecution(w.t.Context(), &workflowservice.ResetWorkflowExecutionRequest{
		Namespace: w.namespaces.Main, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: id},
		Reason: "test", WorkflowTaskFinishEventId: finished, RequestId: uuid.NewString(),
	})
	require.NoError(w.t, err)
}

// stop1 is the stop of one machine, by hand or by timetable.
type stop1 struct {
	machine, op string
	path        string // "hand" or "timetable"
}

func (s stop1) workflow() string { return "power/" + s.op }

// paths are the two ways by which everything is meddled with.
var paths = []string{"hand", "timetable"}

// slowEstate has n more machines, and a stop that lasts until the test says that
// the machine has stopped.
func slowEstate(n int) (sim.Estate, []string) {
	estate := sim.SmallEstate()
	estate.Behaviour.Stop = sim.Span{Min: sim.Duration(time.Hour), Max: sim.Duration(time.Hour)}
	var ids []string
	for i := range n {
		id := fmt.Sprintf("i-0e0000000000000%02d", i)
		ids = append(ids, id)
		estate.Accounts[0].Instances = append(estate.Accounts[0].Instances, sim.Instance{ID: id, Name: "lote-" + id[15:], Region: "sa-east-1"})
	}
	return estate, ids
}

// begin stops a machine by hand, or has its timetable's minute come, which no
// other timetable of the test may share.
func (w *world) begin(path, machine string, at time.Time) stop1 {
	w.t.Helper()
	out := stop1{machine: machine, path: path}
	resource := ids(w.machines(), machine)
	if path == "hand" {
		out.op = w.stop(resource...).GetId()
		return out
	}
	pair := w.schedule("Some "+machine, resource...)
	w.comes(pair, at, "stopped")
	w.eventually("the minute is claimed", func() bool {
		got, err := w.schedules.GetSchedule(w.t.Context(), &v1.GetScheduleRequest{OrgId: w.org, WorkspaceId: w.ws, ScheduleId: pair.GetId()})
		require.NoError(w.t, err)
		if runs := got.GetSchedule().GetRecentRuns(); len(runs) > 0 {
			out.op = runs[0].GetOperationId()
		}
		return out.op != ""
	})
	return out
}

// minutesOf are n minutes that have just passed.
func minutesOf(n int) (out []time.Time) {
	last := minute(0)
	for i := range n {
		out = append(out, last.Add(-time.Duration(i)*time.Minute))
	}
	return out
}

func names(c sim.Call, machine string) bool { return slices.Contains(c.IDs, machine) }

// callsFor counts the calls that would change one machine.
func callsFor(s *sim.Sim, machine string) (n int) {
	for _, c := range powerCalls(s) {
		if names(c, machine) {
			n++
		}
	}
	return n
}

// recorded waits for the end of an operation without the dispatcher's patience
// for silent ones.
func (w *world) recorded(op string) (*v1.Operation, *v1.OperationTarget) {
	w.t.Helper()
	w.eventually("the end is recorded", func() bool {
		w.look()
		return w.operation(op).GetEndTime() != nil
	})
	got := w.operation(op)
	return got, got.GetTargets()[0]
}

// nothingRuns is what must hold when everything meddled with has ended.
func (w *world) nothingRuns() {
	w.t.Helper()
	w.settled()
	require.Zero(w.t, w.count("SELECT count(*) FROM operations WHERE ended_at IS NULL"), "nothing is still running")
	require.Zero(w.t, w.count("SELECT count(*) FROM operation_targets WHERE ended_at IS NULL"))
}

// phases are the moments at which an operator meddles: how each is held, and how
// it shows that it has come.
var phases = map[string]struct {
	fault   *sim.Fault
	reached func(w *world, s *sim.Sim, x stop1) bool
	called  int // calls that have left by then
}{
	"before its activity acts": {
		fault: &sim.Fault{Action: "DescribeInstances", Effect: sim.FaultHang, Times: len(ways) * len(paths)},
		// A call that hangs is told of when it ends; its rule is used up before. The
		// look names its machines in a filter, so one rule is for all.
		reached: func(_ *world, s *sim.Sim, _ stop1) bool { return len(s.Faults()) == 0 },
	},
	"while it acts": {
		fault:   &sim.Fault{Action: "StopInstances", Effect: sim.FaultHang, AnswerLost: true, Times: 1},
		reached: func(_ *world, s *sim.Sim, x stop1) bool { return callsFor(s, x.machine) == 1 },
		called:  1,
	},
	"while it watches": {
		reached: func(w *world, _ *sim.Sim, x stop1) bool {
			return w.operation(x.op).GetTargets()[0].GetState() == v1.TargetState_TARGET_STATE_ACCEPTED
		},
		called: 1,
	},
}

// ways are the buttons of Temporal's UI.
var ways = []string{"terminate", "cancel", "reset"}

func (w *world) meddle(c client.Client, how string, x stop1) {
	w.t.Helper()
	switch how {
	case "terminate":
		require.NoError(w.t, c.TerminateWorkflow(w.t.Context(), x.workflow(), "", "maintenance window"))
	case "cancel":
		require.NoError(w.t, c.CancelWorkflow(w.t.Context(), x.workflow(), ""))
	case "reset":
		w.reset(c, x.workflow())
	}
}

// What an operator ends says so, at whatever moment, and what is reset goes on:
// each call leaves once.
func TestOperatorsMeddle(t *testing.T) {
	t.Parallel()
	for name, phase := range phases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			estate, machines := slowEstate(len(ways) * len(paths))
			s, url := newSim(t, estate)
			w := newWorld(t, url)
			w.addAccount("lenta", sim.SmallKey.AccessKeyID, sim.SmallKey.Secret)
			c := w.temporal()
			if phase.fault != nil && phase.fault.Times > 1 {
				w.fault(s, *phase.fault)
			}
			stops, minutes := map[string][]stop1{}, minutesOf(len(ways))
			for i, how := range ways {
				for j, path := range paths {
					machine := machines[i*len(paths)+j]
					if phase.fault != nil && phase.fault.Times == 1 {
						fault := *phase.fault
						fault.Instance = machine
						w.fault(s, fault)
					}
					stops[how] = append(stops[how], w.begin(path, machine, minutes[i]))
				}
			}
			for _, how := range ways {
				for _, x := range stops[how] {
					w.eventually(name+" "+x.path, func() bool { return phase.reached(w, s, x) })
					w.meddle(c, how, x)
				}
			}
			for _, x := range append(stops["terminate"], stops["cancel"]...) {
				got, target := w.recorded(x.op)
				require.Equal(t, v1.OperationState_OPERATION_STATE_FAILED, got.GetState(), x)
				require.Equal(t, "OPERATOR_ENDED", got.GetLastError(), x)
				require.Equal(t, "OPERATOR_ENDED", target.GetReason(), x)
			}
			require.Contains(t, w.operation(stops["terminate"][0].op).GetLastErrorDetail(), "maintenance window")
			require.Contains(t, w.operation(stops["cancel"][1].op).GetLastErrorDetail(), "cancelled in Temporal")
			for _, x := range stops["reset"] {
				w.eventually("it goes on", func() bool { w.look(); return callsFor(s, x.machine) == 1 })
				require.NoError(t, s.SetState(x.machine, sim.Stopped))
				got, target := w.recorded(x.op)
				require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, got.GetState(), got)
				require.Equal(t, v1.TargetState_TARGET_STATE_DONE, target.GetState())
				require.Equal(t, 1, callsFor(s, x.machine), x)
			}
			w.nothingRuns()
			for _, x := range append(stops["terminate"], stops["cancel"]...) {
				require.Equal(t, phase.called, callsFor(s, x.machine), "%v: nothing left after it was ended", x)
			}
		})
	}
}

// What is recorded stays as it is, whatever is done to its workflow afterwards.
func TestOperatorsMeddleWithWhatHasEnded(t *testing.T) {
	t.Parallel()
	estate, machines := slowEstate(len(ways) * len(paths))
	s, url := newSim(t, estate)
	w := newWorld(t, url)
	w.addAccount("lenta", sim.SmallKey.AccessKeyID, sim.SmallKey.Secret)
	c, minutes := w.temporal(), minutesOf(len(ways))
	for i, how := range ways {
		for j, path := range paths {
			x := w.begin(path, machines[i*len(paths)+j], minutes[i])
			w.eventually("it is accepted", func() bool { return callsFor(s, x.machine) == 1 })
			require.NoError(t, s.SetState(x.machine, sim.Stopped))
			w.recorded(x.op)
			version := w.operation(x.op).GetVersion()
			require.NoError(t, c.GetWorkflow(t.Context(), x.workflow(), "").Get(t.Context(), nil))
			switch how {
			case "terminate":
				_ = c.TerminateWorkflow(t.Context(), x.workflow(), "", "too late") // refused: it has closed
			case "cancel":
				_ = c.CancelWorkflow(t.Context(), x.workflow(), "")
			case "reset":
				w.reset(c, x.workflow())
				require.NoError(t, c.GetWorkflow(t.Context(), x.workflow(), "").Get(t.Context(), nil), "the new run finds that all is done")
			}
			got := w.operation(x.op)
			require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, got.GetState())
			require.Equal(t, version, got.GetVersion(), "%s of a %s changes nothing", how, path)
			require.Equal(t, 1, callsFor(s, x.machine))
		}
	}
	w.nothingRuns()
}

// Nobody asks: what an operator has ended is recorded by the dispatcher's own
// patience, which is half a minute; all but five seconds of it are let pass here.
func TestWhatAnOperatorEndsIsNotRunningFiveMinutesLater(t *testing.T) {
	t.Parallel()
	estate, machines := slowEstate(2)
	s, url := newSim(t, estate)
	w := newWorld(t, url)
	w.addAccount("lenta", sim.SmallKey.AccessKeyID, sim.SmallKey.Secret)
	var stops []stop1
	for i, path := range paths {
		x := w.begin(path, machines[i], minute(time.Minute))
		w.eventually("it is accepted", func() bool { return callsFor(s, x.machine) == 1 })
		stops = append(stops, x)
	}
	c := w.temporal()
	w.meddle(c, "terminate", stops[0])
	w.meddle(c, "cancel", stops[1])
	require.Equal(t, 2, w.count("SELECT count(*) FROM agenda WHERE kind = 'power' AND look_at <= now() + make_interval(secs => $1)", agenda.QuietAfter.Seconds()),
		"both are looked at within half a minute, and the record is one transaction after that")
	passed := agenda.QuietAfter - 5*time.Second
	w.db.Exec(t, "UPDATE agenda SET look_at = look_at - make_interval(secs => $1) WHERE kind = 'power'", passed.Seconds())
	closed := time.Now().Add(-passed)
	for _, x := range stops {
		got, _ := w.ended(x.op)
		require.Equal(t, "OPERATOR_ENDED", got.GetLastError(), got)
		t.Logf("%s: recorded %s after the workflow was ended", x.path, time.Since(closed).Round(time.Second))
	}
	w.nothingRuns()
}
