package openairesponses

import (
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Envelope has the members of a response that the response of the provider does not have.
type Envelope struct {
	// ID is resp_... and unique.
	ID string
	// Model is the model as the client named it.
	Model string
	// Created is when the call began, in seconds since 1970.
	Created int64
	Echo    *Echo
	// Tools says how calls are written, and Sealed is as in Request. They are known when the request
	// has been decoded.
	Tools  *Tools
	Sealed bool
}

// item is the id of the item at an index of the output.
func (e *Envelope) item(prefix string, index int64) string {
	return prefix + "_" + strings.TrimPrefix(e.ID, "resp_") + "_" + strconv.FormatInt(index, 10)
}

// Statuses of a response and of its items.
const (
	StatusQueued     = "queued"
	StatusInProgress = "in_progress"
	StatusCompleted  = "completed"
	StatusIncomplete = "incomplete"
	StatusFailed     = "failed"
	StatusCancelled  = "cancelled"
)

// statusOf is the status of a response that ended for a reason, and what it is incomplete for; empty for
// nothing.
func statusOf(stop llm.StopReason) (status, incomplete string) {
	switch stop {
	case llm.StopMaxTokens, llm.StopContextWindow:
		return StatusIncomplete, "max_output_tokens"
	case llm.StopFiltered:
		return StatusIncomplete, "content_filter"
	default:
		return StatusCompleted, ""
	}
}

// AppendResponse appends a complete response.
//
// Content without a form in it, such as the calls of the provider's own tools, is left out with a
// warning. Warnings are in the member outcrop.
func AppendResponse(dst []byte, env Envelope, r *llm.Response, warnings []llm.Warning) []byte {
	c := NewEvents(env)
	c.bound = 0 // the response is already in memory
	var scratch []byte
	add := func(ev llm.Event) { scratch = c.Append(scratch[:0], &ev) }
	for i := range r.Blocks {
		b := &r.Blocks[i]
		start := llm.Event{Kind: llm.EventBlockStart, Index: i, Block: b.Kind, ToolUse: b.ToolUse, Other: b.Other}
		delta := llm.Event{Kind: llm.EventDelta, Index: i, Block: b.Kind, Text: b.Text, Signature: b.Signature, Extra: b.Extra}
		if b.Kind == llm.BlockOther {
			delta.Text = ""
		}
		add(start)
		add(delta)
		add(llm.Event{Kind: llm.EventBlockEnd, Index: i})
	}
	add(llm.Event{Kind: llm.EventStop, Stop: r.Stop, RawStop: r.RawStop})
	usage := llm.Event{Kind: llm.EventUsage, ServiceTier: r.ServiceTier}
	if !r.Uncounted {
		usage.Usage = &r.Usage
	}
	add(usage)
	c.finish(scratch[:0])
	w := jsonx.Writer{Buf: dst}
	c.ending(&w, warnings)
	return w.Buf
}

// AppendQueued appends a response that is made in the background, with a status.
func AppendQueued(dst []byte, env Envelope, status string) []byte {
	w := jsonx.Writer{Buf: dst}
	object{env: &env, status: status}.append(&w)
	return w.Buf
}

// AppendFailed appends a response that has failed before it had content.
func AppendFailed(dst []byte, env Envelope, e *llm.Error) []byte {
	w := jsonx.Writer{Buf: dst}
	object{env: &env, status: StatusFailed, failure: e}.append(&w)
	return w.Buf
}

// object is a response at some time.
type object struct {
	env        *Envelope
	status     string
	incomplete string     // the reason
	failure    *llm.Error // nil for none
	output     []byte     // the items, separated by commas
	usage      *llm.Usage // nil if it is not known
	tier       string
	warnings   []llm.Warning
}

func (o object) append(w *jsonx.Writer) {
	w.Object()
	w.Key("id")
	w.String(o.env.ID)
	w.Key("object")
	w.Word("response")
	w.Key("created_at")
	w.Int(o.env.Created)
	w.Key("status")
	w.Word(o.status)
	w.Key("error")
	if o.failure == nil {
		w.Null()
	} else {
		appendFailure(w, o.failure)
	}
	w.Key("incomplete_details")
	if o.incomplete == "" {
		w.Null()
	} else {
		w.Object()
		w.Key("reason")
		w.Word(o.incomplete)
		w.EndObject()
	}
	w.Key("model")
	w.String(o.env.Model)
	w.Key("output")
	w.Array()
	w.Buf = append(w.Buf, o.output...)
	w.EndArray()
	if o.env.Echo != nil {
		o.env.Echo.append(w)
	}
	w.Key("service_tier")
	if o.tier == "" {
		w.Word("default")
	} else {
		w.String(o.tier)
	}
	w.Key("usage")
	appendUsage(w, o.usage)
	appendWarnings(w, o.warnings)
	w.EndObject()
}

// appendUsage writes the counters. OpenAI's input_tokens has what was read from the cache and written to
// it.
func appendUsage(w *jsonx.Writer, u *llm.Usage) {
	if u == nil {
		w.Null()
		return
	}
	total := u.Total
	if total == 0 {
		total = u.Prompt() + u.Output
	}
	w.Object()
	w.Key("input_tokens")
	w.Int(u.Prompt())
	w.Key("input_tokens_details")
	w.Object()
	w.Key("cached_tokens")
	w.Int(u.CacheRead.Value)
	w.Key("cache_write_tokens")
	w.Int(u.CacheWrite.Value)
	w.EndObject()
	w.Key("output_tokens")
	w.Int(u.Output)
	w.Key("output_tokens_details")
	w.Object()
	w.Key("reasoning_tokens")
	w.Int(u.Reasoning.Value)
	w.EndObject()
	w.Key("total_tokens")
	w.Int(total)
	w.EndObject()
}

func appendWarnings(w *jsonx.Writer, warnings []llm.Warning) {
	if len(warnings) == 0 {
		return
	}
	w.Key("outcrop")
	w.Object()
	w.Key("warnings")
	w.Array()
	for _, warning := range warnings {
		w.Object()
		w.Key("code")
		w.String(warning.Code)
		w.Key("field")
		w.String(warning.Field)
		if warning.Detail != "" {
			w.Key("detail")
			w.String(warning.Detail)
		}
		w.EndObject()
	}
	w.EndArray()
	w.EndObject()
}
