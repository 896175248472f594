package coherechat

import (
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// AppendRequest writes a request as a body of the chat API. It returns what it changed or left out.
// The error is an *llm.Error for what the API does not have.
func AppendRequest(w *jsonx.Writer, req *llm.Request, model string) ([]llm.Warning, error) {
	req, dropped := req.WithoutOllamas()
	e := &encoder{w: w, req: req, Notes: llm.NewNotes(req, dropped)}
	w.Object()
	w.Key("model")
	w.String(model)
	if req.Stream {
		w.Key("stream")
		w.Bool(true)
	}
	for _, step := range []func() error{e.messages, e.tools, e.settings} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	e.documents()
	for _, m := range req.ModelFields {
		if m.Name != "documents" {
			w.AnyKey(m.Name)
			w.Raw(m.Value)
		}
	}
	w.EndObject()
	return e.Warnings, nil
}

// encoder is the state of one AppendRequest.
type encoder struct {
	w     *jsonx.Writer
	req   *llm.Request
	files []*llm.Media // documents as text, which the API takes outside the messages
	llm.Notes
}

// warn adds a warning about a field.
func (e *encoder) warn(code string, f llm.Field, detail string) {
	e.Warn(code, e.req.FieldName(f), detail)
}

// key begins a member, unless the request sets it itself.
func (e *encoder) key(name string) bool {
	if e.Given(name) {
		return false
	}
	e.w.Key(name)
	return true
}

func (e *encoder) settings() error {
	w, req := e.w, e.req
	if req.MaxTokens.Set && e.key("max_tokens") {
		w.Int(req.MaxTokens.Value)
	}
	if req.Temperature.Set && e.key("temperature") {
		w.Float(req.Temperature.Value)
	}
	if req.TopP.Set && e.key("p") {
		w.Float(req.TopP.Value)
	}
	if req.TopK.Set && e.key("k") {
		w.Int(req.TopK.Value)
	}
	if len(req.Stop) > 0 && e.key("stop_sequences") {
		w.Array()
		for _, s := range req.Stop {
			w.String(s)
		}
		w.EndArray()
	}
	if f := req.Format; f != nil && e.key("response_format") {
		w.Object()
		w.Key("type")
		w.Word("json_object")
		if len(f.Schema) > 0 {
			w.Key("json_schema")
			w.Raw(f.Schema)
		}
		w.EndObject()
	}
	if err := e.thinking(); err != nil {
		return err
	}
	e.others()
	return e.unmapped()
}

// thinking writes whether and how long the model thinks (https://docs.cohere.com/docs/reasoning). The
// budgets of efforts are LiteLLM's.
func (e *encoder) thinking() error {
	effort, budget := e.req.Reasoning.Effort, int64(0)
	if raw := e.req.Reasoning.Thinking; len(raw) > 0 {
		var t struct {
			Type   string    `json:"type"`
			Budget int64     `json:"budget_tokens"`
			Own    int64     `json:"token_budget"` // Cohere's name
			Rest   jsonx.Raw `json:",embed"`
		}
		if err := jsonx.Unmarshal(raw, &t); err != nil {
			name := e.req.FieldName(llm.Field{Kind: llm.FieldThinking})
			return llm.Invalid(name, "%s is not valid: %v", name, err)
		}
		budget = max(t.Budget, t.Own)
		if effort = "high"; t.Type == "disabled" {
			effort, budget = "none", 0
		}
	}
	switch {
	case budget > 0:
	case effort == "minimal":
		budget = 512
	case effort == "low":
		budget = 1024
	case effort == "medium":
		budget = 2048
	}
	if effort == "" || !e.key("thinking") {
		return nil
	}
	e.w.Object()
	e.w.Key("type")
	if effort == "none" {
		e.w.Word("disabled")
	} else {
		e.w.Word("enabled")
	}
	if budget > 0 {
		e.w.Key("token_budget")
		e.w.Int(budget)
	}
	e.w.EndObject()
	return nil
}

// others tells of what the API has no place for.
func (e *encoder) others() {
	e.LeaveOut(llm.Lacks{
		User: "Cohere's API takes no user", Metadata: "Cohere's API takes no metadata", ServiceTier: "Cohere's API has no service tiers",
		CacheRetention: "Cohere caches prompts by itself",
	})
}

// unmapped handles OpenAI's parameters without a field in llm.
func (e *encoder) unmapped() error {
	return e.Unmapped(func(m *jsonx.Member) {
		if e.key(m.Name) {
			e.w.Raw(m.Value)
		}
	}, func(name string) error { return e.Refuse(name, "%s is not supported by Cohere's API", name) })
}

// documents writes the documents of the messages, and behind them those that the request sets itself.
func (e *encoder) documents() {
	own := jsonx.Find(e.req.ModelFields, "documents")
	var more []jsonx.Raw
	if len(own) > 0 && jsonx.Unmarshal(own, &more) != nil || len(e.files) == 0 {
		if len(own) > 0 {
			e.w.Key("documents")
			e.w.Raw(own)
		}
		return
	}
	e.w.Key("documents")
	e.w.Array()
	for i, m := range e.files {
		e.w.Object()
		e.w.Key("id")
		e.w.Word("file-" + strconv.Itoa(i+1))
		e.w.Key("data")
		e.w.Object()
		if m.Name != "" {
			e.w.Key("title")
			e.w.String(m.Name)
		}
		if m.Context != "" {
			e.w.Key("context")
			e.w.String(m.Context)
		}
		e.w.Key("text")
		e.w.String(m.Text)
		e.w.EndObject()
		e.w.EndObject()
	}
	for _, d := range more {
		e.w.Raw(d)
	}
	e.w.EndArray()
}

// tools writes the tools and how they are chosen (https://docs.cohere.com/v2/docs/tool-use-overview).
func (e *encoder) tools() error {
	req, w := e.req, e.w
	if req.WebSearch != nil {
		name := req.FieldName(llm.Field{Kind: llm.FieldWebSearch})
		if req.WebSearchOptional {
			e.Dropped(llm.FieldWebSearch, "Cohere's models do not search the web")
		} else if err := e.Refuse(name, "%s is not supported: Cohere's models do not search the web", name); err != nil {
			return err
		}
	}
	named := ""
	if req.ToolChoice.Kind == llm.ToolChoiceNamed {
		named = req.ToolChoice.Name
	}
	strict := 0
	var offered []*llm.Tool
	for i := range req.Tools {
		t := &req.Tools[i]
		if t.Other != nil || len(t.Own) > 0 {
			name := req.FieldName(llm.Field{Kind: llm.FieldTool, Index: t.At(i)})
			return llm.Unsupported(name, "%s: this tool has no form in Cohere's API; it takes function tools", name)
		}
		if t.Cache != nil {
			e.cachePoint()
		}
		if named != "" && t.Name != named {
			continue
		}
		if t.Strict.Value {
			strict++
		}
		offered = append(offered, t)
	}
	if len(offered) == 0 {
		return nil
	}
	if len(offered) < len(req.Tools) {
		e.warn(llm.WarnChanged, llm.Field{Kind: llm.FieldTools}, "only "+strconv.Quote(llm.Clip(named, 60))+" is offered, because Cohere's API cannot name the tool to call")
	}
	if set := req.ParallelTools; set.Set && !set.Value {
		e.Dropped(llm.FieldParallelTools, "Cohere's models may call several tools at once")
	}
	w.Key("tools")
	w.Array()
	for _, t := range offered {
		appendTool(w, t)
	}
	w.EndArray()
	if strict > 0 && e.key("strict_tools") {
		w.Bool(true)
		if strict < len(offered) {
			e.warn(llm.WarnChanged, llm.Field{Kind: llm.FieldTools}, "all tools are strict, because Cohere's API has one setting for all of them")
		}
	}
	word := ""
	switch req.ToolChoice.Kind {
	case llm.ToolChoiceAny, llm.ToolChoiceNamed:
		word = "REQUIRED"
	case llm.ToolChoiceNone:
		word = "NONE"
	case llm.ToolChoiceAuto, llm.ToolChoiceUnset: // the default
	}
	if word != "" && e.key("tool_choice") {
		w.Word(word)
	}
	return nil
}

func appendTool(w *jsonx.Writer, t *llm.Tool) {
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
	w.Key("parameters") // it is required
	if len(t.Schema) > 0 && t.Schema.Kind() == '{' {
		w.Raw(t.Schema)
	} else {
		w.Raw(jsonx.Raw(`{"type":"object","properties":{}}`))
	}
	w.EndObject()
	w.EndObject()
}

func (e *encoder) cachePoint() { e.Dropped(llm.FieldCache, "Cohere caches prompts by itself") }

// isText reports whether a document's format is text as it is.
func isText(format string) bool {
	return slices.Contains([]string{"txt", "md", "csv", "html", "json", "xml"}, strings.ToLower(format))
}
