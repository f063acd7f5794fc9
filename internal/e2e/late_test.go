package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/dbtest"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
	"github.com/cloudhub/cloudhub/internal/platform/crashpoint"
	"github.com/cloudhub/cloudhub/internal/platform/postgres"
)

// The places between a look and the wire at which a worker can be frozen.
var freezePoints = []crashpoint.Point{crashpoint.Deciding, crashpoint.Intended, crashpoint.Signed, crashpoint.Sending}

// frozenWindow is how long the late ones may act, in which they must come from
// the last check to the wire's edge: a busy machine needs some of it.
const frozenWindow = 8 * time.Second

// A worker is frozen before the last check, between check and signing, between
// signing and sending and with the connection in its hands, past act_before. When
// it goes on, nothing late leaves it; what was in time is done.
func TestAFrozenWorkerSendsNothingLate(t *testing.T) {
	t.Parallel()
	late, inTime, estate := freezeCases()
	f := newFive(t, estate)
	c := &crash{five: f, cases: append(late, inTime...)}
	c.resources = c.machines()

	// All stand before the last check.
	var minute []*crashCase
	for _, x := range c.cases {
		if x.path == byPerson {
			x.op = c.stop(ids(c.resources, x.machines...)...).GetId()
			require.NoError(t, c.points.Arm(crashpoint.Deciding, x.op))
			continue
		}
		x.schedule = c.schedule(x.machines[0], ids(c.resources, x.machines...)...).GetId()
		minute = append(minute, x)
	}
	c.minutes(minute...)
	require.NoError(t, c.points.Arm(crashpoint.Expanded, c.ws))
	worker := c.spawnWorker()
	c.await("the timetable is expanded", func() bool { return c.points.Held(crashpoint.Expanded, c.ws) })
	for _, x := range minute {
		x.op = c.operationOf(x.schedule)
		require.NoError(t, c.points.Arm(crashpoint.Deciding, x.op))
	}
	require.NoError(t, c.points.Release(crashpoint.Expanded, c.ws))
	c.reached("all stand before the check")

	// Each goes on to its own place, some with little time left.
	for _, x := range late {
		c.db.Exec(t, "UPDATE operations SET act_before = clock_timestamp() + make_interval(secs => $2) WHERE id = $1", x.op, frozenWindow.Seconds())
	}
	for _, x := range c.cases {
		if x.point != crashpoint.Deciding {
			c.arm(x)
			require.NoError(t, c.points.Release(crashpoint.Deciding, x.op))
		}
	}
	c.reached("each stands at its place")
	worker.freeze(t)
	require.NoError(t, c.points.ReleaseAll())
	require.Empty(t, c.powerCalls())
	c.await("the time of the late ones is over", func() bool {
		return c.count("SELECT count(*) FROM operations WHERE kind = 'power' AND act_before < clock_timestamp() - interval '100 milliseconds'") == len(late)
	})
	require.NoError(t, worker.cmd.Process.Signal(syscall.SIGCONT))

	c.await("every operation ends", func() bool { return c.count("SELECT count(*) FROM operations WHERE ended_at IS NULL") == 0 })
	require.Equal(t, len(c.cases), c.count("SELECT count(*) FROM operations WHERE kind = 'power'"))
	calls := c.powerCalls()
	for _, x := range late {
		require.Zero(t, callsOf(calls, x.machines[0]), "%s left late", x.name())
		require.Equal(t, 1, c.count("SELECT count(*) FROM operation_targets WHERE operation_id = $1 AND state = 'missed' AND reason = 'TOO_LATE'", x.op), x.name())
	}
	for _, x := range inTime {
		require.Equal(t, 1, callsOf(calls, x.machines[0]), x.name())
		require.Equal(t, 1, c.count("SELECT count(*) FROM operation_targets WHERE operation_id = $1 AND state = 'done'", x.op), x.name())
	}
	require.Len(t, powerLines(t, c.simDir), len(inTime), "not even one that was refused")
	c.settled()
}

