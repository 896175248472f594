package llm

import "testing"

func TestImagesAreRecognizedByTheirFirstBytes(t *testing.T) {
	for head, want := range map[string]string{
		"\x89PNG\r\n\x1a\n\x00\x00\x00\r": "png", "\xff\xd8\xff\xe0": "jpeg", "GIF87a": "gif", "GIF89a\x01": "gif",
		"RIFF\x24\x00\x00\x00WEBP": "webp", "RIFF\x24\x00\x00\x00WAVE": "", "RIFF\x24\x00\x00\x00WEB": "", "GIF88a": "", "%PDF-1.7": "", "": "",
	} {
		if got := ImageFormat(head); got != want {
			t.Errorf("%q: got %q, want %q", head, got, want)
		}
	}
}
