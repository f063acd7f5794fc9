package sim

import (
	"fmt"
	"net/http"
	"strings"
)

// apiError is what the provider says no with. Codes, texts and statuses are
// EC2's and STS's own, as far as they are documented or have been reported.
type apiError struct {
	Status  int
	Code    string
	Message string
}

func (e *apiError) Error() string { return e.Code + ": " + e.Message }

func badRequest(code, format string, args ...any) *apiError {
	return &apiError{Status: http.StatusBadRequest, Code: code, Message: fmt.Sprintf(format, args...)}
}

func missingParameter(name string) *apiError {
	return badRequest("MissingParameter", "The request must contain the parameter %s", name)
}

func invalidValue(value, name string) *apiError {
	return badRequest("InvalidParameterValue", "Value ( %s ) for parameter %s is invalid.", value, name)
}

// errNotValidated is EC2's only answer to a key it does not know, and to a
// region that the account has not enabled.
func errNotValidated() *apiError {
	return &apiError{http.StatusUnauthorized, "AuthFailure", "AWS was not able to validate the provided access credentials"}
}

// errInvalidToken is STS's answer to the same.
func errInvalidToken() *apiError {
	return &apiError{http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid."}
}

func errIncompleteSignature(what string) *apiError {
	return badRequest("IncompleteSignature", "The request signature does not conform to AWS standards: %s", what)
}

func errSignature() *apiError {
	return &apiError{http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."}
}

func errThrottled() *apiError {
	return &apiError{http.StatusServiceUnavailable, "RequestLimitExceeded", "Request limit exceeded."}
}

func errDryRun() *apiError {
	return &apiError{http.StatusPreconditionFailed, "DryRunOperation", "Request would have succeeded, but DryRun flag is set."}
}

func errCapacity() *apiError {
	return &apiError{http.StatusInternalServerError, "InsufficientInstanceCapacity", "We currently do not have sufficient capacity in the Availability Zone you requested. Our system will be working on provisioning additional capacity."}
}

func errInternal() *apiError {
	return &apiError{http.StatusInternalServerError, "InternalError", "An internal error has occurred"}
}

func errUnauthorized(who *principal, action, resource string) *apiError {
	on := ""
	if resource != "" {
		on = " on resource: " + resource
	}
	return &apiError{http.StatusForbidden, "UnauthorizedOperation", fmt.Sprintf(
		"You are not authorized to perform this operation. User: %s is not authorized to perform: %s%s because no identity-based policy allows the %s action",
		who.arn(), action, on, action)}
}

func errMalformedID(id string) *apiError {
	return badRequest("InvalidInstanceID.Malformed", "Invalid id: %q", id)
}

// errUnknownIDs names every unknown id, as EC2 does: a caller that reads only
// the first needs one call for each.
func errUnknownIDs(ids []string) *apiError {
	if len(ids) == 1 {
		return badRequest("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", ids[0])
	}
	return badRequest("InvalidInstanceID.NotFound", "The instance IDs '%s' do not exist", strings.Join(ids, ", "))
}
