package bedrock

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"outcrop/emulator/bedrock/catalogue"
	"outcrop/emulator/bedrock/messages"
	"outcrop/emulator/bedrock/model"
	"outcrop/llm"
)

// claudeChat is Anthropic's Messages API.
type claudeChat struct{}

func (claudeChat) read(body []byte, info *catalogue.Model) (*llm.Request, error) {
	return messages.Decode(body, messages.Terms{System: info.Has(catalogue.SystemTurns), Betas: info.InvokeBetas()})
}

// claudeChecks are the rules of Anthropic's server for a well-formed body, in their
// order.
var claudeChecks = []func(*question) error{ // never written to
	claudeFields, claudeLimits, claudeTools, claudeThinkingFields, checkEffort, checkStructure, checkStops, checkKeys,
	checkSampling, checkThinking, claudePairs, checkIDs, checkImages, checkThinkingTurns, checkLastTurn,
}

func (claudeChat) check(e *Emulator, q *question) error {
	if err := claudeMarks(q); err != nil {
		return err
	}
	// In Anthropic's paths cache control is part of its block and does not count.
	plain := *q
	plain.request = withoutCachePoints(q.request)
	var err error
	if plain.thinking, err = model.ThinkingOf(plain.request); err != nil {
		return returned("thinking: Input should be a valid dictionary or object to extract fields from")
	}
	for _, check := range claudeChecks {
		if err := check(&plain); err != nil {
			return err
		}
	}
	var seal *model.SealError
	if err := e.model.Verify(q.info, plain.request); errors.As(err, &seal) {
		return invalid("%s", seal.Error())
	}
	return nil
}

// withoutCachePoints returns a copy of the request without cache points in its turns.
func withoutCachePoints(req *llm.Request) *llm.Request {
	plain := *req
	plain.Turns = slices.Clone(req.Turns)
	for i := range plain.Turns {
		plain.Turns[i].Blocks = slices.DeleteFunc(slices.Clone(plain.Turns[i].Blocks), isCachePoint)
	}
	return &plain
}

func isCachePoint(b llm.Block) bool { return b.Kind == llm.BlockCachePoint }

// claudeMarks applies the rules for cache points to cache control, with Anthropic's
// paths.
func claudeMarks(q *question) error {
	var marks []mark
	for i := range q.request.Tools {
		if c := q.request.Tools[i].Cache; c != nil {
			marks = append(marks, mark{c.TTL, fmt.Sprintf("tools.%d", i)})
		}
	}
	blocks := func(path string, list []llm.Block) {
		at := -1
		for i := range list {
			if list[i].Kind == llm.BlockCachePoint {
				marks = append(marks, mark{list[i].Cache.TTL, fmt.Sprintf("%s.%d", path, at)})
			} else {
				at++
			}
		}
	}
	blocks("system", q.request.System)
	for i := range q.request.Turns {
		blocks(fmt.Sprintf("messages.%d.content", i), q.request.Turns[i].Blocks)
	}
	return checkMarks(q, marks)
}

// claudeFields refuses members that the model does not accept.
func claudeFields(q *question) error {
	for _, m := range q.request.ModelFields {
		if known := q.info.Fields(); known != nil && !slices.Contains(known, m.Name) {
			return returned("%s: Extra inputs are not permitted", m.Name)
		}
	}
	return nil
}

// claudeLimits refuses to write more than the model can, and what does not fit
// into its context with the prompt, as Claude does from 3.7 on
// (https://docs.claude.com/en/docs/build-with-claude/context-windows).
func claudeLimits(q *question) error {
	asked := q.request.MaxTokens.Value
	if limit := q.info.MaxOutput; limit > 0 && asked > limit {
		return returned("max_tokens: %d > %d, which is the maximum allowed number of output tokens for %s", asked, limit, messages.Name(q.info.ID))
	}
	newer := q.info.Has(catalogue.ThinkingBudget) || q.info.Has(catalogue.ThinkingAdaptive)
	if prompt := model.PromptTokens(q.request); newer && q.info.Context > 0 && prompt <= q.info.Context && prompt+asked > q.info.Context {
		return returned("input length and `max_tokens` exceed context limit: %d + %d > %d, decrease input length or `max_tokens` and try again", prompt, asked, q.info.Context)
	}
	return nil
}

