// Package server puts the services behind one address: Connect, gRPC and JSON,
// health, and the web application. It needs PostgreSQL and nothing else.
package server

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"github.com/cloudhub/cloudhub/api/gen/cloudhub/v1/cloudhubv1connect"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/internal/platform/egress"
	"github.com/cloudhub/cloudhub/internal/platform/telemetry"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
	"github.com/cloudhub/cloudhub/server/admin"
	"github.com/cloudhub/cloudhub/server/auth"
	"github.com/cloudhub/cloudhub/server/calendar"
	"github.com/cloudhub/cloudhub/server/cloudaccount"
	"github.com/cloudhub/cloudhub/server/inventory"
	"github.com/cloudhub/cloudhub/server/notification"
	"github.com/cloudhub/cloudhub/server/operation"
	"github.com/cloudhub/cloudhub/server/organization"
	"github.com/cloudhub/cloudhub/server/page"
	"github.com/cloudhub/cloudhub/server/power"
	"github.com/cloudhub/cloudhub/server/rpc"
	"github.com/cloudhub/cloudhub/server/schedule"
	"github.com/cloudhub/cloudhub/server/user"
	"github.com/cloudhub/cloudhub/server/webhook"
)

// Deps is what a server is made of.
type Deps struct {
	Tenants  *db.Tenants
	Identity *db.Identity
	// Admin is for the operators' page; nil: this server has none.
	Admin *db.Admin
	// TemporalUI is the address of Temporal's UI for links, or "".
	TemporalUI string
	// Ring is the server's own; Sealer the public half of the workers' ring.
	Ring   *vault.ServerRing
	Sealer *vault.Sealer
	Logger *slog.Logger
	Now    func() time.Time
	// Secure: people reach it over https.
	Secure         bool
	TrustedProxies []netip.Prefix
	TrialDays      int
	// AWSPrincipal is the ARN that roles of AWS accounts must trust: the workers'
	// identity, whose key this process does not have. Empty: there is none.
	AWSPrincipal string
	// Egress says what addresses that tenants give may lead to beside the public
	// internet. The server follows none of them: it refuses early.
	Egress egress.Policy
	// MailReady says that workers of this installation can send e-mail.
	MailReady  bool
	Registerer prometheus.Registerer
	// Traces is where spans go; nil means nowhere.
	Traces trace.TracerProvider
	// Web is the built application; nil serves none.
	Web fs.FS
	// Trouble says in a sentence why nothing can be saved although the database
	// answers, for /readyz; nil knows of none.
	Trouble func() error
	// NoRateLimit is for tests that call faster than people do.
	NoRateLimit bool
	// ProbeWithin is for tests that cannot wait for a trial that nobody answers.
	ProbeWithin time.Duration
	// ReadWithin and WriteWithin are for tests that cannot wait for who is slow.
	ReadWithin, WriteWithin time.Duration
	// Watch is for tests that cannot wait for a heartbeat.
	Watch operation.WatchDeps
}

// Server serves one public address.
type Server struct {
	deps    Deps
	handler http.Handler
	tracer  trace.Tracer
	closing chan struct{}
}

