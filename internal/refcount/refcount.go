// Package refcount keeps values that several users share, each for as long as one of them needs it.
package refcount

import "sync"

// Pool keeps a value for each key, from its first user to its last. The zero value is ready for use, also by
// several goroutines.
type Pool[K comparable, V any] struct {
	mu   sync.Mutex
	open map[K]*entry[V]
}

type entry[V any] struct {
	value V
	users int
}

// Take returns the value of a key. The first user's open makes it, while other users wait; an error of open is
// returned, and nothing is kept. The user calls release when it does not need the value any more: last is
// whether nobody else does, so that the user has to close it. Only the first call of release counts.
func (p *Pool[K, V]) Take(key K, open func() (V, error)) (value V, release func() (last bool), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.open[key]
	if e == nil {
		if value, err = open(); err != nil {
			return value, nil, err
		}
		if e = (&entry[V]{value: value}); p.open == nil {
			p.open = map[K]*entry[V]{}
		}
		p.open[key] = e
	}
	e.users++
	left := false
	return e.value, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		if left {
			return false
		}
		left = true
		if e.users--; e.users > 0 {
			return false
		}
		delete(p.open, key)
		return true
	}, nil
}

// Len is how many values have users.
func (p *Pool[K, V]) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.open)
}