// claudeTools refuses duplicate names, invalid schemas, and tool choices that the model
// does not accept.
func claudeTools(q *question) error {
	names := map[string]bool{}
	for i := range q.request.Tools {
		t := &q.request.Tools[i]
		if names[t.Name] {
			return returned("tools: Tool names must be unique.")
		}
		names[t.Name] = true
		if t.Other != nil {
			continue
		}
		if fault := shapeFault(t.Schema, "$"); fault != "" {
			return returned("tools.%d.custom.input_schema: JSON schema is invalid. It must match JSON Schema draft 2020-12 (https://json-schema.org/draft/2020-12). Learn more about tool use at https://docs.claude.com/en/docs/tool-use.", i)
		}
		if err := checkClaudeSchema(q, t.Schema, i); err != nil {
			return err
		}
	}
	if q.info.Has(catalogue.NoOneCall) && q.at("tool_choice.disable_parallel_tool_use") != nil {
		return returned("tool_choice.%s.disable_parallel_tool_use: Extra inputs are not permitted", word(q.at("tool_choice.type")))
	}
	if forcesTool(q) && q.info.Has(catalogue.NoForcedTools) {
		return returned(`tool_choice: type "tool" and "any" are not supported for this model.`)
	}
	return nil
}

// claudeThinkingFields refuses thinking.display where the model does not accept it.
func claudeThinkingFields(q *question) error {
	if q.at("thinking.display") != nil && !q.info.Has(catalogue.ThinkingAdaptive) {
		return returned("thinking.%s.display: Extra inputs are not permitted", q.thinking.Type)
	}
	return nil
}

// claudePairs matches tool results to the calls of the previous turn. Consecutive turns
// of the same role count as one, as Anthropic merges them.
func claudePairs(q *question) error {
	turns := q.request.Turns
	var calls []string // of the last turn of the assistant
	for i := 0; i < len(turns); {
		end := i + 1
		for end < len(turns) && turns[end].Role == turns[i].Role {
			end++
		}
		role, first := turns[i].Role, i
		var ids []string
		said := false // something that is no result
		for ; i < end; i++ {
			for j := range turns[i].Blocks {
				b := &turns[i].Blocks[j]
				switch b.Kind {
				case llm.BlockToolUse:
					if role == llm.RoleUser {
						return returned("messages.%d: `tool_use` blocks can only be in `assistant` messages", i)
					}
					ids = append(ids, b.ToolUse.ID)
				case llm.BlockToolResult:
					id := b.ToolResult.ID
					switch {
					case slices.Contains(ids, id):
						return returned("messages.%d.content.%d: each tool_use must have a single result. Found multiple `tool_result` blocks with id: %s", i, j, id)
					case !slices.Contains(calls, id):
						return returned("messages.%d.content.%d: unexpected `tool_use_id` found in `tool_result` blocks: %s. Each `tool_result` block must have a corresponding `tool_use` block in the previous message.", i, j, id)
					case said:
						return unanswered(first-1, calls)
					}
					ids = append(ids, id)
				default:
					said = true
				}
			}
		}
		switch role {
		case llm.RoleAssistant:
			calls = ids
		case llm.RoleUser:
			if missing := slices.DeleteFunc(slices.Clone(calls), func(id string) bool { return slices.Contains(ids, id) }); len(missing) > 0 {
				return unanswered(first-1, missing)
			}
			calls = nil
		default: // a message of the system may stand between
		}
	}
	return nil
}

// unanswered refuses calls whose results do not follow immediately.
func unanswered(turn int, ids []string) error {
	return returned("messages.%d: `tool_use` ids were found without `tool_result` blocks immediately after: %s. Each `tool_use` block must have a corresponding `tool_result` block in the next message.", turn, strings.Join(ids, ", "))
}

func (a *reply) message() *messages.Message {
	return &messages.Message{Response: a.Response, Model: a.model.ID, ID: a.id, StopSequence: a.stop}
}

func (claudeChat) whole(a *reply) []byte { return a.message().Append(nil) }

func (claudeChat) pieces(a *reply, steps []llm.Event) []piece {
	var all []piece
	for _, e := range a.message().Events(steps, a.metrics) {
		all = append(all, piece{json: e.JSON, delta: e.Delta, text: e.Text, stop: e.Stop})
	}
	return all
}
