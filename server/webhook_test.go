package server_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/durationpb"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db/dbtest"
)

func (w *world) createDestination(p person, spec *v1.DestinationSpec) *v1.CreateDestinationResponse {
	w.t.Helper()
	out := &v1.CreateDestinationResponse{}
	a := w.rpc(p.token, "WebhookService/CreateDestination", &v1.CreateDestinationRequest{OrgId: p.org.String(), WorkspaceId: p.workspace.String(), Spec: spec})
	a.ok(w.t)
	a.into(w.t, out)
	return out
}

func (w *world) refusedDestination(p person, spec *v1.DestinationSpec, reason, text string) {
	w.t.Helper()
	a := w.rpc(p.token, "WebhookService/CreateDestination", &v1.CreateDestinationRequest{OrgId: p.org.String(), WorkspaceId: p.workspace.String(), Spec: spec})
	a.refused(w.t, reason)
	require.Contains(w.t, string(a.body), text)
}

// A secret is in the answer that made it and nowhere else: not in the database, the
// audit, the log, or any later answer, a repeated request's included.
func TestSecretsOfDestinationsAreShownOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Dona")
	req := &v1.CreateDestinationRequest{OrgId: p.org.String(), WorkspaceId: p.workspace.String(), Spec: webhookSpec(), RequestId: uuid.NewString()}
	req.Spec.GetWebhook().Ed25519 = true
	var made, again v1.CreateDestinationResponse
	w.rpc(p.token, "WebhookService/CreateDestination", req).into(t, &made)
	w.rpc(p.token, "WebhookService/CreateDestination", req).into(t, &again)
	require.Equal(t, made.GetDestination().GetId(), again.GetDestination().GetId())
	require.Regexp(t, `^whsec_[A-Za-z0-9+/=]{44}$`, made.GetSecret())
	require.Empty(t, again.GetSecret())
	require.Regexp(t, `^whpk_`, made.GetDestination().GetWebhook().GetPublicKey())
	require.Equal(t, strings.TrimRight(made.GetSecret(), "=")[len(strings.TrimRight(made.GetSecret(), "="))-4:], made.GetDestination().GetWebhook().GetSecretHint())
	header := made.GetDestination().GetWebhook().GetHeaders()[0]
	require.Empty(t, header.GetValue())
	require.True(t, header.GetSecret())

	rotate := func(overlap *durationpb.Duration) *v1.RotateSecretResponse {
		out := &v1.RotateSecretResponse{}
		a := w.rpc(p.token, "WebhookService/RotateSecret", &v1.RotateSecretRequest{OrgId: p.org.String(), WorkspaceId: p.workspace.String(), DestinationId: made.GetDestination().GetId(), Overlap: overlap})
		a.ok(t)
		a.into(t, out)
		return out
	}
	rotated := rotate(durationpb.New(0))
	require.Nil(t, rotated.GetDestination().GetWebhook().GetPreviousSecretUntil(), "no overlap")
	second := rotate(nil)
	require.NotNil(t, second.GetDestination().GetWebhook().GetPreviousSecretUntil())
	w.rpc(p.token, "WebhookService/RotateSecret", &v1.RotateSecretRequest{
		OrgId: p.org.String(), WorkspaceId: p.workspace.String(), DestinationId: made.GetDestination().GetId(), Overlap: &durationpb.Duration{Seconds: 604801},
	}).refused(t, "VALIDATION")
	w.noSecret(made.GetSecret(), rotated.GetSecret(), second.GetSecret(), "canary-secret-header")
}

// A secret header that is not given again stays as it is; one that was never there
// cannot.
func TestAHeaderStaysOrIsReplaced(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Dona")
	made := w.createDestination(p, webhookSpec()).GetDestination()
	sealed := func() []string {
		return column[string](w, `SELECT id::text FROM destination_secrets WHERE kind = 'header' AND destination_id = $1 ORDER BY name`, made.GetId())
	}
	before := sealed()
	update := func(headers ...*v1.Header) answer {
		spec := webhookSpec()
		spec.GetWebhook().Headers = headers
		return w.rpc(p.token, "WebhookService/UpdateDestination", &v1.UpdateDestinationRequest{OrgId: p.org.String(), WorkspaceId: p.workspace.String(), DestinationId: made.GetId(), Spec: spec})
	}
	update(&v1.Header{Name: "x-api-key", Secret: true}).ok(t)
	require.Equal(t, before, sealed())
	update(&v1.Header{Name: "x-other", Secret: true}).refused(t, "HEADER_REFUSED")
	require.Equal(t, before, sealed())
	update(&v1.Header{Name: "X-Api-Key", Value: "another", Secret: true}).ok(t)
	require.NotEqual(t, before, sealed())
	update().ok(t)
	require.Empty(t, sealed())
	w.rpc(p.token, "WebhookService/UpdateDestination", &v1.UpdateDestinationRequest{
		OrgId: p.org.String(), WorkspaceId: p.workspace.String(), DestinationId: made.GetId(), Spec: webhookSpec(), Etag: made.GetEtag(),
	}).refused(t, "CONFLICT")
}

func TestBadDestinationsAreRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Dona")
	with := func(edit func(*v1.DestinationSpec)) *v1.DestinationSpec {
		s := webhookSpec()
		edit(s)
		return s
	}
	for _, address := range []string{
		"http://hooks.example.com/", "https://127.0.0.1/", "https://169.254.169.254/latest", "https://user:pass@hooks.example.com/", "https://localhost/", "https://10.0.0.8/",
		"https://hooks.example.com:22/", "https://[::1]/", "https://2130706433/", "ftp://hooks.example.com/", "hooks.example.com", "https://",
	} {
		w.refusedDestination(p, with(func(s *v1.DestinationSpec) { s.GetWebhook().Url = address }), "ADDRESS_REFUSED", "webhook.url")
	}
	for _, name := range []string{"webhook-id", "Host", "X-CloudHub-Signature", "content-length"} {
		w.refusedDestination(p, with(func(s *v1.DestinationSpec) { s.GetWebhook().Headers = []*v1.Header{{Name: name, Value: "x"}} }), "HEADER_REFUSED", name)
	}
	w.refusedDestination(p, with(func(s *v1.DestinationSpec) {
		s.GetWebhook().Headers = []*v1.Header{{Name: "X-A", Value: "1"}, {Name: "x-a", Value: "2"}}
	}), "HEADER_REFUSED", "twice")
	w.refusedDestination(p, with(func(s *v1.DestinationSpec) {
		s.GetWebhook().Headers = []*v1.Header{{Name: "X-A", Value: "a\r\nX-B: b"}}
	}), "VALIDATION", "value")
	w.refusedDestination(p, with(func(s *v1.DestinationSpec) { s.Events = []string{"resource.exploded"} }), "UNKNOWN_EVENT_TYPE", "resource.exploded")
	w.refusedDestination(p, &v1.DestinationSpec{Name: "x", Config: &v1.DestinationSpec_Slack{Slack: &v1.ChatConfig{Locale: "en"}}}, "ADDRESS_REFUSED", "missing")
	w.refusedDestination(p, &v1.DestinationSpec{Name: "x", Config: &v1.DestinationSpec_Email{Email: &v1.EmailConfig{Recipients: []string{"a@example.com"}, Locale: "en"}}}, "CHANNEL_NOT_READY", "")
	require.Zero(t, one[int](w, `SELECT count(*)::int FROM destinations`))

	w.createDestination(p, with(func(s *v1.DestinationSpec) { s.Name = "Um" }))
	w.refusedDestination(p, with(func(s *v1.DestinationSpec) { s.Name = "UM" }), "VALIDATION", "has this name")
	for i := range 9 {
		w.createDestination(p, with(func(s *v1.DestinationSpec) { s.Name = fmt.Sprint(i) }))
	}
	w.refusedDestination(p, webhookSpec(), "LIMIT_REACHED", "10")
	require.Equal(t, 10, one[int](w, `SELECT count(*)::int FROM destinations`))
}

// What is paused holds what comes; resuming sends nothing old, a replay does, and says
// first how much.
func TestPausedDeliveriesAreHeldAndReplayed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Dona")
	d := w.createDestination(p, webhookSpec()).GetDestination()
	call := func(name string) answer {
		return w.post(p.token, "WebhookService/"+name, asJSON, fmt.Appendf(nil, `{"orgId":%q,"workspaceId":%q,"destinationId":%q}`, p.org, p.workspace, d.GetId()))
	}
	states := func() []string {
		return column[string](w, `SELECT state FROM deliveries WHERE destination_id = $1 ORDER BY event_id`, d.GetId())
	}
	call("SendTest").ok(t)
	require.Equal(t, []string{"waiting"}, states())
	call("PauseDestination").ok(t)
	call("PauseDestination").ok(t)
	call("SendTest").ok(t)
	require.Equal(t, []string{"held", "held"}, states())
	replay := func(validate bool) answer {
		return w.rpc(p.token, "WebhookService/ReplayDeliveries", &v1.ReplayDeliveriesRequest{
			OrgId: p.org.String(), WorkspaceId: p.workspace.String(), DestinationId: d.GetId(), ValidateOnly: validate, RatePerSecond: 1,
			What: &v1.ReplayDeliveriesRequest_Range{Range: &v1.DeliveryRange{}},
		})
	}
	replay(false).refused(t, "DESTINATION_PAUSED")
	call("ResumeDestination").ok(t)
	require.Equal(t, []string{"held", "held"}, states())
	out := &v1.ReplayDeliveriesResponse{}
	a := replay(true)
	a.ok(t)
	a.into(t, out)
	require.EqualValues(t, 2, out.GetCount())
	require.Equal(t, []string{"held", "held"}, states())
	replay(false).ok(t)
	require.Equal(t, []string{"waiting", "waiting"}, states())
	require.InDelta(t, 1, one[float64](w, `SELECT extract(epoch FROM max(next_at) - min(next_at))::float8 FROM deliveries WHERE destination_id = $1`, d.GetId()), 0.01, "at its pace")
	require.Equal(t, []string{"destination"}, w.agendaOf(d.GetId()))
	replay(false).ok(t)
	require.Equal(t, 1, one[int](w, `SELECT count(*)::int FROM audit_log WHERE action = 'destination.replay'`), "what is on its way is not sent again")

	// Another workspace's destination of the same organization is none of its business.
	other := w.newWorkspace(p.org, "Outro")
	w.post(p.token, "WebhookService/GetDestination", asJSON, fmt.Appendf(nil, `{"orgId":%q,"workspaceId":%q,"destinationId":%q}`, p.org, other, d.GetId())).refused(t, "NOT_FOUND")
	w.post(p.token, "WebhookService/GetDelivery", asJSON, fmt.Appendf(nil, `{"orgId":%q,"workspaceId":%q,"destinationId":%q,"deliveryId":%q}`, p.org, p.workspace, d.GetId(), dbtest.NewID(t))).refused(t, "NOT_FOUND")
}
