package e2e

import (
	"context"
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/activities"
	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
	"github.com/cloudhub/cloudhub/internal/platform/embedded"
	ours "github.com/cloudhub/cloudhub/worker"
)

// asSuper runs statements on the shared server as its superuser.
func asSuper(t *testing.T, database string, statements ...string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, replaceDatabase(shared.superURL, database))
	require.NoError(t, err)
	defer func() { _ = conn.Close(ctx) }()
	for _, s := range statements {
		_, err := conn.Exec(ctx, s)
		require.NoError(t, err, s)
	}
}

// Temporal's databases are dropped and made anew under a worker that goes on
// running: what was in flight, at whatever moment, ends as it was asked, each
// call once.
func TestTemporalIsWiped(t *testing.T) {
	t.Parallel()
	ctx := context.WithoutCancel(t.Context())
	options := embedded.TemporalOptions{PostgresURL: shared.superURL, Database: "temporal_wiped", DisableUI: true}
	temporal, err := embedded.StartTemporal(ctx, options)
	require.NoError(t, err)
	defer func() { require.NoError(t, temporal.Stop(ctx)) }()
	estate, machines := slowEstate(6)
	s, address := newSim(t, estate)
	w := newWorld(t, address, func(w *world) {
		w.temporalAt = temporal.HostPort()
		w.namespaces = ours.Namespaces{Main: activities.Namespace, Background: activities.NamespaceBackground}
	})
	defer func() { w.stopWorker() }()
	w.addAccount("lenta", sim.SmallKey.AccessKeyID, sim.SmallKey.Secret)
	minutes := minutesOf(3)
	var inFlight []stop1
	for j, path := range paths {
		x := w.begin(path, machines[j], minutes[0])
		w.eventually("one is watched", func() bool { return callsFor(s, x.machine) == 1 })
		inFlight = append(inFlight, x)
	}
	for j, path := range paths {
		w.fault(s, sim.Fault{Action: "StopInstances", Instance: machines[2+j], Effect: sim.FaultHang, AnswerLost: true, Times: 1})
		x := w.begin(path, machines[2+j], minutes[1])
		w.eventually("one is called for", func() bool { return callsFor(s, x.machine) == 1 })
		inFlight = append(inFlight, x)
	}
	look := w.fault(s, sim.Fault{Action: "DescribeInstances", Effect: sim.FaultHang, Times: 1000})
	for j, path := range paths { // not looked at yet
		inFlight = append(inFlight, w.begin(path, machines[4+j], minutes[2]))
	}
	w.eventually("all are delivered", func() bool {
		return w.count("SELECT count(*) FROM agenda WHERE kind = 'power' AND run_id IS NOT NULL AND taken") == len(inFlight)
	})

	_, err = fmt.Sscanf(temporal.HostPort(), "127.0.0.1:%d", &options.Port)
	require.NoError(t, err)
	require.NoError(t, temporal.Stop(ctx))
	asSuper(t, "postgres", "DROP DATABASE temporal_wiped WITH (FORCE)", "DROP DATABASE temporal_wiped_visibility WITH (FORCE)")
	require.True(t, s.RemoveFault(look))
	temporal, err = embedded.StartTemporal(ctx, options)
	require.NoError(t, err)

	for _, x := range inFlight {
		w.eventually("it is driven again", func() bool { w.look(); return callsFor(s, x.machine) == 1 })
		require.NoError(t, s.SetState(x.machine, sim.Stopped))
	}
	for _, x := range inFlight {
		got, target := w.recorded(x.op)
		require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, got.GetState(), got)
		require.Equal(t, v1.TargetState_TARGET_STATE_DONE, target.GetState())
		require.Equal(t, 1, callsFor(s, x.machine), x)
	}
	w.nothingRuns()
}

// backup writes the application's database to a file.
func (w *world) backup() (file string) {
	w.t.Helper()
	file = filepath.Join(w.t.TempDir(), "cloudhub.dump")
	postgresTool(w.t, "pg_dump", "--format=custom", "--file="+file, replaceDatabase(shared.superURL, w.database()))
	return file
}

