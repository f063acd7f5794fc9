package sim

import (
	"encoding/xml"
	"maps"
	"slices"
	"strings"
	"time"
)

// document is the body of a successful answer.
type document interface{ setRequestID(id string) }

// head is the first element of every EC2 answer.
type head struct {
	RequestID string `xml:"requestId"`
}

func (h *head) setRequestID(id string) { h.RequestID = id }

// The root elements name the namespace of the API version, as EC2's do.
type (
	regionsDocument struct {
		XMLName xml.Name `xml:"http://ec2.amazonaws.com/doc/2016-11-15/ DescribeRegionsResponse"`
		head
		Regions []regionItem `xml:"regionInfo>item"`
	}
	instancesDocument struct {
		XMLName xml.Name `xml:"http://ec2.amazonaws.com/doc/2016-11-15/ DescribeInstancesResponse"`
		head
		Reservations []reservationItem `xml:"reservationSet>item"`
		NextToken    string            `xml:"nextToken,omitempty"`
	}
	statusDocument struct {
		XMLName xml.Name `xml:"http://ec2.amazonaws.com/doc/2016-11-15/ DescribeInstanceStatusResponse"`
		head
		Statuses  []statusItem `xml:"instanceStatusSet>item"`
		NextToken string       `xml:"nextToken,omitempty"`
	}
	tagsDocument struct {
		XMLName xml.Name `xml:"http://ec2.amazonaws.com/doc/2016-11-15/ DescribeTagsResponse"`
		head
		Tags      []resourceTagItem `xml:"tagSet>item"`
		NextToken string            `xml:"nextToken,omitempty"`
	}
	startDocument struct {
		XMLName xml.Name `xml:"http://ec2.amazonaws.com/doc/2016-11-15/ StartInstancesResponse"`
		head
		Changes []changeItem `xml:"instancesSet>item"`
	}
	stopDocument struct {
		XMLName xml.Name `xml:"http://ec2.amazonaws.com/doc/2016-11-15/ StopInstancesResponse"`
		head
		Changes []changeItem `xml:"instancesSet>item"`
	}
	identityDocument struct {
		XMLName   xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ GetCallerIdentityResponse"`
		ARN       string   `xml:"GetCallerIdentityResult>Arn"`
		UserID    string   `xml:"GetCallerIdentityResult>UserId"`
		Account   string   `xml:"GetCallerIdentityResult>Account"`
		RequestID string   `xml:"ResponseMetadata>RequestId"`
	}
)

func (d *identityDocument) setRequestID(id string) { d.RequestID = id }

// The two forms of error.
type (
	ec2ErrorDocument struct {
		XMLName   xml.Name `xml:"Response"`
		Code      string   `xml:"Errors>Error>Code"`
		Message   string   `xml:"Errors>Error>Message"`
		RequestID string   `xml:"RequestID"`
	}
	stsErrorDocument struct {
		XMLName   xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ ErrorResponse"`
		Type      string   `xml:"Error>Type"`
		Code      string   `xml:"Error>Code"`
		Message   string   `xml:"Error>Message"`
		RequestID string   `xml:"RequestId"`
	}
)

type regionItem struct {
	Name        string `xml:"regionName"`
	Endpoint    string `xml:"regionEndpoint"`
	OptInStatus string `xml:"optInStatus"`
}

type stateItem struct {
	Code int    `xml:"code"`
	Name string `xml:"name"`
}

func (s State) item() stateItem { return stateItem{s.code(), string(s)} }

type changeItem struct {
	ID       string    `xml:"instanceId"`
	Current  stateItem `xml:"currentState"`
	Previous stateItem `xml:"previousState"`
}

type tagItem struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

type resourceTagItem struct {
	ResourceID   string `xml:"resourceId"`
	ResourceType string `xml:"resourceType"`
	tagItem
}

type reasonItem struct {
	Code    string `xml:"code"`
	Message string `xml:"message"`
}

type reservationItem struct {
	ID        string         `xml:"reservationId"`
	Owner     string         `xml:"ownerId"`
	Instances []instanceItem `xml:"instancesSet>item"`
}

