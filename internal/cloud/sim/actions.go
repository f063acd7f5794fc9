package sim

import "strings"

const versionEC2 = "2016-11-15"

// action is one API of EC2.
type action struct {
	run    func(*Sim, *request) (result, *apiError)
	bucket bucket
	// pages says that the unfiltered, unpaged form has a smaller bucket.
	pages bool
	// power says that the action looks at its machines before a dry run ends.
	power bool
}

// ec2Actions is all that is simulated; the rest answers InvalidAction.
var ec2Actions = map[string]action{
	"DescribeRegions":        {run: (*Sim).describeRegions, bucket: bucketRead},
	"DescribeInstances":      {run: (*Sim).describeInstances, bucket: bucketRead, pages: true},
	"DescribeInstanceStatus": {run: (*Sim).describeInstanceStatus, bucket: bucketRead, pages: true},
	"DescribeTags":           {run: (*Sim).describeTags, bucket: bucketRead},
	actionStart:              {run: (*Sim).startInstances, bucket: bucketStart, power: true},
	actionStop:               {run: (*Sim).stopInstances, bucket: bucketStop, power: true},
}

// dispatch runs an authenticated call: the request's bucket first, then the
// permission, then the action. Permission comes before existence, so that a
// dry run with any id tells what the key may do.
func (s *Sim) dispatch(q *request) (result, *apiError) {
	if q.action == "" {
		return result{}, badRequest("MissingAction", "The request must contain the parameter Action")
	}
	if q.service == serviceSTS {
		return s.dispatchSTS(q)
	}
	a, ok := ec2Actions[q.action]
	if !ok {
		return result{}, badRequest("InvalidAction", "The action %s is not valid for this web service.", clip(q.action))
	}
	if v := q.form.Get("Version"); v != versionEC2 {
		return result{}, badRequest("NoSuchVersion", "The requested version (%s) of service EC2 does not exist", clip(v))
	}
	if v := q.form.Get("DryRun"); v != "" && v != "true" && v != "false" {
		return result{}, invalidValue(clip(v), "DryRun")
	}
	b, name := a.bucket, q.action
	if a.pages && q.unfiltered() {
		b, name = bucketUnfiltered, name+":all"
	}
	if !s.throttle.take(q.place(), name, b, 1, q.now) {
		return result{}, errThrottled()
	}
	if permission := "ec2:" + q.action; q.who.denies(permission, q.region) {
		resource := ""
		if a.power && len(q.ids) > 0 {
			resource = q.arnOf(clip(q.ids[0]))
		}
		return result{}, errUnauthorized(q.who, permission, resource)
	}
	if q.dryRun && !a.power {
		return result{}, errDryRun()
	}
	return a.run(s, q)
}

// unfiltered says whether a Describe asks for everything at once.
func (q *request) unfiltered() bool {
	for key := range q.form {
		if strings.HasPrefix(key, "Filter.") {
			return false
		}
	}
	return len(q.ids) == 0 && !q.form.Has("MaxResults")
}

// dispatchSTS knows two actions, of which no policy can deny GetCallerIdentity.
func (s *Sim) dispatchSTS(q *request) (result, *apiError) {
	switch version := q.form.Get("Version"); {
	case version == versionSTS && q.action == actionAssume:
		return s.assumeRole(q)
	case version == versionSTS && q.action == actionIdentity:
		return result{body: &identityDocument{ARN: q.who.arn(), UserID: q.who.id(), Account: q.who.account.ID}}, nil
	default:
		return result{}, badRequest("InvalidAction", "Could not find operation %s for version %s", clip(q.action), clip(version))
	}
}
