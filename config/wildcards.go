package config

import (
	"fmt"
	"strings"

	"outcrop/internal/wildcard"
)

// wildcards checks the * of name and model.
func (e *entry) wildcards(name, model string) bool {
	l, n, m := e.l, e.name, e.params.get("model")
	ok := true
	names, models := strings.Count(name, "*"), strings.Count(model, "*")
	switch {
	case models > 0 && names == 0: // below
	case model == "*" && names > 1 && !given(e.params, "custom_llm_provider"):
		l.errorAt(n.file, n.line, n.column, e.path+".model_name", e.quote(n, name)+" has more than one *, and the model * needs one", "one *, which stands for a provider and its model", "")
		ok = false
	case models > names:
		l.errorAt(m.file, m.line, m.column, e.path+".litellm_params.model", e.quote(m, model)+" has more * than model_name", "as many as there", "")
		ok = false
	}
	if ok && strings.Contains(model, "*") && !strings.Contains(name, "*") {
		l.errorAt(m.file, m.line, m.column, e.path+".litellm_params.model", e.quote(m, model)+" has a * but model_name has none to fill it", "", fmt.Sprintf("name it %s", e.quote(m, model)))
		ok = false
	}
	return ok
}

// covers reports whether a model_name with a * is for a name.
func covers(pattern, name string) bool {
	p, wild := wildcard.Parse(pattern)
	if !wild {
		return false
	}
	_, ok := p.Match(name)
	return ok
}
