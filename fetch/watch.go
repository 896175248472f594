package fetch

import (
	"context"
	"sync"
	"time"
)

// watch ends a fetch that has been silent for too long, or whose content arrives slower than
// leastRate: otherwise a server that sends a byte now and then would occupy a slot.
type watch struct {
	end func(error) // ends the fetch

	mu    sync.Mutex
	timer *time.Timer
	heard time.Time // when data last arrived
	begun time.Time // when reading the content began, moved forward by the pauses since; zero before
	size  int64     // of the content so far
	since time.Time // when the pause began
	still bool      // paused
}

func newWatch(end context.CancelCauseFunc) *watch {
	w := &watch{end: end, heard: time.Now()}
	w.timer = time.AfterFunc(idle, w.judge)
	return w
}

func (w *watch) stop() { w.timer.Stop() }

// touch records that data has arrived.
func (w *watch) touch() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heard = time.Now()
}

// begin records that reading the content starts, after a pause.
func (w *watch) begin() {
	w.mu.Lock()
	w.begun = w.since
	w.mu.Unlock()
	w.resume()
}

// came records that n bytes of content have arrived.
func (w *watch) came(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heard = time.Now()
	w.size += int64(n)
}

// pause records that the fetch no longer waits for the server.
func (w *watch) pause() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.still, w.since = true, time.Now()
}

// resume ends a pause, which does not count.
func (w *watch) resume() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.still = false
	now := time.Now()
	w.heard = now
	if !w.begun.IsZero() {
		w.begun = w.begun.Add(now.Sub(w.since))
	}
	w.wait(now)
}

// judge checks whether a limit has been exceeded.
func (w *watch) judge() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.still {
		w.wait(time.Now())
	}
}

// wait ends the fetch if a limit has been exceeded, or sets the timer for the next check; mu is
// held.
func (w *watch) wait(now time.Time) {
	next, why := w.heard.Add(idle), "was silent for "+idle.String()
	if !w.begun.IsZero() {
		if slow := w.begun.Add(grace + time.Duration(w.size)*time.Second/leastRate); slow.Before(next) {
			next, why = slow, "arrives slower than 32 KiB a second"
		}
	}
	if now.Before(next) {
		w.timer.Reset(next.Sub(now))
		return
	}
	w.end(lost(why, nil))
}
