// Package openaichat is OpenAI's chat completions format: requests are decoded
// into llm's form, answers, chunks and errors are encoded from it. It knows
// LiteLLM's additions (thinking_blocks, cache_control, top_k, drop_params and
// the members of Converse that LiteLLM passes on), and takes content parts and
// tools in Converse's own form.
//
// The format is that of https://platform.openai.com/docs/api-reference/chat;
// the additions are described at https://docs.litellm.ai/docs/providers/bedrock.
package openaichat

import (
	"errors"
	"slices"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Request is a decoded chat completion request.
type Request struct {
	LLM llm.Request
	// IncludeUsage is stream_options.include_usage.
	IncludeUsage bool
	// Functions is whether the caller speaks of functions, which tools came after;
	// it belongs into the Envelope of the answer.
	Functions bool
	// Shares is whether LLM holds parts of the body, whose memory must then not be
	// used for anything else.
	Shares bool
	// Warnings are about what could not be said in llm's form or is known to
	// have no effect.
	Warnings []llm.Warning
}

// Options change how a request is decoded.
type Options struct {
	// Model, if not empty, stands for the body's model, as in
	// /openai/deployments/{model}/chat/completions.
	Model string
	// DropParams says whether, for a model, settings that cannot be kept are
	// left out with a warning where they would otherwise be refused. Nil is no.
	DropParams func(model string) bool
	// Access says whether, for a model, callers may bring settings of how it is
	// reached, such as api_key; which, is for the deployment to say. Nil is no.
	Access func(model string) bool
	// Parameters are, for a model, members of the body for requests without them. Nil
	// is none.
	Parameters func(model string) []jsonx.Member
	// Beta are the values of the request's header anthropic-beta.
	Beta []string
}

// wireRequest is the body. Members that it does not name are read by decoder.rest.
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

// optional is a member that may be absent or null.
type optional[T any] struct{ llm.Opt[T] }

func (o *optional[T]) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	if d.PeekKind() == 'n' {
		return d.SkipValue()
	}
	o.Set = true
	return jsonx.UnmarshalDecode(d, &o.Value)
}

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

// Decode reads a chat completion request. Its error is an *llm.Error with
// status 400 that names the offending field. What it makes of a body takes a few
// times the body's size at most.
func Decode(body []byte, opt Options) (*Request, error) {
	if err := bounded(body); err != nil {
		return nil, err
	}
	if lifted := jsonx.Extract(body); lifted != nil {
		if r, err := decode(lifted.Doc, lifted, opt); err == nil && lifted.Unresolved() == 0 {
			r.Shares = true
			return r, nil
		}
	}
	return decode(body, nil, opt)
}

// decode reads a body, some of whose strings may stand beside it.
func decode(body []byte, lifted *jsonx.Extracted, opt Options) (*Request, error) {
	d := &decoder{lifted: lifted}
	body, err := d.withParameters(body, opt)
	if err != nil {
		return nil, err
	}
	fixed := d.out.Warnings
	d.out.Warnings = nil
	w, err := d.read(body)
	if err != nil {
		return nil, err
	}
	if d.guarded {
		w.Drop = slices.DeleteFunc(w.Drop, func(name string) bool { return name == guardrail })
	}
	if len(w.Drop) > 0 {
		if body, err = d.without(body, w.Drop); err != nil {
			return nil, err
		}
		dropped := d.out.Warnings
		d = &decoder{lifted: lifted}
		if w, err = d.read(body); err != nil {
			return nil, err
		}
		d.out.Warnings = append(dropped, d.out.Warnings...)
	}
	if opt.Model != "" {
		w.Model = opt.Model
	}
	if w.Model == "" {
		return nil, llm.Invalid("model", "model is required and must not be empty")
	}
	if len(w.Model) > maxModel {
		return nil, llm.Invalid("model", "model must be at most %d bytes long, not %d", maxModel, len(w.Model))
	}
	d.drop = w.DropParams || (opt.DropParams != nil && opt.DropParams(w.Model))
	d.brings = opt.Access != nil && opt.Access(w.Model)
	d.allowed, d.beta = w.Allowed, opt.Beta
	if err := d.request(w); err != nil {
		return nil, err
	}
	d.out.Warnings = append(d.out.Warnings, fixed...)
	return &d.out, nil
}

