package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// arrival is one request that a receiver had. On the wire of this program it is 24
// bytes: the event's id and the time in Unix nanoseconds.
type arrival struct {
	event uuid.UUID
	at    int64
}

const arrivalBytes = 24

// deadPath is where a receiver answers 500 and only counts.
const deadPath = "/dead"

// receiversReady is what the process of receivers says first.
type receiversReady struct {
	Control string   `json:"control"` // the address that answers /log and /count
	At      []string `json:"at"`      // one receiver each
}

// receiversChild are as many HTTP servers as it is told, in one process.
func receiversChild(ctx context.Context, args []string) error {
	n := 0
	if len(args) == 1 {
		n, _ = strconv.Atoi(args[0])
	}
	if n < 1 {
		return fmt.Errorf("receivers takes how many")
	}
	ctx, stop := untilTerminated(ctx)
	defer stop()
	var r receivers
	var ready receiversReady
	control, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ready.Control = "http://" + control.Addr().String()
	go func() { _ = http.Serve(control, r.control()) }()
	for range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		ready.At = append(ready.At, "http://"+ln.Addr().String())
		go func() { _ = http.Serve(ln, http.HandlerFunc(r.receive)) }()
	}
	raw, err := json.Marshal(ready)
	if err != nil {
		return err
	}
	fmt.Println(string(raw))
	<-ctx.Done()
	return nil
}

type receivers struct {
	mu   sync.Mutex
	got  []arrival
	dead atomic.Int64
}

func (r *receivers) receive(w http.ResponseWriter, req *http.Request) {
	at := time.Now().UnixNano()
	_, _ = io.Copy(io.Discard, req.Body)
	if req.URL.Path == deadPath {
		r.dead.Add(1)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	id, err := uuid.Parse(strings.TrimPrefix(req.Header.Get("webhook-id"), "evt_"))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	r.got = append(r.got, arrival{id, at})
	r.mu.Unlock()
}

// counts is what receivers have had since /log was last read, and the dead one ever.
type counts struct {
	Got  int   `json:"got"`
	Dead int64 `json:"dead"`
}

func (r *receivers) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/count", func(w http.ResponseWriter, _ *http.Request) {
		r.mu.Lock()
		c := counts{len(r.got), r.dead.Load()}
		r.mu.Unlock()
		_ = json.NewEncoder(w).Encode(c)
	})
	mux.HandleFunc("/log", func(w http.ResponseWriter, _ *http.Request) {
		r.mu.Lock()
		got := r.got
		r.got = nil
		r.mu.Unlock()
		raw := make([]byte, 0, arrivalBytes*len(got))
		for _, a := range got {
			raw = binary.BigEndian.AppendUint64(append(raw, a.event[:]...), uint64(a.at))
		}
		_, _ = w.Write(raw)
	})
	return mux
}

// receivers are asked by these.
func (h *hooks) ask(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.ready.Control+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

func (h *hooks) counts(ctx context.Context) (c counts, err error) {
	raw, err := h.ask(ctx, "/count")
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal(raw, &c)
}

// arrivals are those since the last time that they were read.
func (h *hooks) arrivals(ctx context.Context) (out []arrival, err error) {
	raw, err := h.ask(ctx, "/log")
	if err != nil {
		return nil, err
	}
	for ; len(raw) >= arrivalBytes; raw = raw[arrivalBytes:] {
		out = append(out, arrival{uuid.UUID(raw[:16]), int64(binary.BigEndian.Uint64(raw[16:arrivalBytes]))})
	}
	return out, nil
}
