package openaichat

import (
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Form is what an endpoint takes beyond OpenAI's own format. The zero value is OpenAI's.
type Form struct {
	// Reasoning is the member of an assistant's message in which the endpoint wants its reasoning
	// back, such as reasoning_content; empty if it takes none.
	Reasoning string
	// Video and CachePoints are whether the endpoint takes parts of type video_url, and cache_control
	// of parts and tools, as Anthropic has it.
	Video, CachePoints bool
	// Thinking is whether the endpoint takes Anthropic's setting thinking as it is.
	Thinking bool
}

// AppendRequest writes a request as a chat completion, in OpenAI's format as of 2026, without n: a
// gateway asks for each choice separately. Streams ask for their usage.
//
// What the dialect cannot say is left out with a warning where that does not change the meaning;
// otherwise the error is an *llm.Error, unless req.DropParams is set.
func AppendRequest(w *jsonx.Writer, req *llm.Request, model string, form *Form) ([]llm.Warning, error) {
	e := &requestWriter{w: w, req: req, form: form}
	w.Object()
	w.Key("model")
	w.String(model)
	w.Key("messages")
	if err := e.messages(); err != nil {
		return nil, err
	}
	if err := e.tools(); err != nil {
		return nil, err
	}
	for _, step := range []func() error{e.settings, e.reasoning, e.format, e.others} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	if req.Stream {
		w.Key("stream")
		w.Bool(true)
		w.Key("stream_options")
		w.Raw(jsonx.Raw(`{"include_usage":true}`))
	}
	w.EndObject()
	return e.warnings, nil
}

// requestWriter is the state of one AppendRequest.
type requestWriter struct {
	w        *jsonx.Writer
	req      *llm.Request
	form     *Form
	warnings []llm.Warning
	told     map[string]bool // of warnings that are given once
}

func (e *requestWriter) warn(code, field, detail string) {
	e.warnings = append(e.warnings, llm.Warning{Code: code, Field: field, Detail: detail})
}

// once warns of something that may occur many times in a request.
func (e *requestWriter) once(code, field, detail string) {
	if e.told[field] {
		return
	}
	if e.told == nil {
		e.told = map[string]bool{}
	}
	e.told[field] = true
	e.warn(code, field, detail)
}

// refuse returns the error for a setting that the dialect does not have; under drop_params it is
// dropped with a warning instead.
func (e *requestWriter) refuse(field, format string, args ...any) error {
	if e.req.DropParams {
		e.warn(llm.WarnDropped, field, "")
		return nil
	}
	err := llm.Unsupported(field, format, args...)
	err.Fix = "Leave " + field + " out, or set drop_params to drop unsupported parameters."
	return err
}

// given reports whether the request sets a member of the endpoint's own, which takes precedence.
func (e *requestWriter) given(name string) bool { return jsonx.Find(e.req.ModelFields, name) != nil }

func (e *requestWriter) settings() error {
	w, req := e.w, e.req
	if req.MaxTokens.Set {
		w.Key("max_completion_tokens")
		w.Int(req.MaxTokens.Value)
	}
	if req.Temperature.Set {
		w.Key("temperature")
		w.Float(req.Temperature.Value)
	}
	if req.TopP.Set {
		w.Key("top_p")
		w.Float(req.TopP.Value)
	}
	if req.TopK.Set && !e.given("top_k") {
		w.Key("top_k") // not OpenAI's, but of most other servers
		w.Int(req.TopK.Value)
	}
	if len(req.Stop) > 0 {
		w.Key("stop")
		w.Array()
		for _, s := range req.Stop {
			w.String(s)
		}
		w.EndArray()
	}
	if req.ServiceTier != "" {
		w.Key("service_tier")
		w.String(req.ServiceTier)
	}
	if req.User != "" {
		w.Key("user")
		w.String(req.User)
	}
	if req.CacheRetention != "" {
		w.Key("prompt_cache_retention")
		w.String(req.CacheRetention)
	}
	if len(req.WebSearch) > 0 {
		w.Key("web_search_options")
		w.Raw(req.WebSearch)
	}
	return nil
}

// reasoning writes how much the model shall think. Anthropic's budgets become the efforts that
// LiteLLM makes of them (litellm/constants.py, DEFAULT_REASONING_EFFORT_*_THINKING_BUDGET, 1.110.2).
func (e *requestWriter) reasoning() error {
	effort, thinking := e.req.Reasoning.Effort, e.req.Reasoning.Thinking
	if len(thinking) > 0 && !e.given("thinking") {
		if e.form.Thinking {
			e.w.Key("thinking")
			e.w.Raw(thinking)
		} else if effort == "" {
			var err error
			if effort, err = effortOf(thinking); err != nil {
				return err
			}
			if effort == "" {
				e.warn(llm.WarnDropped, "thinking", "the model decides itself whether it thinks")
			} else {
				e.warn(llm.WarnChanged, "thinking", "became reasoning_effort "+effort)
			}
		}
	}
	if effort != "" && !e.given("reasoning_effort") {
		e.w.Key("reasoning_effort")
		e.w.String(effort)
	}
	return nil
}

// effortOf is the effort for a setting of Anthropic's; empty if thinking is disabled, because models
// that do not think refuse every effort.
func effortOf(thinking jsonx.Raw) (string, error) {
	var t struct {
		Type   string          `json:"type"`
		Budget optional[int64] `json:"budget_tokens"`
		Rest   jsonx.Raw       `json:",embed"`
	}
	if err := unmarshalAt("thinking", thinking, &t); err != nil {
		return "", err
	}
	switch {
	case t.Type == "disabled":
		return "", nil
	case t.Type == "adaptive" || !t.Budget.Set:
		return "medium", nil
	case t.Budget.Value < 2048:
		return "low", nil
	case t.Budget.Value < 4096:
		return "medium", nil
	default:
		return "high", nil
	}
}

func (e *requestWriter) format() error {
	f, w := e.req.Format, e.w
	if f == nil || e.given("response_format") {
		return nil
	}
	w.Key("response_format")
	w.Object()
	w.Key("type")
	if len(f.Schema) == 0 {
		w.Word("json_object")
		w.EndObject()
		return nil
	}
	w.Word("json_schema")
	w.Key("json_schema")
	w.Object()
	w.Key("name")
	if f.Name == "" { // OpenAI requires one
		w.Word("response")
	} else {
		w.String(f.Name)
	}
	if f.Description != "" {
		w.Key("description")
		w.String(f.Description)
	}
	w.Key("schema")
	w.Raw(f.Schema)
	if f.Strict.Set {
		w.Key("strict")
		w.Bool(f.Strict.Value)
	}
	w.EndObject()
	w.EndObject()
	return nil
}

// others writes the parameters without a field in the common language.
func (e *requestWriter) others() error {
	stored := false
	for _, m := range e.req.Unmapped {
		stored = stored || m.Name == "store" && string(m.Value) == "true"
		e.w.AnyKey(m.Name)
		e.w.Raw(m.Value)
	}
	for _, m := range e.req.ModelFields {
		e.w.AnyKey(m.Name)
		e.w.Raw(m.Value)
	}
	if len(e.req.Metadata) > 0 && !e.given("metadata") {
		if stored { // OpenAI refuses labels of what it does not store
			e.w.Key("metadata")
			e.w.Object()
			for _, l := range e.req.Metadata {
				e.w.AnyKey(l.Name)
				e.w.String(l.Value)
			}
			e.w.EndObject()
		} else {
			e.warn(llm.WarnDropped, "metadata", "OpenAI takes it only with store")
		}
	}
	for _, m := range e.req.Extensions {
		if err := e.refuse(m.Name, "%s is a setting of AWS Bedrock, which this model does not have", m.Name); err != nil {
			return err
		}
	}
	return nil
}

func (e *requestWriter) tools() error {
	w, req := e.w, e.req
	if len(req.Tools) == 0 {
		return nil
	}
	w.Key("tools")
	w.Array()
	for i := range req.Tools {
		t := &req.Tools[i]
		field := "tools[" + strconv.Itoa(t.At(i)) + "]"
		switch {
		case len(t.Own) > 0:
			if err := e.refuse(field, "%s is a tool that Anthropic has defined, which this model does not have", field); err != nil {
				return err
			}
			continue
		case t.Other != nil:
			if err := e.refuse(field, "%s (%s) is a tool of AWS Bedrock, which this model does not have", field, t.Other.Name); err != nil {
				return err
			}
			continue
		}
		w.Object()
		w.Key("type")
		w.Word("function")
		w.Key("function")
		w.Object()
		w.Key("name")
		w.String(t.Name)
		if t.Description != "" {
			w.Key("description")
			w.String(t.Description)
		}
		w.Key("parameters")
		if len(t.Schema) > 0 {
			w.Raw(t.Schema)
		} else {
			w.Raw(jsonx.Raw(noParameters))
		}
		if t.Strict.Set {
			w.Key("strict")
			w.Bool(t.Strict.Value)
		}
		w.EndObject()
		e.cachePoint(t.Cache)
		w.EndObject()
	}
	w.EndArray()
	switch req.ToolChoice.Kind {
	case llm.ToolChoiceUnset:
	case llm.ToolChoiceAuto:
		w.Key("tool_choice")
		w.Word("auto")
	case llm.ToolChoiceNone:
		w.Key("tool_choice")
		w.Word("none")
	case llm.ToolChoiceAny:
		w.Key("tool_choice")
		w.Word("required")
	case llm.ToolChoiceNamed:
		w.Key("tool_choice")
		w.Object()
		w.Key("type")
		w.Word("function")
		w.Key("function")
		w.Object()
		w.Key("name")
		w.String(req.ToolChoice.Name)
		w.EndObject()
		w.EndObject()
	}
	if req.ParallelTools.Set {
		w.Key("parallel_tool_calls")
		w.Bool(req.ParallelTools.Value)
	}
	return nil
}

// cachePoint writes a cache point into the open part or tool, or warns once that the endpoint has
// none: OpenAI caches by itself.
func (e *requestWriter) cachePoint(c *llm.CachePoint) {
	switch {
	case c == nil:
	case e.form.CachePoints:
		e.w.Key("cache_control")
		e.w.Object()
		e.w.Key("type")
		e.w.Word("ephemeral")
		if c.TTL != "" {
			e.w.Key("ttl")
			e.w.String(c.TTL)
		}
		e.w.EndObject()
	default:
		e.once(llm.WarnDropped, "cache_control", "the provider decides itself what it caches")
	}
}

// messages writes the instructions and the conversation.
func (e *requestWriter) messages() error {
	w, req := e.w, e.req
	w.Array()
	if system := e.writable(req.System); len(system) > 0 {
		w.Object()
		w.Key("role")
		w.Word("system")
		w.Key("content")
		if err := e.content(system, "system"); err != nil {
			return err
		}
		w.EndObject()
	}
	for i := range req.Turns {
		t := &req.Turns[i]
		field := "messages[" + strconv.Itoa(t.Number(i)) + "].content"
		var err error
		switch t.Role {
		case llm.RoleAssistant:
			err = e.assistant(t.Blocks, field)
		case llm.RoleSystem:
			err = e.message("system", t.Blocks, field)
		default:
			err = e.user(t.Blocks, field)
		}
		if err != nil {
			return err
		}
	}
	w.EndArray()
	return nil
}

// writable are the blocks that are content; it warns of others that are left out.
func (e *requestWriter) writable(blocks []llm.Block) []llm.Block {
	if !slices.ContainsFunc(blocks, empty) {
		return blocks
	}
	return slices.DeleteFunc(slices.Clone(blocks), empty)
}

func empty(b llm.Block) bool { return b.Kind == llm.BlockText && b.Text == "" }

// message writes a message of texts and media.
func (e *requestWriter) message(role string, blocks []llm.Block, field string) error {
	blocks = e.writable(blocks)
	if !slices.ContainsFunc(blocks, func(b llm.Block) bool { return b.Kind != llm.BlockCachePoint }) {
		return nil
	}
	e.w.Object()
	e.w.Key("role")
	e.w.Word(role)
	e.w.Key("content")
	if err := e.content(blocks, field); err != nil {
		return err
	}
	e.w.EndObject()
	return nil
}

// user writes a user's turn: the results of tools first, each a message of its own, and then the
// rest, with the images that results had and that OpenAI's form of a result cannot hold.
func (e *requestWriter) user(blocks []llm.Block, field string) error {
	var rest, moved []llm.Block
	results := 0
	for i := range blocks {
		b := &blocks[i]
		if b.Kind != llm.BlockToolResult {
			continue
		}
		results++
		media, err := e.result(b.ToolResult, field)
		if err != nil {
			return err
		}
		moved = append(moved, media...)
	}
	if results == 0 {
		return e.message("user", blocks, field)
	}
	rest = moved
	for i := range blocks {
		if blocks[i].Kind != llm.BlockToolResult {
			rest = append(rest, blocks[i])
		}
	}
	return e.message("user", rest, field)
}

// result writes the result of a tool, and returns the media that go into the next message.
func (e *requestWriter) result(r *llm.ToolResult, field string) (media []llm.Block, err error) {
	var text strings.Builder
	separate := func() {
		if text.Len() > 0 {
			text.WriteByte('\n')
		}
	}
	for i := range r.Content {
		c := &r.Content[i]
		switch {
		case len(c.JSON) > 0:
			separate()
			text.Write(c.JSON)
		case c.Block.Kind == llm.BlockText, c.Block.Kind == llm.BlockOther && c.Block.Text != "":
			separate()
			text.WriteString(c.Block.Text)
		case c.Block.Media != nil:
			media = append(media, c.Block)
		default:
			return nil, llm.Unsupported(field, "%s: a tool's result of this kind is not supported by this model", field)
		}
	}
	if len(media) > 0 {
		e.once(llm.WarnChanged, field, "files in a tool's result follow in a message of the user")
		separate()
		text.WriteString("(the file follows in the next message)")
	}
	if r.Status == "error" && text.Len() == 0 {
		text.WriteString("error")
	}
	e.w.Object()
	e.w.Key("role")
	e.w.Word("tool")
	e.w.Key("tool_call_id")
	e.w.String(r.ID)
	e.w.Key("content")
	e.w.String(text.String())
	e.w.EndObject()
	return media, nil
}

// assistant writes an assistant's turn.
func (e *requestWriter) assistant(blocks []llm.Block, field string) error {
	var texts []llm.Block
	var thought strings.Builder
	calls := 0
	for i := range blocks {
		switch b := &blocks[i]; b.Kind {
		case llm.BlockText:
			if b.Text != "" {
				texts = append(texts, *b)
			}
		case llm.BlockReasoning:
			thought.WriteString(b.Text)
		case llm.BlockRedacted:
			e.once(llm.WarnDropped, field+": redacted thinking", "only the model that wrote it can read it")
		case llm.BlockToolUse:
			if b.ToolUse.Type == llm.ServerSide {
				e.once(llm.WarnDropped, field+": "+llm.ServerSide, "another provider ran this tool")
			} else {
				calls++
			}
		case llm.BlockToolResult:
			e.once(llm.WarnDropped, field+": tool result", "another provider ran this tool")
		case llm.BlockCachePoint:
			e.cachePointDropped()
		case llm.BlockOther:
			if b.Text == "" {
				return llm.Unsupported(field, "%s has a block of type %s, which this model does not support", field, otherName(b))
			}
			texts = append(texts, llm.Block{Kind: llm.BlockText, Text: b.Text})
		default:
			return llm.Unsupported(field, "%s: an assistant's message may hold texts and calls only for this model", field)
		}
	}
	if len(texts) == 0 && calls == 0 {
		if thought.Len() > 0 {
			e.once(llm.WarnDropped, field+": reasoning", "a message of reasoning alone cannot be sent")
		}
		return nil
	}
	w := e.w
	w.Object()
	w.Key("role")
	w.Word("assistant")
	w.Key("content")
	if len(texts) == 0 {
		w.Null()
	} else if err := e.content(texts, field); err != nil {
		return err
	}
	if thought.Len() > 0 {
		if e.form.Reasoning != "" {
			w.Key(e.form.Reasoning)
			w.String(thought.String())
		} else {
			e.once(llm.WarnDropped, "reasoning", "the model does not take its earlier reasoning back")
		}
	}
	if calls > 0 {
		w.Key("tool_calls")
		w.Array()
		for i := range blocks {
			b := &blocks[i]
			if b.Kind != llm.BlockToolUse || b.ToolUse.Type == llm.ServerSide {
				continue
			}
			w.Object()
			w.Key("id")
			w.String(b.ToolUse.ID)
			w.Key("type")
			w.Word("function")
			w.Key("function")
			appendFunction(w, b.ToolUse.Name, argumentsOf(b.ToolUse.Input))
			w.EndObject()
		}
		w.EndArray()
	}
	w.EndObject()
	return nil
}

func (e *requestWriter) cachePointDropped() {
	e.once(llm.WarnDropped, "cache_control", "the provider decides itself what it caches")
}

func otherName(b *llm.Block) string {
	if b.Other == nil {
		return "unknown"
	}
	return strconv.Quote(llm.Clip(b.Other.Name, 60))
}

// content writes the content of a message: a string if it is one text, else an array of parts.
func (e *requestWriter) content(blocks []llm.Block, field string) error {
	if text, ok := e.plain(blocks); ok {
		e.w.String(text)
		return nil
	}
	e.w.Array()
	for i := range blocks {
		b := &blocks[i]
		if b.Kind == llm.BlockCachePoint {
			continue // it belongs to the part before it
		}
		e.w.Object()
		if err := e.part(b, field+"["+strconv.Itoa(i)+"]"); err != nil {
			return err
		}
		if i+1 < len(blocks) && blocks[i+1].Kind == llm.BlockCachePoint {
			point := blocks[i+1].Cache
			if point == nil {
				point = &llm.CachePoint{}
			}
			e.cachePoint(point)
		}
		e.w.EndObject()
	}
	e.w.EndArray()
	return nil
}

// plain returns the text of a message that is one text.
func (e *requestWriter) plain(blocks []llm.Block) (string, bool) {
	if len(blocks) == 1 && blocks[0].Kind == llm.BlockText {
		return blocks[0].Text, true
	}
	if len(blocks) == 2 && blocks[0].Kind == llm.BlockText && blocks[1].Kind == llm.BlockCachePoint && !e.form.CachePoints {
		e.cachePointDropped()
		return blocks[0].Text, true
	}
	return "", false
}
