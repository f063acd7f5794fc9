// Package cloud is the neutral language in which the product speaks of other
// people's clouds: accounts, instances, changes of power, coverage and errors.
//
// It owns types and small capability interfaces and nothing else: no SDK, no
// network, no database. Adapters (internal/cloud/aws, …) implement the
// interfaces, activities use them, and only the worker and cmd join the two.
package cloud

import (
	"context"
	"time"
)

// Provider names one cloud. The values are stored and appear in the contract.
type Provider string

// The providers CloudHub knows. Only AWS has an adapter so far.
const (
	AWS   Provider = "aws"
	Azure Provider = "azure"
	GCP   Provider = "gcp"
	M365  Provider = "m365"
)

// State is what a machine is doing, in words that fit every provider.
type State string

// The states of a machine. Stopping and Starting are the provider's own
// transitions, not ours; Gone means the provider no longer lists it.
const (
	StateRunning  State = "running"
	StateStopped  State = "stopped"
	StateStarting State = "starting"
	StateStopping State = "stopping"
	StateGone     State = "gone"
	StateUnknown  State = "unknown"
)

// Power is a wanted state: what a change of power brings a machine to.
type Power string

// The two changes of power.
const (
	PowerOn  Power = "on"
	PowerOff Power = "off"
)

// Target is the state in which a change of power has been seen to be done.
func (p Power) Target() State {
	if p == PowerOn {
		return StateRunning
	}
	return StateStopped
}

// Credential is what an adapter signs with: a key, or a role that it takes with
// the installation's own identity. Secret fields must never be printed, logged
// or stored outside the vault: String and GoString redact.
type Credential struct {
	AccessKeyID     string `json:"access_key_id,omitempty"`
	SecretAccessKey string `json:"secret_access_key,omitempty"`
	// SessionToken is set only for temporary credentials.
	SessionToken string `json:"session_token,omitempty"`
	// RoleARN is set for an AWS role, and nothing above then. ExternalID is what
	// its trust policy must ask for; it is made by us and sealed with the role, so
	// that no row that can be written in the clear decides it.
	RoleARN    string `json:"role_arn,omitempty"`
	ExternalID string `json:"external_id,omitempty"`
}

// Kinds of credentials, as stored with them.
const (
	KindAWSAccessKey = "aws.access_key"
	KindAWSRole      = "aws.role"
)

// AppendJSON appends the credential as JSON. encoding/json writes the same, into
// buffers that it keeps: what they held could be read in memory much later.
func (c Credential) AppendJSON(b []byte) []byte {
	b = append(b, '{')
	for _, f := range []struct{ name, value string }{
		{"access_key_id", c.AccessKeyID}, {"secret_access_key", c.SecretAccessKey}, {"session_token", c.SessionToken},
		{"role_arn", c.RoleARN}, {"external_id", c.ExternalID},
	} {
		if f.value == "" {
			continue
		}
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, f.name...)
		b = append(b, `":"`...)
		b = appendEscaped(b, f.value)
		b = append(b, '"')
	}
	return append(b, '}')
}

// MaxJSON is room for what AppendJSON appends, so that it does not grow its
// argument and leave a part of a secret behind.
func (c Credential) MaxJSON() int {
	return 150 + 6*(len(c.AccessKeyID)+len(c.SecretAccessKey)+len(c.SessionToken)+len(c.RoleARN)+len(c.ExternalID))
}

// appendEscaped escapes what JSON does not allow in a string.
func appendEscaped(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c == 0x7f:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		default:
			b = append(b, c)
		}
	}
	return b
}

// String hides the credential from every %v and log line.
func (Credential) String() string { return "[redacted credential]" }

// GoString hides the credential from %#v.
func (Credential) GoString() string { return "[redacted credential]" }

// Account is one cloud account as an adapter needs it. ExternalID is the
// provider's own identifier (for AWS the twelve digits) and keys the budget of
// provider calls, because the provider's token buckets hang on it.
type Account struct {
	// ID is CloudHub's id of the account (UUID); empty while on probation.
	ID         string
	ExternalID string
	// Org and Workspace are on whose behalf: the sessions of a role are named so
	// in the provider's own log.
	Org, Workspace string
	Credential     Credential
	// HomeRegion is where identity and region listing are asked first.
	HomeRegion string
}

// Identity is who a credential turned out to be.
type Identity struct {
	ExternalID string // AWS: account number, twelve digits
	Principal  string // AWS: ARN of the caller
}

// Check is one permission that the probe tried, without effect on anything.
type Check struct {
	Permission string // e.g. "ec2:StopInstances"
	OK         bool
	// Needed says what does not work without it: "inventory" or "power".
	Needed string
	Reason string // provider's code when not OK, e.g. "UnauthorizedOperation"
}

// Probe is what trying a credential found out. A probe whose Identity could not
// be read returns an error instead.
type Probe struct {
	Identity Identity
	Regions  []string // enabled regions
	Checks   []Check
}

