package workflows_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/cloudhub/cloudhub/activities"
	"github.com/cloudhub/cloudhub/workflows"
)

var input = activities.WorkInput{Org: uuid.MustParse("0193a000-0000-7000-8000-000000000001"), Subject: uuid.MustParse("0193a000-0000-7000-8000-000000000002"), Lease: 7}

// environment is Temporal with time that is skipped. The activities' own code
// is proved on the real things in internal/e2e: here only the order is.
func environment(t *testing.T) (*testsuite.TestWorkflowEnvironment, *activities.Power, *activities.Sync, *activities.Probe) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	d := activities.Deps{}
	p, s, pr := activities.NewPower(d), activities.NewSync(d), activities.NewProbe(d)
	env.RegisterActivity(p)
	env.RegisterActivity(s)
	env.RegisterActivity(pr)
	t.Cleanup(func() { env.AssertExpectations(t) })
	return env, p, s, pr
}

var (
	here  = activities.Batch{Account: uuid.MustParse("0193a000-0000-7000-8000-000000000003"), Region: "sa-east-1"}
	there = activities.Batch{Account: here.Account, Region: "us-east-1"}
)

func TestPowerEndsWhenThereIsNothingToTake(t *testing.T) {
	t.Parallel()
	env, p, _, _ := environment(t)
	env.OnActivity(p.Take, mock.Anything, input).Return(activities.TakeResult{Ended: true}, nil).Once()
	env.ExecuteWorkflow(workflows.Power, input)
	require.NoError(t, env.GetWorkflowError())
}

func TestPowerDrivesAllBatchesAtOnce(t *testing.T) {
	t.Parallel()
	env, p, _, _ := environment(t)
	env.OnActivity(p.Take, mock.Anything, input).Return(activities.TakeResult{Batches: []activities.Batch{here, there}}, nil).Once()
	began := map[string]time.Time{}
	env.OnActivity(p.Drive, mock.Anything, mock.Anything).Return(nil).After(10 * time.Minute).Run(func(a mock.Arguments) {
		began[a.Get(1).(activities.DriveInput).Region] = env.Now()
	}).Twice()
	env.OnActivity(p.Record, mock.Anything, input).Return(activities.RecordResult{Ended: true}, nil).Once()
	start := env.Now()
	env.ExecuteWorkflow(workflows.Power, input)
	require.NoError(t, env.GetWorkflowError())
	require.Len(t, began, 2)
	require.Less(t, env.Now().Sub(start), 15*time.Minute, "one after the other would take twenty")
}

func TestPowerGoesRoundUntilEverythingIsRecorded(t *testing.T) {
	t.Parallel()
	env, p, _, _ := environment(t)
	env.OnActivity(p.Take, mock.Anything, input).Return(activities.TakeResult{Batches: []activities.Batch{here}}, nil).Twice()
	env.OnActivity(p.Drive, mock.Anything, activities.DriveInput{WorkInput: input, Batch: here}).Return(nil).Twice()
	env.OnActivity(p.Record, mock.Anything, input).Return(activities.RecordResult{}, nil).Once()
	env.OnActivity(p.Record, mock.Anything, input).Return(activities.RecordResult{Ended: true}, nil).Once()
	env.ExecuteWorkflow(workflows.Power, input)
	require.NoError(t, env.GetWorkflowError())
}

func TestPowerRepeatsWhatFails(t *testing.T) {
	t.Parallel()
	env, p, _, _ := environment(t)
	env.OnActivity(p.Take, mock.Anything, input).Return(activities.TakeResult{}, errors.New("the database is away")).Twice()
	env.OnActivity(p.Take, mock.Anything, input).Return(activities.TakeResult{Batches: []activities.Batch{here}}, nil).Once()
	env.OnActivity(p.Drive, mock.Anything, mock.Anything).Return(errors.New("the worker stops")).Times(3)
	env.OnActivity(p.Drive, mock.Anything, mock.Anything).Return(nil).Once()
	env.OnActivity(p.Record, mock.Anything, input).Return(activities.RecordResult{Ended: true}, nil).Once()
	env.ExecuteWorkflow(workflows.Power, input)
	require.NoError(t, env.GetWorkflowError())
}

