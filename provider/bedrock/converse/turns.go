package converse

import (
	"slices"
	"strings"

	"outcrop/llm"
)

// turns adapts the conversation. Steps that insert turns come last, so that the indices in warnings
// are the client's.
func (p *adapter) turns() error {
	p.unread()
	if err := p.results(); err != nil {
		return err
	}
	p.thoughts()
	if p.seen.blank {
		p.blanks()
	}
	if len(p.out.Turns) == 0 && p.extension("messages") == nil && p.extension("promptVariables") == nil {
		return llm.Invalid(p.name(llm.FieldMessages), "%s must contain at least one non-empty message", p.name(llm.FieldMessages))
	}
	if err := p.prefill(); err != nil {
		return err
	}
	if p.model.any(callsAlone) && p.seen.tools {
		p.partCalls()
	}
	if p.model.any(resultsAlone) && p.seen.tools {
		p.part()
	}
	if p.model.any(noSystem) && len(p.out.System) > 0 {
		p.foldSystem()
	}
	if p.model.any(userFirst) && len(p.out.Turns) > 0 && p.out.Turns[0].Role == llm.RoleAssistant {
		opening := llm.Turn{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "(The assistant begins.)"}}}
		p.warn(llm.WarnChanged, p.message(0), "a user message was added before it, because this model requires one first")
		p.out.Turns = slices.Insert(slices.Clone(p.out.Turns), 0, opening)
	}
	return nil
}

// rewrite replaces the blocks of every turn by the result of f, which must not modify the turn.
func (p *adapter) rewrite(f func(i int, t llm.Turn) []llm.Block) {
	turns := make([]llm.Turn, len(p.out.Turns))
	for i, t := range p.out.Turns {
		turns[i] = llm.Turn{Role: t.Role, Blocks: f(i, t), Message: t.Message}
	}
	p.out.Turns = turns
}

// message names the client's message of a turn.
func (p *adapter) message(turn int) string {
	return p.inMessage(llm.FieldMessage, turn)
}

// inMessage names a field of the client's message of a turn.
func (p *adapter) inMessage(kind llm.FieldKind, turn int) string {
	return p.named(llm.Field{Kind: kind, Index: p.out.Turns[turn].Number(turn)})
}

func (p *adapter) at(turn, block int) string {
	return p.named(llm.Field{Kind: llm.FieldBlock, Index: p.out.Turns[turn].Number(turn), Block: block})
}

func isBlank(b *llm.Block) bool {
	return b.Kind == llm.BlockText && strings.TrimSpace(b.Text) == ""
}

// blanks drops text that is empty or white space, which AWS refuses, and empty assistant turns. An
// empty user turn gets a placeholder, because dropping it could make another turn the last.
func (p *adapter) blanks() {
	p.out.System = slices.DeleteFunc(slices.Clone(p.out.System), func(b llm.Block) bool { return isBlank(&b) })
	p.rewrite(func(i int, t llm.Turn) []llm.Block {
		blocks := make([]llm.Block, 0, len(t.Blocks))
		for j, b := range t.Blocks {
			switch {
			case isBlank(&b):
				if b.Text != "" && len(t.Blocks) == 1 {
					p.warn(llm.WarnDropped, p.at(i, j), "the text is only white space")
				}
			case b.Kind == llm.BlockToolResult:
				blocks = append(blocks, spoken(b))
			default:
				blocks = append(blocks, b)
			}
		}
		if !says(blocks) && t.Role == llm.RoleUser {
			p.warn(llm.WarnChanged, p.message(i), "the message is empty; a placeholder was added")
			blocks = append([]llm.Block{{Kind: llm.BlockText, Text: "(empty)"}}, blocks...)
		}
		return blocks
	})
	p.out.Turns = slices.DeleteFunc(p.out.Turns, func(t llm.Turn) bool {
		return !says(t.Blocks)
	})
}

// spoken returns a tool result without blank text. An empty one gets a placeholder, because AWS
// refuses an error without content.
func spoken(b llm.Block) llm.Block {
	result := *b.ToolResult
	result.Content = slices.DeleteFunc(slices.Clone(result.Content), func(c llm.ResultBlock) bool {
		return len(c.JSON) == 0 && isBlank(&c.Block)
	})
	if len(result.Content) == 0 {
		result.Content = []llm.ResultBlock{{Block: llm.Block{Kind: llm.BlockText, Text: "(no output)"}}}
	}
	b.ToolResult = &result
	return b
}

// prefill refuses a conversation that ends with an assistant message, which the newest Claude
// models, and any that reason, do not continue.
func (p *adapter) prefill() error {
	last := len(p.out.Turns) - 1
	if last < 0 || p.out.Turns[last].Role != llm.RoleAssistant {
		return nil
	}
	if !p.thinks && !p.model.any(noPrefill) {
		p.trimEnd(last)
		return nil
	}
	field := p.message(last)
	if !p.out.DropParams {
		e := llm.Unsupported(field, "%s is an assistant message, which this model does not continue; the last message must be a user message", field)
		e.Fix = "End the conversation with a user message, or set drop_params to add one that asks the model to continue."
		return e
	}
	p.warn(llm.WarnChanged, field, "a user message was added that asks the model to continue")
	ask := llm.Turn{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "Go on exactly where your last message ends, without repeating any of it."}}}
	p.out.Turns = append(slices.Clip(p.out.Turns), ask)
	return nil
}

