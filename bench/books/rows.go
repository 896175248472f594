package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"outcrop/quota"
	"outcrop/store"
)

// size is how much there is of everything.
type size struct{ rows, days, keys, batch, replicas int }

// work is a store that is filled with rows.
type work struct {
	size
	store *store.Store
	first time.Time // the first day's midnight
	now   time.Time

	extra int // rows of the replica 0 beside those of size
}

func userOf(key int) string  { return fmt.Sprint("user-", key/5) }
func teamOf(key int) string  { return fmt.Sprint("team-", key/20) }
func replicaOf(r int) string { return fmt.Sprint("replica-", r) }
func counter(k store.Kind, id string) store.Charge {
	return store.Charge{Counter: store.SpendCounter(k, id), Units: 1234567, Window: quota.Window{Months: 1}}
}

// keyOf returns the hash of the n-th key.
func keyOf(n int) string {
	sum := sha256.Sum256(fmt.Append(nil, "sk-", n))
	return hex.EncodeToString(sum[:])
}

// at is when the n-th call began.
func (w *work) at(n int) time.Time {
	length := time.Duration(w.days) * 24 * time.Hour
	return w.first.Add(time.Duration(float64(length) * float64(n) / float64(w.rows)))
}

// requestID is the id of the n-th call, which began at a time: like the gateway's, it begins with that.
func requestID(n int, at time.Time) string { return fmt.Sprintf("%012x%020x", at.UnixMilli(), n) }

// row is the n-th call, of a key that is chosen by n alone.
func (w *work) row(n int, at time.Time) store.Row {
	key := n * 7919 % w.keys
	model := [...]string{"claude-sonnet-5", "claude-haiku-4-5", "nova-pro", "gpt-oss-120b", "deepseek-r1"}[n%5]
	return store.Row{
		RequestID: requestID(n, at), CallType: "acompletion", Key: keyOf(key), KeyAlias: fmt.Sprint("key-", key), Cost: 1234567,
		Start: at, First: at.Add(300 * time.Millisecond), End: at.Add(time.Second), Model: model, Deployment: "d1", Group: model, Provider: "bedrock",
		User: userOf(key), Team: teamOf(key), Tags: []string{fmt.Sprint("tag-", n%20)}, Address: "192.0.2.7",
		Input: 1200, Output: 340, CacheRead: 800, Status: 200,
		Charges: []store.Charge{counter(store.KindKey, keyOf(key)), counter(store.KindUser, userOf(key)), counter(store.KindTeam, teamOf(key))},
	}
}

// post posts one of so many parts of all rows, in the order of their days, by all replicas at once.
func (w *work) post(ctx context.Context, part, parts int) error {
	var wait sync.WaitGroup
	failures := make([]error, w.replicas)
	for r := range w.replicas {
		wait.Go(func() { failures[r] = w.postShare(ctx, r, part*w.rows/parts, (part+1)*w.rows/parts) })
	}
	wait.Wait()
	return errors.Join(failures...)
}

// postShare posts every so many-th of the rows from one to another.
func (w *work) postShare(ctx context.Context, r, from, to int) error {
	posted, err := w.store.Posted(ctx, replicaOf(r))
	if err != nil {
		return err
	}
	batch := make([]store.Row, 0, w.batch)
	flush := func() error {
		posted += int64(len(batch))
		err := w.store.Post(ctx, replicaOf(r), posted, batch)
		batch = batch[:0]
		return err
	}
	for n := from; n < to; n++ {
		if n%w.replicas != r {
			continue
		}
		if batch = append(batch, w.row(n, w.at(n))); len(batch) == w.batch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if len(batch) == 0 {
		return nil
	}
	return flush()
}

// transaction posts further rows of a moment, all in one transaction.
func (w *work) transaction(ctx context.Context, r int, at time.Time) error {
	posted, err := w.store.Posted(ctx, replicaOf(r))
	if err != nil {
		return err
	}
	batch := make([]store.Row, w.batch)
	for i := range batch {
		batch[i] = w.row(w.rows+w.extra, at)
		w.extra++
	}
	return w.store.Post(ctx, replicaOf(r), posted+int64(len(batch)), batch)
}
