package config

import "strings"

// knownTo returns the name of the provider that has a model with this id, or an empty
// string.
func (l *loader) knownTo(model string) string {
	for i := range l.src.Providers {
		if p := &l.src.Providers[i]; p.Has != nil && p.Has(model) {
			return p.Name
		}
	}
	return ""
}

// makerOf returns the provider of a model that LiteLLM accepts without a provider in its
// name (https://docs.litellm.ai/docs/providers/openai): openai, anthropic or gemini.
func makerOf(model string) string {
	name := strings.ToLower(model)
	for _, prefix := range []string{"gpt-", "chatgpt", "o1", "o3", "o4", "text-embedding-", "dall-e", "whisper", "tts-"} {
		if strings.HasPrefix(name, prefix) && !strings.HasPrefix(name, "gpt-oss") {
			return "openai"
		}
	}
	switch {
	case strings.HasPrefix(name, "gemini"):
		return "gemini"
	case strings.HasPrefix(name, "claude-"):
		return "anthropic"
	}
	return ""
}
