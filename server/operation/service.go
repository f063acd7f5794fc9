// Package operation shows what is being done and what was done:
// OperationService, with the stream of a workspace. It reads tables only.
package operation

import (
	"context"
	"time"

	"github.com/google/uuid"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/server/page"
	"github.com/cloudhub/cloudhub/server/request"
	"github.com/cloudhub/cloudhub/server/rpc"
)

// Service implements OperationService.
type Service struct {
	tenants *db.Tenants
	tokens  *page.Tokens
	hub     *hub
	watch   WatchDeps
}

// New makes the service.
func New(tenants *db.Tenants, tokens *page.Tokens, w WatchDeps) *Service {
	return &Service{tenants: tenants, tokens: tokens, hub: newHub(tenants, w.Logger, newMetrics(w.Registerer)), watch: w.withDefaults()}
}

// GetOperation gives one operation with all its targets.
func (s *Service) GetOperation(ctx context.Context, req *v1.GetOperationRequest) (*v1.GetOperationResponse, error) {
	grant := rpc.GrantOf(ctx)
	id, err := request.ID(req.GetOperationId())
	if err != nil {
		return nil, err
	}
	var out *v1.Operation
	err = s.tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) error {
		op, err := q.GetOperation(ctx, gen.GetOperationParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: id})
		if err != nil {
			return err
		}
		schedules, err := q.ListOperationSchedules(ctx, gen.ListOperationSchedulesParams{OrgID: grant.Org, OperationIds: []uuid.UUID{id}})
		if err != nil {
			return err
		}
		targets, err := q.ListTargets(ctx, gen.ListTargetsParams{OrgID: grant.Org, OperationID: id})
		if err != nil {
			return err
		}
		readings, err := q.ListReadings(ctx, gen.ListReadingsParams{OrgID: grant.Org, OperationID: id})
		if err != nil {
			return err
		}
		out = ToProto(op, schedules, targets)
		for _, r := range readings {
			out.Readings = append(out.Readings, readingToProto(r))
		}
		return nil
	})
	if db.IsNoRows(err) {
		return nil, rpcerr.NotFound()
	}
	return &v1.GetOperationResponse{Operation: out}, err
}

type before struct {
	At time.Time `json:"a"`
	ID uuid.UUID `json:"i"`
}

// farFuture is before no operation.
var farFuture = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// ListOperations lists operations, newest first.
func (s *Service) ListOperations(ctx context.Context, req *v1.ListOperationsRequest) (*v1.ListOperationsResponse, error) {
	from := before{At: farFuture}
	if err := s.tokens.Open(req, req.GetPageToken(), &from); err != nil {
		return nil, err
	}
	size := page.Size(req.GetPageSize())
	var rows []gen.Operation
	var schedules []gen.OperationSchedule
	var targets map[uuid.UUID][]gen.OperationTarget
	grant := rpc.GrantOf(ctx)
	err := s.tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) (err error) {
		if rows, err = list(ctx, q, req, from, size+1); err != nil || len(rows) == 0 {
			return err
		}
		if schedules, err = q.ListOperationSchedules(ctx, gen.ListOperationSchedulesParams{OrgID: grant.Org, OperationIds: idsOf(rows)}); err != nil {
			return err
		}
		targets, err = targetsOf(ctx, q, req.GetResourceId(), rows)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &v1.ListOperationsResponse{}
	if len(rows) > int(size) {
		rows = rows[:size]
		last := rows[size-1]
		if out.NextPageToken, err = s.tokens.Next(req, before{last.CreatedAt, last.ID}); err != nil {
			return nil, err
		}
	}
	for _, o := range rows {
		out.Operations = append(out.Operations, ToProto(o, schedules, targets[o.ID]))
	}
	return out, nil
}

// targetsOf gives what each operation did to one resource; nothing when no
// resource is asked for.
func targetsOf(ctx context.Context, q *gen.Queries, resource string, ops []gen.Operation) (map[uuid.UUID][]gen.OperationTarget, error) {
	if resource == "" {
		return nil, nil
	}
	id, err := request.ID(resource)
	if err != nil {
		return nil, err
	}
	rows, err := q.TargetsOfResource(ctx, gen.TargetsOfResourceParams{OrgID: rpc.GrantOf(ctx).Org, ResourceID: id, OperationIds: idsOf(ops)})
	out := map[uuid.UUID][]gen.OperationTarget{}
	for _, t := range rows {
		out[t.OperationID] = append(out[t.OperationID], t)
	}
	return out, err
}

// list chooses the query whose index serves the filter.
func list(ctx context.Context, q *gen.Queries, req *v1.ListOperationsRequest, from before, limit int32) ([]gen.Operation, error) {
	g := rpc.GrantOf(ctx)
	switch {
	case req.GetScheduleId() != "":
		id, err := request.ID(req.GetScheduleId())
		if err != nil {
			return nil, err
		}
		p := gen.ListRunsOfScheduleParams{OrgID: g.Org, ScheduleID: id, WorkspaceID: g.Workspace, Open: req.GetOpen(), BeforeAt: from.At, BeforeID: from.ID, RowLimit: limit}
		if req.GetResourceId() != "" {
			resource, err := request.ID(req.GetResourceId())
			if err != nil {
				return nil, err
			}
			p.ResourceID = &resource
		}
		return q.ListRunsOfSchedule(ctx, p)
	case req.GetResourceId() != "":
		id, err := request.ID(req.GetResourceId())
		if err != nil {
			return nil, err
		}
		return q.ListOperationsOfResource(ctx, gen.ListOperationsOfResourceParams{OrgID: g.Org, ResourceID: id, WorkspaceID: g.Workspace, Open: req.GetOpen(), BeforeAt: from.At, BeforeID: from.ID, RowLimit: limit})
	case req.GetOpen():
		return q.ListOpenOperations(ctx, gen.ListOpenOperationsParams{OrgID: g.Org, WorkspaceID: g.Workspace, BeforeAt: from.At, BeforeID: from.ID, RowLimit: limit})
	default:
		return q.ListOperations(ctx, gen.ListOperationsParams{OrgID: g.Org, WorkspaceID: g.Workspace, BeforeAt: from.At, BeforeID: from.ID, RowLimit: limit})
	}
}
