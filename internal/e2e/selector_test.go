package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
)

// selecting makes a pair of machines that are found when it runs; see schedule.
func (w *world) selecting(name string, selector *v1.TargetSelector) *v1.Schedule {
	w.t.Helper()
	zone, err := time.LoadLocation("America/Sao_Paulo")
	require.NoError(w.t, err)
	now := time.Now().In(zone)
	made, err := w.schedules.CreateSchedule(w.t.Context(), &v1.CreateScheduleRequest{
		OrgId: w.org, WorkspaceId: w.ws, Name: name, Selector: selector,
		Rule: &v1.ScheduleRule{
			StartTime: now.Add(6 * time.Hour).Format("15:04"), StopTime: now.Add(9 * time.Hour).Format("15:04"), Weekdays: []v1.Weekday{1, 2, 3, 4, 5, 6, 7},
			TimeZone: "America/Sao_Paulo",
		},
	})
	require.NoError(w.t, err)
	return made.GetSchedule()
}

func tagged(key string, values ...string) *v1.TargetSelector {
	return &v1.TargetSelector{Tags: []*v1.TagMatch{{Key: key, Values: values}}}
}

// What a selector means is found at the provider when the minute comes: machines
// that the inventory does not know yet are among them, and those that match no
// more are not.
func TestASelectorIsReadWhenItRuns(t *testing.T) {
	t.Parallel()
	w, s := smallWorld(t)
	pair := w.selecting("Homologação", tagged("ambiente", "hml", "qa"))
	created, err := s.AddInstance(sim.SmallAccount, sim.Instance{Name: "novo", Region: "us-east-1", Tags: map[string]string{"ambiente": "qa"}})
	require.NoError(t, err)
	require.NotContains(t, w.machines(), created)
	before := len(describes(s))
	w.comes(pair, minute(time.Minute), "stopped")
	run := w.runs(pair, 1)[0]
	require.EqualValues(t, 3, run.GetTargetCount(), run)
	require.EqualValues(t, 3, run.GetDoneCount())
	require.Equal(t, v1.ScheduleHealth_SCHEDULE_HEALTH_OK, w.read1(pair).GetHealth())
	op, targets := w.ended(run.GetOperationId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, op.GetState())
	require.EqualValues(t, 3, op.GetTargetOffCount())
	require.Equal(t, v1.TargetState_TARGET_STATE_DONE, targets[created].GetState())
	require.Equal(t, pair.GetId(), targets[created].GetScheduleId())
	require.Len(t, op.GetReadings(), 1)
	require.EqualValues(t, 3, op.GetReadings()[0].GetFoundCount())
	require.Empty(t, op.GetReadings()[0].GetReason())
	require.Equal(t, stopped, w.machines()[created].GetState(), "and is in the inventory now")
	require.Len(t, powerCalls(s), 2, "one stop in each of two regions")
	regions := map[string]bool{}
	for _, c := range describes(s)[before:] {
		regions[c.Region] = true
	}
	require.Len(t, regions, 3, "each region is looked into")

	// Nothing matches: the run is recorded all the same.
	none := w.selecting("Nenhuma", tagged("ambiente", "não existe"))
	w.comes(none, minute(0), "stopped")
	run = w.runs(none, 1)[0]
	require.Zero(t, run.GetTargetCount())
	op, _ = w.ended(run.GetOperationId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, op.GetState())
	w.settled()
}

// read1 reads one schedule.
func (w *world) read1(s *v1.Schedule) *v1.Schedule {
	w.t.Helper()
	got, err := w.schedules.GetSchedule(w.t.Context(), &v1.GetScheduleRequest{OrgId: w.org, WorkspaceId: w.ws, ScheduleId: s.GetId()})
	require.NoError(w.t, err)
	return got.GetSchedule()
}

func describes(s *sim.Sim) (out []sim.Call) {
	for _, c := range s.Calls(0) {
		if c.Action == "DescribeInstances" {
			out = append(out, c)
		}
	}
	return out
}

