package db_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/dbtest"
	"github.com/cloudhub/cloudhub/db/gen"
)

const (
	workKind = "power"
	workLane = int16(1)
)

// due puts n rows of work on an organization's agenda, as owner: no
// organization need exist. age is how long ago they became due.
func due(t testing.TB, d *dbtest.DB, org uuid.UUID, n int, age time.Duration) {
	t.Helper()
	d.Exec(t, `INSERT INTO agenda (org_id, kind, subject, lane, due_at, look_at)
		SELECT $1, $2, 'work-' || i, $3, now() - make_interval(secs => $4), now() - make_interval(secs => $4) FROM generate_series(1, $5::int) i`,
		org, workKind, workLane, age.Seconds(), n)
}

// waitingWork is what a dispatcher without shares to keep to would look at.
func waitingWork(limit int32) gen.WaitingWorkParams {
	return gen.WaitingWorkParams{Lane: workLane, Kinds: []string{workKind}, OrgLimit: limit, EachLimit: limit, OrgShare: 1000, AccountShare: 1000}
}

func leaseWork(t testing.TB, d *dbtest.DB, limit int32) []gen.Agenda {
	t.Helper()
	rows, err := lease(t.Context(), d.System.Read(), waitingWork(limit), int(limit))
	require.NoError(t, err)
	return rows
}

// lease takes the first limit rows of what waits.
func lease(ctx context.Context, q *gen.Queries, p gen.WaitingWorkParams, limit int) ([]gen.Agenda, error) {
	waiting, err := q.WaitingWork(ctx, p)
	if err != nil {
		return nil, err
	}
	wanted := gen.LeaseWorkParams{LeaseSeconds: 15}
	for _, w := range waiting {
		if w.Kind != "" && len(wanted.Subjects) < limit {
			wanted.OrgIds, wanted.Kinds, wanted.Subjects = append(wanted.OrgIds, w.OrgID), append(wanted.Kinds, w.Kind), append(wanted.Subjects, w.Subject)
		}
	}
	return q.LeaseWork(ctx, wanted)
}

// A round begins by asking whether anything is due: whatever one of its queries
// would find, that question must find.
func TestALaneIsDueWhenAnyOfItsQueriesFindsSomething(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	q := d.System.Read()
	kinds := []string{workKind}
	finds := map[string]func(context.Context) (int, error){
		"LockDueClocks": func(ctx context.Context) (int, error) {
			rows, err := q.LockDueClocks(ctx, gen.LockDueClocksParams{Kind: "timetable", Lane: workLane, RowLimit: 5})
			return len(rows), err
		},
		"WaitingWork": func(ctx context.Context) (int, error) {
			rows, err := q.WaitingWork(ctx, waitingWork(5))
			return len(rows), err
		},
		"LeaseDelivered": func(ctx context.Context) (int, error) {
			rows, err := q.LeaseDelivered(ctx, gen.LeaseDeliveredParams{LeaseSeconds: 15, Lane: workLane, Kinds: kinds, RowLimit: 5})
			return len(rows), err
		},
		"LookAtParked": func(ctx context.Context) (int, error) {
			rows, err := q.LookAtParked(ctx, gen.LookAtParkedParams{Lane: workLane, RowLimit: 5, LeaseSeconds: 15})
			return len(rows), err
		},
	}
	found := map[string]bool{}
	for _, row := range []struct{ kind, run, parked string }{
		{"timetable", "NULL", "NULL"}, {workKind, "NULL", "NULL"}, {workKind, "'run'", "NULL"}, {workKind, "NULL", "now()"}, {workKind, "'run'", "now()"},
	} {
		for _, lane := range []int16{workLane, workLane + 1} {
			for _, look := range []string{"-1 second", "1 hour"} {
				d.Exec(t, "DELETE FROM agenda")
				d.Exec(t, `INSERT INTO agenda (org_id, kind, subject, lane, due_at, look_at, run_id, parked_at, parked_by, parked_reason)
					SELECT $1, $2, 'x', $3, now() - interval '1 hour', now() + $4::text::interval, `+row.run+`, p.at, CASE WHEN p.at IS NOT NULL THEN $1::uuid END, CASE WHEN p.at IS NOT NULL THEN 'why' END
					FROM (SELECT `+row.parked+`::timestamptz AS at) p`, dbtest.NewID(t), row.kind, lane, look)
				due, err := q.LaneDue(t.Context(), workLane)
				require.NoError(t, err)
				require.Equal(t, lane == workLane && look != "1 hour", due)
				for name, find := range finds {
					n, err := find(t.Context())
					require.NoError(t, err, name)
					require.False(t, n > 0 && !due, "%s finds %+v, and nothing is due", name, row)
					found[name] = found[name] || n > 0
				}
			}
		}
	}
	require.Len(t, found, len(finds))
	require.NotContains(t, fmt.Sprint(found), "false", "each finds something once")
}

