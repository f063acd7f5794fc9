package server_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/fstest"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/server"
	"github.com/cloudhub/cloudhub/server/operation"
)

func methodNamed(name string) method {
	for _, m := range methods() {
		if m.name == name {
			return m
		}
	}
	panic("no rpc " + name)
}

// send posts any body to a rpc, and hears the answer. It may run beside others.
func send(t testing.TB, client *http.Client, url, token, procedure, contentType string, body io.Reader, headers ...string) (said, error) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/cloudhub.v1."+procedure, body)
	if err != nil {
		return said{}, err
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Te", "trailers")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := client.Do(req)
	if err != nil {
		return said{}, err
	}
	s, err := hear(res)
	cancel() // over HTTP/2 closing waits for a request that is still being sent
	_ = res.Body.Close()
	return s, err
}

// stalled sends a beginning and then nothing, for as long as anybody reads it.
func stalled(t testing.TB, beginning []byte) io.Reader {
	r, w := io.Pipe()
	t.Cleanup(func() { _ = w.Close() })
	return io.MultiReader(bytes.NewReader(beginning), r)
}

// Whoever begins a request and does not end it is told so, in every protocol,
// and holds nothing.
func TestASlowRequestIsCutOff(t *testing.T) {
	t.Parallel()
	w := setup(t, func(d *server.Deps) { d.ReadWithin = 700 * time.Millisecond })
	var people []person // one may have but so many streams
	for range 4 {
		people = append(people, w.register("Ana"))
	}
	l := w.serve()
	type request struct {
		client               *http.Client
		over, procedure, how string
		beginning            string
	}
	var requests []request
	for over, client := range map[string]*http.Client{"HTTP/1.1": l.http1, "h2c": l.h2c} {
		for _, procedure := range []string{"UserService/GetMe", "OperationService/WatchWorkspace"} {
			for _, k := range wires(methodNamed(procedure)) {
				beginnings := []string{"", "{"}
				if k.enveloped {
					beginnings = []string{"", "\x00\x00", "\x00\x00\x00\x00\x02", "\x00\x00\x00\x00\x02{}"}
				}
				for _, beginning := range beginnings {
					requests = append(requests, request{client, over, procedure, k.contentType, beginning})
				}
			}
		}
	}
	type result struct {
		said
		error
	}
	for i, got := range parallel(len(requests), func(i int) result {
		r := requests[i]
		s, err := send(t, r.client, l.url, people[i%len(people)].token, r.procedure, r.how, stalled(t, []byte(r.beginning)))
		return result{s, err}
	}) {
		require.NoError(t, got.error, "%+v", requests[i])
		require.Equal(t, connect.CodeDeadlineExceeded, got.code, "%+v: %+v", requests[i], got.said)
		require.True(t, got.reason, "%+v: %+v", requests[i], got.said)
	}
	// Whoever is nobody is told so before his body is awaited.
	s, err := send(t, l.h2c, l.url, "", "UserService/GetMe", asJSON, stalled(t, []byte("{")))
	require.NoError(t, err)
	require.Equal(t, connect.CodeUnauthenticated, s.code)
	require.NoError(t, l.drain())
}

// What is cut off is the request: its answer may go on for as long as it likes.
func TestAStreamOutlivesTheDeadlineOfItsRequest(t *testing.T) {
	t.Parallel()
	w := setup(t, func(d *server.Deps) {
		d.ReadWithin, d.Watch = 300*time.Millisecond, operation.WatchDeps{HeartbeatEvery: 100 * time.Millisecond}
	})
	p := w.register("Ana")
	l := w.serve()
	for name, client := range map[string]*http.Client{"HTTP/1.1": l.http1, "h2c": l.h2c} {
		s := w.watchBy(client, l.url, p, p.org, p.workspace)
		for range 15 { // five deadlines
			select {
			case <-s.messages:
			case err := <-s.end:
				require.Fail(t, "the stream ended", "%s: %v", name, err)
			case <-time.After(10 * time.Second):
				require.Fail(t, "nothing came", name)
			}
		}
		s.cancel()
	}
}

