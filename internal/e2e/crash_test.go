package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
	"github.com/cloudhub/cloudhub/internal/platform/crashpoint"
)

// The two paths: an order by hand, and a minute of a timetable.
const (
	byPerson    = "person"
	byTimetable = "timetable"
)

// pointsOf are the points that a path comes to.
func pointsOf(path string) []crashpoint.Point {
	points := slices.Clone(crashpoint.OfPower)
	if path == byPerson {
		points = slices.DeleteFunc(points, func(p crashpoint.Point) bool { return p == crashpoint.Expanded })
	}
	return points
}

// crashCase is one operation, stopped at one point of one path.
type crashCase struct {
	path     string
	point    crashpoint.Point
	machines []string // the provider's ids
	request  string
	schedule string
	op       string
}

func (x *crashCase) name() string { return x.path + "-" + string(x.point) }

// subject is what its point is reached for.
func (x *crashCase) subject(workspace string) string {
	switch x.point {
	case crashpoint.Committed:
		return x.request
	case crashpoint.Expanded:
		return workspace
	case crashpoint.Signed, crashpoint.Sending, crashpoint.Accepted:
		return x.machines[0]
	default:
		return x.op
	}
}

// crashCases are all points of both paths, with two machines each.
func crashCases() (cases []*crashCase, estate sim.Estate) {
	account := sim.Account{ID: sim.SmallAccount, Name: "crash", Regions: []string{"sa-east-1", "us-east-1"}, Keys: []sim.Key{sim.SmallKey}}
	for i, path := range []string{byPerson, byTimetable} {
		for j, point := range pointsOf(path) {
			c := &crashCase{path: path, point: point, request: uuid.NewString()}
			for k := range 2 {
				id := fmt.Sprintf("i-0c0000000000%02d%02d%d", i, j, k)
				account.Instances = append(account.Instances, sim.Instance{ID: id, Name: fmt.Sprint(c.name(), "-", k), Region: "sa-east-1"})
				c.machines = append(c.machines, id)
			}
			cases = append(cases, c)
		}
	}
	span := sim.Span{Min: sim.Duration(400 * time.Millisecond), Max: sim.Duration(900 * time.Millisecond)}
	return cases, sim.Estate{Behaviour: sim.Behaviour{Start: span, Stop: span}, Accounts: []sim.Account{account}}
}

// At every boundary of both paths stands an operation when one of the five
// processes is killed; one installation for each. Whatever dies, each ends with
// the machines as wanted, once.
func TestAnyProcessKilledAtAnyPoint(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for _, victim := range allProcesses {
		// Side by side, because they mostly wait for leases and timeouts.
		all.Go(func() { t.Run(victim, func(t *testing.T) { killedAtEveryPoint(t, victim) }) })
	}
	all.Wait()
}

func killedAtEveryPoint(t *testing.T, victim string) {
	cases, estate := crashCases()
	c := &crash{five: newFive(t, estate), cases: cases}
	c.resources = c.machines()
	c.layOut()
	c.bringToTheirPoints()
	if victim == thePostgres {
		// Readings lag behind writes, as EC2's do: what was accepted and could not
		// be recorded does not show, and is asked for once more.
		c.lag(10 * time.Second)
	}
	past := c.past()
	died := time.Now()
	c.kill(victim)
	require.NoError(t, c.points.ReleaseAll())
	c.revive(victim)
	c.finish()
	t.Logf("%s killed with %d operations at %d points of two paths (of these had ended: %s); all had ended %.1f s later",
		victim, len(cases), len(crashpoint.OfPower), past, time.Since(died).Seconds())
	c.check()
}

// crash is one installation and its cases.
type crash struct {
	*five
	cases     []*crashCase
	resources map[string]*v1.Resource
	answers   sync.WaitGroup
}

func (c *crash) find(path string, point crashpoint.Point) *crashCase {
	i := slices.IndexFunc(c.cases, func(x *crashCase) bool { return x.path == path && x.point == point })
	return c.cases[i]
}

