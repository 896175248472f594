// Package spend writes what calls have cost to a journal on disk, and posts it to the store in batches. See
// docs/adr/0013-who-calls-and-what-is-left.md.
//
// The journal is a folder below the data folder. Each process that shares the data folder has a folder of its own
// in it, which it locks and whose name is the replica's id. Whoever finds one without an owner posts what it
// contains. There, rows are numbered from 1 on and written to segments, files of a few megabytes that are deleted
// when all of their rows have been posted:
//
//	DATA/journal/ID/lock
//	DATA/journal/ID/00000000000000000001.rows
package spend

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"outcrop/store"
)

// Poster is the part of the store that the journal needs.
type Poster interface {
	// Posted is the number of the last row of a replica that has been posted; 0 for none.
	Posted(ctx context.Context, replica string) (int64, error)
	// Post posts consecutive rows of a replica, in one transaction with the replica's position. upto is the
	// number of the last of them. Rows up to the position have been posted and are ignored, so that an
	// attempt with an unknown outcome can be repeated. It does not keep the rows.
	Post(ctx context.Context, replica string, upto int64, rows []store.Row) error
}

// Options are the settings of a Journal.
type Options struct {
	// Dir is the data folder; empty for a journal in memory, which does not survive the process.
	Dir    string
	Store  Poster
	Logger *slog.Logger
	// Posted is called when rows are in the store, and Failed when the store begins to refuse them; nil for nobody.
	// They must not block, nor keep the rows.
	Posted func(rows []store.Row)
	Failed func(err error)
	// Every is how long a row waits at most before it is posted; 0 for a second. Rows are posted earlier if
	// a batch of them waits.
	Every time.Duration
	// Sync is whether Append returns only when the disk has the row, so that a power failure loses none.
	// Without it, Append returns when the kernel has the row, so that the end of the process loses none.
	Sync bool
	// MaxBytes bounds what waits to be posted; 0 for 1 GiB on disk, and for 64 MiB in memory.
	MaxBytes int64

	segmentBytes int64         // 0 for the default
	adoptEvery   time.Duration // 0 for the default
}

const (
	batchRows     = 4000
	segmentBytes  = 4 << 20
	maxDiskBytes  = 1 << 30
	maxMemBytes   = 64 << 20
	maxIdleBuffer = 64 << 10 // a larger buffer is not kept for the next row
	adoptEvery    = 30 * time.Second
)

// ErrClosed is returned after Close.
var ErrClosed = errors.New("the journal is closed")

// ErrFull is returned by Append if the row was not written, because the disk is full or fails, or because too
// much waits to be posted.
var ErrFull = errors.New("the journal cannot take the call")

// Journal keeps rows until they are posted. It is safe for concurrent use.
type Journal struct {
	opt     Options
	folder  *folder // nil in memory
	replica string
	cancel  context.CancelFunc // ends attempts to post
	some    chan struct{}      // a row waits
	many    chan struct{}      // a batch waits
	closing chan struct{}
	done    chan struct{} // closed when nothing is posted any more

	mu       sync.Mutex
	disk     disk
	closed   bool
	released bool
	buf      []byte     // the record being written
	encoder  encoder    // of the last segment
	segments []*segment // oldest first; none is wholly posted, except possibly the last
	file     file       // the last segment; nil if the next row begins a new one
	bytes    int64      // in segments
	last     int64      // the number of the last row
	posted   int64      // the number of the last row that was posted
	oldest   time.Time  // no row that waits is older
	full     bool       // the last row was refused

	synced   sync.Cond // signalled when the disk has more rows
	syncing  bool
	onDisk   int64 // the number of the last row that the disk has
	unsynced bool  // the last attempt to sync failed
}