// A region that cannot be read is said, and the others act; one that cannot be
// read for a moment is read again.
func TestASelectorThatCannotReadSaysSo(t *testing.T) {
	t.Parallel()
	w, s := smallWorld(t)
	pair := w.selecting("Tudo", &v1.TargetSelector{Everything: true})
	w.fault(s, sim.Fault{Action: "DescribeInstances", Region: "us-east-1", Effect: sim.FaultError, Code: "UnauthorizedOperation", Status: 403})
	w.fault(s, sim.Fault{Action: "DescribeInstances", Region: "sa-east-1", Times: 2, Effect: sim.FaultError, Code: "RequestLimitExceeded", Status: 503})
	w.comes(pair, minute(time.Minute), "stopped")
	run := w.runs(pair, 1)[0]
	require.EqualValues(t, 1, run.GetUnreadCount(), run)
	require.EqualValues(t, 3, run.GetDoneCount(), "the machines of sa-east-1")
	require.EqualValues(t, 4, run.GetLeftAloneCount(), "protected, grouped, spot, instance store")
	require.Equal(t, v1.ScheduleHealth_SCHEDULE_HEALTH_FAILING, w.read1(pair).GetHealth())
	op, _ := w.ended(run.GetOperationId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_PARTIAL, op.GetState())
	require.Equal(t, "PROVIDER_DENIED", op.GetReadings()[0].GetReason())
	require.Contains(t, op.GetReadings()[0].GetDetail(), "us-east-1")
	require.Equal(t, running, w.machines()[sim.SmallElsewhere].GetState())
	told := w.told1(v1.NotificationKind_NOTIFICATION_KIND_SCHEDULE_FAILED)
	require.Equal(t, pair.GetId(), told.GetScheduleId())
	require.Equal(t, "Tudo", told.GetSubjectName())

	// What cannot be read until its window is over has not been done, and says so.
	late := w.selecting("Tarde", tagged("ambiente", "hml"))
	w.db.Exec(t, "UPDATE schedules SET catch_up_minutes = 1 WHERE id = $1", late.GetId())
	s.ClearFaults()
	w.fault(s, sim.Fault{Action: "DescribeInstances", Effect: sim.FaultError, Code: "RequestLimitExceeded", Status: 503})
	calls := len(powerCalls(s))
	w.comes(late, time.Now().Add(-52*time.Second), "running")
	run = w.runs(late, 1)[0]
	op, _ = w.ended(run.GetOperationId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_FAILED, op.GetState())
	require.Equal(t, "NOT_READ_IN_TIME", op.GetReadings()[0].GetReason())
	require.Len(t, powerCalls(s), calls)
	s.ClearFaults()
	w.settled()
}

// told1 waits for the one notification of a kind.
func (w *world) told1(kind v1.NotificationKind) *v1.Notification {
	w.t.Helper()
	var got []*v1.Notification
	w.eventually("it is told: "+kind.String(), func() bool {
		list, err := w.notifications.ListNotifications(w.t.Context(), &v1.ListNotificationsRequest{OrgId: w.org, WorkspaceId: w.ws})
		require.NoError(w.t, err)
		got = nil
		for _, n := range list.GetNotifications() {
			if n.GetKind() == kind {
				got = append(got, n)
			}
		}
		return len(got) > 0
	})
	require.Len(w.t, got, 1)
	return got[0]
}

func (w *world) events(kind string) int {
	w.t.Helper()
	return w.count("SELECT count(*) FROM events WHERE type = $1", kind)
}

