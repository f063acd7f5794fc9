package schedule

import (
	"os"
	"regexp"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/schedule"
)

// The file that the README shows can be imported, and names every column.
func TestTheExampleOfTheReadme(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	m := regexp.MustCompile("(?s)```csv\n(.*?)```").FindSubmatch(raw)
	require.NotNil(t, m)
	lines, err := readLines(string(m[1]))
	require.NoError(t, err)
	require.Len(t, lines, 4)
	find := lookup{
		resources: map[string][]uuid.UUID{"web-01": {uuid.New()}, "i-0a1b2c3d4e5f60718": {uuid.New()}},
		accounts:  map[string][]uuid.UUID{"Homologação": {uuid.New()}},
		calendars: map[string][]string{"br": {schedule.BrazilCalendar}, "Feriados de Campinas": {uuid.NewString()}},
		zone:      "America/Sao_Paulo",
	}
	used := map[string]bool{}
	for _, l := range lines {
		_, problems := l.spec(find)
		require.Empty(t, problems, "line %d", l.number)
		for column, cell := range l.cells {
			used[column] = used[column] || cell != ""
		}
	}
	for _, column := range columns {
		require.True(t, used[column], column)
		require.Contains(t, string(raw), "`"+column+"`")
	}
}
