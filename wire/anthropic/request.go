package anthropic

import (
	"errors"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/internal/levenshtein"
	"outcrop/llm"
	"outcrop/wire/litellm"
)

// Request is a decoded Messages request.
type Request struct {
	LLM llm.Request
	// Shares is whether LLM shares memory with the body; the body must then not be reused.
	Shares bool
	// Warnings are about members that llm's form cannot express or that have no effect.
	Warnings []llm.Warning
}

// Options change how a request is decoded.
type Options struct {
	// DropParams reports whether, for a model, unsupported parameters are dropped with a warning
	// instead of being refused. Nil means no.
	DropParams func(model string) bool
	// Beta are the values of the request's header anthropic-beta.
	Beta []string
	// Count is whether the request is to be counted (POST /v1/messages/count_tokens), which needs
	// no max_tokens.
	Count bool
	// Unlimited is whether a request needs no max_tokens because the operator has set a default.
	Unlimited bool
	// SystemTurns keeps system messages inside the conversation as turns of llm.RoleSystem, for
	// targets that support the role. Otherwise they become user text.
	SystemTurns bool
}

// wireRequest is the body. decoder.rest reads the members that it does not name.
type wireRequest struct {
	Model        string            `json:"model"`
	Messages     conversation      `json:"messages"`
	System       content           `json:"system"`
	MaxTokens    optional[int64]   `json:"max_tokens"`
	Temperature  optional[float64] `json:"temperature"`
	TopP         optional[float64] `json:"top_p"`
	TopK         optional[int64]   `json:"top_k"`
	Stop         list[string]      `json:"stop_sequences"`
	Stream       optional[bool]    `json:"stream"`
	Tools        list[tool]        `json:"tools"`
	ToolChoice   *toolChoice       `json:"tool_choice"`
	Thinking     jsonx.Raw         `json:"thinking"`
	Metadata     jsonx.Raw         `json:"metadata"`
	ServiceTier  optional[string]  `json:"service_tier"`
	OutputConfig *outputConfig     `json:"output_config"`
	OutputFormat *outputFormat     `json:"output_format"` // the place of output_config.format until 2025
	CacheControl *cacheControl     `json:"cache_control"`
	DropParams   optional[bool]    `json:"drop_params"` // LiteLLM's
	Rest         jsonx.Raw         `json:",embed"`
}

// Decode reads a Messages request. Its error is an *llm.Error with status 400 that names the
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
	d := &decoder{extracted: extracted, opt: opt}
	w := &wireRequest{Messages: conversation{d: d}}
	err := jsonx.Unmarshal(body, w)
	switch {
	case d.failed != nil:
		return nil, d.failed
	case err != nil:
		return nil, decodeError(err)
	}
	if extracted != nil {
		d.resolve(&w.System)
		for i := range w.Tools {
			extracted.Text(&w.Tools[i].Description.Value)
			extracted.Raw(&w.Tools[i].InputSchema)
		}
	}
	if err := d.request(w); err != nil {
		return nil, err
	}
	d.out.LLM.Names = names{d.ends}
	return &d.out, nil
}

func decodeError(err error) error {
	var e *jsonx.Error
	if !errors.As(err, &e) {
		return llm.Invalid("", "the request body cannot be decoded: %v", err)
	}
	reason := strings.TrimPrefix(e.Reason, "invalid JSON: ")
	switch {
	case e.Syntax && e.Path != "":
		return llm.Invalid(e.Path, "the request body is not valid JSON: %s, at %s (byte %d)", reason, e.Path, e.Offset)
	case e.Syntax:
		return llm.Invalid("", "the request body is not valid JSON: %s (byte %d)", reason, e.Offset)
	case e.Path == "":
		return llm.Invalid("", "the request body %s (JSON object expected)", e.Reason)
	default:
		return llm.Invalid(e.Path, "%s: %s", e.Path, e.Reason)
	}
}

// decodeAt decodes the value of a field of the request.
func decodeAt(field string, value jsonx.Raw, v any) error {
	err := jsonx.Unmarshal(value, v)
	if err == nil {
		return nil
	}
	var e *jsonx.Error
	if !errors.As(err, &e) {
		return llm.Invalid(field, "%s: %v", field, err)
	}
	if e.Path != "" {
		if strings.Trim(e.Path[:1], "0123456789") == "" { // an index, as the value is a list
			index, rest, more := strings.Cut(e.Path, ".")
			if field += "[" + index + "]"; more {
				field += "." + rest
			}
		} else {
			field += "." + e.Path
		}
	}
	return llm.Invalid(field, "%s: %s", field, e.Reason)
}

