package export

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"outcrop/llm"
	"outcrop/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service is a sender that a test holds up or has fail.
type service struct {
	mu      sync.Mutex
	hold    chan struct{} // while open, sending waits; nil for never
	err     error
	batches [][]string // the ids of what was sent
	tried   int
	content []bool
	closed  bool
}

func (s *service) Send(ctx context.Context, batch []*Record) ([]*Record, error) {
	s.mu.Lock()
	hold, err := s.hold, s.err
	s.tried++
	s.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return batch, ctx.Err()
		}
	}
	if err != nil {
		return batch, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for _, r := range batch {
		ids = append(ids, r.ID)
		s.content = append(s.content, r.Content != nil)
	}
	s.batches = append(s.batches, ids)
	return nil, nil
}

func (s *service) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

func (s *service) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *service) attempts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tried
}

func (s *service) sent() [][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.batches)
}

// counted keeps what an exporter counts.
type counted struct {
	mu   sync.Mutex
	n    map[string]int
	down []bool
}

func (c *counted) options() Options {
	c.n = map[string]int{}
	return Options{
		Count: func(_, result string, n int) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.n[result] += n
		},
		Down: func(_ string, down bool) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.down = append(c.down, down)
		},
	}
}

func (c *counted) want(t *testing.T, sent, failed, dropped int) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n[Sent] != sent || c.n[Failed] != failed || c.n[Dropped] != dropped {
		t.Errorf("counted %v, want %d sent, %d failed, %d dropped", c.n, sent, failed, dropped)
	}
}

func call(id string) *telemetry.Call {
	return &telemetry.Call{ID: id, Door: "openai_chat", Model: "granite", Group: "granite", Status: 200, Started: time.Now()}
}

func failed(id string) *telemetry.Call {
	c := call(id)
	c.Err, c.Status = &llm.Error{Code: llm.CodeTimeout, Status: 504, Message: "late"}, 504
	return c
}

func TestCallsAreSentTogetherAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s service
		var c counted
		e := New(t.Context(), Settings{Callbacks: []Callback{{Name: "x", Success: true, Failure: true, Sender: &s, Batch: 3}}}, c.options())
		e.Ended(call("a"))
		e.Ended(failed("b"))
		time.Sleep(4 * time.Second)
		if got := s.sent(); len(got) != 0 {
			t.Errorf("sent %v at once", got)
		}
		time.Sleep(2 * time.Second)
		if got := s.sent(); len(got) != 1 || !slices.Equal(got[0], []string{"a", "b"}) {
			t.Errorf("sent %v after the interval", got)
		}
		for _, id := range []string{"c", "d", "e", "f"} {
			e.Ended(call(id))
		}
		synctest.Wait()
		if got := s.sent(); len(got) != 2 || !slices.Equal(got[1], []string{"c", "d", "e"}) {
			t.Errorf("a whole batch does not wait: %v", got)
		}
		e.Close(t.Context())
		if got := s.sent(); len(got) != 3 || !slices.Equal(got[2], []string{"f"}) || !s.closed {
			t.Errorf("Close has left something: %v", got)
		}
		e.Ended(call("late"))
		c.want(t, 6, 0, 1)
	})
}

// A callback that does not answer costs no call anything but memory, which is bounded.
func TestACallbackThatHangsHoldsUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck, well := service{hold: make(chan struct{})}, service{}
		var c counted
		opt := c.options()
		opt.queue = 10
		e := New(t.Context(), Settings{Callbacks: []Callback{
			{Name: "stuck", Success: true, Sender: &stuck, Batch: 2}, {Name: "well", Success: true, Sender: &well, Batch: 2},
		}}, opt)
		for range 50 {
			e.Ended(call("a"))
			synctest.Wait()
		}
		n := 0
		for _, batch := range well.sent() {
			n += len(batch)
		}
		if n != 50 {
			t.Errorf("the other callback was told of %d calls", n)
		}
		if got := e.States(); got[0].Waiting != 10 || got[0].Err != nil || got[1].Waiting != 0 {
			t.Errorf("got %+v", got)
		}
		c.want(t, 50, 0, 50-2-10)
		close(stuck.hold)
		e.Close(t.Context())
		c.want(t, 62, 0, 38)
	})
}

