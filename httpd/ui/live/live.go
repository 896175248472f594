// Package live keeps the calls that have ended last, for pages that show them as they come.
//
// A call pays for it with the copy of its record into memory that is there already: readers come to the log, and the log
// tells nobody. So a reader that is slow, or gone, costs calls nothing, and one that has fallen too far behind is told how
// many calls it has missed.
package live

import (
	"sync"

	"outcrop/telemetry"
)

// Size is how many calls a log keeps.
const Size = 2000

// Log has the last calls. The zero value is ready for use; its methods are safe for concurrent use.
type Log struct {
	mu    sync.Mutex
	calls []telemetry.Call // a ring of Size at most
	ended uint64           // how many calls have ended so far
}

// Ended keeps a call, without what was asked and answered. It is a watcher of a telemetry.Recorder.
func (l *Log) Ended(c *telemetry.Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := int(l.ended % Size)
	if at == len(l.calls) {
		l.calls = append(l.calls, telemetry.Call{})
	}
	slot := &l.calls[at]
	*slot = *c
	slot.Content, slot.Who.Logging = nil, nil
	slot.Meta.Price, slot.Meta.Header = nil, nil
	l.ended++
}

// Page is what Read has found.
type Page struct {
	// Calls are the calls, newest first.
	Calls []telemetry.Call
	// Last is the number of the last call that was looked at, for the next Read.
	Last uint64
	// Missed is how many calls after the one that was asked for are not kept any more.
	Missed uint64
	// More is whether there were more than were asked for.
	More bool
}

// Read returns the newest calls after the one with a number that takes reports true for, most at most. Number 0 is before
// all calls. takes must be quick, because calls that end wait for it, and must not keep its argument.
func (l *Log) Read(after uint64, most int, takes func(*telemetry.Call) bool) Page {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := Page{Last: l.ended}
	oldest := l.ended - uint64(len(l.calls))
	if after > l.ended { // of an earlier process
		after = 0
	}
	if after > 0 && after < oldest {
		p.Missed = oldest - after
	}
	for n := l.ended; n > max(after, oldest); n-- {
		c := &l.calls[(n-1)%Size]
		if !takes(c) {
			continue
		}
		if len(p.Calls) == most {
			p.More = true
			break
		}
		p.Calls = append(p.Calls, *c)
	}
	return p
}

// Find returns the call with an id; false if it is not kept.
func (l *Log) Find(id string) (telemetry.Call, bool) {
	p := l.Read(0, 1, func(c *telemetry.Call) bool { return c.ID == id })
	if len(p.Calls) == 0 {
		return telemetry.Call{}, false
	}
	return p.Calls[0], true
}
