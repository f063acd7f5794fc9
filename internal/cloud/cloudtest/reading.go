package cloudtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/cloud"
)

var readingCases = []testCase{
	{"a probe names who, where and that nothing is missing", probeOfAGoodKey},
	{"a probe names each permission that is missing", probeOfADeniedKey},
	{"a wrong key is told apart from a missing permission", wrongKey},
	{"a listing covers every region once and leaves the gone out", listing},
	{"a listing goes on to the last page", paging},
	{"a filter lets through what matches every part", filtering},
	{"a machine that does not exist is absent from a description", absent},
	{"a description of nothing asks nobody", describeNothing},
}

func probeOfAGoodKey(t *testing.T, h Harness) {
	p, err := h.New(t, nil).Probe(t.Context(), h.Account)
	require.NoError(t, err)
	require.Equal(t, h.Account.ExternalID, p.Identity.ExternalID)
	require.NotEmpty(t, p.Identity.Principal)
	require.Empty(t, p.Missing())
	needs := map[string]int{}
	for _, c := range p.Checks {
		require.NotEmpty(t, c.Permission)
		needs[c.Needed]++
	}
	require.Positive(t, needs["inventory"])
	require.Positive(t, needs["power"])
	if h.deviates(t, ForeignRegions) {
		require.Subset(t, p.Regions, h.Regions)
		require.Greater(t, len(p.Regions), len(h.Regions))
		return
	}
	require.Equal(t, h.Regions, p.Regions)
}

func probeOfADeniedKey(t *testing.T, h Harness) {
	p, err := h.New(t, nil).Probe(t.Context(), h.Denied)
	require.NoError(t, err)
	require.Equal(t, h.Account.ExternalID, p.Identity.ExternalID)
	require.ElementsMatch(t, h.Missing, p.Missing())
	for _, c := range p.Checks {
		require.Equal(t, slices.Contains(h.Missing, c.Permission), !c.OK)
		if c.OK {
			continue
		}
		if h.deviates(t, OtherDeniedCode) {
			require.NotEqual(t, h.DeniedCode, c.Reason)
		} else {
			require.Equal(t, h.DeniedCode, c.Reason)
		}
	}
}

func wrongKey(t *testing.T, h Harness) {
	a := h.New(t, nil)
	_, err := a.Probe(t.Context(), h.Wrong)
	require.NotEmpty(t, requireError(t, err, cloud.ReasonUnauthenticated).Code)

	err = a.ListInstances(t.Context(), h.Wrong, func(cloud.Coverage, []cloud.Instance) error {
		t.Error("a region was reported without a key")
		return nil
	})
	requireError(t, err, cloud.ReasonUnauthenticated)

	ids := h.Make(t, h.Regions[0], Plain, 1)
	_, err = a.SetPower(t.Context(), h.Wrong, h.Regions[0], cloud.PowerOff, ids)
	e := requireError(t, err, cloud.ReasonUnauthenticated)
	require.Equal(t, h.WrongIsSent, e.Sent)
	require.NotEmpty(t, e.Code)
	for _, secret := range []string{h.Wrong.Credential.SecretAccessKey, h.Wrong.Credential.ExternalID} {
		if secret != "" {
			require.NotContains(t, e.Error(), secret)
		}
	}
	requireAll(t, a, h, h.Regions[0], ids, cloud.StateRunning)
}

func listing(t *testing.T, h Harness) {
	want := map[string][]string{}
	for _, region := range h.Regions[:2] {
		want[region] = h.Make(t, region, Plain, 3)
	}
	gone := h.Make(t, h.Regions[0], Terminated, 1)

	covered := map[string][]cloud.Instance{} // unguarded: each must come one at a time
	err := h.New(t, nil).ListInstances(t.Context(), h.Account, func(c cloud.Coverage, found []cloud.Instance) error {
		require.NotContains(t, covered, c.Region, "reported twice")
		requireCovered(t, h, c)
		require.Equal(t, len(found), c.Count)
		covered[c.Region] = found
		return nil
	})
	require.NoError(t, err)
	for _, region := range h.Regions {
		require.Contains(t, covered, region)
		byID := map[string]cloud.Instance{}
		for _, m := range covered[region] {
			require.Equal(t, region, m.Region)
			require.NotEqual(t, cloud.StateGone, m.State)
			require.NotContains(t, byID, m.ProviderID, "listed twice")
			byID[m.ProviderID] = m
		}
		require.NotContains(t, byID, gone[0])
		for _, id := range want[region] {
			require.Contains(t, byID, id)
			m := byID[id]
			require.Equal(t, cloud.StateRunning, m.State)
			require.NotEmpty(t, m.Zone)
			require.NotEmpty(t, m.Type)
			require.WithinRange(t, m.CreatedAt, time.Unix(1, 0), time.Now().Add(time.Hour))
		}
	}
}

// requireCovered asserts that the region was read, unless it is one that could
// not be.
func requireCovered(t *testing.T, h Harness, c cloud.Coverage) {
	t.Helper()
	if !slices.Contains(h.Regions, c.Region) && h.deviates(t, ForeignRegions) {
		require.False(t, c.OK)
		require.NotEmpty(t, c.Reason)
		return
	}
	require.True(t, c.OK, "%+v", c)
}

