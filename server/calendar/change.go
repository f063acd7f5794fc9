package calendar

import (
	"context"
	"strconv"
	"time"

	"github.com/google/uuid"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/internal/timetable"
	"github.com/cloudhub/cloudhub/server/audit"
	"github.com/cloudhub/cloudhub/server/request"
	"github.com/cloudhub/cloudhub/server/rpc"
)

// maxCalendars is how many an organization may have.
const maxCalendars = 50

// CreateCalendar makes a calendar. One with an address has no days until the
// worker has read it.
func (s *Service) CreateCalendar(ctx context.Context, req *v1.CreateCalendarRequest) (*v1.CreateCalendarResponse, error) {
	grant := rpc.GrantOf(ctx)
	name, err := request.Name(req.GetName())
	if err != nil {
		return nil, err
	}
	c, err := s.contentOf(req)
	if err != nil {
		return nil, err
	}
	fresh, err := uuid.NewV7()
	if err != nil {
		return nil, err
	}
	out := &v1.CreateCalendarResponse{}
	err = s.tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) error {
		id := fresh
		earlier, err := request.Once(ctx, q, "CreateCalendar", req.GetRequestId(), req, id)
		switch {
		case err != nil:
			return err
		case earlier != nil:
			id = *earlier
		default:
			if err := create(ctx, q, id, name, c); err != nil {
				return err
			}
		}
		out.Calendar, err = get(ctx, q, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func create(ctx context.Context, q *gen.Queries, id uuid.UUID, name string, c content) error {
	org := rpc.GrantOf(ctx).Org
	if _, err := q.LockOrganization(ctx, org); err != nil {
		return err
	}
	n, err := q.CountCalendars(ctx, org)
	if err != nil {
		return err
	}
	if n >= maxCalendars {
		return rpcerr.New(rpcerr.ReasonLimitReached, "limit", strconv.Itoa(maxCalendars))
	}
	now, err := q.DatabaseTime(ctx)
	if err != nil {
		return err
	}
	row := gen.Calendar{OrgID: org, ID: id, Name: name}
	apply(&row, c, now)
	if err := q.InsertCalendar(ctx, gen.InsertCalendarParams{
		OrgID: org, ID: id, Name: name, Source: row.Source, Address: row.Address, RefreshedAt: row.RefreshedAt, NextRefreshAt: row.NextRefreshAt, Notes: row.Notes,
	}); err != nil {
		return err
	}
	if err := write(ctx, q, "calendar.create", id, nil, described(row, c)); err != nil {
		return err
	}
	return settle(ctx, q, row, c)
}

// apply sets what new content changes of a calendar's row. Days that were read
// before stay in force until another address has been read.
func apply(row *gen.Calendar, c content, now time.Time) {
	if c.source == sourceAddress && row.Address != nil && *row.Address == c.address {
		return
	}
	row.FailingSince, row.LastError, row.LastErrorDetail, row.NextRefreshAt, row.Validators = nil, nil, nil, nil, nil
	row.Address, row.Notes = nil, c.notes
	switch c.source {
	case sourceDays:
		row.RefreshedAt = nil
	case sourceFile:
		row.RefreshedAt = &now
	case sourceAddress:
		next := agenda.NextCalendar(row.ID, now)
		row.Address, row.NextRefreshAt = &c.address, &next
		if row.Source == sourceDays {
			row.RefreshedAt = nil
		}
	}
	row.Source = c.source
}

// settle makes true what new content asks for: its days, or that the address be
// read, now and then regularly.
func settle(ctx context.Context, q *gen.Queries, row gen.Calendar, c content) error {
	if c.source != sourceAddress {
		if err := timetable.ReplaceDays(ctx, q, row.OrgID, row.ID, c.days); err != nil {
			return err
		}
		return unask(ctx, q, row.OrgID, row.ID)
	}
	if row.NextRefreshAt != nil {
		if err := q.SetClock(ctx, gen.SetClockParams{
			OrgID: row.OrgID, Kind: string(agenda.KindCalendarClock), Subject: row.ID.String(), Lane: int16(agenda.LaneBackground), DueAt: *row.NextRefreshAt,
		}); err != nil {
			return err
		}
	}
	return request.Ask(ctx, q, row.OrgID, agenda.KindCalendar, row.ID, uuid.Nil)
}

// unask takes a calendar off the agenda.
func unask(ctx context.Context, q *gen.Queries, org, id uuid.UUID) error {
	for _, k := range []agenda.Kind{agenda.KindCalendarClock, agenda.KindCalendar} {
		if err := q.DeleteAgenda(ctx, gen.DeleteAgendaParams{OrgID: org, Kind: string(k), Subject: id.String()}); err != nil {
			return err
		}
	}
	return nil
}

// UpdateCalendar changes the name, and what a calendar holds when the request says
// so.
func (s *Service) UpdateCalendar(ctx context.Context, req *v1.UpdateCalendarRequest) (*v1.UpdateCalendarResponse, error) {
	id, err := request.ID(req.GetCalendarId())
	if err != nil {
		return nil, err
	}
	name, err := request.Name(req.GetName())
	if err != nil {
		return nil, err
	}
	c, err := s.contentOf(req)
	if err != nil {
		return nil, err
	}
	out := &v1.UpdateCalendarResponse{}
	err = s.tenants.InTenant(ctx, rpc.GrantOf(ctx).Org, func(q *gen.Queries) error {
		old, err := lock(ctx, q, id, req.GetEtag())
		if err != nil {
			return err
		}
		if err := update(ctx, q, old, name, c); err != nil {
			return err
		}
		out.Calendar, err = get(ctx, q, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func update(ctx context.Context, q *gen.Queries, old gen.Calendar, name string, c content) error {
	row := old
	row.Name = name
	if c.source != "" {
		now, err := q.DatabaseTime(ctx)
		if err != nil {
			return err
		}
		apply(&row, c, now)
	}
	if err := q.UpdateCalendar(ctx, gen.UpdateCalendarParams{
		Name: row.Name, Source: row.Source, Address: row.Address, RefreshedAt: row.RefreshedAt, FailingSince: row.FailingSince, LastError: row.LastError,
		LastErrorDetail: row.LastErrorDetail, NextRefreshAt: row.NextRefreshAt, Validators: row.Validators, Notes: row.Notes, OrgID: row.OrgID, ID: row.ID,
	}); err != nil {
		return err
	}
	if err := write(ctx, q, "calendar.update", row.ID, described(old, content{}), described(row, c)); err != nil {
		return err
	}
	if c.source == "" {
		return nil
	}
	return settle(ctx, q, row, c)
}

// DeleteCalendar removes a calendar that no schedule keeps to.
func (s *Service) DeleteCalendar(ctx context.Context, req *v1.DeleteCalendarRequest) (*v1.DeleteCalendarResponse, error) {
	id, err := request.ID(req.GetCalendarId())
	if err != nil {
		return nil, err
	}
	org := rpc.GrantOf(ctx).Org
	err = s.tenants.InTenant(ctx, org, func(q *gen.Queries) error {
		old, err := lock(ctx, q, id, "")
		if err != nil {
			return err
		}
		n, err := q.CountSchedulesOfCalendar(ctx, gen.CountSchedulesOfCalendarParams{OrgID: org, CalendarID: id})
		if err != nil {
			return err
		}
		if n > 0 {
			return rpcerr.New(rpcerr.ReasonCalendarInUse, "count", strconv.FormatInt(n, 10))
		}
		if err := q.ForgetDeletedSchedules(ctx, gen.ForgetDeletedSchedulesParams{OrgID: org, CalendarID: id}); err != nil {
			return err
		}
		if err := q.DeleteCalendar(ctx, gen.DeleteCalendarParams{OrgID: org, ID: id}); err != nil {
			return err
		}
		if err := write(ctx, q, "calendar.delete", id, described(old, content{}), nil); err != nil {
			return err
		}
		return unask(ctx, q, org, id)
	})
	return &v1.DeleteCalendarResponse{}, err
}

// RefreshCalendar asks for a reading of the address now.
func (s *Service) RefreshCalendar(ctx context.Context, req *v1.RefreshCalendarRequest) (*v1.RefreshCalendarResponse, error) {
	id, err := request.ID(req.GetCalendarId())
	if err != nil {
		return nil, err
	}
	org := rpc.GrantOf(ctx).Org
	out := &v1.RefreshCalendarResponse{}
	err = s.tenants.InTenant(ctx, org, func(q *gen.Queries) error {
		row, err := lock(ctx, q, id, "")
		if err != nil {
			return err
		}
		if row.Source != sourceAddress {
			return rpcerr.NotFound()
		}
		if out.Calendar, err = get(ctx, q, id); err != nil {
			return err
		}
		if err := write(ctx, q, "calendar.refresh", id, nil, map[string]any{"name": row.Name}); err != nil {
			return err
		}
		return request.Ask(ctx, q, org, agenda.KindCalendar, id, uuid.Nil)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// lock reads a calendar for a change, in the order of locks that the worker keeps
// too: organization, clock, calendar. Errors: NOT_FOUND, CONFLICT.
func lock(ctx context.Context, q *gen.Queries, id uuid.UUID, etag string) (gen.Calendar, error) {
	org := rpc.GrantOf(ctx).Org
	if _, err := q.LockOrganization(ctx, org); err != nil {
		return gen.Calendar{}, err
	}
	clock := gen.LockAgendaParams{OrgID: org, Kind: string(agenda.KindCalendarClock), Subject: id.String()}
	if _, err := q.LockAgenda(ctx, clock); err != nil && !db.IsNoRows(err) {
		return gen.Calendar{}, err
	}
	row, err := q.LockCalendar(ctx, gen.LockCalendarParams{OrgID: org, ID: id})
	if db.IsNoRows(err) {
		return row, rpcerr.NotFound()
	}
	if err == nil && etag != "" && etag != row.Etag.String() {
		err = rpcerr.New(rpcerr.ReasonConflict)
	}
	return row, err
}

// described is what the audit keeps of a calendar.
func described(row gen.Calendar, c content) map[string]any {
	out := map[string]any{"name": row.Name, "source": row.Source}
	if row.Address != nil {
		out["address"] = shown(row.Address)
	}
	if c.days != nil {
		out["days"] = len(c.days)
	}
	return out
}

func write(ctx context.Context, q *gen.Queries, action string, id uuid.UUID, before, after map[string]any) error {
	e := audit.Entry{Org: rpc.GrantOf(ctx).Org, Action: action, SubjectKind: "calendar", SubjectID: id.String()}
	if before != nil {
		e.Before = before
	}
	if after != nil {
		e.After = after
	}
	return audit.Write(ctx, q, e)
}
