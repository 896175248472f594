package openaichat

import (
	"path"
	"strings"

	"outcrop/llm"
)

// kindOf gives the kind of content and Converse's short name for a media type
// (ContentBlock's formats in AWS's service model of bedrock-runtime).
func kindOf(mediaType string) (llm.BlockKind, string) {
	switch strings.ToLower(mediaType) {
	case "image/png":
		return llm.BlockImage, "png"
	case "image/jpeg", "image/jpg":
		return llm.BlockImage, "jpeg"
	case "image/gif":
		return llm.BlockImage, "gif"
	case "image/webp":
		return llm.BlockImage, "webp"
	case "application/pdf":
		return llm.BlockDocument, "pdf"
	case "text/csv":
		return llm.BlockDocument, "csv"
	case "text/html":
		return llm.BlockDocument, "html"
	case "text/plain":
		return llm.BlockDocument, "txt"
	case "text/markdown":
		return llm.BlockDocument, "md"
	case "application/msword":
		return llm.BlockDocument, "doc"
	case "application/vnd.openxmlformats-officedocument.wordprocessingml.document":
		return llm.BlockDocument, "docx"
	case "application/vnd.ms-excel":
		return llm.BlockDocument, "xls"
	case "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":
		return llm.BlockDocument, "xlsx"
	case "audio/mpeg", "audio/mp3":
		return llm.BlockAudio, "mp3"
	case "audio/wav", "audio/x-wav", "audio/wave":
		return llm.BlockAudio, "wav"
	case "audio/ogg":
		return llm.BlockAudio, "ogg"
	case "audio/flac":
		return llm.BlockAudio, "flac"
	case "audio/aac":
		return llm.BlockAudio, "aac"
	case "video/mp4":
		return llm.BlockVideo, "mp4"
	case "video/quicktime":
		return llm.BlockVideo, "mov"
	case "video/x-matroska":
		return llm.BlockVideo, "mkv"
	case "video/webm":
		return llm.BlockVideo, "webm"
	case "video/x-flv":
		return llm.BlockVideo, "flv"
	case "video/mpeg":
		return llm.BlockVideo, "mpeg"
	case "video/x-ms-wmv":
		return llm.BlockVideo, "wmv"
	case "video/3gpp":
		return llm.BlockVideo, "three_gp"
	default:
		return 0, ""
	}
}

// byExtension gives the media type of a file name's extension, for base64
// without a data URI around it.
func byExtension(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".pdf":
		return "application/pdf"
	case ".csv":
		return "text/csv"
	case ".html", ".htm":
		return "text/html"
	case ".txt":
		return "text/plain"
	case ".md":
		return "text/markdown"
	case ".doc":
		return "application/msword"
	case ".docx":
		return "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	case ".xls":
		return "application/vnd.ms-excel"
	case ".xlsx":
		return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	default:
		return ""
	}
}

func image(field string, u *imageURL) (llm.Block, error) {
	if u.URL == "" {
		return llm.Block{}, llm.Invalid(field+".url", "%s.url is required: a data URI", field)
	}
	mediaType, data, ok := dataURI(u.URL)
	if !ok {
		return llm.Block{}, llm.Unsupported(field+".url", "%s.url must be a data URI (data:image/png;base64,...): images are not fetched from addresses", field)
	}
	if u.Format != "" {
		mediaType = u.Format
	}
	kind, format := kindOf(mediaType)
	if kind != llm.BlockImage {
		return llm.Block{}, llm.Invalid(field+".url", "%s.url is of type %q; images are image/png, image/jpeg, image/gif or image/webp", field, mediaType)
	}
	if !isBase64(data) {
		return llm.Block{}, llm.Invalid(field+".url", "%s.url holds image data that is not valid base64", field)
	}
	return llm.Block{Kind: kind, Media: &llm.Media{Format: format, Base64: data}}, nil
}

func document(field string, f *file) (llm.Block, error) {
	if f == nil {
		return llm.Block{}, llm.Invalid(field, "%s is required", field)
	}
	if f.FileID != "" {
		return llm.Block{}, llm.Unsupported(field+".file_id", "%s.file_id cannot be used: send the content as file_data", field)
	}
	if f.FileData == "" {
		return llm.Block{}, llm.Invalid(field+".file_data", "%s.file_data is required: a data URI, or base64 with a filename", field)
	}
	mediaType, data, ok := dataURI(f.FileData)
	if !ok {
		if strings.Contains(f.FileData, "://") {
			return llm.Block{}, llm.Unsupported(field+".file_data", "%s.file_data must be a data URI: files are not fetched from addresses", field)
		}
		mediaType, data = byExtension(f.Filename), f.FileData
	}
	if f.Format != "" {
		mediaType = f.Format
	}
	kind, format := kindOf(mediaType)
	if kind == 0 {
		return llm.Block{}, llm.Invalid(field+".file_data", "%s.file_data is of type %q, which no model takes; a document is PDF, CSV, HTML, plain text, Markdown, Word or Excel", field, mediaType)
	}
	if !isBase64(data) {
		return llm.Block{}, llm.Invalid(field+".file_data", "%s.file_data is not valid base64", field)
	}
	b := llm.Block{Kind: kind, Media: &llm.Media{Format: format, Base64: data}}
	if kind == llm.BlockDocument {
		b.Media.Name = strings.TrimSuffix(f.Filename, path.Ext(f.Filename))
	}
	return b, nil
}

func audio(field string, a *inputAudio) (llm.Block, error) {
	if a == nil || a.Data == "" {
		return llm.Block{}, llm.Invalid(field+".data", "%s.data is required: base64", field)
	}
	if !isBase64(a.Data) {
		return llm.Block{}, llm.Invalid(field+".data", "%s.data is not valid base64", field)
	}
	if a.Format == "" {
		return llm.Block{}, llm.Invalid(field+".format", "%s.format is required, such as wav or mp3", field)
	}
	return llm.Block{Kind: llm.BlockAudio, Media: &llm.Media{Format: a.Format, Base64: a.Data}}, nil
}

// dataURI splits data:TYPE;base64,DATA (RFC 2397).
func dataURI(s string) (mediaType, data string, ok bool) {
	if len(s) < 5 || !strings.EqualFold(s[:5], "data:") {
		return "", "", false
	}
	head, data, ok := strings.Cut(s[5:], ",")
	if !ok {
		return "", "", false
	}
	head, isBase64 := strings.CutSuffix(head, ";base64")
	mediaType, _, _ = strings.Cut(head, ";")
	return mediaType, data, isBase64
}

// isBase64 reports whether s is standard base64 with padding (RFC 4648, section
// 4) of at least one byte.
func isBase64(s string) bool { return len(s) > 0 && len(s)%4 == 0 && llm.IsBase64(s) }
