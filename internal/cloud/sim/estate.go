package sim

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"time"
)

// Estate is everything the simulated provider holds, before anybody called. It
// is plain data: write it as a literal in a test or load it from JSON. What is
// left out gets a sensible default in New (see Instance).
type Estate struct {
	// Seed makes delays, new ids and addresses repeatable.
	Seed      uint64    `json:"seed,omitempty"`
	Behaviour Behaviour `json:"behaviour,omitzero"`
	Accounts  []Account `json:"accounts"`
}

// Behaviour is how the provider answers. The zero value suits tests: changes
// are done at once, answers come without delay, nothing is throttled.
type Behaviour struct {
	// Start and Stop are how long pending and stopping last.
	Start Span `json:"start,omitzero"`
	Stop  Span `json:"stop,omitzero"`
	// Replace is how long an Auto Scaling group takes to notice that a member
	// is stopped, and to terminate and replace it.
	Replace Span `json:"replace,omitzero"`
	// Latency is how long an answer takes. Options.TimeScale leaves it alone.
	Latency Span `json:"latency,omitzero"`
	// Throttle scales the provider's token buckets, burst and refill alike: 1
	// is AWS's figures, 0 switches throttling off.
	Throttle float64 `json:"throttle,omitempty"`
}

// Span is a range from which a duration is drawn, evenly. Max below Min counts
// as Min, so that a fixed duration needs only Min.
type Span struct {
	Min Duration `json:"min,omitzero"`
	Max Duration `json:"max,omitzero"`
}

// Duration is a time.Duration written as "1m30s" in JSON.
type Duration time.Duration

// MarshalText writes the duration as time.Duration prints it.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration reads; negative is an error.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return err
	}
	if v < 0 {
		return fmt.Errorf("duration %s is negative", v)
	}
	*d = Duration(v)
	return nil
}

// Account is one AWS account.
type Account struct {
	ID   string `json:"id"` // twelve digits
	Name string `json:"name,omitempty"`
	// Regions are the enabled ones; nil means the seventeen that AWS enables
	// by default. A call to any other answers AuthFailure, as AWS does.
	Regions   []string   `json:"regions,omitempty"`
	Keys      []Key      `json:"keys"`
	Roles     []Role     `json:"roles,omitempty"`
	Instances []Instance `json:"instances,omitempty"`
}

// Key is an access key of an IAM user. Without Denied it may do everything.
type Key struct {
	AccessKeyID string `json:"access_key_id"`
	Secret      string `json:"secret_access_key"`
	// User is the IAM user's name; empty means "cloudhub".
	User   string   `json:"user,omitempty"`
	Denied []Denial `json:"denied,omitempty"`
}

// ARN of the key's user in its account.
func (k Key) ARN(account string) string {
	return fmt.Sprintf("arn:aws:iam::%s:user/%s", account, cmp.Or(k.User, "cloudhub"))
}

// String hides the secret from every %v and log line: tests log whole estates.
func (k Key) String() string { return "key " + k.AccessKeyID }

// GoString hides the secret from %#v.
func (k Key) GoString() string { return k.String() }

// Denial takes one permission away.
type Denial struct {
	// Action is an IAM action, with wildcards: "ec2:StopInstances", "ec2:*".
	Action string `json:"action"`
	// Region is where; empty is everywhere.
	Region string `json:"region,omitempty"`
}

func (k *Key) denies(action, region string) bool {
	return slices.ContainsFunc(k.Denied, func(d Denial) bool {
		ok, err := path.Match(d.Action, action)
		return err == nil && ok && (d.Region == "" || d.Region == region)
	})
}

