package export

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"outcrop/internal/hold"
	"outcrop/telemetry"
)

// flaky fails as often as it is told, and then takes what it gets.
type flaky struct {
	failures int
	got      []string
	content  []*telemetry.Content
	closed   chan struct{}
}

func newFlaky(failures int) *flaky { return &flaky{failures: failures, closed: make(chan struct{})} }

func (f *flaky) Send(_ context.Context, batch []*Record) ([]*Record, error) {
	if f.failures > 0 {
		f.failures--
		return batch, errors.New("down")
	}
	for _, r := range batch {
		f.got, f.content = append(f.got, r.ID), append(f.content, r.Content)
	}
	return nil, nil
}

func (f *flaky) Close() { close(f.closed) }

func TestACallbackThatIsReplacedGetsWhatWaitsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := newFlaky(3), newFlaky(0)
		e := New(t.Context(), Settings{Callbacks: []Callback{{Name: "x", Success: true, Sender: first}}}, Options{})
		e.Ended(call("a"))
		e.Set(Settings{Callbacks: []Callback{{Name: "x", Success: true}}}) // the same
		e.Ended(call("b"))
		e.Set(Settings{Callbacks: []Callback{{Name: "x", Success: true, Sender: second}}})
		e.Ended(call("c"))
		<-first.closed // after as many attempts as always
		if len(first.got) != 2 || first.got[0] != "a" || first.got[1] != "b" {
			t.Errorf("the first is told of %q", first.got)
		}
		e.Set(Settings{})
		<-second.closed
		e.Ended(call("d"))
		if len(second.got) != 1 || second.got[0] != "c" {
			t.Errorf("the second is told of %q", second.got)
		}
		if n := len(e.States()); n != 0 {
			t.Errorf("there are %d callbacks", n)
		}
		e.Close(t.Context())
	})
}

func TestCloseEndsACallbackThatIsReplacedAndCannotBeReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := newFlaky(1000)
		e := New(t.Context(), Settings{Callbacks: []Callback{{Name: "x", Success: true, Sender: first}}}, Options{})
		e.Ended(call("a"))
		e.Set(Settings{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		e.Close(ctx)
		<-first.closed
	})
}

func TestWhatMasksIsHeldUntilAllRecordsAreMasked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service, users := newFlaky(0), hold.New()
		mask := func(_ context.Context, _ *telemetry.Call, _ bool, texts []string) ([]string, error) {
			select {
			case <-users.Over():
				return nil, errors.New("what masks is closed")
			default:
				return texts, nil
			}
		}
		e := New(t.Context(), Settings{Callbacks: []Callback{{Name: "x", Success: true, Content: true, Sender: service}, {Name: "y", Failure: true, Sender: newFlaky(0)}}, Mask: mask, Masks: users}, Options{})
		c := call("a")
		c.Content = &telemetry.Content{Request: []byte(`{"messages":[{"role":"user","content":"hi"}]}`)}
		e.Ended(c)
		e.Set(Settings{Callbacks: []Callback{{Name: "x", Success: true, Content: true}}})
		users.Leave() // a reload has replaced it
		<-users.Over()
		synctest.Wait()
		if len(service.content) > 1 || len(service.content) == 1 && service.content[0] == nil {
			t.Error("the record was not masked before what masks was closed")
		}
		e.Close(t.Context())
		if len(service.content) != 1 || service.content[0] == nil {
			t.Errorf("the callback got %v", service.content)
		}
	})
}
