package cloud

import (
	"errors"
	"fmt"
	"time"
)

// Reason classifies what a provider said, so that callers decide without
// knowing any provider's codes. Values are stored with operations.
type Reason string

// What a provider can mean.
const (
	ReasonUnauthenticated Reason = "UNAUTHENTICATED" // the key is wrong, expired or disabled
	ReasonDenied          Reason = "DENIED"          // a permission is missing; Permission names it
	ReasonThrottled       Reason = "THROTTLED"       // too many calls; RetryAfter may say when
	ReasonNotFound        Reason = "NOT_FOUND"       // the machine does not exist
	ReasonWrongState      Reason = "WRONG_STATE"     // not possible in its present state
	ReasonUnsupported     Reason = "UNSUPPORTED"     // never possible for this machine
	ReasonCapacity        Reason = "CAPACITY"        // the provider has none left of this type
	ReasonTransient       Reason = "TRANSIENT"       // provider or network fault: try again
	ReasonTooLate         Reason = "TOO_LATE"        // the deadline passed before the call left: nothing was sent
	ReasonNoPrincipal     Reason = "NO_PRINCIPAL"    // the installation has no identity of its own that could take a role
	ReasonOpenRole        Reason = "OPEN_ROLE"       // a role can be taken without its external id; only a probe finds that out
	ReasonInvalid         Reason = "INVALID"         // the provider did not understand us: a bug of ours
)

// Error is the only error that an adapter returns for what a provider said.
type Error struct {
	Reason Reason
	// Permission is the missing one when ReasonDenied, e.g. "ec2:StopInstances".
	Permission string
	// Code is the provider's own, e.g. "IncorrectInstanceState".
	Code string
	// Message is the provider's text. It may hold account data: log it, store
	// it with the operation, but never parse it outside the adapter.
	Message string
	// ResourceIDs are the machines the provider named, if it named any.
	ResourceIDs []string
	// RetryAfter is how long the provider asked us to wait; 0 when it did not.
	RetryAfter time.Duration
	// RequestID is the provider's own id of the call, by which its support finds
	// it; empty when it gave none.
	RequestID string
	// Sent is false only when it is certain that the request never left.
	Sent bool
	Err  error
}

func (e *Error) Error() string {
	if e.Code != "" {
		return fmt.Sprintf("%s (%s): %s", e.Reason, e.Code, e.Message)
	}
	return fmt.Sprintf("%s: %s", e.Reason, e.Message)
}

func (e *Error) Unwrap() error { return e.Err }

// RequestIDOf is the provider's id of the call that failed, or "".
func RequestIDOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.RequestID
	}
	return ""
}

// ReasonOf returns the reason of a provider's error, ReasonTransient for any
// other error, and "" for nil.
func ReasonOf(err error) Reason {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ReasonTransient
}

// Retryable says whether the same call may succeed later without anybody
// changing anything.
func (r Reason) Retryable() bool {
	return r == ReasonThrottled || r == ReasonTransient || r == ReasonCapacity
}
