package anthropic

import (
	"bytes"
	"slices"
	"strconv"
	"unicode/utf8"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// AppendRequest writes a request as a body of the Messages API, without model and stream. Members in
// ModelFields are written as they are; tools there follow the others, and output_config is merged.
//
// What depends on the model is the caller's business. A cache point becomes cache_control of the
// block or tool before it, and is left out where none can carry it. Reasoning without a signature,
// which the API refuses, is left out. The error is an *llm.Error for what the dialect does not have.
func AppendRequest(w *jsonx.Writer, req *llm.Request) error {
	e := &requestWriter{w: w, req: req}
	w.Object()
	if err := e.settings(); err != nil {
		return err
	}
	if blocks := req.System; slices.ContainsFunc(blocks, writable) {
		w.Key("system")
		if err := e.blocks(blocks, "system"); err != nil {
			return err
		}
	}
	w.Key("messages")
	if err := e.turns(); err != nil {
		return err
	}
	if err := e.tools(); err != nil {
		return err
	}
	for _, m := range req.ModelFields {
		if m.Name != "tools" && m.Name != "output_config" {
			w.AnyKey(m.Name)
			w.Raw(m.Value)
		}
	}
	w.EndObject()
	return nil
}

// requestWriter is the state of one AppendRequest.
type requestWriter struct {
	w   *jsonx.Writer
	req *llm.Request
}

// field returns the model field of a name; nil if there is none.
func (e *requestWriter) field(name string) jsonx.Raw { return jsonx.Find(e.req.ModelFields, name) }

func (e *requestWriter) settings() error {
	w, req := e.w, e.req
	if req.MaxTokens.Set {
		w.Key("max_tokens")
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
	if req.TopK.Set && e.field("top_k") == nil {
		w.Key("top_k")
		w.Int(req.TopK.Value)
	}
	if len(req.Stop) > 0 {
		w.Key("stop_sequences")
		w.Array()
		for _, s := range req.Stop {
			w.String(s)
		}
		w.EndArray()
	}
	if len(req.Reasoning.Thinking) > 0 && e.field("thinking") == nil {
		w.Key("thinking")
		w.Raw(req.Reasoning.Thinking)
	}
	return e.outputConfig()
}

func (e *requestWriter) outputConfig() error {
	members, err := jsonx.Members(e.field("output_config"))
	if err != nil {
		return llm.Invalid("output_config", "output_config must be an object")
	}
	if effort := e.req.Reasoning.Effort; effort != "" && effort != "none" && jsonx.Find(members, "effort") == nil {
		members = append(members, jsonx.Member{Name: "effort", Value: jsonx.AppendString(nil, effort)})
	}
	if f := e.req.Format; f != nil && jsonx.Find(members, "format") == nil {
		if len(f.Schema) == 0 {
			field := e.req.FieldName(llm.Field{Kind: llm.FieldFormat})
			return llm.Unsupported(field, "%s: the Messages API has no JSON output without a schema", field)
		}
		value := append([]byte(`{"type":"json_schema","schema":`), f.Schema...)
		members = append(members, jsonx.Member{Name: "format", Value: append(value, '}')})
	}
	if len(members) > 0 {
		e.w.Key("output_config")
		e.w.Object()
		e.w.Members(members)
		e.w.EndObject()
	}
	return nil
}

// turns writes the conversation. Neighbours of one role become one message.
func (e *requestWriter) turns() error {
	e.w.Array()
	turns := e.req.Turns
	for i := 0; i < len(turns); {
		role := turns[i].Role
		var blocks []llm.Block
		path := e.req.FieldName(llm.Field{Kind: llm.FieldContent, Index: turns[i].Number(i)})
		for ; i < len(turns) && turns[i].Role == role; i++ {
			if blocks == nil {
				blocks = slices.Clip(turns[i].Blocks)
			} else {
				blocks = append(blocks, turns[i].Blocks...)
			}
		}
		if !slices.ContainsFunc(blocks, writable) {
			continue
		}
		e.w.Object()
		e.w.Key("role")
		e.w.String(string(role))
		e.w.Key("content")
		if err := e.blocks(blocks, path); err != nil {
			return err
		}
		e.w.EndObject()
	}
	e.w.EndArray()
	return nil
}

// writable reports whether a block is written.
func writable(b llm.Block) bool {
	switch b.Kind {
	case llm.BlockText:
		return b.Text != ""
	case llm.BlockReasoning:
		return b.Signature != ""
	case llm.BlockCachePoint:
		return false
	default:
		return true
	}
}

// blocks writes an array of blocks, each with the cache point behind it.
func (e *requestWriter) blocks(blocks []llm.Block, path string) error {
	e.w.Array()
	for i := range blocks {
		b := &blocks[i]
		if !writable(*b) {
			continue
		}
		var point *llm.CachePoint
		for _, next := range blocks[i+1:] {
			if next.Kind == llm.BlockCachePoint {
				point = next.Cache
				if point == nil {
					point = &llm.CachePoint{}
				}
				break
			}
			if writable(next) {
				break
			}
		}
		if err := e.block(b, point, path+"["+strconv.Itoa(i)+"]"); err != nil {
			return err
		}
	}
	e.w.EndArray()
	return nil
}

// block writes a block with its cache point, if there is one.
func (e *requestWriter) block(b *llm.Block, point *llm.CachePoint, path string) error {
	w := e.w
	if b.Kind == llm.BlockOther {
		return e.other(b, point, path)
	}
	w.Object()
	w.Key("type")
	switch b.Kind {
	case llm.BlockText:
		w.Word("text")
		w.Key("text")
		w.String(b.Text)
	case llm.BlockReasoning:
		w.Word("thinking")
		w.Key("thinking")
		w.String(b.Text)
		w.Key("signature")
		w.String(b.Signature)
		point = nil // it cannot carry one
	case llm.BlockRedacted:
		w.Word("redacted_thinking")
		w.Key("data")
		w.String(unsealedData(b.Text))
		point = nil
	case llm.BlockToolUse:
		e.toolUse(b.ToolUse)
	case llm.BlockToolResult:
		if err := e.toolResult(b.ToolResult, path); err != nil {
			return err
		}
	case llm.BlockImage:
		w.Word("image")
		if err := e.image(b.Media, path); err != nil {
			return err
		}
	case llm.BlockDocument:
		w.Word("document")
		if err := e.document(b.Media, path); err != nil {
			return err
		}
	default:
		return llm.Unsupported(path, "%s: Claude does not accept audio and video", path)
	}
	e.cache(point)
	w.EndObject()
	return nil
}

func (e *requestWriter) cache(point *llm.CachePoint) {
	if point == nil {
		return
	}
	e.w.Key("cache_control")
	e.w.Object()
	e.w.Key("type")
	e.w.Word("ephemeral")
	if point.TTL != "" {
		e.w.Key("ttl")
		e.w.String(point.TTL)
	}
	e.w.EndObject()
}

func (e *requestWriter) toolUse(use *llm.ToolUse) {
	if use.Type == llm.ServerSide {
		e.w.Word(llm.ServerSide)
	} else {
		e.w.Word("tool_use")
	}
	e.w.Key("id")
	e.w.String(use.ID)
	e.w.Key("name")
	e.w.String(use.Name)
	e.w.Key("input")
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
}

func (e *requestWriter) toolResult(result *llm.ToolResult, path string) error {
	if result.Type != "" && len(result.Content) == 1 && len(result.Content[0].JSON) > 0 { // of a tool that the provider ran
		e.w.String(result.Type)
		e.w.Key("tool_use_id")
		e.w.String(result.ID)
		e.w.Key("content")
		e.w.Raw(result.Content[0].JSON)
		return nil
	}
	e.w.Word("tool_result")
	e.w.Key("tool_use_id")
	e.w.String(result.ID)
	var blocks []llm.Block
	for _, c := range result.Content {
		if len(c.JSON) > 0 {
			c.Block = llm.Block{Kind: llm.BlockText, Text: string(c.JSON)}
		}
		blocks = append(blocks, c.Block)
	}
	if slices.ContainsFunc(blocks, writable) {
		e.w.Key("content")
		if err := e.blocks(blocks, path+".content"); err != nil {
			return err
		}
	}
	if result.Status == "error" {
		e.w.Key("is_error")
		e.w.Bool(true)
	}
	return nil
}

// other writes a block of another dialect: one of this dialect as it is, text for one that has any.
func (e *requestWriter) other(b *llm.Block, point *llm.CachePoint, path string) error {
	if b.Other != nil && b.Other.Value.Kind() == '{' {
		members, err := jsonx.Members(b.Other.Value)
		var kind string
		if err == nil && jsonx.Unmarshal(jsonx.Find(members, "type"), &kind) == nil && kind == b.Other.Name {
			e.w.Object()
			e.w.Members(members)
			if jsonx.Find(members, "cache_control") == nil {
				e.cache(point)
			}
			e.w.EndObject()
			return nil
		}
	}
	if b.Text == "" {
		return llm.Unsupported(path, "%s: this block has no form in the Messages API", path)
	}
	return e.block(&llm.Block{Kind: llm.BlockText, Text: b.Text}, point, path)
}

func (e *requestWriter) image(m *llm.Media, path string) error {
	kind := m.Format
	if kind == "jpg" {
		kind = "jpeg"
	}
	return e.source(m, "image/"+kind, path)
}

func (e *requestWriter) source(m *llm.Media, kind, path string) error {
	w := e.w
	switch {
	case m.Source != nil:
		w.Key("source")
		w.Raw(m.Source.Value)
	case m.Remote():
		w.Key("source")
		w.Object()
		w.Key("type")
		w.Word("url")
		w.Key("url")
		w.String(m.URI)
		w.EndObject()
	case m.URI != "":
		return llm.Unsupported(path, "%s: Claude does not read from S3; send the content as base64", path)
	default:
		w.Key("source")
		w.Object()
		w.Key("type")
		w.Word("base64")
		w.Key("media_type")
		w.String(kind)
		w.Key("data")
		w.Base64(m.Base64.Bytes())
		w.EndObject()
	}
	return nil
}

// document writes a document: a PDF, or text.
func (e *requestWriter) document(m *llm.Media, path string) error {
	w := e.w
	text, plain := m.Text, m.Text != ""
	if !plain && !m.Base64.IsZero() {
		switch m.Format {
		case "pdf", "":
		case "txt", "md", "csv", "html":
			content := m.Base64.Decode()
			if !utf8.Valid(content) {
				return llm.Unsupported(path, "%s: the document is not UTF-8 text", path)
			}
			text, plain = string(bytes.TrimPrefix(content, []byte("\ufeff"))), true
		default:
			return llm.Unsupported(path, "%s: Claude reads PDF and text documents, not %q", path, m.Format)
		}
	}
	if plain {
		w.Key("source")
		w.Object()
		w.Key("type")
		w.Word("text")
		w.Key("media_type")
		w.Word("text/plain")
		w.Key("data")
		w.String(text)
		w.EndObject()
	} else if err := e.source(m, "application/pdf", path); err != nil {
		return err
	}
	if m.Name != "" {
		w.Key("title")
		w.String(m.Name)
	}
	if m.Context != "" {
		w.Key("context")
		w.String(m.Context)
	}
	if len(m.Citations) > 0 {
		w.Key("citations")
		w.Raw(m.Citations)
	}
	return nil
}
