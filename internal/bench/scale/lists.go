package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/api/gen/cloudhub/v1/cloudhubv1connect"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/bench/measure"
	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
	"github.com/cloudhub/cloudhub/server"
)

const (
	pageSize     = 50
	listsEach    = 60 // of each client
	policyRounds = 8
	policyEach   = 12 // transactions of each client in one round
)

// caller is a person who has signed in.
type caller struct {
	url            string
	token          string
	org, workspace uuid.UUID
}

func lists(ctx context.Context, s *site, o options, g *gates) error {
	url, stop, err := s.serve(ctx)
	if err != nil {
		return err
	}
	defer stop()
	who, err := register(ctx, url)
	if err != nil {
		return err
	}
	if err := s.wide(ctx, who.org, who.workspace, o.resources); err != nil {
		return err
	}
	if err := queriesOfARequest(ctx, s, who, g); err != nil {
		return fmt.Errorf("queries of a request: %w", err)
	}
	for _, search := range []string{"", "app-7"} {
		took, err := listAtOnce(ctx, who, o.clients, search)
		if err != nil {
			return err
		}
		measure.Report(fmt.Sprintf("ListResources, %d resources, %d clients, search %-8q  ", o.resources, o.clients, search), took)
	}
	return policyRatio(ctx, s, who, o, g)
}

// serve runs the server in this process, without the limits that people have.
func (s *site) serve(ctx context.Context) (url string, stop func(), err error) {
	ring, err := vault.LoadServerRing(s.keys)
	if err != nil {
		return "", nil, err
	}
	sealer, err := vault.LoadSealer(s.keys)
	if err != nil {
		return "", nil, err
	}
	// As many connections as cmd/cloudhub gives it, kept as there.
	app, err := db.Connect(ctx, db.Options{URL: s.urls.App, MaxConns: 16, MinConns: 16, AppName: "bench"})
	if err != nil {
		return "", nil, err
	}
	identity, err := db.Connect(ctx, db.Options{URL: s.urls.Identity, MaxConns: 8, MinConns: 8, AppName: "bench"})
	if err != nil {
		return "", nil, err
	}
	srv, err := server.New(server.Deps{
		Tenants: db.NewTenants(app), Identity: db.NewIdentity(identity), Ring: ring, Sealer: sealer, Logger: slog.New(slog.DiscardHandler), Now: time.Now,
		TrialDays: 30, Registerer: prometheus.NewRegistry(), NoRateLimit: true,
	})
	if err != nil {
		return "", nil, err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	serving, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() { _ = srv.Serve(serving, ln) })
	return "http://" + ln.Addr().String(), func() { cancel(); done.Wait(); app.Close(); identity.Close() }, nil
}

func register(ctx context.Context, url string) (caller, error) {
	in, err := cloudhubv1connect.NewAuthServiceClient(http.DefaultClient, url).Register(ctx, &v1.RegisterRequest{
		Email: "bench@example.com", Name: "Bench", Password: "cavalo certo pilha grampo",
	})
	if err != nil {
		return caller{}, err
	}
	c := caller{url: url, token: in.GetAccessToken().GetToken()}
	me, err := cloudhubv1connect.NewUserServiceClient(http.DefaultClient, url, c.signed()).GetMe(ctx, &v1.GetMeRequest{})
	if err != nil {
		return c, err
	}
	org := me.GetOrganizations()[0]
	c.org, c.workspace = uuid.MustParse(org.GetId()), uuid.MustParse(org.GetWorkspaces()[0].GetId())
	return c, nil
}

func (c caller) signed() connect.ClientOption {
	return connect.WithInterceptors(connect.UnaryInterceptorFunc(func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
			req.Header().Set("Authorization", "Bearer "+c.token)
			return next(ctx, req)
		}
	}))
}

// listAtOnce has clients page through the list, each from its beginning.
func listAtOnce(ctx context.Context, who caller, clients int, search string) ([]time.Duration, error) {
	var mu sync.Mutex
	var all []time.Duration
	group, ctx := errgroup.WithContext(ctx)
	for range clients {
		group.Go(func() error {
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			inventory := cloudhubv1connect.NewInventoryServiceClient(&http.Client{Transport: transport}, who.url, who.signed())
			token := ""
			var mine []time.Duration
			for range listsEach {
				began := time.Now()
				got, err := inventory.ListResources(ctx, &v1.ListResourcesRequest{
					OrgId: who.org.String(), WorkspaceId: who.workspace.String(), PageSize: pageSize, PageToken: token, Search: search,
				})
				if err != nil {
					return err
				}
				mine = append(mine, time.Since(began))
				if len(got.GetResources()) != pageSize && got.GetNextPageToken() != "" {
					return fmt.Errorf("a page of %d resources", len(got.GetResources()))
				}
				token = got.GetNextPageToken()
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, mine...)
			return nil
		})
	}
	err := group.Wait()
	return all, err
}

