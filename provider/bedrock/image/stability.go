package image

import (
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// ratios are Stability AI's ratios of width to height. They are never written to.
var ratios = []string{"1:1", "16:9", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21"}

// stability writes a body for Stable Diffusion 3 and later, or Stable Image Core and Ultra.
func (p *planner) stability(w *jsonx.Writer, _ int) error {
	w.Object()
	w.Key("prompt")
	w.String(p.req.Prompt)
	if p.req.Edits() {
		if strings.HasPrefix(p.model.Name, "stable-image-core") {
			return p.featureless("model", "Call another model, such as stability.sd3-5-large-v1:0.", "model %s does not edit images", p.model.name())
		}
		image, err := p.one()
		if err != nil {
			return err
		}
		w.Key("image")
		w.Base64(image)
		if strings.HasPrefix(p.model.Name, "sd3") && p.free("mode") {
			w.Key("mode")
			w.Word("image-to-image")
		}
		if p.free("strength") { // which the API requires with an image
			w.Key("strength")
			w.Float(0.7)
			p.warn(llm.WarnChanged, "strength", "to 0.7, because the model requires one; it is from 0 to 1")
		}
		if p.req.Mask != nil {
			if err := p.refuse("mask", "mask is not supported by model %s; stability.stable-image-inpaint-v1:0 takes one", p.model.name()); err != nil {
				return err
			}
		}
	}
	if p.req.Size != "" && p.free("aspect_ratio") {
		if p.req.Edits() {
			p.warn(llm.WarnDropped, "size", "the size is that of the image")
		} else {
			p.ratio(w)
		}
	}
	p.rest(w)
	w.EndObject()
	return nil
}

// free reports whether the client has not set a parameter of the model's own.
func (p *planner) free(name string) bool { return jsonx.Find(p.req.ModelFields, name) == nil }

// ratio writes the nearest ratio for the size.
func (p *planner) ratio(w *jsonx.Writer) {
	nearest, same := p.req.Ratio(ratios)
	if !same {
		p.warn(llm.WarnChanged, "size", "to the aspect ratio "+nearest)
	}
	w.Key("aspect_ratio")
	w.Word(nearest)
}

// rest writes the format and the client's own parameters.
func (p *planner) rest(w *jsonx.Writer) {
	if p.req.Quality != "" {
		p.warn(llm.WarnDropped, "quality", "the model has one quality")
	}
	if p.req.Format != "" && p.free("output_format") {
		w.Key("output_format")
		w.Word(p.req.Format)
	}
	w.Members(p.req.ModelFields)
}

// service writes a body for one of Stable Image Services, each of which edits in one way.
func (p *planner) service(w *jsonx.Writer, _ int) error {
	if !p.req.Edits() {
		return p.featureless("model", "Send the request to /v1/images/edits with an image.", "model %s edits images, and makes no new ones", p.model.name())
	}
	image, err := p.one()
	if err != nil {
		return err
	}
	w.Object()
	if strings.Contains(p.model.Name, "style-transfer") {
		w.Key("init_image")
	} else {
		w.Key("image")
	}
	w.Base64(image)
	if p.req.Prompt != "" {
		w.Key("prompt")
		w.String(p.req.Prompt)
	}
	if p.req.Mask != nil {
		mask, err := p.mask(255, 0)
		if err != nil {
			return err
		}
		w.Key("mask")
		w.Base64(mask)
	}
	if p.req.Size != "" {
		p.warn(llm.WarnDropped, "size", "the size follows from the image")
	}
	p.rest(w)
	w.EndObject()
	return nil
}

// diffusion writes a body for Stable Diffusion XL.
func (p *planner) diffusion(w *jsonx.Writer, _ int) error {
	if p.req.Edits() {
		return p.featureless("model", "Call another model, such as stability.sd3-5-large-v1:0.", "edits of images by model %s are not supported", p.model.name())
	}
	w.Object()
	w.Key("text_prompts")
	w.Array()
	w.Object()
	w.Key("text")
	w.String(p.req.Prompt)
	w.Key("weight")
	w.Int(1)
	w.EndObject()
	w.EndArray()
	if width, height, ok := p.req.Pixels(); ok && p.free("width") && p.free("height") {
		w.Key("width")
		w.Int(width)
		w.Key("height")
		w.Int(height)
	}
	if p.req.Quality != "" {
		p.warn(llm.WarnDropped, "quality", "the model has one quality")
	}
	if p.req.Format != "" && p.req.Format != "png" {
		p.warn(llm.WarnChanged, "output_format", "to png")
	}
	w.Members(p.req.ModelFields)
	w.EndObject()
	return nil
}
