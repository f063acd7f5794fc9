package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"connectrpc.com/connect"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/api/gen/cloudhub/v1/cloudhubv1connect"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
)

// The demonstration is an ordinary client of the product: a person who
// registers, adds accounts and makes schedules. Only its plan without end and
// the runs of the days before are written behind the product's back.
const (
	demoEmail        = "ana@demonstracao.example"
	demoOrganization = "Ipê Alimentos"
	demoZone         = "America/Sao_Paulo"
	demoScheduleName = "Treinamento, nos próximos minutos"
	// demoByRole is the account that is entered by a role, the others by a key.
	demoByRole = "ipe-dev"
)

type demoClient struct {
	auth      cloudhubv1connect.AuthServiceClient
	user      cloudhubv1connect.UserServiceClient
	accounts  cloudhubv1connect.CloudAccountServiceClient
	inventory cloudhubv1connect.InventoryServiceClient
	schedules cloudhubv1connect.ScheduleServiceClient
	calendars cloudhubv1connect.CalendarServiceClient
	token     string
	org, ws   string
	// sim is where the customer's own people make roles; without it accounts are
	// entered by key.
	sim, simToken string
}

// demo prepares the demonstration and answers its login; nil without --demo.
func (d *dev) demo(ctx context.Context) (*demoLogin, error) {
	if !d.flags.demo {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	password, err := secretFile(filepath.Join(d.flags.dataDir, "demo-password"))
	if err != nil {
		return nil, err
	}
	login := &demoLogin{Email: demoEmail, Password: password}
	c := newDemoClient(d.server.url())
	c.sim, c.simToken = d.simAddr, d.simToken
	if err := c.signIn(ctx, login); err != nil {
		return nil, err
	}
	if err := d.dressOrganization(ctx, c.org, c.ws); err != nil {
		return nil, err
	}
	if err := c.addAccounts(ctx); err != nil {
		return nil, err
	}
	machines, err := c.machines(ctx)
	if err != nil {
		return nil, err
	}
	fresh, err := c.makeSchedules(ctx, machines)
	if err != nil {
		return nil, err
	}
	if fresh {
		if err := d.writeHistory(ctx, c.org, c.ws); err != nil {
			return nil, err
		}
	}
	return login, c.moveToNextMinutes(ctx, machines)
}

func newDemoClient(url string) *demoClient {
	c := &demoClient{}
	o := []connect.ClientOption{connect.WithInterceptors(connect.UnaryInterceptorFunc(func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, r connect.AnyRequest) (connect.AnyResponse, error) {
			if c.token != "" {
				r.Header().Set("Authorization", "Bearer "+c.token)
			}
			return next(ctx, r)
		}
	}))}
	h := http.DefaultClient
	c.auth = cloudhubv1connect.NewAuthServiceClient(h, url, o...)
	c.user = cloudhubv1connect.NewUserServiceClient(h, url, o...)
	c.accounts = cloudhubv1connect.NewCloudAccountServiceClient(h, url, o...)
	c.inventory = cloudhubv1connect.NewInventoryServiceClient(h, url, o...)
	c.schedules = cloudhubv1connect.NewScheduleServiceClient(h, url, o...)
	c.calendars = cloudhubv1connect.NewCalendarServiceClient(h, url, o...)
	return c
}

func (c *demoClient) signIn(ctx context.Context, login *demoLogin) error {
	in, err := c.auth.Login(ctx, &v1.LoginRequest{Email: login.Email, Password: login.Password})
	switch connect.CodeOf(err) {
	case connect.CodeUnauthenticated:
		made, err := c.auth.Register(ctx, &v1.RegisterRequest{Email: login.Email, Name: "Ana Prado", Password: login.Password, Locale: "pt-BR", TimeZone: demoZone})
		if err != nil {
			return err
		}
		c.token = made.GetAccessToken().GetToken()
	default:
		if err != nil {
			return err
		}
		c.token = in.GetAccessToken().GetToken()
	}
	me, err := c.user.GetMe(ctx, &v1.GetMeRequest{})
	if err != nil {
		return err
	}
	if len(me.GetOrganizations()) == 0 || len(me.GetOrganizations()[0].GetWorkspaces()) == 0 {
		return errors.New("the demonstration's person has no workspace")
	}
	org := me.GetOrganizations()[0]
	c.org, c.ws = org.GetId(), org.GetWorkspaces()[0].GetId()
	return nil
}

