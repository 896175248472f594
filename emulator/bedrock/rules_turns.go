package bedrock

import (
	"slices"
	"strings"

	"outcrop/emulator/bedrock/catalogue"
	"outcrop/llm"
)

// checkTurns refuses empty turns, blank text, blocks in a turn of the wrong role
// and what may not stand beside or within tool results. Blank text is refused
// where it says all that is said: AWS takes a line break between a document and a
// cache point (recorded exchange).
func checkTurns(q *question) error {
	for i, turn := range q.request.Turns {
		if len(turn.Blocks) == 0 {
			return invalid("The content field in the Message object at messages.%d is empty. Add a ContentBlock object to the content field and try again.", i)
		}
		results := 0
		for j, b := range turn.Blocks {
			if b.Kind == llm.BlockText && (b.Text == "" || len(turn.Blocks) == 1 && strings.TrimSpace(b.Text) == "") {
				return invalid("The text field in the ContentBlock object at messages.%d.content.%d is blank. Add text to the text field, and try again.", i, j)
			}
			if b.Kind == llm.BlockToolResult {
				results++
			}
			if err := checkRole(turn.Role, &b, i, j); err != nil {
				return err
			}
			if err := checkResult(q, &b, i, j); err != nil {
				return err
			}
		}
		if q.info.Has(catalogue.ResultsAlone) && results > 0 && results < len(turn.Blocks) {
			return invalid("messages.%d.content: Conversation blocks and tool result blocks cannot be provided in the same turn.", i)
		}
	}
	return checkCallsAlone(q)
}

// checkCallsAlone refuses words beside tool calls, in the neighbouring turns of the
// assistant's that AWS merges too (public report).
func checkCallsAlone(q *question) error {
	if !q.info.Has(catalogue.CallsAlone) {
		return nil
	}
	calls, words := false, false
	for i, turn := range q.request.Turns {
		if turn.Role != llm.RoleAssistant {
			calls, words = false, false
			continue
		}
		for j := range turn.Blocks {
			call := turn.Blocks[j].Kind == llm.BlockToolUse
			calls, words = calls || call, words || !call
		}
		if calls && words {
			return invalid("messages.%d.content: Conversation blocks and tool use blocks cannot be provided in the same turn.", i)
		}
	}
	return nil
}

// checkRole refuses media in a turn that is not the user's (ContentBlock in the
// Converse API reference: "in the user role") and changes of tools outside a
// turn of the system.
func checkRole(role llm.Role, b *llm.Block, turn, block int) error {
	name := ""
	switch b.Kind {
	case llm.BlockImage:
		name = "image"
	case llm.BlockDocument:
		name = "document"
	case llm.BlockVideo:
		name = "video"
	case llm.BlockOther:
		if n := b.Other.Name; (n == "toolAddition" || n == "toolRemoval") && role != llm.RoleSystem {
			return invalid("The %s field in the ContentBlock object at messages.%d.content.%d is only supported in messages with the system role.", n, turn, block)
		}
	default: // goes with either role, or is checked elsewhere
	}
	if name != "" && role == llm.RoleAssistant {
		return invalid("This model doesn't support the %s field for assistant messages. Remove %s and try again.", name, name)
	}
	return nil
}

// checkResult refuses arguments and results that are no objects, errors without
// words and, with Claude, empty text in a result (public reports of each).
func checkResult(q *question, b *llm.Block, turn, block int) error {
	if b.ToolUse != nil && b.ToolUse.Input.Kind() != '{' {
		return invalid("The format of the value at messages.%d.content.%d.toolUse.input is invalid. Provide a json object for the field and try again.", turn, block)
	}
	r := b.ToolResult
	if r == nil {
		return nil
	}
	if r.Status == "error" && len(r.Content) == 0 {
		return invalid("The content field at messages.%d.content.%d.toolResult cannot be empty when status value is error.", turn, block)
	}
	for k := range r.Content {
		c := &r.Content[k]
		switch {
		case c.JSON != nil && c.JSON.Kind() != '{':
			return invalid("The format of the value at messages.%d.content.%d.toolResult.content.%d.json is invalid. Provide a json object for the field and try again.", turn, block, k)
		case c.Block.Kind == llm.BlockText && c.Block.Text == "" && q.native():
			return returned("messages: text content blocks must be non-empty")
		}
	}
	return nil
}

// shortID is how many letters and digits a tool call's id has at least where
// catalogue.ShortIDs holds; of longer ones Bedrock makes what the model takes.
const shortID = 9

