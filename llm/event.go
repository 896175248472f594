package llm

import "outcrop/internal/jsonx"

// EventKind tells which fields of an Event are used.
type EventKind uint8

// Kinds of event, in the order in which they come: one EventStart; for each
// block an EventBlockStart (which a provider may leave out for text and
// reasoning), deltas and an EventBlockEnd; one EventStop; one EventUsage.
const (
	EventStart      EventKind = iota + 1 // Role
	EventBlockStart                      // Index, Block, and ToolUse, ToolResult, Media or Other by its kind; Extra
	EventDelta                           // Index, Block, and Text, Signature, Media or Other; Extra
	EventBlockEnd                        // Index
	EventStop                            // Stop, RawStop, Raw: the model's own fields (Converse's additionalModelResponseFields); Extra
	EventUsage                           // Usage, LatencyMs, ServiceTier, Trace, Extra
	EventOther                           // Other: an event that no common name fits; it carries no content
)

// Event is one step of a streamed answer.
type Event struct {
	Kind EventKind
	Role Role
	// Index numbers the blocks of the answer from 0.
	Index int
	// Block is the kind of the block that a start or delta belongs to.
	Block BlockKind
	// Text is a delta of text, of reasoning, of redacted reasoning or of a tool's input.
	Text string
	// Signature is a delta of a reasoning block's signature.
	Signature  string
	ToolUse    *ToolUse
	ToolResult *ToolResult
	// Media is the format of a block that starts, or a piece of its content.
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

// HasContent reports whether the event is part of the answer itself: text,
// reasoning, a tool call or the stop. Until one has come nothing has been said
// to the client, and the call may be made again.
func (e *Event) HasContent() bool {
	switch e.Kind {
	case EventBlockStart:
		return e.Block == BlockToolUse || e.Block == BlockToolResult || e.Block == BlockOther
	case EventDelta:
		return e.Text != "" || e.Signature != "" || e.Other != nil
	case EventStop:
		return true
	default:
		return false
	}
}

// Stream is an answer as it comes. Its owner calls Next until it fails and then
// Close, from one goroutine.
type Stream interface {
	// Next fills ev with the next event. It returns io.EOF behind the last event
	// of an answer that has come to its end, and an *Error when the answer broke
	// off; strings and slices in ev stay valid after the next call.
	Next(ev *Event) error
	// More reports whether the next event is at hand, so that Next would not wait
	// for the provider; a writer may then put off flushing.
	More() bool
	// Meta is what is known of the answer's way; it may grow with each Next.
	Meta() *Meta
	// Close ends the call to the provider and frees what it holds. It may be
	// called more than once.
	Close() error
}

// Fold collects events into a whole answer.
type Fold struct {
	Response
	inputs map[int][]byte // tool inputs by block, still growing
	places map[int]int    // block index to its place in Blocks
}

// Add takes the next event.
func (f *Fold) Add(ev *Event) {
	switch ev.Kind {
	case EventStart:
		f.Role = ev.Role
	case EventBlockStart:
		b := f.block(ev.Index, ev.Block)
		if ev.ToolUse != nil {
			use := *ev.ToolUse
			b.ToolUse = &use
		}
		if ev.ToolResult != nil {
			result := *ev.ToolResult
			b.ToolResult = &result
		}
		b.Other = ev.Other
	case EventDelta:
		f.delta(ev)
	case EventStop:
		f.Stop, f.RawStop, f.ModelFields = ev.Stop, ev.RawStop, ev.Raw
	case EventUsage:
		if ev.Usage != nil {
			f.Usage = *ev.Usage
		}
		f.LatencyMs, f.ServiceTier, f.Trace = ev.LatencyMs, ev.ServiceTier, ev.Trace
		f.Extra = append(f.Extra, ev.Extra...)
	case EventBlockEnd, EventOther:
	}
}

func (f *Fold) delta(ev *Event) {
	b := f.block(ev.Index, ev.Block)
	switch ev.Block {
	case BlockToolUse:
		if f.inputs == nil {
			f.inputs = map[int][]byte{}
		}
		f.inputs[ev.Index] = append(f.inputs[ev.Index], ev.Text...)
	case BlockToolResult:
		if ev.Other != nil && b.ToolResult != nil {
			b.ToolResult.Content = append(b.ToolResult.Content, resultDelta(ev))
		}
	case BlockOther:
		b.Other = ev.Other
	default:
		b.Text += ev.Text
		b.Signature += ev.Signature
	}
}

// resultDelta is a piece of a tool result that the provider made itself: named
// json or text.
func resultDelta(ev *Event) ResultBlock {
	if ev.Other.Name == "json" {
		return ResultBlock{JSON: ev.Other.Value}
	}
	return ResultBlock{Block: Block{Kind: BlockText, Text: ev.Text}}
}

// block finds the block of an index, or begins it.
func (f *Fold) block(index int, kind BlockKind) *Block {
	if f.places == nil {
		f.places = map[int]int{}
	}
	place, ok := f.places[index]
	if !ok {
		place = len(f.Blocks)
		f.places[index] = place
		f.Blocks = append(f.Blocks, Block{Kind: kind})
	}
	b := &f.Blocks[place]
	if kind == BlockRedacted {
		b.Kind = kind
	}
	return b
}

// Answer is the whole answer, once the last event has been added. Tool inputs
// that never came are empty objects.
func (f *Fold) Answer() *Response {
	for index, place := range f.places {
		b := &f.Blocks[place]
		if b.Kind != BlockToolUse || b.ToolUse == nil {
			continue
		}
		b.ToolUse.Input = f.inputs[index]
		if len(b.ToolUse.Input) == 0 {
			b.ToolUse.Input = jsonx.Raw("{}")
		}
	}
	return &f.Response
}
