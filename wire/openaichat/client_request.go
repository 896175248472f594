package openaichat

import (
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/litellm"
	"outcrop/wire/openaipart"
)

// Form is what an endpoint takes beyond OpenAI's own format. The zero value is OpenAI's.
type Form struct {
	// Reasoning is the member of an assistant's message in which the endpoint wants its reasoning
	// back, such as reasoning_content; empty if it takes none.
	Reasoning string
	// Video and CachePoints are whether the endpoint takes parts of type video_url, and cache_control
	// of parts and tools, as Anthropic has it.
	Video, CachePoints bool
	// Thinking is whether the endpoint takes Anthropic's setting thinking as it is.
	Thinking bool
}

// AppendRequest writes a request as a chat completion, in OpenAI's format as of 2026, without n: a
// gateway asks for each choice separately. Streams ask for their usage.
//
// What the dialect cannot say is left out with a warning where that does not change the meaning;
// otherwise the error is an *llm.Error, unless req.DropParams is set.
func AppendRequest(w *jsonx.Writer, req *llm.Request, model string, form *Form) ([]llm.Warning, error) {
	e := &requestWriter{w: w, req: req, form: form}
	w.Object()
	w.Key("model")
	w.String(model)
	w.Key("messages")
	if err := e.messages(); err != nil {
		return nil, err
	}
	if err := e.tools(); err != nil {
		return nil, err
	}
	for _, step := range []func() error{e.settings, e.reasoning, e.format, e.others} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	if req.Stream {
		w.Key("stream")
		w.Bool(true)
		w.Key("stream_options")
		w.Raw(jsonx.Raw(`{"include_usage":true}`))
	}
	w.EndObject()
	return e.warnings, nil
}

// requestWriter is the state of one AppendRequest.
type requestWriter struct {
	w        *jsonx.Writer
	req      *llm.Request
	form     *Form
	warnings []llm.Warning
	told     map[string]bool // of warnings that are given once
}

func (e *requestWriter) warn(code, field, detail string) {
	e.warnings = append(e.warnings, llm.Warning{Code: code, Field: field, Detail: detail})
}

// name is the client's name of a field.
func (e *requestWriter) name(kind llm.FieldKind) string {
	return e.req.FieldName(llm.Field{Kind: kind})
}

// once warns of something that may occur many times in a request.
func (e *requestWriter) once(code, field, detail string) {
	if e.told[field] {
		return
	}
	if e.told == nil {
		e.told = map[string]bool{}
	}
	e.told[field] = true
	e.warn(code, field, detail)
}

// refuse returns the error for a setting that the dialect does not have; under drop_params it is
// dropped with a warning instead.
func (e *requestWriter) refuse(field, format string, args ...any) error {
	return e.req.Refuse(e.warn, field, format, args...)
}

// given reports whether the request sets a member of the endpoint's own, which takes precedence.
func (e *requestWriter) given(name string) bool { return jsonx.Find(e.req.ModelFields, name) != nil }

func (e *requestWriter) settings() error {
	w, req := e.w, e.req
	if req.MaxTokens.Set {
		w.Key("max_completion_tokens")
		w.Int(req.MaxTokens.Value)
	}
	if req.Temperature.Set {
		w.Key("temperature")
		w.Float(req.Temperature.Value)
	}
	if req.TopP.Set {
		w.Key("top_p")
		w.Float(req.TopP.Value)
	}
	if req.TopK.Set && !e.given("top_k") {
		w.Key("top_k") // not OpenAI's, but of most other servers
		w.Int(req.TopK.Value)
	}
	if len(req.Stop) > 0 {
		w.Key("stop")
		w.Array()
		for _, s := range req.Stop {
			w.String(s)
		}
		w.EndArray()
	}
	if req.ServiceTier != "" {
		w.Key("service_tier")
		w.String(req.ServiceTier)
	}
	if req.User != "" {
		w.Key("user")
		w.String(req.User)
	}
	if req.CacheRetention != "" {
		w.Key("prompt_cache_retention")
		w.String(req.CacheRetention)
	}
	if len(req.WebSearch) > 0 {
		w.Key("web_search_options")
		w.Raw(req.WebSearch)
	}
	return nil
}

// reasoning writes how much the model shall think.
func (e *requestWriter) reasoning() error {
	effort, thinking := e.req.Reasoning.Effort, e.req.Reasoning.Thinking
	if len(thinking) > 0 && !e.given("thinking") {
		if e.form.Thinking {
			e.w.Key("thinking")
			e.w.Raw(thinking)
		} else if effort == "" {
			var err error
			if effort, err = litellm.EffortOf(e.name(llm.FieldThinking), thinking); err != nil {
				return err
			}
			if effort == "" {
				e.warn(llm.WarnDropped, e.name(llm.FieldThinking), "the model decides itself whether it thinks")
			} else {
				e.warn(llm.WarnChanged, e.name(llm.FieldThinking), "became reasoning_effort "+effort)
			}
		}
	}
	if effort != "" && !e.given("reasoning_effort") {
		e.w.Key("reasoning_effort")
		e.w.String(effort)
	}
	return nil
}

