package server_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/api/gen/cloudhub/v1/cloudhubv1connect"
	"github.com/cloudhub/cloudhub/server"
	"github.com/cloudhub/cloudhub/server/operation"
)

// fast is a stream that looks at its caller again and again.
func fast(d *server.Deps) { d.Watch = operation.WatchDeps{HeartbeatEvery: 100 * time.Millisecond} }

// watcher reads a stream.
type watcher struct {
	t        testing.TB
	messages chan *v1.WatchWorkspaceResponse
	end      chan error
	cancel   context.CancelFunc
}

// watch opens a stream and waits until it is live.
func (w *world) watch(p person, org, workspace uuid.UUID) *watcher {
	w.t.Helper()
	return w.watchBy(w.client, w.url, p, org, workspace)
}

func (w *world) watchBy(client *http.Client, url string, p person, org, workspace uuid.UUID) *watcher {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	w.t.Cleanup(cancel)
	ctx, call := connect.NewClientContext(ctx)
	call.RequestHeader().Set("Authorization", "Bearer "+p.token)
	stream, err := cloudhubv1connect.NewOperationServiceClient(client, url).WatchWorkspace(ctx, &v1.WatchWorkspaceRequest{OrgId: org.String(), WorkspaceId: workspace.String()})
	require.NoError(w.t, err)
	out := &watcher{w.t, make(chan *v1.WatchWorkspaceResponse, 1000), make(chan error, 1), cancel}
	go func() {
		for stream.Receive() {
			out.messages <- stream.Msg()
		}
		out.end <- stream.Err()
		_ = stream.Close()
	}()
	select {
	case first := <-out.messages:
		require.True(w.t, heartbeat(first), "the first message says that the stream is live")
		require.WithinDuration(w.t, time.Now(), first.GetTime().AsTime(), 5*time.Second)
	case err := <-out.end:
		require.NoError(w.t, err)
	case <-time.After(10 * time.Second):
		require.Fail(w.t, "nothing came")
	}
	return out
}

func heartbeat(m *v1.WatchWorkspaceResponse) bool {
	return len(m.GetResources())+len(m.GetOperations())+len(m.GetTargets())+len(m.GetCloudAccounts())+len(m.GetScheduleIds()) == 0
}

// until reads until want is met, and answers all that came.
func (s *watcher) until(what string, want func(*v1.WatchWorkspaceResponse) bool) []*v1.WatchWorkspaceResponse {
	s.t.Helper()
	var all []*v1.WatchWorkspaceResponse
	deadline := time.After(15 * time.Second)
	for {
		select {
		case m := <-s.messages:
			if heartbeat(m) {
				continue
			}
			all = append(all, m)
			if want(m) {
				return all
			}
		case err := <-s.end:
			require.Fail(s.t, what, "the stream ended: %v", err)
		case <-deadline:
			require.Fail(s.t, what, "it did not come")
		}
	}
}

// ended waits for the stream's end.
func (s *watcher) ended() error {
	s.t.Helper()
	deadline := time.After(15 * time.Second) // of all: heartbeats go on
	for {
		select {
		case <-s.messages:
		case err := <-s.end:
			return err
		case <-deadline:
			require.Fail(s.t, "the stream does not end")
		}
	}
}

func (s *watcher) resource(id uuid.UUID) *v1.Resource {
	s.t.Helper()
	var found *v1.Resource
	s.until("resource "+id.String(), func(m *v1.WatchWorkspaceResponse) bool {
		for _, r := range m.GetResources() {
			if r.GetId() == id.String() {
				found = r
			}
		}
		return found != nil
	})
	return found
}

