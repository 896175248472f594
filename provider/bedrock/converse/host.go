package converse

import (
	"strings"

	"outcrop/llm"
)

// bedrock is the host of models that On was not called for.
const bedrock = "Bedrock"

// On returns a Claude as another host serves it by the Messages API, such as Anthropic itself. What
// belongs to the model is the same everywhere. The limits of Converse, its names for documents and
// the request's own labels are not, and such a host takes schemas of answers and strict tools of
// every Claude from 4.5 on (https://platform.claude.com/docs/en/build-with-claude/structured-outputs).
//
// User stays in the fitted request, as metadata.user_id has it, and ServiceTier is Anthropic's.
// Members of Converse in Extensions are refused. host is the name in errors and warnings.
func (m *Model) On(host string) *Model {
	own := *m
	own.host = host
	own.traits |= ownLimits
	if m.claude() >= 405 {
		own.traits = own.traits&^(noNative|noStrict) | native
	}
	return &own
}

// elsewhere reports whether the model is served by another host than Bedrock.
func (p *adapter) elsewhere() bool { return p.model.host != bedrock }

// hosted adapts what only Bedrock has.
func (p *adapter) hosted() error {
	for _, l := range p.out.Metadata {
		p.warn(llm.WarnDropped, p.named(llm.Field{Kind: llm.FieldMetadata, Name: l.Name}), p.model.host+" does not accept labels")
	}
	p.out.Metadata = nil
	switch tier := p.out.ServiceTier; tier {
	case "", "auto", "standard_only":
	case "default":
		p.out.ServiceTier = "standard_only"
	default:
		p.warn(llm.WarnDropped, p.name(llm.FieldServiceTier), p.model.host+" has no service tier "+strings.ToValidUTF8(llm.Clip(tier, 60), "?"))
		p.out.ServiceTier = ""
	}
	given := p.out.Extensions
	p.out.Extensions = nil
	for _, m := range given {
		if err := p.refuse(m.Name, "%s is a setting of AWS Bedrock, which %s does not have", m.Name, p.model.host); err != nil {
			return err
		}
	}
	return nil
}
