package db_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/cloudhub/cloudhub/db/dbtest"
	"github.com/cloudhub/cloudhub/db/gen"
)

// A statement is in the trace of the work that it belongs to, by its name alone;
// what belongs to nothing, as polling, makes no trace.
func TestStatementsAreInTheTraceTheyBelongTo(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	f := dbtest.Tenant(t, d)
	var told tracetest.InMemoryExporter
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(&told))
	_, err := d.System.Read().SystemTime(t.Context())
	require.NoError(t, err)
	require.Empty(t, told.GetSpans())

	ctx, work := provider.Tracer("test").Start(t.Context(), "work")
	require.NoError(t, d.Tenants.InTenant(ctx, f.Org, func(q *gen.Queries) error {
		_, err := q.DatabaseTime(ctx)
		return err
	}))
	_, err = d.Identity.Read().UserByEmail(ctx, "nobody@example.com")
	require.ErrorIs(t, err, pgx.ErrNoRows)
	// Refused: not this role's.
	_, err = d.Identity.Read().PurgeOperations(ctx)
	require.Error(t, err)
	work.End()
	spans := map[string]tracetest.SpanStub{}
	for _, s := range told.GetSpans() {
		require.Equal(t, work.SpanContext().TraceID(), s.SpanContext.TraceID())
		require.NotContains(t, s.Name, f.Org.String())
		for _, a := range s.Attributes {
			require.NotContains(t, a.Value.String(), "nobody@example.com")
		}
		spans[s.Name] = s
	}
	require.Contains(t, spans, "db DatabaseTime")
	require.Equal(t, codes.Unset, spans["db UserByEmail"].Status.Code, "nothing found is no fault")
	require.Equal(t, sdktrace.Status{Code: codes.Error, Description: "42501"}, spans["db PurgeOperations"].Status)
}

// The dispatcher learns for how long others' transactions have been open, and
// nothing else of them.
func TestTheOldestTransactionIsSeen(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	before, err := d.System.Read().OldestTransaction(t.Context())
	require.NoError(t, err)
	tx, err := d.Owner.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(t.Context()) }()
	var passed float64
	for passed < 0.2 { // the database's own time, whatever the machine does
		require.NoError(t, tx.QueryRow(t.Context(), "SELECT extract(epoch FROM clock_timestamp() - now())::float8").Scan(&passed))
	}
	after, err := d.System.Read().OldestTransaction(t.Context())
	require.NoError(t, err)
	require.GreaterOrEqual(t, after, passed)
	require.GreaterOrEqual(t, before, 0.0)
	var member int
	require.NoError(t, d.Owner.QueryRow(t.Context(), "SELECT count(*)::int FROM pg_auth_members WHERE member = 'cloudhub_system'::regrole").Scan(&member))
	require.Zero(t, member)
}
