// Package ollama implements Ollama's own chat API, as a client of it: it encodes requests of llm's form,
// and decodes responses and streams.
//
// The format is described at https://docs.ollama.com/api/chat.
package ollama

import (
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// AppendRequest writes a request as a body of the chat API. It returns what it changed or left out.
// The error is an *llm.Error for what the API does not have.
func AppendRequest(w *jsonx.Writer, req *llm.Request, model string) ([]llm.Warning, error) {
	e := &encoder{w: w, req: req, model: model, called: map[string]string{}, Notes: llm.NewNotes(req, nil)}
	w.Object()
	w.Key("model")
	w.String(model)
	w.Key("stream")
	w.Bool(req.Stream)
	for _, step := range []func() error{e.messages, e.tools, e.think, e.options} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	if f := req.Format; f != nil && e.key("format") {
		if len(f.Schema) > 0 {
			w.Raw(f.Schema)
		} else {
			w.Word("json")
		}
	}
	for _, m := range req.ModelFields {
		if top(m.Name) {
			w.AnyKey(m.Name)
			w.Raw(m.Value)
		}
	}
	w.EndObject()
	return e.Warnings, nil
}

// top reports whether a parameter is a member of the request; the others are options of the model.
func top(name string) bool {
	switch name {
	case "keep_alive", "think", "format", "truncate", "shift":
		return true
	default:
		return false
	}
}

// encoder is the state of one AppendRequest.
type encoder struct {
	w      *jsonx.Writer
	req    *llm.Request
	model  string
	called map[string]string // id of a call to its name
	llm.Notes
}

// name is the client's name for a field.
func (e *encoder) name(kind llm.FieldKind) string { return e.req.FieldName(llm.Field{Kind: kind}) }

// key begins a member, unless the request sets it itself.
func (e *encoder) key(name string) bool {
	if e.Given(name) {
		return false
	}
	e.w.Key(name)
	return true
}

// think writes whether the model thinks (https://docs.ollama.com/capabilities/thinking): levels are for
// gpt-oss, which always thinks, and yes or no for all others.
func (e *encoder) think() error {
	effort := e.req.Reasoning.Effort
	if raw := e.req.Reasoning.Thinking; len(raw) > 0 {
		var t struct {
			Type   string    `json:"type"`
			Budget int64     `json:"budget_tokens"`
			Rest   jsonx.Raw `json:",embed"`
		}
		if err := jsonx.Unmarshal(raw, &t); err != nil {
			name := e.name(llm.FieldThinking)
			return llm.Invalid(name, "%s is not valid: %v", name, err)
		}
		if effort = "medium"; t.Type == "disabled" {
			effort = "none"
		} else if t.Budget > 0 {
			e.Warn(llm.WarnChanged, e.name(llm.FieldThinking), "Ollama has no budget of tokens to think")
		}
	}
	if effort == "" || !e.key("think") {
		return nil
	}
	if !strings.Contains(strings.ToLower(e.model), "gpt-oss") {
		e.w.Bool(effort != "none")
		return nil
	}
	level := effort
	switch effort {
	case "none", "minimal":
		level = "low"
	case "xhigh", "max":
		level = "high"
	}
	if level != effort {
		e.Warn(llm.WarnChanged, e.name(llm.FieldEffort), "set to "+level+"; this model has the levels low, medium and high")
	}
	e.w.Word(level)
	return nil
}

// options writes the options of the model (https://docs.ollama.com/modelfile#parameter).
func (e *encoder) options() error {
	own := jsonx.Writer{}
	outer, req := e.w, e.req
	e.w = &own
	defer func() { e.w = outer }()
	own.Object()
	if req.MaxTokens.Set { // before num_predict, which may be the operator's default
		own.Key("num_predict")
		own.Int(req.MaxTokens.Value)
		if jsonx.Find(req.ModelFields, "num_predict") != nil {
			e.Warn(llm.WarnDropped, req.FieldName(llm.Field{Kind: llm.FieldModelFields, Name: "num_predict"}), "max_tokens says the same")
		}
	}
	if req.Temperature.Set && e.key("temperature") {
		own.Float(req.Temperature.Value)
	}
	if req.TopP.Set && e.key("top_p") {
		own.Float(req.TopP.Value)
	}
	if req.TopK.Set && e.key("top_k") {
		own.Int(req.TopK.Value)
	}
	if len(req.Stop) > 0 && e.key("stop") {
		own.Array()
		for _, s := range req.Stop {
			own.String(s)
		}
		own.EndArray()
	}
	if err := e.unmapped(); err != nil {
		return err
	}
	for _, m := range req.ModelFields {
		if m.Name == "num_predict" && req.MaxTokens.Set {
			continue
		}
		if m.Name == "options" {
			more, err := jsonx.Members(m.Value)
			if err != nil {
				return llm.Invalid("options", "options is an object with options of the model: %v", err)
			}
			for _, o := range more {
				if (o.Name != "num_predict" || !req.MaxTokens.Set) && e.key(o.Name) {
					own.Raw(o.Value)
				}
			}
		} else if !top(m.Name) {
			own.AnyKey(m.Name)
			own.Raw(m.Value)
		}
	}
	own.EndObject()
	if len(own.Buf) > len("{}") {
		outer.Key("options")
		outer.Raw(own.Buf)
	}
	e.others()
	return nil
}

// unmapped handles OpenAI's parameters without a field in llm.
func (e *encoder) unmapped() error {
	return e.Unmapped(func(m *jsonx.Member) {
		if e.key(m.Name) {
			e.w.Raw(m.Value)
		}
	}, func(name string) error { return e.Refuse(name, "%s is not supported by Ollama's API", name) })
}

// others tells of what the API has no place for.
func (e *encoder) others() {
	e.LeaveOut(llm.Lacks{
		User: "Ollama's API takes no user", Metadata: "Ollama's API takes no metadata", ServiceTier: "Ollama has no service tiers",
		CacheRetention: "Ollama caches prompts by itself",
	})
}

// tools writes the tools. The API cannot say how they are chosen.
func (e *encoder) tools() error {
	req, w := e.req, e.w
	if req.WebSearch != nil {
		name := e.name(llm.FieldWebSearch)
		if req.WebSearchOptional {
			e.Dropped(llm.FieldWebSearch, "models do not search the web by this API")
		} else if err := e.Refuse(name, "%s is not supported: models do not search the web by this API", name); err != nil {
			return err
		}
	}
	var offered []*llm.Tool
	for i := range req.Tools {
		t := &req.Tools[i]
		path := req.FieldName(llm.Field{Kind: llm.FieldTool, Index: t.At(i)})
		if t.Other != nil || len(t.Own) > 0 {
			return llm.Unsupported(path, "%s: this tool has no form in Ollama's API; it takes function tools", path)
		}
		if t.Cache != nil {
			e.cachePoint()
		}
		if t.Strict.Value {
			e.Warn(llm.WarnDropped, req.FieldName(llm.Field{Kind: llm.FieldToolStrict, Index: t.At(i)}), "Ollama has no strict tools")
		}
		if req.ToolChoice.Kind != llm.ToolChoiceNamed || t.Name == req.ToolChoice.Name {
			offered = append(offered, t)
		}
	}
	if len(req.Tools) == 0 {
		return nil
	}
	switch req.ToolChoice.Kind {
	case llm.ToolChoiceNone:
		e.Warn(llm.WarnChanged, e.name(llm.FieldTools), "no tool is offered, because none may be called")
		return nil
	case llm.ToolChoiceAny:
		e.Dropped(llm.FieldToolChoice, "Ollama cannot force a call; the model may answer without one")
	case llm.ToolChoiceNamed:
		e.Warn(llm.WarnChanged, e.name(llm.FieldToolChoice), "only this tool is offered; Ollama cannot force a call")
	case llm.ToolChoiceAuto, llm.ToolChoiceUnset: // the default
	}
	if set := req.ParallelTools; set.Set && !set.Value {
		e.Dropped(llm.FieldParallelTools, "Ollama does not limit the number of calls")
	}
	if len(offered) == 0 {
		return nil
	}
	w.Key("tools")
	w.Array()
	for _, t := range offered {
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
		if len(t.Schema) > 0 && t.Schema.Kind() == '{' {
			w.Raw(t.Schema)
		} else {
			w.Raw(jsonx.Raw(`{"type":"object","properties":{}}`))
		}
		w.EndObject()
		w.EndObject()
	}
	w.EndArray()
	return nil
}

func (e *encoder) cachePoint() { e.Dropped(llm.FieldCache, "Ollama caches prompts by itself") }
