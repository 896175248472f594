package spend

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"outcrop/store"
)

// A batch that cannot be posted is posted again after a pause that doubles from the first to the longest. Half of
// it is random, so that replicas that lost the store together do not come back together.
const (
	firstPause  = 100 * time.Millisecond
	longPause   = 5 * time.Second
	postTimeout = 30 * time.Second
)

// run posts what is appended until the journal is closed and nothing waits, or ctx ends.
func (j *Journal) run(ctx context.Context) {
	defer close(j.done)
	adopt := time.NewTicker(j.opt.adoptEvery)
	defer adopt.Stop()
	place := place{}
	began := time.Time{} // when the last rows were posted, if others came meanwhile
	for closing := false; !closing; {
		select {
		case <-j.closing:
			closing = true
		case <-adopt.C:
			j.adopt(ctx)
			continue
		case <-j.some:
			wait := j.opt.Every
			if !began.IsZero() {
				wait -= time.Since(began)
			}
			closing = j.gather(wait)
		}
		began = time.Now()
		if !j.catchUp(ctx, &place) {
			return
		}
		// What came meanwhile waits for more: a transaction for each few rows would cost several times as much.
		if rows, _ := j.Pending(); rows > 0 {
			signal(j.some)
		} else {
			began = time.Time{}
			place.decoder.release()
		}
	}
}

// gather waits for a batch of rows, or as long as they may wait, and reports whether the journal was closed before that.
func (j *Journal) gather(atMost time.Duration) (closing bool) {
	select {
	case <-j.many: // of rows that have been posted
	default:
	}
	if rows, _ := j.Pending(); rows >= batchRows {
		return false
	}
	wait := time.NewTimer(atMost)
	defer wait.Stop()
	select {
	case <-j.closing:
		return true
	case <-j.many:
	case <-wait.C:
	}
	return false
}

// place is where the posting is in a segment.
type place struct {
	first  int64 // the segment's first row
	offset int64
	number int64 // of the last row before the offset
	posted int64 // rows up to this number are not posted again

	decoder decoder
}

// begin is the place before the first row of a segment.
func begin(s *segment) place {
	return place{first: s.first, offset: int64(len(header)), number: s.first - 1}
}

// catchUp posts all that waits when it begins, and what comes meanwhile as long as that is a batch. It returns false if it
// could not, because ctx has ended or the journal is closed and cannot be read.
func (j *Journal) catchUp(ctx context.Context, at *place) bool {
	upto := int64(0)
	for first := true; ; first = false {
		s, last, ok := j.waiting()
		if first {
			upto = last
		}
		if !ok || at.number >= upto && last-at.number < batchRows {
			return true
		}
		if at.first != s.first {
			*at = begin(&s)
		}
		err := j.postSegment(ctx, j.disk, j.replica, &s, at, true, j.advance)
		switch {
		case ctx.Err() != nil:
			return false
		case errors.Is(err, errDamaged):
			j.opt.Logger.Error("a part of the journal is damaged: the cost of calls in it is not counted",
				slog.Int64("calls", s.last-at.number), slog.String("segment", s.name()))
			at.number, at.offset = s.last, s.size
			j.advance(s.last, time.Now())
		case err != nil:
			j.opt.Logger.Warn("a segment of the journal cannot be read", slog.String("segment", s.name()), slog.String("error", err.Error()))
			wait := time.NewTimer(longPause)
			select {
			case <-wait.C:
			case <-j.closing:
				wait.Stop()
				return false
			}
		}
	}
}

