package llm_test

import (
	"testing"

	"outcrop/llm"
)

func TestDocumentsAndImagesAreKnownByTypeAndName(t *testing.T) {
	for mediaType, want := range map[string]string{"application/x-pdf": "pdf", "text/x-markdown": "md", "application/vnd.ms-excel": "xls", "application/zip": "", "": ""} {
		if got := llm.DocumentType(mediaType); got != want {
			t.Errorf("%q is %q, want %q", mediaType, got, want)
		}
	}
	for extension, want := range map[string]string{"htm": "html", "log": "txt", "docx": "docx", "pptx": "", "": ""} {
		if got := llm.DocumentExtension(extension); got != want {
			t.Errorf("%q is %q, want %q", extension, got, want)
		}
	}
	for extension, want := range map[string]string{"jpg": "jpeg", "webp": "webp", "svg": "", "": ""} {
		if got := llm.ImageExtension(extension); got != want {
			t.Errorf("%q is %q, want %q", extension, got, want)
		}
	}
}
