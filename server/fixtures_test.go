package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db/dbtest"
	"github.com/cloudhub/cloudhub/internal/inventory"
)

// fixture builds a valid request of one rpc, about the rows of an estate, by a
// caller who has a session to lose.
type fixture struct {
	build func(w *world, p person, e estate) proto.Message
	// outcome of an allowed call, when it is not "ok".
	outcome string
}

func of(build func(w *world, p person, e estate) proto.Message) fixture {
	return fixture{build: build}
}

var workdays = []v1.Weekday{v1.Weekday_WEEKDAY_MONDAY, v1.Weekday_WEEKDAY_FRIDAY}

func rule() *v1.ScheduleRule {
	return &v1.ScheduleRule{StartTime: "08:00", StopTime: "19:00", Weekdays: workdays, TimeZone: "America/Sao_Paulo"}
}

func selectorOf(e estate) *v1.TargetSelector {
	return &v1.TargetSelector{Tags: []*v1.TagMatch{{Key: "env", Values: []string{"prod"}}}, CloudAccountIds: []string{e.account.String()}, Regions: []string{"sa-east-1"}}
}

func webhookSpec() *v1.DestinationSpec {
	return &v1.DestinationSpec{
		Name: "Sistema " + uuid.NewString()[:8], Events: []string{"resource.stopped"},
		Config: &v1.DestinationSpec_Webhook{Webhook: &v1.WebhookConfig{
			Url: "https://hooks.example.com/cloudhub", Headers: []*v1.Header{{Name: "X-Api-Key", Value: "canary-secret-header", Secret: true}},
		}},
	}
}

// accessKey is one that nobody has used yet.
func accessKey() *v1.AwsAccessKey {
	raw := strings.ToUpper(strings.ReplaceAll(uuid.NewString(), "-", ""))
	return &v1.AwsAccessKey{AccessKeyId: "AKIA" + raw[:16], SecretAccessKey: "canary-secret-" + raw}
}

