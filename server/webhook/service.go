// Package webhook keeps the destinations of events and shows what was sent to them:
// WebhookService. It sends nothing: that is the worker's. Secrets are made and sealed
// here and cannot be opened here again.
package webhook

import (
	"context"
	"time"

	"github.com/google/uuid"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/api/gen/cloudhub/v1/cloudhubv1connect"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/event"
	"github.com/cloudhub/cloudhub/internal/platform/egress"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
	"github.com/cloudhub/cloudhub/internal/webhook"
	"github.com/cloudhub/cloudhub/server/page"
	"github.com/cloudhub/cloudhub/server/request"
	"github.com/cloudhub/cloudhub/server/rpc"
)

// Service implements WebhookService.
type Service struct {
	cloudhubv1connect.UnimplementedWebhookServiceHandler
	Deps
}

// Deps is what the service is made of.
type Deps struct {
	Tenants *db.Tenants
	// Sealer is the public half of the workers' ring.
	Sealer *vault.Sealer
	Tokens *page.Tokens
	// Egress says which addresses are refused unresolved.
	Egress egress.Policy
	// MailReady says that this installation can send e-mail.
	MailReady bool
	Now       func() time.Time
}

// New makes the service.
func New(d Deps) *Service { return &Service{Deps: d} }

// ListEventTypes lists the catalogue.
func (s *Service) ListEventTypes(context.Context, *v1.ListEventTypesRequest) (*v1.ListEventTypesResponse, error) {
	out := &v1.ListEventTypesResponse{}
	for _, t := range event.Types() {
		out.EventTypes = append(out.EventTypes, &v1.EventType{
			Name: string(t.Name), Schema: string(t.Schema), SchemaPath: t.SchemaPath(), Example: string(t.Example), Version: int32(t.Version),
			OfOrganization: t.OfOrganization, Planned: t.Planned,
		})
	}
	return out, nil
}

// ListDestinations lists those of a workspace by name.
func (s *Service) ListDestinations(ctx context.Context, req *v1.ListDestinationsRequest) (*v1.ListDestinationsResponse, error) {
	out := &v1.ListDestinationsResponse{Limit: webhook.MostDestinations}
	wanted := []string{}
	for _, c := range req.GetChannels() {
		wanted = append(wanted, channels[c])
	}
	err := s.Tenants.InTenant(ctx, rpc.GrantOf(ctx).Org, func(q *gen.Queries) (err error) {
		out.Destinations, err = s.read(ctx, q, uuid.Nil, wanted)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// GetDestination gives one.
func (s *Service) GetDestination(ctx context.Context, req *v1.GetDestinationRequest) (*v1.GetDestinationResponse, error) {
	id, err := request.ID(req.GetDestinationId())
	if err != nil {
		return nil, err
	}
	out := &v1.GetDestinationResponse{}
	err = s.Tenants.InTenant(ctx, rpc.GrantOf(ctx).Org, func(q *gen.Queries) (err error) {
		out.Destination, err = s.one(ctx, q, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// one reads a destination of the workspace. Errors: NOT_FOUND.
func (s *Service) one(ctx context.Context, q *gen.Queries, id uuid.UUID) (*v1.Destination, error) {
	list, err := s.read(ctx, q, id, []string{})
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, rpcerr.NotFound()
	}
	return list[0], nil
}

// read reads one destination, or all when id is the nil id.
func (s *Service) read(ctx context.Context, q *gen.Queries, id uuid.UUID, wanted []string) ([]*v1.Destination, error) {
	grant := rpc.GrantOf(ctx)
	rows, err := q.ListDestinations(ctx, gen.ListDestinationsParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, Channels: wanted, OnlyID: id})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	hints, err := q.DestinationSecretHints(ctx, gen.DestinationSecretHintsParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, OnlyID: id})
	if err != nil {
		return nil, err
	}
	of := map[uuid.UUID][]gen.DestinationSecretHintsRow{}
	for _, h := range hints {
		of[h.DestinationID] = append(of[h.DestinationID], h)
	}
	out := make([]*v1.Destination, len(rows))
	for i, r := range rows {
		if out[i], err = toProto(r, of[r.Destination.ID], s.Now()); err != nil {
			return nil, err
		}
	}
	return out, nil
}
