package converse

import (
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// This file writes content blocks, for requests and for responses, with members in alphabetical
// order as AWS writes them.

func (e *encoder) block(b *llm.Block, at position) {
	w := &e.w
	w.Object()
	extra := e.extra(b, at)
	switch b.Kind {
	case llm.BlockText:
		e.text(b, extra)
	case llm.BlockImage:
		w.Key("image")
		e.media(b.Media, at, extra)
	case llm.BlockDocument:
		w.Key("document")
		e.media(b.Media, at, extra)
		if b.Media != nil && b.Media.Name == "" {
			e.invalidf(at.String()+".name", "is required: Converse needs a name for a document")
		}
	case llm.BlockAudio:
		w.Key("audio")
		e.media(b.Media, at, extra)
	case llm.BlockVideo:
		w.Key("video")
		e.media(b.Media, at, extra)
	case llm.BlockToolUse:
		w.Key("toolUse")
		e.toolUse(b.ToolUse, at, extra)
	case llm.BlockToolResult:
		w.Key("toolResult")
		e.toolResult(b.ToolResult, at, extra)
	case llm.BlockReasoning:
		e.reasoning(b, extra)
	case llm.BlockRedacted:
		w.Key("reasoningContent")
		m := e.object(extra)
		m.key("redactedContent")
		e.redacted(b.Text, at)
		m.end()
	case llm.BlockCachePoint:
		e.cachePoint(b.Cache, extra)
	case llm.BlockOther:
		if b.Other == nil {
			e.invalidf(at.String(), "is an empty block")
			break
		}
		m := members{w: w, extra: extra}
		m.key(b.Other.Name)
		w.Raw(b.Other.Value)
		m.rest()
	default:
		e.invalidf(at.String(), "has no content: its kind is not set")
	}
	w.EndObject()
}

// extra returns the unknown members of a block that are to be written. In a request Converse
// accepts only the error of an image or audio; warnings name the others.
func (e *encoder) extra(b *llm.Block, at position) []jsonx.Member {
	if len(b.Extra) == 0 {
		return nil
	}
	if e.answer {
		return sorted(b.Extra)
	}
	var kept []jsonx.Member
	for _, m := range b.Extra {
		switch {
		case m.Name == "error" && (b.Kind == llm.BlockImage || b.Kind == llm.BlockAudio),
			m.Name == "citation" && b.Kind == llm.BlockText:
			kept = append(kept, m)
		default:
			e.warn(llm.WarnDropped, at.String()+"."+m.Name)
		}
	}
	return kept
}

// text writes a text. A text with citations, which a stream produces (see Reader), is written in
// the form that includes them.
func (e *encoder) text(b *llm.Block, extra []jsonx.Member) {
	w := &e.w
	var citations, others []jsonx.Member
	for _, m := range extra {
		if m.Name == "citation" {
			citations = append(citations, m)
		} else {
			others = append(others, m)
		}
	}
	if len(citations) == 0 {
		m := members{w: w, extra: extra}
		m.key("text")
		w.String(b.Text)
		m.rest()
		return
	}
	w.Key("citationsContent")
	o := e.object(others)
	o.key("citations")
	w.Array()
	for _, m := range citations {
		w.Raw(m.Value)
	}
	w.EndArray()
	o.key("content")
	w.Array()
	w.Object()
	w.Key("text")
	w.String(b.Text)
	w.EndObject()
	w.EndArray()
	o.end()
}

func (e *encoder) media(m *llm.Media, at position, extra []jsonx.Member) {
	if m == nil {
		e.invalidf(at.String(), "has no content")
		e.w.Null()
		return
	}
	w := &e.w
	o := e.object(extra)
	if len(m.Citations) > 0 {
		o.key("citations")
		w.Raw(m.Citations)
	}
	if m.Context != "" {
		o.key("context")
		w.String(m.Context)
	}
	if m.Format != "" {
		o.key("format")
		w.String(m.Format)
	} else if m.Name == "" { // only documents have a name, and a named document needs no format
		e.invalidf(at.String()+".format", "is required: Converse needs the format of the content, such as png")
	}
	if m.Name != "" {
		o.key("name")
		w.String(m.Name)
	}
	o.key("source")
	e.source(m, at)
	o.end()
}

func (e *encoder) source(m *llm.Media, at position) {
	w := &e.w
	w.Object()
	switch {
	case !m.Base64.IsZero():
		w.Key("bytes")
		w.Base64(m.Base64.Bytes())
	case strings.HasPrefix(m.URI, "s3://"):
		w.Key("s3Location")
		w.Object()
		if m.Owner != "" {
			w.Key("bucketOwner")
			w.String(m.Owner)
		}
		w.Key("uri")
		w.String(m.URI)
		w.EndObject()
	case m.URI != "":
		e.unsupported(at.String()+".source", "is a URL that Converse does not read; send the content inline or as an s3:// URI")
	case m.Text != "":
		w.Key("text")
		w.String(m.Text)
	case m.Source != nil:
		w.AnyKey(m.Source.Name)
		w.Raw(m.Source.Value)
	default:
		e.invalidf(at.String()+".source", "is empty")
	}
	w.EndObject()
}

// redacted writes redacted reasoning, which is already base64.
func (e *encoder) redacted(text string, at position) {
	content, ok := llm.ParseBase64([]byte(text))
	if !ok {
		e.invalidf(at.String(), "is not standard base64")
	}
	e.w.Base64(content.Bytes())
}

func (e *encoder) toolUse(use *llm.ToolUse, at position, extra []jsonx.Member) {
	if use == nil {
		e.invalidf(at.String(), "has no tool call")
		e.w.Null()
		return
	}
	w := &e.w
	o := e.object(extra)
	o.key("input")
	if len(use.Input) == 0 {
		w.Raw(jsonx.Raw("{}"))
	} else {
		w.Raw(use.Input)
	}
	o.key("name")
	w.String(use.Name)
	o.key("toolUseId")
	w.String(use.ID)
	if use.Type != "" {
		o.key("type")
		w.String(use.Type)
	}
	o.end()
}

func (e *encoder) toolResult(result *llm.ToolResult, at position, extra []jsonx.Member) {
	if result == nil {
		e.invalidf(at.String(), "has no tool result")
		e.w.Null()
		return
	}
	w := &e.w
	o := e.object(extra)
	o.key("content")
	w.Array()
	for i := range result.Content {
		at.result, at.haveResult = i, true
		e.result(&result.Content[i], at)
	}
	w.EndArray()
	if result.Status != "" {
		o.key("status")
		w.String(result.Status)
	}
	o.key("toolUseId")
	w.String(result.ID)
	if result.Type != "" {
		o.key("type")
		w.String(result.Type)
	}
	o.end()
}

func (e *encoder) result(r *llm.ResultBlock, at position) {
	w := &e.w
	if len(r.JSON) > 0 {
		w.Object()
		w.Key("json")
		w.Raw(r.JSON)
		w.EndObject()
		return
	}
	switch r.Block.Kind {
	case llm.BlockText, llm.BlockImage, llm.BlockDocument, llm.BlockVideo, llm.BlockOther:
		e.block(&r.Block, at)
	default:
		e.unsupported(at.String(), "is not allowed in a tool result: Converse accepts text, JSON, images, documents and videos there")
	}
}

func (e *encoder) reasoning(b *llm.Block, extra []jsonx.Member) {
	w := &e.w
	w.Key("reasoningContent")
	w.Object()
	w.Key("reasoningText")
	o := e.object(extra)
	if b.Signature != "" {
		o.key("signature")
		w.String(b.Signature)
	}
	o.key("text")
	w.String(b.Text)
	o.end()
	w.EndObject()
}

func (e *encoder) cachePoint(point *llm.CachePoint, extra []jsonx.Member) {
	if point == nil {
		point = &llm.CachePoint{}
	}
	w := &e.w
	w.Key("cachePoint")
	o := e.object(extra)
	if point.TTL != "" {
		o.key("ttl")
		w.String(point.TTL)
	}
	o.key("type")
	if point.Type == "" {
		w.String("default")
	} else {
		w.String(point.Type)
	}
	o.end()
}

// members writes the members of an object in alphabetical order: those that the caller names, in
// order, and between them the unknown ones.
type members struct {
	w     *jsonx.Writer
	extra []jsonx.Member // sorted by name
}

func (e *encoder) object(extra []jsonx.Member) members {
	e.w.Object()
	return members{w: &e.w, extra: extra}
}

// key begins the member with that name, after the unknown ones that sort before it. It skips an
// unknown member of the same name.
func (m *members) key(name string) {
	for len(m.extra) > 0 && m.extra[0].Name < name {
		m.next()
	}
	for len(m.extra) > 0 && m.extra[0].Name == name {
		m.extra = m.extra[1:]
	}
	m.w.AnyKey(name)
}

// rest writes the unknown members that sort after all others.
func (m *members) rest() {
	for len(m.extra) > 0 {
		m.next()
	}
}

// next writes one unknown member, and skips others with its name.
func (m *members) next() {
	first := m.extra[0]
	m.w.Members(m.extra[:1])
	for len(m.extra) > 0 && m.extra[0].Name == first.Name {
		m.extra = m.extra[1:]
	}
}

func (m *members) end() {
	m.rest()
	m.w.EndObject()
}

// sorted returns members in alphabetical order.
func sorted(given []jsonx.Member) []jsonx.Member {
	order := slices.Clone(given)
	slices.SortStableFunc(order, func(a, b jsonx.Member) int { return strings.Compare(a.Name, b.Name) })
	return order
}
