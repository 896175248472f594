package cohere

import (
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/embedding"
	"outcrop/provider/openaicompat"
	"outcrop/wire/cohereembed"
)

// What a call takes (https://docs.cohere.com/v2/reference/embed): that many inputs, of images of version 3
// one, and 20 MB of images, of which base64 takes 27; batchBytes is well below it.
const (
	maxInputs  = 96
	batchBytes = 16_000_000
)

// Purposes, of which LiteLLM sends the first for texts and the last for images if the client names none.
const (
	forDocuments = "search_document"
	forImages    = "image"
)

// Embeddings makes the calls for embeddings.
func (dialect) Embeddings(req *llm.EmbedRequest, model string) ([]openaicompat.EmbedCall, []llm.Warning, error) {
	p := &embedPlan{req: req, model: model, old: strings.Contains(model, "-v3") || strings.Contains(model, "-v2")}
	for _, step := range []func() error{p.words, p.numbers, p.inputs} {
		if err := step(); err != nil {
			return nil, nil, err
		}
	}
	limits := embedding.Limits{Texts: maxInputs, Media: maxInputs, Parts: maxInputs, Bytes: batchBytes}
	if p.old {
		limits.Media = 1
	}
	var calls []openaicompat.EmbedCall
	for _, batch := range embedding.Batches(req, p.texts, limits) {
		call, err := p.call(batch)
		if err != nil {
			return nil, nil, err
		}
		calls = append(calls, call)
	}
	return calls, p.warnings, nil
}

// embedPlan makes the calls of one request.
type embedPlan struct {
	req   *llm.EmbedRequest
	model string
	old   bool // a model before version 4, which embeds no texts and images together

	truncate   string
	dimensions int64
	forms      []llm.VectorType
	texts      []string // by input; empty for those of parts
	warnings   []llm.Warning
}

// warn adds a warning once.
func (p *embedPlan) warn(code, field, detail string) {
	w := llm.Warning{Code: code, Field: field, Detail: detail}
	if !slices.Contains(p.warnings, w) {
		p.warnings = append(p.warnings, w)
	}
}

// refuse is for a setting that the API lacks: it returns an error, or adds a warning under drop_params.
func (p *embedPlan) refuse(field, format string, args ...any) error {
	return p.req.Refuse(p.warn, field, format, args...)
}

// words are the settings whose values are words.
func (p *embedPlan) words() error {
	r := p.req
	switch r.InputType {
	case "", forDocuments, "search_query", "classification", "clustering", forImages:
	default:
		return llm.Invalid("input_type", "input_type must be search_document, search_query, classification, clustering or image, not %q", llm.Clip(r.InputType, 100))
	}
	switch word := strings.ToUpper(r.Truncate); word {
	case "", "NONE", "START", "END":
		p.truncate = word
	default:
		return llm.Invalid("truncate", "truncate must be NONE, START or END, not %q", llm.Clip(r.Truncate, 100))
	}
	p.forms = r.Types
	if len(p.forms) == 0 {
		p.forms = []llm.VectorType{llm.VectorFloat}
	}
	if r.User != "" {
		p.warn(llm.WarnDropped, "user", "Cohere's API takes no user")
	}
	for _, l := range r.Metadata {
		p.warn(llm.WarnDropped, "metadata."+l.Name, "Cohere's API takes no metadata")
	}
	return nil
}

// numbers are the other settings. Which lengths of vectors a model of version 4 or later has is for Cohere
// to say.
func (p *embedPlan) numbers() error {
	r := p.req
	if r.Dimensions.Set {
		if p.dimensions = r.Dimensions.Value; p.old {
			if p.dimensions = 0; r.Dimensions.Value != p.fixed() {
				if err := p.refuse("dimensions", "dimensions is not supported by model %s, whose vectors have one length", p.model); err != nil {
					return err
				}
			}
		}
	}
	if r.Normalize.Set {
		return p.refuse("normalize", "normalize is not supported by Cohere's API")
	}
	return nil
}

// fixed is the length of the vectors of a model of version 3; 0 if it is not known.
func (p *embedPlan) fixed() int64 {
	switch {
	case !strings.Contains(p.model, "-v3"):
		return 0
	case strings.Contains(p.model, "-light-"):
		return 384
	default:
		return 1024
	}
}

