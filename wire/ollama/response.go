package ollama

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// FailedError is a failure that Ollama reports in a response that began as a success.
type FailedError struct{ body []byte }

func (e *FailedError) Error() string { return "the response failed" }

// Refusal is what Ollama says, in the form of its errors.
func (e *FailedError) Refusal() []byte { return e.body }

// sentResponse is a complete response, or a piece of a streaming one.
type sentResponse struct {
	Message struct {
		Content  string `json:"content"`
		Thinking string `json:"thinking"`
		Calls    []struct {
			ID       string `json:"id"` // missing in versions of before 2025-12
			Function struct {
				Name      string    `json:"name"`
				Arguments jsonx.Raw `json:"arguments"`
				Rest      jsonx.Raw `json:",embed"`
			} `json:"function"`
			Rest jsonx.Raw `json:",embed"`
		} `json:"tool_calls"`
		Rest jsonx.Raw `json:",embed"`
	} `json:"message"`
	Done       bool      `json:"done"`
	DoneReason string    `json:"done_reason"`
	Prompt     *int64    `json:"prompt_eval_count"`
	Eval       *int64    `json:"eval_count"`
	Error      jsonx.Raw `json:"error"`
	Rest       jsonx.Raw `json:",embed"`
}

// DecodeResponse reads a complete response. A *FailedError is Ollama's.
func DecodeResponse(body []byte) (*llm.Response, error) {
	var r Reader
	events, err := r.take(nil, body)
	if err != nil {
		return nil, err
	}
	if !r.finished {
		return nil, &jsonx.Error{Path: "done", Reason: "is not true, so the response is not complete"}
	}
	var fold llm.Fold
	uncounted := false
	for i := range events {
		fold.Add(&events[i])
		uncounted = events[i].Kind == llm.EventUsage && events[i].Usage == nil
	}
	out := fold.Answer()
	out.Uncounted = uncounted
	return out, nil
}

// maxLine bounds a line of a stream, in bytes.
const maxLine = 32 << 20

// Reader reads a streaming response: a JSON object in each line.
type Reader struct {
	body  io.Reader
	lines *bufio.Reader

	begun    bool
	finished bool
	calls    bool          // a call has come
	open     llm.BlockKind // of the block at index; 0 if none is open
	index    int           // of the next block, or of the open one
}

// NewReader makes a Reader of the body of a response.
func NewReader(body io.Reader) *Reader { return &Reader{body: body, lines: bufio.NewReader(body)} }

// untilEnd is how long the end of a body is waited for behind a complete response: some servers leave the connection open.
const untilEnd = 100 * time.Millisecond

// More reports whether the next line is already there.
func (r *Reader) More() bool {
	waiting, _ := r.lines.Peek(r.lines.Buffered()) // it is buffered, so that there is no error
	return bytes.IndexByte(waiting, '\n') >= 0
}

// Append reads the next line, and appends what it becomes. The error is io.EOF at the end of a complete
// response, io.ErrUnexpectedEOF if it ended before, and a *FailedError if it is Ollama's.
func (r *Reader) Append(events []llm.Event) ([]llm.Event, error) {
	line, err := r.line()
	switch {
	case r.finished && err == nil: // the end of the body is read too, so that the connection can be used again
		return events, nil
	case r.finished:
		return events, io.EOF
	case errors.Is(err, io.EOF) && len(bytes.TrimSpace(line)) == 0:
		return events, io.ErrUnexpectedEOF
	case err != nil && !errors.Is(err, io.EOF):
		return events, err
	case len(bytes.TrimSpace(line)) == 0:
		return events, nil
	}
	return r.take(events, line)
}

// line reads a line.
func (r *Reader) line() ([]byte, error) {
	var whole []byte
	for {
		piece, err := r.lines.ReadSlice('\n')
		if whole = append(whole, piece...); len(whole) > maxLine {
			return nil, &jsonx.Error{Reason: "a line is larger than any that a model sends"}
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return whole, err
		}
	}
}

// take reads an object.
func (r *Reader) take(events []llm.Event, data []byte) ([]llm.Event, error) {
	var s sentResponse
	if err := jsonx.Unmarshal(data, &s); err != nil {
		return events, err
	}
	if len(s.Error) > 0 && s.Error.Kind() != 'n' {
		return events, &FailedError{bytes.Clone(data)}
	}
	if !r.begun {
		r.begun = true
		events = append(events, llm.Event{Kind: llm.EventStart, Role: llm.RoleAssistant})
	}
	events = r.delta(events, llm.BlockReasoning, s.Message.Thinking)
	events = r.delta(events, llm.BlockText, s.Message.Content)
	for i := range s.Message.Calls {
		c := &s.Message.Calls[i]
		events = r.close(events)
		r.calls = true
		id, input := c.ID, c.Function.Arguments
		if id == "" {
			id = "call_" + rand.Text()
		}
		if len(input) == 0 || input.Kind() == 'n' {
			input = jsonx.Raw("{}")
		}
		events = append(events,
			llm.Event{Kind: llm.EventBlockStart, Index: r.index, Block: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: id, Name: c.Function.Name}},
			llm.Event{Kind: llm.EventDelta, Index: r.index, Block: llm.BlockToolUse, Text: string(input)},
			llm.Event{Kind: llm.EventBlockEnd, Index: r.index})
		r.index++
	}
	if !s.Done {
		return events, nil
	}
	r.finished = true
	if body, ok := r.body.(interface{ Within(limit time.Duration) }); ok {
		body.Within(untilEnd)
	}
	return append(r.close(events),
		llm.Event{Kind: llm.EventStop, Stop: r.stop(s.DoneReason), RawStop: s.DoneReason},
		llm.Event{Kind: llm.EventUsage, Usage: s.usage()}), nil
}

// delta appends a piece of text in a block of a kind, which begins with it if none is open.
func (r *Reader) delta(events []llm.Event, kind llm.BlockKind, text string) []llm.Event {
	if text == "" {
		return events
	}
	if r.open != kind {
		events = r.close(events)
		r.open = kind
		events = append(events, llm.Event{Kind: llm.EventBlockStart, Index: r.index, Block: kind})
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

// stop is a done_reason in llm's words. Ollama has none of its own for calls, and older versions have
// none at all.
func (r *Reader) stop(reason string) llm.StopReason {
	switch {
	case reason == "length":
		return llm.StopMaxTokens
	case r.calls:
		return llm.StopToolUse
	case reason == "stop" || reason == "":
		return llm.StopEnd
	default:
		return llm.StopOther
	}
}

// usage is nil if nothing was counted. A prompt that was in the cache as a whole may have no count.
func (s *sentResponse) usage() *llm.Usage {
	if s.Prompt == nil && s.Eval == nil {
		return nil
	}
	u := &llm.Usage{}
	if s.Prompt != nil {
		u.Input = *s.Prompt
	}
	if s.Eval != nil {
		u.Output = *s.Eval
	}
	u.Total = u.Input + u.Output
	return u
}

// Usage reads the counters of a response, or of the last event of a stream. It reports false if there are
// none.
func Usage(body jsonx.Raw) (llm.Usage, bool) {
	var s struct {
		Prompt *int64    `json:"prompt_eval_count"`
		Eval   *int64    `json:"eval_count"`
		Rest   jsonx.Raw `json:",embed"`
	}
	if jsonx.Unmarshal(body, &s) != nil {
		return llm.Usage{}, false
	}
	u := (&sentResponse{Prompt: s.Prompt, Eval: s.Eval}).usage()
	if u == nil {
		return llm.Usage{}, false
	}
	return *u, true
}
