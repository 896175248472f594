// Package openaichat implements OpenAI's chat completions format: it decodes requests into llm's
// form and encodes responses, chunks and errors from it. It supports LiteLLM's additions
// (thinking_blocks, cache_control, top_k, drop_params and the members of Converse that LiteLLM
// passes on), and content parts and tools in Converse's own form.
//
// The format is described at https://platform.openai.com/docs/api-reference/chat; the additions at
// https://docs.litellm.ai/docs/providers/bedrock.
package openaichat

import (
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/litellm"
)

// Request is a decoded chat completion request.
type Request struct {
	LLM llm.Request
	// IncludeUsage is stream_options.include_usage.
	IncludeUsage bool
	// Functions is whether the client uses functions, the predecessor of tools; copy it to the
	// Envelope of the response.
	Functions bool
	// Shares is whether LLM shares memory with the body; the body must then not be reused.
	Shares bool
	// Warnings are about members that llm's form cannot express or that have no effect.
	Warnings []llm.Warning
}

// Options change how a request is decoded.
type Options struct {
	// Model, if not empty, replaces the body's model, as in
	// /openai/deployments/{model}/chat/completions.
	Model string
	// DropParams reports whether, for a model, unsupported parameters are dropped with a warning
	// instead of being refused. Nil means no.
	DropParams func(model string) bool
	// AllowClientSettings reports whether, for a model, clients may supply connection settings such
	// as api_key; the deployment decides which. Nil means no.
	AllowClientSettings func(model string) bool
	// Parameters returns, for a model, members that are added to bodies without them. Nil means
	// none.
	Parameters func(model string) []jsonx.Member
	// Beta are the values of the request's header anthropic-beta.
	Beta []string
}

// wireRequest is the body. decoder.rest reads the members that it does not name.
type wireRequest struct {
	Model               string            `json:"model"`
	Messages            conversation      `json:"messages"`
	MaxTokens           optional[int64]   `json:"max_tokens"`
	MaxCompletionTokens optional[int64]   `json:"max_completion_tokens"`
	Temperature         optional[float64] `json:"temperature"`
	TopP                optional[float64] `json:"top_p"`
	TopK                optional[int64]   `json:"top_k"`
	Stop                stringOrList      `json:"stop"`
	Stream              bool              `json:"stream"`
	StreamOptions       streamOptions     `json:"stream_options"`
	Tools               list[tool]        `json:"tools"`
	ToolChoice          toolChoice        `json:"tool_choice"`
	Functions           list[function]    `json:"functions"`
	FunctionCall        toolChoice        `json:"function_call"`
	ParallelToolCalls   optional[bool]    `json:"parallel_tool_calls"`
	ReasoningEffort     effort            `json:"reasoning_effort"`
	Thinking            jsonx.Raw         `json:"thinking"`
	ResponseFormat      responseFormat    `json:"response_format"`
	ServiceTier         optional[string]  `json:"service_tier"`
	N                   optional[int64]   `json:"n"`
	User                optional[string]  `json:"user"`
	CacheControl        *cacheControl     `json:"cache_control"`
	DropParams          bool              `json:"drop_params"`
	Drop                []string          `json:"additional_drop_params"`
	Allowed             []string          `json:"allowed_openai_params"`
	Rest                jsonx.Raw         `json:",embed"`
}

type streamOptions struct {
	IncludeUsage bool      `json:"include_usage"`
	Rest         jsonx.Raw `json:",embed"`
}

type optional[T any] = litellm.Optional[T]

// stringOrList is a string or a list of strings.
type stringOrList []string

func (s *stringOrList) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	switch d.PeekKind() {
	case 'n':
		return d.SkipValue()
	case '"':
		*s = make([]string, 1)
		return jsonx.UnmarshalDecode(d, &(*s)[0])
	case '[':
		return jsonx.UnmarshalDecode(d, (*[]string)(s))
	default:
		return jsonx.Fault("must be a string or an array of strings, not %s", jsonx.KindName(d.PeekKind()))
	}
}

// Decode reads a chat completion request. Its error is an *llm.Error with status 400 that names the
// offending field. The memory it needs is a few times the body's size at most.
func Decode(body []byte, opt Options) (*Request, error) {
	if err := litellm.CheckBody(body); err != nil {
		return nil, err
	}
	r, shares, err := jsonx.Decode(body, func(doc []byte, extracted *jsonx.Extracted) (*Request, error) { return decode(doc, extracted, opt) })
	if err != nil {
		return nil, err
	}
	r.Shares = shares
	return r, nil
}