func TestACallbackThatIsDownIsTriedAgainAndSaidSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := service{err: errors.New("refused")}
		var c counted
		e := New(t.Context(), Settings{Callbacks: []Callback{{Name: "x", Success: true, Sender: &s, Batch: 1}}}, c.options())
		e.Ended(call("a"))
		synctest.Wait()
		if got := e.States()[0]; got.Err == nil || got.Since.IsZero() {
			t.Errorf("it is not down: %+v", got)
		}
		s.fail(nil)
		time.Sleep(time.Minute)
		if got := e.States()[0]; got.Err != nil || len(s.sent()) != 1 {
			t.Errorf("it is still down: %+v, %v", got, s.sent())
		}
		c.want(t, 1, 0, 0)
		s.fail(errors.New("refused"))
		e.Ended(call("b"))
		time.Sleep(5 * time.Minute)
		if n := s.attempts(); n != 2+attempts {
			t.Errorf("%d attempts", n)
		}
		c.want(t, 1, 1, 0)
		s.fail(&FinalError{errors.New("never")})
		e.Ended(call("c"))
		time.Sleep(5 * time.Minute)
		if n := s.attempts(); n != 3+attempts {
			t.Errorf("%d attempts, though another would fail alike", n)
		}
		c.want(t, 1, 2, 0)
		e.Close(t.Context())
		c.mu.Lock()
		defer c.mu.Unlock()
		if !slices.Equal(c.down, []bool{true, false, true}) {
			t.Errorf("down was told as %v", c.down)
		}
	})
}

func TestCloseEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := service{hold: make(chan struct{})}
		var c counted
		e := New(t.Context(), Settings{Callbacks: []Callback{{Name: "x", Success: true, Sender: &s}}}, c.options())
		e.Ended(call("a"))
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		began := time.Now()
		e.Close(ctx)
		if d := time.Since(began); d != 2*time.Second {
			t.Errorf("Close has taken %v", d)
		}
		c.want(t, 0, 1, 0)
	})
}

func TestWhoIsToldOfWhat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var good, bad, text, own service
		opt := Options{Own: func(cb *telemetry.Callback) (Sender, error) {
			if cb.Name != "langfuse" {
				return nil, errors.New("no")
			}
			return &own, nil
		}}
		e := New(t.Context(), Settings{Callbacks: []Callback{
			{Name: "good", Success: true, Sender: &good}, {Name: "bad", Failure: true, Sender: &bad}, {Name: "text", Success: true, Content: true, Sender: &text},
		}, OwnContent: true}, opt)
		with := func(c *telemetry.Call, change func(c *telemetry.Call)) *telemetry.Call {
			c.Content = &telemetry.Content{Request: []byte(`{}`)}
			change(c)
			return c
		}
		mine := &telemetry.Logging{Callbacks: []telemetry.Callback{{Name: "langfuse", Success: true}, {Name: "other", Success: true, Failure: true}}}
		e.Ended(with(call("a"), func(*telemetry.Call) {}))
		e.Ended(with(call("redacted"), func(c *telemetry.Call) { c.From.Redact = true }))
		e.Ended(with(call("silent"), func(c *telemetry.Call) { c.Silent = true }))
		e.Ended(with(call("mine"), func(c *telemetry.Call) { c.Who.Logging = mine }))
		e.Ended(with(failed("b"), func(c *telemetry.Call) { c.Who.Logging = mine }))
		e.Ended(&telemetry.Call{ID: "refused", Door: "refused", Status: 401, Err: &llm.Error{Code: llm.CodeUnauthorized, Status: 401}})
		e.Close(t.Context())
		for _, want := range []struct {
			name    string
			s       *service
			ids     []string
			content []bool
		}{
			{"good", &good, []string{"a", "redacted", "mine"}, []bool{false, false, false}},
			{"bad", &bad, []string{"b"}, []bool{false}},
			{"text", &text, []string{"a", "redacted", "mine"}, []bool{true, false, true}},
			{"own", &own, []string{"mine"}, []bool{true}},
		} {
			if got := slices.Concat(want.s.sent()...); !slices.Equal(got, want.ids) || !slices.Equal(want.s.content, want.content) {
				t.Errorf("%s was told of %v, content %v", want.name, got, want.s.content)
			}
		}
	})
}

func TestATestReachesTheCallbackAtOnce(t *testing.T) {
	s := service{err: errors.New("no")}
	e := New(t.Context(), Settings{Callbacks: []Callback{{Name: "x", Success: true, Sender: &s}}}, Options{})
	defer e.Close(t.Context())
	if known, err := e.Test(t.Context(), "x", &Record{}); !known || err == nil {
		t.Errorf("got %v, %v", known, err)
	}
	if known, _ := e.Test(t.Context(), "y", &Record{}); known {
		t.Error("an unknown callback is known")
	}
}
