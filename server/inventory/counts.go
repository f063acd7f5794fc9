package inventory

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/platform/flight"
)

// counts counts resources by state, for the first page of a list. Of a large
// estate each index entry is looked at, so those who open the same list at the
// same time share the counting: many do when a shift begins.
type counts struct {
	tenants *db.Tenants
	flights flight.Group[countKey, []*v1.StateCount]
}

// countKey is all that a count depends on. Whose it is stands apart from what
// callers choose.
type countKey struct {
	org, workspace uuid.UUID
	filter         string
}

// of counts what the list's filters leave, whatever its states: it is beside them
// that a person sees how many there are of each. The answer is shared.
func (c *counts) of(ctx context.Context, list gen.ListResourcesParams) ([]*v1.StateCount, error) {
	p := gen.CountResourcesByStateParams{
		OrgID: list.OrgID, WorkspaceID: list.WorkspaceID, Kind: list.Kind, CloudAccountIds: list.CloudAccountIds, Regions: list.Regions,
		ResourceIds: list.ResourceIds, Search: list.Search, TagKeys: list.TagKeys, TagValues: list.TagValues,
	}
	filter, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	return c.flights.Do(ctx, countKey{p.OrgID, p.WorkspaceID, string(filter)}, func(ctx context.Context) (out []*v1.StateCount, err error) {
		err = c.tenants.InTenant(ctx, p.OrgID, func(q *gen.Queries) error {
			out = nil
			return c.count(ctx, q, p, &out)
		})
		return out, err
	})
}

func (c *counts) count(ctx context.Context, q *gen.Queries, p gen.CountResourcesByStateParams, out *[]*v1.StateCount) error {
	if unfiltered(p) {
		rows, err := q.CountAllByState(ctx, gen.CountAllByStateParams{OrgID: p.OrgID, WorkspaceID: p.WorkspaceID, Kind: p.Kind})
		for _, r := range rows {
			*out = append(*out, &v1.StateCount{State: State(r.State), Count: r.N})
		}
		return err
	}
	rows, err := q.CountResourcesByState(ctx, p)
	for _, r := range rows {
		*out = append(*out, &v1.StateCount{State: State(r.State), Count: r.N})
	}
	return err
}

func unfiltered(p gen.CountResourcesByStateParams) bool {
	return len(p.CloudAccountIds) == 0 && len(p.Regions) == 0 && len(p.ResourceIds) == 0 && p.Search == "" && len(p.TagKeys) == 0
}
