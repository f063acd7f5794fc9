package e2e

import (
	"slices"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
)

const (
	running = v1.ResourceState_RESOURCE_STATE_RUNNING
	stopped = v1.ResourceState_RESOURCE_STATE_STOPPED
)

func smallWorld(t *testing.T, options ...func(*world)) (*world, *sim.Sim) {
	t.Helper()
	s, url := newSim(t, sim.SmallEstate())
	w := newWorld(t, url, options...)
	w.addAccount("pequena", sim.SmallKey.AccessKeyID, sim.SmallKey.Secret)
	return w, s
}

func TestAddingAnAccountReadsItsInventory(t *testing.T) {
	t.Parallel()
	w, _ := smallWorld(t)
	m := w.machines()
	require.Len(t, m, 8)
	require.Equal(t, running, m[sim.SmallRunning].GetState())
	require.Equal(t, stopped, m[sim.SmallStopped].GetState())
	require.Equal(t, "us-east-1", m[sim.SmallElsewhere].GetRegion())
	require.Equal(t, "hml", m[sim.SmallRunning].GetTags()["ambiente"])
	require.True(t, m[sim.SmallRunning].GetSimulated())
	for id, want := range map[string]v1.LeftAloneReason{
		sim.SmallProtected: v1.LeftAloneReason_LEFT_ALONE_REASON_PROTECTED, sim.SmallGrouped: v1.LeftAloneReason_LEFT_ALONE_REASON_AUTO_SCALING,
		sim.SmallSpot: v1.LeftAloneReason_LEFT_ALONE_REASON_SPOT, sim.SmallInstanceStore: v1.LeftAloneReason_LEFT_ALONE_REASON_INSTANCE_STORE,
		sim.SmallRunning: v1.LeftAloneReason_LEFT_ALONE_REASON_UNSPECIFIED,
	} {
		require.Equal(t, want, m[id].GetLeftAlone(), id)
	}
	w.settled()
}

func TestStopAndStartByHand(t *testing.T) {
	t.Parallel()
	w, s := smallWorld(t)
	m := w.machines()
	targets := ids(m, sim.SmallRunning, sim.SmallRunning2, sim.SmallStopped, sim.SmallElsewhere)
	op, got := w.ended(w.stop(targets...).GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, op.GetState(), op)
	require.Equal(t, v1.TargetState_TARGET_STATE_DONE, got[sim.SmallRunning].GetState())
	require.Equal(t, running, got[sim.SmallRunning].GetBefore())
	require.Equal(t, stopped, got[sim.SmallRunning].GetAfter())
	require.Equal(t, v1.TargetState_TARGET_STATE_ALREADY, got[sim.SmallStopped].GetState())
	calls := powerCalls(s)
	require.Len(t, calls, 2, "one call for each region")
	for _, c := range calls {
		if c.Region == "sa-east-1" {
			require.ElementsMatch(t, []string{sim.SmallRunning, sim.SmallRunning2}, c.IDs, "what is stopped already is not asked")
		}
	}
	require.Equal(t, 1, w.audits("operation.request"))
	require.Equal(t, stopped, w.machines()[sim.SmallRunning].GetState(), "the list shows what was seen")
	w.settled()

	op, _ = w.ended(w.start(ids(m, sim.SmallRunning)...).GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, op.GetState())
	require.Equal(t, running, w.machines()[sim.SmallRunning].GetState())
	w.settled()
}

func TestWhatMustBeLeftAloneIs(t *testing.T) {
	t.Parallel()
	w, s := smallWorld(t)
	m := w.machines()
	op, got := w.ended(w.stop(ids(m, sim.SmallProtected, sim.SmallGrouped, sim.SmallSpot, sim.SmallInstanceStore)...).GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, op.GetState())
	for id, reason := range map[string]string{
		sim.SmallProtected: "PROTECTED", sim.SmallGrouped: "AUTO_SCALING", sim.SmallSpot: "SPOT", sim.SmallInstanceStore: "INSTANCE_STORE",
	} {
		require.Equal(t, v1.TargetState_TARGET_STATE_LEFT_ALONE, got[id].GetState())
		require.Equal(t, reason, got[id].GetReason())
	}
	require.Empty(t, powerCalls(s))
	w.settled()
}

func TestObserveOnlyIsHeeded(t *testing.T) {
	t.Parallel()
	w, s := smallWorld(t)
	account := w.machines()[sim.SmallRunning].GetCloudAccountId()
	_, err := w.accounts.UpdateCloudAccount(t.Context(), &v1.UpdateCloudAccountRequest{
		OrgId: w.org, WorkspaceId: w.ws, CloudAccountId: account, ObserveOnly: true, UpdateMask: mask("observe_only"),
	})
	require.NoError(t, err)
	_, got := w.ended(w.stop(ids(w.machines(), sim.SmallRunning)...).GetId())
	require.Equal(t, "OBSERVE_ONLY", got[sim.SmallRunning].GetReason())
	require.Empty(t, powerCalls(s))
	w.settled()
}