func countOpen(t testing.TB, d *dbtest.DB) int64 {
	t.Helper()
	n, err := d.System.Read().CountArriving(t.Context(), gen.CountArrivingParams{Lane: workLane, LeaseSeconds: 15})
	require.NoError(t, err)
	return n
}

func key(a gen.Agenda) string { return a.OrgID.String() + "/" + a.Kind + "/" + a.Subject }

// acknowledge says of every row that a run of it was started.
func acknowledge(ctx context.Context, q *gen.Queries, rows []gen.Agenda) (int64, error) {
	var p gen.AcknowledgeParams
	for _, r := range rows {
		p.OrgIds, p.Kinds, p.Subjects = append(p.OrgIds, r.OrgID), append(p.Kinds, r.Kind), append(p.Subjects, r.Subject)
		p.Leases, p.Askeds = append(p.Leases, r.Lease), append(p.Askeds, r.Asked)
		p.RunIds, p.Starteds, p.Waits = append(p.RunIds, "run"), append(p.Starteds, true), append(p.Waits, 60)
	}
	return q.Acknowledge(ctx, p)
}

func agendaRow(t testing.TB, d *dbtest.DB, org uuid.UUID, subject string) gen.Agenda {
	t.Helper()
	row, err := d.Queries().LockAgenda(t.Context(), gen.LockAgendaParams{OrgID: org, Kind: workKind, Subject: subject})
	require.NoError(t, err)
	return row
}

// Four workers poll at once: no work is started twice, none is left.
func TestLeasersTakeDifferentRows(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	const orgs, each = 8, 50
	for range orgs {
		due(t, d, dbtest.NewID(t), each, time.Minute)
	}
	taken := make(chan gen.Agenda, 2*orgs*each)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			// Another worker's lock may leave a round empty: rounds are bounded
			// by what there is, not by the first that brings nothing.
			for range 40 {
				rows, err := lease(t.Context(), d.System.Read(), waitingWork(20), 20)
				if err != nil {
					t.Errorf("lease: %v", err)
					return
				}
				for _, row := range rows {
					taken <- row
				}
			}
		})
	}
	wait.Wait()
	close(taken)
	subjects, leases := map[string]bool{}, map[int64]bool{}
	for row := range taken {
		require.False(t, subjects[key(row)], "%s was leased twice", key(row))
		require.False(t, leases[row.Lease], "lease %d was given twice: it is the fence", row.Lease)
		subjects[key(row)], leases[row.Lease] = true, true
	}
	require.Len(t, subjects, orgs*each)
}

// One customer starts 5,000 machines; fifty others have two each. Nobody of the
// fifty waits behind him.
func TestLeasesAreFair(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	crowd := dbtest.NewID(t)
	due(t, d, crowd, 5000, time.Hour) // the crowd was there first
	for range 50 {
		due(t, d, dbtest.NewID(t), 2, time.Minute)
	}
	began := time.Now()
	turns := map[uuid.UUID]int{}
	for _, row := range leaseWork(t, d, 102) {
		turns[row.OrgID]++
	}
	t.Logf("lease of 102 from 5,100 due: %v", time.Since(began))
	require.Len(t, turns, 51)
	for org, n := range turns {
		require.Equal(t, 2, n, org)
	}

	// In flight counts: with the crowd's 40 delivered, its next turn is the 41st.
	d.Exec(t, `UPDATE agenda SET run_id = 'run' WHERE (org_id, kind, subject) IN
		(SELECT org_id, kind, subject FROM agenda WHERE org_id = $1 LIMIT 40)`, crowd)
	late := dbtest.NewID(t)
	due(t, d, late, 30, 0)
	for _, row := range leaseWork(t, d, 30) {
		require.Equal(t, late, row.OrgID)
	}
}

