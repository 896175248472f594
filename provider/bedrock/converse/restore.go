package converse

import (
	"errors"
	"io"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Restore maps the response back to the original request: it restores the client's tool names,
// replaces the tool call that carries a JSON response by text, and turns reasoning and tool calls
// in text into blocks of their own.
func (f *Adapted) Restore(r *llm.Response) {
	if f.counts {
		if n := thoughts(r.ModelFields); n.Set { // InvokeModel's usage has it itself
			r.Usage.Reasoning = n
		}
		if f.asked && r.ModelFields != nil {
			r.ModelFields = withoutThoughts(r.ModelFields)
		}
	}
	for i := range r.Blocks {
		if use := r.Blocks[i].ToolUse; use != nil {
			use.Input = unquoted(use.Input)
			if names := f.keys[use.Name]; names != nil {
				use.Input = withKeys(use.Input, names)
			}
		}
	}
	if f.tags {
		r.Blocks = splitThinkTags(r.Blocks)
	}
	if f.writes != nil {
		f.speak(r)
	}
	if f.names == nil && f.reply == "" {
		return
	}
	for i := range r.Blocks {
		if use := r.Blocks[i].ToolUse; use != nil {
			use.Name = sentName(f.names, use.Name)
		}
	}
	if f.reply != "" {
		f.answer(r)
	}
}

// unquoted returns the input of a call that a model wrote as a JSON string with an object inside
// as that object. An empty string becomes an empty object.
func unquoted(input jsonx.Raw) jsonx.Raw {
	var text string
	if len(input) == 0 || input.Kind() != '"' || jsonx.Unmarshal(input, &text) != nil {
		return input
	}
	switch text = strings.TrimSpace(text); {
	case text == "":
		return jsonx.Raw("{}")
	case text[0] == '{' && jsonx.Valid([]byte(text)):
		return jsonx.Raw(text)
	default:
		return input
	}
}

// answer replaces the tool call that carries the JSON response by its text. Other text is dropped,
// because the text of the response must be JSON.
func (f *Adapted) answer(r *llm.Response) {
	called := slices.IndexFunc(r.Blocks, func(b llm.Block) bool { return b.ToolUse != nil && b.ToolUse.Name == f.reply })
	if called < 0 {
		f.unfence(r)
		return
	}
	own := slices.IndexFunc(r.Blocks, func(b llm.Block) bool { return b.ToolUse != nil && b.ToolUse.Name != f.reply })
	spoken := func(i int) bool { return own >= 0 && (own < called || i > own) } // next to a call of the client's tools
	written := !spoken(0) && isJSON(textOf(r.Blocks[:called]))
	var blocks []llm.Block
	for i, b := range r.Blocks {
		switch {
		case b.Kind == llm.BlockToolUse && b.ToolUse.Name == f.reply:
			if i == called && !written {
				blocks = append(blocks, llm.Block{Kind: llm.BlockText, Text: string(b.ToolUse.Input)})
				continue
			}
			r.Meta.Warnings = append(slices.Clip(r.Meta.Warnings), f.textBesideWarning())
		case b.Kind == llm.BlockText && !written && !spoken(i):
			if !isBlank(&b) {
				r.Meta.Warnings = append(slices.Clip(r.Meta.Warnings), f.textBesideWarning())
			}
		default:
			blocks = append(blocks, b)
		}
	}
	r.Blocks = blocks
	if r.Stop == llm.StopToolUse && own < 0 {
		r.Stop = llm.StopEnd
	}
}

// textOf is the concatenated text of text blocks.
func textOf(blocks []llm.Block) string {
	var b strings.Builder
	for i := range blocks {
		if blocks[i].Kind == llm.BlockText {
			b.WriteString(blocks[i].Text)
		}
	}
	return b.String()
}

// textBesideWarning is the warning for text that a model wrote next to its JSON answer.
func (f *Adapted) textBesideWarning() llm.Warning {
	return llm.Warning{Code: llm.WarnDropped, Field: f.Request.FieldName(llm.Field{Kind: llm.FieldResponseContent}), Detail: "text that the model wrote next to its JSON answer"}
}

// isJSON reports whether text begins like a JSON object or list.
func isJSON(text string) bool {
	text = strings.TrimLeft(text, " \t\r\n")
	return text != "" && (text[0] == '{' || text[0] == '[')
}

// isProse reports whether text begins like neither JSON nor a fence around it.
func isProse(text string) bool {
	text = strings.TrimLeft(text, " \t\r\n")
	return text != "" && text[0] != '{' && text[0] != '[' && text[0] != '`'
}

// unfence removes the Markdown fence around JSON.
func (f *Adapted) unfence(r *llm.Response) {
	only := -1
	for i := range r.Blocks {
		switch {
		case r.Blocks[i].Kind == llm.BlockToolUse:
			return
		case r.Blocks[i].Kind == llm.BlockText && only >= 0:
			return
		case r.Blocks[i].Kind == llm.BlockText:
			only = i
		}
	}
	if only >= 0 {
		r.Blocks[only].Text = fenced(r.Blocks[only].Text)
	}
}

// fenced is the JSON inside a Markdown fence; text itself if it is not fenced JSON.
func fenced(text string) string {
	inner, ok := strings.CutPrefix(strings.TrimSpace(text), "```")
	if !ok {
		return text
	}
	_, inner, _ = strings.Cut(inner, "\n")
	inner, ok = strings.CutSuffix(inner, "```")
	if inner = strings.TrimSpace(inner); !ok || !jsonx.Valid([]byte(inner)) {
		return text
	}
	return inner
}

// Stream is Restore for a stream. It returns s itself if there is nothing to restore.
func (f *Adapted) Stream(s llm.Stream) llm.Stream {
	if f.counts {
		s = &reasoningCountStream{Stream: s, asked: f.asked}
	}
	if f.keys != nil {
		s = &keyStream{Stream: s, keys: f.keys}
	}
	if f.tags {
		s = &thinkTagStream{Stream: s}
	}
	if f.writes != nil {
		s = &unwritten{Stream: s, writes: f.writes, in: writtenIn{names: f.Request.Names}}
	}
	if f.names == nil && f.reply == "" {
		return s
	}
	return &restoreStream{Stream: s, f: f}
}

// restoreStream maps a stream back to the original request.
type restoreStream struct {
	llm.Stream
	f     *Adapted
	queue []llm.Event // to return before the next of Stream
	err   error       // to return after the queue

	// The rest is for a JSON response. Text is held back until it is known whether it is the
	// response or other text.
	held     []llm.Event
	size     int          // bytes of it
	prose    bool         // it does not begin like JSON
	open     bool         // text passes: it is the answer
	answered bool         // the call that carries the answer has begun
	calls    bool         // another tool was called
	index    int          // of the block of the answer
	some     bool         // the answer's input has begun
	dropping map[int]bool // open blocks that are left out
	dropped  bool         // some block was left out
}

// Bounds on the text that is held back. More text than that is passed on unchanged, so that the
// memory of a stream is bounded.
const (
	maxHeld       = 256 << 10 // bytes
	maxHeldEvents = 8 << 10
)

func (r *restoreStream) Next(ev *llm.Event) error {
	for {
		if len(r.queue) > 0 {
			*ev = r.queue[0]
			r.queue = r.queue[1:]
			return nil
		}
		if r.err != nil {
			return r.err
		}
		err := r.Stream.Next(ev)
		if err != nil {
			if len(r.held) > 0 && !errors.Is(err, io.EOF) {
				r.queue, r.held, r.err = r.held, nil, err
				continue
			}
			return err
		}
		if r.pass(ev) {
			return nil
		}
	}
}

// More ignores what Stream has buffered while text is held back, because it may produce no event.
func (r *restoreStream) More() bool {
	return len(r.queue) > 0 || r.err == nil && (r.f.reply == "" || r.open || r.answered && !r.dropped) && r.Stream.More()
}

// pass changes the event, and reports whether to return it before those in the queue.
func (r *restoreStream) pass(ev *llm.Event) bool {
	if ev.Kind == llm.EventBlockStart && ev.ToolUse != nil && r.f.names != nil {
		use := *ev.ToolUse
		use.Name = sentName(r.f.names, use.Name)
		ev.ToolUse = &use
	}
	if r.f.reply == "" {
		return true
	}
	switch ev.Kind {
	case llm.EventBlockStart:
		return r.start(ev)
	case llm.EventDelta:
		return r.delta(ev)
	case llm.EventBlockEnd:
		return r.end(ev)
	case llm.EventStop:
		if r.answered && !r.calls && ev.Stop == llm.StopToolUse {
			ev.Stop = llm.StopEnd
		}
		if len(r.held) > 0 {
			r.release(ev)
			return false
		}
	default: // is not about blocks
	}
	return true
}

func (r *restoreStream) start(ev *llm.Event) bool {
	switch {
	case ev.Block == llm.BlockToolUse && ev.ToolUse != nil && ev.ToolUse.Name == r.f.reply:
		if r.answered || r.open {
			r.drop(ev.Index)
			r.answered = true
			return false
		}
		r.forget()
		r.answered, r.index = true, ev.Index
		*ev = llm.Event{Kind: llm.EventBlockStart, Index: ev.Index, Block: llm.BlockText}
		return true
	case ev.Block == llm.BlockToolUse:
		r.calls = true
		if len(r.held) > 0 {
			r.release(ev)
			return false
		}
		return true
	case ev.Block == llm.BlockText && !r.open && !r.calls:
		if r.answered {
			r.drop(ev.Index)
			return false
		}
		r.held = append(r.held, *ev)
		return false
	default:
		return true
	}
}

func (r *restoreStream) delta(ev *llm.Event) bool {
	switch {
	case r.dropping[ev.Index]:
		return false
	case r.answered && !r.open && ev.Index == r.index && ev.Block == llm.BlockToolUse:
		r.some = r.some || ev.Text != ""
		ev.Block = llm.BlockText
		return true
	case ev.Block != llm.BlockText || r.open || r.calls:
		return true
	case r.answered:
		r.drop(ev.Index)
		return false
	}
	r.held = append(r.held, *ev)
	r.size += len(ev.Text)
	if !r.prose {
		if all := text(r.held); strings.TrimLeft(all, whiteSpace) != "" {
			r.open = isJSON(all) || r.f.words && isProse(all)
			r.prose = !r.open && !r.f.words
		}
	}
	if r.open = r.open || r.size > maxHeld || len(r.held) > maxHeldEvents; r.open {
		r.queue, r.held = append(r.queue, r.held...), nil
	}
	return false
}

func (r *restoreStream) end(ev *llm.Event) bool {
	switch {
	case r.dropping[ev.Index]:
		delete(r.dropping, ev.Index)
		return false
	case r.answered && !r.open && ev.Index == r.index && !r.some:
		r.some = true
		r.queue = append(r.queue, *ev)
		*ev = llm.Event{Kind: llm.EventDelta, Index: r.index, Block: llm.BlockText, Text: "{}"}
		return true
	case slices.ContainsFunc(r.held, func(h llm.Event) bool { return h.Index == ev.Index }):
		r.held = append(r.held, *ev)
		return false
	default:
		return true
	}
}

// drop drops a block next to the JSON response.
func (r *restoreStream) drop(index int) {
	if r.dropping == nil {
		r.dropping = map[int]bool{}
	}
	r.dropping[index], r.dropped = true, true
	r.warn()
}

// forget drops the held text, because the response came as a tool call.
func (r *restoreStream) forget() {
	if strings.TrimSpace(text(r.held)) != "" {
		r.warn()
	}
	r.held = nil
}

func (r *restoreStream) warn() {
	m := r.Meta()
	if slices.Contains(m.Warnings, r.f.textBesideWarning()) {
		return
	}
	m.Warnings = append(slices.Clip(m.Warnings), r.f.textBesideWarning())
}

// release queues the held text, then ev. The fence around text that is the entire response is
// removed.
func (r *restoreStream) release(ev *llm.Event) {
	held := r.held
	r.held = nil
	if all := text(held); !r.calls && fenced(all) != all {
		first := llm.Event{Kind: llm.EventDelta, Index: held[0].Index, Block: llm.BlockText, Text: fenced(all)}
		held = []llm.Event{first, {Kind: llm.EventBlockEnd, Index: first.Index}}
	}
	r.queue = append(append(r.queue, held...), *ev)
}

// text is the concatenated text of events.
func text(events []llm.Event) string {
	if len(events) == 1 {
		return events[0].Text
	}
	var b strings.Builder
	for i := range events {
		b.WriteString(events[i].Text)
	}
	return b.String()
}
