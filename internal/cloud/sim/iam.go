package sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
)

// Role is an IAM role. Its policies are documents as people write them; what the
// simulator does not understand in them is an error when the role is made, so
// that no condition is taken for fulfilled by accident.
type Role struct {
	Name string `json:"name"`
	// Trust says who may assume it, and with which external id.
	Trust json.RawMessage `json:"trust_policy"`
	// Policies say what its sessions may do; without any, nothing.
	Policies []json.RawMessage `json:"policies,omitempty"`
	// MaxSession is an hour when left out.
	MaxSession Duration `json:"max_session,omitzero"`

	trust    policy
	policies []policy
}

// ARN of the role in its account.
func (r *Role) ARN(account string) string { return "arn:aws:iam::" + account + ":role/" + r.Name }

var roleName = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{1,64}$`)

// read parses the documents.
func (r *Role) read() error {
	if !roleName.MatchString(r.Name) {
		return fmt.Errorf("malformed role name %q", clip(r.Name))
	}
	var err error
	if r.trust, err = readPolicy(r.Trust); err != nil {
		return fmt.Errorf("role %s: trust policy: %w", r.Name, err)
	}
	if slices.ContainsFunc(r.trust.Statement, func(s statement) bool { return len(s.Principal) == 0 }) {
		return fmt.Errorf("role %s: a statement of the trust policy has no principal", r.Name)
	}
	r.policies = nil
	for _, raw := range r.Policies {
		p, err := readPolicy(raw)
		if err != nil {
			return fmt.Errorf("role %s: policy: %w", r.Name, err)
		}
		r.policies = append(r.policies, p)
	}
	return nil
}

// policy is an IAM policy, as far as the simulator understands them: actions
// with wildcards on all resources, principals of kind AWS, and the conditions
// StringEquals and Bool.
type policy struct {
	Version   string
	Statement []statement
}

type statement struct {
	Sid       string
	Effect    string
	Principal principals
	Action    words
	Resource  words
	Condition map[string]map[string]words
}

// words is a string or a list of them.
type words []string

func (w *words) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*w = words{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(w))
}

// principals is "*" or {"AWS": …}.
type principals []string

func (p *principals) UnmarshalJSON(raw []byte) error {
	if string(raw) == `"*"` {
		*p = principals{"*"}
		return nil
	}
	var named struct{ AWS words }
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&named); err != nil {
		return err
	}
	*p = principals(named.AWS)
	return nil
}

func readPolicy(raw []byte) (policy, error) {
	var p policy
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return policy{}, err
	}
	if p.Version != "2012-10-17" || len(p.Statement) == 0 {
		return policy{}, errors.New("it has another version than 2012-10-17, or no statement")
	}
	for _, s := range p.Statement {
		if s.Effect != "Allow" && s.Effect != "Deny" || len(s.Action) == 0 {
			return policy{}, errors.New("a statement needs an effect and an action")
		}
		if len(s.Resource) > 0 && !slices.Equal(s.Resource, words{"*"}) {
			return policy{}, errors.New(`only the resource "*" is simulated`)
		}
		for operator := range s.Condition {
			if operator != "StringEquals" && operator != "Bool" {
				return policy{}, fmt.Errorf("the condition %s is not simulated", operator)
			}
		}
	}
	return p, nil
}

// allows says whether some statement allows the action and none denies it.
// context has the keys that conditions ask for; one that is not there fulfils
// none. caller is empty where a policy names no principals.
func (p policy) allows(action, caller, account string, context map[string]string) bool {
	allowed := false
	for _, s := range p.Statement {
		if !s.concerns(action, caller, account, context) {
			continue
		}
		if s.Effect == "Deny" {
			return false
		}
		allowed = true
	}
	return allowed
}

func (s statement) concerns(action, caller, account string, context map[string]string) bool {
	if !slices.ContainsFunc(s.Action, func(pattern string) bool {
		ok, err := path.Match(pattern, action)
		return err == nil && ok
	}) {
		return false
	}
	if caller != "" && !slices.ContainsFunc(s.Principal, func(p string) bool {
		return p == "*" || p == caller || p == account || p == "arn:aws:iam::"+account+":root"
	}) {
		return false
	}
	for _, keys := range s.Condition {
		for key, values := range keys {
			if have, ok := context[key]; !ok || !slices.Contains(values, have) {
				return false
			}
		}
	}
	return true
}
