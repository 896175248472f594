package anthropic

import (
	"errors"
	"fmt"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Bounds on the content of one response: models return tens of blocks.
const (
	maxSentValues = 500_000
	maxSentBlocks = 10_000
)

// sentMessage is a response, or the beginning of one.
type sentMessage struct {
	Type         string      `json:"type"`
	Role         string      `json:"role"`
	Content      []jsonx.Raw `json:"content"`
	StopReason   string      `json:"stop_reason"`
	StopSequence jsonx.Raw   `json:"stop_sequence"`
	Usage        jsonx.Raw   `json:"usage"`
	Trace        jsonx.Raw   `json:"amazon-bedrock-trace"`
	ID           string      `json:"id"`
	Model        string      `json:"model"`
	Rest         jsonx.Raw   `json:",embed"`
}

// DecodeResponse reads the body of a complete response of the Messages API. Blocks and members that
// the common language does not have are kept. Citations get Converse's form. A response without
// usage or a stop reason is returned with a warning.
func DecodeResponse(body []byte) (*llm.Response, error) {
	if jsonx.ManyValues(body, maxSentValues) {
		return nil, fmt.Errorf("it has more than %d values", maxSentValues)
	}
	var m sentMessage
	if err := jsonx.Unmarshal(body, &m); err != nil {
		return nil, err
	}
	if m.Type != "message" {
		return nil, errors.New("it is not a message")
	}
	if len(m.Content) > maxSentBlocks {
		return nil, fmt.Errorf("it has more than %d blocks", maxSentBlocks)
	}
	r := &llm.Response{Role: llm.Role(m.Role), RawStop: m.StopReason, Stop: Stop(m.StopReason), Uncounted: true}
	for i, raw := range m.Content {
		b, _, err := sentBlockOf(raw)
		if err != nil {
			return nil, fmt.Errorf("content[%d]: %w", i, err)
		}
		r.Blocks = append(r.Blocks, b)
	}
	if has(m.Usage) {
		var err error
		if r.ServiceTier, err = AddUsage(&r.Usage, m.Usage); err != nil {
			return nil, fmt.Errorf("usage: %w", err)
		}
		r.Uncounted = false
	}
	var err error
	if r.Extra, err = extras(&m); err != nil {
		return nil, err
	}
	r.Trace = m.Trace
	for _, part := range []struct {
		field string
		there bool
	}{{"stop_reason", m.StopReason != ""}, {"usage", !r.Uncounted}} {
		if !part.there {
			r.Meta.Warnings = append(r.Meta.Warnings, llm.Warning{Code: llm.WarnMissing, Field: part.field, Detail: "the provider's response has none"})
		}
	}
	return r, nil
}

// extras are the members of a response that the common language does not have.
func extras(m *sentMessage) ([]jsonx.Member, error) {
	members, err := jsonx.Members(m.Rest)
	if err != nil {
		return nil, err
	}
	if has(m.StopSequence) {
		members = append(members, jsonx.Member{Name: "stop_sequence", Value: m.StopSequence})
	}
	var out []jsonx.Member
	for _, x := range members {
		if has(x.Value) {
			out = append(out, x)
		}
	}
	return out, nil
}

// has reports whether a member is there and not null.
func has(v jsonx.Raw) bool { return len(v) > 0 && v.Kind() != 'n' }

// sentBlockOf reads a block; also of a content_block_start. input is that of a call, which is usually empty
// then. Neither shares raw's memory.
func sentBlockOf(raw jsonx.Raw) (b llm.Block, input jsonx.Raw, err error) {
	if raw.Kind() != '{' {
		return llm.Block{}, nil, errors.New("must be an object, not " + jsonx.KindName(raw.Kind()))
	}
	var s sentBlock
	if !s.plain(raw) {
		all := new(sentBlock)
		if err := jsonx.Unmarshal(raw, all); err != nil {
			return llm.Block{}, nil, err
		}
		s = *all
	}
	switch s.Type {
	case "text":
		b := llm.Block{Kind: llm.BlockText, Text: s.Text}
		for _, c := range s.Citations {
			b.Extra = append(b.Extra, jsonx.Member{Name: "citation", Value: citationOf(c)})
		}
		return b, nil, nil
	case "thinking":
		return llm.Block{Kind: llm.BlockReasoning, Text: s.Thinking, Signature: s.Signature}, nil, nil
	case "redacted_thinking":
		return llm.Block{Kind: llm.BlockRedacted, Text: sealed(s.Data)}, nil, nil
	case "tool_use", "server_tool_use":
		use := &llm.ToolUse{ID: s.ID, Name: s.Name, Input: s.Input}
		if s.Type == llm.ServerSide {
			use.Type = s.Type
		}
		return llm.Block{Kind: llm.BlockToolUse, ToolUse: use}, s.Input, nil
	}
	if s.ToolUseID != "" && has(s.Content) { // of a tool that the provider ran
		result := &llm.ToolResult{ID: s.ToolUseID, Type: s.Type, Content: []llm.ResultBlock{{JSON: s.Content}}}
		return llm.Block{Kind: llm.BlockToolResult, ToolResult: result}, nil, nil
	}
	return llm.Block{Kind: llm.BlockOther, Text: s.Text, Other: &jsonx.Member{Name: s.Type, Value: raw.Clone()}}, nil, nil
}

// sealed is the common form of redacted thinking, which is Converse's: AWS writes Anthropic's data
// as base64 once more. unsealedData is the inverse.
func sealed(data string) string {
	return llm.EncodeBase64([]byte(data)).String()
}

func unsealedData(text string) string {
	outer, ok := llm.ParseBase64([]byte(text))
	if !ok {
		return text
	}
	data := outer.Decode()
	for _, c := range data {
		if c < ' ' || c > '~' { // it was not sealed
			return text
		}
	}
	return string(data)
}

// sentCitation is a citation in Anthropic's form
// (https://platform.claude.com/docs/en/build-with-claude/citations).
type sentCitation struct {
	Type          string `json:"type"`
	CitedText     string `json:"cited_text"`
	Title         string `json:"title"`
	URL           string `json:"url"`
	Source        string `json:"source"`
	DocumentTitle string `json:"document_title"`
	DocumentIndex int64  `json:"document_index"`
	ResultIndex   int64  `json:"search_result_index"`
	StartChar     int64  `json:"start_char_index"`
	EndChar       int64  `json:"end_char_index"`
	StartPage     int64  `json:"start_page_number"`
	EndPage       int64  `json:"end_page_number"`
	StartBlock    int64  `json:"start_block_index"`
	EndBlock      int64  `json:"end_block_index"`
}

// citationOf turns a citation into Converse's form (Citation in Bedrock's service model), which the
// common language has. One of an unknown type stays as it is.
func citationOf(raw jsonx.Raw) jsonx.Raw {
	var c sentCitation
	if jsonx.Unmarshal(raw, &c) != nil {
		return raw
	}
	var kind, number string
	var at, start, end int64
	switch c.Type {
	case "char_location":
		kind, number, at, start, end = "documentChar", "documentIndex", c.DocumentIndex, c.StartChar, c.EndChar
	case "page_location":
		kind, number, at, start, end = "documentPage", "documentIndex", c.DocumentIndex, c.StartPage, c.EndPage
	case "content_block_location":
		kind, number, at, start, end = "documentChunk", "documentIndex", c.DocumentIndex, c.StartBlock, c.EndBlock
	case "search_result_location":
		kind, number, at, start, end = "searchResultLocation", "searchResultIndex", c.ResultIndex, c.StartBlock, c.EndBlock
	case "web_search_result_location":
		kind = "web"
	default:
		return raw
	}
	var w jsonx.Writer
	w.Object()
	if title := c.DocumentTitle + c.Title; title != "" {
		w.Key("title")
		w.String(title)
	}
	if c.Source != "" {
		w.Key("source")
		w.String(c.Source)
	}
	if c.CitedText != "" {
		w.Key("sourceContent")
		w.Array()
		w.Object()
		w.Key("text")
		w.String(c.CitedText)
		w.EndObject()
		w.EndArray()
	}
	w.Key("location")
	w.Object()
	w.Key(kind)
	w.Object()
	if kind == "web" {
		w.Key("url")
		w.String(c.URL)
	} else {
		w.Key(number)
		w.Int(at)
		w.Key("start")
		w.Int(start)
		w.Key("end")
		w.Int(end)
	}
	w.EndObject()
	w.EndObject()
	w.EndObject()
	return w.Buf
}
