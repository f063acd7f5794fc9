package inventory

import "slices"

// ProbeResult is what trying a credential found out, as stored with the draft.
type ProbeResult struct {
	ExternalID string       `json:"external_id,omitempty"`
	Principal  string       `json:"principal,omitempty"`
	Regions    []string     `json:"regions,omitempty"`
	Checks     []ProbeCheck `json:"checks,omitempty"`
	Simulated  bool         `json:"simulated,omitempty"`
	// Reason is the provider's refusal when the draft is refused; Detail its
	// own code, Permission the missing one when it was that.
	Reason     string `json:"reason,omitempty"`
	Detail     string `json:"detail,omitempty"`
	Permission string `json:"permission,omitempty"`
}

// ProbeCheck is one permission that was tried.
type ProbeCheck struct {
	Permission string `json:"permission"`
	OK         bool   `json:"ok"`
	// Needed: "inventory" or "power".
	Needed string `json:"needed"`
	Reason string `json:"reason,omitempty"`
}

// Missing lists the permissions found lacking; with needed "" all of them.
func (r ProbeResult) Missing(needed string) []string {
	out := []string{}
	for _, c := range r.Checks {
		if !c.OK && (needed == "" || c.Needed == needed) {
			out = append(out, c.Permission)
		}
	}
	return out
}

// Coverage says what a reading of one region saw, as stored with the account.
type Coverage struct {
	Region string `json:"region"`
	OK     bool   `json:"ok"`
	Count  int    `json:"count"`
	Reason string `json:"reason,omitempty"`
	Detail string `json:"detail,omitempty"`
}

// MergeCoverage makes one line a region of the readings of several kinds: it was
// read when every kind was, and what it counts is all of them. The first failure
// says why it was not.
func MergeCoverage(readings []Coverage) (out []Coverage) {
	for _, c := range readings {
		i := slices.IndexFunc(out, func(o Coverage) bool { return o.Region == c.Region })
		if i < 0 {
			out = append(out, c)
			continue
		}
		out[i].Count += c.Count
		if out[i].OK {
			out[i].OK, out[i].Reason, out[i].Detail = c.OK, c.Reason, c.Detail
		}
	}
	return out
}

// AccountState sums a coverage up: ok, partial or failing.
func AccountState(coverage []Coverage) string {
	read := 0
	for _, c := range coverage {
		if c.OK {
			read++
		}
	}
	switch {
	case read == 0:
		return "failing"
	case read < len(coverage):
		return "partial"
	default:
		return "ok"
	}
}
