package gemini

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Bounds on a response: models return tens of parts.
const (
	maxValues = 500_000
	maxParts  = 10_000
)

type feedback struct {
	Reason  string `json:"blockReason"`
	Message string `json:"blockReasonMessage"`
}

// part is one part of a content.
type part struct {
	Text       *string `json:"text"`
	Thought    bool    `json:"thought"`
	Signature  string  `json:"thoughtSignature"`
	InlineData *struct {
		Type string `json:"mimeType"`
		Data string `json:"data"`
		Name string `json:"displayName"`
	} `json:"inlineData"`
	Call *struct {
		ID   string    `json:"id"`
		Name string    `json:"name"`
		Args jsonx.Raw `json:"args"`
	} `json:"functionCall"`
	Code     jsonx.Raw `json:"executableCode"`
	CodeDone jsonx.Raw `json:"codeExecutionResult"`
	File     jsonx.Raw `json:"fileData"`
	ToolCall jsonx.Raw `json:"toolCall"`
	ToolDone jsonx.Raw `json:"toolResponse"`
}

// BlockedError is a prompt that was refused by a filter.
type BlockedError struct {
	// Reason is Google's word, such as PROHIBITED_CONTENT; Message is often empty.
	Reason, Message string
}

func (e *BlockedError) Error() string {
	s := "the prompt was blocked: " + e.Reason
	if e.Message != "" {
		s += " (" + e.Message + ")"
	}
	return s
}

// ErrNoCandidate is a response without an answer and without a reason for that.
var ErrNoCandidate = errors.New("the response has no candidate")

// DecodeResponse reads a complete response. A prompt that was refused by a filter is a *BlockedError,
// and an error of Google's in the place of a response a *StatusError.
func DecodeResponse(body []byte) (*llm.Response, error) {
	var r Reader
	events, err := r.Append(nil, body)
	if err != nil {
		return nil, err
	}
	if events, err = r.End(events); err != nil {
		return nil, err
	}
	var f llm.Fold
	for i := range events {
		f.Add(&events[i])
	}
	out := f.Answer()
	if out.Uncounted = len(r.counters) == 0; out.Uncounted {
		out.Meta.Warnings = append(out.Meta.Warnings, llm.Warning{Code: llm.WarnMissing, Field: "usage", Detail: "the provider's response has none"})
	}
	return out, nil
}

// Reader turns the events of a stream into those of the common language; a complete response is a
// stream of one event. The zero value is ready for use.
//
// A stream has no event that ends it: it is complete when a candidate has a finishReason. What the
// usage is only the last event tells, so End gives the stop and the usage.
type Reader struct {
	started bool
	open    llm.BlockKind // of the open block; 0 if none is open
	index   int           // of the next block
	parts   int
	calls   bool // a function was called
	finish  string
	message string
	extra   []jsonx.Member
	// counters are the last usageMetadata; empty if there was none. Each event of a stream has some, but
	// only the last ones count.
	counters jsonx.Raw
	event    sent // the last event; its memory is used again
	// ID and Model are Google's id of the response, and name of the model; empty until the response
	// says so.
	ID, Model string
}

// Finished reports whether the response has said why it ends.
func (r *Reader) Finished() bool { return r.finish != "" }

// Usage is what has been reported so far; false if nothing has, or nothing that can be read.
func (r *Reader) Usage() (llm.Usage, bool) {
	if len(r.counters) == 0 {
		return llm.Usage{}, false
	}
	u, err := DecodeUsage(r.counters)
	return u, err == nil
}

// RawStop is Google's word for why the response ended; empty until it has said so.
func (r *Reader) RawStop() string { return r.finish }

