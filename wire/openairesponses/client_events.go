package openairesponses

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// EventReader turns the events of a streaming response into events of the common language. The zero value is
// ready for use.
//
// What the deltas of an item have left out is taken from the item at its end, and items that had no events
// from the response at its end: some servers send only these.
type EventReader struct {
	Options ReadOptions

	begun, ended bool
	open         map[outputPlace]*sentBlock // blocks that have begun
	done         map[int]bool               // items that have ended
	blocks       int                        // how many blocks have begun
	calls        int                        // how many are calls of the client's tools
	probs        []byte                     // log probabilities of the tokens, as a list without its end; empty if there are none
}

// outputPlace is where a block is in the output: the index of its item, and for texts that of the part; noPart for
// what is the whole item.
type outputPlace struct{ item, part int }

const noPart = -1

// sentBlock is a block that has begun.
type sentBlock struct {
	index  int
	kind   llm.BlockKind
	custom bool   // it is a call of a tool with free text as input
	length int    // bytes of its text so far
	cited  int    // citations so far
	over   bool   // it has ended
	part   string // the part of the reasoning that the last delta belonged to
}

// sentEvent is an event, as far as it becomes one of the common language.
type sentEvent struct {
	Type       string        `json:"type"`
	Output     int           `json:"output_index"`
	Content    int           `json:"content_index"`
	Summary    int           `json:"summary_index"`
	Delta      sentDelta     `json:"delta"`
	Item       jsonx.Raw     `json:"item"`
	Annotation jsonx.Raw     `json:"annotation"`
	Response   *sentResponse `json:"response"`
}

// sentDelta is a piece of text; anything else counts as none.
type sentDelta string

func (s *sentDelta) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	return readText(d, (*string)(s))
}

// Ended reports whether the last event of the response has come.
func (r *EventReader) Ended() bool { return r.ended }

// End reports false: a stream whose last event is missing has broken off.
func (r *EventReader) End(events []llm.Event) ([]llm.Event, bool) { return events, false }

// Append appends what the data of an event becomes, which may be nothing. A failure that the endpoint reports
// is a *FailedError. The events do not share data's memory.
func (r *EventReader) Append(events []llm.Event, data []byte) ([]llm.Event, error) {
	if jsonx.ManyValues(data, maxSentValues) {
		return events, fmt.Errorf("an event has more than %d values", maxSentValues)
	}
	var e sentEvent
	if err := jsonx.Unmarshal(data, &e); err != nil {
		return events, err
	}
	switch e.Type {
	case "":
		return events, errors.New("an event has no type")
	case "error":
		return events, failed(data)
	case "response.failed":
		if e.Response == nil {
			return events, failed(nil)
		}
		return events, failed(e.Response.Error)
	case "response.created", "response.queued", "response.in_progress":
		return r.begin(events), nil
	case "response.completed", "response.incomplete":
		if e.Response == nil {
			return events, errors.New("the last event has no response")
		}
		switch {
		case e.Response.Status == StatusFailed || e.Response.Status == StatusCancelled:
			return events, failed(e.Response.Error)
		case e.Type == "response.incomplete":
			e.Response.Status = StatusIncomplete
		}
		return r.finish(events, e.Response)
	}
	return r.piece(r.begin(events), &e)
}

// begin appends the start of the response, unless it has begun.
func (r *EventReader) begin(events []llm.Event) []llm.Event {
	if r.begun {
		return events
	}
	r.begun, r.open, r.done = true, map[outputPlace]*sentBlock{}, map[int]bool{}
	return append(events, llm.Event{Kind: llm.EventStart, Role: llm.RoleAssistant})
}

// piece appends what an event inside the response becomes. Events of types that are not known here have
// nothing that the item at its end has not.
func (r *EventReader) piece(events []llm.Event, e *sentEvent) ([]llm.Event, error) {
	if r.done[e.Output] && e.Delta != "" {
		return events, fmt.Errorf("a delta of item %d, which has ended", e.Output)
	}
	switch e.Type {
	case "response.output_item.added":
		return r.added(events, e)
	case "response.output_item.done":
		return r.item(events, e.Output, e.Item)
	case "response.output_text.delta", "response.refusal.delta":
		return r.text(events, outputPlace{e.Output, e.Content}, llm.BlockText, string(e.Delta))
	case "response.output_text.annotation.added":
		if len(e.Annotation) == 0 {
			return events, nil
		}
		return r.cite(events, outputPlace{e.Output, e.Content}, e.Annotation)
	case "response.reasoning_summary_text.delta":
		return r.thought(events, e.Output, fmt.Sprintf("s%d", e.Summary), string(e.Delta))
	case "response.reasoning_text.delta":
		return r.thought(events, e.Output, fmt.Sprintf("c%d", e.Content), string(e.Delta))
	case "response.function_call_arguments.delta", "response.custom_tool_call_input.delta":
		if b := r.open[outputPlace{e.Output, noPart}]; b != nil { // otherwise the item at its end has all of it
			return b.input(events, string(e.Delta)), nil
		}
	}
	return events, nil
}

