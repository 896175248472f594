package embed

import (
	"slices"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// batchBytes is from which size of its content on a call takes no more inputs, well below maxBody.
const batchBytes = 16_000_000

// Kinds of input that can share a call.
const (
	ofText  = iota // texts
	ofImage        // single images
	ofParts        // texts and images together
	classes
)

// pack divides the inputs into calls and encodes their bodies. Inputs of one kind share calls, where
// the model takes several, in the order of the request.
func (p *planner) pack() error {
	var open [classes]struct {
		inputs []int
		bytes  int
	}
	most := [classes]int{p.row.texts, p.row.images, p.row.images}
	for i := range p.req.Inputs {
		class := p.class(i)
		batch, size := &open[class], p.size(i)
		if len(batch.inputs) == most[class] || len(batch.inputs) > 0 && batch.bytes+size > batchBytes {
			if err := p.item(class, batch.inputs); err != nil {
				return err
			}
			batch.inputs, batch.bytes = nil, 0
		}
		batch.inputs, batch.bytes = append(batch.inputs, i), batch.bytes+size
	}
	for class := range open {
		if len(open[class].inputs) > 0 {
			if err := p.item(class, open[class].inputs); err != nil {
				return err
			}
		}
	}
	slices.SortStableFunc(p.items, func(a, b Item) int { return a.Inputs[0] - b.Inputs[0] })
	return nil
}

func (p *planner) class(i int) int {
	parts := p.req.Inputs[i].Parts
	switch {
	case len(parts) == 0:
		return ofText
	case len(parts) == 1 && parts[0].Kind != llm.BlockText:
		return ofImage
	default:
		return ofParts
	}
}

// size is about how many bytes an input adds to a body.
func (p *planner) size(i int) int {
	n := len(p.texts[i])
	for j := range p.req.Inputs[i].Parts {
		b := &p.req.Inputs[i].Parts[j]
		n += len(b.Text)
		if b.Media != nil {
			n += len(b.Media.Base64.Bytes())
		}
	}
	return n
}

func (p *planner) item(class int, inputs []int) error {
	first := &p.req.Inputs[inputs[0]]
	item := Item{Inputs: inputs, form: p.row.form, types: p.types}
	for _, i := range inputs {
		item.estimate += p.estimate(i)
	}
	w := &jsonx.Writer{SplitLarge: true}
	w.Object()
	var err error
	switch p.row.form {
	case titanText:
		p.titan(w, first, inputs[0])
	case titanImage:
		p.titanImage(w, first, inputs[0])
	case cohere:
		err = p.cohere(w, class, inputs)
	case nova:
		item.names = []string{first.Name(inputs[0])}
		p.nova(w, first, inputs[0])
	case marengo2:
		p.marengo2(w, first, inputs[0])
	case marengo3:
		p.marengo3(w, first, inputs[0])
	}
	if err != nil {
		return err
	}
	w.EndObject()
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

// estimate is about how many tokens the texts of an input have: one for four bytes.
func (p *planner) estimate(i int) int64 {
	n := (len(p.texts[i]) + 3) / 4
	for j := range p.req.Inputs[i].Parts {
		n += (len(p.req.Inputs[i].Parts[j].Text) + 3) / 4
	}
	return int64(n)
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
	p.embeddingTypes(w, "embeddingTypes")
}

// embeddingTypes writes the requested forms; floats alone are every model's default.
func (p *planner) embeddingTypes(w *jsonx.Writer, key string) {
	if len(p.types) == 0 || len(p.types) == 1 && p.types[0] == llm.VectorFloat {
		return
	}
	w.Key(key)
	w.Array()
	for _, form := range p.types {
		w.Word(string(form))
	}
	w.EndArray()
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

func (p *planner) cohere(w *jsonx.Writer, class int, inputs []int) error {
	purpose := p.purpose
	images := slices.Contains(p.row.truncate, "LEFT") // v4 has the same purposes for texts and images
	switch {
	case purpose == "image" && class == ofText:
		field := p.req.Inputs[inputs[0]].Name(inputs[0])
		return llm.Invalid(field, "%s is a text, but input_type image is for images", field)
	case purpose == "image" && images:
		purpose = p.row.purposes[0]
	case class == ofImage && !images && purpose != "image":
		if p.req.InputType != "" && !slices.ContainsFunc(p.warnings, func(w llm.Warning) bool { return w.Field == "input_type" }) {
			p.warn(llm.WarnChanged, "input_type", "image, for images")
		}
		purpose = "image"
	}
	switch class {
	case ofText:
		w.Key("texts")
		w.Array()
		for _, i := range inputs {
			w.String(p.texts[i])
		}
	case ofImage:
		w.Key("images")
		w.Array()
		for _, i := range inputs {
			dataURI(w, p.req.Inputs[i].Parts[0].Media)
		}
	case ofParts:
		w.Key("inputs")
		w.Array()
		for _, i := range inputs {
			cohereParts(w, p.req.Inputs[i].Parts)
		}
	}
	w.EndArray()
	w.Key("input_type")
	w.Word(purpose)
	if p.truncate != "" {
		w.Key("truncate")
		w.Word(p.truncate)
	}
	p.embeddingTypes(w, "embedding_types")
	if p.dimensions > 0 {
		w.Key("output_dimension")
		w.Int(p.dimensions)
	}
	if p.maxTokens.Set && p.row.maxTokens {
		w.Key("max_tokens")
		w.Int(p.maxTokens.Value)
	}
	return nil
}

func cohereParts(w *jsonx.Writer, parts []llm.Block) {
	w.Object()
	w.Key("content")
	w.Array()
	for j := range parts {
		b := &parts[j]
		w.Object()
		w.Key("type")
		if b.Kind == llm.BlockText {
			w.Word("text")
			w.Key("text")
			w.String(b.Text)
		} else {
			w.Word("image_url")
			w.Key("image_url")
			dataURI(w, b.Media)
		}
		w.EndObject()
	}
	w.EndArray()
	w.EndObject()
}

// dataURI writes an image as a data URI.
func dataURI(w *jsonx.Writer, m *llm.Media) {
	head := "data:image/" + m.Format + ";base64,"
	uri := make([]byte, 0, len(head)+len(m.Base64.Bytes()))
	w.Base64(append(append(uri, head...), m.Base64.Bytes()...))
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
