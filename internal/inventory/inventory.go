// Package inventory decides, purely, what the facts of a machine mean for the
// product: whether it is protected, and why changes of power pass it by.
package inventory

import (
	"strings"

	"github.com/cloudhub/cloudhub/internal/power"
)

// ProtectedTag keeps a machine from being changed by anybody through CloudHub.
const ProtectedTag = "cloudhub:protected"

// Protected says whether the tags protect a machine: the tag is there, with any
// value that is not an explicit no.
func Protected(tags map[string]string) bool {
	v, ok := tags[ProtectedTag]
	if !ok {
		return false
	}
	switch strings.ToLower(strings.TrimSpace(v)) {
	case "false", "no", "0", "off":
		return false
	default:
		return true
	}
}

// LeftAlone says why changes of power pass a machine by because of the kind of
// machine it is, or "".
func LeftAlone(autoScalingGroup string, spot, instanceStore bool) power.Reason {
	switch {
	case autoScalingGroup != "":
		return power.ReasonAutoScaling
	case spot:
		return power.ReasonSpot
	case instanceStore:
		return power.ReasonInstanceStore
	default:
		return ""
	}
}
