package model

import (
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/internal/lazyregexp"
	"outcrop/llm"
)

// A prompt may script the answers to a conversation: steps separated by [[then]], each
// with the calls that the model makes, [[call: NAME {"argument":1}]], or with any other
// marker. Each answer of the assistant takes one step.
var (
	callMarker = lazyregexp.New(`(?s)\[\[call:\s*([A-Za-z0-9_.-]+)\s*(\{.*?\})\s*\]\]`)
	thenMarker = lazyregexp.New(`\s*\[\[then\]\]\s*`)
)

// Step returns the step of a script that is due in a conversation; false if there is no
// script or it has ended.
func Step(req *llm.Request) (string, bool) {
	answers := 0
	for i := len(req.Turns) - 1; i >= 0; i-- {
		turn := &req.Turns[i]
		switch turn.Role {
		case llm.RoleAssistant:
			if i == 0 || req.Turns[i-1].Role != llm.RoleAssistant { // neighbours are one answer
				answers++
			}
		case llm.RoleUser:
			text := textOf(turn)
			if !callMarker.MatchString(text) && !thenMarker.MatchString(text) {
				continue
			}
			steps := thenMarker.Split(text, -1)
			if answers >= len(steps) {
				return "", false
			}
			return steps[answers], true
		default: // the system's turns script nothing
		}
	}
	return "", false
}

func textOf(turn *llm.Turn) string {
	var texts []string
	for i := range turn.Blocks {
		if turn.Blocks[i].Kind == llm.BlockText {
			texts = append(texts, turn.Blocks[i].Text)
		}
	}
	return strings.Join(texts, "\n")
}

// scripted returns the calls of the step, without those of unknown tools; false if there
// is no step, or it makes no call although the request requires one.
func (p *prompt) scripted(req *llm.Request) ([]toolCall, bool) {
	kind := req.ToolChoice.Kind
	if !p.step || kind == llm.ToolChoiceNone {
		return nil, false
	}
	var calls []toolCall
	for _, m := range callMarker.FindAllStringSubmatch(p.text, -1) {
		known := slices.ContainsFunc(req.Tools, func(t llm.Tool) bool { return t.Name == m[1] })
		if known && jsonx.Valid([]byte(m[2])) {
			calls = append(calls, toolCall{m[1], jsonx.Raw(m[2])})
		}
	}
	if len(calls) > 1 && req.ParallelTools.Set && !req.ParallelTools.Value {
		calls = calls[:1]
	}
	forced := kind == llm.ToolChoiceAny || kind == llm.ToolChoiceNamed
	return calls, calls != nil || !forced
}
