// Package access is the table of who may do what: five roles, nineteen
// permissions, and how a workspace overrides a role. The server decides with
// it, the interface and the documentation read it. It knows no request and no
// database.
package access

import "slices"

// Role of a member of an organization. The values are stored.
type Role string

// The five roles.
const (
	Owner    Role = "owner"
	Admin    Role = "admin"
	Operator Role = "operator"
	Viewer   Role = "viewer"
	Billing  Role = "billing"
)

// Roles lists all roles, the mightiest first.
var Roles = []Role{Owner, Admin, Operator, Viewer, Billing}

// Permission is one of the nineteen.
type Permission string

// The nineteen permissions.
const (
	ResourcesView   Permission = "resources.view"
	ResourcesManage Permission = "resources.manage"
	CostsView       Permission = "costs.view"
	AlertsView      Permission = "alerts.view"
	AlertsManage    Permission = "alerts.manage"
	LogsView        Permission = "logs.view"
	MembersView     Permission = "members.view"
	MembersManage   Permission = "members.manage"
	WorkspaceManage Permission = "workspace.manage"
	OrgManage       Permission = "org.manage"
	FinopsView      Permission = "finops.view"
	FinopsRecommend Permission = "finops.recommend"
	FinopsApply     Permission = "finops.apply"
	SchedulesView   Permission = "schedules.view"
	SchedulesManage Permission = "schedules.manage"
	WebhooksView    Permission = "webhooks.view"
	WebhooksManage  Permission = "webhooks.manage"
	M365View        Permission = "m365.view"
	M365Manage      Permission = "m365.manage"
)

// Level says where a permission is asked.
type Level int

// An organization-level permission always uses the organization role; a
// workspace-level one the workspace's override, where there is one.
const (
	LevelOrganization Level = iota
	LevelWorkspace
)

type rule struct {
	permission Permission
	level      Level
	roles      []Role
}

// table is section 1.1 of the product's description, row by row.
var table = []rule{
	{ResourcesView, LevelWorkspace, []Role{Owner, Admin, Operator, Viewer}},
	{ResourcesManage, LevelWorkspace, []Role{Owner, Admin, Operator}},
	{CostsView, LevelWorkspace, []Role{Owner, Admin, Billing}},
	{AlertsView, LevelWorkspace, []Role{Owner, Admin, Billing}},
	{AlertsManage, LevelWorkspace, []Role{Owner, Admin, Billing}},
	{LogsView, LevelWorkspace, []Role{Owner, Admin, Operator, Viewer, Billing}},
	{MembersView, LevelOrganization, []Role{Owner, Admin}},
	{MembersManage, LevelOrganization, []Role{Owner, Admin}},
	{WorkspaceManage, LevelWorkspace, []Role{Owner, Admin}},
	{OrgManage, LevelOrganization, []Role{Owner}},
	{FinopsView, LevelWorkspace, []Role{Owner, Admin, Operator, Viewer, Billing}},
	{FinopsRecommend, LevelWorkspace, []Role{Owner, Admin, Operator, Billing}},
	{FinopsApply, LevelWorkspace, []Role{Owner, Admin, Operator}},
	{SchedulesView, LevelWorkspace, []Role{Owner, Admin, Operator, Viewer}},
	{SchedulesManage, LevelWorkspace, []Role{Owner, Admin, Operator}},
	{WebhooksView, LevelWorkspace, []Role{Owner, Admin, Operator, Viewer}},
	{WebhooksManage, LevelWorkspace, []Role{Owner, Admin, Operator}},
	{M365View, LevelWorkspace, []Role{Owner, Admin, Operator, Viewer, Billing}},
	{M365Manage, LevelWorkspace, []Role{Owner, Admin, Operator}},
}

var (
	levels = map[Permission]Level{}
	grants = map[Role]map[Permission]bool{}
	order  []Permission
)

func init() { //nolint:gochecknoinits // two indexes of the table above, nothing else
	for _, r := range Roles {
		grants[r] = map[Permission]bool{}
	}
	for _, row := range table {
		levels[row.permission] = row.level
		order = append(order, row.permission)
		for _, r := range row.roles {
			grants[r][row.permission] = true
		}
	}
}

// Permissions lists the nineteen in the order of the table.
func Permissions() []Permission { return slices.Clone(order) }

// LevelOf says where a permission is asked; ok is false for an unknown one.
func LevelOf(p Permission) (level Level, ok bool) {
	level, ok = levels[p]
	return level, ok
}

// Standing is a member's role and what a workspace makes of it.
type Standing struct {
	Role Role
	// Override is the workspace's, or empty. An owner's is never heeded.
	Override Role
}

// Inside is the role in force inside the workspace.
func (s Standing) Inside() Role {
	if s.Role == Owner || s.Override == "" {
		return s.Role
	}
	return s.Override
}

// May says whether the standing holds a permission. Unknown permissions and
// roles hold nothing.
func (s Standing) May(p Permission) bool {
	level, ok := levels[p]
	if !ok {
		return false
	}
	if level == LevelOrganization {
		return grants[s.Role][p]
	}
	return grants[s.Inside()][p]
}

// MayInOrganization says whether the role holds a permission at organization
// level, where no override counts.
func (s Standing) MayInOrganization(p Permission) bool { return grants[s.Role][p] }

// Plan of an organization. The values are stored.
type Plan string

// The plans, in rising order.
const (
	Free       Plan = "free"
	Pro        Plan = "pro"
	Enterprise Plan = "enterprise"
)

var planRank = map[Plan]int{Free: 1, Pro: 2, Enterprise: 3}

// Covers says whether the plan includes what needs the other.
func (p Plan) Covers(needed Plan) bool { return planRank[p] >= planRank[needed] }

// Limits of a plan; 0 means without limit.
type Limits struct {
	Workspaces    int
	CloudAccounts int
	Members       int
	// DeliveryDays is how long deliveries and the log of their attempts are kept; it
	// is never 0.
	DeliveryDays int
}

// LimitsOf has the figures of section 1.2 of the product's description.
func LimitsOf(p Plan) Limits {
	switch p {
	case Enterprise:
		return Limits{Workspaces: 20, DeliveryDays: 90}
	case Pro:
		return Limits{Workspaces: 10, CloudAccounts: 20, Members: 20, DeliveryDays: 30}
	default:
		return Limits{Workspaces: 2, CloudAccounts: 3, Members: 3, DeliveryDays: 7}
	}
}
