package aws

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"golang.org/x/sync/errgroup"

	"github.com/cloudhub/cloudhub/internal/cloud"
)

const (
	pageSize = 1000 // most that DescribeInstances allows
	// filterValues is the most values that one filter may carry. Ids go into a
	// filter and not into InstanceIds: one id that does not exist would fail
	// the whole call, and what it fails with need not name all of them.
	filterValues = 200
	chunksAtOnce = 4
)

// ListInstances implements cloud.InstanceLister. Regions are read side by side
// and handed to each from the calling goroutine, in the order in which they are
// done. A region of which a page fails counts as not read: half a region would
// make the other half look gone. Machines that are terminated, or on the way
// there, are left out.
//
// It returns the *cloud.Error of listing the regions, the error of each, or a
// *cloud.Error with the context's when that ends first.
func (a *Adapter) ListInstances(ctx context.Context, account cloud.Account, each func(cloud.Coverage, []cloud.Instance) error) error {
	return a.FindInstances(ctx, account, cloud.Filter{}, each)
}

// FindInstances implements cloud.InstanceLister, as ListInstances does. A region
// that the account has not enabled counts as read, with no machine.
func (a *Adapter) FindInstances(ctx context.Context, account cloud.Account, filter cloud.Filter, each func(cloud.Coverage, []cloud.Instance) error) error {
	regions, err := a.regions(ctx, account)
	if err != nil {
		return err
	}
	if len(filter.Regions) > 0 {
		regions = slices.DeleteFunc(slices.Clone(regions), func(r string) bool { return !slices.Contains(filter.Regions, r) })
	}
	filters := filtersOf(filter)
	type reading struct {
		coverage  cloud.Coverage
		instances []cloud.Instance
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	readings := make(chan reading, len(regions)) // never blocks a reader, even when each has failed
	go func() {
		var group errgroup.Group
		group.SetLimit(regionsAtOnce)
		for _, region := range regions {
			group.Go(func() error {
				coverage, instances := a.listRegion(ctx, account, region, filters)
				readings <- reading{coverage, instances}
				return nil
			})
		}
		_ = group.Wait() // the readers report through the channel
	}()
	for range regions {
		r := <-readings
		if err := ctx.Err(); err != nil {
			return &cloud.Error{Reason: cloud.ReasonTransient, Message: "the listing was given up", Sent: true, Err: err}
		}
		if err := each(r.coverage, r.instances); err != nil {
			return err
		}
	}
	return nil
}

// filtersOf are EC2's own filters. In their values * and ? are wildcards, and a
// backslash takes their meaning away.
func filtersOf(f cloud.Filter) []types.Filter {
	literal := strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`)
	var out []types.Filter
	for _, t := range f.Tags {
		if len(t.Values) == 0 {
			out = append(out, types.Filter{Name: aws.String("tag-key"), Values: []string{literal.Replace(t.Key)}})
			continue
		}
		values := make([]string, len(t.Values))
		for i, v := range t.Values {
			values[i] = literal.Replace(v)
		}
		out = append(out, types.Filter{Name: aws.String("tag:" + t.Key), Values: values})
	}
	if f.NamePrefix != "" {
		out = append(out, types.Filter{Name: aws.String("tag:Name"), Values: []string{literal.Replace(f.NamePrefix) + "*"}})
	}
	return out
}

func (a *Adapter) listRegion(ctx context.Context, account cloud.Account, region string, filters []types.Filter) (cloud.Coverage, []cloud.Instance) {
	instances, err := a.describe(ctx, account, region, nil, filters)
	if err != nil {
		c := cloud.Coverage{Region: region, Reason: string(cloud.ReasonOf(err))}
		c.Detail = err.Code
		return c, nil
	}
	return cloud.Coverage{Region: region, OK: true, Count: len(instances)}, instances
}

// DescribeInstances implements cloud.InstanceLister. Machines that do not exist,
// are terminated or on the way there are absent. It returns *cloud.Error.
func (a *Adapter) DescribeInstances(ctx context.Context, account cloud.Account, region string, ids []string) ([]cloud.Instance, error) {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(chunksAtOnce)
	parts := make([][]cloud.Instance, 0, len(ids)/filterValues+1)
	for chunk := range slices.Chunk(ids, filterValues) {
		parts = append(parts, nil)
		part := &parts[len(parts)-1]
		group.Go(func() error {
			found, err := a.describe(ctx, account, region, chunk, nil)
			if err != nil {
				return err
			}
			*part = found
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(parts...), nil
}

// describe reads the machines of a region to the last page: all that the filters
// let through, or those whose ids are given, at most filterValues.
func (a *Adapter) describe(ctx context.Context, account cloud.Account, region string, ids []string, filters []types.Filter) ([]cloud.Instance, *cloud.Error) {
	in := &ec2.DescribeInstancesInput{MaxResults: aws.Int32(pageSize), Filters: filters}
	if ids != nil {
		in.Filters = []types.Filter{{Name: aws.String("instance-id"), Values: ids}}
	}
	var instances []cloud.Instance
	for {
		c := &call{account: account, region: region, op: "DescribeInstances", ids: ids}
		if err := a.signIn(ctx, c); err != nil {
			return nil, err
		}
		out, err := a.ec2.DescribeInstances(withCall(ctx, c), in, asReader(c))
		if err != nil {
			return nil, a.translate(ctx, c, err)
		}
		for _, r := range out.Reservations {
			for i := range r.Instances {
				if m := neutral(region, &r.Instances[i]); m.State != cloud.StateGone {
					instances = append(instances, m)
				}
			}
		}
		if aws.ToString(out.NextToken) == "" {
			return instances, nil
		}
		in.NextToken = out.NextToken
	}
}
