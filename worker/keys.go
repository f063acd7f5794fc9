package worker

import (
	"context"
	"slices"
	"time"

	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
)

const (
	// keysEvery is how often this process looks whether its ring has changed,
	// countEvery how often it counts what each key has sealed.
	keysEvery  = 2 * time.Second
	countEvery = 30 * time.Second
	// resealAgain is when what a replaced key sealed is asked for once more: a
	// server that heard late of the promotion, a row that did not open.
	resealAgain = 10 * time.Minute
)

// watchKeys exports how much each key has sealed, and asks for what a replaced
// key sealed to be sealed anew. It knows keys by their ids alone.
func (d *Dispatcher) watchKeys(ctx context.Context) {
	if d.opener == nil {
		return
	}
	ticker := time.NewTicker(keysEvery)
	defer ticker.Stop()
	var known []string
	var counted, asked time.Time
	for {
		replaced := d.opener.Replaced()
		changed := !slices.Equal(known, replaced)
		if changed || time.Since(counted) >= countEvery {
			again := changed || time.Since(asked) >= resealAgain
			if err := d.countKeys(ctx, again); err == nil { // else the lanes say that the database is down
				known, counted = replaced, time.Now()
				if again {
					asked = counted
				}
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (d *Dispatcher) countKeys(ctx context.Context, ask bool) error {
	rows, err := d.system.Read().SealedRowsByKey(ctx)
	if err != nil {
		return err
	}
	replaced := d.opener.Replaced()
	primary := d.opener.Sealer().KeyID()
	d.metrics.sealedRows.Reset()
	d.metrics.sealedRows.WithLabelValues(primary, "primary").Set(0)
	for _, id := range replaced {
		d.metrics.sealedRows.WithLabelValues(id, "replaced").Set(0)
	}
	for _, r := range rows {
		state := "unknown"
		switch {
		case r.KeyID == primary:
			state = "primary"
		case slices.Contains(replaced, r.KeyID):
			state = "replaced"
		case d.opener.Has(r.KeyID):
			state = "added"
		}
		d.metrics.sealedRows.WithLabelValues(r.KeyID, state).Set(float64(r.N))
	}
	if !ask || len(replaced) == 0 {
		return nil
	}
	return d.askReseal(ctx, replaced)
}

func (d *Dispatcher) askReseal(ctx context.Context, replaced []string) error {
	orgs, err := d.system.Read().OrgsSealedWith(ctx, replaced)
	if err != nil || len(orgs) == 0 {
		return err
	}
	now, err := d.system.Read().SystemTime(ctx)
	if err != nil {
		return err
	}
	ask := gen.AskManyParams{Kind: string(agenda.KindReseal), Lane: int16(agenda.LaneBackground)}
	for _, org := range orgs {
		ask.OrgIds, ask.Subjects, ask.DueAts = append(ask.OrgIds, org), append(ask.Subjects, org.String()), append(ask.DueAts, now)
	}
	d.logger.InfoContext(ctx, "a key was replaced: what it sealed is sealed anew", "organizations", len(orgs))
	return d.system.Tx(ctx, func(q *gen.Queries) error { return q.AskMany(ctx, ask) })
}