func TestOneBadMachineAmongMany(t *testing.T) {
	t.Parallel()
	w, s := smallWorld(t)
	m := w.machines()
	require.NoError(t, s.SetState(sim.SmallRunning2, sim.Terminated))
	op, got := w.ended(w.stop(ids(m, sim.SmallRunning, sim.SmallRunning2)...).GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_PARTIAL, op.GetState())
	require.Equal(t, v1.TargetState_TARGET_STATE_DONE, got[sim.SmallRunning].GetState())
	require.Equal(t, v1.TargetState_TARGET_STATE_FAILED, got[sim.SmallRunning2].GetState())
	require.Equal(t, "GONE", got[sim.SmallRunning2].GetReason())
	w.settled()
}

func TestThrottledIsRepeated(t *testing.T) {
	t.Parallel()
	w, s := smallWorld(t)
	_, err := s.AddFault(sim.Fault{Action: "StopInstances", Times: 2, Effect: sim.FaultError, Code: "RequestLimitExceeded", Status: 503})
	require.NoError(t, err)
	op, got := w.ended(w.stop(ids(w.machines(), sim.SmallRunning)...).GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, op.GetState())
	require.EqualValues(t, 3, got[sim.SmallRunning].GetAttempts())
	require.Equal(t, "PROVIDER_THROTTLED", op.GetLastError(), "what happened on the way stays visible")
	w.settled()
}

func TestAnAnswerThatIsLostIsNotAskedTwice(t *testing.T) {
	t.Parallel()
	w, s := smallWorld(t)
	_, err := s.AddFault(sim.Fault{Action: "StopInstances", Times: 1, Effect: sim.FaultReset, AnswerLost: true})
	require.NoError(t, err)
	op, got := w.ended(w.stop(ids(w.machines(), sim.SmallRunning)...).GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, op.GetState())
	require.Equal(t, v1.TargetState_TARGET_STATE_DONE, got[sim.SmallRunning].GetState(), "done, not 'already': it was our call")
	require.Len(t, powerCalls(s), 1)
	w.settled()
}

func TestDeniedIsSaid(t *testing.T) {
	t.Parallel()
	s, url := newSim(t, sim.SmallEstate())
	w := newWorld(t, url)
	a := w.addAccount("leitura", sim.SmallReadOnlyKey.AccessKeyID, sim.SmallReadOnlyKey.Secret)
	require.ElementsMatch(t, []string{"ec2:StartInstances", "ec2:StopInstances"}, a.GetMissingPermissions())
	op, got := w.ended(w.stop(ids(w.machines(), sim.SmallRunning)...).GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_FAILED, op.GetState())
	require.Equal(t, "PROVIDER_DENIED", got[sim.SmallRunning].GetReason())
	require.Contains(t, got[sim.SmallRunning].GetDetail(), "UnauthorizedOperation")
	require.Equal(t, running, w.machines()[sim.SmallRunning].GetState())
	require.Len(t, powerCalls(s), 1, "what can never succeed is not repeated")
	w.settled()
}

func TestAcceptedButNeverReached(t *testing.T) {
	t.Parallel()
	w, s := smallWorld(t, func(w *world) { w.watchFor = 2 * time.Second })
	_, err := s.AddFault(sim.Fault{Action: "StopInstances", Effect: sim.FaultStuck})
	require.NoError(t, err)
	op, got := w.ended(w.stop(ids(w.machines(), sim.SmallRunning)...).GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_FAILED, op.GetState())
	require.Equal(t, "NOT_SEEN", got[sim.SmallRunning].GetReason())
	w.settled()
}

func TestTheNewestIntentWins(t *testing.T) {
	t.Parallel()
	estate := sim.SmallEstate()
	estate.Behaviour.Stop = sim.Span{Min: sim.Duration(3 * time.Second), Max: sim.Duration(3 * time.Second)}
	_, url := newSim(t, estate)
	w := newWorld(t, url)
	w.addAccount("pequena", sim.SmallKey.AccessKeyID, sim.SmallKey.Secret)
	id := ids(w.machines(), sim.SmallRunning)
	first := w.stop(id...)
	w.eventually("the stop is accepted", func() bool {
		return w.operation(first.GetId()).GetTargets()[0].GetState() == v1.TargetState_TARGET_STATE_ACCEPTED
	})
	second := w.start(id...)
	_, old := w.ended(first.GetId())
	require.Equal(t, v1.TargetState_TARGET_STATE_SUPERSEDED, old[sim.SmallRunning].GetState())
	op, _ := w.ended(second.GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, op.GetState())
	require.Equal(t, running, w.machines()[sim.SmallRunning].GetState())
	w.settled()
}

