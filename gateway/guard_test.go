package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"outcrop/gateway"
	"outcrop/guard"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/route"
	"outcrop/telemetry"
)

// echoing answers calls with what they ask, and keeps the requests.
type echoing struct {
	gateway.Router // of which nothing else is called

	answer  func(ctx context.Context) (string, error)
	pieces  []string
	block   llm.BlockKind
	chats   []*llm.Request
	relayed []*llm.Raw
	counted *llm.Request
	embed   *llm.EmbedRequest
	rerank  *llm.RerankRequest
}

func (r *echoing) Complete(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	r.chats = append(r.chats, req)
	text, err := r.answer(ctx)
	if err != nil {
		return nil, err
	}
	return &llm.Response{
		Blocks: []llm.Block{
			{Kind: llm.BlockReasoning, Text: text, Signature: "signed"},
			{Kind: llm.BlockText, Text: text},
			{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{Input: jsonx.AppendString(nil, text)}},
		},
		Usage: llm.Usage{Input: 3, Output: 5},
	}, nil
}

func (r *echoing) Stream(ctx context.Context, req *llm.Request) (llm.Stream, error) {
	r.chats = append(r.chats, req)
	if _, err := r.answer(ctx); err != nil {
		return nil, err
	}
	s := &stream{err: io.EOF}
	for _, piece := range r.pieces {
		s.events = append(s.events, llm.Event{Kind: llm.EventDelta, Block: r.block, Text: piece})
	}
	s.events = append(s.events, llm.Event{Kind: llm.EventBlockEnd}, llm.Event{Kind: llm.EventStop}, llm.Event{Kind: llm.EventUsage, Usage: &llm.Usage{Input: 3, Output: 5}})
	return s, nil
}

func (r *echoing) Relay(ctx context.Context, raw *llm.Raw, _ *route.Translation) (*llm.RawResponse, error) {
	r.relayed = append(r.relayed, raw)
	text, err := r.answer(ctx)
	if err != nil {
		return nil, err
	}
	return &llm.RawResponse{Body: []byte(text), Usage: llm.Usage{Input: 3, Output: 5}}, nil
}

func (r *echoing) RelayStream(_ context.Context, raw *llm.Raw, _ *route.Translation) (llm.RawStream, error) {
	r.relayed = append(r.relayed, raw)
	return &rawEvents{err: io.EOF}, nil
}

func (r *echoing) CountTokens(ctx context.Context, raw *llm.Raw, t *route.Translation) (*llm.Count, error) {
	r.relayed = append(r.relayed, raw)
	var err error
	r.counted, err = t.Request(ctx)
	return &llm.Count{Tokens: 1}, err
}

func (r *echoing) Embed(_ context.Context, req *llm.EmbedRequest) (*llm.EmbedResponse, error) {
	r.embed = req
	return &llm.EmbedResponse{}, nil
}

func (r *echoing) Rerank(_ context.Context, req *llm.RerankRequest) (*llm.RerankResponse, error) {
	r.rerank = req
	return &llm.RerankResponse{}, nil
}

func (*echoing) Group(name string) string        { return name }
func (*echoing) Settings(string) *route.Settings { return &route.Settings{} }

// checker is a check that says what a test wants.
type checker func(ctx context.Context, in *guard.Input) (guard.Verdict, error)

func (f checker) Check(ctx context.Context, in *guard.Input) (guard.Verdict, error) {
	return f(ctx, in)
}
func (checker) Reach() guard.Reach { return guard.Reach{Held: 16, Every: 1, Again: true} }

// filter blocks granite and masks basalt.
func filter(mode guard.Mode) *guard.Rule {
	f := guard.NewFilter()
	f.AddWord("granite", "", guard.ActionBlock)
	f.AddWord("basalt", "", guard.ActionMask)
	return &guard.Rule{Name: "rocks", Mode: mode, Always: true, Timeout: time.Minute, Checker: f}
}

func says(text string) *echoing {
	return &echoing{answer: func(context.Context) (string, error) { return text, nil }, block: llm.BlockText}
}

