// Package openaiimage implements OpenAI's API for generating and editing images: it decodes requests into
// llm's form and encodes responses from it.
//
// The format is described at https://developers.openai.com/api/reference/resources/images.
package openaiimage

import (
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Request is a decoded request.
type Request struct {
	LLM llm.ImageRequest
	// URLs is whether the response has its images as addresses; copy it to the Envelope.
	URLs bool
	// Warnings are about members that have no effect.
	Warnings []llm.Warning
}

// maxImages is OpenAI's bound on n.
const maxImages = 10

// Decode reads a call whose body is JSON or a form, as package openaiapi has read it. Its error is an
// *llm.Error with status 400 that names the field. The request shares the memory of a form's files.
func Decode(raw *llm.Raw) (*Request, error) {
	out := &Request{LLM: llm.ImageRequest{Call: raw.Call}}
	members, err := fields(raw, out)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		if m.Value.Kind() == 'n' {
			continue
		}
		if err := out.member(m); err != nil {
			return nil, err
		}
	}
	r := &out.LLM
	switch {
	case raw.Dialect == llm.DialectImageEdits && len(r.Images) == 0 && len(raw.Parts) == 0:
		e := llm.Invalid("image", "the images to edit must be files of a form (multipart/form-data) for this model")
		return nil, e
	case raw.Dialect == llm.DialectImageEdits && len(r.Images) == 0:
		return nil, llm.Invalid("image", "image is missing: send a file to edit")
	case r.Prompt == "" && !r.Edits():
		return nil, llm.Invalid("prompt", "prompt must not be empty")
	}
	return out, nil
}

// fields are the members of a body. The files of a form become images.
func fields(raw *llm.Raw, out *Request) ([]jsonx.Member, error) {
	if len(raw.Parts) == 0 {
		members, err := jsonx.Members(raw.Body)
		if err != nil {
			return nil, llm.Invalid("", "the request body is not a JSON object")
		}
		return members, nil
	}
	var members []jsonx.Member
	for i := range raw.Parts {
		p := &raw.Parts[i]
		name, _, isList := strings.Cut(p.Name, "[")
		switch {
		case name == "image" || name == "mask" || p.FileName != "":
			if err := out.file(p, name); err != nil {
				return nil, err
			}
		case isList:
			return nil, llm.Unsupported(p.Name, "%s: lists in forms are not supported for this model", p.Name)
		default:
			members = append(members, jsonx.Member{Name: name, Value: value(name, string(p.Content))})
		}
	}
	return members, nil
}

// value is a text of a form as JSON: a number, a boolean or an object of a model's own parameter is what it
// looks like.
func value(name, text string) jsonx.Raw {
	raw := jsonx.Raw(text)
	switch name {
	case "prompt", "size", "quality", "response_format", "output_format", "user":
	default:
		if raw.IsValid() && raw.Kind() != '"' {
			return raw
		}
	}
	return jsonx.AppendString(nil, text)
}

// file reads an image of a form.
func (r *Request) file(p *llm.Part, name string) error {
	m := &llm.Media{Format: llm.ImageFormat(string(p.Content[:min(len(p.Content), 12)])), Base64: llm.EncodeBase64(p.Content)}
	switch {
	case m.Format == "":
		return llm.Invalid(name, "%s is not a supported image: the content is not PNG, JPEG, GIF or WebP", p.Name)
	case name == "image":
		r.LLM.Images = append(r.LLM.Images, m)
	case name == "mask" && r.LLM.Mask == nil:
		r.LLM.Mask = m
	case name == "mask":
		return llm.Invalid("mask", "mask is in the form twice")
	default:
		return llm.Unsupported(name, "%s: a file is the image or the mask", name)
	}
	return nil
}

// member reads a member.
func (r *Request) member(m jsonx.Member) error {
	q := &r.LLM
	switch m.Name {
	case "model", "stream", "user": // read, or refused, before
		return nil
	case "prompt":
		return text(m, &q.Prompt)
	case "n":
		return r.count(m)
	case "size":
		return r.size(m)
	case "quality":
		return auto(m, &q.Quality)
	case "output_format":
		if err := auto(m, &q.Format); err != nil {
			return err
		}
		switch q.Format {
		case "", "png", "jpeg", "webp":
			return nil
		}
		return llm.Invalid(m.Name, "output_format must be png, jpeg or webp, not %q", llm.Clip(q.Format, 100))
	case "response_format":
		return r.form(m)
	case "background", "moderation", "output_compression", "style", "input_fidelity", "partial_images":
		q.Unmapped = append(q.Unmapped, m)
	default:
		q.ModelFields = append(q.ModelFields, m)
	}
	return nil
}

func (r *Request) count(m jsonx.Member) error {
	var n int64
	if jsonx.Unmarshal(m.Value, &n) != nil || n < 1 || n > maxImages {
		return llm.Invalid(m.Name, "n must be a whole number from 1 to %d, not %s", maxImages, llm.Clip(string(m.Value), 100))
	}
	r.LLM.Count = llm.Some(n)
	return nil
}

func (r *Request) size(m jsonx.Member) error {
	if err := auto(m, &r.LLM.Size); err != nil || r.LLM.Size == "" {
		return err
	}
	if _, _, ok := r.LLM.Pixels(); !ok {
		return llm.Invalid(m.Name, "size must be auto, or a width and height in pixels such as 1024x1024, not %q", llm.Clip(r.LLM.Size, 100))
	}
	return nil
}

// form reads whether images are wanted by address. The gateway keeps no images, so that they are data URIs.
func (r *Request) form(m jsonx.Member) error {
	var form string
	if err := text(m, &form); err != nil {
		return err
	}
	switch form {
	case "b64_json":
	case "url":
		r.URLs = true
		r.Warnings = append(r.Warnings, llm.Warning{Code: llm.WarnChanged, Field: m.Name, Detail: "the addresses are data URIs"})
	default:
		return llm.Invalid(m.Name, "response_format must be b64_json or url, not %q", llm.Clip(form, 100))
	}
	return nil
}

func text(m jsonx.Member, to *string) error {
	if jsonx.Unmarshal(m.Value, to) != nil {
		return llm.Invalid(m.Name, "%s must be a string, not %s", m.Name, jsonx.KindName(m.Value.Kind()))
	}
	return nil
}

// auto reads a word that is OpenAI's auto if the model chooses.
func auto(m jsonx.Member, to *string) error {
	err := text(m, to)
	if *to == "auto" {
		*to = ""
	}
	return err
}
