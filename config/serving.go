package config

import (
	"slices"
	"strconv"
	"strings"
)

const sectionGroupSettings = "litellm_settings.model_group_settings"

// ForwardHeaders says for which models headers of the client's request go on to the provider.
type ForwardHeaders struct {
	// All is whether they do for all, and Groups are the names for which they do else.
	All    bool
	Groups []string
}

// Replacements are models that calls have in place of those that requests name; empty for none.
type Replacements struct{ Completion, Images, Moderation string }

// serving reads a setting about how calls are served and the gateway is stopped, and reports whether it is one.
func (l *loader) serving(g *General, k Key, n *node, path string) bool {
	switch k.Name {
	case "always_include_stream_usage":
		g.AlwaysUsage, _ = l.boolean(k, n, path)
	case "completion_model":
		g.Replacements.Completion, _ = l.text(k, n, path)
	case "image_generation_model":
		g.Replacements.Images, _ = l.text(k, n, path)
	case "moderation_model":
		g.Replacements.Moderation, _ = l.text(k, n, path)
	case "forward_client_headers_to_llm_api":
		g.ForwardHeaders.All, _ = l.boolean(k, n, path)
	case "model_group_settings":
		l.fields(n, sectionGroupSettings, path, nil, func(_ Key, n *node, path string) { g.ForwardHeaders.Groups = l.texts(n, path) })
	case "enable_drain_endpoint":
		g.Drain, _ = l.boolean(k, n, path)
	case "drain_endpoint_token":
		if s, ok := l.text(k, n, path); ok {
			g.DrainToken = Secret(s)
		}
	default:
		return false
	}
	return true
}

// settleDrain reads the token from the environment if general_settings has none, and warns if there is none at all.
func (l *loader) settleDrain(g *General, n *node, path string) {
	if !g.Drain {
		return
	}
	if s, ok := l.env("DRAIN_ENDPOINT_TOKEN"); ok && g.DrainToken == "" {
		g.DrainToken = Secret(s)
	}
	if g.DrainToken == "" {
		at := n.get("enable_drain_endpoint")
		l.warnAt(at.file, at.line, at.column, path+".enable_drain_endpoint", "whoever reaches the gateway can take it out of service: GET /health/drain needs no key", "set general_settings.drain_endpoint_token, and send it as X-Drain-Token")
	}
}

// checkReplacements warns of models that replace others and are not configured.
func (l *loader) checkReplacements(cfg *Config, settings *node) {
	if settings == nil || cfg.Accounting.StoreModels {
		return
	}
	own := &cfg.General.Replacements
	for _, one := range [...]struct{ key, model string }{{"completion_model", own.Completion}, {"image_generation_model", own.Images}, {"moderation_model", own.Moderation}} {
		n := settings.get(one.key)
		if n == nil || one.model == "" || cfg.Routing.Aliases[one.model].Name != "" {
			continue
		}
		if !slices.ContainsFunc(cfg.Models, func(m Model) bool { return m.Name == one.model || strings.Contains(m.Name, "*") }) {
			l.warnAt(n.file, n.line, n.column, "general_settings."+one.key, strconv.Quote(one.model)+" is not in model_list: every call that it replaces the model of fails", "add it to model_list, or remove "+one.key)
		}
	}
}