// Missing lists the permissions that the probe found lacking.
func (p Probe) Missing() []string {
	var out []string
	for _, c := range p.Checks {
		if !c.OK {
			out = append(out, c.Permission)
		}
	}
	return out
}

// Instance is one machine in neutral fields. Details holds what only this
// provider has (see InstanceDetails); Tags are the provider's own.
type Instance struct {
	ProviderID string // AWS: "i-…"
	Name       string // AWS: tag Name, or empty
	Region     string
	Zone       string
	Type       string // AWS: instance type
	State      State
	Tags       map[string]string
	CreatedAt  time.Time // AWS: launch time
	Details    InstanceDetails
}

// InstanceDetails are the facts beyond the neutral ones. Stored as JSON.
type InstanceDetails struct {
	PrivateIP    string `json:"private_ip,omitempty"`
	PublicIP     string `json:"public_ip,omitempty"`
	VPC          string `json:"vpc,omitempty"`
	Subnet       string `json:"subnet,omitempty"`
	Image        string `json:"image,omitempty"`
	KeyName      string `json:"key_name,omitempty"`
	Platform     string `json:"platform,omitempty"`
	Architecture string `json:"architecture,omitempty"`
	// AutoScalingGroup is the group that owns the machine: stopping it makes
	// the group replace it. From the tag aws:autoscaling:groupName.
	AutoScalingGroup string `json:"auto_scaling_group,omitempty"`
	// Spot is true for a spot instance.
	Spot bool `json:"spot,omitempty"`
	// InstanceStore is true when the root device is ephemeral: such a machine
	// cannot be stopped.
	InstanceStore bool   `json:"instance_store,omitempty"`
	StateReason   string `json:"state_reason,omitempty"`
}

// Coverage says what a reading of one region saw, or why it saw nothing.
type Coverage struct {
	Region string `json:"region"`
	OK     bool   `json:"ok"`
	Count  int    `json:"count"`
	// Reason is a Reason of Error when not OK; Detail the provider's code.
	Reason string `json:"reason,omitempty"`
	Detail string `json:"detail,omitempty"`
}

// Change is what a provider answered for one machine of a power call.
type Change struct {
	ProviderID string
	Before     State
	Now        State
}

// Refusal is one machine that the provider named as the reason why it did
// nothing. Power calls are all-or-nothing: the caller drops it and goes on.
type Refusal struct {
	ProviderID string
	Err        *Error
}

// Filter says which machines are looked for: those that match every part that is
// given.
type Filter struct {
	Tags       []TagFilter
	NamePrefix string   // capitals count
	Regions    []string // empty: all enabled regions
}

// TagFilter is a tag that a machine must have, with one of the values, or any when
// none is named.
type TagFilter struct {
	Key    string
	Values []string
}

// Prober finds out who a credential is and what it may do.
type Prober interface {
	// Probe changes nothing. It returns *Error with ReasonUnauthenticated when
	// the key itself is wrong, or the role cannot be taken; ReasonOpenRole when a
	// role can be taken without its external id.
	Probe(ctx context.Context, account Account) (Probe, error)
}

// InstanceLister reads all machines of one kind of an account.
type InstanceLister interface {
	// ListInstances reads every enabled region completely, calling each for
	// every region as it is done (from one goroutine at a time). A region that
	// cannot be read is a Coverage with OK false, not an error: the others are
	// still read. An error means that not even the regions could be listed.
	ListInstances(ctx context.Context, account Account, each func(Coverage, []Instance) error) error
	// FindInstances is ListInstances for those machines alone that the filter lets
	// through: the provider filters, as far as it can, and the adapter the rest.
	FindInstances(ctx context.Context, account Account, filter Filter, each func(Coverage, []Instance) error) error
	// DescribeInstances reads just these machines of one region, in as few
	// calls as the provider allows. Machines that do not exist are absent from
	// the result.
	DescribeInstances(ctx context.Context, account Account, region string, ids []string) ([]Instance, error)
}

// PowerSwitch starts and stops machines of one kind.
type PowerSwitch interface {
	// SetPower asks for one change for up to MaxPowerBatch machines of one
	// region in one provider call. It makes exactly one attempt: no SDK retry.
	// The call never leaves this process after the context's deadline, not
	// even after a freeze: the innermost transport compares once more.
	//
	// When the provider names machines as the reason of its refusal, the
	// result has Refused set and nothing has been changed. Any other refusal
	// is an *Error.
	SetPower(ctx context.Context, account Account, region string, want Power, ids []string) (PowerResult, error)
	// MaxPowerBatch is the most ids that one SetPower may carry.
	MaxPowerBatch() int
}

// PowerResult is the provider's answer to one power call.
type PowerResult struct {
	Accepted []Change
	Refused  []Refusal
}

// Instances is everything the product can do with the machines of one kind.
type Instances interface {
	// Kind is the name of the kind, in the registry (Kinds).
	Kind() string
	InstanceLister
	PowerSwitch
}
