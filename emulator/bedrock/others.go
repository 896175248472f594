package bedrock

import (
	"cmp"
	"strings"

	"outcrop/internal/jsonx"
)

// This file has the permissions and the faults of operations in which no model answers.

// failing applies the call's fault to an operation, as for the control plane.
func failing(serve func(*Emulator, *call) error) func(*Emulator, *call) error {
	return func(e *Emulator, c *call) error {
		if err := e.failControl(c); err != nil {
			return err
		}
		return serve(e, c)
	}
}

// others returns the permissions for a call in which no model answers: the operation's
// own action on its resource. StartAsyncInvoke and Rerank also invoke a model (Service
// Authorization Reference, "Actions, resources, and condition keys for Amazon Bedrock").
// Missing members are refused later.
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

// headerDetails is details for InvokeModel, which has these settings in headers.
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