// Open opens the journal and posts what earlier processes have left. It returns when all rows of this replica
// have been posted, or with an error when ctx ends before that.
func Open(ctx context.Context, opt Options) (*Journal, error) {
	j, err := prepare(opt)
	if err != nil {
		return nil, err
	}
	if err := j.replay(ctx); err != nil {
		return nil, errors.Join(err, j.release())
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	j.cancel = cancel
	go j.run(running)
	return j, nil
}

// prepare takes a folder.
func prepare(opt Options) (*Journal, error) {
	onDisk := opt.Dir != ""
	if opt.Every == 0 {
		opt.Every = time.Second
	}
	if opt.adoptEvery == 0 {
		opt.adoptEvery = adoptEvery
	}
	if opt.MaxBytes == 0 && onDisk {
		opt.MaxBytes = maxDiskBytes
	} else if opt.MaxBytes == 0 {
		opt.MaxBytes = maxMemBytes
	}
	if opt.segmentBytes == 0 {
		opt.segmentBytes = min(segmentBytes, opt.MaxBytes/8)
	}
	j := &Journal{
		opt: opt, some: make(chan struct{}, 1), many: make(chan struct{}, 1),
		closing: make(chan struct{}), done: make(chan struct{}),
	}
	j.synced.L = &j.mu
	if !onDisk {
		opt.Logger.Warn("the cost of calls is kept in memory until it is posted: if the process is killed, what was not posted is lost",
			slog.String("hint", "set --data-dir or OUTCROP_DATA_DIR to a writable folder"))
		j.disk, j.replica = newMemory(), newID()
		return j, nil
	}
	f, err := takeFolder(opt.Dir)
	if err != nil {
		return nil, fmt.Errorf("opening the journal in %s: %w", opt.Dir, err)
	}
	j.folder, j.disk, j.replica = f, f, f.id
	return j, nil
}

// replay posts what is in this replica's folder, and what is in folders without an owner.
func (j *Journal) replay(ctx context.Context) error {
	last, err := j.drain(ctx, j.disk, j.replica, true)
	if err != nil {
		return fmt.Errorf("posting the journal of replica %s: %w", j.replica, err)
	}
	j.last, j.posted, j.onDisk = last, last, last
	j.adopt(ctx)
	return ctx.Err()
}

// Replica is the id under which this process posts. It is the same after a restart with the same data folder,
// unless other processes share the folder.
func (j *Journal) Replica() string { return j.replica }

// Pending is the number of rows that wait to be posted, and a time that is not after the oldest of them was
// appended; the zero time if none waits.
func (j *Journal) Pending() (rows int, oldest time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.last == j.posted {
		return 0, time.Time{}
	}
	return int(j.last - j.posted), j.oldest
}

// Append writes a row. When it returns without an error, the row survives the end of the process, and will be
// posted once. The row may be changed afterwards.
func (j *Journal) Append(row *store.Row) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for j.syncing && j.mustRoll() { // another caller still needs the file
		j.synced.Wait()
	}
	if j.closed {
		return ErrClosed
	}
	err := j.write(row)
	if cap(j.buf) > maxIdleBuffer {
		j.buf = nil
	}
	j.report(err)
	if err != nil {
		return err
	}
	switch waiting := j.last - j.posted; {
	case waiting == 1:
		j.oldest = time.Now()
		signal(j.some)
	case waiting%batchRows == 0:
		signal(j.many)
	}
	if j.opt.Sync {
		j.sync(j.last)
	}
	return nil
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// report logs that rows are refused, and that they no longer are. j.mu is held.
func (j *Journal) report(err error) {
	switch full := err != nil; {
	case full && !j.full:
		j.opt.Logger.Error("the journal of what calls cost cannot be written",
			slog.String("error", err.Error()), slog.Int64("waiting", j.last-j.posted))
	case !full && j.full:
		j.opt.Logger.Info("the journal of what calls cost can be written again")
	default:
		return
	}
	j.full = err != nil
}

// Close posts what waits, until ctx ends, and releases the folder. An error says how many rows were not posted;
// with a data folder, the next process posts them.
func (j *Journal) Close(ctx context.Context) error {
	j.mu.Lock()
	if !j.closed {
		j.closed = true
		close(j.closing)
	}
	j.mu.Unlock()
	select {
	case <-j.done:
	case <-ctx.Done():
	}
	j.cancel()
	<-j.done
	err := j.release()
	switch rows, _ := j.Pending(); {
	case rows > 0 && j.folder != nil:
		err = errors.Join(err, fmt.Errorf("the cost of %d calls has not been posted; the next process with the data folder %s posts it", rows, j.opt.Dir))
	case rows > 0:
		err = errors.Join(err, fmt.Errorf("the cost of %d calls has not been posted and is lost", rows))
	}
	return err
}

// release closes what is open.
func (j *Journal) release() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.released {
		return nil
	}
	j.released = true
	var err error
	if j.file != nil {
		err, j.file = j.file.Close(), nil
	}
	if j.last == j.posted {
		for _, s := range j.segments {
			err = errors.Join(err, j.disk.remove(s.name()))
		}
		j.segments = nil
	}
	if j.folder != nil {
		err = errors.Join(err, j.folder.Close())
	}
	return err
}
