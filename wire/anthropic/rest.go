package anthropic

import (
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/litellm"
)

// rest reads the members that wireRequest does not name.
func (d *decoder) rest(w *wireRequest) error {
	members, err := jsonx.Members(w.Rest)
	if err != nil {
		return decodeError(err)
	}
	words := d.opt.Beta
	for _, m := range members {
		if m.Value.Kind() == 'n' {
			continue
		}
		if m.Name == "betas" || m.Name == "anthropic_beta" {
			var list []string
			if jsonx.Unmarshal(m.Value, &list) != nil {
				return llm.Invalid(m.Name, "%s: Input should be an array of strings", m.Name)
			}
			words = append(slices.Clip(words), list...)
			continue
		}
		if err := d.member(m); err != nil {
			return err
		}
	}
	d.betas(words)
	return nil
}

// member reads a member of the API that llm has no field for
// (https://platform.claude.com/docs/en/api/messages, and the types of Anthropic's SDKs).
func (d *decoder) member(m jsonx.Member) error {
	asks := !empty(m.Value)
	switch m.Name {
	case "anthropic_version": // the version of the API, as Bedrock and Vertex AI have it in the body
	case "guardrails": // the gateway's own
		if asks {
			names, err := litellm.Guardrails(m.Name, m.Value)
			d.out.LLM.Guardrails = append(d.out.LLM.Guardrails, names...)
			return err
		}
	case "policies": // the gateway's own
		if asks {
			names, err := litellm.Policies(m.Name, m.Value)
			d.out.LLM.Policies = append(d.out.LLM.Policies, names...)
			return err
		}
	case "context_management":
		return d.contextManagement(m)
	case "container", "mcp_servers", "thread":
		if asks {
			d.refusef(m.Name, "%s is not supported: it belongs to what Anthropic's API runs or stores itself", m.Name)
		}
	case "safeguards":
		if asks {
			d.extra(m.Name)
		}
	case "inference_geo": // where the model may run, which the gateway's own policy decides
		if asks && string(m.Value) != `"global"` {
			d.refusef(m.Name, "%s is not supported: the gateway's configuration decides in which regions models run", m.Name)
		}
	case "speed":
		if string(m.Value) != `"standard"` {
			d.warn(llm.WarnDropped, m.Name, "the model has one speed")
		}
	case "fallbacks", "fallback_credit_token", "compaction", "diagnostics", "billing_policy", "user_profile_id":
		if asks {
			d.warn(llm.WarnDropped, m.Name, "only Anthropic's API has it; the response is the same without it")
		}
	case "guardrailConfig", "performanceConfig", "requestMetadata", "promptVariables", "additionalModelResponseFieldPaths", "serviceTier":
		d.out.LLM.Extensions = append(d.out.LLM.Extensions, m)
	case "additionalModelRequestFields":
		fields, err := jsonx.Members(m.Value)
		if err != nil {
			return llm.Invalid(m.Name, "%s: Input should be an object", m.Name)
		}
		if len(fields) > maxFields {
			return llm.Invalid(m.Name, "%s must have at most %d members, not %d", m.Name, maxFields, len(fields))
		}
		d.out.LLM.ModelFields = append(d.out.LLM.ModelFields, fields...)
	default:
		d.unknown(llm.Clip(m.Name, maxName))
	}
	return nil
}

// maxName bounds the name of an unknown member in an error, in bytes.
const maxName = 128

// contextManagement reads how the API shall shorten the conversation before the model sees it. An
// edit that keeps all thinking changes nothing. Other edits are passed on as the model's own
// parameter, which Claude models on Bedrock support
// (https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-tool-use.html).
func (d *decoder) contextManagement(m jsonx.Member) error {
	var c struct {
		Edits list[jsonx.Raw] `json:"edits"`
		Rest  jsonx.Raw       `json:",embed"`
	}
	if err := decodeAt(m.Name, m.Value, &c); err != nil {
		return err
	}
	var kept []jsonx.Raw
	for _, edit := range c.Edits {
		var e struct {
			Type string    `json:"type"`
			Keep jsonx.Raw `json:"keep"`
			Rest jsonx.Raw `json:",embed"`
		}
		if err := decodeAt(m.Name+".edits", edit, &e); err != nil {
			return err
		}
		if !strings.HasPrefix(e.Type, "clear_thinking_") || string(e.Keep) != `"all"` {
			kept = append(kept, edit)
		}
	}
	switch {
	case len(kept) == 0 && len(c.Edits) > 0:
		d.warn(llm.WarnDropped, m.Name, "it keeps all thinking, which is what happens without it")
	case len(kept) > 0:
		rest, err := jsonx.Members(c.Rest)
		if err != nil {
			return decodeError(err)
		}
		w := jsonx.Writer{}
		w.Object()
		w.Key("edits")
		w.Array()
		for _, edit := range kept {
			w.Raw(edit)
		}
		w.EndArray()
		w.Members(rest)
		w.EndObject()
		d.out.LLM.ModelFields = append(d.out.LLM.ModelFields, jsonx.Member{Name: m.Name, Value: w.Buf})
	}
	return nil
}

// betas passes on the values of the header anthropic-beta, comma-separated lists, and of the body's
// members. The provider decides what to do with them.
func (d *decoder) betas(values []string) {
	var words []string
	for _, value := range values {
		for word := range strings.SplitSeq(value, ",") {
			if word = strings.TrimSpace(word); word != "" && !slices.Contains(words, word) {
				words = append(words, word)
			}
		}
	}
	if len(words) > 0 {
		d.out.LLM.Headers = append(d.out.LLM.Headers, llm.Label{Name: "anthropic-beta", Value: strings.Join(words, ",")})
	}
}
