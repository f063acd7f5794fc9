package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/temporal"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/cloudhub/cloudhub/internal/platform/loopback"
)

const (
	clusterName = "active"
	// historyShards is fixed for the life of a database. Four: 93 workflows a
	// second on two cores against 67 with one; sixteen gain nothing.
	historyShards = 4
)

// TemporalOptions says where Temporal keeps its data and what it listens on.
type TemporalOptions struct {
	// PostgresURL, postgres://…, of a role that may create databases; its
	// database is only used to do so and to hold a lock.
	PostgresURL string
	// Database is the name of Temporal's database; the other is it with
	// "_visibility" behind. Empty is "temporal". Servers that share one
	// PostgreSQL (tests) need different ones.
	Database string
	// Namespaces; none is DefaultNamespaces(). The UI opens the first.
	Namespaces []Namespace
	// Port of the frontend on 127.0.0.1; 0 chooses one.
	Port int
	// DisableUI leaves Temporal's UI out; UIPort is its port, 0 chooses one.
	DisableUI bool
	UIPort    int
	// Logger; nil discards. LogLevel nil is slog.LevelWarn: below it the
	// server is not heard.
	Logger   *slog.Logger
	LogLevel slog.Leveler
	// DynamicConfig goes over the built-in values, by Temporal's own keys.
	DynamicConfig map[string]any
}

func (o TemporalOptions) withDefaults() TemporalOptions {
	if o.Database == "" {
		o.Database = "temporal"
	}
	if len(o.Namespaces) == 0 {
		o.Namespaces = DefaultNamespaces()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.LogLevel == nil {
		o.LogLevel = slog.LevelWarn
	}
	return o
}

// Temporal is a Temporal server in this process.
type Temporal struct {
	server   temporal.Server
	claim    *claim
	port     int
	ui       *webUI
	stopping *atomic.Bool

	stopOnce sync.Once
	stopped  chan struct{}
	stopErr  error
}

// StartTemporal starts Temporal's four services on the PostgreSQL of opts,
// making and upgrading its databases first, and returns when it answers. ctx
// covers the start alone.
//
// Errors to tell apart: *ServerInUseError, *SchemaError, *loopback.PortError.
func StartTemporal(ctx context.Context, opts TemporalOptions) (_ *Temporal, err error) {
	opts = opts.withDefaults()
	t := &Temporal{stopping: new(atomic.Bool), stopped: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.shutdown(ctx))
		}
	}()
	logger := temporalLogger{to: opts.Logger, min: opts.LogLevel.Level(), stopping: t.stopping}
	stores, err := newStores(opts.PostgresURL, opts.Database)
	if err != nil {
		return nil, err
	}
	if t.claim, err = stores.claim(ctx); err != nil {
		return nil, err
	}
	if err := stores.setUp(ctx, logger); err != nil {
		return nil, err
	}
	if err := ensureNamespaces(ctx, stores.main, opts.Namespaces); err != nil {
		return nil, err
	}
	if err := t.startServer(opts, stores, logger); err != nil {
		return nil, err
	}
	if err := t.waitServing(ctx); err != nil {
		return nil, err
	}
	if opts.DisableUI {
		return t, nil
	}
	if t.ui, err = startUI(ctx, opts.UIPort, t.HostPort(), opts.Namespaces[0].Name); err != nil {
		return nil, err
	}
	return t, nil
}

// HostPort of the frontend, for client.Options.
func (t *Temporal) HostPort() string { return loopback.HostPort(t.port) }

// UIURL of Temporal's UI; "" when it is off. It shows every tenant.
func (t *Temporal) UIURL() string {
	if t.ui == nil {
		return ""
	}
	return t.ui.url
}

// Stop ends the server and returns when it has ended (a second or so), or when
// ctx has: the shutdown then goes on. Stop workers and clients first, and
// PostgreSQL after.
func (t *Temporal) Stop(ctx context.Context) error {
	t.stopOnce.Do(func() {
		go func() {
			defer close(t.stopped)
			t.stopErr = t.shutdown(context.WithoutCancel(ctx))
		}()
	})
	select {
	case <-t.stopped:
		return t.stopErr
	case <-ctx.Done():
		return fmt.Errorf("Temporal is still ending: %w", context.Cause(ctx))
	}
}

func (t *Temporal) shutdown(ctx context.Context) (err error) {
	t.stopping.Store(true)
	if t.ui != nil {
		t.ui.stop()
	}
	if t.server != nil {
		err = t.server.Stop()
	}
	if t.claim != nil {
		t.claim.release(ctx)
	}
	return err
}

