package openai

import (
	"bytes"
	"slices"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// tool is what is read of a tool; Rest has its other members.
type tool struct {
	Type  string      `json:"type"`
	Name  string      `json:"name"`
	Tools []jsonx.Raw `json:"tools"`
	Rest  jsonx.Raw   `json:",embed"`
}

// moreTools is the type of an item of the input with tools, as Codex writes it. AWS knows no such item
// (https://github.com/maximhq/bifrost/pull/5593).
const moreTools = "additional_tools"

// webSearch is the tool with which a model searches the web, which bedrock-runtime does not do.
const webSearch = "web_search"

// Takes reports whether the surface can serve a body for the Responses API with nothing lost but an offer to
// search the web, or is the only one to serve it at all. The runtime has no tools that run at the provider, and
// open models have functions alone (https://github.com/openai/codex/issues/25034). Namespaces and the search for
// tools are OpenAI's models' own (https://github.com/openai/codex/issues/20652).
func (s *Surface) Takes(body jsonx.Raw) bool {
	if s.OnMantle && (!s.open || s.chat == nil) || !bytes.Contains(body, []byte(`"tools"`)) {
		return true
	}
	asked, err := toolsOf(body)
	if err != nil || s.open && asked.moved {
		return false
	}
	search := false
	for _, raw := range asked.tools {
		var t tool
		switch err := jsonx.Unmarshal(raw, &t); {
		case err != nil:
			return false
		case t.Type == "function":
		case s.open:
			return false
		case t.Type == "custom", s.sealed && (t.Type == "namespace" || t.Type == "tool_search"):
		case t.Type == webSearch:
			search = true
		default:
			return false
		}
	}
	return !search || len(asked.tools) > 1 && !asked.choosy
}

// asked are the tools of a body.
type asked struct {
	// tools are all of them, those of the input behind the others, and own the member of the body alone; empty
	// if there is none.
	tools []jsonx.Raw
	own   jsonx.Raw
	// moved is whether some were in the input, and input are then the other items.
	moved bool
	input jsonx.Raw
	// choosy is whether the model must call a tool.
	choosy bool
}

// toolsOf reads the tools of a body.
func toolsOf(body jsonx.Raw) (*asked, error) {
	var b struct {
		Tools  jsonx.Raw `json:"tools"`
		Input  jsonx.Raw `json:"input"`
		Choice jsonx.Raw `json:"tool_choice"`
		Rest   jsonx.Raw `json:",embed"`
	}
	if err := jsonx.Unmarshal(body, &b); err != nil {
		return nil, err
	}
	a := &asked{own: b.Tools}
	if len(b.Tools) > 0 {
		if err := jsonx.Unmarshal(b.Tools, &a.tools); err != nil {
			return nil, err
		}
	}
	switch string(b.Choice) {
	case "", "null", `"auto"`, `"none"`:
	default:
		a.choosy = true
	}
	var items []jsonx.Raw
	if b.Input.Kind() != '[' || !bytes.Contains(b.Input, []byte(`"`+moreTools+`"`)) {
		return a, nil
	}
	if err := jsonx.Unmarshal(b.Input, &items); err != nil {
		return nil, err
	}
	rest := items[:0]
	for _, raw := range items {
		var t tool
		if jsonx.Unmarshal(raw, &t) == nil && t.Type == moreTools {
			a.tools, a.moved = append(a.tools, t.Tools...), true
		} else {
			rest = append(rest, raw)
		}
	}
	if a.moved {
		a.input = jsonx.Array(rest)
	}
	return a, nil
}

// contentTypes is a setting of web search that AWS refuses (https://github.com/BerriAI/litellm/pull/37995).
const contentTypes = "search_content_types"

// reserved are namespaces of AWS's own, which it refuses among a client's tools
// (https://github.com/BerriAI/litellm/issues/36545, https://github.com/maximhq/bifrost/pull/7039). Codex calls
// the tools of functions by their names alone as well.
var reserved = []string{"functions", "web", "image_gen", "browser", "python"} // never written to

// fitTools returns the edits by which AWS takes the tools of a body: those in the input move to the others,
// those in a namespace of AWS's own stand alone, and what the host does not have is left out.
func (s *Surface) fitTools(body jsonx.Raw) (edits []jsonx.Edit, to *Body) {
	to = &Body{}
	if !slices.ContainsFunc([]string{moreTools, contentTypes, webSearch, "namespace"}, func(word string) bool { return bytes.Contains(body, []byte(`"`+word+`"`)) }) {
		return nil, to
	}
	asked, err := toolsOf(body)
	if err != nil {
		return nil, to // AWS judges it
	}
	if asked.moved {
		edits = append(edits, jsonx.Edit{Name: "input", Value: asked.input})
	}
	changed := asked.moved
	out := make([]jsonx.Raw, 0, len(asked.tools))
	warn := func(code, field, detail string) {
		changed = true
		to.Warnings = append(to.Warnings, llm.Warning{Code: code, Field: field, Detail: detail})
	}
	for _, raw := range asked.tools {
		var t tool
		if jsonx.Unmarshal(raw, &t) != nil {
			out = append(out, raw)
			continue
		}
		switch {
		case t.Type == "namespace" && slices.Contains(reserved, t.Name):
			out = append(out, t.Tools...)
			warn(llm.WarnChanged, "tools", "Bedrock reserves the namespace "+t.Name+"; its tools are sent without it")
		case t.Type == webSearch && !s.OnMantle:
			warn(llm.WarnDropped, "tools", "this model does not search the web")
		case t.Type == webSearch && jsonx.Find(membersOf(t.Rest), contentTypes) != nil:
			w := jsonx.Writer{}
			w.Object()
			w.Members(slices.DeleteFunc(membersOf(raw), func(m jsonx.Member) bool { return m.Name == contentTypes }))
			w.EndObject()
			out = append(out, w.Buf)
			warn(llm.WarnDropped, "tools."+contentTypes, "Bedrock's web search does not have it")
		default:
			out = append(out, raw)
		}
	}
	if changed {
		edits = append(edits, jsonx.Edit{Name: "tools", Value: jsonx.Array(out), Add: true})
		if to.Tools = jsonx.Raw("[]"); asked.own.Kind() == '[' {
			to.Tools = asked.own.Clone()
		}
	}
	return edits, to
}

func membersOf(v jsonx.Raw) []jsonx.Member {
	members, err := jsonx.Members(v)
	if err != nil {
		return nil // it has none
	}
	return members
}
