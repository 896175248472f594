// Package parallel runs the parts of one piece of work concurrently.
package parallel

import (
	"context"
	"sync"
)

// Do calls do for 0 to n-1, at most limit at a time, and waits for all. The first failure cancels
// the context of the others, no further calls are made, and it is returned; a panic is passed on to
// the caller. If ctx ends before all calls were made, its cause is returned.
func Do(ctx context.Context, n, limit int, do func(ctx context.Context, i int) error) error {
	own, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		group    sync.WaitGroup
		once     sync.Once
		first    error
		panicked any
	)
	call := func(i int) {
		defer func() {
			if p := recover(); p != nil {
				once.Do(func() { panicked = p })
				cancel(nil)
			}
		}()
		if err := do(own, i); err != nil {
			once.Do(func() { first = err })
			cancel(err)
		}
	}
	next := make(chan int)
	for range min(n, limit) {
		group.Go(func() {
			for i := range next {
				call(i)
			}
		})
	}
	made := 0
	for ; made < n && own.Err() == nil; made++ {
		select {
		case next <- made:
		case <-own.Done():
			made--
		}
	}
	close(next)
	group.Wait()
	switch {
	case panicked != nil:
		panic(panicked) //nolint:forbidigo // it belongs to the caller, as if it had happened there
	case first == nil && made < n:
		return context.Cause(ctx)
	}
	return first
}
