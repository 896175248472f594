package guard

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Action is what becomes of a text in which something is found.
type Action string

// Actions, in LiteLLM's words.
const (
	ActionBlock Action = "BLOCK"
	ActionMask  Action = "MASK"
)

// Tags are what replaces a text by default, as in LiteLLM (1.110.2, litellm/types/proxy/guardrails/guardrail_hooks/litellm_content_filter.py).
const (
	PatternTag = "[{pattern_name}_REDACTED]"
	WordTag    = "[KEYWORD_REDACTED]"
)

// Filter finds words and patterns in texts. It is LiteLLM's litellm_content_filter.
type Filter struct {
	// PatternTag replaces what a pattern has found; {pattern_name} in it becomes the name in capitals. WordTag replaces words.
	PatternTag, WordTag string

	rules []finder
	held  int
}

// finder is one thing that a filter looks for.
type finder struct {
	find   func(text string) [][2]int
	action Action
	tag    func(f *Filter) string
	reason string
}

// NewFilter returns a filter that looks for nothing yet.
func NewFilter() *Filter { return &Filter{PatternTag: PatternTag, WordTag: WordTag, held: shortReach} }

// Reaches, in bytes: how much of a stream is held back to find something that has not arrived completely.
const (
	shortReach = 64  // numbers, names of prefixes
	longReach  = 256 // addresses and keys
)

// often is how many bytes are added to a stream between two checks by a filter.
const often = 16

// AddPrebuilt looks for one of Prebuilt. It reports false if there is none of the name.
func (f *Filter) AddPrebuilt(name string, action Action) bool {
	for _, p := range prebuilt() {
		if p.name != name {
			continue
		}
		f.held = max(f.held, p.reach)
		f.add(name, action, func(text string) [][2]int { return p.find(text) })
		return true
	}
	return false
}

// AddPattern looks for a regular expression in RE2 syntax. Case does not matter, as in LiteLLM.
func (f *Filter) AddPattern(name, pattern string, action Action) error {
	compiled, err := regexp.Compile("(?i)" + pattern)
	if err != nil {
		return err
	}
	f.held = max(f.held, longReach)
	f.add(cmp.Or(name, "custom_pattern"), action, func(text string) [][2]int { return spans(compiled, text) })
	return nil
}

func (f *Filter) add(name string, action Action, find func(text string) [][2]int) {
	f.rules = append(f.rules, finder{
		find: find, action: action,
		tag: func(f *Filter) string {
			return strings.ReplaceAll(f.PatternTag, "{pattern_name}", strings.ToUpper(name))
		},
		reason: "Content blocked: " + name + " pattern detected",
	})
}

// AddWord looks for a word wherever it is in a text, in any case. A * in it is any one character, or none. description says
// why it is blocked; it may be empty.
func (f *Filter) AddWord(word, description string, action Action) {
	pattern := regexp.MustCompile("(?i)" + strings.ReplaceAll(regexp.QuoteMeta(word), `\*`, ".?"))
	reason := fmt.Sprintf("Content blocked: keyword '%s' detected", word)
	if description != "" {
		reason += " (" + description + ")"
	}
	f.held = max(f.held, len(word)+shortReach)
	f.rules = append(f.rules, finder{
		find: func(text string) [][2]int { return spans(pattern, text) }, action: action,
		tag: func(f *Filter) string { return f.WordTag }, reason: reason,
	})
}

// Empty reports whether the filter looks for nothing.
func (f *Filter) Empty() bool { return len(f.rules) == 0 }

// Masks reports whether the filter masks anything.
func (f *Filter) Masks() bool {
	return slices.ContainsFunc(f.rules, func(r finder) bool { return r.action == ActionMask })
}

// Reach is that of the longest thing that the filter looks for, as far as its length is bounded.
func (f *Filter) Reach() Reach { return Reach{Held: f.held, Every: often, Again: true} }

// Check refuses an input for the first thing that blocks, and masks the others. Nothing that is found gets into the verdict.
func (f *Filter) Check(_ context.Context, in *Input) (Verdict, error) {
	for i := range f.rules {
		r := &f.rules[i]
		if r.action == ActionBlock && slices.ContainsFunc(in.Texts, func(t string) bool { return len(r.find(t)) > 0 }) {
			return Verdict{Block: &Block{Reason: r.reason}}, nil
		}
	}
	var v Verdict
	for i, text := range in.Texts {
		masked := f.mask(text)
		if masked == text {
			continue
		}
		if v.Texts == nil {
			v.Texts = slices.Clone(in.Texts)
		}
		v.Texts[i] = masked
	}
	return v, nil
}

// found is a part of a text that is masked.
type found struct {
	at  [2]int
	tag string
}

// mask replaces what is found. Of parts that overlap, all become one, with the tag of the first.
func (f *Filter) mask(text string) string {
	var all []found
	for i := range f.rules {
		r := &f.rules[i]
		if r.action != ActionMask {
			continue
		}
		for _, at := range r.find(text) {
			all = append(all, found{at, r.tag(f)})
		}
	}
	if len(all) == 0 {
		return text
	}
	slices.SortStableFunc(all, func(a, b found) int { return cmp.Compare(a.at[0], b.at[0]) })
	var out strings.Builder
	end := 0
	for _, m := range all {
		if m.at[0] >= end {
			out.WriteString(text[end:m.at[0]])
			out.WriteString(m.tag)
		}
		end = max(end, m.at[1])
	}
	out.WriteString(text[end:])
	return out.String()
}

// spans are where a pattern matches; an empty match is none.
func spans(pattern *regexp.Regexp, text string) (all [][2]int) {
	for _, at := range pattern.FindAllStringIndex(text, -1) {
		if at[1] > at[0] {
			all = append(all, [2]int{at[0], at[1]})
		}
	}
	return all
}
