package aws

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/cloudhub/cloudhub/internal/cloud"
)

const (
	nameTag        = "Name"
	autoScalingTag = "aws:autoscaling:groupName"
)

var states = map[types.InstanceStateName]cloud.State{
	types.InstanceStateNamePending:      cloud.StateStarting,
	types.InstanceStateNameRunning:      cloud.StateRunning,
	types.InstanceStateNameStopping:     cloud.StateStopping,
	types.InstanceStateNameStopped:      cloud.StateStopped,
	types.InstanceStateNameShuttingDown: cloud.StateGone, // no way back: it will be terminated
	types.InstanceStateNameTerminated:   cloud.StateGone,
}

func stateOf(s *types.InstanceState) cloud.State {
	if s != nil {
		if state, ok := states[s.Name]; ok {
			return state
		}
	}
	return cloud.StateUnknown
}

func neutral(region string, i *types.Instance) cloud.Instance {
	tags := make(map[string]string, len(i.Tags))
	for _, t := range i.Tags {
		tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	m := cloud.Instance{
		ProviderID: aws.ToString(i.InstanceId),
		Name:       tags[nameTag],
		Region:     region,
		Type:       string(i.InstanceType),
		State:      stateOf(i.State),
		Tags:       tags,
		CreatedAt:  aws.ToTime(i.LaunchTime),
		Details: cloud.InstanceDetails{
			PrivateIP:        aws.ToString(i.PrivateIpAddress),
			PublicIP:         aws.ToString(i.PublicIpAddress),
			VPC:              aws.ToString(i.VpcId),
			Subnet:           aws.ToString(i.SubnetId),
			Image:            aws.ToString(i.ImageId),
			KeyName:          aws.ToString(i.KeyName),
			Platform:         aws.ToString(i.PlatformDetails),
			Architecture:     string(i.Architecture),
			AutoScalingGroup: tags[autoScalingTag],
			Spot:             i.InstanceLifecycle == types.InstanceLifecycleTypeSpot,
			InstanceStore:    i.RootDeviceType == types.DeviceTypeInstanceStore,
		},
	}
	if i.Placement != nil {
		m.Zone = aws.ToString(i.Placement.AvailabilityZone)
	}
	if i.StateReason != nil {
		m.Details.StateReason = aws.ToString(i.StateReason.Message)
	}
	return m
}