func TestNothingActsLate(t *testing.T) {
	t.Parallel()
	w, s := smallWorld(t)
	w.stopWorker()
	op := w.stop(ids(w.machines(), sim.SmallRunning)...)
	// The hours pass while no worker is there.
	w.db.Exec(t, "UPDATE operations SET act_before = now() - interval '1 second' WHERE id = $1", op.GetId())
	w.startWorker()
	got, targets := w.ended(op.GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_MISSED, got.GetState())
	require.Equal(t, "TOO_LATE", targets[sim.SmallRunning].GetReason())
	require.Empty(t, powerCalls(s))
	w.settled()
}

func TestRequestIDMakesOneOperation(t *testing.T) {
	t.Parallel()
	w, s := smallWorld(t)
	req := &v1.StopResourcesRequest{OrgId: w.org, WorkspaceId: w.ws, ResourceIds: ids(w.machines(), sim.SmallRunning), RequestId: "6f9f2ab4-6a50-4c7a-9d0a-0d3a3b1f7a11"}
	first, err := w.power.StopResources(t.Context(), req)
	require.NoError(t, err)
	again, err := w.power.StopResources(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, first.GetOperation().GetId(), again.GetOperation().GetId())
	w.ended(first.GetOperation().GetId())
	require.Len(t, powerCalls(s), 1)
	w.settled()
}

func TestProbeRefusesAWrongKeyAndNamesAMissingPermission(t *testing.T) {
	t.Parallel()
	estate := sim.SmallEstate()
	estate.Accounts[0].Keys = append(estate.Accounts[0].Keys, sim.Key{
		AccessKeyID: "AKIASIMULATEDBLIND01", Secret: "simulated/not-a-secret/blind/1/000000000", User: "cega", Denied: []sim.Denial{{Action: "ec2:DescribeInstances"}},
	})
	_, url := newSim(t, estate)
	w := newWorld(t, url)
	add := func(ak, secret string) error {
		_, err := w.accounts.CreateCloudAccount(t.Context(), &v1.CreateCloudAccountRequest{
			OrgId: w.org, WorkspaceId: w.ws, Name: "x",
			Credential: &v1.CreateCloudAccountRequest_AwsAccessKey{AwsAccessKey: &v1.AwsAccessKey{AccessKeyId: ak, SecretAccessKey: secret}},
		})
		return err
	}
	err := add(sim.SmallKey.AccessKeyID, "wrong-secret-wrong-secret-wrong-secret-0")
	require.Equal(t, connect.CodeFailedPrecondition, connect.CodeOf(err))
	require.ErrorContains(t, err, "does not accept this key")
	err = add("AKIASIMULATEDBLIND01", "simulated/not-a-secret/blind/1/000000000")
	require.ErrorContains(t, err, "ec2:DescribeInstances")
	list, err := w.accounts.ListCloudAccounts(t.Context(), &v1.ListCloudAccountsRequest{OrgId: w.org, WorkspaceId: w.ws})
	require.NoError(t, err)
	require.Empty(t, list.GetCloudAccounts(), "nothing is kept of what was refused")
	w.settled()
}

func TestWhatIsGoneAtTheProviderGoesFromTheList(t *testing.T) {
	t.Parallel()
	w, s := smallWorld(t)
	require.NoError(t, s.SetState(sim.SmallRunning2, sim.Terminated))
	_, err := s.AddInstance(sim.SmallAccount, sim.Instance{ID: "i-0c000000000000099", Name: "novo-01", Region: "us-east-2"})
	require.NoError(t, err)
	_, err = w.inventory.SyncInventory(t.Context(), &v1.SyncInventoryRequest{OrgId: w.org, WorkspaceId: w.ws})
	require.NoError(t, err)
	w.eventually("the list follows", func() bool {
		m := w.machines()
		return m[sim.SmallRunning2] == nil && m["i-0c000000000000099"] != nil
	})
	w.settled()
}

func TestARegionThatCannotBeReadIsSaid(t *testing.T) {
	t.Parallel()
	estate := sim.SmallEstate()
	estate.Accounts[0].Keys[0].Denied = []sim.Denial{{Action: "ec2:DescribeInstances", Region: "us-east-2"}}
	_, url := newSim(t, estate)
	w := newWorld(t, url)
	a := w.addAccount("parcial", sim.SmallKey.AccessKeyID, sim.SmallKey.Secret)
	require.Equal(t, v1.CloudAccountState_CLOUD_ACCOUNT_STATE_PARTIAL, a.GetState())
	i := slices.IndexFunc(a.GetCoverage(), func(c *v1.RegionCoverage) bool { return !c.GetOk() })
	require.Equal(t, "us-east-2", a.GetCoverage()[i].GetRegion())
	require.Equal(t, "PROVIDER_DENIED", a.GetCoverage()[i].GetReason())
	require.Len(t, w.machines(), 8, "the other regions are read")
	w.settled()
}
