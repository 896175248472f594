package openaichat

import (
	"errors"
	"fmt"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/openaipart"
)

// Bounds on the content of one response.
const (
	maxSentValues = 500_000
	maxSentCalls  = 10_000
)

// sentCompletion is a response, or a chunk of a stream.
type sentCompletion struct {
	Choices     []sentChoice     `json:"choices"`
	Usage       jsonx.Raw        `json:"usage"`
	ServiceTier optional[string] `json:"service_tier"`
	Error       jsonx.Raw        `json:"error"`
	Groq        struct {
		Usage jsonx.Raw `json:"usage"`
	} `json:"x_groq"` // https://console.groq.com/docs/api-reference, until 2025
	Rest jsonx.Raw `json:",embed"`
}

type sentChoice struct {
	Index        int                   `json:"index"`
	Message      sentMessage           `json:"message"`
	Delta        optional[sentMessage] `json:"delta"`
	FinishReason optional[string]      `json:"finish_reason"`
	NativeReason optional[string]      `json:"native_finish_reason"` // OpenRouter's
	Logprobs     jsonx.Raw             `json:"logprobs"`
	Usage        jsonx.Raw             `json:"usage"` // Moonshot's place for it in streams
	Error        jsonx.Raw             `json:"error"` // OpenRouter's
	Rest         jsonx.Raw             `json:",embed"`
}

// sentMessage is a message of a response, or a delta.
type sentMessage struct {
	Role         optional[string] `json:"role"`
	Content      sentContent      `json:"content"`
	Refusal      optional[string] `json:"refusal"`
	Reasoning    sentThought      `json:"reasoning"`         // OpenRouter's, Groq's, vLLM's
	ReasoningOld optional[string] `json:"reasoning_content"` // DeepSeek's, and most others'
	ToolCalls    []sentCall       `json:"tool_calls"`
	FunctionCall *sentFunction    `json:"function_call"`
	Annotations  []jsonx.Raw      `json:"annotations"`
	Rest         jsonx.Raw        `json:",embed"`
}

// thought is the reasoning of a message, which some endpoints send under two names.
func (m *sentMessage) thought() string {
	if m.ReasoningOld.Value != "" {
		return m.ReasoningOld.Value
	}
	return string(m.Reasoning) + m.Content.thought
}

// sentThought is reasoning as text; other forms of the member are skipped, because the text stands
// elsewhere then.
type sentThought string

func (s *sentThought) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	if d.PeekKind() != '"' {
		return d.SkipValue()
	}
	return jsonx.UnmarshalDecode(d, (*string)(s))
}

type sentCall struct {
	Index    optional[int64]  `json:"index"`
	ID       optional[string] `json:"id"`
	Type     optional[string] `json:"type"`
	Function sentFunction     `json:"function"`
	Rest     jsonx.Raw        `json:",embed"`
}

type sentFunction struct {
	Name      optional[string]     `json:"name"`
	Arguments openaipart.Arguments `json:"arguments"`
}

// sentContent is the text of a message: a string, null, or the list of parts that Mistral's reasoning
// models send (https://docs.mistral.ai/capabilities/reasoning).
type sentContent struct{ text, thought string }

func (c *sentContent) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	switch d.PeekKind() {
	case 'n':
		return d.SkipValue()
	case '"':
		return jsonx.UnmarshalDecode(d, &c.text)
	case '[':
	default:
		return jsonx.Fault("must be a string or an array, not %s", jsonx.KindName(d.PeekKind()))
	}
	var parts []struct {
		Type     string      `json:"type"`
		Text     string      `json:"text"`
		Thinking sentContent `json:"thinking"`
		Rest     jsonx.Raw   `json:",embed"`
	}
	if err := jsonx.UnmarshalDecode(d, &parts); err != nil {
		return err
	}
	for i := range parts {
		c.text += parts[i].Text
		c.thought += parts[i].Thinking.text
	}
	return nil
}