// Append appends to events what the JSON of one event becomes. The events do not share data's memory.
// The error is a *BlockedError, a *StatusError, or one of the JSON library.
func (r *Reader) Append(events []llm.Event, data []byte) ([]llm.Event, error) {
	if jsonx.ManyValues(data, maxValues) {
		return events, fmt.Errorf("it has more than %d values", maxValues)
	}
	s := &r.event
	defer s.forget()
	if err := s.decode(data); err != nil {
		return events, err
	}
	if s.Error != nil {
		return events, s.Error.status()
	}
	if s.ID != "" {
		r.ID = s.ID
	}
	if s.Model != "" {
		r.Model = s.Model
	}
	if !r.started {
		r.started = true
		events = append(events, llm.Event{Kind: llm.EventStart, Role: llm.RoleAssistant})
	}
	if has(s.Usage) {
		r.counters = append(r.counters[:0], s.Usage...)
	}
	if f := s.Feedback; f != nil && f.Reason != "" && len(s.Candidates) == 0 {
		return events, &BlockedError{f.Reason, f.Message}
	}
	for i := range s.Candidates {
		c := &s.Candidates[i]
		if c.Index > 0 { // only one is asked for
			continue
		}
		for j := range c.Parts {
			if r.parts++; r.parts > maxParts {
				return events, fmt.Errorf("it has more than %d parts", maxParts)
			}
			var err error
			if events, err = r.part(events, &c.Parts[j].part); err != nil {
				return events, fmt.Errorf("candidates[0].content.parts[%d]: %w", j, err)
			}
		}
		if c.Finish != "" {
			r.finish, r.message = c.Finish, c.Message
		}
		r.keep(c)
	}
	return events, nil
}

// keep keeps the members of a candidate that the common language does not have.
func (r *Reader) keep(c *candidate) {
	for _, m := range []jsonx.Member{
		{Name: "groundingMetadata", Value: c.Grounding},
		{Name: "citationMetadata", Value: c.Citations},
		{Name: "safetyRatings", Value: c.Safety},
		{Name: "urlContextMetadata", Value: c.URLs},
		{Name: "logprobsResult", Value: c.Logprobs},
	} {
		if !has(m.Value) || jsonx.Empty(m.Value) {
			continue
		}
		found := false
		for i := range r.extra {
			if r.extra[i].Name == m.Name {
				r.extra[i].Value, found = m.Value, true
			}
		}
		if !found {
			r.extra = append(r.extra, m)
		}
	}
}

func has(v jsonx.Raw) bool { return len(v) > 0 && v.Kind() != 'n' }

// part appends the events of a part.
func (r *Reader) part(events []llm.Event, p *part) ([]llm.Event, error) {
	switch {
	case p.Call != nil:
		return r.call(events, p)
	case p.InlineData != nil:
		return r.inline(events, p)
	case p.Text != nil:
		kind := llm.BlockText
		if p.Thought {
			kind = llm.BlockReasoning
		}
		if *p.Text != "" {
			events = r.begin(events, kind)
			events = append(events, llm.Event{Kind: llm.EventDelta, Index: r.index, Block: kind, Text: *p.Text})
		}
		return r.signed(events, p), nil
	}
	for _, m := range []jsonx.Member{
		{Name: "executableCode", Value: p.Code},
		{Name: "codeExecutionResult", Value: p.CodeDone},
		{Name: "fileData", Value: p.File},
		{Name: "toolCall", Value: p.ToolCall},
		{Name: "toolResponse", Value: p.ToolDone},
	} {
		if has(m.Value) {
			events = r.end(r.signed(events, p))
			events = append(events, llm.Event{Kind: llm.EventBlockStart, Index: r.index, Block: llm.BlockOther, Other: &m}, llm.Event{Kind: llm.EventBlockEnd, Index: r.index})
			r.index++
			return events, nil
		}
	}
	return r.signed(events, p), nil
}

// signed appends the signature of a part as a block of its own.
func (r *Reader) signed(events []llm.Event, p *part) []llm.Event {
	if p.Signature == "" {
		return events
	}
	events = r.begin(r.end(events), llm.BlockReasoning)
	events = append(events, llm.Event{Kind: llm.EventDelta, Index: r.index, Block: llm.BlockReasoning, Signature: llm.GeminiMark + p.Signature})
	return r.end(events)
}

