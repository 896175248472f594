package anthropic

import (
	"strings"

	"outcrop/llm"
)

// Alias is a name for another.
type Alias struct {
	// Name is what clients ask for. It may contain one * that matches any text.
	Name string
	// Model is the configured name.
	Model string
}

// match reports whether the alias is for a name.
func (a *Alias) match(name string) bool {
	before, after, wild := strings.Cut(a.Name, "*")
	if !wild {
		return a.Name == name
	}
	return len(name) >= len(before)+len(after) && strings.HasPrefix(name, before) && strings.HasSuffix(name, after)
}

// served returns the configured name that serves a name, because clients ask for models that their
// users did not configure: Claude Code and others for a small one, for titles. reason is why it is
// another name; empty if it is the same.
func (h *Handler) served(name string) (model, reason string) {
	group := h.Gateway.Group(name)
	if group == name {
		return name, ""
	}
	for i := range h.options.Aliases {
		if a := &h.options.Aliases[i]; a.match(name) {
			return a.Model, "by outcrop_settings.anthropic_door.model_aliases"
		}
	}
	if group != "" {
		return name, ""
	}
	if other := h.Gateway.Alternative(name); other != "" {
		return other, "which is configured for the same model"
	}
	if h.options.DefaultModel != "" {
		return h.options.DefaultModel, "by outcrop_settings.anthropic_door.default_model"
	}
	return name, ""
}

// aliased is the warning that another name serves a call.
func aliased(asked, model, reason string) llm.Warning {
	return llm.Warning{Code: llm.WarnChanged, Field: "model", Detail: llm.Clip(asked, 100) + " is not configured; served as " + model + " " + reason}
}
