package fetch

import (
	"bytes"
	"cmp"
	"mime"
	"net/url"
	"strings"

	"outcrop/llm"
)

// content identifies what bytes are.
type content struct {
	kind   llm.BlockKind
	format string // Converse's short name; for unsupported content the usual name
	// family is set if the first bytes leave several formats possible.
	family family
}

// family is a set of formats with the same first bytes.
type family uint8

const (
	alone  family = iota
	text          // txt, md, csv, html
	zipped        // docx, xlsx
	ole           // doc, xls
)

func (f family) has(format string) bool {
	switch f {
	case text:
		return format == "txt" || format == "md" || format == "csv" || format == "html"
	case zipped:
		return format == "docx" || format == "xlsx"
	case ole:
		return format == "doc" || format == "xls"
	default:
		return false
	}
}

// signature is the first bytes of a format.
type signature struct {
	at    int
	bytes string
	content
}

// signatures are tried in order. The formats with a kind are those of ContentBlock in AWS's service
// model of bedrock-runtime; the others are listed only so that errors can name them. It is never
// written to.
var signatures = []signature{
	{0, "\x89PNG\r\n\x1a\n", content{llm.BlockImage, "png", alone}},
	{0, "\xff\xd8\xff", content{llm.BlockImage, "jpeg", alone}},
	{0, "GIF87a", content{llm.BlockImage, "gif", alone}},
	{0, "GIF89a", content{llm.BlockImage, "gif", alone}},
	{8, "WEBPVP8", content{llm.BlockImage, "webp", alone}},
	{8, "WAVE", content{llm.BlockAudio, "wav", alone}},
	{0, "ID3\x02", content{llm.BlockAudio, "mp3", alone}},
	{0, "ID3\x03", content{llm.BlockAudio, "mp3", alone}},
	{0, "ID3\x04", content{llm.BlockAudio, "mp3", alone}},
	{0, "fLaC", content{llm.BlockAudio, "flac", alone}},
	{28, "OpusHead", content{llm.BlockAudio, "opus", alone}},
	{0, "OggS", content{llm.BlockAudio, "ogg", alone}},
	{0, "FLV\x01", content{llm.BlockVideo, "flv", alone}},
	{0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11", content{llm.BlockVideo, "wmv", alone}},
	{0, "\x00\x00\x01\xba", content{llm.BlockVideo, "mpeg", alone}},
	{0, "\x00\x00\x01\xb3", content{llm.BlockVideo, "mpeg", alone}},
	{4, "ftypqt  ", content{llm.BlockVideo, "mov", alone}},
	{4, "ftyp3g", content{llm.BlockVideo, "three_gp", alone}},
	{4, "ftypM4A", content{llm.BlockAudio, "m4a", alone}},
	{4, "ftypavif", content{0, "AVIF image", alone}},
	{4, "ftyphei", content{0, "HEIC image", alone}},
	{4, "ftyphev", content{0, "HEIC image", alone}},
	{4, "ftypmif1", content{0, "HEIF image", alone}},
	{4, "ftyp", content{llm.BlockVideo, "mp4", alone}},
	{0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", content{llm.BlockDocument, "", ole}},
	{6, "\x00\x00\x00\x00", content{0, "BMP image", alone}},
	{0, "II*\x00", content{0, "TIFF image", alone}},
	{0, "MM\x00*", content{0, "TIFF image", alone}},
	{0, "\x00\x00\x01\x00", content{0, "icon", alone}},
	{0, "\x1f\x8b", content{0, "gzip archive", alone}},
	{0, "7z\xbc\xaf\x27\x1c", content{0, "7-Zip archive", alone}},
	{0, "Rar!\x1a\x07", content{0, "RAR archive", alone}},
	{0, "\x7fELF", content{0, "program", alone}},
	{0, "{\\rtf", content{0, "RTF document", alone}},
	{0, "%!PS", content{0, "PostScript document", alone}},
}

// sniff identifies content by its first bytes.
func sniff(head []byte) content {
	for _, s := range signatures {
		if len(head) >= s.at && bytes.HasPrefix(head[s.at:], []byte(s.bytes)) {
			if s.at == 8 && !bytes.HasPrefix(head, []byte("RIFF")) || s.at == 6 && !bytes.HasPrefix(head, []byte("BM")) {
				continue
			}
			return s.content
		}
	}
	switch {
	case bytes.HasPrefix(trimmed(head), []byte("%PDF-")):
		return content{llm.BlockDocument, "pdf", alone}
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")): // UTF-16
		return content{llm.BlockDocument, "", text}
	case bytes.HasPrefix(head, []byte("\x1a\x45\xdf\xa3")): // EBML; the document type follows shortly
		if bytes.Contains(head, []byte("webm")) {
			return content{llm.BlockVideo, "webm", alone}
		}
		return content{llm.BlockVideo, "mkv", alone}
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return office(head)
	case len(head) > 2 && head[0] == 0xff && head[1]&0xf6 == 0xf0: // ADTS (ISO 13818-7)
		return content{llm.BlockAudio, "aac", alone}
	case len(head) > 2 && head[0] == 0xff && head[1]&0xe0 == 0xe0 && head[1]&0x06 != 0 && head[2]&0xf0 != 0xf0: // ISO 11172-3
		return content{llm.BlockAudio, "mp3", alone}
	case isText(head):
		return sniffText(head)
	default:
		return content{format: "file of unknown type"}
	}
}

// office looks for the folders of Word's and Excel's formats (ECMA-376) among the names in a ZIP
// archive.
func office(head []byte) content {
	word, excel := bytes.Contains(head, []byte("word/")), bytes.Contains(head, []byte("xl/"))
	switch {
	case word && !excel:
		return content{llm.BlockDocument, "docx", alone}
	case excel && !word:
		return content{llm.BlockDocument, "xlsx", alone}
	case bytes.Contains(head, []byte("ppt/")):
		return content{format: "PowerPoint presentation"}
	case bytes.Contains(head, []byte("opendocument")):
		return content{format: "OpenDocument file"}
	case bytes.Contains(head, []byte("[Content_Types].xml")), bytes.Contains(head, []byte("docProps/")), bytes.Contains(head, []byte("_rels/")):
		return content{llm.BlockDocument, "", zipped}
	default:
		return content{format: "ZIP archive"}
	}
}

// trimmed is head without a UTF-8 byte order mark and leading white space.
func trimmed(head []byte) []byte {
	return bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), "\t\n\f\r ")
}

