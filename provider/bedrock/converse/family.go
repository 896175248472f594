package converse

import (
	"strconv"
	"strings"
)

// Model names what a request is for: the vendor and name segments of its base id,
// such as anthropic and claude-sonnet-4-5-20250929-v1. Both are empty where an
// ARN hides them.
type Model struct {
	Vendor, Name string
}

// style is how a family takes a wish for reasoning
// (https://docs.aws.amazon.com/bedrock/latest/userguide/inference-reasoning.html
// and the vendors' own pages).
type style uint8

const (
	styleNone      style = iota // it takes none
	styleBudget                 // thinking: {type: enabled, budget_tokens}
	styleAdaptive               // thinking: {type: adaptive}, output_config: {effort}
	styleNova                   // reasoningConfig: {type, maxReasoningEffort}
	styleEffort                 // reasoning_effort: low, medium or high
	styleEffortMax              // reasoning_effort: low, high or max
	styleNested                 // reasoning: {effort}
	styleQwen                   // reasoning_config: low or high
	styleAlways                 // it always reasons and has no setting
)

// families is the table of reasoning styles by vendor and by the beginning of the
// model's name; the first row that fits counts. It is never written to. Claude is
// told by its version instead.
var families = []struct {
	vendor, name string
	style        style
}{
	{"amazon", "nova-2", styleNova},
	{"openai", "gpt-oss", styleEffort},
	{"openai", "gpt-", styleNested},
	{"qwen", "qwen3", styleQwen},
	{"moonshotai", "kimi-k", styleEffortMax},
	{"moonshot", "kimi-k", styleEffortMax},
	{"deepseek", "r1", styleAlways},
}

// style gives the reasoning style of m.
func (m Model) style() style {
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

// claude is a Claude model's version as a number, 405 for 4.5; 0 if m is none.
// Anthropic names models claude-3-7-sonnet-20250219 and, since Claude 4,
// claude-sonnet-4-5-20250929: the version is the numbers of one or two digits,
// a date has eight.
func (m Model) claude() int {
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
