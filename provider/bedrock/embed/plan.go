// Package embed makes requests for embeddings into bodies of InvokeModel, and vectors of what it
// answers. It does no I/O.
//
// Each of Bedrock's embedding models has its own form of body, its own settings and its own limits;
// they are rows of one table. A request is checked against the model's row before anything is sent:
// a request of many inputs is several calls, and a refused last one would waste the others.
package embed

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/embedding"
)

// Item is one call of InvokeModel.
type Item struct {
	// Body is the body in segments, to be read in sequence. They may share the request's memory.
	Body [][]byte
	// Inputs are the indices of the inputs whose vectors the call returns, in the order of its
	// vectors.
	Inputs []int

	estimate int64 // tokens of the texts
	form     form
	types    []llm.VectorType
	names    []string // the client's names of inputs, where a response may have something to say about them
}

// maxBody is how long a body may be: the service model's bound on that of InvokeModel.
const maxBody = 25_000_000

// Plan makes the calls of a request. Its error is an *llm.Error that names the field. Remote media
// must have been fetched before.
func (m *Model) Plan(req *llm.EmbedRequest) ([]Item, []llm.Warning, error) {
	if m.row == nil {
		return nil, nil, m.unknown()
	}
	p := &planner{row: m.row, model: m.Vendor + "." + m.Name, req: req}
	if err := p.settings(); err != nil {
		return nil, nil, err
	}
	if err := p.inputs(); err != nil {
		return nil, nil, err
	}
	if err := p.pack(); err != nil {
		return nil, nil, err
	}
	return p.items, p.warnings, nil
}

func (m *Model) unknown() *llm.Error {
	name := m.Vendor + "." + m.Name
	var e *llm.Error
	switch {
	case m.text:
		e = llm.Unsupported("model", "model %s does not return embeddings", name)
		e.Fix = "Call an embedding model, such as amazon.titan-embed-text-v2:0."
	case m.Name == "":
		e = llm.Unsupported("model", "it is unknown which model this ARN calls, so the form of its embedding requests is unknown")
		e.Fix = "Configure the model's id as model, and the ARN as model_id."
	default:
		e = llm.Unsupported("model", "the form of embedding requests to model %s is unknown", name)
		e.Fix = "Call an embedding model of Amazon, Cohere or TwelveLabs."
	}
	e.Code = llm.CodeFeature
	return e
}

// planner makes the calls of one request.
type planner struct {
	row   *row
	model string
	req   *llm.EmbedRequest

	dimensions int64 // 0 for the default
	purpose    string
	truncate   string
	maxTokens  llm.Opt[int64]
	normalize  llm.Opt[bool]
	types      []llm.VectorType
	fields     []jsonx.Member
	parts      []jsonx.Member // Nova's settings of a kind of content, by kind

	texts    []string // by input; empty for those of parts
	warnings []llm.Warning
	items    []Item
}

func (p *planner) warn(code, field, detail string) {
	p.warnings = append(p.warnings, llm.Warning{Code: code, Field: field, Detail: detail})
}

// refuse is for a setting that the model lacks: it returns an error, or adds a warning under
// drop_params.
func (p *planner) refuse(field, format string, args ...any) error {
	return p.req.Refuse(p.warn, field, format, args...)
}