func TestPowerThatIsFencedEndsInPeace(t *testing.T) {
	t.Parallel()
	env, p, _, _ := environment(t)
	env.OnActivity(p.Take, mock.Anything, input).Return(activities.TakeResult{Batches: []activities.Batch{here}}, nil).Once()
	env.OnActivity(p.Drive, mock.Anything, mock.Anything).Return(temporal.NewNonRetryableApplicationError("taken over", "Fenced", nil)).Once()
	env.OnActivity(p.Record, mock.Anything, input).Return(activities.RecordResult{Ended: true}, nil).Once()
	env.ExecuteWorkflow(workflows.Power, input)
	require.NoError(t, env.GetWorkflowError())
}

func TestPowerFailsOnWhatNoRetryMends(t *testing.T) {
	t.Parallel()
	env, p, _, _ := environment(t)
	env.OnActivity(p.Take, mock.Anything, input).Return(activities.TakeResult{Batches: []activities.Batch{here}}, nil).Once()
	env.OnActivity(p.Drive, mock.Anything, mock.Anything).Return(temporal.NewNonRetryableApplicationError("the vault", "Vault", nil)).Once()
	env.ExecuteWorkflow(workflows.Power, input)
	require.Error(t, env.GetWorkflowError(), "the dispatcher drives it again, with back-off")
}

func TestSyncReadsAgainWhenAskedMeanwhile(t *testing.T) {
	t.Parallel()
	env, _, s, _ := environment(t)
	env.OnActivity(s.ReadAccount, mock.Anything, input).Return(activities.SyncResult{Again: true}, nil).Once()
	env.OnActivity(s.ReadAccount, mock.Anything, input).Return(activities.SyncResult{}, nil).Once()
	env.ExecuteWorkflow(workflows.Sync, input)
	require.NoError(t, env.GetWorkflowError())
}

func TestCalendarReadsAgainWhenAskedMeanwhile(t *testing.T) {
	t.Parallel()
	env, _, _, _ := environment(t)
	c := activities.NewCalendar(activities.Deps{})
	env.RegisterActivity(c)
	env.OnActivity(c.ReadCalendar, mock.Anything, input).Return(activities.CalendarResult{}, errors.New("the database is away")).Once()
	env.OnActivity(c.ReadCalendar, mock.Anything, input).Return(activities.CalendarResult{Again: true}, nil).Once()
	env.OnActivity(c.ReadCalendar, mock.Anything, input).Return(activities.CalendarResult{}, nil).Once()
	env.ExecuteWorkflow(workflows.Calendar, input)
	require.NoError(t, env.GetWorkflowError())
}

func TestProbeTriesAgainOnlyAFewTimes(t *testing.T) {
	t.Parallel()
	env, _, _, p := environment(t)
	env.OnActivity(p.TryCredential, mock.Anything, input).Return(errors.New("the worker died")).Times(5)
	env.ExecuteWorkflow(workflows.Probe, input)
	require.Error(t, env.GetWorkflowError())
}

// Histories of released versions must replay: an open run meets the new code.
func TestRecordedHistoriesReplay(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]any{
		activities.WorkflowPower: workflows.Power, activities.WorkflowProbe: workflows.Probe, activities.WorkflowSync: workflows.Sync, activities.WorkflowCalendar: workflows.Calendar,
	} {
		r := worker.NewWorkflowReplayer()
		r.RegisterWorkflowWithOptions(w, workflow.RegisterOptions{Name: name})
		require.NoError(t, r.ReplayWorkflowHistoryFromJSONFile(nil, "testdata/"+name+".json"), name)
	}
}

// The replay above can fail: a workflow with another order does.
func TestAnIncompatibleChangeDoesNotReplay(t *testing.T) {
	t.Parallel()
	r := worker.NewWorkflowReplayer()
	r.RegisterWorkflowWithOptions(func(ctx workflow.Context, in activities.WorkInput) error {
		if err := workflow.Sleep(ctx, time.Minute); err != nil {
			return err
		}
		return workflows.Power(ctx, in)
	}, workflow.RegisterOptions{Name: activities.WorkflowPower})
	require.Error(t, r.ReplayWorkflowHistoryFromJSONFile(nil, "testdata/power.json"))
}
