package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
	"github.com/cloudhub/cloudhub/internal/platform/egress"
)

// message is one request that a receiver got.
type message struct {
	header http.Header
	body   []byte
	at     time.Time
}

func (m message) id() string { return m.header.Get("webhook-id") }

// receiver is somebody else's server. answer decides what it says; nil says 200.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	got    []message
	answer func(http.ResponseWriter, *http.Request, message)
}

func newReceiver(t *testing.T, answer func(http.ResponseWriter, *http.Request, message)) *receiver {
	t.Helper()
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		m := message{req.Header.Clone(), body, time.Now()}
		r.mu.Lock()
		r.got = append(r.got, m)
		answer := r.answer
		r.mu.Unlock()
		if answer != nil {
			answer(w, req, m)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) says(answer func(http.ResponseWriter, *http.Request, message)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

func (r *receiver) messages() []message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]message(nil), r.got...)
}

func status(code int) func(http.ResponseWriter, *http.Request, message) {
	return func(w http.ResponseWriter, _ *http.Request, _ message) { w.WriteHeader(code) }
}

// lettingOut lets a world reach receivers on this machine.
func lettingOut(w *world) {
	w.egress = egress.Policy{HTTP: true, AnyPort: true, Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	w.deliverWithin = 2 * time.Second
}

func hook(url string, edit ...func(*v1.DestinationSpec)) *v1.DestinationSpec {
	spec := &v1.DestinationSpec{Name: "Meu sistema", Config: &v1.DestinationSpec_Webhook{Webhook: &v1.WebhookConfig{Url: url}}}
	for _, e := range edit {
		e(spec)
	}
	return spec
}

func (w *world) destination(spec *v1.DestinationSpec) (*v1.Destination, string) {
	w.t.Helper()
	made, err := w.hooks.CreateDestination(w.t.Context(), &v1.CreateDestinationRequest{OrgId: w.org, WorkspaceId: w.ws, Spec: spec})
	require.NoError(w.t, err)
	return made.GetDestination(), made.GetSecret()
}

func (w *world) destinationNow(id string) *v1.Destination {
	w.t.Helper()
	got, err := w.hooks.GetDestination(w.t.Context(), &v1.GetDestinationRequest{OrgId: w.org, WorkspaceId: w.ws, DestinationId: id})
	require.NoError(w.t, err)
	return got.GetDestination()
}

func (w *world) test(id string) *v1.Delivery {
	w.t.Helper()
	sent, err := w.hooks.SendTest(w.t.Context(), &v1.SendTestRequest{OrgId: w.org, WorkspaceId: w.ws, DestinationId: id})
	require.NoError(w.t, err)
	return sent.GetDelivery()
}

func (w *world) delivery(d *v1.Delivery) *v1.GetDeliveryResponse {
	w.t.Helper()
	got, err := w.hooks.GetDelivery(w.t.Context(), &v1.GetDeliveryRequest{OrgId: w.org, WorkspaceId: w.ws, DestinationId: d.GetDestinationId(), DeliveryId: d.GetId()})
	require.NoError(w.t, err)
	return got
}

func (w *world) until(d *v1.Delivery, state v1.DeliveryState) (got *v1.GetDeliveryResponse) {
	w.t.Helper()
	w.eventually(state.String(), func() bool {
		got = w.delivery(d)
		return got.GetDelivery().GetState() == state
	})
	return got
}

// burst writes n events about few subjects, as what happens in the product does.
func (w *world) burst(n, subjects int) {
	w.t.Helper()
	w.db.Exec(w.t, `WITH e AS (
		INSERT INTO events (org_id, id, workspace_id, type, data, subject)
		SELECT $1::uuid, (lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(i % 4096), 3, '0') || '8' || substr(md5(i::text || random()::text), 1, 15))::uuid,
			$2::uuid, 'webhook.test', jsonb_build_object('nth', i, 'message', 'burst', 'destination_id', gen_random_uuid(), 'destination_name', 'x'), md5((i % $4)::text)::uuid::text FROM generate_series(1, $3::int) i RETURNING *)
		INSERT INTO deliveries (org_id, destination_id, event_id, state, order_key)
		SELECT e.org_id, d.id, e.id, 'waiting', e.subject FROM e JOIN destinations d ON d.org_id = e.org_id AND d.workspace_id = e.workspace_id`, w.org, w.ws, n, subjects)
}

// A stop by hand is told to whoever has subscribed to it, and to nobody else, signed
// so that the libraries of Standard Webhooks believe it, through a rotation of the
// secret too.
func TestAnEventReachesAWebhook(t *testing.T) {
	t.Parallel()
	_, url := newSim(t, sim.SmallEstate())
	w := newWorld(t, url, lettingOut)
	w.addAccount("pequena", sim.SmallKey.AccessKeyID, sim.SmallKey.Secret)
	all, other := newReceiver(t, nil), newReceiver(t, nil)
	d, secret := w.destination(hook(all.URL+"/hooks?token=abc", func(s *v1.DestinationSpec) {
		s.GetWebhook().Ed25519 = true
		s.GetWebhook().Headers = []*v1.Header{{Name: "X-Plain", Value: "aberto"}, {Name: "X-Api-Key", Value: "canary-header-secret", Secret: true}}
	}))
	w.destination(hook(other.URL, func(s *v1.DestinationSpec) { s.Name, s.Events = "Outro", []string{"resource.failed"} }))
	m := w.machines()
	w.stop(ids(m, sim.SmallRunning)...)
	w.eventually("the stop is told", func() bool { return len(all.messages()) > 0 })
	got := all.messages()[0]
	verifier, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	require.NoError(t, verifier.Verify(got.body, got.header))
	require.Equal(t, []string{"aberto", "canary-header-secret"}, []string{got.header.Get("X-Plain"), got.header.Get("X-Api-Key")})
	require.Regexp(t, `^sha256=[0-9a-f]{64}$`, got.header.Get("X-CloudHub-Signature"))
	require.Contains(t, got.header.Get("webhook-signature"), "v1a,")
	var body struct {
		Event       string         `json:"event"`
		WorkspaceID string         `json:"workspace_id"`
		Timestamp   time.Time      `json:"timestamp"`
		Data        map[string]any `json:"data"`
	}
	require.NoError(t, json.Unmarshal(got.body, &body))
	require.Equal(t, []string{"resource.stopped", w.ws, ids(m, sim.SmallRunning)[0]}, []string{body.Event, body.WorkspaceID, body.Data["resource_id"].(string)})
	require.Empty(t, other.messages())

	// The log has the whole of it, and no secret.
	list, err := w.hooks.ListDeliveries(t.Context(), &v1.ListDeliveriesRequest{OrgId: w.org, WorkspaceId: w.ws, DestinationId: d.GetId()})
	require.NoError(t, err)
	require.Len(t, list.GetDeliveries(), 1)
	seen := w.until(list.GetDeliveries()[0], v1.DeliveryState_DELIVERY_STATE_DELIVERED)
	require.Equal(t, string(got.body), seen.GetBody())
	require.Equal(t, got.id(), seen.GetDelivery().GetMessageId())
	require.Len(t, seen.GetAttempts(), 1)
	attempt := seen.GetAttempts()[0]
	require.EqualValues(t, 200, attempt.GetStatus())
	require.Positive(t, attempt.GetTotalUs())
	require.NotEmpty(t, attempt.GetAddress())
	raw, err := json.Marshal(seen)
	require.NoError(t, err)
	require.NotContains(t, string(raw), "canary-header-secret")
	require.NotContains(t, w.logs.String(), "canary-header-secret")
	require.NotContains(t, w.logs.String(), secret)

	// Both secrets sign during the overlap, the new one alone after it.
	rotated, err := w.hooks.RotateSecret(t.Context(), &v1.RotateSecretRequest{OrgId: w.org, WorkspaceId: w.ws, DestinationId: d.GetId(), Overlap: durationpb.New(time.Hour)})
	require.NoError(t, err)
	require.NotEqual(t, secret, rotated.GetSecret())
	newer, err := standardwebhooks.NewWebhook(rotated.GetSecret())
	require.NoError(t, err)
	w.until(w.test(d.GetId()), v1.DeliveryState_DELIVERY_STATE_DELIVERED)
	last := all.messages()[1]
	require.NoError(t, verifier.Verify(last.body, last.header))
	require.NoError(t, newer.Verify(last.body, last.header))
	w.db.Exec(t, "UPDATE destination_secrets SET expires_at = now() WHERE expires_at IS NOT NULL")
	w.db.Exec(t, "UPDATE destinations SET version = nextval('row_version')")
	w.until(w.test(d.GetId()), v1.DeliveryState_DELIVERY_STATE_DELIVERED)
	last = all.messages()[2]
	require.Error(t, verifier.Verify(last.body, last.header))
	require.NoError(t, newer.Verify(last.body, last.header))
}

// What fails is tried again by the destination's workflow, with the same id, and is
// delivered when the receiver is well; then nothing is left of it on the agenda.
func TestAWebhookThatFailsIsTriedAgain(t *testing.T) {
	t.Parallel()
	_, url := newSim(t, sim.SmallEstate())
	w := newWorld(t, url, lettingOut)
	r := newReceiver(t, func(rw http.ResponseWriter, _ *http.Request, _ message) {
		rw.Header().Set("X-Why", "broken")
		rw.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(rw, "no today")
	})
	d, _ := w.destination(hook(r.URL))
	sent := w.test(d.GetId())
	got := w.until(sent, v1.DeliveryState_DELIVERY_STATE_RETRYING)
	require.Equal(t, "no today", got.GetAttempts()[0].GetResponseBody())
	require.Equal(t, "DELIVERY_REFUSED", got.GetAttempts()[0].GetErrorReason())
	require.NotNil(t, got.GetAttempts()[0].GetNextAttemptTime())
	require.Equal(t, v1.DestinationHealth_DESTINATION_HEALTH_FAILING, w.destinationNow(d.GetId()).GetHealth())
	w.eventually("its workflow waits", func() bool {
		return w.count("SELECT count(*) FROM agenda WHERE kind = 'destination' AND watching") == 1
	})
	r.says(nil)
	// Others are sent meanwhile.
	w.until(w.test(d.GetId()), v1.DeliveryState_DELIVERY_STATE_DELIVERED)
	got = w.until(sent, v1.DeliveryState_DELIVERY_STATE_DELIVERED)
	require.EqualValues(t, 2, got.GetDelivery().GetAttemptCount())
	require.Len(t, got.GetAttempts(), 2)
	ms := r.messages()
	require.Equal(t, ms[0].id(), ms[len(ms)-1].id())
	require.NotEqual(t, ms[0].header.Get("webhook-timestamp"), ms[len(ms)-1].header.Get("webhook-timestamp"), "stamped anew")
	w.settled()
	require.Equal(t, v1.DestinationHealth_DESTINATION_HEALTH_HEALTHY, w.destinationNow(d.GetId()).GetHealth())
}

// A receiver that asks for patience gets it, for everything: one delivery is tried at
// the end of it, and the rest follows when that is accepted.
func TestAReceiverThatAsksForPatience(t *testing.T) {
	t.Parallel()
	_, url := newSim(t, sim.SmallEstate())
	w := newWorld(t, url, lettingOut)
	r := newReceiver(t, func(rw http.ResponseWriter, _ *http.Request, _ message) {
		rw.Header().Set("Retry-After", "6")
		rw.WriteHeader(http.StatusTooManyRequests)
	})
	d, _ := w.destination(hook(r.URL))
	w.until(w.test(d.GetId()), v1.DeliveryState_DELIVERY_STATE_RETRYING)
	began, before := time.Now(), len(r.messages())
	require.Equal(t, v1.DestinationHealth_DESTINATION_HEALTH_COOLING, w.destinationNow(d.GetId()).GetHealth())
	w.burst(40, 5)
	r.says(nil)
	w.eventually("all have arrived", func() bool { return w.destinationNow(d.GetId()).GetWaitingCount() == 0 })
	after := r.messages()[before:]
	require.Len(t, after, 41)
	require.Greater(t, after[0].at.Sub(began), 4*time.Second, "nothing was sent meanwhile")
	require.Greater(t, after[1].at.Sub(after[0].at), time.Duration(0))
	w.settled()
}

func TestGoneDisablesAtOnceAndWhatIsHeldIsReplayed(t *testing.T) {
	t.Parallel()
	_, url := newSim(t, sim.SmallEstate())
	w := newWorld(t, url, lettingOut)
	r := newReceiver(t, status(http.StatusGone))
	d, _ := w.destination(hook(r.URL))
	w.until(w.test(d.GetId()), v1.DeliveryState_DELIVERY_STATE_EXHAUSTED)
	now := w.destinationNow(d.GetId())
	require.Equal(t, v1.DestinationHealth_DESTINATION_HEALTH_DISABLED, now.GetHealth())
	require.Equal(t, "DELIVERY_GONE", now.GetDisabledReason())
	require.Equal(t, 1, w.count("SELECT count(*) FROM notifications WHERE kind = 'destination_disabled'"))
	held := w.test(d.GetId())
	require.Equal(t, v1.DeliveryState_DELIVERY_STATE_HELD, held.GetState())
	r.says(nil)
	what := &v1.ReplayDeliveriesRequest{OrgId: w.org, WorkspaceId: w.ws, DestinationId: d.GetId(), RatePerSecond: 1000, What: &v1.ReplayDeliveriesRequest_Range{Range: &v1.DeliveryRange{Since: timestamppb.New(time.Now().Add(-time.Hour))}}}
	_, err := w.hooks.ReplayDeliveries(t.Context(), what)
	require.ErrorContains(t, err, "Resume it first")
	_, err = w.hooks.ResumeDestination(t.Context(), &v1.ResumeDestinationRequest{OrgId: w.org, WorkspaceId: w.ws, DestinationId: d.GetId()})
	require.NoError(t, err)
	what.ValidateOnly = true
	counted, err := w.hooks.ReplayDeliveries(t.Context(), what)
	require.NoError(t, err)
	require.EqualValues(t, 2, counted.GetCount())
	require.Len(t, r.messages(), 1)
	what.ValidateOnly = false
	_, err = w.hooks.ReplayDeliveries(t.Context(), what)
	require.NoError(t, err)
	w.until(held, v1.DeliveryState_DELIVERY_STATE_DELIVERED)
	w.settled()
	require.Len(t, r.messages(), 3)
}

// Deliveries to one destination that keeps an order arrive in the order of their
// events, whatever fails in between; by resource, others overtake.
func TestOrderIsKept(t *testing.T) {
	t.Parallel()
	_, url := newSim(t, sim.SmallEstate())
	w := newWorld(t, url, lettingOut)
	const events = 40
	fails := map[int]bool{7: true, 20: true}
	var mu sync.Mutex
	picky := func(rw http.ResponseWriter, _ *http.Request, m message) {
		mu.Lock()
		defer mu.Unlock()
		if n := nth(m); fails[n] {
			delete(fails, n)
			rw.WriteHeader(http.StatusInternalServerError)
		}
	}
	strict, byResource := newReceiver(t, picky), newReceiver(t, nil)
	w.destination(hook(strict.URL, func(s *v1.DestinationSpec) { s.Ordering = v1.Ordering_ORDERING_STRICT }))
	w.destination(hook(byResource.URL, func(s *v1.DestinationSpec) { s.Name, s.Ordering = "Por recurso", v1.Ordering_ORDERING_RESOURCE }))
	w.burst(events, 4)
	w.eventually("all have arrived", func() bool {
		return w.count("SELECT count(*) FROM deliveries WHERE state = 'delivered'") == 2*events
	})
	order := w.orderOf()
	var arrived []int
	seen := map[int]bool{}
	for _, m := range strict.messages() {
		if n := nth(m); !seen[n] {
			arrived = append(arrived, n)
			seen[n] = true
		}
	}
	require.Equal(t, order, arrived)
	last := map[int]int{}
	place := map[int]int{}
	for i, n := range order {
		place[n] = i + 1
	}
	for _, m := range byResource.messages() {
		n := nth(m)
		require.Greater(t, place[n], last[n%4], "of one machine")
		last[n%4] = place[n]
	}
	w.settled()
}

func nth(m message) int {
	var e struct {
		Data struct {
			Nth int `json:"nth"`
		} `json:"data"`
	}
	_ = json.Unmarshal(m.body, &e)
	return e.Data.Nth
}

// orderOf are the events of burst in the order of their ids.
func (w *world) orderOf() (out []int) {
	w.t.Helper()
	require.NoError(w.t, w.db.Owner.QueryRow(w.t.Context(), "SELECT array_agg((data->>'nth')::int ORDER BY id) FROM events WHERE data ? 'nth'").Scan(&out))
	return out
}

// One receiver of ten hangs: it holds its own slots and no more.
func TestAHangingReceiverDelaysNoOther(t *testing.T) {
	t.Parallel()
	_, url := newSim(t, sim.SmallEstate())
	w := newWorld(t, url, lettingOut)
	release := make(chan struct{})
	hanging := newReceiver(t, func(_ http.ResponseWriter, req *http.Request, _ message) {
		select {
		case <-release:
		case <-req.Context().Done():
		}
	})
	t.Cleanup(func() { close(release) })
	bad, _ := w.destination(hook(hanging.URL))
	well := make([]*receiver, 9)
	for i := range well {
		well[i] = newReceiver(t, nil)
		w.destination(hook(well[i].URL, func(s *v1.DestinationSpec) { s.Name = fmt.Sprintf("Bom %d", i) }))
	}
	w.burst(100, 10)
	w.eventually("all others have arrived", func() bool {
		return w.count("SELECT count(*) FROM deliveries WHERE state = 'delivered' AND destination_id <> $1", bad.GetId()) == 900
	})
	require.Zero(t, w.count("SELECT count(*) FROM deliveries WHERE state = 'delivered' AND destination_id = $1", bad.GetId()))
	require.LessOrEqual(t, len(hanging.messages()), 3*16, "one share at a time")
}

// The workflow of a destination is terminated in Temporal's UI: what waits is driven
// again all the same, by another run.
func TestATerminatedDestinationComesBack(t *testing.T) {
	t.Parallel()
	_, url := newSim(t, sim.SmallEstate())
	w := newWorld(t, url, lettingOut)
	r := newReceiver(t, status(http.StatusInternalServerError))
	d, _ := w.destination(hook(r.URL))
	sent := w.test(d.GetId())
	w.eventually("its workflow waits", func() bool {
		return w.count("SELECT count(*) FROM agenda WHERE kind = 'destination' AND watching AND run_id IS NOT NULL") == 1
	})
	r.says(nil)
	c, err := client.Dial(client.Options{HostPort: w.temporalAt, Namespace: w.namespaces.Background})
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.TerminateWorkflow(t.Context(), "destination/"+d.GetId(), "", "what is this?"))
	w.db.Exec(t, "UPDATE agenda SET look_at = now() WHERE kind = 'destination'")
	w.until(sent, v1.DeliveryState_DELIVERY_STATE_DELIVERED)
	w.settled()
}
