package e2e

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
)

// wire stands between a worker and Temporal, and can be cut.
type wire struct {
	ln   net.Listener
	mu   sync.Mutex
	cut  bool
	open []net.Conn
}

func newWire(t *testing.T, target string) *wire {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &wire{ln: ln}
	go func() {
		for {
			in, err := ln.Accept()
			if err != nil {
				return
			}
			w.join(in, target)
		}
	}()
	t.Cleanup(func() { _ = ln.Close(); w.set(true) })
	return w
}

func (w *wire) join(in net.Conn, target string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	out, err := net.Dial("tcp", target)
	if w.cut || err != nil {
		_ = in.Close()
		if err == nil {
			_ = out.Close()
		}
		return
	}
	w.open = append(w.open, in, out)
	for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
		go func() { _, _ = io.Copy(pair[0], pair[1]); _ = pair[0].Close(); _ = pair[1].Close() }()
	}
}

func (w *wire) set(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut = cut; cut {
		for _, c := range w.open {
			_ = c.Close()
		}
		w.open = nil
	}
}

// operates makes a person who runs the installation.
func (w *world) operates() person {
	w.t.Helper()
	p := w.register("rita@example.com")
	w.db.Exec(w.t, "INSERT INTO platform_admins (user_id) SELECT id FROM users WHERE email = 'rita@example.com'")
	return p
}

func (w *world) agenda(p person, view v1.AgendaView, subject string) *v1.AgendaRow {
	w.t.Helper()
	got, err := p.admin.ListAgenda(w.t.Context(), &v1.ListAgendaRequest{View: view, Organization: w.org})
	require.NoError(w.t, err)
	for _, r := range got.GetRows() {
		if r.GetSubject() == subject {
			return r
		}
	}
	return nil
}

func (w *world) park(p person, kind, subject, reason string) {
	w.t.Helper()
	got, err := p.admin.ParkAgendaRow(w.t.Context(), &v1.ParkAgendaRowRequest{OrgId: w.org, Kind: kind, Subject: subject, Reason: reason})
	require.NoError(w.t, err)
	require.Equal(w.t, reason, got.GetRow().GetParkReason())
}

func (w *world) driveAgain(p person, kind, subject string) {
	w.t.Helper()
	_, err := p.admin.DriveAgain(w.t.Context(), &v1.DriveAgainRequest{OrgId: w.org, Kind: kind, Subject: subject})
	require.NoError(w.t, err)
}

// told waits until the tenant can read that his order is held, and why.
func (w *world) told(op, reason string) {
	w.t.Helper()
	w.eventually("the tenant is told that it is parked", func() bool {
		got := w.operation(op)
		return got.GetLastError() == "PARKED" && got.GetLastErrorDetail() == reason && got.GetEndTime() == nil
	})
}

// Temporal does not answer: the order shows as failing with the error. It is
// parked, and stays where it is when all else goes on; driven again it ends.
func TestAFailingRowIsParkedAndDrivenAgain(t *testing.T) {
	t.Parallel()
	s, url := newSim(t, sim.SmallEstate())
	link := newWire(t, shared.temporal.HostPort())
	w := newWorld(t, url, func(w *world) { w.temporalAt = link.ln.Addr().String() })
	defer func() { w.stopWorker() }()
	rita := w.operates()
	w.addAccount("pequena", sim.SmallKey.AccessKeyID, sim.SmallKey.Secret)
	m := w.machines()

	link.set(true)
	op := w.stop(ids(m, sim.SmallRunning)...).GetId()
	w.eventually("it shows as failing", func() bool {
		r := w.agenda(rita, v1.AgendaView_AGENDA_VIEW_FAILING, op)
		return r.GetLastError() != ""
	})
	row := w.agenda(rita, v1.AgendaView_AGENDA_VIEW_FAILING, op)
	require.Equal(t, "power/"+op, row.GetWorkflowId())
	require.Contains(t, row.GetTemporalUrl(), "http://temporal.example.com/namespaces/cloudhub/workflows")
	w.eventually("the gauge counts it", func() bool { return w.gauge("cloudhub_agenda_failing_rows", "power") == 1 })
	w.park(rita, "power", op, "Temporal is being moved")
	w.told(op, "Temporal is being moved")
	require.Nil(t, w.agenda(rita, v1.AgendaView_AGENDA_VIEW_FAILING, op))
	require.NotNil(t, w.agenda(rita, v1.AgendaView_AGENDA_VIEW_PARKED, op))
	w.eventually("the gauges tell", func() bool {
		return w.gauge("cloudhub_agenda_parked_rows", "power") == 1 && w.gauge("cloudhub_agenda_failing_rows", "power") == 0
	})

	link.set(false)
	w.db.Exec(t, "UPDATE agenda SET look_at = now() WHERE subject = $1", op)
	other := w.stop(ids(m, sim.SmallElsewhere)...).GetId()
	w.driveAgain(rita, "power", other) // not to wait for its back-off
	w.ended(other)
	require.Nil(t, w.operation(op).GetEndTime())
	require.Equal(t, v1.OperationState_OPERATION_STATE_QUEUED, w.operation(op).GetState(), "nobody has taken it")
	require.Len(t, powerCalls(s), 1, "only the other's")

	w.driveAgain(rita, "power", op)
	got, targets := w.ended(op)
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, got.GetState(), got)
	require.Empty(t, got.GetLastError(), "that it was parked is over")
	require.Equal(t, v1.TargetState_TARGET_STATE_DONE, targets[sim.SmallRunning].GetState())
	require.Equal(t, 1, w.count(`SELECT count(*) FROM audit_log a JOIN users u ON u.actor_hash = a.actor WHERE a.action = 'agenda.park' AND a.actor_kind = 'operator'
		AND a.org_id = $1 AND a.subject_id = $2 AND a.after->>'parked_reason' = 'Temporal is being moved' AND a.before->>'parked_reason' IS NULL
		AND a.before->>'last_error' <> '' AND u.email = 'rita@example.com'`, w.org, "power/"+op))
	require.Equal(t, 1, w.count(`SELECT count(*) FROM audit_log WHERE action = 'agenda.drive_again' AND subject_id = $1 AND before->>'parked_reason' IS NOT NULL
		AND after->>'parked_reason' IS NULL`, "power/"+op))
	_, err := rita.admin.GetAgendaRow(t.Context(), &v1.GetAgendaRowRequest{OrgId: w.org, Kind: "power", Subject: op})
	require.Equal(t, connect.CodeNotFound, connect.CodeOf(err), "its work has ended")
	w.settled()
}

