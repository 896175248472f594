package migrate

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"outcrop/config"
	"outcrop/internal/jsonx"
	"outcrop/internal/lazyregexp"
)

// draft is a config.yaml in the making.
type draft struct {
	o       Options
	names   *names
	head    []string // remarks on the whole file
	entries []*entry
	general []setting // general_settings, and so on
	litellm []setting
	router  []setting
	result  Result
}

// setting is a key with its value, as YAML.
type setting struct {
	key, value string
	why        string // a remark; empty for none
}

// entry is an entry of model_list.
type entry struct {
	name     string
	remarks  []string
	settings []setting // litellm_params
	weight   string    // its share of the calls of its name; empty for an equal one
	off      bool      // it is written as a comment
}

func newDraft(o Options, from Format) *draft {
	return &draft{o: o, names: newNames(), result: Result{From: from}}
}

// set adds a setting of the entry, unless the value is empty.
func (e *entry) set(key, text string) {
	if text != "" {
		e.settings = append(e.settings, setting{key: key, value: quoted(text)})
	}
}

// raw adds a setting whose value is YAML.
func (e *entry) raw(key, yaml string) {
	e.settings = append(e.settings, setting{key: key, value: yaml})
}

// number adds a setting that is a number, unless the text is empty.
func (e *entry) number(key, text string) {
	if text != "" {
		e.raw(key, numeral(text))
	}
}

// numeral writes a number as YAML, or a text that should be one.
func numeral(text string) string {
	if _, err := strconv.ParseFloat(text, 64); err != nil {
		return quoted(text)
	}
	return text
}

// say adds a remark to the file.
func (d *draft) say(text string) { d.head, d.result.Notes = append(d.head, text), d.result.Notes+1 }

// drop adds a remark about something that is not taken over.
func (d *draft) drop(text string) {
	d.head, d.result.Removed = append(d.head, text), d.result.Removed+1
}

// decide adds a remark to an entry that somebody has to act on.
func (d *draft) decide(e *entry, text string) {
	e.remarks, d.result.Decide = append(e.remarks, text), d.result.Decide+1
}

// secret returns a secret as it is written to the file: a reference, or what the file has.
func (d *draft) secret(text string, words ...string) string {
	if text == "" || refers(text) || !d.o.SecretsToEnv {
		return text
	}
	name := d.names.of(text, words...)
	return references[0] + name
}

// provider reports whether there is a provider.
func (d *draft) provider(name string) bool {
	for _, p := range d.o.Source.Providers {
		if p.Name == name {
			return true
		}
	}
	return false
}

// secretSetting reports whether a setting of providers is secret.
func secretSetting(key string) bool {
	for _, k := range config.Keys() {
		if k.Section == "model_list[].litellm_params" && k.Name == key {
			return k.Type == config.SecretType && !public(key)
		}
	}
	return secretName(key)
}

// leftOver remarks on every member that was not taken. why explains some by their names.
func (d *draft) leftOver(v *value, path string, why map[string]string) {
	if v == nil {
		return
	}
	for _, m := range v.members {
		at := strings.TrimPrefix(path+"."+m.name, ".")
		switch {
		case !m.taken && idle(m.value):
		case !m.taken:
			text := fmt.Sprintf("not taken over: %s (line %d).", at, m.line)
			if more := why[m.name]; more != "" {
				text += " " + more
			}
			d.drop(text)
		default:
			d.leftOver(m.value, at, why)
		}
	}
	for i, item := range v.items {
		d.leftOver(item, path+"["+strconv.Itoa(i)+"]", why)
	}
}

// idle reports whether a value is one that changes nothing.
func idle(v *value) bool {
	switch v.kind {
	case null:
		return true
	case scalar:
		return v.text == "" || v.text == "false" && !v.quoted
	default:
		return len(v.items) == 0 && len(v.members) == 0
	}
}