// fixtures has one for every rpc of the contract; TestEveryRPCHasAFixture fails
// when one is missing.
var fixtures = map[string]fixture{
	"AuthService/Register": of(func(*world, person, estate) proto.Message {
		return &v1.RegisterRequest{Email: uuid.NewString() + "@example.com", Name: "Novo", Password: password}
	}),
	"AuthService/Login": of(func(w *world, p person, _ estate) proto.Message {
		return &v1.LoginRequest{Email: p.email, Password: p.password}
	}),
	"AuthService/RefreshSession": {outcome: "SESSION_ENDED", build: func(*world, person, estate) proto.Message { return &v1.RefreshSessionRequest{} }},
	"AuthService/Logout":         of(func(*world, person, estate) proto.Message { return &v1.LogoutRequest{} }),
	"UserService/GetMe":          of(func(*world, person, estate) proto.Message { return &v1.GetMeRequest{} }),
	"UserService/ListSessions":   of(func(*world, person, estate) proto.Message { return &v1.ListSessionsRequest{} }),
	"UserService/RevokeSession": of(func(w *world, p person, _ estate) proto.Message {
		session := dbtest.NewID(w.t)
		w.exec(`INSERT INTO sessions (id, user_id, idle_expires_at, expires_at) VALUES ($1, $2, now() + interval '1 day', now() + interval '1 day')`, session, p.id)
		return &v1.RevokeSessionRequest{SessionId: session.String()}
	}),
	"CloudAccountService/CreateCloudAccount": of(func(w *world, _ person, e estate) proto.Message {
		return &v1.CreateCloudAccountRequest{
			OrgId: e.org.String(), WorkspaceId: e.workspace.String(), Name: "Nova conta", RequestId: uuid.NewString(),
			Credential: &v1.CreateCloudAccountRequest_AwsAccessKey{AwsAccessKey: accessKey()},
		}
	}),
	"CloudAccountService/PrepareAwsRole": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.PrepareAwsRoleRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), CloudAccountId: e.account.String()}
	}),
	"CloudAccountService/ReplaceCloudAccountCredential": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.ReplaceCloudAccountCredentialRequest{
			OrgId: e.org.String(), WorkspaceId: e.workspace.String(), CloudAccountId: e.account.String(),
			Credential: &v1.ReplaceCloudAccountCredentialRequest_AwsAccessKey{AwsAccessKey: accessKey()},
		}
	}),
	"CloudAccountService/ListCloudAccounts": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.ListCloudAccountsRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String()}
	}),
	"CloudAccountService/UpdateCloudAccount": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.UpdateCloudAccountRequest{
			OrgId: e.org.String(), WorkspaceId: e.workspace.String(), CloudAccountId: e.account.String(), Name: "Outro nome",
			UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"name"}},
		}
	}),
	"CloudAccountService/DeleteCloudAccount": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.DeleteCloudAccountRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), CloudAccountId: e.account.String()}
	}),
	"InventoryService/ListResources": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.ListResourcesRequest{
			OrgId: e.org.String(), WorkspaceId: e.workspace.String(), CloudAccountIds: []string{e.account.String()},
			ResourceIds: texts(e.resources), States: []v1.ResourceState{v1.ResourceState_RESOURCE_STATE_RUNNING},
		}
	}),
	"InventoryService/GetResource": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.GetResourceRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), ResourceId: e.resources[0].String()}
	}),
	"InventoryService/SyncInventory": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.SyncInventoryRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), CloudAccountIds: []string{e.account.String()}}
	}),
	"ResourceService/StartResources": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.StartResourcesRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), ResourceIds: texts(e.resources), RequestId: uuid.NewString()}
	}),
	"ResourceService/StopResources": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.StopResourcesRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), ResourceIds: texts(e.resources), RequestId: uuid.NewString()}
	}),
	"OperationService/GetOperation": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.GetOperationRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), OperationId: e.operation.String()}
	}),
	"OperationService/ListOperations": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.ListOperationsRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), ResourceId: e.resources[0].String(), ScheduleId: e.schedule.String()}
	}),
	"OperationService/WatchWorkspace": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.WatchWorkspaceRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String()}
	}),
	"ScheduleService/CreateSchedule": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.CreateScheduleRequest{
			OrgId: e.org.String(), WorkspaceId: e.workspace.String(), Name: "Horário", Rule: rule(), ResourceIds: texts(e.resources), RequestId: uuid.NewString(),
		}
	}),
	"ScheduleService/GetSchedule": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.GetScheduleRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), ScheduleId: e.schedule.String()}
	}),
	"ScheduleService/ListSchedules": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.ListSchedulesRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), ResourceId: e.resources[0].String()}
	}),
	"ScheduleService/UpdateSchedule": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.UpdateScheduleRequest{
			OrgId: e.org.String(), WorkspaceId: e.workspace.String(), ScheduleId: e.schedule.String(), Name: "Outro", Rule: rule(), ResourceIds: texts(e.resources),
		}
	}),
	"ScheduleService/DeleteSchedule": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.DeleteScheduleRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), ScheduleId: e.schedule.String()}
	}),
	"ScheduleService/PreviewSchedule": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.PreviewScheduleRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), Rule: rule(), Count: 4}
	}),
	"ScheduleService/ImportSchedules": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.ImportSchedulesRequest{
			OrgId: e.org.String(), WorkspaceId: e.workspace.String(), RequestId: uuid.NewString(),
			Csv: "name,start,stop,days,tags\nDev,07:00,19:00,weekdays,env=dev\n",
		}
	}),
	"ScheduleService/PreviewTargets": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.PreviewTargetsRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), Selector: selectorOf(e)}
	}),
	"ScheduleService/PauseSchedule": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.PauseScheduleRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), ScheduleId: e.schedule.String()}
	}),
	"ScheduleService/ResumeSchedule": of(func(w *world, _ person, e estate) proto.Message {
		w.exec(`UPDATE schedules SET paused_at = now() WHERE id = $1 AND paused_at IS NULL`, e.schedule)
		return &v1.ResumeScheduleRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), ScheduleId: e.schedule.String()}
	}),
	"ScheduleService/SkipNext": of(func(w *world, _ person, e estate) proto.Message {
		w.exec(`UPDATE schedules SET paused_at = null WHERE id = $1 AND paused_at IS NOT NULL`, e.schedule)
		return &v1.SkipNextRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), ScheduleId: e.schedule.String()}
	}),
	"ScheduleService/RestoreRun": of(func(w *world, p person, e estate) proto.Message {
		at := time.Now().Add(48 * time.Hour).Truncate(time.Minute)
		w.exec(`INSERT INTO schedule_skips (org_id, workspace_id, schedule_id, at, created_by, created_by_name) VALUES ($1, $2, $3, $4, $5, '') ON CONFLICT DO NOTHING`,
			e.org, e.workspace, e.schedule, at, p.id)
		return &v1.RestoreRunRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), ScheduleId: e.schedule.String(), Time: timestamppb.New(at)}
	}),
	"ScheduleService/RunNow": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.RunNowRequest{
			OrgId: e.org.String(), WorkspaceId: e.workspace.String(), ScheduleId: e.schedule.String(), Wanted: v1.ResourceState_RESOURCE_STATE_STOPPED, RequestId: uuid.NewString(),
		}
	}),
	"ScheduleService/CreateHold": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.CreateHoldRequest{
			OrgId: e.org.String(), WorkspaceId: e.workspace.String(), Subject: &v1.CreateHoldRequest_ResourceId{ResourceId: e.resources[0].String()},
			Reason: "Migração", UntilTime: timestamppb.New(time.Now().Add(time.Hour)), RequestId: uuid.NewString(),
		}
	}),
	"ScheduleService/EndHold": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.EndHoldRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), HoldId: e.hold.String()}
	}),
	"ScheduleService/ListHolds": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.ListHoldsRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), InForce: true}
	}),
	"ResourceService/SetActAnyway": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.SetActAnywayRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), ResourceId: e.resources[0].String(), ActAnyway: true}
	}),
	"OrganizationService/PauseAutomation": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.PauseAutomationRequest{OrgId: e.org.String(), Reason: "Incidente"}
	}),
	"OrganizationService/ResumeAutomation": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.ResumeAutomationRequest{OrgId: e.org.String()}
	}),
	"NotificationService/ListNotifications": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.ListNotificationsRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String()}
	}),
	"NotificationService/MarkNotificationsRead": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.MarkNotificationsReadRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), NotificationId: e.notification.String()}
	}),
	"CalendarService/ListCalendars": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.ListCalendarsRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String()}
	}),
	"CalendarService/GetCalendar": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.GetCalendarRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), CalendarId: e.calendar.String(), Year: 2026}
	}),
	"CalendarService/CreateCalendar": of(func(w *world, _ person, e estate) proto.Message {
		// Each estate of the organization brings one, and it may have fifty.
		w.exec(`DELETE FROM agenda WHERE org_id = $1 AND kind = 'calendar-clock' AND subject <> $2::text`, e.org, e.calendar.String())
		w.exec(`DELETE FROM calendars WHERE org_id = $1 AND id <> $2`, e.org, e.calendar)
		return &v1.CreateCalendarRequest{
			OrgId: e.org.String(), Name: "Feriados da cidade", RequestId: uuid.NewString(),
			Content: &v1.CreateCalendarRequest_Days{Days: &v1.CalendarDays{Days: []*v1.CalendarDay{{Date: "2026-12-08", Name: "Padroeira"}}}},
		}
	}),
	"CalendarService/UpdateCalendar": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.UpdateCalendarRequest{
			OrgId: e.org.String(), CalendarId: e.calendar.String(), Name: "Outro nome",
			Content: &v1.UpdateCalendarRequest_Address{Address: "https://calendars.example.com/outro.ics"},
		}
	}),
	"CalendarService/DeleteCalendar": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.DeleteCalendarRequest{OrgId: e.org.String(), CalendarId: e.calendar.String()}
	}),
	"CalendarService/RefreshCalendar": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.RefreshCalendarRequest{OrgId: e.org.String(), CalendarId: e.calendar.String()}
	}),
	"WebhookService/ListEventTypes": of(func(*world, person, estate) proto.Message { return &v1.ListEventTypesRequest{} }),
	"WebhookService/ListDestinations": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.ListDestinationsRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), Channels: []v1.Channel{v1.Channel_CHANNEL_WEBHOOK}}
	}),
	"WebhookService/GetDestination": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.GetDestinationRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), DestinationId: e.destination.String()}
	}),
	"WebhookService/DeleteDestination": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.DeleteDestinationRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), DestinationId: e.destination.String()}
	}),
	"WebhookService/PauseDestination": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.PauseDestinationRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), DestinationId: e.destination.String()}
	}),
	"WebhookService/ResumeDestination": of(func(w *world, _ person, e estate) proto.Message {
		w.exec(`UPDATE destinations SET paused_at = '2026-01-01' WHERE id = $1`, e.destination)
		return &v1.ResumeDestinationRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), DestinationId: e.destination.String()}
	}),
	"WebhookService/RotateSecret": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.RotateSecretRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), DestinationId: e.destination.String()}
	}),
	"WebhookService/SendTest": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.SendTestRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), DestinationId: e.destination.String()}
	}),
	"WebhookService/ListDeliveries": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.ListDeliveriesRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), DestinationId: e.destination.String()}
	}),
	"WebhookService/CreateDestination": of(func(w *world, _ person, e estate) proto.Message {
		w.exec(`DELETE FROM destinations WHERE workspace_id = $1 AND id <> $2`, e.workspace, e.destination)
		return &v1.CreateDestinationRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), RequestId: uuid.NewString(), Spec: webhookSpec()}
	}),
	"WebhookService/UpdateDestination": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.UpdateDestinationRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), DestinationId: e.destination.String(), Spec: webhookSpec()}
	}),
	"WebhookService/GetDelivery": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.GetDeliveryRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), DestinationId: e.destination.String(), DeliveryId: e.delivery.String()}
	}),
	"WebhookService/ReplayDeliveries": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.ReplayDeliveriesRequest{OrgId: e.org.String(), WorkspaceId: e.workspace.String(), DestinationId: e.destination.String(),
			What: &v1.ReplayDeliveriesRequest_Deliveries{Deliveries: &v1.DeliveryIds{Ids: []string{e.delivery.String()}}}}
	}),
	"AdminService/GetAgendaSummary": of(func(*world, person, estate) proto.Message { return &v1.GetAgendaSummaryRequest{} }),
	"AdminService/ListAgenda": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.ListAgendaRequest{
			View: v1.AgendaView_AGENDA_VIEW_ALL, Organization: e.org.String(), Kinds: []string{"sync-clock"}, Lanes: []v1.AgendaLane{v1.AgendaLane_AGENDA_LANE_BACKGROUND},
		}
	}),
	"AdminService/GetAgendaRow": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.GetAgendaRowRequest{OrgId: e.org.String(), Kind: "sync-clock", Subject: e.account.String()}
	}),
	"AdminService/DriveAgain": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.DriveAgainRequest{OrgId: e.org.String(), Kind: "sync-clock", Subject: e.account.String()}
	}),
	"AdminService/ParkAgendaRow": of(func(_ *world, _ person, e estate) proto.Message {
		return &v1.ParkAgendaRowRequest{OrgId: e.org.String(), Kind: "sync-clock", Subject: e.account.String(), Reason: "O provedor está fora do ar"}
	}),
}

