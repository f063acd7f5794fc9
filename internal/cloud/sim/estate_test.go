package sim_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/cloud/sim"
)

// The demo is the estate that its description promises, and the same each time.
func TestDemoEstate(t *testing.T) {
	t.Parallel()
	e := sim.DemoEstate(epoch)
	require.Equal(t, e, sim.DemoEstate(epoch))
	s, err := sim.New(sim.Options{Estate: e, Clock: func() time.Time { return epoch }})
	require.NoError(t, err)
	defer s.Close()

	require.Len(t, e.Accounts, 5)
	require.Equal(t, sim.DemoOperator, e.Accounts[4].ID)
	require.Empty(t, e.Accounts[4].Instances)
	for _, a := range e.Accounts {
		require.Regexp(t, regexp.MustCompile(`^AKIASIMULATED[A-Z2-7]{7}$`), a.Keys[0].AccessKeyID)
		require.Regexp(t, regexp.MustCompile(`^simulado/nao-e-segredo/.{17}$`), a.Keys[0].Secret)
	}
	machines := s.Machines("", "")
	require.Len(t, machines, 160)
	count := map[string]int{}
	for _, m := range machines {
		count[m.Region]++
		count[string(m.State)]++
		require.True(t, m.Launched.Before(epoch), m.Name)
		require.NotEmpty(t, m.Name)
		if m.Tags["aws:autoscaling:groupName"] != "" {
			count["grouped"]++
		}
		if m.Tags["cloudhub:protected"] == "true" {
			count["protected"]++
		}
		if m.Spot {
			count["spot"]++
		}
		if m.InstanceStore {
			count["instance-store"]++
		}
		if m.Tags["time"] == "" {
			count["untagged"]++
		}
	}
	require.Equal(t, map[string]int{
		"sa-east-1": 112, "us-east-1": 32, "us-east-2": 16, "running": 135, "stopped": 25,
		"grouped": 6, "protected": 22, "spot": 3, "instance-store": 1, "untagged": 9,
	}, count)
}

func TestDemoDenial(t *testing.T) {
	t.Parallel()
	e := sim.DemoEstate(epoch)
	b := setup(t, func(o *sim.Options) { o.Estate = e })
	b.key = e.Accounts[3].Keys[0]
	_, here, ok := e.Find("ipe-lojas-pdv-campinas-01")
	require.True(t, ok)
	require.Equal(t, "DryRunOperation", b.call("StopInstances", "DryRun=true", "InstanceId.1="+here.ID).Code)
	account, there, ok := e.Find("ipe-lojas-copia-01")
	require.True(t, ok)
	require.Equal(t, e.Accounts[3].ID, account)
	b.region = "us-east-2"
	require.Equal(t, "UnauthorizedOperation", b.call("StopInstances", "InstanceId.1="+there.ID).Code)
	require.Equal(t, "running", b.state(there.ID))
}

// An estate written as JSON and loaded again is the same world.
func TestEstateFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "estate.json")
	want := sim.DemoEstate(epoch)
	text, err := json.Marshal(want)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, text, 0o600))
	got, err := sim.LoadEstate(file)
	require.NoError(t, err)
	require.Equal(t, want, got)

	require.NoError(t, os.WriteFile(file, []byte(`{"acounts":[]}`), 0o600))
	_, err = sim.LoadEstate(file)
	require.ErrorContains(t, err, "acounts")
	_, err = sim.LoadEstate(file + "x")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestWrongEstates(t *testing.T) {
	t.Parallel()
	key := sim.SmallKey
	with := func(a sim.Account) sim.Estate { return sim.Estate{Accounts: []sim.Account{a}} }
	for name, e := range map[string]sim.Estate{
		"empty":              {},
		"account id":         with(sim.Account{ID: "12"}),
		"key without secret": with(sim.Account{ID: sim.SmallAccount, Keys: []sim.Key{{AccessKeyID: key.AccessKeyID}}}),
		"key twice":          with(sim.Account{ID: sim.SmallAccount, Keys: []sim.Key{key, key}}),
		"no region":          with(sim.Account{ID: sim.SmallAccount, Instances: []sim.Instance{{}}}),
		"region not enabled": with(sim.Account{ID: sim.SmallAccount, Instances: []sim.Instance{{Region: "mx-central-1"}}}),
		"state":              with(sim.Account{ID: sim.SmallAccount, Instances: []sim.Instance{{Region: region, State: "asleep"}}}),
		"machine id":         with(sim.Account{ID: sim.SmallAccount, Instances: []sim.Instance{{Region: region, ID: "vm-1"}}}),
		"machine twice": with(sim.Account{ID: sim.SmallAccount, Instances: []sim.Instance{
			{Region: region, ID: sim.SmallSpot}, {Region: region, ID: sim.SmallSpot},
		}}),
	} {
		_, err := sim.New(sim.Options{Estate: e})
		require.Error(t, err, name)
	}
	_, err := sim.New(sim.Options{Estate: sim.SmallEstate(), TimeScale: -1})
	require.Error(t, err)
}
