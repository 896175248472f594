package bedrock

import (
	"strings"

	"outcrop/internal/jsonx"
)

// Parts of a guardrail's measurements.
const (
	guardrailLatency  = 150  // milliseconds
	charactersPerUnit = 1000 // of text in a text unit (https://aws.amazon.com/bedrock/pricing/)
	charactersPerWord = 4    // per token
)

// guardrailTrace returns the trace of a guardrail that did not intervene, if the
// setting requests one: GuardrailTraceAssessment of the service model. tokens are those
// of the prompt.
func guardrailTrace(setting jsonx.Raw, tokens int64) jsonx.Raw {
	var g guardrail
	if jsonx.Unmarshal(setting, &g) != nil || g.Trace == "" || g.Trace == "disabled" {
		return nil
	}
	characters := tokens * charactersPerWord
	units := (characters + charactersPerUnit - 1) / charactersPerUnit
	var w jsonx.Writer
	w.Object()
	w.Key("guardrail")
	w.Object()
	w.Key("inputAssessment")
	w.Object()
	w.AnyKey(g.Identifier[strings.LastIndexByte(g.Identifier, '/')+1:])
	w.Object()
	w.Key("invocationMetrics")
	w.Object()
	w.Key("guardrailCoverage")
	w.Object()
	w.Key("textCharacters")
	w.Object()
	w.Key("guarded")
	w.Int(characters)
	w.Key("total")
	w.Int(characters)
	w.EndObject()
	w.EndObject()
	w.Key("guardrailProcessingLatency")
	w.Int(guardrailLatency)
	w.Key("usage")
	w.Object()
	for _, policy := range [...]string{"contentPolicyUnits", "contextualGroundingPolicyUnits", "sensitiveInformationPolicyFreeUnits", "sensitiveInformationPolicyUnits", "topicPolicyUnits", "wordPolicyUnits"} {
		w.Key(policy)
		if policy == "contentPolicyUnits" {
			w.Int(units)
		} else {
			w.Int(0)
		}
	}
	w.EndObject()
	for range 5 {
		w.EndObject()
	}
	return w.Buf
}