func texts(ids []uuid.UUID) []string {
	out := make([]string, len(ids))
	for i, v := range ids {
		out[i] = v.String()
	}
	return out
}

// method is one rpc of the contract.
type method struct {
	name string // "Service/Method"
	desc protoreflect.MethodDescriptor
	auth *v1.Auth
}

// changes says that the rpc may write.
func (m method) changes() bool {
	o, ok := m.desc.Options().(*descriptorpb.MethodOptions)
	return !ok || o.GetIdempotencyLevel() != descriptorpb.MethodOptions_NO_SIDE_EFFECTS
}

// methods are all rpcs of the contract, from the registry.
func methods() []method {
	var out []method
	protoregistry.GlobalFiles.RangeFilesByPackage("cloudhub.v1", func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			s := f.Services().Get(i)
			for j := range s.Methods().Len() {
				m := s.Methods().Get(j)
				auth, _ := proto.GetExtension(m.Options(), v1.E_Auth).(*v1.Auth)
				out = append(out, method{fmt.Sprintf("%s/%s", s.Name(), m.Name()), m, auth})
			}
		}
		return true
	})
	return out
}

func TestEveryRPCHasAFixture(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, m := range methods() {
		known[m.name] = true
		require.Contains(t, fixtures, m.name, "write how a valid request of %s looks", m.name)
	}
	for name := range fixtures {
		require.True(t, known[name], "%s is not in the contract", name)
	}
}

