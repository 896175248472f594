package tenant_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outcrop/llm"
	"outcrop/quota"
	"outcrop/store"
	"outcrop/tenant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noon is when the tests begin.
func noon() time.Time { return time.Date(2026, 6, 10, 12, 0, 0, 0, time.UTC) }

// world is a directory over a store in memory, with counters in memory, a clock that stands still, and the rows that
// were settled.
type world struct {
	t         testing.TB
	store     *switched
	money     *quota.Ledger
	rates     *quota.Ledger
	directory *tenant.Directory

	log bytes.Buffer // what the directory says

	mu   sync.Mutex
	time time.Time
	rows []store.Row
}

// switched is a store that can be away, and that can stop in the middle of a reading.
type switched struct {
	*store.Store

	away error
	read func(kind store.Kind, id string) // after an entity was read
}

func (s *switched) Entity(ctx context.Context, kind store.Kind, id string) (*store.Entity, error) {
	if s.away != nil {
		return nil, s.away
	}
	e, err := s.Store.Entity(ctx, kind, id)
	if s.read != nil {
		s.read(kind, id)
	}
	return e, err
}

// away is a bank that cannot be reached.
type away struct{}

func (away) Draw(context.Context, []quota.Draw) ([]quota.Grant, error) { return nil, quota.ErrAway }
func (away) Return(context.Context, []quota.Return) error              { return nil }
func (away) Recalls() <-chan string                                    { return nil }
func (away) Seen() time.Time                                           { return time.Time{} }

// begin makes a world.
func begin(t testing.TB, settings tenant.Settings) *world {
	t.Helper()
	w := &world{t: t, time: noon()}
	return w.over(settings, quota.NewMemory(w.now), quota.NewMemory(w.now))
}

// over opens the directory over two banks.
func (w *world) over(settings tenant.Settings, money, rates quota.Bank) *world {
	w.t.Helper()
	s, err := store.Open(w.t.Context(), store.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.store = &switched{Store: s}
	w.money, w.rates = quota.NewLedger(money, quota.Options{Now: w.now}), quota.NewLedger(rates, quota.Options{Now: w.now})
	w.directory, err = tenant.Open(w.t.Context(), tenant.Options{
		Store: w.store, Money: w.money, Rates: w.rates, Journal: w, Settings: settings, Now: w.now, Logger: slog.New(slog.NewTextHandler(&w.log, nil)),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		w.directory.Close()
		if err := errors.Join(w.money.Close(), w.rates.Close(), s.Close()); err != nil {
			w.t.Error(err)
		}
	})
	return w
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.time
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.time = w.time.Add(d)
}

// Append keeps a row.
func (w *world) Append(row *store.Row) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	kept := *row
	kept.Charges = slices.Clone(row.Charges)
	w.rows = append(w.rows, kept)
	return nil
}

// put writes an entity, which was created at noon.
func (w *world) put(kind store.Kind, id, doc string) {
	w.t.Helper()
	w.change(store.Change{Put: []store.Entity{{Kind: kind, ID: id, Created: noon(), Doc: []byte(doc)}}})
}

func (w *world) change(c store.Change) {
	w.t.Helper()
	if _, err := w.store.Change(w.t.Context(), &c); err != nil {
		w.t.Fatal(err)
	}
	if err := w.directory.Refresh(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// key is the key of most tests.
const key = "sk-0123456789"

// key writes the key's document.
func (w *world) key(doc string) { w.t.Helper(); w.put(store.KindKey, tenant.Hash(key), doc) }

// caller is who has the key.
func (w *world) caller() *tenant.Caller {
	w.t.Helper()
	c, err := w.directory.Caller(w.t.Context(), key)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// cent is a price: a token costs a cent.
func cent(u *llm.Usage) llm.Cost { return llm.Cost((u.Input + u.Output) * 1e10) }

// call is a call of a model with a prompt of 10 tokens and at most some of output.
func call(output int64) *tenant.Request {
	return &tenant.Request{Asked: "m", Model: "m", Group: "m", Estimate: func() tenant.Estimate {
		return tenant.Estimate{Prompt: 10, Output: output, Cost: cent, Times: 1}
	}}
}

// begins makes the call with the key.
func (w *world) begins(req *tenant.Request) (*tenant.Charge, error) {
	w.t.Helper()
	return w.caller().Begin(w.t.Context(), req)
}

// passes makes a call that must pass.
func (w *world) passes(req *tenant.Request) *tenant.Charge {
	w.t.Helper()
	ch, err := w.begins(req)
	if err != nil {
		w.t.Fatal(err)
	}
	return ch
}

// fails is the refusal of a call that must not pass.
func (w *world) fails(req *tenant.Request) *llm.Error {
	w.t.Helper()
	_, err := w.begins(req)
	return refusal(w.t, err)
}

func refusal(t testing.TB, err error) *llm.Error {
	t.Helper()
	var e *llm.Error
	if !errors.As(err, &e) {
		t.Fatalf("the error is %v, want an *llm.Error", err)
	}
	return e
}

// settle ends a call that used 10 tokens of input and some of output, for a cent each.
func (w *world) settle(ch *tenant.Charge, output int64) store.Row {
	w.t.Helper()
	ch.Settle(&store.Row{RequestID: "r", Input: 10, Output: output, Cost: int64(cent(&llm.Usage{Input: 10, Output: output}))})
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rows[len(w.rows)-1]
}
