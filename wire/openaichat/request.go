// Package openaichat is OpenAI's chat completions format: requests are decoded
// into llm's form, answers, chunks and errors are encoded from it. It knows
// LiteLLM's additions (thinking_blocks, cache_control, top_k, drop_params and
// the members of Converse that LiteLLM passes on).
//
// The format is that of https://platform.openai.com/docs/api-reference/chat;
// the additions are described at https://docs.litellm.ai/docs/providers/bedrock.
package openaichat

import (
	"errors"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Request is a decoded chat completion request.
type Request struct {
	LLM llm.Request
	// IncludeUsage is stream_options.include_usage.
	IncludeUsage bool
	// Warnings are about what could not be said in llm's form or is known to
	// have no effect.
	Warnings []llm.Warning
}

// Options change how a request is decoded.
type Options struct {
	// Model, if not empty, stands for the body's model, as in
	// /openai/deployments/{model}/chat/completions.
	Model string
	// DropParams says whether, for a model, settings that cannot be kept are
	// left out with a warning where they would otherwise be refused. Nil is no.
	DropParams func(model string) bool
	// Access says whether, for a model, callers may bring settings of how it is
	// reached, such as api_key; which, is for the deployment to say. Nil is no.
	Access func(model string) bool
}

// wireRequest is the body. Members that it does not name are the model's own.
type wireRequest struct {
	Model               string            `json:"model"`
	Messages            *[]message        `json:"messages"`
	MaxTokens           optional[int64]   `json:"max_tokens"`
	MaxCompletionTokens optional[int64]   `json:"max_completion_tokens"`
	Temperature         optional[float64] `json:"temperature"`
	TopP                optional[float64] `json:"top_p"`
	TopK                optional[int64]   `json:"top_k"`
	Stop                stringOrList      `json:"stop"`
	Stream              bool              `json:"stream"`
	StreamOptions       streamOptions     `json:"stream_options"`
	Tools               []tool            `json:"tools"`
	ToolChoice          toolChoice        `json:"tool_choice"`
	ReasoningEffort     optional[string]  `json:"reasoning_effort"`
	Thinking            jsonx.Raw         `json:"thinking"`
	ResponseFormat      responseFormat    `json:"response_format"`
	ServiceTier         optional[string]  `json:"service_tier"`
	DropParams          bool              `json:"drop_params"`
	N                   optional[int64]   `json:"n"`
	Logprobs            bool              `json:"logprobs"`
	TopLogprobs         optional[int64]   `json:"top_logprobs"`
	PresencePenalty     optional[float64] `json:"presence_penalty"`
	FrequencyPenalty    optional[float64] `json:"frequency_penalty"`
	ParallelToolCalls   optional[bool]    `json:"parallel_tool_calls"`
	Modalities          []string          `json:"modalities"`
	Store               bool              `json:"store"`
	Rest                jsonx.Raw         `json:",embed"`
}

type streamOptions struct {
	IncludeUsage bool      `json:"include_usage"`
	Rest         jsonx.Raw `json:",embed"`
}

// optional is a member that may be absent or null.
type optional[T any] struct{ llm.Opt[T] }

func (o *optional[T]) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	if d.PeekKind() == 'n' {
		return d.SkipValue()
	}
	o.Set = true
	return jsonx.UnmarshalDecode(d, &o.Value)
}

// stringOrList is a string or a list of strings.
type stringOrList []string

func (s *stringOrList) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	switch d.PeekKind() {
	case 'n':
		return d.SkipValue()
	case '"':
		*s = make([]string, 1)
		return jsonx.UnmarshalDecode(d, &(*s)[0])
	case '[':
		return jsonx.UnmarshalDecode(d, (*[]string)(s))
	default:
		return jsonx.Fault("must be a string or an array of strings, not %s", jsonx.KindName(d.PeekKind()))
	}
}

type responseFormat struct {
	Type       string `json:"type"`
	JSONSchema *struct {
		Name        string         `json:"name"`
		Description string         `json:"description"`
		Schema      jsonx.Raw      `json:"schema"`
		Strict      optional[bool] `json:"strict"`
	} `json:"json_schema"`
}