func (w *world) database() string {
	u, err := url.Parse(w.db.URLs.Owner)
	require.NoError(w.t, err)
	return strings.TrimPrefix(u.Path, "/")
}

// restore puts a dump in the place of the database, under the connections of
// whoever has some.
func (w *world) restore(file string) {
	w.t.Helper()
	name := pgx.Identifier{w.database()}.Sanitize()
	asSuper(w.t, "postgres", "DROP DATABASE "+name+" WITH (FORCE)", "CREATE DATABASE "+name+" OWNER "+db.RoleOwner)
	postgresTool(w.t, "pg_restore", "--dbname="+replaceDatabase(shared.superURL, w.database()), "--exit-on-error", file)
	w.db.Owner.Reset() // the other pools try what has rested before they use it
}

func postgresTool(t *testing.T, tool string, args ...string) {
	t.Helper()
	out, err := exec.Command(filepath.Join(clientPrograms(t), tool), args...).CombinedOutput()
	require.NoError(t, err, "%s: %s", tool, out)
}

// anHourPasses moves everything that the database knows of into the past, as if
// the dump that it comes from were an hour old.
func (w *world) anHourPasses() {
	w.t.Helper()
	w.db.Exec(w.t, "ALTER TABLE operations DISABLE TRIGGER USER")
	for _, s := range []string{
		"UPDATE operations SET act_before = act_before - interval '1 hour', created_at = created_at - interval '1 hour', started_at = started_at - interval '1 hour', ended_at = ended_at - interval '1 hour', due_at = due_at - interval '1 hour'",
		"UPDATE operation_targets SET asked_at = asked_at - interval '1 hour', accepted_at = accepted_at - interval '1 hour', calling_until = calling_until - interval '1 hour', ended_at = ended_at - interval '1 hour'",
		"UPDATE schedules SET next_at = next_at - interval '1 hour'",
		"UPDATE resources SET seen_at = seen_at - interval '1 hour'",
		"UPDATE cloud_accounts SET last_sync_at = last_sync_at - interval '1 hour', next_sync_at = next_sync_at - interval '1 hour'",
		"UPDATE agenda SET due_at = due_at - interval '1 hour', look_at = look_at - interval '1 hour'",
	} {
		w.db.Exec(w.t, s)
	}
	w.db.Exec(w.t, "ALTER TABLE operations ENABLE TRIGGER USER")
}

