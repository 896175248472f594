package openaichat

import (
	"slices"
	"strings"
	"unicode/utf8"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Envelope has the members that every response and chunk of a call shares.
type Envelope struct {
	// ID is chatcmpl-... and the same in every chunk.
	ID string
	// Model is the model as the client named it.
	Model string
	// Created is in seconds since 1970.
	Created int64
	// Functions is that of the request: whether a tool call is written as function_call. A second
	// call of the same response is then in tool_calls, because function_call can contain only one.
	Functions bool
}

// AppendResponse appends a complete chat completion with one choice.
//
// finish_reason is always one of OpenAI's, and depends on the calls in the response; the provider's
// own stop reason is in choices[0].provider_specific_fields.stop_reason.
func AppendResponse(dst []byte, env Envelope, r *llm.Response, warnings []llm.Warning) []byte {
	return AppendResponses(dst, env, []*llm.Response{r}, &r.Usage, warnings)
}

// AppendResponses appends a complete chat completion with at least one choice, one per response.
// usage is the sum over all, and is omitted if any response came without usage. The provider's
// additional fields are at the top level if there is one response, and else with its choice.
func AppendResponses(dst []byte, env Envelope, answers []*llm.Response, usage *llm.Usage, warnings []llm.Warning) []byte {
	w := jsonx.Writer{Buf: dst}
	w.Object()
	envelope(&w, env, "chat.completion")
	w.Key("choices")
	w.Array()
	for i, r := range answers {
		w.Object()
		w.Key("index")
		w.Int(int64(i))
		w.Key("message")
		calls := appendMessage(&w, r, env.Functions)
		w.Key("finish_reason")
		w.Word(finishReason(r.Stop, calls, env.Functions))
		warnings = withoutCall(warnings, r.Stop, calls)
		w.Key("logprobs")
		w.Null()
		var own *providerFields
		if len(answers) > 1 {
			own = providerFieldsOf(r)
		}
		ofChoice(&w, r.RawStop, own)
		w.EndObject()
	}
	w.EndArray()
	if !slices.ContainsFunc(answers, func(r *llm.Response) bool { return r.Uncounted }) {
		w.Key("usage")
		appendUsage(&w, usage)
	}
	first := providerFieldsOf(answers[0])
	if len(answers) > 1 {
		first = &providerFields{tier: first.tier}
	}
	tail(&w, first)
	appendWarnings(&w, warnings)
	w.EndObject()
	return w.Buf
}

func envelope(w *jsonx.Writer, env Envelope, object string) {
	w.Key("id")
	w.String(env.ID)
	w.Key("object")
	w.Word(object)
	w.Key("created")
	w.Int(env.Created)
	w.Key("model")
	w.String(env.Model)
}

// appendMessage writes a response's message, and returns the number of its tool calls.
func appendMessage(w *jsonx.Writer, r *llm.Response, functions bool) (calls int) {
	var text, thought strings.Builder
	var cites []cite
	signed, other := 0, 0
	for i := range r.Blocks {
		b := &r.Blocks[i]
		switch b.Kind {
		case llm.BlockText, llm.BlockOther: // of the latter its text
			if found := citesOf(b); len(found) > 0 {
				cites = append(cites, cite{block: b, start: utf8.RuneCountInString(text.String()), length: utf8.RuneCountInString(b.Text), citations: found})
			}
			text.WriteString(b.Text)
		case llm.BlockReasoning:
			thought.WriteString(b.Text)
			signed++
		case llm.BlockRedacted:
			signed++
		case llm.BlockToolUse:
			if b.ToolUse.Type != llm.ServerSide {
				calls++
			}
		default: // a chat completion has no form for it
		}
		if isProviderBlock(b) {
			other++
		}
	}
	w.Object()
	w.Key("role")
	w.Word("assistant")
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
		var before standing
		for i := range r.Blocks {
			switch b := &r.Blocks[i]; b.Kind {
			case llm.BlockReasoning, llm.BlockRedacted:
				appendThinking(w, b, whole, before)
			case llm.BlockText, llm.BlockOther:
				before.text += int64(utf8.RuneCountInString(b.Text))
			case llm.BlockToolUse:
				if b.ToolUse.Type != llm.ServerSide {
					before.calls++
				}
			default:
			}
		}
		w.EndArray()
	}
	appendCalls(w, r, calls, functions)
	appendAnnotations(w, cites)
	if other > 0 || len(cites) > 0 {
		w.Key("provider_specific_fields")
		w.Object()
		appendCited(w, cites)
		if other > 0 {
			w.Key("blocks")
			w.Array()
			for i := range r.Blocks {
				appendProviderBlock(w, &r.Blocks[i])
			}
			w.EndArray()
		}
		w.EndObject()
	}
	w.EndObject()
	return calls
}

