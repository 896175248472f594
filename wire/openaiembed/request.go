// Package openaiembed implements OpenAI's embeddings format: it decodes requests into llm's form and
// encodes responses from it. It supports LiteLLM's additions: data URIs as inputs, and the
// parameters of Bedrock's embedding models, such as Cohere's input_type, Titan's normalize and
// Nova's embeddingPurpose. Inputs may also be written as content parts, and as Cohere's texts,
// images and inputs.
//
// The format is described at https://developers.openai.com/api/reference/resources/embeddings; the
// additions at https://docs.litellm.ai/docs/providers/bedrock_embedding.
package openaiembed

import (
	"slices"
	"strconv"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/litellm"
)

// Options change how a request is decoded.
type Options = litellm.Options

// Request is a decoded embeddings request.
type Request struct {
	LLM llm.EmbedRequest
	// Base64 is whether vectors are returned as base64; copy it to the Envelope of the response.
	Base64 bool
	// Warnings are about members that have no effect.
	Warnings []llm.Warning
}

// maxInputs is OpenAI's bound on the elements of input.
const maxInputs = 2048

// wireRequest is the body. litellm.Options.Read reads the members that it does not name.
type wireRequest struct {
	Input           inputs                   `json:"input"`
	Texts           inputs                   `json:"texts"`  // Cohere's
	Images          inputs                   `json:"images"` // Cohere's
	Inputs          inputs                   `json:"inputs"` // Cohere's
	Dimensions      litellm.Optional[int64]  `json:"dimensions"`
	OutputDimension litellm.Optional[int64]  `json:"output_dimension"`   // Cohere's
	Embedding       litellm.Optional[int64]  `json:"embeddingDimension"` // Nova's
	EncodingFormat  litellm.Optional[string] `json:"encoding_format"`
	InputType       litellm.Optional[string] `json:"input_type"`
	InputKind       litellm.Optional[string] `json:"inputType"` // Marengo's
	Truncate        truncation               `json:"truncate"`
	TextTruncate    litellm.Optional[string] `json:"textTruncate"` // Marengo's
	MaxTokens       litellm.Optional[int64]  `json:"max_tokens"`
	Normalize       litellm.Optional[bool]   `json:"normalize"`
	EmbeddingTypes  types                    `json:"embedding_types"` // Cohere's
	TitanTypes      types                    `json:"embeddingTypes"`
	Rest            jsonx.Raw                `json:",embed"`
}

