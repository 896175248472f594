package converse

import (
	"bytes"
	"slices"
	"strconv"

	"outcrop/llm"
)

// pairs matches tool calls and results, as AWS requires: ids are unique in the conversation, and
// the user turn after the calls has exactly one result for each call, before other content.
// Consecutive turns of one role are one turn to AWS. A duplicate call is dropped with its result, a
// call without a result gets a placeholder, and a result without a call becomes user text.
func (p *adapter) pairs() {
	if !p.seen.tools || matched(p.out.Turns) {
		return
	}
	m := matching{p: p, used: map[string]bool{}}
	turns := p.out.Turns
	for from := 0; from < len(turns); {
		to := from + 1
		for to < len(turns) && turns[to].Role == turns[from].Role {
			to++
		}
		switch turns[from].Role {
		case llm.RoleAssistant:
			m.unanswered() // by no turn in between
			m.assistant(from, to)
		case llm.RoleUser:
			m.user(from, to)
		default:
			m.turns = append(m.turns, turns[from:to]...)
		}
		from = to
	}
	m.unanswered()
	if m.changed {
		p.out.Turns = m.turns
		p.seen.tools = slices.ContainsFunc(m.turns, func(t llm.Turn) bool {
			return slices.ContainsFunc(t.Blocks, func(b llm.Block) bool { return b.ToolUse != nil || b.ToolResult != nil })
		})
	}
}

// matched reports whether calls and results match as they are.
func matched(turns []llm.Turn) bool {
	used := map[string]bool{}
	var open []string
	seen := false // the user turn has other content than results
	for i := range turns {
		t := &turns[i]
		if i > 0 && t.Role != turns[i-1].Role {
			if t.Role != llm.RoleUser && len(open) > 0 {
				return false
			}
			seen = false
		}
		for j := range t.Blocks {
			b := &t.Blocks[j]
			switch {
			case t.Role == llm.RoleAssistant && isCall(b):
				if used[b.ToolUse.ID] {
					return false
				}
				used[b.ToolUse.ID] = true
				open = append(open, b.ToolUse.ID)
			case t.Role == llm.RoleUser && b.Kind == llm.BlockToolResult:
				at := slices.Index(open, b.ToolResult.ID)
				if at < 0 || seen {
					return false
				}
				open = slices.Delete(open, at, at+1)
			case b.Kind != llm.BlockCachePoint:
				seen = true
			}
		}
	}
	return len(open) == 0
}

// matching is a conversation whose calls and results are being matched.
type matching struct {
	p       *adapter
	turns   []llm.Turn
	changed bool
	used    map[string]bool // ids of calls
	open    []pending       // calls of the assistant's last turn, in their order
}

// pending is a call that waits for its result.
type pending struct {
	given, sent string // its ids
	extra       int    // results of calls that were left out for it
	done        bool
	result      *llm.ToolResult // as the client sent it, once it is done
}

// isCall reports whether b is a call that the client must answer.
func isCall(b *llm.Block) bool {
	return b.Kind == llm.BlockToolUse && b.ToolUse.Type != llm.ServerSide
}

// assistant processes the assistant turns from to to.
func (m *matching) assistant(from, to int) {
	var calls []*llm.ToolUse
	for i := from; i < to; i++ {
		t := m.p.out.Turns[i]
		blocks := make([]llm.Block, 0, len(t.Blocks))
		for j := range t.Blocks {
			b := t.Blocks[j]
			if !isCall(&b) {
				blocks = append(blocks, b)
				continue
			}
			again := slices.IndexFunc(calls, func(c *llm.ToolUse) bool { return sameCall(c, b.ToolUse) })
			if again >= 0 {
				m.changed = true
				m.open[again].extra++
				m.p.warn(llm.WarnDropped, m.p.inMessage(llm.FieldToolCalls, i), "the tool call "+strconv.Quote(b.ToolUse.ID)+" appears twice")
				continue
			}
			calls = append(calls, b.ToolUse)
			use := *b.ToolUse
			use.ID = m.id(use.ID)
			if use.ID != b.ToolUse.ID {
				m.changed = true
				b.ToolUse = &use
			}
			m.open = append(m.open, pending{given: calls[len(calls)-1].ID, sent: use.ID})
			blocks = append(blocks, b)
		}
		if says(blocks) || len(blocks) == len(t.Blocks) {
			m.turns = append(m.turns, llm.Turn{Role: t.Role, Blocks: blocks, Message: t.Message})
		}
	}
}

func sameCall(a, b *llm.ToolUse) bool {
	return a.ID == b.ID && a.Name == b.Name && bytes.Equal(a.Input, b.Input)
}

// id returns an id that no earlier call has: the given one, or one with a number appended.
func (m *matching) id(given string) string {
	id := given
	for n := 2; m.used[id]; n++ {
		id = given + "_" + strconv.Itoa(n)
	}
	m.used[id] = true
	return id
}

