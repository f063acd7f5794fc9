package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
	"github.com/cloudhub/cloudhub/internal/platform/crashpoint"
)

// fleetSize is organizations, accounts of each and machines of each of those.
type fleetSize struct{ orgs, accounts, machines int }

func (s fleetSize) all() int { return s.orgs * s.accounts * s.machines }

// blow is one kill: who dies, where the timetable of an organization stands then
// (nowhere in particular when at is empty; of one organization's only the first may
// have a point), and when it was.
type blow struct {
	victims  []string
	at       crashpoint.Point
	tenant   int
	from, to time.Time
	// between is how many operations had been claimed and not been recorded.
	between int
}

// everything is all five at once.
var everything = allProcesses

// The timetables of a few organizations come to one minute, and whatever runs them
// dies, at chosen points and at moments nobody chose: nothing is lost, nothing is
// done twice and nothing late. Then all of it is down for twelve hours.
func TestAFleetsMinuteSurvivesKills(t *testing.T) {
	t.Parallel()
	f := newFleet(t, fleetSize{orgs: 3, accounts: 2, machines: 10})
	blows := []*blow{
		{victims: []string{theWorker}, at: crashpoint.Accepted, tenant: 0},
		{victims: []string{theTemporal}, at: crashpoint.Started, tenant: 1},
		{victims: []string{thePostgres}, tenant: 1},
		{victims: everything, at: crashpoint.Answered, tenant: 2},
	}
	f.round(sim.Stopped, blows)
	halfFellBetween(t, blows)
	f.downFor(12 * time.Hour)
}

// halfFellBetween prints what was killed when, and fails when fewer than half of
// the kills fell between a claim and its record. It answers how many did.
func halfFellBetween(t *testing.T, blows []*blow) (hit int) {
	t.Helper()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, x := range blows {
		if x.between > 0 {
			hit++
		}
		at := string(x.at)
		if at == "" {
			at = "any moment"
		}
		fmt.Fprintf(w, "%s\t%s\t%d operations claimed and not recorded\t\n", strings.Join(x.victims, " "), at, x.between)
	}
	_ = w.Flush()
	t.Logf("%d kills, %d of them between claim and record\n%s", len(blows), hit, b.String())
	require.GreaterOrEqual(t, 2*hit, len(blows), "too few kills fell where they hurt")
	return hit
}

// fleet is an installation of five processes with several organizations, each with
// accounts and a schedule for each of those.
type fleet struct {
	*five
	size    fleetSize
	tenants []*tenant
	// lagging is how far the simulator's readings lag behind writes.
	lagging time.Duration
	// known are the operations of the rounds before.
	known int
}

type tenant struct {
	person
	schedules []string
	machines  []string // the provider's ids
}

func newFleet(t *testing.T, size fleetSize) *fleet {
	t.Helper()
	span := sim.Span{Min: sim.Duration(time.Second), Max: sim.Duration(4 * time.Second)}
	estate := sim.Estate{Behaviour: sim.Behaviour{Start: span, Stop: span}}
	for i := range size.orgs * size.accounts {
		account := sim.Account{
			ID: fmt.Sprintf("8000%08d", i), Regions: []string{"sa-east-1", "us-east-1"},
			Keys: []sim.Key{{AccessKeyID: fmt.Sprintf("AKIASIMULATEDFL%05d", i), Secret: fmt.Sprintf("simulated/not-a-secret/fleet/%05d/0000", i)}},
		}
		for j := range size.machines {
			account.Instances = append(account.Instances, sim.Instance{ID: fmt.Sprintf("i-0a%03d%012d", i, j), Region: "sa-east-1"})
		}
		estate.Accounts = append(estate.Accounts, account)
	}
	f := &fleet{five: newFive(t, estate), size: size}
	f.spawnWorker()
	f.settle(estate.Accounts)
	f.countEnds()
	return f
}

// settle gives each organization its accounts, and a timetable for each of those.
func (f *fleet) settle(accounts []sim.Account) {
	for i := range f.size.orgs {
		p := f.person
		if i > 0 {
			p = f.register(fmt.Sprintf("org%02d@example.com", i))
		}
		f.tenants = append(f.tenants, &tenant{person: p})
		for j := range f.size.accounts {
			if i+j > 0 { // the very first is there
				f.addAccountOf(p, fmt.Sprint("conta ", j), accounts[i*f.size.accounts+j].Keys[0])
			}
		}
	}
	f.await("the inventory is read", func() bool { return f.count("SELECT count(*) FROM resources") == f.size.all() })
	for i, x := range f.tenants {
		as := f.as(x.person)
		known := as.machines()
		for j := range f.size.accounts {
			var ids []string
			for _, in := range accounts[i*f.size.accounts+j].Instances {
				x.machines = append(x.machines, in.ID)
				ids = append(ids, known[in.ID].GetId())
			}
			x.schedules = append(x.schedules, as.timetable(fmt.Sprint("horário ", j), ids))
		}
	}
}

