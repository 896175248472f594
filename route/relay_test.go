package route

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"outcrop/llm"
	"outcrop/provider"
)

// passing is a deployment whose target also speaks AWS's own dialect.
type passing struct {
	*fake
	raw    []rawStep // what one try does; the last one for ever
	learns bool      // a failure shows that it does not speak the dialect
	deaf   bool      // it has learned so
	picky  bool      // a failure shows that it does not take the call, although it speaks the dialect
	picked bool      // it has learned so
}

type rawStep struct {
	err    *llm.Error
	events []llm.RawEvent
	then   error // how a stream ends; io.EOF if nil
	stall  time.Duration
}

func (p *passing) Targets(_ llm.Verb, model string) ([]provider.Target, error) {
	p.calls = append(p.calls, model)
	return []provider.Target{passTarget{fakeTarget{p.fake, model}, p}}, nil
}

type passTarget struct {
	fakeTarget
	own *passing
}

func (t passTarget) Speaks(dialect string) bool { return dialect == llm.DialectBedrock && !t.own.deaf }

func (t passTarget) Takes(llm.Verb, *llm.Raw) bool { return !t.own.picked }

func (t passTarget) next() rawStep {
	s := t.own.raw[0]
	if len(t.own.raw) > 1 {
		t.own.raw = t.own.raw[1:]
	}
	t.own.deaf, t.own.picked = t.own.learns && s.err != nil, t.own.picky && s.err != nil
	return s
}

func (t passTarget) Pass(ctx context.Context, _ *llm.Raw) (*llm.RawResponse, error) {
	s := t.next()
	if err := wait(ctx, s.stall); err != nil {
		return nil, err
	}
	if s.err != nil {
		return nil, s.err
	}
	return &llm.RawResponse{Body: []byte(t.name)}, nil
}

func (t passTarget) PassStream(ctx context.Context, _ *llm.Raw) (llm.RawStream, error) {
	s := t.next()
	if s.err != nil {
		return nil, s.err
	}
	return &rawStream{ctx: ctx, step: s, fake: t.fake}, nil
}

type rawStream struct {
	*fake
	ctx  context.Context
	step rawStep
	meta llm.Meta
	shut bool
}

func (s *rawStream) Next(ev *llm.RawEvent) error {
	if len(s.step.events) > 0 {
		*ev = s.step.events[0]
		s.step.events = s.step.events[1:]
		return nil
	}
	if err := wait(s.ctx, s.step.stall); err != nil {
		return err
	}
	if s.step.then != nil {
		return s.step.then
	}
	return io.EOF
}
func (s *rawStream) More() bool      { return false }
func (s *rawStream) Meta() *llm.Meta { return &s.meta }
func (s *rawStream) Close() error {
	if !s.shut {
		s.shut = true
		s.ended++
	}
	return nil
}

func head() llm.RawEvent { return llm.RawEvent{Type: "messageStart", Data: []byte("start")} }

func body() llm.RawEvent {
	return llm.RawEvent{Type: "contentBlockDelta", Data: []byte("x"), Content: true}
}

func report(e *llm.Error) llm.RawEvent { return llm.RawEvent{Type: "throttlingException", Err: e} }

func bedrockCall(stream bool) *llm.Raw {
	return &llm.Raw{Call: llm.Call{Model: "granite", Stream: stream}, Dialect: llm.DialectBedrock}
}

func relayed(p *passing) Entry {
	e := entry("granite", p.fake)
	e.Deployment = p
	return e
}

func TestRelayRetriesAsACompletionDoes(t *testing.T) {
	var pauses []time.Duration
	p := &passing{fake: &fake{name: "a"}, raw: []rawStep{{err: unavailable()}, {}}}
	resp, err := instant(&pauses, relayed(p)).Relay(t.Context(), bedrockCall(false), nil)
	if err != nil || string(resp.Body) != "a" || resp.Meta.Deployment != "a" || resp.Meta.Retries != 1 {
		t.Errorf("got %+v, %v", resp, err)
	}
	p = &passing{fake: &fake{name: "a"}, raw: []rawStep{{err: refused()}, {}}}
	if _, err := instant(&pauses, relayed(p)).Relay(t.Context(), bedrockCall(false), nil); llm.AsError(err).Status != 400 || len(p.raw) != 1 {
		t.Errorf("a refusal was retried: %v", err)
	}
}