// layOut asks for everything while no worker lives, except for what the server
// is to die over.
func (c *crash) layOut() {
	for _, x := range c.cases {
		switch {
		case x.point == crashpoint.Committed:
		case x.path == byPerson:
			x.op = c.stop(ids(c.resources, x.machines...)...).GetId()
			c.arm(x)
		default:
			x.schedule = c.schedule(x.name(), ids(c.resources, x.machines...)...).GetId()
		}
	}
}

func (c *crash) arm(x *crashCase) {
	if x.point == crashpoint.Started {
		// The workflow would go on to its end beside it.
		require.NoError(c.t, c.points.Arm(crashpoint.Taken, x.op))
	}
	require.NoError(c.t, c.points.Arm(x.point, x.subject(c.ws)))
}

// minutes makes the schedules' times come, each a second apart so that each is an
// operation of its own.
func (c *crash) minutes(cases ...*crashCase) {
	first := time.Now().Add(-time.Minute)
	for i, x := range cases {
		c.db.Exec(c.t, "UPDATE schedules SET next_at = $2, next_wanted = 'stopped' WHERE id = $1", x.schedule, first.Add(time.Duration(i)*time.Second))
	}
	c.db.Exec(c.t, "UPDATE agenda SET due_at = $2, look_at = $2 WHERE kind = 'timetable' AND subject = $1", c.ws, first)
}

// bringToTheirPoints lets workers begin and waits until every operation is held
// where it belongs. A held expansion, lease or start holds its worker's lane up,
// as a dead one would; so the first worker takes all of a batch, and the second
// the expansion.
func (c *crash) bringToTheirPoints() {
	var minute []*crashCase
	expansion := c.find(byTimetable, crashpoint.Expanded)
	for _, x := range c.cases {
		if x.path == byTimetable && x.point != crashpoint.Committed && x != expansion {
			minute = append(minute, x)
		}
	}
	c.minutes(minute...)
	c.arm(expansion)
	c.spawnWorker()
	c.await("the timetable is expanded", func() bool { return c.points.Held(crashpoint.Expanded, c.ws) })
	for _, x := range minute {
		x.op = c.operationOf(x.schedule)
		c.arm(x)
	}
	require.NoError(c.t, c.points.Release(crashpoint.Expanded, c.ws))
	c.reached("all operations stand at their points")

	c.spawnWorker()
	c.arm(expansion)
	c.minutes(expansion)
	c.reached("the second expansion stands")
	expansion.op = c.operationOf(expansion.schedule)
	for _, path := range []string{byPerson, byTimetable} {
		x := c.find(path, crashpoint.Committed)
		c.arm(x)
		c.answers.Go(func() { c.insist(x) })
	}
	c.reached("the server has committed")
}

// past are the operations that have ended: those at the last point, and on a busy
// machine what another attempt has carried on meanwhile.
func (c *crash) past() string {
	var names []string
	for _, x := range c.cases {
		if x.op != "" && c.count("SELECT count(*) FROM operations WHERE id = $1 AND ended_at IS NOT NULL", x.op) == 1 {
			names = append(names, x.name())
		}
	}
	return strings.Join(names, ", ")
}

func (c *crash) reached(what string) {
	c.t.Helper()
	c.await(what, func() bool {
		armed, err := c.points.Armed()
		require.NoError(c.t, err)
		return len(armed) == 0
	})
}

func (c *crash) operationOf(schedule string) (id string) {
	c.t.Helper()
	require.NoError(c.t, c.db.Owner.QueryRow(c.t.Context(), "SELECT operation_id FROM operation_schedules WHERE schedule_id = $1", schedule).Scan(&id))
	return id
}

