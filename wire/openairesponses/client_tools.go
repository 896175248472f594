package openairesponses

import (
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// tools writes the tools and how they are chosen.
func (e *requestWriter) tools() error {
	w, req := e.w, e.req
	search, err := e.searches()
	if err != nil {
		return err
	}
	written := 0
	begin := func() {
		if written++; written == 1 {
			w.Key("tools")
			w.Array()
		}
	}
	for i := range req.Tools {
		t := &req.Tools[i]
		field := req.FieldName(llm.Field{Kind: llm.FieldTool, Index: t.At(i)})
		if t.Cache != nil {
			e.cachePoint()
		}
		switch {
		case len(t.Own) > 0:
			err = e.refuse(field, "%s is a tool that Anthropic has defined, which this model does not have", field)
		case t.Other != nil:
			err = e.refuse(field, "%s (%s) is a tool of AWS Bedrock, which this model does not have", field, t.Other.Name)
		default:
			begin()
			appendTool(w, t)
		}
		if err != nil {
			return err
		}
	}
	if search {
		begin()
		appendSearch(w, req.WebSearch)
	}
	if written == 0 {
		return nil
	}
	w.EndArray()
	e.choice()
	if req.ParallelTools.Set && e.key("parallel_tool_calls") {
		w.Bool(req.ParallelTools.Value)
	}
	return nil
}

// appendTool writes a function or a tool with free text as input. A function without strict would be strict:
// that is the API's default, and not that of other dialects.
func appendTool(w *jsonx.Writer, t *llm.Tool) {
	w.Object()
	w.Key("type")
	about := t.Description
	if t.Custom != nil {
		w.Word("custom")
		about = t.Custom.Description
	} else {
		w.Word("function")
	}
	w.Key("name")
	w.String(t.Name)
	if about != "" {
		w.Key("description")
		w.String(about)
	}
	switch {
	case t.Custom == nil:
		w.Key("parameters")
		if len(t.Schema) > 0 {
			w.Raw(t.Schema)
		} else {
			w.Raw(jsonx.Raw(noParameters))
		}
		w.Key("strict")
		w.Bool(t.Strict.Value)
	case len(t.Custom.Format) > 0:
		w.Key("format")
		w.Raw(t.Custom.Format)
	}
	w.EndObject()
}

// searches reports whether the model shall be able to search the web.
func (e *requestWriter) searches() (bool, error) {
	if e.req.WebSearch == nil || e.form.WebSearch {
		return e.req.WebSearch != nil, nil
	}
	field := e.name(llm.FieldWebSearch)
	if e.req.WebSearchOptional {
		e.warn(llm.WarnDropped, field, "the model cannot search the web")
		return false, nil
	}
	return false, e.refuse(field, "%s is not supported: the model cannot search the web", field)
}

// appendSearch writes the tool for searching the web, from the setting of chat completions.
func appendSearch(w *jsonx.Writer, setting jsonx.Raw) {
	members, err := jsonx.Members(setting)
	if err != nil {
		members = nil // the frontend has checked it
	}
	w.Object()
	w.Key("type")
	w.Word("web_search")
	for _, m := range members {
		value := m.Value
		if m.Name == "user_location" {
			value = located(value)
		}
		w.AnyKey(m.Name)
		w.Raw(value)
	}
	w.EndObject()
}

// located is a user_location of chat completions, {"type":"approximate","approximate":{...}}, without the
// inner object.
func located(location jsonx.Raw) jsonx.Raw {
	members, err := jsonx.Members(location)
	inner := jsonx.Find(members, "approximate")
	if err != nil || inner.Kind() != '{' {
		return location
	}
	place, err := jsonx.Members(inner)
	if err != nil {
		return location
	}
	w := jsonx.Writer{}
	w.Object()
	w.Key("type")
	w.Word("approximate")
	w.Members(place)
	w.EndObject()
	return w.Buf
}

// choice writes how the model shall choose a tool.
func (e *requestWriter) choice() {
	w, c := e.w, &e.req.ToolChoice
	if c.Kind == llm.ToolChoiceUnset || !e.key("tool_choice") {
		return
	}
	switch c.Kind {
	case llm.ToolChoiceNone:
		w.Word("none")
	case llm.ToolChoiceAny:
		w.Word("required")
	case llm.ToolChoiceNamed:
		w.Object()
		w.Key("type")
		if e.isCustom(c.Name) {
			w.Word("custom")
		} else {
			w.Word("function")
		}
		w.Key("name")
		w.String(c.Name)
		w.EndObject()
	default:
		w.Word("auto")
	}
}

// isCustom reports whether a tool of the request has free text as input.
func (e *requestWriter) isCustom(name string) bool {
	if e.custom == nil {
		e.custom = map[string]bool{}
		for i := range e.req.Tools {
			if t := &e.req.Tools[i]; t.Custom != nil {
				e.custom[t.Name] = true
			}
		}
	}
	return e.custom[name]
}
