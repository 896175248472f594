package openaichat

import (
	"bytes"
	"slices"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// This file writes content without a form in a chat completion: provider-specific blocks and
// response fields.

// isProviderBlock reports whether b, or a part of it, goes into provider_specific_fields: tools
// that the provider ran itself, blocks of its own dialect, and unknown members. Citations have a
// field of their own.
func isProviderBlock(b *llm.Block) bool {
	switch b.Kind {
	case llm.BlockText:
		return slices.ContainsFunc(b.Extra, func(m jsonx.Member) bool { return m.Name != "citation" })
	case llm.BlockReasoning, llm.BlockRedacted:
		return len(b.Extra) > 0
	case llm.BlockToolUse:
		return b.ToolUse.Type == llm.ServerSide || len(b.Extra) > 0
	case llm.BlockOther:
		return b.Other != nil && !isOther(b, "citationsContent") || len(b.Extra) > 0
	default:
		return true
	}
}

// appendProviderBlock writes b if isProviderBlock is true for it.
func appendProviderBlock(w *jsonx.Writer, b *llm.Block) {
	if !isProviderBlock(b) {
		return
	}
	w.Object()
	w.Key("type")
	switch b.Kind {
	case llm.BlockText:
		w.Word("text")
	case llm.BlockReasoning, llm.BlockRedacted:
		w.Word("reasoning")
	case llm.BlockToolUse:
		appendServerCall(w, b.ToolUse)
	case llm.BlockToolResult:
		appendServerResult(w, b.ToolResult)
	case llm.BlockImage, llm.BlockAudio, llm.BlockVideo, llm.BlockDocument:
		w.Word("media")
		appendMedia(w, b.Media)
	default:
		if b.Other == nil {
			w.Word("unknown")
			break
		}
		w.String(b.Other.Name)
		if !isOther(b, "citationsContent") {
			w.Key("value")
			appendRaw(w, b.Other.Value)
		}
	}
	others := false
	for _, m := range b.Extra {
		if b.Kind == llm.BlockText && m.Name == "citation" {
			continue
		}
		if !others {
			others = true
			w.Key("extra")
			w.Array()
		}
		w.Object()
		w.AnyKey(m.Name)
		appendRaw(w, m.Value)
		w.EndObject()
	}
	if others {
		w.EndArray()
	}
	w.EndObject()
}

func appendServerCall(w *jsonx.Writer, use *llm.ToolUse) {
	if use.Type == llm.ServerSide {
		w.String(use.Type)
	} else {
		w.Word("tool_use")
	}
	w.Key("id")
	w.String(use.ID)
	w.Key("name")
	w.String(use.Name)
	if use.Type == llm.ServerSide {
		w.Key("input")
		appendRaw(w, use.Input)
	}
}

func appendServerResult(w *jsonx.Writer, result *llm.ToolResult) {
	w.String(result.Type)
	w.Key("id")
	w.String(result.ID)
	if result.Status != "" {
		w.Key("status")
		w.String(result.Status)
	}
	w.Key("content")
	w.Array()
	for i := range result.Content {
		switch c := &result.Content[i]; {
		case len(c.JSON) > 0:
			appendRaw(w, c.JSON)
		case c.Block.Kind == llm.BlockText:
			w.String(c.Block.Text)
		default:
			appendProviderBlock(w, &c.Block)
		}
	}
	w.EndArray()
}

func appendMedia(w *jsonx.Writer, m *llm.Media) {
	text := func(key, value string) {
		if value != "" {
			w.Key(key)
			w.String(value)
		}
	}
	w.Key("format")
	w.String(m.Format)
	text("name", m.Name)
	text("data", m.Base64.String())
	text("uri", m.URI)
	text("owner", m.Owner)
	text("text", m.Text)
	text("context", m.Context)
	if m.Source != nil {
		w.Key("source")
		w.Object()
		w.AnyKey(m.Source.Name)
		appendRaw(w, m.Source.Value)
		w.EndObject()
	}
	if len(m.Citations) > 0 {
		w.Key("citations")
		appendRaw(w, m.Citations)
	}
}

// providerFields are the provider's additional response fields.
type providerFields struct {
	tier          string
	latency       llm.Opt[int64]
	trace, fields jsonx.Raw
	extra         []jsonx.Member
}

func providerFieldsOf(r *llm.Response) *providerFields {
	return &providerFields{tier: r.ServiceTier, latency: r.LatencyMs, trace: r.Trace, fields: r.ModelFields, extra: r.Extra}
}

// tail writes them at the top level of a response.
func tail(w *jsonx.Writer, b *providerFields) {
	if b.tier != "" {
		w.Key("service_tier")
		w.String(b.tier)
	}
	if len(b.trace) > 0 {
		w.Key("trace")
		appendRaw(w, b.trace)
	}
	if b.silent() {
		return
	}
	w.Key("provider_specific_fields")
	w.Object()
	b.append(w)
	w.EndObject()
}

// ofChoice writes the fields of one choice: the provider's stop reason and, if there are several
// choices, its additional fields.
func ofChoice(w *jsonx.Writer, stop string, own *providerFields) {
	if stop == "" && (own == nil || own.silent()) {
		return
	}
	w.Key("provider_specific_fields")
	w.Object()
	if stop != "" {
		w.Key("stop_reason")
		w.String(stop)
	}
	if own != nil {
		own.append(w)
	}
	w.EndObject()
}

func (b *providerFields) silent() bool {
	return len(b.trace) == 0 && len(b.fields) == 0 && len(b.extra) == 0 && !b.latency.Set
}

// append writes the members.
func (b *providerFields) append(w *jsonx.Writer) {
	if b.latency.Set {
		w.Key("latency_ms")
		w.Int(b.latency.Value)
	}
	if len(b.fields) > 0 {
		w.Key("additionalModelResponseFields")
		appendRaw(w, b.fields)
	}
	if len(b.trace) > 0 {
		w.Key("trace") // the name in LiteLLM's streams
		appendRaw(w, b.trace)
		if model := invokedModel(b.trace); model != "" {
			w.Key("invoked_model")
			w.String(model)
		}
	}
	appendUnknown(w, b.extra)
}

// appendUnknown writes members without a field of their own: the first of each name, and none with
// the name of one of our members.
func appendUnknown(w *jsonx.Writer, members []jsonx.Member) {
	for i, m := range members {
		switch m.Name {
		case "latency_ms", "additionalModelResponseFields", "trace", "invoked_model", "stop_reason":
			continue
		}
		if !slices.ContainsFunc(members[:i], func(before jsonx.Member) bool { return before.Name == m.Name }) {
			w.AnyKey(m.Name)
			appendRaw(w, m.Value)
		}
	}
}

// appendRaw writes a value unchanged but on one line, because it may be part of a server-sent
// event.
func appendRaw(w *jsonx.Writer, v jsonx.Raw) {
	if bytes.ContainsAny(v, "\r\n") {
		if compact, err := jsonx.Compact(v); err == nil {
			v = compact
		}
	}
	w.Raw(v)
}

// invokedModel is the model that a prompt router chose (ConverseTrace in Bedrock's service model);
// empty if none did.
func invokedModel(trace jsonx.Raw) string {
	var t struct {
		PromptRouter struct {
			InvokedModelID string `json:"invokedModelId"`
		} `json:"promptRouter"`
	}
	if jsonx.Unmarshal(trace, &t) != nil { // an unreadable trace is passed on unchanged
		return ""
	}
	return t.PromptRouter.InvokedModelID
}

// appendUsage writes OpenAI's counters and Anthropic's names for the cache's, as LiteLLM does.
// prompt_tokens counts the whole prompt.
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
	if u.CacheWrite.Set {
		w.Key("cache_creation_tokens")
		w.Int(u.CacheWrite.Value)
	}
	if len(u.CacheWrites) > 0 {
		w.Key("cache_creation_token_details")
		w.Object()
		for _, c := range u.CacheWrites {
			w.AnyKey("ephemeral_" + c.TTL + "_input_tokens")
			w.Int(c.Tokens)
		}
		w.EndObject()
	}
	w.EndObject()
	if u.Reasoning.Set {
		thought := min(u.Reasoning.Value, u.Output)
		w.Key("completion_tokens_details")
		w.Object()
		w.Key("reasoning_tokens")
		w.Int(thought)
		w.Key("text_tokens")
		w.Int(u.Output - thought)
		w.EndObject()
	}
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
	if slices.ContainsFunc(u.Extra, counts) {
		w.Key("provider_specific_fields")
		w.Object()
		appendUnknown(w, slices.DeleteFunc(slices.Clone(u.Extra), func(m jsonx.Member) bool { return !counts(m) }))
		w.EndObject()
	}
	w.EndObject()
}

// counts reports whether a counter has content. AWS sends serverToolUsage as an empty object in
// every response.
func counts(m jsonx.Member) bool { return string(m.Value) != "{}" }

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
