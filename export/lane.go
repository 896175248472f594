package export

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	batchSize  = 512
	flushEvery = 5 * time.Second
	queued     = 10_000   // records
	queuedSize = 64 << 20 // bytes of content
	attempts   = 5
	firstPause = time.Second
	longPause  = 15 * time.Second
	sendLimit  = 15 * time.Second // of one attempt
)

// lane is what waits for a callback.
type lane struct {
	callback Callback
	name     string
	opt      *Options
	wake     chan struct{} // has something if the goroutine has to look
	done     chan struct{} // closed by close
	left     chan struct{} // closed by leave

	mu      sync.Mutex
	waiting []*Record
	size    int  // of the content of those that wait
	closed  bool // nothing more comes
	hurried bool // by close
	failure error
	since   time.Time // of failure
	dropped int       // since the log last said so
	last    time.Time // when the last record came
}

func newLane(c Callback, name string, opt *Options) *lane {
	c.Batch, c.Every = cmp.Or(c.Batch, batchSize), cmp.Or(c.Every, flushEvery)
	return &lane{callback: c, name: name, opt: opt, wake: make(chan struct{}, 1), done: make(chan struct{}), left: make(chan struct{})}
}

func (l *lane) wants(failed bool) bool {
	return failed && l.callback.Failure || !failed && l.callback.Success
}

// view is a record as the callback may see it.
func (l *lane) view(r *Record) *Record {
	if r.Content == nil || l.callback.Content && !r.From.Redact {
		return r
	}
	own := *r
	own.Content, own.masking = nil, nil
	return &own
}

// add queues a record; it is dropped if too many wait, or too much content.
func (l *lane) add(r *Record) {
	r = l.view(r)
	size := r.Content.Size()
	l.mu.Lock()
	n := len(l.waiting)
	fits := !l.closed && n < cmp.Or(l.opt.queue, queued) && (size == 0 || l.size+size <= queuedSize)
	if fits {
		r.masking.take() // until it is masked
		l.waiting = append(l.waiting, r)
		l.size += size
		l.last = r.Started.Add(r.Duration)
	} else {
		l.dropped++
	}
	l.mu.Unlock()
	if !fits {
		l.opt.Count(l.name, Dropped, 1)
		return
	}
	if n == 0 || n+1 == l.callback.Batch { // the goroutine waits for the first one, and then for the time or a whole batch
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

// take removes what is sent next.
func (l *lane) take() (batch []*Record, closed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(len(l.waiting), l.callback.Batch)
	batch = append(batch, l.waiting[:n]...)
	rest := copy(l.waiting, l.waiting[n:])
	clear(l.waiting[rest:])
	l.waiting = l.waiting[:rest]
	for _, r := range batch {
		l.size -= r.Content.Size()
	}
	return batch, l.closed
}

// leave ends the lane when what waits is sent, with as many attempts as always.
func (l *lane) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		close(l.left)
	}
}

// close ends the lane when what waits is sent, with one more attempt for what has failed.
func (l *lane) close() {
	l.leave()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.hurried {
		l.hurried = true
		close(l.done)
	}
}

// run sends what waits until the lane is closed and empty, or the context ends.
func (l *lane) run(ctx context.Context) {
	defer l.callback.Sender.Close()
	for {
		l.gather()
		batch, closed := l.take()
		if len(batch) == 0 {
			if closed {
				return
			}
			continue
		}
		l.deliver(ctx, maskedAll(batch))
	}
}

// maskedAll are records with the content that callbacks may have.
func maskedAll(batch []*Record) []*Record {
	for i, r := range batch {
		if r.masking != nil {
			own := *r
			own.Content, own.masking = r.masking.content(), nil
			r.masking.leave()
			batch[i] = &own
		}
	}
	return batch
}

// gather waits for a record, and then for a whole batch or the time after which it is sent all the same.
func (l *lane) gather() {
	waiting := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.waiting)
	}
	for waiting() == 0 {
		select {
		case <-l.wake:
		case <-l.left:
			return
		}
	}
	timer := time.NewTimer(l.callback.Every)
	defer timer.Stop()
	for waiting() < l.callback.Batch {
		select {
		case <-l.wake:
		case <-timer.C:
			return
		case <-l.left:
			return
		}
	}
}

// deliver sends a batch, in several attempts if need be.
func (l *lane) deliver(ctx context.Context, batch []*Record) {
	pause := cmp.Or(l.opt.pause, firstPause)
	for attempt := 1; ; attempt++ {
		rest, err := l.send(ctx, batch)
		if n := len(batch) - len(rest); n > 0 {
			l.opt.Count(l.name, Sent, n)
		}
		l.became(err)
		if len(rest) == 0 {
			return
		}
		batch = rest
		var final *FinalError
		if attempt == attempts || errors.As(err, &final) || ctx.Err() != nil {
			l.lost(len(batch), err)
			return
		}
		wait := time.NewTimer(pause/2 + rand.N(pause/2+1)) //nolint:gosec // a pause is no secret
		select {
		case <-wait.C:
		case <-l.done: // what waits is tried once more
			wait.Stop()
			attempt = max(attempt, attempts-1)
		case <-ctx.Done():
			wait.Stop()
		}
		pause = min(2*pause, longPause)
	}
}

// send makes one attempt.
func (l *lane) send(ctx context.Context, batch []*Record) (rest []*Record, err error) {
	ctx, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	rest, err = l.callback.Sender.Send(ctx, batch)
	if err == nil {
		return nil, nil
	}
	return rest, err
}

// became keeps whether the callback can be reached, and says so in the log when that changes.
func (l *lane) became(err error) {
	l.mu.Lock()
	was := l.failure != nil
	l.failure = err
	if err != nil && !was {
		l.since = time.Now()
	}
	dropped, leaving := l.dropped, l.closed && !l.hurried
	if err == nil {
		l.dropped = 0
	}
	l.mu.Unlock()
	if was == (err != nil) {
		return
	}
	if l.name != Own && !leaving { // of which there are several; another may have the name already
		l.opt.Down(l.name, err != nil)
	}
	if err != nil {
		l.opt.Logger.Warn("a callback cannot be reached; calls go on", slog.String("callback", l.name), slog.String("error", err.Error()))
		return
	}
	l.opt.Logger.Info("a callback can be reached again", slog.String("callback", l.name), slog.Int("dropped", dropped))
}

// lost counts records that will not be sent.
func (l *lane) lost(n int, err error) {
	l.opt.Count(l.name, Failed, n)
	l.opt.Logger.Warn("records of calls could not be sent to a callback", slog.String("callback", l.name), slog.Int("records", n), slog.String("error", err.Error()))
}

func (l *lane) state() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := State{Name: l.name, Success: l.callback.Success, Failure: l.callback.Failure, Content: l.callback.Content, Err: l.failure, Waiting: len(l.waiting)}
	if l.failure != nil {
		s.Since = l.since
	}
	return s
}
