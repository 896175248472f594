package anthropic

import (
	"net/url"
	"path"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// source is where an image or document is. Of a search result it is a text.
type source struct {
	word      string
	Type      string           `json:"type"`
	MediaType optional[string] `json:"media_type"`
	Data      optional[string] `json:"data"`
	URL       optional[string] `json:"url"`
	Content   content          `json:"content"`
	Rest      jsonx.Raw        `json:",embed"`
}

func (s *source) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	if d.PeekKind() == '"' {
		return jsonx.UnmarshalDecode(d, &s.word)
	}
	type plain source
	return jsonx.UnmarshalDecode(d, (*plain)(s))
}

// image returns an image. ok is false if it is refused, or dropped under drop_params.
func (d *decoder) image(at position, b *block) (out llm.Block, ok bool, err error) {
	s := b.Source
	if s == nil || s.word != "" {
		return out, false, llm.Invalid(at.String()+".source", "%s.source: Field required: an object", at)
	}
	m := &llm.Media{}
	out = llm.Block{Kind: llm.BlockImage, Media: m}
	switch s.Type {
	case "base64":
		field := at.String() + ".source.media_type"
		family, format, _ := strings.Cut(strings.ToLower(s.MediaType.Value), "/")
		if format = llm.ImageExtension(format); family != "image" || format == "" {
			return out, false, llm.Invalid(field, "%s: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp', not %q", field, s.MediaType.Value)
		}
		m.Format = format
		if m.Base64, err = d.content(at.String()+".source.data", s.Data); err != nil {
			return out, false, err
		}
		return out, true, d.actual(at, m)
	case "url":
		return out, true, d.located(at, m, s)
	default:
		return out, false, d.elsewhere(at, s)
	}
}

// actual checks an image's bytes against its type. Some clients state one type for every image; the
// bytes determine the format then.
func (d *decoder) actual(at position, m *llm.Media) error {
	format := llm.ImageFormat(string(m.Base64.Head(12)))
	switch format {
	case m.Format:
	case "":
		field := at.String() + ".source.data"
		return llm.Invalid(field, "%s is not a supported image: the content is not PNG, JPEG, GIF or WebP", field)
	default:
		d.warnOnce(llm.WarnChanged, at.String()+".source.media_type", "the image is sent as "+format+", its actual format")
		m.Format = format
	}
	return nil
}

// located is content at a URL: one that is fetched, or one in S3, which Bedrock reads itself.
func (d *decoder) located(at position, m *llm.Media, s *source) error {
	field := at.String() + ".source.url"
	u, err := url.Parse(s.URL.Value)
	if err != nil || u.Host == "" {
		return llm.Invalid(field, "%s must be a URL, such as https://example.com/image.png", field)
	}
	switch scheme := strings.ToLower(u.Scheme); scheme {
	case "http", "https":
		m.URI, m.Field = s.URL.Value, field
	case "s3":
		m.URI = "s3://" + s.URL.Value[len("s3://"):]
		if m.Format == "" {
			if m.Format = llm.ImageExtension(strings.ToLower(strings.TrimPrefix(path.Ext(u.Path), "."))); m.Format == "" {
				return llm.Invalid(field, "%s does not show the image's type; the name must end with .png, .jpg, .gif or .webp", field)
			}
		}
	default:
		return llm.Invalid(field, "%s has an unsupported scheme; use https, http or s3", field)
	}
	return nil
}

// elsewhere handles the source of a file that the gateway cannot get.
func (d *decoder) elsewhere(at position, s *source) error {
	field := at.String() + ".source"
	switch s.Type {
	case "file":
		d.refusef(field, "%s: files of Anthropic's Files API are not available here; send the content or its URL", field)
		return nil
	case "":
		return llm.Invalid(field+".type", "%s.type: Field required", field)
	default:
		return llm.Invalid(field+".type", "%s: Input tag %q found using 'type' does not match any of the expected tags: 'base64', 'content', 'file', 'text', 'url'", field, s.Type)
	}
}

// document returns a document. ok is false if it is refused, or dropped under drop_params.
func (d *decoder) document(at position, b *block) (out llm.Block, ok bool, err error) {
	s := b.Source
	if s == nil || s.word != "" {
		return out, false, llm.Invalid(at.String()+".source", "%s.source: Field required: an object", at)
	}
	m := &llm.Media{Name: b.Title.Value, Context: b.Context.Value}
	out = llm.Block{Kind: llm.BlockDocument, Media: m}
	cites, err := citing(at, b.Citations)
	if err != nil {
		return out, false, err
	}
	if cites {
		m.Citations = jsonx.Raw(citingOn)
	}
	switch s.Type {
	case "base64":
		field := at.String() + ".source.media_type"
		if m.Format = llm.DocumentType(strings.ToLower(s.MediaType.Value)); m.Format == "" {
			return out, false, llm.Invalid(field, "%s: Input should be 'application/pdf', not %q", field, s.MediaType.Value)
		}
		m.Base64, err = d.content(at.String()+".source.data", s.Data)
		return out, err == nil, err
	case "text":
		field := at.String() + ".source.data"
		if s.Data.Value == "" {
			return out, false, llm.Invalid(field, "%s: Field required: a non-empty string", field)
		}
		m.Format, m.Base64 = "txt", llm.EncodeBase64([]byte(s.Data.Value))
		return out, true, nil
	case "url":
		m.Format = "pdf"
		return out, true, d.located(at, m, s)
	case "content":
		return out, true, d.pieces(at, m, s, cites)
	default:
		return out, false, d.elsewhere(at, s)
	}
}