// gauge of the latest worker, by its kind; -1 when it is not there yet.
func (w *world) gauge(name, kind string) float64 {
	w.t.Helper()
	families, err := w.metrics.Gather()
	require.NoError(w.t, err)
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "kind" && l.GetValue() == kind {
					return m.GetGauge().GetValue()
				}
			}
		}
	}
	return -1
}

// A run that works is stopped by parking, and what the provider has accepted is
// not asked for again when it is let go on.
func TestParkingStopsTheRunThatWorks(t *testing.T) {
	t.Parallel()
	w, s := slowWorld(t, 4*time.Second)
	rita := w.operates()
	op := w.stop(ids(w.machines(), sim.SmallRunning)...).GetId()
	w.accepted(op)
	w.park(rita, "power", op, "checking the account")
	w.told(op, "checking the account")
	c := w.temporal()
	w.eventually("the run has ended", func() bool {
		d, err := c.DescribeWorkflowExecution(t.Context(), "power/"+op, "")
		require.NoError(t, err)
		return d.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	})
	require.Nil(t, w.operation(op).GetEndTime())
	require.Len(t, powerCalls(s), 1)
	w.driveAgain(rita, "power", op)
	got, _ := w.ended(op)
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, got.GetState(), got)
	require.Len(t, powerCalls(s), 1)
	w.settled()
}

// Nothing acts late, and nothing stays open for ever: the time of a parked order
// passes, and it ends with the reason.
func TestWhatIsParkedEndsWhenItsTimeHasPassed(t *testing.T) {
	t.Parallel()
	w, s := slowWorld(t, time.Hour)
	rita := w.operates()
	m := w.machines()
	accepted := w.stop(ids(m, sim.SmallRunning)...).GetId()
	w.accepted(accepted)
	w.stopWorker()
	waiting := w.stop(ids(m, sim.SmallElsewhere)...).GetId()
	for _, op := range []string{accepted, waiting} {
		w.park(rita, "power", op, "no cloud today")
	}
	w.startWorker()
	for _, op := range []string{accepted, waiting} {
		w.told(op, "no cloud today")
		w.db.Exec(t, "UPDATE operations SET act_before = now() WHERE id = $1", op)
	}
	w.look()
	got, targets := w.ended(waiting)
	require.Equal(t, v1.OperationState_OPERATION_STATE_MISSED, got.GetState())
	require.Equal(t, []string{"EXPIRED_PARKED", "no cloud today"}, []string{got.GetLastError(), got.GetLastErrorDetail()})
	require.Equal(t, v1.TargetState_TARGET_STATE_MISSED, targets[sim.SmallElsewhere].GetState())
	require.Equal(t, "EXPIRED_PARKED", targets[sim.SmallElsewhere].GetReason())
	got, targets = w.ended(accepted)
	require.Equal(t, v1.OperationState_OPERATION_STATE_FAILED, got.GetState(), "the provider had accepted it, and nobody saw its end")
	require.Equal(t, v1.TargetState_TARGET_STATE_FAILED, targets[sim.SmallRunning].GetState())
	require.Len(t, powerCalls(s), 1)
	w.settled()
}

