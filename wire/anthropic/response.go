package anthropic

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Envelope has the members of a message that the response of the provider does not have.
type Envelope struct {
	// ID is msg_... and unique.
	ID string
	// Model is the model as the client named it.
	Model string
	// Stop are the stop sequences of the request: if there is only one, it is the one that stopped
	// the model.
	Stop []string
	// Unasked is whether the request does not ask for thinking; see unreadable.
	Unasked bool
}

// AppendResponse appends a complete message.
//
// Content without a form in a message, such as the calls of the provider's own tools, is left out
// with a warning. Warnings are in the member outcrop.
func AppendResponse(dst []byte, env Envelope, r *llm.Response, warnings []llm.Warning) []byte {
	w := jsonx.Writer{Buf: dst}
	w.Object()
	head(&w, env)
	w.Key("content")
	w.Array()
	c := contents{unreadable: unreadable{unasked: env.Unasked}}
	for i := range r.Blocks {
		c.append(&w, &r.Blocks[i])
	}
	w.EndArray()
	end := ending{stops: env.Stop, stop: r.Stop, raw: r.RawStop, fields: r.ModelFields, contents: c}
	end.append(&w)
	w.Key("usage")
	appendUsage(&w, &r.Usage, r.ServiceTier)
	if r.Uncounted {
		warnings = append(slices.Clip(warnings), uncounted())
	}
	appendWarnings(&w, end.warnings(warnings))
	w.EndObject()
	return w.Buf
}

func head(w *jsonx.Writer, env Envelope) {
	w.Key("id")
	w.String(env.ID)
	w.Key("type")
	w.Word("message")
	w.Key("role")
	w.Word("assistant")
	w.Key("model")
	w.String(env.Model)
}

// contents is what a response turned out to contain.
type contents struct {
	calls int  // of the client's tools
	lost  bool // content has no form here
	unreadable
}

// append writes a block, if it has content.
func (c *contents) append(w *jsonx.Writer, b *llm.Block) {
	switch b.Kind {
	case llm.BlockText:
		found := citationsOf(b.Extra)
		if b.Text == "" && len(found) == 0 {
			return
		}
		appendText(w, b.Text, found)
	case llm.BlockReasoning:
		if b.Text == "" && (b.Signature == "" || c.keepSignature(b.Signature)) {
			return
		}
		w.Object()
		w.Key("type")
		w.Word("thinking")
		w.Key("thinking")
		w.String(b.Text)
		w.Key("signature")
		w.String(b.Signature)
		w.EndObject()
	case llm.BlockRedacted:
		if b.Text != "" && !c.keep(b.Text) {
			appendRedacted(w, b.Text)
		}
	case llm.BlockToolUse:
		if b.ToolUse == nil || b.ToolUse.Type == llm.ServerSide {
			c.lost = true
			return
		}
		for _, data := range c.take() {
			appendRedacted(w, data)
		}
		c.calls++
		w.Object()
		appendCall(w, b.ToolUse)
		w.Key("input")
		w.Raw(inputOf(b.ToolUse.Input))
		w.EndObject()
	case llm.BlockOther:
		text, found, ok := citedContent(b.Other)
		if !ok {
			c.lost = true
			return
		}
		if text != "" || len(found) > 0 {
			appendText(w, text, found)
		}
	default: // a message has no form for it
		c.lost = true
	}
}

func appendText(w *jsonx.Writer, text string, citations []jsonx.Raw) {
	w.Object()
	w.Key("type")
	w.Word("text")
	w.Key("text")
	w.String(text)
	if len(citations) > 0 {
		w.Key("citations")
		w.Array()
		for _, raw := range citations {
			w.Raw(raw)
		}
		w.EndArray()
	}
	w.EndObject()
}

// appendCall writes the members of a call before its input into the open object.
func appendCall(w *jsonx.Writer, use *llm.ToolUse) {
	w.Key("type")
	w.Word("tool_use")
	w.Key("id")
	w.String(use.ID)
	w.Key("name")
	w.String(use.Name)
}

// inputOf returns a call's input as an object. Any other value, including invalid JSON from a model
// that was cut short (see llm.Fold), becomes the member arguments of an object, so that nothing is
// lost.
func inputOf(input jsonx.Raw) jsonx.Raw {
	if len(input) == 0 {
		return jsonx.Raw("{}")
	}
	if input.Kind() == '{' {
		return input
	}
	w := jsonx.Writer{}
	w.Object()
	w.Key("arguments")
	w.Raw(input)
	w.EndObject()
	return w.Buf
}

func appendRedacted(w *jsonx.Writer, data string) {
	w.Object()
	w.Key("type")
	w.Word("redacted_thinking")
	w.Key("data")
	w.String(unsealed(data))
	w.EndObject()
}

// unsealed returns redacted thinking as Anthropic's API writes it, so that a conversation can go on
// at either of Bedrock's APIs. Converse puts Claude's data, which is base64, into base64 once more.
// Data of other models stays as it is: it is text inside the base64 (OpenAI's models and Grok mark it
// with rsn_ or smry_, or it is a Fernet token), or no base64 at all.
func unsealed(data string) string {
	inner, err := base64.StdEncoding.DecodeString(data)
	if err != nil || bytes.HasPrefix(inner, []byte("gAAAA")) || !isBase64(inner) {
		return data
	}
	content, err := base64.StdEncoding.DecodeString(string(inner))
	if err != nil || bytes.IndexFunc(content, func(r rune) bool { return r < ' ' || r > '~' }) < 0 {
		return data
	}
	return string(inner)
}

