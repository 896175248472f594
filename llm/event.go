package llm

import (
	"outcrop/internal/jsonx"
)

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
	// Choice numbers the answers of a call that wants several, from 0.
	Choice int
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
		return e.Text != "" || e.Signature != "" || e.Media != nil || e.Other != nil
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

// Fold collects events into a whole answer, which Answer gives; until then the
// texts of its blocks are still apart.
type Fold struct {
	Response
	texts  [][]byte    // texts and tool inputs, still growing, by place in Blocks
	places map[int]int // block index to its place in Blocks
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
	b := &f.Blocks[f.place(ev.Index, ev.Block)]
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
	place := f.place(ev.Index, ev.Block)
	b := &f.Blocks[place]
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
		f.texts[place] = append(f.texts[place], ev.Text...)
	}
}

// resultDelta is a piece of a tool result that the provider made itself.
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

// add takes a piece of streamed content.
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

// joinHidden joins two pieces of reasoning that is hidden, which are base64 each.
func joinHidden(a, b string) string {
	first, ok := ParseBase64([]byte(a))
	second, ok2 := ParseBase64([]byte(b))
	if !ok || !ok2 {
		return a + b
	}
	return first.join(second).String()
}

// place finds the block of an index, or begins it. Where its start said too
// little the first delta tells its kind; an index that changes its kind after
// that is another block.
func (f *Fold) place(index int, kind BlockKind) int {
	place, ok := f.places[index]
	switch {
	case !ok:
		place = f.add(index, kind)
	case f.Blocks[place].Kind == kind || kind == BlockOther:
	case f.blank(place):
		f.Blocks[place].Kind = kind
	default:
		place = f.add(index, kind)
	}
	b := &f.Blocks[place]
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
	default: // the others have no part of their own
	}
	return place
}

func (f *Fold) add(index int, kind BlockKind) int {
	if f.places == nil {
		f.places = map[int]int{}
	}
	place := len(f.Blocks)
	f.places[index] = place
	f.Blocks = append(f.Blocks, Block{Kind: kind})
	f.texts = append(f.texts, nil)
	return place
}

// blank reports whether nothing has come of the text block at place.
func (f *Fold) blank(place int) bool {
	b := &f.Blocks[place]
	return (b.Kind == BlockText || b.Kind == BlockReasoning) && len(f.texts[place]) == 0 && b.Signature == ""
}

// Answer is the whole answer, once the last event has been added. A tool input
// that never came is an empty object; one that is not JSON, as a model may leave
// it, is a JSON string that holds it.
func (f *Fold) Answer() *Response {
	for place, text := range f.texts {
		b := &f.Blocks[place]
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
		f.texts[place] = nil
	}
	return &f.Response
}
