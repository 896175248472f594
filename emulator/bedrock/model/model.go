// Package model is the simulated model of the emulated Bedrock. It reasons, calls
// tools, follows JSON schemas, stops and counts tokens as a model does, and gives the
// same answer to the same request.
package model

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"outcrop/emulator/bedrock/catalogue"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Model is a simulated model. It has no state between requests and is safe for
// concurrent use.
type Model struct {
	seed uint64
	key  [sha256.Size]byte // seals reasoning
}

// New creates a model. The seed varies its tool call ids, the signatures of its
// reasoning and how its streams are divided.
func New(seed uint64) *Model {
	return &Model{seed: seed, key: sha256.Sum256(binary.BigEndian.AppendUint64([]byte("reasoning"), seed))}
}

// Answer returns the complete answer of the model info to a request that conforms to
// the emulator's rules. Its usage counts only the output; see Cache for the input.
//
// The answer is, in this order of preference: tool calls, if the tool choice demands
// them or the prompt mentions tools; a description of tool results, if the conversation
// ends with them; JSON, if there is a schema; the text of a marker [[answer: text]] or
// the number of words in [[words: n]]; or a summary of the prompt.
func (m *Model) Answer(info *catalogue.Model, req *llm.Request) *llm.Response {
	p := readPrompt(req)
	calls := p.calls(req)
	digest := m.digest(info, req)

	answer := &llm.Response{Role: llm.RoleAssistant, Stop: llm.StopEnd, RawStop: "end_turn"}
	if thinks(info, req) {
		answer.Blocks = append(answer.Blocks, m.think(info, req, p, calls))
	}
	if len(calls) == 0 {
		answer.Blocks = append(answer.Blocks, llm.Block{Kind: llm.BlockText, Text: p.reply(req)})
	}
	for i, c := range calls {
		answer.Blocks = append(answer.Blocks, llm.Block{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{
			ID: callID(digest, i), Name: c.tool, Input: c.input,
		}})
		answer.Stop, answer.RawStop = llm.StopToolUse, "tool_use"
	}
	hit := stopAt(answer, req)
	limit(answer, maxTokens(info, req))
	answer.ModelFields = nativeFields(info, req, answer, hit)
	for _, b := range answer.Blocks {
		answer.Usage.Output += blockTokens(&b)
	}
	return answer
}

// maxTokens returns the limit on the output; AWS's default is the model's own maximum.
func maxTokens(info *catalogue.Model, req *llm.Request) int64 {
	if req.MaxTokens.Set {
		return req.MaxTokens.Value
	}
	return info.MaxOutput
}

// stopAt ends the answer at the first stop sequence in its text, and returns the
// sequence; empty if there is none.
func stopAt(answer *llm.Response, req *llm.Request) string {
	for i := range answer.Blocks {
		b := &answer.Blocks[i]
		if b.Kind != llm.BlockText {
			continue
		}
		at, hit := len(b.Text), ""
		for _, stop := range req.Stop {
			if n := strings.Index(b.Text, stop); stop != "" && n >= 0 && n < at {
				at, hit = n, stop
			}
		}
		if hit == "" {
			continue
		}
		b.Text = b.Text[:at]
		answer.Blocks = answer.Blocks[:i+1]
		answer.Stop, answer.RawStop = llm.StopSequence, "stop_sequence"
		return hit
	}
	return ""
}

// nativeFields returns the members of the model's native answer that the request's
// additionalModelResponseFieldPaths select; nil if they select none. hit is the stop
// sequence that ended the answer. Claude has the members of its Messages API, other
// models only a stop sequence. The number of reasoning tokens of an answer is at
// usage.output_tokens_details.thinking_tokens, as in the Messages API.
func nativeFields(info *catalogue.Model, req *llm.Request, answer *llm.Response, hit string) jsonx.Raw {
	var paths []string
	for _, e := range req.Extensions {
		if e.Name == "additionalModelResponseFieldPaths" && jsonx.Unmarshal(e.Value, &paths) != nil {
			return nil
		}
	}
	own := map[string]string{}
	if answer.RawStop == "stop_sequence" {
		own["/stop_sequence"] = hit
	}
	if info.Voice() == catalogue.VoiceAnthropic {
		own["/model"], own["/role"], own["/stop_reason"], own["/type"] = info.ID, string(answer.Role), answer.RawStop, "message"
	}
	thoughts := int64(0)
	for i := range answer.Blocks {
		if answer.Blocks[i].Kind == llm.BlockReasoning {
			thoughts += blockTokens(&answer.Blocks[i])
		}
	}
	var w jsonx.Writer
	w.Object()
	found := false
	for _, path := range slices.Compact(slices.Sorted(slices.Values(paths))) {
		if value, ok := own[path]; ok {
			w.AnyKey(path[1:])
			w.String(value)
			found = true
		}
	}
	if thoughts > 0 && slices.Contains(paths, "/usage/output_tokens_details") {
		w.AnyKey("usage")
		w.Raw(fmt.Appendf(nil, `{"output_tokens_details":{"thinking_tokens":%d}}`, thoughts))
		found = true
	}
	w.EndObject()
	if !found {
		return nil
	}
	return w.Buf
}

// limit truncates the answer to n tokens.
func limit(answer *llm.Response, n int64) {
	for i := range answer.Blocks {
		b := &answer.Blocks[i]
		size := blockTokens(b)
		if size <= n {
			n -= size
			continue
		}
		answer.Stop, answer.RawStop = llm.StopMaxTokens, "max_tokens"
		if n == 0 || (b.Kind != llm.BlockText && b.Kind != llm.BlockReasoning) {
			answer.Blocks = answer.Blocks[:i] // an incomplete call is dropped
		} else {
			b.Text = firstRunes(b.Text, n*runesPerToken)
			answer.Blocks = answer.Blocks[:i+1]
		}
		if len(answer.Blocks) == 0 {
			answer.Blocks = []llm.Block{{Kind: llm.BlockText, Text: ""}}
		}
		return
	}
}

func firstRunes(s string, n int64) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// Name identifies a request among all requests to the model, and so its answer.
func (m *Model) Name(info *catalogue.Model, req *llm.Request) string {
	digest := m.digest(info, req)
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

// digest identifies the request among all requests to the model.
func (m *Model) digest(info *catalogue.Model, req *llm.Request) [sha256.Size]byte {
	d := sha256.New()
	d.Write(m.key[:])
	d.Write([]byte(info.ID))
	for _, s := range segments(req) {
		d.Write(s.digest[:])
	}
	return [sha256.Size]byte(d.Sum(nil))
}

// callID returns the id of the nth call of an answer, in the form of recorded
// exchanges: tooluse_ and 22 characters.
func callID(digest [sha256.Size]byte, n int) string {
	sum := sha256.Sum256(append(digest[:], byte(n)))
	return "tooluse_" + base64.RawURLEncoding.EncodeToString(sum[:16])
}

// runesPerToken is the number of characters that count as a token.
const runesPerToken = 4

// Tokens counts a text, four characters to a token.
func Tokens(s string) int64 {
	return int64((utf8.RuneCountInString(s) + runesPerToken - 1) / runesPerToken)
}