func TestWhatChangesAfterTheFirstMessageArrives(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	e := w.estate(p.org, p.workspace)
	before := get(w, p.token, "InventoryService/GetResource", &v1.GetResourceRequest{
		OrgId: p.org.String(), WorkspaceId: p.workspace.String(), ResourceId: e.resources[0].String(),
	}, &v1.GetResourceResponse{}).GetResource()
	s := w.watch(p, p.org, p.workspace)

	w.exec(`UPDATE resources SET state = 'stopping' WHERE id = $1`, e.resources[0])
	first := s.resource(e.resources[0])
	require.Equal(t, v1.ResourceState_RESOURCE_STATE_STOPPING, first.GetState())
	require.Greater(t, first.GetVersion(), before.GetVersion())
	w.exec(`UPDATE resources SET state = 'stopped' WHERE id = $1`, e.resources[0])
	require.Greater(t, s.resource(e.resources[0]).GetVersion(), first.GetVersion(), "versions rise")

	w.exec(`UPDATE cloud_accounts SET state = 'failing', last_error = 'PROVIDER_DENIED' WHERE id = $1`, e.account)
	s.until("the account", func(m *v1.WatchWorkspaceResponse) bool {
		return len(m.GetCloudAccounts()) == 1 && m.GetCloudAccounts()[0].GetLastError() == "PROVIDER_DENIED"
	})
	w.exec(`UPDATE schedules SET name = 'Outra' WHERE id = $1`, e.schedule)
	s.until("the schedule", func(m *v1.WatchWorkspaceResponse) bool {
		return len(m.GetScheduleIds()) == 1 && m.GetScheduleIds()[0] == e.schedule.String()
	})
	w.exec(`UPDATE operation_targets SET detail = 'x' WHERE operation_id = $1 AND resource_id = $2`, e.operation, e.resources[0])
	s.until("the target", func(m *v1.WatchWorkspaceResponse) bool {
		return len(m.GetTargets()) == 1 && m.GetTargets()[0].GetDetail() == "x"
	})
	w.exec(`UPDATE operations SET attempts = 7 WHERE id = $1`, e.operation)
	s.until("the operation", func(m *v1.WatchWorkspaceResponse) bool {
		return len(m.GetOperations()) == 1 && m.GetOperations()[0].GetAttempts() == 7 && m.GetOperations()[0].GetSchedules()[0].GetScheduleId() == e.schedule.String()
	})
	// A rpc's own change.
	op := get(w, p.token, "ResourceService/StopResources", &v1.StopResourcesRequest{
		OrgId: p.org.String(), WorkspaceId: p.workspace.String(), ResourceIds: texts(e.resources),
	}, &v1.StopResourcesResponse{}).GetOperation()
	s.until("the order", func(m *v1.WatchWorkspaceResponse) bool {
		return len(m.GetOperations()) == 1 && m.GetOperations()[0].GetId() == op.GetId() && len(m.GetTargets()) == 3
	})
}

// A row has its moment and its version when it is written, and is seen when its
// transaction commits.
func TestARowThatIsCommittedLateIsNotLost(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	e := w.estate(p.org, p.workspace)
	s := w.watch(p, p.org, p.workspace)
	tx, err := w.db.Owner.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `UPDATE resources SET state = 'stopped' WHERE id = $1`, e.resources[0])
	require.NoError(t, err)
	for range 3 { // what is written and committed later is sent earlier
		w.exec(`UPDATE resources SET name = name || 'x' WHERE id = $1`, e.resources[1])
		s.resource(e.resources[1])
		_, err = tx.Exec(t.Context(), `SELECT pg_sleep(1)`)
		require.NoError(t, err)
	}
	require.NoError(t, tx.Commit(t.Context()))
	require.Equal(t, v1.ResourceState_RESOURCE_STATE_STOPPED, s.resource(e.resources[0]).GetState())
}

// The first reading of a large account is one transaction of thousands of rows.
func TestThousandsOfRowsAtOnceAllArriveOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	e := w.estate(p.org, p.workspace)
	s := w.watch(p, p.org, p.workspace)
	const n = 3500
	w.exec(`INSERT INTO resources (org_id, workspace_id, id, cloud_account_id, kind, provider_id, name, region, zone, type, state, seen_at)
		SELECT $1, $2, gen_random_uuid(), $3, 'aws.ec2.instance', 'i-' || i, 'bulk', 'us-east-1', 'us-east-1a', 't3.micro', 'running', now()
		FROM generate_series(1, $4) i`, p.org, p.workspace, e.account, n)
	seen := map[string]int{}
	s.until("all of them", func(m *v1.WatchWorkspaceResponse) bool {
		for _, r := range m.GetResources() {
			seen[r.GetId()]++
		}
		return len(seen) == n
	})
	for id, times := range seen {
		require.Equal(t, 1, times, id)
	}
}

