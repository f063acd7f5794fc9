package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
)

func (w *world) fault(s *sim.Sim, f sim.Fault) string {
	w.t.Helper()
	id, err := s.AddFault(f)
	require.NoError(w.t, err)
	return id
}

// called waits until the provider has a call of an action that fits.
func (w *world) called(s *sim.Sim, action string, fits func(sim.Call) bool) {
	w.t.Helper()
	w.eventually("the provider is asked: "+action, func() bool {
		return slices.ContainsFunc(s.Calls(0), func(c sim.Call) bool { return c.Action == action && !c.DryRun && fits(c) })
	})
}

func (w *world) count(sql string, args ...any) (n int) {
	w.t.Helper()
	require.NoError(w.t, w.db.Owner.QueryRow(w.t.Context(), sql, args...).Scan(&n))
	return n
}

// When one type has no capacity left, the others start, and what never got any
// says so: it was tried in time, so "too late" would be untrue.
func TestCapacityHoldsUpOnlyWhatLacksIt(t *testing.T) {
	t.Parallel()
	w, s := smallWorld(t)
	require.NoError(t, s.SetState(sim.SmallRunning, sim.Stopped))
	w.fault(s, sim.Fault{Action: "StartInstances", Instance: sim.SmallStopped, Effect: sim.FaultCapacity})
	op := w.start(ids(w.machines(), sim.SmallStopped, sim.SmallRunning)...)
	w.eventually("the other one has started", func() bool {
		got := w.operation(op.GetId())
		return got.GetTargetDoneCount() == 1 && got.GetLastError() == "PROVIDER_CAPACITY"
	})
	// The quarter of an hour passes.
	w.db.Exec(t, "UPDATE operations SET act_before = now() WHERE id = $1", op.GetId())
	got, targets := w.ended(op.GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_PARTIAL, got.GetState())
	require.Equal(t, v1.TargetState_TARGET_STATE_DONE, targets[sim.SmallRunning].GetState())
	require.Equal(t, v1.TargetState_TARGET_STATE_FAILED, targets[sim.SmallStopped].GetState())
	require.Equal(t, "PROVIDER_CAPACITY", targets[sim.SmallStopped].GetReason())
	require.Contains(t, targets[sim.SmallStopped].GetDetail(), "InsufficientInstanceCapacity")
	w.settled()
}

func TestCapacityThatComesBackIsUsed(t *testing.T) {
	t.Parallel()
	w, s := smallWorld(t)
	w.fault(s, sim.Fault{Action: "StartInstances", Effect: sim.FaultCapacity, Times: 1})
	op, targets := w.ended(w.start(ids(w.machines(), sim.SmallStopped)...).GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, op.GetState())
	require.Empty(t, targets[sim.SmallStopped].GetReason(), "a refusal on the way is not the end's reason")
	w.settled()
}

// A credential that no key of the ring opens ends what needs it, instead of
// being tried for ever.
func TestACredentialThatDoesNotOpenIsSaid(t *testing.T) {
	t.Parallel()
	w, s := smallWorld(t)
	account := w.machines()[sim.SmallRunning].GetCloudAccountId()
	w.db.Exec(t, "UPDATE credentials SET ciphertext = decode('00', 'hex') || ciphertext WHERE cloud_account_id = $1", account)
	op, targets := w.ended(w.stop(ids(w.machines(), sim.SmallRunning)...).GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_FAILED, op.GetState())
	require.Equal(t, "PROVIDER_UNAUTHENTICATED", targets[sim.SmallRunning].GetReason())
	require.Contains(t, targets[sim.SmallRunning].GetDetail(), "enter it again")
	require.Empty(t, powerCalls(s))
	_, err := w.inventory.SyncInventory(t.Context(), &v1.SyncInventoryRequest{OrgId: w.org, WorkspaceId: w.ws})
	require.NoError(t, err)
	w.eventually("the account says so", func() bool {
		a := w.account(account)
		return a.GetState() == v1.CloudAccountState_CLOUD_ACCOUNT_STATE_FAILING && a.GetLastError() == "PROVIDER_UNAUTHENTICATED"
	})
	w.settled()
}

