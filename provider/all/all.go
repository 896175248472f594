// Package all is the one list of providers.
package all

import (
	"slices"

	"outcrop/provider"
	"outcrop/provider/anthropic"
	"outcrop/provider/azure"
	"outcrop/provider/bedrock"
	"outcrop/provider/cohere"
	"outcrop/provider/gemini"
	"outcrop/provider/ollama"
	"outcrop/provider/openaicompat"
	"outcrop/provider/sagemaker"
	"outcrop/provider/vertex"
)

// Providers lists every provider that there is.
func Providers() []provider.Info {
	return slices.Concat(
		bedrock.Providers(),
		[]provider.Info{anthropic.Provider(), gemini.Provider(), vertex.Provider()},
		azure.Providers(),
		cohere.Providers(),
		ollama.Providers(),
		sagemaker.Providers(),
		openaicompat.Providers(),
	)
}
