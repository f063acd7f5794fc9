package e2e

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
)

// slowRoad is a network in which the first call of an action is under way for as
// long as the test wants.
type slowRoad struct {
	url     string
	held    chan struct{} // closed when the call is under way
	release func()        // lets it arrive
}

func newSlowRoad(t *testing.T, to, action string) *slowRoad {
	t.Helper()
	target, err := url.Parse(to)
	require.NoError(t, err)
	open := make(chan struct{})
	r := &slowRoad{held: make(chan struct{}), release: sync.OnceFunc(func() { close(open) })}
	proxy := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(target)
		p.Out.Host = p.In.Host // it is signed
	}}
	var once sync.Once
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
		if strings.Contains(string(body), "Action="+action) && !strings.Contains(string(body), "DryRun=true") {
			once.Do(func() { close(r.held); <-open })
		}
		proxy.ServeHTTP(w, req)
	}))
	t.Cleanup(h.Close)
	t.Cleanup(r.release) // a test that failed must not keep it waiting
	r.url = h.URL
	return r
}

// A stop is on its way to the provider when the person wants the machine on
// after all. It still runs, so there seems nothing to do; but the stop lands, and
// the newest word must count.
func TestAStopThatLandsAfterTheStartWasAskedFor(t *testing.T) {
	t.Parallel()
	estate := sim.SmallEstate()
	estate.Behaviour.Stop = sim.Span{Min: sim.Duration(300 * time.Millisecond)}
	s, to := newSim(t, estate)
	road := newSlowRoad(t, to, "StopInstances")
	w := newWorld(t, road.url)
	w.addAccount("pequena", sim.SmallKey.AccessKeyID, sim.SmallKey.Secret)
	machine := ids(w.machines(), sim.SmallRunning)
	first := w.stop(machine...)
	<-road.held
	second := w.start(machine...)
	w.eventually("the start has overtaken the stop", func() bool {
		return w.operation(first.GetId()).GetTargets()[0].GetState() == v1.TargetState_TARGET_STATE_SUPERSEDED
	})
	looks := func() (n int) {
		for _, c := range s.Calls(0) {
			if c.Action == "DescribeInstances" {
				n++
			}
		}
		return n
	}
	before := looks()
	w.eventually("the start has looked, and looked again", func() bool { return looks() >= before+3 })
	require.Nil(t, w.operation(second.GetId()).GetEndTime(), "running is not believed while the stop is on its way")
	road.release()
	op, targets := w.ended(second.GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, op.GetState())
	require.Equal(t, v1.TargetState_TARGET_STATE_DONE, targets[sim.SmallRunning].GetState())
	got, _ := s.Machine(sim.SmallRunning)
	require.Equal(t, sim.Running, got.State)
	require.Len(t, powerCalls(s), 2)
	_, targets = w.ended(first.GetId())
	require.Equal(t, v1.TargetState_TARGET_STATE_SUPERSEDED, targets[sim.SmallRunning].GetState())
	w.settled()
}