// checkIDs refuses ids of tool calls that the model's own server does not take: with
// Mistral short ones, with Claude those that another call of the conversation has
// (public reports of each).
func checkIDs(q *question) error {
	seen := map[string]bool{}
	return q.refuseFirst(func(p place, b *llm.Block) error {
		if b.ToolUse == nil || b.ToolUse.Type == llm.ServerSide {
			return nil
		}
		id := b.ToolUse.ID
		if q.info.Has(catalogue.ShortIDs) {
			plain := strings.Map(func(r rune) rune {
				if strings.ContainsRune("_-.:", r) {
					return -1
				}
				return r
			}, id)
			if len(plain) < shortID {
				return returned("Tool call id was %s but must be a-z, A-Z, 0-9, with a length of 9.", id)
			}
		}
		if seen[id] && q.native() {
			return returned("%s: `tool_use` ids must be unique", p.native())
		}
		seen[id] = true
		return nil
	})
}

// checkPairs matches tool results to the calls of the turn before. Neighbouring
// turns of one role count as one, as AWS merges them. Claude wants the results
// before anything else that the user says.
func checkPairs(q *question) error {
	var p pairing
	for i, turn := range q.request.Turns {
		if turn.Role != p.role {
			if err := p.missing(); err != nil {
				return err
			}
			p.begin(turn.Role, i)
		}
		for j := range turn.Blocks {
			b := &turn.Blocks[j]
			var err error
			switch {
			case b.Kind == llm.BlockToolUse && turn.Role == llm.RoleAssistant && b.ToolUse.Type != llm.ServerSide:
				err = p.call(b.ToolUse.ID, i)
			case b.Kind == llm.BlockToolResult && turn.Role == llm.RoleUser:
				err = p.result(b.ToolResult.ID, i, q.native())
			case b.Kind != llm.BlockCachePoint:
				p.pending = true
			}
			if err != nil {
				return err
			}
		}
	}
	return p.missing()
}

// pairing is the state of matching results to calls.
type pairing struct {
	role    llm.Role // of the turn
	place   int      // where the turn begins
	pending bool     // whether it says something that is neither call nor result
	// calls are the ids of the last turn of the assistant, open those of them that
	// wait for their results, and results the ids of the user's turn.
	calls, open, results []string
}

// begin starts a turn.
func (p *pairing) begin(role llm.Role, place int) {
	if role == llm.RoleAssistant {
		p.calls, p.open = nil, nil
	}
	p.role, p.place, p.pending, p.results = role, place, false, nil
}

// missing refuses that the user's turn ends without all results.
func (p *pairing) missing() error {
	if p.role != llm.RoleUser || len(p.open) == 0 {
		return nil
	}
	return missingResults(p.place, p.open)
}

func (p *pairing) call(id string, turn int) error {
	if slices.Contains(p.calls, id) {
		return invalid("The toolUse blocks at messages.%d.content contain duplicate Ids: %s", turn, id)
	}
	p.calls, p.open = append(p.calls, id), append(p.open, id)
	return nil
}

func (p *pairing) result(id string, turn int, native bool) error {
	if slices.Contains(p.results, id) {
		return invalid("The toolResult blocks at messages.%d.content contain duplicate Ids: %s", turn, id)
	}
	if p.results = append(p.results, id); len(p.results) > len(p.calls) {
		return invalid("The number of toolResult blocks at messages.%d.content exceeds the number of toolUse blocks of previous turn.", turn)
	}
	at := slices.Index(p.open, id)
	if at < 0 {
		return missingResults(p.place, p.open)
	}
	p.open = slices.Delete(p.open, at, at+1)
	if p.pending && native {
		return returned("messages.%d: Did not find %d `tool_result` block(s) at the beginning of this message. Messages following `tool_use` blocks must begin with a matching number of `tool_result` blocks.", p.place, len(p.calls))
	}
	return nil
}

func missingResults(turn int, ids []string) error {
	return invalid("Expected toolResult blocks at messages.%d.content for the following Ids: %s", turn, strings.Join(ids, ", "))
}

// checkLastTurn refuses the beginning of an answer where the model does not take
// one, and one with Claude that ends in white space.
func checkLastTurn(q *question) error {
	last := q.request.Turns[len(q.request.Turns)-1]
	if last.Role != llm.RoleAssistant {
		return nil
	}
	if q.info.Has(catalogue.NoPrefill) {
		return returned("This model does not support assistant message prefill. The conversation must end with a user message.")
	}
	b := last.Blocks[len(last.Blocks)-1]
	if b.Kind == llm.BlockToolUse && q.native() {
		return returned("messages.%d: `tool_use` ids were found without `tool_result` blocks immediately after: %s. Each `tool_use` block must have a corresponding `tool_result` block in the next message.", len(q.request.Turns)-1, b.ToolUse.ID)
	}
	if q.native() && b.Kind == llm.BlockText && strings.TrimRight(b.Text, " \t\r\n") != b.Text {
		return returned("messages: final assistant content cannot end with trailing whitespace")
	}
	return nil
}