// Two schedules of one minute want the opposite of a machine that one of them
// finds only when it runs: neither is done, and the run says why.
func TestAConflictThatShowsAtRunTime(t *testing.T) {
	t.Parallel()
	w, s := smallWorld(t)
	chosen := w.schedule("Ligar", ids(w.machines(), sim.SmallRunning, sim.SmallStopped)...)
	found := w.selecting("Parar", tagged("ambiente", "hml"))
	at := minute(time.Minute)
	w.stopWorker()
	w.comes(found, at, "stopped")
	w.comes(chosen, at, "running")
	w.startWorker()
	op, targets := w.ended(w.runs(found, 1)[0].GetOperationId())
	require.Equal(t, "CONFLICTING_ORDERS", targets[sim.SmallRunning].GetReason())
	require.Equal(t, v1.TargetState_TARGET_STATE_DONE, targets[sim.SmallRunning2].GetState())
	require.Equal(t, v1.TargetState_TARGET_STATE_DONE, targets[sim.SmallStopped].GetState())
	require.Len(t, op.GetSchedules(), 2)
	require.Equal(t, running, w.machines()[sim.SmallRunning].GetState(), "neither was done")
	require.Len(t, powerCalls(s), 2)
	w.settled()
}

// Skipped, held and paused runs act on nothing, are never missed, and say who and
// why; an order of a person goes through all of them.
func TestRunsThatAreLeftOut(t *testing.T) {
	t.Parallel()
	w, s := smallWorld(t)
	m := w.machines()
	pair := w.schedule("Noite", ids(m, sim.SmallRunning, sim.SmallElsewhere)...)

	skipped, err := w.schedules.SkipNext(t.Context(), &v1.SkipNextRequest{OrgId: w.org, WorkspaceId: w.ws, ScheduleId: pair.GetId()})
	require.NoError(t, err)
	require.Equal(t, pair.GetNextTime().AsTime(), skipped.GetSkippedTime().AsTime())
	require.Equal(t, v1.RunExceptionKind_RUN_EXCEPTION_KIND_SKIPPED, skipped.GetSchedule().GetNextException().GetKind())
	at := minute(6 * time.Minute)
	w.db.Exec(t, "UPDATE schedule_skips SET at = $1", at)
	w.comes(pair, at, "stopped")
	run := w.runs(pair, 1)[0]
	require.Equal(t, v1.RunExceptionKind_RUN_EXCEPTION_KIND_SKIPPED, run.GetException().GetKind(), run)
	require.Equal(t, "Ana Prado", run.GetException().GetByName())
	op, _ := w.ended(run.GetOperationId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_SKIPPED, op.GetState())
	require.Equal(t, "SKIPPED", op.GetSchedules()[0].GetException())

	held, err := w.schedules.CreateHold(t.Context(), &v1.CreateHoldRequest{
		OrgId: w.org, WorkspaceId: w.ws, Subject: &v1.CreateHoldRequest_ScheduleId{ScheduleId: pair.GetId()}, Reason: "Migração", UntilTime: timestamppb.New(time.Now().Add(time.Hour)),
	})
	require.NoError(t, err)
	require.Equal(t, v1.ScheduleHealth_SCHEDULE_HEALTH_ON_HOLD, w.read1(pair).GetHealth())
	w.comes(pair, minute(5*time.Minute), "stopped")
	run = w.runs(pair, 2)[0]
	require.Equal(t, v1.RunExceptionKind_RUN_EXCEPTION_KIND_HELD, run.GetException().GetKind())
	require.Equal(t, "Migração", run.GetException().GetText())
	_, err = w.schedules.EndHold(t.Context(), &v1.EndHoldRequest{OrgId: w.org, WorkspaceId: w.ws, HoldId: held.GetHold().GetId()})
	require.NoError(t, err)
	require.Empty(t, powerCalls(s))

	// One machine is held: the other is switched.
	_, err = w.schedules.CreateHold(t.Context(), &v1.CreateHoldRequest{
		OrgId: w.org, WorkspaceId: w.ws, Subject: &v1.CreateHoldRequest_ResourceId{ResourceId: m[sim.SmallElsewhere].GetId()}, Reason: "Demonstração", UntilTime: timestamppb.New(time.Now().Add(time.Hour)),
	})
	require.NoError(t, err)
	w.comes(pair, minute(4*time.Minute), "stopped")
	_, targets := w.ended(w.runs(pair, 3)[0].GetOperationId())
	require.Equal(t, "ON_HOLD", targets[sim.SmallElsewhere].GetReason())
	require.Equal(t, v1.TargetState_TARGET_STATE_DONE, targets[sim.SmallRunning].GetState())
	require.Len(t, powerCalls(s), 1)

	// The whole organization is paused.
	_, err = w.organizations.PauseAutomation(t.Context(), &v1.PauseAutomationRequest{OrgId: w.org, Reason: "Incidente"})
	require.NoError(t, err)
	me, err := w.user.GetMe(t.Context(), &v1.GetMeRequest{})
	require.NoError(t, err)
	require.Equal(t, "Incidente", me.GetOrganizations()[0].GetAutomationPause().GetReason())
	w.comes(pair, minute(3*time.Minute), "running")
	_, targets = w.ended(w.runs(pair, 4)[0].GetOperationId())
	require.Equal(t, "AUTOMATION_PAUSED", targets[sim.SmallRunning].GetReason())
	require.Len(t, powerCalls(s), 1)

	// A person runs it now: the hold and the pause do not keep him.
	now, err := w.schedules.RunNow(t.Context(), &v1.RunNowRequest{OrgId: w.org, WorkspaceId: w.ws, ScheduleId: pair.GetId(), Wanted: stopped})
	require.NoError(t, err)
	op, targets = w.ended(now.GetOperation().GetId())
	require.Equal(t, v1.OperationOrigin_OPERATION_ORIGIN_PERSON, op.GetOrigin())
	require.Equal(t, v1.TargetState_TARGET_STATE_DONE, targets[sim.SmallElsewhere].GetState())
	require.Equal(t, v1.TargetState_TARGET_STATE_ALREADY, targets[sim.SmallRunning].GetState())
	require.True(t, w.runs(pair, 5)[0].GetByPerson())
	_, err = w.organizations.ResumeAutomation(t.Context(), &v1.ResumeAutomationRequest{OrgId: w.org})
	require.NoError(t, err)

	// Paused: it has no next time, and what would fall due is not recorded.
	paused, err := w.schedules.PauseSchedule(t.Context(), &v1.PauseScheduleRequest{OrgId: w.org, WorkspaceId: w.ws, ScheduleId: pair.GetId()})
	require.NoError(t, err)
	require.Nil(t, paused.GetSchedule().GetNextTime())
	require.Zero(t, w.count("SELECT count(*) FROM agenda WHERE kind = 'timetable'"))
	resumed, err := w.schedules.ResumeSchedule(t.Context(), &v1.ResumeScheduleRequest{OrgId: w.org, WorkspaceId: w.ws, ScheduleId: pair.GetId()})
	require.NoError(t, err)
	require.True(t, resumed.GetSchedule().GetNextTime().AsTime().After(time.Now()))
	require.Equal(t, 1, w.count("SELECT count(*) FROM agenda WHERE kind = 'timetable'"))
	require.Zero(t, w.events("schedule.missed"))
	w.settled()
}