// Instance is one machine as the estate begins. Only Region is required; the
// rest defaults to a running, EBS-backed t3.micro launched a day ago.
type Instance struct {
	// ID is derived from account, region and name when empty.
	ID string `json:"id,omitempty"`
	// Name is written as the tag Name.
	Name   string            `json:"name,omitempty"`
	Region string            `json:"region"`
	Zone   string            `json:"zone,omitempty"` // default: the region's "a"
	Type   string            `json:"type,omitempty"`
	State  State             `json:"state,omitempty"`
	Tags   map[string]string `json:"tags,omitempty"`

	Launched time.Time `json:"launched,omitzero"`
	// StateReason is the transition reason of a stopped machine, such as
	// "User initiated (2026-01-02 22:00:05 GMT)".
	StateReason string `json:"state_reason,omitempty"`

	PrivateIP string `json:"private_ip,omitempty"`
	// PublicIP stays with the machine (an elastic address), unless AutoPublicIP
	// says that it gets another at each start and none while it is stopped.
	PublicIP     string `json:"public_ip,omitempty"`
	AutoPublicIP bool   `json:"auto_public_ip,omitempty"`
	VPC          string `json:"vpc,omitempty"`
	Subnet       string `json:"subnet,omitempty"`
	Image        string `json:"image,omitempty"`
	KeyName      string `json:"key_name,omitempty"`
	Platform     string `json:"platform,omitempty"` // "windows" or empty
	Architecture string `json:"architecture,omitempty"`

	// InstanceStore says that the root device is ephemeral: cannot be stopped.
	InstanceStore bool `json:"instance_store,omitempty"`
	// Spot machines cannot be stopped unless their request is persistent.
	Spot           bool `json:"spot,omitempty"`
	SpotPersistent bool `json:"spot_persistent,omitempty"`
}

// tagGroup is the tag by which an Auto Scaling group marks its members.
const tagGroup = "aws:autoscaling:groupName"

// Many returns n copies of one machine, named name-0001 and so on: what a test
// of paging or of large batches needs.
func Many(n int, like Instance) []Instance {
	out := make([]Instance, n)
	for i := range out {
		out[i] = like
		out[i].Name = fmt.Sprintf("%s-%04d", like.Name, i+1)
		out[i].Tags = maps.Clone(like.Tags)
	}
	return out
}

// LoadEstate reads an estate from a JSON file. Unknown fields are an error, so
// that a misspelt one is not a silent default.
func LoadEstate(file string) (Estate, error) {
	f, err := os.Open(file)
	if err != nil {
		return Estate{}, err
	}
	defer f.Close()
	e, err := decodeEstate(f)
	if err != nil {
		return Estate{}, fmt.Errorf("estate %s: %w", file, err)
	}
	return e, nil
}

func decodeEstate(r io.Reader) (Estate, error) {
	var e Estate
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&e); err != nil {
		return Estate{}, err
	}
	return e, nil
}

// Find returns the first machine with that name, as the estate begins but with
// its defaults (so with its id; a default launch time is known only in a Sim),
// and the account that has it.
func (e Estate) Find(name string) (account string, in Instance, ok bool) {
	for _, a := range e.Accounts {
		for i, in := range a.Instances {
			if in.Name == name || in.Tags["Name"] == name {
				in.fill(a.ID, i, time.Time{})
				return a.ID, in, true
			}
		}
	}
	return "", Instance{}, false
}

var (
	accountID    = regexp.MustCompile(`^[0-9]{12}$`)
	instanceID   = regexp.MustCompile(`^i-([0-9a-f]{8}|[0-9a-f]{17})$`)
	regionName   = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
	accessKeyID  = regexp.MustCompile(`^[A-Z0-9]{16,128}$`)
	errNoAccount = errors.New("the estate has no account")
)

