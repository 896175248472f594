package gemini

import (
	"strings"

	"outcrop/llm"
)

// mediaTypes are the media types of formats, in the names of llm.Media
// (https://ai.google.dev/gemini-api/docs/image-understanding, audio, video-understanding and
// document-processing). It is never written to.
var mediaTypes = map[llm.BlockKind]map[string]string{
	llm.BlockImage:    {"png": "image/png", "jpeg": "image/jpeg", "jpg": "image/jpeg", "webp": "image/webp", "gif": "image/gif", "heic": "image/heic", "heif": "image/heif"},
	llm.BlockDocument: {"pdf": "application/pdf", "txt": "text/plain", "md": "text/md", "csv": "text/csv", "html": "text/html", "xml": "text/xml", "rtf": "text/rtf"},
	llm.BlockAudio:    {"mp3": "audio/mp3", "wav": "audio/wav", "aac": "audio/aac", "flac": "audio/flac", "ogg": "audio/ogg", "opus": "audio/ogg", "aiff": "audio/aiff", "m4a": "audio/m4a", "mp4": "audio/mp4", "webm": "audio/webm", "pcm": "audio/pcm"},
	llm.BlockVideo:    {"mp4": "video/mp4", "mov": "video/mov", "mpeg": "video/mpeg", "mpg": "video/mpg", "avi": "video/avi", "flv": "video/x-flv", "webm": "video/webm", "wmv": "video/wmv", "three_gp": "video/3gpp", "mkv": "video/x-matroska"},
}

// media writes content as a part.
func (e *encoder) media(b *llm.Block, path string) error {
	m := b.Media
	switch {
	case m.Text != "":
		e.text(m.Text, "")
		return nil
	case strings.HasPrefix(m.URI, "s3://"):
		return llm.Unsupported(path, "%s: Gemini does not read from S3; send the content as base64", path)
	case m.Source != nil:
		return llm.Unsupported(path, "%s: this source has no form in Gemini's API; send the content as base64", path)
	}
	format := m.Format
	if b.Kind == llm.BlockDocument && format == "" {
		format = "pdf"
	}
	kind := mediaTypes[b.Kind][format]
	if kind == "" {
		return llm.Unsupported(path, "%s: Gemini does not accept the format %q here", path, llm.Clip(format, 30))
	}
	if m.Name != "" {
		e.warn(llm.WarnDropped, path+".name", "Gemini has no names of files")
	}
	e.w.Object()
	if m.URI != "" {
		e.w.Key("fileData")
		e.w.Object()
		e.w.Key("mimeType")
		e.w.Word(kind)
		e.w.Key("fileUri")
		e.w.String(m.URI)
	} else {
		e.w.Key("inlineData")
		e.w.Object()
		e.w.Key("mimeType")
		e.w.Word(kind)
		e.w.Key("data")
		e.w.Base64(m.Base64.Bytes())
	}
	e.w.EndObject()
	e.w.EndObject()
	return nil
}

// formatOf is the format of a media type and the kind of its block; the kind is 0 for a type that the
// common language does not have.
func formatOf(mediaType string) (format string, kind llm.BlockKind) {
	mediaType, _, _ = strings.Cut(strings.ToLower(mediaType), ";")
	major, minor, _ := strings.Cut(mediaType, "/")
	switch major {
	case "image":
		kind = llm.BlockImage
	case "audio":
		kind = llm.BlockAudio
	case "video":
		kind = llm.BlockVideo
	case "application", "text":
		kind = llm.BlockDocument
	default:
		return "", 0
	}
	for name, known := range mediaTypes[kind] {
		if known == mediaType && name != "jpg" && name != "opus" {
			return name, kind
		}
	}
	switch mediaType {
	case "audio/mpeg":
		return "mp3", kind
	case "audio/x-wav":
		return "wav", kind
	case "video/quicktime":
		return "mov", kind
	case "text/markdown":
		return "md", kind
	}
	if major == "application" || major == "text" || minor == "" {
		return "", 0
	}
	return minor, kind
}

// media is the content of a part with inlineData or fileData.
func (p *clientPart) media(path string) (llm.Block, error) {
	if p.InlineData == nil {
		format, kind := formatOf(p.FileData.Type)
		if kind == 0 || !strings.HasPrefix(p.FileData.URI, "https://") && !strings.HasPrefix(p.FileData.URI, "http://") {
			return llm.Block{}, llm.Unsupported(path+".fileData", "%s.fileData: only files at http and https addresses with a known mimeType can be fetched", path)
		}
		return llm.Block{Kind: kind, Media: &llm.Media{Format: format, URI: p.FileData.URI, Field: path + ".fileData.fileUri"}}, nil
	}
	format, kind := formatOf(p.InlineData.Type)
	data, ok := llm.ReadBase64(p.InlineData.Data)
	switch {
	case kind == 0:
		return llm.Block{}, llm.Unsupported(path+".inlineData.mimeType", "%s.inlineData.mimeType: %q is not supported", path, llm.Clip(p.InlineData.Type, 60))
	case !ok:
		return llm.Block{}, llm.Invalid(path+".inlineData.data", "%s.inlineData.data is not base64", path)
	}
	m := &llm.Media{Format: format, Base64: data}
	if kind == llm.BlockDocument { // no other kind has a name
		m.Name = p.InlineData.Name
	}
	return llm.Block{Kind: kind, Media: m}, nil
}