// startServer chooses ports and starts the server. A chosen port can be taken
// before it is used; the server panics then (see temporalLogger.Fatal), and
// with a free choice others are tried.
func (t *Temporal) startServer(opts TemporalOptions, stores *stores, logger temporalLogger) error {
	if opts.Port != 0 && !loopback.Free(opts.Port) {
		return &loopback.PortError{Port: opts.Port}
	}
	for attempt := 1; ; attempt++ {
		ports, err := loopback.Ports(4)
		if err != nil {
			return err
		}
		if opts.Port != 0 {
			ports[0] = opts.Port
		}
		server, err := newServer(serverConfig(stores, ports), opts.DynamicConfig, logger)
		if err == nil {
			t.server, t.port = server, ports[0]
			return server.Start()
		}
		if fatal := (fatalError{}); !errors.As(err, &fatal) || attempt == 3 {
			return fmt.Errorf("start Temporal: %w", err)
		}
	}
}

func newServer(cfg *config.Config, overrides map[string]any, logger temporalLogger) (_ temporal.Server, err error) {
	defer func() {
		switch fatal := recover().(type) {
		case nil:
		case fatalError:
			err = fatal
		default:
			panic(fatal)
		}
	}()
	hosts := map[primitives.ServiceName]static.Hosts{}
	for name, service := range cfg.Services {
		hosts[primitives.ServiceName(name)] = static.SingleLocalHost(loopback.HostPort(service.RPC.GRPCPort))
	}
	return temporal.NewServer(
		temporal.WithConfig(cfg),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(hosts), // one of each: no gossip, no membership ports
		temporal.WithLogger(logger),
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper { return authorization.NewNoopClaimMapper() }),
		temporal.WithDynamicConfigClient(dynamicConfig(overrides)),
	)
}

// dynamicConfig: fairness is off by default in this server; with it tasks of
// one queue are taken in turn by fairness key (the organization). One partition
// a queue, because there is one matching host: turns are then exact, and
// fewer polls idle. No call home for newer versions.
func dynamicConfig(overrides map[string]any) dynamicconfig.StaticClient {
	values := dynamicconfig.StaticClient{
		dynamicconfig.MatchingEnableFairness.Key():              true,
		dynamicconfig.MatchingNumTaskqueueReadPartitions.Key():  1,
		dynamicconfig.MatchingNumTaskqueueWritePartitions.Key(): 1,
		dynamicconfig.EnableServerVersionCheck.Key():            false,
	}
	for name, value := range overrides {
		values[dynamicconfig.MakeKey(name)] = value
	}
	return values
}

func serverConfig(stores *stores, ports []int) *config.Config {
	service := func(port int) config.Service {
		return config.Service{RPC: config.RPC{GRPCPort: port, BindOnIP: loopback.Address}}
	}
	frontend := loopback.HostPort(ports[0])
	return &config.Config{
		Global: config.Global{Membership: config.Membership{BroadcastAddress: loopback.Address}},
		Persistence: config.Persistence{
			DefaultStore:     "main",
			VisibilityStore:  "visibility",
			NumHistoryShards: historyShards,
			DataStores: map[string]config.DataStore{
				"main":       {SQL: &stores.main},
				"visibility": {SQL: &stores.visibility},
			},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{
				clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: frontend},
			},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Services: map[string]config.Service{
			string(primitives.FrontendService): service(ports[0]),
			string(primitives.HistoryService):  service(ports[1]),
			string(primitives.MatchingService): service(ports[2]),
			string(primitives.WorkerService):   service(ports[3]),
		},
		Archival: config.Archival{
			History:    config.HistoryArchival{State: "disabled"},
			Visibility: config.VisibilityArchival{State: "disabled"},
		},
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History:    config.HistoryArchivalNamespaceDefaults{State: "disabled"},
			Visibility: config.VisibilityArchivalNamespaceDefaults{State: "disabled"},
		}},
		PublicClient: config.PublicClient{HostPort: frontend},
	}
}

// waitServing waits until the frontend says that it serves.
func (t *Temporal) waitServing(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	conn, err := grpc.NewClient(t.HostPort(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	request := &grpc_health_v1.HealthCheckRequest{Service: "temporal.api.workflowservice.v1.WorkflowService"}
	for {
		reply, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, request, grpc.WaitForReady(true))
		if err == nil && reply.GetStatus() == grpc_health_v1.HealthCheckResponse_SERVING {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("Temporal does not answer: %w", errors.Join(context.Cause(ctx), err))
		case <-time.After(5 * time.Millisecond):
		}
	}
}
