package openaichat

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// A chat completion has one text and one list of calls, which loses the order of a model's
// reasoning, text and calls. Claude requires its reasoning back in the original order, though
// (https://platform.claude.com/docs/en/build-with-claude/extended-thinking): each entry of
// thinking_blocks that does not come first states what precedes it, and clients that send it back
// unchanged keep the order.

// thought is a block of reasoning and its position.
type thought struct {
	block       llm.Block
	calls, text int64 // what precedes it: calls, or before all calls characters of text
}

// thoughts are the reasoning blocks of a message that have not been placed yet.
type thoughts []thought

// thoughts returns the reasoning of message i. Clients that concatenate the pieces of a stream send
// texts without a signature followed by the signature without a text; these form one block.
func (d *decoder) thoughts(i int, m *message) (thoughts, error) {
	if len(m.ThinkingBlocks) == 0 {
		return d.reasoningContent(i, m), nil
	}
	var all thoughts
	var pieces strings.Builder
	var begun thought // the position of the pieces
	end := func() {
		if pieces.Len() > 0 {
			begun.block = llm.Block{Kind: llm.BlockReasoning, Text: pieces.String()}
			all = append(all, begun)
			pieces.Reset()
		}
	}
	for j := range m.ThinkingBlocks {
		b := &m.ThinkingBlocks[j]
		field := fmt.Sprintf("messages[%d].thinking_blocks[%d]", i, j)
		if b.Thinking.Value == "" {
			b.Thinking = b.Text
		}
		here := thought{calls: max(0, b.AfterCalls.Value), text: max(0, b.AfterText.Value)}
		switch {
		case b.Type == "thinking" && b.Signature.Value == "":
			if pieces.Len() == 0 {
				begun = here
			}
			pieces.WriteString(b.Thinking.Value)
			continue
		case b.Type == "thinking" && b.Thinking.Value == "" && pieces.Len() > 0:
			b.Thinking.Value, here = pieces.String(), begun
			pieces.Reset()
		}
		end()
		d.warnUnread(field, b.Rest)
		blocks, err := d.thinking(nil, field, b.Type, b.Thinking, b.Signature, b.Data)
		if err != nil {
			return nil, err
		}
		for _, here.block = range blocks {
			all = append(all, here)
		}
	}
	end()
	return all, nil
}

// reasoningContent returns the reasoning that a message has as text alone. Whether the model accepts
// it without a signature is for the provider to decide.
func (d *decoder) reasoningContent(i int, m *message) thoughts {
	text, signature := m.ReasoningContent.Value, m.ReasoningSignature.Value
	switch {
	case signature != "" && text != "":
		return thoughts{{block: llm.Block{Kind: llm.BlockReasoning, Text: text, Signature: d.sealed(signature)}}}
	case signature != "":
		d.warn(llm.WarnDropped, at(i, "reasoning_signature"))
	case text != "":
		return thoughts{{block: llm.Block{Kind: llm.BlockReasoning, Text: text, Plain: true}}}
	}
	return nil
}

// within returns the content with the thoughts that come before calls.
func (t *thoughts) within(content []llm.Block) []llm.Block {
	if len(*t) == 0 {
		return content
	}
	blocks := make([]llm.Block, 0, len(*t)+len(content))
	texts := int64(0)
	for _, b := range content {
		for b.Kind == llm.BlockText && t.due(texts+int64(utf8.RuneCountInString(b.Text))-1) {
			if first := (*t)[0]; first.text > texts { // it is inside the text
				n := runes(b.Text, first.text-texts)
				front := b
				front.Text, b.Text = b.Text[:n], b.Text[n:]
				blocks, texts = append(blocks, front), first.text
			}
			blocks = t.take(blocks)
		}
		for t.due(texts) {
			blocks = t.take(blocks)
		}
		if b.Kind == llm.BlockText {
			texts += int64(utf8.RuneCountInString(b.Text))
		}
		blocks = append(blocks, b)
	}
	return t.before(blocks, 0)
}

// due reports whether the next thought comes before all calls, and after at most that many
// characters of text.
func (t *thoughts) due(text int64) bool {
	return len(*t) > 0 && (*t)[0].calls == 0 && (*t)[0].text <= text
}

// before appends the thoughts that come after at most that many calls.
func (t *thoughts) before(blocks []llm.Block, calls int64) []llm.Block {
	for len(*t) > 0 && (*t)[0].calls <= calls {
		blocks = t.take(blocks)
	}
	return blocks
}

// rest appends the remaining thoughts.
func (t *thoughts) rest(blocks []llm.Block) []llm.Block {
	for len(*t) > 0 {
		blocks = t.take(blocks)
	}
	return blocks
}

func (t *thoughts) take(blocks []llm.Block) []llm.Block {
	blocks = append(blocks, (*t)[0].block)
	*t = (*t)[1:]
	return blocks
}

// runes is the length in bytes of the first n characters of a text.
func runes(text string, n int64) int {
	for i := range text {
		if n--; n < 0 {
			return i
		}
	}
	return len(text)
}

// standing is what precedes a block of reasoning in a response.
type standing struct{ calls, text int64 }

// append writes it into the open block, if the block does not come first.
func (s standing) append(w *jsonx.Writer) {
	switch {
	case s.calls > 0:
		w.Key("after_tool_calls")
		w.Int(s.calls)
	case s.text > 0:
		w.Key("after_text")
		w.Int(s.text)
	}
}