// New wires the services. It fails when the contract leaves an rpc undeclared.
func New(d Deps) (*Server, error) {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Traces == nil {
		d.Traces = telemetry.NoTracing()
	}
	s := &Server{deps: d, closing: make(chan struct{}), tracer: d.Traces.Tracer("cloudhub/server")}
	signIn, err := auth.New(auth.Deps{Identity: d.Identity, Ring: d.Ring, Now: d.Now, Secure: d.Secure, TrialDays: d.TrialDays, Registerer: d.Registerer})
	if err != nil {
		return nil, err
	}
	stack, err := rpc.New(rpc.Deps{
		Tenants: d.Tenants, Authenticate: signIn.Authenticate(), Logger: d.Logger, Now: d.Now, Registerer: d.Registerer, NoRateLimit: d.NoRateLimit,
	})
	if err != nil {
		return nil, err
	}
	tokens := page.NewTokens(d.Ring)
	watch := d.Watch
	watch.Registerer = d.Registerer
	watch.Logger, watch.Authorizer, watch.SignedIn, watch.Closing = d.Logger, stack.Authorizer, signIn.StillSignedIn, s.closing
	accounts := cloudaccount.Deps{Tenants: d.Tenants, Sealer: d.Sealer, Tokens: tokens, ProbeWithin: d.ProbeWithin, AWSPrincipal: d.AWSPrincipal}
	mux := http.NewServeMux()
	o := stack.Options()
	mux.Handle(cloudhubv1connect.NewAuthServiceHandler(signIn, o...))
	mux.Handle(cloudhubv1connect.NewUserServiceHandler(user.New(d.Identity, signIn.EndSession, d.Admin != nil), o...))
	mux.Handle(cloudhubv1connect.NewCloudAccountServiceHandler(cloudaccount.New(accounts), o...))
	mux.Handle(cloudhubv1connect.NewInventoryServiceHandler(inventory.New(d.Tenants, tokens), o...))
	mux.Handle(cloudhubv1connect.NewResourceServiceHandler(power.New(d.Tenants), o...))
	mux.Handle(cloudhubv1connect.NewOperationServiceHandler(operation.New(d.Tenants, tokens, watch), o...))
	mux.Handle(cloudhubv1connect.NewScheduleServiceHandler(schedule.New(d.Tenants, tokens, d.Now), o...))
	mux.Handle(cloudhubv1connect.NewWebhookServiceHandler(webhook.New(webhook.Deps{
		Tenants: d.Tenants, Sealer: d.Sealer, Tokens: tokens, Egress: d.Egress, MailReady: d.MailReady, Now: d.Now,
	}), o...))
	mux.Handle(cloudhubv1connect.NewCalendarServiceHandler(calendar.New(d.Tenants, d.Egress, d.Now), o...))
	mux.Handle(cloudhubv1connect.NewOrganizationServiceHandler(organization.New(d.Tenants), o...))
	mux.Handle(cloudhubv1connect.NewNotificationServiceHandler(notification.New(d.Tenants, tokens), o...))
	if d.Admin != nil {
		mux.Handle(cloudhubv1connect.NewAdminServiceHandler(admin.New(d.Admin, tokens, d.TemporalUI), o...))
	}
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("/readyz", s.ready)
	mux.HandleFunc("GET /schemas/events/{file}", eventSchema)
	mux.Handle("/", s.web())
	s.handler = s.around(mux)
	return s, nil
}

// Handler is everything that the public address answers.
func (s *Server) Handler() http.Handler { return s.handler }

// ready says whether requests can be served: the database answers.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), time.Second)
	defer cancel()
	if s.deps.Trouble != nil {
		if err := s.deps.Trouble(); err != nil {
			answer(w, http.StatusServiceUnavailable, err.Error()+"\n")
			return
		}
	}
	if err := s.deps.Tenants.Ping(ctx); err != nil {
		answer(w, http.StatusServiceUnavailable, "the database does not answer\n")
		return
	}
	answer(w, http.StatusOK, "ready\n")
}

func answer(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write([]byte(text))
}

// drainFor is how long requests may go on after the context has ended.
const drainFor = 20 * time.Second

// Serve answers on a listener until the context ends, then lets requests finish:
// streams end at once, so that their clients go elsewhere.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true) // gRPC without TLS, behind a proxy
	hs := &http.Server{
		Handler: s.handler, Protocols: protocols, ErrorLog: slog.NewLogLogger(s.deps.Logger.Handler(), slog.LevelWarn),
		ConnContext:       rpc.WithConn,
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
	}
	failed := make(chan error, 1)
	go func() { failed <- hs.Serve(rpc.Listener{Listener: ln}) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	close(s.closing)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainFor)
	defer cancel()
	err := hs.Shutdown(drain)
	if errors.Is(err, context.DeadlineExceeded) {
		return hs.Close()
	}
	return err
}
