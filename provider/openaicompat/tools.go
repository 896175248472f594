package openaicompat

import (
	"net/http"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Since GPT-5.4, OpenAI's chat completions refuse functions unless the model is told not to reason, and name the
// Responses API instead, which takes both (https://github.com/openai/openai-openapi/issues/541 of 2026-05-18,
// https://github.com/BerriAI/litellm/pull/34569 of 2026-07-24). Such requests are translated for that API. Which
// models refuse them is learned from their refusals, because deployments have names of their own, and other servers
// behind OpenAI's names do not refuse them.

// toolsRefused are OpenAI's words, in front of "for gpt-5.6-terra in /v1/chat/completions".
const toolsRefused = "Function tools with reasoning_effort are not supported"

// refusesTools reports whether a refusal of chat completions says that the model takes functions only by the
// Responses API, which the server has, and remembers it.
func (t *target) refusesTools(err error) bool {
	e := llm.AsError(err)
	if e.UpstreamStatus != http.StatusBadRequest || !strings.Contains(e.Message, toolsRefused) || t.d.end.URL(APIResponses, t.id) == nil || t.withoutResponses() {
		return false
	}
	t.noTools.Store(true)
	return true
}

// reasonsWithTools reports whether a request has functions and lets the model reason.
func reasonsWithTools(req *llm.Request) bool {
	return len(req.Tools) > 0 && req.Reasoning.Effort != noEffort
}

const noEffort = "none"

// Takes reports whether a body passes through. One of chat completions with functions does not if the model has
// refused them there.
func (t *target) Takes(verb llm.Verb, raw *llm.Raw) bool {
	if raw.Dialect != llm.DialectOpenAI || verb != llm.VerbChat || !t.noTools.Load() || t.withoutResponses() {
		return true
	}
	var asked struct {
		Tools  []typed   `json:"tools"`
		Effort jsonx.Raw `json:"reasoning_effort"`
		Rest   jsonx.Raw `json:",embed"`
	}
	if jsonx.Unmarshal(raw.Body, &asked) != nil {
		return true // the vendor judges it
	}
	return string(asked.Effort) == `"`+noEffort+`"` || !slices.ContainsFunc(asked.Tools, func(t typed) bool { return t.Type == "function" })
}

// typed is a tool, as far as its type.
type typed struct {
	Type string    `json:"type"`
	Rest jsonx.Raw `json:",embed"`
}