// The application's database is restored from a dump of an hour ago, beside a
// Temporal that knows more than it does. Nothing acts late, nothing that somebody
// has decided since is undone, and the next reading says what differs.
func TestTheDatabaseIsRestoredFromAnHourAgo(t *testing.T) {
	t.Parallel()
	estate, machines := slowEstate(4)
	s, address := newSim(t, estate)
	w := newWorld(t, address)
	w.addAccount("lenta", sim.SmallKey.AccessKeyID, sim.SmallKey.Secret)
	underWay, evening, later, new := machines[0], machines[1], machines[2], machines[3]
	open := w.begin("hand", underWay, time.Time{})
	w.accepted(open.op)
	pair := w.schedule("Noite", ids(w.machines(), evening)...)
	// At the moment of the dump an order has been asked for that nobody has taken,
	// and the timetable's minute is fifty minutes off.
	w.stopWorker()
	waiting := w.begin("hand", new, time.Time{})
	w.db.Exec(t, "UPDATE schedules SET next_at = date_trunc('minute', now() + interval '57 minutes'), next_wanted = 'stopped' WHERE id = $1", pair.GetId())
	w.db.Exec(t, "UPDATE agenda SET due_at = s.next_at, look_at = s.next_at FROM schedules s WHERE kind = 'timetable' AND s.id = $1", pair.GetId())
	file := w.backup()

	// The hour that the dump does not know of.
	w.startWorker()
	w.eventually("the order of before is carried out", func() bool { return callsFor(s, new) == 1 })
	require.NoError(t, s.SetState(underWay, sim.Stopped))
	require.NoError(t, s.SetState(new, sim.Stopped))
	w.recorded(open.op)
	w.recorded(waiting.op)
	w.comes(pair, minute(0), "stopped")
	w.eventually("the timetable stops it", func() bool { return callsFor(s, evening) == 1 })
	require.NoError(t, s.SetState(evening, sim.Stopped))
	w.runs(pair, 1)
	unknown := w.begin("hand", later, time.Time{}) // still under way when the disk dies
	w.accepted(unknown.op)
	leases := w.count("SELECT last_value FROM agenda_lease")
	w.stopWorker()
	require.NoError(t, s.SetState(evening, sim.Running)) // somebody starts it again, by other means
	calls := len(powerCalls(s))

	w.restore(file)
	w.anHourPasses()
	require.Less(t, w.count("SELECT last_value FROM agenda_lease"), leases, "the dump would give out again what Temporal's runs hold")
	restored := spawn(t, w.processEnv(), "restored")
	require.Zero(t, restored.exit(t, 30*time.Second), restored.out.String())
	require.Contains(t, restored.out.String(), "1 minutes of timetables", restored.out.String())
	require.Greater(t, w.count("SELECT last_value FROM agenda_lease"), leases)
	w.startWorker()

	w.eventually("the server has noticed that its connections are gone", func() bool {
		_, err := w.auth.Login(t.Context(), &v1.LoginRequest{Email: w.email, Password: w.password})
		return err == nil
	})
	w.person = w.signIn(w.email, w.password) // the sessions of the dump have ended
	// What was due in the hour is missed, and stays undone.
	run := w.runs(pair, 1)[0]
	require.EqualValues(t, 1, run.GetMissedCount(), run)
	// What was open in the dump is too late, or found as it was wanted.
	_, target := w.recorded(waiting.op)
	require.Contains(t, []v1.TargetState{v1.TargetState_TARGET_STATE_MISSED, v1.TargetState_TARGET_STATE_ALREADY}, target.GetState())
	_, target = w.recorded(open.op)
	require.Equal(t, v1.TargetState_TARGET_STATE_DONE, target.GetState())
	// Temporal's run of an operation that the database no longer has ends in peace.
	w.eventually("the unknown run ends", func() bool {
		got, err := w.temporal().DescribeWorkflowExecution(t.Context(), unknown.workflow(), "")
		return err == nil && got.GetWorkflowExecutionInfo().GetCloseTime() != nil
	})
	require.Len(t, powerCalls(s), calls, "nothing has left for the provider")
	m, _ := s.Machine(evening)
	require.Equal(t, sim.Running, m.State, "and what somebody has decided since stands")

	// The reading that follows says what differs: the machine that an operation
	// nobody knows of is stopping, and those that the open operations had not looked
	// at before it.
	var reading *v1.Operation
	w.eventually("the reading is told", func() bool {
		told := w.readings()
		if len(told) > 0 {
			reading = told[0]
		}
		return reading.GetDifference().GetChangedCount() > 0
	})
	require.GreaterOrEqual(t, reading.GetDifference().GetChangedCount(), int32(1), reading)
	require.LessOrEqual(t, reading.GetDifference().GetChangedCount(), int32(3), reading)
	require.Equal(t, "lenta", reading.GetDifference().GetCloudAccountName())
	for _, id := range machines {
		m, _ := s.Machine(id)
		require.Equal(t, string(m.State), strings.ToLower(strings.TrimPrefix(w.machines()[id].GetState().String(), "RESOURCE_STATE_")), id)
	}
	w.nothingRuns()
}

func TestRestoredRefusesWhileWorkersRun(t *testing.T) {
	t.Parallel()
	w, _ := smallWorld(t)
	w.stopWorker()
	running := spawn(t, append(w.processEnv(), "CLOUDHUB_PRIVATE_HTTP=127.0.0.1:0"), "worker")
	w.eventually("a worker runs", func() bool { return strings.Contains(running.out.String(), `"working"`) })
	refused := spawn(t, w.processEnv(), "restored")
	require.Equal(t, 1, refused.exit(t, 30*time.Second))
	require.Contains(t, refused.out.String(), "stop them first")
	_, err := w.user.GetMe(t.Context(), &v1.GetMeRequest{})
	require.NoError(t, err, "and has changed nothing")
}