// completed returns a deep enough copy with every default filled in, or what
// is wrong with the estate.
func (e Estate) completed(now time.Time) (Estate, error) {
	if len(e.Accounts) == 0 {
		return Estate{}, errNoAccount
	}
	if e.Seed == 0 {
		e.Seed = 1
	}
	e.Accounts = slices.Clone(e.Accounts)
	ids, keys := map[string]bool{}, map[string]bool{}
	for i := range e.Accounts {
		a := &e.Accounts[i]
		if !accountID.MatchString(a.ID) || ids[a.ID] {
			return Estate{}, fmt.Errorf("account %q is not twelve digits, or there twice", a.ID)
		}
		ids[a.ID] = true
		if a.Regions == nil {
			a.Regions = defaultRegions()
		}
		for _, k := range a.Keys {
			if !accessKeyID.MatchString(k.AccessKeyID) || k.Secret == "" || keys[k.AccessKeyID] {
				return Estate{}, fmt.Errorf("account %s: access key %q is malformed, without secret, or there twice", a.ID, k.AccessKeyID)
			}
			keys[k.AccessKeyID] = true
		}
		a.Roles = slices.Clone(a.Roles)
		for j := range a.Roles {
			if err := a.Roles[j].read(); err != nil {
				return Estate{}, fmt.Errorf("account %s: %w", a.ID, err)
			}
		}
		a.Instances = slices.Clone(a.Instances)
		for j := range a.Instances {
			in := &a.Instances[j]
			in.fill(a.ID, j, now)
			if err := in.check(a); err != nil {
				return Estate{}, fmt.Errorf("account %s, instance %q: %w", a.ID, in.Name, err)
			}
			if ids[in.ID] {
				return Estate{}, fmt.Errorf("account %s: instance %s is there twice", a.ID, in.ID)
			}
			ids[in.ID] = true
		}
	}
	return e, nil
}

func (in *Instance) check(a *Account) error {
	switch {
	case !instanceID.MatchString(in.ID):
		return fmt.Errorf("malformed id %q", in.ID)
	case !regionName.MatchString(in.Region) || !slices.Contains(a.Regions, in.Region):
		return fmt.Errorf("region %q is not enabled", in.Region)
	case in.State.code() < 0:
		return fmt.Errorf("unknown state %q", in.State)
	}
	return nil
}

// fill derives what was left out. Everything derived depends only on account,
// region, position and name, so that a test can know an id beforehand.
func (in *Instance) fill(account string, position int, now time.Time) {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%d/%s", account, in.Region, position, in.Name))
	net := sha256.Sum256([]byte(account + "/" + in.Region))
	word := hex.EncodeToString(net[:])

	in.Tags = maps.Clone(in.Tags)
	if in.Name == "" {
		in.Name = in.Tags["Name"]
	} else {
		if in.Tags == nil {
			in.Tags = map[string]string{}
		}
		in.Tags["Name"] = in.Name
	}
	set := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	set(&in.ID, "i-0"+hex.EncodeToString(sum[:8]))
	set(&in.Zone, in.Region+"a")
	set(&in.Type, "t3.micro")
	set((*string)(&in.State), string(Running))
	set(&in.PrivateIP, privateIP(net[0], binary.BigEndian.Uint16(sum[8:])))
	set(&in.VPC, "vpc-0"+word[:16])
	set(&in.Subnet, "subnet-0"+word[16:31]+in.Zone[len(in.Zone)-1:])
	set(&in.Image, "ami-0"+word[32:48])
	set(&in.Architecture, "x86_64")
	if in.Launched.IsZero() {
		in.Launched = now.Add(-24 * time.Hour)
	}
	in.Launched = in.Launched.UTC().Truncate(time.Second) // EC2 knows no fractions here
	if in.AutoPublicIP && in.PublicIP == "" && in.State == Running {
		in.PublicIP = publicIP(binary.BigEndian.Uint16(sum[10:]))
	}
}

func privateIP(net byte, host uint16) string {
	return fmt.Sprintf("10.%d.%d.%d", net, host>>8, host%250+4)
}

// publicIP draws from the networks reserved for documentation, so that nobody
// who clicks an address in the demo reaches a stranger.
func publicIP(n uint16) string {
	nets := [...]string{"192.0.2", "198.51.100", "203.0.113"}
	return fmt.Sprintf("%s.%d", nets[n%3], n/3%254+1)
}
