package gemini

import (
	"errors"
	"math"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Ratios of width to height (https://ai.google.dev/gemini-api/docs/image-generation#aspect_ratios and
// https://ai.google.dev/gemini-api/docs/imagen#configuration). They are never written to.
var (
	geminiRatios = []string{"1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9"}
	imagenRatios = []string{"1:1", "3:4", "4:3", "9:16", "16:9"}
)

// AppendImageRequest writes a request for one image as a body of generateContent. vertex is whether it is
// for Vertex AI. It returns what it changed or left out; the error is an *llm.Error.
func AppendImageRequest(w *jsonx.Writer, req *llm.ImageRequest, model string, vertex bool) ([]llm.Warning, error) {
	e := &imageEncoder{w: w, req: req, model: model}
	if err := e.unmapped(); err != nil {
		return nil, err
	}
	if req.Mask != nil {
		if err := e.refuse("mask", "mask is not supported by model %s; say in the prompt what to edit", model); err != nil {
			return nil, err
		}
	}
	w.Object()
	w.Key("contents")
	w.Array()
	w.Object()
	w.Key("role")
	w.Word("user")
	w.Key("parts")
	w.Array()
	for _, m := range req.Images {
		w.Object()
		w.Key("inlineData")
		w.Object()
		w.Key("mimeType")
		w.Word("image/" + m.Format)
		w.Key("data")
		w.Base64(m.Base64.Bytes())
		w.EndObject()
		w.EndObject()
	}
	if req.Prompt != "" {
		w.Object()
		w.Key("text")
		w.String(req.Prompt)
		w.EndObject()
	}
	w.EndArray()
	w.EndObject()
	w.EndArray()
	w.Key("generationConfig")
	w.Object()
	w.Key("responseModalities")
	w.Array()
	w.Word("IMAGE")
	if !vertex {
		w.Word("TEXT")
	}
	w.EndArray()
	if err := e.imageConfig(); err != nil {
		return nil, err
	}
	w.EndObject()
	e.own()
	w.EndObject()
	return e.warnings, nil
}

// imageEncoder is the state of one request.
type imageEncoder struct {
	w        *jsonx.Writer
	req      *llm.ImageRequest
	model    string
	warnings []llm.Warning
}

func (e *imageEncoder) warn(code, field, detail string) {
	e.warnings = append(e.warnings, llm.Warning{Code: code, Field: field, Detail: detail})
}

// refuse handles a field whose absence changes the meaning: an error, or under drop_params a warning.
func (e *imageEncoder) refuse(field, format string, args ...any) error {
	return e.req.Refuse(e.warn, field, format, args...)
}

// unmapped handles what no model of Google's has a setting for.
func (e *imageEncoder) unmapped() error {
	warnings, err := e.req.Unmap(e.model)
	if err != nil {
		return err
	}
	e.warnings = warnings
	if q := e.req.Quality; q != "" && q != "standard" {
		e.warn(llm.WarnDropped, "quality", "the model has one quality")
	}
	return nil
}

// ratio is the nearest aspect ratio for the size; empty without one.
func (e *imageEncoder) ratio(all []string) string {
	if e.req.Size == "" {
		return ""
	}
	nearest, same := e.req.Ratio(all)
	if !same {
		e.warn(llm.WarnChanged, "size", "to the aspect ratio "+nearest)
	}
	return nearest
}

// imageConfig writes the aspect ratio and the resolution: the client's own, else those of size.
func (e *imageEncoder) imageConfig() error {
	if e.req.Format != "" && e.req.Format != "png" {
		e.warn(llm.WarnDropped, "output_format", "the model chooses the format")
	}
	var config []jsonx.Member
	for _, m := range e.req.ModelFields {
		switch m.Name {
		case "imageConfig", "image_config":
			own, err := jsonx.Members(m.Value)
			if err != nil {
				return llm.Invalid(m.Name, "%s must be an object, not %s", m.Name, jsonx.KindName(m.Value.Kind()))
			}
			config = append(config, own...)
		case "aspectRatio", "aspect_ratio":
			config = append(config, jsonx.Member{Name: "aspectRatio", Value: m.Value})
		case "imageSize", "image_size":
			config = append(config, jsonx.Member{Name: "imageSize", Value: m.Value})
		}
	}
	if jsonx.Find(config, "aspectRatio") == nil {
		if ratio := e.ratio(geminiRatios); ratio != "" {
			config = append(config, jsonx.Member{Name: "aspectRatio", Value: jsonx.AppendString(nil, ratio)})
		}
	}
	if size := resolution(e.req, e.model); size != "" && jsonx.Find(config, "imageSize") == nil {
		config = append(config, jsonx.Member{Name: "imageSize", Value: jsonx.AppendString(nil, size)})
	}
	if len(config) > 0 {
		e.w.Key("imageConfig")
		e.w.Object()
		for i, m := range config {
			if jsonx.Find(config[:i], m.Name) == nil {
				e.w.AnyKey(m.Name)
				e.w.Raw(m.Value)
			}
		}
		e.w.EndObject()
	}
	return nil
}

// resolution is Google's word for how many pixels a size has, the nearest; empty for the model's only one.
// Models before Gemini 3 have none to choose, and Flash Lite has 1K alone, as in LiteLLM.
func resolution(req *llm.ImageRequest, model string) string {
	width, height, ok := req.Pixels()
	if !ok || strings.HasPrefix(model, "gemini-2") {
		return ""
	}
	side := math.Sqrt(float64(width) * float64(height))
	switch {
	case strings.Contains(model, "-lite"):
		return "1K"
	case side < 768 && strings.HasPrefix(model, "gemini-3.1-flash-image"):
		return "512"
	case side < 1536:
		return "1K"
	case side < 3072:
		return "2K"
	default:
		return "4K"
	}
}

// own writes the members that are Google's own, and tells of others.
func (e *imageEncoder) own() {
	for _, m := range e.req.ModelFields {
		switch m.Name {
		case "imageConfig", "image_config", "aspectRatio", "aspect_ratio", "imageSize", "image_size":
		case "safetySettings", "safety_settings":
			e.w.Key("safetySettings")
			e.w.Raw(m.Value)
		case "tools", "toolConfig", "labels":
			e.w.Key(m.Name)
			e.w.Raw(m.Value)
		default:
			e.warn(llm.WarnDropped, m.Name, "it is no parameter of this model")
		}
	}
}

// AppendImagenRequest writes a request for some images as a body of predict, which Imagen has. It returns
// what it changed or left out; the error is an *llm.Error. mask is the request's mask with white parts
// to edit; zero for none.
func AppendImagenRequest(w *jsonx.Writer, req *llm.ImageRequest, model string, count int, mask llm.Base64) ([]llm.Warning, error) {
	e := &imageEncoder{w: w, req: req, model: model}
	if err := e.unmapped(); err != nil {
		return nil, err
	}
	w.Object()
	w.Key("instances")
	w.Array()
	w.Object()
	w.Key("prompt")
	w.String(req.Prompt)
	if req.Edits() {
		e.references(mask)
	}
	w.EndObject()
	w.EndArray()
	w.Key("parameters")
	w.Object()
	parameters := imagenParameters(req.ModelFields)
	own := func(name string) bool { return jsonx.Find(parameters, name) != nil }
	if !own("sampleCount") {
		w.Key("sampleCount")
		w.Int(int64(count))
	}
	if !own("aspectRatio") {
		if ratio := e.ratio(imagenRatios); ratio != "" {
			w.Key("aspectRatio")
			w.Word(ratio)
		}
	}
	if !own("includeRaiReason") {
		w.Key("includeRaiReason")
		w.Bool(true)
	}
	if req.Edits() && !own("editMode") {
		w.Key("editMode")
		if mask.IsZero() {
			w.Word("EDIT_MODE_DEFAULT")
		} else {
			w.Word("EDIT_MODE_INPAINT_INSERTION")
		}
	}
	if !own("outputOptions") {
		e.outputOptions()
	}
	w.Members(parameters)
	w.EndObject()
	w.EndObject()
	return e.warnings, nil
}

// imagenParameters are the client's own parameters by Imagen's names, each once.
func imagenParameters(fields []jsonx.Member) []jsonx.Member {
	var out []jsonx.Member
	for _, m := range fields {
		switch m.Name {
		case "aspect_ratio":
			m.Name = "aspectRatio"
		case "imageSize", "image_size":
			m.Name = "sampleImageSize"
		case "negative_prompt":
			m.Name = "negativePrompt"
		}
		if jsonx.Find(out, m.Name) == nil {
			out = append(out, m)
		}
	}
	return out
}

// outputOptions writes the format of the images.
func (e *imageEncoder) outputOptions() {
	switch e.req.Format {
	case "png", "jpeg":
		e.w.Key("outputOptions")
		e.w.Object()
		e.w.Key("mimeType")
		e.w.Word("image/" + e.req.Format)
		e.w.EndObject()
	case "webp":
		e.warn(llm.WarnChanged, "output_format", "to png")
	}
}

// references writes the images to edit
// (https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/imagen-api-edit).
func (e *imageEncoder) references(mask llm.Base64) {
	w := e.w
	w.Key("referenceImages")
	w.Array()
	one := func(id int, kind string, content llm.Base64) {
		w.Object()
		w.Key("referenceType")
		w.Word(kind)
		w.Key("referenceId")
		w.Int(int64(id))
		w.Key("referenceImage")
		w.Object()
		w.Key("bytesBase64Encoded")
		w.Base64(content.Bytes())
		w.EndObject()
	}
	for i, m := range e.req.Images {
		one(i+1, "REFERENCE_TYPE_RAW", m.Base64)
		w.EndObject()
	}
	if !mask.IsZero() {
		one(len(e.req.Images)+1, "REFERENCE_TYPE_MASK", mask)
		w.Key("maskImageConfig")
		w.Object()
		w.Key("maskMode")
		w.Word("MASK_MODE_USER_PROVIDED")
		w.EndObject()
		w.EndObject()
	}
	w.EndArray()
}

// NoImageError is a response without an image that no filter has refused.
type NoImageError struct {
	// Text is what the model says instead; it may be empty.
	Text string
}

func (e *NoImageError) Error() string {
	if e.Text == "" {
		return "the response has no image"
	}
	return "the response has no image, but this text: " + e.Text
}

// DecodeImages reads a response of generateContent to a request for an image. A request that a filter
// refused is a *BlockedError, and one that is answered by a text a *NoImageError.
func DecodeImages(body []byte) (*llm.ImageResponse, error) {
	var s struct {
		Candidates []struct {
			Content struct {
				Parts []struct {
					Inline *struct {
						Type string    `json:"mimeType"`
						Data string    `json:"data"`
						Rest jsonx.Raw `json:",embed"`
					} `json:"inlineData"`
					Text    string    `json:"text"`
					Thought bool      `json:"thought"`
					Rest    jsonx.Raw `json:",embed"`
				} `json:"parts"`
				Rest jsonx.Raw `json:",embed"`
			} `json:"content"`
			Finish  string    `json:"finishReason"`
			Message string    `json:"finishMessage"`
			Rest    jsonx.Raw `json:",embed"`
		} `json:"candidates"`
		Feedback *struct {
			Reason  string    `json:"blockReason"`
			Message string    `json:"blockReasonMessage"`
			Rest    jsonx.Raw `json:",embed"`
		} `json:"promptFeedback"`
		Usage jsonx.Raw     `json:"usageMetadata"`
		Error *StatusDetail `json:"error"`
		Rest  jsonx.Raw     `json:",embed"`
	}
	if err := jsonx.Unmarshal(body, &s); err != nil {
		return nil, err
	}
	if s.Error != nil {
		return nil, s.Error.status()
	}
	out := &llm.ImageResponse{}
	var text strings.Builder
	var blocked *BlockedError
	if f := s.Feedback; f != nil && f.Reason != "" {
		blocked = &BlockedError{Reason: f.Reason, Message: f.Message}
	}
	for _, c := range s.Candidates {
		for _, p := range c.Content.Parts {
			if !p.Thought {
				text.WriteString(p.Text)
			}
			if p.Inline == nil || p.Thought || !strings.HasPrefix(p.Inline.Type, "image/") {
				continue
			}
			if err := addImage(out, p.Inline.Data, p.Inline.Type, ""); err != nil {
				return nil, err
			}
		}
		if filtered(c.Finish) {
			blocked = &BlockedError{Reason: c.Finish, Message: c.Message}
		}
	}
	switch {
	case len(out.Images) > 0:
	case blocked != nil:
		return nil, blocked
	default:
		return nil, &NoImageError{text.String()}
	}
	if len(s.Usage) == 0 {
		out.Uncounted = true
	} else {
		var err error
		if out.Usage, err = DecodeUsage(s.Usage); err != nil {
			return nil, err
		}
		if !out.Usage.ImageOutput.Set { // older servers say no modality
			out.Usage.ImageOutput = llm.Some(out.Usage.Output - out.Usage.Reasoning.Value)
		}
	}
	out.Usage.Images = int64(len(out.Images))
	return out, nil
}

// filtered reports whether a candidate ended because of a filter
// (https://ai.google.dev/api/generate-content#FinishReason).
func filtered(finish string) bool {
	switch strings.TrimPrefix(finish, "IMAGE_") {
	case "SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "RECITATION":
		return true
	default:
		return false
	}
}

// addImage adds an image to a response.
func addImage(out *llm.ImageResponse, data, kind, prompt string) error {
	content, ok := llm.ReadBase64(data)
	if !ok {
		return errors.New("an image is not valid base64")
	}
	image := llm.Image{Base64: content, Prompt: prompt, Format: llm.ImageFormat(string(content.Head(12)))}
	if image.Format == "" {
		image.Format = strings.TrimPrefix(kind, "image/")
	}
	out.Images = append(out.Images, image)
	return nil
}

// DecodeImagen reads a response of predict to a request for images. If all were refused by a filter, that is
// a *BlockedError.
func DecodeImagen(body []byte) (*llm.ImageResponse, error) {
	var s struct {
		Predictions []struct {
			Data   string    `json:"bytesBase64Encoded"`
			Type   string    `json:"mimeType"`
			Prompt string    `json:"prompt"`
			Reason string    `json:"raiFilteredReason"`
			Rest   jsonx.Raw `json:",embed"`
		} `json:"predictions"`
		Rest jsonx.Raw `json:",embed"`
	}
	if err := jsonx.Unmarshal(body, &s); err != nil {
		return nil, err
	}
	out := &llm.ImageResponse{Uncounted: true}
	refusal := &BlockedError{Reason: "FILTERED"}
	for _, p := range s.Predictions {
		if p.Reason != "" {
			refusal.Message = p.Reason
		}
		if p.Data == "" {
			continue
		}
		if err := addImage(out, p.Data, p.Type, p.Prompt); err != nil {
			return nil, err
		}
	}
	if len(out.Images) == 0 {
		return nil, refusal
	}
	out.Usage.Images = int64(len(out.Images))
	return out, nil
}
