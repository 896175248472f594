package model

import (
	"fmt"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/internal/lazyregexp"
	"outcrop/llm"
)

// prompt is what the model understands of a request: the last turns of the user.
type prompt struct {
	text    string // of the last user turn
	results []*llm.ToolResult
	media   []*llm.Block
	names   map[string]string // tool name by call id
	step    bool              // text is a step of a script
}

// readPrompt reads the user's last turn; consecutive user turns are one.
func readPrompt(req *llm.Request) *prompt {
	p := &prompt{names: map[string]string{}}
	last := len(req.Turns) - 1
	for last > 0 && req.Turns[last].Role != llm.RoleUser {
		last--
	}
	first := last
	for first > 0 && req.Turns[first-1].Role == llm.RoleUser {
		first--
	}
	var texts []string
	for i := range req.Turns {
		for j := range req.Turns[i].Blocks {
			b := &req.Turns[i].Blocks[j]
			if b.Kind == llm.BlockToolUse {
				p.names[b.ToolUse.ID] = b.ToolUse.Name
			}
			if i < first || i > last {
				continue
			}
			switch b.Kind {
			case llm.BlockText:
				texts = append(texts, b.Text)
			case llm.BlockToolResult:
				p.results = append(p.results, b.ToolResult)
			case llm.BlockImage, llm.BlockDocument, llm.BlockAudio, llm.BlockVideo:
				p.media = append(p.media, b)
			default: // nothing to answer
			}
		}
	}
	p.text = asked(strings.Join(texts, "\n"))
	if step, ok := Step(req); ok {
		p.text, p.step = strings.TrimSpace(step), true
	}
	return p
}

// notes matches what coding agents put beside the user's words: Claude Code's reminders, and what Codex
// says of the machine.
var notes = lazyregexp.New(`(?s)<system-reminder>.*?</system-reminder>|<environment_context>.*?</environment_context>`)

// asked is what the user says in a prompt; all of the prompt if that is nothing.
func asked(prompt string) string {
	if own := strings.TrimSpace(notes.ReplaceAllString(prompt, "")); own != "" {
		return own
	}
	return strings.TrimSpace(prompt)
}

// Markers that a prompt may hold.
var (
	answerMarker = lazyregexp.New(`(?s)\[\[answer:\s*(.*?)\s*\]\]`)
	wordsMarker  = lazyregexp.New(`\[\[words:\s*([0-9]{1,6})\s*\]\]`)
)

// asksJSON matches a system prompt that asks for JSON only, with an optional schema.
var asksJSON = lazyregexp.New(`(?is)\bJSON\b.*\bnothing else\b(?:.*\bJSON schema: (\{.*\}))?`)

// reply returns the text of the answer.
func (p *prompt) reply(req *llm.Request) string {
	if req.Format != nil {
		return string(p.instance(req.Format.Schema, p.subjects(), 0))
	}
	if m := answerMarker.FindStringSubmatch(p.text); m != nil {
		return m[1]
	}
	if m := wordsMarker.FindStringSubmatch(p.text); m != nil {
		n, err := strconv.Atoi(m[1])
		if err == nil {
			return words(n)
		}
	}
	text := p.summary()
	for _, b := range req.System {
		m := asksJSON.FindStringSubmatch(b.Text)
		switch {
		case m == nil:
		case jsonx.Valid([]byte(m[1])):
			return string(p.instance(jsonx.Raw(m[1]), p.subjects(), 0))
		default:
			return `{"answer":` + string(jsonx.AppendString(nil, text)) + `}`
		}
	}
	return text
}

// summary summarizes the text and the media of the prompt.
func (p *prompt) summary() string {
	var lines []string
	for _, r := range p.results {
		lines = append(lines, p.describe(r))
	}
	if p.text != "" {
		lines = append(lines, "You said: "+p.text)
	}
	for _, b := range p.media {
		lines = append(lines, "I received "+acknowledge(b)+".")
	}
	if lines == nil {
		return "You said nothing."
	}
	return strings.Join(lines, "\n")
}

// words returns a text of n words.
func words(n int) string {
	list := [...]string{"granite", "schist", "basalt", "gneiss", "marble", "slate", "shale", "chalk", "flint", "quartz", "gabbro"}
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(list[i%len(list)])
	}
	return b.String()
}

// describe describes a tool's result.
func (p *prompt) describe(r *llm.ToolResult) string {
	name := p.names[r.ID]
	if name == "" {
		name = r.ID
	}
	var parts []string
	for i := range r.Content {
		c := &r.Content[i]
		switch {
		case c.JSON != nil:
			compact, err := jsonx.Compact(c.JSON)
			if err != nil {
				compact = c.JSON
			}
			parts = append(parts, string(compact))
		case c.Block.Kind == llm.BlockText:
			parts = append(parts, c.Block.Text)
		case c.Block.Media != nil:
			parts = append(parts, acknowledge(&c.Block))
		case c.Block.Other != nil:
			parts = append(parts, string(c.Block.Other.Value))
		}
	}
	verb := " returned: "
	if r.Status == "error" {
		verb = " failed: "
	}
	return name + verb + strings.Join(parts, " ")
}

// acknowledge shows that a medium has arrived: its kind, name, format and size, and the
// beginning of readable text.
func acknowledge(b *llm.Block) string {
	m := b.Media
	kind := "an image"
	switch b.Kind {
	case llm.BlockDocument:
		kind = fmt.Sprintf("the document %q", m.Name)
	case llm.BlockAudio:
		kind = "a sound"
	case llm.BlockVideo:
		kind = "a video"
	default: // an image
	}
	format := m.Format
	if format == "" {
		format = "text"
	}
	switch {
	case m.URI != "":
		return fmt.Sprintf("%s (%s) at %s", kind, format, m.URI)
	case m.Text != "":
		return fmt.Sprintf("%s (%s, %d bytes), which begins %q", kind, format, len(m.Text), firstRunes(m.Text, 60))
	case m.Source != nil:
		return fmt.Sprintf("%s (%s, %d bytes of %s)", kind, format, len(m.Source.Value), m.Source.Name)
	}
	content := m.Base64.Decode()
	text := fmt.Sprintf("%s (%s, %d bytes)", kind, format, len(content))
	switch m.Format {
	case "txt", "md", "csv", "html":
		text += fmt.Sprintf(", which begins %q", firstRunes(string(content), 60))
	}
	return text
}
