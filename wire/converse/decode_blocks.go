package converse

import (
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// This file reads content blocks. It is lenient, as responses require: unknown content is kept in
// Block.Other or Block.Extra. Requests have already been checked against AWS's service model
// (shape.go).

// blocks reads a list of blocks and skips those after the first most.
func (s *source) blocks(most int) []llm.Block {
	var blocks []llm.Block
	s.open('[')
	for s.element() {
		if len(blocks) == most {
			s.skip()
			continue
		}
		if b, ok := s.block(); ok {
			blocks = append(blocks, b)
		}
	}
	return blocks
}

// block reads one content block; false if it has no members.
func (s *source) block() (llm.Block, bool) {
	var b llm.Block
	s.open('{')
	for {
		name, ok := s.member()
		if !ok {
			break
		}
		if b.Kind != 0 || !s.known(&b, name) {
			b.Extra = append(b.Extra, s.rest(name))
		}
	}
	if b.Kind == 0 && len(b.Extra) > 0 {
		b.Kind, b.Other, b.Extra = llm.BlockOther, &b.Extra[0], b.Extra[1:]
		b.Text = citedText(b.Other)
	}
	return b, b.Kind != 0 && s.err == nil
}

// known reads a member of a content block that llm has a kind for.
func (s *source) known(b *llm.Block, name []byte) bool {
	switch string(name) {
	case "text":
		b.Kind, b.Text = llm.BlockText, s.text()
	case "image":
		b.Kind = llm.BlockImage
		s.media(b)
	case "document":
		b.Kind = llm.BlockDocument
		s.media(b)
	case "audio":
		b.Kind = llm.BlockAudio
		s.media(b)
	case "video":
		b.Kind = llm.BlockVideo
		s.media(b)
	case "toolUse":
		b.Kind = llm.BlockToolUse
		s.toolUse(b)
	case "toolResult":
		b.Kind = llm.BlockToolResult
		s.toolResult(b)
	case "reasoningContent":
		b.Kind = llm.BlockReasoning
		s.reasoning(b)
	case "cachePoint":
		b.Kind = llm.BlockCachePoint
		b.Cache = s.cachePoint(&b.Extra)
	default:
		return false
	}
	return true
}

func (s *source) media(b *llm.Block) {
	m := &llm.Media{}
	b.Media = m
	s.open('{')
	for {
		name, ok := s.member()
		if !ok {
			return
		}
		switch string(name) {
		case "format":
			m.Format = s.text()
		case "name":
			m.Name = s.text()
		case "context":
			m.Context = s.text()
		case "citations":
			m.Citations = s.raw()
		case "source":
			s.mediaSource(b)
		default:
			b.Extra = append(b.Extra, s.rest(name))
		}
	}
}

func (s *source) mediaSource(b *llm.Block) {
	m := b.Media
	s.open('{')
	for {
		name, ok := s.member()
		if !ok {
			return
		}
		switch string(name) {
		case "bytes":
			m.Base64 = s.base64()
		case "text":
			if m.Text = s.text(); m.Text == "" && s.err == nil {
				m.Source = &jsonx.Member{Name: "text", Value: jsonx.Raw(`""`)}
			}
		case "s3Location":
			s.s3Location(b)
		default:
			other := s.rest(name)
			m.Source = &other
		}
	}
}

func (s *source) s3Location(b *llm.Block) {
	s.open('{')
	for {
		name, ok := s.member()
		if !ok {
			return
		}
		switch string(name) {
		case "uri":
			b.Media.URI = s.text()
		case "bucketOwner":
			b.Media.Owner = s.text()
		default:
			b.Extra = append(b.Extra, s.rest(name))
		}
	}
}

func (s *source) toolUse(b *llm.Block) {
	use := &llm.ToolUse{}
	b.ToolUse = use
	s.open('{')
	for {
		name, ok := s.member()
		if !ok {
			return
		}
		switch string(name) {
		case "toolUseId":
			use.ID = s.text()
		case "name":
			use.Name = s.text()
		case "input":
			use.Input = s.raw()
		case "type":
			use.Type = s.text()
		default:
			b.Extra = append(b.Extra, s.rest(name))
		}
	}
}

func (s *source) toolResult(b *llm.Block) {
	result := &llm.ToolResult{}
	b.ToolResult = result
	s.open('{')
	for {
		name, ok := s.member()
		if !ok {
			return
		}
		switch string(name) {
		case "toolUseId":
			result.ID = s.text()
		case "status":
			result.Status = s.text()
		case "type":
			result.Type = s.text()
		case "content":
			result.Content = s.results()
		default:
			b.Extra = append(b.Extra, s.rest(name))
		}
	}
}

func (s *source) results() []llm.ResultBlock {
	var results []llm.ResultBlock
	s.open('[')
	for s.element() {
		b, ok := s.block()
		switch {
		case !ok:
		case b.Kind == llm.BlockOther && b.Other.Name == "json":
			results = append(results, llm.ResultBlock{JSON: b.Other.Value})
		default:
			results = append(results, llm.ResultBlock{Block: b})
		}
	}
	return results
}

func (s *source) reasoning(b *llm.Block) {
	s.open('{')
	for {
		name, ok := s.member()
		if !ok {
			return
		}
		switch string(name) {
		case "redactedContent":
			b.Kind, b.Text = llm.BlockRedacted, s.text()
		case "reasoningText":
			s.reasoningText(b)
		default:
			b.Extra = append(b.Extra, s.rest(name))
		}
	}
}

func (s *source) reasoningText(b *llm.Block) {
	s.open('{')
	for {
		name, ok := s.member()
		if !ok {
			return
		}
		switch string(name) {
		case "text":
			b.Text = s.text()
		case "signature":
			b.Signature = s.text()
		default:
			b.Extra = append(b.Extra, s.rest(name))
		}
	}
}

func (s *source) cachePoint(extra *[]jsonx.Member) *llm.CachePoint {
	point := &llm.CachePoint{}
	s.open('{')
	for {
		name, ok := s.member()
		if !ok {
			return point
		}
		switch string(name) {
		case "type":
			point.Type = s.text()
		case "ttl":
			point.TTL = s.text()
		default:
			*extra = append(*extra, s.rest(name))
		}
	}
}

// citedText is the text inside a citationsContent, so that a dialect without citations can still
// show it; empty for any other block.
func citedText(other *jsonx.Member) string {
	if other.Name != "citationsContent" {
		return ""
	}
	var text []byte
	err := decode(other.Value, func(s *source) {
		for _, m := range s.members() {
			if m.Name == "content" {
				text = appendTexts(text, m.Value)
			}
		}
	})
	if err != nil {
		return ""
	}
	return string(text)
}

// appendTexts appends the text members of an array of objects.
func appendTexts(dst []byte, array jsonx.Raw) []byte {
	_ = decode(array, func(s *source) { // unreadable parts have no text
		s.open('[')
		for s.element() {
			for _, m := range s.members() {
				var text string
				if m.Name == "text" && plain(m.Value, &text) {
					dst = append(dst, text...)
				}
			}
		}
	})
	return dst
}
