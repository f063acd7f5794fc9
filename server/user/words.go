package user

import (
	"slices"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/access"
)

var plans = map[access.Plan]v1.Plan{access.Free: v1.Plan_PLAN_FREE, access.Pro: v1.Plan_PLAN_PRO, access.Enterprise: v1.Plan_PLAN_ENTERPRISE}

var roles = map[access.Role]v1.Role{
	access.Owner: v1.Role_ROLE_OWNER, access.Admin: v1.Role_ROLE_ADMIN, access.Operator: v1.Role_ROLE_OPERATOR,
	access.Viewer: v1.Role_ROLE_VIEWER, access.Billing: v1.Role_ROLE_BILLING,
}

func sorted(p []v1.Permission) []v1.Permission {
	slices.Sort(p)
	return p
}
