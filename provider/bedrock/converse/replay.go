package converse

import (
	"io"

	"outcrop/llm"
)

// StreamOf returns a stream that replays a complete response.
func StreamOf(r *llm.Response) llm.Stream {
	t := &replay{meta: r.Meta}
	t.add(llm.Event{Kind: llm.EventStart, Role: r.Role})
	for i := range r.Blocks {
		t.block(i, &r.Blocks[i])
	}
	t.add(llm.Event{Kind: llm.EventStop, Stop: r.Stop, RawStop: r.RawStop, Raw: r.ModelFields})
	usage := r.Usage
	t.add(llm.Event{
		Kind: llm.EventUsage, Usage: &usage, LatencyMs: r.LatencyMs, ServiceTier: r.ServiceTier, Trace: r.Trace, Extra: r.Extra,
	})
	return t
}

// replay is a stream of the events of a complete response.
type replay struct {
	events []llm.Event
	meta   llm.Meta
}

func (t *replay) add(ev llm.Event) { t.events = append(t.events, ev) }

// block adds the events of one block: its start, one delta with all of its text, and its end.
func (t *replay) block(i int, b *llm.Block) {
	start := llm.Event{Kind: llm.EventBlockStart, Index: i, Block: b.Kind, Extra: b.Extra}
	delta := llm.Event{Kind: llm.EventDelta, Index: i, Block: b.Kind, Text: b.Text, Signature: b.Signature}
	switch b.Kind {
	case llm.BlockToolUse:
		use := *b.ToolUse
		delta.Text = string(use.Input)
		use.Input = nil
		start.ToolUse = &use
	case llm.BlockToolResult:
		start.ToolResult = b.ToolResult
		delta.Text = ""
	case llm.BlockOther:
		start.Other, delta.Text = b.Other, ""
	default:
		start.Media = b.Media
	}
	t.add(start)
	if delta.Text != "" || delta.Signature != "" {
		t.add(delta)
	}
	t.add(llm.Event{Kind: llm.EventBlockEnd, Index: i})
}

func (t *replay) Next(ev *llm.Event) error {
	if len(t.events) == 0 {
		return io.EOF
	}
	*ev = t.events[0]
	t.events = t.events[1:]
	return nil
}

func (t *replay) More() bool { return len(t.events) > 0 }

func (t *replay) Meta() *llm.Meta { return &t.meta }

func (t *replay) Close() error { return nil }
