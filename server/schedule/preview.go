package schedule

import (
	"context"
	"math"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/internal/schedule"
	"github.com/cloudhub/cloudhub/internal/timetable"
	"github.com/cloudhub/cloudhub/server/inventory"
	"github.com/cloudhub/cloudhub/server/request"
	"github.com/cloudhub/cloudhub/server/rpc"
)

// PreviewSchedule computes the next runs of a rule, with every exception, and what
// the provider's rate does not allow.
func (s *Service) PreviewSchedule(ctx context.Context, req *v1.PreviewScheduleRequest) (*v1.PreviewScheduleResponse, error) {
	rule, err := checkRule(req.GetRule())
	if err != nil {
		return nil, err
	}
	p := previewing{rule: rule, count: int(req.GetCount()), catchUp: catchUpOf(req.GetCatchUpMinutes())}
	if p.count == 0 {
		p.count = 30
	}
	p.count = min(p.count, 100)
	if p.resources, err = request.IDs(req.GetResourceIds()); err != nil {
		return nil, err
	}
	if req.GetSelector() != nil {
		if p.selector, err = checkSelector(req.GetSelector()); err != nil {
			return nil, err
		}
	}
	if req.GetScheduleId() != "" {
		id, err := request.ID(req.GetScheduleId())
		if err != nil {
			return nil, err
		}
		p.id = &id
	}
	out := &v1.PreviewScheduleResponse{}
	err = s.tenants.InTenant(ctx, rpc.GrantOf(ctx).Org, func(q *gen.Queries) (err error) {
		if out.Runs, err = p.runs(ctx, q); err != nil {
			return err
		}
		out.RateWarnings, err = p.warnings(ctx, q)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

type previewing struct {
	rule      schedule.Rule
	count     int
	catchUp   time.Duration
	id        *uuid.UUID
	resources []uuid.UUID
	selector  *schedule.Selector
}

func (p previewing) runs(ctx context.Context, q *gen.Queries) ([]*v1.PreviewedRun, error) {
	grant := rpc.GrantOf(ctx)
	now, err := q.DatabaseTime(ctx)
	if err != nil {
		return nil, err
	}
	calendars, err := calendarIDs(p.rule)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	if len(calendars) > 0 {
		found, err := q.CalendarsByID(ctx, gen.CalendarsByIDParams{OrgID: grant.Org, Ids: calendars})
		if err != nil {
			return nil, err
		}
		if len(found) != len(calendars) {
			return nil, rpcerr.NotFound()
		}
		for _, f := range found {
			names[f.ID.String()] = f.Name
		}
	}
	h, err := timetable.Holidays(ctx, q, grant.Org, p.rule.Calendars, now)
	if err != nil {
		return nil, err
	}
	ids, paused := []uuid.UUID{}, (*v1.RunException)(nil)
	if p.id != nil {
		row, err := q.GetSchedule(ctx, gen.GetScheduleParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: *p.id})
		if db.IsNoRows(err) {
			return nil, rpcerr.NotFound()
		}
		if err != nil {
			return nil, err
		}
		if row.PausedAt != nil {
			paused = &v1.RunException{Kind: v1.RunExceptionKind_RUN_EXCEPTION_KIND_PAUSED}
			if row.PausedByName != nil {
				paused.ByName = *row.PausedByName
			}
		}
		ids = append(ids, *p.id)
	}
	x, err := exceptionsOf(ctx, q, ids)
	if err != nil {
		return nil, err
	}
	runs, err := p.rule.Walk(now, p.count, h)
	if err != nil {
		return nil, err
	}
	out := make([]*v1.PreviewedRun, len(runs))
	for i, r := range runs {
		out[i] = &v1.PreviewedRun{Time: timestamppb.New(r.At), Wanted: inventory.State(string(r.Wanted)), MovedByGap: r.MovedByGap}
		switch {
		case r.Holiday != nil:
			out[i].Exception = &v1.RunException{
				Kind: v1.RunExceptionKind_RUN_EXCEPTION_KIND_HOLIDAY, Text: r.Holiday.Name, CalendarName: names[r.Holiday.Calendar],
			}
		case paused != nil:
			out[i].Exception = paused
		default:
			id := uuid.Nil
			if p.id != nil {
				id = *p.id
			}
			out[i].Exception = x.at(id, r.At)
		}
	}
	return out, nil
}

// placed is how many machines of a schedule, of one kind, one account has in one region.
type placed struct {
	account uuid.UUID
	name    string
	region  string
	kind    string
	n       int
}

func (p previewing) placed(ctx context.Context, q *gen.Queries) (out []placed, err error) {
	grant := rpc.GrantOf(ctx)
	if p.selector != nil {
		for _, s := range selected(ctx, *p.selector) {
			rows, err := q.CountSelected(ctx, s)
			if err != nil {
				return nil, err
			}
			for _, r := range rows {
				out = append(out, placed{r.CloudAccountID, r.CloudAccountName, r.Region, s.Kind, int(r.N - r.LeftAlone)})
			}
		}
		return out, nil
	}
	if len(p.resources) == 0 {
		return nil, nil
	}
	rows, err := q.CountChosen(ctx, gen.CountChosenParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, Ids: p.resources})
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		out = append(out, placed{r.CloudAccountID, r.CloudAccountName, r.Region, r.Kind, int(r.N)})
	}
	return out, nil
}

