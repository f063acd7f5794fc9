package e2e

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/cloudhub/cloudhub/activities"
	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/cloud/aws"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
)

// attempt is activities called by hand, as if by runs with leases of our choice.
type attempt struct {
	w   *world
	env *testsuite.TestActivityEnvironment
	p   *activities.Power
	in  activities.WorkInput
}

// byHand stops the worker, so that nobody else has the operation.
func byHand(t *testing.T, w *world, op string) attempt {
	t.Helper()
	opener, err := vault.LoadOpener(w.keys)
	require.NoError(t, err)
	p := activities.NewPower(activities.Deps{
		Tenants: w.db.Tenants, Opener: opener, Logger: w.logger(), PollEvery: func(time.Duration) time.Duration { return 50 * time.Millisecond },
		Clouds: simulatedAWS(aws.New(aws.Options{Endpoint: w.endpoint})),
	})
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.SetTestTimeout(30 * time.Second)
	env.RegisterActivity(p)
	return attempt{w: w, env: env, p: p, in: activities.WorkInput{Org: uuid.MustParse(w.org), Subject: uuid.MustParse(op)}}
}

func (r attempt) lease(n int64) activities.WorkInput {
	in := r.in
	in.Lease = n
	return in
}

func (r attempt) take(lease int64) (out activities.TakeResult) {
	r.w.t.Helper()
	v, err := r.env.ExecuteActivity(r.p.Take, r.lease(lease))
	require.NoError(r.w.t, err)
	require.NoError(r.w.t, v.Get(&out))
	return out
}

func (r attempt) drive(lease int64, b activities.Batch) error {
	_, err := r.env.ExecuteActivity(r.p.Drive, activities.DriveInput{WorkInput: r.lease(lease), Batch: b})
	return err
}

func (r attempt) record(lease int64) (out activities.RecordResult) {
	r.w.t.Helper()
	v, err := r.env.ExecuteActivity(r.p.Record, r.lease(lease))
	require.NoError(r.w.t, err)
	require.NoError(r.w.t, v.Get(&out))
	return out
}

const leases = 1 << 40 // beyond what the dispatcher has given out

func TestAnOlderRunRecordsNothing(t *testing.T) {
	t.Parallel()
	w, s := smallWorld(t)
	w.stopWorker()
	op := w.stop(ids(w.machines(), sim.SmallRunning)...)
	r := byHand(t, w, op.GetId())
	taken := r.take(leases + 5)
	require.Len(t, taken.Batches, 1)
	require.Equal(t, taken, r.take(leases+5), "the same lease may repeat")
	w.db.Exec(t, "UPDATE agenda SET starts = 3 WHERE kind = 'power'")
	require.Len(t, r.take(leases+6).Batches, 1)
	require.Equal(t, 1, w.count("SELECT count(*) FROM agenda WHERE kind = 'power' AND starts = 3"), "being taken is no progress: a run that dies each time waits")

	require.True(t, r.take(leases+5).Ended, "an older one may not")
	require.NoError(t, r.drive(leases+5, taken.Batches[0]))
	require.Empty(t, powerCalls(s), "and asks nobody")
	require.True(t, r.record(leases+5).Ended)
	got := w.operation(op.GetId())
	require.Nil(t, got.GetEndTime())
	require.Equal(t, 1, w.count("SELECT count(*) FROM agenda WHERE kind = 'power'"), "nor takes it off the agenda")

	require.NoError(t, r.drive(leases+6, taken.Batches[0]))
	require.Equal(t, 1, w.count("SELECT count(*) FROM agenda WHERE kind = 'power' AND starts = 0"), "progress ends the back-off")
	require.True(t, r.record(leases+6).Ended)
	got, targets := w.ended(op.GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, got.GetState())
	require.Equal(t, v1.TargetState_TARGET_STATE_DONE, targets[sim.SmallRunning].GetState())
	version := got.GetVersion()
	require.True(t, r.record(leases+6).Ended, "what is final stays as it is")
	require.True(t, r.take(leases+7).Ended)
	require.Equal(t, version, w.operation(op.GetId()).GetVersion())
	w.settled()
}

// An activity that is in the middle of its call when a newer run takes the
// operation may not record the answer.
func TestAnActivityThatStillBreathesIsFenced(t *testing.T) {
	t.Parallel()
	w, s := slowWorld(t, time.Second)
	w.stopWorker()
	op := w.stop(ids(w.machines(), sim.SmallRunning)...)
	r := byHand(t, w, op.GetId())
	batch := r.take(leases + 5).Batches[0]
	w.fault(s, sim.Fault{Action: "StopInstances", Times: 1, Effect: sim.FaultLatency, Delay: sim.Duration(2 * time.Second)})
	old := make(chan error, 1)
	go func() { old <- r.drive(leases+5, batch) }()
	w.called(s, "StopInstances", func(sim.Call) bool { return true })
	newer := byHand(t, w, op.GetId())
	newer.take(leases + 6)
	err := <-old
	require.True(t, activities.IsFenced(err), "%v", err)
	require.Zero(t, w.count("SELECT count(*) FROM operation_targets WHERE operation_id = $1 AND accepted_at IS NOT NULL", op.GetId()))
	require.NoError(t, newer.drive(leases+6, batch))
	require.True(t, newer.record(leases+6).Ended)
	require.Len(t, powerCalls(s), 1, "the newer run sees that it is on its way")
	w.settled()
}

// What is forbidden between the look and the call is not called for.
func TestTheGateIsTheLastWord(t *testing.T) {
	t.Parallel()
	for reason, sql := range map[string]string{
		"PROTECTED":         "UPDATE resources SET protected = true WHERE provider_id = $1",
		"OBSERVE_ONLY":      "UPDATE cloud_accounts SET observe_only = true WHERE $1 <> ''",
		"AUTOMATION_PAUSED": "UPDATE organizations SET paused_at = now() WHERE $1 <> ''",
		"TOO_LATE":          "UPDATE operations SET act_before = now() WHERE $1 <> ''",
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			w, s := smallWorld(t)
			pair := w.schedule("Some", ids(w.machines(), sim.SmallRunning)...)
			w.fault(s, sim.Fault{Action: "DescribeInstances", Times: 1, Effect: sim.FaultLatency, Delay: sim.Duration(6 * time.Second)}) // time to forbid it, on a busy machine
			w.comes(pair, minute(time.Minute), "stopped")
			w.called(s, "DescribeInstances", func(c sim.Call) bool { return slices.Contains(c.Faults, sim.FaultLatency) })
			w.db.Exec(t, sql, sim.SmallRunning)
			_, targets := w.ended(w.runs(pair, 1)[0].GetOperationId())
			require.Equal(t, reason, targets[sim.SmallRunning].GetReason())
			require.Zero(t, targets[sim.SmallRunning].GetAttempts())
			require.Empty(t, powerCalls(s))
			w.settled()
		})
	}
}

// The pause switch stops automation and no person.
func TestAPersonMayActWhileAutomationIsPaused(t *testing.T) {
	t.Parallel()
	w, _ := smallWorld(t)
	w.db.Exec(t, "UPDATE organizations SET paused_at = now()")
	op, _ := w.ended(w.stop(ids(w.machines(), sim.SmallRunning)...).GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, op.GetState())
	require.Equal(t, stopped, w.machines()[sim.SmallRunning].GetState())
	w.settled()
}