// The first 100 of such a burst reach everybody.
func TestTheFirstHundredReachEverybody(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	due(t, d, dbtest.NewID(t), 5000, time.Hour)
	for range 50 {
		due(t, d, dbtest.NewID(t), 2, time.Minute)
	}
	orgs := map[uuid.UUID]bool{}
	rows := leaseWork(t, d, 100)
	for _, row := range rows {
		orgs[row.OrgID] = true
	}
	require.Len(t, rows, 100)
	require.Len(t, orgs, 51)
}

// It goes round: who is reached last in one look is served in the next, and who
// has used up the share does not stand in anybody's way.
func TestWaitingWorkGoesRound(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	orgs := make([]uuid.UUID, 12)
	for i := range orgs {
		orgs[i] = dbtest.NewID(t)
		due(t, d, orgs[i], 5, time.Minute)
	}
	slices.SortFunc(orgs, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	p := gen.WaitingWorkParams{Lane: workLane, Kinds: []string{workKind}, OrgLimit: 4, EachLimit: 2, OrgShare: 3, AccountShare: 3}
	d.Exec(t, `UPDATE agenda SET run_id = 'run' WHERE org_id = ANY($1) AND subject IN ('work-1', 'work-2', 'work-3')`, orgs[:3])
	d.Exec(t, `UPDATE agenda SET run_id = 'run' WHERE org_id = $1 AND subject IN ('work-1', 'work-2')`, orgs[4])
	look := func(from uuid.UUID) (got map[uuid.UUID]int) {
		t.Helper()
		p.FromOrg = from
		rows, err := d.System.Read().WaitingWork(t.Context(), p)
		require.NoError(t, err)
		got = map[uuid.UUID]int{}
		for _, r := range rows {
			n := 0
			if r.Kind != "" {
				n = 1
			}
			got[r.OrgID] += n
		}
		return got
	}
	require.Equal(t, map[uuid.UUID]int{orgs[0]: 0, orgs[1]: 0, orgs[2]: 0, orgs[3]: 2, orgs[4]: 1, orgs[5]: 2, orgs[6]: 2}, look(uuid.Nil))
	require.Equal(t, map[uuid.UUID]int{orgs[7]: 2, orgs[8]: 2, orgs[9]: 2, orgs[10]: 2}, look(orgs[7]))
	require.Equal(t, map[uuid.UUID]int{orgs[11]: 2}, look(orgs[11]))
	require.Empty(t, look(uuid.Max))
}

// What has been accepted and is only watched leaves the share of its organization
// and of its account to what still has to ask; but not without end, since it holds a
// place in a worker.
func TestWhatOnlyWatchesLeavesItsShareToOthers(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	org, account := dbtest.NewID(t), dbtest.NewID(t)
	due(t, d, org, 40, time.Minute)
	p := gen.WaitingWorkParams{Lane: workLane, Kinds: []string{workKind}, OrgLimit: 4, EachLimit: 16, OrgShare: 4, AccountShare: 2}
	free := func() (n int) {
		t.Helper()
		rows, err := d.System.Read().WaitingWork(t.Context(), p)
		require.NoError(t, err)
		for _, r := range rows {
			if r.Kind != "" {
				n++
			}
		}
		return n
	}
	deliver := func(n int, watching bool) {
		d.Exec(t, `UPDATE agenda SET run_id = 'run', watching = $3 WHERE org_id = $1 AND subject IN (SELECT subject FROM agenda WHERE org_id = $1 AND run_id IS NULL LIMIT $2)`, org, n, watching)
	}
	for _, c := range []struct {
		account      uuid.UUID
		share, whole int
	}{{uuid.Nil, 4, 32}, {account, 2, 16}} {
		d.Exec(t, `UPDATE agenda SET account_id = $2, run_id = NULL, watching = false WHERE org_id = $1`, org, c.account)
		require.Equal(t, c.share, free())
		deliver(c.share, false)
		require.Zero(t, free(), "all of the share has still to ask")
		d.Exec(t, `UPDATE agenda SET watching = true WHERE org_id = $1 AND run_id IS NOT NULL`, org)
		require.Equal(t, c.share, free(), "it has been accepted")
		deliver(1, false)
		require.Equal(t, c.share-1, free())
		deliver(c.whole-c.share-2, true)
		require.Equal(t, 1, free(), "watching has an end too")
		deliver(1, true)
		require.Zero(t, free())
		deliver(3, false)
		require.Zero(t, free(), "nor is it an error when there is more than the share")
	}
}

// What was leased a moment ago uses the shares, although nobody has acknowledged it
// yet.
func TestWhatIsLeasedUsesTheShares(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	org := dbtest.NewID(t)
	due(t, d, org, 10, time.Minute)
	p := waitingWork(4)
	p.OrgShare = 6
	for _, want := range []int{4, 2, 0} {
		rows, err := lease(t.Context(), d.System.Read(), p, 4)
		require.NoError(t, err)
		require.Len(t, rows, want)
	}
	d.Exec(t, "UPDATE agenda SET last_error = 'refused', look_at = now() + interval '2 seconds' WHERE org_id = $1 AND lease > 0", org)
	rows, err := lease(t.Context(), d.System.Read(), p, 4)
	require.NoError(t, err)
	require.Len(t, rows, 4, "what waits after a failure uses none: a share must not cover its own recovery")
	// A run that begins before its delivery is acknowledged pushes the next look past
	// the lease.
	d.Exec(t, "UPDATE agenda SET taken = true, last_error = null, look_at = now() + interval '1 minute' WHERE org_id = $1 AND lease > 0", org)
	rows, err = lease(t.Context(), d.System.Read(), p, 4)
	require.NoError(t, err)
	require.Empty(t, rows, "it is under way")
	d.Exec(t, "UPDATE agenda SET look_at = now() - interval '1 second' WHERE org_id = $1 AND lease > 0", org)
	rows, err = lease(t.Context(), d.System.Read(), p, 4)
	require.NoError(t, err)
	require.Len(t, rows, 4, "what was taken and is silent uses none")
}

// What a look at waiting work reads depends on what it takes, and neither on how
// much of one organization waits, nor on how many wait, nor on the clocks.
func TestWaitingWorkReadsTheSameWhateverWaits(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	p := gen.WaitingWorkParams{Lane: workLane, Kinds: []string{workKind}, OrgLimit: 32, EachLimit: 16, OrgShare: 64, AccountShare: 16}
	grow := func(orgs, flood, clocks int) {
		d.Exec(t, `INSERT INTO agenda (org_id, kind, subject, lane, due_at, look_at)
			SELECT gen_random_uuid(), $1, 'work', $2, now(), now() FROM generate_series(1, $3::int)`, workKind, workLane, orgs)
		d.Exec(t, `INSERT INTO agenda (org_id, kind, subject, lane, due_at, look_at)
			SELECT '00000000-0000-4000-8000-000000000001', $1, gen_random_uuid(), $2, now(), now() FROM generate_series(1, $3::int)`, workKind, workLane, flood)
		d.Exec(t, `INSERT INTO agenda (org_id, kind, subject, lane, due_at, look_at)
			SELECT gen_random_uuid(), 'timetable', 'clock', $1, now(), now() + interval '1 day' FROM generate_series(1, $2::int)`, workLane, clocks)
		_, err := dbtest.Superuser(t, d).Exec(t.Context(), `VACUUM ANALYZE agenda`)
		require.NoError(t, err)
	}
	pages := func(of func(*gen.Queries) error, rows int) float64 {
		t.Helper()
		tx, err := d.Owner.Begin(t.Context())
		require.NoError(t, err)
		defer func() { require.NoError(t, tx.Rollback(t.Context())) }()
		var r recorder
		require.ErrorIs(t, of(gen.New(&r)), errRecorded)
		var text string
		for range 2 { // the first of a session reads catalogues
			require.NoError(t, tx.QueryRow(t.Context(), "EXPLAIN (FORMAT JSON, ANALYZE, BUFFERS, TIMING OFF) "+r.sql, r.args...).Scan(&text))
		}
		var plans []struct {
			Plan struct {
				Hit  float64 `json:"Shared Hit Blocks"`
				Read float64 `json:"Shared Read Blocks"`
				Rows float64 `json:"Actual Rows"`
			}
		}
		require.NoError(t, json.Unmarshal([]byte(text), &plans))
		require.EqualValues(t, rows, plans[0].Plan.Rows)
		return plans[0].Plan.Hit + plans[0].Plan.Read
	}
	waiting := func(q *gen.Queries) error { _, err := q.WaitingWork(t.Context(), p); return err }
	arriving := func(q *gen.Queries) error {
		_, err := q.CountArriving(t.Context(), gen.CountArrivingParams{Lane: workLane, LeaseSeconds: 15})
		return err
	}
	grow(100, 100, 100)
	few := pages(waiting, 31+16)
	grow(2_000, 20_000, 5_000)
	many := pages(waiting, 31+16)
	t.Logf("%v pages of 300 rows, %v of 27,300", few, many)
	require.Less(t, many, 2*few, "one more level of the index's tree, and no more")
	count := pages(arriving, 1)
	t.Logf("%v pages to count what arrives", count)
	require.Less(t, count, 10.0, "nothing does")
}

// A worker hangs for longer than its lease, and another one has the row: what
// the first says afterwards counts for nothing.
func TestAnExpiredLeaseSaysNothing(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	org := dbtest.NewID(t)
	due(t, d, org, 1, time.Minute)
	old := leaseWork(t, d, 10)
	require.Len(t, old, 1)
	require.Empty(t, leaseWork(t, d, 10), "it is leased")
	d.Exec(t, `UPDATE agenda SET look_at = now() WHERE org_id = $1`, org) // fifteen seconds later
	fresh := leaseWork(t, d, 10)
	require.Len(t, fresh, 1)
	require.Greater(t, fresh[0].Lease, old[0].Lease)

	system := d.System.Read()
	before := agendaRow(t, d, org, "work-1")
	n, err := acknowledge(t.Context(), system, old)
	require.NoError(t, err)
	require.Zero(t, n)
	require.NoError(t, system.AcknowledgeBusy(t.Context(), gen.AcknowledgeBusyParams{
		OrgID: org, Kind: workKind, Subject: "work-1", Lease: old[0].Lease, RunID: "late", WaitSeconds: 1}))
	require.NoError(t, system.NoteFailure(t.Context(), gen.NoteFailureParams{
		OrgID: org, Kind: workKind, Subject: "work-1", Lease: old[0].Lease, LastError: "late", WaitSeconds: 1}))
	require.NoError(t, system.Redeliver(t.Context(), gen.RedeliverParams{
		OrgID: org, Kind: workKind, Subject: "work-1", Lease: old[0].Lease, LastError: "late", WaitSeconds: 1}))
	require.Equal(t, before, agendaRow(t, d, org, "work-1"))

	n, err = acknowledge(t.Context(), system, fresh)
	require.NoError(t, err)
	require.Equal(t, int64(1), n)
	after := agendaRow(t, d, org, "work-1")
	require.Equal(t, "run", *after.RunID)
	require.Equal(t, after.Asked, after.Told)
	require.EqualValues(t, 1, after.Starts)
}

// Somebody asks again between the lease and its acknowledgement: the request is
// not lost, and is looked at when it was asked for.
func TestAnAcknowledgementKeepsANewerRequest(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	f := dbtest.Tenant(t, d)
	due(t, d, f.Org, 1, time.Minute)
	leased := leaseWork(t, d, 10)
	require.Len(t, leased, 1)
	require.NoError(t, d.Tenants.InTenant(t.Context(), f.Org, func(q *gen.Queries) error {
		return q.Ask(t.Context(), gen.AskParams{OrgID: f.Org, Kind: workKind, Subject: "work-1", Lane: 0})
	}))
	asked := agendaRow(t, d, f.Org, "work-1")
	n, err := acknowledge(t.Context(), d.System.Read(), leased)
	require.NoError(t, err)
	require.Equal(t, int64(1), n)
	after := agendaRow(t, d, f.Org, "work-1")
	require.Equal(t, leased[0].Asked+1, after.Asked)
	require.Equal(t, leased[0].Asked, after.Told)
	require.Equal(t, asked.LookAt, after.LookAt)
	require.False(t, after.LookAt.After(time.Now()))
	require.Zero(t, after.Lane, "who waits in front of a screen moves it up")
}

// A run ends while a person asks anew: the row stays, and the run goes round
// again.
func TestTheEndDeletesOnlyWhatItHasRead(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	f := dbtest.Tenant(t, d)
	ask := gen.AskParams{OrgID: f.Org, Kind: workKind, Subject: "work", Lane: workLane}
	end := func(asked int64) (n int64) {
		require.NoError(t, d.Tenants.InTenant(t.Context(), f.Org, func(q *gen.Queries) (err error) {
			n, err = q.EndAgenda(t.Context(), gen.EndAgendaParams{OrgID: f.Org, Kind: workKind, Subject: "work", Asked: asked})
			return err
		}))
		return n
	}
	var read int64
	require.NoError(t, d.Tenants.InTenant(t.Context(), f.Org, func(q *gen.Queries) (err error) {
		if err = q.Ask(t.Context(), ask); err != nil {
			return err
		}
		read, err = q.Asked(t.Context(), gen.AskedParams{OrgID: f.Org, Kind: workKind, Subject: "work"})
		return err
	}))
	require.NoError(t, d.Tenants.InTenant(t.Context(), f.Org, func(q *gen.Queries) error { return q.Ask(t.Context(), ask) }))
	require.Zero(t, end(read))
	require.Equal(t, read+1, agendaRow(t, d, f.Org, "work").Asked)
	require.Equal(t, int64(1), end(read+1))
	require.Zero(t, end(read+1))
}

// What is delivered and silent comes round however much is in flight, and what
// is due is not leased twice by the two loops.
func TestDeliveredRowsComeRound(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	org := dbtest.NewID(t)
	due(t, d, org, 3, time.Minute)
	leased := leaseWork(t, d, 2)
	require.Len(t, leased, 2)
	require.Equal(t, int64(2), countOpen(t, d), "what is being delivered counts as in flight")
	n, err := acknowledge(t.Context(), d.System.Read(), leased)
	require.NoError(t, err)
	require.Equal(t, int64(2), n)
	require.Equal(t, int64(2), countOpen(t, d))
	again := func() []gen.Agenda {
		rows, err := d.System.Read().LeaseDelivered(t.Context(), gen.LeaseDeliveredParams{LeaseSeconds: 15, Lane: workLane, Kinds: []string{workKind}, RowLimit: 200})
		require.NoError(t, err)
		return rows
	}
	require.Empty(t, again(), "they were told a moment ago")
	d.Exec(t, `UPDATE agenda SET look_at = now() WHERE run_id IS NOT NULL`)
	require.Len(t, again(), 2)
	require.Len(t, leaseWork(t, d, 10), 1)
}

// A worker that is frozen in the middle of leasing keeps the others of its lane
// waiting for a moment, not for as long as it is frozen.
func TestAFrozenLeaserIsCutOff(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	lock := func(patience time.Duration) func(q *gen.Queries) error {
		return func(q *gen.Queries) error {
			return q.LockLane(t.Context(), gen.LockLaneParams{PatienceMs: int32(patience.Milliseconds()), Lane: int32(workLane)})
		}
	}
	err := d.System.Tx(t.Context(), func(q *gen.Queries) error {
		if err := lock(200 * time.Millisecond)(q); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		return d.System.Tx(ctx, lock(time.Minute)) // another worker, while this one does nothing
	})
	require.Error(t, err, "the frozen one may not commit")
	require.NotErrorIs(t, err, context.DeadlineExceeded, "the other one got the lane")
}

// Recording transactions touch two agenda rows in the order of their business;
// acknowledgements come in batches beside them. Neither may wait for the other
// in a circle: a deadlock costs a second, and a worker's batch.
//
// One in many thousands remains, and is repeated by db's transactions: while it
// follows a row's newer version PostgreSQL waits for whoever changes that one,
// in spite of SKIP LOCKED. Without SKIP LOCKED nearly every batch deadlocks.
func TestAcknowledgementsDoNotDeadlock(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	quickDeadlocks(t, d)
	const subjects = 12
	org := dbtest.NewID(t)
	due(t, d, org, subjects, time.Minute)
	rows := leaseWork(t, d, subjects)
	require.Len(t, rows, subjects)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	var acknowledged, recorded, deadlocks atomic.Int64
	failures := make(chan error, 4)
	var wait sync.WaitGroup
	run := func(step func(i int) error) {
		wait.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				err := step(i)
				var pg *pgconn.PgError
				switch {
				case err == nil || ctx.Err() != nil:
				case errors.As(err, &pg) && pg.Code == "40P01":
					deadlocks.Add(1)
				default:
					failures <- err
					return
				}
			}
		})
	}
	for w := range 2 {
		run(func(i int) error {
			batch := append(slices.Clone(rows[(i+w)%subjects:]), rows[:(i+w)%subjects]...) // in every order
			n, err := acknowledge(ctx, d.System.Read(), batch)
			acknowledged.Add(n)
			return err
		})
		run(func(i int) error {
			recorded.Add(1)
			return record(ctx, d, rows[i%subjects], rows[(i+1+w*5)%subjects])
		})
	}
	wait.Wait()
	close(failures)
	require.NoError(t, <-failures)
	t.Logf("%d rows acknowledged beside %d recorded, %d deadlocks", acknowledged.Load(), recorded.Load(), deadlocks.Load())
	require.Positive(t, acknowledged.Load())
	require.Greater(t, recorded.Load(), 20*deadlocks.Load())
}

