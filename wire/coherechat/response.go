package coherechat

import (
	"math"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// FailedError is a response that Cohere reports to have failed, although it began as a success.
type FailedError struct{ body []byte }

func (e *FailedError) Error() string { return "the response failed" }

// Refusal is what Cohere says, in the form of its errors.
func (e *FailedError) Refusal() []byte { return e.body }

// failed makes the error for a finish reason of a failure; nil if the reason is another.
func failed(reason, message string) error {
	switch {
	case message != "":
	case reason == "ERROR":
		message = "the model failed while it responded (finish_reason ERROR)"
	case reason == "TIMEOUT":
		message = "the model did not finish in time (finish_reason TIMEOUT)"
	default:
		return nil
	}
	return &FailedError{append(jsonx.AppendString([]byte(`{"message":`), message), '}')}
}

// sentResponse is the body of a response.
type sentResponse struct {
	Finish  string `json:"finish_reason"`
	Message struct {
		Content   []sentPart  `json:"content"`
		ToolPlan  string      `json:"tool_plan"`
		Calls     []sentCall  `json:"tool_calls"`
		Citations []jsonx.Raw `json:"citations"`
		Rest      jsonx.Raw   `json:",embed"`
	} `json:"message"`
	Usage    *sentUsage `json:"usage"`
	LogProbs jsonx.Raw  `json:"logprobs"`
	Rest     jsonx.Raw  `json:",embed"`
}

type sentPart struct {
	Type     string    `json:"type"`
	Text     string    `json:"text"`
	Thinking string    `json:"thinking"`
	Rest     jsonx.Raw `json:",embed"`
}

type sentCall struct {
	ID       string `json:"id"`
	Function struct {
		Name      string    `json:"name"`
		Arguments string    `json:"arguments"`
		Rest      jsonx.Raw `json:",embed"`
	} `json:"function"`
	Rest jsonx.Raw `json:",embed"`
}

// sentUsage counts tokens, as numbers with a fraction. Tokens are what the model read and wrote, and
// billed units what is paid for.
type sentUsage struct {
	Tokens *sentTokens `json:"tokens"`
	Billed *sentTokens `json:"billed_units"`
	Cached *float64    `json:"cached_tokens"`
	Rest   jsonx.Raw   `json:",embed"`
}

type sentTokens struct {
	Input  float64   `json:"input_tokens"`
	Output float64   `json:"output_tokens"`
	Search float64   `json:"search_units"`
	Rest   jsonx.Raw `json:",embed"`
}

// usage is the usage in llm's form; nil if there is none.
func (u *sentUsage) usage() *llm.Usage {
	if u == nil || u.Tokens == nil && u.Billed == nil {
		return nil
	}
	counted := u.Tokens
	if counted == nil {
		counted = u.Billed
	}
	out := &llm.Usage{Input: whole(counted.Input), Output: whole(counted.Output)}
	out.Total = out.Input + out.Output
	if u.Cached != nil {
		cached := min(whole(*u.Cached), out.Input)
		out.Input -= cached
		out.CacheRead = llm.Some(cached)
	}
	return out
}

// Usage reads the usage of a response, or the meta of one of Cohere's other APIs, which has the same form. It
// reports false if there is none.
func Usage(raw jsonx.Raw) (llm.Usage, bool) {
	var s sentUsage
	if jsonx.Unmarshal(raw, &s) != nil {
		return llm.Usage{}, false
	}
	u := s.usage()
	if u == nil {
		return llm.Usage{}, false
	}
	if s.Billed != nil {
		u.SearchUnits = whole(s.Billed.Search)
	}
	return *u, true
}

// whole is a count that is sent as a number with a fraction.
func whole(f float64) int64 { return int64(math.Round(min(max(f, 0), 1<<53))) }

// stopOf is a finish reason in llm's words.
func stopOf(reason string) llm.StopReason {
	switch reason {
	case "COMPLETE":
		return llm.StopEnd
	case "STOP_SEQUENCE":
		return llm.StopSequence
	case "MAX_TOKENS":
		return llm.StopMaxTokens
	case "TOOL_CALL":
		return llm.StopToolUse
	case "ERROR_TOXIC":
		return llm.StopFiltered
	case "ERROR_LIMIT":
		return llm.StopContextWindow
	default:
		return llm.StopOther
	}
}

// DecodeResponse reads a complete response. A *FailedError is Cohere's.
func DecodeResponse(body []byte) (*llm.Response, error) {
	var s sentResponse
	if err := jsonx.Unmarshal(body, &s); err != nil {
		return nil, err
	}
	if s.Finish == "" {
		return nil, &jsonx.Error{Path: "finish_reason", Reason: "is missing"}
	}
	if err := failed(s.Finish, ""); err != nil {
		return nil, err
	}
	r := &llm.Response{Role: llm.RoleAssistant, Stop: stopOf(s.Finish), RawStop: s.Finish}
	for _, p := range s.Message.Content {
		switch p.Type {
		case "thinking":
			r.Blocks = append(r.Blocks, llm.Block{Kind: llm.BlockReasoning, Text: p.Thinking})
		case "text":
			r.Blocks = append(r.Blocks, llm.Block{Kind: llm.BlockText, Text: p.Text})
		default:
			r.Meta.Warnings = append(r.Meta.Warnings, unknownPart(p.Type))
		}
	}
	if s.Message.ToolPlan != "" {
		r.Blocks = append(r.Blocks, llm.Block{Kind: llm.BlockText, Text: s.Message.ToolPlan})
	}
	for _, c := range s.Message.Calls {
		input := jsonx.Raw(c.Function.Arguments)
		switch {
		case len(input) == 0:
			input = jsonx.Raw("{}")
		case !jsonx.Valid(input): // models sometimes write what is not JSON
			input = jsonx.AppendString(nil, c.Function.Arguments)
		}
		r.Blocks = append(r.Blocks, llm.Block{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: c.ID, Name: c.Function.Name, Input: input}})
	}
	r.Extra = extra(s.Message.Citations, s.LogProbs)
	if u := s.Usage.usage(); u != nil {
		r.Usage = *u
	} else {
		r.Uncounted = true
	}
	return r, nil
}