// Until the first content nothing has been sent, so a failure can be retried; afterwards it is the
// client's to see.
func TestRelayStreamHoldsBackTheStart(t *testing.T) {
	for _, tt := range []struct {
		name  string
		steps []rawStep
		types []string
		code  llm.Code // of the failure of the stream, or of opening it
	}{
		{"refused first", []rawStep{{err: unavailable()}, {events: []llm.RawEvent{head(), body()}}}, []string{"messageStart", "contentBlockDelta"}, ""},
		{"an exception first", []rawStep{{events: []llm.RawEvent{report(unavailable())}}, {events: []llm.RawEvent{head(), body()}}}, []string{"messageStart", "contentBlockDelta"}, ""},
		{"an exception after the start", []rawStep{{events: []llm.RawEvent{head(), report(unavailable())}}, {events: []llm.RawEvent{head(), body()}}}, []string{"messageStart", "contentBlockDelta"}, ""},
		{"cut after the start", []rawStep{{events: []llm.RawEvent{head()}, then: &llm.Error{Code: llm.CodeInterrupted, Status: 502}}, {events: []llm.RawEvent{head(), body()}}}, []string{"messageStart", "contentBlockDelta"}, ""},
		{"an exception that stays", []rawStep{{events: []llm.RawEvent{head(), report(refused())}}}, nil, llm.CodeInvalid},
		{"cut after content", []rawStep{{events: []llm.RawEvent{head(), body()}, then: &llm.Error{Code: llm.CodeInterrupted, Status: 502}}}, []string{"messageStart", "contentBlockDelta"}, llm.CodeInterrupted},
		{"nothing", []rawStep{{}}, nil, llm.CodeInterrupted},
	} {
		var pauses []time.Duration
		p := &passing{fake: &fake{name: "a"}, raw: tt.steps}
		types, err := collect(instant(&pauses, relayed(p)).RelayStream(t.Context(), bedrockCall(true), nil))
		if code := codeOf(err); !slices.Equal(types, tt.types) || code != tt.code {
			t.Errorf("%s: %q, %v", tt.name, types, err)
		}
		if p.ended == 0 {
			t.Errorf("%s: a stream stays open", tt.name)
		}
	}
}

func codeOf(err error) llm.Code {
	if err == nil || errors.Is(err, io.EOF) {
		return ""
	}
	return llm.AsError(err).Code
}

// collect reads a stream to its end.
func collect(s llm.RawStream, err error) (types []string, _ error) {
	if err != nil {
		return nil, err
	}
	defer s.Close()
	for {
		var ev llm.RawEvent
		if err := s.Next(&ev); err != nil {
			return types, err
		}
		types = append(types, ev.Type)
	}
}

func TestRelayStreamEndsAStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &passing{fake: &fake{name: "a"}, raw: []rawStep{{events: []llm.RawEvent{head(), body()}, stall: time.Hour}}}
		types, err := collect(New(Plan{Entries: []Entry{relayed(p)}}, Options{}).RelayStream(t.Context(), bedrockCall(true), nil))
		if len(types) != 2 || codeOf(err) != llm.CodeTimeout || p.ended != 1 {
			t.Errorf("%q, %v", types, err)
		}
	})
}

// A target that does not speak the dialect gets a translation, if there is one.
func TestRelayTranslates(t *testing.T) {
	f := &fake{name: "a", steps: []step{{events: []llm.Event{start, text("granite")}}}}
	tr := &Translation{
		Request: func(context.Context) (*llm.Request, error) { return &llm.Request{}, nil },
		Response: func(r *llm.Response) *llm.RawResponse {
			return &llm.RawResponse{Body: []byte("translated " + r.RawStop)}
		},
		Stream: func(s llm.Stream) llm.RawStream { return translated{s} },
	}
	r := New(Plan{Entries: []Entry{entry("granite", f)}}, Options{})
	if resp, err := r.Relay(t.Context(), bedrockCall(false), tr); err != nil || string(resp.Body) != "translated a" {
		t.Errorf("got %+v, %v", resp, err)
	}
	if types, err := collect(r.RelayStream(t.Context(), bedrockCall(true), tr)); len(types) != 2 || !errors.Is(err, io.EOF) || f.ended != 1 {
		t.Errorf("got %q, %v", types, err)
	}
	for _, stream := range []bool{false, true} {
		var err error
		if stream {
			_, err = r.RelayStream(t.Context(), bedrockCall(true), nil)
		} else {
			_, err = r.Relay(t.Context(), bedrockCall(false), nil)
		}
		if codeOf(err) != llm.CodeUnsupported {
			t.Errorf("without a translation: %v", err)
		}
	}
	tr.Request = func(context.Context) (*llm.Request, error) { return nil, llm.Invalid("x", "x is wrong.") }
	if _, err := r.Relay(t.Context(), bedrockCall(false), tr); codeOf(err) != llm.CodeBadRequest {
		t.Errorf("a request that cannot be translated: %v", err)
	}
}

