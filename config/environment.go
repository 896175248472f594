package config

import "strings"

// readEnvironment reads environment_variables, which all other values may refer to.
func (l *loader) readEnvironment(n *node) {
	if n == nil || n.kind != mapping {
		return // fields reports the wrong type
	}
	found := make(map[string]Secret, len(n.members))
	k := Key{Name: "environment_variables", Type: SecretType}
	for _, m := range n.members {
		path := "environment_variables." + m.key
		l.use(Key{Section: "environment_variables", Name: m.key, Class: Supported, Type: StringType}, true, &m, "environment_variables", path, nil)
		if m.value.kind == null {
			continue
		}
		if strings.ContainsAny(m.key, "=\x00") || m.key == "" {
			l.errorAt(m.file, m.line, m.column, path, "is not a valid name of an environment variable", "", "the name must not be empty or contain '='")
			continue
		}
		if s, ok := l.text(k, m.value, path); ok {
			found[m.key] = Secret(s)
		}
	}
	l.environment = found
}

// literals are the members of environment_variables that do not need the manager.
func (l *loader) literals(n *node) map[string]Secret {
	found := map[string]Secret{}
	if n == nil || n.kind != mapping {
		return found
	}
	for _, m := range n.members {
		if m.value.kind != scalar {
			continue
		}
		name, ref := strings.CutPrefix(m.value.text, envPrefix)
		var text string
		var ok bool
		switch {
		case !ref:
			text, ok = l.text(Key{Type: SecretType}, m.value, "environment_variables."+m.key)
		case l.src.LookupEnv != nil:
			text, ok = l.src.LookupEnv(name)
		}
		if ok {
			found[m.key] = Secret(text)
		}
	}
	return found
}

// env looks up a variable: in the secret manager, in environment_variables, then in the environment.
func (l *loader) env(name string) (string, bool) {
	if r, _ := l.managed.get(name); r.Found {
		return r.Reveal(), true
	}
	if v, ok := l.environment[name]; ok {
		return v.Reveal(), true
	}
	if l.src.LookupEnv == nil {
		return "", false
	}
	return l.src.LookupEnv(name)
}

// environ looks up what the environment and the literal part of environment_variables have now.
func (l *loader) environ() func(string) string {
	environment, lookup := l.environment, l.src.LookupEnv
	return func(name string) string {
		if v, ok := environment[name]; ok {
			return v.Reveal()
		}
		if lookup == nil {
			return ""
		}
		v, _ := lookup(name)
		return v
	}
}
