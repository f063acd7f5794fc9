package schedule

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// benchmarks are what a minute asks for in which thousands of timetables come
// due, from the ordinary to the worst there is:
//
//	go test ./internal/schedule -run '^$' -bench Next -benchmem
func benchmarks(t testing.TB) []struct {
	name  string
	rule  Rule
	after time.Time
	h     Holidays
} {
	after := at(t, "America/Sao_Paulo", "2026-11-24 07:00")
	const zone = "America/Sao_Paulo"
	return []struct {
		name  string
		rule  Rule
		after time.Time
		h     Holidays
	}{
		{"ordinary", Rule{Start: minutes(7, 0), Stop: minutes(19, 0), Weekdays: workdays, Zone: zone}, after, nil},
		{"with-holidays", Rule{Start: minutes(7, 0), Stop: minutes(19, 0), Weekdays: workdays, Zone: zone, Calendars: []string{BrazilCalendar, "own"}}, after, own(Day{2026, 11, 25})},
		{"daylight-saving", Rule{Start: minutes(7, 0), Stop: minutes(19, 0), Weekdays: workdays, Zone: "America/New_York"}, at(t, "America/New_York", "2026-03-06 19:00"), nil},
		{"month-end", Rule{Start: minutes(22, 0), Stop: minutes(4, 0), MonthDays: []int{31}, Zone: zone}, after, nil},
		{"leap-day", Rule{Start: minutes(7, 0), MonthDays: []int{29}, ShortMonth: SkipMonth, Zone: zone, Calendars: []string{"own"}}, at(t, zone, "2096-02-29 07:00"), nil},
		{"never", Rule{Start: minutes(7, 0), Stop: minutes(19, 0), Weekdays: everyDay, Zone: zone, Calendars: []string{"a", "b", "c", BrazilCalendar, "own"}}, after, everyDayIsAHoliday(DayOf(after))},
	}
}

func BenchmarkNext(b *testing.B) {
	for _, c := range benchmarks(b) {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := c.rule.Next(c.after, c.h); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkUpcoming(b *testing.B) {
	for _, n := range []int{30, 100} {
		c := benchmarks(b)[1]
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.rule.Upcoming(c.after, n, c.h); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Next makes no garbage, however long it looks: the time of 5,000 of them is
// their arithmetic.
func TestNextAllocatesNothing(t *testing.T) {
	for _, c := range benchmarks(t) {
		require.Zero(t, testing.AllocsPerRun(10, func() { _, _, _ = c.rule.Next(c.after, c.h) }), c.name)
	}
}
