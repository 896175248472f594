package spend

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"outcrop/store"
)

// ledger is a store as the journal sees it.
type ledger struct {
	mu       sync.Mutex
	away     bool // all calls fail
	unsure   bool // the next Post posts, and fails
	tries    int  // calls of Post
	position map[string]int64
	rows     map[string]int // how many times each row was posted
	changed  chan struct{}  // closed and replaced after each call
}

var errAway = errors.New("the database is away")

func newLedger() *ledger {
	return &ledger{position: map[string]int64{}, rows: map[string]int{}, changed: make(chan struct{})}
}

func (l *ledger) Posted(_ context.Context, replica string) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.away {
		return 0, errAway
	}
	return l.position[replica], nil
}

func (l *ledger) Post(_ context.Context, replica string, upto int64, rows []store.Row) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer func() { close(l.changed); l.changed = make(chan struct{}) }()
	if l.tries++; l.away {
		return errAway
	}
	if len(rows) > batchRows {
		return fmt.Errorf("%d rows", len(rows))
	}
	for i := range rows {
		if upto-int64(len(rows))+int64(i) >= l.position[replica] {
			l.rows[rows[i].RequestID]++
		}
	}
	l.position[replica] = max(l.position[replica], upto)
	if l.unsure {
		l.unsure = false
		return errAway
	}
	return nil
}

// nothing is a store that forgets.
type nothing struct{}

func (nothing) Posted(context.Context, string) (int64, error)          { return 0, nil }
func (nothing) Post(context.Context, string, int64, []store.Row) error { return nil }

// set changes the ledger.
func (l *ledger) set(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
}

// wait returns when something is true of the ledger.
func (l *ledger) wait(t *testing.T, what string, is func() bool) {
	t.Helper()
	late := time.After(30 * time.Second)
	for {
		l.mu.Lock()
		ok, changed := is(), l.changed
		l.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-late:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// once fails the test unless each row of names was posted exactly once, and no other.
func (l *ledger) once(t *testing.T, names ...string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range names {
		if l.rows[name] != 1 {
			t.Errorf("row %s was posted %d times", name, l.rows[name])
		}
	}
	if len(l.rows) != len(names) {
		t.Errorf("%d rows were posted of %d", len(l.rows), len(names))
	}
}

// logged keeps what is logged.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), part)
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// fast are options of tests: a row is posted at once.
func fast(dir string, l *ledger) Options {
	return Options{Dir: dir, Store: l, Logger: slog.New(slog.DiscardHandler), Every: time.Millisecond}
}

func mustOpen(t *testing.T, opt Options) *Journal {
	t.Helper()
	j, err := Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func mustClose(t *testing.T, j *Journal) {
	t.Helper()
	if err := j.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}

// add appends rows from one number to another, and returns their names.
func add(t *testing.T, j *Journal, from, to int) []string {
	t.Helper()
	var names []string
	for i := from; i <= to; i++ {
		row := &store.Row{RequestID: fmt.Sprintf("%s-%d", j.Replica(), i), Cost: int64(i), End: time.Now()}
		if err := j.Append(row); err != nil {
			t.Fatal(err)
		}
		names = append(names, row.RequestID)
	}
	return names
}

// abandon ends a journal as kill -9 does: nothing is posted any more, and the lock is gone.
func abandon(t *testing.T, j *Journal) {
	t.Helper()
	j.cancel()
	j.mu.Lock()
	j.closed = true
	j.last++ // so that it believes that rows wait, and keeps the files
	j.mu.Unlock()
	close(j.closing)
	<-j.done
	if err := j.release(); err != nil {
		t.Fatal(err)
	}
}
