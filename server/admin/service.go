// Package admin is the operators' page: AdminService. It reads and moves rows of
// the agenda of all tenants, as the role cloudhub_admin, which sees nothing else
// of them. Whoever gets here is a platform admin: the contract says so.
package admin

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/server/audit"
	"github.com/cloudhub/cloudhub/server/page"
	"github.com/cloudhub/cloudhub/server/request"
	"github.com/cloudhub/cloudhub/server/rpc"
)

// Service implements AdminService.
type Service struct {
	admin  *db.Admin
	tokens *page.Tokens
	mapper mapper
}

// New makes the service. temporalUI is the address of Temporal's UI, or "".
func New(admin *db.Admin, tokens *page.Tokens, temporalUI string) *Service {
	return &Service{admin, tokens, mapper{strings.TrimRight(temporalUI, "/")}}
}

// GetAgendaSummary counts what is on the agenda.
func (s *Service) GetAgendaSummary(ctx context.Context, _ *v1.GetAgendaSummaryRequest) (*v1.GetAgendaSummaryResponse, error) {
	out := &v1.GetAgendaSummaryResponse{}
	err := s.admin.Tx(ctx, func(q *gen.Queries) error {
		row, err := q.DispatcherConnections(ctx)
		if err != nil {
			return err
		}
		kinds, seconds := agenda.OpenLimits()
		counts, err := q.SummarizeAgenda(ctx, gen.SummarizeAgendaParams{LateSeconds: agenda.LateAfter.Seconds(), OpenKinds: kinds, OpenSeconds: seconds})
		if err != nil {
			return err
		}
		out = &v1.GetAgendaSummaryResponse{Time: timestamppb.New(row.Now), DispatcherConnectionCount: row.Connections}
		for _, c := range counts {
			out.Counts = append(out.Counts, countToProto(c))
		}
		return nil
	})
	return out, err
}

// last is where a page ends.
type last struct {
	Due     time.Time `json:"d"`
	Org     uuid.UUID `json:"o"`
	Kind    string    `json:"k"`
	Subject string    `json:"s"`
}

// ListAgenda lists rows by the time they are due.
func (s *Service) ListAgenda(ctx context.Context, req *v1.ListAgendaRequest) (*v1.ListAgendaResponse, error) {
	var from last
	if err := s.tokens.Open(req, req.GetPageToken(), &from); err != nil {
		return nil, err
	}
	size := page.Size(req.GetPageSize())
	out := &v1.ListAgendaResponse{}
	err := s.admin.Tx(ctx, func(q *gen.Queries) error {
		now, err := q.AdminTime(ctx)
		if err != nil {
			return err
		}
		rows, err := list(ctx, q, req, from, now, size+1)
		if err != nil {
			return err
		}
		out = &v1.ListAgendaResponse{Time: timestamppb.New(now)}
		if len(rows) > int(size) {
			rows = rows[:size]
			l := rows[size-1]
			if out.NextPageToken, err = s.tokens.Next(req, last{l.DueAt, l.OrgID, l.Kind, l.Subject}); err != nil {
				return err
			}
		}
		for _, r := range rows {
			out.Rows = append(out.Rows, s.mapper.row(r))
		}
		return nil
	})
	return out, err
}

// never is later than anything is due.
var never = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

func list(ctx context.Context, q *gen.Queries, req *v1.ListAgendaRequest, from last, now time.Time, limit int32) ([]gen.AgendaRowRow, error) {
	kinds, lanes := nonNil(req.GetKinds()), lanesOf(req.GetLanes())
	search := strings.TrimSpace(req.GetOrganization())
	var out []gen.AgendaRowRow
	if req.GetView() == v1.AgendaView_AGENDA_VIEW_PARKED {
		rows, err := q.ParkedAgenda(ctx, gen.ParkedAgendaParams{
			AfterDue: from.Due, AfterOrg: from.Org, AfterKind: from.Kind, AfterSubject: from.Subject, Kinds: kinds, Lanes: lanes, Search: search, RowLimit: limit,
		})
		for _, r := range rows {
			out = append(out, gen.AgendaRowRow(r))
		}
		return out, err
	}
	until := now
	if req.GetView() == v1.AgendaView_AGENDA_VIEW_ALL {
		until = never
	}
	openKinds, openSeconds := agenda.OpenLimits()
	rows, err := q.AgendaByDue(ctx, gen.AgendaByDueParams{
		AfterDue: from.Due, AfterOrg: from.Org, AfterKind: from.Kind, AfterSubject: from.Subject, Until: until, View: views[req.GetView()],
		LateSeconds: agenda.LateAfter.Seconds(), OpenKinds: openKinds, OpenSeconds: openSeconds, Kinds: kinds, Lanes: lanes, Search: search, RowLimit: limit,
	})
	for _, r := range rows {
		out = append(out, gen.AgendaRowRow(r))
	}
	return out, err
}