// instanceItem has the elements in EC2's order; what the simulator has no
// notion of (network interfaces, volumes, metadata options) is absent.
type instanceItem struct {
	ID                 string      `xml:"instanceId"`
	Image              string      `xml:"imageId"`
	State              stateItem   `xml:"instanceState"`
	PrivateDNS         string      `xml:"privateDnsName"`
	DNS                string      `xml:"dnsName"`
	Reason             string      `xml:"reason"`
	KeyName            string      `xml:"keyName,omitempty"`
	LaunchIndex        int         `xml:"amiLaunchIndex"`
	Type               string      `xml:"instanceType"`
	Launched           string      `xml:"launchTime"`
	Zone               string      `xml:"placement>availabilityZone"`
	Tenancy            string      `xml:"placement>tenancy"`
	Platform           string      `xml:"platform,omitempty"`
	Monitoring         string      `xml:"monitoring>state"`
	Subnet             string      `xml:"subnetId,omitempty"`
	VPC                string      `xml:"vpcId,omitempty"`
	PrivateIP          string      `xml:"privateIpAddress,omitempty"`
	PublicIP           string      `xml:"ipAddress,omitempty"`
	StateReason        *reasonItem `xml:"stateReason"`
	Architecture       string      `xml:"architecture"`
	RootDeviceType     string      `xml:"rootDeviceType"`
	RootDeviceName     string      `xml:"rootDeviceName,omitempty"`
	VirtualizationType string      `xml:"virtualizationType"`
	Lifecycle          string      `xml:"instanceLifecycle,omitempty"`
	SpotRequest        string      `xml:"spotInstanceRequestId,omitempty"`
	Tags               []tagItem   `xml:"tagSet>item"`
	Hypervisor         string      `xml:"hypervisor"`
}

// item renders a machine as it is in one of its phases.
func (m *machine) item(p phase) instanceItem {
	it := instanceItem{
		ID: m.ID, Image: m.Image, State: p.State.item(), Reason: p.Reason, KeyName: m.KeyName,
		Type: m.Type, Launched: p.Launched.UTC().Format("2006-01-02T15:04:05.000Z"),
		Zone: m.Zone, Tenancy: "default", Platform: m.Platform, Monitoring: "disabled",
		Architecture: m.Architecture, RootDeviceType: m.rootDevice(), VirtualizationType: "hvm",
		Lifecycle: m.lifecycle(), Tags: tagItems(m.Tags), Hypervisor: "xen",
	}
	if m.Spot {
		it.SpotRequest = "sir-" + m.ID[len(m.ID)-8:]
	}
	if !m.InstanceStore {
		it.RootDeviceName = "/dev/xvda"
	}
	if p.ReasonCode != "" {
		it.StateReason = &reasonItem{p.ReasonCode, p.ReasonMessage}
	}
	if p.State == Terminated || p.State == ShuttingDown {
		return it // a machine on its way out has no network any more
	}
	it.Subnet, it.VPC, it.PrivateIP, it.PublicIP = m.Subnet, m.VPC, m.PrivateIP, p.PublicIP
	dashed := strings.NewReplacer(".", "-")
	it.PrivateDNS = "ip-" + dashed.Replace(m.PrivateIP) + "." + m.Region + ".compute.internal"
	if p.PublicIP != "" {
		it.DNS = "ec2-" + dashed.Replace(p.PublicIP) + "." + m.Region + ".compute.amazonaws.com"
	}
	return it
}

func (m *machine) rootDevice() string {
	if m.InstanceStore {
		return "instance-store"
	}
	return "ebs"
}

func (m *machine) lifecycle() string {
	if m.Spot {
		return "spot"
	}
	return ""
}

// tagItems is in the order of the keys, so that answers compare.
func tagItems(tags map[string]string) []tagItem {
	var out []tagItem
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, tagItem{k, tags[k]})
	}
	return out
}

type statusItem struct {
	ID       string       `xml:"instanceId"`
	Zone     string       `xml:"availabilityZone"`
	State    stateItem    `xml:"instanceState"`
	System   statusDetail `xml:"systemStatus"`
	Instance statusDetail `xml:"instanceStatus"`
}

type statusDetail struct {
	Status  string        `xml:"status"`
	Details []statusCheck `xml:"details>item"`
}

type statusCheck struct {
	Name   string `xml:"name"`
	Status string `xml:"status"`
}

// initializing is how long the status checks of a started machine take.
const initializing = 2 * time.Minute

func (m *machine) statusItem(p phase, now time.Time) statusItem {
	status, check := "not-applicable", ""
	if p.State == Running {
		status, check = "ok", "passed"
		if now.Sub(p.At) < initializing {
			status, check = "initializing", "initializing"
		}
	}
	detail := statusDetail{Status: status}
	if check != "" {
		detail.Details = []statusCheck{{"reachability", check}}
	}
	return statusItem{m.ID, m.Zone, p.State.item(), detail, detail}
}
