package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
)

// crowdedEstate has an account of its own for each name beside the small one's,
// with n machines each.
func crowdedEstate(names []string, n int) sim.Estate {
	estate := sim.SmallEstate()
	for i, name := range names {
		account := sim.Account{
			ID: fmt.Sprintf("7000%08d", i), Name: name, Regions: []string{"sa-east-1", "us-east-1"},
			Keys: []sim.Key{{AccessKeyID: fmt.Sprintf("AKIASIMULATEDCROWDA%c", 'A'+i), Secret: fmt.Sprintf("simulated/not-a-secret/crowd/%02d/00000000", i)}},
		}
		for j := range n {
			account.Instances = append(account.Instances, sim.Instance{ID: fmt.Sprintf("i-0f%03d%012d", i, j), Name: fmt.Sprintf("%s-%03d", name, j), Region: "sa-east-1"})
		}
		estate.Accounts = append(estate.Accounts, account)
	}
	return estate
}

// as is the world as another person sees it.
func (w *world) as(p person) *world {
	other := *w
	other.person = p
	return &other
}

// flood is work of one organization by origin: its lane.
var floodLanes = map[string]agenda.Lane{"undo": agenda.LanePerson, "finding": agenda.LaneMinute}

// flood makes n operations of the person's organization due at once, in both
// lanes. Each is taken, decided and recorded as any other.
func (w *world) flood(n int) {
	w.t.Helper()
	w.db.Exec(w.t, `INSERT INTO operations (org_id, workspace_id, id, origin, act_before, target_count, on_count)
		SELECT $1, $2, gen_random_uuid(), CASE i % 2 WHEN 0 THEN 'undo' ELSE 'finding' END, now() + interval '15 minutes', 1, 1 FROM generate_series(1, $3::int) i`, w.org, w.ws, n)
	w.db.Exec(w.t, "ANALYZE operations, resources")
	w.db.Exec(w.t, `INSERT INTO operation_targets (org_id, workspace_id, operation_id, resource_id, resource_name, provider_id, cloud_account_id, region, wanted)
		SELECT o.org_id, o.workspace_id, o.id, r.id, r.name, r.provider_id, r.cloud_account_id, r.region, 'running'
		FROM (SELECT org_id, workspace_id, id, row_number() OVER () % $2 AS n FROM operations WHERE org_id = $1 AND origin IN ('undo', 'finding')) o
		JOIN (SELECT *, row_number() OVER () - 1 AS n FROM resources WHERE org_id = $1) r ON r.n = o.n`, w.org, len(w.machines()))
	w.db.Exec(w.t, `INSERT INTO agenda (org_id, kind, subject, lane, due_at, look_at)
		SELECT org_id, 'power', id, CASE origin WHEN 'undo' THEN 0 ELSE 1 END, now() - interval '1 minute', now() - interval '1 minute'
		FROM operations WHERE org_id = $1 AND origin IN ('undo', 'finding')`, w.org)
	w.db.Exec(w.t, "ANALYZE agenda, operations, operation_targets")
}

// wait is how long an operation stood from a moment of the database's until a
// worker took it, and how many of the flood's in its lane were taken meanwhile.
func (w *world) waited(op string, since time.Time, lane agenda.Lane) (wait time.Duration, overtaken int) {
	w.t.Helper()
	var started time.Time
	w.eventually("it is taken", func() bool {
		var at *time.Time
		require.NoError(w.t, w.db.Owner.QueryRow(w.t.Context(), "SELECT started_at FROM operations WHERE id = $1", op).Scan(&at))
		if at != nil {
			started = *at
		}
		return at != nil
	})
	for origin, l := range floodLanes {
		if l == lane {
			overtaken = w.count("SELECT count(*) FROM operations WHERE origin = $1 AND started_at > $2 AND started_at < $3", origin, since, started)
		}
	}
	return started.Sub(since), overtaken
}

func (w *world) databaseTime() (now time.Time) {
	w.t.Helper()
	require.NoError(w.t, w.db.Owner.QueryRow(w.t.Context(), "SELECT clock_timestamp()").Scan(&now))
	return now
}

