package schedule

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/internal/schedule"
	"github.com/cloudhub/cloudhub/internal/timetable"
	"github.com/cloudhub/cloudhub/server/request"
	"github.com/cloudhub/cloudhub/server/rpc"
)

// spec is what a person wants of a schedule, checked as far as that needs no
// database.
type spec struct {
	name      string
	rule      schedule.Rule
	resources []uuid.UUID
	selector  *schedule.Selector
	catchUp   time.Duration
}

// asked is what the messages that carry a whole schedule have in common.
type asked interface {
	GetName() string
	GetRule() *v1.ScheduleRule
	GetResourceIds() []string
	GetSelector() *v1.TargetSelector
	GetCatchUpMinutes() int32
}

// specOf translates and validates. Errors: VALIDATION, TIME_ZONE_UNKNOWN,
// SCHEDULE_CONFLICT.
func specOf(req asked) (spec, error) {
	rule, err := checkRule(req.GetRule())
	if err != nil {
		return spec{}, err
	}
	name, err := request.Name(req.GetName())
	if err != nil {
		return spec{}, err
	}
	s := spec{name: name, rule: rule, catchUp: catchUpOf(req.GetCatchUpMinutes())}
	if s.resources, err = request.IDs(req.GetResourceIds()); err != nil {
		return spec{}, err
	}
	if req.GetSelector() != nil {
		if s.selector, err = checkSelector(req.GetSelector()); err != nil {
			return spec{}, err
		}
	}
	if (len(s.resources) == 0) == (s.selector == nil) {
		return spec{}, rpcerr.Invalid(rpcerr.ReasonValidation, "resource_ids", "choose machines, or say how they are found")
	}
	return s, nil
}

func catchUpOf(minutes int32) time.Duration {
	if minutes == 0 {
		return schedule.DefaultCatchUp
	}
	return time.Duration(minutes) * time.Minute
}

// checkRule translates and validates. Errors: TIME_ZONE_UNKNOWN,
// SCHEDULE_CONFLICT, VALIDATION.
func checkRule(r *v1.ScheduleRule) (schedule.Rule, error) {
	rule := ruleOf(r)
	err := rule.Validate()
	switch {
	case err == nil:
		return rule, nil
	case errors.Is(err, schedule.ErrUnknownZone):
		return rule, rpcerr.Invalid(rpcerr.ReasonTimeZoneUnknown, "rule.time_zone", "use an IANA name such as America/Sao_Paulo", "zone", r.GetTimeZone())
	case errors.Is(err, schedule.ErrSameMinute):
		return rule, rpcerr.Invalid(rpcerr.ReasonScheduleConflict, "rule.stop_time", "choose another time than the start")
	case errors.Is(err, schedule.ErrNoTime):
		return rule, rpcerr.Invalid(rpcerr.ReasonValidation, "rule.start_time", "give a start, a stop, or both")
	case errors.Is(err, schedule.ErrNoDay), errors.Is(err, schedule.ErrBadDay):
		return rule, rpcerr.Invalid(rpcerr.ReasonValidation, "rule.weekdays", "choose weekdays or days of the month")
	default:
		return rule, rpcerr.Invalid(rpcerr.ReasonValidation, "rule.start_time", "give times from 00:00 to 23:59")
	}
}

// checkSelector translates and validates. Errors: VALIDATION, NOT_FOUND (an id
// that is none).
func checkSelector(p *v1.TargetSelector) (*schedule.Selector, error) {
	accounts, err := request.IDs(p.GetCloudAccountIds())
	if err != nil {
		return nil, err
	}
	s := &schedule.Selector{NamePrefix: p.GetNamePrefix(), Regions: p.GetRegions(), Everything: p.GetEverything()}
	if len(accounts) > 0 {
		s.Accounts = accounts
	}
	for _, t := range p.GetTags() {
		s.Tags = append(s.Tags, schedule.Tag{Key: t.GetKey(), Values: t.GetValues()})
	}
	switch err := s.Validate(); {
	case errors.Is(err, schedule.ErrTagTwice):
		return nil, rpcerr.Invalid(rpcerr.ReasonValidation, "selector.tags", "name each tag once, with all its values")
	case err != nil:
		return nil, rpcerr.Invalid(rpcerr.ReasonValidation, "selector", "give a tag or the beginning of a name, or say that it is everything")
	}
	return s, nil
}

