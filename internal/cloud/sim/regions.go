package sim

// region is one AWS region. Those that need no opt-in are enabled in every
// account and cannot be switched off.
type region struct {
	name  string
	optIn bool
}

// regions are AWS's commercial ones (not all opt-in ones: enough that clients
// meet some that are not enabled).
var regions = []region{
	{"ap-northeast-1", false}, {"ap-northeast-2", false}, {"ap-northeast-3", false},
	{"ap-south-1", false}, {"ap-southeast-1", false}, {"ap-southeast-2", false},
	{"ca-central-1", false}, {"eu-central-1", false}, {"eu-north-1", false},
	{"eu-west-1", false}, {"eu-west-2", false}, {"eu-west-3", false},
	{"sa-east-1", false},
	{"us-east-1", false}, {"us-east-2", false}, {"us-west-1", false}, {"us-west-2", false},
	{"af-south-1", true}, {"ap-east-1", true}, {"ca-west-1", true},
	{"eu-south-1", true}, {"il-central-1", true}, {"me-south-1", true}, {"mx-central-1", true},
}

func defaultRegions() []string {
	var out []string
	for _, r := range regions {
		if !r.optIn {
			out = append(out, r.name)
		}
	}
	return out
}
