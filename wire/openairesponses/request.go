package openairesponses

import (
	"bytes"

	"outcrop/internal/jsonx"
	"outcrop/internal/levenshtein"
	"outcrop/llm"
	"outcrop/wire/litellm"
)

// Request is a decoded request for a response.
type Request struct {
	LLM llm.Request
	// Tools says how calls of the model are written; copy it to the Envelope of the response.
	Tools *Tools
	// Sealed is whether the client wants reasoning for the next call also where it has no signature
	// (include: reasoning.encrypted_content); copy it to the Envelope of the response.
	Sealed bool
	// Shares is whether LLM shares memory with the body; the body must then not be reused.
	Shares bool
	// Warnings are about members that llm's form cannot express or that have no effect.
	Warnings []llm.Warning

	places places
}

// Options change how a request is decoded.
type Options struct {
	litellm.Options
	// Beta are the values of the request's header anthropic-beta.
	Beta []string
	// History is how many of the input's items, at its beginning, are not the client's, but those of
	// the response or conversation that the request continues.
	History int
	// Count is whether only the request's tokens are counted (POST /v1/responses/input_tokens).
	Count bool
}

// wireRequest is the body. decoder.rest reads the members that it does not name.
type wireRequest struct {
	Model           string            `json:"model"`
	Input           input             `json:"input"`
	Instructions    instructions      `json:"instructions"`
	Stream          optional[bool]    `json:"stream"`
	MaxOutputTokens optional[int64]   `json:"max_output_tokens"`
	MaxToolCalls    optional[int64]   `json:"max_tool_calls"`
	Temperature     optional[float64] `json:"temperature"`
	TopP            optional[float64] `json:"top_p"`
	Tools           list[tool]        `json:"tools"`
	ToolChoice      toolChoice        `json:"tool_choice"`
	Parallel        optional[bool]    `json:"parallel_tool_calls"`
	Reasoning       *reasoning        `json:"reasoning"`
	Text            *textSettings     `json:"text"`
	Include         list[string]      `json:"include"`
	Truncation      optional[string]  `json:"truncation"`
	ServiceTier     optional[string]  `json:"service_tier"`
	TopLogprobs     optional[int64]   `json:"top_logprobs"`
	User            optional[string]  `json:"user"`
	DropParams      optional[bool]    `json:"drop_params"` // LiteLLM's
	Drop            []string          `json:"additional_drop_params"`
	Rest            jsonx.Raw         `json:",embed"`
}

// Decode reads a request for a response. Its error is an *llm.Error with status 400 that names the
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
	prepared, err := opt.AddParameters(body)
	if err != nil {
		return nil, err
	}
	d, w, err := read(prepared.Body, extracted, opt)
	if err != nil {
		return nil, err
	}
	if len(w.Drop) > 0 {
		dropped, err := prepared.Drop(w.Drop, "input")
		if err != nil {
			return nil, err
		}
		if d, w, err = read(prepared.Body, extracted, opt); err != nil {
			return nil, err
		}
		d.out.Warnings = append(dropped, d.out.Warnings...)
	}
	if extracted != nil {
		d.resolveTools(w.Tools)
		extracted.Text(&w.Instructions.text)
		for i := range w.Instructions.items {
			d.resolve(&w.Instructions.items[i])
		}
	}
	if opt.Model != "" {
		w.Model = opt.Model
	}
	if err := d.request(w); err != nil {
		return nil, err
	}
	d.out.Warnings = append(d.out.Warnings, prepared.Warnings...)
	return &d.out, nil
}

// read decodes a body, including all items.
func read(body []byte, extracted *jsonx.Extracted, opt Options) (*decoder, *wireRequest, error) {
	d := &decoder{extracted: extracted, opt: opt}
	d.out.places.history = opt.History
	w := &wireRequest{Input: input{d: d}}
	err := jsonx.Unmarshal(body, w)
	switch {
	case d.failed != nil:
		return nil, nil, d.failed
	case err != nil:
		return nil, nil, litellm.DecodeError(err)
	}
	return d, w, nil
}

// decoder turns the body's form into llm's and collects warnings.
type decoder struct {
	out       Request
	opt       Options
	extracted *jsonx.Extracted // strings extracted from the body; nil if none
	common    litellm.Reader   // of what all dialects have

	// failed is the first error in an item; items are processed as they are read, so that the request
	// never exists in two forms at once.
	failed error
	// refusals are for what no target of this translation supports. Whether they are errors or
	// warnings is known when the whole body has been read, as it depends on the model.
	refusals []*llm.Error
	// added are the tools that items of the input bring, and calls the calls of tools in the input,
	// whose names are settled when all tools are known.
	added []added
	calls []namedCall
}

// added are the tools of an item, with their path.
type added struct {
	field string
	tools []tool
}

