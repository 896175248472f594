package bedrock

import (
	"cmp"
	"strings"

	"outcrop/internal/jsonx"
)

// This file has what IAM is asked for by operations in which no model answers, and
// how they fail.

// failing makes an operation fail as its fault requires, as calls of the control
// plane do.
func failing(serve func(*Emulator, *call) error) func(*Emulator, *call) error {
	return func(e *Emulator, c *call) error {
		if err := e.failControl(c); err != nil {
			return err
		}
		return serve(e, c)
	}
}

// others is what a call needs in which no model answers: its own action on what
// it is about. A background call invokes its model, and Rerank too (Service
// Authorization Reference, "Actions, resources, and condition keys for Amazon
// Bedrock"). What a body does not say is refused later.
func (e *Emulator) others(c *call) []requirement {
	own := func() requirement {
		resource := e.resourceARN(c)
		return requirement{action: c.action(), resource: cmp.Or(resource, "*"), unnamed: resource == ""}
	}
	switch c.operation.name {
	case "StartAsyncInvoke":
		model := word(memberOf(c.body, "modelId"))
		if !strings.HasPrefix(model, "arn:") {
			model = modelARN(c.region, model)
		}
		return []requirement{{action: c.action(), resource: model}, {action: c.action(), resource: e.accountARN(c.region, asyncKind, "*")}}
	case "Rerank":
		var said rerankRequest
		needs := []requirement{own()}
		if jsonx.Unmarshal(c.body, &said) == nil && said.Configuration != nil && said.Configuration.Bedrock != nil && said.Configuration.Bedrock.Model != nil {
			needs = append(needs, requirement{action: "bedrock:InvokeModel", resource: said.Configuration.Bedrock.Model.ARN})
		}
		return needs
	}
	return []requirement{own()}
}

// headerDetails is details for InvokeModel, where headers say it.
func (e *Emulator) headerDetails(c *call) (context map[string]string, guardrail string) {
	context = map[string]string{}
	h := c.request.Header
	if tier := h.Get(headerTier); tier != "" {
		context["bedrock:ServiceTier"] = tier
	}
	if guardrail = h.Get(headerGuardrail); guardrail == "" {
		return context, ""
	}
	return e.guardrailDetails(c, context, guardrail, h.Get(headerVersion))
}
