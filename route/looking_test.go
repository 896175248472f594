package route

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"outcrop/llm"
)

// looking is a stream that can only tell whether there is more by reading, and then waits until its attempt
// ends.
type looking struct {
	ctx    context.Context
	begun  bool
	looked int
	meta   llm.Meta
}

func (l *looking) Next(ev *llm.Event) error {
	if l.begun {
		<-l.ctx.Done()
		return l.ctx.Err()
	}
	l.begun = true
	*ev = llm.Event{Kind: llm.EventDelta, Block: llm.BlockText, Text: "a"}
	return nil
}

func (l *looking) More() bool {
	if l.looked++; l.begun {
		<-l.ctx.Done()
	}
	return true
}

func (l *looking) Meta() *llm.Meta { return &l.meta }
func (*looking) Close() error      { return nil }

// TestSilenceWhileItIsLookedWhetherThereIsMoreEndsAStream looks by the stream itself, and before the next event.
func TestSilenceWhileItIsLookedWhetherThereIsMoreEndsAStream(t *testing.T) {
	for name, look := range map[string]bool{"by More": true, "by Next": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const limit = 10 * time.Second
				s, err := open[llm.Event](t.Context(), silence{limit, limit}, func(ctx context.Context) (Source[llm.Event], error) { return &looking{ctx: ctx}, nil })
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				var ev llm.Event
				if err := s.Next(&ev); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				if look {
					s.More()
				}
				if e := llm.AsError(s.Next(&ev)); e.Code != llm.CodeTimeout {
					t.Errorf("the stream ends with %v", e)
				}
				if took := time.Since(began); took > 2*limit {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// asking is a stream that counts how often it is asked whether there is more, which may be a system call.
type asking struct {
	looking
	more bool
}

func (a *asking) Next(ev *llm.Event) error {
	a.begun = false
	return a.looking.Next(ev)
}

func (a *asking) More() bool {
	a.looked++
	return a.more
}

func TestAStreamIsAskedOnceForEachEventWhetherThereIsMore(t *testing.T) {
	for _, more := range []bool{false, true} {
		inner := &asking{more: more}
		s, err := open[llm.Event](t.Context(), silence{time.Minute, time.Minute}, func(context.Context) (Source[llm.Event], error) { return inner, nil })
		if err != nil {
			t.Fatal(err)
		}
		const n = 5
		before := inner.looked
		for range n {
			var ev llm.Event
			if err := s.Next(&ev); err != nil {
				t.Fatal(err)
			}
			s.More()
		}
		if asked := inner.looked - before; asked != n {
			t.Errorf("more: %t: asked %d times for %d events", more, asked, n)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
