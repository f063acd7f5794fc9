// Package flight shares one reading among those who asked for the same before it
// began. It is not a cache: nobody is given what was read before he asked, so who
// has just changed something sees it. It knows nothing of what is read.
package flight

import (
	"context"
	"sync"
)

// Group shares the readings of each key: one at a time, and who asks while it is
// under way waits for the next, with all others who do. However many ask at once,
// it costs two readings. The zero value is ready.
type Group[K comparable, V any] struct {
	mu   sync.Mutex
	keys map[K]*queue[V]
}

// queue is what one key has under way, and what begins when that has ended; next
// is nil while nobody waits for it.
type queue[V any] struct{ running, next *call[V] }

type call[V any] struct {
	read    func(context.Context) (V, error)
	ctx     context.Context //nolint:containedctx // of the reading, not of one who waits for it
	cancel  context.CancelFunc
	waiters int
	done    chan struct{} // closed when what follows is set
	value   V
	err     error
	panics  any // what read panicked with
}

// Do answers a reading of key that began after Do was called. It is that of
// whoever asked first: the key must hold all that read depends on, whose data it
// is too. read's context has the values of his and ends when nobody waits any
// more. The value is shared and must not be changed. Do answers ctx's error when
// ctx ends before, and panics when read does.
func (g *Group[K, V]) Do(ctx context.Context, key K, read func(context.Context) (V, error)) (V, error) {
	c := g.join(ctx, key, read)
	select {
	case <-c.done:
		if c.panics != nil {
			panic(c.panics)
		}
		return c.value, c.err
	case <-ctx.Done():
		g.leave(key, c)
		var none V
		return none, context.Cause(ctx)
	}
}

func (g *Group[K, V]) join(ctx context.Context, key K, read func(context.Context) (V, error)) *call[V] {
	g.mu.Lock()
	defer g.mu.Unlock()
	q := g.keys[key]
	if q != nil && q.next != nil {
		q.next.waiters++
		return q.next
	}
	c := &call[V]{read: read, waiters: 1, done: make(chan struct{})}
	c.ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if q != nil {
		q.next = c
		return c
	}
	if g.keys == nil {
		g.keys = map[K]*queue[V]{}
	}
	g.keys[key] = &queue[V]{running: c}
	go g.run(key, c)
	return c
}

// leave takes one who waits away. What nobody waits for is not begun, or told to
// end.
func (g *Group[K, V]) leave(key K, c *call[V]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.waiters--; c.waiters > 0 {
		return
	}
	c.cancel()
	if q := g.keys[key]; q != nil && q.next == c {
		q.next = nil
	}
}

func (g *Group[K, V]) run(key K, c *call[V]) {
	defer func() {
		c.panics = recover()
		c.cancel()
		close(c.done)
		g.mu.Lock()
		defer g.mu.Unlock()
		q := g.keys[key]
		if q.running, q.next = q.next, nil; q.running == nil {
			delete(g.keys, key)
			return
		}
		go g.run(key, q.running)
	}()
	c.value, c.err = c.read(c.ctx)
}
