package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// envPrefix begins a value that refers to an environment variable.
const envPrefix = "os.environ/"

// accepts describes the values that a key accepts.
func (k Key) accepts() string {
	switch k.Type {
	case BoolType:
		return "true or false"
	case IntType:
		if k.Max > 0 {
			return fmt.Sprintf("a whole number from %g to %g", k.Min, k.Max)
		}
		return "a whole number"
	case NumberType:
		if k.Max > 0 {
			return fmt.Sprintf("a number above %g and up to %g", k.Min, k.Max)
		}
		return "a number"
	case SecondsType:
		if k.Min > 0 {
			return fmt.Sprintf("seconds from %g to %g", k.Min, k.Max)
		}
		return "seconds above 0, such as 30 or 0.5"
	case ListType:
		return "a list"
	case MapType:
		return "a mapping"
	default:
		return "text"
	}
}

// text returns the text of a value, with a reference to the environment resolved. If
// the value is not a scalar or the variable is not set, text reports that and is not
// ok.
func (l *loader) text(k Key, n *node, path string) (s string, ok bool) {
	if n.kind != scalar {
		l.wrong(k, n, path, "must not be "+n.kind.String())
		return "", false
	}
	name, ref := strings.CutPrefix(n.text, envPrefix)
	if !ref {
		return n.text, true
	}
	s, ok = l.env(name)
	if !ok {
		hint := "set it, or list it under environment_variables"
		if name == "" {
			hint = "write the variable's name after the slash"
		}
		l.errorAt(n.file, n.line, n.column, path, fmt.Sprintf("environment variable %q is not set", name), "", hint)
	}
	return s, ok
}

// resolved returns a list or mapping with its references to the environment resolved;
// maxVisited limits the values visited by one Load. If a variable is not set, resolved
// reports that and is not ok.
func (l *loader) resolved(k Key, n *node, path string) (*node, bool) {
	if l.visited++; l.visited > maxVisited {
		l.errorAt(n.file, n.line, n.column, path, "the configuration is too large", fmt.Sprintf("at most %d keys, aliases followed", maxVisited), "")
		return nil, false
	}
	own, all := *n, true
	own.items, own.members = slices.Clone(n.items), slices.Clone(n.members)
	resolve := func(value **node) {
		var ok bool
		*value, ok = l.resolved(k, *value, path)
		all = all && ok
	}
	for i := range own.items {
		resolve(&own.items[i])
	}
	for i := range own.members {
		resolve(&own.members[i].value)
	}
	if n.kind == scalar && strings.HasPrefix(n.text, envPrefix) {
		own.text, all = l.text(k, n, path)
		own.plain = false
	}
	return &own, all
}

// env looks up a variable in environment_variables, then in the environment.
func (l *loader) env(name string) (string, bool) {
	if v, ok := l.environment[name]; ok {
		return v.Reveal(), true
	}
	if l.src.LookupEnv == nil {
		return "", false
	}
	return l.src.LookupEnv(name)
}

// shown returns a value as messages may show it: never a secret or the value of an
// environment variable.
func shown(k Key, n *node) string {
	switch {
	case n.kind == scalar && strings.HasPrefix(n.text, envPrefix):
		return fmt.Sprintf("the value of environment variable %q", n.text[len(envPrefix):])
	case k.Type == SecretType:
		return "the value"
	case len(n.text) > 60:
		return "the value"
	default:
		return strconv.Quote(n.text)
	}
}

func (l *loader) wrong(k Key, n *node, path, message string) {
	l.errorAt(n.file, n.line, n.column, path, message, k.accepts(), "")
}

// boolean reads true or false, in every spelling of YAML 1.1, as LiteLLM does.
func (l *loader) boolean(k Key, n *node, path string) (value, ok bool) {
	s, ok := l.text(k, n, path)
	if !ok {
		return false, false
	}
	switch strings.ToLower(s) {
	case "true", "yes", "on":
		return true, true
	case "false", "no", "off":
		return false, true
	}
	l.wrong(k, n, path, shown(k, n)+" is neither true nor false")
	return false, false
}

// number reads a number, which may be quoted, within the key's bounds.
func (l *loader) number(k Key, n *node, path string) (float64, bool) {
	s, ok := l.text(k, n, path)
	if !ok {
		return 0, false
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimSpace(s), "_", ""), 64)
	switch {
	case err != nil || math.IsNaN(f) || math.IsInf(f, 0):
		l.wrong(k, n, path, shown(k, n)+" is not a number")
		return 0, false
	case k.Type == IntType && f != math.Trunc(f):
		l.wrong(k, n, path, shown(k, n)+" is not a whole number")
		return 0, false
	case k.Max > 0 && (f < k.Min || f > k.Max || f == 0 && k.Type != IntType):
		l.wrong(k, n, path, shown(k, n)+" is out of range")
		return 0, false
	}
	return f, true
}

// seconds reads a duration; if the value is invalid, it reports that and returns 0.
func (l *loader) seconds(k Key, n *node, path string) time.Duration {
	f, _ := l.number(k, n, path)
	return time.Duration(f * float64(time.Second))
}

// off reports whether a value has no effect: null, false, an empty string, list or
// mapping, or the key's default.
func off(k Key, n *node) bool {
	switch n.kind {
	case null:
		return true
	case sequence:
		return len(n.items) == 0
	case mapping:
		return len(n.members) == 0
	case scalar:
	}
	if k.Default != "" {
		if strings.EqualFold(n.text, k.Default) {
			return true
		}
		a, errA := strconv.ParseFloat(n.text, 64)
		b, errB := strconv.ParseFloat(k.Default, 64)
		return errA == nil && errB == nil && a == b
	}
	return n.text == "" || strings.EqualFold(n.text, "false") || n.plain && (strings.EqualFold(n.text, "no") || strings.EqualFold(n.text, "off"))
}