// A reading that began before a stop and ends after it shows the past: it must
// not put the machine back to running.
func TestASlowReadingDoesNotUndoWhatWasSeenSince(t *testing.T) {
	t.Parallel()
	w, s := smallWorld(t)
	machine := ids(w.machines(), sim.SmallRunning)
	before := len(s.Calls(0))
	w.fault(s, sim.Fault{Action: "DescribeInstances", Region: "sa-east-1", Times: 1, Effect: sim.FaultLatency, Delay: sim.Duration(4 * time.Second)})
	_, err := w.inventory.SyncInventory(t.Context(), &v1.SyncInventoryRequest{OrgId: w.org, WorkspaceId: w.ws})
	require.NoError(t, err)
	w.eventually("the reading has its answer on the way", func() bool {
		return slices.ContainsFunc(s.Calls(0)[before:], func(c sim.Call) bool { return slices.Contains(c.Faults, sim.FaultLatency) })
	})
	require.Equal(t, 1, w.count("SELECT count(*) FROM agenda WHERE kind = 'sync'"), "the reading is under way")
	op, _ := w.ended(w.stop(machine...).GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, op.GetState())
	require.Equal(t, 1, w.count("SELECT count(*) FROM agenda WHERE kind = 'sync'"), "the reading is still under way")
	w.settled()
	require.Equal(t, stopped, w.machines()[sim.SmallRunning].GetState())
}

// The product refuses to forget an account in the middle of a stop. Should its
// rows go all the same, the operation ends and says why.
func TestAnAccountThatGoesInTheMiddleOfAStop(t *testing.T) {
	t.Parallel()
	w, _ := slowWorld(t, time.Hour)
	account := w.machines()[sim.SmallRunning].GetCloudAccountId()
	op := w.stop(ids(w.machines(), sim.SmallRunning)...)
	w.accepted(op.GetId())
	_, err := w.accounts.DeleteCloudAccount(t.Context(), &v1.DeleteCloudAccountRequest{OrgId: w.org, WorkspaceId: w.ws, CloudAccountId: account})
	require.Equal(t, connect.CodeFailedPrecondition, connect.CodeOf(err), err)
	w.db.Exec(t, "DELETE FROM cloud_accounts WHERE id = $1", account)
	w.db.Exec(t, "DELETE FROM agenda WHERE subject = $1", account)
	got, targets := w.ended(op.GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, got.GetState(), got)
	require.Equal(t, "ACCOUNT_REMOVED", targets[sim.SmallRunning].GetReason())
	w.settled()
}

func TestAProbeThatNobodyAnswersKeepsNothing(t *testing.T) {
	t.Parallel()
	s, url := newSim(t, sim.SmallEstate())
	w := newWorld(t, url, func(w *world) { w.probeWithin = time.Second })
	w.fault(s, sim.Fault{Action: "GetCallerIdentity", Effect: sim.FaultHang})
	_, err := w.accounts.CreateCloudAccount(t.Context(), &v1.CreateCloudAccountRequest{
		OrgId: w.org, WorkspaceId: w.ws, Name: "muda",
		Credential: &v1.CreateCloudAccountRequest_AwsAccessKey{AwsAccessKey: &v1.AwsAccessKey{AccessKeyId: sim.SmallKey.AccessKeyID, SecretAccessKey: sim.SmallKey.Secret}},
	})
	require.Error(t, err)
	require.Contains(t, []connect.Code{connect.CodeDeadlineExceeded, connect.CodeUnavailable}, connect.CodeOf(err), err)
	require.Zero(t, w.count("SELECT count(*) FROM credential_drafts"), "the sealed key is not kept")
	require.Zero(t, w.count("SELECT count(*) FROM cloud_accounts"))
	w.settled()
}

