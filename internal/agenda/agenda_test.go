package agenda

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestRetryWaitDoublesToAnHour(t *testing.T) {
	t.Parallel()
	require.Equal(t, 2*time.Second, RetryWait(-1))
	require.Equal(t, 2*time.Second, RetryWait(0))
	require.Equal(t, 16*time.Second, RetryWait(3))
	for n := range 100 {
		require.LessOrEqual(t, RetryWait(n), time.Hour)
		require.GreaterOrEqual(t, RetryWait(n+1), RetryWait(n))
	}
	require.Equal(t, time.Hour, RetryWait(12))
}

// Accounts are read every quarter of an hour, each at its own moment, so that a
// thousand of them do not come together.
func TestNextSyncIsSpreadAndSteady(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 12, 3, 0, 0, time.UTC)
	perMinute := map[int]int{}
	for range 3000 {
		id := uuid.New()
		next := NextSync(id, now)
		require.True(t, next.After(now))
		require.LessOrEqual(t, next.Sub(now), SyncEvery)
		require.Equal(t, next.Add(SyncEvery), NextSync(id, next), "the account keeps its moment")
		perMinute[int(next.Sub(now)/time.Minute)]++
	}
	for m, n := range perMinute {
		require.Less(t, n, 300, "minute %d: of 3,000 some 200 fall on each", m)
	}
}

func TestEveryKindHasALane(t *testing.T) {
	t.Parallel()
	require.Equal(t, LanePerson, LaneOf(KindProbe))
	require.Equal(t, LaneMinute, LaneOf(KindPower))
	require.Equal(t, LaneBackground, LaneOf(KindSync))
	for _, l := range Lanes {
		require.Positive(t, ArrivingCap(l))
	}
	require.Greater(t, QuietAfter, LeaseFor)
}

// The operators' page names every kind, in both languages; a new one that it does
// not know would show as it is stored.
func TestEveryKindHasANameOnTheOperatorsPage(t *testing.T) {
	t.Parallel()
	var kinds []string
	for _, k := range append(slices.Clone(WorkKinds), ClockKinds...) {
		kinds = append(kinds, string(k))
	}
	source, err := os.ReadFile("agenda.go")
	require.NoError(t, err)
	require.ElementsMatch(t, kinds, quoted(regexp.MustCompile(`Kind\w+ +Kind = "([^"]+)"`), source), "each kind is delivered or expanded")
	const web = "../../web/src/"
	page, err := os.ReadFile(web + "features/admin/rows.ts")
	require.NoError(t, err)
	list := regexp.MustCompile(`(?s)export const kinds = \[(.*?)\]`).FindSubmatch(page)
	require.Len(t, list, 2)
	require.ElementsMatch(t, kinds, quoted(regexp.MustCompile(`"([^"]+)"`), list[1]))
	for _, language := range []string{"pt-BR", "en"} {
		raw, err := os.ReadFile(web + "i18n/locales/" + language + "/admin.json")
		require.NoError(t, err)
		var texts struct {
			Kind map[string]string `json:"kind"`
		}
		require.NoError(t, json.Unmarshal(raw, &texts))
		require.ElementsMatch(t, kinds, slices.Collect(maps.Keys(texts.Kind)), language)
		for kind, name := range texts.Kind {
			require.NotEmpty(t, name, kind)
			require.NotEqual(t, kind, name, language)
		}
	}
}

func quoted(pattern *regexp.Regexp, text []byte) (out []string) {
	for _, m := range pattern.FindAllSubmatch(text, -1) {
		out = append(out, string(m[1]))
	}
	return out
}

func TestCalendarsAreReadFourTimesADay(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 12, 3, 0, 0, time.UTC)
	perHour := map[int]int{}
	for range 3000 {
		id := uuid.New()
		next := NextCalendar(id, now)
		require.True(t, next.After(now))
		require.LessOrEqual(t, next.Sub(now), CalendarEvery)
		require.Equal(t, next.Add(CalendarEvery), NextCalendar(id, next))
		perHour[int(next.Sub(now)/time.Hour)]++
	}
	for h, n := range perHour {
		require.InDelta(t, 500, n, 150, "hour %d", h)
	}
}

// What fails is tried again soon, then less and less often.
func TestACalendarThatFailsIsTriedSooner(t *testing.T) {
	t.Parallel()
	var waits []time.Duration
	var failing time.Duration
	for range 10 {
		wait := RetryCalendar(failing)
		waits = append(waits, wait)
		failing += wait
	}
	m := time.Minute
	require.Equal(t, []time.Duration{15 * m, 15 * m, 30 * m, 60 * m, 120 * m, 240 * m, 360 * m, 360 * m, 360 * m, 360 * m}, waits)
	require.Equal(t, LaneBackground, LaneOf(KindCalendar))
	require.Equal(t, NamespaceBackground, NamespaceOf(KindCalendar))
	require.True(t, KindCalendarClock.IsClock())
	require.Positive(t, OpenTooLongAfter(KindCalendar))
}
