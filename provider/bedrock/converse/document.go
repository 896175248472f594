package converse

import (
	"slices"
	"strconv"
	"strings"

	"outcrop/llm"
)

// documents gives every document a name that Bedrock takes, different within the
// request and the same each time, and puts a text between a document that is no
// PDF and a cache point behind it, which Bedrock refuses side by side (recorded
// exchanges with Claude show both).
func (p *adapter) documents() {
	if !p.seen.document {
		return
	}
	taken := map[string]int{}
	p.out.Turns = slices.Clone(p.out.Turns)
	for i := range p.out.Turns {
		t := &p.out.Turns[i]
		blocks := make([]llm.Block, 0, len(t.Blocks)+1)
		for _, b := range t.Blocks {
			if b.Kind == llm.BlockCachePoint && len(blocks) > 0 && needsGap(&blocks[len(blocks)-1]) {
				blocks = append(blocks, llm.Block{Kind: llm.BlockText, Text: "\n"})
			}
			blocks = append(blocks, named(b, taken))
		}
		t.Blocks = p.withText(i, t.Role, blocks)
	}
}

// withText puts a text to documents that stand without one, which Converse refuses
// (DocumentBlock in the Converse API reference). Neighbouring turns are one.
func (p *adapter) withText(i int, role llm.Role, blocks []llm.Block) []llm.Block {
	first := slices.IndexFunc(blocks, func(b llm.Block) bool { return b.Kind == llm.BlockDocument })
	if first < 0 || role != llm.RoleUser {
		return blocks
	}
	seen := func(t llm.Turn) bool {
		return slices.ContainsFunc(t.Blocks, func(b llm.Block) bool { return b.Kind == llm.BlockText && !isBlank(&b) })
	}
	turns := p.out.Turns
	for j := i; j >= 0 && turns[j].Role == role; j-- {
		if seen(turns[j]) {
			return blocks
		}
	}
	for j := i + 1; j < len(turns) && turns[j].Role == role; j++ {
		if seen(turns[j]) {
			return blocks
		}
	}
	p.warn(llm.WarnChanged, p.message(i), "a text was added, because Bedrock requires one next to a document")
	return slices.Insert(blocks, first, llm.Block{Kind: llm.BlockText, Text: "Attached:"})
}

func needsGap(b *llm.Block) bool {
	return b.Kind == llm.BlockDocument && b.Media.Format != "pdf"
}

// named gives the block with the documents in it named.
func named(b llm.Block, taken map[string]int) llm.Block {
	switch b.Kind {
	case llm.BlockDocument:
		media := *b.Media
		media.Name = unique(documentName(media.Name), taken)
		b.Media = &media
	case llm.BlockToolResult:
		result := *b.ToolResult
		result.Content = slices.Clone(result.Content)
		for i := range result.Content {
			result.Content[i].Block = named(result.Content[i].Block, taken)
		}
		b.ToolResult = &result
	default: // holds no document
	}
	return b
}

// maxDocumentName is less than the 200 characters that Bedrock allows, so that a
// number fits behind.
const maxDocumentName = 180

// documentName makes a name of the characters that Bedrock allows: letters and
// digits of ASCII, single spaces, hyphens, parentheses and square brackets
// (DocumentBlock in the Converse API reference).
func documentName(s string) string {
	var b strings.Builder
	space := false
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("-()[]", r):
			if space && b.Len() > 0 {
				b.WriteByte(' ')
			}
			space = false
			b.WriteRune(r)
		default:
			space = true
		}
		if b.Len() >= maxDocumentName {
			break
		}
	}
	if b.Len() == 0 {
		return "document"
	}
	return b.String()
}

// unique puts a number behind a name that was used before.
func unique(name string, taken map[string]int) string {
	taken[name]++
	if n := taken[name]; n > 1 {
		return unique(name+" "+strconv.Itoa(n), taken)
	}
	return name
}