// key names one row.
type key struct {
	org           uuid.UUID
	kind, subject string
}

type named interface {
	GetOrgId() string
	GetKind() string
	GetSubject() string
}

func keyOf(req named) (key, error) {
	org, err := request.ID(req.GetOrgId())
	return key{org, req.GetKind(), req.GetSubject()}, err
}

// GetAgendaRow gives one row.
func (s *Service) GetAgendaRow(ctx context.Context, req *v1.GetAgendaRowRequest) (*v1.GetAgendaRowResponse, error) {
	k, err := keyOf(req)
	if err != nil {
		return nil, err
	}
	row, err := read(ctx, s.admin.Read(), k)
	if err != nil {
		return nil, err
	}
	return &v1.GetAgendaRowResponse{Row: s.mapper.row(row)}, nil
}

func read(ctx context.Context, q *gen.Queries, k key) (gen.AgendaRowRow, error) {
	row, err := q.AgendaRow(ctx, gen.AgendaRowParams{OrgID: k.org, Kind: k.kind, Subject: k.subject})
	if db.IsNoRows(err) {
		return row, rpcerr.NotFound()
	}
	return row, err
}

// DriveAgain has a row looked at now.
func (s *Service) DriveAgain(ctx context.Context, req *v1.DriveAgainRequest) (*v1.DriveAgainResponse, error) {
	row, err := s.change(ctx, req, "agenda.drive_again", func(q *gen.Queries, k key) error {
		_, err := q.DriveAgain(ctx, gen.DriveAgainParams{OrgID: k.org, Kind: k.kind, Subject: k.subject})
		return err
	})
	if err != nil {
		return nil, err
	}
	return &v1.DriveAgainResponse{Row: row}, nil
}

// ParkAgendaRow keeps a row from being driven.
func (s *Service) ParkAgendaRow(ctx context.Context, req *v1.ParkAgendaRowRequest) (*v1.ParkAgendaRowResponse, error) {
	reason := strings.TrimSpace(req.GetReason())
	if reason == "" { // blank to people, and not to the contract's pattern
		return nil, rpcerr.Invalid(rpcerr.ReasonValidation, "reason", "say why, in 1 to 300 characters")
	}
	row, err := s.change(ctx, req, "agenda.park", func(q *gen.Queries, k key) error {
		_, err := q.ParkAgenda(ctx, gen.ParkAgendaParams{
			ParkedBy: rpc.CallerOf(ctx).Name, ParkedReason: reason, OrgID: k.org, Kind: k.kind, Subject: k.subject,
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return &v1.ParkAgendaRowResponse{Row: row}, nil
}

// change moves one row and records who did it, in one transaction. The record is
// the tenant's: it is his work that was held or let go.
func (s *Service) change(ctx context.Context, req named, action string, fn func(q *gen.Queries, k key) error) (*v1.AgendaRow, error) {
	k, err := keyOf(req)
	if err != nil {
		return nil, err
	}
	var after gen.AgendaRowRow
	err = s.admin.Tx(ctx, func(q *gen.Queries) error {
		_, err := q.LockAgendaRow(ctx, gen.LockAgendaRowParams{OrgID: k.org, Kind: k.kind, Subject: k.subject})
		if db.IsNoRows(err) {
			return rpcerr.NotFound()
		}
		if err != nil {
			return err
		}
		before, err := read(ctx, q, k)
		if err != nil {
			return err
		}
		if err := fn(q, k); err != nil {
			return err
		}
		if after, err = read(ctx, q, k); err != nil {
			return err
		}
		return audit.Write(ctx, q, audit.Entry{
			Org: k.org, Operator: true, Action: action, SubjectKind: "agenda", SubjectID: k.kind + "/" + k.subject, Before: recorded(before), After: recorded(after),
		})
	})
	if err != nil {
		return nil, err
	}
	return s.mapper.row(after), nil
}

func nonNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
