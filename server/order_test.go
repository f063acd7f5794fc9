package server_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
)

func (w *world) stop(p person, requestID string, ids ...string) answer {
	w.t.Helper()
	return w.rpc(p.token, "ResourceService/StopResources", &v1.StopResourcesRequest{
		OrgId: p.org.String(), WorkspaceId: p.workspace.String(), ResourceIds: ids, RequestId: requestID,
	})
}

func stopped(t testing.TB, a answer) *v1.Operation {
	t.Helper()
	a.ok(t)
	out := &v1.StopResourcesResponse{}
	a.into(t, out)
	return out.GetOperation()
}

func TestAnOrderIsWrittenWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	e := w.estate(p.org, p.workspace)
	op := stopped(t, w.stop(p, "", texts(e.resources)...))
	require.Equal(t, v1.OperationState_OPERATION_STATE_QUEUED, op.GetState())
	require.Equal(t, v1.OperationOrigin_OPERATION_ORIGIN_PERSON, op.GetOrigin())
	require.Equal(t, "Ana", op.GetRequestedByName())
	require.Equal(t, []int32{3, 3, 0}, []int32{op.GetTargetCount(), op.GetTargetOffCount(), op.GetTargetOnCount()})
	require.WithinDuration(t, time.Now().Add(15*time.Minute), op.GetActBefore().AsTime(), time.Minute)
	whole := get(w, p.token, "OperationService/GetOperation", &v1.GetOperationRequest{OrgId: p.org.String(), WorkspaceId: p.workspace.String(), OperationId: op.GetId()}, &v1.GetOperationResponse{}).GetOperation()
	require.Len(t, whole.GetTargets(), 3)
	for _, target := range whole.GetTargets() {
		require.Equal(t, v1.ResourceState_RESOURCE_STATE_STOPPED, target.GetWanted())
		require.Equal(t, v1.TargetState_TARGET_STATE_PENDING, target.GetState())
	}
	require.Equal(t, 1, one[int](w, `SELECT count(*)::int FROM agenda WHERE kind = 'power' AND subject = $1 AND lane = 0 AND look_at <= now()`, op.GetId()))
	require.Equal(t, 1, one[int](w, `SELECT count(*)::int FROM audit_log WHERE action = 'operation.request' AND subject_id = $1 AND workspace_id = $2 AND request_id LIKE 'req_%'`, op.GetId(), p.workspace))

	w.exec(`UPDATE resources SET state = 'gone' WHERE id = $1`, e.resources[2])
	before := w.contents()
	w.stop(p, uuid.NewString(), e.resources[0].String(), uuid.NewString()).refused(t, "NOT_FOUND")
	w.stop(p, uuid.NewString(), e.resources[0].String(), e.resources[2].String()).refused(t, "NOT_FOUND")
	require.Equal(t, before, w.contents())
	// One machine, spelt twice.
	require.Equal(t, int32(1), stopped(t, w.stop(p, "", e.resources[0].String(), strings.ToUpper(e.resources[0].String()))).GetTargetCount())
	w.exec(`UPDATE resources SET kind = 'aws.s3.bucket' WHERE id = $1`, e.resources[0])
	a := w.stop(p, "", e.resources[0].String(), e.resources[1].String())
	a.refused(t, "NOT_SWITCHABLE")
	require.Equal(t, "web-1", a.meta["name"])
}

