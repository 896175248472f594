package openaichat

import (
	"slices"
	"strconv"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Chunks encodes streaming responses as server-sent events, each with the JSON of one
// chat.completion.chunk. It holds the finish reasons back until the whole response is known to be
// complete, so that a response that breaks off never claims to have finished.
type Chunks struct {
	env          Envelope
	includeUsage bool
	choices      []choice
	one          [1]choice
	usage        llm.Usage // sum over the choices whose usage has arrived
	counted      int
}

// NewChunks prepares a stream with that number of choices. With includeUsage the last chunk
// contains the usage, and the others a null, as in OpenAI's API.
func NewChunks(env Envelope, includeUsage bool, choices int) *Chunks {
	c := &Chunks{env: env, includeUsage: includeUsage}
	if choices > 1 {
		c.choices = make([]choice, choices)
	} else {
		c.choices = c.one[:]
	}
	tail := []byte(`,"finish_reason":null}]}` + "\n\n")
	if includeUsage {
		tail = []byte(`,"finish_reason":null}],"usage":null}` + "\n\n")
	}
	for i := range c.choices {
		w := jsonx.Writer{Buf: append(make([]byte, 0, 256), "data: "...)}
		w.Object()
		envelope(&w, env, "chat.completion.chunk")
		w.Key("choices")
		w.Array()
		w.Object()
		w.Key("index")
		w.Int(int64(i))
		w.Key("delta")
		c.choices[i] = choice{head: w.Buf, tail: tail, functions: env.Functions, index: -1}
	}
	return c
}

// Append appends the encoding of ev, which is often empty. ev.Choice must be less than the number
// of choices.
func (c *Chunks) Append(dst []byte, ev *llm.Event) []byte {
	if ev.Kind == llm.EventUsage && ev.Usage != nil {
		if c.counted++; c.counted == 1 {
			c.usage = *ev.Usage
		} else {
			c.usage.Add(ev.Usage)
		}
	}
	return c.choices[ev.Choice].append(dst, ev)
}

// Err reports why the response cannot be sent on: a stream would have to keep more of it than it
// may. It is nil or an *llm.Error. Callers check it after each Append.
func (c *Chunks) Err() error {
	for i := range c.choices {
		if c.choices[i].tooMuch() {
			return &llm.Error{
				Code: llm.CodeAnswerTooLarge, Status: 502,
				Message: "the response has more content that can only be sent at its end, such as citations and results of the provider's tools, than the gateway buffers for a stream (limit " + strconv.Itoa(maxKept>>20) + " MB).",
				Fix:     "Request a shorter response.",
			}
		}
	}
	return nil
}

// AppendEnd appends the end of a complete response: the finish reasons, the usage if requested, and
// [DONE]. Warnings raised during the stream are in the last chunk.
func (c *Chunks) AppendEnd(dst []byte, warnings []llm.Warning) []byte {
	usage := c.includeUsage && c.counted == len(c.choices)
	if c.includeUsage && !usage { // the provider reported none, and it is not estimated here
		warnings = append(slices.Clip(warnings), llm.Warning{Code: llm.WarnDropped, Field: "stream_options.include_usage"})
	}
	top := &c.choices[0].providerFields
	if len(c.choices) > 1 {
		top = &providerFields{tier: top.tier}
	}
	for i := range c.choices {
		ch := &c.choices[i]
		dst = ch.end(dst)
		w := ch.open(dst)
		w.EndObject()
		w.Key("finish_reason")
		w.Word(finishReason(ch.stop, int(ch.calls), c.env.Functions))
		warnings = withoutCall(warnings, ch.stop, int(ch.calls))
		var own *providerFields
		if len(c.choices) > 1 {
			own = &ch.providerFields
		}
		ofChoice(&w, ch.rawStop, own)
		w.EndObject()
		w.EndArray()
		switch {
		case c.includeUsage && usage:
			w.Key("usage")
			w.Null()
		case i == len(c.choices)-1:
			tail(&w, top)
			appendWarnings(&w, warnings)
		}
		w.EndObject()
		dst = append(w.Buf, "\n\n"...)
	}
	if usage {
		w := jsonx.Writer{Buf: append(dst, "data: "...)}
		w.Object()
		envelope(&w, c.env, "chat.completion.chunk")
		w.Key("choices")
		w.Array()
		w.EndArray()
		w.Key("usage")
		appendUsage(&w, &c.usage)
		tail(&w, top)
		appendWarnings(&w, warnings)
		w.EndObject()
		dst = append(w.Buf, "\n\n"...)
	}
	return append(dst, "data: [DONE]\n\n"...)
}

// AppendFailure appends the end of a response that broke off: an error event, and no [DONE].
// OpenAI's SDKs raise their APIError on it.
func AppendFailure(dst []byte, e *llm.Error) []byte {
	dst = append(dst, "data: "...)
	dst = AppendError(dst, e)
	return append(dst, "\n\n"...)
}

// Ping is a comment that keeps a connection open while the model is silent.
const Ping = ": ping\n\n"
