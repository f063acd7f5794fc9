package schedule

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var everyDay = []time.Weekday{0, 1, 2, 3, 4, 5, 6}

func minutes(h, m int) int { return h*60 + m }

func at(t *testing.T, zone, s string) time.Time {
	t.Helper()
	loc, err := time.LoadLocation(zone)
	require.NoError(t, err)
	out, err := time.ParseInLocation("2006-01-02 15:04", s, loc)
	require.NoError(t, err)
	return out
}

func TestNextFollowsWallTime(t *testing.T) {
	t.Parallel()
	workdays := []time.Weekday{1, 2, 3, 4, 5}
	cases := []struct {
		name       string
		rule       Rule
		after      string // UTC
		want       string // UTC
		wanted     Wanted
		movedByGap bool
	}{
		{"later today", Rule{minutes(7, 0), minutes(19, 0), workdays, "America/Sao_Paulo"}, "2026-11-24T12:00:00Z", "2026-11-24T22:00:00Z", Stopped, false},
		{"strictly after", Rule{minutes(7, 0), minutes(19, 0), workdays, "America/Sao_Paulo"}, "2026-11-24T22:00:00Z", "2026-11-25T10:00:00Z", Running, false},
		{"over the weekend", Rule{minutes(7, 0), minutes(19, 0), workdays, "America/Sao_Paulo"}, "2026-11-27T22:00:00Z", "2026-11-30T10:00:00Z", Running, false},
		{"New York gap: 02:30 acts at 03:00", Rule{minutes(2, 30), minutes(19, 0), everyDay, "America/New_York"}, "2026-03-08T05:00:00Z", "2026-03-08T07:00:00Z", Running, true},
		{"New York overlap: 01:30 acts the first time", Rule{minutes(1, 30), minutes(19, 0), everyDay, "America/New_York"}, "2026-11-01T04:00:00Z", "2026-11-01T05:30:00Z", Running, false},
		{"New York overlap: not a second time", Rule{minutes(1, 30), minutes(19, 0), everyDay, "America/New_York"}, "2026-11-01T05:30:00Z", "2026-11-02T00:00:00Z", Stopped, false},
		{"Sao Paulo 2018: midnight does not exist", Rule{minutes(0, 0), minutes(19, 0), everyDay, "America/Sao_Paulo"}, "2018-11-03T22:00:00Z", "2018-11-04T03:00:00Z", Running, true},
		{"Lord Howe: a gap of half an hour", Rule{minutes(2, 15), minutes(19, 0), everyDay, "Australia/Lord_Howe"}, "2026-10-03T12:00:00Z", "2026-10-03T15:30:00Z", Running, true},
		{"London overlap", Rule{minutes(1, 15), minutes(19, 0), everyDay, "Europe/London"}, "2026-10-24T22:00:00Z", "2026-10-25T00:15:00Z", Running, false},
		{"Apia skipped a whole day", Rule{minutes(7, 0), minutes(19, 0), everyDay, "Pacific/Apia"}, "2011-12-30T06:00:00Z", "2011-12-30T17:00:00Z", Running, false},
		{"overnight: Friday's pair stops on Saturday", Rule{minutes(22, 0), minutes(4, 0), workdays, "UTC"}, "2026-11-27T22:30:00Z", "2026-11-28T04:00:00Z", Stopped, false},
		{"overnight: nothing on Sunday", Rule{minutes(22, 0), minutes(4, 0), workdays, "UTC"}, "2026-11-28T04:00:00Z", "2026-11-30T22:00:00Z", Running, false},
		{"leap day", Rule{minutes(7, 0), minutes(19, 0), everyDay, "UTC"}, "2028-02-28T20:00:00Z", "2028-02-29T07:00:00Z", Running, false},
		{"year end", Rule{minutes(7, 0), minutes(19, 0), everyDay, "UTC"}, "2026-12-31T20:00:00Z", "2027-01-01T07:00:00Z", Running, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			after, err := time.Parse(time.RFC3339, c.after)
			require.NoError(t, err)
			run, err := c.rule.Next(after)
			require.NoError(t, err)
			require.Equal(t, c.want, run.At.UTC().Format(time.RFC3339))
			require.Equal(t, c.wanted, run.Wanted)
			require.Equal(t, c.movedByGap, run.MovedByGap)
		})
	}
}

func TestBothInOneGapKeepWhatShouldHoldAfterIt(t *testing.T) {
	t.Parallel()
	r := Rule{minutes(2, 10), minutes(2, 40), everyDay, "America/New_York"}
	runs, err := r.Upcoming(at(t, "America/New_York", "2026-03-08 00:30"), 2)
	require.NoError(t, err)
	require.Equal(t, Stopped, runs[0].Wanted, "the later wall time wins")
	require.Equal(t, "2026-03-09", runs[1].At.In(runs[0].At.Location()).Format("2006-01-02"))
}

// What must hold whatever the zone: next is after now, runs rise, no instant
// comes twice, and the wall time is the one asked for unless a gap took it.
func TestUpcomingInvariants(t *testing.T) {
	t.Parallel()
	for _, zone := range []string{"America/New_York", "Europe/London", "America/Sao_Paulo", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia", "Asia/Tehran", "America/Scoresbysund"} {
		loc, err := time.LoadLocation(zone)
		require.NoError(t, err)
		for minute := 0; minute < 24*60; minute += 35 {
			r := Rule{Start: minute, Stop: (minute + 25) % (24 * 60), Weekdays: everyDay, Zone: zone}
			from := time.Date(2017, 12, 30, 0, 0, 0, 0, time.UTC)
			runs, err := r.Upcoming(from, 800)
			require.NoError(t, err)
			prev := from
			for _, run := range runs {
				require.True(t, run.At.After(prev), "%s %d: %s after %s", zone, minute, run.At, prev)
				prev = run.At
				h, m, s := run.At.In(loc).Clock()
				want := r.Start
				if run.Wanted == Stopped {
					want = r.Stop
				}
				require.Zero(t, s)
				if run.MovedByGap {
					require.NotEqual(t, want, h*60+m)
				} else {
					require.Equal(t, want, h*60+m, "%s %s", zone, run.At)
				}
			}
		}
	}
}

func TestNextEqualsUpcoming(t *testing.T) {
	t.Parallel()
	r := Rule{minutes(1, 30), minutes(2, 30), []time.Weekday{time.Sunday, time.Wednesday}, "America/New_York"}
	now := at(t, "America/New_York", "2026-03-01 00:00")
	preview, err := r.Upcoming(now, 100)
	require.NoError(t, err)
	for _, want := range preview {
		got, err := r.Next(now)
		require.NoError(t, err)
		require.Equal(t, want, got)
		now = got.At
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	ok := Rule{1, 2, everyDay, "America/Sao_Paulo"}
	require.NoError(t, ok.Validate())
	for want, r := range map[error]Rule{
		ErrSameMinute:  {1, 1, everyDay, "UTC"},
		ErrNoWeekday:   {1, 2, nil, "UTC"},
		ErrUnknownZone: {1, 2, everyDay, "Mars/Olympus"},
		ErrBadTime:     {1, 1440, everyDay, "UTC"},
	} {
		require.ErrorIs(t, r.Validate(), want)
		_, err := r.Next(time.Now())
		require.ErrorIs(t, err, want)
	}
	require.ErrorIs(t, Rule{1, 2, everyDay, "Local"}.Validate(), ErrUnknownZone)
	require.ErrorIs(t, Rule{1, 2, everyDay, ""}.Validate(), ErrUnknownZone)
}