// Decode reads a chat completion request. Its error is an *llm.Error with
// status 400 that names the offending field.
func Decode(body []byte, opt Options) (*Request, error) {
	var w wireRequest
	if err := jsonx.Unmarshal(body, &w); err != nil {
		return nil, decodeError(err)
	}
	if opt.Model != "" {
		w.Model = opt.Model
	}
	if w.Model == "" {
		return nil, llm.Invalid("model", "model is required and must not be empty")
	}
	if len(w.Model) > maxModel {
		return nil, llm.Invalid("model", "model must be at most %d bytes long, not %d", maxModel, len(w.Model))
	}
	d := &decoder{drop: w.DropParams || (opt.DropParams != nil && opt.DropParams(w.Model)), brings: opt.Access != nil && opt.Access(w.Model)}
	if err := d.request(&w); err != nil {
		return nil, err
	}
	return &d.out, nil
}

// maxModel is AWS's bound on model ids, in bytes; LiteLLM's prefixes are short.
const maxModel = 2048 + 128

func decodeError(err error) error {
	var e *jsonx.Error
	if !errors.As(err, &e) {
		return llm.Invalid("", "the request body cannot be read: %v", err)
	}
	switch {
	case e.Syntax && e.Path != "":
		return llm.Invalid(e.Path, "the request body is not valid JSON: %s, at %s (byte %d)", e.Reason, e.Path, e.Offset)
	case e.Syntax:
		return llm.Invalid("", "the request body is not valid JSON: %s (byte %d)", e.Reason, e.Offset)
	case e.Path == "":
		return llm.Invalid("", "the request body %s (JSON object expected)", e.Reason)
	default:
		return llm.Invalid(e.Path, "%s %s", e.Path, e.Reason)
	}
}

// decoder turns the body's form into llm's and collects warnings.
type decoder struct {
	out    Request
	drop   bool
	brings bool // settings of how the model is reached
	// calls are the ids of the tool calls of the last assistant message.
	calls map[string]bool
}

func (d *decoder) warn(code, field string) {
	d.out.Warnings = append(d.out.Warnings, llm.Warning{Code: code, Field: field})
}

// refuse is for a setting that cannot be kept and would change the meaning: an
// error, or a warning under drop_params.
func (d *decoder) refuse(field, format string, args ...any) error {
	if d.drop {
		d.warn(llm.WarnDropped, field)
		return nil
	}
	e := llm.Unsupported(field, format, args...)
	e.Fix = "Leave " + field + " out, or set drop_params to drop what cannot be kept."
	return e
}

func (d *decoder) request(w *wireRequest) error {
	r := &d.out.LLM
	r.Model, r.Stream, r.DropParams = w.Model, w.Stream, d.drop
	d.out.IncludeUsage = w.StreamOptions.IncludeUsage
	if w.Messages == nil {
		return llm.Invalid("messages", "messages is required: an array of at least one message")
	}
	if len(*w.Messages) == 0 {
		return llm.Invalid("messages", "messages must hold at least one message")
	}
	for _, step := range []func(*wireRequest) error{d.settings, d.outside, d.tools, d.format, d.rest} {
		if err := step(w); err != nil {
			return err
		}
	}
	for i := range *w.Messages {
		if err := d.message(i, &(*w.Messages)[i]); err != nil {
			return err
		}
	}
	if len(r.Turns) == 0 {
		return llm.Invalid("messages", "messages must hold at least one message of a user or assistant")
	}
	return nil
}