func (e *requestWriter) format() error {
	f, w := e.req.Format, e.w
	if f == nil || e.given("response_format") {
		return nil
	}
	w.Key("response_format")
	w.Object()
	w.Key("type")
	if len(f.Schema) == 0 {
		w.Word("json_object")
		w.EndObject()
		return nil
	}
	w.Word("json_schema")
	w.Key("json_schema")
	w.Object()
	openaipart.AppendSchema(w, f)
	w.EndObject()
	w.EndObject()
	return nil
}

// others writes the parameters without a field in the common language.
func (e *requestWriter) others() error {
	stored := false
	for _, m := range e.req.Unmapped {
		stored = stored || m.Name == "store" && string(m.Value) == "true"
		e.w.AnyKey(m.Name)
		e.w.Raw(m.Value)
	}
	for _, m := range e.req.ModelFields {
		e.w.AnyKey(m.Name)
		e.w.Raw(m.Value)
	}
	if len(e.req.Metadata) > 0 && !e.given("metadata") {
		if stored { // OpenAI refuses labels of what it does not store
			e.w.Key("metadata")
			e.w.Object()
			for _, l := range e.req.Metadata {
				e.w.AnyKey(l.Name)
				e.w.String(l.Value)
			}
			e.w.EndObject()
		} else {
			e.warn(llm.WarnDropped, e.name(llm.FieldMetadata), "OpenAI takes it only with store")
		}
	}
	for _, m := range e.req.Extensions {
		if err := e.refuse(m.Name, "%s is a setting of AWS Bedrock, which this model does not have", m.Name); err != nil {
			return err
		}
	}
	return nil
}

func (e *requestWriter) tools() error {
	w, req := e.w, e.req
	if len(req.Tools) == 0 {
		return nil
	}
	w.Key("tools")
	w.Array()
	for i := range req.Tools {
		t := &req.Tools[i]
		field := req.FieldName(llm.Field{Kind: llm.FieldTool, Index: t.At(i)})
		switch {
		case len(t.Own) > 0:
			if err := e.refuse(field, "%s is a tool that Anthropic has defined, which this model does not have", field); err != nil {
				return err
			}
			continue
		case t.Other != nil:
			if err := e.refuse(field, "%s (%s) is a tool of AWS Bedrock, which this model does not have", field, t.Other.Name); err != nil {
				return err
			}
			continue
		}
		w.Object()
		w.Key("type")
		w.Word("function")
		w.Key("function")
		w.Object()
		w.Key("name")
		w.String(t.Name)
		if t.Description != "" {
			w.Key("description")
			w.String(t.Description)
		}
		w.Key("parameters")
		if len(t.Schema) > 0 {
			w.Raw(t.Schema)
		} else {
			w.Raw(jsonx.Raw(noParameters))
		}
		if t.Strict.Set {
			w.Key("strict")
			w.Bool(t.Strict.Value)
		}
		w.EndObject()
		e.cachePoint(t.Cache)
		w.EndObject()
	}
	w.EndArray()
	switch req.ToolChoice.Kind {
	case llm.ToolChoiceUnset:
	case llm.ToolChoiceAuto:
		w.Key("tool_choice")
		w.Word("auto")
	case llm.ToolChoiceNone:
		w.Key("tool_choice")
		w.Word("none")
	case llm.ToolChoiceAny:
		w.Key("tool_choice")
		w.Word("required")
	case llm.ToolChoiceNamed:
		w.Key("tool_choice")
		w.Object()
		w.Key("type")
		w.Word("function")
		w.Key("function")
		w.Object()
		w.Key("name")
		w.String(req.ToolChoice.Name)
		w.EndObject()
		w.EndObject()
	}
	if req.ParallelTools.Set {
		w.Key("parallel_tool_calls")
		w.Bool(req.ParallelTools.Value)
	}
	return nil
}

// cachePoint writes a cache point into the open part or tool, or warns once that the endpoint has
// none: OpenAI caches by itself.
func (e *requestWriter) cachePoint(c *llm.CachePoint) {
	switch {
	case c == nil:
	case e.form.CachePoints:
		e.w.Key("cache_control")
		e.w.Object()
		e.w.Key("type")
		e.w.Word("ephemeral")
		if c.TTL != "" {
			e.w.Key("ttl")
			e.w.String(c.TTL)
		}
		e.w.EndObject()
	default:
		e.once(llm.WarnDropped, e.name(llm.FieldCache), "the provider decides itself what it caches")
	}
}
