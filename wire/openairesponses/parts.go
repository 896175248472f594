package openairesponses

import (
	"net/url"
	"path"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/mediatype"
)

// part is a piece of an item's content, with the members of all types.
type part struct {
	Type       string           `json:"type"`
	Text       optional[string] `json:"text"`
	Refusal    optional[string] `json:"refusal"`
	ImageURL   address          `json:"image_url"`
	Detail     optional[string] `json:"detail"`
	FileID     optional[string] `json:"file_id"`
	Filename   optional[string] `json:"filename"`
	FileData   optional[string] `json:"file_data"`
	FileURL    optional[string] `json:"file_url"`
	InputAudio *audio           `json:"input_audio"`
	Breakpoint *breakpoint      `json:"prompt_cache_breakpoint"`
	Rest       jsonx.Raw        `json:",embed"`
}

// address is a URL, or an object with one, as chat completions have it.
type address struct{ url string }

func (a *address) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	switch d.PeekKind() {
	case 'n':
		return d.SkipValue()
	case '"':
		return jsonx.UnmarshalDecode(d, &a.url)
	case '{':
		var object struct {
			URL  string    `json:"url"`
			Rest jsonx.Raw `json:",embed"`
		}
		err := jsonx.UnmarshalDecode(d, &object)
		a.url = object.URL
		return err
	default:
		return jsonx.Fault("must be a string, not %s", jsonx.KindName(d.PeekKind()))
	}
}

type audio struct {
	Data   string    `json:"data"`
	Format string    `json:"format"`
	Rest   jsonx.Raw `json:",embed"`
}

// breakpoint marks the end of what may be cached.
type breakpoint struct {
	TTL  optional[string] `json:"ttl"`
	Rest jsonx.Raw        `json:",embed"`
}

// behind appends the cache point. Providers keep what they cache for 5 minutes or for an hour; the
// API's times to live are 30 minutes and 12 hours.
func (b *breakpoint) behind(blocks []llm.Block) []llm.Block {
	if b == nil || len(blocks) == 0 {
		return blocks
	}
	return append(blocks, llm.Block{Kind: llm.BlockCachePoint, Cache: &llm.CachePoint{Type: "default", TTL: "1h"}})
}

// partTypes are the types that an error suggests.
const partTypes = "input_text, input_image, input_file, input_audio, output_text or refusal"

// content returns the blocks of a content. Blank texts are left out: no model accepts them.
func (d *decoder) content(at place, role llm.Role, c *content) ([]llm.Block, error) {
	if c.text.Set {
		if blank(c.text.Value) {
			return nil, nil
		}
		return []llm.Block{{Kind: llm.BlockText, Text: c.text.Value}}, nil
	}
	var blocks []llm.Block
	for j := range c.parts {
		p := &c.parts[j]
		at.part = j
		d.unread(at, p.Rest)
		switch p.Type {
		case "input_text", "output_text", "text", "summary_text", "reasoning_text":
			if !p.Text.Set {
				return nil, d.invalid(at.field("text"), "is required: a string")
			}
			if !blank(p.Text.Value) {
				blocks = append(blocks, llm.Block{Kind: llm.BlockText, Text: p.Text.Value})
			}
		case "refusal":
			if !blank(p.Refusal.Value) {
				blocks = append(blocks, llm.Block{Kind: llm.BlockText, Text: p.Refusal.Value})
			}
		case "input_image", "input_file", "input_audio":
			if role != llm.RoleUser {
				return nil, d.invalid(at.field("type"), "%s is allowed in a message of role user only", p.Type)
			}
			b, err := d.file(at, p)
			if err != nil {
				return nil, err
			}
			blocks = append(blocks, b)
		case "":
			return nil, d.invalid(at.field("type"), "is required: "+partTypes)
		default:
			return nil, d.invalid(at.field("type"), "must be "+partTypes+", not %q", p.Type)
		}
		blocks = p.Breakpoint.behind(blocks)
	}
	return blocks, nil
}

// file returns the block of an image, a file or audio.
func (d *decoder) file(at place, p *part) (llm.Block, error) {
	switch {
	case p.Type == "input_audio":
		return d.audio(at, p.InputAudio)
	case p.FileID.Value != "":
		field := d.out.places.name(at.field("file_id"))
		return llm.Block{}, llm.Unsupported(field, "%s is not supported: the gateway stores no files; send the content or its URL", field)
	case p.Type == "input_image":
		if detail := p.Detail.Value; detail != "" && detail != "auto" {
			d.warnOnce(llm.WarnDropped, at.field("detail"), "the model decides how closely it looks")
		}
		return d.media(source{at: at.field("image_url"), data: p.ImageURL.url, kind: llm.BlockImage})
	case p.FileURL.Value != "":
		return d.media(source{at: at.field("file_url"), data: p.FileURL.Value, name: p.Filename.Value})
	default:
		return d.media(source{at: at.field("file_data"), data: p.FileData.Value, name: p.Filename.Value, bare: true})
	}
}

// source is a file as the request has it.
type source struct {
	at   string // the path of data
	data string
	name string
	bare bool          // data may be base64 without a data URI around it
	kind llm.BlockKind // used if the type does not determine it; 0 if it must
}

