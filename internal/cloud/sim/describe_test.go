package sim_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/cloud/sim"
)

func fleet(n int) func(*sim.Options) {
	return func(o *sim.Options) {
		o.Estate.Accounts[0].Instances = sim.Many(n, sim.Instance{Name: "m", Region: region})
	}
}

// A reader of all pages sees every machine once, also when the state of some
// changes between two pages.
func TestPaging(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet(23))
	all := ids(b.call("DescribeInstances").Instances)
	require.Len(t, all, 23)

	var read []string
	var sizes []int
	token := ""
	for {
		params := []string{"MaxResults=10"}
		if token != "" {
			params = append(params, "NextToken="+token)
		}
		r := b.call("DescribeInstances", params...)
		require.Equal(t, http.StatusOK, r.Status, r.Message)
		read, sizes = append(read, ids(r.Instances)...), append(sizes, len(r.Instances))
		b.call("StopInstances", "InstanceId.1="+read[0])
		if token = r.NextToken; token == "" {
			break
		}
	}
	require.Equal(t, []int{10, 10, 3}, sizes)
	require.Equal(t, all, read)
}

// A page that is full with the last machine has no successor.
func TestPagingEndsExactly(t *testing.T) {
	t.Parallel()
	r := setup(t, fleet(10)).call("DescribeInstances", "MaxResults=10")
	require.Len(t, r.Instances, 10)
	require.Empty(t, r.NextToken)
}

func TestPagingRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet(12))
	token := b.call("DescribeInstances", "MaxResults=5").NextToken
	for name, tc := range map[string]struct {
		params []string
		code   string
	}{
		"with ids":             {[]string{"MaxResults=5", "InstanceId.1=" + sim.SmallRunning}, "InvalidParameterCombination"},
		"too small":            {[]string{"MaxResults=4"}, "InvalidParameterValue"},
		"too large":            {[]string{"MaxResults=1001"}, "InvalidParameterValue"},
		"no number":            {[]string{"MaxResults=many"}, "InvalidParameterValue"},
		"invented token":       {[]string{"MaxResults=5", "NextToken=abc"}, "InvalidParameterValue"},
		"no base64":            {[]string{"MaxResults=5", "NextToken=%"}, "InvalidParameterValue"},
		"token of other query": {[]string{"MaxResults=5", "NextToken=" + token, "Filter.1.Name=tag-key", "Filter.1.Value.1=Name"}, "InvalidParameterValue"},
	} {
		r := b.call("DescribeInstances", tc.params...)
		require.Equal(t, http.StatusBadRequest, r.Status, name)
		require.Equal(t, tc.code, r.Code, name)
	}
	other := *b
	other.region = "us-east-1"
	require.Equal(t, "InvalidParameterValue", other.call("DescribeInstances", "MaxResults=5", "NextToken="+token).Code)
}

func TestFilters(t *testing.T) {
	t.Parallel()
	b := setup(t)
	everything := ids(b.call("DescribeInstances").Instances)
	without := func(out ...string) []string {
		return slices.DeleteFunc(slices.Clone(everything), func(id string) bool { return slices.Contains(out, id) })
	}
	for name, tc := range map[string]struct {
		filters string
		want    []string
	}{
		"state":           {"instance-state-name=stopped", []string{sim.SmallStopped}},
		"two states":      {"instance-state-name=stopped,running", everything},
		"tag":             {"tag:ambiente=hml", []string{sim.SmallRunning, sim.SmallRunning2}},
		"tag, wildcard":   {"tag:Name=api-0?", []string{sim.SmallRunning, sim.SmallRunning2}},
		"tag and zone":    {"tag:ambiente=hml availability-zone=sa-east-1c", []string{sim.SmallRunning2}},
		"tag key":         {"tag-key=cloudhub:*", []string{sim.SmallProtected}},
		"tag value":       {"tag-value=web", []string{sim.SmallGrouped}},
		"type":            {"instance-type=t3.large", []string{sim.SmallRunning, sim.SmallRunning2}},
		"lifecycle":       {"instance-lifecycle=spot", []string{sim.SmallSpot}},
		"root device":     {"root-device-type=ebs", without(sim.SmallInstanceStore)},
		"id, unknown one": {"instance-id=" + sim.SmallRunning + "," + unknownID, []string{sim.SmallRunning}},
		"none":            {"tag:ambiente=prd", nil},
	} {
		var params []string
		for i, f := range strings.Fields(tc.filters) {
			name, values, _ := strings.Cut(f, "=")
			prefix := "Filter." + string(rune('1'+i))
			params = append(params, prefix+".Name="+name)
			for j, v := range strings.Split(values, ",") {
				params = append(params, prefix+".Value."+string(rune('1'+j))+"="+v)
			}
		}
		r := b.call("DescribeInstances", params...)
		require.Equal(t, http.StatusOK, r.Status, "%s: %s", name, r.Message)
		require.ElementsMatch(t, tc.want, ids(r.Instances), name)
	}
	require.Equal(t, "InvalidParameterValue", b.call("DescribeInstances", "Filter.1.Name=colour", "Filter.1.Value.1=red").Code)
	require.Equal(t, "InvalidParameterValue", b.call("DescribeInstances", "Filter.1.Name=tag-key").Code)
}

