package converse

import (
	"strconv"
	"strings"

	"outcrop/provider/bedrock/catalog"
)

// Model is what a request is fitted to. NewModel makes it; it is not changed
// afterwards.
type Model struct {
	// Vendor and Name are segments of the base id, such as anthropic and
	// claude-sonnet-4-5-20250929-v1. Both are empty where an ARN hides them.
	Vendor, Name string
	facts        *catalog.Model // nil if the catalogue does not have it
	traits       trait
	style        style
}

// NewModel makes the Model of a vendor and name; facts are what the catalogue has
// of it, nil if nothing. Where the catalogue is silent the rows of this package
// speak, and what neither knows is taken to work.
func NewModel(vendor, name string, facts *catalog.Model) *Model {
	m := &Model{Vendor: vendor, Name: name, facts: facts}
	for i := range rows {
		if rows[i].fits(m) {
			m.traits |= rows[i].traits
		}
	}
	if facts != nil {
		m.know(facts.System, noSystem)
		m.know(facts.Tools, noTools)
		m.know(facts.StreamTools, noStreamTools)
		if !m.any(native | noNative) {
			switch facts.StructuredOutput {
			case catalog.Yes:
				m.traits |= native
			case catalog.No:
				m.traits |= noNative
			case catalog.Unknown:
			}
		}
	}
	m.style = m.styleOf()
	return m
}

// know takes over a fact about what t denies.
func (m *Model) know(fact catalog.Known, t trait) {
	switch fact {
	case catalog.Yes:
		m.traits &^= t
	case catalog.No:
		m.traits |= t
	case catalog.Unknown:
	}
}

// has reports whether m has all of the traits, and any whether it has one of them.
func (m *Model) has(t trait) bool { return m.traits&t == t }
func (m *Model) any(t trait) bool { return m.traits&t != 0 }

// style is how a family takes a wish for reasoning
// (https://docs.aws.amazon.com/bedrock/latest/userguide/inference-reasoning.html
// and the vendors' own pages).
type style uint8

const (
	styleNone     style = iota // it takes none, or how is not known
	styleBudget                // thinking: {type: enabled, budget_tokens}
	styleAdaptive              // thinking: {type: adaptive}, output_config: {effort}
	styleNova                  // reasoningConfig: {type, maxReasoningEffort}
	styleEffort                // reasoning_effort: a word
	styleNested                // reasoning: {effort}
	styleQwen                  // reasoning_config: a word
	styleAlways                // it always reasons and has no setting
)

// families is the table of reasoning styles, for models that the catalogue does
// not have: by vendor and by the beginning of the model's name, with the words that
// are taken; the first row that fits counts. It is never written to. Claude is told
// by its version instead.
var families = []struct {
	vendor, name string
	style        style
	words        []string
}{
	{"amazon", "nova-2", styleNova, []string{"low", "medium", "high"}},
	{"openai", "gpt-oss", styleEffort, []string{"low", "medium", "high"}},
	{"openai", "gpt-", styleNested, nil},
	{"qwen", "qwen3", styleQwen, []string{"low", "high"}},
	{"moonshotai", "kimi-k", styleEffort, []string{"low", "high", "max"}},
	{"moonshot", "kimi-k", styleEffort, []string{"low", "high", "max"}},
	{"deepseek", "r1", styleAlways, nil},
	{"deepseek", "v3", styleEffort, []string{"high"}},
}

// styleOf gives the reasoning style of m: the catalogue's, else by its name, unless
// the catalogue says that it does not reason.
func (m *Model) styleOf() style {
	if m.facts != nil {
		switch m.facts.Reasoning.Style {
		case catalog.StyleBudget:
			return styleBudget
		case catalog.StyleAdaptive:
			return styleAdaptive
		case catalog.StyleReasoningConfig:
			return styleNova
		case catalog.StyleEffort:
			return styleEffort
		case catalog.StyleQwen:
			return styleQwen
		case catalog.StyleOpenAI:
			return styleNested
		case catalog.StyleNone:
			return styleAlways
		case catalog.StyleUnknown, catalog.StyleTags:
		}
		if m.facts.Reasoning.Supported == catalog.No {
			return styleNone
		}
	}
	if m.Vendor == "anthropic" {
		switch v := m.claude(); {
		case v >= 406:
			return styleAdaptive
		case v >= 307:
			return styleBudget
		default:
			return styleNone
		}
	}
	for _, f := range families {
		if m.Vendor == f.vendor && strings.HasPrefix(m.Name, f.name) {
			return f.style
		}
	}
	return styleNone
}

// efforts are the words for effort that m takes, the least first; nil if it is not
// known which.
func (m *Model) efforts() []string {
	if m.facts != nil && len(m.facts.Reasoning.Efforts) > 0 {
		return m.facts.Reasoning.Efforts
	}
	if m.style == styleAdaptive {
		if m.claude() < 407 {
			return []string{"low", "medium", "high", "max"}
		}
		return []string{"low", "medium", "high", "xhigh", "max"}
	}
	for _, f := range families {
		if m.Vendor == f.vendor && strings.HasPrefix(m.Name, f.name) {
			return f.words
		}
	}
	return nil
}

// claude is a Claude model's version as a number, 405 for 4.5; 0 if m is none.
// Anthropic names models claude-3-7-sonnet-20250219 and, since Claude 4,
// claude-sonnet-4-5-20250929: the version is the numbers of one or two digits,
// a date has eight.
func (m *Model) claude() int {
	rest, ok := strings.CutPrefix(m.Name, "claude-")
	if !ok || m.Vendor != "anthropic" {
		return 0
	}
	version, seen := 0, 0
	for part := range strings.SplitSeq(rest, "-") {
		n, err := strconv.Atoi(part)
		if err != nil || len(part) > 2 {
			if seen > 0 {
				break
			}
			continue
		}
		if seen++; seen > 2 {
			break
		}
		version = version*100 + n
	}
	if seen == 1 {
		version *= 100
	}
	return version
}