func (f *five) addAccountOf(p person, name string, key sim.Key) {
	f.await("the account is added", func() bool {
		_, err := p.accounts.CreateCloudAccount(f.t.Context(), &v1.CreateCloudAccountRequest{
			OrgId: p.org, WorkspaceId: p.ws, Name: name, RequestId: uuid.NewString(),
			Credential: &v1.CreateCloudAccountRequest_AwsAccessKey{AwsAccessKey: &v1.AwsAccessKey{AccessKeyId: key.AccessKeyID, SecretAccessKey: key.Secret, HomeRegion: "us-east-1"}},
		})
		return err == nil
	})
}

// missedInTwelveHours is how many minutes of timetable's pair twelve hours have,
// with the one that the test moves to their beginning.
const missedInTwelveHours = 3

// timetable makes a schedule that started five hours ago and stopped three hours
// ago, and so has nothing to do for many hours. It is the one place here that knows
// a rule.
func (w *world) timetable(name string, resources []string) (id string) {
	w.t.Helper()
	now := time.Now().UTC()
	made, err := w.schedules.CreateSchedule(w.t.Context(), &v1.CreateScheduleRequest{
		OrgId: w.org, WorkspaceId: w.ws, Name: name, ResourceIds: resources,
		Rule: &v1.ScheduleRule{
			StartTime: now.Add(-5 * time.Hour).Format("15:04"), StopTime: now.Add(-3 * time.Hour).Format("15:04"), Weekdays: []v1.Weekday{1, 2, 3, 4, 5, 6, 7}, TimeZone: "UTC",
		},
	})
	require.NoError(w.t, err)
	return made.GetSchedule().GetId()
}

// countEnds notes in the database each time that an operation or a target comes to
// an end, or that an end is changed.
func (f *fleet) countEnds() {
	f.db.Exec(f.t, `CREATE TABLE ends (operation_id uuid NOT NULL, resource_id uuid)`)
	f.db.Exec(f.t, `CREATE FUNCTION note_operation_end() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
		'BEGIN INSERT INTO public.ends VALUES (NEW.id, NULL); RETURN NULL; END'`)
	f.db.Exec(f.t, `CREATE FUNCTION note_target_end() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
		'BEGIN INSERT INTO public.ends VALUES (NEW.operation_id, NEW.resource_id); RETURN NULL; END'`)
	for table, function := range map[string]string{"operations": "note_operation_end", "operation_targets": "note_target_end"} {
		f.db.Exec(f.t, `CREATE TRIGGER ends AFTER UPDATE ON `+table+` FOR EACH ROW
			WHEN (NEW.ended_at IS NOT NULL AND (OLD.state, OLD.ended_at) IS DISTINCT FROM (NEW.state, NEW.ended_at)) EXECUTE FUNCTION `+function+`()`)
	}
}

// comesTo lets the timetables of an organization come to a minute.
func (f *fleet) comesTo(x *tenant, due time.Time, want sim.State) {
	f.db.Exec(f.t, "UPDATE schedules SET next_at = $2, next_wanted = $3 WHERE id = ANY($1)", x.schedules, due, string(want))
	f.db.Exec(f.t, "UPDATE agenda SET due_at = $2, look_at = $2 WHERE kind = 'timetable' AND subject = $1", x.ws, due)
}

// round lets one minute come to all organizations, one after the other as a
// dispatcher comes to them, while processes die; and says what must be true of it.
func (f *fleet) round(want sim.State, blows []*blow) {
	t := f.t
	if f.lagging > 0 {
		f.lag(f.lagging)
	}
	asked := len(f.asked())
	due := f.databaseTime().Add(-time.Second).Truncate(time.Second)
	ops := make([]string, len(f.tenants))
	for i, x := range f.tenants {
		require.NoError(t, f.points.Arm(crashpoint.Expanded, x.ws))
		f.comesTo(x, due, want)
		f.await("the minute is claimed", func() bool { return f.points.Held(crashpoint.Expanded, x.ws) })
		require.NoError(t, f.db.Owner.QueryRow(t.Context(), "SELECT id FROM operations WHERE org_id = $1 AND due_at = $2", x.org, due).Scan(&ops[i]))
		for _, b := range blows {
			if b.tenant != i {
				continue
			}
			f.standAt(x, ops[i], b.at)
			f.strike(b)
		}
		require.NoError(t, f.points.ReleaseAll())
	}
	f.await("every operation of the minute ends", func() bool {
		return f.count("SELECT count(*) FROM operations WHERE due_at = $1 AND ended_at IS NOT NULL", due) == len(f.tenants)
	})
	for _, b := range blows {
		b.between = f.count("SELECT count(*) FROM operations WHERE due_at = $1 AND created_at < $2 AND ended_at > $3", due, b.from, b.to)
	}
	f.judge(due, want, ops, f.asked()[asked:], blows)
	f.onlyWhatIsToCome()
}

