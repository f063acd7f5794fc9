package aws

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/cloudhub/cloudhub/internal/cloud"
)

// nobody is the id of a machine that does not exist. EC2 looks at permissions
// before it looks for the machine.
const nobody = "i-00000000000000000"

// dryRunPassed is the code of the error by which EC2 says yes to a dry run.
const dryRunPassed = "DryRunOperation"

// opIdentity is the one call that needs no permission and cannot be denied.
const opIdentity = "GetCallerIdentity"

const (
	forInventory = "inventory"
	forPower     = "power"
)

// Probe asks who the key is, which regions are enabled, and tries the
// permissions as dry runs in the home region. A policy that allows a change only
// for machines with a certain tag shows as missing: the machine that the dry run
// names has no tags.
//
// A role is tried first: see tryRole.
//
// It returns *cloud.Error with ReasonUnauthenticated when the key is wrong or
// the role cannot be taken, ReasonOpenRole when the role can be taken without its
// external id, and with any other reason when AWS could not be asked.
func (a *Adapter) Probe(ctx context.Context, account cloud.Account) (cloud.Probe, error) {
	var p cloud.Probe
	if account.Credential.RoleARN != "" {
		taken, err := a.tryRole(ctx, account)
		if err != nil {
			return p, err
		}
		account.Credential = taken
	}
	c := &call{account: account, region: homeRegion(account), op: opIdentity}
	if err := a.signIn(ctx, c); err != nil {
		return p, err
	}
	who, err := a.sts.GetCallerIdentity(withCall(ctx, c), &sts.GetCallerIdentityInput{}, func(o *sts.Options) {
		o.Credentials, o.Region, o.Retryer = c.signer, c.region, readRetryer()
	})
	if err != nil {
		return p, a.translate(ctx, c, err)
	}
	p.Identity = cloud.Identity{ExternalID: aws.ToString(who.Account), Principal: aws.ToString(who.Arn)}
	account.ExternalID = p.Identity.ExternalID // whose budget the rest comes from

	p.Regions, err = a.regions(ctx, account)
	if p.Checks, err = check(p.Checks, "ec2:DescribeRegions", forInventory, err); err != nil {
		return p, err
	}
	for _, dry := range []struct {
		op, needed string
		do         func(context.Context, *call) error
	}{
		{"DescribeInstances", forInventory, a.dryDescribe},
		{"StartInstances", forPower, a.dryStart},
		{"StopInstances", forPower, a.dryStop},
	} {
		c := &call{account: account, region: homeRegion(account), op: dry.op, ids: []string{nobody}}
		if p.Checks, err = check(p.Checks, "ec2:"+dry.op, dry.needed, dry.do(ctx, c)); err != nil {
			return p, err
		}
	}
	return p, nil
}

// check records what trying a permission came to. An error that says nothing
// about the permission is returned.
func check(checks []cloud.Check, name, needed string, err error) ([]cloud.Check, error) {
	c := cloud.Check{Permission: name, Needed: needed, OK: true}
	var e *cloud.Error
	switch {
	case err == nil:
	case !errors.As(err, &e):
		return checks, err
	case e.Code == dryRunPassed || e.Reason == cloud.ReasonNotFound:
		// permitted: AWS went on to the next question
	case e.Reason == cloud.ReasonDenied:
		c.OK, c.Reason = false, e.Code
	default:
		return checks, err
	}
	return append(checks, c), nil
}

func (a *Adapter) dryDescribe(ctx context.Context, c *call) error {
	in := &ec2.DescribeInstancesInput{DryRun: aws.Bool(true), InstanceIds: c.ids}
	_, err := invoke(ctx, a, c, a.ec2.DescribeInstances, in, asReader(c))
	return err
}

func (a *Adapter) dryStart(ctx context.Context, c *call) error {
	in := &ec2.StartInstancesInput{DryRun: aws.Bool(true), InstanceIds: c.ids}
	_, err := invoke(ctx, a, c, a.ec2.StartInstances, in, asReader(c))
	return err
}

func (a *Adapter) dryStop(ctx context.Context, c *call) error {
	in := &ec2.StopInstancesInput{DryRun: aws.Bool(true), InstanceIds: c.ids}
	_, err := invoke(ctx, a, c, a.ec2.StopInstances, in, asReader(c))
	return err
}

// regions lists the enabled regions in order. DescribeRegions leaves disabled
// ones out unless asked; the status is looked at all the same, because a call to
// a disabled region fails with AuthFailure, as if the key were wrong.
func (a *Adapter) regions(ctx context.Context, account cloud.Account) ([]string, error) {
	c := &call{account: account, region: homeRegion(account), op: "DescribeRegions"}
	out, err := invoke(ctx, a, c, a.ec2.DescribeRegions, &ec2.DescribeRegionsInput{}, asReader(c))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, r := range out.Regions {
		if aws.ToString(r.OptInStatus) != "not-opted-in" {
			names = append(names, aws.ToString(r.RegionName))
		}
	}
	slices.Sort(names)
	return names, nil
}
