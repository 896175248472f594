package openaichat

import (
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// This file reads content parts of Anthropic's Messages and of OpenAI's Responses, which
// clients of both send to chat completions as well: tool_use, tool_result, image,
// document, input_image and input_file
// (https://docs.claude.com/en/api/messages, https://platform.openai.com/docs/api-reference/responses).

// otherPart is what those parts hold beside their type.
type otherPart struct {
	ID        string         `json:"id"`
	Name      string         `json:"name"`
	Input     jsonx.Raw      `json:"input"`
	ToolUseID string         `json:"tool_use_id"`
	Content   content        `json:"content"`
	IsError   optional[bool] `json:"is_error"`
	Title     string         `json:"title"`
	Source    struct {
		Type      string `json:"type"`
		MediaType string `json:"media_type"`
		Data      string `json:"data"`
		URL       string `json:"url"`
	} `json:"source"`
	Filename string    `json:"filename"`
	FileData string    `json:"file_data"`
	FileURL  string    `json:"file_url"`
	FileID   string    `json:"file_id"`
	Detail   string    `json:"detail"`
	Rest     jsonx.Raw `json:",embed"`
}

// isOtherPart reports whether a type is of a part that otherPart reads.
func isOtherPart(kind string) bool {
	switch kind {
	case "tool_use", "tool_result", "image", "document", "input_image", "input_file":
		return true
	default:
		return false
	}
}

// otherPart appends the blocks of such a part.
func (d *decoder) otherPart(blocks []llm.Block, at position, m *message, p *part) ([]llm.Block, error) {
	field := at.String()
	var o otherPart
	if len(p.Rest) > 0 {
		if err := unmarshalAt(field, p.Rest, &o); err != nil {
			return nil, err
		}
	}
	d.warnUnread(field, o.Rest)
	switch p.Type {
	case "tool_use":
		return d.toolUsePart(blocks, field, m, &o)
	case "tool_result":
		return d.toolResultPart(blocks, at, m, &o)
	}
	b, err := d.otherMedia(field, p, &o)
	if err == nil && m.Role == "assistant" {
		err = llm.Invalid(field+".type", "%s: %s cannot stand in a message of role assistant", field, p.Type)
	}
	if err != nil {
		return nil, err
	}
	return append(blocks, b), nil
}

// toolUsePart appends a call, unless tool_calls has it, too.
func (d *decoder) toolUsePart(blocks []llm.Block, field string, m *message, o *otherPart) ([]llm.Block, error) {
	switch {
	case m.Role != "assistant":
		return nil, llm.Invalid(field+".type", "%s.type tool_use belongs to role assistant, not %s", field, m.Role)
	case o.ID == "":
		return nil, llm.Invalid(field+".id", "%s.id is required", field)
	case o.Name == "":
		return nil, llm.Invalid(field+".name", "%s.name is required", field)
	}
	for j := range m.ToolCalls {
		if m.ToolCalls[j].ID == o.ID {
			return blocks, nil
		}
	}
	return d.call(blocks, field+".input", llm.ToolUse{ID: o.ID, Name: o.Name}, string(o.Input)), nil
}

// toolResultPart appends the result of a call.
func (d *decoder) toolResultPart(blocks []llm.Block, at position, m *message, o *otherPart) ([]llm.Block, error) {
	field := at.String()
	switch {
	case m.Role != "user":
		return nil, llm.Invalid(field+".type", "%s.type tool_result belongs to role user, not %s", field, m.Role)
	case o.ToolUseID == "":
		return nil, llm.Invalid(field+".tool_use_id", "%s.tool_use_id is required: the id of the call that it answers", field)
	}
	inner := message{Role: "tool"}
	var given []llm.Block
	if o.Content.text.Set {
		given = append(given, llm.Block{Kind: llm.BlockText, Text: o.Content.text.Value})
	}
	for j := range o.Content.parts {
		var err error
		if given, err = d.part(given, at, &inner, &o.Content.parts[j]); err != nil {
			return nil, err
		}
	}
	result := llm.ToolResult{ID: o.ToolUseID}
	if o.IsError.Value {
		result.Status = "error"
	}
	var points []llm.Block
	for _, b := range given {
		switch b.Kind {
		case llm.BlockCachePoint:
			points = append(points[:0], b)
		case llm.BlockText, llm.BlockImage, llm.BlockDocument, llm.BlockVideo:
			result.Content = append(result.Content, llm.ResultBlock{Block: b})
		default:
			return nil, llm.Invalid(field+".content", "%s.content may hold text, images and documents", field)
		}
	}
	if len(result.Content) == 0 { // a tool that gave back nothing has still answered
		result.Content = []llm.ResultBlock{{Block: llm.Block{Kind: llm.BlockText}}}
	}
	blocks = append(blocks, llm.Block{Kind: llm.BlockToolResult, ToolResult: &result})
	for _, id := range d.calls[o.ToolUseID] {
		again := result
		again.ID = id
		blocks = append(blocks, llm.Block{Kind: llm.BlockToolResult, ToolResult: &again})
	}
	return append(blocks, points...), nil
}

// otherMedia gives an image or a document.
func (d *decoder) otherMedia(field string, p *part, o *otherPart) (llm.Block, error) {
	switch p.Type {
	case "input_image":
		if o.Detail != "" && o.Detail != "auto" {
			d.warn(llm.WarnDropped, field+".detail")
		}
		return d.located(field+".image_url", &p.ImageURL, llm.BlockImage)
	case "input_file":
		if o.FileURL != "" {
			return d.media(given{field: field, member: "file_url", data: o.FileURL, name: o.Filename})
		}
		f := part{File: &file{Filename: o.Filename, FileData: o.FileData, FileID: o.FileID}}
		return d.document(field, &f)
	}
	kind := llm.BlockImage
	if p.Type == "document" {
		kind = llm.BlockDocument
	}
	s := &o.Source
	field += ".source"
	var b llm.Block
	var err error
	switch {
	case s.Type == "base64" && s.Data != "":
		b, err = d.media(given{field: field, member: "data", data: s.Data, bare: true, format: s.MediaType, kind: kind})
	case s.Type == "url" && s.URL != "":
		b, err = d.media(given{field: field, member: "url", data: s.URL, format: s.MediaType, kind: kind})
	case s.Type == "text" && kind == llm.BlockDocument && strings.TrimSpace(s.Data) != "":
		b = llm.Block{Kind: kind, Media: &llm.Media{Format: "txt", Text: s.Data}}
	default:
		return b, llm.Invalid(field, "%s must be {\"type\":\"base64\",\"media_type\":...,\"data\":...} or {\"type\":\"url\",\"url\":...}", field)
	}
	if err == nil && b.Kind == llm.BlockDocument {
		b.Media.Name, b.Media.Context = o.Title, p.Context
		b.Media.Citations, err = cited(field, p.Citations)
	}
	return b, err
}