// decode reads a body, some of whose strings may have been extracted.
func decode(body []byte, extracted *jsonx.Extracted, opt Options) (*Request, error) {
	operator := litellm.Options{Model: opt.Model, Parameters: opt.Parameters}
	prepared, err := operator.AddParameters(body)
	if err != nil {
		return nil, err
	}
	d := &decoder{out: &Request{}, extracted: extracted}
	w, err := d.read(prepared.Body)
	if err != nil {
		return nil, err
	}
	if len(w.Drop) > 0 {
		dropped, err := prepared.Drop(w.Drop, "messages")
		if err != nil {
			return nil, err
		}
		d = &decoder{out: &Request{}, extracted: extracted}
		if w, err = d.read(prepared.Body); err != nil {
			return nil, err
		}
		d.out.Warnings = append(dropped, d.out.Warnings...)
	}
	if extracted != nil {
		for i := range w.Tools {
			if f := w.Tools[i].Function; f != nil {
				extracted.Text(&f.Description.Value)
				extracted.Raw(&f.Parameters)
			}
		}
	}
	if opt.Model != "" {
		w.Model = opt.Model
	}
	if err := litellm.CheckModel(w.Model); err != nil {
		return nil, err
	}
	d.drop = w.DropParams || (opt.DropParams != nil && opt.DropParams(w.Model))
	d.common.AllowClientSettings = opt.AllowClientSettings != nil && opt.AllowClientSettings(w.Model)
	d.common.Beta = opt.Beta
	d.allowed = w.Allowed
	if err := d.request(w); err != nil {
		return nil, err
	}
	d.out.LLM.Names = &names
	d.out.Warnings = append(d.out.Warnings, prepared.Warnings...)
	return d.out, nil
}

func decodeError(err error) error { return litellm.DecodeError(err) }

// decoder turns the body's form into llm's and collects warnings.
type decoder struct {
	out       *Request         // by itself, because it outlives the decoder
	extracted *jsonx.Extracted // strings extracted from the body; nil if none
	common    litellm.Reader   // of what all dialects have
	drop      bool
	allowed   []string // parameters of OpenAI's and LiteLLM's that the model receives unchanged

	// refused is the first error in a message; messages are processed as they are read, so that the
	// request never exists in two forms at once.
	refused error
	// calls are the ids of the tool calls of the last assistant message, each with the additional
	// ids that the same call was split into.
	calls map[string][]string
	// unnamed are the ids that were given to calls of the last assistant message which
	// have none, and whose results have not come yet.
	unnamed []string
	// function is the id and name of the last assistant message's function_call.
	function llm.ToolUse
	// instructions are the indices of messages of the system prompt.
	instructions []int
	room         [4]int // the first of them
	// messages is how many there are.
	messages int
	// blank is 1 more than the index of an empty user message after an assistant's; 0 if no such
	// message waits for another user message to follow.
	blank int
}

// read reads the body, including all messages.
func (d *decoder) read(body []byte) (*wireRequest, error) {
	if w, ok := d.readPlain(body); ok {
		return w, nil
	}
	return d.readAny(body)
}

// readAny reads any body.
func (d *decoder) readAny(body []byte) (*wireRequest, error) {
	w := &wireRequest{Messages: conversation{d: d}}
	err := jsonx.Unmarshal(body, w)
	switch {
	case d.refused != nil:
		return nil, d.refused
	case err != nil:
		return nil, decodeError(err)
	}
	return w, nil
}

func (d *decoder) warn(code, field string) {
	d.out.Warnings = append(d.out.Warnings, llm.Warning{Code: code, Field: field})
}

func (d *decoder) request(w *wireRequest) error {
	r := &d.out.LLM
	r.Model, r.Stream, r.DropParams = w.Model, w.Stream, d.drop
	d.out.IncludeUsage = w.StreamOptions.IncludeUsage
	if !w.Messages.given {
		return llm.Invalid("messages", "messages is required: an array of at least one message")
	}
	if w.Messages.n == 0 {
		return llm.Invalid("messages", "messages must contain at least one message")
	}
	d.messages = w.Messages.n
	ofMessages := d.out.Warnings
	d.out.Warnings = nil
	for _, step := range []func(*wireRequest) error{d.settings, d.tools, d.format, d.rest} {
		if err := step(w); err != nil {
			return err
		}
	}
	d.out.Warnings = append(d.out.Warnings, ofMessages...)
	if d.blank > 0 {
		return blankUser(d.blank - 1)
	}
	if len(r.Turns) == 0 {
		return llm.Invalid("messages", "messages must contain at least one message of role user or assistant")
	}
	if w.CacheControl != nil { // the whole conversation may be cached
		last := &r.Turns[len(r.Turns)-1]
		last.Blocks = marked(last.Blocks, w.CacheControl)
	}
	return nil
}

// conversation is the array of messages, which are decoded one by one.
type conversation struct {
	d     *decoder
	given bool
	n     int
}

func (c *conversation) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	switch d.PeekKind() {
	case 'n':
		return d.SkipValue()
	case '[':
	default:
		return jsonx.Fault("must be an array, not %s", jsonx.KindName(d.PeekKind()))
	}
	c.given = true
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	var m message
	for d.PeekKind() != ']' {
		if c.n == maxMessages {
			return jsonx.Fault("must have at most %d messages", maxMessages)
		}
		m = message{}
		if err := jsonx.UnmarshalDecode(d, &m); err != nil {
			return err
		}
		if err := c.d.message(c.n, &m); err != nil {
			c.d.refused = err
			return err
		}
		c.n++
	}
	_, err := d.ReadToken()
	return err
}
