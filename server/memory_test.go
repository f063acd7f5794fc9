package server_test

import (
	"bytes"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What strangers and members send at once takes a bounded amount of memory,
// whatever it unpacks to or promises. This test is not parallel: the others
// would be measured with it.
func TestMemoryIsBounded(t *testing.T) {
	w := setup(t)
	p := w.register("Ana")
	l := w.serve()
	bomb := zipped(t, make([]byte, 128<<20)) // 128 kB
	nested := []byte(`{"orgId":` + strings.Repeat("[", 900_000))
	lists := []byte(`{"resourceIds":[` + strings.Repeat(`"",`, 300_000) + `""]}`)
	objects := []byte(`{"rule":{"weekdays":[` + strings.Repeat("1,", 500_000) + `1]}}`)
	type request struct {
		token, procedure, how string
		body                  []byte
		headers               []string
	}
	var requests []request
	for _, token := range []string{p.token, ""} {
		for range 3 {
			requests = append(requests,
				request{token, "ScheduleService/CreateSchedule", asJSON, bomb, []string{"Content-Encoding", "gzip"}},
				request{token, "ScheduleService/CreateSchedule", asProto, bomb, []string{"Content-Encoding", "gzip"}},
				request{token, "ScheduleService/CreateSchedule", "application/grpc", envelope(1, bomb), []string{"Grpc-Encoding", "gzip"}},
				request{token, "OperationService/WatchWorkspace", "application/connect+json", envelope(1, bomb), []string{"Connect-Content-Encoding", "gzip"}},
				request{token, "ScheduleService/CreateSchedule", asJSON, nested, nil},
				request{token, "ScheduleService/CreateSchedule", asJSON, lists, nil},
				request{token, "ScheduleService/CreateSchedule", asJSON, objects, nil},
				request{token, "ScheduleService/CreateSchedule", "application/grpc+json", append([]byte{0, 0xff, 0xff, 0xff, 0xff}, bytes.Repeat([]byte{'['}, 1<<20)...), nil},
				request{token, "ScheduleService/CreateSchedule", asProto, bytes.Repeat([]byte{0x2a, 0x00}, 500_000), nil})
		}
	}
	var base, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&base)
	var highest atomic.Uint64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				var now runtime.MemStats
				runtime.ReadMemStats(&now)
				highest.Store(max(highest.Load(), now.HeapInuse))
			}
		}
	}()
	for i, err := range parallel(len(requests), func(i int) error {
		r := requests[i]
		_, err := send(t, l.h2c, l.url, r.token, r.procedure, r.how, bytes.NewReader(r.body), r.headers...)
		return err
	}) {
		require.NoError(t, err, "%s %s", requests[i].procedure, requests[i].how)
	}
	close(stop)
	<-stopped
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&after)
	peak := int64(highest.Load()) - int64(base.HeapInuse)
	t.Logf("%d at once: at most %d MiB more, %d MiB kept", len(requests), peak>>20, (int64(after.HeapAlloc)-int64(base.HeapAlloc))>>20)
	// Twelve bombs alone would unpack to 1.5 GiB.
	require.Less(t, peak, int64(512<<20))
	require.Less(t, int64(after.HeapAlloc)-int64(base.HeapAlloc), int64(64<<20))
}
