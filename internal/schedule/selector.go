package schedule

import (
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// Selector says which machines a schedule is for; they are looked for when it
// runs. A machine must match every part that is given. Stored as JSON with the
// schedule, and with each run as it was claimed.
type Selector struct {
	Tags       []Tag       `json:"tags,omitempty"`
	NamePrefix string      `json:"name_prefix,omitempty"` // capitals count, as at the provider
	Accounts   []uuid.UUID `json:"accounts,omitempty"`    // empty: all of the workspace
	Regions    []string    `json:"regions,omitempty"`     // empty: all
	// Everything of the accounts and regions: said aloud, so that an empty form is
	// not taken for it.
	Everything bool `json:"everything,omitempty"`
}

// Tag is a tag that a machine must have, with one of the values, or any when none
// is named.
type Tag struct {
	Key    string   `json:"key"`
	Values []string `json:"values,omitempty"`
}

// What can be wrong with a selector.
var (
	ErrSelectsNothing   = errors.New("neither a tag nor the beginning of a name is given")
	ErrNarrowEverything = errors.New("everything, and yet tags or a name")
	ErrTagTwice         = errors.New("a tag is given twice")
)

// Validate says what is wrong with the selector, with one of the errors above.
func (s Selector) Validate() error {
	narrow := len(s.Tags) > 0 || s.NamePrefix != ""
	switch {
	case !narrow && !s.Everything:
		return ErrSelectsNothing
	case narrow && s.Everything:
		return ErrNarrowEverything
	}
	for i, t := range s.Tags {
		if slices.ContainsFunc(s.Tags[:i], func(o Tag) bool { return o.Key == t.Key }) {
			return ErrTagTwice
		}
	}
	return nil
}

// Reads says whether machines of an account can match.
func (s Selector) Reads(account uuid.UUID) bool {
	return len(s.Accounts) == 0 || slices.Contains(s.Accounts, account)
}

// Matches says whether a machine of an account that is read matches.
func (s Selector) Matches(name, region string, tags map[string]string) bool {
	if len(s.Regions) > 0 && !slices.Contains(s.Regions, region) || !strings.HasPrefix(name, s.NamePrefix) {
		return false
	}
	for _, t := range s.Tags {
		value, ok := tags[t.Key]
		if !ok || len(t.Values) > 0 && !slices.Contains(t.Values, value) {
			return false
		}
	}
	return true
}
