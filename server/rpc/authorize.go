package rpc

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	cloudhubv1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/access"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
)

// recentSignIn is how fresh a proof of identity must be for what asks for it.
const recentSignIn = 10 * time.Minute

// Authorizer decides whether a caller may do what a method declares. Role and
// membership are read on every request: there is no cache to be stale.
type Authorizer struct {
	Tenants *db.Tenants
	Now     func() time.Time
}

// Authorize checks a message against its method and answers what was granted.
// Errors: UNAUTHENTICATED, NOT_FOUND (not the caller's, or not there),
// PERMISSION_DENIED, PLAN_REQUIRED, RECENT_SIGN_IN_NEEDED.
func (a *Authorizer) Authorize(ctx context.Context, m protoreflect.MethodDescriptor, msg proto.Message) (Grant, error) {
	need := authOf(m)
	caller := CallerOf(ctx)
	if need.GetAccess() == cloudhubv1.Access_ACCESS_PUBLIC {
		return Grant{}, nil
	}
	if caller.UserID == uuid.Nil {
		return Grant{}, rpcerr.New(rpcerr.ReasonUnauthenticated)
	}
	grant := Grant{}
	switch need.GetAccess() {
	case cloudhubv1.Access_ACCESS_AUTHENTICATED:
	case cloudhubv1.Access_ACCESS_PLATFORM_ADMIN:
		// As for any id that is not his: the answer does not tell a person that
		// others may do this, nor whether what he named exists.
		if !caller.PlatformAdmin {
			return Grant{}, rpcerr.NotFound()
		}
	case cloudhubv1.Access_ACCESS_PERMISSION:
		var err error
		if grant, err = a.permission(ctx, caller, need, msg); err != nil {
			return Grant{}, err
		}
	default: // CheckContract lets none through; nor does this
		return Grant{}, fmt.Errorf("%s declares no access", m.FullName())
	}
	if need.GetRecentSignIn() && a.Now().Sub(caller.SignedInAt) > recentSignIn {
		return Grant{}, rpcerr.New(rpcerr.ReasonRecentSignInNeeded)
	}
	return grant, nil
}

func (a *Authorizer) permission(ctx context.Context, caller *Caller, need *cloudhubv1.Auth, msg proto.Message) (Grant, error) {
	org, err := uuid.Parse(stringField(msg, "org_id"))
	if err != nil || org == uuid.Nil {
		return Grant{}, rpcerr.NotFound()
	}
	workspace := uuid.Nil
	if msg.ProtoReflect().Descriptor().Fields().ByName("workspace_id") != nil {
		if workspace, err = uuid.Parse(stringField(msg, "workspace_id")); err != nil || workspace == uuid.Nil {
			return Grant{}, rpcerr.NotFound()
		}
	}
	grant, err := a.Standing(ctx, caller.UserID, org, workspace)
	if err != nil {
		return Grant{}, err
	}
	permission := PermissionOf(need.GetPermission())
	if !grant.Standing.May(permission) {
		return Grant{}, rpcerr.New(rpcerr.ReasonPermissionDenied, "permission", string(permission))
	}
	if plan := PlanOf(need.GetPlan()); !grant.Plan.Covers(plan) {
		return Grant{}, rpcerr.New(rpcerr.ReasonPlanRequired, "plan", string(plan))
	}
	return grant, nil
}

// Standing reads what a person is in an organization and workspace. Errors:
// NOT_FOUND when he may not enter, or there is no such place.
func (a *Authorizer) Standing(ctx context.Context, user, org, workspace uuid.UUID) (Grant, error) {
	var row gen.StandingRow
	err := a.Tenants.InTenant(ctx, org, func(q *gen.Queries) (err error) {
		row, err = q.Standing(ctx, gen.StandingParams{WorkspaceID: workspace, OrgID: org, UserID: user})
		return err
	})
	if db.IsNoRows(err) {
		return Grant{}, rpcerr.NotFound()
	}
	if err != nil {
		return Grant{}, err
	}
	plan := access.Plan(row.Plan)
	if row.PlanOver {
		plan = access.Free
	}
	return Grant{
		Org: org, Workspace: workspace, Name: row.Name, Plan: plan, TimeZone: row.TimeZone,
		Standing: access.Standing{Role: access.Role(row.Role), Override: access.Role(row.RoleOverride)},
	}, nil
}

func stringField(m proto.Message, name protoreflect.Name) string {
	fd := m.ProtoReflect().Descriptor().Fields().ByName(name)
	if fd == nil {
		return ""
	}
	return m.ProtoReflect().Get(fd).String()
}
