package llm

import (
	"outcrop/internal/jsonx"
)

// EventKind determines which fields of an Event are used.
type EventKind uint8

// Kinds of event, in order of arrival: one EventStart; for each block an EventBlockStart (which a
// provider may leave out for text and reasoning), deltas and an EventBlockEnd; one EventStop; one
// EventUsage.
const (
	EventStart      EventKind = iota + 1 // Role
	EventBlockStart                      // Index, Block, and ToolUse, ToolResult, Media or Other by its kind; Extra
	EventDelta                           // Index, Block, and Text, Signature, Media or Other; Extra
	EventBlockEnd                        // Index
	EventStop                            // Stop, RawStop, Raw: the model's own fields (Converse's additionalModelResponseFields); Extra
	EventUsage                           // Usage, LatencyMs, ServiceTier, Trace, Extra
	EventOther                           // Other: an event without a common name; it carries no content
)

// Event is one step of a streaming response.
type Event struct {
	Kind EventKind
	Role Role
	// Choice numbers the responses of a call that requests several, from 0.
	Choice int
	// Index numbers the blocks of the response from 0.
	Index int
	// Block is the kind of block that a start or delta belongs to.
	Block BlockKind
	// Text is a delta of text, reasoning, redacted reasoning or a tool's input.
	Text string
	// Signature is a delta of a reasoning block's signature.
	Signature  string
	ToolUse    *ToolUse
	ToolResult *ToolResult
	// Media is the format of a starting block, or a piece of its content.
	Media   *Media
	Other   *jsonx.Member
	Stop    StopReason
	RawStop string
	Raw     jsonx.Raw

	Usage       *Usage
	LatencyMs   Opt[int64]
	ServiceTier string
	Trace       jsonx.Raw
	Extra       []jsonx.Member
}

// HasContent reports whether the event is part of the response itself: text, reasoning, a tool call
// or the stop. Before the first such event nothing has been sent to the client, and the call can be
// retried.
func (e *Event) HasContent() bool {
	switch e.Kind {
	case EventBlockStart:
		return e.Block == BlockToolUse || e.Block == BlockToolResult || e.Block == BlockOther
	case EventDelta:
		return e.Text != "" || e.Signature != "" || e.Media != nil || e.Other != nil
	case EventStop:
		return true
	default:
		return false
	}
}

// Retain does nothing: strings and slices of an event stay valid.
func (*Event) Retain() {}

// Failure returns nil: a Stream reports failures by the error of Next.
func (*Event) Failure() *Error { return nil }

// Reported is the usage that the event reports; nil for most.
func (e *Event) Reported() *Usage { return e.Usage }

// Stream is a streaming response. Its owner calls Next until it fails and then Close, all from one
// goroutine.
type Stream interface {
	// Next fills ev with the next event. It returns io.EOF after the last event of a complete
	// response, and an *Error if the response broke off. Strings and slices in ev stay valid after
	// the next call.
	Next(ev *Event) error
	// More reports whether the next event is already there, so that Next would not wait for the
	// provider. A writer may then delay flushing.
	More() bool
	// Meta describes where the response came from; it may grow with each Next.
	Meta() *Meta
	// Close ends the call to the provider and frees its resources. It may be called more than once.
	Close() error
}

// Fold collects events into a complete response, which Answer returns. Until then the texts of its
// blocks are kept separately.
type Fold struct {
	Response
	texts     [][]byte    // texts and tool inputs, still growing, by position in Blocks
	positions map[int]int // block index to its position in Blocks
}

// Add takes the next event.
func (f *Fold) Add(ev *Event) {
	switch ev.Kind {
	case EventStart:
		f.Role = ev.Role
		f.Extra = append(f.Extra, ev.Extra...)
	case EventBlockStart:
		f.begin(ev)
	case EventDelta:
		f.delta(ev)
	case EventStop:
		f.Stop, f.RawStop, f.ModelFields = ev.Stop, ev.RawStop, ev.Raw
		f.Extra = append(f.Extra, ev.Extra...)
	case EventUsage:
		if ev.Usage != nil {
			f.Usage = *ev.Usage
		}
		f.LatencyMs, f.ServiceTier, f.Trace = ev.LatencyMs, ev.ServiceTier, ev.Trace
		f.Extra = append(f.Extra, ev.Extra...)
	case EventBlockEnd, EventOther:
	}
}

func (f *Fold) begin(ev *Event) {
	b := &f.Blocks[f.position(ev.Index, ev.Block)]
	if ev.ToolUse != nil {
		use := *ev.ToolUse
		b.ToolUse = &use
	}
	if ev.ToolResult != nil {
		result := *ev.ToolResult
		b.ToolResult = &result
	}
	if ev.Media != nil {
		media := *ev.Media
		b.Media = &media
	}
	b.Other = ev.Other
	b.Extra = append(b.Extra, ev.Extra...)
}