func freezeCases() (late, inTime []*crashCase, estate sim.Estate) {
	account := sim.Account{ID: sim.SmallAccount, Regions: []string{"sa-east-1", "us-east-1"}, Keys: []sim.Key{sim.SmallKey}}
	for i, path := range []string{byPerson, byTimetable} {
		for j, point := range freezePoints {
			for k := range 2 {
				id := fmt.Sprintf("i-0f0000000000%02d%02d%d", i, j, k)
				account.Instances = append(account.Instances, sim.Instance{ID: id, Region: "sa-east-1"})
				x := &crashCase{path: path, point: point, machines: []string{id}}
				if k == 0 {
					late = append(late, x)
				} else {
					inTime = append(inTime, x)
				}
			}
		}
	}
	return late, inTime, sim.Estate{Accounts: []sim.Account{account}}
}

// The database's clock is a second ahead of everybody else's, or behind, and is
// set from one to the other in the middle: nothing is lost, done twice, early or
// late by more than that second.
func TestTheDatabasesClockIsASecondOff(t *testing.T) {
	t.Parallel()
	var both sync.WaitGroup
	for name, off := range map[string]time.Duration{"ahead": time.Second, "behind": -time.Second} {
		both.Go(func() { t.Run(name, func(t *testing.T) { clockOff(t, off) }) })
	}
	both.Wait()
}

func clockOff(t *testing.T, off time.Duration) {
	estate := sim.SmallEstate()
	var machines []string
	for i := range 16 {
		machines = append(machines, fmt.Sprintf("i-0e0000000000000%02d", i))
		estate.Accounts[0].Instances = append(estate.Accounts[0].Instances, sim.Instance{ID: machines[i], Region: "us-east-2"})
	}
	span := sim.Span{Min: sim.Duration(500 * time.Millisecond)}
	estate.Behaviour.Stop, estate.Behaviour.Start = span, span
	s, url := newSim(t, estate)
	clock := newSkewedDatabase(t, off)
	w := newWorld(t, url, func(w *world) { w.db = clock.db })
	w.addAccount("pequena", sim.SmallKey.AccessKeyID, sim.SmallKey.Secret)
	resources := w.machines()
	clock.is(w, off)

	// A minute of the timetable, and an order by hand.
	pair := w.schedule("um", ids(resources, sim.SmallRunning, sim.SmallRunning2)...)
	at := time.Now().Add(1500 * time.Millisecond)
	w.comes(pair, at, "stopped")
	op, _ := w.ended(w.stop(ids(resources, sim.SmallElsewhere)...).GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, op.GetState())
	require.EqualValues(t, 2, w.runs(pair, 1)[0].GetDoneCount())
	minute := callNaming(t, s, sim.SmallRunning)
	lateness := minute.Time.Sub(at)
	t.Logf("clock off by %s: the minute was called %s after its time", off, lateness.Round(time.Millisecond))
	require.Greater(t, lateness, -off-100*time.Millisecond, "never before its time by the database's clock")
	require.Less(t, lateness, 15*time.Second, "no lease or timeout stands between")

	// Orders with little time left: what is called is called in time, the rest says so.
	w.stopWorker()
	before := map[string]time.Time{} // by the true clock
	ops := map[string]string{}
	for i, m := range machines[:8] {
		ops[m] = w.stop(ids(resources, m)...).GetId()
		var actBefore time.Time
		require.NoError(t, w.db.Owner.QueryRow(t.Context(), "UPDATE operations SET act_before = clock_timestamp() + make_interval(secs => $2) WHERE id = $1 RETURNING act_before",
			ops[m], float64(i)*0.4-0.4).Scan(&actBefore))
		before[m] = actBefore.Add(-off)
	}
	w.startWorker()
	called := 0
	for m, id := range ops {
		_, targets := w.ended(id)
		switch targets[m].GetState() {
		case v1.TargetState_TARGET_STATE_DONE:
			called++
			require.Less(t, callNaming(t, s, m).Time.Sub(before[m]), time.Second, m)
		case v1.TargetState_TARGET_STATE_MISSED:
			require.Zero(t, callsOf(powerCalls(s), m), m)
		default:
			t.Errorf("%s: %v", m, targets[m])
		}
	}
	t.Logf("clock off by %s: of 8 orders with up to 2.4 s left, %d were called", off, called)

	// The clock is set to the other side while operations are on their way.
	rest := machines[8:]
	second := w.schedule("dois", ids(resources, rest[4:]...)...)
	var moving []string
	for _, m := range rest[:4] {
		moving = append(moving, w.stop(ids(resources, m)...).GetId())
	}
	w.comes(second, time.Now().Add(time.Second), "stopped")
	w.eventually("one is accepted", func() bool {
		return w.count("SELECT count(*) FROM operation_targets WHERE operation_id = $1 AND accepted_at IS NOT NULL", moving[0]) == 1
	})
	clock.set(-off)
	for _, id := range moving {
		op, _ := w.ended(id)
		require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, op.GetState(), op)
	}
	require.EqualValues(t, 4, w.runs(second, 1)[0].GetDoneCount())
	clock.is(w, -off)
	for _, m := range rest {
		require.Equal(t, 1, callsOf(powerCalls(s), m), m)
	}
	w.settled()
}

