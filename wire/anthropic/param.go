package anthropic

import "strings"

// Param returns the path of a field as Anthropic's errors have it: messages[1].content[0].text is
// messages.1.content.0.text.
func Param(path string) string {
	if !strings.Contains(path, "[") {
		return path
	}
	return strings.NewReplacer("[", ".", "]", "").Replace(path)
}
