package openaichat

import (
	"net/url"
	"path"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/mediatype"
)

// address is the content of image_url and similar fields: a URL, or a data URI with the content.
type address struct {
	URL         string    `json:"url"`
	Format      string    `json:"format"`
	Detail      string    `json:"detail"`
	BucketOwner string    `json:"bucket_owner"`
	Rest        jsonx.Raw `json:",embed"`
}

// UnmarshalJSONFrom also accepts the bare string that some clients send.
func (u *address) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	if d.PeekKind() == '"' {
		return jsonx.UnmarshalDecode(d, &u.URL)
	}
	type plain address
	return jsonx.UnmarshalDecode(d, (*plain)(u))
}

type file struct {
	Filename    string    `json:"filename"`
	FileData    string    `json:"file_data"`
	FileID      string    `json:"file_id"`
	Format      string    `json:"format"`
	Citations   jsonx.Raw `json:"citations"`
	Context     string    `json:"context"`
	BucketOwner string    `json:"bucket_owner"`
	Rest        jsonx.Raw `json:",embed"`
}

type inputAudio struct {
	Data   string    `json:"data"`
	Format string    `json:"format"`
	Rest   jsonx.Raw `json:",embed"`
}

// located returns the content of a URL or data URI. Its type determines its kind; without a type it
// has the kind of the part.
func (d *decoder) located(field string, u *address, kind llm.BlockKind) (llm.Block, error) {
	if u.URL == "" {
		return llm.Block{}, llm.Invalid(field+".url", "%s.url is required: a data URI or a URL", field)
	}
	return d.media(given{field: field, member: "url", data: u.URL, format: u.Format, owner: u.BucketOwner, kind: kind})
}

// document returns the content of a file part.
func (d *decoder) document(field string, p *part) (llm.Block, error) {
	f := p.File
	if f == nil {
		return llm.Block{}, llm.Invalid(field, "%s is required", field)
	}
	d.warnUnread(field, f.Rest)
	c := given{field: field, member: "file_data", data: f.FileData, format: f.Format, name: f.Filename, owner: f.BucketOwner, bare: true}
	if f.FileData == "" {
		c.member, c.data, c.bare = "file_id", f.FileID, false
		if f.FileID == "" {
			return llm.Block{}, llm.Invalid(field+".file_data", "%s.file_data is required: a data URI, a URL, or base64 with a filename", field)
		}
	}
	b, err := d.media(c)
	if err != nil {
		return b, err
	}
	citations, about := p.Citations, p.Context
	if len(f.Citations) > 0 {
		citations = f.Citations
	}
	if f.Context != "" {
		about = f.Context
	}
	switch {
	case b.Kind == llm.BlockDocument:
		b.Media.Name = strings.TrimSuffix(f.Filename, path.Ext(f.Filename))
		b.Media.Context = about
		b.Media.Citations, err = cited(field, citations)
	case len(citations) > 0 && citations.Kind() != 'n' || about != "":
		d.warn(llm.WarnDropped, field+".citations")
	}
	return b, err
}

// cited reads a document's setting for citations: Converse's object, or a boolean.
func cited(field string, v jsonx.Raw) (jsonx.Raw, error) {
	switch {
	case len(v) == 0 || v.Kind() == 'n':
		return nil, nil
	case v.Kind() == 't' || v.Kind() == 'f':
		return jsonx.Raw(`{"enabled":` + string(v) + `}`), nil
	case v.Kind() == '{':
		return v, nil
	default:
		return nil, llm.Invalid(field+".citations", "%s.citations must be a boolean or an object, not %s", field, jsonx.KindName(v.Kind()))
	}
}

// given is a file, image or similar content as the request has it.
type given struct {
	field, member string // the path of data
	data          string
	bare          bool // data may be base64 without a data URI around it
	format        string
	name          string
	owner         string
	kind          llm.BlockKind // used if the type does not determine it; 0 if it must
}

