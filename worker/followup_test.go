package worker

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"

	"github.com/cloudhub/cloudhub/db/dbtest"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func newDispatcher(t *testing.T) (*Dispatcher, *dbtest.DB, dbtest.Fixture) {
	t.Helper()
	d := dbtest.New(t)
	return &Dispatcher{
		system: d.System, tenants: d.Tenants, logger: slog.New(slog.DiscardHandler), metrics: newMetrics(prometheus.NewRegistry()),
	}, d, dbtest.Tenant(t, d)
}

// stopOf asks for a stop of the fixture's first machine and leases its row.
func stopOf(t *testing.T, d *dbtest.DB, f dbtest.Fixture) (op uuid.UUID, row gen.Agenda) {
	t.Helper()
	op = dbtest.NewID(t)
	require.NoError(t, d.Tenants.InTenant(t.Context(), f.Org, func(q *gen.Queries) error {
		if _, err := q.InsertOperation(t.Context(), gen.InsertOperationParams{
			OrgID: f.Org, WorkspaceID: f.Workspace, ID: op, Origin: "person", RequestedByName: "Ana", ActWithinSeconds: 900, TargetCount: 1, OffCount: 1,
		}); err != nil {
			return err
		}
		if err := q.InsertTargets(t.Context(), gen.InsertTargetsParams{OperationID: op, Wanted: "stopped", OrgID: f.Org, WorkspaceID: f.Workspace, ResourceIds: f.Resources[:1]}); err != nil {
			return err
		}
		return q.Ask(t.Context(), gen.AskParams{OrgID: f.Org, Kind: string(agenda.KindPower), Subject: op.String(), Lane: int16(agenda.LanePerson)})
	}))
	return op, lease(t, d)
}

// leaseAll leases what waits for a person.
func leaseAll(t *testing.T, q *gen.Queries) ([]gen.Agenda, error) {
	t.Helper()
	waiting, err := q.WaitingWork(t.Context(), gen.WaitingWorkParams{
		Lane: int16(agenda.LanePerson), Kinds: workKinds(), OrgLimit: 10, EachLimit: 10, OrgShare: 10, AccountShare: 10,
	})
	require.NoError(t, err)
	_, wanted := nextRows(waiting, 10)
	wanted.LeaseSeconds = 15
	return q.LeaseWork(t.Context(), wanted)
}

func lease(t *testing.T, d *dbtest.DB) gen.Agenda {
	t.Helper()
	d.Exec(t, "UPDATE agenda SET look_at = now() WHERE kind = 'power'")
	rows, err := leaseAll(t, d.System.Read())
	require.NoError(t, err)
	require.Len(t, rows, 1)
	return rows[0]
}

func (r state) of(t *testing.T, d *dbtest.DB, op uuid.UUID) state {
	t.Helper()
	require.NoError(t, d.Owner.QueryRow(t.Context(), `SELECT o.state, t.state, coalesce(t.reason, ''),
		(SELECT count(*) FROM agenda a WHERE a.subject = o.id::text), (SELECT count(*) FROM resources r WHERE r.operation_id = o.id)
		FROM operations o JOIN operation_targets t ON t.operation_id = o.id WHERE o.id = $1`, op).Scan(&r.operation, &r.target, &r.reason, &r.onAgenda, &r.held))
	return r
}

type state struct {
	operation, target, reason string
	onAgenda, held            int
}

func TestWhatAnOperatorEndedIsRecorded(t *testing.T) {
	t.Parallel()
	w, d, f := newDispatcher(t)
	op, row := stopOf(t, d, f)
	d.Exec(t, "UPDATE resources SET operation_id = $1 WHERE id = $2", op, f.Resources[0])
	require.NoError(t, w.endedByOperator(t.Context(), row, "terminated in Temporal"))
	require.Equal(t, state{"failed", "failed", "OPERATOR_ENDED", 0, 0}, state{}.of(t, d, op))
	require.NoError(t, w.endedByOperator(t.Context(), row, "again"), "what is final stays as it is")
	require.Equal(t, "OPERATOR_ENDED", state{}.of(t, d, op).reason)
}

