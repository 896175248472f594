package anthropic

import (
	"errors"
	"fmt"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// EventReader turns the events of a stream of the Messages API into those of the common language.
// The zero value is ready for use.
//
// The usage, which message_start and message_delta give, is one event at message_stop.
type EventReader struct {
	usage   llm.Usage
	counted bool
	tier    string
	kinds   map[int]llm.BlockKind // of the open blocks
	blocks  int
	stopped bool
}

// Append appends to events what the JSON of one event, the data of a server-sent event, becomes:
// nothing for a ping. The events do not share data's memory.
func (r *EventReader) Append(events []llm.Event, data []byte) ([]llm.Event, error) {
	index, text, ok := plainDelta(data)
	return r.appendRaw(events, &RawEvent{Data: data, index: index, text: text, plain: ok})
}

// appendRaw is Append for an event of which Tapped.Take has taken note.
func (r *EventReader) appendRaw(events []llm.Event, raw *RawEvent) ([]llm.Event, error) {
	if raw.plain && r.kinds[raw.index] == llm.BlockText {
		return append(events, llm.Event{Kind: llm.EventDelta, Index: raw.index, Block: llm.BlockText, Text: string(raw.text)}), nil
	}
	data := raw.Data
	var e sentEvent
	if !e.plain(data) {
		all, err := decodeEvent(data)
		if err != nil {
			return events, err
		}
		e = *all // what plain has read before something unusual is read again
	}
	switch e.Type {
	case "message_start":
		return r.start(events, &e)
	case "content_block_start":
		return r.open(events, &e)
	case "content_block_delta":
		return r.delta(events, &e)
	case "content_block_stop":
		delete(r.kinds, e.Index)
		return append(events, llm.Event{Kind: llm.EventBlockEnd, Index: e.Index}), nil
	case "message_delta":
		return r.stop(events, &e)
	case "message_stop":
		return r.end(events, &e)
	case "ping":
		return events, nil
	default:
		return append(events, llm.Event{Kind: llm.EventOther, Other: &jsonx.Member{Name: e.Type, Value: jsonx.Raw(data).Clone()}}), nil
	}
}

func (r *EventReader) start(events []llm.Event, e *sentEvent) ([]llm.Event, error) {
	ev := llm.Event{Kind: llm.EventStart, Role: llm.RoleAssistant}
	if m := e.Message; m != nil {
		if m.Role != "" {
			ev.Role = llm.Role(m.Role)
		}
		if err := r.count(m.Usage); err != nil {
			return events, err
		}
		var err error
		if ev.Extra, err = extras(m); err != nil {
			return events, err
		}
	}
	return append(events, ev), nil
}

func (r *EventReader) count(usage jsonx.Raw) error {
	if !has(usage) {
		return nil
	}
	tier, err := AddUsage(&r.usage, usage)
	if err != nil {
		return fmt.Errorf("usage: %w", err)
	}
	if tier != "" {
		r.tier = tier
	}
	r.counted = true
	return nil
}

// maxSentIndex bounds the index of a block.
const maxSentIndex = 1<<31 - 1

func (r *EventReader) open(events []llm.Event, e *sentEvent) ([]llm.Event, error) {
	if e.Index < 0 || e.Index > maxSentIndex {
		return events, fmt.Errorf("%d is not a valid block index", e.Index)
	}
	if r.blocks++; r.blocks > maxSentBlocks {
		return events, fmt.Errorf("it has more than %d blocks", maxSentBlocks)
	}
	b, input, err := sentBlockOf(e.Block)
	if err != nil {
		return events, fmt.Errorf("content_block: %w", err)
	}
	if r.kinds == nil {
		r.kinds = map[int]llm.BlockKind{}
	}
	r.kinds[e.Index] = b.Kind
	ev := llm.Event{Kind: llm.EventBlockStart, Index: e.Index, Block: b.Kind, ToolUse: b.ToolUse, Other: b.Other}
	more := llm.Event{Kind: llm.EventDelta, Index: e.Index, Block: b.Kind, Text: b.Text, Signature: b.Signature}
	switch b.Kind {
	case llm.BlockToolUse:
		if has(input) && string(input) != "{}" {
			more.Text = string(input)
		}
		b.ToolUse.Input = nil
	case llm.BlockToolResult:
		result := *b.ToolResult
		result.Content = nil
		ev.ToolResult = &result
		events = append(events, ev)
		return append(events, llm.Event{
			Kind: llm.EventDelta, Index: e.Index, Block: b.Kind, Other: &jsonx.Member{Name: "json", Value: b.ToolResult.Content[0].JSON},
		}), nil
	case llm.BlockOther:
		more.Text = ""
	default:
	}
	events = append(events, ev)
	if more.Text != "" || more.Signature != "" {
		events = append(events, more)
	}
	for _, c := range b.Extra {
		events = append(events, llm.Event{Kind: llm.EventDelta, Index: e.Index, Block: b.Kind, Other: &c})
	}
	return events, nil
}

func (r *EventReader) delta(events []llm.Event, e *sentEvent) ([]llm.Event, error) {
	d := &e.Delta
	ev := llm.Event{Kind: llm.EventDelta, Index: e.Index}
	kind, open := r.kinds[e.Index]
	if !open {
		return events, fmt.Errorf("a delta of block %d, which is not open", e.Index)
	}
	switch d.Type {
	case "text_delta":
		ev.Block, ev.Text = llm.BlockText, d.Text
	case "thinking_delta":
		ev.Block, ev.Text = llm.BlockReasoning, d.Thinking
	case "signature_delta":
		ev.Block, ev.Signature = llm.BlockReasoning, d.Signature
	case "input_json_delta":
		ev.Block, ev.Text = llm.BlockToolUse, d.PartialJSON
	case "citations_delta":
		ev.Block, ev.Other = llm.BlockText, &jsonx.Member{Name: "citation", Value: citationOf(d.Citation)}
	default:
		ev.Block, ev.Other = kind, &jsonx.Member{Name: d.Type, Value: d.Rest.Clone()}
		return append(events, ev), nil
	}
	if ev.Block != kind {
		return events, fmt.Errorf("a %s in block %d, which is of another type", d.Type, e.Index)
	}
	return append(events, ev), nil
}

func (r *EventReader) stop(events []llm.Event, e *sentEvent) ([]llm.Event, error) {
	if err := r.count(e.Usage); err != nil {
		return events, err
	}
	if e.Delta.StopReason == "" { // only counters
		return events, nil
	}
	if r.stopped {
		return events, errors.New("a second stop_reason")
	}
	r.stopped = true
	ev := llm.Event{Kind: llm.EventStop, Stop: Stop(e.Delta.StopReason), RawStop: e.Delta.StopReason}
	var err error
	ev.Extra, err = extras(&sentMessage{StopSequence: e.Delta.StopSequence, Rest: e.Delta.Rest})
	return append(events, ev), err
}

func (r *EventReader) end(events []llm.Event, e *sentEvent) ([]llm.Event, error) {
	if !r.stopped {
		r.stopped = true
		events = append(events, llm.Event{Kind: llm.EventStop})
	}
	ev := llm.Event{Kind: llm.EventUsage, ServiceTier: r.tier}
	if r.counted {
		usage := r.usage
		ev.Usage = &usage
	}
	if e.Metrics != nil && e.Metrics.Latency != nil {
		ev.LatencyMs = llm.Some(*e.Metrics.Latency)
	}
	rest, err := jsonx.Members(e.Rest)
	if err != nil {
		return events, err
	}
	for _, m := range rest {
		if m.Name == "amazon-bedrock-trace" {
			ev.Trace = m.Value
		} else if has(m.Value) {
			ev.Extra = append(ev.Extra, m)
		}
	}
	return append(events, ev), nil
}
