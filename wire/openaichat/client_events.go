package openaichat

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// EventReader turns the chunks of a stream into events of the common language, of a stream with one
// choice. The zero value is ready for use.
//
// The usage, which stands in the last chunk or in one of its own, is one event at the end.
type EventReader struct {
	Options ReadOptions

	usage   llm.Usage
	counted bool
	tier    string
	extra   []jsonx.Member
	probs   joinedProbs
	begun   bool // the role has been reported
	stopped bool // a finish reason has arrived
	ended   bool // the end mark has arrived, or is known to be missing

	index int           // of the open block, and of the next one if none is open
	open  llm.BlockKind // 0 if no block is open
	call  int64         // the endpoint's index of the open call
	id    string        // the id of the open call
	calls int           // how many there have been
	think thinkState
	kept  string // text that may be the beginning of a tag
}

// thinkState is where a stream stands that may have reasoning between tags.
type thinkState uint8

const (
	thinkUnknown thinkState = iota // nothing but white space has come
	thinkOpened                    // the tag has come, and no thought
	thinkInside
	thinkClosed // the reasoning has ended, and no text has come
	thinkOver
)

// Append appends what the data of one event becomes: a chunk, or the end mark. An error that the endpoint reports is a
// *RefusalError. The events do not share data's memory.
func (r *EventReader) Append(events []llm.Event, data []byte) ([]llm.Event, error) {
	if string(data) == Done {
		return r.complete(events), nil
	}
	var s sentCompletion
	if err := jsonx.Unmarshal(data, &s); err != nil {
		return events, err
	}
	if has(s.Error) {
		return events, DecodeRefusal(200, data)
	}
	if s.ServiceTier.Value != "" {
		r.tier = s.ServiceTier.Value
	}
	r.count(s.Usage)
	r.count(s.Groq.Usage)
	if more, err := extras(s.Rest); err != nil {
		return events, err
	} else if len(more) > 0 {
		r.keep(more)
	}
	for i := range s.Choices {
		ch := &s.Choices[i]
		if ch.Index != 0 {
			return events, fmt.Errorf("it has a choice %d, and one was requested", ch.Index)
		}
		if has(ch.Error) {
			return events, DecodeRefusal(200, wrapped(ch.Error))
		}
		r.count(ch.Usage)
		var err error
		if events, err = r.choice(events, ch); err != nil {
			return events, err
		}
	}
	return events, nil
}

// keep keeps members that stand beside the choices, which endpoints repeat in each chunk.
func (r *EventReader) keep(members []jsonx.Member) {
	const most = 64
	for _, m := range members {
		at := -1
		for i := range r.extra {
			if r.extra[i].Name == m.Name {
				at = i
			}
		}
		switch {
		case at >= 0:
			r.extra[at] = m
		case len(r.extra) < most:
			r.extra = append(r.extra, m)
		}
	}
}

func (r *EventReader) count(raw jsonx.Raw) {
	if u, ok := ReadUsage(raw); ok {
		r.usage, r.counted = u, true
	}
}

func (r *EventReader) choice(events []llm.Event, ch *sentChoice) ([]llm.Event, error) {
	d, m := &ch.Delta.Value, &ch.Message // Perplexity sends both
	if !ch.Delta.Set && (m.Content.text != "" || m.Refusal.Value != "" || m.thought() != "" || len(m.ToolCalls) > 0 || m.FunctionCall != nil) {
		return events, errNotStreaming
	}
	if !r.begun {
		r.begun = true
		events = append(events, llm.Event{Kind: llm.EventStart, Role: llm.RoleAssistant})
	}
	text := d.Content.text + d.Refusal.Value
	thought := d.thought()
	if r.stopped && (text != "" || thought != "" || len(d.ToolCalls) > 0) {
		return events, errors.New("it has content behind its finish_reason")
	}
	if thought != "" {
		events = r.text(events, llm.BlockReasoning, thought)
	}
	if text != "" {
		events = r.content(events, text)
	}
	for _, a := range d.Annotations {
		events = r.begin(events, llm.BlockText, nil)
		events = append(events, llm.Event{Kind: llm.EventDelta, Index: r.index, Block: llm.BlockText, Other: &jsonx.Member{Name: "citation", Value: citationOf(a)}})
	}
	for i := range d.ToolCalls {
		var err error
		if events, err = r.toolCall(events, &d.ToolCalls[i]); err != nil {
			return events, err
		}
	}
	if d.FunctionCall != nil {
		var err error
		if events, err = r.toolCall(events, &sentCall{Function: *d.FunctionCall}); err != nil {
			return events, err
		}
	}
	if has(ch.Logprobs) {
		r.probs.add(ch.Logprobs)
	}
	if ch.FinishReason.Value != "" && !r.stopped {
		r.stopped = true
		events = r.end(r.flush(events))
		events = append(events, llm.Event{Kind: llm.EventStop, Stop: Stop(ch.FinishReason.Value, r.calls), RawStop: ch.FinishReason.Value})
	}
	return events, nil
}

