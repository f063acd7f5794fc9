package rpc

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"

	"connectrpc.com/connect"

	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
)

// recover makes INTERNAL of a panic: the caller learns a request id, the log
// the rest. The panic's value is not logged as it is: it may quote a request.
func (s *Stack) recover(ctx context.Context, spec connect.Spec, _ http.Header, value any) error {
	caller := CallerOf(ctx)
	s.logger.ErrorContext(ctx, "panic in a handler", "type", fmt.Sprintf("%T", value),
		"stack", string(debug.Stack()))
	return rpcerr.ToConnect(fmt.Errorf("panic in %s", spec.Procedure), caller.RequestID)
}