// trimEnd removes trailing white space, which Claude refuses, from the assistant message to
// continue
// (https://docs.anthropic.com/en/docs/build-with-claude/prompt-engineering/prefill-claudes-response).
func (p *adapter) trimEnd(last int) {
	blocks := p.out.Turns[last].Blocks
	end := len(blocks) - 1
	if !p.model.any(noTrailing) || end < 0 || blocks[end].Kind != llm.BlockText {
		return
	}
	trimmed := strings.TrimRight(blocks[end].Text, " \t\r\n")
	if trimmed == blocks[end].Text {
		return
	}
	p.warn(llm.WarnChanged, p.at(last, end), "trailing white space was removed")
	p.rewrite(func(i int, t llm.Turn) []llm.Block {
		if i != last {
			return t.Blocks
		}
		own := slices.Clone(t.Blocks)
		own[end].Text = trimmed
		return own
	})
}

// part inserts an assistant turn between tool results and other user content, for models that
// accept results only in a message of their own (AWS: Conversation blocks and tool result blocks
// cannot be provided in the same turn; recorded exchanges with Llama and Mistral have the turn
// between).
func (p *adapter) part() {
	between := llm.Turn{Role: llm.RoleAssistant, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "."}}}
	turns := make([]llm.Turn, 0, len(p.out.Turns))
	open := false // the last turn has tool results
	for i, t := range p.out.Turns {
		if t.Role != llm.RoleUser {
			turns, open = append(turns, t), false
			continue
		}
		var results, seen []llm.Block
		for _, b := range t.Blocks {
			if b.Kind == llm.BlockToolResult || b.Kind == llm.BlockCachePoint && len(seen) == 0 {
				results = append(results, b)
			} else {
				seen = append(seen, b)
			}
		}
		holds := slices.ContainsFunc(results, func(b llm.Block) bool { return b.Kind == llm.BlockToolResult })
		if !holds {
			results, seen = nil, t.Blocks
		}
		if len(results) > 0 {
			turns, open = append(turns, llm.Turn{Role: llm.RoleUser, Blocks: results, Message: t.Message}), true
		}
		if len(seen) == 0 {
			continue
		}
		if open {
			turns, open = append(turns, between), false
			p.warn(llm.WarnChanged, p.message(i), "this model accepts tool results only in a message of their own; an assistant message was added after them")
		}
		turns = append(turns, llm.Turn{Role: llm.RoleUser, Blocks: seen, Message: t.Message})
	}
	p.out.Turns = turns
}

// partCalls moves assistant content next to tool calls into a turn of its own, with a user turn
// between, for models that accept calls only in a message of their own (AWS: Conversation blocks
// and tool use blocks cannot be provided in the same turn). Consecutive assistant turns are one
// turn to AWS.
func (p *adapter) partCalls() {
	turns := make([]llm.Turn, 0, len(p.out.Turns))
	for from := 0; from < len(p.out.Turns); {
		to := from + 1
		for to < len(p.out.Turns) && p.out.Turns[to].Role == p.out.Turns[from].Role {
			to++
		}
		var seen, calls []llm.Block
		for _, t := range p.out.Turns[from:to] {
			for _, b := range t.Blocks {
				if t.Role == llm.RoleAssistant && (b.Kind == llm.BlockToolUse || b.Kind == llm.BlockCachePoint) {
					calls = append(calls, b)
				} else {
					seen = append(seen, b)
				}
			}
		}
		first := p.out.Turns[from]
		switch {
		case !says(calls) || len(seen) == 0:
			turns = append(turns, p.out.Turns[from:to]...)
		default:
			p.warn(llm.WarnChanged, p.message(from), "this model accepts tool calls only in a message of their own; the other content was moved to a message before them")
			turns = append(turns,
				llm.Turn{Role: llm.RoleAssistant, Blocks: seen, Message: first.Message},
				llm.Turn{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "Go on."}}},
				llm.Turn{Role: llm.RoleAssistant, Blocks: calls, Message: first.Message})
		}
		from = to
	}
	p.out.Turns = turns
}

// foldSystem moves the system prompt to the first user turn, for models that do not support one.
func (p *adapter) foldSystem() {
	p.warn(llm.WarnChanged, p.name(llm.FieldSystem), "moved to the first user message, because this model does not support a system prompt")
	turns := slices.Clone(p.out.Turns)
	if len(turns) == 0 || turns[0].Role != llm.RoleUser {
		turns = slices.Insert(turns, 0, llm.Turn{Role: llm.RoleUser})
	}
	turns[0].Blocks = slices.Concat(p.out.System, turns[0].Blocks)
	p.out.System, p.out.Turns = nil, turns
}
