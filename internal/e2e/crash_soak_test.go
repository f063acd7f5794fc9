//go:build soak

package e2e

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
	"github.com/cloudhub/cloudhub/internal/platform/crashpoint"
)

// How much is killed: installations side by side, kills in each, operations of
// each path in a round, and machines of an operation.
const (
	soakWorlds   = 4
	soakKills    = 80
	soakOrders   = 3
	soakMachines = 2
	// soakLag is how far readings lag behind writes in every other installation: less
	// than power.SettleFor, within which an acceptance may not show.
	soakLag = 8 * time.Second
)

// Any of the five processes, one or several at once, die again and again at
// moments nobody chose, while orders and timetables are on their way. Every
// operation ends with the machines as wanted, once. It prints what each process
// died in the middle of.
func TestSoakEverythingKilled(t *testing.T) {
	table := &killTable{cells: map[string]map[string]int{}}
	var all sync.WaitGroup
	for i := range soakWorlds {
		all.Go(func() {
			t.Run(fmt.Sprint(i), func(t *testing.T) { killEverything(t, table, i%2 == 1) })
		})
	}
	all.Wait()
	t.Logf("\n%s", table)
	for _, p := range allProcesses {
		require.GreaterOrEqual(t, table.cells[p][kills], soakWorlds*soakKills/10, "%s died too seldom to say anything", p)
	}
}

// soak is one installation under fire.
type soak struct {
	*crash
	table    *killTable
	machines []string
	pairs    []string // the timetable's
	lagging  bool
	died     map[string][]time.Time // in this round
}

func killEverything(t *testing.T, table *killTable, lagging bool) {
	account := sim.Account{ID: sim.SmallAccount, Regions: []string{"sa-east-1", "us-east-1"}, Keys: []sim.Key{sim.SmallKey}}
	var machines []string
	for i := range 2 * soakOrders * soakMachines {
		machines = append(machines, fmt.Sprintf("i-0d0000000000000%02d", i))
		account.Instances = append(account.Instances, sim.Instance{ID: machines[i], Region: "sa-east-1"})
	}
	span := sim.Span{Min: sim.Duration(300 * time.Millisecond), Max: sim.Duration(3 * time.Second)}
	f := newFive(t, sim.Estate{Behaviour: sim.Behaviour{Start: span, Stop: span}, Accounts: []sim.Account{account}})
	s := &soak{crash: &crash{five: f, resources: f.machines()}, table: table, machines: machines, lagging: lagging}
	for i := range soakOrders {
		s.pairs = append(s.pairs, s.schedule(fmt.Sprint("par ", i), ids(s.resources, s.of(byTimetable, i)...)...).GetId())
	}
	s.revive(theWorker)
	total, redundant := 0, 0
	for round := 0; total < soakKills; round++ {
		n, r := s.round(round)
		total, redundant = total+n, redundant+r
	}
	s.settled()
	t.Logf("%d kills; %d redundant calls, none of them twice for one kill and machine", total, redundant)
}

// of are the machines of the i-th operation of a path.
func (s *soak) of(path string, i int) []string {
	if path == byTimetable {
		i += soakOrders
	}
	return s.machines[i*soakMachines : (i+1)*soakMachines]
}

// round switches every machine, half of them by order and half by timetable,
// while processes die.
func (s *soak) round(n int) (died, redundant int) {
	s.person = s.signIn(s.email, s.password) // an access token lives five minutes
	if s.lagging {
		s.lag(soakLag)
	}
	want, order := "stopped", s.stopOnce
	if n%2 == 1 {
		want, order = "running", s.startOnce
	}
	s.died = map[string][]time.Time{}
	before, calls := time.Now(), len(s.powerCalls())
	var cases []*crashCase
	var answers sync.WaitGroup
	for i := range soakOrders {
		by, at := &crashCase{path: byPerson, machines: s.of(byPerson, i), request: uuid.NewString()}, &crashCase{path: byTimetable, machines: s.of(byTimetable, i)}
		cases = append(cases, by, at)
		s.db.Exec(s.t, "UPDATE schedules SET next_at = $2, next_wanted = $3 WHERE id = $1", s.pairs[i], before.Add(time.Duration(i)*500*time.Millisecond), want)
		answers.Go(func() { by.op = order(by) })
	}
	s.db.Exec(s.t, "UPDATE agenda SET due_at = $2, look_at = $2 WHERE kind = 'timetable' AND subject = $1", s.ws, before)
	for range 1 + rand.IntN(3) {
		// The moment nobody chose: as often in the first instants, where the points
		// stand close together, as in the seconds of watching that follow.
		time.Sleep(time.Duration(rand.IntN([]int{400, 3000}[rand.IntN(2)])) * time.Millisecond)
		s.strike()
	}
	answers.Wait()
	s.await("every operation of the round ends", func() bool {
		return s.count("SELECT count(*) FROM operations WHERE ended_at IS NULL") == 0 &&
			s.count("SELECT count(*) FROM operations WHERE created_at >= $1", before) >= len(cases)
	})
	for i, x := range cases {
		if x.path == byTimetable {
			require.NoError(s.t, s.db.Owner.QueryRow(s.t.Context(),
				"SELECT operation_id FROM operation_schedules WHERE schedule_id = $1 ORDER BY due_at DESC LIMIT 1", s.pairs[i/2]).Scan(&x.op))
		}
	}
	for _, times := range s.died {
		died += len(times)
	}
	return died, s.judge(n, want, before, cases, s.powerCalls()[calls:], died)
}

