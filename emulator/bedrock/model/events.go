package model

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"unicode/utf8"

	"outcrop/llm"
)

// Events returns an answer as a stream: the same content in several deltas, then the
// stop and the usage. How the text is divided depends only on the seed and the answer.
func (m *Model) Events(answer *llm.Response) []llm.Event {
	h := sha256.New()
	for i := range answer.Blocks {
		writeBlock(h, &answer.Blocks[i])
	}
	random := rand.New(rand.NewPCG(m.seed, binary.BigEndian.Uint64(h.Sum(nil)))) //nolint:gosec // where text is divided is no secret

	events := []llm.Event{{Kind: llm.EventStart, Role: answer.Role}}
	for index := range answer.Blocks {
		b := &answer.Blocks[index]
		text := b.Text
		if b.Kind == llm.BlockToolUse {
			text = string(b.ToolUse.Input)
			// Only tool blocks begin with a start event; text and reasoning begin with a
			// delta.
			events = append(events, llm.Event{
				Kind: llm.EventBlockStart, Index: index, Block: b.Kind,
				ToolUse: &llm.ToolUse{ID: b.ToolUse.ID, Name: b.ToolUse.Name, Type: b.ToolUse.Type},
			})
		}
		if b.Kind == llm.BlockRedacted || b.Kind == llm.BlockText && text == "" {
			events = append(events, llm.Event{Kind: llm.EventDelta, Index: index, Block: b.Kind, Text: text})
			text = ""
		}
		for piece := range pieces(text, random) {
			events = append(events, llm.Event{Kind: llm.EventDelta, Index: index, Block: b.Kind, Text: piece})
		}
		if b.Signature != "" {
			events = append(events, llm.Event{Kind: llm.EventDelta, Index: index, Block: b.Kind, Signature: b.Signature})
		}
		events = append(events, llm.Event{Kind: llm.EventBlockEnd, Index: index, Block: b.Kind})
	}
	return append(events,
		llm.Event{Kind: llm.EventStop, Stop: answer.Stop, RawStop: answer.RawStop, Raw: answer.ModelFields},
		llm.Event{
			Kind: llm.EventUsage, Usage: &answer.Usage, LatencyMs: answer.LatencyMs,
			ServiceTier: answer.ServiceTier, Trace: answer.Trace, Extra: answer.Extra,
		})
}

// longestPiece is the maximum number of characters in one delta.
const longestPiece = 24

// pieces divides a text into parts of one to longestPiece characters.
func pieces(text string, random *rand.Rand) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for text != "" {
			end := 0
			for range 1 + random.IntN(longestPiece) {
				_, size := utf8.DecodeRuneInString(text[end:])
				end += size
				if end == len(text) {
					break
				}
			}
			if !yield(text[:end]) {
				return
			}
			text = text[end:]
		}
	}
}
