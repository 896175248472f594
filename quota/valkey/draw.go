package valkey

import (
	"context"
	"fmt"
	"strings"
	"time"

	"outcrop/quota"
)

// maxUnits is the largest number of units. The server's scripts have numbers of 53 bits.
const maxUnits = 1<<53 - 1

// Draw is as quota.Bank has it. Limits over 2⁵³-1 are as good as none. The error is quota.ErrAway at once while the
// server is known not to answer.
func (b *Bank) Draw(ctx context.Context, draws []quota.Draw) ([]quota.Grant, error) {
	if len(draws) == 0 {
		return nil, nil
	}
	if err := b.settle(ctx); err != nil {
		return nil, err
	}
	b.using.RLock()
	defer b.using.RUnlock()
	epoch, err := b.usable()
	if err != nil {
		return nil, err
	}
	within, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	began := time.Now()
	grants := make([]quota.Grant, len(draws))
	todo := make([]attempt, len(draws))
	for i := range draws {
		todo[i] = attempt{index: i, draw: draws[i]}
	}
	for len(todo) > 0 {
		holders, err := b.attempt(within, epoch, todo, grants)
		if err == nil {
			todo, err = b.without(within, todo, holders, grants)
		}
		if err != nil {
			b.doubts(len(draws), func(i int) string { return draws[i].Counter })
			return nil, b.failed(ctx, err)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range grants {
		g := &grants[i]
		drawn := g.Units + debt(&draws[i])
		if drawn == 0 {
			continue
		}
		s := b.shares[draws[i].Counter]
		if s.period != g.Period {
			s = share{period: g.Period}
		}
		s.units += drawn
		if s.ends = (time.Time{}); g.Ends > 0 {
			s.ends = began.Add(g.Ends)
		}
		b.shares[draws[i].Counter] = s
	}
	return grants, nil
}

// attempt is a draw with the holders of shares that are known to be dead.
type attempt struct {
	index int
	draw  quota.Draw
	dead  []string
}

// attempt makes attempts, in one round trip, and returns the holders that each of them waits for.
func (b *Bank) attempt(ctx context.Context, epoch int64, attempts []attempt, grants []quota.Grant) ([][]string, error) {
	runs := make([]run, len(attempts))
	for i := range attempts {
		runs[i] = b.drawRun(epoch, &attempts[i])
	}
	holders := make([][]string, len(attempts))
	for i, result := range b.runAll(ctx, b.drawing, runs) {
		values, err := result.ToArray()
		if err == nil && len(values) < 8 {
			err = fmt.Errorf("the script returned %d values", len(values))
		}
		var n [8]int64
		for k := 0; k < len(n) && err == nil; k++ {
			n[k], err = values[k].AsInt64()
		}
		if err != nil {
			return nil, err
		}
		a := &attempts[i]
		grants[a.index] = quota.Grant{
			Units: n[0], Left: n[1], Used: n[2], Period: n[3], Ends: time.Duration(n[4]) * time.Microsecond, Frees: time.Duration(n[7]) * time.Microsecond, Recall: n[5],
		}
		if n[6] != 0 {
			b.recalls.send(a.draw.Counter)
		}
		for _, v := range values[len(n):] {
			holder, err := v.ToString()
			if err != nil {
				return nil, err
			}
			holders[i] = append(holders[i], holder)
		}
	}
	return holders, nil
}

func (b *Bank) drawRun(epoch int64, a *attempt) run {
	d, need := &a.draw, min(max(a.draw.Need, 1), maxUnits)
	anchor := ""
	if !d.Window.Anchor.IsZero() {
		anchor = number(d.Window.Anchor.UnixMicro())
	}
	length := d.Window.Length.Microseconds()
	if d.Window.Length > 0 {
		length = max(length, 1)
	}
	span := int64(0)
	if d.Window.Slice > 0 {
		span, length = length, max(d.Window.Slice.Microseconds(), 1)
	}
	calls := "0"
	if parallel(d.Counter) {
		calls = "1"
	}
	args := []string{
		number(max(-maxUnits, min(d.Limit, maxUnits))), number(need), number(max(need, min(d.Want, maxUnits))), number(d.Recall),
		b.replica, number(epoch), calls,
		number(length), anchor, number(int64(d.Window.Days)), number(int64(d.Window.Months)),
		b.recallChannel(""), d.Counter, millis(idle), number(b.commands.Add(1)), number(max(0, min(d.Ahead, maxUnits))),
		number(span), number(debt(d)),
	}
	return run{key: b.key(d.Counter), args: append(args, a.dead...)}
}

// debt is what a draw has of units that were used without a share.
func debt(d *quota.Draw) int64 { return max(0, min(d.Debt, maxUnits)) }

// without returns those attempts that must be repeated, because some of the holders that they wait for are dead.
func (b *Bank) without(ctx context.Context, attempts []attempt, holders [][]string, grants []quota.Grant) ([]attempt, error) {
	dead, err := b.dead(ctx, holders)
	if err != nil || len(dead) == 0 {
		return nil, err
	}
	var again []attempt
	for i := range attempts {
		a := attempt{index: attempts[i].index, draw: attempts[i].draw}
		a.draw.Recall, a.draw.Debt = grants[a.index].Recall, 0 // the debt has been told
		for _, h := range holders[i] {
			if dead[h] {
				a.dead = append(a.dead, h)
			}
		}
		if len(a.dead) > 0 {
			again = append(again, a)
		}
	}
	return again, nil
}

// dead returns those of the holders whose replicas are dead, or live in a later epoch.
func (b *Bank) dead(ctx context.Context, holders [][]string) (map[string]bool, error) {
	now := time.Now()
	var unknown []string
	b.mu.Lock()
	for _, list := range holders {
		for _, h := range list {
			if now.After(b.alive[h]) {
				unknown = append(unknown, h)
			}
		}
	}
	b.mu.Unlock()
	if len(unknown) == 0 {
		return nil, nil //nolint:nilnil // none is dead
	}
	epochs, err := b.epochs(ctx, unknown)
	if err != nil {
		return nil, err
	}
	dead := map[string]bool{}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, h := range unknown {
		if _, epoch := cutHolder(h); epochs[i] == epoch {
			b.alive[h] = now.Add(trustAlive)
		} else {
			dead[h] = true
			delete(b.alive, h)
		}
	}
	return dead, nil
}

// cutHolder splits the name of a holder into the replica and its epoch.
func cutHolder(h string) (replica, epoch string) {
	i := strings.LastIndexByte(h, '/')
	return h[:i], h[i+1:]
}

// Return is as quota.Bank has it, and answers recalls of the counters. After an error the units count as drawn, and may
// be returned again.
func (b *Bank) Return(ctx context.Context, returns []quota.Return) error {
	if len(returns) == 0 {
		return nil
	}
	if err := b.settle(ctx); err != nil {
		return err
	}
	b.using.RLock()
	defer b.using.RUnlock()
	epoch, err := b.usable()
	if err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	b.mu.Lock()
	muted := number(b.muted)
	b.mu.Unlock()
	runs := make([]run, len(returns))
	for i, r := range returns {
		keeps := "0"
		if r.Keeps {
			keeps = "1"
		}
		units := max(0, min(r.Units, maxUnits))
		runs[i] = run{key: b.key(r.Counter), args: []string{
			b.holder(epoch), number(epoch), number(r.Period), number(units), b.returnedChannel(), r.Counter, number(b.commands.Add(1)), keeps, muted,
		}}
	}
	for _, result := range b.runAll(within, b.returning, runs) {
		if err := result.Error(); err != nil {
			b.doubts(len(returns), func(i int) string { return returns[i].Counter })
			b.mute(returns)
			return b.failed(ctx, err)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range returns {
		s, ok := b.shares[r.Counter]
		if !ok || s.period != r.Period {
			continue
		}
		if s.units -= max(0, r.Units); s.units > 0 {
			b.shares[r.Counter] = s
		} else {
			delete(b.shares, r.Counter)
		}
	}
	return nil
}