// ReadOptions are what a reader of responses must know of an endpoint.
type ReadOptions struct {
	// ThinkTags is whether the text may begin with reasoning between <think> and </think>.
	ThinkTags bool
}

// Stop is the reason for the end of a response, in the common language.
func Stop(reason string, calls int) llm.StopReason {
	switch reason {
	case "":
		return llm.StopUnset
	case "stop", "eos", "end_turn":
		if calls > 0 {
			return llm.StopToolUse // some servers end the turn after a call
		}
		return llm.StopEnd
	case "length", "max_tokens", "model_length":
		return llm.StopMaxTokens
	case "tool_calls", "function_call", "tool_use":
		return llm.StopToolUse
	case "content_filter", "sensitive":
		return llm.StopFiltered
	default:
		return llm.StopOther
	}
}

// DecodeResponse reads the body of a complete response with one choice. Members that the common
// language does not have are kept. A response without usage or a finish reason is returned with a
// warning. An error that came with status 200 is a *RefusalError.
func DecodeResponse(body []byte, opt ReadOptions) (*llm.Response, error) {
	if jsonx.ManyValues(body, maxSentValues) {
		return nil, fmt.Errorf("it has more than %d values", maxSentValues)
	}
	var s sentCompletion
	if err := jsonx.Unmarshal(body, &s); err != nil {
		return nil, err
	}
	if has(s.Error) && len(s.Choices) == 0 {
		return nil, DecodeRefusal(200, body)
	}
	if len(s.Choices) == 0 {
		return nil, errors.New("it has no choices")
	}
	ch := &s.Choices[0]
	if has(ch.Error) {
		return nil, DecodeRefusal(200, wrapped(ch.Error))
	}
	r := &llm.Response{Role: llm.RoleAssistant, RawStop: ch.FinishReason.Value, Uncounted: true}
	if err := ch.Message.blocks(r, opt); err != nil {
		return nil, err
	}
	calls := 0
	for i := range r.Blocks {
		if r.Blocks[i].Kind == llm.BlockToolUse {
			calls++
		}
	}
	r.Stop = Stop(r.RawStop, calls)
	r.ServiceTier = s.ServiceTier.Value
	for _, raw := range []jsonx.Raw{s.Usage, ch.Usage, s.Groq.Usage} {
		if u, ok := ReadUsage(raw); ok {
			r.Usage, r.Uncounted = u, false
			break
		}
	}
	var err error
	if r.Extra, err = extras(s.Rest, ch.Rest, ch.Message.Rest); err != nil {
		return nil, err
	}
	if has(ch.Logprobs) {
		r.Extra = append(r.Extra, jsonx.Member{Name: "logprobs", Value: ch.Logprobs.Clone()})
	}
	for _, part := range []struct {
		field string
		there bool
	}{{"finish_reason", r.RawStop != ""}, {"usage", !r.Uncounted}} {
		if !part.there {
			r.Meta.Warnings = append(r.Meta.Warnings, llm.Warning{Code: llm.WarnMissing, Field: part.field, Detail: "the provider's response has none"})
		}
	}
	return r, nil
}

// blocks appends the content of a whole message.
func (m *sentMessage) blocks(r *llm.Response, opt ReadOptions) error {
	thought, text := m.thought(), m.Content.text
	if opt.ThinkTags && thought == "" {
		thought, text = splitThought(text)
	}
	if thought != "" {
		r.Blocks = append(r.Blocks, llm.Block{Kind: llm.BlockReasoning, Text: thought})
	}
	text += m.Refusal.Value
	if text != "" {
		b := llm.Block{Kind: llm.BlockText, Text: text}
		for _, a := range m.Annotations {
			b.Extra = append(b.Extra, jsonx.Member{Name: "citation", Value: citationOf(a)})
		}
		r.Blocks = append(r.Blocks, b)
	}
	if len(m.ToolCalls) > maxSentCalls {
		return fmt.Errorf("it has more than %d calls", maxSentCalls)
	}
	for i := range m.ToolCalls {
		r.Blocks = append(r.Blocks, m.ToolCalls[i].block(i))
	}
	if f := m.FunctionCall; f != nil && f.Name.Value != "" {
		call := sentCall{Function: *f}
		r.Blocks = append(r.Blocks, call.block(len(m.ToolCalls)))
	}
	return nil
}