// dressOrganization gives the demonstration's organization its names and the
// pro plan without end.
func (d *dev) dressOrganization(ctx context.Context, org, ws string) error {
	conn, err := pgx.Connect(ctx, d.urls.Owner)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "UPDATE organizations SET name = $2, plan = 'pro', plan_until = NULL WHERE id = $1", org, demoOrganization); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "UPDATE workspaces SET name = 'Operação' WHERE org_id = $1 AND id = $2 AND name = 'Default'", org, ws)
	return err
}

func (c *demoClient) addAccounts(ctx context.Context) error {
	have, err := c.accounts.ListCloudAccounts(ctx, &v1.ListCloudAccountsRequest{OrgId: c.org, WorkspaceId: c.ws})
	if err != nil {
		return err
	}
	// At once: each waits for a worker's trial of its credential.
	group, adding := errgroup.WithContext(ctx)
	for _, a := range sim.DemoEstate(time.Now()).Accounts {
		if a.ID == sim.DemoOperator || slices.ContainsFunc(have.GetCloudAccounts(), func(h *v1.CloudAccount) bool { return h.GetExternalId() == a.ID }) {
			continue
		}
		group.Go(func() error {
			if err := c.addAccount(adding, a); err != nil {
				return fmt.Errorf("account %s: %w", a.Name, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return c.awaitFirstReading(ctx)
}

func (c *demoClient) addAccount(ctx context.Context, a sim.Account) error {
	req := &v1.CreateCloudAccountRequest{
		OrgId: c.org, WorkspaceId: c.ws, Name: a.Name,
		Credential: &v1.CreateCloudAccountRequest_AwsAccessKey{AwsAccessKey: &v1.AwsAccessKey{
			AccessKeyId: a.Keys[0].AccessKeyID, SecretAccessKey: a.Keys[0].Secret, HomeRegion: "sa-east-1",
		}},
	}
	if a.Name == demoByRole && c.sim != "" {
		role, err := c.makeRole(ctx, a.ID)
		if err != nil {
			return err
		}
		req.Credential = &v1.CreateCloudAccountRequest_AwsRole{AwsRole: role}
	}
	_, err := c.accounts.CreateCloudAccount(ctx, req)
	return err
}

// makeRole does what the customer does: takes the policies that the product
// offers and makes a role of them.
func (c *demoClient) makeRole(ctx context.Context, account string) (*v1.AwsRole, error) {
	p, err := c.accounts.PrepareAwsRole(ctx, &v1.PrepareAwsRoleRequest{OrgId: c.org, WorkspaceId: c.ws})
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(map[string]any{
		"account": account, "name": "CloudHub", "trust_policy": json.RawMessage(p.GetTrustPolicy()),
		"policies": []json.RawMessage{json.RawMessage(p.GetFull().GetPolicy())},
	})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.sim+"/_sim/roles", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+c.simToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var made struct {
		ARN   string `json:"arn"`
		Error string `json:"error"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&made); err != nil {
		return nil, err
	}
	if made.ARN == "" {
		return nil, fmt.Errorf("the simulated cloud made no role: %s", made.Error)
	}
	return &v1.AwsRole{RoleArn: made.ARN, PreparationId: p.GetPreparationId(), HomeRegion: "sa-east-1"}, nil
}

func (c *demoClient) awaitFirstReading(ctx context.Context) error {
	for {
		list, err := c.accounts.ListCloudAccounts(ctx, &v1.ListCloudAccountsRequest{OrgId: c.org, WorkspaceId: c.ws})
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(list.GetCloudAccounts(), func(a *v1.CloudAccount) bool { return a.GetLastSyncTime() == nil }) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the accounts were not read in time: %w", ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// machines lists what a schedule may name, by name.
func (c *demoClient) machines(ctx context.Context) ([]*v1.Resource, error) {
	list, err := c.inventory.ListResources(ctx, &v1.ListResourcesRequest{OrgId: c.org, WorkspaceId: c.ws, PageSize: 500})
	if err != nil {
		return nil, err
	}
	out := list.GetResources()
	return slices.DeleteFunc(out, func(r *v1.Resource) bool {
		return r.GetLeftAlone() != v1.LeftAloneReason_LEFT_ALONE_REASON_UNSPECIFIED
	}), nil
}
