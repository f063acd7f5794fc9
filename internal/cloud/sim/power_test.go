package sim_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/cloud/sim"
)

const unknownID, unknownID2 = "i-0f00000000000000f", "i-0f00000000000000e"

// A person who stops a machine sees it stopping for a while, then stopped, and
// after a start finds another launch time and another address.
func TestPowerTakesItsTime(t *testing.T) {
	t.Parallel()
	b := setup(t, behaviour(sim.Behaviour{Start: fixed(10 * time.Second), Stop: fixed(30 * time.Second)}))
	before := b.show(sim.SmallRunning)
	require.Equal(t, "running", before.State)
	require.NotEmpty(t, before.PublicIP)

	r := b.call("StopInstances", "InstanceId.1="+sim.SmallRunning)
	require.Equal(t, []change{{sim.SmallRunning, "stopping", "running"}}, r.Changes)
	require.NotEmpty(t, r.RequestID)
	b.clock.Advance(30*time.Second - 1)
	require.Equal(t, "stopping", b.state(sim.SmallRunning))
	b.clock.Advance(1)
	off := b.show(sim.SmallRunning)
	require.Equal(t, "stopped", off.State)
	require.Equal(t, 80, off.StateCode)
	require.Equal(t, "User initiated (2026-11-24 17:00:00 GMT)", off.Reason)
	require.Equal(t, "Client.UserInitiatedShutdown", off.ReasonCode)
	require.Empty(t, off.PublicIP)
	require.Equal(t, before.Launched, off.Launched)

	r = b.call("StartInstances", "InstanceId.1="+sim.SmallRunning)
	require.Equal(t, []change{{sim.SmallRunning, "pending", "stopped"}}, r.Changes)
	require.Equal(t, "pending", b.state(sim.SmallRunning))
	b.clock.Advance(10 * time.Second)
	on := b.show(sim.SmallRunning)
	require.Equal(t, "running", on.State)
	require.Equal(t, epoch.Add(30*time.Second), on.Launched)
	require.NotEmpty(t, on.PublicIP)
	require.Empty(t, on.Reason)
	require.Equal(t, before.PrivateIP, on.PrivateIP)
}

func TestTimeScale(t *testing.T) {
	t.Parallel()
	b := setup(t, behaviour(sim.Behaviour{Stop: fixed(30 * time.Second)}), func(o *sim.Options) { o.TimeScale = 0.1 })
	b.call("StopInstances", "InstanceId.1="+sim.SmallRunning)
	b.clock.Advance(3 * time.Second)
	require.Equal(t, "stopped", b.state(sim.SmallRunning))
}

// What is done already is done again without harm.
func TestPowerIsIdempotent(t *testing.T) {
	t.Parallel()
	slow := time.Minute
	b := setup(t, behaviour(sim.Behaviour{Start: fixed(slow), Stop: fixed(slow)}))
	r := b.call("StopInstances", "InstanceId.1="+sim.SmallStopped, "InstanceId.2="+sim.SmallRunning)
	require.Equal(t, []change{{sim.SmallStopped, "stopped", "stopped"}, {sim.SmallRunning, "stopping", "running"}}, r.Changes)
	r = b.call("StopInstances", "InstanceId.1="+sim.SmallRunning)
	require.Equal(t, []change{{sim.SmallRunning, "stopping", "stopping"}}, r.Changes)
	b.clock.Advance(slow) // the second stop did not begin anew
	require.Equal(t, "stopped", b.state(sim.SmallRunning))

	r = b.call("StartInstances", "InstanceId.1="+sim.SmallRunning2, "InstanceId.2="+sim.SmallStopped)
	require.Equal(t, []change{{sim.SmallRunning2, "running", "running"}, {sim.SmallStopped, "pending", "stopped"}}, r.Changes)
	r = b.call("StartInstances", "InstanceId.1="+sim.SmallStopped)
	require.Equal(t, []change{{sim.SmallStopped, "pending", "pending"}}, r.Changes)
}

// A persistent spot request lets its machine be stopped and started.
func TestPersistentSpot(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *sim.Options) {
		o.Estate.Accounts[0].Instances = []sim.Instance{{ID: sim.SmallSpot, Region: region, Spot: true, SpotPersistent: true}}
	})
	require.Equal(t, http.StatusOK, b.call("StopInstances", "InstanceId.1="+sim.SmallSpot).Status)
	require.Equal(t, "stopped", b.state(sim.SmallSpot))
	require.Equal(t, http.StatusOK, b.call("StartInstances", "InstanceId.1="+sim.SmallSpot).Status)
	require.Equal(t, "running", b.state(sim.SmallSpot))
}