// block is a call as a block. Calls without an id, which some servers send, get one by their place.
func (c *sentCall) block(i int) llm.Block {
	id := c.ID.Value
	if id == "" {
		id = fmt.Sprintf("call_%d", i)
	}
	return llm.Block{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: id, Name: c.Function.Name.Value, Input: inputOf(string(c.Function.Arguments))}}
}

// inputOf is a call's arguments as a JSON value; text that is not JSON becomes a string, as in
// llm.Fold.
func inputOf(arguments string) jsonx.Raw {
	switch {
	case strings.TrimSpace(arguments) == "":
		return jsonx.Raw("{}")
	case jsonx.Valid([]byte(arguments)):
		return jsonx.Raw(arguments)
	default:
		return jsonx.AppendString(nil, arguments)
	}
}

const (
	thinkOpen  = "<think>"
	thinkClose = "</think>"
)

// splitThought splits a text that begins with reasoning between tags. Templates that open the tag in
// the prompt leave only the closing one.
func splitThought(text string) (thought, rest string) {
	trimmed := strings.TrimLeft(text, " \r\n\t")
	inner, opened := strings.CutPrefix(trimmed, thinkOpen)
	if !opened {
		inner = text
	}
	thought, rest, closed := strings.Cut(inner, thinkClose)
	if !closed {
		if opened { // it was cut while it thought
			return inner, ""
		}
		return "", text
	}
	return strings.Trim(thought, "\r\n"), strings.TrimLeft(rest, "\r\n")
}

// extras are members without a field in the common language; null members and those that describe
// only the envelope are left out.
func extras(rests ...jsonx.Raw) (out []jsonx.Member, err error) {
	for _, rest := range rests {
		members, err := jsonx.Members(rest)
		if err != nil {
			return nil, err
		}
		for _, m := range members {
			switch m.Name {
			case "id", "object", "created", "model":
				continue
			}
			if has(m.Value) && (m.Value.Kind() == 'f' || !jsonx.Empty(m.Value)) {
				out = append(out, m)
			}
		}
	}
	return out, nil
}

// has reports whether a member is there and not null.
func has(v jsonx.Raw) bool { return len(v) > 0 && v.Kind() != 'n' }

// citationOf turns an annotation of type url_citation into Converse's form (Citation in Bedrock's
// service model), which the common language has; another annotation stays as it is.
func citationOf(raw jsonx.Raw) jsonx.Raw {
	var a struct {
		Type string `json:"type"`
		URL  struct {
			URL     string    `json:"url"`
			Title   string    `json:"title"`
			Content string    `json:"content"` // OpenRouter's
			Rest    jsonx.Raw `json:",embed"`
		} `json:"url_citation"`
		Rest jsonx.Raw `json:",embed"`
	}
	if jsonx.Unmarshal(raw, &a) != nil || a.Type != "url_citation" {
		return raw.Clone()
	}
	var w jsonx.Writer
	w.Object()
	if a.URL.Title != "" {
		w.Key("title")
		w.String(a.URL.Title)
	}
	if a.URL.Content != "" {
		w.Key("sourceContent")
		w.Array()
		w.Object()
		w.Key("text")
		w.String(a.URL.Content)
		w.EndObject()
		w.EndArray()
	}
	w.Key("location")
	w.Object()
	w.Key("web")
	w.Object()
	w.Key("url")
	w.String(a.URL.URL)
	w.EndObject()
	w.EndObject()
	w.EndObject()
	return w.Buf
}