// Whoever asks and does not read the answer does not hold the server's hand.
func TestAnAnswerThatNobodyReadsIsGivenUp(t *testing.T) {
	t.Parallel()
	big := fstest.MapFS{"index.html": app["index.html"], "assets/big-1a2b.js": {Data: make([]byte, 64<<20)}}
	w := setup(t, withWeb(big), func(d *server.Deps) { d.WriteWithin = 500 * time.Millisecond })
	for name, h2 := range map[string]bool{"HTTP/1.1": false, "h2c": true} {
		ended := make(chan struct{})
		hs := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			defer close(ended)
			w.server.Handler().ServeHTTP(rw, r)
		}))
		both, only := &http.Protocols{}, &http.Protocols{}
		both.SetHTTP1(true)
		both.SetUnencryptedHTTP2(true)
		only.SetHTTP1(!h2)
		only.SetUnencryptedHTTP2(h2)
		hs.Config.Protocols = both
		hs.Start()
		transport := &http.Transport{Protocols: only}
		res, err := (&http.Client{Transport: transport}).Get(hs.URL + "/assets/big-1a2b.js")
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, res.StatusCode)
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			require.Fail(t, "the handler writes on", name)
		}
		_ = res.Body.Close()
		transport.CloseIdleConnections()
		hs.Close()
	}
}

// One person's live views are counted; the one too many is told so and the others
// live on.
func TestOneTooManyStreams(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p, other := w.register("Ana"), w.register("Bia")
	e := w.estate(p.org, p.workspace)
	l := w.serve()
	var open []*watcher
	var refused answer
	for range 100 {
		refused = w.rpcStream(l, p)
		if !refused.isOK() {
			break
		}
		open = append(open, w.watchBy(l.h2c, l.url, p, p.org, p.workspace))
	}
	refused.refused(t, "TOO_MANY_STREAMS")
	require.Equal(t, "resource_exhausted", refused.code)
	require.Equal(t, "20", refused.meta["limit"])
	require.Len(t, open, 20)
	w.watchBy(l.h2c, l.url, other, other.org, other.workspace)
	w.exec(`UPDATE resources SET state = 'stopped' WHERE id = $1`, e.resources[0])
	for _, s := range open {
		s.resource(e.resources[0])
	}
	open[0].cancel()
	require.Eventually(t, func() bool { return w.rpcStream(l, p).isOK() }, 10*time.Second, 20*time.Millisecond, "one that ended makes room")
}

// rpcStream opens a stream, hears its first message or its refusal, and leaves.
func (w *world) rpcStream(l listener, p person) answer {
	w.t.Helper()
	there := *w
	there.url, there.client = l.url, l.h2c
	return there.rpc(p.token, "OperationService/WatchWorkspace", &v1.WatchWorkspaceRequest{OrgId: p.org.String(), WorkspaceId: p.workspace.String()})
}

// A request that is too large is told so by one reason and one code, however it
// is said: in plain JSON, zipped, in an envelope that promises more, or that
// keeps its promise.
func TestALargeRequestIsToldHowLargeItMayBe(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	l := w.serve()
	spaces := bytes.Repeat([]byte{' '}, 3<<20/2)
	for name, client := range map[string]*http.Client{"HTTP/1.1": l.http1, "h2c": l.h2c} {
		for _, procedure := range []string{"UserService/GetMe", "OperationService/WatchWorkspace"} {
			for _, k := range wires(methodNamed(procedure)) {
				bodies := map[string][]byte{"whole": spaces}
				if k.enveloped {
					bodies = map[string][]byte{"whole": envelope(0, spaces), "promised": {0, 0xff, 0xff, 0xff, 0xff}, "promised and begun": append([]byte{0, 0x40, 0, 0, 0}, spaces...)}
				}
				for what, body := range bodies {
					s, err := send(t, client, l.url, p.token, procedure, k.contentType, bytes.NewReader(body))
					require.NoError(t, err)
					require.Equal(t, connect.CodeResourceExhausted, s.code, "%s over %s as %s, %s: %+v", procedure, name, k.contentType, what, s)
					require.True(t, s.reason)
				}
				zip := zipped(t, spaces)
				if k.enveloped {
					zip = envelope(1, zip)
				}
				s, err := send(t, client, l.url, p.token, procedure, k.contentType, bytes.NewReader(zip), k.encodingHeader(), "gzip")
				require.NoError(t, err)
				require.Equal(t, connect.CodeResourceExhausted, s.code, "%s over %s as %s, zipped: %.200q", procedure, name, k.contentType, s.text)
			}
		}
	}
}
