package db_test

import (
	"crypto/md5"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/db/dbtest"
	"github.com/cloudhub/cloudhub/db/gen"
)

// destination is one of the nine that the estate has beside its fixture's.
func (e estate) destination(n int) uuid.UUID {
	return uuid.UUID(md5.Sum([]byte(e.small.Org.String() + "destination" + fmt.Sprint(n))))
}

func deliveryPlans() map[string]plan {
	return map[string]plan{
		"ListDeliveries": {index: "deliveries_pkey", run: ask((*gen.Queries).ListDeliveries, func(e estate) gen.ListDeliveriesParams {
			return gen.ListDeliveriesParams{OrgID: e.small.Org, DestinationID: e.destination(3), BeforeID: uuid.Max, States: noText, Types: noText, RowLimit: page}
		})},
		"ListAttempts": {index: "delivery_attempts_default_pkey", run: ask((*gen.Queries).ListAttempts, func(e estate) gen.ListAttemptsParams {
			return gen.ListAttemptsParams{OrgID: e.small.Org, DestinationID: e.destination(3), EventID: e.small.Notification}
		})},
	}
}

// What a claim reads depends on what it takes, and neither on how much waits for one
// destination, nor on what was delivered before.
func TestAClaimReadsTheSameWhateverWaits(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	f := dbtest.Tenant(t, d)
	grow := func(waiting, delivered int) {
		d.Exec(t, `INSERT INTO deliveries (org_id, destination_id, event_id, state) SELECT $1, $2, gen_random_uuid(), 'waiting' FROM generate_series(1, $3::int)`, f.Org, f.Destination, waiting)
		d.Exec(t, `INSERT INTO deliveries (org_id, destination_id, event_id, state, fresh) SELECT $1, $2, gen_random_uuid(), 'delivered', false FROM generate_series(1, $3::int)`, f.Org, f.Destination, delivered)
		d.Exec(t, `VACUUM ANALYZE deliveries`)
	}
	claim := func() int64 {
		tx, err := d.Owner.Begin(t.Context())
		require.NoError(t, err)
		defer func() { _ = tx.Rollback(t.Context()) }()
		read := func() (n int64) {
			require.NoError(t, tx.QueryRow(t.Context(), `SELECT sum(heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit) FROM (
				SELECT pg_stat_get_xact_blocks_fetched(c.oid) AS heap_blks_read, 0 AS heap_blks_hit, 0 AS idx_blks_read, 0 AS idx_blks_hit
				FROM pg_class c WHERE c.relname LIKE 'deliveries%' AND c.relkind IN ('r', 'i')) x`).Scan(&n))
			return n
		}
		before := read()
		rows, err := tx.Query(t.Context(), `SELECT event_id FROM claim_fresh($1, $1, 64, 16, '{}', '{}', 40)`, uuid.Nil)
		require.NoError(t, err)
		got, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		require.NoError(t, err)
		require.Len(t, got, 16, "a destination's share")
		return read() - before
	}
	grow(100, 100)
	few := claim()
	grow(20_000, 20_000)
	many := claim()
	t.Logf("pages of a claim: %d of 100 waiting, %d of 20,100", few, many)
	require.Positive(t, few)
	require.LessOrEqual(t, many, 3*few)
}