// guarded is a call of a gateway with guardrails, and what the log has of it at its end.
func guarded(r gateway.Router, rules ...*guard.Rule) (call *gateway.Call, end func(t *testing.T) line) {
	var log bytes.Buffer
	g := gateway.New(gateway.Options{Router: r, Recorder: telemetry.NewRecorder(slog.New(slog.NewJSONHandler(&log, nil))), Guardrails: rules})
	call = g.Begin("test", "id-1")
	return call, func(t *testing.T) line {
		t.Helper()
		call.End(t.Context())
		var l line
		if err := jsonx.Unmarshal(bytes.TrimSpace(log.Bytes()), &struct {
			*line
			Rest jsonx.Raw `json:",embed"`
		}{line: &l}); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(log.String(), "granite!") {
			t.Errorf("the log has what was found: %s", log.String())
		}
		return l
	}
}

// chat is a request with a text in every place that is checked.
func chat(text string) *llm.Request {
	return &llm.Request{
		Call:   llm.Call{Model: "m"},
		System: []llm.Block{{Kind: llm.BlockText, Text: text}},
		Turns: []llm.Turn{
			{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: text}, {Kind: llm.BlockDocument, Media: &llm.Media{Text: text}}}},
			{Role: llm.RoleAssistant, Blocks: []llm.Block{{Kind: llm.BlockReasoning, Text: text, Signature: "signed"}, {Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{Input: jsonx.AppendString(nil, text)}}}},
			{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{Content: []llm.ResultBlock{
				{JSON: jsonx.AppendString(nil, text)}, {Block: llm.Block{Kind: llm.BlockText, Text: text}},
			}}}}},
		},
	}
}

