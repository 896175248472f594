package converse

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"outcrop/llm"
)

// unread replaces media that the model cannot read by a text, where the client could not avoid them:
// in tool results, which the model's own calls have brought into the conversation, and in messages
// that have been answered, by a model that could read them. AWS would refuse the whole conversation
// for them, and all that follows. What the user has attached to the last messages stays, and AWS's
// refusal tells the user so.
//
// A document of plain text becomes text wherever it is, because nothing is lost by that.
func (p *adapter) unread() {
	if !p.seen.media {
		return
	}
	var changed bool
	answered := p.answered()
	turns := slices.Clone(p.out.Turns)
	for i := range turns {
		blocks := slices.Clone(turns[i].Blocks)
		for j := range blocks {
			b := &blocks[j]
			if b.Kind != llm.BlockToolResult {
				changed = p.replace(b, i < answered, "media in an answered message", p.atMedia(llm.Field{Kind: llm.FieldBlock, Block: j}, i, b.Media)) || changed
				continue
			}
			result := *b.ToolResult
			result.Content = slices.Clone(result.Content)
			for k := range result.Content {
				if len(result.Content[k].JSON) == 0 {
					changed = p.replace(&result.Content[k].Block, true, "media in a tool result", p.atMedia(llm.Field{Kind: llm.FieldResultPart, Block: j, Number: k}, i, result.Content[k].Block.Media)) || changed
				}
			}
			b.ToolResult = &result
		}
		turns[i].Blocks = blocks
	}
	if changed {
		p.out.Turns = turns
	}
}

// atMedia is the name of the field with media in a turn.
func (p *adapter) atMedia(f llm.Field, turn int, m *llm.Media) string {
	f.Index = p.out.Turns[turn].Number(turn)
	if m != nil && m.Part > 0 && f.Kind == llm.FieldResultPart {
		f.Number = m.Part - 1
	} else if m != nil && m.Part > 0 {
		f.Block = m.Part - 1
	}
	return p.named(f)
}

// answered is the index of the last assistant turn that a user turn follows; an assistant turn at
// the end only begins the answer.
func (p *adapter) answered() int {
	for i := len(p.out.Turns) - 2; i > 0; i-- {
		if p.out.Turns[i].Role == llm.RoleAssistant && slices.ContainsFunc(p.out.Turns[i+1:], func(t llm.Turn) bool { return t.Role == llm.RoleUser }) {
			return i
		}
	}
	return 0
}

// replace replaces a block of media that the model cannot read by a text. Unless it may be omitted,
// only what is text anyway is replaced.
func (p *adapter) replace(b *llm.Block, omit bool, what, field string) bool {
	if b.Media == nil || p.model.TakesMedia(b.Kind, false) {
		return false
	}
	kind := nameOf(b.Kind)
	if text, ok := plainDocument(b); ok {
		p.warn(llm.WarnChanged, field, "sent as text, because this model does not accept documents")
		*b = llm.Block{Kind: llm.BlockText, Text: text}
		return true
	}
	if !omit {
		return false
	}
	name := ""
	if b.Media.Name != "" {
		name = " " + strconv.Quote(b.Media.Name)
	}
	p.warn(llm.WarnDropped, field, what+": this model does not accept "+kind+"s; a text in its place says so")
	*b = llm.Block{Kind: llm.BlockText, Text: "[" + kind + name + " omitted: this model does not accept " + kind + "s]"}
	return true
}

// nameOf is the word for a kind of media.
func nameOf(kind llm.BlockKind) string {
	switch kind {
	case llm.BlockImage:
		return "image"
	case llm.BlockDocument:
		return "document"
	case llm.BlockVideo:
		return "video"
	default:
		return "audio recording"
	}
}

// plainDocument is the content of a document that is text; false for anything else.
func plainDocument(b *llm.Block) (string, bool) {
	if b.Kind != llm.BlockDocument {
		return "", false
	}
	text := b.Media.Text
	if text == "" && isText(b.Media.Format) {
		text = string(b.Media.Base64.Decode())
	}
	if strings.TrimSpace(text) == "" || !utf8.ValidString(text) {
		return "", false
	}
	if b.Media.Name != "" {
		text = b.Media.Name + ":\n" + text
	}
	return text, true
}