// media returns the block of a file. Its type comes from the data URI, else from the name or the URL,
// else from the content.
func (d *decoder) media(s source) (llm.Block, error) {
	m := &llm.Media{}
	b := llm.Block{Media: m}
	if s.data == "" {
		return b, d.invalid(s.at, "is required: a data URI or a URL")
	}
	mediaType, data, isURI, err := mediatype.SplitDataURI(s.data)
	if err != nil {
		return b, d.invalid(s.at, "is not a valid data URI: %v", err)
	}
	described := path.Ext(s.name)
	scheme, _, isAddress := strings.Cut(s.data[:min(len(s.data), 10)], "://")
	switch {
	case isURI:
		described = mediaType
		if b.Kind, m.Format = mediatype.Kind(mediaType); b.Kind == 0 {
			b.Kind, m.Format = mediatype.ByExtension(s.name)
		}
	case isAddress:
		return d.remote(b, s, scheme)
	case !s.bare:
		return b, d.invalid(s.at, "must be a data URI (data:image/png;base64,...) or a URL")
	default:
		data = s.data
		b.Kind, m.Format = mediatype.ByExtension(s.name)
	}
	untyped := b.Kind == 0 && (described == "" || strings.HasSuffix(described, "/octet-stream"))
	if b.Kind == 0 && !untyped {
		return b, d.invalid(s.at, "has type %q, which no model supports%s", described, mediatype.Supported(s.kind))
	}
	var ok bool
	if m.Base64, ok = d.base64(data); !ok {
		return b, d.invalid(s.at, "is not valid base64")
	}
	if untyped {
		if b.Kind, m.Format = mediatype.ByContent(string(m.Base64.Head(12))); b.Kind == 0 {
			return b, d.invalid(s.at, "has no known type; set filename, or the type in the data URI%s", mediatype.Supported(s.kind))
		}
	}
	switch b.Kind {
	case llm.BlockImage:
		return b, d.image(m, s.at)
	case llm.BlockDocument:
		m.Name = strings.TrimSuffix(s.name, path.Ext(s.name))
	default:
	}
	return b, nil
}

// image checks an image's bytes against its type. Some clients write image/jpeg for every image; the
// bytes determine the format then.
func (d *decoder) image(m *llm.Media, at string) error {
	switch format := llm.ImageFormat(string(m.Base64.Head(12))); format {
	case m.Format:
	case "":
		return d.invalid(at, "is not a supported image: the content is not PNG, JPEG, GIF or WebP")
	default:
		m.Format = format
		d.warnOnce(llm.WarnChanged, at, "the image is of another type than its media type says")
	}
	return nil
}

// remote is content at a URL. Its type is known only after it has been fetched.
func (d *decoder) remote(b llm.Block, s source, scheme string) (llm.Block, error) {
	m := b.Media
	switch strings.ToLower(scheme) {
	case "http", "https":
		u, err := url.Parse(s.data)
		if err != nil || u.Host == "" {
			return b, d.invalid(s.at, "is not a valid URL")
		}
		m.URI, m.Field = s.data, d.out.places.name(s.at)
		if b.Kind = s.kind; b.Kind == 0 {
			b.Kind = llm.BlockDocument
			m.Name = strings.TrimSuffix(s.name, path.Ext(s.name))
		}
		return b, nil
	case "s3":
		name := s.name
		if name == "" {
			name = s.data
		}
		if b.Kind, m.Format = mediatype.ByExtension(name); b.Kind == 0 {
			return b, d.invalid(s.at, "does not show the content's type; set filename")
		}
		m.URI = "s3://" + s.data[len("s3://"):]
		if b.Kind == llm.BlockDocument {
			m.Name = strings.TrimSuffix(s.name, path.Ext(s.name))
		}
		return b, nil
	default:
		return b, d.invalid(s.at, "has an unsupported URL scheme; use http, https, s3 or data")
	}
}

func (d *decoder) audio(at place, a *audio) (llm.Block, error) {
	field := at.field("input_audio")
	if a == nil || a.Data == "" {
		return llm.Block{}, d.invalid(field+".data", "is required: base64")
	}
	format := mediatype.Audio(a.Format)
	if format == "" {
		return llm.Block{}, d.invalid(field+".format", "must be a format such as wav or mp3, not %q%s", a.Format, mediatype.Supported(llm.BlockAudio))
	}
	data, ok := d.base64(a.Data)
	if !ok {
		return llm.Block{}, d.invalid(field+".data", "is not valid base64")
	}
	return llm.Block{Kind: llm.BlockAudio, Media: &llm.Media{Format: format, Base64: data}}, nil
}

// base64 reads base64 of at least one byte, which may have been extracted from the body.
func (d *decoder) base64(s string) (b llm.Base64, ok bool) {
	parse := func(s []byte) (ok bool) {
		b, ok = llm.ParseBase64(s)
		return ok && !b.IsZero()
	}
	if _, ok := d.extracted.Resolve(s, parse); ok {
		return b, true
	}
	return llm.ReadBase64(s)
}
