package gateway

import (
	"context"
	"slices"

	"outcrop/guard"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// visitor goes through the texts of a request or a response, always in the same order. It gathers them, or replaces them by others.
type visitor struct {
	texts    []string
	roles    []string // of the texts
	role     string   // of those that are visited now
	replaced []string // nil while texts are gathered
	at       int
	failed   bool // something is masked that cannot be
}

// collect gathers texts.
func collect(visit func(*visitor)) *visitor {
	v := &visitor{}
	visit(v)
	return v
}

// replace replaces the texts, of which there are as many, in a copy of what they were gathered from.
func (v *visitor) replace(texts []string, visit func(*visitor)) error {
	next := &visitor{texts: v.texts, replaced: texts}
	visit(next)
	if next.failed {
		return refusal("Content blocked: something must be masked in a part that cannot be changed")
	}
	return nil
}

// text visits one text, and reports whether it was changed.
func (v *visitor) text(s *string) bool {
	if *s == "" {
		return false
	}
	if v.replaced == nil {
		v.texts, v.roles = append(v.texts, *s), append(v.roles, v.role)
		return false
	}
	to := v.replaced[v.at]
	v.at++
	if to == *s {
		return false
	}
	*s = to
	return true
}

// fixed visits a text that cannot be changed.
func (v *visitor) fixed(s string) {
	if v.text(&s) {
		v.failed = true
	}
}

// json visits a JSON value, which must be one afterwards.
func (v *visitor) json(raw *jsonx.Raw) {
	s := string(*raw)
	if !v.text(&s) {
		return
	}
	if v.failed = v.failed || !jsonx.Valid([]byte(s)); !v.failed {
		*raw = jsonx.Raw(s)
	}
}

// request visits what a client says: instructions, messages, arguments and results of tools, and documents that are texts. Definitions of
// tools, and content that is not text, are not visited.
func (v *visitor) request(req *llm.Request, skipSystem bool) {
	if !skipSystem {
		v.role = "system"
		v.blocks(req.System, false)
	}
	for i := range req.Turns {
		if req.Turns[i].Role != llm.RoleSystem || !skipSystem {
			v.role = string(req.Turns[i].Role)
			v.blocks(req.Turns[i].Blocks, false)
		}
	}
}

// response visits what a model says.
func (v *visitor) response(resp *llm.Response) { v.blocks(resp.Blocks, true) }

func (v *visitor) blocks(blocks []llm.Block, said bool) {
	for i := range blocks {
		b := &blocks[i]
		switch b.Kind {
		case llm.BlockText:
			v.text(&b.Text)
		case llm.BlockReasoning:
			// What a client sends back with a signature is the model's own, and cannot be changed.
			if (said || b.Signature == "") && v.text(&b.Text) {
				b.Signature = ""
			}
		case llm.BlockToolUse:
			if b.ToolUse != nil {
				v.json(&b.ToolUse.Input)
			}
		case llm.BlockToolResult:
			if b.ToolResult != nil {
				v.result(b.ToolResult, said)
			}
		case llm.BlockOther:
			v.fixed(b.Text)
		default: // media
		}
		if b.Media != nil {
			v.text(&b.Media.Text)
			v.text(&b.Media.Context)
		}
	}
}

func (v *visitor) result(r *llm.ToolResult, said bool) {
	defer func(role string) { v.role = role }(v.role)
	v.role = "tool"
	for i := range r.Content {
		c := &r.Content[i]
		if len(c.JSON) > 0 {
			v.json(&c.JSON)
			continue
		}
		one := [1]llm.Block{c.Block}
		v.blocks(one[:], said)
		c.Block = one[0]
	}
}

// cloneRequest copies a request, so far as texts can be changed in it.
func cloneRequest(req *llm.Request) *llm.Request {
	own := *req
	own.System = cloneBlocks(req.System)
	own.Turns = slices.Clone(req.Turns)
	for i := range own.Turns {
		own.Turns[i].Blocks = cloneBlocks(own.Turns[i].Blocks)
	}
	return &own
}

func cloneBlocks(blocks []llm.Block) []llm.Block {
	blocks = slices.Clone(blocks)
	for i := range blocks {
		b := &blocks[i]
		b.Media, b.ToolUse = copied(b.Media), copied(b.ToolUse)
		if b.ToolResult = copied(b.ToolResult); b.ToolResult != nil {
			b.ToolResult.Content = slices.Clone(b.ToolResult.Content)
			for j := range b.ToolResult.Content {
				content := &b.ToolResult.Content[j].Block
				content.Media, content.ToolUse = copied(content.Media), copied(content.ToolUse)
			}
		}
	}
	return blocks
}

func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	own := *p
	return &own
}

// beforeTexts checks texts that are no conversation, before a model has them, and replaces in them what is masked.
func (c *Call) beforeTexts(ctx context.Context, visit func(*visitor)) error {
	for _, r := range c.in(guard.PreCall | guard.DuringCall) {
		t := collect(visit)
		replaced, err := c.ask(ctx, r, guard.PreCall, guard.Request, t.texts, nil)
		if err == nil && replaced != nil {
			err = t.replace(replaced, visit)
		}
		if err != nil {
			return c.Fail(err)
		}
	}
	return nil
}

// beforeEmbed checks what is to be embedded. Inputs that are tokens cannot be checked.
func (c *Call) beforeEmbed(ctx context.Context, req *llm.EmbedRequest) (*llm.EmbedRequest, error) {
	if len(c.in(guard.PreCall|guard.DuringCall)) == 0 {
		return req, nil
	}
	own := *req
	own.Inputs = slices.Clone(req.Inputs)
	for i := range own.Inputs {
		if len(own.Inputs[i].Tokens) > 0 {
			return nil, c.unguarded()
		}
		own.Inputs[i].Parts = cloneBlocks(own.Inputs[i].Parts)
	}
	return &own, c.beforeTexts(ctx, func(v *visitor) {
		for i := range own.Inputs {
			v.text(&own.Inputs[i].Text)
			v.blocks(own.Inputs[i].Parts, false)
		}
	})
}

// beforeRerank checks a query and its documents.
func (c *Call) beforeRerank(ctx context.Context, req *llm.RerankRequest) (*llm.RerankRequest, error) {
	if len(c.in(guard.PreCall|guard.DuringCall)) == 0 {
		return req, nil
	}
	own := *req
	own.Documents = slices.Clone(req.Documents)
	return &own, c.beforeTexts(ctx, func(v *visitor) {
		v.text(&own.Query)
		for i := range own.Documents {
			v.text(&own.Documents[i].Text)
			v.json(&own.Documents[i].JSON)
		}
	})
}