func paging(t *testing.T, h Harness) {
	region := h.Regions[3]
	ids := h.Make(t, region, Plain, h.PageSize+100)
	var sent counter
	var found []cloud.Instance
	err := h.New(t, sent.wrap).ListInstances(t.Context(), h.Account, func(c cloud.Coverage, in []cloud.Instance) error {
		requireCovered(t, h, c)
		if c.Region == region {
			found = in
		}
		return nil
	})
	require.NoError(t, err)
	listed := make(map[string]bool, len(found))
	for _, m := range found {
		listed[m.ProviderID] = true
	}
	for _, id := range ids {
		require.True(t, listed[id], "%s is missing", id)
	}
	if h.deviates(t, OnePageOnly) {
		return
	}
	// the regions, a page for each of them, and one more
	require.GreaterOrEqual(t, sent.count(), 1+len(h.Regions)+1)
}

// filtering looks for what the harness's own listing has, so that it holds for any
// estate, also one in which other cases make and end machines meanwhile: by each
// machine's name and tags.
func filtering(t *testing.T, h Harness) {
	a := h.New(t, nil)
	find := func(f cloud.Filter, fits func(cloud.Instance) bool) map[string]bool {
		t.Helper()
		got := map[string]bool{}
		f.Regions = h.Regions // a partition may list others
		err := a.FindInstances(t.Context(), h.Account, f, func(c cloud.Coverage, in []cloud.Instance) error {
			require.True(t, c.OK, c)
			for _, i := range in {
				require.True(t, fits(i), "%v found %v", f, i)
				got[i.ProviderID] = true
			}
			return nil
		})
		require.NoError(t, err)
		return got
	}
	list := func() (all []cloud.Instance) {
		require.NoError(t, a.ListInstances(t.Context(), h.Account, func(_ cloud.Coverage, in []cloud.Instance) error {
			all = append(all, in...)
			return nil
		}))
		return all
	}
	stays := func(found map[string]bool, i cloud.Instance, how string) {
		t.Helper()
		if !found[i.ProviderID] {
			require.NotContains(t, find(cloud.Filter{}, func(cloud.Instance) bool { return true }), i.ProviderID, "by its %s it was not found, and it is there", how)
		}
	}
	all := list()
	require.NotEmpty(t, all)
	region := all[0].Region
	err := a.FindInstances(t.Context(), h.Account, cloud.Filter{Regions: []string{region}}, func(c cloud.Coverage, _ []cloud.Instance) error {
		require.Equal(t, region, c.Region)
		return nil
	})
	require.NoError(t, err)
	tried := 0
	for _, i := range all {
		if len(i.Name) > 1 {
			half := i.Name[:len(i.Name)/2+1]
			stays(find(cloud.Filter{NamePrefix: half}, func(o cloud.Instance) bool { return strings.HasPrefix(o.Name, half) }), i, "name")
			tried++
		}
		for k, v := range i.Tags {
			stays(find(cloud.Filter{Tags: []cloud.TagFilter{{Key: k}}}, func(o cloud.Instance) bool { _, ok := o.Tags[k]; return ok }), i, "tag")
			stays(find(cloud.Filter{Tags: []cloud.TagFilter{{Key: k, Values: []string{v, "none has this"}}}}, func(o cloud.Instance) bool { return o.Tags[k] == v }), i, "tag's value")
			tried++
		}
		if tried > 12 {
			break
		}
	}
	require.Equal(t, slices.ContainsFunc(all, func(i cloud.Instance) bool { return len(i.Name) > 1 || len(i.Tags) > 0 }), tried > 0)
	none := func(cloud.Instance) bool { return false }
	for _, wild := range []string{"*", "?", `\`, "a*"} { // each is a character like others
		find(cloud.Filter{NamePrefix: wild}, none)
		find(cloud.Filter{Tags: []cloud.TagFilter{{Key: "Name", Values: []string{wild}}}}, none)
	}
}

func absent(t *testing.T, h Harness) {
	region := h.Regions[1]
	ids := h.Make(t, region, Plain, 450)
	asked := append(slices.Clone(ids[:449]), h.Nonexistent, ids[449], ids[0])
	var got []string
	found, err := h.New(t, nil).DescribeInstances(t.Context(), h.Account, region, asked)
	require.NoError(t, err)
	for _, m := range found {
		got = append(got, m.ProviderID)
	}
	require.ElementsMatch(t, ids, got)

	none, err := h.New(t, nil).DescribeInstances(t.Context(), h.Account, region, []string{h.Nonexistent})
	require.NoError(t, err)
	require.Empty(t, none)
}

func describeNothing(t *testing.T, h Harness) {
	var sent counter
	found, err := h.New(t, sent.wrap).DescribeInstances(t.Context(), h.Account, h.Regions[0], nil)
	require.NoError(t, err)
	require.Empty(t, found, "no ids must never mean all machines")
	require.Zero(t, sent.count(), fmt.Sprint(found))
}