// insist asks again with the same request until it has an answer, as the
// interface does.
func (c *crash) insist(x *crashCase) {
	day := []v1.Weekday{1, 2, 3, 4, 5, 6, 7}
	rule := &v1.ScheduleRule{
		StartTime: time.Now().UTC().Add(6 * time.Hour).Format("15:04"), StopTime: time.Now().UTC().Add(9 * time.Hour).Format("15:04"), Weekdays: day, TimeZone: "UTC",
	}
	for deadline := time.Now().Add(90 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.t.Context()), 20*time.Second)
		if x.path == byPerson {
			if got, err := c.power.StopResources(ctx, &v1.StopResourcesRequest{
				OrgId: c.org, WorkspaceId: c.ws, ResourceIds: ids(c.resources, x.machines...), RequestId: x.request,
			}); err == nil {
				x.op = got.GetOperation().GetId()
			}
		} else if got, err := c.schedules.CreateSchedule(ctx, &v1.CreateScheduleRequest{
			OrgId: c.org, WorkspaceId: c.ws, Name: x.name(), ResourceIds: ids(c.resources, x.machines...), RequestId: x.request,
			Rule: rule,
		}); err == nil {
			x.schedule = got.GetSchedule().GetId()
		}
		cancel()
		if x.op != "" || x.schedule != "" {
			return
		}
	}
}

// finish waits for every end.
func (c *crash) finish() {
	c.answers.Wait()
	kept := c.find(byTimetable, crashpoint.Committed)
	require.NotEmpty(c.t, kept.schedule, "the server never answered: %s", c.lastWords())
	c.minutes(kept)
	c.await("every operation ends", func() bool {
		return c.count("SELECT count(*) FROM operations WHERE ended_at IS NOT NULL") >= len(c.cases) &&
			c.count("SELECT count(*) FROM operations WHERE ended_at IS NULL") == 0
	})
	kept.op = c.operationOf(kept.schedule)
}

// mayRepeat says that a call for the operation was in flight at the kill.
func (x *crashCase) mayRepeat() bool {
	return slices.Contains([]crashpoint.Point{crashpoint.Intended, crashpoint.Signed, crashpoint.Sending, crashpoint.Accepted, crashpoint.Answered}, x.point)
}

// check says what must be true in the end.
func (c *crash) check() {
	t := c.t
	calls := c.powerCalls()
	repeated := 0
	for _, x := range c.cases {
		var operations, targets, done, audits int
		require.NotEmpty(t, x.op, x.name())
		require.NoError(t, c.db.Owner.QueryRow(t.Context(), `SELECT count(DISTINCT o.id), count(*), count(*) FILTER (WHERE t.state = 'done' AND o.state = 'succeeded')
			FROM operations o JOIN operation_targets t ON t.org_id = o.org_id AND t.operation_id = o.id WHERE t.provider_id = ANY($1)`, x.machines).Scan(&operations, &targets, &done), x.name())
		require.Equal(t, 1, operations, "%s: one operation", x.name())
		require.Equal(t, len(x.machines), targets, "%s: one result for each machine", x.name())
		require.Equal(t, len(x.machines), done, "%s: %s", x.name(), c.lastWords())
		require.NoError(t, c.db.Owner.QueryRow(t.Context(), "SELECT count(*) FROM audit_log WHERE subject_id = $1", x.op).Scan(&audits))
		require.Equal(t, 1, audits, "%s: one audit entry", x.name())
		for _, m := range x.machines {
			require.Equal(t, 1, c.count("SELECT count(*) FROM resources WHERE provider_id = $1 AND state = 'stopped'", m), x.name())
			n := callsOf(calls, m)
			repeated += n - 1
			require.GreaterOrEqual(t, n, 1, x.name())
			require.LessOrEqual(t, n, 2, "%s: never two redundant calls for one target", x.name())
			require.True(t, n == 1 || x.mayRepeat(), "%s: only what was in flight is asked again", x.name())
		}
	}
	require.Equal(t, len(c.cases), c.count("SELECT count(*) FROM operations WHERE kind = 'power'"))
	require.Equal(t, 1, c.count("SELECT count(*) FROM audit_log WHERE action = 'schedule.create' AND subject_id = $1", c.find(byTimetable, crashpoint.Committed).schedule))
	for _, m := range c.simulated() {
		require.Equal(t, sim.Stopped, m.State, m.ID)
	}
	c.settled()
	t.Logf("%d calls for %d machines, %d of them redundant", len(calls), 2*len(c.cases), repeated)
}
