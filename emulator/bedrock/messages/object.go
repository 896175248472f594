package messages

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Fault is a refusal of a body in Anthropic's words, which begin with the path of
// the field: "max_tokens: Field required".
type Fault struct{ Message string }

func (f *Fault) Error() string { return f.Message }

// decoder reads a body and keeps the first fault.
type decoder struct {
	terms Terms
	fault *Fault
}

// failf records a fault about a path, unless one is recorded already.
func (d *decoder) failf(path, format string, args ...any) {
	if d.fault != nil {
		return
	}
	message := fmt.Sprintf(format, args...)
	if path != "" {
		message = path + ": " + message
	}
	d.fault = &Fault{message}
}

// extra refuses a member that the API does not have.
func (d *decoder) extra(path string) { d.failf(path, "Extra inputs are not permitted") }

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// object reads an object member by member; end refuses the members that were not read. A
// null member counts as absent, as for Anthropic.
type object struct {
	d       *decoder
	path    string
	members []jsonx.Member
	taken   []string
}

func (d *decoder) object(path string, value jsonx.Raw) *object {
	o := &object{d: d, path: path}
	if value.Kind() != '{' {
		d.failf(path, "Input should be a valid dictionary or object to extract fields from")
		return o
	}
	members, err := jsonx.Members(value)
	if err != nil {
		d.failf(path, "Input should be a valid dictionary or object to extract fields from")
	}
	o.members = slices.DeleteFunc(members, func(m jsonx.Member) bool { return m.Value.Kind() == 'n' })
	return o
}

// take returns the value of a member; nil if it is absent.
func (o *object) take(name string) jsonx.Raw {
	o.taken = append(o.taken, name)
	return jsonx.Find(o.members, name)
}

// need is take for a required member.
func (o *object) need(name string) jsonx.Raw {
	v := o.take(name)
	if v == nil {
		o.d.failf(join(o.path, name), "Field required")
	}
	return v
}

// end refuses the members that were not read.
func (o *object) end() {
	for _, m := range o.members {
		if !slices.Contains(o.taken, m.Name) {
			o.d.extra(join(o.path, m.Name))
		}
	}
}

// text returns a string member; empty if it is absent and not required.
func (o *object) text(name string, required bool) string {
	v := o.take(name)
	if v == nil {
		if required {
			o.d.failf(join(o.path, name), "Field required")
		}
		return ""
	}
	var s string
	if v.Kind() != '"' || jsonx.Unmarshal(v, &s) != nil {
		o.d.failf(join(o.path, name), "Input should be a valid string")
	}
	return s
}

// word returns a string member that must have one of the values; empty if it is absent.
func (o *object) word(name string, required bool, words ...string) string {
	s := o.text(name, required)
	if s != "" && !slices.Contains(words, s) {
		o.d.failf(join(o.path, name), "Input should be %s", either(words))
	}
	return s
}

// either lists words as Anthropic does: 'a', 'b' or 'c'.
func either(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return "'" + words[0] + "'"
	}
	return "'" + strings.Join(words[:last], "', '") + "' or '" + words[last] + "'"
}

func (o *object) boolean(name string) llm.Opt[bool] {
	v := o.take(name)
	if v == nil {
		return llm.Opt[bool]{}
	}
	var b bool
	if jsonx.Unmarshal(v, &b) != nil {
		o.d.failf(join(o.path, name), "Input should be a valid boolean")
	}
	return llm.Some(b)
}

// integer returns a whole number, which must be at least least.
func (o *object) integer(name string, least int64, required bool) llm.Opt[int64] {
	v := o.take(name)
	if v == nil {
		if required {
			o.d.failf(join(o.path, name), "Field required")
		}
		return llm.Opt[int64]{}
	}
	n, err := strconv.ParseInt(string(v), 10, 64)
	switch {
	case err != nil:
		o.d.failf(join(o.path, name), "Input should be a valid integer")
	case n < least:
		o.d.failf(join(o.path, name), "Input should be greater than or equal to %d", least)
	}
	return llm.Some(n)
}

// share returns a number from 0 to 1.
func (o *object) share(name string) llm.Opt[float64] {
	v := o.take(name)
	if v == nil {
		return llm.Opt[float64]{}
	}
	n, err := strconv.ParseFloat(string(v), 64)
	switch {
	case err != nil:
		o.d.failf(join(o.path, name), "Input should be a valid number")
	case n < 0:
		o.d.failf(join(o.path, name), "Input should be greater than or equal to 0")
	case n > 1:
		o.d.failf(join(o.path, name), "Input should be less than or equal to 1")
	}
	return llm.Some(n)
}

// list returns the elements of an array.
func (d *decoder) list(path string, value jsonx.Raw) []jsonx.Raw {
	var all []jsonx.Raw
	if value.Kind() != '[' || jsonx.Unmarshal(value, &all) != nil {
		d.failf(path, "Input should be a valid list")
	}
	return all
}

// strings returns the elements of an array of strings.
func (d *decoder) strings(path string, value jsonx.Raw) []string {
	var all []string
	for i, v := range d.list(path, value) {
		var s string
		if v.Kind() != '"' || jsonx.Unmarshal(v, &s) != nil {
			d.failf(join(path, strconv.Itoa(i)), "Input should be a valid string")
		}
		all = append(all, s)
	}
	return all
}

// tag returns the type member of an object, which must be one of the known types.
func (d *decoder) tag(path string, value jsonx.Raw, known []string) string {
	if value.Kind() != '{' {
		d.failf(path, "Input should be a valid dictionary or object to extract fields from")
		return ""
	}
	members, err := jsonx.Members(value)
	if err != nil {
		return ""
	}
	var kind string
	raw := jsonx.Find(members, "type")
	if raw == nil {
		d.failf(join(path, "type"), "Field required")
		return ""
	}
	if jsonx.Unmarshal(raw, &kind) != nil || !slices.Contains(known, kind) {
		d.wrongTag(path, strings.Trim(string(raw), `"`), known)
		return ""
	}
	return kind
}

// wrongTag refuses an unknown type (recorded exchange).
func (d *decoder) wrongTag(path, kind string, known []string) {
	d.failf(path, "Input tag '%s' found using 'type' does not match any of the expected tags: '%s'", kind, strings.Join(slices.Sorted(slices.Values(known)), "', '"))
}