func TestAStreamShowsItsWorkspaceAlone(t *testing.T) {
	t.Parallel()
	w := setup(t, fast)
	p, foreign := w.register("Ana"), w.register("Eva")
	mine := w.estate(p.org, p.workspace)
	others := []estate{w.estate(foreign.org, foreign.workspace), w.estate(p.org, w.newWorkspace(p.org, "Outro"))}
	s := w.watch(p, p.org, p.workspace)
	for _, e := range others {
		w.exec(`UPDATE resources SET name = 'theirs' WHERE workspace_id = $1`, e.workspace)
		w.exec(`UPDATE cloud_accounts SET name = 'theirs' WHERE workspace_id = $1`, e.workspace)
		w.exec(`UPDATE schedules SET name = 'theirs' WHERE workspace_id = $1`, e.workspace)
		w.exec(`UPDATE operations SET attempts = 9 WHERE workspace_id = $1`, e.workspace)
		w.exec(`UPDATE operation_targets SET detail = 'theirs' WHERE workspace_id = $1`, e.workspace)
	}
	w.exec(`UPDATE resources SET name = 'mine' WHERE workspace_id = $1`, mine.workspace)
	for _, m := range s.until("mine", func(m *v1.WatchWorkspaceResponse) bool { return len(m.GetResources()) == 3 }) {
		require.Empty(t, m.GetCloudAccounts())
		require.Empty(t, m.GetOperations())
		require.Empty(t, m.GetTargets())
		require.Empty(t, m.GetScheduleIds())
		for _, r := range m.GetResources() {
			require.Equal(t, "mine", r.GetName())
		}
	}
}

func TestAStreamEndsWhenItsCallerMayNoLongerSee(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		role, override string
		sql            string
		code           connect.Code
	}{
		"signed out":       {"viewer", "", `UPDATE sessions SET revoked_at = now() WHERE user_id = $1 AND $2::uuid IS NOT NULL`, connect.CodeUnauthenticated},
		"suspended":        {"viewer", "", `UPDATE users SET suspended_at = now() WHERE id = $1 AND $2::uuid IS NOT NULL`, connect.CodeUnauthenticated},
		"no longer inside": {"viewer", "", `DELETE FROM workspace_members WHERE user_id = $1 AND workspace_id = $2`, connect.CodeNotFound},
		"no longer member": {"admin", "", `DELETE FROM memberships WHERE user_id = $1 AND org_id = (SELECT org_id FROM workspaces WHERE id = $2)`, connect.CodeNotFound},
		"another role":     {"viewer", "", `UPDATE memberships SET role = 'billing' WHERE user_id = $1 AND org_id = (SELECT org_id FROM workspaces WHERE id = $2)`, connect.CodePermissionDenied},
		"lowered here":     {"admin", "viewer", `UPDATE workspace_members SET role_override = 'billing' WHERE user_id = $1 AND workspace_id = $2`, connect.CodePermissionDenied},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, fast)
			owner := w.register("Dona")
			p := w.member("Ana", owner.org, owner.workspace, c.role, c.override)
			s := w.watch(p, owner.org, owner.workspace)
			still := w.watch(owner, owner.org, owner.workspace)
			w.exec(c.sql, p.id, owner.workspace)
			require.Equal(t, c.code, connect.CodeOf(s.ended()))
			e := w.estate(owner.org, owner.workspace)
			still.resource(e.resources[0])
		})
	}
}

func TestAStreamEndsByItself(t *testing.T) {
	t.Parallel()
	w := setup(t, func(d *server.Deps) { d.Watch = operation.WatchDeps{EndAfter: 300 * time.Millisecond} })
	p := w.register("Ana")
	require.NoError(t, w.watch(p, p.org, p.workspace).ended())
}

func TestStreamsEndWhenTheServerDrains(t *testing.T) {
	t.Parallel()
	for name, pick := range map[string]func(listener) *http.Client{
		"HTTP/1.1": func(l listener) *http.Client { return l.http1 }, "h2c": func(l listener) *http.Client { return l.h2c },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			p := w.register("Ana")
			e := w.estate(p.org, p.workspace)
			l := w.serve()
			s := w.watchBy(pick(l), l.url, p, p.org, p.workspace)
			w.exec(`UPDATE resources SET state = 'stopped' WHERE id = $1`, e.resources[0])
			s.resource(e.resources[0])
			began := time.Now()
			require.NoError(t, l.drain())
			require.NoError(t, s.ended(), "clients are not told of a failure: they go elsewhere")
			require.Less(t, time.Since(began), 10*time.Second)
		})
	}
}
