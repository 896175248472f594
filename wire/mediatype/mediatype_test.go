package mediatype_test

import (
	"testing"

	"outcrop/llm"
	"outcrop/wire/mediatype"
)

func TestKindsOfMediaTypesAndNames(t *testing.T) {
	for name, want := range map[string]struct {
		kind   llm.BlockKind
		format string
	}{
		"image/png": {llm.BlockImage, "png"}, "IMAGE/JPG": {llm.BlockImage, "jpeg"}, "webp": {llm.BlockImage, "webp"}, "image/tiff": {},
		"audio/mpeg": {llm.BlockAudio, "mp3"}, "audio/x-wav": {llm.BlockAudio, "wav"}, "audio/x-flac": {llm.BlockAudio, "flac"},
		"audio/x-m4a": {llm.BlockAudio, "m4a"}, "audio/matroska": {llm.BlockAudio, "mka"}, "audio/L16": {llm.BlockAudio, "pcm"},
		"audio/opus": {llm.BlockAudio, "opus"}, "audio/midi": {}, "mp3": {llm.BlockAudio, "mp3"},
		"video/mp4": {llm.BlockVideo, "mp4"}, "video/quicktime": {llm.BlockVideo, "mov"}, "video/x-matroska": {llm.BlockVideo, "mkv"},
		"video/x-flv": {llm.BlockVideo, "flv"}, "video/x-ms-wmv": {llm.BlockVideo, "wmv"}, "video/x-m4v": {llm.BlockVideo, "mp4"},
		"video/3gpp": {llm.BlockVideo, "three_gp"}, "video/avi": {}, "mov": {llm.BlockVideo, "mov"}, "3gp": {llm.BlockVideo, "three_gp"}, "m4v": {llm.BlockVideo, "mp4"},
		"application/pdf": {llm.BlockDocument, "pdf"}, "text/csv": {llm.BlockDocument, "csv"}, "md": {llm.BlockDocument, "md"},
		"application/zip": {}, "exe": {}, "": {},
	} {
		if kind, format := mediatype.Kind(name); kind != want.kind || format != want.format {
			t.Errorf("%q: %v, %q", name, kind, format)
		}
	}
}

func TestAFormatHasAMediaType(t *testing.T) {
	for _, name := range []string{
		"image/png", "image/jpeg", "video/mp4", "video/quicktime", "video/x-matroska", "video/x-flv", "video/x-ms-wmv", "video/3gpp", "audio/wav", "application/pdf", "application/msword",
		"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "application/vnd.ms-excel", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	} {
		kind, format := mediatype.Kind(name)
		if got := mediatype.Of(kind, format); got != name {
			t.Errorf("%s is %s", name, got)
		}
	}
	if image, document := mediatype.Of(llm.BlockImage, ""), mediatype.Of(llm.BlockDocument, ""); image != "image/octet-stream" || document != "application/octet-stream" {
		t.Errorf("without a format: %s, %s", image, document)
	}
}

func TestContentTellsImagesAndPDFs(t *testing.T) {
	for head, want := range map[string]string{"%PDF-1.7 ....": "pdf", "\x89PNG\r\n\x1a\n....": "png", "GIF89a......": "gif", "It is text..": "", "": ""} {
		if _, format := mediatype.ByContent(head); format != want {
			t.Errorf("%q: %q, want %q", head, format, want)
		}
	}
}

func TestDataURIs(t *testing.T) {
	for uri, want := range map[string]struct {
		mediaType, data string
		ok, fails       bool
	}{
		"data:image/png;base64,QUJD":          {"image/png", "QUJD", true, false},
		"DATA:text/csv;charset=utf-8,a%2Cb":   {"text/csv", "YSxi", true, false},
		"data:,granite":                       {"text/plain", "Z3Jhbml0ZQ==", true, false},
		"data:text/plain":                     {"", "", false, true},
		"data:text/plain,%zz":                 {"", "", false, true},
		"https://example.com/a.png":           {"", "", false, false},
		"dat":                                 {"", "", false, false},
		"data:application/pdf;x=1;base64,JVA": {"application/pdf", "JVA", true, false},
	} {
		mediaType, data, ok, err := mediatype.SplitDataURI(uri)
		if mediaType != want.mediaType || data != want.data || ok != want.ok || (err != nil) != want.fails {
			t.Errorf("%q: %q, %q, %v, %v", uri, mediaType, data, ok, err)
		}
	}
}

func TestErrorsListTheTypesOfTheirKind(t *testing.T) {
	seen := map[string]bool{}
	for _, kind := range []llm.BlockKind{llm.BlockImage, llm.BlockVideo, llm.BlockAudio, llm.BlockDocument} {
		seen[mediatype.Supported(kind)] = true
	}
	if len(seen) != 4 {
		t.Errorf("the lists are alike: %v", seen)
	}
}