// A clock that is set back does not undo what was accepted.
func TestTimeNeverGoesBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.call("StopInstances", "InstanceId.1="+sim.SmallGrouped)
	b.clock.Advance(-time.Hour)
	require.Equal(t, "stopped", b.state(sim.SmallGrouped))
	b.call("StopInstances", "InstanceId.1="+sim.SmallGrouped)
	b.clock.Advance(2 * time.Hour)
	require.Len(t, b.call("DescribeInstances", "Filter.1.Name=tag-value", "Filter.1.Value.1=web", "Filter.2.Name=instance-state-name", "Filter.2.Value.1=running").Instances, 1)
}

// One machine that cannot be changed keeps all others from being changed, and
// the answer names all culprits.
func TestPowerIsAllOrNothing(t *testing.T) {
	t.Parallel()
	const good = sim.SmallRunning
	for name, tc := range map[string]struct {
		action string
		others []string
		before func(*bundle)
		code   string
		text   string
	}{
		"unknown": {
			action: "StopInstances", others: []string{unknownID}, code: "InvalidInstanceID.NotFound",
			text: "The instance ID '" + unknownID + "' does not exist",
		},
		"two unknown": {
			action: "StopInstances", others: []string{unknownID, sim.SmallStopped, unknownID2}, code: "InvalidInstanceID.NotFound",
			text: "The instance IDs '" + unknownID + ", " + unknownID2 + "' do not exist",
		},
		"of another region": {
			action: "StopInstances", others: []string{sim.SmallElsewhere}, code: "InvalidInstanceID.NotFound",
			text: "The instance ID '" + sim.SmallElsewhere + "' does not exist",
		},
		"malformed": {
			action: "StopInstances", others: []string{unknownID, "i-xyz"}, code: "InvalidInstanceID.Malformed",
			text: `Invalid id: "i-xyz"`,
		},
		"instance store": {
			action: "StopInstances", others: []string{sim.SmallInstanceStore}, code: "UnsupportedOperation",
			text: "The instance '" + sim.SmallInstanceStore + "' does not have an 'ebs' root device type and cannot be stopped.",
		},
		"one-time spot": {
			action: "StopInstances", others: []string{sim.SmallSpot}, code: "UnsupportedOperation",
			text: "You can't stop the Spot Instance '" + sim.SmallSpot + "' because it is associated with a one-time Spot Instance request. You can only stop Spot Instances associated with persistent Spot Instance requests.",
		},
		"stop while pending": {
			action: "StopInstances", others: []string{sim.SmallStopped}, code: "IncorrectInstanceState",
			before: func(b *bundle) { b.call("StartInstances", "InstanceId.1="+sim.SmallStopped) },
			text:   "Instance '" + sim.SmallStopped + "' cannot be stopped as it has never reached the 'running' state.",
		},
		"stop two that are terminated": {
			action: "StopInstances", others: []string{sim.SmallProtected, sim.SmallStopped}, code: "IncorrectInstanceState",
			before: func(b *bundle) {
				require.NoError(b.t, b.sim.SetState(sim.SmallStopped, sim.Terminated))
				require.NoError(b.t, b.sim.SetState(sim.SmallProtected, sim.ShuttingDown))
			},
			text: "These instances '" + sim.SmallProtected + ", " + sim.SmallStopped + "' are not in a state from which they can be stopped.",
		},
		"start while stopping": {
			action: "StartInstances", others: []string{sim.SmallRunning2}, code: "IncorrectInstanceState",
			before: func(b *bundle) { b.call("StopInstances", "InstanceId.1="+sim.SmallRunning2) },
			text:   "The instance '" + sim.SmallRunning2 + "' is not in a state from which it can be started.",
		},
		"no id": {action: "StopInstances", code: "MissingParameter", text: "The request must contain the parameter InstanceId"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, behaviour(sim.Behaviour{Start: fixed(time.Minute), Stop: fixed(time.Minute)}))
			if tc.before != nil {
				tc.before(b)
			}
			var params []string
			if tc.others != nil {
				params = []string{"InstanceId.1=" + good}
			}
			for i, id := range tc.others {
				params = append(params, fmt.Sprintf("InstanceId.%d=%s", i+2, id))
			}
			r := b.call(tc.action, params...)
			require.Equal(t, http.StatusBadRequest, r.Status)
			require.Equal(t, tc.code, r.Code)
			require.Equal(t, tc.text, r.Message)
			require.NotEmpty(t, r.ErrorID)
			require.Equal(t, "running", b.state(good))
		})
	}
}