// appendCalls writes the tool calls; n is their number.
func appendCalls(w *jsonx.Writer, r *llm.Response, calls int, functions bool) {
	if calls == 0 {
		return
	}
	index := int64(0)
	if functions {
		index = -1
	}
	for i := range r.Blocks {
		b := &r.Blocks[i]
		if b.Kind != llm.BlockToolUse || b.ToolUse.Type == llm.ServerSide {
			continue
		}
		arguments := argumentsOf(b.ToolUse.Input)
		switch index {
		case -1:
			w.Key("function_call")
			appendFunction(w, b.ToolUse.Name, arguments)
		case 0:
			w.Key("tool_calls")
			w.Array()
			fallthrough
		default:
			appendToolCall(w, index, b.ToolUse.ID, b.ToolUse.Name, arguments)
		}
		index++
	}
	if index > 0 {
		w.EndArray()
	}
}

// argumentsOf returns a call's input as text, OpenAI's form. An input that is not JSON, from a
// model that was cut short, is stored as a JSON string (see llm.Fold) and is written as the model
// produced it.
func argumentsOf(input jsonx.Raw) string {
	if len(input) == 0 {
		return "{}"
	}
	var text string
	if input.Kind() == '"' && jsonx.Unmarshal(input, &text) == nil && !jsonx.Valid([]byte(text)) {
		return text
	}
	return string(input)
}

// whole is the index of a block that is not a piece of a stream.
const whole = -1

// appendThinking writes a block of reasoning, or a piece of the streamed block with that index, by
// which OpenAI's stream helpers combine pieces of unknown lists (openai-python,
// lib/streaming/_deltas.py). before is the content that precedes the block; only one of the pieces
// states it.
func appendThinking(w *jsonx.Writer, b *llm.Block, index int64, before standing) {
	w.Object()
	if index != whole {
		w.Key("index")
		w.Int(index)
	}
	w.Key("type")
	if b.Kind == llm.BlockRedacted {
		w.Word("redacted_thinking")
		w.Key("data")
		w.String(b.Text)
	} else {
		w.Word("thinking")
		w.Key("thinking")
		w.String(b.Text)
		if b.Signature != "" {
			w.Key("signature")
			w.String(b.Signature)
		}
	}
	before.append(w)
	w.EndObject()
}

func appendToolCall(w *jsonx.Writer, index int64, id, name, arguments string) {
	w.Object()
	w.Key("index")
	w.Int(index)
	w.Key("id")
	w.String(id)
	w.Key("type")
	w.Word("function")
	w.Key("function")
	appendFunction(w, name, arguments)
	w.EndObject()
}

func appendFunction(w *jsonx.Writer, name, arguments string) {
	w.Object()
	w.Key("name")
	w.String(name)
	w.Key("arguments")
	w.String(arguments)
	w.EndObject()
}

// finishReason returns OpenAI's reason for the end of a response; a reason without an equivalent
// becomes stop. A response with calls waits for their results, and one without calls does not,
// whatever the provider reports: some models end their turn after a call
// (https://github.com/strands-agents/harness-sdk/issues/644). A limit or a filter that cut the
// response takes precedence, because its last call may be cut, too.
func finishReason(s llm.StopReason, calls int, functions bool) string {
	switch s {
	case llm.StopMaxTokens, llm.StopContextWindow:
		return "length"
	case llm.StopFiltered, llm.StopReplaced:
		return "content_filter"
	default:
	}
	switch {
	case calls == 0:
		return "stop"
	case functions:
		return "function_call"
	default:
		return "tool_calls"
	}
}

// withoutCall adds a warning if the provider waits for the results of calls that are missing, or
// could not parse the model's output.
func withoutCall(warnings []llm.Warning, s llm.StopReason, calls int) []llm.Warning {
	detail := ""
	switch {
	case s == llm.StopMalformed && calls > 0:
		detail = "the provider could not parse everything that the model wrote; the calls may be incomplete"
	case calls > 0:
	case s == llm.StopToolUse:
		detail = "the provider reports a tool call, but the response contains none"
	case s == llm.StopMalformed:
		detail = "the provider could not parse what the model wrote"
	case s == llm.StopToolUse && calls == 0:
		detail = "the provider reports a tool call, and the answer holds none"
	}
	if detail == "" {
		return warnings
	}
	return append(slices.Clip(warnings), llm.Warning{Code: llm.WarnChanged, Field: "finish_reason", Detail: detail})
}
