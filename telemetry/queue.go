package telemetry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

// Bounds of a Queue.
const (
	// queueSize is how many bytes may wait to be written: about 1,800 lines of calls. The same
	// amount may be in the batch that is being written.
	queueSize = 1 << 20
	// pieceSize is how many bytes are written at once, unless a single line is longer. POSIX writes
	// up to PIPE_BUF bytes (4,096 on Linux) to a pipe atomically, so lines of several writers do
	// not mix.
	pieceSize = 4 << 10
	// batchEvery is the least time between two batches, so that a busy gateway does not make a system
	// call for each of its calls. A line that comes after a pause is written at once.
	batchEvery = 10 * time.Millisecond
	// stallLimit is how long one write may take before the writer counts as stalled.
	stallLimit = 5 * time.Second
	// probeInterval is how often a failed writer is tried again without a new line: a server that
	// is not ready gets no calls that would produce one.
	probeInterval = 5 * time.Second
)

// Errors of a queue that loses lines or is about to.
var (
	ErrQueueFull    = errors.New("the log buffer is full: lines come faster than the log can be written")
	ErrQueueStalled = errors.New("the log is stalled: writing it makes no progress")
)

// Queue is a bounded queue of complete lines in front of a writer that may be slow, stall or fail.
// Write never waits for that writer: lines that do not fit are dropped and counted. Close ends the
// queue's goroutine. Its methods are safe for concurrent use.
type Queue struct {
	w       io.Writer
	notice  func(lost int64) []byte
	wake    chan struct{} // has a token when there is something to do
	closing chan struct{} // closed by Close
	done    chan struct{} // closed when the goroutine has ended

	mu       sync.Mutex
	pending  []byte    // complete lines waiting
	full     bool      // a line did not fit since the last batch was taken
	closed   bool      // no more lines are accepted
	failure  error     // error of the last write; nil if it succeeded
	writing  time.Time // when the write in progress began; zero if there is none
	dropped  int64     // lines lost
	due      int64     // those of them lost before the pending lines
	reported int64     // those of them already reported in a notice
}

// NewQueue makes a queue in front of w and starts its goroutine. notice makes a line that reports a
// number of lost lines, written once w accepts lines again; nil for none.
func NewQueue(w io.Writer, notice func(lost int64) []byte) *Queue {
	q := &Queue{w: w, notice: notice, wake: make(chan struct{}, 1), closing: make(chan struct{}), done: make(chan struct{})}
	go q.run()
	return q
}

// Writer is the queue's underlying writer, such as a terminal.
func (q *Queue) Writer() io.Writer { return q.w }

// Write queues complete lines. It never waits and never fails; lines that do not fit, or that come
// after Close, are dropped and counted.
func (q *Queue) Write(lines []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		q.dropped += count(lines)
	case q.full || len(q.pending)+len(lines) > queueSize:
		q.full = true
		q.dropped += count(lines)
	default:
		q.pending = append(q.pending, lines...)
		q.signal()
	}
	return len(lines), nil
}

// count is the number of lines; an unfinished one counts.
func count(lines []byte) int64 {
	n := bytes.Count(lines, []byte{'\n'})
	if len(lines) > 0 && lines[len(lines)-1] != '\n' {
		n++
	}
	return int64(n)
}

func (q *Queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Dropped is the number of lines lost so far.
func (q *Queue) Dropped() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}

// Err reports why lines are being lost, or are about to be: ErrQueueFull, ErrQueueStalled, or the
// error of the last write. It is nil while writing succeeds.
func (q *Queue) Err() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.failure != nil:
		return q.failure
	case q.full:
		return ErrQueueFull
	case !q.writing.IsZero() && time.Since(q.writing) >= stallLimit:
		return ErrQueueStalled
	default:
		return nil
	}
}

// Close stops accepting lines and waits until the pending ones are written or ctx ends; in the
// latter case the goroutine keeps them, and ends when the writer returns. The error is the reason
// that lines were not written.
func (q *Queue) Close(ctx context.Context) error {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		close(q.closing)
	}
	q.mu.Unlock()
	q.signal()
	select {
	case <-q.done:
	case <-ctx.Done():
		return errors.Join(ctx.Err(), q.Err())
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.failure
}

// run writes pending lines until the queue is closed and empty.
func (q *Queue) run() {
	defer close(q.done)
	var batch []byte
	var before time.Time
	for probe := false; ; probe = q.wait() {
		q.gather(before)
		var last bool
		if batch, last = q.take(batch); len(batch) > 0 {
			before = time.Now()
		}
		for rest := batch; len(rest) > 0; {
			n := piece(rest)
			q.write(rest[:n])
			rest = rest[n:]
		}
		q.report(probe)
		if last {
			return
		}
	}
}

// gather waits until batchEvery after the batch before, for lines that come meanwhile, unless there
// are enough for a write.
func (q *Queue) gather(before time.Time) {
	q.mu.Lock()
	enough := q.full || len(q.pending) >= pieceSize
	q.mu.Unlock()
	left := batchEvery - time.Since(before)
	if enough || left <= 0 {
		return
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-q.closing:
	}
}

// take returns the pending lines and whether they are the last, and reuses the previous batch as
// the buffer for new lines.
func (q *Queue) take(room []byte) (batch []byte, last bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	batch, q.pending = q.pending, room[:0]
	q.full = false
	q.due = q.dropped // lines lost so far came after those taken
	return batch, q.closed
}

// wait returns when there is something to do, and whether it is only to probe a failed writer.
func (q *Queue) wait() (probe bool) {
	q.mu.Lock()
	failed := q.failure != nil
	q.mu.Unlock()
	if !failed {
		<-q.wake
		return false
	}
	timer := time.NewTimer(probeInterval)
	defer timer.Stop()
	select {
	case <-q.wake:
		return false
	case <-timer.C:
		return true
	}
}

// piece is the length of the complete lines at the beginning of b that are written at once.
func piece(b []byte) int {
	if len(b) <= pieceSize {
		return len(b)
	}
	if end := bytes.LastIndexByte(b[:pieceSize], '\n'); end >= 0 {
		return end + 1
	}
	if end := bytes.IndexByte(b, '\n'); end >= 0 {
		return end + 1
	}
	return len(b)
}

// write writes lines; those that cannot be written are lost.
func (q *Queue) write(lines []byte) {
	n, err := q.put(lines)
	if err == nil {
		return
	}
	lost := count(lines[n:])
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dropped += lost
	q.due += lost
}

// put makes one write and records the result.
func (q *Queue) put(b []byte) (int, error) {
	q.mu.Lock()
	q.writing = time.Now()
	q.mu.Unlock()
	n, err := q.w.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.writing, q.failure = time.Time{}, err
	return max(0, min(n, len(b))), err
}

// report writes the notice of the lines lost since the last notice, after the lines that came
// before them. For a failed writer it is the probe.
func (q *Queue) report(probe bool) {
	q.mu.Lock()
	lost, failed := q.due-q.reported, q.failure != nil
	q.mu.Unlock()
	if lost == 0 || failed && !probe || q.notice == nil {
		return
	}
	if _, err := q.put(q.notice(lost)); err != nil {
		return // it is retried, and does not count as a line
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.reported += lost
}
