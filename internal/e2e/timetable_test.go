package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
)

func mask(paths ...string) *fieldmaskpb.FieldMask { return &fieldmaskpb.FieldMask{Paths: paths} }

// schedule makes a pair whose own minutes are hours away, whatever the hour of
// the test: only what `comes` says comes.
func (w *world) schedule(name string, resources ...string) *v1.Schedule {
	w.t.Helper()
	zone, err := time.LoadLocation("America/Sao_Paulo")
	require.NoError(w.t, err)
	now := time.Now().In(zone)
	start, stop := now.Add(6*time.Hour).Format("15:04"), now.Add(9*time.Hour).Format("15:04")
	made, err := w.schedules.CreateSchedule(w.t.Context(), &v1.CreateScheduleRequest{
		OrgId: w.org, WorkspaceId: w.ws, Name: name, ResourceIds: resources,
		Rule: &v1.ScheduleRule{StartTime: start, StopTime: stop, Weekdays: []v1.Weekday{1, 2, 3, 4, 5, 6, 7}, TimeZone: "America/Sao_Paulo"},
	})
	require.NoError(w.t, err)
	return made.GetSchedule()
}

// comes moves a schedule's next minute to a moment, so that a test need not wait
// for the clock on the wall. Everything after that is the product's.
func (w *world) comes(s *v1.Schedule, at time.Time, wanted string) {
	w.t.Helper()
	w.db.Exec(w.t, "UPDATE schedules SET next_at = $2, next_wanted = $3 WHERE id = $1", s.GetId(), at, wanted)
	w.db.Exec(w.t, "UPDATE agenda SET due_at = $2, look_at = $2 WHERE kind = 'timetable' AND subject = $1", w.ws, at)
}

func minute(ago time.Duration) time.Time { return time.Now().Add(-ago).Truncate(time.Minute) }

// runs waits until a schedule has n ended runs, newest first.
func (w *world) runs(s *v1.Schedule, n int) []*v1.ScheduleRun {
	w.t.Helper()
	var got *v1.Schedule
	w.eventually("the runs end", func() bool {
		resp, err := w.schedules.GetSchedule(w.t.Context(), &v1.GetScheduleRequest{OrgId: w.org, WorkspaceId: w.ws, ScheduleId: s.GetId()})
		require.NoError(w.t, err)
		got = resp.GetSchedule()
		return len(got.GetRecentRuns()) == n && got.GetRecentRuns()[0].GetEnded()
	})
	return got.GetRecentRuns()
}

func TestATimetableStopsAndStartsByItself(t *testing.T) {
	t.Parallel()
	w, s := smallWorld(t)
	pair := w.schedule("Dias úteis", ids(w.machines(), sim.SmallRunning, sim.SmallElsewhere)...)
	require.NotNil(t, pair.GetNextTime())
	w.comes(pair, minute(time.Minute), "stopped")
	run := w.runs(pair, 1)[0]
	require.EqualValues(t, 2, run.GetDoneCount(), run)
	require.Equal(t, stopped, run.GetWanted())
	require.Equal(t, stopped, w.machines()[sim.SmallRunning].GetState())
	op, targets := w.ended(run.GetOperationId())
	require.Equal(t, v1.OperationOrigin_OPERATION_ORIGIN_TIMETABLE, op.GetOrigin())
	require.Equal(t, pair.GetId(), targets[sim.SmallRunning].GetScheduleId())
	require.EqualValues(t, 1, op.GetSchedules()[0].GetRevision())

	w.comes(pair, minute(0), "running")
	run = w.runs(pair, 2)[0]
	require.EqualValues(t, 2, run.GetDoneCount())
	require.Equal(t, running, w.machines()[sim.SmallElsewhere].GetState())
	require.Len(t, powerCalls(s), 4, "a stop and a start in each of two regions")
	require.Equal(t, 2, w.audits("operation.claim"))
	got, err := w.schedules.GetSchedule(t.Context(), &v1.GetScheduleRequest{OrgId: w.org, WorkspaceId: w.ws, ScheduleId: pair.GetId()})
	require.NoError(t, err)
	require.True(t, got.GetSchedule().GetNextTime().AsTime().After(time.Now()), "the next time is by the rule again")
	w.settled()
}

