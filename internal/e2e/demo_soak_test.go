//go:build soak

package e2e

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
)

// Within 150 s of ready the demonstration's schedule has stopped its machines and
// started them again, at whatever second of the minute it is started.
func TestSoakTheDemonstrationKeepsItsPromise(t *testing.T) {
	// Three beside each other, on folders and ports of their own.
	for _, second := range []int{10, 35, 52} {
		t.Run(fmt.Sprint("second ", second), func(t *testing.T) {
			t.Parallel()
			_, err := binary()
			require.NoError(t, err)
			now := time.Now()
			time.Sleep(now.Truncate(time.Minute).Add(time.Minute + time.Duration(second)*time.Second).Sub(now))
			p, r := startDev(t, devDir(t))
			ready := time.Now()
			w := devWorld(t, r)
			took := map[v1.ResourceState]time.Duration{}
			for len(took) < 2 {
				for _, run := range w.newcomersPair().GetRecentRuns() {
					if _, known := took[run.GetWanted()]; !known && run.GetEnded() && run.GetDoneCount() == 3 {
						took[run.GetWanted()] = time.Since(ready)
					}
				}
				require.Less(t, time.Since(ready), 150*time.Second, "by now both have ended: %v", took)
				time.Sleep(200 * time.Millisecond)
			}
			t.Logf("ready at second %d: stopped after %.1f s, started after %.1f s", ready.Second(), took[stopped].Seconds(), took[running].Seconds())
			require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
			require.Zero(t, p.exit(t, 30*time.Second))
		})
	}
}
