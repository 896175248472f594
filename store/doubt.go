package store

import (
	"context"
	"maps"
	"slices"
)

// doubt is a change of a share whose transaction has failed: if the connection broke while it was committed, nobody
// knows whether it was. The share's mark tells, once the database answers again: a counter is locked until its last
// transaction is over.
type doubt struct {
	number int64 // of the transaction
	period int64
	units  int64
	drawn  bool // they were drawn, otherwise returned
}

// transaction begins a transaction of the bank, of which there is one at a time, and returns its number.
func (b *Bank) transaction() int64 {
	b.using.Lock()
	b.number++
	return b.number
}

// doubted notes a change of a transaction that has failed. b.using is held.
func (b *Bank) doubted(counter string, d doubt) {
	if d.units > 0 {
		id := bounded(counter)
		b.doubts[id] = append(b.doubts[id], d)
	}
}

// settle makes what is in doubt of a locked counter what the ledger was told: units that were drawn without its knowledge
// go back, and units that were not returned are. b.using is held.
func (b *Bank) settle(a *accounts, c *account) {
	for _, d := range b.doubts[c.id] {
		if committed := c.own.mark >= d.number; d.drawn == committed && c.back(d.period, d.units) {
			a.keep(c)
		}
	}
}

// settled forgets the doubts of counters whose transaction has been committed. b.using is held.
func (b *Bank) settled(counters []string) {
	for _, id := range counters {
		delete(b.doubts, id)
	}
}

// settleAll settles what is in doubt, so that other replicas can have it.
func (b *Bank) settleAll(ctx context.Context) error {
	number := b.transaction()
	defer b.using.Unlock()
	for part := range slices.Chunk(slices.Sorted(maps.Keys(b.doubts)), listedValues[0]) {
		err := b.store.known(ctx, part, b.replica, func(a *accounts) error {
			for _, id := range part {
				if c := a.byID[id]; c != nil && c.own.stored {
					b.settle(a, c)
					c.own.mark = number
					a.keep(c)
					a.notes = append(a.notes, restoreNote(c.id))
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		b.settled(part)
	}
	return nil
}
