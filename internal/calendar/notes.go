package calendar

import "strings"

// How much of what could not be used is kept.
const (
	maxNotes = 20
	maxNote  = 200 // characters
)

// Notes say what of a calendar could not be used, and why, for a person: the first
// of them, each as one line.
func (r Result) Notes() []string {
	notes := []string{}
	for _, s := range r.Skipped {
		if len(notes) == maxNotes {
			break
		}
		notes = append(notes, Line(s, maxNote))
	}
	return notes
}

// Line makes one line of at most so many characters of what came from outside.
func Line(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "�"))
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most-1]) + "…"
	}
	return s
}
