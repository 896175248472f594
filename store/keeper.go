package store

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// Keeper writes to a store behind its callers, and opens it when it is first used, so that a gateway
// whose clients keep nothing has no database. A write that fails is a line in the log. It is safe for
// concurrent use.
type Keeper struct {
	opt KeeperOptions

	mu      sync.Mutex
	store   *Store
	closed  bool
	waiting int64 // bytes of the writes that have not been made
	tasks   chan task
	done    chan struct{} // closed when the last write has been made
}

// KeeperOptions are the settings of a Keeper.
type KeeperOptions struct {
	Options

	Logger *slog.Logger
}

// task is a write, or, with a channel to close, the wait for those before it.
type task struct {
	size  int64
	what  string
	write func(ctx context.Context, s *Store) error
	reach chan struct{}
}

const (
	maxWaiting   = 64 << 20 // bytes of writes that wait
	maxTasks     = 1024     // writes that wait
	writeTimeout = 10 * time.Second
	expireEvery  = 10 * time.Minute
)

// ErrClosed is returned after Close.
var ErrClosed = errors.New("the store is closed")

// NewKeeper makes a keeper. It opens nothing.
func NewKeeper(opt KeeperOptions) *Keeper { return &Keeper{opt: opt} }

// open opens the store; k.mu is held. If the folder cannot be used, the store is in memory. If PostgreSQL cannot be
// reached, that is an error, and the next call tries again.
func (k *Keeper) open(ctx context.Context) error {
	switch {
	case k.closed:
		return ErrClosed
	case k.store != nil:
		return nil
	}
	s, err := Open(ctx, k.opt.Options)
	if err != nil && k.opt.URL == "" && k.opt.Dir != "" && ctx.Err() == nil {
		k.opt.Logger.Warn("responses are kept in memory only, because the database cannot be opened",
			slog.String("data_dir", k.opt.Dir), slog.String("error", err.Error()), slog.String("hint", "set --data-dir or OUTCROP_DATA_DIR to a writable folder"))
		s, err = Open(ctx, Options{})
	}
	if err != nil {
		return err
	}
	k.store, k.tasks, k.done = s, make(chan task, maxTasks), make(chan struct{})
	go k.run(s)
	return nil
}

// run makes the writes, one after the other, until Close.
func (k *Keeper) run(s *Store) {
	defer close(k.done)
	expire := time.NewTicker(expireEvery)
	defer expire.Stop()
	written := int64(0)
	k.expire(s)
	for {
		select {
		case t, ok := <-k.tasks:
			if !ok {
				return
			}
			k.do(s, &t)
			if written += t.size; s.inMemory && written > MemoryBytes/8 {
				written = 0
				k.expire(s)
			}
		case <-expire.C:
			k.expire(s)
		}
	}
}

func (k *Keeper) do(s *Store, t *task) {
	if t.reach != nil {
		close(t.reach)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	if err := t.write(ctx, s); err != nil {
		k.opt.Logger.Warn("a write to the database failed", slog.String("what", t.what), slog.String("error", err.Error()))
	}
	k.mu.Lock()
	k.waiting -= t.size
	k.mu.Unlock()
}

func (k *Keeper) expire(s *Store) {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	if err := s.Expire(ctx, time.Now()); err != nil {
		k.opt.Logger.Warn("expired responses cannot be deleted", slog.String("error", err.Error()))
	}
}

// Later makes a write of about size bytes soon, in the order of the calls. what names it in the log. If too
// many writes wait, it is not made, and the log says so.
func (k *Keeper) Later(ctx context.Context, what string, size int, write func(ctx context.Context, s *Store) error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	err := k.open(context.WithoutCancel(ctx))
	if err == nil && (k.waiting+int64(size) > maxWaiting || len(k.tasks) == cap(k.tasks)) {
		err = errors.New("too many writes wait for the database")
	}
	if err != nil {
		k.opt.Logger.Warn("a write to the database was not made", slog.String("what", what), slog.String("error", err.Error()))
		return
	}
	k.waiting += int64(size)
	k.tasks <- task{size: int64(size), what: what, write: write}
}

// Store returns the store for reading, after the writes of earlier calls of Later have been made.
func (k *Keeper) Store(ctx context.Context) (*Store, error) {
	k.mu.Lock()
	if err := k.open(ctx); err != nil {
		k.mu.Unlock()
		return nil, err
	}
	if k.waiting == 0 {
		defer k.mu.Unlock()
		return k.store, nil
	}
	t := task{reach: make(chan struct{})}
	select {
	case k.tasks <- t:
	default: // full; what is read may be older
		defer k.mu.Unlock()
		return k.store, nil
	}
	s := k.store
	k.mu.Unlock()
	select {
	case <-t.reach:
		return s, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Close makes the writes that wait, and closes the store.
func (k *Keeper) Close() error {
	k.mu.Lock()
	if k.closed || k.store == nil {
		k.closed = true
		k.mu.Unlock()
		return nil
	}
	k.closed = true
	close(k.tasks)
	k.mu.Unlock()
	<-k.done
	return k.store.Close()
}
