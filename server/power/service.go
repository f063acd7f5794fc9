// Package power asks for changes of power: ResourceService. It writes the
// operation and asks for it; the worker does the rest.
package power

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/platform/crashpoint"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/internal/platform/telemetry"
	"github.com/cloudhub/cloudhub/internal/power"
	"github.com/cloudhub/cloudhub/server/audit"
	"github.com/cloudhub/cloudhub/server/inventory"
	"github.com/cloudhub/cloudhub/server/operation"
	"github.com/cloudhub/cloudhub/server/request"
	"github.com/cloudhub/cloudhub/server/rpc"
)

// Service implements ResourceService.
type Service struct{ tenants *db.Tenants }

// New makes the service.
func New(tenants *db.Tenants) *Service { return &Service{tenants} }

// StartResources asks for machines to be on.
func (s *Service) StartResources(ctx context.Context, req *v1.StartResourcesRequest) (*v1.StartResourcesResponse, error) {
	op, err := s.ask(ctx, order{procedure: "StartResources", wanted: power.Running, ids: req.GetResourceIds(), requestID: req.GetRequestId(), message: req})
	return &v1.StartResourcesResponse{Operation: op}, err
}

// StopResources asks for machines to be off.
func (s *Service) StopResources(ctx context.Context, req *v1.StopResourcesRequest) (*v1.StopResourcesResponse, error) {
	op, err := s.ask(ctx, order{procedure: "StopResources", wanted: power.Stopped, ids: req.GetResourceIds(), requestID: req.GetRequestId(), message: req})
	return &v1.StopResourcesResponse{Operation: op}, err
}

// SetActAnyway says of one machine whether schedules may act on it whatever kind
// of machine it is.
func (s *Service) SetActAnyway(ctx context.Context, req *v1.SetActAnywayRequest) (*v1.SetActAnywayResponse, error) {
	grant := rpc.GrantOf(ctx)
	id, err := request.ID(req.GetResourceId())
	if err != nil {
		return nil, err
	}
	out := &v1.SetActAnywayResponse{}
	err = s.tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) error {
		n, err := q.SetActAnyway(ctx, gen.SetActAnywayParams{ActAnyway: req.GetActAnyway(), OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: id})
		if err != nil {
			return err
		}
		if n == 0 {
			return rpcerr.NotFound()
		}
		if err := audit.Write(ctx, q, audit.Entry{
			Org: grant.Org, Workspace: grant.Workspace, Action: "resource.act_anyway", SubjectKind: "resource", SubjectID: id.String(),
			After: map[string]any{"act_anyway": req.GetActAnyway()},
		}); err != nil {
			return err
		}
		row, err := q.GetResource(ctx, gen.GetResourceParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: id})
		out.Resource = inventory.Detailed(row.Resource, row.Simulated, row.ObserveOnly)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

type order struct {
	procedure string
	wanted    power.State
	ids       []string
	requestID string
	message   proto.Message
}

// ask writes one operation with its targets, its audit row and its agenda row
// in one transaction.
func (s *Service) ask(ctx context.Context, o order) (*v1.Operation, error) {
	grant, caller := rpc.GrantOf(ctx), rpc.CallerOf(ctx)
	ids, err := request.IDs(o.ids)
	if err != nil {
		return nil, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, err
	}
	var op gen.Operation
	err = s.tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) error {
		earlier, err := request.Once(ctx, q, o.procedure, o.requestID, o.message, id)
		if err != nil {
			return err
		}
		if earlier != nil {
			op, err = q.GetOperation(ctx, gen.GetOperationParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: *earlier})
			return err
		}
		account, err := check(ctx, q, ids)
		if err != nil {
			return err
		}
		p := gen.InsertOperationParams{
			OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: id, Origin: "person", RequestedBy: &caller.UserID, RequestedByName: grant.Name,
			ActWithinSeconds: power.ActWithin.Seconds(), TargetCount: int32(len(ids)), RequestID: caller.RequestID,
		}
		if o.wanted == power.Running {
			p.OnCount = p.TargetCount
		} else {
			p.OffCount = p.TargetCount
		}
		if op, err = q.InsertOperation(ctx, p); err != nil {
			return err
		}
		if err := q.InsertTargets(ctx, gen.InsertTargetsParams{OperationID: id, Wanted: string(o.wanted), OrgID: grant.Org, WorkspaceID: grant.Workspace, ResourceIds: ids}); err != nil {
			return err
		}
		if err := audit.Write(ctx, q, audit.Entry{
			Org: grant.Org, Workspace: grant.Workspace, Action: "operation.request", SubjectKind: "operation", SubjectID: id.String(),
			After: map[string]any{"wanted": o.wanted, "resources": ids},
		}); err != nil {
			return err
		}
		return request.Ask(ctx, q, grant.Org, agenda.KindPower, id, account)
	})
	if err != nil {
		return nil, err
	}
	crashpoint.Reached(crashpoint.Committed, o.requestID)
	telemetry.Tag(ctx, telemetry.OperationID, op.ID.String())
	return operation.ToProto(op, nil, nil), nil
}

// check refuses when any of the ids is not a machine of this workspace that can
// be switched, and answers the account when all are of one. Errors: NOT_FOUND,
// NOT_SWITCHABLE.
func check(ctx context.Context, q *gen.Queries, ids []uuid.UUID) (account uuid.UUID, err error) {
	grant := rpc.GrantOf(ctx)
	rows, err := q.ResourcesByID(ctx, gen.ResourcesByIDParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, Ids: ids})
	if err != nil {
		return uuid.Nil, err
	}
	if len(rows) != len(ids) {
		return uuid.Nil, rpcerr.NotFound()
	}
	i := slices.IndexFunc(rows, func(r gen.ResourcesByIDRow) bool { return !cloud.Switchable(r.Kind) })
	if i >= 0 {
		return uuid.Nil, rpcerr.New(rpcerr.ReasonNotSwitchable, "name", rows[i].Name)
	}
	accounts := make([]uuid.UUID, len(rows))
	for i, r := range rows {
		accounts[i] = r.CloudAccountID
	}
	return agenda.OnlyOf(accounts), nil
}
