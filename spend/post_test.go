package spend

import (
	"context"
	"sync"
	"testing"
	"time"

	"outcrop/store"
)

// recorded is a ledger that keeps the rows it gets, and may let each Post wait.
type recorded struct {
	*ledger

	mu      sync.Mutex
	batches [][]store.Row
	begun   chan struct{} // receives when a Post begins
	gate    chan struct{} // a Post waits for it
}

func newRecorded() *recorded {
	return &recorded{ledger: newLedger(), begun: make(chan struct{}, 100), gate: make(chan struct{}, 100)}
}

func (r *recorded) Post(ctx context.Context, replica string, upto int64, rows []store.Row) error {
	r.mu.Lock()
	r.batches = append(r.batches, rows)
	r.mu.Unlock()
	r.begun <- struct{}{}
	<-r.gate
	return r.ledger.Post(ctx, replica, upto, rows)
}

func TestRowsThatComeWhileABatchIsPostedWaitForTheNext(t *testing.T) {
	r := newRecorded()
	opt := fast(t.TempDir(), r.ledger)
	opt.Store, opt.Every = r, time.Hour
	j := mustOpen(t, opt)
	names := add(t, j, 1, batchRows)
	<-r.begun
	names = append(names, add(t, j, batchRows+1, batchRows+100)...)
	r.gate <- struct{}{}
	names = append(names, add(t, j, batchRows+101, 2*batchRows)...)
	<-r.begun
	r.gate <- struct{}{}
	r.wait(t, "all rows", func() bool { return len(r.rows) == len(names) })
	mustClose(t, j)
	r.once(t, names...)
	if len(r.batches) != 2 || len(r.batches[1]) != batchRows {
		t.Errorf("there were %d batches, of which the last had %d rows", len(r.batches), len(r.batches[len(r.batches)-1]))
	}
}

func TestRowsThatComeWhileABatchIsPostedDoNotWaitForABatch(t *testing.T) {
	r := newRecorded()
	opt := fast(t.TempDir(), r.ledger)
	opt.Store, opt.Every = r, time.Millisecond
	j := mustOpen(t, opt)
	names := add(t, j, 1, 1)
	<-r.begun
	names = append(names, add(t, j, 2, 2)...)
	r.gate <- struct{}{}
	<-r.begun
	r.gate <- struct{}{}
	r.wait(t, "the other row", func() bool { return len(r.rows) == 2 })
	mustClose(t, j)
	r.once(t, names...)
}
