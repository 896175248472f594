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

// Takes reports whether the surface can serve a body for the Responses API with nothing lost, or is the
// only one to serve it at all. The runtime has no tools that run at the provider, and open models have functions
// alone (https://github.com/openai/codex/issues/25034).
func (s *Surface) Takes(body jsonx.Raw) bool {
	if s.OnMantle && (!s.open || s.chat == nil) || !bytes.Contains(body, []byte(`"tools"`)) {
		return true
	}
	if bytes.Contains(body, []byte(`"`+moreTools+`"`)) {
		return false
	}
	var asked struct {
		Tools []tool    `json:"tools"`
		Rest  jsonx.Raw `json:",embed"`
	}
	if jsonx.Unmarshal(body, &asked) != nil {
		return false
	}
	for _, t := range asked.Tools {
		if t.Type != "function" && (s.open || t.Type != "custom") {
			return false
		}
	}
	return true
}

// contentTypes is a setting of web search that AWS refuses (https://github.com/BerriAI/litellm/pull/37995).
const contentTypes = "search_content_types"

// reserved are namespaces of AWS's own, which it refuses among a client's tools
// (https://github.com/BerriAI/litellm/issues/36545, https://github.com/maximhq/bifrost/pull/7039). Codex calls
// the tools of functions by their names alone as well.
var reserved = []string{"functions", "web", "image_gen", "browser", "python"} // never written to

// fitTools returns the edits by which AWS takes the tools of a body: those in the input move to the others,
// those in a namespace of AWS's own stand alone, and a setting that AWS does not have is left out.
func fitTools(body jsonx.Raw) (edits []jsonx.Edit, warnings []llm.Warning) {
	moved, typed := bytes.Contains(body, []byte(`"`+moreTools+`"`)), bytes.Contains(body, []byte(contentTypes))
	if !moved && !typed && !bytes.Contains(body, []byte(`"namespace"`)) {
		return nil, nil
	}
	var asked struct {
		Tools []jsonx.Raw `json:"tools"`
		Input jsonx.Raw   `json:"input"`
		Rest  jsonx.Raw   `json:",embed"`
	}
	if jsonx.Unmarshal(body, &asked) != nil {
		return nil, nil // AWS judges it
	}
	all := asked.Tools
	var items []jsonx.Raw
	if moved && asked.Input.Kind() == '[' && jsonx.Unmarshal(asked.Input, &items) == nil {
		rest := items[:0]
		for _, raw := range items {
			var t tool
			if jsonx.Unmarshal(raw, &t) == nil && t.Type == moreTools {
				all = append(all, t.Tools...)
			} else {
				rest = append(rest, raw)
			}
		}
		edits = append(edits, jsonx.Edit{Name: "input", Value: array(rest)})
	}
	out := make([]jsonx.Raw, 0, len(all))
	for _, raw := range all {
		var t tool
		if jsonx.Unmarshal(raw, &t) != nil {
			out = append(out, raw)
			continue
		}
		switch {
		case t.Type == "namespace" && slices.Contains(reserved, t.Name):
			out = append(out, t.Tools...)
			warnings = append(warnings, llm.Warning{Code: llm.WarnChanged, Field: "tools", Detail: "Bedrock reserves the namespace " + t.Name + "; its tools are sent without it"})
		case jsonx.Find(membersOf(t.Rest), contentTypes) != nil:
			members := slices.DeleteFunc(membersOf(raw), func(m jsonx.Member) bool { return m.Name == contentTypes })
			w := jsonx.Writer{}
			w.Object()
			w.Members(members)
			w.EndObject()
			out = append(out, w.Buf)
			warnings = append(warnings, llm.Warning{Code: llm.WarnDropped, Field: "tools." + contentTypes, Detail: "Bedrock's web search does not have it"})
		default:
			out = append(out, raw)
		}
	}
	return append(edits, jsonx.Edit{Name: "tools", Value: array(out), Add: true}), warnings
}

func membersOf(v jsonx.Raw) []jsonx.Member {
	members, err := jsonx.Members(v)
	if err != nil {
		return nil // it has none
	}
	return members
}

func array(items []jsonx.Raw) jsonx.Raw {
	w := jsonx.Writer{}
	w.Array()
	for _, item := range items {
		w.Raw(item)
	}
	w.EndArray()
	return w.Buf
}
