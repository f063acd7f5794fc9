package access

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// section 1.1 of the product's description, as it is printed there: permission,
// level, then owner, admin, operator, viewer, billing.
const section11 = `
resources.view    W  + + + + .
resources.manage  W  + + + . .
costs.view        W  + + . . +
alerts.view       W  + + . . +
alerts.manage     W  + + . . +
logs.view         W  + + + + +
members.view      O  + + . . .
members.manage    O  + + . . .
workspace.manage  W  + + . . .
org.manage        O  + . . . .
finops.view       W  + + + + +
finops.recommend  W  + + + . +
finops.apply      W  + + + . .
schedules.view    W  + + + + .
schedules.manage  W  + + + . .
webhooks.view     W  + + + + .
webhooks.manage   W  + + + . .
m365.view         W  + + + + +
m365.manage       W  + + + . .
`

func TestTheTableIsTheProducts(t *testing.T) {
	t.Parallel()
	lines := strings.Split(strings.TrimSpace(section11), "\n")
	require.Len(t, lines, 19)
	var order []Permission
	for _, line := range lines {
		cells := strings.Fields(line)
		p := Permission(cells[0])
		order = append(order, p)
		level, ok := LevelOf(p)
		require.True(t, ok, p)
		require.Equal(t, map[string]Level{"O": LevelOrganization, "W": LevelWorkspace}[cells[1]], level, p)
		for i, role := range Roles {
			want := cells[2+i] == "+"
			require.Equal(t, want, Standing{Role: role}.May(p), "%s %s", role, p)
			require.Equal(t, want, Standing{Role: role}.MayInOrganization(p), "%s %s", role, p)
		}
	}
	require.Equal(t, order, Permissions())
}

func TestAnOverrideCountsInsideItsWorkspaceAlone(t *testing.T) {
	t.Parallel()
	for _, role := range Roles {
		for _, override := range append([]Role{""}, Roles...) {
			s := Standing{Role: role, Override: override}
			inside := override
			if role == Owner || override == "" {
				inside = role
			}
			require.Equal(t, inside, s.Inside(), "%s in %s", override, role)
			for _, p := range Permissions() {
				level, _ := LevelOf(p)
				want := Standing{Role: inside}.May(p)
				if level == LevelOrganization {
					want = Standing{Role: role}.May(p)
				}
				require.Equal(t, want, s.May(p), "%s over %s: %s", override, role, p)
				require.Equal(t, Standing{Role: role}.May(p), s.MayInOrganization(p))
			}
		}
	}
}

func TestWhatIsUnknownMayNothing(t *testing.T) {
	t.Parallel()
	for _, p := range append(Permissions(), "", "org.destroy") {
		require.False(t, Standing{}.May(p))
		require.False(t, Standing{Role: "root"}.May(p))
		require.False(t, Standing{Role: Viewer, Override: "root"}.May(p) && p != "org.destroy" && p != "")
	}
	require.False(t, Standing{Role: Owner}.May("org.destroy"))
	require.False(t, Standing{Role: Owner}.May(""))
	_, ok := LevelOf("org.destroy")
	require.False(t, ok)
	list := Permissions()
	list[0] = "x"
	require.NotEqual(t, list[0], Permissions()[0], "nobody changes the table")
}

func TestPlansRise(t *testing.T) {
	t.Parallel()
	plans := []Plan{Free, Pro, Enterprise}
	for i, have := range plans {
		for j, needed := range plans {
			require.Equal(t, i >= j, have.Covers(needed), "%s for %s", have, needed)
		}
		require.False(t, Plan("gold").Covers(have), "an unknown plan covers nothing")
	}
	require.Equal(t, Limits{Workspaces: 2, CloudAccounts: 3, Members: 3, DeliveryDays: 7}, LimitsOf(Free))
	require.Equal(t, Limits{Workspaces: 10, CloudAccounts: 20, Members: 20, DeliveryDays: 30}, LimitsOf(Pro))
	require.Equal(t, Limits{Workspaces: 20, DeliveryDays: 90}, LimitsOf(Enterprise))
	require.Equal(t, LimitsOf(Free), LimitsOf("gold"))
}