// maxModel is AWS's bound on model ids, in bytes; LiteLLM's prefixes are short.
const maxModel = 2048 + 128

func decodeError(err error) error {
	var e *jsonx.Error
	if !errors.As(err, &e) {
		return llm.Invalid("", "the request body cannot be read: %v", err)
	}
	switch {
	case e.Syntax && e.Path != "":
		return llm.Invalid(e.Path, "the request body is not valid JSON: %s, at %s (byte %d)", e.Reason, e.Path, e.Offset)
	case e.Syntax:
		return llm.Invalid("", "the request body is not valid JSON: %s (byte %d)", e.Reason, e.Offset)
	case e.Path == "":
		return llm.Invalid("", "the request body %s (JSON object expected)", e.Reason)
	default:
		return llm.Invalid(e.Path, "%s %s", e.Path, e.Reason)
	}
}

// decoder turns the body's form into llm's and collects warnings.
type decoder struct {
	out     Request
	lifted  *jsonx.Extracted // what stands beside the body; nil if nothing does
	drop    bool
	brings  bool     // settings of how the model is reached
	allowed []string // OpenAI's settings that the model is given as they are
	beta    []string

	// refused is what is wrong with a message; the messages are looked at while
	// they are read, so that they are never all there in two forms.
	refused error
	// calls are the ids of the tool calls of the last assistant message, each with
	// the further ids under which the same call goes on.
	calls map[string][]string
	// unnamed are the ids that were given to calls of the last assistant message which
	// have none, and whose results have not come yet.
	unnamed []string
	// function is the id and name of the last assistant message's function_call.
	function llm.ToolUse
	// guarded is whether the operator has set a guardrail.
	guarded bool
	// instructions are the indices of messages of the system prompt.
	instructions []int
	room         [4]int // the first of them
	// messages is how many there are.
	messages int
	// blank is 1 more than the number of a user's message that says nothing and
	// stands behind an assistant's; 0 if none waits to be followed by another.
	blank int
}

// read reads the body; the messages with all that they say.
func (d *decoder) read(body []byte) (*wireRequest, error) {
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

// without gives the body without the members that additional_drop_params names.
func (d *decoder) without(body []byte, names []string) ([]byte, error) {
	d.out.Warnings = nil
	return except(body, func(name string) bool {
		named := slices.Contains(names, name) && name != "model" && name != "messages"
		if named {
			d.warn(llm.WarnDropped, name)
		}
		return named || name == "additional_drop_params"
	})
}

// except gives a body without some of its members.
func except(body []byte, left func(name string) bool) ([]byte, error) {
	members, err := jsonx.Members(body)
	if err != nil {
		return nil, decodeError(err)
	}
	w := jsonx.Writer{Buf: make([]byte, 0, len(body))}
	w.Object()
	w.Members(slices.DeleteFunc(members, func(m jsonx.Member) bool { return left(m.Name) }))
	w.EndObject()
	return w.Buf, nil
}

func (d *decoder) warn(code, field string) {
	d.out.Warnings = append(d.out.Warnings, llm.Warning{Code: code, Field: field})
}

// refuse is for a setting that cannot be kept and would change the meaning: an
// error, or a warning under drop_params.
func (d *decoder) refuse(field, format string, args ...any) error {
	if d.drop {
		d.warn(llm.WarnDropped, field)
		return nil
	}
	e := llm.Unsupported(field, format, args...)
	e.Fix = "Leave " + field + " out, or set drop_params to drop what cannot be kept."
	return e
}

func (d *decoder) request(w *wireRequest) error {
	r := &d.out.LLM
	r.Model, r.Stream, r.DropParams = w.Model, w.Stream, d.drop
	d.out.IncludeUsage = w.StreamOptions.IncludeUsage
	if !w.Messages.given {
		return llm.Invalid("messages", "messages is required: an array of at least one message")
	}
	if w.Messages.n == 0 {
		return llm.Invalid("messages", "messages must hold at least one message")
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
		return llm.Invalid("messages", "messages must hold at least one message of a user or assistant")
	}
	if w.CacheControl != nil { // all of the conversation may be cached
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
			return jsonx.Fault("must hold at most %d messages", maxMessages)
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
