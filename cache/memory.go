package cache

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// Memory is a store in the memory of the process. What was not used for the longest time makes room for what is new.
type Memory struct {
	most     int64
	mostKept int
	now      func() time.Time

	mu    sync.Mutex
	used  int64
	items map[string]*list.Element
	order list.List // of item, the last used first
}

type item struct {
	key   string
	value []byte
	ends  time.Time // zero for never
}

// overhead is about what an item takes besides its key and its value.
const overhead = 256

func (i *item) size() int64 { return int64(len(i.key)+len(i.value)) + overhead }

// NewMemory makes a store of most bytes at most, and of items values at most if that is not 0. now is the clock; time.Now if
// nil.
func NewMemory(most int64, items int, now func() time.Time) *Memory {
	if now == nil {
		now = time.Now
	}
	return &Memory{most: most, mostKept: items, now: now, items: map[string]*list.Element{}}
}

// Get returns the value of a key.
func (m *Memory) Get(_ context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.items[key]
	if !ok {
		return nil, nil
	}
	i := e.Value.(*item) //nolint:forcetypeassert // the list has only these
	if !i.ends.IsZero() && !m.now().Before(i.ends) {
		m.remove(e)
		return nil, nil
	}
	m.order.MoveToFront(e)
	return i.value, nil
}

// Set keeps a value. One that is larger than the store is not kept.
func (m *Memory) Set(_ context.Context, key string, value []byte, ttl time.Duration) error {
	i := &item{key: key, value: value}
	if ttl > 0 {
		i.ends = m.now().Add(ttl)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.items[key]; ok {
		m.remove(old)
	}
	if i.size() > m.most {
		return nil
	}
	m.used += i.size()
	m.items[key] = m.order.PushFront(i)
	for m.used > m.most || m.mostKept > 0 && len(m.items) > m.mostKept {
		m.remove(m.order.Back())
	}
	return nil
}

// remove forgets an item. m.mu is held.
func (m *Memory) remove(e *list.Element) {
	i := m.order.Remove(e).(*item) //nolint:forcetypeassert // the list has only these
	delete(m.items, i.key)
	m.used -= i.size()
}

// Delete forgets keys.
func (m *Memory) Delete(_ context.Context, keys []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, key := range keys {
		if e, ok := m.items[key]; ok {
			m.remove(e)
		}
	}
	return nil
}

// Flush forgets everything.
func (m *Memory) Flush(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.items)
	m.order.Init()
	m.used = 0
	return nil
}

// Used is how much memory the values take, in bytes, and how many there are.
func (m *Memory) Used() (size int64, items int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.used, len(m.items)
}

// Ping reports nil: memory can always be used.
func (m *Memory) Ping(context.Context) error { return nil }

// Close does nothing.
func (m *Memory) Close() error { return nil }