// policyRatio runs the same transaction as the role that row-level security
// binds and as the one that it does not, by turns.
func policyRatio(ctx context.Context, s *site, who caller, o options, g *gates) error {
	on, closeOn, err := tenantsOf(ctx, s.urls.App, o.clients)
	if err != nil {
		return err
	}
	defer closeOn()
	off, closeOff, err := tenantsOf(ctx, s.urls.Owner, o.clients)
	if err != nil {
		return err
	}
	defer closeOff()
	took := map[*db.Tenants][]time.Duration{}
	for range policyRounds {
		for _, tenants := range []*db.Tenants{on, off} {
			d, err := listTransactions(ctx, tenants, who, o.clients)
			if err != nil {
				return err
			}
			took[tenants] = append(took[tenants], d...)
		}
	}
	slices.Sort(took[on])
	slices.Sort(took[off])
	with, without := measure.Quantile(took[on], .5), measure.Quantile(took[off], .5)
	g.most(fmt.Sprintf("list's transaction with row-level security against without (p50 %s, %s)", with.Round(10*time.Microsecond), without.Round(10*time.Microsecond)),
		float64(with)/float64(without), 1.3)
	return nil
}

func listTransactions(ctx context.Context, tenants *db.Tenants, who caller, clients int) ([]time.Duration, error) {
	var mu sync.Mutex
	var all []time.Duration
	group, ctx := errgroup.WithContext(ctx)
	for range clients {
		group.Go(func() error {
			for range policyEach {
				began := time.Now()
				err := tenants.InTenant(ctx, who.org, func(q *gen.Queries) error {
					rows, err := q.ListResources(ctx, gen.ListResourcesParams{
						OrgID: who.org, WorkspaceID: who.workspace, Kind: cloud.KindEC2Instance, CloudAccountIds: []uuid.UUID{}, Regions: []string{},
						States: []string{}, ResourceIds: []uuid.UUID{}, TagKeys: []string{}, TagValues: []string{}, RowLimit: pageSize,
					})
					if err == nil && len(rows) != pageSize {
						err = fmt.Errorf("a page of %d resources", len(rows))
					}
					return err
				})
				if err != nil {
					return err
				}
				mu.Lock()
				all = append(all, time.Since(began))
				mu.Unlock()
			}
			return nil
		})
	}
	err := group.Wait()
	return all, err
}

// queriesOfARequest counts what PostgreSQL was asked for one request that reads
// one row: without what only begins, ends and names the tenant of a transaction.
func queriesOfARequest(ctx context.Context, s *site, who caller, g *gates) error {
	var resource uuid.UUID
	if err := s.super.QueryRow(ctx, `SELECT id FROM resources WHERE org_id = $1 LIMIT 1`, who.org).Scan(&resource); err != nil {
		return err
	}
	inventory := cloudhubv1connect.NewInventoryServiceClient(http.DefaultClient, who.url, who.signed())
	n, err := s.statements(ctx, func() error {
		_, err := inventory.GetResource(ctx, &v1.GetResourceRequest{OrgId: who.org.String(), WorkspaceId: who.workspace.String(), ResourceId: resource.String()})
		return err
	})
	if err != nil {
		return err
	}
	g.most("queries of an authenticated request: session, standing, its own", n, 3)
	for name, call := range map[string]func() error{
		"a list with its counts (ListResources)": func() error {
			_, err := inventory.ListResources(ctx, &v1.ListResourcesRequest{OrgId: who.org.String(), WorkspaceId: who.workspace.String()})
			return err
		},
		"a list with its children (ListSchedules)": func() error {
			_, err := cloudhubv1connect.NewScheduleServiceClient(http.DefaultClient, who.url, who.signed()).ListSchedules(ctx,
				&v1.ListSchedulesRequest{OrgId: who.org.String(), WorkspaceId: who.workspace.String()})
			return err
		},
	} {
		if n, err = s.statements(ctx, call); err != nil {
			return err
		}
		fmt.Printf("queries of %-57s %8.2f\n", name, n)
	}
	return nil
}

// statements counts in PostgreSQL's own log, over ten calls.
func (s *site) statements(ctx context.Context, call func() error) (float64, error) {
	const calls = 10
	set := func(value string) error {
		if _, err := s.super.Exec(ctx, `ALTER SYSTEM SET log_statement = '`+value+`'`); err != nil {
			return err
		}
		_, err := s.super.Exec(ctx, `SELECT pg_reload_conf()`)
		time.Sleep(500 * time.Millisecond) // a setting reaches a session when it next hears a signal
		return err
	}
	if err := call(); err != nil { // connections and prepared statements are made
		return 0, err
	}
	if err := set("all"); err != nil {
		return 0, err
	}
	before, err := os.Stat(s.postgres.LogPath())
	if err != nil {
		return 0, err
	}
	for range calls {
		if err := call(); err != nil {
			return 0, err
		}
	}
	time.Sleep(300 * time.Millisecond)
	f, err := os.Open(s.postgres.LogPath())
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if _, err := f.Seek(before.Size(), io.SeekStart); err != nil {
		return 0, err
	}
	raw, err := io.ReadAll(f)
	if err != nil {
		return 0, err
	}
	n := 0
	for line := range bytes.Lines(raw) {
		// What sqlc wrote carries its name. Begin, commit and the tenant go by the
		// simple protocol, and Temporal's statements have no name.
		if bytes.Contains(line, []byte("LOG:  execute ")) && bytes.Contains(line, []byte("-- name: ")) {
			n++
		}
	}
	if n == 0 {
		return 0, fmt.Errorf("no statement was logged")
	}
	return float64(n) / calls, set("none")
}