// The timetable of a workspace is held: nothing of it runs, and whoever looks at
// the schedules reads why. Let go on, it claims what fell due meanwhile.
func TestAParkedTimetableStandsStill(t *testing.T) {
	t.Parallel()
	w, s := smallWorld(t)
	rita := w.operates()
	made, err := w.schedules.CreateSchedule(t.Context(), &v1.CreateScheduleRequest{
		OrgId: w.org, WorkspaceId: w.ws, Name: "Noite", ResourceIds: ids(w.machines(), sim.SmallRunning), Rule: &v1.ScheduleRule{
			StartTime: "08:00", StopTime: "19:00", TimeZone: "America/Sao_Paulo", Weekdays: []v1.Weekday{1, 2, 3, 4, 5, 6, 7},
		},
	})
	require.NoError(t, err)
	w.park(rita, "timetable", w.ws, "clock under repair")
	list := func() *v1.ListSchedulesResponse {
		got, err := w.schedules.ListSchedules(t.Context(), &v1.ListSchedulesRequest{OrgId: w.org, WorkspaceId: w.ws})
		require.NoError(t, err)
		return got
	}
	require.Equal(t, "clock under repair", list().GetParked().GetReason())
	one, err := w.schedules.GetSchedule(t.Context(), &v1.GetScheduleRequest{OrgId: w.org, WorkspaceId: w.ws, ScheduleId: made.GetSchedule().GetId()})
	require.NoError(t, err)
	require.NotNil(t, one.GetParked().GetParkTime())
	w.db.Exec(t, "UPDATE schedules SET next_at = date_trunc('minute', now()), next_wanted = 'stopped'")
	w.db.Exec(t, "UPDATE agenda SET due_at = date_trunc('minute', now()), look_at = now() WHERE kind = 'timetable'")
	w.ended(w.start(ids(w.machines(), sim.SmallStopped)...).GetId()) // the dispatcher has gone round
	require.Zero(t, w.count("SELECT count(*) FROM operations WHERE origin = 'timetable'"))
	w.driveAgain(rita, "timetable", w.ws)
	w.eventually("it is claimed", func() bool { return w.count("SELECT count(*) FROM operations WHERE origin = 'timetable'") == 1 })
	require.Nil(t, list().GetParked())
	w.eventually("the machine is stopped", func() bool { return len(powerCalls(s)) == 2 })
	w.settled()
}

// The reading of an account is held: the account says so until it is read again.
func TestAParkedReadingIsSaidOnTheAccount(t *testing.T) {
	t.Parallel()
	w, _ := smallWorld(t)
	rita := w.operates()
	account := w.machines()[sim.SmallRunning].GetCloudAccountId()
	w.park(rita, "sync-clock", account, "too many calls")
	w.eventually("the account says so", func() bool { return w.account(account).GetLastError() == "PARKED" })
	w.driveAgain(rita, "sync-clock", account)
	w.eventually("it is read again", func() bool { return w.account(account).GetLastError() == "" })
	w.settled()
}

// A command makes somebody a platform admin, and takes it back; each is recorded.
func TestAdminCommand(t *testing.T) {
	t.Parallel()
	w, _ := smallWorld(t)
	env := []string{"CLOUDHUB_DATABASE_OWNER_URL=" + w.db.URLs.Owner}
	run := func(code int, args ...string) string {
		p := spawn(t, env, append([]string{"admin"}, args...)...)
		require.Equal(t, code, p.exit(t, 30*time.Second), p.out.String())
		return p.out.String()
	}
	may := func() bool {
		me, err := w.user.GetMe(t.Context(), &v1.GetMeRequest{})
		require.NoError(t, err)
		_, err = w.admin.GetAgendaSummary(t.Context(), &v1.GetAgendaSummaryRequest{})
		if err != nil {
			require.Equal(t, connect.CodeNotFound, connect.CodeOf(err))
		}
		require.Equal(t, err == nil, me.GetPlatformAdmin())
		return err == nil
	}
	require.False(t, may())
	require.Contains(t, run(0, "list"), "Nobody")
	require.Contains(t, run(0, "grant", "Ana@Example.com"), "ana@example.com (Ana Prado) may open")
	require.True(t, may())
	require.Contains(t, run(0, "grant", "ana@example.com"), "it was so already")
	require.Contains(t, run(0, "list"), "ana@example.com")
	require.Contains(t, run(0, "revoke", "ana@example.com"), "may no longer")
	require.False(t, may(), "at once, in the same session")
	require.Contains(t, run(1, "grant", "nobody@example.com"), "nobody has registered")
	run(2, "grant")
	run(2, "promote", "ana@example.com")
	for _, action := range []string{"platform_admin.grant", "platform_admin.revoke"} {
		require.Equal(t, 1, w.count("SELECT count(*) FROM audit_log WHERE action = $1 AND actor_kind = 'operator' AND subject_kind = 'user' AND after->>'system_account' <> ''", action))
	}
}