// A dispatcher that was held up for longer than its lease has another's work in
// its hands: it neither ends the operation nor takes it off the agenda.
func TestADispatcherWhoseLeaseRanOutEndsNothing(t *testing.T) {
	t.Parallel()
	w, d, f := newDispatcher(t)
	op, old := stopOf(t, d, f)
	newer := lease(t, d)
	require.Greater(t, newer.Lease, old.Lease)
	require.NoError(t, d.Tenants.InTenant(t.Context(), f.Org, func(q *gen.Queries) error {
		_, err := q.TakeOperation(t.Context(), gen.TakeOperationParams{Lease: newer.Lease, OrgID: f.Org, ID: op})
		return err
	}))
	require.NoError(t, w.endedByOperator(t.Context(), old, "terminated in Temporal"))
	require.Equal(t, state{"running", "pending", "", 1, 0}, state{}.of(t, d, op))
	lost, err := d.System.Read().UnfinishedWithoutAgenda(t.Context())
	require.NoError(t, err)
	require.Empty(t, lost)
}

// A reading that was asked for after the operator ended the one before is due.
func TestWhatWasAskedSinceSurvivesTheOperator(t *testing.T) {
	t.Parallel()
	w, d, f := newDispatcher(t)
	ask := func() {
		require.NoError(t, d.Tenants.InTenant(t.Context(), f.Org, func(q *gen.Queries) error {
			return q.Ask(t.Context(), gen.AskParams{OrgID: f.Org, Kind: string(agenda.KindSync), Subject: f.Account.String(), Lane: int16(agenda.LanePerson)})
		}))
	}
	ask()
	rows, err := leaseAll(t, d.System.Read())
	require.NoError(t, err)
	ask()
	require.NoError(t, w.endedByOperator(t.Context(), rows[0], "terminated in Temporal"))
	var left int
	require.NoError(t, d.Owner.QueryRow(t.Context(), "SELECT count(*) FROM agenda WHERE kind = 'sync' AND asked = 2").Scan(&left))
	require.Equal(t, 1, left)
}

// A run lost after each start waits longer each time; only progress, not being
// taken, sets it back.
func TestStartsAreCountedOnce(t *testing.T) {
	t.Parallel()
	w, d, f := newDispatcher(t)
	_, row := stopOf(t, d, f)
	for want := range int32(4) {
		require.Equal(t, want, row.Starts)
		var a acks
		a.add(row, "run", true, agenda.QuietAfter)
		require.NoError(t, w.acknowledge(t.Context(), &a))
		require.NoError(t, w.redeliver(t.Context(), row, "lost"))
		row = lease(t, d)
	}
}

func TestOursIsTheRunAndWhatGoesBackToIt(t *testing.T) {
	t.Parallel()
	id := "first"
	info := func(run, first string) *workflowpb.WorkflowExecutionInfo {
		return &workflowpb.WorkflowExecutionInfo{Execution: &commonpb.WorkflowExecution{RunId: run}, FirstRunId: first}
	}
	require.True(t, ours(gen.Agenda{RunID: &id}, info("first", "first")))
	require.True(t, ours(gen.Agenda{RunID: &id}, info("reset", "first")))
	require.False(t, ours(gen.Agenda{RunID: &id}, info("older", "older")))
	require.False(t, ours(gen.Agenda{}, info("first", "first")))
}

func TestOnlyARefusedRowIsAboutTheRow(t *testing.T) {
	t.Parallel()
	require.True(t, aboutTheRow(serviceerror.NewInvalidArgument("too long")))
	for _, err := range []error{serviceerror.NewUnavailable("away"), serviceerror.NewDeadlineExceeded("slow"), errors.New("connection refused")} {
		require.False(t, aboutTheRow(err), err)
	}
}
