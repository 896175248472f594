package genai

import (
	"strings"

	"outcrop/provider"
)

// Retired is the doubt about a model that Google has shut down and that public tables of models no longer
// have; nil for other models. Google's lists of them are
// https://ai.google.dev/gemini-api/docs/deprecations and
// https://cloud.google.com/vertex-ai/generative-ai/docs/learn/model-versions.
func Retired(model string) *provider.Doubt {
	model = strings.TrimPrefix(model, "models/")
	if strings.Contains(model, "*") || model != "gemini-pro" && model != "gemini-pro-vision" && !strings.HasPrefix(model, "gemini-1.") && !strings.HasPrefix(model, "gemini-2.0-") {
		return nil
	}
	return &provider.Doubt{Option: "model", Message: model + " is retired: Google has shut it down", Hint: "Move to a newer model, such as gemini-3.5-flash."}
}