// check is what needs the database: that everything named exists, and that no
// other schedule wants the opposite of a chosen machine in the same minute. known
// are the machines that the schedule had already: one that is gone must not keep
// it from being changed. Errors: NOT_FOUND, SCHEDULE_CLASH.
func (s spec) check(ctx context.Context, q *gen.Queries, id uuid.UUID, known []uuid.UUID, now time.Time) error {
	if err := checkResources(ctx, q, without(s.resources, known)); err != nil {
		return err
	}
	if s.selector != nil && len(s.selector.Accounts) > 0 {
		if err := checkAccounts(ctx, q, s.selector.Accounts); err != nil {
			return err
		}
	}
	calendars, err := calendarIDs(s.rule)
	if err != nil {
		return err
	}
	if len(calendars) > 0 {
		found, err := q.CalendarsByID(ctx, gen.CalendarsByIDParams{OrgID: rpc.GrantOf(ctx).Org, Ids: calendars})
		if err != nil {
			return err
		}
		if len(found) != len(calendars) {
			return rpcerr.NotFound()
		}
	}
	return s.clash(ctx, q, id, now)
}

func checkAccounts(ctx context.Context, q *gen.Queries, accounts []uuid.UUID) error {
	grant := rpc.GrantOf(ctx)
	names, err := q.AccountNames(ctx, gen.AccountNamesParams{OrgID: grant.Org, WorkspaceID: grant.Workspace})
	if err != nil {
		return err
	}
	for _, a := range accounts {
		if !slices.ContainsFunc(names, func(n gen.AccountNamesRow) bool { return n.ID == a }) {
			return rpcerr.NotFound()
		}
	}
	return nil
}

// calendarIDs are those that have rows: not the built-in one. Errors: NOT_FOUND.
func calendarIDs(r schedule.Rule) ([]uuid.UUID, error) {
	var out []uuid.UUID
	for _, c := range r.Calendars {
		if c == schedule.BrazilCalendar {
			continue
		}
		id, err := uuid.Parse(c)
		if err != nil {
			return nil, rpcerr.NotFound()
		}
		out = append(out, id)
	}
	return out, nil
}

// clashRuns is how far ahead two schedules are compared: months, for most.
const clashRuns = 100

// clash refuses when it can be known that another schedule of a chosen machine
// wants the opposite in the same minute. Holidays are not looked at: they may
// change. What shows at run time alone is recorded as a conflict then.
func (s spec) clash(ctx context.Context, q *gen.Queries, id uuid.UUID, now time.Time) error {
	if len(s.resources) == 0 {
		return nil
	}
	grant := rpc.GrantOf(ctx)
	others, err := q.SchedulesOfResources(ctx, gen.SchedulesOfResourcesParams{OrgID: grant.Org, ResourceIds: s.resources, WorkspaceID: grant.Workspace, ExceptID: id})
	if err != nil || len(others) == 0 {
		return err
	}
	mine, err := s.rule.Upcoming(now, clashRuns, nil)
	if err != nil {
		return err
	}
	wanted := make(map[int64]schedule.Wanted, len(mine))
	for _, r := range mine {
		wanted[r.At.Unix()] = r.Wanted
	}
	var last uuid.UUID
	for _, o := range others {
		if o.ID == last { // another machine of the same schedule
			continue
		}
		last = o.ID
		var rule schedule.Rule
		if err := json.Unmarshal(o.Rule, &rule); err != nil {
			return err
		}
		runs, err := rule.Upcoming(now, clashRuns, nil)
		if err != nil {
			return err
		}
		for _, r := range runs {
			if w, ok := wanted[r.At.Unix()]; ok && w != r.Wanted {
				zone, err := time.LoadLocation(s.rule.Zone)
				if err != nil {
					return err
				}
				return rpcerr.Invalid(rpcerr.ReasonScheduleClash, "rule.start_time", "choose another time, or other machines",
					"name", o.Name, "time", r.At.In(zone).Format("02/01/2006 15:04"))
			}
		}
	}
	return nil
}

// timing is what a rule comes to now, as stored: no next time when it never acts
// again.
type timing struct {
	rule     json.RawMessage
	selector json.RawMessage
	next     *time.Time
	wanted   *string
}

func (s spec) timing(ctx context.Context, q *gen.Queries, now time.Time) (t timing, err error) {
	if t.rule, err = json.Marshal(s.rule); err != nil {
		return t, err
	}
	if s.selector != nil {
		if t.selector, err = json.Marshal(s.selector); err != nil {
			return t, err
		}
	}
	t.next, t.wanted, err = next(ctx, q, s.rule, now)
	return t, err
}

func next(ctx context.Context, q *gen.Queries, rule schedule.Rule, now time.Time) (at *time.Time, wanted *string, err error) {
	h, err := timetable.Holidays(ctx, q, rpc.GrantOf(ctx).Org, rule.Calendars, now)
	if err != nil {
		return nil, nil, err
	}
	run, ok, err := rule.Next(now, h)
	if err != nil || !ok {
		return nil, nil, err
	}
	w := string(run.Wanted)
	return &run.At, &w, nil
}

func sameTargets(a, b []uuid.UUID) bool {
	key := func(x, y uuid.UUID) int { return strings.Compare(x.String(), y.String()) }
	a, b = slices.Clone(a), slices.Clone(b)
	slices.SortFunc(a, key)
	slices.SortFunc(b, key)
	return slices.Equal(a, b)
}