// Each schedule of a minute has its own window.
func TestEachScheduleHasItsOwnWindow(t *testing.T) {
	t.Parallel()
	w, s := smallWorld(t)
	m := w.machines()
	short := w.schedule("Curta", ids(m, sim.SmallRunning)...)
	long := w.schedule("Longa", ids(m, sim.SmallElsewhere)...)
	w.db.Exec(t, "UPDATE schedules SET catch_up_minutes = CASE WHEN id = $1 THEN 5 ELSE 60 END", short.GetId())
	at := minute(20 * time.Minute)
	w.stopWorker()
	w.comes(short, at, "stopped")
	w.comes(long, at, "stopped")
	w.startWorker()
	op, targets := w.ended(w.runs(long, 1)[0].GetOperationId())
	require.Equal(t, "TOO_LATE", targets[sim.SmallRunning].GetReason())
	require.Equal(t, v1.TargetState_TARGET_STATE_DONE, targets[sim.SmallElsewhere].GetState())
	require.Equal(t, v1.OperationState_OPERATION_STATE_PARTIAL, op.GetState())
	require.Len(t, powerCalls(s), 1)
	missed := w.told1(v1.NotificationKind_NOTIFICATION_KIND_SCHEDULE_MISSED)
	require.Equal(t, short.GetId(), missed.GetScheduleId())
	require.Equal(t, 1, w.events("schedule.missed"))
	require.Equal(t, 1, w.events("schedule.executed"))
	require.Equal(t, 1, w.events("resource.stopped"))
	w.settled()
}

