package sim

import (
	"context"
	"encoding/xml"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/cloudhub/cloudhub/internal/platform/crashpoint"
)

// answer is what a call comes to on the wire.
type answer struct {
	service   string
	requestID string
	body      document
	failed    *apiError
	latency   time.Duration
	lost      Effect // FaultHang or FaultReset: no answer
}

func (s *Sim) serveAPI(w http.ResponseWriter, r *http.Request) {
	q, body, failed := parse(r)
	if failed == nil {
		failed = s.authenticate(q, r, body, s.wall())
	}
	a := s.perform(q, failed)
	if a.failed == nil && (q.action == actionStart || q.action == actionStop) {
		crashpoint.Reached(crashpoint.Accepted, q.ids...)
	}
	if !s.wait(r.Context(), a.latency) {
		return
	}
	switch a.lost {
	case FaultHang:
		select {
		case <-r.Context().Done():
		case <-s.closing:
		}
		panic(http.ErrAbortHandler)
	case FaultReset:
		reset(w)
		return
	}
	s.write(w, a)
}

// perform decides what a call does, does it and logs it, in one step: calls
// happen one after the other.
func (s *Sim) perform(q *request, failed *apiError) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	q.now = s.now()
	a := answer{service: q.service, requestID: uuid.NewString(), failed: failed}
	a.latency = s.world.between(s.world.estate.Behaviour.Latency)
	call := Call{
		Time: q.now.UTC(), Service: q.service, Action: clip(q.action), IDs: clipAll(q.ids),
		DryRun: q.dryRun, RequestID: a.requestID,
	}
	var res result
	if q.who != nil {
		call.Account, call.Region, call.Principal = q.who.account.ID, q.region, q.who.arn()
		s.strike(q)
		res = s.act(q, &a)
	}
	for _, f := range q.faults {
		call.Faults = append(call.Faults, f.Effect)
	}
	call.Changes = res.changes
	switch {
	case a.failed != nil:
		call.Status, call.Code = a.failed.Status, a.failed.Code
	case a.body != nil:
		call.Status = http.StatusOK
	}
	if err := s.commit(call, res.effects); err != nil {
		s.log.Error("a call could not be written down, so it did not happen", "action", call.Action, "error", err)
		a.body, a.failed = nil, errInternal()
	}
	return a
}

// act runs an authenticated call through its faults and the action.
func (s *Sim) act(q *request, a *answer) (res result) {
	for _, f := range q.faults {
		if f.Effect == FaultLatency {
			a.latency += time.Duration(f.Delay)
		}
	}
	if f, ok := q.struck(FaultHang, FaultReset); ok {
		a.lost = f.Effect
		if !f.AnswerLost {
			return result{}
		}
	}
	if a.failed = q.refusal(); a.failed == nil {
		res, a.failed = s.dispatch(q)
		a.body = res.body
	}
	return res
}

func clipAll(ids []string) []string {
	var out []string
	for _, id := range ids {
		out = append(out, clip(id))
	}
	return out
}

// wait sleeps, and says false when the client left or the provider closed.
func (s *Sim) wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
	case <-s.closing:
	}
	return false
}

// write sends the answer. The Date is the clock that judged the signature: by
// it SDKs find out how far their own clock is off.
func (s *Sim) write(w http.ResponseWriter, a answer) {
	var doc any = a.body
	status := http.StatusOK
	switch {
	case a.failed == nil:
		a.body.setRequestID(a.requestID)
	case a.service == serviceSTS:
		status = a.failed.Status
		fault := "Sender"
		if status >= 500 {
			fault = "Receiver"
		}
		doc = stsErrorDocument{Type: fault, Code: a.failed.Code, Message: a.failed.Message, RequestID: a.requestID}
	default:
		status = a.failed.Status
		doc = ec2ErrorDocument{Code: a.failed.Code, Message: a.failed.Message, RequestID: a.requestID}
	}
	text, err := xml.Marshal(doc)
	if err != nil {
		s.log.Error("an answer could not be written as XML", "error", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/xml;charset=UTF-8")
	h.Set("Date", s.wall().UTC().Format(http.TimeFormat))
	h.Set("X-Amzn-Requestid", a.requestID)
	w.WriteHeader(status)
	_, _ = w.Write(append([]byte(xml.Header), text...)) // a client that left
}

// reset breaks the connection with RST, so that the client reads an error and
// not an end.
func reset(w http.ResponseWriter) {
	if h, ok := w.(http.Hijacker); ok {
		if conn, _, err := h.Hijack(); err == nil {
			if tcp, ok := conn.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
			_ = conn.Close()
			return
		}
	}
	panic(http.ErrAbortHandler)
}

// Serve runs the provider on addr until the context ends, then lets calls under
// way finish (those that hang are let go). Its errors are those of New, of
// listening and of serving.
func Serve(ctx context.Context, addr string, opts Options) error {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	return ServeListener(ctx, ln, opts)
}

// ServeListener is Serve for a caller that wants to know the port. It closes
// the listener.
func ServeListener(ctx context.Context, ln net.Listener, opts Options) error {
	defer ln.Close()
	s, err := New(opts)
	if err != nil {
		return err
	}
	srv := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		// No WriteTimeout: a fault may hang for as long as the client waits.
	}
	s.log.Info("simulated cloud is listening", "address", ln.Addr().String())
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	select {
	case err = <-done:
		return errors.Join(err, s.Close())
	case <-ctx.Done():
	}
	err = s.Close() // first: else Shutdown waits for the calls that hang
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err = errors.Join(err, srv.Shutdown(grace))
	if served := <-done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
