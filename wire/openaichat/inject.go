package openaichat

import (
	"fmt"
	"slices"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// injection says where a cache point shall stand, in LiteLLM's words
// (https://docs.litellm.ai/docs/tutorials/prompt_caching): behind a message of an
// index, which counts from the end if it is negative, behind all of a role, or behind
// the tools.
type injection struct {
	Location string           `json:"location"`
	Role     optional[string] `json:"role"`
	Index    optional[int]    `json:"index"`
	Control  *cacheControl    `json:"control"`
	Rest     jsonx.Raw        `json:",embed"`
}

// maxInjections bounds the points, each of which may look at all messages; AWS takes 4.
const maxInjections = 64

// inject sets the cache points of cache_control_injection_points, once the messages
// and tools are there. A point that meets nothing is a warning.
func (d *decoder) inject(m jsonx.Member) error {
	var points list[injection]
	if err := unmarshalAt(m.Name, m.Value, &points); err != nil {
		return err
	}
	if len(points) > maxInjections {
		return llm.Invalid(m.Name, "%s must have at most %d points, not %d", m.Name, maxInjections, len(points))
	}
	for i := range points {
		p := &points[i]
		field := fmt.Sprintf("%s[%d]", m.Name, i)
		d.leftOut(field, p.Rest)
		if p.Control == nil {
			p.Control = &cacheControl{}
		}
		set := false
		switch {
		case p.Location == "tool_config":
			if n := len(d.out.LLM.Tools); n > 0 {
				d.out.LLM.Tools[n-1].Cache, set = p.Control.point(), true
			}
		case p.Location != "message":
			return llm.Invalid(field+".location", "%s.location must be message or tool_config, not %q", field, p.Location)
		case p.Index.Set:
			index := p.Index.Value
			if index < 0 {
				index += d.messages
			}
			set = d.mark(func(t *llm.Turn) bool { return t.Message == index+1 }, p.Control)
			if !set && slices.Contains(d.instructions, index) {
				set = d.markSystem(p.Control)
			}
		case p.Role.Value == "system" || p.Role.Value == "developer":
			set = d.markSystem(p.Control)
		case p.Role.Value != "":
			set = d.mark(func(t *llm.Turn) bool { return saidBy(t) == p.Role.Value }, p.Control)
		default:
			return llm.Invalid(field, "%s must have an index or a role", field)
		}
		if !set {
			d.warn(llm.WarnDropped, field)
		}
	}
	return nil
}

// saidBy is the caller's word for whose a turn is: results of tools are the user's to
// llm.
func saidBy(t *llm.Turn) string {
	for i := range t.Blocks {
		if t.Blocks[i].Kind == llm.BlockToolResult {
			return "tool"
		}
	}
	return string(t.Role)
}

// mark sets a cache point behind the turns that are meant, but for those that have
// one there. It reports whether there is any.
func (d *decoder) mark(meant func(*llm.Turn) bool, c *cacheControl) (found bool) {
	for i := range d.out.LLM.Turns {
		if t := &d.out.LLM.Turns[i]; meant(t) {
			t.Blocks = marked(t.Blocks, c)
			found = true
		}
	}
	return found
}

func (d *decoder) markSystem(c *cacheControl) bool {
	r := &d.out.LLM
	if len(r.System) == 0 {
		return false
	}
	r.System = marked(r.System, c)
	return true
}

// marked is blocks with a cache point at their end.
func marked(blocks []llm.Block, c *cacheControl) []llm.Block {
	if blocks[len(blocks)-1].Kind == llm.BlockCachePoint {
		return blocks
	}
	return cached(blocks, c)
}
