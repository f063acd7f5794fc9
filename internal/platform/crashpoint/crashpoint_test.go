package crashpoint

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Names are file names and words of a line; no point is there twice.
func TestThePointsAreOneList(t *testing.T) {
	t.Parallel()
	seen := map[Point]bool{}
	for _, p := range slices.Concat(OfPower, OfReadings) {
		require.False(t, seen[p], p)
		require.False(t, strings.ContainsAny(string(p), "@/ \n"), p)
		seen[p] = true
	}
}

// Reached holds whoever comes to an armed point, once, until it is released; in
// the ordinary build it does nothing, whatever the environment says.
func TestReached(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(FolderEnv, dir)
	f, err := NewFolder(dir)
	require.NoError(t, err)
	require.NoError(t, f.Arm(Taken, "a"))
	passed := make(chan struct{})
	go func() {
		Reached(Taken, "b", "a")
		close(passed)
	}()
	if !pointed {
		<-passed
		armed, err := f.Armed()
		require.NoError(t, err)
		require.Equal(t, []string{"taken@a"}, armed)
		require.NoFileExists(t, filepath.Join(dir, notesFile))
		return
	}
	require.Eventually(t, func() bool { return f.Held(Taken, "a") }, 10*time.Second, time.Millisecond)
	select {
	case <-passed:
		t.Fatal("it was not held")
	default:
	}
	require.NoError(t, f.Release(Taken, "a"))
	<-passed
	Reached(Taken, "a")
	notes, err := f.Notes()
	require.NoError(t, err)
	require.Len(t, notes, 3)
	require.Equal(t, "b", notes[0].Subject)
}