// pieces reads a document that is a list of texts. If it is to be cited, its pieces are the units of
// citations, and it is sent as Converse's own form of the list (DocumentSource in Bedrock's service
// model). Otherwise it is sent as one text, which every model accepts.
func (d *decoder) pieces(at position, m *llm.Media, s *source, cites bool) error {
	field := at.String() + ".source.content"
	texts := []string{s.Content.text.Value}
	if !s.Content.text.Set {
		texts = texts[:0]
		for k := range s.Content.blocks {
			b := &s.Content.blocks[k]
			if b.Type != "text" {
				d.refusef(field, "%s: a %s block inside a document is not supported; send it outside", field, b.Type)
				continue
			}
			texts = append(texts, b.Text.Value)
		}
	}
	all := strings.Join(texts, "\n")
	if blank(all) {
		return llm.Invalid(field, "%s must be a non-empty string or an array of text blocks", field)
	}
	if !cites {
		m.Format, m.Base64 = "txt", llm.EncodeBase64([]byte(all))
		return nil
	}
	w := jsonx.Writer{}
	appendTexts(&w, texts)
	m.Source = &jsonx.Member{Name: "content", Value: w.Buf}
	if m.Name == "" {
		m.Name = "document"
	}
	return nil
}

// appendTexts writes a list of Converse's text blocks.
func appendTexts(w *jsonx.Writer, texts []string) {
	w.Array()
	for _, text := range texts {
		w.Object()
		w.Key("text")
		w.String(text)
		w.EndObject()
	}
	w.EndArray()
}

// citingOn is the setting for citations in both APIs.
const citingOn = `{"enabled":true}`

// citing reads a document's setting for citations.
func citing(at position, v jsonx.Raw) (bool, error) {
	if !given(v) {
		return false, nil
	}
	var c struct {
		Enabled optional[bool] `json:"enabled"`
		Rest    jsonx.Raw      `json:",embed"`
	}
	err := decodeAt(at.String()+".citations", v, &c)
	return c.Enabled.Value, err
}

// searchResult returns a search result that the client found itself. If it is to be cited, it is
// Converse's searchResult (SearchResultBlock in Bedrock's service model); otherwise a text, which
// every model accepts.
func (d *decoder) searchResult(at position, b *block) (out llm.Block, ok bool, err error) {
	switch {
	case b.Source == nil || b.Source.word == "":
		return out, false, llm.Invalid(at.String()+".source", "%s.source: Field required: a string", at)
	case !b.Title.Set:
		return out, false, llm.Invalid(at.String()+".title", "%s.title: Field required", at)
	}
	cites, err := citing(at, b.Citations)
	if err != nil {
		return out, false, err
	}
	var texts []string
	for k := range b.Content.blocks {
		c := &b.Content.blocks[k]
		if c.Type != "text" {
			at.inner = k
			return out, false, llm.Invalid(at.String()+".type", "%s: Input should be 'text', not %q", at, c.Type)
		}
		if c.Text.Value != "" {
			texts = append(texts, c.Text.Value)
		}
	}
	if len(texts) == 0 {
		return out, false, llm.Invalid(at.String()+".content", "%s.content: at least one text block is required", at)
	}
	text := b.Title.Value + "\n" + b.Source.word + "\n\n" + strings.Join(texts, "\n")
	if !cites {
		return llm.Block{Kind: llm.BlockText, Text: text}, true, nil
	}
	w := jsonx.Writer{}
	w.Object()
	w.Key("citations")
	w.Raw(jsonx.Raw(citingOn))
	w.Key("content")
	appendTexts(&w, texts)
	w.Key("source")
	w.String(b.Source.word)
	w.Key("title")
	w.String(b.Title.Value)
	w.EndObject()
	return llm.Block{Kind: llm.BlockOther, Text: text, Other: &jsonx.Member{Name: "searchResult", Value: w.Buf}}, true, nil
}

// content reads base64 of at least one byte, which may have been extracted from the body.
func (d *decoder) content(field string, data optional[string]) (llm.Base64, error) {
	var b llm.Base64
	if data.Value == "" {
		return b, llm.Invalid(field, "%s: Field required: base64", field)
	}
	parse := func(s []byte) (ok bool) {
		b, ok = llm.ParseBase64(s)
		return ok && !b.IsZero()
	}
	if _, ok := d.extracted.Resolve(data.Value, parse); ok {
		return b, nil
	}
	b, ok := llm.ReadBase64(data.Value)
	if !ok {
		return b, llm.Invalid(field, "%s is not valid base64", field)
	}
	return b, nil
}