func unknownPart(kind string) llm.Warning {
	return llm.Warning{Code: llm.WarnDropped, Field: "content", Detail: "content of the type " + llm.Clip(kind, 40) + " is not known"}
}

// extra are the members of a response that llm's form does not have, in Cohere's form.
func extra(citations []jsonx.Raw, logprobs jsonx.Raw) (out []jsonx.Member) {
	if len(citations) > 0 {
		var w jsonx.Writer
		w.Array()
		for _, c := range citations {
			w.Raw(c)
		}
		w.EndArray()
		out = append(out, jsonx.Member{Name: "citations", Value: w.Buf})
	}
	if len(logprobs) > 0 && logprobs.Kind() != 'n' {
		out = append(out, jsonx.Member{Name: "logprobs", Value: logprobs.Clone()})
	}
	return out
}

// Reader reads the events of a streaming response. The zero value is ready.
type Reader struct {
	begun     bool
	finished  bool
	open      llm.BlockKind // of the block at index; 0 if none is open
	index     int           // of the next block, or of the open one
	citations []jsonx.Raw
	logprobs  []jsonx.Raw
}

// Finished reports whether the response is complete.
func (r *Reader) Finished() bool { return r.finished }

// sentEvent is an event of the stream.
type sentEvent struct {
	Type  string `json:"type"`
	Delta struct {
		Message struct {
			Content   jsonx.Raw `json:"content"`
			ToolPlan  string    `json:"tool_plan"`
			Calls     jsonx.Raw `json:"tool_calls"`
			Citations jsonx.Raw `json:"citations"`
			Rest      jsonx.Raw `json:",embed"`
		} `json:"message"`
		Finish string     `json:"finish_reason"`
		Error  string     `json:"error"`
		Usage  *sentUsage `json:"usage"`
		Rest   jsonx.Raw  `json:",embed"`
	} `json:"delta"`
	LogProbs jsonx.Raw `json:"logprobs"`
	Message  jsonx.Raw `json:"message"` // of an error
	Rest     jsonx.Raw `json:",embed"`
}

// Append reads the data of an event, and appends what it becomes, which may be nothing. A *FailedError
// is Cohere's.
func (r *Reader) Append(events []llm.Event, data []byte) ([]llm.Event, error) {
	var s sentEvent
	if err := jsonx.Unmarshal(data, &s); err != nil {
		return events, err
	}
	return r.take(events, &s, data)
}

