package converse

import (
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// placeClaudeTools places the tools that Anthropic has defined (computer, bash, text editor and
// others), which Claude takes as a field of its own, and says the betas that they need
// (https://docs.aws.amazon.com/bedrock/latest/userguide/computer-use.html).
func (p *adapter) placeClaudeTools() error {
	isOwn := func(t llm.Tool) bool { return len(t.Own) > 0 }
	first := slices.IndexFunc(p.out.Tools, isOwn)
	if first < 0 {
		return nil
	}
	field := p.tool(llm.FieldToolType, first)
	var names, needed []string
	var w jsonx.Writer
	w.Array()
	for _, t := range p.out.Tools {
		if !isOwn(t) {
			continue
		}
		w.Raw(marked(t))
		names = append(names, t.Name)
		if beta := betaOf(typeOf(t.Own)); beta != "" {
			needed = append(needed, beta)
		}
	}
	w.EndArray()
	p.out.Tools = withoutClaudeTools(p.out.Tools)
	if p.out.ToolChoice.Kind == llm.ToolChoiceNone && !p.seen.tools {
		return nil // no tool is to be called
	}
	if !p.model.any(betas) {
		if c := &p.out.ToolChoice; c.Kind == llm.ToolChoiceNamed && slices.Contains(names, c.Name) && p.out.DropParams {
			*c = llm.ToolChoice{}
			p.warn(llm.WarnDropped, p.name(llm.FieldToolChoice), "the tool that it names was dropped")
		}
		return p.refuse(field, "%s: this tool is built into Claude models; this model supports only function tools", field)
	}
	if p.given("tools") != nil {
		field = p.named(llm.Field{Kind: llm.FieldModelFields, Name: "tools"})
		return llm.Invalid(field, "%s and %s both define Claude's built-in tools; send only one of them", field, p.name(llm.FieldTools))
	}
	p.own = names
	p.field("tools", string(w.Buf))
	p.beta(needed...)
	return nil
}

// withoutClaudeTools is tools without those of Anthropic's, each with its number.
func withoutClaudeTools(tools []llm.Tool) []llm.Tool {
	var out []llm.Tool
	for i, t := range tools {
		if len(t.Own) == 0 {
			t.Number = t.At(i) + 1
			out = append(out, t)
		}
	}
	return out
}

// marked is a tool of Anthropic's, with the mark that what ends with it may be cached.
func marked(t llm.Tool) jsonx.Raw {
	if t.Cache == nil {
		return t.Own
	}
	members, err := jsonx.Members(t.Own)
	if err != nil || jsonx.Find(members, "cache_control") != nil {
		return t.Own
	}
	mark := `{"type":"ephemeral"}`
	if t.Cache.TTL != "" {
		mark = `{"type":"ephemeral","ttl":` + string(jsonx.AppendString(nil, t.Cache.TTL)) + `}`
	}
	var w jsonx.Writer
	w.Object()
	w.Members(append(members, jsonx.Member{Name: "cache_control", Value: jsonx.Raw(mark)}))
	w.EndObject()
	return w.Buf
}

func typeOf(tool jsonx.Raw) string {
	var t struct {
		Type string `json:"type"`
	}
	if jsonx.Unmarshal(tool, &t) != nil { // it was written here
		return ""
	}
	return t.Type
}

// betaOf is the beta that a tool of Anthropic's needs; empty if it needs none
// (https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/overview).
func betaOf(kind string) string {
	switch {
	case strings.HasPrefix(kind, "memory_"):
		return contextBeta
	case !strings.HasPrefix(kind, "computer_") && !strings.HasPrefix(kind, "bash_") && !strings.HasPrefix(kind, "text_editor_"):
		return ""
	case strings.HasSuffix(kind, "_20241022"):
		return "computer-use-2024-10-22"
	case strings.HasSuffix(kind, "_20250124"):
		return "computer-use-2025-01-24"
	case strings.HasSuffix(kind, "_20251124"):
		return "computer-use-2025-11-24"
	default:
		return ""
	}
}

// contextBeta is what context_management needs to clear calls of tools.
const contextBeta = "context-management-2025-06-27"

// memberBetas are the betas that members of Claude's body need, by a word that the
// member's value holds; model, if there is one, is the beginning of the names of those
// that need it. It is never written to.
var memberBetas = []struct{ member, holds, model, beta, source string }{
	{"context_management", `"clear_`, "", contextBeta, "https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-tool-use.html"},
	{"context_management", `"compact_20260112"`, "", "compact-2026-01-12", "https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-compaction.html"},
	{"output_config", `"effort"`, "claude-opus-4-5", "effort-2025-11-24", "https://platform.claude.com/docs/en/build-with-claude/effort"},
}

// managed says the betas that members of the caller's need.
func (p *adapter) managed() {
	if !p.model.any(betas) {
		return
	}
	for _, m := range memberBetas {
		if strings.HasPrefix(p.model.Name, m.model) && strings.Contains(string(p.given(m.member)), m.holds) {
			p.beta(m.beta)
		}
	}
}

// beta adds to Claude's anthropic_beta.
func (p *adapter) beta(words ...string) {
	const name = "anthropic_beta"
	var all []string
	given := p.given(name)
	have := 0
	switch {
	case given == nil:
	case given.Kind() == '"': // a list of one
		var one string
		if jsonx.Unmarshal(given, &one) != nil {
			return
		}
		all = append(all, one)
	case jsonx.Unmarshal(given, &all) != nil:
		return // the model says what is wrong with it
	default:
		have = len(all)
	}
	for _, word := range words {
		if !slices.Contains(all, word) {
			all = append(all, word)
		}
	}
	if len(all) == have {
		return
	}
	var w jsonx.Writer
	w.Array()
	for _, word := range all {
		w.String(word)
	}
	w.EndArray()
	p.out.ModelFields = slices.DeleteFunc(slices.Clone(p.out.ModelFields), func(m jsonx.Member) bool { return m.Name == name })
	p.field(name, string(w.Buf))
}

// grounding is the tool by which Nova searches the web
// (https://docs.aws.amazon.com/nova/latest/userguide/grounding.html).
const grounding = `{"name":"nova_grounding"}`

// search has a model search the web, if it can.
func (p *adapter) search() error {
	wish := p.out.WebSearch
	if p.out.WebSearch = nil; wish == nil {
		return nil
	}
	field := p.name(llm.FieldWebSearch)
	switch {
	case p.model.any(grounds):
	case p.out.WebSearchOptional:
		p.warn(llm.WarnDropped, field, "this model does not search the web")
		return nil
	default:
		return p.refuse(field, "%s is not supported by this model", field)
	}
	options, err := jsonx.Members(wish)
	if err != nil {
		return llm.Invalid(field, "%s must be an object", field)
	}
	for _, o := range options {
		p.warn(llm.WarnDropped, field+"."+o.Name, "Nova's web search has no settings")
	}
	if !slices.ContainsFunc(p.out.Tools, func(t llm.Tool) bool { return t.Other != nil && t.Other.Name == "systemTool" }) {
		p.out.Tools = append(slices.Clip(p.out.Tools), llm.Tool{Other: &jsonx.Member{Name: "systemTool", Value: jsonx.Raw(grounding)}})
	}
	return nil
}
