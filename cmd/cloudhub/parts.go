package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/cloudhub/cloudhub/activities"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/cloud/aws"
	"github.com/cloudhub/cloudhub/internal/platform/config"
	"github.com/cloudhub/cloudhub/internal/platform/egress"
	"github.com/cloudhub/cloudhub/internal/platform/mail"
	"github.com/cloudhub/cloudhub/internal/platform/telemetry"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
	"github.com/cloudhub/cloudhub/server"
	"github.com/cloudhub/cloudhub/web"
	"github.com/cloudhub/cloudhub/worker"
)

// part is a piece of a process that runs until its context ends.
type part interface {
	run(ctx context.Context) error
	close()
}

// serverPart is the server with its pools and listener.
type serverPart struct {
	*server.Server
	ln     net.Listener
	closes []func()
	ready  func(context.Context) error
	hup    <-chan os.Signal
	follow func(ctx context.Context, hup <-chan os.Signal)
}

func (p *serverPart) run(ctx context.Context) error {
	go p.follow(ctx, p.hup)
	return p.Serve(ctx, p.ln)
}

func (p *serverPart) close() {
	for _, c := range p.closes {
		c()
	}
}

func (p *serverPart) url() string { return "http://" + p.ln.Addr().String() }

// newServer opens the server's two roles and its ring. It holds no other key
// than the public half of the workers'.
func newServer(ctx context.Context, v config.Values, log *slog.Logger, reg prometheus.Registerer, traces *telemetry.Tracing, ln net.Listener, trouble func() error) (_ *serverPart, err error) {
	p := &serverPart{ln: ln}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	ring, err := vault.LoadServerRing(v.Get(config.KeysDir))
	if err != nil {
		return nil, err
	}
	sealer, err := vault.LoadSealer(v.Get(config.KeysDir))
	if err != nil {
		return nil, err
	}
	app, err := db.Connect(ctx, db.Options{URL: v.Get(config.DatabaseApp), MaxConns: 16, MinConns: 16, AppName: "cloudhub server"})
	if err != nil {
		return nil, err
	}
	p.closes = append(p.closes, app.Close)
	if err := awaitSchema(ctx, app, log); err != nil {
		return nil, err
	}
	identity, err := db.Connect(ctx, db.Options{URL: v.Get(config.DatabaseIdentity), MaxConns: 8, MinConns: 8, AppName: "cloudhub server identity"})
	if err != nil {
		return nil, err
	}
	p.closes = append(p.closes, identity.Close)
	reg.MustRegister(telemetry.Pool("server", app), telemetry.Pool("identity", identity))
	var admin *db.Admin
	if address := v.Get(config.DatabaseAdmin); address != "" {
		pool, err := db.Connect(ctx, db.Options{URL: address, MaxConns: 4, AppName: "cloudhub server admin"})
		if err != nil {
			return nil, err
		}
		p.closes = append(p.closes, pool.Close)
		admin = db.NewAdmin(pool)
	}
	tenants := db.NewTenants(app)
	p.ready = func(ctx context.Context) error {
		if trouble != nil && trouble() != nil {
			return trouble()
		}
		return tenants.Ping(ctx)
	}
	p.follow = func(ctx context.Context, hup <-chan os.Signal) { followKeys(ctx, log, reg, hup, ring, sealer) }
	proxies, err := prefixes(v.Get(config.TrustedProxies))
	if err != nil {
		return nil, err
	}
	public, err := url.Parse(v.Get(config.PublicURL))
	if err != nil {
		return nil, err
	}
	policy, err := egress.Parse(v.Get(config.EgressAllow))
	if err != nil {
		return nil, err
	}
	p.Server, err = server.New(server.Deps{
		Tenants: tenants, Identity: db.NewIdentity(identity), Admin: admin, TemporalUI: v.Get(config.TemporalUI), Ring: ring, Sealer: sealer, Logger: log, Now: time.Now,
		AWSPrincipal: v.Get(config.AWSPrincipalARN), Egress: policy, MailReady: v.Get(config.MailFrom) != "",
		Secure: public.Scheme == "https", TrustedProxies: proxies, TrialDays: v.Int(config.TrialDays), Registerer: reg, Traces: traces, Web: builtWeb(), Trouble: trouble,
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// builtWeb is the interface, or nil in a build without it.
func builtWeb() fs.FS {
	files := web.Dist()
	if _, err := fs.Stat(files, "index.html"); err != nil {
		return nil
	}
	return files
}

func prefixes(list string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range strings.Split(list, ",") {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// workerPart is the worker with its pools.
type workerPart struct {
	w      *worker.Worker
	closes []func()
	ready  func(context.Context) error
	hup    <-chan os.Signal
	follow func(ctx context.Context, hup <-chan os.Signal)
}

func (p *workerPart) run(ctx context.Context) error {
	go p.follow(ctx, p.hup)
	return p.w.Run(ctx)
}

func (p *workerPart) close() {
	if p.w != nil {
		p.w.Close()
	}
	for _, c := range p.closes {
		c()
	}
}

// newWorker opens the worker's two roles, the workers' private ring and the
// cloud adapters.
func newWorker(ctx context.Context, v config.Values, log *slog.Logger, reg prometheus.Registerer, traces *telemetry.Tracing) (_ *workerPart, err error) {
	p := &workerPart{}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	own, err := principal(ctx, v)
	if err != nil {
		return nil, err
	}
	mailer, err := newMailer(v)
	if err != nil {
		return nil, err
	}
	opener, err := vault.LoadOpener(v.Get(config.KeysDir))
	if err != nil {
		return nil, err
	}
	app, err := db.Connect(ctx, db.Options{URL: v.Get(config.DatabaseApp), MaxConns: 24, AppName: "cloudhub worker"})
	if err != nil {
		return nil, err
	}
	p.closes = append(p.closes, app.Close)
	if err := awaitSchema(ctx, app, log); err != nil {
		return nil, err
	}
	system, err := db.Connect(ctx, db.Options{URL: v.Get(config.DatabaseSystem), MaxConns: 16, AppName: db.DispatcherName})
	if err != nil {
		return nil, err
	}
	p.closes = append(p.closes, system.Close)
	reg.MustRegister(telemetry.Pool("worker", app), telemetry.Pool("dispatcher", system))
	tenants := db.NewTenants(app)
	p.ready = tenants.Ping
	p.follow = func(ctx context.Context, hup <-chan os.Signal) { followKeys(ctx, log, reg, hup, opener) }
	endpoint := v.Get(config.AWSEndpoint)
	amazon := aws.New(aws.Options{Endpoint: endpoint, Principal: own, Logger: log, Observer: observeCalls(reg)})
	clouds := activities.Clouds{cloud.AWS: {Prober: amazon, Instances: []cloud.Instances{amazon}, Simulated: endpoint != ""}}
	policy, err := egress.Parse(v.Get(config.EgressAllow))
	if err != nil {
		return nil, err
	}
	p.w, err = worker.New(ctx, worker.Deps{
		Deps:   activities.Deps{Tenants: tenants, Opener: opener, Clouds: clouds, Egress: policy, Mailer: mailer, PublicURL: v.Get(config.PublicURL), Logger: log},
		System: db.NewSystem(system), TemporalAddress: v.Get(config.TemporalAddress), Registerer: reg, Traces: traces,
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// principal is the installation's own AWS identity, or nil when there is none.
func principal(ctx context.Context, v config.Values) (*aws.Principal, error) {
	id, secret, chain := v.Get(config.AWSPrincipalKey), v.Get(config.AWSPrincipalSecret), v.Bool(config.AWSPrincipalChain)
	switch {
	case (id == "") != (secret == ""):
		return nil, usageError{fmt.Errorf("%[1]s%[2]s and %[1]s%[3]s belong together: set both or none", config.Prefix, config.AWSPrincipalKey, config.AWSPrincipalSecret)}
	case id != "" && chain:
		return nil, usageError{fmt.Errorf("%[1]s%[2]s and %[1]s%[3]s exclude each other: set one", config.Prefix, config.AWSPrincipalKey, config.AWSPrincipalChain)}
	case id != "":
		return aws.KeyPrincipal(id, secret), nil
	case chain:
		return aws.ChainPrincipal(ctx)
	default:
		return nil, nil
	}
}

// newMailer sends through the operator's mail server; nil when there is none.
func newMailer(v config.Values) (*mail.Mailer, error) {
	host, from := v.Get(config.SMTPHost), v.Get(config.MailFrom)
	if (host == "") != (from == "") {
		return nil, usageError{fmt.Errorf("%[1]s%[2]s and %[1]s%[3]s belong together: set both or none", config.Prefix, config.SMTPHost, config.MailFrom)}
	}
	if host == "" {
		return nil, nil
	}
	m, err := mail.New(mail.Settings{
		Host: host, Port: v.Int(config.SMTPPort), User: v.Get(config.SMTPUser), Password: v.Get(config.SMTPPassword), TLS: mail.TLS(v.Get(config.SMTPTLS)), From: from,
	})
	if err != nil {
		return nil, usageError{err}
	}
	return m, nil
}

func runServer(ctx context.Context, e env, args []string) error {
	if len(args) > 0 {
		return usageError{errors.New("server takes no arguments: its settings are environment variables")}
	}
	if err := e.config.Need(config.DatabaseApp, config.DatabaseIdentity, config.KeysDir); err != nil {
		return usageError{err}
	}
	if e.config.Get(config.AWSPrincipalSecret) != "" {
		return usageError{fmt.Errorf("%s%s is for workers alone: a server names the identity (%s%s) and does not have it", config.Prefix, config.AWSPrincipalSecret, config.Prefix, config.AWSPrincipalARN)}
	}
	if e.config.Get(config.SMTPPassword) != "" {
		return usageError{fmt.Errorf("%s%s is for workers alone: a server sends no e-mail", config.Prefix, config.SMTPPassword)}
	}
	log := telemetry.JSONLogger(e.stderr, telemetry.Level(e.config.Get(config.LogLevel)))
	slog.SetDefault(log)
	reg := telemetry.NewRegistry()
	traces, err := telemetry.NewTracing(ctx, e.config.Get(config.Traces), "cloudhub-server", version, log)
	if err != nil {
		return err
	}
	defer stopTraces(traces, log)
	ln, err := listen(e.config.Get(config.HTTP))
	if err != nil {
		return err
	}
	p, err := newServer(ctx, e.config, log, reg, traces, ln, nil)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	p.hup = hangups()
	log.Info("serving", "url", p.url(), "version", version)
	return runAll(ctx, e.config, reg, log, p.ready, p)
}

func runWorker(ctx context.Context, e env, args []string) error {
	if len(args) > 0 {
		return usageError{errors.New("worker takes no arguments: its settings are environment variables")}
	}
	if err := e.config.Need(config.DatabaseApp, config.DatabaseSystem, config.TemporalAddress, config.KeysDir); err != nil {
		return usageError{err}
	}
	log := telemetry.JSONLogger(e.stderr, telemetry.Level(e.config.Get(config.LogLevel)))
	slog.SetDefault(log)
	reg := telemetry.NewRegistry()
	traces, err := telemetry.NewTracing(ctx, e.config.Get(config.Traces), "cloudhub-worker", version, log)
	if err != nil {
		return err
	}
	defer stopTraces(traces, log)
	p, err := newWorker(ctx, e.config, log, reg, traces)
	if err != nil {
		return err
	}
	p.hup = hangups()
	log.Info("working", "version", version)
	return runAll(ctx, e.config, reg, log, p.ready, p)
}

// stopTraces sends what is left. What cannot be sent is not worth a failure.
func stopTraces(t *telemetry.Tracing, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := t.Stop(ctx); err != nil {
		log.Warn("the last traces could not be sent", "error", err)
	}
}

// runAll runs parts and the private address until the context ends or one of
// them fails.
func runAll(ctx context.Context, v config.Values, reg *prometheus.Registry, log *slog.Logger, ready func(context.Context) error, parts ...part) error {
	defer func() {
		for _, p := range parts {
			p.close()
		}
	}()
	private, err := listen(v.Get(config.PrivateHTTP))
	if err != nil {
		return err
	}
	log.Info("private address", "url", "http://"+private.Addr().String())
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error { return telemetry.ServePrivate(gctx, private, telemetry.Private(reg, ready)) })
	for _, p := range parts {
		group.Go(func() error { return p.run(gctx) })
	}
	return group.Wait()
}

func listen(address string) (net.Listener, error) {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w; choose another address", address, err)
	}
	return ln, nil
}