// start appends the start of a block.
func (r *EventReader) start(events []llm.Event, at outputPlace, ev llm.Event) ([]llm.Event, *sentBlock, error) {
	if r.blocks == maxSentItems {
		return events, nil, fmt.Errorf("it has more than %d blocks", maxSentItems)
	}
	b := &sentBlock{index: r.blocks, kind: ev.Block}
	r.blocks++
	r.open[at] = b
	ev.Kind, ev.Index = llm.EventBlockStart, b.index
	return append(events, ev), b, nil
}

// text appends a piece of text or reasoning.
func (r *EventReader) text(events []llm.Event, at outputPlace, kind llm.BlockKind, text string) ([]llm.Event, error) {
	if text == "" {
		return events, nil
	}
	b := r.open[at]
	if b == nil {
		var err error
		if events, b, err = r.start(events, at, llm.Event{Block: kind}); err != nil {
			return events, err
		}
	}
	b.length += len(text)
	return append(events, llm.Event{Kind: llm.EventDelta, Index: b.index, Block: b.kind, Text: text}), nil
}

// thought appends a piece of reasoning, with a break between its parts.
func (r *EventReader) thought(events []llm.Event, item int, part, text string) ([]llm.Event, error) {
	at := outputPlace{item, noPart}
	if text == "" {
		return events, nil
	}
	if b := r.open[at]; b != nil && b.part != part {
		text = betweenParts + text
	}
	events, err := r.text(events, at, llm.BlockReasoning, text)
	if b := r.open[at]; b != nil {
		b.part = part
	}
	return events, err
}

// cite appends a citation of a text.
func (r *EventReader) cite(events []llm.Event, at outputPlace, annotation jsonx.Raw) ([]llm.Event, error) {
	b := r.open[at]
	if b == nil {
		var err error
		if events, b, err = r.start(events, at, llm.Event{Block: llm.BlockText}); err != nil {
			return events, err
		}
	}
	b.cited++
	return append(events, llm.Event{Kind: llm.EventDelta, Index: b.index, Block: b.kind, Other: &jsonx.Member{Name: "citation", Value: citationOf(annotation)}}), nil
}

// added begins the block of a call, which is known by its start.
func (r *EventReader) added(events []llm.Event, e *sentEvent) ([]llm.Event, error) {
	if r.open[outputPlace{e.Output, noPart}] != nil {
		return events, fmt.Errorf("item %d has begun twice", e.Output)
	}
	it, err := itemOf(e.Item)
	if err != nil || it.Type != "function_call" && it.Type != "custom_tool_call" || it.CallID.Value == "" || it.Name.Value == "" {
		return events, err
	}
	return r.call(events, e.Output, it)
}

// call appends the start of a call.
func (r *EventReader) call(events []llm.Event, item int, it *sentItem) ([]llm.Event, error) {
	id := it.CallID.Value
	if id == "" {
		id = it.ID.Value
	}
	events, b, err := r.start(events, outputPlace{item, noPart}, llm.Event{Block: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: id, Name: it.Name.Value}})
	if err != nil {
		return events, err
	}
	r.calls++
	b.custom = it.Type == "custom_tool_call"
	return events, nil
}

// The arguments of the function that stands for a tool with free text as input, around the text.
const (
	customBegin = `{"` + llm.CustomInput + `":"`
	customEnd   = `"}`
)

// input appends a piece of the arguments of a call.
func (b *sentBlock) input(events []llm.Event, text string) []llm.Event {
	if text == "" {
		return events
	}
	piece := text
	if b.custom {
		quoted := jsonx.AppendString(nil, text)
		piece = string(quoted[1 : len(quoted)-1])
		if b.length == 0 {
			piece = customBegin + piece
		}
	}
	b.length += len(text)
	return append(events, llm.Event{Kind: llm.EventDelta, Index: b.index, Block: b.kind, Text: piece})
}

// item appends what an item that has ended has beyond its deltas, and the ends of its blocks.
func (r *EventReader) item(events []llm.Event, index int, raw jsonx.Raw) ([]llm.Event, error) {
	if r.done[index] {
		return events, fmt.Errorf("item %d has ended twice", index)
	}
	if len(r.done) == maxSentItems {
		return events, fmt.Errorf("it has more than %d items", maxSentItems)
	}
	r.done[index] = true
	it, err := itemOf(raw)
	if err != nil {
		return events, err
	}
	switch it.Type {
	case "message":
		return r.message(events, index, it)
	case "reasoning":
		return r.reasoning(events, index, it)
	case "function_call", "custom_tool_call":
		return r.endCall(events, index, it)
	default: // such as a search that the endpoint has made
		member := &jsonx.Member{Name: it.Type, Value: raw.Clone()}
		events, b, err := r.start(events, outputPlace{index, noPart}, llm.Event{Block: llm.BlockOther, Other: member})
		if err != nil {
			return events, err
		}
		return b.end(events), nil
	}
}

