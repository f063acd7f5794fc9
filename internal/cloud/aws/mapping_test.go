package aws

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/cloud"
)

func TestNeutral(t *testing.T) {
	t.Parallel()
	launched := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	got := neutral("sa-east-1", &types.Instance{
		InstanceId: aws.String("i-1"), InstanceType: types.InstanceTypeT3Micro, LaunchTime: &launched,
		State:     &types.InstanceState{Name: types.InstanceStateNameStopped},
		Placement: &types.Placement{AvailabilityZone: aws.String("sa-east-1a")},
		Tags: []types.Tag{
			{Key: aws.String("Name"), Value: aws.String("Página")}, {Key: aws.String(autoScalingTag), Value: aws.String("web")},
		},
		PrivateIpAddress: aws.String("10.0.0.1"), PublicIpAddress: aws.String("192.0.2.1"), VpcId: aws.String("vpc-1"),
		SubnetId: aws.String("subnet-1"), ImageId: aws.String("ami-1"), KeyName: aws.String("key"),
		PlatformDetails: aws.String("Linux/UNIX"), Architecture: types.ArchitectureValuesArm64,
		InstanceLifecycle: types.InstanceLifecycleTypeSpot, RootDeviceType: types.DeviceTypeInstanceStore,
		StateReason: &types.StateReason{Message: aws.String("User initiated")},
	})
	require.Equal(t, cloud.Instance{
		ProviderID: "i-1", Name: "Página", Region: "sa-east-1", Zone: "sa-east-1a", Type: "t3.micro", State: cloud.StateStopped,
		Tags: map[string]string{"Name": "Página", autoScalingTag: "web"}, CreatedAt: launched,
		Details: cloud.InstanceDetails{
			PrivateIP: "10.0.0.1", PublicIP: "192.0.2.1", VPC: "vpc-1", Subnet: "subnet-1", Image: "ami-1", KeyName: "key",
			Platform: "Linux/UNIX", Architecture: "arm64", AutoScalingGroup: "web", Spot: true, InstanceStore: true, StateReason: "User initiated",
		},
	}, got)
}

// A state that AWS adds must not be taken for one of ours.
func TestStates(t *testing.T) {
	t.Parallel()
	for _, name := range types.InstanceStateName("").Values() {
		require.NotEqual(t, cloud.StateUnknown, stateOf(&types.InstanceState{Name: name}), name)
	}
	require.Equal(t, cloud.StateGone, stateOf(&types.InstanceState{Name: types.InstanceStateNameShuttingDown}))
	require.Equal(t, cloud.StateUnknown, stateOf(&types.InstanceState{Name: "hibernating"}))
	require.Equal(t, cloud.StateUnknown, stateOf(nil))
	require.Equal(t, cloud.StateUnknown, neutral("r", &types.Instance{}).State)
}
