package converse

import (
	"bytes"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Some models occasionally write a tool call into their text in a form that Converse does not
// recognize: Kimi between its own marks, Llama as a JSON object. A scanner extracts such calls from
// one text as it arrives. Only a call that names an offered tool is extracted; everything else
// remains text.

// Bounds of what a scanner holds back for each text, in bytes and calls; anything longer is text.
const (
	maxWritten      = 256 << 10
	maxWrittenCalls = 64
)

// written is a call found in a text.
type written struct {
	name  string
	input jsonx.Raw
}

// scanner extracts written calls from a text. The concatenated results of feed and end are the text
// without the calls, no matter how the text is cut.
type scanner interface {
	// feed takes the next piece and returns the text that is certain by now.
	feed(piece string) string
	// end returns the rest of the text.
	end() string
	// found returns the calls, and whether something that looks like a call was left.
	found() (calls []written, stayed bool)
}

// collected holds what a scanner has found.
type collected struct {
	offered map[string]bool
	held    string // received, but not yet certain
	more    []byte // received after it, and cannot make it certain
	calls   []written
	size    int
	stayed  bool
}

func (c *collected) found() ([]written, bool) { return c.calls, c.stayed }

// gather appends a piece to held, or buffers it first if later is set, so that a call in very many
// pieces does not take quadratic time.
func (c *collected) gather(piece string, later bool) bool {
	if c.more = append(c.more, piece...); later && len(c.held)+len(c.more) <= maxWritten {
		return false
	}
	c.settle()
	return true
}

func (c *collected) settle() {
	c.held += string(c.more)
	c.more = nil
}

// add adds calls if their tools were offered and the bound allows it.
func (c *collected) add(calls ...written) bool {
	size := c.size
	for _, w := range calls {
		size += len(w.name) + len(w.input)
		if !c.offered[w.name] {
			return false
		}
	}
	if size > maxWritten || len(c.calls)+len(calls) > maxWrittenCalls {
		return false
	}
	c.size, c.calls = size, append(c.calls, calls...)
	return true
}

// input returns the arguments of a call: a JSON object, or nothing.
func input(text string) (jsonx.Raw, bool) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return jsonx.Raw("{}"), true
	case text[0] != '{' || !jsonx.Valid([]byte(text)):
		return nil, false
	}
	return jsonx.Raw(text), true
}

// Kimi's marks (https://huggingface.co/moonshotai/Kimi-K2-Instruct/blob/main/docs/tool_call_guidance.md;
// seen in answers of Bedrock: https://github.com/vercel/ai/issues/11409,
// https://github.com/Bike4Mind/bike4mind/issues/1119, the section with one s less:
// https://github.com/thinking-machines-lab/tinker-cookbook/pull/248).
const (
	sectionBegin = "<|tool_calls_section_begin|>"
	sectionEnd   = "<|tool_calls_section_end|>"
	oneBegin     = "<|tool_call_section_begin|>"
	oneEnd       = "<|tool_call_section_end|>"
	callBegin    = "<|tool_call_begin|>"
	callInput    = "<|tool_call_argument_begin|>"
	callEnd      = "<|tool_call_end|>"
)

// marks extracts Kimi's calls from a text.
type marks struct {
	collected
	state markState
}

// markState is the state of a scanner for marks.
type markState uint8

const (
	outside markState = iota // no mark yet
	inCall                   // what is held begins with an opening mark
	behind                   // after a call
	closed                   // after a section
)

func (s *marks) feed(piece string) string {
	if !s.gather(piece, s.state == inCall && !strings.Contains(piece, ">")) { // all marks end with it
		return ""
	}
	var out strings.Builder
	for s.step(&out) {
	}
	return out.String()
}

// step advances to the next mark, and reports whether it found one.
func (s *marks) step(out *strings.Builder) bool {
	switch s.state {
	case outside:
		at := first(s.held, sectionBegin, oneBegin, callBegin)
		if at < 0 {
			keep := max(partial(s.held, sectionBegin), partial(s.held, oneBegin), partial(s.held, callBegin))
			s.pass(out, len(s.held)-keep)
			return false
		}
		s.pass(out, at)
		s.state = inCall
		return true
	case inCall:
		return s.inCall(out)
	case behind:
		rest := strings.TrimLeft(s.held, whiteSpace)
		for _, mark := range []string{sectionEnd, oneEnd, callBegin} {
			switch {
			case !strings.HasPrefix(rest, mark):
				continue
			case mark == callBegin:
				s.held, s.state = rest, inCall
			default:
				s.held, s.state = rest[len(mark):], closed
			}
			return true
		}
		if len(s.held) < maxWritten && (begins(sectionEnd, rest) || begins(oneEnd, rest) || begins(callBegin, rest)) {
			return false
		}
		s.state = outside
		return true
	default: // closed
		if s.held = strings.TrimLeft(s.held, whiteSpace); s.held == "" {
			return false
		}
		s.state = outside
		return true
	}
}