// inputs checks the inputs, and decodes tokens.
func (p *embedPlan) inputs() error {
	texts, warnings, err := embedding.Texts(p.req)
	if err != nil {
		return err
	}
	p.texts, p.warnings = texts, append(p.warnings, warnings...)
	for i := range p.req.Inputs {
		in := &p.req.Inputs[i]
		for j := range in.Parts {
			if err := p.part(in.Name(i), &in.Parts[j]); err != nil {
				return err
			}
		}
		if p.old && len(in.Parts) > 1 {
			e := llm.Unsupported(in.Name(i), "%s has several parts, which model %s does not embed as one vector", in.Name(i), p.model)
			e.Code, e.Fix = llm.CodeFeature, "Send each part as an input, or call a model from version 4 on."
			return e
		}
	}
	return nil
}

// part checks a part of an input.
func (p *embedPlan) part(field string, b *llm.Block) error {
	switch {
	case b.Kind == llm.BlockText:
		return nil
	case b.Kind != llm.BlockImage || b.Media == nil:
		e := llm.Unsupported(field, "%s is neither a text nor an image, and Cohere's models embed nothing else", field)
		e.Code = llm.CodeFeature
		return e
	case b.Media.URI != "" && !b.Media.Remote():
		return llm.Unsupported(field, "%s is in S3, which Cohere's API does not read; send the content", field)
	case b.Media.Remote():
		return llm.Invalid(field, "%s has not been fetched from its URL", field)
	case b.Media.Base64.IsZero():
		return llm.Invalid(field, "%s has no content", field)
	case b.Media.Format == "":
		return llm.Invalid(field, "%s does not show its format; write it as a data URI with a media type", field)
	default:
		return nil
	}
}

// call makes the call for inputs of one kind.
func (p *embedPlan) call(batch embedding.Batch) (openaicompat.EmbedCall, error) {
	purpose, alone, err := p.purpose(batch)
	if err != nil {
		return openaicompat.EmbedCall{}, err
	}
	body := cohereembed.Body{
		Model: p.model, InputType: purpose, Truncate: p.truncate, Types: p.forms, Dimensions: p.dimensions, MaxTokens: p.req.MaxTokens, More: p.req.ModelFields,
	}
	var estimate int64
	for _, i := range batch.Inputs {
		in := &p.req.Inputs[i]
		estimate += embedding.Estimate(in, p.texts[i])
		switch {
		case batch.Kind == embedding.Text:
			body.Texts = append(body.Texts, p.texts[i])
		case alone:
			body.Images = append(body.Images, in.Parts[0].Media)
		default:
			body.Inputs = append(body.Inputs, in.Parts)
		}
	}
	w := jsonx.Writer{SplitLarge: true}
	body.Append(&w)
	return openaicompat.EmbedCall{
		Body: w.Segments(), Inputs: batch.Inputs,
		Decode: func(answer []byte) (*llm.EmbedResponse, error) { return decode(answer, p.forms, estimate) },
	}, nil
}

// purpose is the input_type of a call, and whether images are sent alone: such are embedded as images,
// while in inputs they can have any other purpose.
func (p *embedPlan) purpose(batch embedding.Batch) (purpose string, alone bool, err error) {
	purpose = p.req.InputType
	switch {
	case batch.Kind == embedding.Text && purpose == forImages:
		field := p.req.Inputs[batch.Inputs[0]].Name(batch.Inputs[0])
		return "", false, llm.Invalid(field, "%s is a text, but input_type image is for images", field)
	case batch.Kind == embedding.Media && (purpose == "" || purpose == forImages):
		return forImages, true, nil
	case batch.Kind == embedding.Media && p.old:
		p.warn(llm.WarnChanged, "input_type", "image, for images")
		return forImages, true, nil
	case purpose == "":
		return forDocuments, false, nil
	case purpose == forImages:
		p.warn(llm.WarnChanged, "input_type", forDocuments+", for texts with images")
		return forDocuments, false, nil
	default:
		return purpose, false, nil
	}
}

// decode reads a response.
func decode(answer []byte, forms []llm.VectorType, estimate int64) (*llm.EmbedResponse, error) {
	vectors, billed, err := cohereembed.Decode(answer, forms)
	if err != nil {
		return nil, err
	}
	out := &llm.EmbedResponse{Vectors: vectors}
	out.Usage.Input = billed.Tokens.Value + billed.ImageTokens.Value
	if billed == (cohereembed.Billed{}) {
		out.Usage.Input, out.Estimated = estimate, true
	}
	out.Usage.Total = out.Usage.Input
	if billed.Images.Value > 0 || billed.ImageTokens.Value > 0 {
		out.Meta.Price = unpriced{}
	}
	return out, nil
}

// unpriced is the price of a call with images: what is known are the prices of texts.
type unpriced struct{}

// Cost is unknown.
func (unpriced) Cost(string, *llm.Usage) (llm.Cost, bool) { return 0, false }
