package bedrock

import (
	"errors"
	"slices"
	"strings"

	"outcrop/emulator/bedrock/catalogue"
	"outcrop/emulator/bedrock/model"
	"outcrop/llm"
)

// question is a Converse request as the rules see it.
type question struct {
	info      *catalogue.Model
	request   *llm.Request
	streaming bool
	thinking  model.Thinking
}

// rule refuses what a family of models does not take. A rule without a trait
// holds for every model.
type rule struct {
	trait   catalogue.Trait
	broken  func(*question) bool
	message string
}

// rules are the refusals that need no place in their words. The words are AWS's
// where a recorded exchange, a public report or the user guide has them, and in
// AWS's manner elsewhere.
var rules = []rule{ // never written to
	{catalogue.NoChat, always, "This action doesn't support the model that you provided. Try again with a supported text or chat model."},
	{"", noTurns, "A conversation must start with a user message. Try again with a conversation that starts with a user message."},
	{catalogue.UserFirst, assistantFirst, "A conversation must start with a user message. Try again with a conversation that starts with a user message."},
	{catalogue.NoSystem, hasSystem, "This model doesn't support system messages. Try again without a system message or use a model that supports system messages."},
	{catalogue.NoTools, hasTools, "This model doesn't support tool use."},
	{catalogue.NoStreamTools, streamsTools, "This model doesn't support tool use in streaming mode."},
	{catalogue.NoForcedTools, forcesTool, "This model doesn't support the toolConfig.toolChoice value that you provided. Remove toolConfig.toolChoice and try again."},
	{catalogue.NoNamedTool, namesTool, "This model doesn't support the toolConfig.toolChoice.tool field. Remove toolConfig.toolChoice.tool and try again."},
	{"", toolsWithoutConfig, "The toolConfig field must be defined when using toolUse and toolResult content blocks."},
	{"", namesNoTool, "The tool that toolConfig.toolChoice names is not among toolConfig.tools."},
	{catalogue.NoResultStatus, hasResultStatus, "This model doesn't support the status field. Remove status and try again."},
	{catalogue.NoStopSequences, hasStop, "This model doesn't support the stopSequences field. Remove stopSequences and try again."},
	{catalogue.NoSampling, hasSampling, "The model returned the following errors: `temperature` and `top_p` are deprecated for this model."},
	{catalogue.OneSampling, hasBothSamplings, "The model returned the following errors: `temperature` and `top_p` cannot both be specified for this model. Please use only one."},
	{catalogue.NoStructuredOutput, isStructured, "This model doesn't support structured output. Remove strict and outputConfig.textFormat and try again."},
	{catalogue.NoS3, hasBlock(func(b *llm.Block) bool { return b.Media != nil && b.Media.URI != "" }), "This model doesn't support the s3Uri field. Remove s3Uri and try again."},
	{catalogue.NoVideo, hasBlock(ofKind(llm.BlockVideo)), "This model doesn't support the video content block that you provided. Update the content block and try again."},
	{"", unread("VIDEO", llm.BlockVideo), "This model doesn't support the video content block that you provided. Update the content block and try again."},
	{"", unread("IMAGE", llm.BlockImage), "This model doesn't support the image content block that you provided. Update the content block and try again."},
	{catalogue.NoThinkingOff, thinkingOff, "The model returned the following errors: `thinking.type` may not be `disabled` for this model."},
	{"", strangeThinking, "The model returned the following errors: Malformed input request: #: extraneous key [thinking] is not permitted, please reformat your input and try again."},
	{catalogue.ThinkingBudget, smallBudget, "The model returned the following errors: thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"},
	{catalogue.ThinkingBudget, budgetAboveMaxTokens, "The model returned the following errors: `max_tokens` must be greater than `thinking.budget_tokens`."},
	{catalogue.SignedReasoning, thinkingWithTemperature, "The model returned the following errors: `temperature` may only be set to 1 when thinking is enabled."},
	{catalogue.SignedReasoning, thinkingWithForcedTool, "The model returned the following errors: Thinking may not be enabled when tool_choice forces tool use."},
}