// finish writes the file and checks it.
func (d *draft) finish() (*Result, error) {
	var b strings.Builder
	write := func(pad string, texts ...string) {
		for _, text := range texts {
			for _, line := range comment(text) {
				b.WriteString(pad + line + "\n")
			}
		}
	}
	write("", d.head...)
	if len(d.head) > 0 {
		b.WriteString("\n")
	}
	same := map[string]int{}
	for _, e := range d.entries {
		if !e.off {
			same[e.name]++
		}
	}
	b.WriteString("model_list:\n")
	for _, e := range d.entries {
		write("  ", e.remarks...)
		pad := "  "
		if e.off {
			pad = "  # "
		}
		fmt.Fprintf(&b, "%s- model_name: %s\n%s  litellm_params:\n", pad, quoted(e.name), pad)
		if e.weight != "" && same[e.name] > 1 {
			e.number("weight", e.weight)
		}
		for _, s := range e.settings {
			fmt.Fprintf(&b, "%s    %s: %s\n", pad, s.key, s.value)
		}
	}
	for _, section := range []struct {
		name     string
		settings []setting
	}{{"general_settings", d.general}, {"litellm_settings", d.litellm}, {"router_settings", d.router}} {
		if len(section.settings) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n%s:\n", section.name)
		for _, s := range section.settings {
			if s.why != "" {
				write("  ", s.why)
			}
			if s.key != "" {
				fmt.Fprintf(&b, "  %s: %s\n", s.key, s.value)
			}
		}
	}
	d.result.Text = []byte(b.String())
	return d.annotated()
}

// annotated adds what Outcrop says of the configuration, as of any other.
func (d *draft) annotated() (*Result, error) {
	src := d.o.Source
	src.Data = d.result.Text
	_, tokens, problems := config.Parse(src.Name, src.Data)
	if len(problems) > 0 {
		return nil, &InvalidError{problems}
	}
	r, err := fromLiteLLM(Options{Source: src}, tokens)
	if err != nil {
		return nil, err
	}
	r.From = d.result.From
	r.Removed, r.Decide, r.Notes = r.Removed+d.result.Removed, r.Decide+d.result.Decide, r.Notes+d.result.Notes
	r.Moved, r.Unset = variables(src, r.Text, d.names.order)
	return r, nil
}

// plain is what needs no quotes in YAML, unless it reads as something other than a text.
var plain = lazyregexp.New(`^[A-Za-z_/](?:[A-Za-z0-9_./@+:-]*[A-Za-z0-9_./@+-])?$`)

// quoted writes a text as YAML.
func quoted(text string) string {
	if plain.MatchString(text) && !slices.Contains([]string{"true", "false", "yes", "no", "on", "off", "null", "y", "n"}, strings.ToLower(text)) {
		return text
	}
	return string(jsonx.AppendString(nil, text))
}

// flow writes a value as YAML in one line; secrets are those of its texts whose names say so.
func (d *draft) flow(v *value, words ...string) string {
	var parts []string
	switch v.kind {
	case object:
		for _, m := range v.members {
			m.taken = true
			if m.value.kind == scalar && secretName(m.name) {
				parts = append(parts, quoted(m.name)+": "+quoted(d.secret(m.value.text, append(slices.Clone(words), m.name)...)))
				continue
			}
			parts = append(parts, quoted(m.name)+": "+d.flow(m.value, words...))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case array:
		for _, item := range v.items {
			parts = append(parts, d.flow(item, words...))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case scalar:
		if v.quoted {
			return quoted(v.text)
		}
		return cmp.Or(v.text, `""`)
	default:
		return "null"
	}
}

// listOf writes a list of texts as YAML in one line.
func listOf(texts []string) string {
	var parts []string
	for _, text := range texts {
		parts = append(parts, quoted(text))
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// wrongKind is the error for a value of a kind that a file does not have at a place.
func wrongKind(o Options, v *value, message string) error {
	return &InvalidError{[]config.Problem{{Severity: config.Error, File: o.Source.Name, Line: v.line, Column: v.column, Message: message}}}
}