// standAt lets an operation that has just been claimed go on to a point, or to a
// moment nobody chose.
func (f *fleet) standAt(x *tenant, op string, at crashpoint.Point) {
	switch at {
	case crashpoint.Expanded:
		return
	case "":
		require.NoError(f.t, f.points.ReleaseAll())
		time.Sleep(time.Duration(rand.IntN(3000)) * time.Millisecond)
		return
	}
	subject := op
	if slices.Contains([]crashpoint.Point{crashpoint.Signed, crashpoint.Sending, crashpoint.Accepted}, at) {
		subject = x.machines[rand.IntN(len(x.machines))]
	}
	require.NoError(f.t, f.points.Arm(at, subject))
	require.NoError(f.t, f.points.ReleaseAll())
	f.await(fmt.Sprint("it stands at ", at), func() bool { return f.points.Held(at, subject) })
}

// strike kills, and brings back what it has killed.
func (f *fleet) strike(b *blow) {
	b.from = time.Now()
	f.kill(b.victims...)
	b.to = time.Now()
	require.NoError(f.t, f.points.ReleaseAll())
	f.revive(b.victims...)
	if f.lagging > 0 && slices.Contains(b.victims, theSimulator) {
		f.lag(f.lagging)
	}
}

// asked are the changes of power that the simulator was ever asked for, refused
// ones too, from its journal.
func (f *fleet) asked() (out []sim.Call) {
	f.t.Helper()
	for _, line := range powerLines(f.t, f.simDir) {
		var c sim.Call
		require.NoError(f.t, json.Unmarshal([]byte(line), &c), line)
		out = append(out, c)
	}
	return out
}

// judge says what must be true when a minute is over.
func (f *fleet) judge(due time.Time, want sim.State, ops []string, calls []sim.Call, blows []*blow) {
	t := f.t
	n, all := len(f.tenants), f.size.all()
	for _, m := range f.simulated() {
		require.Equal(t, want, m.State, m.ID)
	}
	require.Equal(t, all, f.count("SELECT count(*) FROM resources WHERE state = $1 AND operation_id IS NULL", string(want)))

	// Each run and each target once, and nothing else.
	require.Equal(t, n, f.count("SELECT count(*) FROM operations WHERE due_at = $1 AND id = ANY($2) AND state = 'succeeded'", due, ops))
	require.Equal(t, f.known+n, f.count("SELECT count(*) FROM operations WHERE kind = 'power'"))
	f.known += n
	require.Equal(t, n*f.size.accounts, f.count("SELECT count(DISTINCT (operation_id, schedule_id)) FROM operation_schedules WHERE operation_id = ANY($1)", ops), "every schedule's run")
	require.Equal(t, all, f.count("SELECT count(DISTINCT resource_id) FROM operation_targets WHERE operation_id = ANY($1) AND state = 'done' AND wanted = $2", ops, string(want)), f.lastWords())
	require.Equal(t, all, f.count("SELECT count(*) FROM operation_targets WHERE operation_id = ANY($1)", ops))
	require.Equal(t, n, f.count("SELECT count(*) FROM ends WHERE operation_id = ANY($1) AND resource_id IS NULL", ops), "each operation came to its end once")
	require.Equal(t, all, f.count("SELECT count(*) FROM ends WHERE operation_id = ANY($1) AND resource_id IS NOT NULL", ops), "each target came to its end once")
	require.Equal(t, n, f.count("SELECT count(*) FROM audit_log WHERE action = 'operation.claim' AND subject_id = ANY($1)", ops), "one audit entry each")

	f.noCallTooMuch(ops, calls, blows)
	var actBefore time.Time
	require.NoError(t, f.db.Owner.QueryRow(t.Context(), "SELECT min(act_before) FROM operations WHERE id = ANY($1)", ops).Scan(&actBefore))
	for _, c := range calls {
		require.True(t, c.Time.Before(actBefore), "nothing is asked for late: %s at %s, which was to be before %s", c.Action, c.Time, actBefore)
	}
}

