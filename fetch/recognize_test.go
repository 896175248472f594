package fetch

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"outcrop/llm"
)

// zip begins like a ZIP archive whose first files have these names.
func zip(names ...string) string {
	var b strings.Builder
	for _, name := range names {
		b.WriteString("PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00" + strings.Repeat("\x01", 14) + name + "\x8a\x8b\x8c")
	}
	return b.String()
}

const (
	oleFile = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00\x00"
	login   = "\n<!DOCTYPE html>\n<html><title>Log in</title></html>"
	svg     = `<?xml version="1.0"?><!-- drawn --><svg xmlns="http://www.w3.org/2000/svg"/>`
)

func TestContentIsWhatItsBytesSay(t *testing.T) {
	const image, document, audio, video = llm.BlockImage, llm.BlockDocument, llm.BlockAudio, llm.BlockVideo
	tests := []struct {
		part           llm.BlockKind
		path, declared string
		wanted         string
		content        string
		kind           llm.BlockKind // 0 if it is refused
		says           string        // the format, or what the refusal says
	}{
		{image, "a", "", "", png, image, "png"},
		{image, "a.jpg", "image/jpeg", "", png, image, "png"}, // servers convert images, and images say what they are
		{image, "a", "text/plain", "", "\xff\xd8\xff\xe0", image, "jpeg"},
		{image, "a", "image/gif", "gif", "GIF89a...", image, "gif"},
		{image, "a", "image/webp", "", "RIFF\x00\x00\x00\x00WEBPVP8L", image, "webp"},
		{image, "a", "", "jpg", "\xff\xd8\xff\xe0", image, "jpeg"},
		{image, "a", "", "jpeg", png, 0, `has format "jpeg" according to the request, but is a PNG image`},
		{image, "a.png", "image/png", "", login, 0, `is not an image but an HTML page (Content-Type "image/png")`},
		{image, "a.png", "image/png", "", "not an image", 0, "is not an image but plain text"},
		{image, "a.svg", "image/svg+xml", "", svg, 0, `has a type that no model supports: SVG image (Content-Type "image/svg+xml")`},
		{image, "a.svg", "", "", "<svg/>", 0, "SVG image"},
		{image, "a.bmp", "", "", "BM\x01\x02\x03\x04\x00\x00\x00\x00", 0, "BMP image"},
		{image, "a.tiff", "", "", "II*\x00\x08", 0, "TIFF image"},
		{image, "a.avif", "", "", "\x00\x00\x00\x20ftypavif", 0, "AVIF image"},
		{image, "a.heic", "", "", "\x00\x00\x00\x20ftypheic", 0, "HEIC image"},
		{image, "a.ico", "", "", "\x00\x00\x01\x00\x01", 0, "icon"},
		{image, "a.png", "", "", "\x00\x01\x02\x03", 0, "file of unknown type"},
		{image, "a.png.gz", "", "", "\x1f\x8b\x08", 0, "gzip archive"},
		{image, "a.mp4", "", "", "\x00\x00\x00\x20ftypisom", 0, "is not an image but of type mp4"},
		{image, "a.docx", "", "", zip("word/document.xml"), 0, "is not an image but of type docx"},
		{image, "a", "application/pdf", "", pdf, document, "pdf"},

		{document, "a.pdf", "application/pdf", "", pdf, document, "pdf"},
		{document, "a.pdf", "text/plain", "", pdf, document, "pdf"}, // its name is right, the server's word is not
		{document, "a", "application/octet-stream", "", "\xef\xbb\xbf\n" + pdf, document, "pdf"},
		{document, "a", "text/plain", "", pdf, 0, "is named as txt, but is of type pdf"},
		{document, "a", "application/pdf; charset=binary", "", login, 0, "is named as pdf, but is an HTML page"},
		{document, "a.pdf", "text/html", "", login, 0, "is named as pdf, but is an HTML page"},
		{document, "a.pdf", "application/pdf", "", png, 0, "is named as pdf, but is a PNG image"},
		{document, "a.pdf", "application/pdf", "", "%PD", 0, "is named as pdf, but is plain text"},
		{document, "a.txt", "text/html", "", login, 0, "is named as txt, but is an HTML page"},
		{document, "a", "text/html", "", login, document, "html"},
		{document, "a.htm", "", "", "<p>a fragment", document, "html"},
		{document, "a", "", "pdf", login, 0, `has format "pdf" according to the request, but is an HTML page`},
		{document, "a", "", "", "a text about %PDF- files, II*, BM and ID3", document, "txt"},
		{document, "a", "", "", "BMW sold more", document, "txt"},
		{document, "a", "text/plain; charset=iso-8859-1", "", "caf\xe9", document, "txt"},
		{document, "a.txt", "", "", "\xff\xfea\x00", document, "txt"},
		{document, "a.csv", "application/vnd.ms-excel", "", "a,b\n1,2", document, "csv"},
		{document, "a", "text/csv", "", "a,b\n1,2", document, "csv"},
		{document, "a", "text/csv", "txt", "a,b\n1,2", document, "txt"},
		{document, "README.md", "text/plain", "", "# Granite", document, "md"},
		{document, "a", "text/markdown; charset=utf-8; broken", "", "# Granite", document, "md"},
		{document, "a.docx", "application/zip", "", zip("[Content_Types].xml", "_rels/.rels"), document, "docx"},
		{document, "a", "", "", zip("[Content_Types].xml", "word/document.xml"), document, "docx"},
		{document, "a", "", "", zip("xl/workbook.xml"), document, "xlsx"},
		{document, "a.docx", "", "", zip("xl/workbook.xml"), 0, "is named as docx, but is of type xlsx"},
		{document, "a", "", "", zip("[Content_Types].xml"), 0, "is a Microsoft Office file"},
		{document, "a.docx", "", "", zip("a.txt"), 0, "ZIP archive"},
		{document, "a.pptx", "", "", zip("[Content_Types].xml", "ppt/presentation.xml"), 0, "PowerPoint presentation"},
		{document, "a.doc", "", "", oleFile, document, "doc"},
		{document, "a", "application/vnd.ms-excel", "", oleFile, document, "xls"},
		{document, "a.docx", "", "", oleFile, 0, "is a Microsoft Office file"},
		{document, "a.exe", "application/pdf", "", "\x7fELF\x02", 0, "program"},
		{document, "a", "", "", png, image, "png"}, // a file is whatever it is
		{document, "a", "", "", "fLaC\x00", audio, "flac"},
		{document, "a", "", "", "\x1a\x45\xdf\xa3\x01webm", video, "webm"},

		{audio, "a", "", "", "ID3\x04\x00", audio, "mp3"},
		{audio, "a", "", "", "\xff\xfb\x90\x64", audio, "mp3"},
		{audio, "a", "", "", "\xff\xf1\x50\x80", audio, "aac"},
		{audio, "a", "", "", "RIFF\x00\x00\x00\x00WAVEfmt ", audio, "wav"},
		{audio, "a", "", "", "OggS" + strings.Repeat("\x00", 24) + "OpusHead", audio, "opus"},
		{audio, "a", "", "ogg", "OggS" + strings.Repeat("\x00", 24) + "OpusHead", audio, "ogg"},
		{audio, "a", "", "", "\x00\x00\x00\x20ftypM4A ", audio, "m4a"},
		{audio, "a", "", "mp4", "\x00\x00\x00\x20ftypisom", audio, "mp4"},
		{audio, "a", "", "wav", "ID3\x04\x00", 0, `has format "wav" according to the request`},
		{audio, "a.mp3", "audio/mpeg", "", login, 0, "is neither audio nor video but an HTML page"},
		{video, "a", "", "", "\x00\x00\x00\x20ftypqt  ", video, "mov"},
		{video, "a", "", "", "\x00\x00\x00\x20ftyp3gp5", video, "three_gp"},
		{video, "a", "", "", "\x1a\x45\xdf\xa3\x01matroska", video, "mkv"},
		{video, "a", "", "", "\x00\x00\x01\xba\x44", video, "mpeg"},
		{video, "a", "", "", "\x30\x26\xb2\x75\x8e\x66\xcf\x11", video, "wmv"},
		{video, "a", "", "", "FLV\x01\x05", video, "flv"},
		{llm.BlockText, "a", "", "", png, 0, "is in a content part that cannot be fetched"},
	}
	for _, tt := range tests {
		n := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			if tt.declared != "" {
				w.Header().Set("Content-Type", tt.declared)
			}
			_, _ = io.WriteString(w, tt.content)
		})
		req := imageAt("http://files.test/" + tt.path)
		req.Turns[0].Blocks[0].Kind, req.Turns[0].Blocks[0].Media.Format = tt.part, tt.wanted
		out, _, err := n.client(Options{}).Inline(t.Context(), req)
		if err != nil {
			e := llm.AsError(err)
			if tt.kind != 0 || e.Code != llm.CodeBadRequest || e.Status != 400 || !strings.Contains(e.Message, tt.says) || e.Fix == "" {
				t.Errorf("%q called %s and %q: %v", tt.content, tt.path, tt.declared, err)
			}
			continue
		}
		b := out.Turns[0].Blocks[0]
		if b.Kind != tt.kind || b.Media.Format != tt.says {
			t.Errorf("%q called %s and %q: kind %d, format %q; want %d, %q", tt.content, tt.path, tt.declared, b.Kind, b.Media.Format, tt.kind, tt.says)
		}
	}
}

func FuzzContentIsRecognizedWithoutHarm(f *testing.F) {
	for _, s := range []string{png, pdf, svg, login, oleFile, zip("word/a"), "\xff", "\xff\xfb\x90", "\xff\xfe", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, head []byte) {
		if is := sniff(head); is.format == "" && is.family == alone {
			t.Errorf("%q is nothing: %+v", head, is)
		}
	})
}
