package e2e

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/cloudhub/cloudhub/activities"
	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/api/gen/cloudhub/v1/cloudhubv1connect"
	"github.com/cloudhub/cloudhub/db/dbtest"
	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/cloud/aws"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
	"github.com/cloudhub/cloudhub/internal/event"
	"github.com/cloudhub/cloudhub/internal/platform/egress"
	"github.com/cloudhub/cloudhub/internal/platform/mail"
	"github.com/cloudhub/cloudhub/internal/platform/telemetry"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
	"github.com/cloudhub/cloudhub/server"
	"github.com/cloudhub/cloudhub/worker"
)

// world is one installation: server, worker, database, cloud.
type world struct {
	t          *testing.T
	db         *dbtest.DB
	url        string
	endpoint   string
	keys       string
	namespaces worker.Namespaces
	logs       *lockedBuffer
	registry   *prometheus.Registry
	watchFor   time.Duration
	// temporalAt is another Temporal than the shared one; probeWithin another
	// patience of the server's. Both are for newWorld's options.
	temporalAt  string
	probeWithin time.Duration
	stuckAfter  time.Duration        // of the worker; zero is its own
	metrics     *prometheus.Registry // of the latest worker
	stopWorker  func()
	// principal is the installation's own AWS identity, principalARN what its
	// server says of it. For newWorld's options; there is none without.
	principal *aws.Principal
	// egress is what addresses of people may lead to beside the public internet.
	egress       egress.Policy
	principalARN string
	// deliverWithin is how long one attempt of a delivery may take; zero is the
	// product's own.
	deliverWithin time.Duration
	// mailer sends e-mail; nil: the installation sends none.
	mailer *mail.Mailer
	// kinds are adapters beside that of EC2.
	kinds []cloud.Instances
	person
}

