package bedrock

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"outcrop/emulator/bedrock/catalogue"
	"outcrop/internal/jsonx"
)

// checkService holds what Converse itself keeps of a request against what the
// model has: tiers, latency, guardrails and pointers into the model's answer.
func checkService(q *question) error {
	switch tier := q.request.ServiceTier; {
	case tier == "reserved":
		return invalid("Reservation not found.")
	case tier != "" && !q.info.ServesTier(tier):
		return invalid("The service tier %s is not supported for this model. Try again with another service tier.", tier)
	}
	var performance struct {
		Latency string `json:"latency"`
	}
	if raw := q.extension("performanceConfig"); raw != nil && jsonx.Unmarshal(raw, &performance) == nil && performance.Latency == "optimized" && !q.info.Optimized {
		return invalid("Latency performance configuration is not supported for this model.")
	}
	if raw := q.extension("guardrailConfig"); raw != nil {
		if err := checkGuardrail(raw, q.streaming); err != nil {
			return err
		}
	}
	return checkPointers(q.extension("additionalModelResponseFieldPaths"))
}

// guardrail is Converse's guardrailConfig.
type guardrail struct {
	Identifier string `json:"guardrailIdentifier"`
	Version    string `json:"guardrailVersion"`
	Trace      string `json:"trace"`
	Mode       string `json:"streamProcessingMode"`
}

// checkGuardrail refuses a guardrail that is half said; the decoder has held its
// parts against their patterns. Every guardrail of the right form exists.
func checkGuardrail(raw jsonx.Raw, streaming bool) error {
	var g guardrail
	if err := jsonx.Unmarshal(raw, &g); err != nil {
		return err // the decoder has seen to its shape
	}
	switch {
	case g.Identifier == "":
		return invalid("The provided guardrail identifier is invalid.")
	case g.Version == "":
		return invalid("The provided guardrail version is invalid.")
	case g.Mode != "" && !streaming:
		return invalid("The streamProcessingMode field in guardrailConfig is only supported by ConverseStream. Remove streamProcessingMode and try again.")
	}
	return nil
}

// checkPointers refuses paths that are no JSON pointers (RFC 6901).
func checkPointers(raw jsonx.Raw) error {
	if raw == nil {
		return nil
	}
	var paths []string
	if err := jsonx.Unmarshal(raw, &paths); err != nil {
		return err // the decoder has seen to its shape
	}
	for i, path := range paths {
		rest := strings.NewReplacer("~0", "", "~1", "").Replace(path)
		if !strings.HasPrefix(path, "/") || strings.Contains(rest, "~") {
			return invalid("The value at additionalModelResponseFieldPaths.%d is not a valid JSON pointer. Correct the value and try again.", i)
		}
	}
	return nil
}

// checkLimits refuses to write more than the model can.
func checkLimits(q *question) error {
	if limit := q.info.MaxOutput; q.request.MaxTokens.Set && limit > 0 && q.request.MaxTokens.Value > limit {
		return invalid("The maximum tokens you requested exceeds the model limit of %d. Try again with a maximum tokens value that is lower than %d.", limit, limit)
	}
	return nil
}

// checkFields refuses members of additionalModelRequestFields that the model does
// not know, each server in its own words.
func checkFields(q *question) error {
	known := q.info.Fields()
	for _, m := range q.request.ModelFields {
		if known != nil && !slices.Contains(known, m.Name) {
			return unknownField(q, m.Name)
		}
		if m.Name == "anthropic_beta" {
			if err := checkBetas(q, m.Value); err != nil {
				return err
			}
		}
	}
	return nil
}

func unknownField(q *question, name string) error {
	switch q.info.Voice() {
	case catalogue.VoiceAnthropic:
		return returned("%s: Extra inputs are not permitted", name)
	case catalogue.VoiceResponses:
		return responsesError("unknown_parameter", name, "Unknown parameter: '"+name+"'.")
	case catalogue.VoiceChat:
		return chatError(name, "unknown field "+name, q.info.Fields())
	default: // Bedrock's own schema
	}
	if name == "reasoningConfig" && slices.Contains(q.info.Fields(), "inferenceConfig") {
		return malformedInput("the provided reasoning config value is invalid") // as the older Nova says
	}
	return malformedInput("#: extraneous key [%s] is not permitted", name)
}

// chatError is what a server of Chat Completions says of a member of its body,
// behind the column where the member ends.
func chatError(name, fault string, expected []string) error {
	return returned("Failed to deserialize the JSON body into the target type: %s: %s, expected one of %s at line 1 column %d",
		name, fault, strings.Join(expected, ", "), len(`{""`)+len(name))
}