// noCallTooMuch holds the simulator's journal against what was in flight when
// somebody was killed: signed, and its acceptance not recorded yet.
func (f *fleet) noCallTooMuch(ops []string, calls []sim.Call, blows []*blow) {
	t := f.t
	notes, err := f.points.Notes()
	require.NoError(t, err)
	signed := map[string][]time.Time{}
	for _, n := range notes {
		if n.Point == crashpoint.Signed {
			signed[n.Subject] = append(signed[n.Subject], n.Time)
		}
	}
	rows, err := f.db.Owner.Query(t.Context(), `SELECT t.provider_id, coalesce(t.accepted_at, t.ended_at), o.created_at FROM operation_targets t JOIN operations o ON o.org_id = t.org_id AND o.id = t.operation_id WHERE o.id = ANY($1)`, ops)
	require.NoError(t, err)
	defer rows.Close()
	inFlight, redundant := 0, 0
	for rows.Next() {
		var machine string
		var accepted, claimed time.Time
		require.NoError(t, rows.Scan(&machine, &accepted, &claimed))
		cut := slices.ContainsFunc(signed[machine], func(at time.Time) bool {
			return at.After(claimed) && slices.ContainsFunc(blows, func(b *blow) bool { return at.Before(b.to) && accepted.After(b.from) })
		})
		if cut {
			inFlight++
		}
		n := 0
		for _, c := range calls {
			if c.Status == http.StatusOK && slices.Contains(c.IDs, machine) {
				n++
			}
		}
		require.GreaterOrEqual(t, n, 1, machine)
		require.LessOrEqual(t, n, 2, "%s: never two redundant calls for one target", machine)
		require.True(t, n == 1 || cut, "%s: only what was in flight at a kill is asked again", machine)
		redundant += n - 1
	}
	require.NoError(t, rows.Err())
	t.Logf("%d calls for %d machines; %d machines were in flight at a kill, %d of them were asked again", len(calls), f.size.all(), inFlight, redundant)
}

// onlyWhatIsToCome waits until nothing is under way and looks at what is left on
// the agenda: the clocks, each at the next time of what it drives.
func (f *fleet) onlyWhatIsToCome() {
	t := f.t
	var clocks []string
	for _, k := range agenda.ClockKinds {
		clocks = append(clocks, string(k))
	}
	f.await("the agenda holds only what is still to come", func() bool {
		return f.count("SELECT count(*) FROM agenda WHERE due_at <= now() OR NOT kind = ANY($1)", clocks) == 0
	})
	require.Equal(t, len(f.tenants), f.count(`SELECT count(*) FROM agenda a WHERE kind = 'timetable'
		AND due_at = (SELECT min(next_at) FROM schedules s WHERE s.org_id = a.org_id AND s.workspace_id::text = a.subject)`))
	f.settled()
}

// downFor stops everything while a minute of every timetable comes, and those of
// some hours after it: all of them are recorded as missed, and nothing acts.
func (f *fleet) downFor(hours time.Duration) {
	t := f.t
	before, asked := f.simulated(), len(f.asked())
	want := sim.Running
	if before[0].State == want {
		want = sim.Stopped // what acts would show
	}
	f.kill(everything...)
	f.await("PostgreSQL is back", func() bool { return f.db.Owner.Ping(t.Context()) == nil })
	f.db.Owner.Reset()
	due := f.databaseTime().Add(-hours).Truncate(time.Minute)
	for _, x := range f.tenants {
		f.comesTo(x, due, want)
	}
	f.revive(everything...)
	missed := missedInTwelveHours * len(f.tenants)
	f.await("every missed minute is recorded", func() bool {
		return f.count("SELECT count(*) FROM operations WHERE kind = 'power' AND due_at BETWEEN $1 AND now() - interval '1 hour'", due) == missed
	})
	f.onlyWhatIsToCome()
	require.Equal(t, f.known+missed, f.count("SELECT count(*) FROM operations WHERE kind = 'power'"))
	require.Equal(t, missed, f.count("SELECT count(*) FROM operations WHERE state = 'missed' AND ended_at IS NOT NULL AND started_at IS NULL AND done_count = target_count"))
	require.Equal(t, missedInTwelveHours*f.size.all(), f.count("SELECT count(*) FROM operation_targets WHERE state = 'missed' AND reason = 'TOO_LATE' AND attempts = 0"))
	require.Equal(t, missed, f.count("SELECT count(*) FROM audit_log l JOIN operations o ON o.id::text = l.subject_id WHERE l.action = 'operation.claim' AND o.state = 'missed'"))
	require.Len(t, f.asked(), asked, "nothing was asked for")
	require.Equal(t, before, f.simulated(), "and nothing changed")
	f.known += missed
	t.Logf("%d minutes of %d workspaces were missed, with %d machines each", missedInTwelveHours, len(f.tenants), f.size.all()/f.size.orgs)
}