// strike kills some of the five at once, and brings them back.
func (s *soak) strike() {
	names := slices.Clone(allProcesses)
	rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	many := 1
	if rand.IntN(3) == 0 {
		many = 1 + rand.IntN(len(names))
	}
	for _, name := range names[:many] {
		s.died[name] = append(s.died[name], time.Now())
	}
	s.kill(names[:many]...)
	time.Sleep(time.Duration(rand.IntN(1000)) * time.Millisecond)
	s.revive(names[:many]...)
	if s.lagging && slices.Contains(names[:many], theSimulator) {
		s.lag(soakLag)
	}
}

// judge says what must be true of a round, and counts its kills into the table.
func (s *soak) judge(n int, want string, before time.Time, cases []*crashCase, calls []sim.Call, died int) (redundant int) {
	t := s.t
	require.Equal(t, len(cases), s.count("SELECT count(*) FROM operations WHERE created_at >= $1", before), "round %d: one operation for each", n)
	for _, x := range cases {
		require.NotEmpty(t, x.op, "round %d: %s", n, s.lastWords())
		require.Equal(t, len(x.machines), s.count(`SELECT count(*) FROM operation_targets t JOIN operations o ON o.org_id = t.org_id AND o.id = t.operation_id
			WHERE o.id = $1 AND o.state = 'succeeded' AND t.state = 'done' AND t.wanted = $2`, x.op, want), "round %d: %s %s", n, x.path, x.op)
		require.Equal(t, 1, s.count("SELECT count(*) FROM audit_log WHERE subject_id = $1", x.op), "round %d: one audit entry", n)
		for _, m := range x.machines {
			require.Equal(t, 1, s.count("SELECT count(*) FROM resources WHERE provider_id = $1 AND state = $2", m, want), "round %d: %s", n, m)
			c := callsOf(calls, m)
			require.GreaterOrEqual(t, c, 1)
			require.LessOrEqual(t, c, 1+died, "round %d: no more than one redundant call for a kill and a machine", n)
			redundant += c - 1
		}
	}
	for _, m := range s.simulated() {
		require.Equal(t, want, string(m.State), "round %d: %s", n, m.ID)
	}
	notes, err := s.points.Notes()
	require.NoError(t, err)
	s.table.add(s.died, cases, notes, s.ws, before)
	return redundant
}

func (s *soak) stopOnce(x *crashCase) (op string) {
	return s.insistOn(func(ctx context.Context) (string, error) {
		got, err := s.power.StopResources(ctx, &v1.StopResourcesRequest{OrgId: s.org, WorkspaceId: s.ws, ResourceIds: ids(s.resources, x.machines...), RequestId: x.request})
		return got.GetOperation().GetId(), err
	})
}

func (s *soak) startOnce(x *crashCase) (op string) {
	return s.insistOn(func(ctx context.Context) (string, error) {
		got, err := s.power.StartResources(ctx, &v1.StartResourcesRequest{OrgId: s.org, WorkspaceId: s.ws, ResourceIds: ids(s.resources, x.machines...), RequestId: x.request})
		return got.GetOperation().GetId(), err
	})
}

func (s *soak) insistOn(ask func(context.Context) (string, error)) (op string) {
	for deadline := time.Now().Add(90 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(s.t.Context()), 20*time.Second)
		op, err := ask(ctx)
		cancel()
		if err == nil {
			return op
		}
	}
	return ""
}

// killTable counts, for each process that was killed, how far the operations on
// their way had come.
type killTable struct {
	mu    sync.Mutex
	cells map[string]map[string]int
}

const (
	kills    = "kills"
	atAsking = "before committed"
)

func (k *killTable) add(died map[string][]time.Time, cases []*crashCase, notes []crashpoint.Note, workspace string, before time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for process, times := range died {
		if k.cells[process] == nil {
			k.cells[process] = map[string]int{}
		}
		for _, at := range times {
			k.cells[process][kills]++
			for _, x := range cases {
				if point := x.lastPoint(notes, workspace, before, at); point != string(crashpoint.Gone) {
					k.cells[process][point]++
				}
			}
		}
	}
}

// lastPoint is the point that an operation had come to.
func (x *crashCase) lastPoint(notes []crashpoint.Note, workspace string, from, to time.Time) string {
	last := atAsking
	for _, n := range notes {
		of := n.Subject == x.op || x.request != "" && n.Subject == x.request || slices.Contains(x.machines, n.Subject) || x.path == byTimetable && n.Subject == workspace
		if of && n.Time.After(from) && n.Time.Before(to) {
			last = string(n.Point)
		}
	}
	return last
}

func (k *killTable) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	columns := []string{kills, atAsking}
	for _, p := range crashpoint.OfPower[:len(crashpoint.OfPower)-1] {
		columns = append(columns, string(p))
	}
	fmt.Fprintf(w, "process\t%s\t\n", strings.Join(columns, "\t"))
	for _, process := range slices.Sorted(maps.Keys(k.cells)) {
		fmt.Fprintf(w, "%s\t", process)
		for _, c := range columns {
			fmt.Fprintf(w, "%d\t", k.cells[process][c])
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush()
	return b.String()
}