// check refuses a request that breaks a rule.
func (e *Emulator) check(q *question) error {
	var err error
	if q.thinking, err = model.ThinkingOf(q.request); err != nil {
		return invalid("The model returned the following errors: thinking: Input should be a valid dictionary or object to extract fields from")
	}
	for _, r := range rules {
		if (r.trait == "" || q.info.Has(r.trait)) && r.broken(q) {
			return invalid("%s", r.message)
		}
	}
	if err := checkBlocks(q); err != nil {
		return err
	}
	if err := checkPairs(q); err != nil {
		return err
	}
	if err := checkThinkingTurns(q); err != nil {
		return err
	}
	if limit := q.info.MaxOutput; q.request.MaxTokens.Set && limit > 0 && q.request.MaxTokens.Value > limit {
		return invalid("The maximum tokens you requested exceeds the model limit of %d. Try again with a maximum tokens value that is lower than %d.", limit, limit)
	}
	var seal *model.SealError
	if err := e.model.Verify(q.info, q.request); errors.As(err, &seal) {
		if seal.Missing {
			return invalid("%s", seal.Error())
		}
		return invalid("The model returned the following errors: %s", seal.Error())
	}
	return nil
}

func always(*question) bool { return true }

func noTurns(q *question) bool { return len(q.request.Turns) == 0 }

func assistantFirst(q *question) bool { return q.request.Turns[0].Role == llm.RoleAssistant }

func hasSystem(q *question) bool { return len(q.request.System) > 0 }

func hasTools(q *question) bool { return len(q.request.Tools) > 0 }

func streamsTools(q *question) bool { return q.streaming && hasTools(q) }

func forcesTool(q *question) bool {
	return q.request.ToolChoice.Kind == llm.ToolChoiceAny || namesTool(q)
}

func namesTool(q *question) bool { return q.request.ToolChoice.Kind == llm.ToolChoiceNamed }

func namesNoTool(q *question) bool {
	if !namesTool(q) {
		return false
	}
	for _, t := range q.request.Tools {
		if t.Name == q.request.ToolChoice.Name {
			return false
		}
	}
	return true
}

func hasStop(q *question) bool { return len(q.request.Stop) > 0 }

func hasSampling(q *question) bool { return q.request.Temperature.Set || q.request.TopP.Set }

func hasBothSamplings(q *question) bool { return q.request.Temperature.Set && q.request.TopP.Set }

func isStructured(q *question) bool {
	for _, t := range q.request.Tools {
		if t.Strict.Value {
			return true
		}
	}
	return q.request.Format != nil
}

// hasBlock makes the test whether some block of a turn, or within a tool's
// result, is one that is refused.
func hasBlock(refused func(*llm.Block) bool) func(*question) bool {
	return func(q *question) bool {
		for i := range q.request.Turns {
			for j := range q.request.Turns[i].Blocks {
				b := &q.request.Turns[i].Blocks[j]
				if refused(b) {
					return true
				}
				if b.ToolResult == nil {
					continue
				}
				for k := range b.ToolResult.Content {
					if refused(&b.ToolResult.Content[k].Block) {
						return true
					}
				}
			}
		}
		return false
	}
}

func ofKind(kind llm.BlockKind) func(*llm.Block) bool {
	return func(b *llm.Block) bool { return b.Kind == kind }
}

// unread makes the test for blocks of a modality that the model does not read.
func unread(modality string, kind llm.BlockKind) func(*question) bool {
	has := hasBlock(ofKind(kind))
	return func(q *question) bool { return !q.info.Reads(modality) && has(q) }
}

var hasToolBlock = hasBlock(func(b *llm.Block) bool {
	return b.Kind == llm.BlockToolUse && b.ToolUse.Type != llm.ServerSide || b.Kind == llm.BlockToolResult
})

func toolsWithoutConfig(q *question) bool { return !hasTools(q) && hasToolBlock(q) }

var hasResultStatus = hasBlock(func(b *llm.Block) bool { return b.ToolResult != nil && b.ToolResult.Status != "" })

func thinkingOff(q *question) bool { return q.thinking.Type == "disabled" }

// strangeThinking is the setting sent to a model that has no such field, or of a
// type that it does not know.
func strangeThinking(q *question) bool {
	switch q.thinking.Type {
	case "":
		return false
	case "enabled":
		return !q.info.Has(catalogue.ThinkingBudget)
	case "adaptive", "between_tools":
		return !q.info.Has(catalogue.ThinkingAdaptive)
	case "disabled":
		return !q.info.Has(catalogue.ThinkingBudget) && !q.info.Has(catalogue.ThinkingAdaptive)
	default:
		return true
	}
}