// Each plain filter finds a machine by what the machine says of itself.
func TestEveryFilter(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m, ok := b.sim.Machine(sim.SmallRunning)
	require.True(t, ok)
	for name, value := range map[string]string{
		"instance-id": m.ID, "instance-state-name": "running", "instance-state-code": "16", "instance-type": m.Type,
		"availability-zone": m.Zone, "vpc-id": m.VPC, "subnet-id": m.Subnet, "image-id": m.Image, "architecture": "x86_64",
		"private-ip-address": m.PrivateIP, "ip-address": m.PublicIP, "root-device-type": "ebs", "owner-id": sim.SmallAccount,
	} {
		require.NotEmpty(t, value, name)
		r := b.call("DescribeInstances", "Filter.1.Name="+name, "Filter.1.Value.1="+value)
		require.Contains(t, ids(r.Instances), m.ID, name)
		require.Empty(t, b.call("DescribeInstances", "Filter.1.Name="+name, "Filter.1.Value.1=none").Instances, name)
	}
}

// The caller of an id list hears of every id that is unknown, not only one.
func TestDescribeByID(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.call("DescribeInstances", "InstanceId.1="+sim.SmallSpot, "InstanceId.2="+sim.SmallInstanceStore)
	require.Equal(t, []string{sim.SmallSpot, sim.SmallInstanceStore}, ids(r.Instances))
	require.Equal(t, "spot", r.Instances[0].Lifecycle)
	require.Equal(t, "instance-store", r.Instances[1].RootDeviceType)

	r = b.call("DescribeInstances", "InstanceId.1="+unknownID, "InstanceId.2="+sim.SmallSpot, "InstanceId.3="+unknownID2)
	require.Equal(t, "InvalidInstanceID.NotFound", r.Code)
	require.Equal(t, "The instance IDs '"+unknownID+", "+unknownID2+"' do not exist", r.Message)
}

func TestRegions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	names := func(r reply) (out []string) {
		for _, x := range r.Regions {
			out = append(out, x.Name)
		}
		return out
	}
	require.Equal(t, []string{"sa-east-1", "us-east-1", "us-east-2"}, names(b.call("DescribeRegions")))
	all := b.call("DescribeRegions", "AllRegions=true")
	require.Greater(t, len(all.Regions), 20)
	for _, x := range all.Regions {
		if x.Name == "af-south-1" {
			require.Equal(t, "not-opted-in", x.Status)
		}
	}
	require.Equal(t, []string{"sa-east-1"}, names(b.call("DescribeRegions", "RegionName.1=sa-east-1")))
	require.Len(t, b.call("DescribeRegions", "Filter.1.Name=opt-in-status", "Filter.1.Value.1=opt-in-not-required").Regions, 3)
	require.Equal(t, "InvalidParameterValue", b.call("DescribeRegions", "RegionName.1=br-sul-1").Code)

	// A region that is not enabled does not know the key.
	b.region = "af-south-1"
	require.Equal(t, "AuthFailure", b.call("DescribeInstances").Code)
}

func TestStatusAndTags(t *testing.T) {
	t.Parallel()
	b := setup(t)
	running := b.call("DescribeInstanceStatus")
	require.Len(t, running.Statuses, 6)
	require.Equal(t, "ok", running.Statuses[0].System)
	require.Len(t, b.call("DescribeInstanceStatus", "IncludeAllInstances=true").Statuses, 7)

	tags := b.call("DescribeTags", "Filter.1.Name=resource-id", "Filter.1.Value.1="+sim.SmallProtected)
	require.Len(t, tags.Tags, 2)
	require.Equal(t, "Name", tags.Tags[0].Key)
}

func TestUnknownRequests(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.call("TerminateInstances", "InstanceId.1="+sim.SmallRunning)
	require.Equal(t, http.StatusBadRequest, r.Status)
	require.Equal(t, "InvalidAction", r.Code)
	require.Equal(t, "MissingAction", b.send(b.sign(b.url, "ec2", "Version=2016-11-15")).Code)
	require.Equal(t, "NoSuchVersion", b.send(b.sign(b.url, "ec2", "Action=DescribeRegions&Version=1999-01-01")).Code)
	require.Equal(t, "MalformedQueryString", b.send(b.sign(b.url, "ec2", "Action=%zz")).Code)
	require.Equal(t, "InvalidParameterValue", b.call("DescribeInstances", "DryRun=perhaps").Code)
	big := b.send(b.sign(b.url, "ec2", strings.Repeat("a", 1<<20+1)))
	require.Equal(t, http.StatusRequestEntityTooLarge, big.Status)
}
