package converse

import (
	"encoding/base64"
	"slices"
	"strings"

	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
)

// Reasoning goes back to the family that made it. Nothing in a request says who that
// was, so it is judged by what each family makes and takes: Claude seals its thoughts
// with a signature and takes none without; OpenAI's models and Grok hide theirs in
// redacted content, a token of another form than Claude's, and take nothing else; the
// open models' thoughts are plain text, and a signature is refused. A conversation may have gone through several of
// them, and AWS refuses all of it for one foreign block.

// thoughts fits the reasoning of the conversation to the model: what it does not take
// is left out, and what it takes without a signature loses a foreign one.
func (p *adapter) thoughts() {
	if !p.seen.thoughts {
		return
	}
	p.rewrite(func(i int, t llm.Turn) []llm.Block {
		blocks := make([]llm.Block, 0, len(t.Blocks))
		for _, b := range t.Blocks {
			field := p.inMessage(llm.FieldReasoned, i)
			if b.Plain {
				field = p.inMessage(llm.FieldReasonedText, i)
			}
			switch why := p.refusesThought(&b); {
			case why != "":
				p.warn(llm.WarnDropped, field, why)
			case b.Kind == llm.BlockReasoning && b.Signature != "" && !p.sealing():
				b.Signature = ""
				p.warn(llm.WarnChanged, field, "sent without its signature, which is from another model")
				blocks = append(blocks, b)
			case b.Kind == llm.BlockRedacted && p.model.any(signedThoughts):
				b.Text = sealedTwice(b.Text)
				blocks = append(blocks, b)
			default:
				blocks = append(blocks, b)
			}
		}
		p.seen.blank = p.seen.blank || !slices.ContainsFunc(blocks, func(b llm.Block) bool { return b.Kind != llm.BlockCachePoint })
		return blocks
	})
}

// sealing reports whether the model makes signatures, or may make them.
func (p *adapter) sealing() bool { return p.model.any(signedThoughts) || !p.model.known() }

// known reports whether anything is known of how the model thinks.
func (m *Model) known() bool {
	return m.facts != nil || m.thinker.source != "" || m.Vendor == "anthropic"
}

// refusesThought says why a block of reasoning cannot go back to the model; it is empty
// if it can, and for any other block.
func (p *adapter) refusesThought(b *llm.Block) string {
	m := p.model
	text := b.Kind == llm.BlockReasoning
	switch {
	case !text && b.Kind != llm.BlockRedacted:
		return ""
	case m.facts != nil && m.facts.Reasoning.Supported == catalog.No:
		return "this model does not support reasoning; the block is from another model"
	case m.any(noThoughts):
		return "this model does not accept reasoning in messages"
	case m.any(signedThoughts):
		if text && b.Signature == "" {
			return "this model accepts reasoning only with its signature"
		}
		if text && llm.Marked(b.Signature) {
			return "the signature is from another model"
		}
		if !text && encrypted(b.Text) {
			return "the block is from another model"
		}
	case m.any(redactedAlone):
		if text {
			return "this model accepts reasoning only as redacted_thinking"
		}
	case !m.known():
	case !text:
		return "this model does not redact reasoning; the block is from another model"
	}
	return ""
}

// encrypted reports whether redacted content is of the form of OpenAI's models and
// Grok: a token that Bedrock marks with rsn_ or smry_
// (https://github.com/maximhq/bifrost, core/providers/bedrock/reasoning_replay_test.go),
// or OpenAI's own (https://github.com/fernet/spec). Claude's, which is base64 within
// base64 as well, begins otherwise (recorded answers).
func encrypted(data string) bool {
	inner, err := base64.StdEncoding.DecodeString(data)
	return err == nil && slices.ContainsFunc([]string{"rsn_", "smry_", "gAAAA"}, func(mark string) bool {
		return strings.HasPrefix(string(inner), mark)
	})
}
