package inventory

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/platform/flight"
)

// firstPages reads the first page of a list, with the counts of the whole list by
// state. For those each entry of the index is looked at, and for a search each row
// of the workspace, so who opens the same list at the same time shares the reading:
// many do when a shift begins.
type firstPages struct {
	tenants *db.Tenants
	flights flight.Group[pageKey, firstPage]
}

// firstPage is shared by who asked for it at once: nothing of it is changed.
type firstPage struct {
	rows   []gen.ListResourcesRow
	counts []gen.CountResourcesByStateRow
}

// pageKey is all that a page depends on: whose it is, apart from what callers
// choose, and that.
type pageKey struct {
	org, workspace uuid.UUID
	list           string
}

func (f *firstPages) read(ctx context.Context, p gen.ListResourcesParams) (firstPage, error) {
	list, err := json.Marshal(p)
	if err != nil {
		return firstPage{}, err
	}
	return f.flights.Do(ctx, pageKey{p.OrgID, p.WorkspaceID, string(list)}, func(ctx context.Context) (out firstPage, err error) {
		err = f.tenants.InTenant(ctx, p.OrgID, func(q *gen.Queries) (err error) {
			if out.rows, err = q.ListResources(ctx, p); err != nil {
				return err
			}
			out.counts, err = countByState(ctx, q, p)
			return err
		})
		return out, err
	})
}

// countByState counts what the list's filters leave, but for that of states: it is
// beside them that a person sees how many there are of each.
func countByState(ctx context.Context, q *gen.Queries, p gen.ListResourcesParams) ([]gen.CountResourcesByStateRow, error) {
	if len(p.CloudAccountIds)+len(p.Regions)+len(p.ResourceIds)+len(p.TagKeys) > 0 || p.Search != "" {
		return q.CountResourcesByState(ctx, gen.CountResourcesByStateParams{
			OrgID: p.OrgID, WorkspaceID: p.WorkspaceID, Kind: p.Kind, CloudAccountIds: p.CloudAccountIds, Regions: p.Regions,
			ResourceIds: p.ResourceIds, Search: p.Search, TagKeys: p.TagKeys, TagValues: p.TagValues,
		})
	}
	all, err := q.CountAllByState(ctx, gen.CountAllByStateParams{OrgID: p.OrgID, WorkspaceID: p.WorkspaceID, Kind: p.Kind})
	out := make([]gen.CountResourcesByStateRow, len(all))
	for i, c := range all {
		out[i] = gen.CountResourcesByStateRow(c)
	}
	return out, err
}