// inCall looks for the end of the call that is held.
func (s *marks) inCall(out *strings.Builder) bool {
	end, section := strings.Index(s.held, callEnd), first(s.held, sectionEnd, oneEnd)
	switch {
	case end > maxWritten, section > maxWritten, end < 0 && section < 0 && len(s.held) > maxWritten:
		s.pass(out, strings.Index(s.held, "|>")+len("|>")) // the mark is text
	case end < 0 && section < 0:
		return false
	case section >= 0 && (end < 0 || section < end): // a section without a call
		s.pass(out, section+strings.Index(s.held[section:], "|>")+len("|>"))
	default:
		n := end + len(callEnd)
		if call, ok := callIn(s.held[:end]); ok && s.add(call) {
			s.held, s.state = s.held[n:], behind
			return true
		}
		s.pass(out, n)
	}
	s.state, s.stayed = outside, true
	return true
}

// pass moves the first n bytes of what is held to the text.
func (s *marks) pass(out *strings.Builder, n int) {
	out.WriteString(s.held[:n])
	s.held = s.held[n:]
}

func (s *marks) end() string {
	s.settle()
	switch s.state {
	case inCall: // the last mark may be missing
		if call, ok := callIn(s.held); ok && s.add(call) {
			return ""
		}
		s.stayed = true
	case behind, closed:
		if strings.TrimLeft(s.held, whiteSpace) == "" {
			return ""
		}
	case outside:
	}
	return s.held
}

// callIn reads a call from the opening mark of it or its section to its end.
func callIn(text string) (written, bool) {
	for _, begin := range []string{sectionBegin, oneBegin} {
		if rest, ok := strings.CutPrefix(text, begin); ok {
			text = strings.TrimLeft(rest, whiteSpace)
		}
	}
	text, ok := strings.CutPrefix(text, callBegin)
	head, arguments, whole := strings.Cut(text, callInput)
	if !ok || !whole || strings.Contains(arguments, callBegin) {
		return written{}, false
	}
	name := strings.TrimPrefix(strings.TrimSpace(head), "functions.")
	if i := strings.LastIndexByte(name, ':'); i >= 0 && strings.Trim(name[i+1:], "0123456789") == "" {
		name = name[:i]
	}
	in, ok := input(arguments)
	return written{name, in}, ok
}

// first returns the index of the first of several marks in a text; -1 if there is none.
func first(text string, marks ...string) int {
	at := -1
	for _, m := range marks {
		if i := strings.Index(text, m); i >= 0 && (at < 0 || i < at) {
			at = i
		}
	}
	return at
}

// begins reports whether the text may be the start of a mark.
func begins(mark, text string) bool { return strings.HasPrefix(mark, text) }

// objects extracts Llama's calls from a text that contains nothing else: JSON objects such as
// {"type":"function","name":"f","parameters":{}}, optionally after <|python_tag|> and separated by
// ; (https://www.llama.com/docs/model-cards-and-prompt-formats/llama3_1/; LiteLLM also reads them
// from Converse's answers).
type objects struct {
	collected
	passed bool // it is plain text
	input  bool // the first call's input has begun: the end of the text decides
}

const pythonTag = "<|python_tag|>"

func (s *objects) feed(piece string) string {
	if s.passed {
		return piece
	}
	if !s.gather(piece, s.input) {
		return ""
	}
	switch s.look() {
	case mayBe:
		if len(s.held) <= maxWritten {
			return ""
		}
		s.stayed = true
	case stranger:
		s.stayed = true
	case plainText:
	}
	s.passed = true
	text := s.held
	s.held = ""
	return text
}

func (s *objects) end() string {
	s.settle()
	if s.passed || strings.TrimSpace(s.held) == "" {
		return s.held
	}
	calls, ok := calledIn(s.held)
	if ok && s.add(calls...) {
		return ""
	}
	s.stayed = true
	return s.held
}

// callVerdict classifies the beginning of a text.
type callVerdict uint8

const (
	mayBe     callVerdict = iota // so far it can be calls
	plainText                    // plain text
	stranger                     // a call of a tool that was not offered
)