// ending writes how a response ended.
type ending struct {
	stops  []string // of the request
	stop   llm.StopReason
	raw    string
	fields jsonx.Raw // the model's own
	contents
}

// reason returns Anthropic's reason for the end of a response. A response with calls waits for their
// results, and one without calls does not, whatever the provider reports. A limit or a filter that
// cut the response takes precedence, because its last call may be cut, too. pause_turn is never
// used: it asks the client to repeat the call, which clients do not all do.
func (e *ending) reason() string {
	switch e.stop {
	case llm.StopMaxTokens:
		return "max_tokens"
	case llm.StopContextWindow:
		return "model_context_window_exceeded"
	case llm.StopFiltered:
		return "refusal"
	default:
	}
	switch {
	case e.calls > 0:
		return "tool_use"
	case e.stop == llm.StopSequence:
		return "stop_sequence"
	default:
		return "end_turn"
	}
}

// append writes stop_reason, stop_sequence and, for a filter, stop_details.
func (e *ending) append(w *jsonx.Writer) {
	reason := e.reason()
	w.Key("stop_reason")
	w.Word(reason)
	w.Key("stop_sequence")
	word := ""
	if reason == "stop_sequence" {
		word = e.sequence()
	}
	if word != "" {
		w.String(word)
	} else {
		w.Null()
	}
	if e.stop != llm.StopFiltered {
		return
	}
	w.Key("stop_details")
	w.Object()
	w.Key("type")
	w.Word("refusal")
	w.Key("category")
	w.Null()
	w.Key("explanation")
	w.String(e.filtered())
	w.EndObject()
}

// filtered explains what stopped the response: Anthropic's one word for it would blame the model.
func (e *ending) filtered() string {
	switch e.raw {
	case "guardrail_intervened":
		return "A guardrail that the gateway's operator or AWS has set up stopped the response."
	case "content_filtered":
		return "The provider's content filter stopped the response."
	default:
		return "The model declined to respond."
	}
}

// sequence is the stop sequence that the model wrote; empty if it is not known.
func (e *ending) sequence() string {
	var own struct {
		Sequence optional[string] `json:"stop_sequence"`
		Delta    struct {
			Sequence optional[string] `json:"stop_sequence"`
		} `json:"delta"`
	}
	if len(e.fields) > 0 && jsonx.Unmarshal(e.fields, &own) == nil {
		if own.Sequence.Value != "" {
			return own.Sequence.Value
		}
		if own.Delta.Sequence.Value != "" {
			return own.Delta.Sequence.Value
		}
	}
	if len(e.stops) == 1 {
		return e.stops[0]
	}
	return ""
}

// warnings adds what the message cannot express.
func (e *ending) warnings(warnings []llm.Warning) []llm.Warning {
	if e.lost {
		warnings = append(slices.Clip(warnings), llm.Warning{
			Code: llm.WarnDropped, Field: "content",
			Detail: "the response has content without a form in a message, such as calls of the provider's own tools",
		})
	}
	detail := ""
	switch {
	case e.stop == llm.StopMalformed:
		detail = "the provider could not parse everything that the model wrote"
	case e.stop == llm.StopToolUse && e.calls == 0:
		detail = "the provider reports a tool call, but the response contains none"
	case e.stop == llm.StopFiltered && e.raw != "refusal":
		detail = e.filtered()
	case e.stop == llm.StopOther:
		detail = "the provider reports " + llm.Clip(e.raw, maxName)
	}
	if detail != "" {
		warnings = append(slices.Clip(warnings), llm.Warning{Code: llm.WarnChanged, Field: "stop_reason", Detail: detail})
	}
	return warnings
}

// uncounted is the warning for a response without usage.
func uncounted() llm.Warning {
	return llm.Warning{Code: llm.WarnMissing, Field: "usage", Detail: "the provider reported no usage"}
}

// appendUsage writes the counters. Anthropic's input_tokens leaves the cache out, as llm's does.
func appendUsage(w *jsonx.Writer, u *llm.Usage, tier string) {
	w.Object()
	w.Key("input_tokens")
	w.Int(u.Input)
	w.Key("cache_creation_input_tokens")
	w.Int(u.CacheWrite.Value)
	w.Key("cache_read_input_tokens")
	w.Int(u.CacheRead.Value)
	if u.CacheWrite.Set {
		long := int64(0)
		for _, c := range u.CacheWrites {
			if c.TTL == "1h" {
				long += c.Tokens
			}
		}
		w.Key("cache_creation")
		w.Object()
		w.Key("ephemeral_5m_input_tokens")
		w.Int(max(0, u.CacheWrite.Value-long))
		w.Key("ephemeral_1h_input_tokens")
		w.Int(long)
		w.EndObject()
	}
	w.Key("output_tokens")
	w.Int(u.Output)
	if u.Reasoning.Set {
		w.Key("output_tokens_details")
		w.Object()
		w.Key("thinking_tokens")
		w.Int(min(u.Reasoning.Value, u.Output))
		w.EndObject()
	}
	switch tier {
	case "":
	case "default":
		w.Key("service_tier")
		w.Word("standard")
	default:
		w.Key("service_tier")
		w.String(tier)
	}
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
		w.String(Param(warning.Field))
		if warning.Detail != "" {
			w.Key("detail")
			w.String(warning.Detail)
		}
		w.EndObject()
	}
	w.EndArray()
	w.EndObject()
}

// isURL reports whether a citation's source is a web page.
func isURL(s string) bool { return strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://") }
