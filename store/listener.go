package store

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// channel is the name under which PostgreSQL passes notes.
const channel = "outcrop"

// note is what a transaction tells the others once it has been made: its first byte is what it is about.
type note string

const (
	noteChange  = 'c' // entities have changed
	noteRecall  = 'r' // shares of a counter are recalled: the replica that needs them, a line feed, and the counter's id
	noteRestore = 'u' // units of a counter's shares have been returned: the counter's id
)

// maxNote is how long a note may be: postgresql.org/docs/current/sql-notify.html.
const maxNote = 7999

func recallNote(replica, counter string) note {
	if n := string(noteRecall) + replica + "\n" + counter; len(n) <= maxNote {
		return note(n)
	}
	return note(string(noteRecall) + "\n") // some counter, to all
}

func restoreNote(counter string) note { return note(string(noteRestore) + counter) }

// tell sends notes when the transaction is committed. If the database does not pass notes, the caller calls
// listener.local after the commit.
func (s *Store) tell(ctx context.Context, tx *sql.Tx, notes []note) error {
	if s.dialect != postgres {
		return nil
	}
	for _, n := range notes {
		if _, err := tx.ExecContext(ctx, `SELECT pg_notify($1, $2)`, channel, string(n)); err != nil {
			return err
		}
	}
	return nil
}

// listener passes notes to those who wait for them. On PostgreSQL it has a connection of its own, from the first
// that waits on.
type listener struct {
	config *pgx.ConnConfig // nil if all notes come from this process

	mu      sync.Mutex
	changes []chan struct{}
	banks   map[*Bank]bool
	closed  bool
	cancel  context.CancelFunc
	done    chan struct{}
}

func newListener(config *pgx.ConnConfig) *listener {
	return &listener{config: config, banks: map[*Bank]bool{}}
}

// start listens, unless that is done already; l.mu is held.
func (l *listener) start() {
	if l.config == nil || l.done != nil || l.closed {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel, l.done = cancel, make(chan struct{})
	go l.run(ctx)
}

func (l *listener) run(ctx context.Context) {
	defer close(l.done)
	const first, most = 50 * time.Millisecond, time.Second
	for pause := first; ctx.Err() == nil; pause = min(2*pause, most) {
		if l.listen(ctx) {
			pause = first
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause)): //nolint:gosec // it need not be secret
		}
	}
}

// idle is after how long without a note the listener looks whether its connection still works.
const idle = 15 * time.Second

// listen passes notes on until the connection fails, and says whether there was one.
func (l *listener) listen(ctx context.Context) bool {
	conn, err := pgx.ConnectConfig(ctx, l.config.Copy())
	if err != nil {
		return false // the next attempt, and all who need the database, see it too
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // it has failed, or nobody needs it any more
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return false
	}
	l.gap()
	for {
		wait, cancel := context.WithTimeout(ctx, idle)
		n, err := conn.WaitForNotification(wait)
		quiet := wait.Err() != nil
		cancel()
		switch {
		case err == nil:
			l.pass(note(n.Payload))
		case quiet && ctx.Err() == nil && !conn.IsClosed():
			check, cancel := context.WithTimeout(ctx, idle)
			err := conn.Ping(check)
			cancel()
			if err != nil {
				return true
			}
		default:
			return true
		}
	}
}

// gap tells all who wait that notes may have been lost.
func (l *listener) gap() {
	l.pass(note(noteChange))
	l.pass(note(string(noteRecall) + "\n"))
	l.pass(note(noteRestore))
}

// local passes the notes of a transaction of this process, if the database does not.
func (l *listener) local(notes []note) {
	if l.config != nil {
		return
	}
	for _, n := range notes {
		l.pass(n)
	}
}

func (l *listener) pass(n note) {
	if n == "" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch rest := string(n[1:]); n[0] {
	case noteChange:
		for _, c := range l.changes {
			select {
			case c <- struct{}{}:
			default: // it is awake
			}
		}
	case noteRecall:
		replica, counter, _ := strings.Cut(rest, "\n")
		for b := range l.banks {
			if b.replica != replica {
				b.recalls.send(counter)
			}
		}
	case noteRestore:
		for b := range l.banks {
			b.returned.send(rest)
		}
	}
}

// revisions adds one who waits for changes.
func (l *listener) revisions() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := make(chan struct{}, 1)
	if l.closed {
		close(c)
		return c
	}
	l.changes = append(l.changes, c)
	l.start()
	return c
}

// add and remove say which banks wait for notes.
func (l *listener) add(b *Bank) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.banks[b] = true
	l.start()
}

func (l *listener) remove(b *Bank) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.banks, b)
}

func (l *listener) close() {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return
	}
	l.closed = true
	l.mu.Unlock()
	if l.done != nil { // written before closed
		l.cancel()
		<-l.done
	}
	for _, c := range l.changes {
		close(c)
	}
}

// ids passes ids of counters to one who reads them when there is time. If there are too many, an empty id takes the place of
// the rest.
type ids struct {
	mu     sync.Mutex
	c      chan string
	missed bool
	closed bool
}

func newIDs() *ids { return &ids{c: make(chan string, 1024)} }

func (i *ids) send(id string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		return
	}
	if i.missed {
		select {
		case i.c <- "":
			i.missed = false
		default:
			return
		}
	}
	select {
	case i.c <- id:
	default:
		i.missed = true
	}
}

// flush sends the empty id if ids have been missed.
func (i *ids) flush() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed || !i.missed {
		return
	}
	select {
	case i.c <- "":
		i.missed = false
	default:
	}
}

func (i *ids) close() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.closed {
		i.closed = true
		close(i.c)
	}
}
