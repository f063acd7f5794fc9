package aws

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/cloudhub/cloudhub/internal/cloud"
)

const redacted = "[redacted]"

// redact takes the account's key, or its role's session, out of what the provider, or whoever answers in
// its place, said: its words are logged, stored with the operation and kept in
// Temporal's histories.
func (c *call) redact(e *cloud.Error) {
	key, session := c.account.Credential, c.session.key
	var pairs []string
	for _, secret := range []string{
		key.SecretAccessKey, key.SessionToken, key.AccessKeyID, session.SecretAccessKey, session.SessionToken, session.AccessKeyID,
	} {
		if secret != "" {
			pairs = append(pairs, secret, redacted, url.QueryEscape(secret), redacted)
		}
	}
	clean := strings.NewReplacer(pairs...).Replace
	e.Message, e.Code, e.Permission = clean(e.Message), clean(e.Code), clean(e.Permission)
	if slices.ContainsFunc(e.ResourceIDs, func(id string) bool { return clean(id) != id }) {
		ids := make([]string, len(e.ResourceIDs))
		for i, id := range e.ResourceIDs {
			ids[i] = clean(id)
		}
		e.ResourceIDs = ids
	}
	// An error's text is told too, and what it wraps with it.
	if e.Err != nil && clean(e.Err.Error()) != e.Err.Error() {
		e.Err = errors.New(clean(e.Err.Error()))
	}
}