func refused(t *testing.T, err error, code llm.Code) {
	t.Helper()
	var e *llm.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

func TestARequestIsMaskedEverywhere(t *testing.T) {
	r := says("fine")
	call, end := guarded(r, filter(guard.PreCall))
	req := chat("a basalt")
	if _, err := call.Complete(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	const masked = "a [KEYWORD_REDACTED]"
	got := r.chats[0]
	result := got.Turns[2].Blocks[0].ToolResult.Content
	for i, text := range []string{
		got.System[0].Text, got.Turns[0].Blocks[0].Text, got.Turns[0].Blocks[1].Media.Text,
		strings.Trim(string(got.Turns[1].Blocks[1].ToolUse.Input), `"`), strings.Trim(string(result[0].JSON), `"`), result[1].Block.Text,
	} {
		if text != masked {
			t.Errorf("text %d: %s", i, text)
		}
	}
	if thought := got.Turns[1].Blocks[0]; thought.Text != "a basalt" || thought.Signature != "signed" {
		t.Errorf("the model's own reasoning: %+v", thought)
	}
	if req.System[0].Text != "a basalt" || string(req.Turns[1].Blocks[1].ToolUse.Input) != `"a basalt"` || req.Turns[2].Blocks[0].ToolResult.Content[1].Block.Text != "a basalt" {
		t.Error("the client's request was changed")
	}
	if names := call.Guarded(); !slices.Equal(names, []string{"rocks"}) {
		t.Errorf("got %v", names)
	}
	if l := end(t); l.Status != 200 {
		t.Errorf("recorded %+v", l)
	}
}

func TestARequestIsRefusedBeforeItCostsAnything(t *testing.T) {
	for name, do := range map[string]func(c *gateway.Call) error{
		"whole":  func(c *gateway.Call) error { _, err := c.Complete(t.Context(), chat("granite!")); return err },
		"stream": func(c *gateway.Call) error { _, err := c.Stream(t.Context(), chat("granite!")); return err },
		"several": func(c *gateway.Call) error {
			req := chat("granite!")
			req.Choices = 2
			_, err := c.CompleteAll(t.Context(), req)
			return err
		},
		"each": func(c *gateway.Call) error {
			_, err := c.CompleteEach(t.Context(), []*llm.Request{chat("a"), chat("granite!")})
			return err
		},
		"each stream": func(c *gateway.Call) error {
			_, err := c.StreamEach(t.Context(), []*llm.Request{chat("a"), chat("granite!")})
			return err
		},
		"relay": func(c *gateway.Call) error {
			_, err := c.Relay(t.Context(), rawCall("granite!"), translation("granite!"))
			return err
		},
		"relayed stream": func(c *gateway.Call) error {
			_, err := c.RelayStream(t.Context(), rawCall("granite!"), translation("granite!"))
			return err
		},
		"count": func(c *gateway.Call) error {
			_, err := c.CountTokens(t.Context(), rawCall("granite!"), translation("granite!"))
			return err
		},
		"embed": func(c *gateway.Call) error {
			_, err := c.Embed(t.Context(), &llm.EmbedRequest{Inputs: []llm.EmbedInput{{Text: "granite!"}}})
			return err
		},
		"rerank": func(c *gateway.Call) error {
			_, err := c.Rerank(t.Context(), &llm.RerankRequest{Query: "q", Documents: []llm.Document{{JSON: jsonx.Raw(`"granite!"`)}}})
			return err
		},
	} {
		r := says("fine")
		call, end := guarded(r, filter(guard.PreCall))
		refused(t, do(call), llm.CodeGuardrail)
		if l := end(t); l.Status != 400 || l.Code != "gateway.guardrail" || l.Prompt != 0 || len(r.chats)+len(r.relayed) > 0 || r.embed != nil || r.rerank != nil {
			t.Errorf("%s: recorded %+v", name, l)
		}
	}
}

func translation(text string) *gateway.Translation {
	req := chat(text)
	return &gateway.Translation{
		Request: func(context.Context) (*llm.Request, error) { return req, nil },
		Response: func(resp *llm.Response) *llm.RawResponse {
			return llm.RawOf(resp, []byte("translated "+resp.Blocks[1].Text), nil)
		},
		Stream: func(s llm.Stream) llm.RawStream { return &translatedStream{Stream: s} },
	}
}

// translatedStream is a stream whose events are the texts.
type translatedStream struct{ llm.Stream }

func (s *translatedStream) Next(ev *llm.RawEvent) error {
	var inner llm.Event
	err := s.Stream.Next(&inner)
	*ev = llm.RawEvent{Data: []byte(inner.Text), Usage: inner.Usage}
	return err
}

func TestABodyGoesOnAsItIsUnlessSomethingInItChanges(t *testing.T) {
	for _, c := range []struct {
		mode         guard.Mode
		asked, says  string
		want         string
		translated   bool
		refusal      llm.Code
		prompt, code string
	}{
		{guard.PreCall, "sand", "basalt", "basalt", false, "", "", ""},
		{guard.DuringCall, "sand", "basalt", "basalt", false, "", "", ""},
		{guard.DuringCall, "basalt", "sand", "", false, llm.CodeGuardrail, "", ""},
		{guard.PreCall, "basalt", "sand", "translated sand", true, "", "", ""},
		{guard.PostCall, "basalt", "a basalt", "translated a [KEYWORD_REDACTED]", true, "", "", ""},
		{guard.PostCall, "sand", "granite!", "", true, llm.CodeGuardrail, "", ""},
	} {
		r := says(c.says)
		call, end := guarded(r, filter(c.mode))
		raw := rawCall("body")
		raw.Deployment = "d-1"
		resp, err := call.Relay(t.Context(), raw, translation(c.asked))
		if c.refusal != "" {
			refused(t, err, c.refusal)
		} else if err != nil || string(resp.Body) != c.want {
			t.Errorf("%+v: %v, %v", c, resp, err)
		}
		if l := end(t); (len(r.relayed) == 0) != c.translated || l.Completion != 5 && c.mode == guard.PostCall {
			t.Errorf("%+v: recorded %+v", c, l)
		}
		if c.translated && r.chats[0].Deployment != "d-1" {
			t.Errorf("%+v: the deployment is lost", c)
		}
	}
}

func TestAResponseIsChecked(t *testing.T) {
	call, _ := guarded(says("a basalt"), filter(guard.PostCall))
	resp, err := call.Complete(t.Context(), chat("granite is no matter here"))
	if err != nil {
		t.Fatal(err)
	}
	const masked = "a [KEYWORD_REDACTED]"
	if b := resp.Blocks; b[0].Text != masked || b[0].Signature != "" || b[1].Text != masked || string(b[2].ToolUse.Input) != `"`+masked+`"` {
		t.Errorf("got %+v", b)
	}
	call, end := guarded(says("granite!"), filter(guard.PostCall))
	_, err = call.Complete(t.Context(), chat("a"))
	refused(t, err, llm.CodeGuardrail)
	if l := end(t); l.Completion != 5 || l.Estimated || l.Code != "gateway.guardrail" {
		t.Errorf("what it has cost is lost: %+v", l)
	}
}

// The model has the request and the guardrail too: a refusal ends the call, and the response waits for the verdict.
func TestDuringACall(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	rule := &guard.Rule{Name: "slow", Mode: guard.DuringCall, Always: true, Timeout: time.Minute}
	r := &echoing{block: llm.BlockText, pieces: []string{"hello"}}
	block := true
	rule.Checker = checker(func(_ context.Context, in *guard.Input) (guard.Verdict, error) {
		if in.Side != guard.Request || in.Model != "m" || in.CallID != "id-1" {
			t.Errorf("got %+v", in)
		}
		<-asked
		if !block {
			<-answer
			return guard.Verdict{}, nil
		}
		return guard.Verdict{Block: &guard.Block{Reason: "no"}}, nil
	})
	r.answer = func(ctx context.Context) (string, error) {
		asked <- struct{}{}
		if !block {
			answer <- struct{}{}
			return "hello", nil
		}
		<-ctx.Done()
		return "", &llm.Error{Code: llm.CodeClientGone, Status: 499}
	}
	call, end := guarded(r, rule)
	_, err := call.Complete(t.Context(), chat("a"))
	refused(t, err, llm.CodeGuardrail)
	if l := end(t); l.Prompt == 0 || !l.Estimated {
		t.Errorf("the provider may charge for it: %+v", l)
	}
	block = false
	call, _ = guarded(r, rule)
	if resp, err := call.Complete(t.Context(), chat("a")); err != nil || resp.Blocks[1].Text != "hello" {
		t.Errorf("%v, %v", resp, err)
	}
	call, _ = guarded(r, rule)
	s, err := call.Stream(t.Context(), chat("a"))
	if err != nil {
		t.Fatal(err)
	}
	if text, _, err := drained(t, s); text != "hello" || !errors.Is(err, io.EOF) {
		t.Errorf("%q, %v", text, err)
	}
	r.answer = func(context.Context) (string, error) {
		asked <- struct{}{}
		return "", &llm.Error{Code: llm.CodeInvalid, Status: 400}
	}
	block = true
	rule.Checker = checker(func(ctx context.Context, _ *guard.Input) (guard.Verdict, error) {
		<-asked
		<-ctx.Done()
		return guard.Verdict{}, ctx.Err()
	})
	call, _ = guarded(r, rule)
	_, err = call.Complete(t.Context(), chat("a"))
	refused(t, err, llm.CodeInvalid)
}

func TestARefusedStreamIsClosed(t *testing.T) {
	s := &stream{err: io.EOF}
	r := &router{stream: s}
	call, _ := guarded(r, filter(guard.DuringCall))
	_, err := call.Stream(t.Context(), chat("granite!"))
	refused(t, err, llm.CodeGuardrail)
	if s.closed == 0 {
		t.Error("it is still open")
	}
}

func TestAGuardrailThatIsAway(t *testing.T) {
	rule := &guard.Rule{Name: "away", Mode: guard.PreCall, Always: true, Timeout: time.Minute}
	for about, verdict := range map[string]checker{
		"fails": func(context.Context, *guard.Input) (guard.Verdict, error) {
			return guard.Verdict{}, io.ErrUnexpectedEOF
		},
		"another number of texts": func(context.Context, *guard.Input) (guard.Verdict, error) {
			return guard.Verdict{Texts: []string{"a"}}, nil
		},
	} {
		rule.Checker, rule.Open = verdict, guard.Closed
		call, _ := guarded(says("fine"), rule)
		_, err := call.Complete(t.Context(), chat("a"))
		refused(t, err, llm.CodeGuardrailAway)
		rule.Open = guard.Open
		call, _ = guarded(says("fine"), rule)
		if _, err = call.Complete(t.Context(), chat("a")); err != nil {
			t.Errorf("%s: %v", about, err)
		}
	}
	rule.Open, rule.Timeout = guard.Closed, time.Nanosecond
	rule.Checker = checker(func(ctx context.Context, _ *guard.Input) (guard.Verdict, error) {
		<-ctx.Done()
		return guard.Verdict{}, ctx.Err()
	})
	call, _ := guarded(says("fine"), rule)
	_, err := call.Complete(t.Context(), chat("a"))
	refused(t, err, llm.CodeGuardrailAway)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	call, _ = guarded(says("fine"), rule)
	_, err = call.Complete(gone, chat("a"))
	refused(t, err, llm.CodeClientGone)
}

func TestWhichGuardrailsAreInForce(t *testing.T) {
	rule := filter(guard.PreCall)
	rule.Always = false
	call, _ := guarded(says("fine"), rule)
	if _, err := call.Complete(t.Context(), chat("granite!")); err != nil {
		t.Error(err)
	}
	named := chat("granite!")
	named.Guardrails = []string{"rocks"}
	call, _ = guarded(says("fine"), rule)
	_, err := call.Complete(t.Context(), named)
	refused(t, err, llm.CodeGuardrail)
	named.Guardrails = []string{"no-such"}
	call, _ = guarded(says("fine"), rule)
	_, err = call.Complete(t.Context(), named)
	refused(t, err, llm.CodeBadRequest)
	rule.SkipSystem = true
	only := &llm.Request{Call: llm.Call{Model: "m", Guardrails: []string{"rocks"}}, System: []llm.Block{{Kind: llm.BlockText, Text: "granite!"}}}
	only.Turns = []llm.Turn{{Role: llm.RoleSystem, Blocks: only.System}}
	call, _ = guarded(says("fine"), rule)
	if _, err = call.Complete(t.Context(), only); err != nil {
		t.Error(err)
	}
}

// What no guardrail can check must not pass by one.
func TestWhatCannotBeCheckedIsRefused(t *testing.T) {
	for name, do := range map[string]func(c *gateway.Call) error{
		"a body without a translation": func(c *gateway.Call) error { _, err := c.Relay(t.Context(), rawCall("a"), nil); return err },
		"a stream without one":         func(c *gateway.Call) error { _, err := c.RelayStream(t.Context(), rawCall("a"), nil); return err },
		"images": func(c *gateway.Call) error {
			_, err := c.Images(t.Context(), rawCall("a"), gateway.ImageTranslation{})
			return err
		},
		"tokens": func(c *gateway.Call) error {
			_, err := c.Embed(t.Context(), &llm.EmbedRequest{Inputs: []llm.EmbedInput{{Tokens: []int64{1}}}})
			return err
		},
	} {
		r := says("fine")
		call, _ := guarded(r, filter(guard.PreCall))
		if err := do(call); err == nil || llm.AsError(err).Code != llm.CodeUnsupported || len(r.relayed) > 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	call, _ := guarded(says("fine"), filter(guard.PreCall))
	reading := rawCall("")
	reading.Service, reading.Method = true, "GET"
	if _, err := call.Relay(t.Context(), reading, nil); err != nil {
		t.Errorf("what only reads: %v", err)
	}
}

func TestOtherTextsAreMaskedToo(t *testing.T) {
	r := says("fine")
	call, _ := guarded(r, filter(guard.PreCall))
	inputs := []llm.EmbedInput{{Text: "basalt"}, {Parts: []llm.Block{{Kind: llm.BlockText, Text: "basalt"}}}}
	if _, err := call.Embed(t.Context(), &llm.EmbedRequest{Inputs: inputs}); err != nil || r.embed.Inputs[0].Text != guard.WordTag || r.embed.Inputs[1].Parts[0].Text != guard.WordTag || inputs[1].Parts[0].Text != "basalt" {
		t.Errorf("%v, %+v", err, r.embed)
	}
	call, _ = guarded(r, filter(guard.PreCall))
	if _, err := call.Rerank(t.Context(), &llm.RerankRequest{Query: "basalt", Documents: []llm.Document{{Text: "basalt"}}}); err != nil || r.rerank.Query != guard.WordTag || r.rerank.Documents[0].Text != guard.WordTag {
		t.Errorf("%v, %+v", err, r.rerank)
	}
	call, _ = guarded(r, filter(guard.PreCall))
	if _, err := call.CountTokens(t.Context(), rawCall("a"), translation("basalt")); err != nil || r.counted.System[0].Text != guard.WordTag || r.relayed[0].Dialect != "" {
		t.Errorf("%v, %+v", err, r.counted)
	}
}
