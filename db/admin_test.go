package db_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/dbtest"
	"github.com/cloudhub/cloudhub/db/gen"
)

func park(t testing.TB, d *dbtest.DB, org uuid.UUID, kind, subject string) {
	t.Helper()
	n, err := d.Admin.Read().ParkAgenda(t.Context(), gen.ParkAgendaParams{
		ParkedBy: "Rita", ParkedReason: "the provider is down", OrgID: org, Kind: kind, Subject: subject})
	require.NoError(t, err)
	require.Equal(t, int64(1), n)
}

func driveAgain(t testing.TB, d *dbtest.DB, org uuid.UUID, subject string) {
	t.Helper()
	n, err := d.Admin.Read().DriveAgain(t.Context(), gen.DriveAgainParams{OrgID: org, Kind: workKind, Subject: subject})
	require.NoError(t, err)
	require.Equal(t, int64(1), n)
}

// What is parked is leased by nobody, delivered or not, and takes no place of
// the cap; driven again it is leased like any other.
func TestParkedRowsAreNotLeased(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	org := dbtest.NewID(t)
	due(t, d, org, 3, time.Minute)
	leased := leaseWork(t, d, 1)
	_, err := acknowledge(t.Context(), d.System.Read(), leased)
	require.NoError(t, err)
	delivered := leased[0].Subject
	d.Exec(t, `UPDATE agenda SET look_at = now() WHERE org_id = $1`, org)
	for i := range 3 {
		park(t, d, org, workKind, fmt.Sprintf("work-%d", i+1))
	}
	again := func() []gen.Agenda {
		rows, err := d.System.Read().LeaseDelivered(t.Context(), gen.LeaseDeliveredParams{LeaseSeconds: 15, Lane: workLane, Kinds: []string{workKind}, RowLimit: 200})
		require.NoError(t, err)
		return rows
	}
	require.Empty(t, leaseWork(t, d, 10))
	require.Empty(t, again())
	open, err := d.System.Read().CountArriving(t.Context(), gen.CountArrivingParams{Lane: workLane, LeaseSeconds: 15})
	require.NoError(t, err)
	require.Zero(t, open)

	driveAgain(t, d, org, delivered)
	rows := leaseWork(t, d, 10)
	require.Len(t, rows, 1, "delivered anew, whatever became of the run")
	require.Equal(t, delivered, rows[0].Subject)
	require.Nil(t, rows[0].ParkedReason)
	require.Zero(t, rows[0].Starts)
}

// A parked clock stands still: neither the batch nor the try row by row takes it.
func TestParkedClocksStandStill(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	org := dbtest.NewID(t)
	d.Exec(t, `INSERT INTO agenda (org_id, kind, subject, lane, due_at, look_at) VALUES ($1, 'timetable', 'w', 1, now(), now())`, org)
	park(t, d, org, "timetable", "w")
	rows, err := d.System.Read().LockDueClocks(t.Context(), gen.LockDueClocksParams{Kind: "timetable", Lane: 1, RowLimit: 10})
	require.NoError(t, err)
	require.Empty(t, rows)
	_, err = d.System.Read().LockClock(t.Context(), gen.LockClockParams{OrgID: org, Kind: "timetable", Subject: "w"})
	require.ErrorIs(t, err, pgx.ErrNoRows)
}