// warnings says where the provider does not take all machines within the window,
// and at what time to begin so that the last is asked by the time that was chosen.
func (p previewing) warnings(ctx context.Context, q *gen.Queries) (out []*v1.RateWarning, err error) {
	places, err := p.placed(ctx, q)
	if err != nil {
		return nil, err
	}
	for _, place := range places {
		for _, half := range []struct {
			minute *int
			want   cloud.Power
		}{{p.rule.Start, cloud.PowerOn}, {p.rule.Stop, cloud.PowerOff}} {
			rate := cloud.PowerRateOf(place.kind, half.want)
			takes := rate.Takes(place.n)
			if half.minute == nil || takes <= p.catchUp {
				continue
			}
			earlier := (*half.minute - int(math.Ceil(takes.Minutes()))) % (24 * 60)
			if earlier < 0 {
				earlier += 24 * 60
			}
			out = append(out, &v1.RateWarning{
				CloudAccountId: place.account.String(), CloudAccountName: place.name, Region: place.region, Wanted: inventory.State(string(half.want.Target())),
				TargetCount: int32(place.n), NeededSeconds: int32(math.Ceil(takes.Seconds())), FittingCount: int32(rate.Fits(p.catchUp)), EarlierTime: clock(&earlier),
			})
		}
	}
	return out, nil
}

// selected is a selector as the queries take it, once for each kind that it can
// find.
func selected(ctx context.Context, s schedule.Selector) (out []gen.CountSelectedParams) {
	grant := rpc.GrantOf(ctx)
	p := gen.CountSelectedParams{
		OrgID: grant.Org, WorkspaceID: grant.Workspace, CloudAccountIds: s.Accounts, Regions: s.Regions,
		NamePrefix: s.NamePrefix, TagCount: int32(len(s.Tags)), TagKeys: []string{}, TagValues: []string{}, TagAnys: []bool{},
	}
	if p.CloudAccountIds == nil {
		p.CloudAccountIds = []uuid.UUID{}
	}
	if p.Regions == nil {
		p.Regions = []string{}
	}
	for _, t := range s.Tags {
		values := t.Values
		if len(values) == 0 {
			values = []string{""}
		}
		for _, v := range values {
			p.TagKeys, p.TagValues, p.TagAnys = append(p.TagKeys, t.Key), append(p.TagValues, v), append(p.TagAnys, len(t.Values) == 0)
		}
	}
	for _, k := range cloud.Kinds {
		if k.SelectableBy(cloud.SelectorParts{Tags: len(s.Tags) > 0, Name: s.NamePrefix != ""}) {
			p.Kind = k.Name
			out = append(out, p)
		}
	}
	return out
}

// previewLimit is how many of the machines that match are shown.
const previewLimit = 50

// PreviewTargets says which machines of the inventory a selector matches now.
func (s *Service) PreviewTargets(ctx context.Context, req *v1.PreviewTargetsRequest) (*v1.PreviewTargetsResponse, error) {
	selector, err := checkSelector(req.GetSelector())
	if err != nil {
		return nil, err
	}
	out := &v1.PreviewTargetsResponse{}
	err = s.tenants.InTenant(ctx, rpc.GrantOf(ctx).Org, func(q *gen.Queries) error {
		if len(selector.Accounts) > 0 {
			if err := checkAccounts(ctx, q, selector.Accounts); err != nil {
				return err
			}
		}
		out.MatchedCount, out.LeftAloneCount, out.Resources = 0, 0, nil
		for _, p := range selected(ctx, *selector) {
			if err := match(ctx, q, p, out); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// match adds the machines of one kind.
func match(ctx context.Context, q *gen.Queries, p gen.CountSelectedParams, out *v1.PreviewTargetsResponse) error {
	counts, err := q.CountSelected(ctx, p)
	if err != nil {
		return err
	}
	for _, c := range counts {
		out.MatchedCount += c.N
		out.LeftAloneCount += c.LeftAlone
	}
	rows, err := q.ListSelected(ctx, gen.ListSelectedParams{
		OrgID: p.OrgID, WorkspaceID: p.WorkspaceID, Kind: p.Kind, CloudAccountIds: p.CloudAccountIds, Regions: p.Regions, NamePrefix: p.NamePrefix,
		TagCount: p.TagCount, TagKeys: p.TagKeys, TagValues: p.TagValues, TagAnys: p.TagAnys, RowLimit: int32(previewLimit - len(out.Resources)),
	})
	for _, r := range rows {
		out.Resources = append(out.Resources, inventory.Neutral(gen.ListResourcesRow(r)))
	}
	return err
}