// Decode reads an embeddings request. Its error is an *llm.Error with status 400 that names the
// offending field. The request does not share the body's memory.
func Decode(body []byte, opt Options) (*Request, error) {
	w := &wireRequest{}
	dropped, err := litellm.Decode(body, &opt, w)
	if err != nil {
		return nil, err
	}
	out := &Request{Warnings: dropped}
	r := &out.LLM
	var warnings []llm.Warning
	if r.ModelFields, warnings, err = opt.Read(&r.Call, w.Rest); err != nil {
		return nil, err
	}
	out.Warnings = append(out.Warnings, warnings...)
	for _, step := range []func(*wireRequest, *Request) error{settings, forms, contents} {
		if err := step(w, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// named is a member under one of its names.
type named[T any] struct {
	name string
	opt  llm.Opt[T]
}

// one returns the only value that is set, and its name. Several names may have the same value.
func one[T comparable](members ...named[T]) (out named[T], err error) {
	for _, m := range members {
		switch {
		case !m.opt.Set:
		case !out.opt.Set:
			out = m
		case out.opt.Value != m.opt.Value:
			return out, llm.Invalid(m.name, "%s and %s differ; send one of them", out.name, m.name)
		}
	}
	return out, nil
}

func settings(w *wireRequest, out *Request) error {
	r := &out.LLM
	dimensions, err := one(named[int64]{"dimensions", w.Dimensions.Opt}, named[int64]{"output_dimension", w.OutputDimension.Opt}, named[int64]{"embeddingDimension", w.Embedding.Opt})
	if err != nil {
		return err
	}
	if r.Dimensions = dimensions.opt; r.Dimensions.Set && r.Dimensions.Value < 1 {
		return llm.Invalid(dimensions.name, "%s must be at least 1, not %d", dimensions.name, r.Dimensions.Value)
	}
	kind, err := one(named[string]{"input_type", w.InputType.Opt}, named[string]{"inputType", w.InputKind.Opt})
	if err != nil {
		return err
	}
	truncate, err := one(named[string]{"truncate", w.Truncate.Opt}, named[string]{"textTruncate", w.TextTruncate.Opt})
	if err != nil {
		return err
	}
	r.InputType, r.Truncate = kind.opt.Value, truncate.opt.Value
	r.Normalize, r.MaxTokens = w.Normalize.Opt, w.MaxTokens.Opt
	if r.MaxTokens.Set && r.MaxTokens.Value < 1 {
		return llm.Invalid("max_tokens", "max_tokens must be at least 1, not %d", r.MaxTokens.Value)
	}
	switch format := w.EncodingFormat.Value; format {
	case "", "float":
	case "base64":
		out.Base64 = true
	default:
		return llm.Invalid("encoding_format", "encoding_format must be float or base64, not %q", format)
	}
	return nil
}

// truncation is one of Cohere's words, or Ollama's yes or no.
type truncation struct{ llm.Opt[string] }

func (t *truncation) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	switch d.PeekKind() {
	case 't':
		t.Opt = llm.Some("END")
		return d.SkipValue()
	case 'f':
		t.Opt = llm.Some("NONE")
		return d.SkipValue()
	case 'n':
		return d.SkipValue()
	default:
		t.Set = true
		return jsonx.UnmarshalDecode(d, &t.Value)
	}
}

// types is a list of vector types, or one as a string.
type types struct {
	given bool
	names []string
}

func (t *types) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	switch d.PeekKind() {
	case 'n':
		return d.SkipValue()
	case '"':
		t.given, t.names = true, make([]string, 1)
		return jsonx.UnmarshalDecode(d, &t.names[0])
	case '[':
		t.given = true
		return jsonx.UnmarshalDecode(d, &t.names)
	default:
		return jsonx.Fault("must be a string or an array of strings, not %s", jsonx.KindName(d.PeekKind()))
	}
}

func forms(w *wireRequest, out *Request) error {
	name, t := "embedding_types", w.EmbeddingTypes
	if !t.given {
		name, t = "embeddingTypes", w.TitanTypes
	} else if w.TitanTypes.given {
		return llm.Invalid("embeddingTypes", "embedding_types and embeddingTypes are the same setting; send one of them")
	}
	for i, word := range t.names {
		form := llm.VectorType(word)
		switch form {
		case llm.VectorFloat, llm.VectorInt8, llm.VectorUint8, llm.VectorBinary, llm.VectorUbinary:
		default:
			at := name + "[" + strconv.Itoa(i) + "]"
			return llm.Invalid(at, "%s must be float, int8, uint8, binary or ubinary, not %q", at, word)
		}
		if !slices.Contains(out.LLM.Types, form) {
			out.LLM.Types = append(out.LLM.Types, form)
		}
	}
	return nil
}

// contents makes the inputs: those of input or texts, then images, then inputs.
func contents(w *wireRequest, out *Request) error {
	if w.Input.given && w.Texts.given {
		return llm.Invalid("texts", "input and texts are the same setting; send one of them")
	}
	lists := []struct {
		name  string
		list  *inputs
		media bool
	}{{"input", &w.Input, false}, {"texts", &w.Texts, false}, {"images", &w.Images, true}, {"inputs", &w.Inputs, false}}
	n := 0
	for _, l := range lists {
		n += len(l.list.all)
	}
	switch {
	case !w.Input.given && !w.Texts.given && !w.Images.given && !w.Inputs.given:
		return llm.Invalid("input", "input is required: a string, an array of strings, or arrays of tokens")
	case n == 0:
		return llm.Invalid("input", "input must contain at least one element")
	case n > maxInputs:
		return llm.Invalid("input", "input must have at most %d elements, not %d; send several requests", maxInputs, n)
	}
	r := &out.LLM
	r.Inputs = make([]llm.EmbedInput, 0, n)
	for _, l := range lists {
		kind := kindOfInputs(r.InputType)
		if l.media && kind == 0 {
			kind = llm.BlockImage
		}
		for i := range l.list.all {
			c := content{name: l.name, index: i, single: l.list.single, kind: kind, out: out}
			in, err := c.input(&l.list.all[i])
			if err != nil {
				return err
			}
			r.Inputs = append(r.Inputs, in)
		}
	}
	return nil
}

// content makes one input.
type content struct {
	name   string // the list
	index  int
	single bool          // the list is only this input, without brackets
	kind   llm.BlockKind // what a string is if it is not a text; 0 for a text
	out    *Request
}

// field is the input's name in the request.
func (c *content) field() string {
	if c.single {
		return c.name
	}
	return c.name + "[" + strconv.Itoa(c.index) + "]"
}

func (c *content) input(e *element) (llm.EmbedInput, error) {
	in := llm.EmbedInput{Tokens: e.tokens}
	if c.single || c.name != "input" || len(c.out.LLM.Inputs) != c.index {
		in.Field = c.field()
	}
	switch {
	case e.tokens != nil:
		if len(e.tokens) == 0 {
			return in, llm.Invalid(c.field(), "%s must contain at least one token", c.field())
		}
	case e.parts != nil:
		return in, c.parts(e.parts, &in)
	case c.kind != 0 || isMediaURI(e.text):
		block, err := c.media(c.field(), address{URL: e.text}, c.kind, true)
		in.Parts = []llm.Block{block}
		return in, err
	default:
		in.Text = e.text
	}
	return in, nil
}

// parts makes an input of content parts.
func (c *content) parts(parts []part, in *llm.EmbedInput) error {
	if len(parts) == 0 {
		return llm.Invalid(c.field(), "%s must have at least one part", c.field())
	}
	for i := range parts {
		p, at := &parts[i], c.field()
		if !p.bare {
			at += ".content[" + strconv.Itoa(i) + "]"
		}
		switch {
		case p.Type == "text" && p.Text.Set:
			in.Parts = append(in.Parts, llm.Block{Kind: llm.BlockText, Text: p.Text.Value})
		case p.Type == "text":
			return llm.Invalid(at+".text", "%s.text is required", at)
		case p.Type == "image_url", p.Type == "video_url", p.Type == "audio_url":
			kind, field := llm.BlockImage, at+".image_url"
			u := p.ImageURL
			switch p.Type {
			case "video_url":
				kind, field, u = llm.BlockVideo, at+".video_url", p.VideoURL
			case "audio_url":
				kind, field, u = llm.BlockAudio, at+".audio_url", p.AudioURL
			}
			block, err := c.media(field, u, kind, false)
			if err != nil {
				return err
			}
			in.Parts = append(in.Parts, block)
		default:
			return llm.Invalid(at+".type", "%s.type must be text, image_url, audio_url or video_url, not %q", at, p.Type)
		}
	}
	if len(in.Parts) == 1 && in.Parts[0].Kind == llm.BlockText {
		in.Text, in.Parts = in.Parts[0].Text, nil
	}
	return nil
}

// kindOfInputs is what strings are if input_type names a kind of media, as Marengo's and Cohere's
// does; 0 if they are texts.
func kindOfInputs(inputType string) llm.BlockKind {
	switch inputType {
	case "image":
		return llm.BlockImage
	case "audio":
		return llm.BlockAudio
	case "video":
		return llm.BlockVideo
	default:
		return 0
	}
}