// isText reports whether head looks like text, in UTF-8 or an eight-bit encoding.
func isText(head []byte) bool {
	return !bytes.ContainsFunc(head, func(r rune) bool { return r < ' ' && !strings.ContainsRune("\t\n\f\r\x1b", r) })
}

func sniffText(head []byte) content {
	start := strings.ToLower(string(trimmed(head)))
	switch {
	case strings.HasPrefix(start, "<!doctype html"), strings.HasPrefix(start, "<html"):
		return content{llm.BlockDocument, "html", alone}
	case strings.HasPrefix(start, "<svg"), (strings.HasPrefix(start, "<?xml") || strings.HasPrefix(start, "<!--") || strings.HasPrefix(start, "<!doctype svg")) && strings.Contains(start, "<svg"):
		return content{format: "SVG image"}
	default:
		return content{llm.BlockDocument, "", text}
	}
}

// recognize identifies content for a part, and refuses content that does not match: by its first
// bytes, by the server's Content-Type and the URL's name, and by the format that the client set.
func (p *part) recognize(head []byte, declared string, u *url.URL) *problem {
	is := sniff(head)
	mediaType, _, err := mime.ParseMediaType(declared)
	if err != nil {
		mediaType, _, _ = strings.Cut(strings.ToLower(declared), ";")
	}
	_, extension := base(u)
	declaredFormat, named, wanted := llm.DocumentType(strings.TrimSpace(mediaType)), llm.DocumentExtension(extension), p.block.Media.Format
	if is.family != alone {
		is.format = choose(is.family, wanted, named, declaredFormat)
	}
	if is.kind == 0 {
		return p.unfit("has a type that no model supports: " + is.format + called(declared))
	}
	if is.format == "" {
		return wrong("is a Microsoft Office file whose kind neither its URL nor its Content-Type shows", "Use a URL that ends in .docx, .xlsx, .doc or .xls, or set the format.")
	}
	p.kind, p.format = is.kind, is.format
	switch p.block.Kind {
	case llm.BlockDocument: // a file may have any kind
	case llm.BlockImage:
		// A PDF as an image is read as a document, because LiteLLM's users send PDFs that way.
		if is.kind != llm.BlockImage && is.format != "pdf" {
			return p.unfit("is not an image but " + is.String() + called(declared))
		}
	case llm.BlockAudio, llm.BlockVideo: // both use the same containers
		if is.kind != llm.BlockAudio && is.kind != llm.BlockVideo {
			return p.unfit("is neither audio nor video but " + is.String() + called(declared))
		}
		p.kind = p.block.Kind
	default:
		return p.unfit("is in a content part that cannot be fetched")
	}
	if wanted != "" {
		if !same(wanted, p.format) {
			return wrong("has format "+quote(wanted)+" according to the request, but is "+is.String()+called(declared), "Set the format to what the content is, or remove it.")
		}
		if p.kind == llm.BlockAudio || p.kind == llm.BlockVideo {
			p.format = wanted
		}
		return nil
	}
	// A document's declared format must match its content: an HTML page in place of a PDF is
	// usually a login page. If the URL's own name is right, the server's Content-Type does not
	// matter.
	name := cmp.Or(named, declaredFormat)
	document := p.block.Kind == llm.BlockDocument || p.kind == llm.BlockDocument
	if document && name != "" && name != is.format && !is.family.has(name) {
		return wrong("is named as "+name+", but is "+is.String()+called(declared), "Check what the URL returns without a login, or send the content inline as a data URI.")
	}
	return nil
}

