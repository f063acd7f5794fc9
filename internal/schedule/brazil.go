package schedule

import "time"

// BrazilCalendar is the id of the national holidays of Brazil, which every
// installation has without an import.
const BrazilCalendar = "br"

// BrazilSource is one national holiday of Brazil and the law that makes it one.
type BrazilSource struct {
	// Name of the holiday, in Portuguese.
	Name string
	// Law as cited, in Portuguese.
	Law string
	// Since is the first year in which the day is a holiday here; 0: in every
	// year that this calendar covers.
	Since int

	month  time.Month // 0: it moves with Easter
	day    int
	easter int // days after Easter Sunday
}

// The years that the calendar covers. Laws before 2000 are not looked up, and a
// calendar of later than 2100 would be a guess.
const (
	brazilFrom = 2000
	brazilTo   = 2100
)

// BrazilSources lists the national holidays in the order of the year.
//
// The laws, as they are published at planalto.gov.br and camara.leg.br: Lei
// 662/1949, art. 1, with the wording of Lei 10.607/2002, names seven days, among
// them 21 April, until then by Lei 1.266/1950 (which the same law repeals), and 2
// November, until then none of the nation's; Lei 6.802/1980, art. 1: 12 October;
// Lei 14.759/2023, art. 1, in force since its publication on 22 December 2023: 20
// November. The names are those of the federal government's yearly list of
// holidays and optional days (such as Portaria MP 2/2014).
//
// Good Friday is included, though no federal law makes it a holiday: Lei
// 9.093/1995, art. 2, counts it among the religious holidays that a municipality
// declares, four at most, this one always among them. The federal list has it
// among the national ones, and who chooses "national holidays" expects it.
// Carnival and Corpus Christi are not here: the same list has them as optional
// days (ponto facultativo), they are holidays only where a municipality has said
// so, and companies do work on them. Polling days (Lei 4.737/1965, Código
// Eleitoral, art. 380) are not here: they are Sundays that no company takes for a
// holiday. State and municipal holidays come with a calendar of one's own.
var BrazilSources = []BrazilSource{
	{Name: "Confraternização Universal", Law: laws2002, month: time.January, day: 1},
	{Name: "Paixão de Cristo", Law: "Lei 9.093/1995, art. 2º (feriado religioso, declarado em lei municipal)", easter: -2},
	{Name: "Tiradentes", Law: laws2002, month: time.April, day: 21},
	{Name: "Dia Mundial do Trabalho", Law: laws2002, month: time.May, day: 1},
	{Name: "Independência do Brasil", Law: laws2002, month: time.September, day: 7},
	{Name: "Nossa Senhora Aparecida", Law: "Lei 6.802/1980, art. 1º", month: time.October, day: 12},
	// The law is of 19 December 2002.
	{Name: "Finados", Law: laws2002, Since: 2003, month: time.November, day: 2},
	{Name: "Proclamação da República", Law: laws2002, month: time.November, day: 15},
	// The law is of 21 December 2023.
	{Name: "Dia Nacional de Zumbi e da Consciência Negra", Law: "Lei 14.759/2023, art. 1º", Since: 2024, month: time.November, day: 20},
	{Name: "Natal", Law: laws2002, month: time.December, day: 25},
}

const laws2002 = "Lei 662/1949, art. 1º, com a redação da Lei 10.607/2002"

// on is the holiday's day in a year.
func (s BrazilSource) on(year int) (Day, bool) {
	if year < max(s.Since, brazilFrom) || year > brazilTo {
		return Day{}, false
	}
	if s.month == 0 {
		return easter(year).Add(s.easter), true
	}
	return Day{year, s.month, s.day}, true
}

// Brazil gives the national holidays of a year from 2000 to 2100, with their
// names in Portuguese; none for other years. See BrazilSources for the laws.
func Brazil(year int) Days {
	out := make(Days, len(BrazilSources))
	for _, s := range BrazilSources {
		if d, ok := s.on(year); ok {
			// Good Friday can fall on Tiradentes, as in 2000: the first in the list
			// names the day.
			if _, taken := out[d]; !taken {
				out[d] = s.Name
			}
		}
	}
	return out
}

// brazilOn is Brazil for one day, without a map.
func brazilOn(d Day) (string, bool) {
	for _, s := range BrazilSources {
		// Easter is computed only where Good Friday can be: 20 March to 23 April.
		if s.month != d.Month && (s.month != 0 || d.Month != time.March && d.Month != time.April) {
			continue
		}
		if on, ok := s.on(d.Year); ok && on == d {
			return s.Name, true
		}
	}
	return "", false
}

// easter is Easter Sunday of the Gregorian calendar, by the algorithm of an
// anonymous correspondent of Nature (20 April 1876), as in Meeus, Astronomical
// Algorithms, chapter 8.
func easter(year int) Day {
	a, b, c := year%19, year/100, year%100
	d, e := b/4, b%4
	f := (b + 8) / 25
	g := (b - f + 1) / 3
	h := (19*a + b - d - g + 15) % 30
	i, k := c/4, c%4
	l := (32 + 2*e + 2*i - h - k) % 7
	m := (a + 11*h + 22*l) / 451
	n := h + l - 7*m + 114
	return Day{year, time.Month(n / 31), n%31 + 1}
}