// person is who calls.
type person struct {
	token, email, password, org, ws string
	auth                            cloudhubv1connect.AuthServiceClient
	user                            cloudhubv1connect.UserServiceClient
	accounts                        cloudhubv1connect.CloudAccountServiceClient
	inventory                       cloudhubv1connect.InventoryServiceClient
	power                           cloudhubv1connect.ResourceServiceClient
	operations                      cloudhubv1connect.OperationServiceClient
	schedules                       cloudhubv1connect.ScheduleServiceClient
	calendars                       cloudhubv1connect.CalendarServiceClient
	organizations                   cloudhubv1connect.OrganizationServiceClient
	notifications                   cloudhubv1connect.NotificationServiceClient
	hooks                           cloudhubv1connect.WebhookServiceClient
	admin                           cloudhubv1connect.AdminServiceClient
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newSim is a simulated AWS of the test's own; the estate may be changed first.
func newSim(t *testing.T, estate sim.Estate) (*sim.Sim, string) {
	t.Helper()
	s, err := sim.New(sim.Options{Estate: estate})
	require.NoError(t, err)
	h := httptest.NewServer(s.Handler())
	t.Cleanup(func() { _ = s.Close(); h.Close() })
	return s, h.URL
}

// newWorld starts an installation whose AWS is at endpoint, with one person in it.
func newWorld(t *testing.T, endpoint string, options ...func(*world)) *world {
	t.Helper()
	w := &world{t: t, db: dbtest.New(t), endpoint: endpoint, keys: t.TempDir(), logs: &lockedBuffer{}, registry: prometheus.NewRegistry()}
	for _, o := range options {
		o(w)
	}
	if w.namespaces == (worker.Namespaces{}) {
		select {
		case w.namespaces = <-shared.namespaces:
		default:
			t.Fatal("more tests than worlds: raise the constant")
		}
	}
	require.NoError(t, vault.EnsureRings(w.keys, time.Now()))
	w.startServer()
	w.startWorker()
	w.person = w.register("ana@example.com")
	return w
}

func (w *world) logger() *slog.Logger { return telemetry.JSONLogger(w.logs, slog.LevelInfo) }

func (w *world) startServer() {
	ring, err := vault.LoadServerRing(w.keys)
	require.NoError(w.t, err)
	sealer, err := vault.LoadSealer(w.keys)
	require.NoError(w.t, err)
	s, err := server.New(server.Deps{
		Tenants: w.db.Tenants, Identity: w.db.Identity, Admin: w.db.Admin, TemporalUI: "http://temporal.example.com", Ring: ring, Sealer: sealer, Logger: w.logger(), TrialDays: 30,
		Registerer: w.registry, NoRateLimit: true, ProbeWithin: w.probeWithin, AWSPrincipal: w.principalARN, Egress: w.egress, MailReady: w.mailer != nil,
	})
	require.NoError(w.t, err)
	h := httptest.NewServer(s.Handler())
	w.t.Cleanup(h.Close)
	w.url = h.URL
}

// startWorker runs a worker until the test ends or stopWorker is called.
func (w *world) startWorker() {
	opener, err := vault.LoadOpener(w.keys)
	require.NoError(w.t, err)
	adapter := aws.New(aws.Options{Endpoint: w.endpoint, Principal: w.principal, Logger: w.logger()})
	w.metrics = prometheus.NewRegistry()
	if w.temporalAt == "" {
		w.temporalAt = shared.temporal.HostPort()
	}
	wk, err := worker.New(w.t.Context(), worker.Deps{
		Deps: activities.Deps{
			Tenants: w.db.Tenants, Opener: opener, Clouds: simulatedAWS(adapter, w.kinds...), Logger: w.logger(),
			PollEvery: func(time.Duration) time.Duration { return 100 * time.Millisecond }, WatchFor: w.watchFor,
			Egress: w.egress, FetchWithin: 4 * time.Second, DeliverWithin: w.deliverWithin, Mailer: w.mailer, PublicURL: w.url,
		},
		System: w.db.System, TemporalAddress: w.temporalAt, Registerer: w.metrics, Namespaces: w.namespaces, DrainFor: time.Second, StuckAfter: w.stuckAfter,
	})
	require.NoError(w.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- wk.Run(ctx) }()
	var once sync.Once
	w.stopWorker = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				w.t.Errorf("worker: %v", err)
			}
			wk.Close()
		})
	}
	w.t.Cleanup(w.stopWorker)
}

func (w *world) register(email string) person {
	w.t.Helper()
	return w.enter(person{email: email, password: "uma frase comprida e boa"}, func(p person) (*v1.AccessToken, error) {
		made, err := p.auth.Register(w.t.Context(), &v1.RegisterRequest{Email: email, Name: "Ana Prado", Password: p.password})
		return made.GetAccessToken(), err
	})
}

func (w *world) signIn(email, password string) person {
	w.t.Helper()
	return w.enter(person{email: email, password: password}, func(p person) (*v1.AccessToken, error) {
		in, err := p.auth.Login(w.t.Context(), &v1.LoginRequest{Email: email, Password: password})
		return in.GetAccessToken(), err
	})
}