func smallBudget(q *question) bool {
	return q.thinking.Type == "enabled" && (q.thinking.Budget == nil || *q.thinking.Budget < 1024)
}

func budgetAboveMaxTokens(q *question) bool {
	return q.thinking.Type == "enabled" && q.request.MaxTokens.Set && q.request.MaxTokens.Value <= *q.thinking.Budget
}

func thinkingWithTemperature(q *question) bool {
	return q.thinking.On() && q.request.Temperature.Set && q.request.Temperature.Value != 1
}

func thinkingWithForcedTool(q *question) bool { return q.thinking.On() && forcesTool(q) }

// checkBlocks refuses empty turns, blank text and what may not stand beside or
// within tool results. Blank text is refused where it says all that is said: AWS
// takes a line break between a document and a cache point (recorded exchange).
func checkBlocks(q *question) error {
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
			if q.info.Has(catalogue.NoResultVideo) && b.ToolResult != nil && holdsVideo(b.ToolResult) {
				return invalid("The model returned the following errors: Malformed input request: #/messages/%d/content/%d: extraneous key [toolResult] is not permitted, please reformat your input and try again.", i, j)
			}
		}
		if q.info.Has(catalogue.ResultsAlone) && results > 0 && results < len(turn.Blocks) {
			return invalid("messages.%d.content: Conversation blocks and tool result blocks cannot be provided in the same turn.", i)
		}
	}
	return nil
}

func holdsVideo(r *llm.ToolResult) bool {
	return slices.ContainsFunc(r.Content, func(c llm.ResultBlock) bool { return c.Block.Kind == llm.BlockVideo })
}

// checkPairs matches tool results to the calls of the turn before. Neighbouring
// turns of one role count as one, as AWS merges them.
func checkPairs(q *question) error {
	var open []string // calls that wait for their results
	calls, results := 0, 0
	last := llm.Role("")
	place := 0
	for i, turn := range q.request.Turns {
		if turn.Role != last {
			if last == llm.RoleUser && len(open) > 0 {
				return missingResults(place, open)
			}
			if turn.Role == llm.RoleAssistant {
				open, calls = nil, 0
			}
			last, place, results = turn.Role, i, 0
		}
		for _, b := range turn.Blocks {
			switch {
			case b.Kind == llm.BlockToolUse && turn.Role == llm.RoleAssistant && b.ToolUse.Type != llm.ServerSide:
				open = append(open, b.ToolUse.ID)
				calls++
			case b.Kind == llm.BlockToolResult && turn.Role == llm.RoleUser:
				if results++; results > calls {
					return invalid("The number of toolResult blocks at messages.%d.content exceeds the number of toolUse blocks of previous turn.", i)
				}
				at := slices.Index(open, b.ToolResult.ID)
				if at < 0 {
					return missingResults(place, open)
				}
				open = append(open[:at:at], open[at+1:]...)
			}
		}
	}
	if last == llm.RoleUser && len(open) > 0 {
		return missingResults(place, open)
	}
	return nil
}

func missingResults(turn int, ids []string) error {
	return invalid("Expected toolResult blocks at messages.%d.content for the following Ids: %s", turn, strings.Join(ids, ", "))
}

// checkThinkingTurns wants the reasoning back in the turn whose tool results
// come in, when thinking by budget is on.
func checkThinkingTurns(q *question) error {
	turns := q.request.Turns
	last := len(turns) - 1
	if q.thinking.Type != "enabled" || last < 1 || turns[last].Role != llm.RoleUser || turns[last].Blocks[0].Kind != llm.BlockToolResult {
		return nil
	}
	before := turns[last-1]
	if before.Role != llm.RoleAssistant || before.Blocks[0].Kind == llm.BlockReasoning || before.Blocks[0].Kind == llm.BlockRedacted {
		return nil
	}
	found := "text"
	if before.Blocks[0].Kind == llm.BlockToolUse {
		found = "tool_use"
	}
	return invalid("The model returned the following errors: messages.%d.content.0.type: Expected `thinking` or `redacted_thinking`, but found `%s`. "+
		"When `thinking` is enabled, a final `assistant` message must start with a thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks). "+ //nolint:misspell // as AWS spells it
		"We recommend you include thinking blocks from previous turns. To avoid this requirement, disable `thinking`. "+
		"Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking", last-1, found)
}
