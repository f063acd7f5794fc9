package aws

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/cloudhub/cloudhub/internal/cloud"
)

// maxPowerBatch is what the provider's bucket of machines holds: see published.
const maxPowerBatch = 1000

// Kind implements cloud.Instances.
func (a *Adapter) Kind() string { return cloud.KindEC2Instance }

// MaxPowerBatch implements cloud.PowerSwitch.
func (a *Adapter) MaxPowerBatch() int { return maxPowerBatch }

// SetPower implements cloud.PowerSwitch: one StartInstances or StopInstances,
// one attempt. Refused is set only for reasons that belong to the machine. A
// missing permission is an error even when AWS names a machine, because it names
// only the first: dropping one at a time would take a call for every machine.
func (a *Adapter) SetPower(
	ctx context.Context, account cloud.Account, region string, want cloud.Power, ids []string,
) (cloud.PowerResult, error) {
	if len(ids) == 0 {
		return cloud.PowerResult{}, nil
	}
	if len(ids) > maxPowerBatch {
		return cloud.PowerResult{}, &cloud.Error{
			Reason: cloud.ReasonInvalid, Message: fmt.Sprintf("%d machines in one call, at most %d", len(ids), maxPowerBatch),
		}
	}
	c := &call{account: account, region: region, ids: ids}
	changes, err := a.switchTo(ctx, c, want)
	if err != nil {
		if refused := refusals(err); refused != nil {
			return cloud.PowerResult{Refused: refused}, nil
		}
		return cloud.PowerResult{}, err
	}
	result := cloud.PowerResult{Accepted: make([]cloud.Change, 0, len(changes))}
	for _, ch := range changes {
		result.Accepted = append(result.Accepted, cloud.Change{
			ProviderID: aws.ToString(ch.InstanceId), Before: stateOf(ch.PreviousState), Now: stateOf(ch.CurrentState),
		})
	}
	return result, nil
}

func (a *Adapter) switchTo(ctx context.Context, c *call, want cloud.Power) ([]types.InstanceStateChange, *cloud.Error) {
	if err := a.signIn(ctx, c); err != nil {
		return nil, err
	}
	ctx = withCall(ctx, c)
	switch want {
	case cloud.PowerOn:
		c.op = "StartInstances"
		out, err := a.ec2.StartInstances(ctx, &ec2.StartInstancesInput{InstanceIds: c.ids}, asSwitch(c))
		if err != nil {
			return nil, a.translate(ctx, c, err)
		}
		return out.StartingInstances, nil
	case cloud.PowerOff:
		c.op = "StopInstances"
		out, err := a.ec2.StopInstances(ctx, &ec2.StopInstancesInput{InstanceIds: c.ids}, asSwitch(c))
		if err != nil {
			return nil, a.translate(ctx, c, err)
		}
		return out.StoppingInstances, nil
	}
	return nil, &cloud.Error{Reason: cloud.ReasonInvalid, Message: fmt.Sprintf("no such power: %q", want)}
}

// refusals are the machines that an error blames, nil when it blames none.
func refusals(e *cloud.Error) []cloud.Refusal {
	switch e.Reason {
	case cloud.ReasonNotFound, cloud.ReasonWrongState, cloud.ReasonUnsupported:
	default:
		return nil
	}
	var out []cloud.Refusal
	for _, id := range e.ResourceIDs {
		own := *e
		own.ResourceIDs = []string{id}
		out = append(out, cloud.Refusal{ProviderID: id, Err: &own})
	}
	return out
}
