// Package image makes requests for images into bodies of InvokeModel, and images of what it answers. It
// does no I/O.
//
// The forms are those of Amazon Nova Canvas and Titan Image Generator
// (https://docs.aws.amazon.com/nova/latest/userguide/image-gen-req-resp-structure.html), and of Stability
// AI's models (https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-stability-diffusion.html
// and https://docs.aws.amazon.com/bedrock/latest/userguide/stable-image-services.html).
package image

import (
	"strings"

	"outcrop/internal/alphamask"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
)

// form is the form of a model's bodies.
type form uint8

const (
	unknown   form = iota
	amazon         // {"taskType","imageGenerationConfig"}
	stability      // {"prompt","aspect_ratio"}, for new images and whole ones
	service        // {"image","prompt"}, for one kind of edit each
	diffusion      // {"text_prompts"}
)

// Model is what a request is adapted to. NewModel makes it; it is not changed afterwards.
type Model struct {
	// Vendor and Name are segments of the base id, such as amazon and nova-canvas-v1.
	Vendor, Name string
	form         form
}

// NewModel makes the Model of a vendor and name; facts are what the catalogue has of it, nil if nothing.
func NewModel(vendor, name string, facts *catalog.Model) *Model {
	m := &Model{Vendor: vendor, Name: name}
	if facts != nil && facts.Kind != catalog.KindUnknown && facts.Kind != catalog.KindImage {
		return m
	}
	begins := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
	switch {
	case vendor == "amazon" && (begins("nova-canvas") || begins("titan-image-generator")):
		m.form = amazon
	case vendor == "stability" && (begins("sd3") || begins("stable-image-core") || begins("stable-image-ultra")):
		m.form = stability
	case vendor == "stability" && begins("stable-diffusion-xl"):
		m.form = diffusion
	case vendor == "stability" && begins("stable-"):
		m.form = service
	}
	return m
}

// Known reports whether the form of the model's bodies is known.
func (m *Model) Known() bool { return m.form != unknown }

func (m *Model) name() string { return m.Vendor + "." + m.Name }

// Bounds of bedrock-runtime on a body, in bytes, and of Amazon's models on the images of a call.
const (
	maxBody   = 25_000_000
	maxAmazon = 5
)

// Plan makes the calls of a request: their bodies, in segments that may share the request's memory. Its
// error is an *llm.Error that names the field.
func (m *Model) Plan(req *llm.ImageRequest) (bodies [][][]byte, warnings []llm.Warning, err error) {
	write := m.writer()
	switch {
	case write == nil && m.Name == "":
		e := llm.Unsupported("model", "it is unknown which model this ARN calls, so the form of its requests for images is unknown")
		e.Code, e.Fix = llm.CodeFeature, "Configure the model's id as model, and the ARN as model_id."
		return nil, nil, e
	case write == nil:
		e := llm.Unsupported("model", "model %s makes no images, or the form of its requests is unknown", m.name())
		e.Code, e.Fix = llm.CodeFeature, "Call a model that makes images, such as amazon.nova-canvas-v1:0."
		return nil, nil, e
	}
	if warnings, err = req.Unmap(m.name()); err != nil {
		return nil, nil, err
	}
	size, wanted := 1, req.Number()
	if m.form == amazon {
		size = maxAmazon
	}
	for made := 0; made < wanted; made += size {
		p, w := &planner{model: m, req: req}, &jsonx.Writer{SplitLarge: true}
		if err := write(p, w, min(size, wanted-made)); err != nil {
			return nil, nil, err
		}
		if made == 0 { // the others say the same
			warnings = append(warnings, p.warnings...)
		}
		body := w.Segments()
		if err := fits(body); err != nil {
			return nil, nil, err
		}
		bodies = append(bodies, body)
	}
	return bodies, warnings, nil
}

// writer writes a body in the model's form, for a number of images; nil if the form is unknown.
func (m *Model) writer() func(p *planner, w *jsonx.Writer, count int) error {
	switch m.form {
	case amazon:
		return (*planner).amazon
	case stability:
		return (*planner).stability
	case service:
		return (*planner).service
	case diffusion:
		return (*planner).diffusion
	case unknown:
	}
	return nil
}

// fits is the error for a body that is too large; nil for none.
func fits(body [][]byte) error {
	total := 0
	for _, s := range body {
		total += len(s)
	}
	if total <= maxBody {
		return nil
	}
	e := llm.Invalid("image", "the images are too large: Bedrock takes bodies of up to %d bytes, and this one has %d", maxBody, total)
	e.Code = llm.CodeTooLong
	return e
}

// planner makes the calls of one request.
type planner struct {
	model    *Model
	req      *llm.ImageRequest
	warnings []llm.Warning
}

func (p *planner) warn(code, field, detail string) {
	p.warnings = append(p.warnings, llm.Warning{Code: code, Field: field, Detail: detail})
}

// refuse is for a setting that the model lacks: it returns an error, or adds a warning under drop_params.
func (p *planner) refuse(field, format string, args ...any) error {
	return p.req.Refuse(p.warn, field, format, args...)
}

// featureless is the error for what the model does not do.
func (p *planner) featureless(field, fix, format string, args ...any) error {
	e := llm.Unsupported(field, format, args...)
	e.Code, e.Fix = llm.CodeFeature, fix
	return e
}

// mask returns the mask in which what is to be edited has the grey value edit, and the rest keep.
func (p *planner) mask(edit, keep uint8) ([]byte, error) {
	flat, err := alphamask.Flatten(p.req.Mask.Base64.Decode(), edit, keep)
	if err != nil {
		return nil, llm.Invalid("mask", "mask cannot be read: %v", err)
	}
	return llm.EncodeBase64(flat).Bytes(), nil
}

// one is the only image to edit.
func (p *planner) one() ([]byte, error) {
	if len(p.req.Images) > 1 {
		return nil, llm.Unsupported("image", "model %s edits one image, not %d", p.model.name(), len(p.req.Images))
	}
	return p.req.Images[0].Base64.Bytes(), nil
}
