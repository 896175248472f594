package gemini

import (
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// tools writes the tools and how they are chosen.
func (e *encoder) tools() error {
	req, w := e.req, e.w
	for i := range req.Tools {
		t := &req.Tools[i]
		path := e.req.FieldName(llm.Field{Kind: llm.FieldTool, Index: t.At(i)})
		if t.Other != nil && t.Other.Name != dialectTool || len(t.Own) > 0 {
			return llm.Unsupported(path, "%s: this tool has no form in Gemini's API; it takes function tools", path)
		}
		if t.Cache != nil {
			e.cachePoint()
		}
	}
	if len(req.Tools) == 0 && req.WebSearch == nil {
		return nil
	}
	w.Key("tools")
	w.Array()
	if slices.ContainsFunc(req.Tools, func(t llm.Tool) bool { return t.Other == nil }) {
		w.Object()
		w.Key("functionDeclarations")
		w.Array()
		for i := range req.Tools {
			if t := &req.Tools[i]; t.Other == nil {
				e.function(t, t.At(i))
			}
		}
		w.EndArray()
		w.EndObject()
	}
	for i := range req.Tools {
		if t := &req.Tools[i]; t.Other != nil {
			w.Raw(t.Other.Value)
		}
	}
	if req.WebSearch != nil {
		w.Raw(jsonx.Raw(`{"googleSearch":{}}`))
		if !jsonx.Empty(req.WebSearch) {
			e.dropped(llm.FieldWebSearch, "Gemini's web search has no settings")
		}
	}
	w.EndArray()
	e.choice()
	return nil
}

// dialectTool is the name of a tool in Other that is in Gemini's own form.
const dialectTool = "gemini"

func (e *encoder) function(t *llm.Tool, at int) {
	w := e.w
	w.Object()
	w.Key("name")
	w.String(t.Name)
	if t.Description != "" {
		w.Key("description")
		w.String(t.Description)
	}
	if len(t.Schema) > 0 && !jsonx.Empty(t.Schema) {
		w.Key("parametersJsonSchema")
		w.Raw(t.Schema)
	}
	w.EndObject()
	if t.Strict.Value && !e.strict {
		e.strict = true
		e.warn(llm.WarnDropped, e.req.FieldName(llm.Field{Kind: llm.FieldToolStrict, Index: at}), "Gemini has no strict tools")
	}
}

// choice writes toolConfig (https://ai.google.dev/api/caching#FunctionCallingConfig).
func (e *encoder) choice() {
	if set := e.req.ParallelTools; set.Set && !set.Value && len(e.req.Tools) > 0 {
		e.dropped(llm.FieldParallelTools, "Gemini may call several tools at once")
	}
	mode, name := "", ""
	switch e.req.ToolChoice.Kind {
	case llm.ToolChoiceAuto:
		mode = "AUTO"
	case llm.ToolChoiceNone:
		mode = "NONE"
	case llm.ToolChoiceAny:
		mode = "ANY"
	case llm.ToolChoiceNamed:
		mode, name = "ANY", e.req.ToolChoice.Name
	case llm.ToolChoiceUnset:
	}
	if mode == "" || len(e.req.Tools) == 0 {
		return
	}
	e.w.Key("toolConfig")
	e.w.Object()
	e.w.Key("functionCallingConfig")
	e.w.Object()
	e.w.Key("mode")
	e.w.Word(mode)
	if name != "" {
		e.w.Key("allowedFunctionNames")
		e.w.Array()
		e.w.String(name)
		e.w.EndArray()
	}
	e.w.EndObject()
	e.w.EndObject()
}

// config writes generationConfig.
func (e *encoder) config() error {
	own := jsonx.Writer{}
	own.Object()
	outer := e.w
	e.w = &own
	err := e.settings()
	e.w = outer
	own.EndObject()
	if err != nil {
		return err
	}
	if len(own.Buf) > len("{}") {
		e.w.Key("generationConfig")
		e.w.Raw(own.Buf)
	}
	return nil
}

func (e *encoder) settings() error {
	w, req := e.w, e.req
	if req.MaxTokens.Set {
		w.Key("maxOutputTokens")
		w.Int(req.MaxTokens.Value)
	}
	for _, s := range []struct {
		name string
		set  llm.Opt[float64]
	}{{"temperature", req.Temperature}, {"topP", req.TopP}} {
		if s.set.Set {
			w.Key(s.name)
			w.Float(s.set.Value)
		}
	}
	if req.TopK.Set {
		w.Key("topK")
		w.Int(req.TopK.Value)
	}
	if len(req.Stop) > 0 {
		w.Key("stopSequences")
		w.Array()
		for _, s := range req.Stop {
			w.String(s)
		}
		w.EndArray()
	}
	e.format()
	if err := e.unmapped(); err != nil {
		return err
	}
	if err := e.thinking(); err != nil {
		return err
	}
	for _, m := range req.ModelFields {
		if _, top := topMember(m.Name); !top && m.Name != "thinkingConfig" && m.Name != "thinking_config" {
			w.AnyKey(m.Name)
			w.Raw(m.Value)
		}
	}
	e.others()
	return nil
}

// others tells of what the API has no place for.
func (e *encoder) others() {
	if e.req.User != "" {
		e.dropped(llm.FieldUser, "Gemini's API takes no user")
	}
	for _, l := range e.req.Metadata {
		e.warn(llm.WarnDropped, e.req.FieldName(llm.Field{Kind: llm.FieldMetadata, Name: l.Name}), "Gemini's API takes no metadata")
	}
	if tier := e.req.ServiceTier; tier != "" && tier != "auto" && tier != "default" {
		e.dropped(llm.FieldServiceTier, "Gemini's API has no service tier "+strconv.Quote(llm.Clip(tier, 30)))
	}
	if e.req.CacheRetention != "" {
		e.dropped(llm.FieldCacheRetention, "Gemini caches prompts by itself")
	}
	for _, m := range e.req.Extensions {
		e.warn(llm.WarnDropped, m.Name, "it is a setting of AWS Bedrock")
	}
}

// format writes the form of the answer (https://ai.google.dev/api/generate-content#GenerationConfig).
func (e *encoder) format() {
	f := e.req.Format
	if f == nil {
		return
	}
	e.w.Key("responseMimeType")
	e.w.Word("application/json")
	if len(f.Schema) == 0 {
		return
	}
	e.w.Key("responseJsonSchema")
	e.w.Raw(f.Schema)
	if names := ignored(f.Schema); len(names) > 0 {
		e.changed(llm.FieldFormat, "Gemini does not enforce "+strings.Join(names, ", "))
	}
}

// unmapped handles OpenAI's parameters without a field in llm.
func (e *encoder) unmapped() error {
	for i := range e.req.Unmapped {
		m := &e.req.Unmapped[i]
		name := e.req.FieldName(llm.Field{Kind: llm.FieldUnmapped, Name: m.Name})
		switch m.Name {
		case "seed":
			e.w.Key("seed")
			e.w.Raw(m.Value)
		case "presence_penalty":
			e.w.Key("presencePenalty")
			e.w.Raw(m.Value)
		case "frequency_penalty":
			e.w.Key("frequencyPenalty")
			e.w.Raw(m.Value)
		case "modalities":
			if err := e.modalities(m.Value, name); err != nil {
				return err
			}
		case "store", "prompt_cache_key", "prediction", "verbosity":
			if value := string(m.Value); value != "false" && value != `"medium"` { // OpenAI's defaults
				e.warn(llm.WarnDropped, name, "")
			}
		default:
			if jsonx.Empty(m.Value) || string(m.Value) == "0" {
				continue
			}
			if err := e.refuse(name, "%s is not supported by Gemini's API", name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *encoder) modalities(value jsonx.Raw, name string) error {
	var words []string
	if err := jsonx.Unmarshal(value, &words); err != nil {
		return llm.Invalid(name, "%s must be an array of strings", name)
	}
	if len(words) == 0 || len(words) == 1 && words[0] == "text" {
		return nil
	}
	e.w.Key("responseModalities")
	e.w.Array()
	for _, word := range words {
		e.w.String(strings.ToUpper(word))
	}
	e.w.EndArray()
	return nil
}

// ignored lists the keywords of a schema that the API takes and does not enforce: all but those that
// GenerationConfig.responseJsonSchema documents.
func ignored(schema jsonx.Raw) []string {
	var found []string
	var walk func(v jsonx.Raw, names bool)
	walk = func(v jsonx.Raw, names bool) {
		switch v.Kind() {
		case '[':
			var items []jsonx.Raw
			if jsonx.Unmarshal(v, &items) == nil {
				for _, item := range items {
					walk(item, false)
				}
			}
		case '{':
			members, err := jsonx.Members(v)
			if err != nil {
				return
			}
			for _, m := range members {
				switch {
				case names:
					walk(m.Value, false)
				case m.Name == "properties" || m.Name == "$defs":
					walk(m.Value, true)
				case m.Name == "items" || m.Name == "prefixItems" || m.Name == "anyOf" || m.Name == "oneOf" || m.Name == "additionalProperties":
					walk(m.Value, false)
				case !enforced(m.Name) && !slices.Contains(found, m.Name) && len(found) < 8:
					found = append(found, m.Name)
				}
			}
		default:
		}
	}
	walk(schema, false)
	return found
}

func enforced(keyword string) bool {
	switch keyword {
	case "$id", "$schema", "$ref", "$anchor", "type", "format", "title", "description", "enum", "minItems", "maxItems", "minimum", "maximum", "required", "propertyOrdering", "default", "examples", "nullable":
		return true
	default:
		return false
	}
}
