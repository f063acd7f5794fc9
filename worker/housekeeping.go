package worker

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/access"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/schedule"
	"github.com/cloudhub/cloudhub/internal/webhook"
)

// keepHouse purges what is past its time, makes the next partitions, and
// computes next times again when the zone data has changed.
func (d *Dispatcher) keepHouse(ctx context.Context, q *gen.Queries, rows []gen.Agenda) error {
	if err := q.EnsureAuditPartitions(ctx); err != nil {
		return err
	}
	for name, purge := range map[string]func(context.Context) (int64, error){
		"drafts": q.PurgeDrafts, "role preparations": q.PurgePreparations, "sessions": q.PurgeSessions, "login failures": q.PurgeLoginFailures,
		"idempotency keys": q.PurgeIdempotencyKeys, "operations": q.PurgeOperations,
		"skips": q.PurgeSkips, "holds": q.PurgeHolds, "events": purgeEvents(q), "deliveries": purgeDeliveries(q), "secrets of destinations": q.PurgeDestinationSecrets, "notifications": q.PurgeNotifications,
	} {
		n, err := purge(ctx)
		if err != nil {
			return err
		}
		if n > 0 {
			d.logger.InfoContext(ctx, "purged what is past its time", "what", name, "rows", n)
		}
	}
	if _, err := q.TurnAttemptPartitions(ctx, int32(deliveryDays(access.Enterprise))); err != nil {
		return err
	}
	if err := d.recomputeZones(ctx, q); err != nil {
		return err
	}
	now, err := q.SystemTime(ctx)
	if err != nil {
		return err
	}
	move := gen.MoveClocksParams{Kind: string(agenda.KindHousekeeping)}
	for _, r := range rows {
		move.OrgIds, move.Subjects, move.Nexts = append(move.OrgIds, r.OrgID), append(move.Subjects, r.Subject), append(move.Nexts, now.Add(agenda.HousekeepingEvery))
	}
	return q.MoveClocks(ctx, move)
}

func deliveryDays(p access.Plan) int { return access.LimitsOf(p).DeliveryDays }

func purgeEvents(q *gen.Queries) func(context.Context) (int64, error) {
	return func(ctx context.Context) (int64, error) {
		return q.PurgeEvents(ctx, gen.PurgeEventsParams{
			FreeDays: int32(deliveryDays(access.Free)), ProDays: int32(deliveryDays(access.Pro)), EnterpriseDays: int32(deliveryDays(access.Enterprise)),
		})
	}
}

func purgeDeliveries(q *gen.Queries) func(context.Context) (int64, error) {
	return func(ctx context.Context) (int64, error) {
		now, err := q.SystemTime(ctx)
		if err != nil {
			return 0, err
		}
		before := func(p access.Plan) uuid.UUID { return webhook.FirstID(now.AddDate(0, 0, -deliveryDays(p))) }
		return q.PurgeDeliveries(ctx, gen.PurgeDeliveriesParams{
			BeforeFree: before(access.Free), BeforePro: before(access.Pro), BeforeEnterprise: before(access.Enterprise),
		})
	}
}

// recomputeZones moves schedules whose next time was computed with other zone
// data. A minute that is due already stays as it is and is claimed.
func (d *Dispatcher) recomputeZones(ctx context.Context, q *gen.Queries) error {
	stale, err := q.SchedulesByZoneData(ctx, schedule.ZoneData())
	if err != nil || len(stale) == 0 {
		return err
	}
	now, err := q.SystemTime(ctx)
	if err != nil {
		return err
	}
	beside, err := readBeside(ctx, q, stale, now)
	if err != nil {
		return err
	}
	advance := gen.AdvanceSchedulesParams{Tzdata: schedule.ZoneData()}
	var orgs, workspaces []uuid.UUID
	for _, s := range stale {
		next := schedule.Run{At: *s.NextAt, Wanted: schedule.Wanted(*s.NextWanted)}
		if due, err := dueOf(s, beside); err == nil && s.NextAt.After(now) {
			if run, ok, err := due.Rule.Next(now, due.Holidays); err == nil {
				next = run
				if !ok {
					next = schedule.Run{At: now}
				}
			}
		}
		advance.OrgIds, advance.Ids = append(advance.OrgIds, s.OrgID), append(advance.Ids, s.ID)
		advance.NextAts, advance.NextWanteds = append(advance.NextAts, next.At), append(advance.NextWanteds, string(next.Wanted))
		orgs, workspaces = append(orgs, s.OrgID), append(workspaces, s.WorkspaceID)
	}
	d.logger.InfoContext(ctx, "zone data has changed: next times computed again", "schedules", len(stale))
	if err := q.AdvanceSchedules(ctx, advance); err != nil {
		return err
	}
	return moveTimetables(ctx, q, orgs, workspaces)
}