// maxProbs bounds the log probabilities that are kept until the end of a stream, in bytes.
const maxProbs = 16 << 20

// joinedProbs are the log probabilities of all chunks: lists by name, content and refusal.
type joinedProbs struct {
	lists []jsonx.Member
	size  int
}

// add adds the lists of a chunk, as far as they may be kept.
func (j *joinedProbs) add(raw jsonx.Raw) {
	members, err := jsonx.Members(raw)
	if err != nil || j.size+len(raw) > maxProbs {
		return
	}
	j.size += len(raw)
	for _, m := range members {
		if m.Value.Kind() != '[' || jsonx.Empty(m.Value) {
			continue
		}
		at := slices.IndexFunc(j.lists, func(o jsonx.Member) bool { return o.Name == m.Name })
		if at < 0 {
			j.lists = append(j.lists, jsonx.Member{Name: m.Name, Value: bytes.TrimSpace(m.Value.Clone())})
			continue
		}
		list := &j.lists[at].Value
		*list = append(append((*list)[:len(*list)-1], ','), bytes.TrimSpace(m.Value)[1:]...)
	}
}

// member is the member logprobs of a response; ok is false if there are none.
func (j *joinedProbs) member() (m jsonx.Member, ok bool) {
	var w jsonx.Writer
	w.Object()
	w.Members(j.lists)
	w.EndObject()
	return jsonx.Member{Name: "logprobs", Value: w.Buf}, len(j.lists) > 0
}

// text appends a piece of text or reasoning.
func (r *EventReader) text(events []llm.Event, kind llm.BlockKind, text string) []llm.Event {
	if text == "" {
		return events
	}
	events = r.begin(events, kind, nil)
	return append(events, llm.Event{Kind: llm.EventDelta, Index: r.index, Block: kind, Text: text})
}

// content appends a piece of text, which may have reasoning between tags at its beginning. Line feeds
// beside the tags belong to neither.
func (r *EventReader) content(events []llm.Event, text string) []llm.Event {
	if !r.Options.ThinkTags || r.think == thinkOver {
		return r.text(events, llm.BlockText, text)
	}
	text, r.kept = r.kept+text, ""
	if r.think == thinkUnknown {
		trimmed := strings.TrimLeft(text, " \r\n\t")
		rest, opened := strings.CutPrefix(trimmed, thinkOpen)
		switch {
		case opened:
			r.think, text = thinkOpened, rest
		case strings.HasPrefix(thinkOpen, trimmed): // it may still become one
			r.kept = text
			return events
		default:
			r.think = thinkOver
			return r.text(events, llm.BlockText, text)
		}
	}
	if r.think == thinkOpened {
		if text = strings.TrimLeft(text, "\r\n"); text == "" {
			return events
		}
		r.think = thinkInside
	}
	if r.think == thinkInside {
		thought, rest, closed := strings.Cut(text, thinkClose)
		if !closed {
			thought = strings.TrimRight(text[:len(text)-partial(text, thinkClose)], "\r\n")
			r.kept = text[len(thought):]
			return r.text(events, llm.BlockReasoning, thought)
		}
		r.think, text = thinkClosed, rest
		events = r.text(events, llm.BlockReasoning, strings.TrimRight(thought, "\r\n"))
	}
	if text = strings.TrimLeft(text, "\r\n"); text != "" {
		r.think = thinkOver
	}
	return r.text(events, llm.BlockText, text)
}

