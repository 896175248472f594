package openaichat

import (
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// TextEnvelope has the members that every response and chunk of a call for text completions shares.
type TextEnvelope struct {
	Envelope
	// Echo are the prompts, by choice, with which the completions begin; nil without echo.
	Echo []string
}

// echo is what precedes the completion of a choice.
func (e *TextEnvelope) echo(choice int) string {
	if choice < len(e.Echo) {
		return e.Echo[choice]
	}
	return ""
}

// LeftOut are warnings about content of a response that a text completion has no place for.
func LeftOut(r *llm.Response) []llm.Warning {
	var l leftOut
	for i := range r.Blocks {
		l.note(r.Blocks[i].Kind)
	}
	return l.warnings()
}

// leftOut are the kinds of content that have no place in a text completion.
type leftOut struct{ reasoning, calls, other bool }

func (l *leftOut) note(kind llm.BlockKind) {
	switch kind {
	case llm.BlockText, llm.BlockCachePoint:
	case llm.BlockReasoning, llm.BlockRedacted:
		l.reasoning = true
	case llm.BlockToolUse:
		l.calls = true
	default:
		l.other = true
	}
}

func (l *leftOut) warnings() (all []llm.Warning) {
	for _, w := range []struct {
		left  bool
		field string
	}{{l.reasoning, "reasoning_content"}, {l.calls, "tool_calls"}, {l.other, "content"}} {
		if w.left {
			all = append(all, llm.Warning{Code: llm.WarnDropped, Field: w.field, Detail: "a text completion has no place for it"})
		}
	}
	return all
}

// AppendText appends a complete response with a choice for each answer. usage is left out if any
// answer came without it.
func AppendText(dst []byte, env *TextEnvelope, answers []*llm.Response, usage *llm.Usage, warnings []llm.Warning) []byte {
	w := jsonx.Writer{Buf: dst}
	w.Object()
	envelope(&w, env.Envelope, "text_completion")
	w.Key("choices")
	w.Array()
	counted := true
	for i, r := range answers {
		counted = counted && !r.Uncounted
		var text strings.Builder
		text.WriteString(env.echo(i))
		for j := range r.Blocks {
			if r.Blocks[j].Kind == llm.BlockText {
				text.WriteString(r.Blocks[j].Text)
			}
		}
		textChoice(&w, i, text.String(), finishReason(r.Stop, 0, false))
		warnings = withoutCall(warnings, r.Stop, 0)
	}
	w.EndArray()
	if counted {
		w.Key("usage")
		appendUsage(&w, usage)
	}
	appendWarnings(&w, warnings)
	w.EndObject()
	return w.Buf
}

// textChoice writes one choice; an empty reason is null.
func textChoice(w *jsonx.Writer, index int, text, reason string) {
	w.Object()
	w.Key("text")
	w.String(text)
	w.Key("index")
	w.Int(int64(index))
	w.Key("logprobs")
	w.Null()
	w.Key("finish_reason")
	if reason == "" {
		w.Null()
	} else {
		w.Word(reason)
	}
	w.EndObject()
}

// TextChunks encodes streaming responses as server-sent events of text completions. Finish reasons are
// held back until the whole response is known to be complete.
type TextChunks struct {
	env          TextEnvelope
	includeUsage bool
	choices      []textProgress
	usage        llm.Usage
	counted      int
	left         leftOut
}

// textProgress is what has been sent of a choice, and why it ended.
type textProgress struct {
	begun bool
	stop  llm.StopReason
}

// NewTextChunks prepares a stream with that number of choices. With includeUsage the last chunk
// contains the usage.
func NewTextChunks(env *TextEnvelope, includeUsage bool, choices int) *TextChunks {
	return &TextChunks{env: *env, includeUsage: includeUsage, choices: make([]textProgress, choices)}
}

// Append appends the encoding of ev, which is often empty.
func (c *TextChunks) Append(dst []byte, ev *llm.Event) []byte {
	progress := &c.choices[ev.Choice]
	switch ev.Kind {
	case llm.EventBlockStart:
		c.left.note(ev.Block)
	case llm.EventDelta:
		c.left.note(ev.Block)
		if ev.Block == llm.BlockText && ev.Text != "" {
			text := ev.Text
			if !progress.begun {
				text = c.env.echo(ev.Choice) + text
			}
			progress.begun = true
			return c.chunk(dst, ev.Choice, text, "", nil)
		}
	case llm.EventStop:
		progress.stop = ev.Stop
	case llm.EventUsage:
		if ev.Usage == nil {
			break
		}
		if c.counted++; c.counted == 1 {
			c.usage = *ev.Usage
		} else {
			c.usage.Add(ev.Usage)
		}
	default: // it has no text
	}
	return dst
}

// chunk writes a chunk with a piece of one choice.
func (c *TextChunks) chunk(dst []byte, choice int, text, reason string, warnings []llm.Warning) []byte {
	w := c.open(dst)
	textChoice(&w, choice, text, reason)
	w.EndArray()
	if c.includeUsage {
		w.Key("usage")
		w.Null()
	}
	appendWarnings(&w, warnings)
	w.EndObject()
	return append(w.Buf, "\n\n"...)
}

func (c *TextChunks) open(dst []byte) jsonx.Writer {
	w := jsonx.Writer{Buf: append(dst, "data: "...)}
	w.Object()
	envelope(&w, c.env.Envelope, "text_completion")
	w.Key("choices")
	w.Array()
	return w
}

// Err returns nil: nothing of a stream is kept.
func (*TextChunks) Err() error { return nil }

// AppendEnd appends the end of a complete response: the finish reasons, the usage if requested, and
// [DONE]. Warnings are in the last chunk.
func (c *TextChunks) AppendEnd(dst []byte, warnings []llm.Warning) []byte {
	usage := c.includeUsage && c.counted == len(c.choices)
	warnings = slices.Concat(warnings, c.left.warnings())
	if c.includeUsage && !usage { // the provider reported none, and it is not estimated here
		warnings = append(warnings, llm.Warning{Code: llm.WarnDropped, Field: "stream_options.include_usage"})
	}
	for i := range c.choices {
		warnings = withoutCall(warnings, c.choices[i].stop, 0)
		text := ""
		if !c.choices[i].begun {
			text = c.env.echo(i)
		}
		var own []llm.Warning
		if i == len(c.choices)-1 && !usage {
			own = warnings
		}
		dst = c.chunk(dst, i, text, finishReason(c.choices[i].stop, 0, false), own)
	}
	if usage {
		w := c.open(dst)
		w.EndArray()
		w.Key("usage")
		appendUsage(&w, &c.usage)
		appendWarnings(&w, warnings)
		w.EndObject()
		dst = append(w.Buf, "\n\n"...)
	}
	return append(dst, "data: [DONE]\n\n"...)
}