// look classifies the held text by the first members of its first object.
func (s *objects) look() callVerdict {
	text := strings.TrimLeft(s.held, whiteSpace)
	if rest, ok := strings.CutPrefix(text, pythonTag); ok {
		text = strings.TrimLeft(rest, whiteSpace)
	} else if begins(pythonTag, text) {
		return mayBe
	}
	if text == "" {
		return mayBe
	}
	rest, ok := strings.CutPrefix(text, "{")
	if !ok {
		return plainText
	}
	typed := false
	for {
		key, behind, whole := quoted(rest)
		switch {
		case !whole && (behind != "" || !beginsAny(key, "type", "name", "parameters", "arguments", "function", "id")):
			return plainText
		case !whole:
			return mayBe
		}
		behind, ok := strings.CutPrefix(strings.TrimLeft(behind, whiteSpace), ":")
		if !ok && behind != "" {
			return plainText
		}
		switch key {
		case "parameters", "arguments", "function":
			s.input = true
			return mayBe
		case "type", "name", "id":
		default:
			return plainText
		}
		value, next, whole := quoted(behind)
		switch {
		case next != "" && !whole:
			return plainText // not a string
		case key == "type" && whole && value != "function", key == "type" && !beginsAny(value, "function"):
			return plainText
		case key == "name" && whole && !s.offered[value]:
			if typed {
				return stranger
			}
			return plainText
		case key == "name" && !whole && !typed && !s.beginsOffered(value):
			return plainText
		}
		typed = typed || key == "type" && whole
		if !whole {
			return mayBe
		}
		next = strings.TrimLeft(next, whiteSpace)
		if next == "" {
			return mayBe
		}
		if rest, ok = strings.CutPrefix(next, ","); !ok {
			return plainText
		}
	}
}

func (s *objects) beginsOffered(name string) bool {
	for offered := range s.offered {
		if strings.HasPrefix(offered, name) {
			return true
		}
	}
	return false
}

func beginsAny(text string, words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, text) })
}

// quoted reads the JSON string without escapes at the start of a text, and returns its content and
// the rest. For an incomplete string it returns the available part and no rest; for anything else
// the whole text as the rest.
func quoted(text string) (seen, behind string, whole bool) {
	text = strings.TrimLeft(text, whiteSpace)
	if text == "" {
		return "", "", false
	}
	inner, ok := strings.CutPrefix(text, `"`)
	if !ok {
		return "", text, false
	}
	seen, behind, whole = strings.Cut(inner, `"`)
	return seen, behind, whole
}

// calledIn reads a text that consists of calls.
func calledIn(text string) ([]written, bool) {
	text = strings.TrimPrefix(strings.TrimLeft(text, whiteSpace), pythonTag)
	var calls []written
	for {
		text = strings.TrimLeft(text, whiteSpace+";,")
		if text == "" {
			return calls, len(calls) > 0
		}
		d := jsonx.NewDecoder(bytes.NewBufferString(text))
		v, err := d.ReadValue()
		if err != nil {
			return nil, false
		}
		call, ok := callOf(v.Clone())
		if !ok {
			return nil, false
		}
		calls = append(calls, call)
		text = text[d.InputOffset():]
	}
}

// callOf reads an object as a call.
func callOf(v jsonx.Raw) (written, bool) {
	var call struct {
		Type       string    `json:"type"`
		ID         string    `json:"id"`
		Name       string    `json:"name"`
		Parameters jsonx.Raw `json:"parameters"`
		Arguments  jsonx.Raw `json:"arguments"`
		Function   jsonx.Raw `json:"function"`
		Rest       jsonx.Raw `json:",embed"`
	}
	if v.Kind() != '{' || jsonx.Unmarshal(v, &call) != nil || len(call.Rest) > 0 || call.Type != "" && call.Type != "function" {
		return written{}, false
	}
	if len(call.Function) > 0 && call.Name == "" {
		return callOf(call.Function)
	}
	arguments := call.Parameters
	if len(arguments) == 0 {
		arguments = call.Arguments
	}
	if len(arguments) == 0 || call.Name == "" {
		return written{}, false
	}
	text := string(arguments)
	if arguments.Kind() == '"' && jsonx.Unmarshal(arguments, &text) != nil {
		return written{}, false
	}
	in, ok := input(text)
	return written{call.Name, in}, ok
}

// toolUse returns the call in the form that callers receive.
func (w *written) toolUse(id string) *llm.ToolUse {
	return &llm.ToolUse{ID: id, Name: w.name, Input: w.input}
}
