package gemini

import (
	"cmp"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Options control AppendRequest.
type Options struct {
	// Model is the model's name, such as gemini-3.1-pro-preview.
	Model string
	// NoCallIDs is whether the server does not know ids of function calls.
	NoCallIDs bool
	// Count is whether only what has tokens is written.
	Count bool
}

// AppendRequest writes a request as a body of generateContent. It returns what it changed or left
// out. The error is an *llm.Error for what the API does not have.
func AppendRequest(w *jsonx.Writer, req *llm.Request, opt Options) ([]llm.Warning, error) {
	req, dropped := req.WithoutOllamas()
	e := &encoder{w: w, req: req, opt: opt, warnings: dropped}
	e.called = map[string]string{}
	w.Object()
	e.system()
	if err := e.contents(); err != nil {
		return nil, err
	}
	if err := e.tools(); err != nil {
		return nil, err
	}
	if opt.Count {
		w.EndObject()
		return e.warnings, nil
	}
	if err := e.config(); err != nil {
		return nil, err
	}
	for _, m := range req.ModelFields {
		if name, ok := topMember(m.Name); ok {
			w.AnyKey(name)
			w.Raw(m.Value)
		}
	}
	w.EndObject()
	return e.warnings, nil
}

// encoder is the state of one AppendRequest.
type encoder struct {
	strict   bool // a strict tool was warned of
	w        *jsonx.Writer
	req      *llm.Request
	opt      Options
	called   map[string]string // id of a call to its name
	warnings []llm.Warning
}

// warn adds a warning once.
func (e *encoder) warn(code, field, detail string) {
	w := llm.Warning{Code: code, Field: field, Detail: detail}
	if !slices.Contains(e.warnings, w) {
		e.warnings = append(e.warnings, w)
	}
}

// dropped and changed warn of a field, in the client's words.
func (e *encoder) dropped(kind llm.FieldKind, detail string) {
	e.warn(llm.WarnDropped, e.req.FieldName(llm.Field{Kind: kind}), detail)
}

func (e *encoder) changed(kind llm.FieldKind, detail string) {
	e.warn(llm.WarnChanged, e.req.FieldName(llm.Field{Kind: kind}), detail)
}

// refuse handles a field whose absence changes the meaning: an error, or under drop_params a warning.
func (e *encoder) refuse(field, format string, args ...any) error {
	return e.req.Refuse(e.warn, field, format, args...)
}

// topMember is the name of a model field that belongs to the top of a request, and not to
// generationConfig.
func topMember(name string) (string, bool) {
	switch name {
	case "safetySettings", "safety_settings":
		return "safetySettings", true
	case "cachedContent", "cached_content":
		return "cachedContent", true
	case "labels", "store", "serviceTier":
		return name, true
	default:
		return "", false
	}
}

// system writes the instructions.
func (e *encoder) system() {
	if !slices.ContainsFunc(e.req.System, func(b llm.Block) bool { return b.Kind != llm.BlockCachePoint && b.Text != "" }) {
		return
	}
	e.w.Key("systemInstruction")
	e.w.Object()
	e.w.Key("parts")
	e.w.Array()
	for i := range e.req.System {
		switch b := &e.req.System[i]; {
		case b.Kind == llm.BlockCachePoint:
			e.cachePoint()
		case b.Text != "":
			e.text(b.Text, "")
		}
	}
	e.w.EndArray()
	e.w.EndObject()
}

func (e *encoder) cachePoint() {
	e.dropped(llm.FieldCache, "Gemini caches prompts by itself")
}

// contents writes the conversation. Neighbours of one role become one content.
func (e *encoder) contents() error {
	e.w.Key("contents")
	e.w.Array()
	turns := e.req.Turns
	for i := 0; i < len(turns); {
		role := roleOf(turns[i].Role)
		begin := i
		for i < len(turns) && roleOf(turns[i].Role) == role {
			i++
		}
		if !slices.ContainsFunc(turns[begin:i], func(t llm.Turn) bool { return slices.ContainsFunc(t.Blocks, e.writable) }) {
			continue
		}
		e.w.Object()
		e.w.Key("role")
		e.w.Word(role)
		e.w.Key("parts")
		e.w.Array()
		if err := e.content(joined(turns[begin:i], begin)); err != nil {
			return err
		}
		e.w.EndArray()
		e.w.EndObject()
	}
	e.w.EndArray()
	return nil
}

func roleOf(role llm.Role) string {
	if role == llm.RoleAssistant {
		return "model"
	}
	return "user"
}

// writable reports whether a block becomes a part.
func (e *encoder) writable(b llm.Block) bool {
	switch b.Kind {
	case llm.BlockText:
		return b.Text != ""
	case llm.BlockReasoning:
		return strings.HasPrefix(b.Signature, llm.GeminiMark)
	case llm.BlockCachePoint, llm.BlockRedacted:
		return false
	default:
		return true
	}
}

// placed is a block of neighbouring turns of one role, with what it needs of its own turn.
type placed struct {
	*llm.Block
	role llm.Role
	at   llm.Field // for errors and warnings
}

// joined are the blocks of neighbouring turns, the first of which has the index begin. A signature may
// be a turn of its own: in the Responses API each item is one.
func joined(turns []llm.Turn, begin int) []placed {
	var out []placed
	for i := range turns {
		t := &turns[i]
		for j := range t.Blocks {
			out = append(out, placed{&t.Blocks[j], t.Role, llm.Field{Kind: llm.FieldBlock, Index: t.Number(begin + i), Block: j}})
		}
	}
	return out
}

// content writes the parts of a content.
func (e *encoder) content(blocks []placed) error {
	signed := false // a call of this content has a signature
	for j := range blocks {
		b, path := blocks[j].Block, e.req.FieldName(blocks[j].at)
		switch b.Kind {
		case llm.BlockText:
			e.turnText(blocks, j)
		case llm.BlockReasoning:
			e.reasoning(blocks, j)
		case llm.BlockRedacted:
			e.warn(llm.WarnDropped, path, "reasoning of another model")
		case llm.BlockCachePoint:
			e.cachePoint()
		case llm.BlockToolUse:
			e.call(blocks, j, &signed)
		case llm.BlockToolResult:
			if err := e.result(b.ToolResult, path); err != nil {
				return err
			}
		case llm.BlockImage, llm.BlockDocument, llm.BlockAudio, llm.BlockVideo:
			if err := e.media(b, path); err != nil {
				return err
			}
		case llm.BlockOther:
			if err := e.other(b, path); err != nil {
				return err
			}
		}
	}
	return nil
}

// turnText writes a text, with the signature behind it.
func (e *encoder) turnText(blocks []placed, j int) {
	text := blocks[j].Text
	switch {
	case text == "":
		return
	case blocks[j].role == llm.RoleSystem:
		text = "<system>\n" + text + "\n</system>"
	}
	sign := ""
	if j+1 < len(blocks) && behindText(blocks, j+1) {
		sign = signature(blocks[j+1].Block)
	}
	e.text(text, sign)
}

// behindText reports whether a block is the signature of the text before it.
func behindText(blocks []placed, j int) bool {
	return j > 0 && signature(blocks[j].Block) != "" && blocks[j].Text == "" && !beforeCall(blocks, j) && blocks[j-1].Kind == llm.BlockText && blocks[j-1].Text != ""
}

// beforeCall reports whether a block stands before a function call.
func beforeCall(blocks []placed, j int) bool {
	return j+1 < len(blocks) && blocks[j+1].Kind == llm.BlockToolUse
}

// signature is Gemini's signature in a block of reasoning; empty if it has none.
func signature(b *llm.Block) string {
	if b.Kind != llm.BlockReasoning {
		return ""
	}
	sign, ok := strings.CutPrefix(b.Signature, llm.GeminiMark)
	if !ok {
		return ""
	}
	return sign
}

// reasoning writes a signature that does not belong to the part before or behind it. Thoughts
// themselves are not sent back: they are summaries, and the API does not want them.
func (e *encoder) reasoning(blocks []placed, j int) {
	if sign := signature(blocks[j].Block); sign != "" && !beforeCall(blocks, j) && !behindText(blocks, j) {
		e.text("", sign)
	}
}

func (e *encoder) text(text, sign string) {
	e.w.Object()
	e.w.Key("text")
	e.w.String(text)
	e.sign(sign)
	e.w.EndObject()
}

func (e *encoder) sign(sign string) {
	if sign != "" {
		e.w.Key("thoughtSignature")
		e.w.String(sign)
	}
}

// call writes a function call. Of the calls of one content the first carries the signature.
func (e *encoder) call(blocks []placed, j int, signed *bool) {
	use := blocks[j].ToolUse
	e.called[use.ID] = use.Name
	sign := ""
	if j > 0 {
		sign = signature(blocks[j-1].Block)
	}
	if sign == "" && !*signed && Generation(e.opt.Model) >= 3 {
		sign = unsigned
	}
	*signed = true
	e.w.Object()
	e.w.Key("functionCall")
	e.w.Object()
	if !e.opt.NoCallIDs && use.ID != "" {
		e.w.Key("id")
		e.w.String(use.ID)
	}
	e.w.Key("name")
	e.w.String(use.Name)
	e.w.Key("args")
	if use.Input.Kind() == '{' {
		e.w.Raw(use.Input)
	} else { // the API takes only objects
		e.w.Object()
		if len(use.Input) > 0 {
			e.w.Key("input")
			e.w.Raw(use.Input)
		}
		e.w.EndObject()
	}
	e.w.EndObject()
	e.sign(sign)
	e.w.EndObject()
}

// result writes a function's response, and the media in it as parts behind it.
func (e *encoder) result(r *llm.ToolResult, path string) error {
	var texts []string
	var object jsonx.Raw
	var media []*llm.Block
	for i := range r.Content {
		switch c := &r.Content[i]; {
		case len(c.JSON) > 0 && c.JSON.Kind() == '{' && len(r.Content) == 1 && r.Status != "error":
			object = c.JSON
		case len(c.JSON) > 0:
			texts = append(texts, string(c.JSON))
		case c.Block.Media != nil && c.Block.Media.Text == "":
			media = append(media, &c.Block)
		case c.Block.Media != nil:
			texts = append(texts, c.Block.Media.Text)
		case c.Block.Text != "":
			texts = append(texts, c.Block.Text)
		case c.Block.Kind == llm.BlockOther:
			return llm.Unsupported(path, "%s: this content of a tool result has no form in Gemini's API", path)
		}
	}
	e.w.Object()
	e.w.Key("functionResponse")
	e.w.Object()
	if !e.opt.NoCallIDs && r.ID != "" {
		e.w.Key("id")
		e.w.String(r.ID)
	}
	e.w.Key("name")
	e.w.String(cmp.Or(e.called[r.ID], r.ID, "unknown"))
	e.w.Key("response")
	if object != nil {
		e.w.Raw(object)
	} else {
		e.w.Object()
		if r.Status == "error" {
			e.w.Key("error")
		} else {
			e.w.Key("result")
		}
		e.w.String(strings.Join(texts, "\n"))
		e.w.EndObject()
	}
	e.w.EndObject()
	e.w.EndObject()
	if len(media) > 0 {
		e.warn(llm.WarnChanged, path, "files in a tool's result follow it as parts of their own")
	}
	for _, b := range media {
		if err := e.media(b, path); err != nil {
			return err
		}
	}
	return nil
}

// other writes a block outside the common language: one of Gemini's own parts, or text.
func (e *encoder) other(b *llm.Block, path string) error {
	if b.Other != nil {
		switch b.Other.Name {
		case "executableCode", "codeExecutionResult", "fileData", "toolCall", "toolResponse":
			e.w.Object()
			e.w.Key(b.Other.Name)
			e.w.Raw(b.Other.Value)
			e.w.EndObject()
			return nil
		}
	}
	if b.Text == "" {
		return llm.Unsupported(path, "%s: this block has no form in Gemini's API", path)
	}
	e.text(b.Text, "")
	return nil
}
