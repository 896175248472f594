package converse

import (
	"slices"
	"strconv"

	"outcrop/llm"
)

// results fits what tools gave back: media that the model does not take within a
// result stands behind the results of its turn, with a word in its place.
func (p *adapter) results() error {
	if !p.seen.tools {
		return nil
	}
	moving := p.seen.media
	if !moving && !p.model.any(noResultStatus) {
		return nil
	}
	moved := 0
	behind := map[int][]llm.Block{} // by turn
	p.rewrite(func(i int, t llm.Turn) []llm.Block {
		blocks := slices.Clone(t.Blocks)
		for j := range blocks {
			if blocks[j].Kind != llm.BlockToolResult {
				continue
			}
			result := *blocks[j].ToolResult
			if p.model.any(noResultStatus) {
				p.status(&result, p.at(i, j))
			}
			if moving {
				result.Content = slices.Clone(result.Content)
				for k := range result.Content {
					c := &result.Content[k]
					if len(c.JSON) > 0 || !p.misplaced(&c.Block) {
						continue
					}
					moved++
					name := c.Block.Media.Name
					if name == "" {
						name = "file " + strconv.Itoa(moved)
					}
					behind[i] = append(behind[i], llm.Block{Kind: llm.BlockText, Text: "This is " + name + ":"}, c.Block)
					c.Block = llm.Block{Kind: llm.BlockText, Text: "See " + name + "."}
					p.warn(llm.WarnChanged, p.at(i, j), "media that this model does not support in a tool result was moved after it")
				}
			}
			blocks[j].ToolResult = &result
		}
		return blocks
	})
	p.place(behind)
	return nil
}

// status says an error in words to a model that takes no status.
func (p *adapter) status(r *llm.ToolResult, field string) {
	if r.Status == "error" {
		r.Content = append([]llm.ResultBlock{{Block: llm.Block{Kind: llm.BlockText, Text: "The tool failed:"}}}, r.Content...)
		p.warn(llm.WarnChanged, field, "this model does not support a result status; a text says that the tool failed")
	}
	r.Status = ""
}

// misplaced reports whether the model takes the block only outside of a result.
func (p *adapter) misplaced(b *llm.Block) bool {
	switch b.Kind {
	case llm.BlockImage:
		return p.model.any(noResultImage)
	case llm.BlockDocument:
		return p.model.any(noResultDocument) || p.model.any(noResultBinary) && !isText(b.Media.Format)
	case llm.BlockVideo:
		return p.model.any(noResultVideo)
	case llm.BlockAudio:
		return true // no result takes it (ToolResultContentBlock in the Converse API reference)
	default:
		return false
	}
}

func isText(format string) bool {
	return slices.Contains([]string{"txt", "md", "csv", "html"}, format)
}

// place puts blocks behind the last tool result of the turns of the user's that
// neighbour theirs, which AWS takes as one turn.
func (p *adapter) place(behind map[int][]llm.Block) {
	var waiting []llm.Block
	last := -1 // the last turn with results in the run of the user's
	flush := func() {
		if len(waiting) == 0 {
			return
		}
		t := &p.out.Turns[last]
		end := len(t.Blocks)
		for end > 0 && t.Blocks[end-1].Kind != llm.BlockToolResult {
			end--
		}
		t.Blocks = slices.Insert(t.Blocks, end, waiting...)
		waiting = nil
	}
	for i := range p.out.Turns {
		if p.out.Turns[i].Role != llm.RoleUser {
			flush()
			continue
		}
		if slices.ContainsFunc(p.out.Turns[i].Blocks, func(b llm.Block) bool { return b.Kind == llm.BlockToolResult }) {
			last = i
		}
		waiting = append(waiting, behind[i]...)
	}
	flush()
}