// One organization has 50,000 operations due; another's stop by hand and its
// timetable do not wait behind them.
func TestAFloodDelaysNobodyElse(t *testing.T) {
	t.Parallel()
	const due = 50_000
	// What is leased and what is on its way when somebody asks goes before him; the
	// rest is what goes on while his request itself is on its way.
	const few = 4
	names := []string{"enchente"}
	s, url := newSim(t, crowdedEstate(names, 200))
	w := newWorld(t, url)
	w.addAccount("pequena", sim.SmallKey.AccessKeyID, sim.SmallKey.Secret)
	flooding := w.as(w.register("bia@example.com"))
	flooding.addAccount("enchente", "AKIASIMULATEDCROWDAA", "simulated/not-a-secret/crowd/00/00000000")
	m := w.machines()
	pair := w.schedule("Some", ids(m, sim.SmallElsewhere)...)

	measure := func(machine string, minutesAgo int) (slowest time.Duration) {
		since := w.databaseTime()
		byHand := w.stop(ids(m, machine)...)
		wait, overtaken := w.waited(byHand.GetId(), since, agenda.LanePerson)
		require.LessOrEqual(t, overtaken, few*agenda.ArrivingCap(agenda.LanePerson), "what was on its way already, and no more of the flood")
		t.Logf("by hand: taken after %s; %d of the flood in between", wait.Round(time.Millisecond), overtaken)
		slowest = wait
		w.ended(byHand.GetId())

		since = w.databaseTime()
		w.comes(pair, minute(time.Duration(minutesAgo)*time.Minute), "stopped")
		var op string
		w.eventually("the minute is claimed", func() bool {
			err := w.db.Owner.QueryRow(t.Context(), "SELECT id::text FROM operations WHERE org_id = $1 AND origin = 'timetable' AND created_at > $2", w.org, since).Scan(&op)
			return err == nil
		})
		wait, overtaken = w.waited(op, since, agenda.LaneMinute)
		require.LessOrEqual(t, overtaken, few*agenda.ArrivingCap(agenda.LaneMinute))
		t.Logf("by timetable: taken after %s; %d of the flood in between", wait.Round(time.Millisecond), overtaken)
		w.ended(op)
		return max(slowest, wait)
	}
	calm := measure(sim.SmallRunning, 5)
	flooding.flood(due)
	w.eventually("the flood is worked on", func() bool {
		return w.count("SELECT count(*) FROM operations WHERE origin IN ('undo', 'finding') AND started_at IS NOT NULL") > 100
	})
	slow := measure(sim.SmallRunning2, 1)
	left := w.count("SELECT count(*) FROM agenda WHERE org_id = $1 AND kind = 'power'", flooding.org)
	t.Logf("slowest: %s calm, %s beside %d due rows", calm.Round(time.Millisecond), slow.Round(time.Millisecond), left)
	require.Greater(t, left, due/2, "most of the flood is still there: nobody has waited for it")
	require.Less(t, slow, 2*time.Second+20*max(calm, 250*time.Millisecond), "two seconds more, on a machine that others may be using")
	require.Len(t, powerCalls(s), 3, "two by hand, and one by timetable, which finds it done the second time")
	w.db.Exec(t, "DELETE FROM agenda WHERE org_id = $1 AND kind = 'power'", flooding.org)
	w.db.Exec(t, "DELETE FROM operations WHERE org_id = $1", flooding.org)
	w.settled()
}