// end appends the end of a block.
func (b *sentBlock) end(events []llm.Event) []llm.Event {
	b.over = true
	if b.custom {
		tail := customEnd
		if b.length == 0 {
			tail = customBegin + customEnd
		}
		events = append(events, llm.Event{Kind: llm.EventDelta, Index: b.index, Block: b.kind, Text: tail})
	}
	return append(events, llm.Event{Kind: llm.EventBlockEnd, Index: b.index})
}

// message ends a message: each of its parts is a block.
func (r *EventReader) message(events []llm.Event, index int, it *sentItem) ([]llm.Event, error) {
	for i := range it.Content {
		p, at := &it.Content[i], outputPlace{index, i}
		r.keep(p.Logprobs)
		var err error
		b, whole := r.open[at], p.Text.Value+p.Refusal.Value
		if b != nil {
			whole = whole[min(b.length, len(whole)):]
		}
		if events, err = r.text(events, at, llm.BlockText, whole); err != nil {
			return events, err
		}
		cited := 0
		if b = r.open[at]; b != nil {
			cited = b.cited
		}
		for _, a := range p.Annotations[min(cited, len(p.Annotations)):] {
			if events, err = r.cite(events, at, a); err != nil {
				return events, err
			}
		}
		if b = r.open[at]; b != nil {
			events = b.end(events)
		}
	}
	return events, nil
}

// maxProbs bounds the log probabilities that are kept until the end of a stream, in bytes.
const maxProbs = 16 << 20

// keep keeps the log probabilities of a part, as far as they may be kept. They are in the form of those of
// chat completions.
func (r *EventReader) keep(list jsonx.Raw) {
	if list.Kind() != '[' || jsonx.Empty(list) || len(r.probs)+len(list) > maxProbs {
		return
	}
	list = bytes.TrimSpace(list)
	if len(r.probs) == 0 {
		r.probs = append(r.probs, '[')
	} else {
		r.probs = append(r.probs, ',')
	}
	r.probs = append(r.probs, list[1:len(list)-1]...)
}

// reasoning ends a reasoning item.
func (r *EventReader) reasoning(events []llm.Event, index int, it *sentItem) ([]llm.Event, error) {
	at, parts := outputPlace{index, noPart}, it.thoughts()
	if r.open[at] == nil {
		for i, p := range parts {
			var err error
			if events, err = r.thought(events, index, fmt.Sprintf("%c%d", p.kind, i), p.text); err != nil {
				return events, err
			}
		}
	}
	sign := signatureOf(r.Options.Sealer, it.ID.Value, it.Encrypted.Value, parts)
	b := r.open[at]
	if b == nil {
		if sign == "" {
			return events, nil
		}
		var err error
		if events, b, err = r.start(events, at, llm.Event{Block: llm.BlockReasoning}); err != nil {
			return events, err
		}
	}
	if sign != "" {
		events = append(events, llm.Event{Kind: llm.EventDelta, Index: b.index, Block: b.kind, Signature: sign})
	}
	return b.end(events), nil
}

// endCall ends a call.
func (r *EventReader) endCall(events []llm.Event, index int, it *sentItem) ([]llm.Event, error) {
	at := outputPlace{index, noPart}
	if r.open[at] == nil {
		if it.Name.Value == "" {
			return events, errors.New("a call has no name")
		}
		var err error
		if events, err = r.call(events, index, it); err != nil {
			return events, err
		}
	}
	b, whole := r.open[at], string(it.Arguments)+it.Input.Value
	events = b.input(events, whole[min(b.length, len(whole)):])
	return b.end(events), nil
}

// finish appends what the response at the end has beyond the events before it, and the end.
func (r *EventReader) finish(events []llm.Event, s *sentResponse) ([]llm.Event, error) {
	events = r.begin(events)
	for i, raw := range s.Output {
		if r.done[i] || len(r.done) >= len(s.Output) {
			continue
		}
		var err error
		if events, err = r.item(events, i, raw); err != nil {
			return events, err
		}
	}
	for _, at := range slices.SortedFunc(maps.Keys(r.open), func(a, b outputPlace) int { return r.open[a].index - r.open[b].index }) {
		if r.open[at].over {
			continue
		}
		if b := r.open[at]; b.kind == llm.BlockToolUse && s.Status != StatusIncomplete {
			return events, errors.New("the response is complete, but a call in it is not")
		}
		events = r.open[at].end(events) // the response was cut short in it, or its item lacks it
	}
	r.ended = true
	stop, word := s.stopOf(r.calls)
	events = append(events, llm.Event{Kind: llm.EventStop, Stop: stop, RawStop: word})
	ev := llm.Event{Kind: llm.EventUsage, ServiceTier: s.Tier.Value}
	if u, ok := ReadUsage(s.Usage); ok {
		ev.Usage = &u
	}
	if len(r.probs) > 0 {
		ev.Extra = []jsonx.Member{{Name: "logprobs", Value: append(append([]byte(`{"content":`), r.probs...), "]}"...)}}
	}
	return append(events, ev), nil
}