type translated struct{ llm.Stream }

func (t translated) Next(ev *llm.RawEvent) error {
	var inner llm.Event
	err := t.Stream.Next(&inner)
	*ev = llm.RawEvent{Type: "event", Content: inner.Kind == llm.EventDelta}
	return err
}

// A target that turns out not to speak the dialect, or not to take such a call in it, gets the translation at once.
func TestRelayTranslatesForATargetThatLearns(t *testing.T) {
	tr := &Translation{
		Request: func(context.Context) (*llm.Request, error) { return &llm.Request{}, nil },
		Response: func(r *llm.Response) *llm.RawResponse {
			return &llm.RawResponse{Body: []byte("translated " + r.RawStop)}
		},
		Stream: func(s llm.Stream) llm.RawStream { return translated{s} },
	}
	for _, picky := range []bool{false, true} {
		translatesWhatIsRefused(t, tr, picky)
	}
}

func translatesWhatIsRefused(t *testing.T, tr *Translation, picky bool) {
	t.Helper()
	learning := func() *passing {
		return &passing{fake: &fake{name: "a", steps: []step{{events: []llm.Event{start, text("granite")}}}}, raw: []rawStep{{err: refused()}}, learns: !picky, picky: picky}
	}
	var pauses []time.Duration
	if resp, err := instant(&pauses, relayed(learning())).Relay(t.Context(), bedrockCall(false), tr); err != nil || string(resp.Body) != "translated a" || resp.Meta.Passed {
		t.Errorf("got %+v, %v", resp, err)
	}
	if types, err := collect(instant(&pauses, relayed(learning())).RelayStream(t.Context(), bedrockCall(true), tr)); len(types) != 2 || !errors.Is(err, io.EOF) {
		t.Errorf("got %q, %v", types, err)
	}
	if _, err := instant(&pauses, relayed(learning())).Relay(t.Context(), bedrockCall(false), nil); codeOf(err) != llm.CodeInvalid {
		t.Errorf("without a translation: %v", err)
	}
}

func TestACallThatBelongsToADeploymentReachesNoOther(t *testing.T) {
	a, b := &fake{name: "a", steps: []step{{}}}, &fake{name: "b", steps: []step{{err: unavailable()}}}
	var pauses []time.Duration
	ea, eb := entry("granite", a), entry("granite", b)
	r := instant(&pauses, ea, eb)
	if got := r.Settings("granite").Deployments; !slices.Equal(got, []string{ea.ID, eb.ID}) {
		t.Errorf("the deployments are %q", got)
	}
	for range 4 {
		resp, err := r.Complete(t.Context(), &llm.Request{Call: llm.Call{Model: "granite", Deployment: ea.ID}})
		if err != nil || resp.RawStop != "a" {
			t.Errorf("got %+v, %v", resp, err)
		}
	}
	if _, err := r.Complete(t.Context(), &llm.Request{Call: llm.Call{Model: "granite", Deployment: eb.ID}}); codeOf(err) != llm.CodeUnavailable || len(a.calls) != 4 {
		t.Errorf("%v, and the other got %d calls", err, len(a.calls))
	}
	if _, err := r.Complete(t.Context(), &llm.Request{Call: llm.Call{Model: "granite", Deployment: "gone"}}); codeOf(err) != llm.CodeStateNotFound {
		t.Errorf("a deployment that is gone: %v", err)
	}
}