func TestTwentyEqualOrdersAreOne(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	e := w.estate(p.org, p.workspace)
	requestID := uuid.NewString()
	ids := map[string]bool{}
	for _, a := range parallel(20, func(int) answer { return w.stop(p, requestID, e.resources[0].String()) }) {
		ids[stopped(t, a).GetId()] = true
	}
	require.Len(t, ids, 1)
	require.Equal(t, 1, one[int](w, `SELECT count(*)::int FROM operations WHERE origin = 'person'`))
	require.Equal(t, 1, one[int](w, `SELECT count(*)::int FROM agenda WHERE kind = 'power'`))
	require.Equal(t, 1, one[int](w, `SELECT count(*)::int FROM audit_log WHERE action = 'operation.request'`))

	w.stop(p, requestID, e.resources[1].String()).refused(t, "REQUEST_ID_REUSED")
	start := &v1.StartResourcesRequest{OrgId: p.org.String(), WorkspaceId: p.workspace.String(), ResourceIds: texts(e.resources[:1]), RequestId: requestID}
	w.rpc(p.token, "ResourceService/StartResources", start).ok(t) // another rpc's ids are its own
	other := w.member("Bia", p.org, p.workspace, "operator", "")
	a := w.rpc(other.token, "ResourceService/StopResources", &v1.StopResourcesRequest{OrgId: p.org.String(), WorkspaceId: p.workspace.String(), ResourceIds: texts(e.resources[:1]), RequestId: requestID})
	require.False(t, ids[stopped(t, a).GetId()], "another person's ids are his own")
	// A request that failed may be sent again.
	requestID = uuid.NewString()
	w.exec(`UPDATE resources SET state = 'gone' WHERE id = $1`, e.resources[2])
	w.stop(p, requestID, e.resources[2].String()).refused(t, "NOT_FOUND")
	w.exec(`UPDATE resources SET state = 'running' WHERE id = $1`, e.resources[2])
	w.stop(p, requestID, e.resources[2].String()).ok(t)
}

// due is the workspace's clock row.
func (w *world) due(p person) time.Time {
	w.t.Helper()
	list := column[time.Time](w, `SELECT due_at FROM agenda WHERE kind = 'timetable' AND org_id = $1 AND subject = $2 AND due_at = look_at`, p.org, p.workspace.String())
	if len(list) == 0 {
		return time.Time{}
	}
	return list[0]
}

func TestTheClockStandsAtTheEarliestNextTime(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	e := w.estate(p.org, p.workspace)
	w.exec(`DELETE FROM schedules`)
	w.exec(`DELETE FROM agenda WHERE kind = 'timetable'`)
	create := func(start, stop string) *v1.Schedule {
		r := rule()
		r.StartTime, r.StopTime, r.TimeZone = start, stop, "UTC"
		r.Weekdays = []v1.Weekday{1, 2, 3, 4, 5, 6, 7}
		return get(w, p.token, "ScheduleService/CreateSchedule", &v1.CreateScheduleRequest{
			OrgId: p.org.String(), WorkspaceId: p.workspace.String(), Name: " Um ", Rule: r, ResourceIds: texts(e.resources),
		}, &v1.CreateScheduleResponse{}).GetSchedule()
	}
	minute := func(d time.Duration) string { return time.Now().UTC().Add(d).Format("15:04") }
	late := create(minute(5*time.Hour), minute(6*time.Hour))
	require.Equal(t, "Um", late.GetName())
	require.Equal(t, int32(1), late.GetRevision())
	require.Equal(t, v1.ResourceState_RESOURCE_STATE_RUNNING, late.GetNextWanted())
	require.True(t, w.due(p).Equal(late.GetNextTime().AsTime()))
	early := create(minute(4*time.Hour), minute(2*time.Hour))
	require.Equal(t, v1.ResourceState_RESOURCE_STATE_STOPPED, early.GetNextWanted())
	require.True(t, w.due(p).Equal(early.GetNextTime().AsTime()))
	create(minute(8*time.Hour), minute(9*time.Hour))
	require.True(t, w.due(p).Equal(early.GetNextTime().AsTime()), "a later one moves nothing")

	update := &v1.UpdateScheduleRequest{
		OrgId: p.org.String(), WorkspaceId: p.workspace.String(), ScheduleId: early.GetId(), Name: "Dois", Rule: early.GetRule(), ResourceIds: early.GetResourceIds(), Etag: early.GetEtag(),
	}
	change := func() *v1.Schedule {
		return get(w, p.token, "ScheduleService/UpdateSchedule", update, &v1.UpdateScheduleResponse{}).GetSchedule()
	}
	renamed := change()
	require.Equal(t, int32(1), renamed.GetRevision(), "a name is no revision")
	w.rpc(p.token, "ScheduleService/UpdateSchedule", update).refused(t, "CONFLICT")
	update.Etag = renamed.GetEtag()
	update.Rule = proto.Clone(update.Rule).(*v1.ScheduleRule)
	update.Rule.StartTime, update.Rule.StopTime = minute(12*time.Hour), minute(13*time.Hour)
	moved := change()
	require.Equal(t, int32(2), moved.GetRevision())
	require.True(t, w.due(p).Equal(late.GetNextTime().AsTime()), "the clock goes to the one that is now the earliest")
	update.Etag, update.ResourceIds = moved.GetEtag(), texts(e.resources[:2])
	fewer := change()
	require.Equal(t, int32(3), fewer.GetRevision())
	require.ElementsMatch(t, texts(e.resources[:2]), fewer.GetResourceIds())
	update.Etag, update.ResourceIds = "", []string{e.resources[1].String(), e.resources[0].String()}
	require.Equal(t, int32(3), change().GetRevision(), "the same in another order is the same")

	list := get(w, p.token, "ScheduleService/ListSchedules", &v1.ListSchedulesRequest{OrgId: p.org.String(), WorkspaceId: p.workspace.String()}, &v1.ListSchedulesResponse{}).GetSchedules()
	require.Len(t, list, 3)
	require.True(t, slices.IsSortedFunc(list, func(a, b *v1.Schedule) int { return a.GetNextTime().AsTime().Compare(b.GetNextTime().AsTime()) }))
	one := get(w, p.token, "ScheduleService/ListSchedules", &v1.ListSchedulesRequest{OrgId: p.org.String(), WorkspaceId: p.workspace.String(), ResourceId: e.resources[2].String()}, &v1.ListSchedulesResponse{}).GetSchedules()
	require.Len(t, one, 2)
	for i, s := range list {
		w.rpc(p.token, "ScheduleService/DeleteSchedule", &v1.DeleteScheduleRequest{OrgId: p.org.String(), WorkspaceId: p.workspace.String(), ScheduleId: s.GetId()}).ok(t)
		w.rpc(p.token, "ScheduleService/GetSchedule", &v1.GetScheduleRequest{OrgId: p.org.String(), WorkspaceId: p.workspace.String(), ScheduleId: s.GetId()}).refused(t, "NOT_FOUND")
		w.rpc(p.token, "ScheduleService/DeleteSchedule", &v1.DeleteScheduleRequest{OrgId: p.org.String(), WorkspaceId: p.workspace.String(), ScheduleId: s.GetId()}).refused(t, "NOT_FOUND")
		if i+1 < len(list) {
			require.True(t, w.due(p).Equal(list[i+1].GetNextTime().AsTime()))
		}
	}
	require.Zero(t, w.due(p), "no schedule, no clock")
}

