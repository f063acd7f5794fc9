package schedule

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBrazil(t *testing.T) {
	t.Parallel()
	named := func(year int) map[string]string {
		out := map[string]string{}
		for d, name := range Brazil(year) {
			out[d.String()] = name
		}
		return out
	}
	require.Equal(t, map[string]string{
		"2026-01-01": "Confraternização Universal",
		"2026-04-03": "Paixão de Cristo",
		"2026-04-21": "Tiradentes",
		"2026-05-01": "Dia Mundial do Trabalho",
		"2026-09-07": "Independência do Brasil",
		"2026-10-12": "Nossa Senhora Aparecida",
		"2026-11-02": "Finados",
		"2026-11-15": "Proclamação da República",
		"2026-11-20": "Dia Nacional de Zumbi e da Consciência Negra",
		"2026-12-25": "Natal",
	}, named(2026))
	require.NotContains(t, named(2023), "2023-11-20", "the law is of December 2023")
	require.Contains(t, named(2024), "2024-11-20")
	require.NotContains(t, named(2002), "2002-11-02", "the law is of December 2002")
	require.Contains(t, named(2003), "2003-11-02")
	require.Equal(t, "Paixão de Cristo", named(2000)["2000-04-21"], "of two on one day the first names it")
	for year := 2024; year <= 2100; year++ {
		days := Brazil(year)
		want := len(BrazilSources)
		if goodFriday := easter(year).Add(-2); goodFriday == (Day{year, time.April, 21}) {
			want--
		}
		require.Len(t, days, want, year)
		for _, moving := range []int{-48, -47, 60} {
			require.NotContains(t, days, easter(year).Add(moving), "Carnival and Corpus Christi are no national holidays")
		}
	}
	require.Empty(t, Brazil(1999))
	require.Empty(t, Brazil(2101))
}

// The federal government's own list of a year, without its optional days: Portaria
// MP 2 of 3 January 2014, and for a year after Lei 14.759/2023 the calendar of a
// city hall that names the same laws (Viana, ES, 2025), with Good Friday, which it
// has by a law of its own.
func TestBrazilByThePublishedLists(t *testing.T) {
	t.Parallel()
	for year, want := range map[int]string{
		2014: "01-01 04-18 04-21 05-01 09-07 10-12 11-02 11-15 12-25",
		2025: "01-01 04-18 04-21 05-01 09-07 10-12 11-02 11-15 11-20 12-25",
	} {
		var got []string
		for d := range Brazil(year) {
			got = append(got, d.String()[len("2014-"):])
		}
		slices.Sort(got)
		require.Equal(t, want, strings.Join(got, " "), year)
	}
}

func TestBrazilDayByDay(t *testing.T) {
	t.Parallel()
	seen := Days{}
	for d := (Day{1999, time.January, 1}); d.Year < 2102; d = d.Add(1) {
		if name, ok := brazilOn(d); ok {
			seen[d] = name
		}
	}
	want := Days{}
	for year := 1999; year < 2102; year++ {
		maps.Copy(want, Brazil(year))
	}
	require.Equal(t, want, seen)
}

func TestBrazilSourcesSayTheirLaw(t *testing.T) {
	t.Parallel()
	for _, s := range BrazilSources {
		require.NotEmpty(t, s.Name)
		require.Regexp(t, `^Lei [0-9.]+/[0-9]{4}`, s.Law)
	}
	order := func(a, b BrazilSource) int {
		x, _ := a.on(2026)
		y, _ := b.on(2026)
		return x.Compare(y)
	}
	require.True(t, slices.IsSortedFunc(BrazilSources, order), "in the order of the year")
}

// Easter by the Church's tables instead of the algorithm: the paschal full moons
// of the golden numbers as the Book of Common Prayer prints them for 1900 to
// 2199, and the Sunday after.
func TestEasterByTheTables(t *testing.T) {
	t.Parallel()
	april := func(d int) Day { return Day{2000, time.April, d} }
	march := func(d int) Day { return Day{2000, time.March, d} }
	moons := []Day{april(14), april(3), march(23), april(11), march(31), april(18), april(8), march(28), april(16), april(5),
		march(25), april(13), april(2), march(22), april(10), march(30), april(17), april(7), march(27)}
	for year := 1900; year <= 2199; year++ {
		moon := moons[year%19]
		sunday := Day{year, moon.Month, moon.Day}.Add(1)
		for sunday.Weekday() != time.Sunday {
			sunday = sunday.Add(1)
		}
		require.Equal(t, sunday, easter(year), year)
	}
	for year, want := range map[int]string{2000: "2000-04-23", 2008: "2008-03-23", 2011: "2011-04-24", 2024: "2024-03-31", 2025: "2025-04-20", 2026: "2026-04-05", 2038: "2038-04-25", 2100: "2100-03-28"} {
		require.Equal(t, want, easter(year).String())
	}
}
