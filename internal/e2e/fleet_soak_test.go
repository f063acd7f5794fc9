//go:build soak

package e2e

import (
	"slices"
	"testing"
	"time"

	"github.com/cloudhub/cloudhub/internal/cloud/sim"
	"github.com/cloudhub/cloudhub/internal/platform/crashpoint"
)

// Rounds of the fleet, and kills in each.
const (
	fleetRounds = 6
	fleetKills  = 10
)

// Five hundred machines in twenty accounts of five organizations stop and start in
// one minute, again and again, while everything that runs them is killed: half of
// the time where an operation stands at a point, each point in its turn, half of the
// time at a moment nobody chose. In every other round readings lag behind writes.
func TestSoakAFleetsMinute(t *testing.T) {
	f := newFleet(t, fleetSize{orgs: 5, accounts: 4, machines: 25})
	// All that a timetable comes to.
	points := slices.DeleteFunc(slices.Clone(crashpoint.OfPower), func(p crashpoint.Point) bool { return p == crashpoint.Committed })
	victims := [][]string{{theWorker}, {theServer}, {thePostgres}, {theTemporal}, everything}
	kills, between := 0, 0
	for n := range fleetRounds {
		var blows []*blow
		for k := range fleetKills {
			// By turns at a point and at any moment: each victim both ways.
			b := &blow{victims: victims[k%len(victims)], tenant: k * len(f.tenants) / fleetKills}
			if k%2 == 0 {
				b.at = points[(n*fleetKills/2+k/2)%len(points)]
			}
			blows = append(blows, b)
		}
		want := sim.Stopped
		if n%2 == 1 {
			want = sim.Running
		}
		f.lagging = 0
		if n%2 == 1 {
			f.lagging = soakLag
		}
		began := time.Now()
		f.round(want, blows)
		kills, between = kills+len(blows), between+halfFellBetween(t, blows)
		t.Logf("round %d took %s", n, time.Since(began).Round(time.Second))
	}
	t.Logf("%d kills in all, %d of them between claim and record", kills, between)
	f.downFor(12 * time.Hour)
}
