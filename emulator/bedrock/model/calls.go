package model

import (
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/internal/lazyregexp"
	"outcrop/llm"
)

// maxCalls is the maximum number of calls in one answer.
const maxCalls = 8

// toolCall is a call that the model makes.
type toolCall struct {
	tool  string
	input jsonx.Raw
}

// calls decides which tools to call with which arguments. A tool choice of any or of a
// named tool always causes a call. Otherwise a tool is called if the user's last turn
// has no results and mentions the tool: by its name, or by a distinctive word of it
// (weather for get_weather), unless it says not to call tools or what to answer. There is one call for each subject that the prompt lists:
// the weather in Paris and Tokyo takes two, unless the model may make only one at a
// time.
func (p *prompt) calls(req *llm.Request) []toolCall {
	if calls, ok := p.scripted(req); ok {
		return calls
	}
	var chosen []llm.Tool
	switch req.ToolChoice.Kind {
	case llm.ToolChoiceNone:
		return nil
	case llm.ToolChoiceNamed:
		for _, t := range req.Tools {
			if t.Name == req.ToolChoice.Name && t.Other == nil {
				chosen = append(chosen, t)
			}
		}
	case llm.ToolChoiceAny:
		chosen = p.mentioned(req.Tools)
		if first := slices.IndexFunc(req.Tools, func(t llm.Tool) bool { return t.Other == nil }); chosen == nil && first >= 0 {
			chosen = req.Tools[first : first+1]
		}
	default:
		if p.results == nil && !noCalls.MatchString(p.text) && !answerMarker.MatchString(p.text) {
			chosen = p.mentioned(req.Tools)
		}
	}
	most := maxCalls
	if req.ParallelTools.Set && !req.ParallelTools.Value {
		most = 1
	}
	subjects := p.subjects()
	var calls []toolCall
	for _, t := range chosen {
		for n := range max(1, len(subjects)) {
			if len(calls) == most {
				return calls
			}
			input := p.instance(t.Schema, subjects, n)
			if !isObject(input) {
				input = jsonx.Raw("{}")
			}
			if same := slices.ContainsFunc(calls, func(c toolCall) bool { return c.tool == t.Name && string(c.input) == string(input) }); same {
				continue // the tool has no argument for the subject
			}
			calls = append(calls, toolCall{t.Name, input})
		}
	}
	return calls
}

func isObject(v jsonx.Raw) bool { return v.Kind() == '{' }

// noCalls matches a prompt that wants no calls, as coding agents write it when they have a
// conversation summarized.
var noCalls = lazyregexp.New(`(?i)\bdo not call any tools\b`)

// mentioned returns the tools that the prompt mentions, in the order of the list.
func (p *prompt) mentioned(tools []llm.Tool) []llm.Tool {
	text := strings.ToLower(p.text)
	mentionedWords := strings.FieldsFunc(text, func(r rune) bool { return !isWordRune(r) })
	var found []llm.Tool
	for _, t := range tools {
		if t.Other != nil {
			continue
		}
		name := strings.ToLower(t.Name)
		if strings.Contains(text, name) || slices.ContainsFunc(nameWords(t.Name), func(w string) bool { return slices.Contains(mentionedWords, w) }) {
			found = append(found, t)
		}
	}
	return found
}

func isWordRune(r rune) bool {
	return r == '_' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 0x7f
}

// wordStart matches the start of a word in a camel case name.
var wordStart = lazyregexp.New(`([a-z0-9])([A-Z])`)

// nameWords returns the distinctive words of a tool's name, in lower case.
func nameWords(name string) []string {
	name = wordStart.ReplaceAllString(name, "${1}_$2")
	return slices.DeleteFunc(strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '_' || r == '-' || r == '.' }), func(w string) bool {
		switch w {
		case "with", "from", "into", "user", "list", "find", "make", "call", "tool", "this", "that", "what", "current", "function", "fetch":
			return true
		}
		return len(w) < 4
	})
}

// subjectList matches a list of proper names after a preposition.
var subjectList = lazyregexp.New(`\b(?:in|for|of|at|near|between|to)\s+(\p{Lu}[\p{L}'-]*(?:\s\p{Lu}[\p{L}'-]*)*(?:(?:,\s*(?:and\s+|or\s+)?|\s+and\s+|\s+or\s+)\p{Lu}[\p{L}'-]*(?:\s\p{Lu}[\p{L}'-]*)*)*)`)

// separator matches the separators of a list of names.
var separator = lazyregexp.New(`,\s*(?:and\s+|or\s+)?|\s+and\s+|\s+or\s+`)

// subjects returns the proper names that the prompt asks about.
func (p *prompt) subjects() []string {
	var subjects []string
	for _, m := range subjectList.FindAllStringSubmatch(p.text, -1) {
		for _, s := range separator.Split(m[1], -1) {
			if s != "" && !slices.Contains(subjects, s) {
				subjects = append(subjects, s)
			}
		}
	}
	return subjects
}