// user processes the user turns from to to, which answer the open calls.
func (m *matching) user(from, to int) {
	seen := false // something other than a result
	behind := []llm.Turn{}
	for i := from; i < to; i++ {
		t := m.p.out.Turns[i]
		var results, others []llm.Block
		for j := range t.Blocks {
			b := t.Blocks[j]
			switch {
			case b.Kind == llm.BlockToolResult:
				kept, orphan := m.result(b, i)
				results, others = append(results, kept...), append(others, orphan...)
			case b.Kind == llm.BlockCachePoint && len(others) == 0:
				results = append(results, b)
			default:
				others = append(others, b)
			}
		}
		answers := slices.ContainsFunc(results, func(b llm.Block) bool { return b.Kind == llm.BlockToolResult })
		switch {
		case !answers:
			blocks := append(results, others...)
			seen = seen || len(blocks) > 0
			if says(blocks) || len(blocks) == len(t.Blocks) {
				behind = append(behind, llm.Turn{Role: t.Role, Blocks: blocks, Message: t.Message})
			}
		case seen || !slices.EqualFunc(t.Blocks, append(slices.Clone(results), others...), sameBlock):
			m.changed = true
			m.turns = append(m.turns, llm.Turn{Role: t.Role, Blocks: results, Message: t.Message})
			if len(others) > 0 {
				seen = true
				behind = append(behind, llm.Turn{Role: t.Role, Blocks: others, Message: t.Message})
			}
		case len(others) > 0 && i+1 < to: // further results may come
			m.turns = append(m.turns, llm.Turn{Role: t.Role, Blocks: results, Message: t.Message})
			behind = append(behind, llm.Turn{Role: t.Role, Blocks: others, Message: t.Message})
			seen, m.changed = true, true
		default:
			m.turns = append(m.turns, llm.Turn{Role: t.Role, Blocks: t.Blocks, Message: t.Message})
			seen = seen || len(others) > 0
		}
	}
	m.unanswered()
	m.turns = append(m.turns, behind...)
}

// sameBlock reports whether two blocks are the same, as far as matching changes any.
func sameBlock(a, b llm.Block) bool {
	return a.Kind == b.Kind && a.ToolResult == b.ToolResult && a.Text == b.Text && a.Media == b.Media && a.Cache == b.Cache
}

// says reports whether there is content other than cache points.
func says(blocks []llm.Block) bool {
	return slices.ContainsFunc(blocks, func(b llm.Block) bool { return b.Kind != llm.BlockCachePoint })
}

// result matches a result of turn i to the first open call of its id. A result of a dropped call is
// dropped; any other without a call becomes user text.
func (m *matching) result(b llm.Block, i int) (kept, seen []llm.Block) {
	id := b.ToolResult.ID
	at := slices.IndexFunc(m.open, func(c pending) bool { return c.given == id && !c.done })
	if at >= 0 {
		m.open[at].done, m.open[at].result = true, b.ToolResult
		if sent := m.open[at].sent; sent != id {
			result := *b.ToolResult
			result.ID = sent
			b.ToolResult = &result
		}
		return []llm.Block{b}, nil
	}
	m.changed = true
	at = slices.IndexFunc(m.open, func(c pending) bool { return c.given == id && c.extra > 0 })
	if at >= 0 {
		m.open[at].extra--
		m.p.warn(llm.WarnDropped, m.p.message(i), "it is the result of a tool call that appears twice")
		return nil, nil
	}
	if slices.ContainsFunc(m.open, func(c pending) bool { return c.given == id && c.result != nil && sameResult(c.result, b.ToolResult) }) {
		m.p.warn(llm.WarnDropped, m.p.message(i), "a result that the tool call already has")
		return nil, nil
	}
	if slices.ContainsFunc(m.open, func(c pending) bool { return c.given == id }) {
		m.p.warn(llm.WarnChanged, m.p.message(i), "the tool call "+strconv.Quote(id)+" already has a result; this one was sent as user text")
	} else {
		m.p.warn(llm.WarnChanged, m.p.message(i), "it matches no tool call of the preceding message; it was sent as user text")
	}
	return nil, asUserText(b.ToolResult)
}

// sameResult reports whether two results say the same in text and JSON.
func sameResult(a, b *llm.ToolResult) bool {
	return a.Status == b.Status && slices.EqualFunc(a.Content, b.Content, func(x, y llm.ResultBlock) bool {
		return string(x.JSON) == string(y.JSON) && x.Block.Kind == y.Block.Kind && x.Block.Text == y.Block.Text && x.Block.Media == nil && y.Block.Media == nil
	})
}

// asUserText turns a tool result into user text.
func asUserText(r *llm.ToolResult) []llm.Block {
	seen := []llm.Block{{Kind: llm.BlockText, Text: "Result of a tool:"}}
	if r.Status == "error" {
		seen[0].Text = "A tool failed:"
	}
	for k := range r.Content {
		switch c := &r.Content[k]; {
		case len(c.JSON) > 0:
			seen = append(seen, llm.Block{Kind: llm.BlockText, Text: string(c.JSON)})
		case !isBlank(&c.Block):
			seen = append(seen, c.Block)
		}
	}
	if len(seen) == 1 {
		seen[0].Text += " (no output)"
	}
	return seen
}

// unanswered adds placeholders for calls without a result, and closes the open calls.
func (m *matching) unanswered() {
	var results []llm.Block
	for _, c := range m.open {
		if c.done {
			continue
		}
		results = append(results, llm.Block{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{
			ID: c.sent, Content: []llm.ResultBlock{{Block: llm.Block{Kind: llm.BlockText, Text: "(no result)"}}},
		}})
		m.p.warn(llm.WarnChanged, m.p.name(llm.FieldMessages), "the tool call "+strconv.Quote(c.given)+" has no result; a placeholder was added, because "+m.p.model.host+" requires a result for each call")
	}
	m.open = nil
	if len(results) > 0 {
		m.changed = true
		m.turns = append(m.turns, llm.Turn{Role: llm.RoleUser, Blocks: results})
	}
}
