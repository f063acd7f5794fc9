package sim

// What SmallEstate holds, for tests to name.
const (
	SmallAccount = "111122223333"

	SmallRunning       = "i-0a000000000000001" // api-01, sa-east-1
	SmallRunning2      = "i-0a000000000000002" // api-02, sa-east-1
	SmallStopped       = "i-0a000000000000003" // batch-01, sa-east-1
	SmallProtected     = "i-0a000000000000004" // bd-01, sa-east-1, cloudhub:protected
	SmallGrouped       = "i-0a000000000000005" // web-asg, sa-east-1, Auto Scaling
	SmallSpot          = "i-0a000000000000006" // spot-01, sa-east-1, one-time request
	SmallInstanceStore = "i-0a000000000000007" // cache-01, sa-east-1, ephemeral root
	SmallElsewhere     = "i-0b000000000000001" // api-01, us-east-1
)

// Keys of SmallEstate. The secrets are no secrets: they open a simulation.
var (
	SmallKey = Key{AccessKeyID: "AKIASIMULATEDSMALL22", Secret: "simulated/not-a-secret/small/01/00000000", User: "cloudhub"}
	// SmallReadOnlyKey may look but not switch.
	SmallReadOnlyKey = Key{
		AccessKeyID: "AKIASIMULATEDSMALL33", Secret: "simulated/not-a-secret/small/02/00000000", User: "leitura",
		Denied: []Denial{{Action: "ec2:StartInstances"}, {Action: "ec2:StopInstances"}},
	}
)

// SmallEstate is an account for tests: one machine of each kind that behaves
// differently, in sa-east-1, one in us-east-1, and us-east-2 empty. Changes are
// done at once, except that a group takes thirty seconds to replace a member.
func SmallEstate() Estate {
	here := func(id, name string, in Instance) Instance {
		in.ID, in.Name, in.Region = id, name, "sa-east-1"
		return in
	}
	return Estate{
		Behaviour: Behaviour{Replace: Span{Min: thirtySeconds}},
		Accounts: []Account{{
			ID:      SmallAccount,
			Name:    "small",
			Regions: []string{"sa-east-1", "us-east-1", "us-east-2"},
			Keys:    []Key{SmallKey, SmallReadOnlyKey},
			Instances: []Instance{
				here(SmallRunning, "api-01", Instance{Type: "t3.large", AutoPublicIP: true, Tags: map[string]string{"ambiente": "hml"}}),
				here(SmallRunning2, "api-02", Instance{Type: "t3.large", Zone: "sa-east-1c", Tags: map[string]string{"ambiente": "hml"}}),
				here(SmallStopped, "batch-01", Instance{State: Stopped, StateReason: "User initiated (2026-01-02 22:00:05 GMT)"}),
				here(SmallProtected, "bd-01", Instance{Tags: map[string]string{"cloudhub:protected": "true"}}),
				here(SmallGrouped, "web-asg", Instance{Tags: map[string]string{tagGroup: "web"}}),
				here(SmallSpot, "spot-01", Instance{Spot: true}),
				here(SmallInstanceStore, "cache-01", Instance{InstanceStore: true}),
				{ID: SmallElsewhere, Name: "api-01", Region: "us-east-1"},
			},
		}},
	}
}

const thirtySeconds = Duration(30e9)
