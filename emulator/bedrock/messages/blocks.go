package messages

import (
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// blocks decodes a list of content blocks of the given types.
func (b *body) blocks(path string, v jsonx.Raw, tags []string) []llm.Block {
	var all []llm.Block
	for i, value := range b.list(path, v) {
		at := join(path, strconv.Itoa(i))
		kind := b.tag(at, value, tags)
		if b.fault != nil {
			return nil
		}
		all = append(all, b.block(at, kind, value)...)
	}
	return all
}

// block decodes one block, followed by a cache point if it has cache control.
func (b *body) block(path, kind string, value jsonx.Raw) []llm.Block {
	switch kind {
	case "text":
		return b.textBlock(path, value)
	case "image":
		return b.image(path, value)
	case "document":
		return b.document(path, value)
	case "tool_use":
		o := b.open(path, kind, value)
		use := &llm.ToolUse{ID: o.text("id", true), Name: o.text("name", true), Input: o.need("input")}
		if use.Input != nil && use.Input.Kind() != '{' {
			b.failf(join(o.path, "input"), "Input should be a valid dictionary")
		}
		if b.fault == nil && !callID.MatchString(use.ID) {
			b.failf(join(o.path, "id"), "String should match pattern '%s'", callID)
		}
		return b.close(o, llm.Block{Kind: llm.BlockToolUse, ToolUse: use})
	case "tool_result":
		return b.toolResult(path, value)
	case "thinking":
		o := b.open(path, kind, value)
		block := llm.Block{Kind: llm.BlockReasoning, Text: o.text("thinking", true), Signature: o.text("signature", true)}
		o.end()
		return []llm.Block{block}
	case "redacted_thinking":
		o := b.open(path, kind, value)
		block := llm.Block{Kind: llm.BlockRedacted, Text: o.text("data", true)}
		o.end()
		return []llm.Block{block}
	case "search_result":
		o := b.open(path, kind, value)
		o.text("source", true)
		title := o.text("title", true)
		content := b.blocks(join(o.path, "content"), o.need("content"), []string{"text"})
		o.take("citations")
		texts := []string{title}
		for _, c := range content {
			texts = append(texts, c.Text)
		}
		return b.close(o, llm.Block{Kind: llm.BlockOther, Text: strings.Join(texts, "\n"), Other: &jsonx.Member{Name: kind, Value: value}})
	case "tool_reference":
		o := b.open(path, kind, value)
		name := o.text("tool_name", true)
		if b.fault == nil && !b.knows(name) {
			b.failf(path, "Tool reference '%s' not found in available tools", name)
		}
		return b.close(o, llm.Block{Kind: llm.BlockOther, Text: name, Other: &jsonx.Member{Name: kind, Value: value}})
	}
	return nil
}

// open begins to decode a block; the paths of its members contain its type.
func (b *body) open(path, kind string, value jsonx.Raw) *object {
	o := b.object(join(path, kind), value)
	o.take("type")
	return o
}

// close ends the decoding of a block that may have cache control.
func (b *body) close(o *object, block llm.Block) []llm.Block {
	point := b.cacheControl(o)
	o.end()
	if point == nil {
		return []llm.Block{block}
	}
	return []llm.Block{block, {Kind: llm.BlockCachePoint, Cache: point}}
}

// cacheControl decodes the member cache_control; nil if it is absent.
func (b *body) cacheControl(o *object) *llm.CachePoint {
	v := o.take("cache_control")
	if v == nil {
		return nil
	}
	path := join(o.path, "cache_control")
	if b.tag(path, v, []string{"ephemeral"}) == "" {
		return nil
	}
	c := b.object(join(path, "ephemeral"), v)
	c.take("type")
	ttl := c.word("ttl", false, "5m", "1h")
	c.end()
	return &llm.CachePoint{Type: "default", TTL: ttl}
}

func (b *body) textBlock(path string, value jsonx.Raw) []llm.Block {
	o := b.open(path, "text", value)
	text := o.text("text", true)
	o.take("citations")
	switch {
	case b.fault != nil:
	case text == "" && o.take("cache_control") != nil:
		b.failf(path, "cache_control cannot be set for empty text blocks")
	case text == "":
		b.failf(root(path), "text content blocks must be non-empty")
	case strings.TrimSpace(text) == "":
		b.failf(root(path), "text content blocks must contain non-whitespace text")
	}
	return b.close(o, llm.Block{Kind: llm.BlockText, Text: text})
}

// root returns the first name of a path: messages or system.
func root(path string) string {
	first, _, _ := strings.Cut(path, ".")
	return first
}

// imageTypes are the accepted media types of images.
var imageTypes = []string{"image/jpeg", "image/png", "image/gif", "image/webp"} // never written to

func (b *body) image(path string, value jsonx.Raw) []llm.Block {
	o := b.open(path, "image", value)
	at := join(o.path, "source")
	media := new(llm.Media)
	if source := o.need("source"); source != nil && b.tag(at, source, []string{"base64"}) != "" {
		s := b.open(at, "base64", source)
		kind := s.word("media_type", true, imageTypes...)
		media.Format = strings.TrimPrefix(kind, "image/")
		media.Base64 = b.base64(s)
		s.end()
	}
	return b.close(o, llm.Block{Kind: llm.BlockImage, Media: media})
}

// base64 decodes the member data.
func (b *body) base64(s *object) llm.Base64 {
	data, ok := llm.ParseBase64([]byte(s.text("data", true)))
	if !ok {
		b.failf(join(s.path, "data"), "Invalid base64 data")
	}
	return data
}

func (b *body) document(path string, value jsonx.Raw) []llm.Block {
	o := b.open(path, "document", value)
	media := &llm.Media{Name: o.text("title", false), Context: o.text("context", false), Citations: o.take("citations")}
	at := join(o.path, "source")
	source := o.need("source")
	if source != nil {
		switch kind := b.tag(at, source, []string{"base64", "text", "content"}); kind {
		case "base64":
			s := b.open(at, kind, source)
			s.word("media_type", true, "application/pdf")
			media.Format, media.Base64 = "pdf", b.base64(s)
			s.end()
		case "text":
			s := b.open(at, kind, source)
			s.word("media_type", true, "text/plain")
			media.Format, media.Text = "txt", s.text("data", true)
			s.end()
		case "content":
			s := b.open(at, kind, source)
			media.Source = &jsonx.Member{Name: "content", Value: s.need("content")}
			s.end()
		}
	}
	return b.close(o, llm.Block{Kind: llm.BlockDocument, Media: media})
}

func (b *body) toolResult(path string, value jsonx.Raw) []llm.Block {
	o := b.open(path, "tool_result", value)
	result := &llm.ToolResult{ID: o.text("tool_use_id", true)}
	failed := o.boolean("is_error")
	if failed.Value {
		result.Status = "error"
	}
	content := o.take("content")
	tags := []string{"document", "image", "search_result", "text"}
	if b.has(betaToolSearch) {
		tags = append(tags, "tool_reference")
	}
	var point *llm.CachePoint
	switch {
	case content == nil:
	case content.Kind() == '"':
		var s string
		if jsonx.Unmarshal(content, &s) == nil && s != "" {
			result.Content = []llm.ResultBlock{{Block: llm.Block{Kind: llm.BlockText, Text: s}}}
		}
	default:
		for _, block := range b.blocks(join(o.path, "content"), content, tags) {
			if block.Kind == llm.BlockCachePoint {
				point = block.Cache // nothing can be cached within a result but all of it
				continue
			}
			result.Content = append(result.Content, llm.ResultBlock{Block: block})
		}
	}
	if failed.Value && len(result.Content) == 0 {
		b.failf(join(o.path, "content"), "content cannot be empty if `is_error` is true")
	}
	blocks := b.close(o, llm.Block{Kind: llm.BlockToolResult, ToolResult: result})
	if point != nil && len(blocks) == 1 {
		blocks = append(blocks, llm.Block{Kind: llm.BlockCachePoint, Cache: point})
	}
	return blocks
}
