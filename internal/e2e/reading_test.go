package e2e

import (
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
)

// readings are the operations of kind SYNC, newest first.
func (w *world) readings() (out []*v1.Operation) {
	w.t.Helper()
	list, err := w.operations.ListOperations(w.t.Context(), &v1.ListOperationsRequest{OrgId: w.org, WorkspaceId: w.ws, PageSize: 100})
	require.NoError(w.t, err)
	for _, o := range list.GetOperations() {
		if o.GetKind() == v1.OperationKind_OPERATION_KIND_SYNC {
			out = append(out, o)
		}
	}
	return out
}

func (w *world) read() {
	w.t.Helper()
	_, err := w.inventory.SyncInventory(w.t.Context(), &v1.SyncInventoryRequest{OrgId: w.org, WorkspaceId: w.ws})
	require.NoError(w.t, err)
	w.settled()
}

// A reading that finds something else than the inventory had, or fails as the one
// before it did not, is an operation that lists and streams show; one that finds
// nothing new leaves none, and what CloudHub itself has done is nothing new.
func TestReadingsSayWhatDiffers(t *testing.T) {
	t.Parallel()
	w, s := smallWorld(t)
	w.settled()
	first := w.readings()
	require.Len(t, first, 1)
	require.EqualValues(t, 8, first[0].GetDifference().GetAddedCount(), first[0])
	require.Equal(t, v1.OperationOrigin_OPERATION_ORIGIN_SYSTEM, first[0].GetOrigin())
	require.Nil(t, first[0].GetActBefore())

	w.ended(w.stop(ids(w.machines(), sim.SmallRunning)...).GetId())
	w.read()
	require.Len(t, w.readings(), 1, "nothing differs")

	ctx, call := connect.NewClientContext(t.Context())
	call.RequestHeader().Set("Authorization", "Bearer "+w.token)
	stream, err := w.operations.WatchWorkspace(ctx, &v1.WatchWorkspaceRequest{OrgId: w.org, WorkspaceId: w.ws})
	require.NoError(t, err)
	defer func() { _ = stream.Close() }()
	require.True(t, stream.Receive(), "it is live: %v", stream.Err())
	// Somebody works past CloudHub: one is started, one is new, one is gone.
	require.NoError(t, s.SetState(sim.SmallRunning, sim.Running))
	_, err = s.AddInstance(sim.SmallAccount, sim.Instance{ID: "i-0c000000000000077", Name: "nova-01", Region: "sa-east-1"})
	require.NoError(t, err)
	require.NoError(t, s.SetState(sim.SmallElsewhere, sim.Terminated))
	w.read()
	told := w.readings()[0].GetDifference()
	require.EqualValues(t, []int32{1, 1}, []int32{told.GetAddedCount(), told.GetChangedCount() + told.GetGoneCount() - 1}, told)
	for found := false; !found; {
		require.True(t, stream.Receive(), stream.Err())
		for _, o := range stream.Msg().GetOperations() {
			found = found || o.GetId() == w.readings()[0].GetId()
		}
	}

	// A region stops answering: that is told once, and stands on the account.
	fault := w.fault(s, sim.Fault{Action: "DescribeInstances", Region: "us-east-1", Effect: sim.FaultError, Code: "UnauthorizedOperation", Status: 403})
	for range 2 {
		w.read()
	}
	require.Len(t, w.readings(), 3)
	failed := w.readings()[0]
	require.Equal(t, v1.OperationState_OPERATION_STATE_PARTIAL, failed.GetState(), failed)
	require.NotEmpty(t, failed.GetLastError())
	require.Contains(t, failed.GetLastErrorDetail(), "us-east-1")
	s.RemoveFault(fault)
	w.read()
	require.Len(t, w.readings(), 3)
	require.Equal(t, v1.CloudAccountState_CLOUD_ACCOUNT_STATE_OK, w.account(w.machines()[sim.SmallRunning].GetCloudAccountId()).GetState())
}