// media returns the block of a file. Its type comes from format, else from the data URI, else from
// the name or the URL.
func (d *decoder) media(c given) (llm.Block, error) {
	at := c.field + "." + c.member
	m := &llm.Media{}
	b := llm.Block{Media: m}
	mediaType, data, isURI, err := mediatype.SplitDataURI(c.data)
	if err != nil {
		return b, llm.Invalid(at, "%s is not a valid data URI: %v", at, err)
	}
	scheme, _, isAddress := strings.Cut(c.data[:min(len(c.data), 10)], "://")
	described := c.format // the source of the type, for an error
	switch {
	case c.format != "":
		b.Kind, m.Format = mediatype.Kind(c.format)
		if b.Kind == 0 {
			return b, llm.Invalid(c.field+".format", "%s.format %q is not supported by any model%s", c.field, c.format, mediatype.Supported(c.kind))
		}
	case isURI:
		described = mediaType
		if b.Kind, m.Format = mediatype.Kind(mediaType); b.Kind == 0 {
			b.Kind, m.Format = mediatype.ByExtension(c.name)
		}
	default:
		described = path.Ext(c.name)
		if b.Kind, m.Format = mediatype.ByExtension(c.name); b.Kind == 0 && isAddress {
			described = addressName(c.data)
			b.Kind, m.Format = mediatype.ByExtension(described)
		}
	}
	switch {
	case isURI:
	case isAddress && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https")):
		return d.remote(b, c, at)
	case isAddress && strings.EqualFold(scheme, "s3"):
		return inBucket(b, c, at, described)
	case isAddress:
		return b, llm.Invalid(at, "%s has an unsupported URL scheme; use http, https, s3 or data", at)
	case c.member == "file_id":
		return b, llm.Unsupported(at, "%s is not supported: the gateway stores no files; send the content or its URL as file_data", at)
	case !c.bare:
		return b, llm.Invalid(at, "%s must be a data URI (data:image/png;base64,...) or a URL", at)
	default:
		data = c.data
	}
	untyped := b.Kind == 0 && (described == "" || strings.HasSuffix(described, "/octet-stream"))
	if b.Kind == 0 && !untyped {
		return b, llm.Invalid(at, "%s has type %q, which no model supports%s", at, described, mediatype.Supported(c.kind))
	}
	if m.Base64, err = d.content(at, data); err != nil {
		return b, err
	}
	if untyped {
		if b.Kind, m.Format = mediatype.ByContent(string(m.Base64.Head(12))); b.Kind == 0 {
			return b, llm.Invalid(at, "%s is of type %q, which no model takes%s", at, described, mediatype.Supported(c.kind))
		}
	}
	if b.Kind == llm.BlockImage {
		err = d.image(m, at)
	}
	return b, err
}

// remote is content at an http or https URL. Unless format gives its type, the type is known only
// after it has been fetched.
func (d *decoder) remote(b llm.Block, c given, at string) (llm.Block, error) {
	u, err := url.Parse(c.data)
	if err != nil || u.Host == "" {
		return b, llm.Invalid(at, "%s is not a valid URL", at)
	}
	b.Media.URI, b.Media.Field = c.data, at
	if c.format == "" {
		b.Media.Format = ""
	}
	if b.Kind == 0 {
		if b.Kind = c.kind; b.Kind == 0 {
			b.Kind = llm.BlockDocument
		}
	}
	return b, nil
}

// inBucket is content that Bedrock itself reads from S3.
func inBucket(b llm.Block, c given, at, described string) (llm.Block, error) {
	if b.Kind == 0 {
		return b, llm.Invalid(at, "%s does not show the content's type (%q); set %s.format, such as application/pdf", at, described, c.field)
	}
	b.Media.URI, b.Media.Owner = "s3://"+c.data[len("s3://"):], c.owner
	return b, nil
}

// addressName is the last segment of a URL's path.
func addressName(s string) string {
	s, _, _ = strings.Cut(s, "#")
	s, _, _ = strings.Cut(s, "?")
	return path.Base(s)
}

// image checks an image's bytes against its type. Some clients write image/jpeg for every image;
// the bytes determine the format then.
func (d *decoder) image(m *llm.Media, at string) error {
	format := llm.ImageFormat(string(m.Base64.Head(12)))
	switch format {
	case m.Format:
	case "":
		return llm.Invalid(at, "%s is not a supported image: the content is not PNG, JPEG, GIF or WebP", at)
	default:
		m.Format = format
		d.warn(llm.WarnChanged, at)
	}
	return nil
}

func (d *decoder) audio(field string, a *inputAudio) (llm.Block, error) {
	if a == nil || a.Data == "" {
		return llm.Block{}, llm.Invalid(field+".data", "%s.data is required: base64", field)
	}
	d.warnUnread(field, a.Rest)
	mediaType, data, isURI, err := mediatype.SplitDataURI(a.Data)
	switch {
	case err != nil:
		return llm.Block{}, llm.Invalid(field+".data", "%s.data is not a valid data URI: %v", field, err)
	case !isURI:
		data = a.Data
	case a.Format == "":
		_, a.Format = mediatype.Kind(mediaType)
	}
	if a.Format == "" {
		return llm.Block{}, llm.Invalid(field+".format", "%s.format is required, such as wav or mp3", field)
	}
	format := mediatype.Audio(a.Format)
	if format == "" {
		return llm.Block{}, llm.Invalid(field+".format", "%s.format %q is not supported by any model%s", field, a.Format, mediatype.Supported(llm.BlockAudio))
	}
	content, err := d.content(field+".data", data)
	if err != nil {
		return llm.Block{}, err
	}
	return llm.Block{Kind: llm.BlockAudio, Media: &llm.Media{Format: format, Base64: content}}, nil
}

// content reads base64 of at least one byte, which may have been extracted from the body.
func (d *decoder) content(field, s string) (llm.Base64, error) {
	var b llm.Base64
	parse := func(s []byte) (ok bool) {
		b, ok = llm.ParseBase64(s)
		return ok && !b.IsZero()
	}
	if _, ok := d.extracted.Resolve(s, parse); ok {
		return b, nil
	}
	b, ok := llm.ReadBase64(s)
	if !ok {
		return b, llm.Invalid(field, "%s is not valid base64", field)
	}
	return b, nil
}
