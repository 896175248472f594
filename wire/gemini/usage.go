package gemini

import (
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

func appendUsage(w *jsonx.Writer, u *llm.Usage) {
	w.Key("usageMetadata")
	w.Object()
	w.Key("promptTokenCount")
	w.Int(u.Prompt())
	w.Key("candidatesTokenCount")
	w.Int(u.Output - u.Reasoning.Value)
	w.Key("totalTokenCount")
	w.Int(u.Prompt() + u.Output)
	if u.CacheRead.Value > 0 {
		w.Key("cachedContentTokenCount")
		w.Int(u.CacheRead.Value)
	}
	if u.Reasoning.Set {
		w.Key("thoughtsTokenCount")
		w.Int(u.Reasoning.Value)
	}
	w.EndObject()
}
