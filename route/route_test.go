package route

import (
	"context"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"outcrop/llm"
	"outcrop/provider"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = llm.Event{Kind: llm.EventStart, Role: llm.RoleAssistant}

func unavailable() *llm.Error {
	return &llm.Error{Code: llm.CodeUnavailable, Status: 503, Message: "down", Upstream: true}
}

func refused() *llm.Error {
	return &llm.Error{Code: llm.CodeInvalid, Status: 400, Message: "no", Upstream: true}
}

func entry(name string, d *fake) Entry {
	return Entry{Name: name, ID: d.name, Model: d.name + "-model", Deployment: d, Timeout: time.Minute, StreamTimeout: 10 * time.Second, Retries: 2}
}

// instant is a router whose pauses are noted and not waited for.
func instant(pauses *[]time.Duration, entries ...Entry) *Router {
	return New(Plan{Entries: entries}, Options{
		Random: func() float64 { return 0 },
		Sleep: func(_ context.Context, d time.Duration) error {
			*pauses = append(*pauses, d)
			return nil
		},
	})
}

func TestCallsOfOneNameAreSharedOutEvenly(t *testing.T) {
	a, b, c := &fake{name: "a", steps: []step{{}}}, &fake{name: "b", steps: []step{{}}}, &fake{name: "c", steps: []step{{}}}
	r := New(Plan{Entries: []Entry{entry("granite", a), entry("granite", b), entry("granite", c)}}, Options{})
	for range 30 {
		if _, err := r.Complete(t.Context(), &llm.Request{Call: llm.Call{Model: "granite"}}); err != nil {
			t.Fatal(err)
		}
	}
	if len(a.calls) != 10 || len(b.calls) != 10 || len(c.calls) != 10 {
		t.Errorf("calls are %d, %d and %d, want 10 each", len(a.calls), len(b.calls), len(c.calls))
	}
}

func TestNames(t *testing.T) {
	exact, narrow, wide := &fake{name: "exact", steps: []step{{}}}, &fake{name: "narrow", steps: []step{{}}}, &fake{name: "wide", steps: []step{{}}}
	entries := []Entry{entry("*", wide), entry("bedrock/us.*", narrow), entry("bedrock/us.granite", exact)}
	entries[0].Model, entries[1].Model = "*", "us.*"
	r := New(Plan{Entries: entries}, Options{})
	for _, tt := range []struct{ name, deployment, model string }{
		{"bedrock/us.granite", "exact", "exact-model"},
		{"bedrock/us.amazon.nova-pro-v1:0", "narrow", "us.amazon.nova-pro-v1:0"},
		{"anything/at/all", "wide", "anything/at/all"},
		{"exact", "exact", "exact-model"}, // a deployment's id
	} {
		resp, err := r.Complete(t.Context(), &llm.Request{Call: llm.Call{Model: tt.name}})
		if err != nil {
			t.Fatal(err)
		}
		if resp.RawStop != tt.deployment {
			t.Errorf("%s went to %s, want %s", tt.name, resp.RawStop, tt.deployment)
		}
		for _, f := range []*fake{exact, narrow, wide} {
			if f.name == tt.deployment && f.calls[len(f.calls)-1] != tt.model {
				t.Errorf("%s called %q, want %q", tt.name, f.calls[len(f.calls)-1], tt.model)
			}
		}
	}
}

func TestUnknownNameIsNotFound(t *testing.T) {
	r := New(Plan{Entries: []Entry{entry("granite", &fake{name: "a"})}}, Options{})
	_, err := r.Complete(t.Context(), &llm.Request{Call: llm.Call{Model: "basalt"}})
	var e *llm.Error
	if !errors.As(err, &e) || e.Status != 404 || e.Code != llm.CodeModelNotFound || !strings.Contains(e.Message, "basalt") {
		t.Errorf("got %v", err)
	}
}

// knowing is a deployment that knows one model.
type knowing struct {
	fake
	model string
}

func (k *knowing) Describe(model string) provider.Model {
	return provider.Model{ID: model, Known: model == k.model}
}
func (*knowing) Doubts() []provider.Doubt { return nil }

func TestANameWithoutItsWildcardsPrefixGetsAHint(t *testing.T) {
	r := New(Plan{Entries: []Entry{{Name: "bedrock/*", ID: "wild", Model: "*", Deployment: &knowing{model: "nova-lite"}}}}, Options{})
	for name, want := range map[string]string{
		"nova-lite":                `Use "bedrock/nova-lite", the name configured for this model.`,
		"basalt":                   "GET /v1/models lists the configured names.",
		strings.Repeat("x", 1<<16): "GET /v1/models lists the configured names.",
	} {
		_, err := r.Complete(t.Context(), &llm.Request{Call: llm.Call{Model: name}})
		if e := llm.AsError(err); e.Code != llm.CodeModelNotFound || e.Fix != want {
			t.Errorf("%.20s: %v: %s", name, err, e.Fix)
		}
	}
}

func TestTries(t *testing.T) {
	denied := &llm.Error{Code: llm.CodeDenied, Status: 403, Message: "denied"}
	expired := &llm.Error{Code: llm.CodeCredentialsExpired, Status: 403, Message: "expired"}
	throttled := &llm.Error{Code: llm.CodeLimitRequests, Status: 429, Message: "slow down", RetryAfter: "7"}
	for _, tt := range []struct {
		name   string
		first  []step
		second []step // of another deployment of the name; none if nil
		calls  [2]int
		status int // 0 for an answer
		pauses []time.Duration
	}{
		{name: "a failure that passes is tried again after a pause", first: []step{{err: unavailable()}, {}}, calls: [2]int{2, 0}, pauses: []time.Duration{100 * time.Millisecond}},
		{name: "pauses grow, and the tries end", first: []step{{err: unavailable()}}, calls: [2]int{3, 0}, status: 503, pauses: []time.Duration{100 * time.Millisecond, time.Second}},
		{name: "Retry-After is the least pause", first: []step{{err: throttled}, {}}, calls: [2]int{2, 0}, pauses: []time.Duration{7 * time.Second}},
		{name: "a wrong request is not tried again", first: []step{{err: refused()}}, calls: [2]int{1, 0}, status: 400},
		{name: "a wrong request is wrong elsewhere too", first: []step{{err: refused()}}, second: []step{{}}, calls: [2]int{1, 0}, status: 400},
		{name: "a refusal of rights is not tried again at the same place", first: []step{{err: denied}}, calls: [2]int{1, 0}, status: 403},
		{name: "other credentials may have the rights", first: []step{{err: denied}}, second: []step{{}}, calls: [2]int{1, 1}},
		{name: "expired credentials are refreshed once", first: []step{{err: expired}, {}}, calls: [2]int{2, 0}},
		{name: "credentials that stay expired", first: []step{{err: expired}}, calls: [2]int{2, 0}, status: 403},
		{name: "a second round waits, and begins with another than the last", first: []step{{err: unavailable()}, {err: unavailable()}, {}}, second: []step{{err: throttled}, {err: throttled}}, calls: [2]int{2, 1}, status: 503, pauses: []time.Duration{100 * time.Millisecond}},
		{name: "elsewhere at once", first: []step{{err: unavailable()}}, second: []step{{}}, calls: [2]int{1, 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := &fake{name: "a", steps: tt.first}, &fake{name: "b", steps: tt.second}
			entries := []Entry{entry("granite", a)}
			if tt.second != nil {
				entries = append(entries, entry("granite", b))
			}
			var pauses []time.Duration
			resp, err := instant(&pauses, entries...).Complete(t.Context(), &llm.Request{Call: llm.Call{Model: "granite"}})
			if got := [2]int{len(a.calls), len(b.calls)}; got != tt.calls {
				t.Errorf("calls %v, want %v", got, tt.calls)
			}
			if !slices.Equal(pauses, tt.pauses) {
				t.Errorf("pauses %v, want %v", pauses, tt.pauses)
			}
			if status := statusOf(err); status != tt.status {
				t.Errorf("status %d, want %d (%v)", status, tt.status, err)
			}
			if err == nil && resp.Meta.Retries != len(a.calls)+len(b.calls)-1 {
				t.Errorf("%d retries noted after %v calls", resp.Meta.Retries, tt.calls)
			}
		})
	}
}

func statusOf(err error) int {
	if err == nil {
		return 0
	}
	return llm.AsError(err).Status
}

func TestUnwellDeploymentStandsBehindTheOthersAndTheLastOneIsStillTried(t *testing.T) {
	a, b := &fake{name: "a", steps: []step{{err: unavailable()}}}, &fake{name: "b", steps: []step{{}}}
	var pauses []time.Duration
	r := instant(&pauses, entry("granite", a), entry("granite", b))
	for range 6 {
		if _, err := r.Complete(t.Context(), &llm.Request{Call: llm.Call{Model: "granite"}}); err != nil {
			t.Fatal(err)
		}
	}
	if len(a.calls) != 1 || len(b.calls) != 6 {
		t.Errorf("calls %d and %d, want 1 and 6", len(a.calls), len(b.calls))
	}
	b.steps = []step{{err: unavailable()}}
	if _, err := r.Complete(t.Context(), &llm.Request{Call: llm.Call{Model: "granite"}}); statusOf(err) != 503 {
		t.Errorf("got %v", err)
	}
	if len(a.calls) < 2 {
		t.Error("with every deployment unwell the others were not tried")
	}
}

func TestRetriesHaveABudget(t *testing.T) {
	a := &fake{name: "a", steps: []step{{err: unavailable()}}}
	var pauses []time.Duration
	r := instant(&pauses, entry("granite", a))
	for range 1000 {
		_, _ = r.Complete(t.Context(), &llm.Request{Call: llm.Call{Model: "granite"}})
	}
	if retries := len(a.calls) - 1000; retries != budgetFull/10 {
		t.Errorf("%d retries of 1000 failing calls, want %d", retries, budgetFull/10)
	}
}

// A name that fails does not take the tries of another, and a well deployment is
// tried whatever the budget.
func TestBudgetIsEachNamesOwn(t *testing.T) {
	bad, good, spare := &fake{name: "bad", steps: []step{{err: unavailable()}}}, &fake{name: "good", steps: []step{{err: unavailable()}}}, &fake{name: "spare", steps: []step{{}}}
	var pauses []time.Duration
	r := instant(&pauses, entry("basalt", bad), entry("granite", good), entry("granite", spare))
	for range 200 {
		_, _ = r.Complete(t.Context(), &llm.Request{Call: llm.Call{Model: "basalt"}})
		if _, err := r.Complete(t.Context(), &llm.Request{Call: llm.Call{Model: "granite"}}); err != nil {
			t.Fatalf("granite has a well deployment: %v", err)
		}
	}
}

func TestLongRetryAfterIsTheClientsToWaitFor(t *testing.T) {
	a := &fake{name: "a", steps: []step{{err: &llm.Error{Code: llm.CodeLimitRequests, Status: 429, RetryAfter: "500"}}}}
	var pauses []time.Duration
	e := entry("granite", a)
	e.Timeout = time.Hour
	_, err := instant(&pauses, e).Complete(t.Context(), &llm.Request{Call: llm.Call{Model: "granite"}})
	if statusOf(err) != 429 || llm.AsError(err).RetryAfter != "500" || len(a.calls) != 1 || len(pauses) != 0 {
		t.Errorf("got %v after %d calls and pauses %v", err, len(a.calls), pauses)
	}
}

func TestSettingsAreThoseOfTheNameThatIsCalled(t *testing.T) {
	wide, narrow := entry("bedrock/*", &fake{name: "a"}), entry("bedrock/us.*", &fake{name: "b"})
	wide.DropParams, narrow.KeepAlive = true, time.Second
	r := New(Plan{Entries: []Entry{wide, narrow}}, Options{})
	if got := r.Settings("bedrock/us.amazon.nova-lite-v1:0"); got.DropParams || got.KeepAlive != time.Second {
		t.Errorf("got %+v", got)
	}
	if got := r.Settings("bedrock/eu.amazon.nova-lite-v1:0"); !got.DropParams {
		t.Errorf("got %+v", got)
	}
	if got := r.Settings("basalt"); !reflect.DeepEqual(got, new(Settings)) {
		t.Errorf("got %+v", got)
	}
}

func TestStreamIsTriedAgainUntilContentHasCome(t *testing.T) {
	cut := &llm.Error{Code: llm.CodeInterrupted, Status: 502, Message: "cut"}
	for _, tt := range []struct {
		name  string
		steps []step
		calls int
		want  string
		fails int // status in the stream; 0 if it comes to its end
		never int // status instead of a stream
	}{
		{name: "good", steps: []step{{events: []llm.Event{start, text("a"), text("b")}}}, calls: 1, want: "ab"},
		{name: "fails behind the start", steps: []step{{events: []llm.Event{start}, then: cut}, {events: []llm.Event{start, text("a")}}}, calls: 2, want: "a"},
		{name: "fails behind an empty text", steps: []step{{events: []llm.Event{start, text("")}, then: cut}, {events: []llm.Event{text("a")}}}, calls: 2, want: "a"},
		{name: "empty streams", steps: []step{{}}, calls: 3, never: 502},
		{name: "fails behind the first text", steps: []step{{events: []llm.Event{start, text("a")}, then: cut}}, calls: 1, want: "a", fails: 502},
		{name: "refused", steps: []step{{err: refused()}}, calls: 1, never: 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := &fake{name: "a", steps: tt.steps}
			var pauses []time.Duration
			s, err := instant(&pauses, entry("granite", a)).Stream(t.Context(), &llm.Request{Call: llm.Call{Model: "granite"}})
			if statusOf(err) != tt.never {
				t.Fatalf("status %d, want %d (%v)", statusOf(err), tt.never, err)
			}
			got, end := "", error(nil)
			if err == nil {
				got, end = drain(s)
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				if s.Meta().Deployment != "a" || s.Meta().Retries != tt.calls-1 {
					t.Errorf("meta %+v", s.Meta())
				}
			}
			if got != tt.want || statusOf(end) != tt.fails {
				t.Errorf("got %q and %v, want %q and status %d", got, end, tt.want, tt.fails)
			}
			opened := 0
			for i := range a.calls {
				if a.steps[min(i, len(a.steps)-1)].err == nil {
					opened++
				}
			}
			if len(a.calls) != tt.calls || a.ended != opened {
				t.Errorf("%d calls, %d streams opened, %d closed; want %d calls", len(a.calls), opened, a.ended, tt.calls)
			}
		})
	}
}