// partial is the length of the end of a text that is the beginning of a tag.
func partial(text, tag string) int {
	for n := min(len(text), len(tag)-1); n > 0; n-- {
		if strings.HasPrefix(tag, text[len(text)-n:]) {
			return n
		}
	}
	return 0
}

// flush appends what was kept in case that it became a tag.
func (r *EventReader) flush(events []llm.Event) []llm.Event {
	text := r.kept
	r.kept = ""
	if r.think == thinkInside {
		return r.text(events, llm.BlockReasoning, text)
	}
	return r.text(events, llm.BlockText, text)
}

// begin opens a block of a kind, unless it is open.
func (r *EventReader) begin(events []llm.Event, kind llm.BlockKind, use *llm.ToolUse) []llm.Event {
	if r.open == kind && use == nil {
		return events
	}
	events = r.end(events)
	r.open = kind
	return append(events, llm.Event{Kind: llm.EventBlockStart, Index: r.index, Block: kind, ToolUse: use})
}

// end closes the open block.
func (r *EventReader) end(events []llm.Event) []llm.Event {
	if r.open == 0 {
		return events
	}
	events = append(events, llm.Event{Kind: llm.EventBlockEnd, Index: r.index})
	r.open = 0
	r.index++
	return events
}

// toolCall appends a piece of a call. A piece belongs to the open call if it has the same index and
// no other id: some servers give all calls the index 0, and some give none.
func (r *EventReader) toolCall(events []llm.Event, c *sentCall) ([]llm.Event, error) {
	index, id := c.Index.Value, c.ID.Value
	if !c.Index.Set {
		index = r.call
	}
	events = r.flush(events)
	same := r.open == llm.BlockToolUse && index == r.call && (id == "" || id == r.id)
	if !same {
		name := c.Function.Name.Value
		if name == "" {
			return events, fmt.Errorf("a piece of call %d does not follow its beginning", index)
		}
		if r.calls++; r.calls > maxSentCalls {
			return events, fmt.Errorf("it has more than %d calls", maxSentCalls)
		}
		r.call, r.id = index, id
		if id == "" {
			id = fmt.Sprintf("call_%d", r.calls-1)
		}
		events = r.begin(events, llm.BlockToolUse, &llm.ToolUse{ID: id, Name: name})
	}
	if text := string(c.Function.Arguments); text != "" {
		events = append(events, llm.Event{Kind: llm.EventDelta, Index: r.index, Block: llm.BlockToolUse, Text: text})
	}
	return events, nil
}

// Ended reports whether the end mark has arrived.
func (r *EventReader) Ended() bool { return r.ended }

// End appends the events at the end of a stream without its end mark. It reports false if the stream has broken
// off: it has no finish reason either.
func (r *EventReader) End(events []llm.Event) ([]llm.Event, bool) {
	if !r.stopped {
		return events, false
	}
	return r.complete(events), true
}

// complete appends the events at the end of a complete stream.
func (r *EventReader) complete(events []llm.Event) []llm.Event {
	r.ended = true
	if !r.begun {
		r.begun = true
		events = append(events, llm.Event{Kind: llm.EventStart, Role: llm.RoleAssistant})
	}
	if !r.stopped {
		r.stopped = true
		events = r.end(r.flush(events))
		events = append(events, llm.Event{Kind: llm.EventStop})
	}
	if probs, ok := r.probs.member(); ok {
		r.extra = append(r.extra, probs)
	}
	ev := llm.Event{Kind: llm.EventUsage, ServiceTier: r.tier, Extra: r.extra}
	if r.counted {
		usage := r.usage
		ev.Usage = &usage
	}
	return append(events, ev)
}