// settings checks the request's settings against those of the model.
func (p *planner) settings() error {
	for _, step := range []func() error{p.length, p.words, p.values, p.own} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// length is the setting of the vector's length.
func (p *planner) length() error {
	d := p.req.Dimensions
	switch {
	case !d.Set, p.row.fixed && d.Value == p.row.dimensions[0]:
	case p.row.fixed:
		return p.refuse("dimensions", "model %s returns vectors of %d dimensions only, not %d", p.model, p.row.dimensions[0], d.Value)
	case !slices.Contains(p.row.dimensions, d.Value):
		return p.refuse("dimensions", "model %s returns vectors of %s dimensions, not %d", p.model, lengths(p.row.dimensions), d.Value)
	default:
		p.dimensions = d.Value
	}
	return nil
}

func lengths(all []int64) string {
	sorted := slices.Sorted(slices.Values(all))
	words := make([]string, len(sorted))
	for i, n := range sorted {
		words[i] = strconv.FormatInt(n, 10)
	}
	return either(words)
}

// either lists words: a, b or c.
func either(words []string) string {
	words = slices.DeleteFunc(slices.Clone(words), func(s string) bool { return s == "" })
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// words are the settings whose values are words.
func (p *planner) words() error {
	switch purpose := p.req.InputType; {
	case p.row.purposes == nil && purpose != "" && purpose != "text":
		p.warn(llm.WarnDropped, "input_type", "") // the model has one kind of vector
	case p.row.purposes == nil:
	case purpose == "":
		p.purpose = p.row.purposes[0]
	case !slices.Contains(p.row.purposes, purpose):
		return llm.Invalid("input_type", "input_type must be %s for model %s, not %q", either(p.row.purposes), p.model, purpose)
	default:
		p.purpose = purpose
	}
	word := p.req.Truncate
	if word == "" {
		return nil
	}
	for _, accepted := range p.row.truncate {
		if strings.EqualFold(word, accepted) {
			p.truncate = accepted
			return nil
		}
	}
	if known := strings.ToUpper(word); known != "NONE" && known != "START" && known != "END" && known != "LEFT" && known != "RIGHT" {
		return llm.Invalid("truncate", "truncate must be NONE, START or END, not %q", word)
	}
	return p.refuse("truncate", "truncate %s is not supported by model %s", word, p.model)
}

// values are the other settings.
func (p *planner) values() error {
	r := p.req
	if r.MaxTokens.Set {
		if p.maxTokens = r.MaxTokens; !p.row.maxTokens {
			if err := p.refuse("max_tokens", "max_tokens is not supported by model %s", p.model); err != nil {
				return err
			}
		}
	}
	if r.Normalize.Set {
		if p.normalize = r.Normalize; !p.row.normalize {
			if err := p.refuse("normalize", "normalize is not supported by model %s", p.model); err != nil {
				return err
			}
		}
	}
	for _, form := range r.Types {
		if form != llm.VectorFloat && !slices.Contains(p.row.types, form) {
			if err := p.refuse("embedding_types", "embedding_types %s is not supported by model %s", form, p.model); err != nil {
				return err
			}
			continue
		}
		p.types = append(p.types, form)
	}
	return nil
}

// own are the parameters that are specific to the model.
func (p *planner) own() error {
	for _, f := range p.req.ModelFields {
		if !slices.Contains(p.row.fields, f.Name) {
			if err := p.refuse(f.Name, "%s is not supported by model %s", f.Name, p.model); err != nil {
				return err
			}
			continue
		}
		switch f.Name {
		case "schemaVersion", "taskType":
			if want := map[string]string{"schemaVersion": novaSchema, "taskType": novaTask}[f.Name]; string(f.Value) != `"`+want+`"` {
				return llm.Unsupported(f.Name, "%s must be %s", f.Name, want)
			}
		case "text", "image", "audio", "video":
			if err := p.part(f); err != nil {
				return err
			}
		case "embeddingConfig":
			if p.req.Dimensions.Set {
				return llm.Invalid(f.Name, "dimensions and %s are the same setting; send one of them", f.Name)
			}
			p.fields = append(p.fields, f)
		default:
			p.fields = append(p.fields, f)
		}
	}
	return nil
}

// partSetting is the setting that Nova has for a kind of content.
func partSetting(kind string) string {
	switch kind {
	case "text":
		return "truncationMode"
	case "image":
		return "detailLevel"
	case "video":
		return "embeddingMode"
	default:
		return ""
	}
}

// part reads Nova's settings of a kind of content.
func (p *planner) part(f jsonx.Member) error {
	members, err := jsonx.Members(f.Value)
	if err != nil {
		return llm.Invalid(f.Name, "%s must be an object, not %s", f.Name, jsonx.KindName(f.Value.Kind()))
	}
	setting := partSetting(f.Name)
	for _, m := range members {
		field := f.Name + "." + m.Name
		switch {
		case m.Name == "value" || m.Name == "source" || m.Name == "format":
			return llm.Invalid(field, "%s is not a setting: send the content as input", field)
		case m.Name != setting:
			if err := p.refuse(field, "%s is not supported by model %s", field, p.model); err != nil {
				return err
			}
		case string(m.Value) == `"AUDIO_VIDEO_SEPARATE"`:
			return llm.Unsupported(field, "%s AUDIO_VIDEO_SEPARATE is not supported: it returns two vectors for one input", field)
		case f.Name == "text" && p.truncate != "":
			return llm.Invalid(field, "%s and truncate are the same setting; send one of them", field)
		default:
			p.parts = append(p.parts, jsonx.Member{Name: f.Name, Value: m.Value})
		}
	}
	return nil
}

// inputs checks the inputs against the model's limits.
func (p *planner) inputs() error {
	if len(p.req.Inputs) == 0 {
		return llm.Invalid("input", "input must contain at least one element")
	}
	texts, warnings, err := embedding.Texts(p.req)
	if err != nil {
		return err
	}
	p.texts = texts
	for i := range p.req.Inputs {
		in := &p.req.Inputs[i]
		var err error
		switch {
		case len(in.Parts) > 0:
			err = p.content(in.Name(i), in.Parts)
		default:
			err = p.text(in.Name(i), texts[i])
		}
		if err != nil {
			return err
		}
	}
	p.warnings = append(p.warnings, warnings...)
	return nil
}

func (p *planner) text(field, s string) error {
	if s == "" && !p.row.blank {
		return llm.Invalid(field, "%s must not be empty", field)
	}
	if limit := p.row.characters; limit > 0 && len(s) > limit {
		if n := utf8.RuneCountInString(s); n > limit {
			e := llm.Invalid(field, "%s is too long: model %s takes texts of up to %d characters, not %d", field, p.model, limit, n)
			e.Code, e.Fix = llm.CodeTooLong, "Split the text into parts."
			return e
		}
	}
	return nil
}

// content checks an input of parts.
func (p *planner) content(field string, parts []llm.Block) error {
	texts, media := 0, 0
	for i := range parts {
		b := &parts[i]
		if b.Kind == llm.BlockText {
			texts++
			if err := p.text(field, b.Text); err != nil {
				return err
			}
			continue
		}
		media++
		switch {
		case b.Media == nil || !p.row.takes(b.Kind):
			e := llm.Unsupported(field, "%s is %s, and model %s takes %s", field, kindName(b.Kind), p.model, p.takes())
			e.Code = llm.CodeFeature
			return e
		case b.Media.Remote():
			return llm.Invalid(field, "%s has not been fetched from its URL", field)
		}
		if err := p.mediaOf(field, b); err != nil {
			return err
		}
	}
	if together := p.together(texts, media); !together {
		e := llm.Unsupported(field, "%s has several parts, which model %s does not embed as one vector", field, p.model)
		e.Code, e.Fix = llm.CodeFeature, "Send each part as an input."
		return e
	}
	return nil
}

// together reports whether the model makes one vector of so many texts and media.
func (p *planner) together(texts, media int) bool {
	switch p.row.form {
	case titanImage, marengo3:
		return texts <= 1 && media <= 1
	case cohere:
		return texts+media == 1 || slices.Contains(p.row.truncate, "LEFT") // v4's inputs
	case titanText, nova, marengo2:
	}
	return texts+media == 1
}

func (p *planner) mediaOf(field string, b *llm.Block) error {
	m := b.Media
	inBucket := m.URI != ""
	switch {
	case inBucket && p.row.form != nova && p.row.form != marengo2 && p.row.form != marengo3:
		return llm.Unsupported(field, "%s is in S3, which model %s does not read; send the content", field, p.model)
	case !inBucket && m.Base64.IsZero():
		return llm.Invalid(field, "%s has no content", field)
	case m.Format == "" && p.row.formats != nil:
		return llm.Invalid(field, "%s does not show its format; write it as a data URI with a media type", field)
	case p.row.formats != nil && !slices.Contains(p.row.formats, m.Format):
		return llm.Unsupported(field, "%s has the format %q, and model %s takes %s", field, m.Format, p.model, either(p.row.formats))
	case b.Kind == llm.BlockImage && p.row.imageBytes > 0 && m.Base64.Size() > p.row.imageBytes:
		e := llm.Invalid(field, "%s is too large: model %s takes images of up to %d MB, and this one has %.1f MB", field, p.model, p.row.imageBytes/mebi, float64(m.Base64.Size())/mebi)
		e.Code = llm.CodeTooLong
		return e
	}
	return nil
}

func (p *planner) takes() string {
	words := []string{"texts"}
	for _, kind := range p.row.media {
		words = append(words, map[llm.BlockKind]string{llm.BlockImage: "images", llm.BlockAudio: "audio", llm.BlockVideo: "video"}[kind])
	}
	if len(words) == 1 {
		return "only texts"
	}
	return strings.Replace(either(words), " or ", " and ", 1)
}

func kindName(kind llm.BlockKind) string {
	switch kind {
	case llm.BlockImage:
		return "an image"
	case llm.BlockAudio:
		return "audio"
	case llm.BlockVideo:
		return "a video"
	default:
		return "content of another kind"
	}
}