// The account leaves: a schedule of its machines has nothing left, one that looks
// for them finds nothing, and neither keeps the timetable from going on.
func TestSchedulesOfAnAccountThatLeft(t *testing.T) {
	t.Parallel()
	w, s := smallWorld(t)
	chosen := w.schedule("Escolhidas", ids(w.machines(), sim.SmallRunning)...)
	list, err := w.accounts.ListCloudAccounts(t.Context(), &v1.ListCloudAccountsRequest{OrgId: w.org, WorkspaceId: w.ws})
	require.NoError(t, err)
	account := list.GetCloudAccounts()[0].GetId()
	found := w.selecting("Achadas", &v1.TargetSelector{Everything: true, CloudAccountIds: []string{account}})
	_, err = w.accounts.DeleteCloudAccount(t.Context(), &v1.DeleteCloudAccountRequest{OrgId: w.org, WorkspaceId: w.ws, CloudAccountId: account})
	require.NoError(t, err)
	w.stopWorker()
	at := minute(time.Minute)
	w.comes(chosen, at, "stopped")
	w.comes(found, at, "stopped")
	w.startWorker()
	run := w.runs(found, 1)[0]
	require.Zero(t, run.GetTargetCount())
	op, _ := w.ended(run.GetOperationId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, op.GetState(), "nothing was there, and nothing failed")
	require.Equal(t, v1.ScheduleHealth_SCHEDULE_HEALTH_NO_TARGETS, w.read1(chosen).GetHealth())
	require.True(t, w.read1(chosen).GetNextTime().AsTime().After(time.Now()), "its clock goes on, and whoever adds machines finds it going")
	require.Empty(t, powerCalls(s))
	w.settled()
}

// A person has said that schedules may act on a member of a group; what is left
// alone otherwise says why.
func TestActAnyway(t *testing.T) {
	t.Parallel()
	w, s := smallWorld(t)
	m := w.machines()
	pair := w.schedule("Todas", ids(m, sim.SmallGrouped, sim.SmallSpot, sim.SmallProtected)...)
	set, err := w.power.SetActAnyway(t.Context(), &v1.SetActAnywayRequest{OrgId: w.org, WorkspaceId: w.ws, ResourceId: m[sim.SmallGrouped].GetId(), ActAnyway: true})
	require.NoError(t, err)
	require.True(t, set.GetResource().GetActAnyway())
	_, err = w.power.SetActAnyway(t.Context(), &v1.SetActAnywayRequest{OrgId: w.org, WorkspaceId: w.ws, ResourceId: m[sim.SmallProtected].GetId(), ActAnyway: true})
	require.NoError(t, err)
	w.comes(pair, minute(time.Minute), "stopped")
	_, targets := w.ended(w.runs(pair, 1)[0].GetOperationId())
	require.Equal(t, v1.TargetState_TARGET_STATE_DONE, targets[sim.SmallGrouped].GetState(), targets[sim.SmallGrouped])
	require.Equal(t, "SPOT", targets[sim.SmallSpot].GetReason())
	require.Equal(t, "PROTECTED", targets[sim.SmallProtected].GetReason(), "protection is not lifted by it")
	require.Len(t, powerCalls(s), 1)
	w.settled()
}