// drain reads a stream to its end; the error is nil at a proper end.
func drain(s llm.Stream) (string, error) {
	var b strings.Builder
	for {
		var ev llm.Event
		err := s.Next(&ev)
		if errors.Is(err, io.EOF) {
			return b.String(), nil
		}
		if err != nil {
			return b.String(), err
		}
		b.WriteString(ev.Text)
	}
}

func TestWholeAnswerThatTakesTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &fake{name: "a", steps: []step{{stall: time.Hour}}}
		began := time.Now()
		_, err := New(Plan{Entries: []Entry{entry("granite", a)}}, Options{}).Complete(t.Context(), &llm.Request{Call: llm.Call{Model: "granite"}})
		e := llm.AsError(err)
		if e.Status != 504 || e.Code != llm.CodeTimeout || len(a.calls) != 1 {
			t.Errorf("got %v after %d calls", err, len(a.calls))
		}
		if took := time.Since(began); took != time.Minute {
			t.Errorf("it took %v, want the timeout, 1m", took)
		}
	})
}

func TestStreamSilence(t *testing.T) {
	for _, tt := range []struct {
		name  string
		steps []step
		want  string
		after time.Duration
	}{
		{"before the first content", []step{{events: []llm.Event{start}, stall: time.Hour}}, "", 10 * time.Second},
		{"in the stream", []step{{events: []llm.Event{start, text("a")}, stall: time.Hour}}, "a", 10 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &fake{name: "a", steps: tt.steps}
				began := time.Now()
				s, err := New(Plan{Entries: []Entry{entry("granite", a)}}, Options{}).Stream(t.Context(), &llm.Request{Call: llm.Call{Model: "granite"}})
				got := ""
				if err == nil {
					got, err = drain(s)
					_ = s.Close()
				}
				if e := llm.AsError(err); e.Status != 504 || got != tt.want {
					t.Errorf("got %q and %v", got, err)
				}
				if took := time.Since(began); took != tt.after {
					t.Errorf("it took %v, want %v", took, tt.after)
				}
				if a.ended != 1 {
					t.Error("the stream stays open")
				}
			})
		})
	}
}

