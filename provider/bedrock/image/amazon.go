package image

import (
	"slices"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// task is what one of Amazon's models does, and the member with its parameters.
type task struct{ name, member string }

// tasks are those of Nova Canvas; Titan Image Generator has most of them. They are never written to.
var tasks = []task{
	{"TEXT_IMAGE", "textToImageParams"},
	{"COLOR_GUIDED_GENERATION", "colorGuidedGenerationParams"},
	{"IMAGE_VARIATION", "imageVariationParams"},
	{"INPAINTING", "inPaintingParams"},
	{"OUTPAINTING", "outPaintingParams"},
	{"BACKGROUND_REMOVAL", "backgroundRemovalParams"},
}

// settings are members of imageGenerationConfig, and details those of a task's parameters, which clients
// may send beside OpenAI's parameters, as in LiteLLM. They are never written to.
var (
	settings = []string{"width", "height", "quality", "cfgScale", "seed", "numberOfImages"}
	details  = []string{"negativeText", "style", "controlMode", "controlStrength", "colors", "maskPrompt", "outPaintingMode", "similarityStrength"}
)

// amazon writes a body for Nova Canvas or Titan Image Generator.
func (p *planner) amazon(w *jsonx.Writer, count int) error {
	t, err := p.task()
	if err != nil {
		return err
	}
	w.Object()
	w.Key("taskType")
	w.Word(t.name)
	w.Key(t.member)
	w.Object()
	if err := p.details(w, t); err != nil {
		return err
	}
	w.EndObject()
	if t.name != "BACKGROUND_REMOVAL" { // which has no settings
		w.Key("imageGenerationConfig")
		w.Object()
		if err := p.settings(w, count); err != nil {
			return err
		}
		w.EndObject()
	}
	w.EndObject()
	for _, m := range p.req.ModelFields {
		if m.Name != "taskType" && m.Name != t.member && m.Name != "imageGenerationConfig" && !slices.Contains(settings, m.Name) && !slices.Contains(details, m.Name) {
			p.warn(llm.WarnDropped, m.Name, "it is no parameter of this model")
		}
	}
	return nil
}

// task is the client's own task, else that of an edit with a mask, of another edit, or of new images.
func (p *planner) task() (task, error) {
	name := "TEXT_IMAGE"
	switch {
	case p.req.Mask != nil, p.req.Edits() && jsonx.Find(p.req.ModelFields, "maskPrompt") != nil:
		name = "INPAINTING"
	case p.req.Edits():
		name = "IMAGE_VARIATION"
	}
	if own := jsonx.Find(p.req.ModelFields, "taskType"); own != nil {
		if jsonx.Unmarshal(own, &name) != nil {
			return task{}, llm.Invalid("taskType", "taskType must be a string, not %s", jsonx.KindName(own.Kind()))
		}
	}
	for _, t := range tasks {
		edits := t.name != "TEXT_IMAGE" && t.name != "COLOR_GUIDED_GENERATION"
		switch {
		case t.name != name:
		case edits && !p.req.Edits():
			return task{}, llm.Invalid("taskType", "taskType %s needs an image: send the request to /v1/images/edits", name)
		case !edits && p.req.Edits():
			return task{}, llm.Invalid("taskType", "taskType %s takes no image: send the request to /v1/images/generations", name)
		default:
			return t, nil
		}
	}
	return task{}, llm.Invalid("taskType", "taskType must be TEXT_IMAGE, COLOR_GUIDED_GENERATION, IMAGE_VARIATION, INPAINTING, OUTPAINTING or BACKGROUND_REMOVAL, not %q", llm.Clip(name, 100))
}

// details writes the parameters of a task: the images, the text, and the client's own.
func (p *planner) details(w *jsonx.Writer, t task) error {
	own, err := p.object(t.member)
	if err != nil {
		return err
	}
	free := func(name string) bool { return jsonx.Find(own, name) == nil }
	switch {
	case t.name == "TEXT_IMAGE", t.name == "COLOR_GUIDED_GENERATION":
	case t.name == "IMAGE_VARIATION" && free("images"):
		w.Key("images")
		w.Array()
		for _, m := range p.req.Images {
			w.Base64(m.Base64.Bytes())
		}
		w.EndArray()
	case t.name != "IMAGE_VARIATION" && free("image"):
		image, err := p.one()
		if err != nil {
			return err
		}
		w.Key("image")
		w.Base64(image)
	}
	if p.req.Mask != nil {
		if err := p.amazonMask(w, t, own); err != nil {
			return err
		}
	}
	if t.name == "BACKGROUND_REMOVAL" {
		return nil
	}
	if p.req.Prompt != "" && jsonx.Find(own, "text") == nil {
		w.Key("text")
		w.String(p.req.Prompt)
	}
	w.Members(own)
	for _, m := range p.req.ModelFields {
		if slices.Contains(details, m.Name) && jsonx.Find(own, m.Name) == nil {
			w.AnyKey(m.Name)
			w.Raw(m.Value)
		}
	}
	return nil
}

// amazonMask writes the mask, whose black parts are edited.
func (p *planner) amazonMask(w *jsonx.Writer, t task, own []jsonx.Member) error {
	switch {
	case t.name != "INPAINTING" && t.name != "OUTPAINTING":
		return p.refuse("mask", "mask is not supported for the taskType %s", t.name)
	case jsonx.Find(own, "maskPrompt") != nil || jsonx.Find(own, "maskImage") != nil || jsonx.Find(p.req.ModelFields, "maskPrompt") != nil:
		return llm.Invalid("mask", "mask, maskImage and maskPrompt are the same setting; send one of them")
	}
	mask, err := p.mask(0, 255)
	if err != nil {
		return err
	}
	w.Key("maskImage")
	w.Base64(mask)
	return nil
}

// object is a parameter of the client's that is an object; nil if it is not there.
func (p *planner) object(name string) ([]jsonx.Member, error) {
	given := jsonx.Find(p.req.ModelFields, name)
	if given == nil {
		return nil, nil
	}
	members, err := jsonx.Members(given)
	if err != nil {
		return nil, llm.Invalid(name, "%s must be an object, not %s", name, jsonx.KindName(given.Kind()))
	}
	return members, nil
}

// settings writes imageGenerationConfig: the client's own, else what OpenAI's parameters say.
func (p *planner) settings(w *jsonx.Writer, count int) error {
	own, err := p.object("imageGenerationConfig")
	if err != nil {
		return err
	}
	for _, m := range p.req.ModelFields {
		if slices.Contains(settings, m.Name) && jsonx.Find(own, m.Name) == nil {
			own = append(slices.Clip(own), m)
		}
	}
	free := func(name string) bool { return jsonx.Find(own, name) == nil }
	if free("numberOfImages") {
		w.Key("numberOfImages")
		w.Int(int64(count))
	}
	if width, height, ok := p.req.Pixels(); ok && free("width") && free("height") {
		w.Key("width")
		w.Int(width)
		w.Key("height")
		w.Int(height)
	}
	if p.req.Quality != "" && free("quality") {
		switch p.req.Quality {
		case "hd", "high", "premium":
			w.Key("quality")
			w.Word("premium")
		case "standard", "medium", "low":
			w.Key("quality")
			w.Word("standard")
		default:
			return llm.Invalid("quality", "quality must be standard, hd, low, medium or high, not %q", llm.Clip(p.req.Quality, 100))
		}
	}
	if p.req.Format != "" && p.req.Format != "png" {
		p.warn(llm.WarnChanged, "output_format", "to png")
	}
	w.Members(own)
	return nil
}