// enter makes the clients of a person and signs him in.
func (w *world) enter(p person, how func(person) (*v1.AccessToken, error)) person {
	w.t.Helper()
	// The token is read through the world, so that a copy of the person works.
	token := new(string)
	o := connect.WithInterceptors(connect.UnaryInterceptorFunc(func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, r connect.AnyRequest) (connect.AnyResponse, error) {
			if *token != "" {
				r.Header().Set("Authorization", "Bearer "+*token)
			}
			return next(ctx, r)
		}
	}))
	h := http.DefaultClient
	p.auth = cloudhubv1connect.NewAuthServiceClient(h, w.url, o)
	p.user = cloudhubv1connect.NewUserServiceClient(h, w.url, o)
	p.accounts = cloudhubv1connect.NewCloudAccountServiceClient(h, w.url, o)
	p.inventory = cloudhubv1connect.NewInventoryServiceClient(h, w.url, o)
	p.power = cloudhubv1connect.NewResourceServiceClient(h, w.url, o)
	p.operations = cloudhubv1connect.NewOperationServiceClient(h, w.url, o)
	p.schedules = cloudhubv1connect.NewScheduleServiceClient(h, w.url, o)
	p.calendars = cloudhubv1connect.NewCalendarServiceClient(h, w.url, o)
	p.organizations = cloudhubv1connect.NewOrganizationServiceClient(h, w.url, o)
	p.notifications = cloudhubv1connect.NewNotificationServiceClient(h, w.url, o)
	p.hooks = cloudhubv1connect.NewWebhookServiceClient(h, w.url, o)
	p.admin = cloudhubv1connect.NewAdminServiceClient(h, w.url, o)
	got, err := how(p)
	require.NoError(w.t, err)
	*token = got.GetToken()
	p.token = *token
	me, err := p.user.GetMe(w.t.Context(), &v1.GetMeRequest{})
	require.NoError(w.t, err)
	p.org = me.GetOrganizations()[0].GetId()
	p.ws = me.GetOrganizations()[0].GetWorkspaces()[0].GetId()
	return p
}

// eventually waits for a condition: nothing in these tests sleeps for a time.
func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			w.t.Fatalf("not within a minute: %s\n%s", what, tail(w.logs.String(), 3000))
		}
		time.Sleep(30 * time.Millisecond)
	}
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// addAccount adds an account and waits until it has been read.
func (w *world) addAccount(name, ak, secret string) *v1.CloudAccount {
	w.t.Helper()
	made, err := w.accounts.CreateCloudAccount(w.t.Context(), &v1.CreateCloudAccountRequest{
		OrgId: w.org, WorkspaceId: w.ws, Name: name,
		Credential: &v1.CreateCloudAccountRequest_AwsAccessKey{AwsAccessKey: &v1.AwsAccessKey{AccessKeyId: ak, SecretAccessKey: secret, HomeRegion: "us-east-1"}},
	})
	require.NoError(w.t, err)
	id := made.GetCloudAccount().GetId()
	var got *v1.CloudAccount
	w.eventually("the account is read", func() bool {
		got = w.account(id)
		return got.GetLastSyncTime() != nil
	})
	return got
}

func (w *world) account(id string) *v1.CloudAccount {
	w.t.Helper()
	list, err := w.accounts.ListCloudAccounts(w.t.Context(), &v1.ListCloudAccountsRequest{OrgId: w.org, WorkspaceId: w.ws})
	require.NoError(w.t, err)
	for _, a := range list.GetCloudAccounts() {
		if a.GetId() == id {
			return a
		}
	}
	return nil
}

// machines lists the inventory by the provider's id.
func (w *world) machines() map[string]*v1.Resource {
	w.t.Helper()
	list, err := w.inventory.ListResources(w.t.Context(), &v1.ListResourcesRequest{OrgId: w.org, WorkspaceId: w.ws, PageSize: 500})
	require.NoError(w.t, err)
	out := map[string]*v1.Resource{}
	for _, r := range list.GetResources() {
		out[r.GetProviderId()] = r
	}
	return out
}

func ids(machines map[string]*v1.Resource, providerIDs ...string) []string {
	var out []string
	for _, p := range providerIDs {
		out = append(out, machines[p].GetId())
	}
	return out
}

func (w *world) stop(resources ...string) *v1.Operation {
	w.t.Helper()
	got, err := w.power.StopResources(w.t.Context(), &v1.StopResourcesRequest{OrgId: w.org, WorkspaceId: w.ws, ResourceIds: resources})
	require.NoError(w.t, err)
	return got.GetOperation()
}

func (w *world) start(resources ...string) *v1.Operation {
	w.t.Helper()
	got, err := w.power.StartResources(w.t.Context(), &v1.StartResourcesRequest{OrgId: w.org, WorkspaceId: w.ws, ResourceIds: resources})
	require.NoError(w.t, err)
	return got.GetOperation()
}