// A dispatcher had leased the row when it was parked, a run of it records, and
// its tenant asks again: it stays parked, and is looked at when it was to be.
func TestAParkedRowStaysParked(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	f := dbtest.Tenant(t, d)
	due(t, d, f.Org, 1, time.Minute)
	leased := leaseWork(t, d, 1)
	require.Len(t, leased, 1)
	park(t, d, f.Org, workKind, "work-1")
	parked := agendaRow(t, d, f.Org, "work-1")

	system := d.System.Read()
	n, err := acknowledge(t.Context(), system, leased)
	require.NoError(t, err)
	require.Zero(t, n)
	require.NoError(t, system.AcknowledgeBusy(t.Context(), gen.AcknowledgeBusyParams{OrgID: f.Org, Kind: workKind, Subject: "work-1", Lease: leased[0].Lease, RunID: "r", WaitSeconds: 9}))
	require.NoError(t, system.NoteFailure(t.Context(), gen.NoteFailureParams{OrgID: f.Org, Kind: workKind, Subject: "work-1", Lease: leased[0].Lease, LastError: "x", WaitSeconds: 9}))
	require.NoError(t, system.Redeliver(t.Context(), gen.RedeliverParams{OrgID: f.Org, Kind: workKind, Subject: "work-1", Lease: leased[0].Lease, LastError: "x", WaitSeconds: 9}))
	require.NoError(t, d.Tenants.InTenant(t.Context(), f.Org, func(q *gen.Queries) error {
		return q.PushLook(t.Context(), gen.PushLookParams{OrgID: f.Org, Kind: workKind, Subject: "work-1", WaitSeconds: 60})
	}))
	require.Equal(t, parked, agendaRow(t, d, f.Org, "work-1"))
	require.NoError(t, d.Tenants.InTenant(t.Context(), f.Org, func(q *gen.Queries) error {
		return q.Ask(t.Context(), gen.AskParams{OrgID: f.Org, Kind: workKind, Subject: "work-1", Lane: workLane})
	}))
	require.Empty(t, leaseWork(t, d, 10))
	require.NotNil(t, agendaRow(t, d, f.Org, "work-1").ParkedAt)

	looked, err := system.LookAtParked(t.Context(), gen.LookAtParkedParams{Lane: workLane, RowLimit: 10, LeaseSeconds: 15})
	require.NoError(t, err)
	require.Len(t, looked, 1)
	require.Greater(t, looked[0].Lease, leased[0].Lease, "the run that still works is fenced with it")
	looked, err = system.LookAtParked(t.Context(), gen.LookAtParkedParams{Lane: workLane, RowLimit: 10, LeaseSeconds: 15})
	require.NoError(t, err)
	require.Empty(t, looked)
}

// A row that fails again and again is looked at later each time. It is as late
// as it was due, and the alarm sees it.
func TestWhatFailsIsLate(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	org := dbtest.NewID(t)
	due(t, d, org, 2, time.Hour)
	oldest := func() (float64, bool) {
		rows, err := d.System.Read().AgendaOldestDue(t.Context())
		require.NoError(t, err)
		for _, r := range rows {
			if r.Lane == workLane {
				return time.Since(r.Oldest).Seconds(), true
			}
		}
		return 0, false
	}
	rows := leaseWork(t, d, 2)
	require.Len(t, rows, 2)
	require.NoError(t, d.System.Read().NoteFailure(t.Context(), gen.NoteFailureParams{
		LastError: "no", WaitSeconds: 3600, OrgID: org, Kind: workKind, Subject: rows[0].Subject, Lease: rows[0].Lease}))
	_, err := acknowledge(t.Context(), d.System.Read(), rows[1:])
	require.NoError(t, err)
	late, found := oldest()
	require.True(t, found)
	require.Greater(t, late, 3000.0)
	trouble := func() gen.AgendaTroubleRow {
		all, err := d.System.Read().AgendaTrouble(t.Context(), gen.AgendaTroubleParams{OpenKinds: []string{workKind}, OpenSeconds: []float64{600}})
		require.NoError(t, err)
		i := slices.IndexFunc(all, func(r gen.AgendaTroubleRow) bool { return r.Kind == workKind })
		require.GreaterOrEqual(t, i, 0)
		return all[i]
	}
	require.Equal(t, gen.AgendaTroubleRow{Kind: workKind, Failing: 1, OpenTooLong: 1}, trouble())
	park(t, d, org, workKind, rows[0].Subject)
	_, found = oldest()
	require.False(t, found, "what somebody has parked waits for nobody")
	require.Equal(t, gen.AgendaTroubleRow{Kind: workKind, OpenTooLong: 1, Parked: 1}, trouble())
}