// A dry run tells what a key may do, and for that permission comes first.
func TestDryRun(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		key    sim.Key
		action string
		id     string
		status int
		code   string
	}{
		"allowed":               {sim.SmallKey, "StopInstances", sim.SmallRunning, 412, "DryRunOperation"},
		"allowed, unknown id":   {sim.SmallKey, "StopInstances", unknownID, 400, "InvalidInstanceID.NotFound"},
		"allowed, malformed id": {sim.SmallKey, "StopInstances", "i-1", 400, "InvalidInstanceID.Malformed"},
		"denied":                {sim.SmallReadOnlyKey, "StopInstances", sim.SmallRunning, 403, "UnauthorizedOperation"},
		"denied, unknown id":    {sim.SmallReadOnlyKey, "StartInstances", unknownID, 403, "UnauthorizedOperation"},
		"a read":                {sim.SmallReadOnlyKey, "DescribeInstances", sim.SmallRunning, 412, "DryRunOperation"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			r := b.as(tc.key).call(tc.action, "DryRun=true", "InstanceId.1="+tc.id)
			require.Equal(t, tc.status, r.Status)
			require.Equal(t, tc.code, r.Code)
			require.Equal(t, "running", b.state(sim.SmallRunning))
		})
	}
}

func TestDeniedNamesThePermission(t *testing.T) {
	t.Parallel()
	b := setup(t).as(sim.SmallReadOnlyKey)
	r := b.call("StopInstances", "InstanceId.1="+sim.SmallRunning)
	require.Equal(t, http.StatusForbidden, r.Status)
	require.Equal(t, "You are not authorized to perform this operation. User: arn:aws:iam::111122223333:user/leitura is not authorized to perform: ec2:StopInstances on resource: arn:aws:ec2:sa-east-1:111122223333:instance/"+sim.SmallRunning+" because no identity-based policy allows the ec2:StopInstances action", r.Message)
}

// A denial may hold in one region only, and for a family of actions.
func TestDenialByRegion(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *sim.Options) {
		o.Estate.Accounts[0].Keys = []sim.Key{{
			AccessKeyID: sim.SmallKey.AccessKeyID, Secret: sim.SmallKey.Secret,
			Denied: []sim.Denial{{Action: "ec2:Describe*", Region: "us-east-1"}},
		}}
	})
	require.Equal(t, http.StatusOK, b.call("DescribeInstances").Status)
	b.region = "us-east-1"
	require.Equal(t, "UnauthorizedOperation", b.call("DescribeInstances").Code)
	require.Equal(t, "DryRunOperation", b.call("StopInstances", "DryRun=true", "InstanceId.1="+sim.SmallElsewhere).Code)
}

// Whoever stops a member of an Auto Scaling group gets another machine in its
// place: the simulator punishes a client that does not know.
func TestAutoScalingReplacesAStoppedMember(t *testing.T) {
	t.Parallel()
	b := setup(t, behaviour(sim.Behaviour{
		Start: fixed(10 * time.Second), Stop: fixed(20 * time.Second), Replace: fixed(30 * time.Second),
	}))
	members := func() []instance {
		return b.call("DescribeInstances", "Filter.1.Name=tag:aws:autoscaling:groupName", "Filter.1.Value.1=web").Instances
	}
	b.call("StopInstances", "InstanceId.1="+sim.SmallGrouped)
	b.clock.Advance(49 * time.Second)
	require.Equal(t, []string{sim.SmallGrouped}, ids(members()))
	require.Equal(t, "stopped", b.state(sim.SmallGrouped))

	b.clock.Advance(time.Second)
	require.Equal(t, "shutting-down", b.state(sim.SmallGrouped))
	b.clock.Advance(20 * time.Second)
	both := members()
	require.Len(t, both, 2)
	byID := map[string]instance{both[0].ID: both[0], both[1].ID: both[1]}
	require.Equal(t, "terminated", byID[sim.SmallGrouped].State)
	delete(byID, sim.SmallGrouped)
	for id, heir := range byID {
		require.Equal(t, "running", heir.State, id)
		require.Equal(t, epoch.Add(50*time.Second), heir.Launched)
		require.Len(t, heir.Tags, 2)
	}

	b.clock.Advance(2 * time.Hour) // EC2 forgets the terminated one
	require.Len(t, members(), 1)
	require.Equal(t, "InvalidInstanceID.NotFound", b.call("DescribeInstances", "InstanceId.1="+sim.SmallGrouped).Code)
}

// Started before the group noticed, a member stays, and nobody comes.
func TestAutoScalingDoesNotNoticeAQuickRestart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	count := len(b.call("DescribeInstances").Instances)
	b.call("StopInstances", "InstanceId.1="+sim.SmallGrouped)
	b.clock.Advance(29 * time.Second)
	b.call("StartInstances", "InstanceId.1="+sim.SmallGrouped)
	b.clock.Advance(time.Hour)
	require.Equal(t, "running", b.state(sim.SmallGrouped))
	require.Len(t, b.call("DescribeInstances").Instances, count)
}
