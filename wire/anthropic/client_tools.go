package anthropic

import (
	"strconv"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// tools writes the tools and how they are chosen.
func (e *requestWriter) tools() error {
	var own []jsonx.Raw
	if raw := e.field("tools"); raw != nil && jsonx.Unmarshal(raw, &own) != nil {
		return llm.Invalid("tools", "tools must be an array")
	}
	w, req := e.w, e.req
	if len(req.Tools)+len(own) > 0 {
		w.Key("tools")
		w.Array()
		for i := range req.Tools {
			if err := e.tool(&req.Tools[i], i); err != nil {
				return err
			}
		}
		for _, t := range own {
			w.Raw(t)
		}
		w.EndArray()
	}
	if e.field("tool_choice") == nil {
		e.choice(len(req.Tools)+len(own) > 0)
	}
	return nil
}

func (e *requestWriter) tool(t *llm.Tool, i int) error {
	w := e.w
	path := "tools[" + strconv.Itoa(t.At(i)) + "]"
	if t.Other != nil {
		return llm.Unsupported(path, "%s: %s has no form in the Messages API", path, t.Other.Name)
	}
	if len(t.Own) > 0 {
		members, err := jsonx.Members(t.Own)
		if err != nil {
			return llm.Invalid(path, "%s must be an object", path)
		}
		w.Object()
		w.Members(members)
		if jsonx.Find(members, "cache_control") == nil {
			e.cache(t.Cache)
		}
		w.EndObject()
		return nil
	}
	w.Object()
	w.Key("name")
	w.String(t.Name)
	if t.Description != "" {
		w.Key("description")
		w.String(t.Description)
	}
	w.Key("input_schema")
	if len(t.Schema) > 0 {
		w.Raw(t.Schema)
	} else {
		w.Raw(jsonx.Raw(`{"type":"object"}`))
	}
	if t.Strict.Set {
		w.Key("strict")
		w.Bool(t.Strict.Value)
	}
	e.cache(t.Cache)
	w.EndObject()
	return nil
}

// choice writes tool_choice. disable_parallel_tool_use is a member of it.
func (e *requestWriter) choice(tools bool) {
	w, c := e.w, e.req.ToolChoice
	alone := e.req.ParallelTools.Set && !e.req.ParallelTools.Value
	kind := ""
	switch c.Kind {
	case llm.ToolChoiceAuto:
		kind = "auto"
	case llm.ToolChoiceNone:
		kind, alone = "none", false
	case llm.ToolChoiceAny:
		kind = "any"
	case llm.ToolChoiceNamed:
		kind = "tool"
	case llm.ToolChoiceUnset:
		if alone {
			kind = "auto"
		}
	}
	if kind == "" || !tools {
		return
	}
	w.Key("tool_choice")
	w.Object()
	w.Key("type")
	w.Word(kind)
	if kind == "tool" {
		w.Key("name")
		w.String(c.Name)
	}
	if alone {
		w.Key("disable_parallel_tool_use")
		w.Bool(true)
	}
	w.EndObject()
}
