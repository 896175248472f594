package openaichat

import (
	"fmt"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

type tool struct {
	Type     string `json:"type"`
	Function *struct {
		Name         string           `json:"name"`
		Description  optional[string] `json:"description"`
		Parameters   jsonx.Raw        `json:"parameters"`
		Strict       optional[bool]   `json:"strict"`
		CacheControl *cacheControl    `json:"cache_control"`
	} `json:"function"`
	CacheControl *cacheControl `json:"cache_control"`
	// Rest may hold a tool in Converse's own form, as LiteLLM takes it.
	Rest jsonx.Raw `json:",embed"`
}

// toolChoice is a word or a named function.
type toolChoice struct {
	word     string
	Type     string `json:"type"`
	Function struct {
		Name string `json:"name"`
	} `json:"function"`
}

func (c *toolChoice) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	switch d.PeekKind() {
	case 'n':
		return d.SkipValue()
	case '"':
		return jsonx.UnmarshalDecode(d, &c.word)
	case '{':
		type plain toolChoice
		return jsonx.UnmarshalDecode(d, (*plain)(c))
	default:
		return jsonx.Fault("must be a string or an object, not %s", jsonx.KindName(d.PeekKind()))
	}
}

// noParameters is the schema of a function without any.
const noParameters = `{"type":"object","properties":{}}`

func (d *decoder) tools(w *wireRequest) error {
	r := &d.out.LLM
	for i := range w.Tools {
		t, err := decodeTool(fmt.Sprintf("tools[%d]", i), &w.Tools[i])
		if err != nil {
			return err
		}
		r.Tools = append(r.Tools, t)
	}
	choice := &w.ToolChoice
	switch {
	case choice.word == "" && choice.Type == "":
	case choice.word == "auto":
		r.ToolChoice.Kind = llm.ToolChoiceAuto
	case choice.word == "none":
		r.ToolChoice.Kind = llm.ToolChoiceNone
	case choice.word == "required" || choice.word == "any":
		r.ToolChoice.Kind = llm.ToolChoiceAny
	case choice.Type == "function" && choice.Function.Name != "":
		r.ToolChoice = llm.ToolChoice{Kind: llm.ToolChoiceNamed, Name: choice.Function.Name}
	default:
		return llm.Invalid("tool_choice", `tool_choice must be auto, none, required or {"type":"function","function":{"name":...}}`)
	}
	if choice := r.ToolChoice.Kind; len(r.Tools) == 0 && (choice == llm.ToolChoiceAny || choice == llm.ToolChoiceNamed) {
		return llm.Invalid("tool_choice", "tool_choice asks for a tool, but tools is empty")
	}
	return nil
}

func decodeTool(field string, t *tool) (llm.Tool, error) {
	var out llm.Tool
	if t.CacheControl != nil {
		out.Cache = t.CacheControl.point()
	}
	if t.Type == "" && t.Function == nil && len(t.Rest) > 0 {
		members, err := jsonx.Members(t.Rest)
		if err == nil && len(members) == 1 {
			out.Other = &members[0]
			return out, nil
		}
	}
	if t.Type != "" && t.Type != "function" {
		return out, llm.Unsupported(field+".type", "%s.type must be function, not %q", field, t.Type)
	}
	if t.Function == nil || t.Function.Name == "" {
		return out, llm.Invalid(field+".function.name", "%s.function.name is required", field)
	}
	f := t.Function
	out.Name, out.Description, out.Strict = f.Name, f.Description.Value, f.Strict.Opt
	if f.CacheControl != nil {
		out.Cache = f.CacheControl.point()
	}
	switch {
	case len(f.Parameters) == 0 || f.Parameters.Kind() == 'n':
		out.Schema = jsonx.Raw(noParameters)
	case f.Parameters.Kind() != '{':
		return out, llm.Invalid(field+".function.parameters", "%s.function.parameters must be a JSON schema, an object, not %s", field, jsonx.KindName(f.Parameters.Kind()))
	default:
		out.Schema = f.Parameters
	}
	return out, nil
}
