package diagnose

import (
	"strings"

	"outcrop/internal/lazyregexp"
	"outcrop/llm"
)

// hint is what AWS says of a part of the request without its name: the words, the part,
// and the next step, where the words allow a narrower one than the code does.
type hint struct {
	words string
	where func(c *Case, message string) string
	fix   string
	field llm.FieldKind // whose name stands in fix for FIELD; 0 for none
}

// hints are looked at before the names in a message. The words are those of public
// reports, seen 2026-11-28. They are never written to.
var hints = []hint{ //nolint:gochecknoglobals // a table
	// https://github.com/strands-agents/harness-sdk/pull/3677
	{"nothing available to cache", called(llm.FieldCache), "Put FIELD on a part that says something, and not on the first and empty one of its message, or leave it out.", llm.FieldCache},
	{"blocks with cache_control may be provided", called(llm.FieldCache), "Leave FIELD on at most 4 parts, the last ones for the conversation and the longest for the system prompt and tools.", llm.FieldCache},
	// https://github.com/anomalyco/opencode/issues/48843
	{"Tool call id was ", (*Case).callID, "Give the call, and its result, an id of nine letters and digits (a-z, A-Z, 0-9).", 0},
	{"`signature` in `thinking`", (*Case).reasoning, "", 0},
	{"contain reasoning content", (*Case).reasoning, "", 0},
	{"image content block", first(llm.BlockImage), "", 0},
	{"document content block", first(llm.BlockDocument), "", 0},
	{"video content block", first(llm.BlockVideo), "", 0},
	{"audio content block", first(llm.BlockAudio), "", 0},
	{"Could not process image", first(llm.BlockImage), "Send the image whole, as PNG, JPEG, GIF or WebP.", 0},
	// https://github.com/maximhq/bifrost/issues/7003
	{"duplicate document names", first(llm.BlockDocument), "Give each document a filename of its own.", 0},
	{"document file name", first(llm.BlockDocument), "Use letters, digits, single spaces, hyphens, parentheses and square brackets in the filename.", 0},
	{"field is required for document", first(llm.BlockDocument), "", 0},
	{"too long for requested model", called(llm.FieldMessages), "", 0},
	{"prompt is too long", called(llm.FieldMessages), "", 0},
	{"must start with a user message", (*Case).firstMessage, "", 0},
	{"too complex for compilation", (*Case).schema, "Leave out strict, or give a smaller schema with fewer optional members and unions.", 0},
}

// hintOf gives the first hint that a message has; nil if it has none.
func hintOf(message string) *hint {
	for i := range hints {
		if strings.Contains(message, hints[i].words) {
			return &hints[i]
		}
	}
	return nil
}

func called(kind llm.FieldKind) func(*Case, string) string {
	return func(c *Case, _ string) string { return c.name(kind) }
}

// first names the first message with a block of a kind, or with a tool's result that
// holds one.
func first(kind llm.BlockKind) func(*Case, string) string {
	return func(c *Case, _ string) string {
		return c.find(func(b *llm.Block) bool {
			if b.Kind == llm.BlockToolResult {
				for i := range b.ToolResult.Content {
					if b.ToolResult.Content[i].Block.Kind == kind {
						return true
					}
				}
			}
			return b.Kind == kind
		})
	}
}

// find names the part of the first message with such a block; messages if there is none.
func (c *Case) find(is func(*llm.Block) bool) string {
	if c.Request == nil {
		return c.name(llm.FieldMessages)
	}
	for i := range c.Request.Turns {
		t := &c.Request.Turns[i]
		for j := range t.Blocks {
			if is(&t.Blocks[j]) {
				return c.part(i, j)
			}
		}
	}
	return c.name(llm.FieldMessages)
}

func (c *Case) reasoning(string) string {
	return c.find(func(b *llm.Block) bool { return b.Kind == llm.BlockReasoning || b.Kind == llm.BlockRedacted })
}

// badID is an id that a model does not take.
var badID = lazyregexp.New(`Tool call id was (\S{1,128}) but`) //nolint:gochecknoglobals // compiled once

// callID names the id of the call that AWS repeats; of some call, where it is another's
// than the request's, as ids are changed on their way.
func (c *Case) callID(message string) string {
	m := badID.FindStringSubmatch(message)
	at := c.find(func(b *llm.Block) bool { return b.Kind == llm.BlockToolUse && m != nil && b.ToolUse.ID == m[1] })
	if at == c.name(llm.FieldMessages) {
		at = c.find(func(b *llm.Block) bool { return b.Kind == llm.BlockToolUse })
	}
	if at == c.name(llm.FieldMessages) {
		return at
	}
	return at + ".id"
}

func (c *Case) firstMessage(string) string {
	if c.Request == nil || len(c.Request.Turns) == 0 {
		return c.name(llm.FieldMessages)
	}
	return c.turn(0)
}

func (c *Case) schema(string) string {
	if c.Request != nil && c.Request.Format != nil {
		return c.name(llm.FieldFormat)
	}
	return c.name(llm.FieldTools)
}
