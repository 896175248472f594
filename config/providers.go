package config

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"outcrop/llm"
	"outcrop/provider"
)

//go:embed litellm_providers.txt
var litellmProviders string

// litellmHas reports whether LiteLLM has a provider.
func litellmHas(name string) bool {
	for line := range strings.Lines(litellmProviders) {
		if !strings.HasPrefix(line, "#") && slices.Contains(strings.Fields(line), name) {
			return true
		}
	}
	return false
}

// providers finds who serves a model, and the model string without the
// provider's segment.
func (e *entry) providers(model string) (found []*provider.Info, rest string, ok bool) {
	l, n, path := e.l, e.params.get("model"), e.path+".litellm_params.model"
	prefix, rest, slash := strings.Cut(model, "/")
	if custom := e.params.get("custom_llm_provider"); custom != nil && custom.kind != null {
		n, path = custom, e.path+".litellm_params.custom_llm_provider"
		s, ok := l.text(Key{Type: StringType}, custom, path)
		if !ok {
			return nil, "", false
		}
		if prefix != s {
			rest = model
		}
		prefix, slash = s, true
	}
	var names []string
	for i := range l.src.Providers {
		p := &l.src.Providers[i]
		names = append(names, p.Name)
		switch {
		case slash && prefix == p.Name:
			found = append(found, p)
		case model == "*" && !slash && e.configured(p):
			found = append(found, p)
		}
	}
	if model == "*" && !slash && len(found) > 0 {
		return found, "*", true
	}
	if maker := makerOf(model); !slash && slices.Contains(names, maker) { // as in LiteLLM
		at := slices.Index(names, maker)
		return []*provider.Info{&l.src.Providers[at]}, model, true
	}
	accepted := acceptedModels(names)
	switch {
	case len(names) == 0:
		accepted = ""
		fallthrough
	case len(found) == 0 && slash:
		hint := ""
		if near := nearest(prefix, names); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		if hint == "" {
			hint = "remove the entry, or start with --skip-unsupported-models to serve the others"
		}
		severity := Error
		message := fmt.Sprintf("Outcrop does not support the provider %s", e.quote(n, prefix))
		if l.src.SkipUnsupportedModels || len(names) > 0 && litellmHas(prefix) {
			severity, hint = Warning, ""
			accepted, message = "", message+" yet; skipping the entry"
			e.skipped = true
		}
		l.report(severity, n.file, n.line, n.column, path, message, accepted, hint)
	case !slash && l.knownTo(model) != "":
		l.errorAt(n.file, n.line, n.column, path, e.quote(n, model)+" lacks the provider prefix", "", "write "+l.knownTo(model)+"/"+llm.Clip(model, 100))
	case !slash:
		hint := fmt.Sprintf("write %s/ in front of it", names[0])
		if len(names) > 1 {
			hint = fmt.Sprintf("write its provider in front of it, such as %s/", names[0])
		}
		if maker := makerOf(model); maker == "openai" || maker == "gemini" {
			hint = fmt.Sprintf("LiteLLM takes it for a model of %s, which is not among the providers here", maker)
		}
		if l.src.SkipUnsupportedModels || len(names) > 0 && litellmHas(prefix) {
			e.skipped = true
			l.warnAt(n.file, n.line, n.column, path, e.quote(n, model)+" names no provider; skipping the entry", hint)
			break
		}
		l.errorAt(n.file, n.line, n.column, path, e.quote(n, model)+" names no provider", accepted, hint)
	case rest == "":
		l.errorAt(n.file, n.line, n.column, path, e.quote(n, model)+" names no model", "", "")
	default:
		return found, rest, true
	}
	return nil, "", false
}

// configured reports whether the environment has what the models of a provider need, so that the model
// * includes them.
func (e *entry) configured(p *provider.Info) bool {
	return p.Configured == nil || p.Configured(func(name string) string {
		value, _ := e.l.env(name)
		return value
	})
}

// maxNamed is how many providers an error lists.
const maxNamed = 6

// acceptedModels says which models are accepted.
func acceptedModels(names []string) string {
	if len(names) <= maxNamed {
		return "a model of " + strings.Join(names, ", ")
	}
	return fmt.Sprintf("a model of %s, or of another of the %d providers in docs/providers.md", strings.Join(names[:3], ", "), len(names))
}
