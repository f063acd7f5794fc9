// Package organization keeps what holds for a whole organization:
// OrganizationService.
package organization

import (
	"context"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/server/audit"
	"github.com/cloudhub/cloudhub/server/rpc"
)

// Service implements OrganizationService.
type Service struct{ tenants *db.Tenants }

// New makes the service.
func New(tenants *db.Tenants) *Service { return &Service{tenants} }

// PauseAutomation stops everything that acts without a person. Who pauses what is
// paused already changes the reason, and not since when.
func (s *Service) PauseAutomation(ctx context.Context, req *v1.PauseAutomationRequest) (*v1.PauseAutomationResponse, error) {
	grant := rpc.GrantOf(ctx)
	reason := strings.TrimSpace(req.GetReason())
	if reason == "" {
		return nil, rpcerr.Invalid(rpcerr.ReasonValidation, "reason", "say why, in 1 to 200 characters")
	}
	out := &v1.AutomationPause{Reason: reason, PausedByName: grant.Name}
	err := s.tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) error {
		at, err := q.PauseAutomation(ctx, gen.PauseAutomationParams{Reason: reason, ByName: grant.Name, OrgID: grant.Org})
		if err != nil {
			return err
		}
		out.PauseTime = timestamppb.New(at)
		return write(ctx, q, "automation.pause", map[string]any{"reason": reason})
	})
	if err != nil {
		return nil, err
	}
	return &v1.PauseAutomationResponse{Pause: out}, nil
}

// ResumeAutomation lets it go on with the next minute.
func (s *Service) ResumeAutomation(ctx context.Context, _ *v1.ResumeAutomationRequest) (*v1.ResumeAutomationResponse, error) {
	grant := rpc.GrantOf(ctx)
	err := s.tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) error {
		n, err := q.ResumeAutomation(ctx, grant.Org)
		if err != nil || n == 0 {
			return err
		}
		return write(ctx, q, "automation.resume", nil)
	})
	return &v1.ResumeAutomationResponse{}, err
}

func write(ctx context.Context, q *gen.Queries, action string, after any) error {
	org := rpc.GrantOf(ctx).Org
	return audit.Write(ctx, q, audit.Entry{Org: org, Action: action, SubjectKind: "organization", SubjectID: org.String(), After: after})
}
