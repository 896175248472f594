package openaichat

import (
	"encoding/base64"
	"errors"
	"net/url"
	"path"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// address is the content of image_url and its like: where something lies, or a
// data URI that holds it.
type address struct {
	URL         string    `json:"url"`
	Format      string    `json:"format"`
	Detail      string    `json:"detail"`
	BucketOwner string    `json:"bucket_owner"`
	Rest        jsonx.Raw `json:",embed"`
}

// UnmarshalJSONFrom also takes the bare string that some clients send.
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

// located gives what lies at an address, or is held by a data URI. Its kind is what
// its type says; one whose type is not told is of the kind that the part is for.
func (d *decoder) located(field string, u *address, kind llm.BlockKind) (llm.Block, error) {
	if u.URL == "" {
		return llm.Block{}, llm.Invalid(field+".url", "%s.url is required: a data URI or an address", field)
	}
	return d.media(given{field: field, member: "url", data: u.URL, format: u.Format, owner: u.BucketOwner, kind: kind})
}

// document gives the content of a file part.
func (d *decoder) document(field string, p *part) (llm.Block, error) {
	f := p.File
	if f == nil {
		return llm.Block{}, llm.Invalid(field, "%s is required", field)
	}
	d.leftOut(field, f.Rest)
	c := given{field: field, member: "file_data", data: f.FileData, format: f.Format, name: f.Filename, owner: f.BucketOwner, bare: true}
	if f.FileData == "" {
		c.member, c.data, c.bare = "file_id", f.FileID, false
		if f.FileID == "" {
			return llm.Block{}, llm.Invalid(field+".file_data", "%s.file_data is required: a data URI, an address, or base64 with a filename", field)
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

// given is a file, image or the like as a request gives it.
type given struct {
	field, member string // where data stands
	data          string
	bare          bool // data may be base64 without a data URI around it
	format        string
	name          string
	owner         string
	kind          llm.BlockKind // where the type does not tell it; 0 if it must
}

// media gives the block of a file. Its type is the one that format says, else that
// of the data URI, else that of the name or the address.
func (d *decoder) media(c given) (llm.Block, error) {
	at := c.field + "." + c.member
	m := &llm.Media{}
	b := llm.Block{Media: m}
	mediaType, data, isURI, err := dataURI(c.data)
	if err != nil {
		return b, llm.Invalid(at, "%s is no data URI: %v", at, err)
	}
	scheme, _, isAddress := strings.Cut(c.data[:min(len(c.data), 10)], "://")
	described := c.format // what says the type, for an error
	switch {
	case c.format != "":
		b.Kind, m.Format = kindOf(c.format)
		if b.Kind == 0 {
			return b, llm.Invalid(c.field+".format", "%s.format is %q, which no model takes%s", c.field, c.format, typesOf(c.kind))
		}
	case isURI:
		described = mediaType
		if b.Kind, m.Format = kindOf(mediaType); b.Kind == 0 {
			b.Kind, m.Format = byExtension(c.name)
		}
	default:
		described = path.Ext(c.name)
		if b.Kind, m.Format = byExtension(c.name); b.Kind == 0 && isAddress {
			described = addressName(c.data)
			b.Kind, m.Format = byExtension(described)
		}
	}
	switch {
	case isURI:
	case isAddress && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https")):
		return d.remote(b, c, at)
	case isAddress && strings.EqualFold(scheme, "s3"):
		return inBucket(b, c, at, described)
	case isAddress:
		return b, llm.Invalid(at, "%s is an address of a kind that is not fetched; http, https, s3 and data are", at)
	case c.member == "file_id":
		return b, llm.Unsupported(at, "%s cannot be used: no files are kept here; send the content as file_data, or its address", at)
	case !c.bare:
		return b, llm.Invalid(at, "%s must be a data URI (data:image/png;base64,...) or an address", at)
	default:
		data = c.data
	}
	untold := b.Kind == 0 && (described == "" || strings.HasSuffix(described, "/octet-stream"))
	if b.Kind == 0 && !untold {
		return b, llm.Invalid(at, "%s is of type %q, which no model takes%s", at, described, typesOf(c.kind))
	}
	if m.Base64, err = d.content(at, data); err != nil {
		return b, err
	}
	if untold {
		if b.Kind, m.Format = byContent(string(m.Base64.Head(12))); b.Kind == 0 {
			return b, llm.Invalid(at, "%s is of type %q, which no model takes%s", at, described, typesOf(c.kind))
		}
	}
	if b.Kind == llm.BlockImage {
		err = d.image(m, at)
	}
	return b, err
}

// remote is content at an http address. Its type is known when it has been fetched,
// unless format says it.
func (d *decoder) remote(b llm.Block, c given, at string) (llm.Block, error) {
	u, err := url.Parse(c.data)
	if err != nil || u.Host == "" {
		return b, llm.Invalid(at, "%s is not a valid address", at)
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
		return b, llm.Invalid(at, "%s does not tell the type of what lies there (%q); set %s.format, such as application/pdf", at, described, c.field)
	}
	b.Media.URI, b.Media.Owner = "s3://"+c.data[len("s3://"):], c.owner
	return b, nil
}

// addressName is the last part of an address's path.
func addressName(s string) string {
	s, _, _ = strings.Cut(s, "#")
	s, _, _ = strings.Cut(s, "?")
	return path.Base(s)
}

// image holds an image's bytes against its type. Clients that do not look write
// image/jpeg for all; what the bytes are counts then.
func (d *decoder) image(m *llm.Media, at string) error {
	format := imageFormat(string(m.Base64.Head(12)))
	switch format {
	case m.Format:
	case "":
		return llm.Invalid(at, "%s holds no image: its content is neither PNG, JPEG, GIF nor WebP", at)
	default:
		m.Format = format
		d.warn(llm.WarnChanged, at)
	}
	return nil
}

// imageFormat tells an image by its first bytes
// (https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern).
func imageFormat(head string) string {
	switch {
	case strings.HasPrefix(head, "\x89PNG\r\n\x1a\n"):
		return "png"
	case strings.HasPrefix(head, "\xff\xd8\xff"):
		return "jpeg"
	case strings.HasPrefix(head, "GIF87a"), strings.HasPrefix(head, "GIF89a"):
		return "gif"
	case len(head) >= 12 && head[:4] == "RIFF" && head[8:12] == "WEBP":
		return "webp"
	default:
		return ""
	}
}

// byContent tells an image or a PDF by its first bytes, where no type is given.
func byContent(head string) (llm.BlockKind, string) {
	if strings.HasPrefix(head, "%PDF-") {
		return llm.BlockDocument, "pdf"
	}
	if format := imageFormat(head); format != "" {
		return llm.BlockImage, format
	}
	return 0, ""
}

func (d *decoder) audio(field string, a *inputAudio) (llm.Block, error) {
	if a == nil || a.Data == "" {
		return llm.Block{}, llm.Invalid(field+".data", "%s.data is required: base64", field)
	}
	d.leftOut(field, a.Rest)
	mediaType, data, isURI, err := dataURI(a.Data)
	switch {
	case err != nil:
		return llm.Block{}, llm.Invalid(field+".data", "%s.data is no data URI: %v", field, err)
	case !isURI:
		data = a.Data
	case a.Format == "":
		_, a.Format = kindOf(mediaType)
	}
	if a.Format == "" {
		return llm.Block{}, llm.Invalid(field+".format", "%s.format is required, such as wav or mp3", field)
	}
	format := audioFormat(a.Format)
	if format == "" {
		return llm.Block{}, llm.Invalid(field+".format", "%s.format is %q, which no model takes%s", field, a.Format, typesOf(llm.BlockAudio))
	}
	content, err := d.content(field+".data", data)
	if err != nil {
		return llm.Block{}, err
	}
	return llm.Block{Kind: llm.BlockAudio, Media: &llm.Media{Format: format, Base64: content}}, nil
}

// dataURI splits data:TYPE;base64,DATA (RFC 2397). Data without base64 is made so.
func dataURI(s string) (mediaType, data string, ok bool, err error) {
	if len(s) < 5 || !strings.EqualFold(s[:5], "data:") {
		return "", "", false, nil
	}
	head, data, comma := strings.Cut(s[5:], ",")
	if !comma {
		return "", "", false, errNoComma
	}
	head, isBase64 := strings.CutSuffix(head, ";base64")
	mediaType, _, _ = strings.Cut(head, ";")
	if isBase64 {
		return mediaType, data, true, nil
	}
	text, err := url.PathUnescape(data)
	if err != nil {
		return "", "", false, err
	}
	if mediaType == "" {
		mediaType = "text/plain"
	}
	return mediaType, base64.StdEncoding.EncodeToString([]byte(text)), true, nil
}

var errNoComma = errors.New("it has no comma")

// content reads base64 of at least one byte, which may stand beside the body. Line
// ends, the alphabet for addresses (RFC 4648, section 5) and missing padding are
// mended.
func (d *decoder) content(field, s string) (llm.Base64, error) {
	var b llm.Base64
	parse := func(s []byte) (ok bool) {
		b, ok = llm.ParseBase64(s)
		return ok && !b.IsZero()
	}
	if _, ok := d.lifted.Resolve(s, parse); ok || parse([]byte(s)) {
		return b, nil
	}
	mended := strings.TrimRight(strings.Map(func(r rune) rune {
		switch r {
		case ' ', '\t', '\r', '\n':
			return -1
		case '-':
			return '+'
		case '_':
			return '/'
		default:
			return r
		}
	}, s), "=")
	if n := len(mended) % 4; n > 1 {
		mended += "=="[:4-n]
	}
	if !parse([]byte(mended)) {
		return b, llm.Invalid(field, "%s is not valid base64", field)
	}
	return b, nil
}
