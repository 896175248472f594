package valkey

import (
	"context"

	"outcrop/quota"
)

// holder is the name of this replica in an epoch.
func (b *Bank) holder(epoch int64) string { return b.replica + "/" + number(epoch) }

// doubts notes that the server may have changed the shares of counters without an answer.
func (b *Bank) doubts(runs int, counter func(i int) string) {
	b.mu.Lock()
	for i := range runs {
		b.doubt[counter(i)] = true
	}
	b.mu.Unlock()
	b.nudge()
}

// mute notes that the server may have taken back units without an answer. Those of a slice that is over cannot be settled, so
// none of those which began before are returned any more: they count until they are old enough.
func (b *Bank) mute(returns []quota.Return) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range returns {
		b.muted = max(b.muted, r.Period)
	}
}

// nudge wakes the goroutine that gives signs of life.
func (b *Bank) nudge() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// settle makes the shares that are in doubt what this replica knows that it has. An error is as that of Draw.
func (b *Bank) settle(ctx context.Context) error {
	b.mu.Lock()
	none := len(b.doubt) == 0
	b.mu.Unlock()
	if none {
		return nil
	}
	b.using.Lock()
	defer b.using.Unlock()
	epoch, err := b.usable()
	if err != nil {
		return err
	}
	var runs []run
	b.mu.Lock()
	for id := range b.doubt {
		s := b.shares[id]
		runs = append(runs, run{key: b.key(id), args: []string{
			b.holder(epoch), number(epoch), number(s.period), number(s.units), number(b.commands.Add(1)), b.returnedChannel(), id, millis(idle),
		}})
	}
	b.mu.Unlock()
	within, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	if len(runs) == 0 { // another has settled them
		return nil
	}
	for _, result := range b.runAll(within, b.settling, runs) {
		if err := result.Error(); err != nil {
			return b.failed(ctx, err)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.doubt)
	return nil
}
