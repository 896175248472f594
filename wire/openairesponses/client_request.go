package openairesponses

import (
	"slices"
	"strings"
	"unicode/utf8"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/litellm"
	"outcrop/wire/openaipart"
)

// Form is what is known of an endpoint of the Responses API and of the model that is called there. The zero
// value is an endpoint that encrypts no reasoning and does not search the web.
type Form struct {
	// Sealer names who encrypts the model's reasoning, such as openai, so that it can be sent back to it and
	// to nobody else; empty if the model has none or does not encrypt it. It has no point in it.
	Sealer string
	// Summary is whether a request that sets how much the model shall think also gets a summary of its thoughts,
	// as clients of other dialects expect it. OpenAI gives summaries to organizations only that it has verified,
	// and refuses the request of others.
	Summary bool
	// WebSearch is whether the endpoint has the tool web_search.
	WebSearch bool
}

// AppendRequest writes a request for a response, in OpenAI's format as of 2026, without n: a gateway asks for
// each choice separately. The endpoint is asked to keep nothing, and for the model's reasoning in the
// encrypted form in which it can be sent back.
//
// What the dialect cannot say is left out with a warning where that does not change the meaning; otherwise
// the error is an *llm.Error, unless req.DropParams is set.
func AppendRequest(w *jsonx.Writer, req *llm.Request, model string, form *Form) ([]llm.Warning, error) {
	req, dropped := req.WithoutOllamas()
	e := &requestWriter{w: w, req: req, form: form, warnings: dropped}
	w.Object()
	w.Key("model")
	w.String(model)
	for _, step := range []func() error{e.instructions, e.input, e.tools, e.settings, e.reasoning, e.unmapped} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	e.text()
	e.includes()
	w.Key("store")
	w.Bool(false)
	if req.Stream {
		w.Key("stream")
		w.Bool(true)
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

	verbosity jsonx.Raw // of the text; empty if it is not set
	probs     bool      // whether log probabilities are included

	custom, customCalls map[string]bool // tools with free text as input by name, and their calls by id
}

func (e *requestWriter) warn(code, field, detail string) {
	e.warnings = append(e.warnings, llm.Warning{Code: code, Field: field, Detail: detail})
}

// once warns of something that is left out and may occur many times in a request; the detail decides what is the
// same.
func (e *requestWriter) once(field, detail string) {
	if e.told[detail] {
		return
	}
	if e.told == nil {
		e.told = map[string]bool{}
	}
	e.told[detail] = true
	e.warn(llm.WarnDropped, field, detail)
}

// name is the client's name of a field.
func (e *requestWriter) name(kind llm.FieldKind) string {
	return e.req.FieldName(llm.Field{Kind: kind})
}

// refuse returns the error for a setting that the dialect does not have; under drop_params it is
// dropped with a warning instead.
func (e *requestWriter) refuse(field, format string, args ...any) error {
	return e.req.Refuse(e.warn, field, format, args...)
}

// given reports whether the request sets a member of the endpoint's own, which takes precedence.
func (e *requestWriter) given(name string) bool { return jsonx.Find(e.req.ModelFields, name) != nil }

// key begins a member, unless it is given.
func (e *requestWriter) key(name string) bool {
	if e.given(name) {
		return false
	}
	e.w.Key(name)
	return true
}

// minOutput is the smallest limit of tokens that OpenAI's Responses API takes: it refuses a smaller one with
// "integer below minimum value. Expected a value >= 16".
const minOutput = 16

// maxUser is the length of the longest user that the API takes, in characters. LiteLLM cuts a longer one
// (litellm/completion_extras/litellm_responses_transformation/transformation.py, 1.110.2).
const maxUser = 64

// settings writes the settings that llm has a field for, and the parameters of the endpoint's own.
func (e *requestWriter) settings() error {
	w, req := e.w, e.req
	if v := req.MaxTokens; v.Set && e.key("max_output_tokens") {
		if v.Value < minOutput {
			e.warn(llm.WarnChanged, e.name(llm.FieldMaxTokens), "became 16, the least that the Responses API takes")
		}
		w.Int(max(v.Value, minOutput))
	}
	if req.Temperature.Set && e.key("temperature") {
		w.Float(req.Temperature.Value)
	}
	if req.TopP.Set && e.key("top_p") {
		w.Float(req.TopP.Value)
	}
	if err := e.lacking(); err != nil {
		return err
	}
	if req.ServiceTier != "" && e.key("service_tier") {
		w.String(req.ServiceTier)
	}
	if user := req.User; user != "" && e.key("user") {
		if utf8.RuneCountInString(user) > maxUser {
			e.warn(llm.WarnChanged, e.name(llm.FieldUser), "was cut to 64 characters, the most that the Responses API takes")
			user = string([]rune(user)[:maxUser])
		}
		w.String(user)
	}
	if req.CacheRetention != "" && e.key("prompt_cache_retention") {
		w.String(req.CacheRetention)
	}
	if len(req.Metadata) > 0 && e.key("metadata") {
		w.Object()
		for _, l := range req.Metadata {
			w.AnyKey(l.Name)
			w.String(l.Value)
		}
		w.EndObject()
	}
	for _, m := range req.Extensions {
		if err := e.refuse(m.Name, "%s is a setting of AWS Bedrock, which this model does not have", m.Name); err != nil {
			return err
		}
	}
	return e.own()
}

// lacking refuses the settings that the API does not have.
func (e *requestWriter) lacking() error {
	req := e.req
	if len(req.Stop) > 0 {
		field := e.name(llm.FieldStop)
		if err := e.refuse(field, "%s is not supported: the model is called by the Responses API, which has no stop sequences", field); err != nil {
			return err
		}
	}
	if !req.TopK.Set || e.given("top_k") {
		return nil
	}
	field := e.name(llm.FieldTopK)
	if req.SamplingOptional {
		e.warn(llm.WarnDropped, field, "the Responses API has no such setting")
		return nil
	}
	return e.refuse(field, "%s is not supported: the model is called by the Responses API, which has no such setting", field)
}

// own writes the parameters that the client has set by the endpoint's own names.
func (e *requestWriter) own() error {
	for _, m := range e.req.ModelFields {
		switch m.Name {
		case "store":
			e.store(&m, m.Name)
		case "background":
			if jsonx.Empty(m.Value) {
				continue
			}
			if err := e.refuse(m.Name, "%s is not supported here: send the request to /v1/responses", m.Name); err != nil {
				return err
			}
		case "instructions", "include": // they are joined with what is written
		case "model", "input", "stream", "tools", "previous_response_id", "conversation", "prompt": // what the provider keeps may be somebody else's
			if err := e.refuse(m.Name, "%s is a member of the Responses API; send the request to /v1/responses", m.Name); err != nil {
				return err
			}
		default:
			e.w.AnyKey(m.Name)
			e.w.Raw(m.Value)
		}
	}
	return nil
}

// store warns of a client that wants the endpoint to keep the response.
func (e *requestWriter) store(m *jsonx.Member, field string) {
	if !jsonx.Empty(m.Value) && m.Value.Kind() != 'n' {
		e.warn(llm.WarnDropped, field, "the provider is asked to keep nothing")
	}
}

// reasoning writes how much the model shall think, and how its thoughts are reported.
func (e *requestWriter) reasoning() error {
	effort, summary, thinking := e.req.Reasoning.Effort, e.req.Reasoning.Summary, e.req.Reasoning.Thinking
	if len(thinking) > 0 && effort == "" {
		field := e.name(llm.FieldThinking)
		var err error
		if effort, err = litellm.EffortOf(field, thinking); err != nil {
			return err
		}
		if effort == "" {
			e.warn(llm.WarnDropped, field, "the model decides itself whether it thinks")
		} else {
			e.warn(llm.WarnChanged, field, "became reasoning effort "+effort)
		}
	}
	if summary == "" && e.form.Summary && effort != "" && effort != "none" {
		summary = "auto"
	}
	if effort != "" && e.given("reasoning") {
		e.warn(llm.WarnDropped, e.name(llm.FieldEffort), "the request has reasoning too, which takes its place")
	}
	if effort == "" && summary == "" || !e.key("reasoning") {
		return nil
	}
	e.w.Object()
	if effort != "" {
		e.w.Key("effort")
		e.w.String(effort)
	}
	if summary != "" {
		e.w.Key("summary")
		e.w.Word(summary)
	}
	e.w.EndObject()
	return nil
}

// unmapped handles OpenAI's parameters of chat completions without a field in llm. Those that hardly change
// a response are dropped with a warning; the others are refused unless they ask for what happens anyway.
func (e *requestWriter) unmapped() error {
	for i := range e.req.Unmapped {
		m := &e.req.Unmapped[i]
		name := e.req.FieldName(llm.Field{Kind: llm.FieldUnmapped, Name: m.Name})
		switch m.Name {
		case "verbosity":
			e.verbosity = m.Value
		case "logprobs":
			e.probs = e.probs || !jsonx.Empty(m.Value)
		case "top_logprobs":
			if llm.Asks(m) && e.key(m.Name) {
				e.probs = true
				e.w.Raw(m.Value)
			}
		case "prompt_cache_key", "safety_identifier":
			if e.key(m.Name) {
				e.w.Raw(m.Value)
			}
		case "store":
			e.store(m, name)
		case "seed", "prediction":
			e.warn(llm.WarnDropped, name, "the Responses API has no such setting")
		default:
			if !llm.Asks(m) {
				continue
			}
			if err := e.refuse(name, "%s is not supported: the model is called by the Responses API, which has no such setting", name); err != nil {
				return err
			}
		}
	}
	return nil
}

// text writes the form of the response's text.
func (e *requestWriter) text() {
	f, w := e.req.Format, e.w
	if f != nil && e.given("text") {
		e.warn(llm.WarnDropped, e.name(llm.FieldFormat), "the request has text too, which takes its place")
	}
	if f == nil && len(e.verbosity) == 0 || !e.key("text") {
		return
	}
	w.Object()
	if f != nil {
		w.Key("format")
		w.Object()
		w.Key("type")
		if len(f.Schema) == 0 {
			w.Word("json_object")
		} else {
			w.Word("json_schema")
			openaipart.AppendSchema(w, f)
		}
		w.EndObject()
	}
	if len(e.verbosity) > 0 {
		w.Key("verbosity")
		w.Raw(e.verbosity)
	}
	w.EndObject()
}

// includes writes what the response shall contain in addition.
func (e *requestWriter) includes() {
	var all []string
	_ = jsonx.Unmarshal(jsonx.Find(e.req.ModelFields, "include"), &all) // what is no list of texts asks for nothing
	if e.form.Sealer != "" {
		all = append(all, "reasoning.encrypted_content")
	}
	if e.probs {
		all = append(all, "message.output_text.logprobs")
	}
	if len(all) == 0 {
		return
	}
	e.w.Key("include")
	e.w.Array()
	for i, word := range all {
		if !slices.Contains(all[:i], word) {
			e.w.String(word)
		}
	}
	e.w.EndArray()
}

// jsonAlone reports whether the response shall be JSON of any form. The API refuses that unless the input,
// which the instructions are no part of, has the word JSON in it (as of LiteLLM 1.110.2,
// litellm/completion_extras/litellm_responses_transformation/transformation.py).
func (e *requestWriter) jsonAlone() bool { return e.req.Format != nil && len(e.req.Format.Schema) == 0 }

// instructions writes the system prompt.
func (e *requestWriter) instructions() error {
	text, err := e.system()
	if err != nil || text == "" || e.jsonAlone() {
		return err
	}
	e.w.Key("instructions")
	e.w.String(text)
	return nil
}

// system is the text of the system prompt.
func (e *requestWriter) system() (string, error) {
	var texts []string
	for i := range e.req.System {
		switch b := &e.req.System[i]; {
		case b.Kind == llm.BlockCachePoint:
			e.cachePoint()
		case (b.Kind == llm.BlockText || b.Kind == llm.BlockOther) && b.Text != "":
			texts = append(texts, b.Text)
		case b.Kind == llm.BlockText:
		default:
			field := e.name(llm.FieldSystem)
			return "", llm.Unsupported(field, "%s must be text for this model", field)
		}
	}
	var more string
	if raw := jsonx.Find(e.req.ModelFields, "instructions"); raw != nil {
		if err := jsonx.Unmarshal(raw, &more); err != nil {
			return "", llm.Invalid("instructions", "instructions must be a string, not %s", jsonx.KindName(raw.Kind()))
		}
	}
	if more != "" {
		texts = append(texts, more)
	}
	return strings.Join(texts, "\n\n"), nil
}

// cachePoint warns of a cache point.
func (e *requestWriter) cachePoint() {
	e.once(e.name(llm.FieldCache), "the provider decides itself what it caches")
}