func (r *Reader) take(events []llm.Event, s *sentEvent, data []byte) ([]llm.Event, error) {
	if !r.begun && s.Type != "" {
		r.begun = true
		events = append(events, llm.Event{Kind: llm.EventStart, Role: llm.RoleAssistant})
	}
	message := &s.Delta.Message
	switch s.Type {
	case "content-start", "content-delta":
		return r.content(events, message.Content, s.LogProbs)
	case "tool-plan-delta":
		return r.delta(events, llm.BlockText, message.ToolPlan), nil
	case "tool-call-start", "tool-call-delta":
		return r.call(events, s.Type == "tool-call-start", message.Calls)
	case "content-end", "tool-call-end":
		return r.close(events), nil
	case "citation-start":
		r.cite(message.Citations)
		return events, nil
	case "message-end":
		return r.end(events, s)
	case "": // an error has no type
		return events, &FailedError{append([]byte(nil), data...)}
	default: // message-start, citation-end, debug, and what is new
		return events, nil
	}
}

// content reads a piece of text or reasoning.
func (r *Reader) content(events []llm.Event, raw, logprobs jsonx.Raw) ([]llm.Event, error) {
	if len(logprobs) > 0 && logprobs.Kind() != 'n' {
		r.logprobs = append(r.logprobs, logprobs.Clone())
	}
	var p sentPart
	if len(raw) == 0 || raw.Kind() == 'n' {
		return events, nil
	}
	if err := jsonx.Unmarshal(raw, &p); err != nil {
		return events, err
	}
	if p.Thinking != "" || p.Type == "thinking" {
		events = r.delta(events, llm.BlockReasoning, p.Thinking)
	}
	if p.Text != "" {
		events = r.delta(events, llm.BlockText, p.Text)
	}
	return events, nil
}

// delta appends a piece of text in a block of a kind, which begins with it if none is open.
func (r *Reader) delta(events []llm.Event, kind llm.BlockKind, text string) []llm.Event {
	if r.open != kind {
		events = r.close(events)
		r.open = kind
		events = append(events, llm.Event{Kind: llm.EventBlockStart, Index: r.index, Block: kind})
	}
	if text == "" {
		return events
	}
	return append(events, llm.Event{Kind: llm.EventDelta, Index: r.index, Block: kind, Text: text})
}

// close ends the open block, if there is one.
func (r *Reader) close(events []llm.Event) []llm.Event {
	if r.open == 0 {
		return events
	}
	events = append(events, llm.Event{Kind: llm.EventBlockEnd, Index: r.index})
	r.open = 0
	r.index++
	return events
}

// call reads the beginning of a call, or a piece of its arguments.
func (r *Reader) call(events []llm.Event, begins bool, raw jsonx.Raw) ([]llm.Event, error) {
	var c sentCall
	if err := jsonx.Unmarshal(raw, &c); err != nil {
		return events, err
	}
	if begins {
		events = r.close(events)
		r.open = llm.BlockToolUse
		events = append(events, llm.Event{Kind: llm.EventBlockStart, Index: r.index, Block: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: c.ID, Name: c.Function.Name}})
	}
	if r.open != llm.BlockToolUse {
		return events, &jsonx.Error{Path: "delta.message.tool_calls", Reason: "is a piece of a call that has not begun"}
	}
	if c.Function.Arguments == "" {
		return events, nil
	}
	return append(events, llm.Event{Kind: llm.EventDelta, Index: r.index, Block: llm.BlockToolUse, Text: c.Function.Arguments}), nil
}

// cite keeps a citation for the end of the response: it is one, or a list.
func (r *Reader) cite(raw jsonx.Raw) {
	var list []jsonx.Raw
	switch {
	case len(raw) == 0 || raw.Kind() == 'n':
	case raw.Kind() == '[' && jsonx.Unmarshal(raw, &list) == nil:
		for _, c := range list {
			r.citations = append(r.citations, c.Clone())
		}
	default:
		r.citations = append(r.citations, raw.Clone())
	}
}

// end reads the end of the response.
func (r *Reader) end(events []llm.Event, s *sentEvent) ([]llm.Event, error) {
	if err := failed(s.Delta.Finish, s.Delta.Error); err != nil {
		return events, err
	}
	r.finished = true
	var logprobs jsonx.Raw
	if len(r.logprobs) > 0 {
		var w jsonx.Writer
		w.Array()
		for _, l := range r.logprobs {
			w.Raw(l)
		}
		w.EndArray()
		logprobs = w.Buf
	}
	events = append(r.close(events),
		llm.Event{Kind: llm.EventStop, Stop: stopOf(s.Delta.Finish), RawStop: s.Delta.Finish, Extra: extra(r.citations, logprobs)},
		llm.Event{Kind: llm.EventUsage, Usage: s.Delta.Usage.usage()})
	return events, nil
}