func TestAMinuteThatWasMissedIsRecordedAndDoesNotAct(t *testing.T) {
	t.Parallel()
	w, s := smallWorld(t)
	pair := w.schedule("Dias úteis", ids(w.machines(), sim.SmallRunning)...)
	w.comes(pair, minute(11*time.Minute), "stopped")
	run := w.runs(pair, 1)[0]
	require.EqualValues(t, 1, run.GetMissedCount())
	op, targets := w.ended(run.GetOperationId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_MISSED, op.GetState())
	require.Equal(t, "TOO_LATE", targets[sim.SmallRunning].GetReason())
	require.Empty(t, powerCalls(s))
	w.settled()
}

func TestTwoSchedulesOfOneMinuteAreOneOperation(t *testing.T) {
	t.Parallel()
	w, s := smallWorld(t)
	m := w.machines()
	a := w.schedule("A", ids(m, sim.SmallRunning, sim.SmallElsewhere)...)
	b := w.schedule("B", ids(m, sim.SmallRunning2, sim.SmallElsewhere)...)
	at := minute(time.Minute)
	w.stopWorker()
	w.comes(a, at, "stopped")
	w.comes(b, at, "running") // the opposite, in the same minute
	w.startWorker()
	runA, runB := w.runs(a, 1)[0], w.runs(b, 1)[0]
	require.Equal(t, runA.GetOperationId(), runB.GetOperationId())
	_, targets := w.ended(runA.GetOperationId())
	require.Equal(t, v1.TargetState_TARGET_STATE_DONE, targets[sim.SmallRunning].GetState())
	require.Equal(t, v1.TargetState_TARGET_STATE_ALREADY, targets[sim.SmallRunning2].GetState())
	require.Equal(t, "CONFLICTING_ORDERS", targets[sim.SmallElsewhere].GetReason())
	require.Equal(t, running, w.machines()[sim.SmallElsewhere].GetState(), "neither was done")
	require.Len(t, powerCalls(s), 1)
	w.settled()
}

func TestDeletingAScheduleKeepsItsHistoryAndEndsItsClock(t *testing.T) {
	t.Parallel()
	w, _ := smallWorld(t)
	pair := w.schedule("Some", ids(w.machines(), sim.SmallRunning)...)
	w.comes(pair, minute(time.Minute), "stopped")
	run := w.runs(pair, 1)[0]
	_, err := w.schedules.DeleteSchedule(t.Context(), &v1.DeleteScheduleRequest{OrgId: w.org, WorkspaceId: w.ws, ScheduleId: pair.GetId()})
	require.NoError(t, err)
	require.Equal(t, "Some", w.operation(run.GetOperationId()).GetSchedules()[0].GetName())
	var clocks int
	require.NoError(t, w.db.Owner.QueryRow(t.Context(), "SELECT count(*) FROM agenda WHERE kind = 'timetable'").Scan(&clocks))
	require.Zero(t, clocks)
	w.settled()
}

func TestOneBadClockDoesNotHoldUpTheOthers(t *testing.T) {
	t.Parallel()
	w, _ := smallWorld(t)
	good := w.schedule("boa", ids(w.machines(), sim.SmallRunning)...)
	w.stopWorker()
	w.db.Exec(t, `INSERT INTO agenda (org_id, kind, subject, lane, due_at, look_at)
		VALUES ($1, 'timetable', 'not an id', 1, now() - interval '1 hour', now() - interval '1 hour')`, w.org)
	w.comes(good, minute(time.Minute), "stopped")
	w.startWorker()
	require.EqualValues(t, 1, w.runs(good, 1)[0].GetDoneCount())
	var lastError string
	require.NoError(t, w.db.Owner.QueryRow(t.Context(), "SELECT coalesce(last_error, '') FROM agenda WHERE subject = 'not an id'").Scan(&lastError))
	require.Contains(t, lastError, "not an id")
}
