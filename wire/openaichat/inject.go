package openaichat

import (
	"fmt"
	"slices"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// injection says where to set a cache point, in LiteLLM's form
// (https://docs.litellm.ai/docs/tutorials/prompt_caching): after the message with an index, which
// counts from the end if negative, after all messages of a role, or after the tools.
type injection struct {
	Location string           `json:"location"`
	Role     optional[string] `json:"role"`
	Index    optional[int]    `json:"index"`
	Control  *cacheControl    `json:"control"`
	Rest     jsonx.Raw        `json:",embed"`
}

// maxInjections bounds the points, each of which may scan all messages; AWS allows 4.
const maxInjections = 64

// inject sets the cache points of cache_control_injection_points, after the messages and tools have
// been read. A point without a match is a warning.
func (d *decoder) inject(m *jsonx.Member) error {
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
		d.warnUnread(field, p.Rest)
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
			set = d.mark(func(t *llm.Turn) bool { return roleOf(t) == p.Role.Value }, p.Control)
		default:
			return llm.Invalid(field, "%s must have an index or a role", field)
		}
		if !set {
			d.warn(llm.WarnDropped, field)
		}
	}
	return nil
}

// roleOf is the role of a turn as the client names it: in llm, tool results belong to the user.
func roleOf(t *llm.Turn) string {
	for i := range t.Blocks {
		if t.Blocks[i].Kind == llm.BlockToolResult {
			return "tool"
		}
	}
	return string(t.Role)
}

// mark sets a cache point after each matching turn that has none there. It reports whether there is
// any match.
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

// marked returns blocks with a cache point at their end.
func marked(blocks []llm.Block, c *cacheControl) []llm.Block {
	if blocks[len(blocks)-1].Kind == llm.BlockCachePoint {
		return blocks
	}
	return cached(blocks, c)
}