// A machine leaves the state into which a timetable had brought it: it is told
// once, by the next reading; one that we ordered is not.
func TestAMachineThatDoesNotStay(t *testing.T) {
	t.Parallel()
	w, s := smallWorld(t)
	m := w.machines()
	pair := w.schedule("Noite", ids(m, sim.SmallRunning, sim.SmallRunning2, sim.SmallElsewhere)...)
	w.comes(pair, minute(time.Minute), "stopped")
	run := w.runs(pair, 1)[0]
	require.EqualValues(t, 3, run.GetDoneCount())
	w.ended(run.GetOperationId())
	require.Equal(t, 3, w.count("SELECT count(*) FROM follows"))
	require.NoError(t, s.SetState(sim.SmallRunning, sim.Running)) // at the provider's console
	w.ended(w.start(ids(m, sim.SmallRunning2)...).GetId())        // by an order of ours
	w.read()
	told := w.told1(v1.NotificationKind_NOTIFICATION_KIND_NOT_FOLLOWED)
	require.Equal(t, "api-01", told.GetSubjectName())
	require.Equal(t, m[sim.SmallRunning].GetId(), told.GetResourceId())
	require.Equal(t, "stopped", told.GetWanted())
	require.Equal(t, "running", told.GetSeen())
	require.Equal(t, 1, w.events("alert.triggered"))
	w.read()
	require.Equal(t, 1, w.events("alert.triggered"), "once")
	require.Equal(t, 1, w.count("SELECT count(*) FROM follows"), "the one that has stayed so far")
	w.db.Exec(t, "UPDATE follows SET until = now()")
	w.read()
	require.Zero(t, w.count("SELECT count(*) FROM follows"))
	require.Equal(t, 1, w.events("alert.triggered"))

	_, err := w.notifications.MarkNotificationsRead(t.Context(), &v1.MarkNotificationsReadRequest{OrgId: w.org, WorkspaceId: w.ws, NotificationId: told.GetId()})
	require.NoError(t, err)
	list, err := w.notifications.ListNotifications(t.Context(), &v1.ListNotificationsRequest{OrgId: w.org, WorkspaceId: w.ws})
	require.NoError(t, err)
	require.Zero(t, list.GetUnreadCount())
	require.True(t, list.GetNotifications()[0].GetRead())
	w.settled()
}

// The zone data of another release gave other times: what is still to come is
// computed anew, with its holidays; what is due already is claimed as it stands.
func TestTheZoneDataChanges(t *testing.T) {
	t.Parallel()
	w, s := smallWorld(t)
	m := w.machines()
	later, due, paused := w.schedule("Depois", ids(m, sim.SmallRunning)...), w.schedule("Agora", ids(m, sim.SmallElsewhere)...), w.schedule("Parado", ids(m, sim.SmallRunning2)...)
	_, err := w.schedules.PauseSchedule(t.Context(), &v1.PauseScheduleRequest{OrgId: w.org, WorkspaceId: w.ws, ScheduleId: paused.GetId()})
	require.NoError(t, err)
	w.stopWorker()
	w.db.Exec(t, "UPDATE schedules SET tzdata = 'another release', next_at = next_at + interval '1 hour' WHERE id = $1", later.GetId())
	w.comes(due, minute(time.Minute), "stopped")
	w.db.Exec(t, "UPDATE schedules SET tzdata = 'another release' WHERE id = ANY($1::uuid[])", []string{due.GetId(), paused.GetId()})
	w.db.Exec(t, "UPDATE agenda SET due_at = now(), look_at = now() WHERE kind = 'housekeeping'")
	w.startWorker()
	require.EqualValues(t, 1, w.runs(due, 1)[0].GetDoneCount())
	w.eventually("the next time is by the rule again", func() bool {
		return w.read1(later).GetNextTime().AsTime().Equal(later.GetNextTime().AsTime())
	})
	w.eventually("the workspace's clock follows", func() bool {
		return w.count("SELECT count(*) FROM agenda a WHERE kind = 'timetable' AND look_at = (SELECT min(next_at) FROM schedules)") == 1
	})
	require.Nil(t, w.read1(paused).GetNextTime())
	require.Len(t, powerCalls(s), 1)
	w.settled()
}
