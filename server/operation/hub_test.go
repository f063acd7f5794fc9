package operation

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func TestManyWatchersHaveOnePoller(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	f := dbtest.Tenant(t, d)
	h := newHub(d.Tenants, slog.New(slog.DiscardHandler), newMetrics(nil))
	key := workspaceKey{f.Org, f.Workspace}
	var subs []*subscriber
	var cancels []func()
	for range 20 {
		s, ready, cancel := h.subscribe(key)
		<-ready
		subs, cancels = append(subs, s), append(cancels, cancel)
	}
	h.mu.Lock()
	require.Len(t, h.pollers, 1)
	p := h.pollers[key]
	h.mu.Unlock()
	d.Exec(t, `UPDATE resources SET name = 'x' WHERE id = $1`, f.Resources[0])
	for _, s := range subs {
		require.Len(t, (<-s.updates).GetResources(), 1)
	}
	for _, cancel := range cancels {
		cancel()
		cancel() // twice is once
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	require.Empty(t, h.pollers, "nobody watches: nothing is read")
	require.Empty(t, p.subscribers)
}

func TestASlowClientIsDroppedAndOthersAreNot(t *testing.T) {
	t.Parallel()
	h := newHub(nil, slog.New(slog.DiscardHandler), newMetrics(nil))
	p := &poller{hub: h, stop: func() {}, subscribers: map[*subscriber]bool{}}
	slow := &subscriber{updates: make(chan *v1.WatchWorkspaceResponse, queueLength)}
	quick := &subscriber{updates: make(chan *v1.WatchWorkspaceResponse, queueLength)}
	p.subscribers[slow], p.subscribers[quick] = true, true
	for range queueLength + 1 {
		h.publish(p, &v1.WatchWorkspaceResponse{})
		<-quick.updates
	}
	require.NotContains(t, p.subscribers, slow)
	require.Contains(t, p.subscribers, quick)
	for range queueLength {
		<-slow.updates
	}
	_, open := <-slow.updates
	require.False(t, open, "its stream ends, and it reads the lists again")
	h.unsubscribe(p.key, p, slow) // its handler does, afterwards
}

// A poll that fails half-way must not count as sent what nobody got.
func TestAFailedPollIsRepeated(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	f := dbtest.Tenant(t, d)
	p := &poller{key: workspaceKey{f.Org, f.Workspace}, hub: newHub(d.Tenants, slog.New(slog.DiscardHandler), newMetrics(nil)), sent: map[string]sentRow{}}
	_, _, err := p.poll(t.Context())
	require.NoError(t, err)
	// Targets are read last, when the resources have been.
	d.Exec(t, `REVOKE SELECT ON operation_targets FROM cloudhub_app`)
	d.Exec(t, `UPDATE resources SET name = 'x' WHERE id = $1`, f.Resources[0])
	_, _, err = p.poll(t.Context())
	require.Error(t, err)
	d.Exec(t, `GRANT SELECT ON operation_targets TO cloudhub_app`)
	updates, _, err := p.poll(t.Context())
	require.NoError(t, err)
	require.Len(t, updates, 1)
	require.Len(t, updates[0].GetResources(), 1)
}
