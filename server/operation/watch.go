package operation

import (
	"context"
	"log/slog"
	"time"

	"connectrpc.com/connect"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/access"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/server/rpc"
)

// WatchDeps is what a stream needs besides the tables: it checks session and
// role again while it lives.
type WatchDeps struct {
	Logger     *slog.Logger
	Authorizer *rpc.Authorizer
	Registerer prometheus.Registerer // nil exports nothing
	// SignedIn says whether the caller's session lives.
	SignedIn func(ctx context.Context, c *rpc.Caller) error
	// HeartbeatEvery and EndAfter are 15 s and 5 min when zero.
	HeartbeatEvery time.Duration
	EndAfter       time.Duration
	// Closing is closed when the server drains: streams end so that clients go
	// elsewhere.
	Closing <-chan struct{}
}

func (w WatchDeps) withDefaults() WatchDeps {
	if w.HeartbeatEvery == 0 {
		w.HeartbeatEvery = 15 * time.Second
	}
	if w.EndAfter == 0 {
		w.EndAfter = 5 * time.Minute
	}
	return w
}

// WatchWorkspace streams what changes in a workspace.
func (s *Service) WatchWorkspace(ctx context.Context, _ *v1.WatchWorkspaceRequest, stream *connect.ServerStream[v1.WatchWorkspaceResponse]) error {
	grant, caller := rpc.GrantOf(ctx), rpc.CallerOf(ctx)
	s.hub.metrics.streams.Inc()
	defer s.hub.metrics.streams.Dec()
	sub, ready, cancel := s.hub.subscribe(workspaceKey{grant.Org, grant.Workspace})
	defer cancel()
	select {
	case <-ready:
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(10 * time.Second):
		return rpcerr.New(rpcerr.ReasonUnavailable)
	}
	if err := stream.Send(&v1.WatchWorkspaceResponse{Time: timestamppb.Now()}); err != nil {
		return err
	}
	end := time.NewTimer(s.watch.EndAfter)
	defer end.Stop()
	beat := time.NewTicker(s.watch.HeartbeatEvery)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-end.C:
			return nil
		case <-s.watch.Closing:
			return nil
		case update, ok := <-sub.updates:
			if !ok {
				return rpcerr.New(rpcerr.ReasonUnavailable)
			}
			if err := stream.Send(update); err != nil {
				return err
			}
		case <-beat.C:
			if err := s.stillAllowed(ctx, caller, grant); err != nil {
				return err
			}
			if err := stream.Send(&v1.WatchWorkspaceResponse{Time: timestamppb.Now()}); err != nil {
				return err
			}
		}
	}
}

func (s *Service) stillAllowed(ctx context.Context, caller *rpc.Caller, grant rpc.Grant) error {
	if err := s.watch.SignedIn(ctx, caller); err != nil {
		return err
	}
	now, err := s.watch.Authorizer.Standing(ctx, caller.UserID, grant.Org, grant.Workspace)
	if err != nil {
		return err
	}
	if !now.Standing.May(access.ResourcesView) {
		return rpcerr.New(rpcerr.ReasonPermissionDenied, "permission", string(access.ResourcesView))
	}
	return nil
}
