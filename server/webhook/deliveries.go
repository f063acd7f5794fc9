package webhook

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/event"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/internal/webhook"
	"github.com/cloudhub/cloudhub/server/page"
	"github.com/cloudhub/cloudhub/server/request"
	"github.com/cloudhub/cloudhub/server/rpc"
)

// SendTest writes an event for one destination alone.
func (s *Service) SendTest(ctx context.Context, req *v1.SendTestRequest) (*v1.SendTestResponse, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, err
	}
	out := &v1.SendTestResponse{}
	_, err = s.change(ctx, req.GetDestinationId(), "", func(q *gen.Queries, row gen.Destination) error {
		data, err := json.Marshal(event.Test{Message: "This is a test of CloudHub.", DestinationID: row.ID, DestinationName: row.Name})
		if err != nil {
			return err
		}
		if err := q.InsertTest(ctx, gen.InsertTestParams{
			OrgID: row.OrgID, ID: id, WorkspaceID: row.WorkspaceID, Type: string(event.WebhookTest), Data: data, DestinationID: row.ID,
		}); err != nil {
			return err
		}
		d, err := q.GetDelivery(ctx, gen.GetDeliveryParams{OrgID: row.OrgID, DestinationID: row.ID, EventID: id})
		if err != nil {
			return err
		}
		out.Delivery = deliveryProto(d.Delivery, d.Type)
		return write(ctx, q, "destination.test", row.ID, nil, nil)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// beforeID is where a list of deliveries goes on, or ends: ids are times.
type beforeID struct {
	ID uuid.UUID `json:"i"`
}

// lastID is behind every UUIDv7.
var lastID = uuid.Max

// rangeOf are the ids of events between two times; absent ones are the ends of time.
func rangeOf(since, until *timestamppb.Timestamp) (from, before uuid.UUID) {
	before = lastID
	if since != nil {
		from = webhook.FirstID(since.AsTime())
	}
	if until != nil {
		before = webhook.FirstID(until.AsTime())
	}
	return from, before
}

func storedStates(in []v1.DeliveryState) []string {
	out := []string{}
	for _, s := range in {
		out = append(out, states[s])
	}
	return out
}

func nonNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// ListDeliveries lists what was sent to one destination, the newest first.
func (s *Service) ListDeliveries(ctx context.Context, req *v1.ListDeliveriesRequest) (*v1.ListDeliveriesResponse, error) {
	grant := rpc.GrantOf(ctx)
	id, err := request.ID(req.GetDestinationId())
	if err != nil {
		return nil, err
	}
	p := gen.ListDeliveriesParams{
		OrgID: grant.Org, DestinationID: id, States: storedStates(req.GetStates()), Types: nonNil(req.GetEventTypes()), RowLimit: page.Size(req.GetPageSize()) + 1,
	}
	p.FromID, p.BeforeID = rangeOf(req.GetSince(), req.GetUntil())
	var from beforeID
	if err := s.Tokens.Open(req, req.GetPageToken(), &from); err != nil {
		return nil, err
	}
	if from.ID != uuid.Nil {
		p.BeforeID = from.ID
	}
	var rows []gen.ListDeliveriesRow
	err = s.Tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) (err error) {
		if _, err = s.one(ctx, q, id); err != nil {
			return err
		}
		rows, err = q.ListDeliveries(ctx, p)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &v1.ListDeliveriesResponse{}
	if size := int(p.RowLimit) - 1; len(rows) > size {
		rows = rows[:size]
		if out.NextPageToken, err = s.Tokens.Next(req, beforeID{rows[size-1].Delivery.EventID}); err != nil {
			return nil, err
		}
	}
	for _, r := range rows {
		out.Deliveries = append(out.Deliveries, deliveryProto(r.Delivery, r.Type))
	}
	return out, nil
}

// GetDelivery gives one with its body and every attempt that is still kept.
func (s *Service) GetDelivery(ctx context.Context, req *v1.GetDeliveryRequest) (*v1.GetDeliveryResponse, error) {
	grant := rpc.GrantOf(ctx)
	id, err := request.ID(req.GetDestinationId())
	if err != nil {
		return nil, err
	}
	eventID, err := request.ID(req.GetDeliveryId())
	if err != nil {
		return nil, err
	}
	out := &v1.GetDeliveryResponse{}
	err = s.Tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) error {
		*out = v1.GetDeliveryResponse{}
		if _, err := s.one(ctx, q, id); err != nil {
			return err
		}
		row, err := q.GetDelivery(ctx, gen.GetDeliveryParams{OrgID: grant.Org, DestinationID: id, EventID: eventID})
		if db.IsNoRows(err) {
			return rpcerr.NotFound()
		}
		if err != nil {
			return err
		}
		out.Delivery = deliveryProto(row.Delivery, row.Type)
		out.Body = string(event.Body(event.Name(row.Type), row.WorkspaceID, row.EventTime, row.Data))
		attempts, err := q.ListAttempts(ctx, gen.ListAttemptsParams{OrgID: grant.Org, DestinationID: id, EventID: eventID})
		for _, a := range attempts {
			out.Attempts = append(out.Attempts, attemptProto(a))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// defaultPace of a replay, in deliveries a second.
const defaultPace = 10

// ReplayDeliveries sends again, or counts what it would send.
func (s *Service) ReplayDeliveries(ctx context.Context, req *v1.ReplayDeliveriesRequest) (*v1.ReplayDeliveriesResponse, error) {
	grant := rpc.GrantOf(ctx)
	p := gen.ReplayParams{OrgID: grant.Org, PerSecond: defaultPace, Ids: []uuid.UUID{}, States: []string{}, Types: []string{}, BeforeID: lastID}
	if req.GetRatePerSecond() > 0 {
		p.PerSecond = float64(req.GetRatePerSecond())
	}
	var err error
	if p.DestinationID, err = request.ID(req.GetDestinationId()); err != nil {
		return nil, err
	}
	if r := req.GetRange(); r != nil {
		p.FromID, p.BeforeID = rangeOf(r.GetSince(), r.GetUntil())
		p.States, p.Types = storedStates(r.GetStates()), nonNil(r.GetEventTypes())
		if len(p.States) == 0 {
			p.States = []string{"exhausted", "held"}
		}
	} else if p.Ids, err = request.IDs(req.GetDeliveries().GetIds()); err != nil {
		return nil, err
	}
	out := &v1.ReplayDeliveriesResponse{}
	_, err = s.change(ctx, req.GetDestinationId(), "", func(q *gen.Queries, row gen.Destination) error {
		if req.GetValidateOnly() {
			n, err := q.CountReplay(ctx, gen.CountReplayParams{
				OrgID: p.OrgID, DestinationID: p.DestinationID, FromID: p.FromID, BeforeID: p.BeforeID, Ids: p.Ids, States: p.States, Types: p.Types,
			})
			out.Count = int32(n)
			return err
		}
		if row.PausedAt != nil || row.DisabledAt != nil {
			return rpcerr.New(rpcerr.ReasonDestinationPaused)
		}
		n, err := q.Replay(ctx, p)
		if err != nil || n == 0 {
			return err
		}
		out.Count = int32(n)
		if err := write(ctx, q, "destination.replay", row.ID, nil, map[string]any{"deliveries": n, "per_second": p.PerSecond}); err != nil {
			return err
		}
		return ask(ctx, q, row)
	})
	if err != nil {
		return nil, err
	}
	if out.GetCount() > 0 {
		out.LastSendTime = timestamppb.New(s.Now().Add(time.Duration(float64(out.GetCount()-1) / p.PerSecond * float64(time.Second))))
	}
	return out, nil
}
