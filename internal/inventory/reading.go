package inventory

import (
	"slices"
	"strings"
)

// ReadingState is the state of the operation that stands for a reading:
// "succeeded", "partial" or "failed".
func ReadingState(coverage []Coverage) string {
	switch AccountState(coverage) {
	case "ok":
		return "succeeded"
	case "partial":
		return "partial"
	default:
		return "failed"
	}
}

// Failure says in one line what a reading could not read and why, so that two
// readings that failed in the same way have the same; "" when nothing failed.
// lastError is the reason when not even the regions could be listed.
func Failure(coverage []Coverage, lastError string) string {
	var parts []string
	for _, c := range coverage {
		if !c.OK {
			parts = append(parts, c.Region+" "+c.Reason)
		}
	}
	if len(parts) == 0 {
		return lastError
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}