// begin begins a block, unless one of its kind is open.
func (r *Reader) begin(events []llm.Event, kind llm.BlockKind) []llm.Event {
	if r.open == kind {
		return events
	}
	events = r.end(events)
	r.open = kind
	return append(events, llm.Event{Kind: llm.EventBlockStart, Index: r.index, Block: kind})
}

// end ends the open block.
func (r *Reader) end(events []llm.Event) []llm.Event {
	if r.open == 0 {
		return events
	}
	r.open = 0
	events = append(events, llm.Event{Kind: llm.EventBlockEnd, Index: r.index})
	r.index++
	return events
}

func (r *Reader) call(events []llm.Event, p *part) ([]llm.Event, error) {
	events = r.end(r.signed(events, p))
	id := p.Call.ID
	if id == "" {
		id = "call_" + rand.Text()
	}
	args := "{}"
	if has(p.Call.Args) {
		args = string(p.Call.Args)
	}
	r.calls = true
	events = append(
		events,
		llm.Event{Kind: llm.EventBlockStart, Index: r.index, Block: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: id, Name: p.Call.Name}},
		llm.Event{Kind: llm.EventDelta, Index: r.index, Block: llm.BlockToolUse, Text: args},
		llm.Event{Kind: llm.EventBlockEnd, Index: r.index},
	)
	r.index++
	return events, nil
}

// inline appends generated media.
func (r *Reader) inline(events []llm.Event, p *part) ([]llm.Event, error) {
	format, kind := formatOf(p.InlineData.Type)
	data, ok := llm.ReadBase64(p.InlineData.Data)
	switch {
	case !ok:
		return events, errors.New("inlineData.data is not base64")
	case kind == 0:
		return events, fmt.Errorf("inlineData has the unknown type %q", llm.Clip(p.InlineData.Type, 60))
	}
	events = r.end(r.signed(events, p))
	events = append(
		events,
		llm.Event{Kind: llm.EventBlockStart, Index: r.index, Block: kind, Media: &llm.Media{Format: format}},
		llm.Event{Kind: llm.EventDelta, Index: r.index, Block: kind, Media: &llm.Media{Base64: data}},
		llm.Event{Kind: llm.EventBlockEnd, Index: r.index},
	)
	r.index++
	return events, nil
}

// End appends the events behind the last one. ErrNoCandidate is for a response that has not said why
// it ends; where it is read as a stream, the stream was cut.
func (r *Reader) End(events []llm.Event) ([]llm.Event, error) {
	if r.finish == "" {
		return events, ErrNoCandidate
	}
	usage := llm.Event{Kind: llm.EventUsage, Extra: r.extra}
	if len(r.counters) > 0 {
		u, err := DecodeUsage(r.counters)
		if err != nil {
			return events, fmt.Errorf("usageMetadata: %w", err)
		}
		usage.Usage = &u
	}
	events = r.end(r.cite(events))
	stop := llm.Event{Kind: llm.EventStop, Stop: Stop(r.finish), RawStop: r.finish}
	if r.calls && stop.Stop == llm.StopEnd {
		stop.Stop = llm.StopToolUse
	}
	if r.message != "" {
		stop.Extra = append(stop.Extra, jsonx.Member{Name: "finishMessage", Value: jsonx.AppendString(nil, r.message)})
	}
	return append(events, stop, usage), nil
}

// Stop is the common form of a finishReason
// (https://ai.google.dev/api/generate-content#FinishReason).
func Stop(word string) llm.StopReason {
	switch word {
	case "":
		return llm.StopUnset
	case "STOP":
		return llm.StopEnd
	case "MAX_TOKENS":
		return llm.StopMaxTokens
	case "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR":
		return llm.StopFiltered
	case "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MALFORMED_RESPONSE", "MISSING_THOUGHT_SIGNATURE":
		return llm.StopMalformed
	}
	if strings.HasPrefix(word, "IMAGE_") && word != "IMAGE_OTHER" {
		return llm.StopFiltered
	}
	return llm.StopOther
}