// Orders that follow each other faster than they are carried out, over the same
// machines, with two workers: each ends, the last one counts, and no transaction
// locks another out.
func TestOrdersThatOvertakeEachOther(t *testing.T) {
	t.Parallel()
	w, s := slowWorld(t, 200*time.Millisecond)
	w.startWorker() // a second one
	m := w.machines()
	var all []string
	for i := range 12 {
		some := ids(m, sim.SmallRunning, sim.SmallRunning2, sim.SmallStopped, sim.SmallElsewhere)
		slices.Reverse(some[:i%4])
		if i%2 == 0 {
			all = append(all, w.stop(some...).GetId())
		} else {
			all = append(all, w.start(some...).GetId())
		}
	}
	for _, id := range all {
		op, targets := w.ended(id)
		for _, target := range targets {
			require.Contains(t, []v1.TargetState{
				v1.TargetState_TARGET_STATE_DONE, v1.TargetState_TARGET_STATE_ALREADY, v1.TargetState_TARGET_STATE_SUPERSEDED,
			}, target.GetState(), op)
		}
		require.EqualValues(t, 4, op.GetTargetDoneCount(), "targets at their end are counted, whoever ended them")
	}
	last, targets := w.ended(all[len(all)-1])
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, last.GetState())
	for id, target := range targets {
		require.NotEqual(t, v1.TargetState_TARGET_STATE_SUPERSEDED, target.GetState(), "nothing is newer than the last")
		machine, _ := s.Machine(id)
		require.Equal(t, sim.Running, machine.State, id)
	}
	w.settled()
	require.Zero(t, w.count("SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()"))
}

// One order over two accounts and two regions is one call to each.
func TestOneOrderOverTwoAccountsAndRegions(t *testing.T) {
	t.Parallel()
	estate := sim.SmallEstate()
	second := sim.Account{ID: "444455556666", Name: "second", Regions: []string{"sa-east-1", "us-east-1"}, Keys: []sim.Key{{
		AccessKeyID: "AKIASIMULATEDSMALL44", Secret: "simulated/not-a-secret/small/03/00000000",
	}}}
	for i, region := range []string{"sa-east-1", "sa-east-1", "us-east-1", "us-east-1"} {
		second.Instances = append(second.Instances, sim.Instance{ID: fmt.Sprintf("i-0d00000000000000%d", i), Name: fmt.Sprintf("lote-%d", i), Region: region})
	}
	estate.Accounts = append(estate.Accounts, second)
	s, url := newSim(t, estate)
	w := newWorld(t, url)
	w.addAccount("primeira", sim.SmallKey.AccessKeyID, sim.SmallKey.Secret)
	w.addAccount("segunda", second.Keys[0].AccessKeyID, second.Keys[0].Secret)
	all := ids(w.machines(), sim.SmallRunning, sim.SmallRunning2, sim.SmallElsewhere, second.Instances[0].ID, second.Instances[1].ID, second.Instances[2].ID, second.Instances[3].ID)
	op, targets := w.ended(w.stop(all...).GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, op.GetState())
	require.EqualValues(t, 7, op.GetTargetDoneCount())
	for id, target := range targets {
		require.Equal(t, v1.TargetState_TARGET_STATE_DONE, target.GetState(), id)
		require.Equal(t, stopped, w.machines()[id].GetState(), id)
	}
	var places []string
	for _, c := range powerCalls(s) {
		places = append(places, fmt.Sprint(c.Account, " ", c.Region, " ", len(c.IDs)))
	}
	require.ElementsMatch(t, []string{"111122223333 sa-east-1 2", "111122223333 us-east-1 1", "444455556666 sa-east-1 2", "444455556666 us-east-1 2"}, places)
	require.Equal(t, 1, w.audits("operation.request"))
	w.settled()
}