// The first schedules of a workspace, made at once, have no row to lock yet.
func TestSchedulesMadeAtOnceDoNotSetTheClockPastEachOther(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	e := w.estate(p.org, p.workspace)
	for range 10 {
		w.exec(`DELETE FROM schedules`)
		w.exec(`DELETE FROM agenda WHERE kind = 'timetable'`)
		for _, a := range parallel(4, func(i int) answer {
			r := rule()
			at := time.Now().UTC().Add(time.Duration(i+2) * time.Hour)
			r.StartTime, r.StopTime, r.TimeZone = at.Format("15:04"), at.Add(time.Minute).Format("15:04"), "UTC"
			r.Weekdays = []v1.Weekday{1, 2, 3, 4, 5, 6, 7}
			return w.rpc(p.token, "ScheduleService/CreateSchedule", &v1.CreateScheduleRequest{
				OrgId: p.org.String(), WorkspaceId: p.workspace.String(), Name: "Um", Rule: r, ResourceIds: texts(e.resources),
			})
		}) {
			a.ok(t)
		}
		require.True(t, w.due(p).Equal(one[time.Time](w, `SELECT min(next_at) FROM schedules`)), "a schedule would be slept through")
	}
}

func TestWhatIsWrongWithARule(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	e := w.estate(p.org, p.workspace)
	for name, c := range map[string]struct {
		bend          func(*v1.ScheduleRule)
		reason, field string
	}{
		"the same minute":       {func(r *v1.ScheduleRule) { r.StopTime = r.StartTime }, "SCHEDULE_CONFLICT", "rule.stop_time"},
		"an unknown zone":       {func(r *v1.ScheduleRule) { r.TimeZone = "Mars/Olympus" }, "TIME_ZONE_UNKNOWN", "rule.time_zone"},
		"no zone":               {func(r *v1.ScheduleRule) { r.TimeZone = "" }, "VALIDATION", "rule.time_zone"},
		"no day":                {func(r *v1.ScheduleRule) { r.Weekdays = nil }, "VALIDATION", "rule.weekdays"},
		"a day twice":           {func(r *v1.ScheduleRule) { r.Weekdays = []v1.Weekday{1, 1} }, "VALIDATION", "rule.weekdays"},
		"the day 0":             {func(r *v1.ScheduleRule) { r.Weekdays = []v1.Weekday{0} }, "VALIDATION", "rule.weekdays[0]"},
		"half past twenty-four": {func(r *v1.ScheduleRule) { r.StartTime = "24:30" }, "VALIDATION", "rule.start_time"},
		"seconds":               {func(r *v1.ScheduleRule) { r.StartTime = "08:00:00" }, "VALIDATION", "rule.start_time"},
		"a line after it":       {func(r *v1.ScheduleRule) { r.StartTime = "08:00\n" }, "VALIDATION", "rule.start_time"},
	} {
		r := rule()
		c.bend(r)
		org, ws := p.org.String(), p.workspace.String()
		for procedure, msg := range map[string]proto.Message{
			"ScheduleService/CreateSchedule":  &v1.CreateScheduleRequest{OrgId: org, WorkspaceId: ws, Name: "x", Rule: r, ResourceIds: texts(e.resources)},
			"ScheduleService/UpdateSchedule":  &v1.UpdateScheduleRequest{OrgId: org, WorkspaceId: ws, ScheduleId: e.schedule.String(), Name: "x", Rule: r, ResourceIds: texts(e.resources)},
			"ScheduleService/PreviewSchedule": &v1.PreviewScheduleRequest{OrgId: org, WorkspaceId: ws, Rule: r},
		} {
			a := w.rpc(p.token, procedure, msg)
			require.Equal(t, c.reason, a.reason, "%s: %s: %s", procedure, name, a.body)
			require.Equal(t, []string{c.field}, a.fields, "%s: %s", procedure, name)
		}
	}
	before := w.contents()
	preview := get(w, p.token, "ScheduleService/PreviewSchedule", &v1.PreviewScheduleRequest{OrgId: p.org.String(), WorkspaceId: p.workspace.String(), Rule: rule()}, &v1.PreviewScheduleResponse{})
	require.Len(t, preview.GetRuns(), 30)
	require.Equal(t, before, w.contents(), "a preview stores nothing")
	many := get(w, p.token, "ScheduleService/PreviewSchedule", &v1.PreviewScheduleRequest{OrgId: p.org.String(), WorkspaceId: p.workspace.String(), Rule: rule(), Count: 100_000}, &v1.PreviewScheduleResponse{})
	require.Len(t, many.GetRuns(), 100)
}

