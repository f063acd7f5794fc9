package workflows_test

import (
	"errors"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/cloudhub/cloudhub/activities"
	"github.com/cloudhub/cloudhub/workflows"
)

// Batches follow one another from where the last one ended, through a failure,
// and from the beginning when somebody asked anew.
func TestResealGoesOnUntilNothingIsLeft(t *testing.T) {
	t.Parallel()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	a := activities.NewReseal(activities.Deps{})
	env.RegisterActivity(a)
	t.Cleanup(func() { env.AssertExpectations(t) })
	half := uuid.MustParse("0193a000-0000-7000-8000-000000000009")
	first := activities.ResealInput{WorkInput: input}
	second := activities.ResealInput{WorkInput: input, Asked: 3, After: half}
	env.OnActivity(a.SealAnew, mock.Anything, first).Return(activities.ResealResult{}, errors.New("the database is away")).Once()
	env.OnActivity(a.SealAnew, mock.Anything, first).Return(activities.ResealResult{Asked: 3, After: half, Sealed: 100, More: true}, nil).Once()
	env.OnActivity(a.SealAnew, mock.Anything, second).Return(activities.ResealResult{Sealed: 4, More: true}, nil).Once() // asked anew
	env.OnActivity(a.SealAnew, mock.Anything, first).Return(activities.ResealResult{Asked: 4}, nil).Once()
	env.ExecuteWorkflow(workflows.Reseal, input)
	require.NoError(t, env.GetWorkflowError())
}