// settings are those that llm has a field for.
func (d *decoder) settings(w *wireRequest) error {
	r := &d.out.LLM
	r.Temperature, r.TopP, r.TopK = w.Temperature.Opt, w.TopP.Opt, w.TopK.Opt
	r.MaxTokens = w.MaxTokens.Opt
	field := "max_tokens"
	if w.MaxCompletionTokens.Set {
		if w.MaxTokens.Set && w.MaxTokens.Value != w.MaxCompletionTokens.Value {
			d.warn(llm.WarnDropped, "max_tokens")
		}
		r.MaxTokens, field = w.MaxCompletionTokens.Opt, "max_completion_tokens"
	}
	if r.MaxTokens.Set && r.MaxTokens.Value < 1 {
		return llm.Invalid(field, "%s must be at least 1, not %d", field, r.MaxTokens.Value)
	}
	if v := r.Temperature; v.Set && (v.Value < 0 || v.Value > 2) {
		return llm.Invalid("temperature", "temperature must be between 0 and 2, not %v", v.Value)
	}
	if v := r.TopP; v.Set && (v.Value < 0 || v.Value > 1) {
		return llm.Invalid("top_p", "top_p must be between 0 and 1, not %v", v.Value)
	}
	if v := r.TopK; v.Set && v.Value < 0 {
		return llm.Invalid("top_k", "top_k must not be negative, not %d", v.Value)
	}
	for _, s := range w.Stop {
		if s == "" {
			d.warn(llm.WarnDropped, "stop")
			continue
		}
		r.Stop = append(r.Stop, s)
	}
	if w.ReasoningEffort.Set {
		switch effort := w.ReasoningEffort.Value; effort {
		case "none", "minimal", "low", "medium", "high", "xhigh", "max":
			r.Reasoning.Effort = effort
		default:
			return llm.Invalid("reasoning_effort", "reasoning_effort must be none, minimal, low, medium, high, xhigh or max, not %q", effort)
		}
	}
	if len(w.Thinking) > 0 && w.Thinking.Kind() != 'n' {
		if w.Thinking.Kind() != '{' {
			return llm.Invalid("thinking", "thinking must be an object, not %s", jsonx.KindName(w.Thinking.Kind()))
		}
		r.Reasoning.Thinking = w.Thinking
	}
	if tier := w.ServiceTier.Value; tier == "auto" {
		r.ServiceTier = "default"
	} else {
		r.ServiceTier = tier
	}
	return nil
}