// A provider that hangs on one account has many operations of that account on its
// hands; those of twenty others end meanwhile, of the same organization and of
// another.
func TestAHangingAccountDelaysNoOther(t *testing.T) {
	t.Parallel()
	const hanging, others = 48, 20
	names := make([]string, 1+others)
	for i := range names {
		names[i] = fmt.Sprintf("conta-%02d", i)
	}
	estate := crowdedEstate(names, 1)
	for i := 1; i < hanging; i++ {
		estate.Accounts[1].Instances = append(estate.Accounts[1].Instances, sim.Instance{ID: fmt.Sprintf("i-0f000%012d", i), Name: fmt.Sprintf("presa-%02d", i), Region: "sa-east-1"})
	}
	s, url := newSim(t, estate)
	w := newWorld(t, url)
	second := w.as(w.register("bia@example.com"))
	owner := func(i int) *world { // the hanging account and half of the others are of one organization
		if i <= others/2 {
			return w
		}
		return second
	}
	for i, name := range names {
		_, err := owner(i).accounts.CreateCloudAccount(t.Context(), &v1.CreateCloudAccountRequest{
			OrgId: owner(i).org, WorkspaceId: owner(i).ws, Name: name,
			Credential: &v1.CreateCloudAccountRequest_AwsAccessKey{AwsAccessKey: &v1.AwsAccessKey{
				AccessKeyId: estate.Accounts[1+i].Keys[0].AccessKeyID, SecretAccessKey: estate.Accounts[1+i].Keys[0].Secret, HomeRegion: "sa-east-1",
			}},
		})
		require.NoError(t, err)
	}
	w.settled() // all are read
	mine, theirs := w.machines(), second.machines()

	w.fault(s, sim.Fault{Account: estate.Accounts[1].ID, Effect: sim.FaultHang})
	for _, in := range estate.Accounts[1].Instances {
		w.stop(ids(mine, in.ID)...)
	}
	hung := func() int {
		return w.count(`SELECT count(DISTINCT t.operation_id) FROM operation_targets t JOIN cloud_accounts a ON a.org_id = t.org_id AND a.id = t.cloud_account_id
			WHERE a.external_id = $1 AND t.ended_at IS NULL`, estate.Accounts[1].ID)
	}
	deadline := time.Now().Add(time.Minute)
	for w.count("SELECT count(*) FROM agenda WHERE kind = 'power' AND run_id IS NOT NULL AND taken") != agenda.AccountShare {
		if time.Now().After(deadline) {
			var rows []string
			require.NoError(t, w.db.Owner.QueryRow(t.Context(), "SELECT array_agg(a::text ORDER BY due_at) FROM agenda a WHERE run_id IS NOT NULL OR lease > 0").Scan(&rows))
			t.Fatalf("not as many as may hang:\n%s", strings.Join(rows, "\n"))
		}
		time.Sleep(30 * time.Millisecond)
	}
	// All but one by hand; the last is a timetable's.
	began := time.Now()
	var all []string
	for i := 1; i < others; i++ {
		machines := mine
		if owner(i) == second {
			machines = theirs
		}
		all = append(all, owner(i).stop(ids(machines, estate.Accounts[1+i].Instances[0].ID)...).GetId())
	}
	pair := second.schedule("Some", ids(theirs, estate.Accounts[1+others].Instances[0].ID)...)
	second.comes(pair, minute(time.Minute), "stopped")
	for i, id := range all {
		op, _ := owner(i + 1).ended(id)
		require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, op.GetState(), op)
	}
	run := second.runs(pair, 1)[0]
	require.EqualValues(t, 1, run.GetDoneCount())
	second.ended(run.GetOperationId())
	t.Logf("%d operations of other accounts ended within %s, beside %d that hang", others, time.Since(began).Round(time.Millisecond), hung())
	require.Equal(t, hanging, hung(), "the provider hangs on all of that account's meanwhile")
	require.LessOrEqual(t, w.count("SELECT count(*) FROM agenda WHERE kind = 'power' AND run_id IS NOT NULL"), agenda.AccountShare, "and the rest of them waits on the agenda")

	// It answers again, and nothing is lost. Calls that hang end with their worker.
	s.ClearFaults()
	w.stopWorker()
	w.startWorker()
	w.eventually("all are stopped", func() bool { w.look(); return hung() == 0 })
	w.nothingRuns()
}

// A stop is accepted in a moment and seen minutes later. What only watches leaves
// its share to others: all orders of one account reach the provider at once, and
// none waits until an earlier one has seen its machine stop.
func TestWhatIsWatchedDelaysNothing(t *testing.T) {
	t.Parallel()
	const orders = 5 * agenda.AccountShare // and more than an organization's
	estate := crowdedEstate([]string{"lenta"}, orders)
	estate.Behaviour.Stop = sim.Span{Min: sim.Duration(time.Hour)}
	s, url := newSim(t, estate)
	w := newWorld(t, url)
	w.addAccount("lenta", estate.Accounts[1].Keys[0].AccessKeyID, estate.Accounts[1].Keys[0].Secret)
	require.Greater(t, orders, agenda.OrgShare(agenda.LanePerson))
	m := w.machines()
	for _, in := range estate.Accounts[1].Instances {
		w.stop(ids(m, in.ID)...)
	}
	w.eventually("all are accepted", func() bool {
		return w.count("SELECT count(*) FROM operation_targets WHERE state = 'accepted'") == orders
	})
	require.Equal(t, orders, w.count("SELECT count(*) FROM agenda WHERE kind = 'power' AND run_id IS NOT NULL AND watching"))
	for _, in := range estate.Accounts[1].Instances {
		require.NoError(t, s.SetState(in.ID, sim.Stopped))
	}
	w.settled()
	require.Equal(t, orders, w.count("SELECT count(*) FROM operations WHERE kind = 'power' AND state = 'succeeded'"))
	require.Len(t, powerCalls(s), orders)
}
