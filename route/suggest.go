package route

import (
	"slices"
	"strings"

	"outcrop/internal/levenshtein"
	"outcrop/llm"
)

// notConfigured is the error for a model that the router does not know.
func (r *Router) notConfigured(name string) *llm.Error {
	e := &llm.Error{
		Code: llm.CodeModelNotFound, Status: 404, Param: "model",
		Message: "the model " + quote(name) + " is not configured.",
		Fix:     "GET /v1/models lists the configured names.",
	}
	if meant := r.table().names.meant(name); meant != "" {
		e.Fix = "Use " + quote(meant) + ", the name configured for this model."
	} else if fix := r.suggestion(name, nil); fix != "" {
		e.Fix = fix + " " + e.Fix
	}
	return e
}

// meant completes the refusal of a model string behind a wildcard whose name says that the caller meant another
// entry, or a provider that the configuration does not have: the wildcard's own provider can only say that the name
// is none of its own.
func (c *call) meant(e *llm.Error) *llm.Error {
	prefix, _, ok := strings.Cut(c.name, "/")
	if !ok || e.Param != "model" || !strings.Contains(c.g.name, "*") {
		return e
	}
	fix := c.r.suggestion(c.name, c.g)
	if fix == "" {
		return e
	}
	own := *e
	own.Fix = fix
	switch {
	case c.r.provider(prefix) == prefix:
		own.Fix = strings.TrimSpace(e.Fix + " " + fix)
		own.Message = "the model " + quote(c.name) + " is not configured, and the model " + quote(c.g.name) + " does not serve it: " + e.Message
	case e.Code == llm.CodeBadRequest: // the name is nobody's
		own.Code, own.Status, own.Message = llm.CodeModelNotFound, 404, "the model "+quote(c.name)+" is not configured."
	}
	return &own
}

// suggestion says which name a caller may have meant; empty if there is no telling. served is the group of a wildcard
// to which the name leads; nil if it leads to none.
func (r *Router) suggestion(name string, served *group) string {
	prefix, rest, slash := strings.Cut(name, "/")
	if slash && r.table().names.has(rest) {
		return "Use " + quote(rest) + ", which is configured."
	}
	if near := r.nearest(name); near != "" {
		return "Did you mean " + quote(near) + "?"
	}
	known := r.provider(prefix)
	if !slash || known == "" || rest == "" {
		return ""
	}
	meant := known + "/" + rest
	begin := ""
	if known != prefix {
		begin = "There is no provider " + quote(prefix) + "; did you mean " + quote(meant) + "? "
	}
	for _, g := range r.table().all {
		if slices.ContainsFunc(g.deployments, func(d *deployment) bool { return d.Provider == known && d.Model == rest }) {
			return "Use " + quote(g.name) + ", the name configured for this model."
		}
	}
	switch g, _ := r.table().names.find(meant); {
	case g != nil && (g != served || known != prefix && r.serves(g, known)):
		return strings.TrimSpace(begin)
	case r.serves(served, known): // its own provider knows best
		return ""
	default:
		return begin + "No configured name leads to " + quote(meant) + ": add an entry to model_list whose litellm_params.model is " + quote(meant) + " or " + quote(known+"/*") + "."
	}
}

// serves reports whether a group, which may be nil, has a deployment of a provider.
func (r *Router) serves(g *group, provider string) bool {
	return g != nil && slices.ContainsFunc(g.deployments, func(d *deployment) bool { return d.Provider == provider })
}

// provider returns the provider that a name is, or is a misspelling of; empty if it is near to none.
func (r *Router) provider(name string) string {
	if slices.Contains(r.opt.Providers, name) {
		return name
	}
	return levenshtein.Nearest(name, r.opt.Providers, 1+max(1, len(name)/4))
}

// nearest returns the configured name that a misspelled one is nearest to; empty if none is near.
func (r *Router) nearest(name string) string {
	if len(name) > maxNearName {
		return ""
	}
	best, fewest := "", 1+max(1, len(name)/4)
	r.table().names.each(func(known string, _ ...*deployment) bool {
		if far := len(known) - len(name); far < fewest && -far < fewest {
			if d := levenshtein.Distance(strings.ToLower(name), strings.ToLower(known)); d < fewest {
				best, fewest = known, d
			}
		}
		return true
	})
	return best
}

// maxNearName is the length of the longest name for which a near one is looked for, in bytes.
const maxNearName = 100
