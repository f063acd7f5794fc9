package worker

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/platform/telemetry"
	"github.com/cloudhub/cloudhub/internal/power"
)

// expandCalendarClocks asks for the regular reading of calendars. A reading that
// fails sets its clock sooner itself.
func expandCalendarClocks(ctx context.Context, q *gen.Queries, rows []gen.Agenda) error {
	now, err := q.SystemTime(ctx)
	if err != nil {
		return err
	}
	ask := gen.AskManyParams{Kind: string(agenda.KindCalendar), Lane: int16(agenda.LaneBackground)}
	move := gen.MoveClocksParams{Kind: string(agenda.KindCalendarClock)}
	stamp := gen.StampNextRefreshParams{}
	for _, r := range rows {
		id, err := uuid.Parse(r.Subject)
		if err != nil {
			return fmt.Errorf("subject %q is not an id", r.Subject)
		}
		next := agenda.NextCalendar(id, now)
		ask.OrgIds, ask.Subjects, ask.DueAts = append(ask.OrgIds, r.OrgID), append(ask.Subjects, r.Subject), append(ask.DueAts, r.DueAt)
		ask.AccountIds = append(ask.AccountIds, uuid.Nil)
		ask.Traces = append(ask.Traces, dueTrace(ctx, "due calendar", r.DueAt, telemetry.OrgID, r.OrgID.String(), "calendar_id", r.Subject))
		move.OrgIds, move.Subjects, move.Nexts = append(move.OrgIds, r.OrgID), append(move.Subjects, r.Subject), append(move.Nexts, next)
		stamp.OrgIds, stamp.Ids, stamp.NextAts = append(stamp.OrgIds, r.OrgID), append(stamp.Ids, id), append(stamp.NextAts, next)
	}
	if err := q.AskMany(ctx, ask); err != nil {
		return err
	}
	if err := q.StampNextRefresh(ctx, stamp); err != nil {
		return err
	}
	return q.MoveClocks(ctx, move)
}

// calendar says on the calendar why it is not read.
func (p parkedRow) calendar(ctx context.Context) error {
	n, err := p.q.ParkCalendar(ctx, gen.ParkCalendarParams{LastError: string(power.ReasonParked), OrgID: p.row.OrgID, ID: p.subject})
	if err != nil {
		return err
	}
	if n == 0 { // it has been removed
		return p.end(ctx)
	}
	return p.told(ctx, agenda.ParkedQuiet)
}
