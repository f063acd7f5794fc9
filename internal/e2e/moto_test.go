package e2e

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/cloud/cloudtest/moto"
)

// launch makes machines at moto, as a customer would at AWS.
func launch(t *testing.T, endpoint string, key cloud.Credential, region string, n int32) []string {
	t.Helper()
	c := ec2.New(ec2.Options{
		Region: region, BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, ""),
	})
	out, err := c.RunInstances(t.Context(), &ec2.RunInstancesInput{
		ImageId: aws.String("ami-12c6146b"), InstanceType: types.InstanceTypeT3Micro, MinCount: &n, MaxCount: &n,
		TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeInstance, Tags: []types.Tag{{Key: aws.String("Name"), Value: aws.String("moto-" + region)}}}},
	})
	require.NoError(t, err)
	var ids []string
	for _, i := range out.Instances {
		ids = append(ids, *i.InstanceId)
	}
	return ids
}

// motoWorld is an installation whose AWS is one that we did not write.
func motoWorld(t *testing.T) (w *world, here []string, there []string) {
	t.Helper()
	endpoint := moto.Start(t)
	admin := moto.User(t, endpoint, "admin", "*")
	here, there = launch(t, endpoint, admin, "sa-east-1", 2), launch(t, endpoint, admin, "us-east-1", 1)
	key := moto.User(t, endpoint, "cloudhub", "ec2:DescribeInstances", "ec2:DescribeRegions", "ec2:StartInstances", "ec2:StopInstances")
	moto.Enforce(t, endpoint)
	w = newWorld(t, endpoint)
	w.addAccount("moto", key.AccessKeyID, key.SecretAccessKey)
	return w, here, there
}

// Both paths, on moto: inventory, a stop and start by hand, and a timetable.
// Moto has no transitions: a stopped machine reads stopped at once.
func TestBothPathsOnMoto(t *testing.T) {
	t.Parallel()
	w, here, there := motoWorld(t)
	m := w.machines()
	require.Len(t, m, 3)
	require.Equal(t, running, m[here[0]].GetState())
	require.Equal(t, "moto-us-east-1", m[there[0]].GetName())

	op, got := w.ended(w.stop(ids(m, here[0], there[0])...).GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, op.GetState(), op)
	require.Equal(t, v1.TargetState_TARGET_STATE_DONE, got[here[0]].GetState())
	require.Equal(t, stopped, w.machines()[here[0]].GetState())
	op, _ = w.ended(w.start(ids(m, here[0])...).GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, op.GetState())

	pair := w.schedule("Moto", ids(m, here...)...)
	w.comes(pair, minute(time.Minute), "stopped")
	require.EqualValues(t, 2, w.runs(pair, 1)[0].GetDoneCount())
	require.Equal(t, stopped, w.machines()[here[1]].GetState())
	w.comes(pair, minute(0), "running")
	require.EqualValues(t, 2, w.runs(pair, 2)[0].GetDoneCount())
	require.Equal(t, running, w.machines()[here[1]].GetState())
	w.settled()
}

// A selector schedule on an AWS that we did not write: its machines are found when
// it runs, the one launched meanwhile too.
func TestASelectorFindsItsMachinesOnMoto(t *testing.T) {
	t.Parallel()
	endpoint := moto.Start(t)
	admin := moto.User(t, endpoint, "admin", "*")
	here, there := launch(t, endpoint, admin, "sa-east-1", 1), launch(t, endpoint, admin, "us-east-1", 1)
	key := moto.User(t, endpoint, "cloudhub", "ec2:DescribeInstances", "ec2:DescribeRegions", "ec2:StartInstances", "ec2:StopInstances")
	w := newWorld(t, endpoint)
	w.addAccount("moto", key.AccessKeyID, key.SecretAccessKey)
	later := launch(t, endpoint, admin, "sa-east-1", 1)
	moto.Enforce(t, endpoint)
	pair := w.selecting("Moto", &v1.TargetSelector{NamePrefix: "moto-sa", Tags: []*v1.TagMatch{{Key: "Name"}}})
	w.comes(pair, minute(time.Minute), "stopped")
	run := w.runs(pair, 1)[0]
	require.EqualValues(t, 2, run.GetDoneCount(), run)
	m := w.machines()
	require.Equal(t, stopped, m[here[0]].GetState())
	require.Equal(t, stopped, m[later[0]].GetState(), "it was not in the inventory when the minute came")
	require.Equal(t, running, m[there[0]].GetState())
	w.settled()
}

func TestMotoDeniesAndItIsSaid(t *testing.T) {
	t.Parallel()
	endpoint := moto.Start(t)
	admin := moto.User(t, endpoint, "admin", "*")
	here := launch(t, endpoint, admin, "sa-east-1", 1)
	reader := moto.User(t, endpoint, "leitura", "ec2:DescribeInstances", "ec2:DescribeRegions")
	moto.Enforce(t, endpoint)
	w := newWorld(t, endpoint)
	a := w.addAccount("leitura", reader.AccessKeyID, reader.SecretAccessKey)
	require.ElementsMatch(t, []string{"ec2:StartInstances", "ec2:StopInstances"}, a.GetMissingPermissions())
	op, got := w.ended(w.stop(ids(w.machines(), here[0])...).GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_FAILED, op.GetState())
	require.Equal(t, "PROVIDER_DENIED", got[here[0]].GetReason())
	w.settled()
}