// A slow client must not look like a silent provider.
func TestSlowReaderIsNoSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &fake{name: "a", steps: []step{{events: []llm.Event{text("a"), text("b")}}}}
		s, err := New(Plan{Entries: []Entry{entry("granite", a)}}, Options{}).Stream(t.Context(), &llm.Request{Call: llm.Call{Model: "granite"}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		var ev llm.Event
		for range 2 {
			time.Sleep(time.Hour) // the bubble's clock
			if err := s.Next(&ev); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// The provider's silence counts from when it is waited for, whatever the client did before.
func TestSilenceAfterASlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &fake{name: "a", steps: []step{{events: []llm.Event{text("a")}, stall: time.Hour}}}
		s, err := New(Plan{Entries: []Entry{entry("granite", a)}}, Options{}).Stream(t.Context(), &llm.Request{Call: llm.Call{Model: "granite"}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		time.Sleep(17 * time.Second) // the bubble's clock; the limit is 10 s
		began := time.Now()
		if _, err := drain(s); llm.AsError(err).Status != 504 {
			t.Errorf("got %v", err)
		}
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("it took %v, want 10s", took)
		}
	})
}

// A wait counts although the provider has sent something, such as a piece of an event or an empty one.
func TestSilenceBehindSomethingThatIsNoEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &fake{name: "a", steps: []step{{events: []llm.Event{text("a")}, stall: time.Hour, some: true}}}
		s, err := New(Plan{Entries: []Entry{entry("granite", a)}}, Options{}).Stream(t.Context(), &llm.Request{Call: llm.Call{Model: "granite"}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		time.Sleep(17 * time.Second) // the bubble's clock; the limit is 10 s
		began := time.Now()
		if _, err := drain(s); llm.AsError(err).Status != 504 {
			t.Errorf("got %v", err)
		}
		if took := time.Since(began); took < 10*time.Second || took > 20*time.Second {
			t.Errorf("it took %v, want 10 to 20 s", took)
		}
	})
}

func TestClientThatGoesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &fake{name: "a", steps: []step{{stall: time.Hour}}}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		r := New(Plan{Entries: []Entry{entry("granite", a)}}, Options{})
		_, err := r.Complete(ctx, &llm.Request{Call: llm.Call{Model: "granite"}})
		if e := llm.AsError(err); e.Code != llm.CodeClientGone || len(a.calls) != 1 {
			t.Errorf("got %v after %d calls", err, len(a.calls))
		}
	})
}

func TestRetryAfter(t *testing.T) {
	for _, tt := range []struct {
		header string
		want   time.Duration
	}{{"", 0}, {"3", 3 * time.Second}, {"-3", 0}, {"soon", 0}, {"Thu, 01 Jan 1970 00:00:00 GMT", 0}} {
		if got := retryAfter(tt.header); got != tt.want {
			t.Errorf("%q gives %v, want %v", tt.header, got, tt.want)
		}
	}
}

func TestAMisspelledNameIsToldTheNearest(t *testing.T) {
	r := New(Plan{Entries: []Entry{{Name: "claude"}, {Name: "claude-small"}, {Name: "openai/*"}}}, Options{})
	for name, want := range map[string]string{"claud": `Did you mean "claude"? `, "Claude-smal": `Did you mean "claude-small"? `, "granite": "", "openai": ""} {
		e := r.notConfigured(name)
		if e.Fix != want+"GET /v1/models lists the configured names." {
			t.Errorf("%s: %s", name, e.Fix)
		}
	}
}
