package export

import "sync"

// parallel is how many records are sent at the same time to a service that takes them one by one.
const parallel = 8

// Each sends records one by one, several at the same time, and returns those that could not be sent with the first reason.
func Each(batch []*Record, send func(r *Record) error) (rest []*Record, first error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	next := make(chan *Record)
	for range min(parallel, len(batch)) {
		all.Go(func() {
			for r := range next {
				if err := send(r); err != nil {
					mu.Lock()
					rest = append(rest, r)
					if first == nil {
						first = err
					}
					mu.Unlock()
				}
			}
		})
	}
	for _, r := range batch {
		next <- r
	}
	close(next)
	all.Wait()
	return rest, first
}
