package e2e

import (
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
	"github.com/cloudhub/cloudhub/internal/platform/crashpoint"
	"github.com/cloudhub/cloudhub/internal/schedule"
)

// A worker is killed over a selector that it begins to look for, over one of which
// it has written what it found in a region, and over a calendar that has answered.
// The next one ends all three: each machine is a target once and is stopped once,
// each run is told once, and the calendar has its days once.
func TestAWorkerKilledWhileItReads(t *testing.T) {
	t.Parallel()
	path, err := pointedBinary()
	require.NoError(t, err)
	points, err := crashpoint.NewFolder(t.TempDir())
	require.NoError(t, err)
	w := newApart(t, sim.SmallEstate(), func(a *apart) {
		allow := "CLOUDHUB_EGRESS_ALLOW=127.0.0.0/8,http"
		a.serverEnv, a.workerEnv = append(a.serverEnv, allow), append(a.workerEnv, allow, points.Env())
	})
	worker := func() *process { return runProgram(t, exec.Command(path, "worker"), w.workerEnv) }
	first := worker()
	w.person = w.register("ana@example.com")
	w.addAccount("pequena", sim.SmallKey.AccessKeyID, sim.SmallKey.Secret)
	w.settled()
	first.kill()

	machines := map[string][]string{ // by what they are found by
		"ambiente": {sim.SmallRunning, sim.SmallRunning2}, "region": {sim.SmallElsewhere},
	}
	began := w.selecting("Começa a procurar", tagged("ambiente", "hml"))
	wrote := w.selecting("Já achou", &v1.TargetSelector{Everything: true, Regions: []string{"us-east-1"}})
	// A second apart, so that each is an operation of its own.
	at := time.Now().Add(-time.Minute).Truncate(time.Second)
	w.comes(wrote, at.Add(time.Second), "stopped")
	w.comes(began, at, "stopped")
	f := newFeed(t)
	var days []schedule.Day
	for i := range 40 {
		days = append(days, schedule.DayOf(time.Now().UTC()).Add(10+i))
	}
	f.publishes(days...)
	calendar := w.addCalendar(f.url)

	held := func(p crashpoint.Point, subject string) {
		t.Helper()
		w.eventually("it stands at "+string(p), func() bool { return points.Held(p, subject) })
	}
	require.NoError(t, points.Arm(crashpoint.Fetched, calendar))
	require.NoError(t, points.Arm(crashpoint.Expanded, w.ws))
	victim := worker()
	held(crashpoint.Expanded, w.ws)
	op := func(s *v1.Schedule) (id string) {
		require.NoError(t, w.db.Owner.QueryRow(t.Context(), "SELECT operation_id FROM operation_schedules WHERE schedule_id = $1", s.GetId()).Scan(&id))
		return id
	}
	require.NoError(t, points.Arm(crashpoint.Looking, op(began)))
	require.NoError(t, points.Arm(crashpoint.Found, op(wrote)))
	require.NoError(t, points.Release(crashpoint.Expanded, w.ws))
	held(crashpoint.Looking, op(began))
	held(crashpoint.Found, op(wrote))
	held(crashpoint.Fetched, calendar)
	victim.kill()
	require.Equal(t, 1, w.count("SELECT count(*) FROM operation_targets WHERE operation_id = $1 AND ended_at IS NULL", op(wrote)), "written, and not acted on")
	require.Zero(t, w.count("SELECT count(*) FROM operation_targets WHERE operation_id = $1", op(began)))
	require.Equal(t, 2, w.count("SELECT count(*) FROM operation_readings WHERE ended_at IS NULL"))
	require.Empty(t, w.daysOf(calendar))
	require.Equal(t, 1, w.count("SELECT count(*) FROM agenda WHERE kind = 'calendar' AND subject = $1", calendar), "it is still to be read")
	require.Empty(t, powerLines(t, w.simDir))
	require.NoError(t, points.ReleaseAll())

	worker()
	for s, want := range map[*v1.Schedule][]string{began: machines["ambiente"], wrote: machines["region"]} {
		run := w.runs(s, 1)[0]
		got, targets := w.ended(run.GetOperationId())
		require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, got.GetState(), got)
		require.Len(t, got.GetReadings(), 1)
		require.EqualValues(t, len(want), got.GetReadings()[0].GetFoundCount())
		require.Empty(t, got.GetReadings()[0].GetReason())
		require.Len(t, targets, len(want))
		for _, m := range want {
			require.Equal(t, v1.TargetState_TARGET_STATE_DONE, targets[m].GetState(), targets[m])
			require.EqualValues(t, 1, targets[m].GetAttempts(), targets[m])
		}
	}
	w.eventually("the calendar is read", func() bool { return w.calendar(calendar).GetRefreshTime() != nil })
	w.settled()
	require.Len(t, w.daysOf(calendar), len(days))
	require.GreaterOrEqual(t, len(f.requests()), 2, "the address is asked again")
	require.Len(t, powerLines(t, w.simDir), 2, "one stop for each operation")
	require.Equal(t, 2, w.events("schedule.executed"))
	require.Equal(t, 3, w.events("resource.stopped"))
	require.Equal(t, 2, w.audits("operation.claim"))
	for _, p := range crashpoint.OfReadings {
		notes, err := points.Notes()
		require.NoError(t, err)
		require.True(t, slices.ContainsFunc(notes, func(n crashpoint.Note) bool { return n.Point == p }), p)
	}
}
