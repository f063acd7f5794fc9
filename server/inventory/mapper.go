package inventory

import (
	"encoding/json"

	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/power"
)

var states = map[string]v1.ResourceState{
	"running": v1.ResourceState_RESOURCE_STATE_RUNNING, "stopped": v1.ResourceState_RESOURCE_STATE_STOPPED,
	"starting": v1.ResourceState_RESOURCE_STATE_STARTING, "stopping": v1.ResourceState_RESOURCE_STATE_STOPPING,
	"gone": v1.ResourceState_RESOURCE_STATE_GONE, "unknown": v1.ResourceState_RESOURCE_STATE_UNKNOWN,
}

// State translates a stored state; "" is unspecified.
func State(s string) v1.ResourceState { return states[s] }

// StoredState is State the other way round.
func StoredState(s v1.ResourceState) string {
	for stored, state := range states {
		if state == s {
			return stored
		}
	}
	return ""
}

// A kind without a line here is not listed; its machines are switched all the same.
var kinds = map[string]v1.ResourceKind{cloud.KindEC2Instance: v1.ResourceKind_RESOURCE_KIND_AWS_EC2_INSTANCE}

func storedKind(k v1.ResourceKind) string {
	for stored, kind := range kinds {
		if kind == k {
			return stored
		}
	}
	return ""
}

var leftAlone = map[power.Reason]v1.LeftAloneReason{
	power.ReasonProtected: v1.LeftAloneReason_LEFT_ALONE_REASON_PROTECTED, power.ReasonObserveOnly: v1.LeftAloneReason_LEFT_ALONE_REASON_OBSERVE_ONLY,
	power.ReasonAutoScaling: v1.LeftAloneReason_LEFT_ALONE_REASON_AUTO_SCALING, power.ReasonSpot: v1.LeftAloneReason_LEFT_ALONE_REASON_SPOT,
	power.ReasonInstanceStore: v1.LeftAloneReason_LEFT_ALONE_REASON_INSTANCE_STORE,
}

// Neutral makes the fields that every list shows.
func Neutral(r gen.ListResourcesRow) *v1.Resource {
	out := &v1.Resource{
		Id: r.ID.String(), Kind: kinds[r.Kind], CloudAccountId: r.CloudAccountID.String(), ProviderId: r.ProviderID, Name: r.Name,
		Region: r.Region, Zone: r.Zone, Type: r.Type, State: State(r.State), SeenTime: timestamppb.New(r.SeenAt),
		Protected: r.Protected, Version: r.Version, Simulated: r.Simulated, ActAnyway: r.ActAnyway,
	}
	// A tag map that does not parse was never written by us.
	_ = json.Unmarshal(r.Tags, &out.Tags)
	if r.ProviderTime != nil {
		out.CreateTime = timestamppb.New(*r.ProviderTime)
	}
	if r.OperationID != nil {
		out.OperationId = r.OperationID.String()
	}
	facts := power.Facts{Protected: r.Protected, ObserveOnly: r.ObserveOnly}
	if r.LeftAlone != nil {
		facts.LeftAlone = power.Reason(*r.LeftAlone)
	}
	out.LeftAlone = leftAlone[power.Untouchable(facts)]
	return out
}

// FromRow makes the neutral fields of a whole row, as the stream sends them.
func FromRow(r gen.Resource, simulated, observeOnly bool) *v1.Resource {
	return Neutral(gen.ListResourcesRow{
		ID: r.ID, Kind: r.Kind, CloudAccountID: r.CloudAccountID, ProviderID: r.ProviderID, Name: r.Name, Region: r.Region, Zone: r.Zone,
		Type: r.Type, State: r.State, Tags: r.Tags, Protected: r.Protected, LeftAlone: r.LeftAlone, OperationID: r.OperationID,
		ProviderTime: r.ProviderTime, SeenAt: r.SeenAt, Version: r.Version, ActAnyway: r.ActAnyway, Simulated: simulated, ObserveOnly: observeOnly,
	})
}

// Detailed adds what only this kind has.
func Detailed(r gen.Resource, simulated, observeOnly bool) *v1.Resource {
	out := FromRow(r, simulated, observeOnly)
	if r.Kind == cloud.KindEC2Instance {
		var d cloud.InstanceDetails
		_ = json.Unmarshal(r.Details, &d)
		out.Details = &v1.Resource_AwsEc2Instance{AwsEc2Instance: &v1.AwsEc2Instance{
			PrivateIp: d.PrivateIP, PublicIp: d.PublicIP, VpcId: d.VPC, SubnetId: d.Subnet, ImageId: d.Image, KeyName: d.KeyName,
			Platform: d.Platform, Architecture: d.Architecture, AutoScalingGroup: d.AutoScalingGroup, Spot: d.Spot,
			InstanceStore: d.InstanceStore, StateReason: d.StateReason,
		}}
	}
	return out
}
