package openaichat

import (
	"cmp"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Envelope is what every answer and chunk of a call carries.
type Envelope struct {
	// ID is chatcmpl-... and the same in every chunk.
	ID string
	// Model is the model as the caller named it.
	Model string
	// Created is in seconds since 1970.
	Created int64
}

// AppendResponse appends a whole chat completion.
//
// finish_reason is always one of OpenAI's; the provider's own word stands in
// choices[0].provider_specific_fields.stop_reason.
func AppendResponse(dst []byte, env Envelope, r *llm.Response, warnings []llm.Warning) []byte {
	w := jsonx.Writer{Buf: dst}
	w.Object()
	envelope(&w, env, "chat.completion")
	w.Key("choices")
	w.Array()
	w.Object()
	w.Key("index")
	w.Int(0)
	w.Key("message")
	appendMessage(&w, r)
	w.Key("finish_reason")
	w.Base64(finishReason(r.Stop))
	w.Key("logprobs")
	w.Null()
	stopReason(&w, r.RawStop)
	w.EndObject()
	w.EndArray()
	w.Key("usage")
	appendUsage(&w, &r.Usage)
	tail(&w, r.ServiceTier, r.LatencyMs, r.Trace, r.ModelFields, r.Extra)
	appendWarnings(&w, warnings)
	w.EndObject()
	return w.Buf
}

func envelope(w *jsonx.Writer, env Envelope, object string) {
	w.Key("id")
	w.String(env.ID)
	w.Key("object")
	w.Base64(object)
	w.Key("created")
	w.Int(env.Created)
	w.Key("model")
	w.String(env.Model)
}

func appendMessage(w *jsonx.Writer, r *llm.Response) {
	var text, thought strings.Builder
	calls, signed, other := 0, 0, 0
	for i := range r.Blocks {
		switch b := &r.Blocks[i]; b.Kind {
		case llm.BlockText:
			text.WriteString(b.Text)
		case llm.BlockReasoning:
			thought.WriteString(b.Text)
			signed++
		case llm.BlockRedacted:
			signed++
		case llm.BlockToolUse:
			if b.ToolUse.Type == llm.ServerSide {
				other++
			} else {
				calls++
			}
		case llm.BlockOther: // what it says in words, such as a text with its citations
			text.WriteString(b.Text)
			other++
		default:
			other++
		}
	}
	w.Object()
	w.Key("role")
	w.Base64("assistant")
	w.Key("content")
	if text.Len() == 0 && calls > 0 {
		w.Null()
	} else {
		w.String(text.String())
	}
	if thought.Len() > 0 {
		w.Key("reasoning_content")
		w.String(thought.String())
	}
	if signed > 0 {
		w.Key("thinking_blocks")
		w.Array()
		for i := range r.Blocks {
			if b := &r.Blocks[i]; b.Kind == llm.BlockReasoning || b.Kind == llm.BlockRedacted {
				appendThinking(w, b)
			}
		}
		w.EndArray()
	}
	if calls > 0 {
		w.Key("tool_calls")
		w.Array()
		index := int64(0)
		for i := range r.Blocks {
			if b := &r.Blocks[i]; b.Kind == llm.BlockToolUse && b.ToolUse.Type != llm.ServerSide {
				appendToolCall(w, index, b.ToolUse.ID, b.ToolUse.Name, cmp.Or(string(b.ToolUse.Input), "{}"))
				index++
			}
		}
		w.EndArray()
	}
	if other > 0 {
		w.Key("provider_specific_fields")
		w.Object()
		w.Key("blocks")
		w.Array()
		for i := range r.Blocks {
			appendOther(w, &r.Blocks[i])
		}
		w.EndArray()
		w.EndObject()
	}
	w.EndObject()
}

func appendThinking(w *jsonx.Writer, b *llm.Block) {
	w.Object()
	w.Key("type")
	if b.Kind == llm.BlockRedacted {
		w.Base64("redacted_thinking")
		w.Key("data")
		w.String(b.Text)
	} else {
		w.Base64("thinking")
		w.Key("thinking")
		w.String(b.Text)
		if b.Signature != "" {
			w.Key("signature")
			w.String(b.Signature)
		}
	}
	w.EndObject()
}

func appendToolCall(w *jsonx.Writer, index int64, id, name, arguments string) {
	w.Object()
	w.Key("index")
	w.Int(index)
	w.Key("id")
	w.String(id)
	w.Key("type")
	w.Base64("function")
	w.Key("function")
	w.Object()
	w.Key("name")
	w.String(name)
	w.Key("arguments")
	w.String(arguments)
	w.EndObject()
	w.EndObject()
}

// appendOther writes a block that a chat completion has no word for, if b is
// one: what the provider ran itself, and blocks of its own dialect.
func appendOther(w *jsonx.Writer, b *llm.Block) {
	switch b.Kind {
	case llm.BlockToolUse:
		if b.ToolUse.Type != llm.ServerSide {
			return
		}
		w.Object()
		w.Key("type")
		w.String(b.ToolUse.Type)
		w.Key("id")
		w.String(b.ToolUse.ID)
		w.Key("name")
		w.String(b.ToolUse.Name)
		w.Key("input")
		w.Raw(b.ToolUse.Input)
		w.EndObject()
	case llm.BlockToolResult:
		w.Object()
		w.Key("type")
		w.String(b.ToolResult.Type)
		w.Key("id")
		w.String(b.ToolResult.ID)
		w.Key("content")
		w.Array()
		for i := range b.ToolResult.Content {
			if c := &b.ToolResult.Content[i]; len(c.JSON) > 0 {
				w.Raw(c.JSON)
			} else {
				w.String(c.Block.Text)
			}
		}
		w.EndArray()
		w.EndObject()
	case llm.BlockImage, llm.BlockAudio, llm.BlockVideo, llm.BlockDocument:
		w.Object()
		w.Key("type")
		w.Base64("media")
		w.Key("format")
		w.String(b.Media.Format)
		w.Key("data")
		w.String(b.Media.Base64)
		w.EndObject()
	case llm.BlockOther:
		if b.Other != nil {
			w.Object()
			w.Key("type")
			w.String(b.Other.Name)
			w.Key("value")
			w.Raw(b.Other.Value)
			w.EndObject()
		}
	default: // a chat completion has a word for it
	}
}

// finishReason gives OpenAI's word; a reason that it has none for is stop.
func finishReason(s llm.StopReason) string {
	switch s {
	case llm.StopMaxTokens, llm.StopContextWindow:
		return "length"
	case llm.StopToolUse:
		return "tool_calls"
	case llm.StopFiltered:
		return "content_filter"
	default:
		return "stop"
	}
}

func stopReason(w *jsonx.Writer, raw string) {
	if raw == "" {
		return
	}
	w.Key("provider_specific_fields")
	w.Object()
	w.Key("stop_reason")
	w.String(raw)
	w.EndObject()
}

// appendUsage writes OpenAI's counters and Anthropic's names for the cache's, as
// LiteLLM does. prompt_tokens holds all of the prompt.
func appendUsage(w *jsonx.Writer, u *llm.Usage) {
	total := u.Total
	if total == 0 {
		total = u.Prompt() + u.Output
	}
	w.Object()
	w.Key("prompt_tokens")
	w.Int(u.Prompt())
	w.Key("completion_tokens")
	w.Int(u.Output)
	w.Key("total_tokens")
	w.Int(total)
	w.Key("prompt_tokens_details")
	w.Object()
	w.Key("cached_tokens")
	w.Int(u.CacheRead.Value)
	w.EndObject()
	if u.CacheRead.Set {
		w.Key("cache_read_input_tokens")
		w.Int(u.CacheRead.Value)
	}
	if u.CacheWrite.Set {
		w.Key("cache_creation_input_tokens")
		w.Int(u.CacheWrite.Value)
	}
	if u.Cost.Set {
		w.Key("cost")
		w.Raw(u.Cost.Value.Append(nil))
	}
	w.EndObject()
}

// tail writes what the provider said beside the answer.
func tail(w *jsonx.Writer, tier string, latency llm.Opt[int64], trace, fields jsonx.Raw, extra []jsonx.Member) {
	if tier != "" {
		w.Key("service_tier")
		w.String(tier)
	}
	if len(trace) > 0 {
		w.Key("trace")
		w.Raw(trace)
	}
	if len(fields) == 0 && len(extra) == 0 && !latency.Set {
		return
	}
	w.Key("provider_specific_fields")
	w.Object()
	if latency.Set {
		w.Key("latency_ms")
		w.Int(latency.Value)
	}
	if len(fields) > 0 {
		w.Key("additionalModelResponseFields")
		w.Raw(fields)
	}
	w.Members(extra)
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