// responsesError is what OpenAI's Responses say, which Converse passes on as JSON.
func responsesError(code, param, message string) error {
	var w jsonx.Writer
	w.Object()
	w.Key("error")
	w.Object()
	for _, m := range [...][2]string{{"code", code}, {"message", message}, {"param", param}, {"type", "invalid_request_error"}} {
		w.Key(m[0])
		w.String(m[1])
	}
	w.EndObject()
	w.EndObject()
	return returned("%s", w.Buf)
}

func checkBetas(q *question, raw jsonx.Raw) error {
	var flags []string
	if jsonx.Unmarshal(raw, &flags) != nil {
		return returned("anthropic_beta: Input should be a valid list")
	}
	for _, flag := range flags {
		if strings.HasPrefix(flag, "compact-") { // AWS's words in a public report
			return invalid("The compact beta feature is not currently supported on the Converse and ConverseStream APIs.")
		}
		if !q.info.TakesBeta(flag) {
			return returned("invalid beta flag")
		}
	}
	return nil
}

// checkEffort refuses words for how hard to think that the model does not know.
func checkEffort(q *question) error {
	e := q.info.Effort()
	if q.native() && e.At == "" && q.at("output_config.effort") != nil {
		return returned("output_config.effort: Extra inputs are not permitted")
	}
	if e.At != "" {
		if err := checkWord(q, e, q.at(e.At)); err != nil {
			return err
		}
	}
	var output struct {
		Effort string `json:"effort"`
	}
	if raw := q.extension("outputConfig"); raw != nil && jsonx.Unmarshal(raw, &output) == nil && output.Effort != "" {
		if e.At == "" {
			return unsupported("outputConfig.effort")
		}
		if !slices.Contains(e.Words, output.Effort) {
			return invalid("The value at outputConfig.effort must be one of the following: %s.", strings.Join(e.Words, ", "))
		}
	}
	if q.info.Has(catalogue.ReasoningConfig) && word(q.at("reasoningConfig.maxReasoningEffort")) == "high" &&
		(q.request.MaxTokens.Set || hasSampling(q)) {
		return malformedInput("maxTokens, temperature and topP must be unset when maxReasoningEffort is high")
	}
	return nil
}

// checkWord rejects an effort that is not one of the model's values.
func checkWord(q *question, e catalogue.Effort, raw jsonx.Raw) error {
	said := word(raw)
	if raw == nil || slices.Contains(e.Words, said) {
		off := q.thinking.Type == "disabled" && q.info.Has(catalogue.ThinkingOffToHigh)
		if said != "xhigh" && said != "max" || q.thinking.Type != "between_tools" && !off {
			return nil
		}
		return returned("output_config.effort: '%s' is not supported with thinking.type.%s", said, q.thinking.Type)
	}
	switch q.info.Voice() {
	case catalogue.VoiceAnthropic:
		last := len(e.Words) - 1
		return returned("%s: Input should be '%s' or '%s'", e.At, strings.Join(e.Words[:last], "', '"), e.Words[last])
	case catalogue.VoiceResponses:
		return responsesError("unsupported_value", e.At, fmt.Sprintf("Unsupported value: %s is not supported with this model. Supported values are: '%s'.", raw, strings.Join(e.Words, "', '")))
	case catalogue.VoiceChat:
		return chatError(e.At, "unknown variant "+strings.Trim(string(raw), `"`), e.Words)
	default: // Nova
		return malformedInput("the provided reasoning config value is invalid")
	}
}

// word returns the value of a JSON string; empty if it is not a string.
func word(raw jsonx.Raw) string {
	var s string
	if raw == nil || jsonx.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// at is the value at a path such as output_config.effort within
// additionalModelRequestFields; nil if there is none.
func (q *question) at(path string) jsonx.Raw {
	first, rest, nested := strings.Cut(path, ".")
	value := q.field(first)
	for nested && value != nil {
		first, rest, nested = strings.Cut(rest, ".")
		value = memberOf(value, first)
	}
	return value
}

// memberOf is a member of an object, or by its number the element of an array;
// nil if it is not there.
func memberOf(value jsonx.Raw, name string) jsonx.Raw {
	if value.Kind() == '[' {
		var list []jsonx.Raw
		n, err := strconv.Atoi(name)
		if err != nil || jsonx.Unmarshal(value, &list) != nil || n < 0 || n >= len(list) {
			return nil
		}
		return list[n]
	}
	members, err := jsonx.Members(value)
	if err != nil {
		return nil
	}
	return jsonx.Find(members, name)
}