func callNaming(t *testing.T, s *sim.Sim, machine string) sim.Call {
	t.Helper()
	calls := powerCalls(s)
	require.Equal(t, 1, callsOf(calls, machine), machine)
	for _, c := range calls {
		if callsOf([]sim.Call{c}, machine) == 1 {
			return c
		}
	}
	return sim.Call{}
}

// skewed is a database whose server has another time than the machine.
type skewed struct {
	t    *testing.T
	db   *dbtest.DB
	file string
}

// newSkewedDatabase starts a PostgreSQL under libfaketime, which answers for the
// machine's clock with an offset that can be changed while it runs. Timers and the
// monotonic clock are the machine's.
func newSkewedDatabase(t *testing.T, off time.Duration) *skewed {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/*/faketime/libfaketime.so.1")
	require.NoError(t, err)
	require.NotEmpty(t, found, "libfaketime is needed: apt-get install libfaketime, as make setup-test does")
	dir, err := os.MkdirTemp(shared.dir, "skewed")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	s := &skewed{t: t, file: filepath.Join(dir, "offset")}
	s.set(off)
	bin, err := postgres.FindBinaries(t.Context(), os.Getenv("CLOUDHUB_POSTGRES_BIN"), 0)
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "bin"), 0o755))
	for _, name := range []string{"postgres", "initdb"} {
		script := fmt.Sprintf("#!/bin/sh\nexport LD_PRELOAD=%s FAKETIME_TIMESTAMP_FILE=%s FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1\nexec %s/%s \"$@\"\n",
			found[0], s.file, bin.Dir, name)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "bin", name), []byte(script), 0o755))
	}
	pg, err := postgres.Start(t.Context(), postgres.Options{DataDir: filepath.Join(dir, "pg"), BinDir: filepath.Join(dir, "bin"), Settings: map[string]string{
		"fsync": "off", "full_page_writes": "off",
	}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = pg.Stop(context.Background()) })
	s.db = connectAll(t, pg)
	return s
}

// set moves the server's clock; the file changes in one step.
func (s *skewed) set(off time.Duration) {
	require.NoError(s.t, os.WriteFile(s.file+".new", fmt.Appendf(nil, "%+.3f\n", off.Seconds()), 0o644))
	require.NoError(s.t, os.Rename(s.file+".new", s.file))
}

// is proves what the server's clock is.
func (s *skewed) is(w *world, off time.Duration) {
	s.t.Helper()
	w.eventually("the database's clock is where it should be", func() bool {
		began := time.Now()
		var now, clock time.Time
		require.NoError(s.t, s.db.Owner.QueryRow(s.t.Context(), "SELECT now(), clock_timestamp()").Scan(&now, &clock))
		took := time.Since(began)
		near := func(x time.Time) bool { return (x.Sub(began) - off).Abs() < took+100*time.Millisecond }
		return took < 500*time.Millisecond && near(now) && near(clock)
	})
}

// connectAll makes the product's database on a server of the test's own.
func connectAll(t *testing.T, pg *postgres.Server) *dbtest.DB {
	t.Helper()
	d := &dbtest.DB{}
	var err error
	d.URLs, err = db.Bootstrap(t.Context(), pg.URL("postgres"), "cloudhub", "dbtest")
	require.NoError(t, err)
	_, err = db.Migrate(t.Context(), d.URLs.Owner)
	require.NoError(t, err)
	connect := func(url string) *pgxpool.Pool {
		p, err := db.Connect(t.Context(), db.Options{URL: url, MaxConns: 4, AppName: "e2e"})
		require.NoError(t, err)
		t.Cleanup(p.Close)
		return p
	}
	d.Owner = connect(d.URLs.Owner)
	d.Tenants, d.Identity, d.System = db.NewTenants(connect(d.URLs.App)), db.NewIdentity(connect(d.URLs.Identity)), db.NewSystem(connect(d.URLs.System))
	return d
}
