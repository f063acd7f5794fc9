//go:build soak

package e2e

import (
	"testing"
	"time"
)

// As TestEventsSurviveFaults with more of everything, and leases that end in their own
// time.
func TestSoakEventsSurviveFaults(t *testing.T) {
	var victims []string
	for range 4 {
		victims = append(victims, theWorker, thePostgres, theTemporal)
	}
	eventsSurvive(t, 8000, 20*time.Second, victims, false)
}
