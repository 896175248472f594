package route

import (
	"time"

	"outcrop/llm"
	"outcrop/provider"
)

// guarded makes attempts only at targets that apply the operator's guardrail: at others the call would
// escape a restriction. Another deployment of the name may apply it.
func guarded(do attempt) attempt {
	return func(t *deployment, w way, start time.Time) error {
		if g, ok := w.Target.(provider.Guarder); ok && g.Guards() {
			return do(t, w, start)
		}
		return &llm.Error{
			Code: llm.CodeUnsupported, Status: 400, Param: "guardrailConfig", Actor: llm.ActorOperator,
			Message: "the gateway's operator has set a guardrailConfig for this model, and its provider has no such guardrails.",
			Fix:     "The gateway's operator must remove guardrailConfig from the model's litellm_params, or serve the model from Bedrock.",
		}
	}
}
