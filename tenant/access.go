package tenant

import (
	"slices"
	"strings"
)

// Words in lists of models that are no names (docs.litellm.ai/docs/proxy/model_access).
const (
	allTeamModels  = "all-team-models"
	allProxyModels = "all-proxy-models"
	noDefaults     = "no-default-models"
)

// models is a list of models that may be used; empty for all.
type models []string

// allows reports whether a list allows a model, by its name or the configured name that serves it. groups are
// the names of the access groups that the model is in.
func (m models) allows(name, group string, groups []string) bool {
	if len(m) == 0 {
		return true
	}
	for _, entry := range m {
		switch {
		case entry == name, group != "" && entry == group, entry == "*", entry == allProxyModels, entry == allTeamModels:
			return true
		case slices.Contains(groups, entry):
			return true
		case strings.Contains(entry, "*") && (matches(entry, name) || matches(entry, group)):
			return true
		}
	}
	return false
}

// matches reports whether a name fits a pattern in which each * matches any text.
func matches(pattern, name string) bool {
	head, rest, ok := strings.Cut(pattern, "*")
	if !ok {
		return pattern == name
	}
	name, ok = strings.CutPrefix(name, head)
	if !ok {
		return false
	}
	for {
		part, more, ok := strings.Cut(rest, "*")
		if !ok {
			return strings.HasSuffix(name, rest)
		}
		at := strings.Index(name, part)
		if at < 0 {
			return false
		}
		name, rest = name[at+len(part):], more
	}
}
