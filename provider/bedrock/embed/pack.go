package embed

import (
	"slices"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/embedding"
	"outcrop/wire/cohereembed"
)

// batchBytes is from which size of its content on a call takes no more inputs, well below maxBody.
const batchBytes = 16_000_000

// pack divides the inputs into calls and encodes their bodies.
func (p *planner) pack() error {
	limits := embedding.Limits{Texts: p.row.texts, Media: p.row.images, Parts: p.row.images, Bytes: batchBytes}
	for _, batch := range embedding.Batches(p.req, p.texts, limits) {
		if err := p.item(batch); err != nil {
			return err
		}
	}
	return nil
}

func (p *planner) item(batch embedding.Batch) error {
	inputs := batch.Inputs
	first := &p.req.Inputs[inputs[0]]
	item := Item{Inputs: inputs, form: p.row.form, types: p.types}
	for _, i := range inputs {
		item.estimate += embedding.Estimate(&p.req.Inputs[i], p.texts[i])
	}
	w := &jsonx.Writer{SplitLarge: true}
	if p.row.form == cohere {
		if err := p.cohere(w, batch); err != nil {
			return err
		}
	} else {
		p.body(w, first, inputs[0], &item)
	}
	item.Body = w.Segments()
	size := 0
	for _, s := range item.Body {
		size += len(s)
	}
	if size > maxBody {
		field := first.Name(inputs[0])
		e := llm.Invalid(field, "%s is too large: Bedrock takes bodies of up to %d bytes, and this one has %d", field, maxBody, size)
		e.Code = llm.CodeTooLong
		return e
	}
	p.items = append(p.items, item)
	return nil
}

// body writes the body of a model that takes one input in a call.
func (p *planner) body(w *jsonx.Writer, in *llm.EmbedInput, i int, item *Item) {
	w.Object()
	switch p.row.form {
	case titanText:
		p.titan(w, in, i)
	case titanImage:
		p.titanImage(w, in, i)
	case nova:
		item.names = []string{in.Name(i)}
		p.nova(w, in, i)
	case marengo2:
		p.marengo2(w, in, i)
	case marengo3:
		p.marengo3(w, in, i)
	case cohere: // not of one input
	}
	w.EndObject()
}

func (p *planner) titan(w *jsonx.Writer, in *llm.EmbedInput, i int) {
	w.Key("inputText")
	if len(in.Parts) == 1 {
		w.String(in.Parts[0].Text)
	} else {
		w.String(p.texts[i])
	}
	if p.dimensions > 0 {
		w.Key("dimensions")
		w.Int(p.dimensions)
	}
	if p.normalize.Set && p.row.normalize {
		w.Key("normalize")
		w.Bool(p.normalize.Value)
	}
	if forms := p.forms(); len(forms) > 0 {
		w.Key("embeddingTypes")
		w.Array()
		for _, form := range forms {
			w.Word(string(form))
		}
		w.EndArray()
	}
}

// forms are the requested forms, to be written; floats alone are every model's default.
func (p *planner) forms() []llm.VectorType {
	if len(p.types) == 1 && p.types[0] == llm.VectorFloat {
		return nil
	}
	return p.types
}

func (p *planner) titanImage(w *jsonx.Writer, in *llm.EmbedInput, i int) {
	if len(in.Parts) == 0 {
		w.Key("inputText")
		w.String(p.texts[i])
	}
	for j := range in.Parts {
		if b := &in.Parts[j]; b.Kind == llm.BlockText {
			w.Key("inputText")
			w.String(b.Text)
		} else {
			w.Key("inputImage")
			w.Base64(b.Media.Base64.Bytes())
		}
	}
	if p.dimensions > 0 {
		w.Key("embeddingConfig")
		w.Object()
		w.Key("outputEmbeddingLength")
		w.Int(p.dimensions)
		w.EndObject()
	}
	w.Members(p.fields)
}

func (p *planner) cohere(w *jsonx.Writer, batch embedding.Batch) error {
	purpose := p.purpose
	images := slices.Contains(p.row.truncate, "LEFT") // v4 has the same purposes for texts and images
	first := &p.req.Inputs[batch.Inputs[0]]
	switch {
	case purpose == "image" && batch.Kind == embedding.Text:
		field := first.Name(batch.Inputs[0])
		return llm.Invalid(field, "%s is a text, but input_type image is for images", field)
	case purpose == "image" && images:
		purpose = p.row.purposes[0]
	case batch.Kind == embedding.Media && !images && purpose != "image":
		if p.req.InputType != "" && !slices.ContainsFunc(p.warnings, func(w llm.Warning) bool { return w.Field == "input_type" }) {
			p.warn(llm.WarnChanged, "input_type", "image, for images")
		}
		purpose = "image"
	}
	body := cohereembed.Body{FlatURLs: true, InputType: purpose, Truncate: p.truncate, Types: p.forms(), Dimensions: p.dimensions}
	if p.row.maxTokens {
		body.MaxTokens = p.maxTokens
	}
	for _, i := range batch.Inputs {
		parts := p.req.Inputs[i].Parts
		switch batch.Kind {
		case embedding.Text:
			body.Texts = append(body.Texts, p.texts[i])
		case embedding.Media:
			body.Images = append(body.Images, parts[0].Media)
		default:
			body.Inputs = append(body.Inputs, parts)
		}
	}
	body.Append(w)
	return nil
}