// checkEvery is in how many rounds of watchLateness the invariant is checked
// once: it reads whole tables.
const checkEvery = 60

// watchLateness exports how late the agenda is, and says it aloud.
func (d *Dispatcher) watchLateness(ctx context.Context) {
	ticker := time.NewTicker(5 * time.Second)
	defer ticker.Stop()
	for round := 0; ; round++ {
		if round%checkEvery == 0 {
			d.checkInvariant(ctx)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		rows, err := d.system.Read().AgendaOldestDue(ctx)
		if err != nil {
			continue // the lanes say that the database is down
		}
		late := map[agenda.Lane]float64{}
		for _, r := range rows {
			late[agenda.Lane(r.Lane)] = time.Since(r.Oldest).Seconds()
		}
		for _, lane := range agenda.Lanes {
			d.metrics.oldest.WithLabelValues(laneName(lane)).Set(late[lane])
			if late[lane] > agenda.LateAfter.Seconds() {
				d.logger.WarnContext(ctx, "the agenda is late", "lane", laneName(lane), "seconds", int(late[lane]))
			}
		}
		d.watchTrouble(ctx)
	}
}

// watchTrouble exports what needs a person, as the operators' page shows it.
func (d *Dispatcher) watchTrouble(ctx context.Context) {
	kinds, seconds := agenda.OpenLimits()
	rows, err := d.system.Read().AgendaTrouble(ctx, gen.AgendaTroubleParams{OpenKinds: kinds, OpenSeconds: seconds})
	if err != nil {
		return // the lanes say that the database is down
	}
	found := map[string]gen.AgendaTroubleRow{}
	for _, r := range rows {
		found[r.Kind] = r
	}
	for _, kind := range slices.Concat(agenda.WorkKinds, agenda.ClockKinds) {
		r := found[string(kind)]
		d.metrics.failing.WithLabelValues(string(kind)).Set(float64(r.Failing))
		d.metrics.openTooLong.WithLabelValues(string(kind)).Set(float64(r.OpenTooLong))
		d.metrics.parked.WithLabelValues(string(kind)).Set(float64(r.Parked))
	}
}

// checkInvariant exports what is not final and yet not on the agenda. Nobody
// would ever finish it, so it must be nothing.
func (d *Dispatcher) checkInvariant(ctx context.Context) {
	rows, err := d.system.Read().UnfinishedWithoutAgenda(ctx)
	if err != nil {
		return // the lanes say that the database is down
	}
	found := map[string]float64{string(agenda.KindPower): 0, string(agenda.KindTimetable): 0, string(agenda.KindSyncClock): 0, string(agenda.KindCalendarClock): 0, string(agenda.KindDestination): 0}
	calendars, err := d.system.Read().CalendarsWithoutClock(ctx)
	if err != nil {
		return
	}
	for _, c := range calendars {
		rows = append(rows, gen.UnfinishedWithoutAgendaRow{Kind: string(agenda.KindCalendarClock), OrgID: c.OrgID, Subject: c.ID.String()})
	}
	destinations, err := d.system.Read().DestinationsLost(ctx)
	if err != nil {
		return
	}
	for _, r := range destinations {
		rows = append(rows, gen.UnfinishedWithoutAgendaRow{Kind: string(agenda.KindDestination), OrgID: r.OrgID, Subject: r.ID.String()})
	}
	for _, r := range rows {
		found[r.Kind]++
		d.logger.ErrorContext(ctx, "not final and not on the agenda", "org_id", r.OrgID, "kind", r.Kind, "subject", r.Subject)
	}
	for kind, n := range found {
		d.metrics.unfinished.WithLabelValues(kind).Set(n)
	}
}
