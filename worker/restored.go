package worker

import (
	"context"
	"log/slog"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/platform/telemetry"
)

// Restored puts a restored database in order, as the role cloudhub_owner, before
// a worker runs on it: see db.Restored. What the timetables wanted between the
// dump and now is recorded as missed and not done: it was done once already, by
// the database that is gone, or somebody has decided otherwise since. It answers
// how many minutes of workspaces that were.
func Restored(ctx context.Context, owner *pgxpool.Pool, logger *slog.Logger) (missed int, err error) {
	if err := db.Restored(ctx, owner, workKinds()); err != nil {
		return 0, err
	}
	d := &Dispatcher{system: db.NewSystem(owner), logger: logger, metrics: newMetrics(prometheus.NewRegistry()), tracer: telemetry.NoTracing().Tracer("cloudhub")}
	for {
		var c claimed
		n, err := d.expand(ctx, agenda.KindTimetable, func(ctx context.Context, q *gen.Queries, rows []gen.Agenda) (err error) {
			c, err = d.claim(ctx, q, rows, true)
			return err
		})
		if err != nil || n == 0 {
			return missed, err
		}
		missed += c.missed
	}
}