// A machine that was terminated stays in its schedules until somebody takes it
// out, and must not keep anybody from renaming one.
func TestAScheduleWithAMachineThatIsGoneCanBeChanged(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	e := w.estate(p.org, p.workspace)
	w.exec(`UPDATE resources SET state = 'gone'`)
	ask := func(ids []string) answer {
		return w.rpc(p.token, "ScheduleService/UpdateSchedule", &v1.UpdateScheduleRequest{
			OrgId: p.org.String(), WorkspaceId: p.workspace.String(), ScheduleId: e.schedule.String(), Name: "Novo", Rule: rule(), ResourceIds: ids,
		})
	}
	ask(texts(e.resources[:1])).ok(t)
	ask(texts(e.resources[:2])).refused(t, "NOT_FOUND") // what is gone cannot be added
}

func TestARecentRunIsCountedOverItsOwnSchedule(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	e := w.estate(p.org, p.workspace)
	s := get(w, p.token, "ScheduleService/GetSchedule", &v1.GetScheduleRequest{OrgId: p.org.String(), WorkspaceId: p.workspace.String(), ScheduleId: e.schedule.String()}, &v1.GetScheduleResponse{}).GetSchedule()
	require.Len(t, s.GetRecentRuns(), 1)
	run := s.GetRecentRuns()[0]
	require.Equal(t, e.operation.String(), run.GetOperationId())
	require.Equal(t, []int32{2, 2, 0}, []int32{run.GetTargetCount(), run.GetDoneCount(), run.GetFailedCount()})
	require.True(t, run.GetEnded())
}

