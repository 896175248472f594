package converse

import (
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// thoughtTokens points at how many tokens of a Claude's answer were thinking.
// Converse's own usage does not tell them; the model's answer does, under
// usage.output_tokens_details.thinking_tokens
// (https://github.com/langchain-ai/langchainjs/releases/tag/@langchain%2Faws@1.4.7).
const thoughtTokens = "/usage/output_tokens_details"

// countThoughts asks a Claude that thinks how many tokens it thought, beside what the
// caller asks of the model's own answer.
func (p *adapter) countThoughts() {
	const name = "additionalModelResponseFieldPaths"
	if !p.thinks {
		return
	}
	p.f.counts = true
	at := slices.IndexFunc(p.out.Extensions, func(m jsonx.Member) bool { return m.Name == name })
	var paths []string
	if at >= 0 && jsonx.Unmarshal(p.out.Extensions[at].Value, &paths) != nil || len(paths) >= maxPaths {
		return // AWS says what is wrong, or has no room for one more
	}
	within := func(path string) bool {
		_, ok := strings.CutPrefix(thoughtTokens+"/", path+"/")
		return ok
	}
	if slices.ContainsFunc(paths, within) {
		return
	}
	var w jsonx.Writer
	w.Array()
	for _, path := range append(paths, thoughtTokens) {
		w.String(path)
	}
	w.EndArray()
	p.f.asked = !slices.ContainsFunc(paths, func(path string) bool { return strings.HasPrefix(path, "/usage") })
	m := jsonx.Member{Name: name, Value: w.Buf}
	if at < 0 {
		p.out.Extensions = append(p.out.Extensions, m)
		return
	}
	p.out.Extensions = slices.Clone(p.out.Extensions)
	p.out.Extensions[at] = m
}

// maxPaths is how many paths Converse takes (its service model).
const maxPaths = 10

// thoughts is the number of tokens that the model's own fields tell, unset if they
// tell none.
func thoughts(fields jsonx.Raw) (n llm.Opt[int64]) {
	var own struct {
		Usage struct {
			Details struct {
				Thinking *int64 `json:"thinking_tokens"`
			} `json:"output_tokens_details"`
		} `json:"usage"`
	}
	if len(fields) == 0 || jsonx.Unmarshal(fields, &own) != nil || own.Usage.Details.Thinking == nil {
		return n // it is passed on as it is
	}
	return llm.Some(max(0, *own.Usage.Details.Thinking))
}

// withoutThoughts leaves out of the model's own fields what nobody but the gateway has
// asked for.
func withoutThoughts(fields jsonx.Raw) jsonx.Raw {
	members, err := jsonx.Members(fields)
	if err != nil {
		return fields
	}
	var w jsonx.Writer
	w.Object()
	some := false
	for _, m := range members {
		if m.Name != "usage" {
			some = true
			w.AnyKey(m.Name)
			w.Raw(m.Value)
		}
	}
	w.EndObject()
	if !some {
		return nil
	}
	return w.Buf
}

// reasoningCountStream is a stream whose usage tells the tokens of its thinking.
type reasoningCountStream struct {
	llm.Stream
	asked    bool
	thoughts llm.Opt[int64]
}

func (c *reasoningCountStream) Next(ev *llm.Event) error {
	err := c.Stream.Next(ev)
	switch {
	case err != nil:
	case ev.Kind == llm.EventStop:
		if c.thoughts = thoughts(ev.Raw); c.asked && ev.Raw != nil {
			ev.Raw = withoutThoughts(ev.Raw)
		}
	case ev.Kind == llm.EventUsage && ev.Usage != nil && c.thoughts.Set:
		usage := *ev.Usage
		usage.Reasoning = c.thoughts
		ev.Usage = &usage
	}
	return err
}
