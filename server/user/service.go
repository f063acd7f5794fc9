// Package user is about the caller himself: UserService.
package user

import (
	"context"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/access"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/server/rpc"
)

// Service implements UserService.
type Service struct {
	identity *db.Identity
	// endSession is the sign-in service's: it records the end with it.
	endSession func(ctx context.Context, user, session uuid.UUID) (found bool, err error)
	// admin: this server has the operators' page.
	admin bool
}

// New makes the service; admin says that this server has the operators' page.
func New(identity *db.Identity, endSession func(ctx context.Context, user, session uuid.UUID) (found bool, err error), admin bool) *Service {
	return &Service{identity, endSession, admin}
}

// GetMe tells who the caller is, where he is a member and what he may do.
func (s *Service) GetMe(ctx context.Context, _ *v1.GetMeRequest) (*v1.GetMeResponse, error) {
	me := rpc.CallerOf(ctx).UserID
	out := &v1.GetMeResponse{}
	err := s.identity.Tx(ctx, func(q *gen.Queries) error {
		u, err := q.UserByID(ctx, me)
		if err != nil {
			return err
		}
		orgs, err := q.ListMyOrganizations(ctx, me)
		if err != nil {
			return err
		}
		workspaces, err := q.ListMyWorkspaces(ctx, me)
		if err != nil {
			return err
		}
		out = &v1.GetMeResponse{PlatformAdmin: s.admin && rpc.CallerOf(ctx).PlatformAdmin, User: &v1.User{Id: u.ID.String(), Email: u.Email, Name: u.Name, Locale: u.Locale}}
		for _, o := range orgs {
			out.Organizations = append(out.Organizations, organization(o, workspaces))
		}
		return nil
	})
	return out, err
}

func organization(o gen.ListMyOrganizationsRow, workspaces []gen.ListMyWorkspacesRow) *v1.Organization {
	standing := access.Standing{Role: access.Role(o.Role)}
	plan := access.Plan(o.Plan)
	if o.PlanOver { // as the authorizer sees it
		plan = access.Free
	}
	out := &v1.Organization{
		Id: o.ID.String(), Name: o.Name, Plan: plans[plan], Role: roles[standing.Role], Permissions: permissions(standing.MayInOrganization),
	}
	if o.PlanUntil != nil {
		out.PlanUntil = timestamppb.New(*o.PlanUntil)
	}
	if o.PausedAt != nil {
		out.AutomationPause = &v1.AutomationPause{PauseTime: timestamppb.New(*o.PausedAt)}
		if o.PausedReason != nil {
			out.AutomationPause.Reason = *o.PausedReason
		}
		if o.PausedByName != nil {
			out.AutomationPause.PausedByName = *o.PausedByName
		}
	}
	for _, w := range workspaces {
		if w.OrgID != o.ID {
			continue
		}
		inside := standing
		if w.RoleOverride != nil {
			inside.Override = access.Role(*w.RoleOverride)
		}
		out.Workspaces = append(out.Workspaces, &v1.Workspace{Id: w.ID.String(), Name: w.Name, TimeZone: w.TimeZone, Permissions: permissions(inside.May)})
	}
	return out
}

func permissions(may func(access.Permission) bool) []v1.Permission {
	var out []v1.Permission
	for n := range v1.Permission_name {
		p := v1.Permission(n)
		if may(rpc.PermissionOf(p)) {
			out = append(out, p)
		}
	}
	return sorted(out)
}

// ListSessions lists where the caller is signed in.
func (s *Service) ListSessions(ctx context.Context, _ *v1.ListSessionsRequest) (*v1.ListSessionsResponse, error) {
	caller := rpc.CallerOf(ctx)
	rows, err := s.identity.Read().ListSessions(ctx, caller.UserID)
	if err != nil {
		return nil, err
	}
	out := &v1.ListSessionsResponse{}
	for _, r := range rows {
		out.Sessions = append(out.Sessions, &v1.Session{
			Id: r.ID.String(), CreateTime: timestamppb.New(r.CreatedAt), LastUsedTime: timestamppb.New(r.LastUsedAt),
			Address: r.Address, UserAgent: r.UserAgent, Current: r.ID == caller.SessionID,
		})
	}
	return out, nil
}

// RevokeSession ends one of the caller's sessions.
func (s *Service) RevokeSession(ctx context.Context, req *v1.RevokeSessionRequest) (*v1.RevokeSessionResponse, error) {
	caller := rpc.CallerOf(ctx)
	id, err := uuid.Parse(req.GetSessionId())
	if err != nil {
		return nil, rpcerr.NotFound()
	}
	found, err := s.endSession(ctx, caller.UserID, id)
	if err == nil && !found {
		err = rpcerr.NotFound()
	}
	return &v1.RevokeSessionResponse{}, err
}
