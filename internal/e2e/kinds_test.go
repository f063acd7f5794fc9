package e2e

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/cloudhub/cloudhub/activities"
	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/cloud/aws"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
)

// kindBox is a kind of this test binary's own: with this line and the adapter
// below it has joined. Its machines have tags and no names.
var kindBox = cloud.Kind{
	Name: "aws.test.box", Provider: cloud.AWS, Switchable: true, Has: cloud.SelectorParts{Tags: true},
	Rates: map[cloud.Power]cloud.PowerRate{cloud.PowerOn: {Burst: 1, PerSecond: 1. / 3600}},
}

// simulatedAWS is the provider as tests reach it, with further kinds.
func simulatedAWS(adapter *aws.Adapter, more ...cloud.Instances) activities.Clouds {
	return activities.Clouds{cloud.AWS: {Prober: adapter, Instances: append([]cloud.Instances{adapter}, more...), Simulated: true}}
}

// boxes is the adapter of kindBox: a provider in memory.
type boxes struct {
	mu    sync.Mutex
	all   map[string]cloud.Instance
	calls [][]string // ids of each change of power
}

func (*boxes) Kind() string       { return kindBox.Name }
func (*boxes) MaxPowerBatch() int { return 1 }

func (b *boxes) reading(each func(cloud.Coverage, []cloud.Instance) error, matches func(cloud.Instance) bool) error {
	b.mu.Lock()
	var found []cloud.Instance
	for _, id := range slices.Sorted(maps.Keys(b.all)) {
		if matches(b.all[id]) {
			found = append(found, b.all[id])
		}
	}
	b.mu.Unlock()
	return each(cloud.Coverage{Region: "sa-east-1", OK: true, Count: len(found)}, found)
}

func (b *boxes) ListInstances(_ context.Context, _ cloud.Account, each func(cloud.Coverage, []cloud.Instance) error) error {
	return b.reading(each, func(cloud.Instance) bool { return true })
}

func (b *boxes) FindInstances(_ context.Context, _ cloud.Account, f cloud.Filter, each func(cloud.Coverage, []cloud.Instance) error) error {
	return b.reading(each, func(i cloud.Instance) bool {
		return !slices.ContainsFunc(f.Tags, func(t cloud.TagFilter) bool { return !slices.Contains(t.Values, i.Tags[t.Key]) })
	})
}

func (b *boxes) DescribeInstances(_ context.Context, _ cloud.Account, _ string, ids []string) ([]cloud.Instance, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []cloud.Instance
	for _, id := range ids {
		if i, ok := b.all[id]; ok {
			out = append(out, i)
		}
	}
	return out, nil
}

func (b *boxes) SetPower(_ context.Context, _ cloud.Account, _ string, want cloud.Power, ids []string) (out cloud.PowerResult, _ error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = append(b.calls, ids)
	for _, id := range ids {
		i := b.all[id]
		out.Accepted = append(out.Accepted, cloud.Change{ProviderID: id, Before: i.State, Now: want.Target()})
		i.State = want.Target()
		b.all[id] = i
	}
	return out, nil
}

// A second kind has joined with an adapter and a line of the registry: readings
// bring it, selectors find it beside the other, each is switched by its own
// adapter, and the preview counts it at its own rate.
func TestASecondKindJoins(t *testing.T) {
	t.Parallel()
	tags := map[string]string{"ambiente": "hml"}
	b := &boxes{all: map[string]cloud.Instance{}}
	for _, id := range []string{"box-1", "box-2"} {
		b.all[id] = cloud.Instance{ProviderID: id, Region: "sa-east-1", State: cloud.StateRunning, Tags: tags}
	}
	w, s := smallWorld(t, func(w *world) { w.kinds = append(w.kinds, b) })
	boxCount := func(state string) int {
		return w.count("SELECT count(*) FROM resources WHERE kind = $1 AND state = $2", kindBox.Name, state)
	}
	require.Equal(t, 2, boxCount("running"), "the first reading has brought them")
	before := w.machines()
	require.NotContains(t, before, "box-1", "the list of one kind has no other")

	selector := tagged("ambiente", "hml")
	pair := w.selecting("Homologação", selector)
	shown, err := w.schedules.PreviewTargets(t.Context(), &v1.PreviewTargetsRequest{OrgId: w.org, WorkspaceId: w.ws, Selector: selector})
	require.NoError(t, err)
	require.EqualValues(t, 4, shown.GetMatchedCount())
	require.Len(t, shown.GetResources(), 4)
	preview, err := w.schedules.PreviewSchedule(t.Context(), &v1.PreviewScheduleRequest{
		OrgId: w.org, WorkspaceId: w.ws, Rule: pair.GetRule(), Selector: selector, Count: 1,
	})
	require.NoError(t, err)
	require.Len(t, preview.GetRateWarnings(), 1, "two boxes an hour apart, and EC2's rate allows many")
	require.EqualValues(t, 2, preview.GetRateWarnings()[0].GetTargetCount())

	w.comes(pair, minute(time.Minute), "stopped")
	run := w.runs(pair, 1)[0]
	require.EqualValues(t, 4, run.GetDoneCount(), run)
	op, targets := w.ended(run.GetOperationId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, op.GetState())
	require.Equal(t, v1.TargetState_TARGET_STATE_DONE, targets["box-2"].GetState())
	require.Equal(t, v1.TargetState_TARGET_STATE_DONE, targets[sim.SmallRunning].GetState())
	require.Equal(t, 2, boxCount("stopped"))
	require.Equal(t, [][]string{{"box-1"}, {"box-2"}}, b.calls, "by its own adapter, in its own batches")
	require.Len(t, powerCalls(s), 1)
	require.NotContains(t, powerCalls(s)[0].IDs, "box-1")

	// By a name no box is found, by hand it is switched, and what is gone is of its
	// own kind.
	byName := w.selecting("Por nome", &v1.TargetSelector{NamePrefix: "box"})
	w.comes(byName, minute(0), "running")
	require.Zero(t, w.runs(byName, 1)[0].GetTargetCount())
	var id string
	require.NoError(t, w.db.Owner.QueryRow(t.Context(), "SELECT id FROM resources WHERE provider_id = 'box-1'").Scan(&id))
	_, targets = w.ended(w.start(id).GetId())
	require.Equal(t, v1.TargetState_TARGET_STATE_DONE, targets["box-1"].GetState())
	b.mu.Lock()
	delete(b.all, "box-2")
	b.mu.Unlock()
	w.read()
	require.Equal(t, 1, boxCount("gone"))
	require.Len(t, w.machines(), len(before), "no machine of the other kind is")

	// What cannot be switched is refused by whoever would.
	w.db.Exec(t, "UPDATE resources SET kind = 'aws.s3.bucket' WHERE provider_id = 'box-1'")
	_, err = w.schedules.CreateSchedule(t.Context(), &v1.CreateScheduleRequest{OrgId: w.org, WorkspaceId: w.ws, Name: "Balde", Rule: pair.GetRule(), ResourceIds: []string{id}})
	require.ErrorContains(t, err, "cannot be switched")
	_, err = w.schedules.CreateHold(t.Context(), &v1.CreateHoldRequest{
		OrgId: w.org, WorkspaceId: w.ws, Subject: &v1.CreateHoldRequest_ResourceId{ResourceId: id}, Reason: "x", UntilTime: timestamppb.New(time.Now().Add(time.Hour)),
	})
	require.ErrorContains(t, err, "cannot be switched")
	w.settled()
}
