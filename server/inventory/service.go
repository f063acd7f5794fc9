// Package inventory reads what the accounts of a workspace hold:
// InventoryService. It reads tables and asks for readings; it calls no provider.
package inventory

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/server/audit"
	"github.com/cloudhub/cloudhub/server/page"
	"github.com/cloudhub/cloudhub/server/request"
	"github.com/cloudhub/cloudhub/server/rpc"
)

// Service implements InventoryService.
type Service struct {
	tenants *db.Tenants
	tokens  *page.Tokens
	first   firstPages
}

// New makes the service.
func New(tenants *db.Tenants, tokens *page.Tokens) *Service {
	return &Service{tenants: tenants, tokens: tokens, first: firstPages{tenants: tenants}}
}

type after struct {
	Name string    `json:"n"`
	ID   uuid.UUID `json:"i"`
}

// ListResources lists the neutral fields, by name then id.
func (s *Service) ListResources(ctx context.Context, req *v1.ListResourcesRequest) (*v1.ListResourcesResponse, error) {
	p, err := s.listParams(ctx, req)
	if err != nil {
		return nil, err
	}
	var got firstPage
	if req.GetPageToken() == "" {
		got, err = s.first.read(ctx, p)
	} else {
		err = s.tenants.InTenant(ctx, p.OrgID, func(q *gen.Queries) (err error) {
			got.rows, err = q.ListResources(ctx, p)
			return err
		})
	}
	if err != nil {
		return nil, err
	}
	out, rows := &v1.ListResourcesResponse{}, got.rows
	if size := int(p.RowLimit) - 1; len(rows) > size {
		rows = rows[:size]
		last := rows[size-1]
		if out.NextPageToken, err = s.tokens.Next(req, after{deref(last.NameKey), last.ID}); err != nil {
			return nil, err
		}
	}
	for _, r := range rows {
		out.Resources = append(out.Resources, Neutral(r))
	}
	for _, c := range got.counts {
		out.Counts = append(out.Counts, &v1.StateCount{State: State(c.State), Count: c.N})
	}
	return out, nil
}

func (s *Service) listParams(ctx context.Context, req *v1.ListResourcesRequest) (gen.ListResourcesParams, error) {
	grant := rpc.GrantOf(ctx)
	accounts, err := request.IDs(req.GetCloudAccountIds())
	if err != nil {
		return gen.ListResourcesParams{}, err
	}
	only, err := request.IDs(req.GetResourceIds())
	if err != nil {
		return gen.ListResourcesParams{}, err
	}
	var from after
	if err := s.tokens.Open(req, req.GetPageToken(), &from); err != nil {
		return gen.ListResourcesParams{}, err
	}
	kind := storedKind(req.GetKind())
	if kind == "" {
		kind = cloud.Kinds[0].Name
	}
	p := gen.ListResourcesParams{
		OrgID: grant.Org, WorkspaceID: grant.Workspace, Kind: kind, AfterName: from.Name, AfterID: from.ID,
		CloudAccountIds: accounts, Regions: nonNil(req.GetRegions()), States: []string{}, ResourceIds: only,
		Search: strings.ToLower(strings.TrimSpace(req.GetSearch())), TagKeys: []string{}, TagValues: []string{},
		RowLimit: page.Size(req.GetPageSize()) + 1,
	}
	for _, st := range req.GetStates() {
		p.States = append(p.States, StoredState(st))
	}
	for _, t := range req.GetTags() {
		p.TagKeys, p.TagValues = append(p.TagKeys, t.GetKey()), append(p.TagValues, t.GetValue())
	}
	return p, nil
}

// GetResource gives one resource with its details.
func (s *Service) GetResource(ctx context.Context, req *v1.GetResourceRequest) (*v1.GetResourceResponse, error) {
	grant := rpc.GrantOf(ctx)
	id, err := request.ID(req.GetResourceId())
	if err != nil {
		return nil, err
	}
	var row gen.GetResourceRow
	err = s.tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) (err error) {
		row, err = q.GetResource(ctx, gen.GetResourceParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: id})
		return err
	})
	if db.IsNoRows(err) {
		return nil, rpcerr.NotFound()
	}
	if err != nil {
		return nil, err
	}
	return &v1.GetResourceResponse{Resource: Detailed(row.Resource, row.Simulated, row.ObserveOnly)}, nil
}

// SyncInventory asks for accounts to be read now.
func (s *Service) SyncInventory(ctx context.Context, req *v1.SyncInventoryRequest) (*v1.SyncInventoryResponse, error) {
	grant := rpc.GrantOf(ctx)
	wanted, err := request.IDs(req.GetCloudAccountIds())
	if err != nil {
		return nil, err
	}
	var n int
	err = s.tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) error {
		ids, err := q.ListAccountIDs(ctx, gen.ListAccountIDsParams{OrgID: grant.Org, WorkspaceID: grant.Workspace})
		if err != nil {
			return err
		}
		if ids, err = choose(ids, wanted); err != nil {
			return err
		}
		n = len(ids)
		// In one order: two who ask for the same must not wait for each other.
		slices.SortFunc(ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
		for _, id := range ids {
			if err := audit.Write(ctx, q, audit.Entry{
				Org: grant.Org, Workspace: grant.Workspace, Action: "inventory.sync", SubjectKind: "cloud_account", SubjectID: id.String(),
			}); err != nil {
				return err
			}
		}
		for _, id := range ids {
			if err := request.Ask(ctx, q, grant.Org, agenda.KindSync, id, id); err != nil {
				return err
			}
		}
		return nil
	})
	return &v1.SyncInventoryResponse{Accounts: int32(n)}, err
}

// choose keeps the wanted ids; one that is not there is NOT_FOUND.
func choose(have, wanted []uuid.UUID) ([]uuid.UUID, error) {
	if len(wanted) == 0 {
		return have, nil
	}
	there := map[uuid.UUID]bool{}
	for _, id := range have {
		there[id] = true
	}
	for _, id := range wanted {
		if !there[id] {
			return nil, rpcerr.NotFound()
		}
	}
	return wanted, nil
}

func nonNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
