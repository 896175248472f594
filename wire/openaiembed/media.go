package openaiembed

import (
	"net/url"
	"path"
	"strings"

	"outcrop/llm"
)

// isMediaURI reports whether a text is a data URI of an image, audio or video. Nothing else in a
// list of texts is taken for media: a URL is a text as good as any.
func isMediaURI(s string) bool {
	if len(s) < 5 || !strings.EqualFold(s[:5], "data:") {
		return false
	}
	head, _, comma := strings.Cut(s[:min(len(s), maxHead)], ",")
	kind, _ := typeOf(strings.TrimSuffix(head[5:], ";base64"))
	return comma && kind != 0 && strings.HasSuffix(head, ";base64")
}

// maxHead is the maximum length of a data URI's head (RFC 2397).
const maxHead = 256

// media makes a block of content at an address. kind is what it is if its type does not say; 0 if it
// must. bare is whether it may be base64 without a data URI around it.
func (c *content) media(field string, u address, kind llm.BlockKind, bare bool) (llm.Block, error) {
	m := &llm.Media{}
	b := llm.Block{Kind: kind, Media: m}
	if u.URL == "" {
		return b, llm.Invalid(field, "%s must be a data URI (data:image/png;base64,...) or a URL", field)
	}
	if u.Format != "" {
		if b.Kind, m.Format = typeOf(u.Format); b.Kind == 0 {
			return b, llm.Invalid(field, "%s has an unsupported format %q", field, u.Format)
		}
	}
	scheme, _, isURL := strings.Cut(u.URL[:min(len(u.URL), 10)], "://")
	scheme = strings.ToLower(scheme)
	switch {
	case isURL && scheme == "s3":
		m.URI, m.Owner = "s3://"+u.URL[len("s3://"):], u.BucketOwner
		if m.Format == "" {
			_, m.Format = typeOf(strings.TrimPrefix(path.Ext(u.URL), "."))
		}
		return b, nil
	case isURL && (scheme == "http" || scheme == "https"):
		if parsed, err := url.Parse(u.URL); err != nil || parsed.Host == "" {
			return b, llm.Invalid(field, "%s is not a valid URL", field)
		}
		m.URI, m.Field = u.URL, field
		return b, nil
	case isURL:
		return b, llm.Invalid(field, "%s has an unsupported URL scheme; use http, https, s3 or data", field)
	}
	return b, c.inline(field, u.URL, &b, bare)
}

// inline reads a data URI or base64.
func (c *content) inline(field, s string, b *llm.Block, bare bool) error {
	m := b.Media
	head, _, comma := strings.Cut(s[:min(len(s), maxHead)], ",")
	var data string
	switch {
	case len(s) >= 5 && strings.EqualFold(s[:5], "data:"):
		if !comma || !strings.HasSuffix(head, ";base64") {
			return llm.Invalid(field, "%s is not a valid data URI (data:image/png;base64,...)", field)
		}
		data = s[len(head)+1:]
		if m.Format == "" {
			mediaType, _, _ := strings.Cut(head[5:], ";")
			kind, format := typeOf(mediaType)
			if kind != 0 {
				b.Kind, m.Format = kind, format
			} else if mediaType != "" && mediaType != "application/octet-stream" {
				return llm.Invalid(field, "%s has the type %q, which no model supports", field, mediaType)
			}
		}
	case bare:
		data = s
	default:
		return llm.Invalid(field, "%s must be a data URI (data:image/png;base64,...) or a URL", field)
	}
	var ok bool
	if m.Base64, ok = llm.ReadBase64(data); !ok {
		return llm.Invalid(field, "%s is not valid base64", field)
	}
	if b.Kind != llm.BlockImage {
		return nil
	}
	switch format := llm.ImageFormat(string(m.Base64.Head(12))); format {
	case "":
		return llm.Invalid(field, "%s is not a supported image: the content is not PNG, JPEG, GIF or WebP", field)
	case m.Format:
	default: // some clients write image/jpeg for every image
		if m.Format != "" {
			c.out.Warnings = append(c.out.Warnings, llm.Warning{Code: llm.WarnChanged, Field: field})
		}
		m.Format = format
	}
	return nil
}

// typeOf returns the kind and Converse's short name of a media type or a file name's extension; 0 if
// no model embeds it.
func typeOf(mediaType string) (llm.BlockKind, string) {
	family, name, ok := strings.Cut(strings.ToLower(mediaType), "/")
	if !ok {
		name = family
		family = ""
	}
	name = strings.TrimPrefix(name, "x-")
	switch name {
	case "png", "jpeg", "jpg", "gif", "webp":
		if family == "image" || family == "" {
			if name == "jpg" {
				name = "jpeg"
			}
			return llm.BlockImage, name
		}
	case "mp3", "wav", "ogg", "wave", "m4a", "flac":
		if family == "audio" || family == "" {
			if name == "wave" {
				name = "wav"
			}
			return llm.BlockAudio, name
		}
	case "mpeg", "mp4", "mov", "mkv", "webm", "flv", "mpg", "wmv", "3gp", "quicktime", "matroska", "3gpp", "ms-wmv":
		switch {
		case family == "audio" && name == "mpeg":
			return llm.BlockAudio, "mp3"
		case family == "audio" && name == "mp4":
			return llm.BlockAudio, "m4a"
		case family == "video" || family == "":
			return llm.BlockVideo, videoFormat(name)
		}
	}
	return 0, ""
}

func videoFormat(name string) string {
	switch name {
	case "quicktime":
		return "mov"
	case "matroska":
		return "mkv"
	case "3gpp":
		return "3gp"
	case "ms-wmv":
		return "wmv"
	default:
		return name
	}
}