// quickDeadlocks lets PostgreSQL look for them after milliseconds, not a second,
// so that many would be seen.
func quickDeadlocks(t testing.TB, d *dbtest.DB) {
	t.Helper()
	super := dbtest.Superuser(t, d)
	for _, role := range []string{db.RoleOwner, db.RoleSystem} {
		_, err := super.Exec(t.Context(), fmt.Sprintf(`ALTER ROLE %s IN DATABASE %s SET deadlock_timeout = '5ms'`, role,
			pgx.Identifier{super.Config().Database}.Sanitize()))
		require.NoError(t, err)
	}
	d.Owner.Reset() // sessions that were open before have not heard of it
}

// record touches two agenda rows in one transaction, in one order among its
// like, and another than an acknowledgement's.
func record(ctx context.Context, d *dbtest.DB, a, b gen.Agenda) error {
	if a.Subject < b.Subject {
		a, b = b, a
	}
	return pgx.BeginFunc(ctx, d.Owner, func(tx pgx.Tx) error {
		for _, row := range []gen.Agenda{a, b} {
			if err := gen.New(tx).PushLook(ctx, gen.PushLookParams{OrgID: row.OrgID, Kind: row.Kind, Subject: row.Subject, WaitSeconds: 60}); err != nil {
				return err
			}
		}
		return nil
	})
}

// A clock that two workers look at is expanded by one of them.
func TestClocksAreLockedByOne(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	for i := range 4 {
		d.Exec(t, `INSERT INTO agenda (org_id, kind, subject, lane, due_at, look_at) VALUES ($1, 'timetable', $2, 1, now(), now())`, dbtest.NewID(t), fmt.Sprint(i))
	}
	lock := func(q *gen.Queries, limit int32) map[string]bool {
		rows, err := q.LockDueClocks(t.Context(), gen.LockDueClocksParams{Kind: "timetable", Lane: 1, RowLimit: limit})
		require.NoError(t, err)
		out := map[string]bool{}
		for _, row := range rows {
			out[row.Subject] = true
		}
		return out
	}
	require.NoError(t, d.System.Tx(t.Context(), func(mine *gen.Queries) error {
		first := lock(mine, 3)
		require.Len(t, first, 3)
		return d.System.Tx(t.Context(), func(theirs *gen.Queries) error {
			second := lock(theirs, 4)
			require.Len(t, second, 1)
			for subject := range second {
				require.False(t, first[subject])
			}
			return nil
		})
	}))
}