// decoder turns the body's form into llm's and collects warnings.
type decoder struct {
	out       Request
	opt       Options
	extracted *jsonx.Extracted // strings extracted from the body; nil if none

	// failed is the first error in a message; messages are processed as they are read, so that the
	// request never exists in two forms at once.
	failed error
	// refusals are for what the target does not support. Whether they are errors or warnings is
	// known when the whole body has been read, as it depends on the model. refused is how many there
	// were; the first of them are kept.
	refusals []*llm.Error
	refused  int
	// fading are the turns that the model no longer sees once another user message follows: see
	// clear_at.
	fading []int
	// found are the tools to which the conversation refers, in order; known tells them quickly.
	found []string
	known map[string]bool
	// added are tools that system messages define.
	added []tool
	// effort is the last one that a system message sets, with its field.
	effort, effortField string
	// ends is that of names.
	ends map[int][]int
	// counts is the entry of ends for the message that is being read.
	counts []int
	// prefilled is 1 more than the index of an empty assistant message, which only the last may be.
	prefilled int
}

func (d *decoder) warn(code, field, detail string) {
	if len(d.out.Warnings) < maxWarnings {
		d.out.Warnings = append(d.out.Warnings, llm.Warning{Code: code, Field: field, Detail: detail})
	}
}

// warnOnce is warn for what a conversation may contain many times: only the first is reported.
func (d *decoder) warnOnce(code, field, detail string) {
	for i := range d.out.Warnings {
		if w := &d.out.Warnings[i]; w.Code == code && w.Detail == detail {
			return
		}
	}
	d.warn(code, field, detail)
}

// refusef is for content or a parameter that is not supported and whose absence would change the
// meaning: it is an error, or under drop_params a warning.
func (d *decoder) refusef(field, format string, args ...any) {
	d.refuse(llm.Droppable(field, format, args...))
}

func (d *decoder) refuse(e *llm.Error) {
	d.refused++
	if len(d.refusals) < maxWarnings {
		d.refusals = append(d.refusals, e)
	}
}

// extra refuses a member in the words by which clients recognize a member that the API does not
// know: Claude Code then repeats the call without it, and does not try anything else.
func (d *decoder) extra(field string) {
	d.refuse(llm.Unsupported(field, "%s: "+extraWords, field))
}

// unknown is extra for a member that the API does not have either, with the one that is meant if the name is misspelled.
func (d *decoder) unknown(name string) {
	e := llm.Unsupported(name, "%s: "+extraWords, name)
	if near := levenshtein.Meant(name, fieldWords.Members()); near != "" {
		e.Fix = "Did you mean " + near + "? Rename " + name + ", or remove it."
	}
	d.refuse(e)
}

func (d *decoder) request(w *wireRequest) error {
	r := &d.out.LLM
	if w.Model == "" {
		return llm.Invalid("model", "model: Field required")
	}
	if len(w.Model) > maxModel {
		return llm.Invalid("model", "model must be at most %d bytes long, not %d", maxModel, len(w.Model))
	}
	r.Model, r.Stream = w.Model, w.Stream.Value
	r.DropParams = w.DropParams.Value || d.opt.DropParams != nil && d.opt.DropParams(w.Model)
	if !w.Messages.given {
		return llm.Invalid("messages", "messages: Field required")
	}
	if w.Messages.n == 0 {
		return llm.Invalid("messages", "messages: at least one message is required")
	}
	ofMessages := d.out.Warnings
	d.out.Warnings = nil
	for _, step := range []func(*wireRequest) error{d.settings, d.system, d.tools, d.rest} {
		if err := step(w); err != nil {
			return err
		}
	}
	d.out.Warnings = append(d.out.Warnings, ofMessages...)
	for _, e := range d.refusals {
		if !r.DropParams {
			return e
		}
		d.warn(llm.WarnDropped, e.Param, "not supported")
	}
	if d.prefilled > 0 && d.prefilled < w.Messages.n {
		d.warnOnce(llm.WarnDropped, message(d.prefilled-1), emptyMessage)
	}
	if len(r.Turns) == 0 {
		return llm.Invalid("messages", "messages: at least one message of role user or assistant with content is required")
	}
	if w.CacheControl != nil { // the whole conversation may be cached
		last := &r.Turns[len(r.Turns)-1]
		last.Blocks = w.CacheControl.behind(last.Blocks)
	}
	return nil
}

// cacheControl marks that everything up to here may be cached.
type cacheControl struct {
	Type string           `json:"type"`
	TTL  optional[string] `json:"ttl"`
	Rest jsonx.Raw        `json:",embed"` // such as scope, a beta
}

func (c *cacheControl) point() *llm.CachePoint {
	if c == nil {
		return nil
	}
	return &llm.CachePoint{Type: "default", TTL: c.TTL.Value}
}

// behind appends the cache point. A point that is already there keeps the longer time to live.
func (c *cacheControl) behind(blocks []llm.Block) []llm.Block {
	if c == nil || len(blocks) == 0 {
		return blocks
	}
	point := c.point()
	if last := &blocks[len(blocks)-1]; last.Kind == llm.BlockCachePoint {
		if point.TTL == "1h" {
			last.Cache = point
		}
		return blocks
	}
	return append(blocks, llm.Block{Kind: llm.BlockCachePoint, Cache: point})
}