// verdict is what a trial of a credential finds out.
type verdict struct {
	state  string
	result inventory.ProbeResult
	// foreign: what is to replace an account's credential opens another account.
	foreign bool
}

func accepted(external string) verdict {
	return verdict{state: "ok", result: inventory.ProbeResult{ExternalID: external, Principal: "arn:aws:iam::1:user/x", Regions: []string{"us-east-1"}, Simulated: true}}
}

// worker plays the worker's part: it fills each draft with what judge says.
func (w *world) worker(judge func(draft uuid.UUID) verdict) {
	ctx, stop := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			rows, _ := w.db.Owner.Query(ctx, `SELECT d.id, coalesce(a.external_id, '') FROM credential_drafts d
				LEFT JOIN cloud_accounts a ON a.org_id = d.org_id AND a.id = d.replaces WHERE d.state = 'waiting'`)
			replaces := map[uuid.UUID]string{}
			for rows.Next() {
				var draft uuid.UUID
				var account string
				if rows.Scan(&draft, &account) == nil {
					replaces[draft] = account
				}
			}
			for draft, account := range replaces {
				v := judge(draft)
				if v.state == "" {
					continue
				}
				if account != "" && !v.foreign {
					v.result.ExternalID = account
				}
				raw, _ := json.Marshal(v.result)
				_, _ = w.db.Owner.Exec(ctx, `UPDATE credential_drafts SET state = $2, result = $3 WHERE id = $1`, draft, v.state, raw)
			}
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	w.t.Cleanup(func() { stop(); <-done })
}
