package e2e

import (
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
)

// newcomersPair is the schedule of a demonstration that stops and starts machines
// before a newcomer's eyes.
func (w *world) newcomersPair() *v1.Schedule {
	w.t.Helper()
	list := w.allSchedules()
	i := slices.IndexFunc(list, func(s *v1.Schedule) bool { return strings.HasPrefix(s.GetName(), "Treinamento") })
	require.GreaterOrEqual(w.t, i, 0)
	return list[i]
}

func (w *world) allSchedules() []*v1.Schedule {
	w.t.Helper()
	list, err := w.schedules.ListSchedules(w.t.Context(), &v1.ListSchedulesRequest{OrgId: w.org, WorkspaceId: w.ws})
	require.NoError(w.t, err)
	return list.GetSchedules()
}

// livedIn says that a demonstration that has just begun shows what schedules can
// do, with a past, and is about to keep its promise.
func (w *world) livedIn() {
	t := w.t
	t.Helper()
	pair := w.newcomersPair()
	require.Equal(t, stopped, pair.GetNextWanted())
	require.LessOrEqual(t, time.Until(pair.GetNextTime().AsTime()), 62*time.Second, "it stops at the next minute")
	begun, err := time.Parse("15:04", pair.GetRule().GetStopTime())
	require.NoError(t, err)
	require.Equal(t, begun.Add(time.Minute).Format("15:04"), pair.GetRule().GetStartTime(), "and starts at the one after")
	require.Len(t, pair.GetResourceIds(), 3)
	var selecting, held, paused, keeping, ran int
	for _, s := range w.allSchedules() {
		if s.GetId() == pair.GetId() {
			continue
		}
		if s.GetSelector() != nil {
			selecting++
		}
		if s.GetHold().GetReason() != "" {
			held++
		}
		if s.GetPauseTime() != nil {
			paused++
		}
		if slices.Contains(s.GetRule().GetCalendarIds(), "br") {
			keeping++
		}
		if len(s.GetRecentRuns()) > 3 {
			ran++
		}
	}
	require.Positive(t, selecting)
	require.Positive(t, held)
	require.Positive(t, paused)
	require.Positive(t, keeping)
	require.Equal(t, 7, ran, "each has a past")
	told, err := w.notifications.ListNotifications(t.Context(), &v1.ListNotificationsRequest{OrgId: w.org, WorkspaceId: w.ws})
	require.NoError(t, err)
	require.Positive(t, told.GetUnreadCount())
}
