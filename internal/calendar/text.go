package calendar

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What of a file is read: the rest (descriptions, attendees, alarms with dates of
// their own) never reaches the parser.
var (
	components = []string{"VCALENDAR", "VEVENT", "VTIMEZONE", "STANDARD", "DAYLIGHT"}
	properties = []string{"X-WR-CALNAME", "X-WR-TIMEZONE", "UID", "DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID",
		"STATUS", "SUMMARY", "TZID", "TZOFFSETFROM", "TZOFFSETTO"}
)

// The parser copies the rest of a line for each parameter, so lines have limits.
const (
	maxLine  = 64 << 10
	maxHead  = 1000 // name and parameters
	maxDepth = 10
)

// prepare reads a file and gives the parser one VCALENDAR of unfolded lines in
// UTF-8 with only what is read of it. Errors: ErrTooBig, ErrNotCalendar,
// ErrMalformed, ErrTooManyEvents, and those of r.
func prepare(r io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read the calendar: %w", err)
	}
	if len(raw) > MaxBytes {
		return nil, ErrTooBig
	}
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	raw = bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
	raw = bytes.ReplaceAll(raw, []byte("\r"), []byte("\n"))
	raw = bytes.TrimLeft(raw, "\n \t")
	const begin = "BEGIN:VCALENDAR"
	if len(raw) < len(begin) || !strings.EqualFold(string(raw[:len(begin)]), begin) {
		return nil, ErrNotCalendar
	}
	// A fold may stand within a character: unfold before the text is looked at.
	raw = bytes.ReplaceAll(raw, []byte("\n "), nil)
	raw = bytes.ReplaceAll(raw, []byte("\n\t"), nil)
	if !utf8.Valid(raw) {
		raw = fromLatin1(raw)
	}
	f := filter{}
	for line := range bytes.SplitSeq(raw, []byte("\n")) {
		if err := f.add(line); err != nil {
			return nil, err
		}
	}
	if len(f.open) > 0 {
		return nil, fmt.Errorf("%w: it ends within %s", ErrMalformed, f.open[len(f.open)-1])
	}
	// Several VCALENDAR objects in one file are read as one.
	return fmt.Appendf(nil, "%s\n%s%sEND:VCALENDAR\n", begin, f.head.Bytes(), f.body.Bytes()), nil
}

// fromLatin1 reads bytes that are not UTF-8 as ISO 8859-1, which never fails.
func fromLatin1(raw []byte) []byte {
	out := make([]byte, 0, len(raw)+len(raw)/8)
	for _, b := range raw {
		out = utf8.AppendRune(out, rune(b))
	}
	return out
}

type filter struct {
	open       []string // components that have begun
	ignored    int      // how many of them are within one that is not read
	head, body bytes.Buffer
	events     int
}

func (f *filter) add(line []byte) error {
	i := bytes.IndexAny(line, ":;")
	if i <= 0 {
		return nil
	}
	name := strings.ToUpper(string(line[:i]))
	switch name {
	case "BEGIN":
		return f.begin(strings.ToUpper(string(bytes.TrimSpace(line[i+1:]))))
	case "END":
		return f.end(strings.ToUpper(string(bytes.TrimSpace(line[i+1:]))))
	}
	if len(f.open) == 0 || f.ignored > 0 || !slices.Contains(properties, name) {
		return nil
	}
	if len(line) > maxLine || headLength(line) > maxHead {
		return fmt.Errorf("%w: a line of %s is too long", ErrMalformed, name)
	}
	to := &f.body
	if len(f.open) == 1 {
		to = &f.head
	}
	to.WriteString(name)
	to.Write(line[i:])
	to.WriteByte('\n')
	return nil
}

func (f *filter) begin(component string) error {
	if len(f.open) == 0 && component != "VCALENDAR" {
		return ErrNotCalendar
	}
	if len(f.open) >= maxDepth {
		return fmt.Errorf("%w: components within components", ErrMalformed)
	}
	if f.ignored > 0 || !slices.Contains(components, component) {
		f.ignored++
	}
	f.open = append(f.open, component)
	if f.ignored > 0 || len(f.open) == 1 {
		return nil
	}
	if component == "VCALENDAR" {
		return fmt.Errorf("%w: a calendar within a calendar", ErrMalformed)
	}
	if component == "VEVENT" {
		if f.events++; f.events > MaxEvents {
			return ErrTooManyEvents
		}
	}
	fmt.Fprintf(&f.body, "BEGIN:%s\n", component)
	return nil
}

func (f *filter) end(component string) error {
	n := len(f.open)
	if n == 0 || f.open[n-1] != component {
		return fmt.Errorf("%w: END without BEGIN", ErrMalformed)
	}
	f.open = f.open[:n-1]
	if f.ignored > 0 {
		f.ignored--
		return nil
	}
	if n > 1 {
		fmt.Fprintf(&f.body, "END:%s\n", component)
	}
	return nil
}

// headLength is where the value begins: after the first colon outside quotes.
func headLength(line []byte) int {
	quoted := false
	for i, b := range line {
		switch {
		case b == '"':
			quoted = !quoted
		case b == ':' && !quoted:
			return i
		}
	}
	return len(line)
}

// clean makes a text of a file one that can be shown: one line without control
// characters and marks that turn the direction of writing, of at most MaxName
// characters.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == utf8.RuneError:
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > MaxName {
		s = strings.TrimSpace(string(r[:MaxName]))
	}
	return s
}