// namedCall is a call of a tool in a namespace.
type namedCall struct {
	use  *llm.ToolUse
	name toolName
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

// refusef is for what is not supported and whose absence would change the meaning: it is an error, or
// under drop_params a warning.
func (d *decoder) refusef(field, format string, args ...any) {
	if len(d.refusals) == maxWarnings {
		return
	}
	d.refusals = append(d.refusals, llm.Droppable(field, format, args...))
}

func (d *decoder) request(w *wireRequest) error {
	if err := litellm.CheckModel(w.Model); err != nil {
		return err
	}
	r := &d.out.LLM
	r.Model, r.Stream, r.User, r.Names = w.Model, w.Stream.Value, w.User.Value, names{&d.out.places}
	r.DropParams = w.DropParams.Value || d.opt.DropParams != nil && d.opt.DropParams(w.Model)
	ofItems := d.out.Warnings
	d.out.Warnings = nil
	if err := d.instructions(&w.Instructions); err != nil {
		return err
	}
	for _, step := range []func(*wireRequest) error{d.settings, d.tools, d.rest} {
		if err := step(w); err != nil {
			return err
		}
	}
	d.out.Warnings = append(d.out.Warnings, ofItems...)
	for _, e := range d.refusals {
		if !r.DropParams {
			return e
		}
		d.warn(llm.WarnDropped, e.Param, "not supported")
	}
	switch {
	case len(r.Turns) > 0:
		return nil
	case !w.Input.given && !promptGiven(w.Rest):
		return missingInput(w.Rest)
	case len(r.System) > 0: // instructions alone are what the model shall answer to
		r.Turns = []llm.Turn{{Role: llm.RoleUser, Blocks: r.System, Message: 1}}
		r.System = nil
		d.warn(llm.WarnChanged, "input", "there is no message of role user; the instructions are sent as one")
		return nil
	default:
		return llm.Invalid("input", "input must have at least one message with content")
	}
}

func promptGiven(rest jsonx.Raw) bool { return bytes.Contains(rest, []byte(`"prompt"`)) }

// input is a text, or an array of items, which are decoded one by one.
type input struct {
	d     *decoder
	given bool
	n     int
}

func (in *input) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	switch d.PeekKind() {
	case 'n':
		return d.SkipValue()
	case '"':
		in.given = true
		in.d.out.places.text = true
		var text string
		if err := jsonx.UnmarshalDecode(d, &text); err != nil {
			return err
		}
		in.d.extracted.Text(&text)
		if !blank(text) {
			in.d.turn(0, llm.RoleUser, []llm.Block{{Kind: llm.BlockText, Text: text}})
		}
		return nil
	case '[':
	default:
		return jsonx.Fault("must be a string or an array of items, not %s", jsonx.KindName(d.PeekKind()))
	}
	in.given = true
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	var it item
	for d.PeekKind() != ']' {
		if in.n == maxItems {
			return jsonx.Fault("must have at most %d items", maxItems)
		}
		it = item{}
		if err := jsonx.UnmarshalDecode(d, &it); err != nil {
			return err
		}
		if err := in.d.item(in.n, &it); err != nil {
			in.d.failed = err
			return err
		}
		in.n++
	}
	_, err := d.ReadToken()
	return err
}

// instructions are a text, or an array of items, in the form in which a response repeats them.
type instructions struct {
	text  string
	items list[item]
}

func (in *instructions) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	switch d.PeekKind() {
	case 'n':
		return d.SkipValue()
	case '"':
		return jsonx.UnmarshalDecode(d, &in.text)
	case '[':
		return jsonx.UnmarshalDecode(d, &in.items)
	default:
		return jsonx.Fault("must be a string, not %s", jsonx.KindName(d.PeekKind()))
	}
}

// instructions puts the instructions before those of the input.
func (d *decoder) instructions(in *instructions) error {
	var blocks []llm.Block
	if !blank(in.text) {
		blocks = append(blocks, llm.Block{Kind: llm.BlockText, Text: in.text})
	}
	for i := range in.items {
		at := place{list: "instructions", item: i, part: none}
		more, err := d.content(at, llm.RoleSystem, &in.items[i].Content)
		if err != nil {
			return err
		}
		blocks = append(blocks, more...)
	}
	d.out.LLM.System = append(blocks, d.out.LLM.System...)
	return nil
}

// missingInput is the error for a request without input, which may be among the other members by a misspelled name.
func missingInput(rest jsonx.Raw) error {
	e := llm.Invalid("input", "input is required: a text, or an array of items")
	members, err := jsonx.Members(rest)
	if err != nil {
		return e
	}
	for _, m := range members {
		if levenshtein.Meant(m.Name, []string{"input"}) != "" {
			e.Fix = "Did you mean input? Rename " + m.Name + "."
		}
	}
	return e
}
