package bedrock

import (
	"errors"
	"fmt"

	"outcrop/emulator/bedrock/catalogue"
	"outcrop/emulator/bedrock/model"
	"outcrop/internal/jsonx"
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
// AWS's manner elsewhere; docs/emulator.md tells which is which.
var rules = []rule{ // never written to
	{catalogue.NoChat, always, "This action doesn't support the model that you provided. Try again with a supported text or chat model."},
	{"", noTurns, "A conversation must start with a user message. Try again with a conversation that starts with a user message."},
	{catalogue.UserFirst, assistantFirst, "A conversation must start with a user message. Try again with a conversation that starts with a user message."},
	{catalogue.NoSystem, hasSystem, "This model doesn't support system messages. Try again without a system message or use a model that supports system messages."},
	{catalogue.NoTools, hasTools, "This model doesn't support tool use."},
	{catalogue.NoStreamTools, streamsTools, "This model doesn't support tool use in streaming mode."},
	{"", toolsWithoutConfig, "The toolConfig field must be defined when using toolUse and toolResult content blocks."},
	{"", namesNoTool, "The tool that toolConfig.toolChoice names is not among toolConfig.tools."},
	{catalogue.NoResultStatus, hasResultStatus, "This model doesn't support the status field. Remove status and try again."},
	{catalogue.NoStopSequences, hasStop, "This model doesn't support the stopSequences field. Remove stopSequences and try again."},
	{catalogue.NoVideo, hasBlock(ofKind(llm.BlockVideo)), "This model doesn't support the video content block that you provided. Update the content block and try again."},
	{catalogue.NoS3, hasBlock(func(b *llm.Block) bool { return b.Media != nil && b.Media.URI != "" }), "This model doesn't support the s3Uri field. Remove s3Uri and try again."},
	{"", unread("VIDEO", llm.BlockVideo), "This model doesn't support the video content block that you provided. Update the content block and try again."},
	{"", unread("AUDIO", llm.BlockAudio), "This model doesn't support the audio content block that you provided. Update the content block and try again."},
	{"", unread("IMAGE", llm.BlockImage), "This model doesn't support the image content block that you provided. Update the content block and try again."},
	{catalogue.NoDocuments, hasBlock(ofKind(llm.BlockDocument)), "This model doesn't support the document field for user messages. Remove document and try again."},
	{catalogue.NoReasoningBack, hasBlock(isReasoning), "User messages cannot contain reasoning content. Please remove the reasoning content and try again."},
	{"", hasVariables, "The promptVariables field can only be used with a prompt resource. Remove promptVariables and try again."},
}

// checks are all rules, in the order in which they refuse: what Converse itself
// asks, what it knows the model not to have, and what the model's own server says.
var checks = []func(*question) error{ // never written to
	checkRules, checkForeignThoughts, checkTurns, checkPairs, checkTools, checkDocuments, checkResultMedia, checkService, checkLimits,
	checkCachePoints, checkIDs, checkFields, checkEffort, checkImages, checkStructure, checkStops, checkKeys, checkSampling, checkThinking, checkThinkingTurns, checkLastTurn,
}

// check refuses a request that breaks a rule, or whose reasoning is not what the
// model once signed.
func (e *Emulator) check(q *question) error {
	if err := q.check(); err != nil {
		return err
	}
	var seal *model.SealError
	if err := e.model.Verify(q.info, q.request); errors.As(err, &seal) {
		if seal.Missing {
			return invalid("%s", seal.Error())
		}
		return returned("%s", seal.Error())
	}
	return nil
}

// check holds a request against every rule.
func (q *question) check() error {
	var err error
	if q.thinking, err = model.ThinkingOf(q.request); err != nil {
		return returned("thinking: Input should be a valid dictionary or object to extract fields from")
	}
	for _, check := range checks {
		if err := check(q); err != nil {
			return err
		}
	}
	return nil
}

// returned is a refusal of the model's own server, as Converse passes it on
// (recorded exchanges).
func returned(format string, args ...any) *refusal {
	return invalid("The model returned the following errors: "+format, args...)
}

// malformedInput is a refusal by Bedrock's schema of a family's body (recorded
// exchange with Nova).
func malformedInput(format string, args ...any) *refusal {
	return returned("Malformed input request: %s, please reformat your input and try again.", fmt.Sprintf(format, args...))
}

// unsupported is how Converse refuses a field that it knows the model not to have
// (recorded exchange: s3Uri; public reports: stopSequences, toolConfig.toolChoice.any).
func unsupported(field string) *refusal {
	return invalid("This model doesn't support the %s field. Remove %s and try again.", field, field)
}

func checkRules(q *question) error {
	for _, r := range rules {
		if (r.trait == "" || q.info.Has(r.trait)) && r.broken(q) {
			return invalid("%s", r.message)
		}
	}
	return nil
}

// native reports whether Anthropic's own server reads the request.
func (q *question) native() bool { return q.info.Voice() == catalogue.VoiceAnthropic }

// field is a member of additionalModelRequestFields; nil if it is not there.
func (q *question) field(name string) jsonx.Raw {
	return jsonx.Find(q.request.ModelFields, name)
}

// extension is a member of the body that the common form has no field for; nil if
// it is not there.
func (q *question) extension(name string) jsonx.Raw {
	return jsonx.Find(q.request.Extensions, name)
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

func hasVariables(q *question) bool { return q.extension("promptVariables") != nil }

// hasBlock makes the test whether some block of a turn, or within a tool's
// result, is one that is refused.
func hasBlock(refused func(*llm.Block) bool) func(*question) bool {
	return func(q *question) bool {
		found := false
		q.each(func(_ place, b *llm.Block) { found = found || refused(b) })
		return found
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

func isReasoning(b *llm.Block) bool {
	return b.Kind == llm.BlockReasoning || b.Kind == llm.BlockRedacted
}

var hasToolBlock = hasBlock(func(b *llm.Block) bool {
	return b.Kind == llm.BlockToolUse && b.ToolUse.Type != llm.ServerSide || b.Kind == llm.BlockToolResult
})

func toolsWithoutConfig(q *question) bool { return !hasTools(q) && hasToolBlock(q) }

var hasResultStatus = hasBlock(func(b *llm.Block) bool { return b.ToolResult != nil && b.ToolResult.Status != "" })

// place is where a block of the conversation stands: in a turn, or inside the
// tool result that is block of the turn.
type place struct {
	turn, block int
	inner       int // -1 if not in a tool result
	role        llm.Role
}

// String is the place as Converse names it.
func (p place) String() string {
	s := fmt.Sprintf("messages.%d.content.%d", p.turn, p.block)
	if p.inner >= 0 {
		s += fmt.Sprintf(".toolResult.content.%d", p.inner)
	}
	return s
}

// native is the place as Anthropic names it.
func (p place) native() string {
	s := fmt.Sprintf("messages.%d.content.%d", p.turn, p.block)
	if p.inner >= 0 {
		s += fmt.Sprintf(".tool_result.content.%d", p.inner)
	}
	return s
}

// each calls visit for every block of the conversation, those within tool
// results behind the result that holds them.
func (q *question) each(visit func(place, *llm.Block)) {
	for i := range q.request.Turns {
		turn := &q.request.Turns[i]
		for j := range turn.Blocks {
			b := &turn.Blocks[j]
			visit(place{i, j, -1, turn.Role}, b)
			if b.ToolResult == nil {
				continue
			}
			for k := range b.ToolResult.Content {
				visit(place{i, j, k, turn.Role}, &b.ToolResult.Content[k].Block)
			}
		}
	}
}

// refuseFirst is the first refusal that find gives for a block.
func (q *question) refuseFirst(find func(place, *llm.Block) error) error {
	var first error
	q.each(func(p place, b *llm.Block) {
		if first == nil {
			first = find(p, b)
		}
	})
	return first
}