// Every rpc that changes something leaves a trace of who did it, without a secret.
func TestEveryChangeIsInTheAuditTrail(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.worker(func(draft uuid.UUID) verdict { return accepted(draft.String()[20:]) })
	p := w.register("Ana")
	w.exec(`INSERT INTO platform_admins (user_id) VALUES ($1)`, p.id)
	var secrets []string
	for _, m := range methods() {
		switch m.name {
		case "OperationService/WatchWorkspace", "AuthService/RefreshSession": // the token changes, not the session
			continue
		case "NotificationService/MarkNotificationsRead": // what one person has read is nobody else's business
			continue
		}
		if !m.changes() {
			continue
		}
		e := w.estate(p.org, p.workspace)
		msg := fixtures[m.name].build(w, p, e)
		if c, ok := msg.(*v1.CreateCloudAccountRequest); ok {
			secrets = append(secrets, c.GetAwsAccessKey().GetSecretAccessKey(), c.GetAwsAccessKey().GetAccessKeyId())
		}
		if c, ok := msg.(*v1.ReplaceCloudAccountCredentialRequest); ok {
			secrets = append(secrets, c.GetAwsAccessKey().GetSecretAccessKey(), c.GetAwsAccessKey().GetAccessKeyId())
		}
		before := one[int](w, `SELECT count(*)::int FROM audit_log`)
		cookie := ""
		if m.name == "AuthService/Logout" {
			_, cookie = w.login(p, false)
			before++ // the sign-in
		}
		a := w.call(p.token, m.name, msg, asJSON)
		if cookie != "" {
			a = w.post("", m.name, asJSON, []byte("{}"), "Cookie", "rt="+cookie)
		}
		a.ok(t)
		require.Greater(t, one[int](w, `SELECT count(*)::int FROM audit_log`), before, m.name)
		require.Equal(t, a.header.Get("X-Request-Id"), one[string](w, `SELECT request_id FROM audit_log ORDER BY at DESC, id DESC LIMIT 1`), m.name)
	}
	require.Zero(t, one[int](w, `SELECT count(*)::int FROM audit_log WHERE actor IS NULL OR address = ''
		OR actor_kind <> CASE WHEN subject_kind = 'agenda' THEN 'operator' ELSE 'person' END`))
	w.noSecret(append(secrets, password)...)
}

// Whose pro is over is told so everywhere alike.
func TestWhoAmISaysWhatTheServerEnforces(t *testing.T) {
	t.Parallel()
	w := setup(t)
	owner := w.register("Dona")
	p := w.member("Ana", owner.org, owner.workspace, "admin", "viewer")
	hidden := w.newWorkspace(owner.org, "Outro")
	v := w.member("Bia", owner.org, owner.workspace, "viewer", "")
	require.Equal(t, v1.Plan_PLAN_PRO, w.me(owner).GetOrganizations()[0].GetPlan())
	w.exec(`UPDATE organizations SET plan_until = now() - interval '1 minute' WHERE id = $1`, owner.org)
	require.Equal(t, v1.Plan_PLAN_FREE, w.me(owner).GetOrganizations()[0].GetPlan())
	orgs := w.me(p).GetOrganizations()
	require.Len(t, orgs, 2)
	require.Equal(t, p.org.String(), orgs[0].GetId(), "one's own first")
	require.Equal(t, v1.Role_ROLE_ADMIN, orgs[1].GetRole())
	require.Contains(t, orgs[1].GetPermissions(), v1.Permission_PERMISSION_MEMBERS_MANAGE)
	for _, ws := range orgs[1].GetWorkspaces() {
		manages := slices.Contains(ws.GetPermissions(), v1.Permission_PERMISSION_RESOURCES_MANAGE)
		require.Equal(t, ws.GetId() == hidden.String(), manages, "the override counts inside its workspace alone")
	}
	require.Len(t, orgs[1].GetWorkspaces(), 2, "an admin enters all")
	require.Len(t, w.me(v).GetOrganizations()[1].GetWorkspaces(), 1)
}
