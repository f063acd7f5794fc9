package flight

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// waiting is how many wait for the reading of a key that has not begun.
func (g *Group[K, V]) waiting(key K) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if q := g.keys[key]; q != nil && q.next != nil {
		return q.next.waiters
	}
	return 0
}

func (g *Group[K, V]) idle() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.keys) == 0
}

func eventually(t *testing.T, what func() bool) {
	t.Helper()
	require.Eventually(t, what, 30*time.Second, time.Millisecond)
}

// gate is a reading that waits to be let go; each answers its number.
type gate struct {
	began atomic.Int64
	ended atomic.Int64 // by their context
	open  chan struct{}
}

func (r *gate) read(ctx context.Context) (int64, error) {
	n := r.began.Add(1)
	select {
	case <-r.open:
		return n, nil
	case <-ctx.Done():
		r.ended.Add(1)
		return 0, ctx.Err()
	}
}

type answer struct {
	n   int64
	err error
}

func ask(ctx context.Context, g *Group[string, int64], key string, r *gate) <-chan answer {
	out := make(chan answer, 1)
	go func() {
		n, err := g.Do(ctx, key, r.read)
		out <- answer{n, err}
	}()
	return out
}

// However many ask at once, two readings serve them: the one under way when they
// came, which is the first's alone, and one after it.
func TestWhoAsksMeanwhileSharesTheNextReading(t *testing.T) {
	t.Parallel()
	var g Group[string, int64]
	r := &gate{open: make(chan struct{})}
	first := ask(t.Context(), &g, "a", r)
	eventually(t, func() bool { return r.began.Load() == 1 })
	var others []<-chan answer
	for range 15 {
		others = append(others, ask(t.Context(), &g, "a", r))
	}
	eventually(t, func() bool { return g.waiting("a") == 15 })
	require.EqualValues(t, 1, r.began.Load(), "one at a time")
	close(r.open)
	require.Equal(t, answer{1, nil}, <-first)
	for _, o := range others {
		require.Equal(t, answer{2, nil}, <-o)
	}
	require.EqualValues(t, 2, r.began.Load())
	eventually(t, g.idle)
}

// Who has changed something and asks then is given a reading that saw it, whoever
// else asks at the same time.
func TestNobodyIsGivenWhatWasReadBeforeHeAsked(t *testing.T) {
	t.Parallel()
	var g Group[string, int64]
	var stored atomic.Int64
	read := func(context.Context) (int64, error) {
		n := stored.Load()
		time.Sleep(100 * time.Microsecond) // what is read is on its way
		return n, nil
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 300 {
				written := stored.Add(1)
				got, err := g.Do(t.Context(), "a", read)
				if err != nil || got < written {
					t.Errorf("wrote %d and then read %d, %v", written, got, err)
				}
			}
		})
	}
	all.Wait()
	eventually(t, g.idle)
}

func TestKeysAreApart(t *testing.T) {
	t.Parallel()
	var g Group[string, int64]
	a, b := &gate{open: make(chan struct{})}, &gate{open: make(chan struct{})}
	asked := ask(t.Context(), &g, "a", a)
	eventually(t, func() bool { return a.began.Load() == 1 })
	close(b.open)
	require.Equal(t, answer{1, nil}, <-ask(t.Context(), &g, "b", b), "it waits for nobody else's")
	require.EqualValues(t, 1, b.began.Load())
	close(a.open)
	require.Equal(t, answer{1, nil}, <-asked)
}

// One who goes away takes nothing from those who share with him; when the last is
// gone the reading is told to end, or is not begun.
func TestWhoGoesAway(t *testing.T) {
	t.Parallel()
	var g Group[string, int64]
	r := &gate{open: make(chan struct{})}
	gone := errors.New("went away")
	leaving, leave := context.WithCancelCause(t.Context())
	first := ask(leaving, &g, "a", r)
	eventually(t, func() bool { return r.began.Load() == 1 })
	second := ask(leaving, &g, "a", r)
	eventually(t, func() bool { return g.waiting("a") == 1 })
	stays := ask(t.Context(), &g, "a", r)
	eventually(t, func() bool { return g.waiting("a") == 2 })
	leave(gone)
	require.Equal(t, answer{0, gone}, <-first)
	require.Equal(t, answer{0, gone}, <-second)
	eventually(t, func() bool { return r.ended.Load() == 1 })
	close(r.open)
	require.Equal(t, answer{2, nil}, <-stays, "begun by one who left, for one who stayed")
	eventually(t, g.idle)

	r = &gate{open: make(chan struct{})}
	stays = ask(t.Context(), &g, "a", r)
	eventually(t, func() bool { return r.began.Load() == 1 })
	leaving, leave = context.WithCancelCause(t.Context())
	first = ask(leaving, &g, "a", r)
	eventually(t, func() bool { return g.waiting("a") == 1 })
	leave(gone)
	require.Equal(t, answer{0, gone}, <-first)
	close(r.open)
	require.Equal(t, answer{1, nil}, <-stays)
	eventually(t, g.idle)
	require.EqualValues(t, 1, r.began.Load(), "nobody waited for the second")
}

func TestErrorsAndPanicsReachWhoAsked(t *testing.T) {
	t.Parallel()
	var g Group[string, int64]
	broken := errors.New("broken")
	_, err := g.Do(t.Context(), "a", func(context.Context) (int64, error) { return 0, broken })
	require.ErrorIs(t, err, broken)
	require.PanicsWithValue(t, "no", func() {
		_, _ = g.Do(t.Context(), "a", func(context.Context) (int64, error) { panic("no") })
	})
	n, err := g.Do(t.Context(), "a", func(context.Context) (int64, error) { return 7, nil })
	require.NoError(t, err, "what went wrong stays with whom it befell")
	require.EqualValues(t, 7, n)
}