// waiting is the first segment with rows that wait, as it is now, and the number of the last row of all. It deletes the segments
// before it.
func (j *Journal) waiting() (s segment, last int64, ok bool) {
	j.mu.Lock()
	var old []*segment
	for len(j.segments) > 0 && j.segments[0].last <= j.posted && (len(j.segments) > 1 || j.file == nil) {
		old, j.segments = append(old, j.segments[0]), j.segments[1:]
	}
	if last, ok = j.last, j.posted < j.last; ok {
		s = *j.segments[0]
	}
	j.mu.Unlock()
	removed := int64(0)
	for _, s := range old {
		if err := j.disk.remove(s.name()); err != nil {
			j.opt.Logger.Warn("a segment of the journal cannot be deleted", slog.String("segment", s.name()), slog.String("error", err.Error()))
		}
		removed += s.size
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.bytes -= removed
	return s, last, ok
}

// advance notes that rows have been posted, of which the last is of some time.
func (j *Journal) advance(posted int64, at time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.posted = posted; !at.IsZero() {
		j.oldest = at
	}
}

// postSegment posts the rows of a segment from a place on, and moves the place. An error is a *storeError if the
// store has failed, which with repeat it does only when ctx ends; otherwise it is about the segment.
func (j *Journal) postSegment(ctx context.Context, d disk, replica string, s *segment, at *place, repeat bool, posted func(upto int64, last time.Time)) (err error) {
	if s.size <= int64(len(header)) {
		return nil // the process ended before the first row
	}
	r, err := d.open(s.name())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if at.decoder.version, err = readHeader(r); err != nil {
		if errors.Is(err, errDamaged) && isReserved(r, 0, s.size) {
			return nil // the process ended before it wrote the header
		}
		return err
	}
	for at.offset < s.size {
		rows, next, fault := at.decoder.load(r, at.offset, s.size)
		upto := at.number + int64(len(rows))
		if old := min(max(0, at.posted-at.number), int64(len(rows))); old < int64(len(rows)) {
			if err := j.post(ctx, replica, upto, rows[old:], repeat); err != nil {
				return &storeError{err}
			}
			if j.opt.Posted != nil {
				j.opt.Posted(rows[old:])
			}
			posted(upto, rows[len(rows)-1].End)
		}
		at.number, at.offset = upto, next
		if fault != nil {
			return fault
		}
	}
	return nil
}

// storeError is about the store and not about a segment.
type storeError struct{ err error }

func (e *storeError) Error() string { return e.err.Error() }
func (e *storeError) Unwrap() error { return e.err }

// post posts a batch. With repeat, it returns an error only when ctx ends.
func (j *Journal) post(ctx context.Context, replica string, upto int64, rows []store.Row, repeat bool) error {
	return j.try(ctx, repeat, func(ctx context.Context) error { return j.opt.Store.Post(ctx, replica, upto, rows) })
}

// try does something with the store. With repeat, it does so until it succeeds or ctx ends.
func (j *Journal) try(ctx context.Context, repeat bool, do func(ctx context.Context) error) error {
	attempt := func() error {
		ctx, cancel := context.WithTimeout(ctx, postTimeout)
		defer cancel()
		return do(ctx)
	}
	failed := time.Time{}
	for pause := firstPause; ; pause = min(2*pause, longPause) {
		err := attempt()
		switch {
		case err == nil && failed.IsZero():
			return nil
		case err == nil:
			j.opt.Logger.Info("the cost of calls can be posted again", slog.Duration("after", time.Since(failed).Round(time.Millisecond)))
			return nil
		case !repeat || ctx.Err() != nil:
			return err
		case failed.IsZero():
			failed = time.Now()
			j.opt.Logger.Warn("the cost of calls cannot be posted to the store, and waits in the journal", slog.String("error", err.Error()))
			if j.opt.Failed != nil {
				j.opt.Failed(err)
			}
		}
		wait := time.NewTimer(pause/2 + rand.N(pause/2)) //nolint:gosec // a pause is no secret
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return err
		}
	}
}

// drain posts what earlier processes have left in a folder, and deletes it. It returns the number of the last
// row that was ever posted or written there.
func (j *Journal) drain(ctx context.Context, d disk, replica string, repeat bool) (last int64, err error) {
	segments, err := d.list()
	if err != nil {
		return 0, err
	}
	if len(segments) == 0 && !repeat {
		return 0, nil
	}
	posted := int64(0)
	err = j.try(ctx, repeat, func(ctx context.Context) error {
		var err error
		posted, err = j.opt.Store.Posted(ctx, replica)
		return err
	})
	if err != nil {
		return 0, err
	}
	last = posted
	for _, s := range segments {
		at := begin(s)
		at.posted = posted
		err := j.postSegment(ctx, d, replica, s, &at, repeat, func(int64, time.Time) {})
		last = max(last, at.number)
		switch store := (*storeError)(nil); {
		case errors.As(err, &store):
			return last, err
		case errors.Is(err, errDamaged):
			j.opt.Logger.Warn("the end of a segment of the journal is damaged, as after a power failure: the cost of calls in it is not counted",
				slog.String("replica", replica), slog.String("segment", s.name()), slog.Int64("bytes", s.size-at.offset))
		case err != nil:
			return last, fmt.Errorf("segment %s: %w", s.name(), err)
		}
		if err := d.remove(s.name()); err != nil {
			return last, err
		}
	}
	return last, nil
}

// adopt posts what is in folders of the data folder that no process has.
func (j *Journal) adopt(ctx context.Context) {
	if j.folder == nil {
		return
	}
	ids, err := folders(j.opt.Dir)
	if err != nil {
		j.opt.Logger.Warn("the journals of other processes cannot be listed", slog.String("error", err.Error()))
		return
	}
	for _, id := range ids {
		if id == j.replica {
			continue
		}
		if err := j.adoptFolder(ctx, id); err != nil && !errors.Is(err, errLocked) && ctx.Err() == nil {
			j.opt.Logger.Warn("the journal of a process that has ended cannot be posted yet", slog.String("replica", id), slog.String("error", err.Error()))
		}
	}
}

func (j *Journal) adoptFolder(ctx context.Context, id string) error {
	f, err := openFolder(j.opt.Dir, id)
	if err != nil {
		return err
	}
	_, err = j.drain(ctx, f, id, false)
	return errors.Join(err, f.Close())
}
