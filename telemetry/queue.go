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
	// queueSize is how many bytes may wait to be written: some 1,800 lines of
	// calls. As much again may be on its way to the writer.
	queueSize = 1 << 20
	// pieceSize is how many bytes are written at once, unless a single line is
	// longer. POSIX keeps writes of up to PIPE_BUF bytes to a pipe in one piece
	// (4,096 on Linux), so lines of several writers do not mix.
	pieceSize = 4 << 10
	// stallLimit is how long one write may take before the writer counts as stalled.
	stallLimit = 5 * time.Second
	// probeInterval is how often a writer that failed is tried again without a new
	// line: while a server is not ready it gets no calls that would make one.
	probeInterval = 5 * time.Second
)

// Reasons why a queue loses lines or is about to.
var (
	ErrQueueFull    = errors.New("the log buffer is full: lines come faster than the log can be written")
	ErrQueueStalled = errors.New("the log is stalled: writing it makes no progress")
)

// Queue is a bounded queue of whole lines between those who write them and a
// writer that may be slow, stall or fail. Write never waits for that writer: what
// finds no room is dropped and counted. Close ends the goroutine that a Queue has.
// Its methods are safe for use by many goroutines.
type Queue struct {
	w      io.Writer
	notice func(lost int64) []byte
	wake   chan struct{} // has a token when there is something to do
	done   chan struct{} // closed when the goroutine has ended

	mu       sync.Mutex
	pending  []byte    // whole lines that wait
	full     bool      // a line found no room since the last batch was taken
	closed   bool      // no more lines are taken
	failure  error     // what the last write failed with; nil if it did not
	writing  time.Time // when the write under way began; zero if there is none
	dropped  int64     // lines lost
	due      int64     // of them those that came before what waits
	reported int64     // of them those that a notice has told of
}

// NewQueue makes a queue in front of w and starts its goroutine. notice makes the
// line that says how many lines were lost, written once w takes lines again; nil
// for none.
func NewQueue(w io.Writer, notice func(lost int64) []byte) *Queue {
	q := &Queue{w: w, notice: notice, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go q.run()
	return q
}

// Writer is what the queue writes to in the end, such as a terminal.
func (q *Queue) Writer() io.Writer { return q.w }

// Write takes whole lines. It never waits and never fails; lines for which there
// is no room, or that come after Close, are dropped and counted.
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

// count is how many lines there are; an unfinished one counts.
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

// Dropped is how many lines were lost so far.
func (q *Queue) Dropped() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}

// Err says why lines are being lost, or are about to be: ErrQueueFull,
// ErrQueueStalled, or what the last write failed with. It is nil while lines flow.
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

// Close takes no more lines and waits until those that wait are written, but no
// longer than until ctx ends: then they are left to the goroutine, which ends when
// the writer lets go of it. The error is what kept lines from being written.
func (q *Queue) Close(ctx context.Context) error {
	q.mu.Lock()
	q.closed = true
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

// run writes what comes until the queue is closed and empty.
func (q *Queue) run() {
	defer close(q.done)
	var batch []byte
	for probe := false; ; probe = q.wait() {
		var last bool
		batch, last = q.take(batch)
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

// take gives what waits, with the last batch as the room for what comes, and
// whether nothing comes after it.
func (q *Queue) take(room []byte) (batch []byte, last bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	batch, q.pending = q.pending, room[:0]
	q.full = false
	q.due = q.dropped // what was lost so far came after what is taken
	return batch, q.closed
}

// wait returns when there is something to do, with whether that is no more than to
// see whether a writer that failed works again.
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

// piece is the length of the whole lines at the beginning of b that are written at
// once.
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

// put makes one write and notes how it went.
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

// report writes the notice of the lines that were lost since the last one, behind
// those that came before them; to a writer that failed only as a probe.
func (q *Queue) report(probe bool) {
	q.mu.Lock()
	lost, failed := q.due-q.reported, q.failure != nil
	q.mu.Unlock()
	if lost == 0 || failed && !probe || q.notice == nil {
		return
	}
	if _, err := q.put(q.notice(lost)); err != nil {
		return // it is tried again, and is no line of those that count
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.reported += lost
}