// What made a run be started anew is told until the new run has moved.
func TestAnErrorStaysUntilTheWorkHasMoved(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	f := dbtest.Tenant(t, d)
	due(t, d, f.Org, 1, time.Minute)
	system := d.System.Read()
	_, err := acknowledge(t.Context(), system, leaseWork(t, d, 1))
	require.NoError(t, err)
	d.Exec(t, `UPDATE agenda SET look_at = now() WHERE org_id = $1`, f.Org)
	rows, err := system.LeaseDelivered(t.Context(), gen.LeaseDeliveredParams{LeaseSeconds: 15, Lane: workLane, Kinds: []string{workKind}, RowLimit: 9})
	require.NoError(t, err)
	require.Len(t, rows, 1)
	require.NoError(t, system.Redeliver(t.Context(), gen.RedeliverParams{LastError: "lost", OrgID: f.Org, Kind: workKind, Subject: "work-1", Lease: rows[0].Lease}))
	_, err = acknowledge(t.Context(), system, leaseWork(t, d, 1))
	require.NoError(t, err)
	require.Equal(t, "lost", *agendaRow(t, d, f.Org, "work-1").LastError)
	moved := func(m bool) gen.Agenda {
		require.NoError(t, d.Tenants.InTenant(t.Context(), f.Org, func(q *gen.Queries) error {
			return q.PushLook(t.Context(), gen.PushLookParams{OrgID: f.Org, Kind: workKind, Subject: "work-1", WaitSeconds: 60, Moved: m})
		}))
		return agendaRow(t, d, f.Org, "work-1")
	}
	require.NotNil(t, moved(false).LastError)
	require.Nil(t, moved(true).LastError)
}

// The operators' page sees the agenda and the names of organizations. What it may
// do is counted here, column by column, so that a grant more is seen.
func TestTheAdminRoleSeesTheAgendaAlone(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	dbtest.Tenant(t, d)
	rows, err := d.Owner.Query(t.Context(), `
		SELECT c.relname || ' ' || lower(p.privilege) || ': ' || string_agg(a.attname, ' ' ORDER BY a.attname)
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE')) p(privilege)
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND has_column_privilege($1, c.oid, a.attnum, p.privilege)
		GROUP BY c.relname, p.privilege ORDER BY 1`, db.RoleAdmin)
	require.NoError(t, err)
	granted, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Equal(t, []string{
		"agenda select: asked due_at kind lane last_error lease look_at org_id parked_at parked_by parked_reason run_id starts subject told",
		"agenda update: look_at parked_at parked_by parked_reason run_id starts taken",
		"audit_log insert: " + strings.Join(column[string](t, d.Owner, `SELECT attname::text FROM pg_attribute WHERE attrelid = 'audit_log'::regclass AND attnum > 0 ORDER BY 1`), " "),
		"organizations select: id name",
	}, granted)
	conn := dbtest.Connect(t, d.URLs.Admin)
	for _, table := range tables(t, d.Owner) {
		_, err := conn.Exec(t.Context(), `DELETE FROM `+table.name)
		require.True(t, isDenied(err), "delete from %s: %v", table.name, err)
		if table.name != "agenda" && table.name != "organizations" {
			_, err = conn.Exec(t.Context(), `SELECT FROM `+table.name)
			require.True(t, isDenied(err), "read %s: %v", table.name, err)
		}
	}
	_, err = conn.Exec(t.Context(), `INSERT INTO audit_log (org_id, id, actor_kind, action, subject_kind, subject_id)
		VALUES (gen_random_uuid(), gen_random_uuid(), 'person', 'a', 's', '1')`)
	require.ErrorContains(t, err, "violates row-level security policy", "it speaks as an operator alone")
}

// Nobody who is reached over the network can make himself a platform admin.
func TestOnlyTheOwnerMakesAdmins(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	f := dbtest.Tenant(t, d)
	for role, url := range runtimeRoles(d.URLs) {
		conn := dbtest.Connect(t, url)
		for _, s := range []string{
			`INSERT INTO platform_admins (user_id) VALUES ('` + f.User.String() + `')`, `UPDATE platform_admins SET granted_at = now()`,
			`DELETE FROM platform_admins`, `TRUNCATE platform_admins`,
		} {
			_, err := conn.Exec(t.Context(), s)
			require.True(t, isDenied(err), "%s as %s: %v", s, role, err)
		}
	}
}
