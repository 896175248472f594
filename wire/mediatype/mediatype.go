// Package mediatype tells what a file is, by its media type, its name or its first bytes, in the terms
// of llm. The dialects that carry files share it.
package mediatype

import (
	"encoding/base64"
	"errors"
	"net/url"
	"path"
	"strings"

	"outcrop/llm"
)

// Kind returns the kind of content and Converse's short name for a media type, or for a short
// name itself (ImageFormat, DocumentFormat, VideoFormat and AudioFormat in AWS's service model of
// bedrock-runtime). The kind is 0 for a type that Converse does not support.
func Kind(mediaType string) (llm.BlockKind, string) {
	mediaType = strings.ToLower(mediaType)
	family, name, ok := strings.Cut(mediaType, "/")
	if !ok {
		return ByExtension("." + mediaType)
	}
	switch family {
	case "image":
		if name = llm.ImageExtension(name); name == "" {
			return 0, ""
		}
		return llm.BlockImage, name
	case "audio":
		if format := Audio(name); format != "" {
			return llm.BlockAudio, format
		}
		return 0, ""
	case "video":
		if format := video(name); format != "" {
			return llm.BlockVideo, format
		}
		return 0, ""
	}
	if format := llm.DocumentType(mediaType); format != "" {
		return llm.BlockDocument, format
	}
	return 0, ""
}

// Of returns the media type of content of a kind in a format of Converse's, as Kind has them; one that says
// nothing for a document of another format, and for an empty one.
func Of(kind llm.BlockKind, format string) string {
	switch kind {
	case llm.BlockImage:
		return "image/" + subtype(format)
	case llm.BlockVideo:
		return "video/" + subtype(format)
	case llm.BlockAudio:
		return "audio/" + subtype(format)
	default:
	}
	switch format {
	case "pdf":
		return "application/pdf"
	case "doc":
		return "application/msword"
	case "docx":
		return "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	case "xls":
		return "application/vnd.ms-excel"
	case "xlsx":
		return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	default:
		return "application/octet-stream"
	}
}

// subtype is that of the media type of a format.
func subtype(format string) string {
	switch format {
	case "":
		return "octet-stream"
	case "mov":
		return "quicktime"
	case "mkv":
		return "x-matroska"
	case "three_gp":
		return "3gpp"
	case "wmv":
		return "x-ms-wmv"
	case "flv":
		return "x-flv"
	default:
		return format
	}
}

// Audio returns Converse's name for an audio subtype, or for a format of OpenAI's
// input_audio; empty if Converse has none.
func Audio(name string) string {
	switch name = strings.ToLower(name); name {
	case "mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "x-aac", "m4a", "mpeg", "mpga", "pcm", "webm":
		if name == "mpeg" { // audio/mpeg is the media type of mp3 files
			return "mp3"
		}
		return name
	case "x-wav", "wave", "vnd.wave":
		return "wav"
	case "x-flac":
		return "flac"
	case "x-m4a":
		return "m4a"
	case "x-matroska", "matroska":
		return "mka"
	case "l16", "pcm16":
		return "pcm"
	default:
		return ""
	}
}

// video returns Converse's name for a video subtype; empty if Converse has none.
func video(name string) string {
	switch name {
	case "mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv", "three_gp":
		return name
	case "quicktime":
		return "mov"
	case "x-matroska", "matroska":
		return "mkv"
	case "x-flv":
		return "flv"
	case "x-ms-wmv":
		return "wmv"
	case "x-m4v":
		return "mp4"
	case "3gpp", "3gp":
		return "three_gp"
	default:
		return ""
	}
}

// ByExtension returns the kind of content and Converse's short name for a file name's extension.
func ByExtension(name string) (llm.BlockKind, string) {
	ext := strings.TrimPrefix(strings.ToLower(path.Ext(name)), ".")
	if format := llm.ImageExtension(ext); format != "" {
		return llm.BlockImage, format
	}
	if format := llm.DocumentExtension(ext); format != "" {
		return llm.BlockDocument, format
	}
	switch ext {
	case "mp4", "mov", "mkv", "webm", "flv", "mpeg", "mpg", "wmv", "three_gp":
		return llm.BlockVideo, ext
	case "3gp", "3gpp":
		return llm.BlockVideo, "three_gp"
	case "m4v":
		return llm.BlockVideo, "mp4"
	case "mp3", "opus", "wav", "aac", "flac", "ogg", "mka", "m4a", "mpga", "pcm":
		return llm.BlockAudio, ext
	default:
		return 0, ""
	}
}

// Supported lists the supported types of a kind for an error; those of all kinds for 0.
func Supported(kind llm.BlockKind) string {
	switch kind {
	case llm.BlockImage:
		return "; images are PNG, JPEG, GIF or WebP"
	case llm.BlockVideo:
		return "; videos are MP4, MOV, MKV, WebM, FLV, MPEG, WMV or 3GP"
	case llm.BlockAudio:
		return "; audio is MP3, WAV, AAC, FLAC, OGG, Opus, M4A, MP4, MKA, WebM or PCM"
	default:
		return "; a document is PDF, CSV, HTML, plain text, Markdown, Word or Excel"
	}
}

// ByContent tells an image or a PDF by its first bytes, at least 12 if there are as many; the kind is 0
// for anything else.
func ByContent(head string) (llm.BlockKind, string) {
	if strings.HasPrefix(head, "%PDF-") {
		return llm.BlockDocument, "pdf"
	}
	if format := llm.ImageFormat(head); format != "" {
		return llm.BlockImage, format
	}
	return 0, ""
}

// SplitDataURI splits data:TYPE;base64,DATA (RFC 2397); ok is false for anything but a data URI. Data
// without base64 is encoded.
func SplitDataURI(s string) (mediaType, data string, ok bool, err error) {
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

var errNoComma = errors.New("the comma before the data is missing")