// choose returns the first of the formats that the family has; if it has none of them, txt for
// text.
func choose(f family, formats ...string) string {
	for _, format := range formats {
		if f.has(format) {
			return format
		}
	}
	if f == text {
		return "txt"
	}
	return ""
}

// same reports whether two names mean the same format.
func same(a, b string) bool {
	canonical := func(s string) string {
		switch s {
		case "jpg":
			return "jpeg"
		case "mpg":
			return "mpeg"
		case "mpga":
			return "mp3"
		case "x-aac":
			return "aac"
		case "mka", "webm":
			return "mkv"
		case "m4a", "mov", "three_gp":
			return "mp4"
		case "opus":
			return "ogg"
		default:
			return s
		}
	}
	return canonical(a) == canonical(b)
}

// String describes the content in words.
func (c content) String() string {
	switch {
	case c.family == text:
		return "plain text"
	case c.format == "html":
		return "an HTML page"
	case c.kind == llm.BlockImage:
		return "a " + strings.ToUpper(c.format) + " image"
	default:
		return "of type " + c.format
	}
}

func called(declared string) string {
	if declared == "" {
		return ""
	}
	return " (Content-Type " + quote(declared) + ")"
}

func (p *part) unfit(what string) *problem {
	var fix string
	switch p.block.Kind {
	case llm.BlockImage:
		fix = "Check that the URL returns the image itself without a login; images are PNG, JPEG, GIF or WebP."
	case llm.BlockAudio, llm.BlockVideo:
		fix = "Check that the URL returns the content itself without a login."
	default:
		fix = "Send a PNG, JPEG, GIF or WebP image, or a PDF, Word, Excel, CSV, HTML, Markdown or plain text document."
	}
	return wrong(what, fix)
}
