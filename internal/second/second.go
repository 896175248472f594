// Package second keeps what is made of the time, such as the text of a date, for as long as the second lasts.
package second

import (
	"sync/atomic"
	"time"
)

// Of has what was made of the last second that was asked for. Its zero value is ready, and it may be used by several
// goroutines.
type Of[T any] struct{ last atomic.Pointer[made[T]] }

type made[T any] struct {
	unix   int64 // seconds since 1970
	offset int   // of the zone, in seconds
	value  T
}

// At returns what is made of the second of a time in its zone.
func (o *Of[T]) At(t time.Time, from func(time.Time) T) T {
	_, offset := t.Zone()
	last := o.last.Load()
	if last == nil || last.unix != t.Unix() || last.offset != offset {
		last = &made[T]{t.Unix(), offset, from(t)}
		o.last.Store(last)
	}
	return last.value
}
