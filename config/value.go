package config

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// envPrefix begins a value that refers to an environment variable, or to a secret of the secret manager.
	envPrefix = "os.environ/"
	// filePrefix begins a value that is the content of a file.
	filePrefix = "os.file/"
)

// refers reports whether a text stands for a value that is somewhere else.
func refers(text string) bool {
	return strings.HasPrefix(text, envPrefix) || strings.HasPrefix(text, filePrefix)
}

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

// text returns the text of a value, with a reference to the environment or a file
// resolved. If the value is not a scalar or there is nothing where it refers to, text
// reports that and is not ok.
func (l *loader) text(k Key, n *node, path string) (s string, ok bool) {
	if n.kind != scalar {
		l.wrong(k, n, path, "must not be "+n.kind.String())
		return "", false
	}
	if file, ref := strings.CutPrefix(n.text, filePrefix); ref {
		return l.content(n, file, path)
	}
	name, ref := strings.CutPrefix(n.text, envPrefix)
	if !ref {
		return n.text, true
	}
	s, ok = l.env(name)
	r, asked := l.managed.get(name)
	switch {
	case ok && r.Err != nil:
		l.warnAt(n.file, n.line, n.column, path, r.Err.Message+"; the environment variable "+name+" is used instead", r.Err.Fix)
	case ok:
	case r.Err != nil:
		l.errorAt(n.file, n.line, n.column, path, r.Err.Message, "", r.Err.Fix)
	case asked:
		l.errorAt(n.file, n.line, n.column, path, fmt.Sprintf("there is no secret %q in %s, and no such environment variable", name, l.managed.by.label()), "", "create the secret, or set the variable")
	case l.managed.unavailable() && l.managed.by.asked(name): // reported as a whole
	default:
		hint := "set it, or list it under environment_variables"
		if name == "" {
			hint = "write the variable's name after the slash"
		}
		l.errorAt(n.file, n.line, n.column, path, fmt.Sprintf("environment variable %q is not set", name), "", hint)
	}
	return s, ok
}

// maxSecretFile is the maximum size of a file that a value stands for, in bytes.
const maxSecretFile = 1 << 20

// content returns the content of a file without the line break at its end, as Docker and Kubernetes keep secrets. A
// relative path is relative to the folder of the file that refers to it.
func (l *loader) content(n *node, file, path string) (string, bool) {
	fail := func(message, hint string) (string, bool) {
		l.errorAt(n.file, n.line, n.column, path, message, "", hint)
		return "", false
	}
	switch {
	case l.addition:
		return fail("must be the value itself: only the configuration file can refer to files", "")
	case file == "":
		return fail("names no file", "write the path after the slash: os.file//run/secrets/NAME for an absolute one")
	case l.src.ReadFile == nil:
		return fail("files cannot be read here", "")
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(filepath.Dir(l.files[n.file]), file)
	}
	data, err := l.src.ReadFile(file)
	if err != nil {
		hint := ""
		if !strings.HasPrefix(n.text, filePrefix+"/") {
			hint = "an absolute path has its own slash: os.file//run/secrets/NAME"
		}
		return fail(fmt.Sprintf("cannot read %q: %v", file, bare(err)), hint)
	}
	s := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	switch {
	case s == "":
		return fail(fmt.Sprintf("the file %q is empty", file), "")
	case len(data) > maxSecretFile:
		return fail(fmt.Sprintf("the file %q is larger than 1 MiB", file), "")
	case !utf8.ValidString(s) || strings.Contains(s, "\x00"):
		return fail(fmt.Sprintf("the file %q is not text in UTF-8", file), "")
	}
	return s, true
}

// bare is an error of the file system without the path.
func bare(err error) error {
	if of, ok := errors.AsType[*fs.PathError](err); ok {
		return of.Err
	}
	return err
}

// resolved returns a list or mapping with its references resolved;
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
	if n.kind == scalar && refers(n.text) {
		own.text, all = l.text(k, n, path)
		own.plain = false
	}
	return &own, all
}

// shown returns a value as messages may show it: never a secret, the value of an
// environment variable or the content of a file.
func shown(k Key, n *node) string {
	switch {
	case n.kind == scalar && strings.HasPrefix(n.text, filePrefix):
		return fmt.Sprintf("the content of the file %q", n.text[len(filePrefix):])
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