func (w *world) operation(id string) *v1.Operation {
	w.t.Helper()
	got, err := w.operations.GetOperation(w.t.Context(), &v1.GetOperationRequest{OrgId: w.org, WorkspaceId: w.ws, OperationId: id})
	require.NoError(w.t, err)
	return got.GetOperation()
}

// ended waits for an operation's end and gives its targets by provider id.
func (w *world) ended(id string) (*v1.Operation, map[string]*v1.OperationTarget) {
	w.t.Helper()
	var op *v1.Operation
	w.eventually("the operation ends", func() bool {
		op = w.operation(id)
		return op.GetEndTime() != nil
	})
	targets := map[string]*v1.OperationTarget{}
	for _, t := range op.GetTargets() {
		targets[t.GetProviderId()] = t
	}
	return op, targets
}

// settled checks what must hold when nothing is under way: what is not final is
// on the agenda, what is final is not, and no machine is held.
func (w *world) settled() {
	w.t.Helper()
	w.eventually("the agenda holds no work", func() bool {
		var n int
		require.NoError(w.t, w.db.Owner.QueryRow(w.t.Context(), "SELECT count(*) FROM agenda WHERE kind IN ('power', 'probe', 'sync', 'calendar', 'destination')").Scan(&n))
		return n == 0
	})
	lost, err := w.db.System.Read().UnfinishedWithoutAgenda(w.t.Context())
	require.NoError(w.t, err)
	require.Empty(w.t, lost)
	clockless, err := w.db.System.Read().CalendarsWithoutClock(w.t.Context())
	require.NoError(w.t, err)
	require.Empty(w.t, clockless)
	var held int
	require.NoError(w.t, w.db.Owner.QueryRow(w.t.Context(), "SELECT count(*) FROM resources WHERE operation_id IS NOT NULL").Scan(&held))
	require.Zero(w.t, held, "no machine is held by an operation")
	w.eventsAreAsPublished()
}

// eventsAreAsPublished reads all events: each is as its schema has it.
func (w *world) eventsAreAsPublished() {
	w.t.Helper()
	rows, err := w.db.Owner.Query(w.t.Context(), "SELECT type, data, coalesce(subject, '') FROM events")
	require.NoError(w.t, err)
	var name event.Name
	var data []byte
	var subject string
	_, err = pgx.ForEachRow(rows, []any{&name, &data, &subject}, func() error {
		if strings.HasPrefix(string(name), "resource.") || strings.HasPrefix(string(name), "schedule.") || name == event.AlertTriggered {
			require.NoError(w.t, uuid.Validate(subject), name)
		}
		return event.Validate(name, data)
	})
	require.NoError(w.t, err)
}

func (w *world) audits(action string) (n int) {
	w.t.Helper()
	require.NoError(w.t, w.db.Owner.QueryRow(w.t.Context(), "SELECT count(*) FROM audit_log WHERE action = $1", action).Scan(&n))
	return n
}

// powerCalls are the calls that would change something, dry runs left out.
func powerCalls(s *sim.Sim) []sim.Call {
	var out []sim.Call
	for _, c := range s.Calls(0) {
		if (c.Action == "StopInstances" || c.Action == "StartInstances") && !c.DryRun {
			out = append(out, c)
		}
	}
	return out
}

func (w *world) temporal() client.Client {
	w.t.Helper()
	c, err := client.Dial(client.Options{HostPort: shared.temporal.HostPort(), Namespace: w.namespaces.Main, Logger: quietLogger{}})
	require.NoError(w.t, err)
	w.t.Cleanup(c.Close)
	return c
}

type quietLogger struct{}

func (quietLogger) Debug(string, ...any) {}
func (quietLogger) Info(string, ...any)  {}
func (quietLogger) Warn(string, ...any)  {}
func (quietLogger) Error(string, ...any) {}

// replaceDatabase is the address of another database of the same server.
func replaceDatabase(address, database string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	u.Path = "/" + database
	return u.String()
}