// outside are OpenAI's settings that no Converse model takes.
func (d *decoder) outside(w *wireRequest) error {
	var wrong []error
	refuse := func(bad bool, field, why string) {
		if bad {
			wrong = append(wrong, d.refuse(field, "%s cannot be kept: %s", field, why))
		}
	}
	if w.N.Set && w.N.Value < 1 {
		return llm.Invalid("n", "n must be at least 1, not %d", w.N.Value)
	}
	refuse(w.N.Value > 1, "n", "this model gives one choice a call")
	refuse(w.Logprobs, "logprobs", "the provider gives no log probabilities")
	refuse(w.TopLogprobs.Value > 0, "top_logprobs", "the provider gives no log probabilities")
	refuse(w.PresencePenalty.Value != 0, "presence_penalty", "the provider has no penalties")
	refuse(w.FrequencyPenalty.Value != 0, "frequency_penalty", "the provider has no penalties")
	refuse(w.ParallelToolCalls.Set && !w.ParallelToolCalls.Value && len(w.Tools) > 0, "parallel_tool_calls", "parallel tool calls cannot be switched off yet")
	for _, m := range w.Modalities {
		refuse(m != "text", "modalities", "only text comes back")
	}
	if w.Store {
		d.warn(llm.WarnDropped, "store")
	}
	for _, err := range wrong {
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) format(w *wireRequest) error {
	f := &w.ResponseFormat
	switch f.Type {
	case "", "text":
		return nil
	case "json_schema":
		if f.JSONSchema == nil || f.JSONSchema.Schema.Kind() != '{' {
			return llm.Invalid("response_format.json_schema.schema", "response_format.json_schema.schema is required: a JSON schema, an object")
		}
		s := f.JSONSchema
		schema, err := jsonx.Compact(s.Schema)
		if err != nil {
			return decodeError(err)
		}
		d.out.LLM.Format = &llm.Format{Name: s.Name, Description: s.Description, Schema: schema, Strict: s.Strict.Opt}
		return nil
	case "json_object":
		return d.refuse("response_format", "response_format json_object cannot be kept yet; json_schema can")
	default:
		return llm.Invalid("response_format.type", "response_format.type must be text, json_object or json_schema, not %q", f.Type)
	}
}

// fate is what becomes of a member that wireRequest does not name.
type fate uint8

const (
	fateModel     fate = iota // it is the model's own
	fateExtension             // it belongs to the target's API
	fateNoEffect              // it steers nothing here: a warning
	fateRefuse                // without it the answer would mean something else
)

// known says what becomes of OpenAI's and LiteLLM's members without a field.
func known(name string) fate {
	switch name {
	case "guardrailConfig", "performanceConfig", "requestMetadata", "promptVariables", "additionalModelResponseFieldPaths", "serviceTier", "outputConfig":
		return fateExtension
	case "seed", "user", "metadata", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "prediction", "verbosity",
		"litellm_metadata", "tags", "caching", "cache", "num_retries", "timeout", "request_timeout", "max_retries", "fallbacks",
		"context_window_fallback_dict", "priority", "no-log", "litellm_call_id", "litellm_trace_id", "proxy_server_request",
		"allowed_openai_params", "additional_drop_params", "extra_headers":
		return fateNoEffect
	case "logit_bias", "functions", "function_call", "audio", "web_search_options", "guardrails", "mock_response",
		"user_config", "prompt_id", "prompt_variables", "custom_llm_provider", "modify_params":
		return fateRefuse
	default:
		return fateModel
	}
}

func (d *decoder) rest(w *wireRequest) error {
	members, err := jsonx.Members(w.Rest)
	if err != nil {
		return decodeError(err)
	}
	if members, err = d.access(members, d.brings); err != nil {
		return err
	}
	r := &d.out.LLM
	own := map[string]bool{}
	for _, m := range members {
		if m.Value.Kind() == 'n' {
			continue
		}
		if m.Name == "additionalModelRequestFields" {
			fields, err := jsonx.Members(m.Value)
			if err != nil {
				return llm.Invalid(m.Name, "%s must be an object", m.Name)
			}
			for _, f := range fields {
				if err := d.modelField(own, f); err != nil {
					return err
				}
			}
			continue
		}
		switch known(m.Name) {
		case fateExtension:
			r.Extensions = append(r.Extensions, m)
		case fateNoEffect:
			d.warn(llm.WarnDropped, m.Name)
		case fateRefuse:
			if empty(m) {
				continue
			}
			if err := d.refuse(m.Name, "%s cannot be kept%s", m.Name, hintFor(m.Name)); err != nil {
				return err
			}
		case fateModel:
			if err := d.modelField(own, m); err != nil {
				return err
			}
		}
	}
	return nil
}

// modelField adds a setting that only the model knows. It may stand at the top
// and in additionalModelRequestFields, but not in both.
func (d *decoder) modelField(own map[string]bool, m jsonx.Member) error {
	if own[m.Name] {
		return llm.Invalid(m.Name, "%s is given twice, at the top and in additionalModelRequestFields", m.Name)
	}
	own[m.Name] = true
	d.out.LLM.ModelFields = append(d.out.LLM.ModelFields, m)
	return nil
}

// empty reports whether a member asks for nothing: an empty string, list or
// object. An empty object of options is not nothing.
func empty(m jsonx.Member) bool {
	switch m.Value.Kind() {
	case '"':
		return len(m.Value) == len(`""`)
	case '[':
		return len(strings.Trim(string(m.Value), "[] \t\r\n")) == 0
	case '{':
		return m.Name != "web_search_options" && len(strings.Trim(string(m.Value), "{} \t\r\n")) == 0
	default:
		return false
	}
}

func hintFor(name string) string {
	switch name {
	case "functions":
		return "; tools says the same"
	case "function_call":
		return "; tool_choice says the same"
	case "api_key", "api_base", "base_url", "user_config", "custom_llm_provider":
		return ": credentials and addresses come from the gateway's configuration"
	default:
		return ""
	}
}
