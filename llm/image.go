package llm

import "strings"

// ImageFormat recognizes an image by its first 12 bytes, and returns its Media.Format; empty for
// anything but PNG, JPEG, GIF and WebP (https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern).
func ImageFormat(head string) string {
	switch {
	case strings.HasPrefix(head, "\x89PNG\r\n\x1a\n"):
		return "png"
	case strings.HasPrefix(head, "\xff\xd8\xff"):
		return "jpeg"
	case strings.HasPrefix(head, "GIF87a"), strings.HasPrefix(head, "GIF89a"):
		return "gif"
	case len(head) >= 12 && head[:4] == "RIFF" && head[8:12] == "WEBP":
		return "webp"
	default:
		return ""
	}
}