// Nova's words.
const (
	novaSchema = "nova-multimodal-embed-v1"
	novaTask   = "SINGLE_EMBEDDING"
)

func (p *planner) nova(w *jsonx.Writer, in *llm.EmbedInput, i int) {
	w.Key("schemaVersion")
	w.Word(novaSchema)
	w.Key("taskType")
	w.Word(novaTask)
	w.Key("singleEmbeddingParams")
	w.Object()
	w.Key("embeddingPurpose")
	if purpose := jsonx.Find(p.fields, "embeddingPurpose"); purpose != nil {
		w.Raw(purpose)
	} else {
		w.Word(novaPurpose(p.purpose))
	}
	w.Key("embeddingDimension")
	if p.dimensions > 0 {
		w.Int(p.dimensions)
	} else {
		w.Int(p.row.dimensions[0])
	}
	if len(in.Parts) == 1 && in.Parts[0].Kind != llm.BlockText {
		p.novaMedia(w, &in.Parts[0])
	} else {
		text := p.texts[i]
		if len(in.Parts) == 1 {
			text = in.Parts[0].Text
		}
		w.Key("text")
		w.Object()
		w.Key("value")
		w.String(text)
		truncate := p.truncate
		if truncate == "" {
			truncate = p.row.truncate[0]
		}
		p.novaSetting(w, "text", truncate)
		w.EndObject()
	}
	w.EndObject()
}

// novaPurpose is Nova's embeddingPurpose for Cohere's input_type. Without one it is the index's, as
// in LiteLLM.
func novaPurpose(inputType string) string {
	switch inputType {
	case "search_query":
		return "GENERIC_RETRIEVAL"
	case "classification":
		return "CLASSIFICATION"
	case "clustering":
		return "CLUSTERING"
	default:
		return "GENERIC_INDEX"
	}
}

func (p *planner) novaMedia(w *jsonx.Writer, b *llm.Block) {
	key, mode := "image", ""
	switch b.Kind {
	case llm.BlockAudio:
		key = "audio"
	case llm.BlockVideo:
		key, mode = "video", "AUDIO_VIDEO_COMBINED"
	default:
	}
	w.Key(key)
	w.Object()
	w.Key("format")
	w.String(b.Media.Format)
	w.Key("source")
	w.Object()
	location(w, b.Media, "bytes")
	w.EndObject()
	p.novaSetting(w, key, mode)
	w.EndObject()
}

// novaSetting writes the setting of a kind of content, if the client has set it or there is a
// default.
func (p *planner) novaSetting(w *jsonx.Writer, kind, standard string) {
	if given := jsonx.Find(p.parts, kind); given != nil {
		w.Key(partSetting(kind))
		w.Raw(given)
	} else if standard != "" {
		w.Key(partSetting(kind))
		w.Word(standard)
	}
}

// location writes the member that has a file's content, or names its place in S3.
func location(w *jsonx.Writer, m *llm.Media, inline string) {
	if m.URI == "" {
		w.Key(inline)
		w.Base64(m.Base64.Bytes())
		return
	}
	w.Key("s3Location")
	w.Object()
	w.Key("uri")
	w.String(m.URI)
	if m.Owner != "" {
		w.Key("bucketOwner")
		w.String(m.Owner)
	}
	w.EndObject()
}

func (p *planner) marengo2(w *jsonx.Writer, in *llm.EmbedInput, i int) {
	w.Key("inputType")
	text := p.texts[i]
	if len(in.Parts) == 1 {
		if b := &in.Parts[0]; b.Kind == llm.BlockText {
			text = b.Text
		} else {
			w.Word("image")
			source(w, b.Media)
			return
		}
	}
	w.Word("text")
	w.Key("inputText")
	w.String(text)
	if p.truncate != "" {
		w.Key("textTruncate")
		w.Word(p.truncate)
	}
}

func source(w *jsonx.Writer, m *llm.Media) {
	w.Key("mediaSource")
	w.Object()
	location(w, m, "base64String")
	w.EndObject()
}

func (p *planner) marengo3(w *jsonx.Writer, in *llm.EmbedInput, i int) {
	text, image := p.texts[i], (*llm.Media)(nil)
	for j := range in.Parts {
		if b := &in.Parts[j]; b.Kind == llm.BlockText {
			text = b.Text
		} else {
			image = b.Media
		}
	}
	kind := "text"
	switch {
	case image != nil && len(in.Parts) == 1:
		kind = "image"
	case image != nil:
		kind = "text_image"
	}
	w.Key("inputType")
	w.Word(kind)
	w.Key(kind)
	w.Object()
	if kind != "image" {
		w.Key("inputText")
		w.String(text)
	}
	if image != nil {
		source(w, image)
	}
	w.EndObject()
	w.Members(p.fields)
}
