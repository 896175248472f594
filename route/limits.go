package route

import (
	"net/http"
	"strconv"
	"time"

	"outcrop/catalog"
	"outcrop/llm"
	"outcrop/provider"
)

// explain adds the known limit of a model to the error of a call that exceeds one, unless the error has a
// cause already. What is known does not decide whether a call is made: the provider has refused it.
func explain(e *llm.Error, facts func(model string) *catalog.Model, model string) {
	if e == nil || e.Cause != "" || facts == nil || e.UpstreamStatus == http.StatusRequestEntityTooLarge { // that is about bytes
		return
	}
	var fact, what string
	var limit int64
	known := facts(model)
	switch {
	case known == nil:
		return
	case e.Code == llm.CodeTooLong && known.MaxInput > 0:
		fact, what, limit = "maxInput", "a prompt may have", known.MaxInput
	case e.Code == llm.CodeTooLong:
		fact, what, limit = "context", "prompt and response together may have", known.Context
	case e.Code == llm.CodeMaxTokens:
		fact, what, limit = "maxOutput", "a response may have", known.MaxOutput
	}
	if limit > 0 {
		s := known.Source(fact)
		e.Cause = "With " + known.ID + " " + what + " at most " + strconv.FormatInt(limit, 10) + " tokens, according to " + s.Name + " of " + s.Date.Format(time.DateOnly) + "."
	}
}

// way is a target, and where to find what is known of its model.
type way struct {
	provider.Target
	facts func(model string) *catalog.Model // nil if nothing is known here
	model string
}

// maxOutput is the most tokens that a model can write, as far as is known; 0 if nothing is.
func maxOutput(facts func(model string) *catalog.Model, model string) int64 {
	if facts == nil {
		return 0
	}
	if known := facts(model); known != nil {
		return known.MaxOutput
	}
	return 0
}

// within is a request for the target, with the warnings of what it changes.
func (w way) within(req *llm.Request) (*llm.Request, []llm.Warning) {
	if !req.MaxTokens.Set {
		return req, nil
	}
	if p, ok := w.Target.(provider.Passer); req.KeepMaxTokens && ok && p.Speaks(llm.DialectAnthropic) {
		return req, nil
	}
	return req.Within(maxOutput(w.facts, w.model))
}

// tell puts warnings before those of a response.
func tell(m *llm.Meta, changed []llm.Warning) {
	if len(changed) > 0 {
		m.Warnings = append(changed, m.Warnings...)
	}
}