func (f *Fold) delta(ev *Event) {
	position := f.position(ev.Index, ev.Block)
	b := &f.Blocks[position]
	b.Extra = append(b.Extra, ev.Extra...)
	b.Signature += ev.Signature
	switch {
	case ev.Block == BlockToolResult:
		if ev.Other != nil {
			b.ToolResult.Content = append(b.ToolResult.Content, resultDelta(ev))
		}
	case ev.Other != nil && b.Kind == BlockOther && b.Other == nil:
		b.Other = ev.Other
	case ev.Other != nil:
		b.Extra = append(b.Extra, *ev.Other)
	case ev.Media != nil && b.Media != nil:
		b.Media.add(ev.Media)
	case ev.Block == BlockRedacted:
		b.Text = joinHidden(b.Text, ev.Text)
	default:
		f.texts[position] = append(f.texts[position], ev.Text...)
	}
}

// resultDelta is a piece of a tool result that the provider produced itself.
func resultDelta(ev *Event) ResultBlock {
	switch ev.Other.Name {
	case "json":
		return ResultBlock{JSON: ev.Other.Value}
	case "text":
		return ResultBlock{Block: Block{Kind: BlockText, Text: ev.Text}}
	default:
		return ResultBlock{Block: Block{Kind: BlockOther, Other: ev.Other}}
	}
}

// add appends a piece of streamed content.
func (m *Media) add(piece *Media) {
	if piece.Format != "" {
		m.Format = piece.Format
	}
	m.Base64 = m.Base64.join(piece.Base64)
	if piece.URI != "" {
		m.URI, m.Owner = piece.URI, piece.Owner
	}
	if piece.Source != nil {
		m.Source = piece.Source
	}
	m.Text += piece.Text
}

// joinHidden joins two pieces of redacted reasoning, each in base64.
func joinHidden(a, b string) string {
	first, ok := ParseBase64([]byte(a))
	second, ok2 := ParseBase64([]byte(b))
	if !ok || !ok2 {
		return a + b
	}
	return first.join(second).String()
}

// position finds the block of an index, or begins it. If the block's start did not give its kind, the
// first delta does; an index that changes its kind after that is another block.
func (f *Fold) position(index int, kind BlockKind) int {
	position, ok := f.positions[index]
	switch {
	case !ok:
		position = f.add(index, kind)
	case f.Blocks[position].Kind == kind || kind == BlockOther:
	case f.blank(position):
		f.Blocks[position].Kind = kind
	default:
		position = f.add(index, kind)
	}
	b := &f.Blocks[position]
	switch b.Kind { // a delta may come without the start that it needs
	case BlockToolUse:
		if b.ToolUse == nil {
			b.ToolUse = &ToolUse{}
		}
	case BlockToolResult:
		if b.ToolResult == nil {
			b.ToolResult = &ToolResult{}
		}
	case BlockImage, BlockDocument, BlockAudio, BlockVideo:
		if b.Media == nil {
			b.Media = &Media{}
		}
	default: // the other kinds have no fields of their own
	}
	return position
}

func (f *Fold) add(index int, kind BlockKind) int {
	if f.positions == nil {
		f.positions = map[int]int{}
	}
	position := len(f.Blocks)
	f.positions[index] = position
	f.Blocks = append(f.Blocks, Block{Kind: kind})
	f.texts = append(f.texts, nil)
	return position
}

// blank reports whether the text block at position is still empty.
func (f *Fold) blank(position int) bool {
	b := &f.Blocks[position]
	return (b.Kind == BlockText || b.Kind == BlockReasoning) && len(f.texts[position]) == 0 && b.Signature == ""
}

// Answer returns the complete response once the last event has been added. A missing tool input
// becomes an empty object. A tool input that is not JSON, which models sometimes produce, becomes a
// JSON string that contains it.
func (f *Fold) Answer() *Response {
	for position, text := range f.texts {
		b := &f.Blocks[position]
		switch {
		case b.Kind != BlockToolUse:
			b.Text += string(text)
		case len(text) > 0 && jsonx.Valid(text):
			b.ToolUse.Input = text
		case len(text) > 0:
			b.ToolUse.Input = jsonx.AppendString(nil, string(text))
		case len(b.ToolUse.Input) == 0:
			b.ToolUse.Input = jsonx.Raw("{}")
		}
		f.texts[position] = nil
	}
	return &f.Response
}
