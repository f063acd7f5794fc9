package aws

import "container/list"

// lru is a bounded map that forgets what was used longest ago. Not safe for
// concurrent use.
type lru[K comparable, V any] struct {
	max   int
	order *list.List // of entry, most recently used first
	at    map[K]*list.Element
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

func newLRU[K comparable, V any](size int) *lru[K, V] {
	return &lru[K, V]{max: size, order: list.New(), at: make(map[K]*list.Element)}
}

// get returns the value at key, made by make when there is none.
func (l *lru[K, V]) get(key K, make func() V) V {
	if el, ok := l.at[key]; ok {
		l.order.MoveToFront(el)
		return el.Value.(entry[K, V]).value
	}
	e := entry[K, V]{key: key, value: make()}
	l.at[key] = l.order.PushFront(e)
	if l.order.Len() > l.max {
		oldest := l.order.Back()
		l.order.Remove(oldest)
		delete(l.at, oldest.Value.(entry[K, V]).key)
	}
	return e.value
}
